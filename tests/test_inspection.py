"""`Network.hidden`, `gradient`, `loss_gradient`, `check_gradients`: by formulas written out and by differences."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse
from conftest import BACKEND_NAMES, DTYPES, HIDDEN, PAIRS, assert_close, targets_for
from scipy import special

import fastnn
from fastnn import Head

RNG = np.random.default_rng(5)
W = [RNG.standard_normal((7, 4)), RNG.standard_normal((5, 7)), RNG.standard_normal((6, 5))]
B = [RNG.standard_normal(7), RNG.standard_normal(5), RNG.standard_normal(6)]
X = RNG.standard_normal((9, 4))
QUANTILES = [0.1, 0.5, 0.9]
HEADS = [Head(1, output_activation="tanh"), Head(2, "log_loss", weight=0.5), Head(3, "quantile", quantile=QUANTILES)]
OUTPUTS = [
    "identity", "logistic", "tanh", "softmax", "exp", "gelu", ("leaky_relu", 0.3), "mean_variance", "increasing",
    ("increasing", 3.0), "hard_swish",
]  # fmt: skip


def network_of(**options):
    return fastnn.Network(W, B, **options)


def network_of_heads(**options):
    y = [X[:, 0] / 4, np.where(X[:, 1] > 0, "yes", "no"), X[:, 2]]
    options = {"activation": "tanh", "heads": HEADS, "init": "glorot_normal", "random_state": 0, **options}
    return fastnn.train([4, 7, 5, 6], X, y, 3, 0.1, **options).network, y


def by_differences(network, rows, step=1e-6):
    """Derivatives (n_samples, n_out, n_in) of the call."""
    return np.stack([(network(rows + e) - network(rows - e)) / (2 * step) for e in step * np.eye(rows.shape[1])], 2)


# -- hidden -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKEND_NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_hidden_outputs_are_those_of_the_formula(backend, dtype):
    network = network_of(activation=["tanh", "relu"], dtype=dtype, backend=backend)
    first = np.tanh(X @ W[0].T + B[0])
    expected = {1: first, 2: np.maximum(first @ W[1].T + B[1], 0)}
    found = network.hidden(X)
    assert list(found) == [1, 2]
    for l, outputs in found.items():
        assert outputs.dtype == dtype
        assert_close(outputs, expected[l], 1e-13 if dtype == "float64" else 1e-5)
        for same in (l, l - 3, np.int64(l)):
            one = network.hidden(X, same)
            if (backend, dtype) == ("python", "float32"):  # which rounds no layer but the last that it computes
                assert_close(one, outputs, 1e-6)
            else:
                assert one.tobytes() == outputs.tobytes()
        assert_close(network.hidden(X[0], l), outputs[0], 1e-6)
        assert network.hidden(X[0])[l].shape == outputs[0].shape


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("rows", [1, 3, 9, 700])
def test_they_have_the_bits_that_the_network_computes_with(dtype, hidden, rows):
    """The rest of the network, made a network, gives its outputs from them to the bit."""
    network = network_of(activation=hidden, output_activation="softmax", dtype=dtype)
    x = np.resize(X, (rows, 4)).astype(dtype)
    for l, outputs in network.hidden(x).items():
        rest = fastnn.Network(W[l:], B[l:], activation=hidden, output_activation="softmax", dtype=dtype)
        assert rest(outputs).tobytes() == network(x).tobytes()


@pytest.mark.parametrize("sizes", [(33, 17, 65, 9, 2), (300, 1, 31, 1), (5, 1030, 8, 3)])
def test_awkward_sizes(sizes):
    rng = np.random.default_rng(0)
    w = [rng.standard_normal((n_out, n_in)) / 8 for n_in, n_out in pairwise(sizes)]
    b = [rng.standard_normal(len(layer)) for layer in w]
    for dtype, n in (("float64", 41), ("float32", 2)):
        x = rng.standard_normal((n, sizes[0])).astype(dtype)
        for backend in ("simd", "cython"):
            network = fastnn.Network(w, b, activation="tanh", dtype=dtype, backend=backend)
            for l, outputs in network.hidden(x).items():
                assert (
                    fastnn.Network(w[l:], b[l:], activation="tanh", dtype=dtype, backend=backend)(outputs).tobytes()
                    == network(x).tobytes()
                )
                assert network.hidden(x, l).tobytes() == outputs.tobytes()


@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.csc_array])
def test_sparse_rows(kind):
    rows = np.where(np.abs(X) < 0.9, 0, X)
    network = network_of(activation="gelu", output_activation="softmax")
    for l, outputs in network.hidden(kind(rows)).items():
        assert outputs.tobytes() == network.hidden(rows, l).tobytes()
        assert outputs.tobytes() == network.hidden(kind(rows), l).tobytes()
    assert_close(network.gradient(kind(rows)), network.gradient(rows), 1e-14)
    Y = np.eye(6)[[0, 1, 2, 3, 4, 5, 0, 1, 2]]
    for sparse, dense in zip(network.loss_gradient(kind(rows), Y)[1:], network.loss_gradient(rows, Y)[1:], strict=True):
        for l in dense:
            assert_close(sparse[l], dense[l], 1e-13)


def test_heads_have_the_same_hidden_layers():
    network, _ = network_of_heads()
    first = np.tanh(X @ network.W[1].T + network.b[1])
    assert_close(network.hidden(X, 1), first, 1e-14)
    assert_close(network.hidden(X)[2], np.tanh(first @ network.W[2].T + network.b[2]), 1e-14)


def test_without_hidden_layers():
    neuron = fastnn.Network(W[:1], B[:1])
    assert neuron.hidden(X) == {}
    with pytest.raises(ValueError, match="hidden layer of the network, of which it has none; got 1"):
        neuron.hidden(X, 1)
    h = special.expit(X @ W[0].T + B[0])
    assert_close(neuron.gradient(X), (h * (1 - h))[:, :, None] * W[0], 1e-13)


@pytest.mark.parametrize("layer", [0, 3, -3, 10**30])
def test_layers_that_there_are_not(layer):
    with pytest.raises(ValueError, match=f"counted from 1 to 2, or from -1; got {layer}"):
        network_of().hidden(X, layer)


@pytest.mark.parametrize("ask", [lambda n, x: n.hidden(x), lambda n, x: n.hidden(x, 1), lambda n, x: n.gradient(x)])
def test_what_comes_in_is_checked_as_for_the_call_and_left_alone(ask):
    network = network_of()
    bad = X.copy()
    bad[3, 2] = np.nan
    for rows, error, message in (
        (bad, ValueError, "row 3, column 2"), (X[:, :3], ValueError, "X has 3 columns"),
        (X[0, :3], ValueError, "one row of 3 numbers"), (X[:0], ValueError, "X is empty"),
        ("x", TypeError, "real numbers"),
    ):  # fmt: skip
        with pytest.raises(error, match=message):
            ask(network, rows)
    with pytest.raises(TypeError, match="layer must be an integer"):
        network.hidden(X, "first")
    frozen, parameters = X.copy(), network.parameters.copy()
    frozen.flags.writeable = False
    ask(network, frozen)
    ask(network, frozen.tolist())
    assert (network.parameters == parameters).all()


# -- the derivative by the inputs ------------------------------------------------------------------------------


@pytest.mark.parametrize("output", OUTPUTS, ids=str)
@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_derivatives_of_every_output_activation(output, backend):
    network = network_of(activation="tanh", output_activation=output, backend=backend)
    found = network.gradient(X)
    assert found.shape == (9, 6, 4)
    assert_close(found, by_differences(network_of(activation="tanh", output_activation=output), X), 1e-8)
    assert_close(network.gradient(X[0]), found[0], 1e-12)
    assert network.gradient(X[0]).shape == (6, 4)


@pytest.mark.parametrize("hidden", sorted(set(HIDDEN) - {"step"}))
@pytest.mark.parametrize("dtype", DTYPES)
def test_derivatives_through_every_hidden_activation(hidden, dtype):
    network = network_of(activation=hidden, output_activation="softmax", dtype=dtype)
    found = network.gradient(X)
    assert found.dtype == dtype
    expected = by_differences(network_of(activation=hidden, output_activation="softmax"), X)
    assert_close(found, expected, 1e-7 if dtype == "float64" else 1e-4)


def test_derivatives_of_heads_follow_one_another():
    network, _ = network_of_heads()
    assert_close(network.gradient(X), by_differences(network, X), 1e-8)
    hidden = network.hidden(X)
    slope = 1 - network(X)[:, :1] ** 2
    chain = (slope * network.W[3][:1] * (1 - hidden[2] ** 2)) @ network.W[2] * (1 - hidden[1] ** 2)
    assert_close(network.gradient(X)[:, 0], chain @ network.W[1], 1e-13)


def test_many_rows_are_those_of_few():
    """More than are worked on together."""
    network = network_of(activation="tanh", output_activation="softmax")
    many = np.random.default_rng(0).standard_normal((5000, 4))
    found = network.gradient(many)
    for start in (0, 1000, 4991):
        assert_close(found[start : start + 9], network.gradient(many[start : start + 9]), 1e-12)


def test_at_kinks_it_is_what_training_takes():
    one = [np.ones((1, 1)), np.ones((1, 1))]
    for activation, slope in (("relu", 0), (("leaky_relu", 0.2), 0.2), ("hard_sigmoid", 1 / 6), ("step", 0)):
        network = fastnn.Network(one, None, activation=[activation], output_activation="identity")
        assert_close(network.gradient([0.0]), [[slope]], 1e-15)
    assert (network_of(output_activation="step").gradient(X) == 0).all()


def test_saturated_softmax_and_large_sums():
    network = fastnn.Network([np.diag([500.0, 1.0])], None, output_activation="softmax")
    assert (network.gradient([[3.0, 1.0], [-3.0, 1.0]]) == 0).all()


# -- the gradient of a loss ------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKEND_NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_log_loss_of_softmax_by_its_formula(backend, dtype):
    network = network_of(activation="tanh", output_activation="softmax", dtype=dtype, backend=backend)
    Y, weight = np.eye(6)[[0, 1, 2, 3, 4, 5, 0, 1, 2]], np.arange(1.0, 10.0)
    first = np.tanh(X @ W[0].T + B[0])
    second = np.tanh(first @ W[1].T + B[1])
    probabilities = special.softmax(second @ W[2].T + B[2], axis=1)
    share = weight / weight.sum()
    delta = {3: (probabilities - Y) * share[:, None]}
    delta[2] = delta[3] @ W[2] * (1 - second**2)
    delta[1] = delta[2] @ W[1] * (1 - first**2)
    loss = -share @ np.log(probabilities[Y == 1]) + 0.05 * sum((w**2).sum() for w in W)
    found = network.loss_gradient(X, Y, sample_weight=weight, l2=0.1)
    bound = 1e-12 if dtype == "float64" else 1e-4
    assert_close(found.loss, loss, bound)
    for l, before in zip((1, 2, 3), (X, first, second), strict=True):
        assert found.W[l].dtype == dtype
        assert_close(found.W[l], delta[l].T @ before + 0.1 * W[l - 1], bound)
        assert_close(found.b[l], delta[l].sum(axis=0), bound)


@pytest.mark.parametrize(("loss", "output"), PAIRS, ids=str)
def test_every_pair_is_its_differences(loss, output):
    """But the perceptron's, whose rule is no derivative where an output flips; and kinks are not met."""
    network = network_of(activation="tanh", output_activation=output)
    y = targets_for(loss, output, len(X), 6, np.random.default_rng(1))
    errors = network.check_gradients(X, y, loss=loss, l2=0.01)
    assert list(errors) == ["W1", "b1", "W2", "b2", "W3", "b3"]
    assert max(found.error for found in errors.values()) < 1e-6


@pytest.mark.parametrize(
    ("output", "loss"),
    [("softmax", "log_loss"), ("exp", "poisson"), ("step", "perceptron"), ("identity", "squared_error"),
     ("tanh", "squared_error"), ("mean_variance", "gaussian_nll")],
)  # fmt: skip
def test_a_loss_that_is_not_named_follows_from_the_outputs(output, loss):
    network = network_of(output_activation=output)
    y = X[:, :3] if output == "mean_variance" else targets_for(loss, output, len(X), 6, np.random.default_rng(1))
    implied, named = network.loss_gradient(X, y), network.loss_gradient(X, y, loss=loss)
    assert implied.loss == named.loss
    assert all(np.array_equal(implied.W[l], named.W[l]) for l in (1, 2, 3))


def test_it_is_the_gradient_that_training_steps_by():
    """One update of plain descent from the same weights; which hold when it is over as they did."""
    Y = RNG.random((9, 6))
    found = network_of().loss_gradient(X, Y, loss="squared_error")
    result = fastnn.train([4, 7, 5, 6], X, Y, 1, 0.5, init=(W, B))
    assert_close(result.loss_curve, [found.loss], 1e-14)
    for l in (1, 2, 3):
        assert_close(W[l - 1] - 0.5 * found.W[l], result.W[l], 1e-14)
        assert_close(B[l - 1] - 0.5 * found.b[l], result.b[l], 1e-14)


def test_labels_are_those_of_the_network():
    labels = np.array(list("bcadefabc"))
    network = network_of(output_activation="softmax", classes=list("abcdef"))
    by_labels, by_targets = (
        network.loss_gradient(X, y) for y in (labels, (labels[:, None] == network.classes).astype(float))
    )
    assert by_labels.loss == by_targets.loss
    neuron = fastnn.Network(W[0][:1][None], None, classes=["n", "y"], output_activation="identity")
    y = np.where(X[:, 0] > 0, "y", "n")
    z = X @ W[0][0]
    signs = np.where(y == "y", 1, -1)
    assert_close(neuron.loss_gradient(X, y, loss="hinge").loss, np.maximum(0, 1 - signs * z).mean(), 1e-14)
    binary = fastnn.Network(W[0][:1][None], None, classes=["n", "y"])
    expected = -special.log_expit(signs * z).mean()
    assert_close(binary.loss_gradient(X, y, loss="log_loss").loss, expected, 1e-14)
    with pytest.raises(ValueError, match="label 'z' in row 0, which is not among"):
        network.loss_gradient(X, ["z"] * 9)


def test_heads_and_gaps():
    network, y = network_of_heads()
    y = [y[0], y[1].astype(object), y[2].copy()]
    y[1][::2], y[2][3:] = None, np.nan
    found = network.loss_gradient(X, y, heads=HEADS)
    h, seen = network(X), np.arange(9) % 2 == 1
    squared = 0.5 * ((h[:, 0] - y[0]) ** 2).sum()
    of_classes = -np.log(h[seen, 1 + (y[1][seen] == "yes")]).sum()
    error = y[2][:3, None] - h[:3, 3:]
    q = np.array([0.1, 0.5, 0.9])
    pinball = np.maximum(q * error, (q - 1) * error).sum()
    assert_close(found.loss, (squared + 0.5 * of_classes + pinball) / 9, 1e-13)
    for backend in ("simd", "numpy"):
        other = fastnn.Network(network.W, network.b, backend=backend)
        errors = other.check_gradients(X, y, heads=HEADS)
        assert max(found.error for found in errors.values()) < 1e-6


def test_several_quantiles():
    network = network_of(activation="tanh", output_activation=("increasing", 3.0))
    options = {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]}
    y = X[:, :2]
    error = y[:, :, None] - network(X).reshape(9, 2, 3)
    q = np.array([0.1, 0.5, 0.9])
    expected = np.maximum(q * error, (q - 1) * error).sum() / 9
    assert_close(network.loss_gradient(X, y, **options).loss, expected, 1e-13)
    assert max(found.error for found in network.check_gradients(X, y, **options).values()) < 1e-6


def test_a_loss_of_ones_own_and_one_that_is_wrong():
    """A derivative with a wrong sign in one output is found where it is."""

    def log_cosh(outputs, targets):
        errors = outputs - targets
        return np.log(np.cosh(errors)).sum(axis=1), np.tanh(errors)

    def wrong(outputs, targets):
        losses, derivatives = log_cosh(outputs, targets)
        derivatives[:, 2] *= -1
        return losses, derivatives

    network = network_of(activation="tanh", output_activation="identity")
    Y = RNG.random((9, 6))
    assert max(found.error for found in network.check_gradients(X, Y, loss=log_cosh).values()) < 1e-7
    errors = network.check_gradients(X, Y, loss=wrong)
    assert errors["b3"].error > 1e-2
    assert errors["b3"].index == (2,)
    assert_close(errors["b3"].gradient, -errors["b3"].difference, 1e-6)
    assert errors["W3"].index[0] == 2


def test_a_float32_network_is_compared_with_differences_in_float64():
    network = network_of(activation="tanh", output_activation="softmax", dtype="float32")
    before = network.parameters.copy()
    errors = network.check_gradients(X, np.eye(6)[[0, 1, 2, 3, 4, 5, 0, 1, 2]])
    assert 1e-9 < max(found.error for found in errors.values()) < 1e-5
    assert (network.parameters == before).all()


def test_a_gradient_of_nothing_is_no_error():
    """What is learned to the last digit, and weights of inputs that are zero."""
    network = fastnn.Network([np.eye(2)], None, output_activation="identity")
    zeros = np.zeros((3, 2))
    assert {found.error for found in network.check_gradients(zeros, zeros).values()} == {0.0}
    errors = network.check_gradients(zeros, zeros + 1)
    assert errors["W1"].error < 1e-4
    assert errors["b1"].error < 1e-8


Y = np.eye(6)[[0, 1, 2, 3, 4, 5, 0, 1, 2]]


@pytest.mark.parametrize(
    ("output", "y", "options", "message"),
    [
        ("logistic", Y, {}, "several: say loss='log_loss' or loss='squared_error'"),
        ("increasing", Y[:, :1], {}, "several: say loss='quantile' with quantile"),
        ("softmax", Y, {"loss": "squared_error"}, "cannot be paired"),
        ("softmax", Y, {"loss": "mse"}, "unknown loss 'mse'"),
        ("softmax", Y[:4], {}, "X has 9 rows, but y has 4"),
        ("softmax", Y[:, :4], {}, "y has 4 columns, but the last layer has 6"),
        ("softmax", Y * 2, {}, "y has 2.0 in row 0"),
        ("softmax", np.arange(9), {}, r"the network has no classes .* array of shape \(9, 6\)"),
        ("softmax", Y, {"heads": HEADS}, "heads are for a network of several heads"),
        ("softmax", Y, {"l2": -1}, "l2 must be"),
        ("softmax", Y, {"sample_weight": np.zeros(9)}, "sample_weight is zero for every row"),
        ("increasing", Y[:, :2], {"loss": "quantile", "quantile": [0.1, 0.2, 0.7]}, "outputs go by groups of 6"),
        ("identity", Y, {"loss": "quantile", "quantile": [0.1, 0.9]}, "outputs go by no groups"),
        ("exp", -Y, {}, "takes targets at least 0"),
    ],
)  # fmt: skip
def test_bad_input(output, y, options, message):
    for method in (fastnn.Network.loss_gradient, fastnn.Network.check_gradients):
        with pytest.raises(ValueError, match=message):
            method(network_of(output_activation=output), X, y, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"does not know the losses and weights of its heads \(1 tanh, 2 softmax, 3 increasing\(3\)\)"),
        ({"heads": HEADS, "loss": "huber"}, "loss='huber' beside heads"),
        ({"heads": HEADS[:2]}, "the network must end in the 3 outputs"),
        ({"heads": [Head(3), *HEADS[2:]]}, "2 heads given, but the network has 3"),
        ({"heads": [HEADS[1], HEADS[0], HEADS[2]]}, r"heads\[0\] is Head\(2, .*outputs of 1 tanh"),
        ({"heads": [Head(1, output_activation="exp"), *HEADS[1:]]}, r"heads\[0\] is .* outputs of 1 tanh"),
        ({"heads": [Head(1, "hinge"), *HEADS[1:]]}, "cannot be paired"),
        ({"heads": [*HEADS[:2], Head(3)]}, "cannot be paired|several quantiles"),
    ],
)
def test_bad_heads(options, message):
    network, y = network_of_heads()
    with pytest.raises(ValueError, match=message):
        network.loss_gradient(X, y, **options)


def test_backends_that_do_not_have_it_say_so():
    network, y = network_of_heads()
    cython = fastnn.Network(network.W, network.b, backend="cython")
    with pytest.raises(ValueError, match="several heads are not available on backend='cython'"):
        cython.loss_gradient(X, y, heads=HEADS)
    with pytest.raises(TypeError, match="backend='numpy' does not take"):
        network_of(backend="numpy", output_activation="identity").loss_gradient(scipy.sparse.csr_array(X), Y)


def test_columns_by_another_name_are_refused():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    network = fastnn.train([4, 5, 6], frame, Y, 1, loss="log_loss", random_state=0).network
    assert network.hidden(frame, 1).shape == (9, 5)
    other = frame.rename(columns={"a": "z"})
    for ask in (network.hidden, network.gradient, lambda rows: network.loss_gradient(rows, Y)):
        with pytest.raises(ValueError, match="'z'"):
            ask(other)

"""Several heads, with targets that were not observed: by hand, by finite differences, against one head."""

import numpy as np
import pytest
from conftest import AWKWARD_SIZES, BACKEND_NAMES, DTYPES, PAIRS, assert_close
from gaps import NAN, OPTIONS, X, mixed_targets
from scipy import stats
from scipy.sparse import csr_array
from scipy.special import expit, log_softmax
from sklearn.metrics import mean_pinball_loss, mean_poisson_deviance

import fastnn
from fastnn import Head, Network
from fastnn._tables import LOSS_TARGETS, OUTPUT_ACTIVATIONS
from fastnn.activations import Block
from fastnn.backends import get_backend
from fastnn.heads import objective_of
from fastnn.labels import TARGETS
from fastnn.observed import TOGETHER
from fastnn.reference.batched import SLOPE
from fastnn.spec import NetworkSpec

RNG = np.random.default_rng(12)
ABLE = ("simd", "numpy")

#: Every pair of the table as a head, of several outputs.
EVERY = [
    *(Head(3, loss, output_activation=output, weight=0.5 + i / 10) for i, (loss, output) in enumerate(PAIRS)),
    Head(4, "gaussian_nll", weight=0.3),
    Head(6, "quantile", quantile=[0.1, 0.5, 0.9], weight=2.0),
]
ACTIVATION = {"gaussian_nll": "mean_variance", "quantile": ("increasing", 3.0)}


def targets_of(head, n_rows, rng, share=0.3):
    """Targets that the loss takes, a share of them NaN: of single ones, or of whole rows."""
    n, takes = head.n_targets, LOSS_TARGETS[head.loss]
    y = 0.05 + 0.9 * rng.random((n_rows, n))
    if takes in ("indicators", "signs"):
        y = (y > 0.6) * (2.0 if takes == "signs" else 1.0) - (takes == "signs")
    if head.output_activation == "softmax":
        y = np.eye(n)[rng.integers(0, n, n_rows)]
    together = head.output_activation == "softmax" or head.n_targets != head.n_outputs
    y[rng.random((n_rows,) if together else y.shape) < share] = NAN
    return y


def problem(heads, dtype="float64", n_rows=40, n_hidden=5, seed=0):
    """A network, its objective, parameters, rows, targets with gaps, and weights."""
    rng = np.random.default_rng(seed)
    blocks = tuple(
        Block(head.n_outputs, head.output_activation or ACTIVATION.get(head.loss, "identity")) for head in heads
    )
    spec = NetworkSpec((3, n_hidden, sum(b.n_out for b in blocks)), ("tanh", "identity"), np.dtype(dtype), blocks)
    y = np.hstack([head.objective.spread(targets_of(head, n_rows, rng)) for head in heads])
    rows = rng.standard_normal((n_rows, 3))
    parameters = rng.standard_normal(spec.n_parameters)
    arrays = (a.astype(dtype) for a in (parameters, rows, y, rng.random(n_rows)))
    return spec, objective_of(heads), *arrays


def measure(backend, spec, objective, parameters, *data, l2=0.1, n_threads=None):
    gradient = np.full_like(parameters, NAN)
    value, cost = get_backend(backend).loss_and_gradient(
        spec, objective, parameters, *data, l2, gradient, n_threads=n_threads
    )
    return value, cost, gradient


# -- the objective and its gradient -----------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ABLE)
def test_by_hand(backend):
    """A linear layer: two squared errors, weighed, of which targets are missing."""
    W, b = RNG.standard_normal((3, 3)), RNG.standard_normal(3)
    y = RNG.standard_normal((40, 3))
    y[::3, 0], y[1::4, 2] = NAN, NAN
    spec = NetworkSpec((3, 3), ("identity",), np.dtype("float64"), (Block(1, "identity"), Block(2, "identity")))
    heads = [Head(1, weight=0.25), Head(2, weight=3.0)]
    value, cost, gradient = measure(backend, spec, objective_of(heads), np.r_[W.ravel(), b], X, y, None)
    errors = X @ W.T + b - y
    seen = np.where(np.isnan(y), 0.0, errors)
    weights = np.array([0.25, 3.0, 3.0])
    assert_close(value, 0.5 * (seen**2 @ weights).sum() / 40 + 0.05 * (W**2).sum(), 1e-13)
    assert_close(cost, np.sqrt((seen**2).sum(axis=1)).mean(), 1e-13)
    by_outputs = seen * weights / 40
    assert_close(gradient, np.r_[(by_outputs.T @ X + 0.1 * W).ravel(), by_outputs.sum(axis=0)], 1e-13)


@pytest.mark.parametrize("backend", ABLE)
@pytest.mark.parametrize("head", EVERY, ids=repr)
def test_the_gradient_is_that_of_the_objective(head, backend):
    kinks = head.loss in ("hinge", "absolute_error", "huber", "quantile") or head.output_activation in (
        "relu", "leaky_relu", "hard_sigmoid", "hard_swish", "selu", "elu",
    )  # fmt: skip
    if head.loss == "perceptron":
        pytest.skip("its delta is no derivative of what is reported")
    spec, objective, parameters, *data = problem([Head(2, weight=0.5), head, Head(1, "log_loss",
                                                 output_activation="logistic")])  # fmt: skip
    *_, gradient = measure(backend, spec, objective, parameters, *data)
    differences = np.empty_like(parameters)
    for p, step in enumerate(1e-6 * np.eye(len(parameters))):
        above, below = (measure(backend, spec, objective, parameters + s, *data)[0] for s in (step, -step))
        differences[p] = (above - below) / 2e-6
    assert_close(gradient, differences, 1e-5 if kinks else 1e-7)


@pytest.mark.parametrize("backend", ABLE)
def test_only_what_was_observed_counts(backend):
    """Each head's formula from elsewhere, over its observed rows, divided by the number of all."""
    heads = [
        Head(3, "log_loss", output_activation="softmax", weight=0.7),
        Head(1, "log_loss", output_activation="logistic"),
        Head(1, "poisson", output_activation="exp", weight=2.0),
        Head(2, "gaussian_nll"),
        Head(2, "quantile", quantile=[0.2, 0.9], weight=0.1),
    ]
    rng = np.random.default_rng(3)
    y = [
        np.eye(3)[rng.integers(0, 3, 40)], rng.integers(0, 2, (40, 1)).astype(float),
        rng.integers(0, 5, (40, 1)) + 0.5, rng.standard_normal((40, 1)), rng.standard_normal((40, 1)),
    ]  # fmt: skip
    for of_head in y:
        of_head[rng.random(40) < 0.4] = NAN
    blocks = tuple(
        Block(n, a)
        for n, a in [(3, "softmax"), (1, "logistic"), (1, "exp"), (2, "mean_variance"), (2, ("increasing", 2.0))]
    )
    spec = NetworkSpec((3, 9), ("identity",), np.dtype("float64"), blocks)
    parameters = rng.standard_normal(spec.n_parameters)
    spread = np.hstack([head.objective.spread(of_head) for head, of_head in zip(heads, y, strict=True)])
    value, _, _ = measure(backend, spec, objective_of(heads), parameters, X, spread, None, l2=0.0)
    out = np.empty((40, 9))
    get_backend(backend).forward(spec, parameters, X, out)
    z = X @ parameters[:27].reshape(9, 3).T + parameters[27:]
    seen = [~np.isnan(of_head[:, 0]) for of_head in y]
    expected = -0.7 * (log_softmax(z[:, :3], axis=1) * y[0])[seen[0]].sum()
    p = np.where(y[1] == 1, expit(z[:, 3:4]), expit(-z[:, 3:4]))
    expected -= np.log(p[seen[1]]).sum()
    n = seen[2].sum()
    expected += 2.0 * n * mean_poisson_deviance(y[2][seen[2]], np.exp(z[:, 4])[seen[2]]) / 2
    density = stats.norm.logpdf(y[3][:, 0], z[:, 5], np.sqrt(np.log1p(np.exp(z[:, 6])) + 1e-6)) + 0.5 * np.log(
        2 * np.pi
    )
    expected -= density[seen[3]].sum()
    levels = z[:, 7], z[:, 7] + np.log1p(np.exp(z[:, 8]))
    n = seen[4].sum()
    for q, level in zip((0.2, 0.9), levels, strict=True):
        expected += 0.1 * n * mean_pinball_loss(y[4][seen[4], 0], level[seen[4]], alpha=q)
    assert_close(value, expected / 40, 1e-12)
    assert_close(out[:, 3], expit(z[:, 3]), 1e-12)
    assert_close(out[:, 7:], np.column_stack(levels), 1e-12)


@pytest.mark.parametrize("backend", ABLE)
def test_what_was_not_observed_has_no_gradient_whatever_comes_out(backend):
    """Sums that overflow its loss, where nothing was observed, leave the others as they are."""
    spec = NetworkSpec((1, 2), ("identity",), np.dtype("float64"), (Block(1, "identity"), Block(1, "exp")))
    parameters = np.array([1.0, 1000.0, 0.0, 0.0])
    data = np.array([[1.0], [2.0], [-1.0]]), np.array([[0.5, NAN], [1.0, NAN], [2.0, 3.0]]), None
    with np.errstate(over="ignore"):
        value, _, gradient = measure(
            backend, spec, objective_of([Head(1), Head(1, "poisson")]), parameters, *data, l2=0.0
        )
    rest = 3 * np.log(3) + 3 * 1000 - 3  # the last row's, y log y - y z - y + e^z
    assert_close(value, (0.5 * (0.25 + 1 + 9) + rest) / 3, 1e-13)
    assert_close(gradient, np.array([0.5 * 1 + 1 * 2 + 3, 3.0, 0.5 + 1 - 3, -3.0]) / 3, 1e-13)


# -- the backends -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("head", EVERY, ids=repr)
def test_the_engine_agrees(head, dtype):
    """Blocks that begin anywhere in a vector, and end anywhere."""
    for seed, n_rows in enumerate(AWKWARD_SIZES):
        before = Head(1 + 2 * seed, "huber") if seed else Head(1)
        heads = [before, head, Head(2, "poisson", output_activation="exp", weight=0.1)]
        data = problem(heads, dtype, n_rows, n_hidden=AWKWARD_SIZES[-1 - seed] if seed % 4 else 1, seed=seed)
        ours, expected = measure("simd", *data), measure("numpy", *data)
        for actual, other in zip(ours, expected, strict=True):
            assert_close(actual, other, 2e-12 if dtype == "float64" else 1e-4)
        outputs = []
        for backend in ABLE:
            outputs.append(np.empty((n_rows, data[0].n_out), dtype))
            get_backend(backend).forward(data[0], data[2], data[3], outputs[-1])
        assert_close(*outputs, 1e-12 if dtype == "float64" else 1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {}, {"batch_size": 1}, {"batch_size": 7}, {"solver": "adam", "batch_size": 9}, {"dropout": 0.3},
        {"solver": "lbfgs"}, {"sample_weight": np.arange(40.0)}, {"batch_size": 3, "momentum": 0.9, "bias": False},
        {"max_grad_norm": 0.5, "frozen": ["W1"]},
    ],
    ids=str,
)  # fmt: skip
def test_both_train_the_same(options):
    n = 20 if options.get("solver") == "lbfgs" else 100  # line searches multiply rounding
    results = [fastnn.train([3, 6, 8], X, mixed_targets(), n, 0.02, backend=b, **OPTIONS, **options) for b in ABLE]
    ours, expected = results
    assert_close(ours.network.parameters, expected.network.parameters, 1e-8)
    assert_close(ours.loss_curve, expected.loss_curve, 1e-8)
    assert_close(ours.cost, expected.cost, 1e-8)
    assert not np.array_equal(ours.network.parameters, fastnn.train(
        [3, 6, 8], X, [y if h else y * 0 for h, y in enumerate(mixed_targets())], 100, 0.02, **OPTIONS, **options
    ).network.parameters)  # fmt: skip


def test_threads_and_sparse_rows_change_no_bit():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((600, 50)) * (rng.random((600, 50)) < 0.1)
    runs = [
        fastnn.train([50, 40, 8], given, mixed_targets(600), 20, 0.02, **OPTIONS, n_threads=n, batch_size=size)
        for size in (None, 150)
        for given, n in [(rows, 1), (rows, 3), (csr_array(rows), 1), (csr_array(rows), 3)]
    ]
    for first, others in ((runs[0], runs[1:4]), (runs[4], runs[5:])):
        for other in others:
            assert other.network.parameters.tobytes() == first.network.parameters.tobytes()
            assert other.loss_curve == first.loss_curve


@pytest.mark.parametrize("backend", [name for name in BACKEND_NAMES if name not in ABLE])
def test_the_loops_say_that_they_have_none(backend):
    with pytest.raises(ValueError, match=f"several heads are not available on backend='{backend}'; use backend='simd'"):
        fastnn.train([3, 6, 8], X, mixed_targets(), 2, backend=backend, **OPTIONS)
    result = fastnn.train([3, 6, 8], X, mixed_targets(), 2, **OPTIONS)
    with pytest.raises(ValueError, match="has no networks of several heads"):
        Network(result.W, result.b, backend=backend)(X)
    with pytest.raises(ValueError, match="several heads, which these kernels do not have"):
        fastnn.kernels.forward(result.W, result.b, X)


def test_what_is_observed_together():
    assert set(TOGETHER) == set(OUTPUT_ACTIVATIONS) - set(SLOPE)


def test_one_is_a_target_of_every_loss():
    """The engine computes with it where nothing was observed."""
    one = np.ones((1, 1))
    assert all(test is None or test(one).all() for test, _ in TARGETS.values())


# -- against one head -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("head", EVERY, ids=repr)
def test_a_single_head_is_the_loss(head, dtype):
    """With all targets observed it has the bits of the loss alone, but for the error norm, summed in another order."""
    y = targets_of(head, 40, np.random.default_rng(0), share=0.0)
    options = {"init": "glorot_normal", "random_state": 0, "batch_size": 9, "dtype": dtype, "activation": "tanh"}
    sizes = [3, 5, head.n_outputs]
    alone = {"loss": head.loss, "output_activation": head.output_activation, "quantile": head.quantile}
    expected = fastnn.train(sizes, X, y, 50, 0.01, **alone, **options)
    single = Head(head.n_outputs, **alone)
    actual = fastnn.train(sizes, X, y, 50, 0.01, heads=[single], **options)
    assert actual.network.parameters.tobytes() == expected.network.parameters.tobytes()
    assert actual.loss_curve == expected.loss_curve
    assert_close(actual.cost, expected.cost, 1e-13 if dtype == "float64" else 1e-6)
    assert np.array_equal(actual.network(X), expected.network(X))
    assert np.array_equal(actual.network.predict(X)[0], expected.network.predict(X))
    assert np.array_equal(actual.network.predict(X[0])[0], expected.network.predict(X[0]))
    assert np.array_equal(actual.network.classes[0], expected.network.classes)


def test_a_single_output():
    y = RNG.random(40)
    options = {"init": "glorot_normal", "random_state": 0, "batch_size": 9, "activation": "relu", "l2": 0.1}
    for size in (None, 1, 9):
        options["batch_size"] = size
        expected = fastnn.train([3, 5, 1], X, y, 50, 0.1, **options)
        actual = fastnn.train([3, 5, 1], X, y.reshape(-1, 1), 50, 0.1, heads=[Head(1)], **options)
        assert_close(actual.network.parameters, expected.network.parameters, 1e-12)
        assert np.array_equal(actual.network(X), np.concatenate([actual.network(row[None]) for row in X]))


def test_heads_of_one_output_each_are_the_outputs_of_one():
    """Squared errors add up, so that equal weights make one loss of several outputs."""
    y = RNG.standard_normal((40, 3))
    options = {"init": "glorot_normal", "random_state": 0, "activation": "tanh"}
    expected = fastnn.train([3, 5, 3], X, y, 100, 0.1, output_activation="identity", **options)
    actual = fastnn.train([3, 5, 3], X, y, 100, 0.1, heads=[Head(1), Head(1), Head(1)], **options)
    assert actual.network.parameters.tobytes() == expected.network.parameters.tobytes()
    halved = fastnn.train([3, 5, 3], X, y, 100, 0.2, heads=[Head(2, weight=0.5), Head(1, weight=0.5)], **options)
    assert_close(halved.network.parameters, expected.network.parameters, 1e-13)


def test_rows_without_any_target_weigh_nothing_but_count_in_the_mean():
    """As rows of weight 0 whose share is kept: a learning rate of 40 / 30 makes up for ten rows of forty."""
    y = RNG.standard_normal((40, 2))
    with_gaps = np.vstack([y[:30], np.full((10, 2), NAN)])
    options = {"init": "glorot_normal", "random_state": 0, "activation": "tanh"}
    expected = fastnn.train([3, 5, 2], X[:30], y[:30], 50, 0.3, output_activation="identity", **options)
    actual = fastnn.train([3, 5, 2], X, with_gaps, 50, 0.4, heads=[Head(2)], **options)
    assert_close(actual.network.parameters, expected.network.parameters, 1e-12)

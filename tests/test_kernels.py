"""The compiled kernels one by one: values from elsewhere, shapes and dtypes kept, inputs untouched."""

import numpy as np
import pytest
from conftest import AWKWARD_SIZES, DTYPES, assert_close
from scipy import special

from fastnn import kernels, reference
from fastnn._tables import ACTIVATIONS

ELEMENTWISE = {
    kernels.sigmoid: special.expit,
    kernels.relu: lambda z: np.where(z > 0, z, 0),
    kernels.identity: lambda z: z,
    kernels.tanh: np.tanh,
    kernels.exp: np.exp,
    kernels.step: lambda z: np.heaviside(z, 1.0),
    kernels.leaky_relu: lambda z: np.maximum(z, 0) + 0.01 * np.minimum(z, 0),
    kernels.elu: lambda z: np.maximum(z, 0) + special.expm1(np.minimum(z, 0)),
    kernels.selu: lambda z: (
        1.0507009873554805 * np.maximum(z, 0) + 1.7580993408473766 * special.expm1(np.minimum(z, 0))
    ),
    kernels.gelu: lambda z: z * special.ndtr(z),
    kernels.silu: lambda z: z * special.expit(z),
    kernels.mish: lambda z: z * np.tanh(-special.log_expit(-z)),
    kernels.softplus: lambda z: -special.log_expit(-z),
    kernels.hard_sigmoid: lambda z: np.interp(z, [-3, 3], [0, 1]),
    kernels.hard_swish: lambda z: z * np.interp(z, [-3, 3], [0, 1]),
    kernels.sin: np.sin,
    kernels.softsign: lambda z: z / (1 + np.abs(z)),
    kernels.sigmoid_derivative: lambda z: 0.25 / np.cosh(z / 2) ** 2,
    kernels.relu_derivative: lambda z: np.heaviside(z, 0.0),
    kernels.tanh_derivative: lambda z: 1 / np.cosh(z) ** 2,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", ELEMENTWISE, ids=lambda kernel: kernel.__name__)
def test_elementwise(kernel, dtype):
    for size in AWKWARD_SIZES:
        z = np.random.default_rng(size).normal(0, 3, size).astype(dtype)
        z[0] = 0
        before = z.copy()
        h = kernel(z)
        assert h.dtype == dtype
        assert_close(h, ELEMENTWISE[kernel](z.astype(np.float64)), 4 * np.finfo(dtype).eps)
        assert (z == before).all()
    assert kernel(np.zeros((2, 3, 4))).shape == (2, 3, 4)
    assert kernel(1.5).shape == ()
    assert kernel(np.zeros((0, 3))).shape == (0, 3)
    assert np.isnan(kernel(np.full(3, np.nan, dtype))).all() or kernel in (kernels.step, kernels.relu_derivative)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "activation",
    [*sorted(set(ACTIVATIONS) - {"softmax", "mean_variance", "increasing", "step"}), ("leaky_relu", -0.5), ("elu", 2)],
)
def test_derivatives_are_those_of_the_functions(activation, dtype):
    """By central differences of the function in float64."""
    z = np.random.default_rng(0).normal(0, 3, 50).astype(dtype)
    slopes, step = kernels.derivative(activation, z), 1e-6
    assert slopes.dtype == dtype
    name, *parameter = (activation,) if isinstance(activation, str) else activation
    function = kernels.sigmoid if name == "logistic" else getattr(kernels, name)
    wide = z.astype(np.float64)
    differences = (function(wide + step, *parameter) - function(wide - step, *parameter)) / (2 * step)
    assert_close(slopes, differences, 1e-8 if dtype == "float64" else 1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_is_along_the_last_axis(dtype):
    z = np.random.default_rng(0).normal(0, 3, (2, 5, 7)).astype(dtype)
    assert_close(kernels.softmax(z), special.softmax(z.astype(np.float64), axis=-1), 4 * np.finfo(dtype).eps)
    assert_close(kernels.softmax([1000.0, 0.0, -1000.0]), [1, 0, 0], 1e-15)
    assert_close(kernels.softmax(z[0].T), special.softmax(z[0].T.astype(np.float64), axis=-1), 4 * np.finfo(dtype).eps)


def test_forward_and_backward_are_the_tutorials():
    np.random.seed(0)
    W, b = reference.setup_and_init_weights([6, 5, 3])
    X, Y = np.random.random_sample((8, 6)), np.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1]]
    tri_W, tri_b = reference.init_tri_values([6, 5, 3])
    for x, y, out in zip(X, Y, kernels.forward(W, b, X), strict=True):
        h, z = reference.feed_forward(x, W, b)
        assert_close(out, h[3], 1e-14)
        delta = {3: reference.calculate_out_layer_delta(y, h[3], z[3])}
        delta[2] = reference.calculate_hidden_delta(delta[3], W[2], z[2])
        for l in (1, 2):
            tri_W[l] += np.outer(delta[l + 1], h[l]) / 8
            tri_b[l] += delta[l + 1] / 8
    gradient_W, gradient_b = kernels.backward(W, b, X, Y)
    for l in (1, 2):
        assert_close(gradient_W[l], tri_W[l], 1e-14)
        assert_close(gradient_b[l], tri_b[l], 1e-14)


def test_backward_takes_weights_l2_and_float32():
    rng = np.random.default_rng(0)
    w, b, X, y = rng.standard_normal((2, 3)), np.zeros(2), rng.standard_normal((4, 3)), rng.standard_normal((4, 2))
    weights = np.array([1.0, 0.0, 2.0, 1.0])
    expected = ((X @ w.T - y) * weights[:, None] / 4).T @ X + 0.5 * w
    options = {"output_activation": "identity", "l2": 0.5, "sample_weight": weights}
    gradient_W, _ = kernels.backward([w], [b], X, y, **options)
    assert_close(gradient_W[1], expected, 1e-14)
    gradient_W, _ = kernels.backward([w], [b], X.astype(np.float32), y, **options)
    assert gradient_W[1].dtype == np.float32
    assert_close(gradient_W[1], expected, 1e-6)


OPTIONS = {"activation": "tanh", "full_output": True}
RNG = np.random.default_rng(2)
LAYERS = [RNG.standard_normal((5, 4)), RNG.standard_normal((6, 5))], [RNG.standard_normal(5), RNG.standard_normal(6)]
ROWS, TARGETS = RNG.standard_normal((9, 4)), RNG.random((9, 6))


@pytest.mark.parametrize("n_rows", [1, 3, 9])
@pytest.mark.parametrize("dtype", DTYPES)
def test_backward_in_full_goes_as_far_as_the_inputs(n_rows, dtype):
    """By the formula of squared errors after a softmax's place, tanh; weights count as shares of their sum."""
    X, y, weight = ROWS[:n_rows].astype(dtype), TARGETS[:n_rows], np.arange(1.0, n_rows + 1)
    (w1, w2), (b1, b2) = LAYERS
    h1 = np.tanh(X.astype(float) @ w1.T + b1)
    h2 = np.tanh(h1 @ w2.T + b2)
    delta = (h2 - y) * (1 - h2**2) * (weight / weight.sum())[:, None]
    by_inputs = (delta @ w2 * (1 - h1**2)) @ w1
    options = {**OPTIONS, "output_activation": "tanh", "l2": 0.5, "sample_weight": weight}
    found = kernels.backward(*LAYERS, X, y, **options)
    bound = 1e-13 if dtype == "float64" else 1e-5
    assert found.X.dtype == dtype
    assert_close(found.X, by_inputs, bound)
    loss = (weight / weight.sum()) @ (0.5 * (h2 - y) ** 2).sum(axis=1) + 0.25 * ((w1**2).sum() + (w2**2).sum())
    assert_close(found.loss, loss, bound)
    gradient_W, gradient_b = kernels.backward(*LAYERS, X, y, **{**options, "full_output": False})
    for l in (1, 2):
        assert gradient_W[l].tobytes() == found.W[l].tobytes()
        assert gradient_b[l].tobytes() == found.b[l].tobytes()


@pytest.mark.parametrize(
    "output",
    ["identity", "logistic", "softmax", "exp", "gelu", "mean_variance", "increasing", ("increasing", 3), "relu"],
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_backward_from_the_outputs_is_the_chain_rule(output, dtype):
    """Of L = Σ g h, whose derivatives by the outputs are g: by central differences of L."""
    options = {**OPTIONS, "output_activation": output}
    found = kernels.backward(*LAYERS, ROWS.astype(dtype), output_gradient=TARGETS, **options)
    assert found.loss is None

    def value(W, b, X):
        return (kernels.forward(W, b, X, activation="tanh", output_activation=output) * TARGETS).sum()

    arrays = [*LAYERS[0], *LAYERS[1], ROWS]
    for k, analytic in enumerate([*found.W.values(), *found.b.values(), found.X]):
        assert analytic.dtype == dtype
        differences = np.empty(arrays[k].shape)
        for place in np.ndindex(differences.shape):
            values = []
            for step in (1e-6, -1e-6):
                moved = [array.copy() for array in arrays]
                moved[k][place] += step
                values.append(value(moved[:2], moved[2:4], moved[4]))
            differences[place] = (values[0] - values[1]) / 2e-6
        assert_close(analytic, differences, 1e-7 if dtype == "float64" else 1e-4)


def test_backward_from_the_outputs_of_a_loss_is_that_of_the_loss():
    outputs = kernels.forward(*LAYERS, ROWS, activation="tanh", output_activation="softmax")
    y, options = np.eye(6)[[0, 1, 2, 3, 4, 5, 0, 1, 2]], {**OPTIONS, "output_activation": "softmax", "l2": 0.1}
    of_loss = kernels.backward(*LAYERS, ROWS, y, loss="log_loss", **options)
    of_outputs = kernels.backward(*LAYERS, ROWS, output_gradient=-y / outputs / 9, **options)
    for one, other in zip(of_loss[:2], of_outputs[:2], strict=True):
        for l in (1, 2):
            assert_close(one[l], other[l], 1e-12)
    assert_close(of_loss.X, of_outputs.X, 1e-12)
    gradient_W, _ = kernels.backward(
        *LAYERS, ROWS, output_gradient=-y / outputs / 9, **{**options, "full_output": False}
    )
    assert gradient_W[1].tobytes() == of_outputs.W[1].tobytes()


@pytest.mark.parametrize("nesterov", [False, True])
def test_update_is_a_step_with_momentum(nesterov):
    parameters, gradient, velocity = (np.random.default_rng(i).standard_normal((3, 4)) for i in range(3))
    new, new_velocity = kernels.update(parameters, gradient, 0.1, velocity=velocity, momentum=0.9, nesterov=nesterov)
    expected = 0.9 * velocity - 0.1 * gradient
    assert_close(new_velocity, expected, 1e-15)
    assert_close(new, parameters + (0.9 * expected - 0.1 * gradient if nesterov else expected), 1e-15)
    assert_close(kernels.update(parameters, gradient, 0.1)[0], parameters - 0.1 * gradient, 1e-15)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: kernels.sigmoid("text"), TypeError, "z must hold real numbers"),
        (lambda: kernels.sigmoid([1j]), TypeError, "z must hold real numbers"),
        (lambda: kernels.elu([1.0], alpha=None), TypeError, "alpha must be a number, got None"),
        (lambda: kernels.leaky_relu([1.0], np.inf), ValueError, "negative_slope must be finite, got inf"),
        (lambda: kernels.derivative("softmax", [1.0]), ValueError, "softmax has no derivative by entry"),
        (lambda: kernels.derivative("softmin", [1.0]), ValueError, "unknown activation 'softmin'"),
        (lambda: kernels.softmax(1.0), ValueError, "softmax needs rows"),
        (lambda: kernels.softmax(np.zeros((3, 0))), ValueError, "softmax needs rows"),
        (lambda: kernels.forward([np.ones((2, 3))], [np.ones(3)], np.ones((1, 3))), ValueError, r"b\[1\] must have"),
        (lambda: kernels.forward([np.ones((2, 3))], [np.ones(2)], np.ones((1, 4))), ValueError, "X has 4 columns"),
        (
            lambda: kernels.backward([np.ones((2, 3))], [np.ones(2)], np.ones((1, 3)), np.ones((2, 2))),
            ValueError,
            "X has 1 rows, but y has 2",
        ),
        (
            lambda: kernels.backward([np.ones((2, 3))], [np.ones(2)], np.ones((1, 3)), np.ones((1, 2)), loss="poisson"),
            ValueError,
            "cannot be paired",
        ),
        (
            lambda: kernels.backward(
                [np.ones((2, 3))], [np.ones(2)], np.ones((1, 3)), [[1, 1]], output_activation="softmax", loss="log_loss"
            ),
            ValueError,
            "y sums to 2 in row 0",
        ),
        (lambda: kernels.backward(*LAYERS, ROWS), TypeError, "needs y, or output_gradient in its place"),
        (
            lambda: kernels.backward(*LAYERS, ROWS, TARGETS, output_gradient=TARGETS),
            ValueError,
            "in place of a loss and its targets: leave y out, or it",
        ),
        (
            lambda: kernels.backward(*LAYERS, ROWS, output_gradient=TARGETS, loss="huber"),
            ValueError,
            "leave loss out, or it",
        ),
        (
            lambda: kernels.backward(*LAYERS, ROWS, output_gradient=TARGETS, sample_weight=np.ones(9)),
            ValueError,
            "leave sample_weight out, or it",
        ),
        (
            lambda: kernels.backward(*LAYERS, ROWS, output_gradient=TARGETS[:, :2]),
            ValueError,
            "output_gradient has 2 columns, but the last layer has 6",
        ),
        (
            lambda: kernels.backward(*LAYERS, ROWS, output_gradient=TARGETS[:2]),
            ValueError,
            "X has 9 rows, but output_gradient has 2 rows",
        ),
        (lambda: kernels.backward(*LAYERS, ROWS, TARGETS, full_output="yes"), TypeError, "full_output must be True"),
        (lambda: kernels.update([1.0], [1.0, 2.0], 0.1), ValueError, "gradient must have the shape"),
        (lambda: kernels.update([1.0], [1.0], 0.0), ValueError, "learning_rate must be finite and greater than 0"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()

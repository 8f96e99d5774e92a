"""Each activation and loss against an oracle outside fastnn: SciPy's special functions, scikit-learn, closed forms.

And each gradient against central differences of its own objective, which are independent of how it was derived.
"""

from decimal import Context, Decimal

import numpy as np
import pytest
from conftest import BACKEND_NAMES, COMBINATIONS, PAIRS, assert_close, targets_for
from scipy import special
from sklearn.metrics import (
    hinge_loss,
    log_loss,
    mean_absolute_error,
    mean_gamma_deviance,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
)

import fastnn
from fastnn._tables import ACTIVATIONS, LOSSES
from fastnn.backends import get_backend
from fastnn.objective import Objective
from fastnn.spec import NetworkSpec

DECIMAL = Context(prec=60)


def of_decimal(function):
    """A function of Decimal numbers, of arrays."""
    return np.vectorize(lambda z: float(function(Decimal(z))), otypes=[float])


def power_less_1(z):
    return DECIMAL.subtract(DECIMAL.exp(z), 1)


#: activation -> the same function from elsewhere.
ACTIVATION_ORACLES = {
    "identity": lambda z: z,
    "logistic": special.expit,
    "tanh": np.vectorize(lambda z: float((DECIMAL.exp(2 * Decimal(z)) - 1) / (DECIMAL.exp(2 * Decimal(z)) + 1))),
    "relu": lambda z: (z + np.abs(z)) / 2,
    "step": lambda z: np.where(z < 0, 0.0, 1.0),
    "softmax": lambda z: special.softmax(z, axis=1),
    "exp": np.vectorize(lambda z: float(DECIMAL.exp(Decimal(z)))),
    "leaky_relu": lambda z: np.maximum(z, 0) - 0.01 * np.maximum(-z, 0),
    "elu": of_decimal(lambda z: z if z > 0 else power_less_1(z)),
    "selu": of_decimal(
        lambda z: (
            Decimal("1.0507009873554804934193349852946")
            * (z if z > 0 else Decimal("1.6732632423543772848170429916717") * power_less_1(z))
        )
    ),
    "gelu": lambda z: z * special.ndtr(z),
    "silu": lambda z: z * special.expit(z),
    "mish": lambda z: z * np.tanh(-special.log_expit(-z)),
    "softplus": lambda z: -special.log_expit(-z),
    "hard_sigmoid": lambda z: np.interp(z, [-3, 3], [0, 1]),
    "hard_swish": lambda z: z * np.interp(z, [-3, 3], [0, 1]),
    "sin": np.sin,
    "softsign": lambda z: np.sign(z) * (1 - 1 / (1 + np.abs(z))),
    "mean_variance": lambda z: np.hstack([z[:, :2], np.logaddexp(0, z[:, 2:]) + 1e-6]),
    "increasing": lambda z: np.cumsum(np.hstack([z[:, :1], np.logaddexp(0, z[:, 1:])]), axis=1),
}

#: Those whose formula in floating point multiplies a rounding: activation -> by how much, of z.
ILL_CONDITIONED = {
    "increasing": lambda z: (  # a sum whose first term may be negative
        (np.abs(z[:, :1]) + ACTIVATION_ORACLES["increasing"](np.hstack([0 * z[:, :1], z[:, 1:]])))
        / np.maximum(np.abs(ACTIVATION_ORACLES["increasing"](z)), 1e-300)
    ),
    "gelu": lambda z: 1 + z**2,  # the normal tail from z / sqrt(2)
    "hard_sigmoid": lambda z: 1 / (3 - np.minimum(np.abs(z), 3) + 1e-3),  # z + 3 by way of z / 6 + 1/2
    "hard_swish": lambda z: 1 / (3 - np.minimum(np.abs(z), 3) + 1e-3),
    "softsign": lambda z: 1 + 1 / (1e-300 + np.abs(z)),  # 1 - 1 / (1 + |z|), the oracle's own
}

#: (loss, output activation) -> the mean over rows of the loss, from targets y and weighted sums z, from elsewhere.
LOSS_ORACLES = {
    ("squared_error", None): lambda y, z, h: 0.5 * y.shape[1] * mean_squared_error(y, h),
    ("log_loss", "softmax"): lambda y, z, h: log_loss(y.argmax(axis=1), special.softmax(z, axis=1)),
    ("log_loss", "logistic"): lambda y, z, h: (
        -(special.xlogy(y, special.expit(z)) + special.xlogy(1 - y, special.expit(-z))).sum(axis=1).mean()
    ),
    ("poisson", "exp"): lambda y, z, h: 0.5 * y.shape[1] * mean_poisson_deviance(y.ravel(), np.exp(z).ravel()),
    ("perceptron", "step"): lambda y, z, h: np.where(y == (z >= 0), 0.0, np.abs(z)).sum(axis=1).mean(),
    ("absolute_error", None): lambda y, z, h: y.shape[1] * mean_absolute_error(y, h),
    ("huber", None): lambda y, z, h: special.huber(1.0, y - h).sum(axis=1).mean(),
    ("quantile", None): lambda y, z, h: y.shape[1] * mean_pinball_loss(y, h, alpha=0.5),
    ("gamma", "exp"): lambda y, z, h: 0.5 * y.shape[1] * mean_gamma_deviance(y.ravel(), np.exp(z).ravel()),
    ("hinge", "identity"): lambda y, z, h: sum(hinge_loss(y[:, i], z[:, i], labels=[-1, 1]) for i in range(y.shape[1])),
    ("squared_hinge", "identity"): lambda y, z, h: (((y * z < 1) * (1 - y * z)) ** 2).sum(axis=1).mean(),
    ("focal", "softmax"): lambda y, z, h: (
        -(y * (1 - special.softmax(z, axis=1)) ** 2 * special.log_softmax(z, axis=1)).sum(axis=1).mean()
    ),
    ("focal", "logistic"): lambda y, z, h: (
        -(y * special.expit(-z) ** 2 * special.log_expit(z) + (1 - y) * special.expit(z) ** 2 * special.log_expit(-z))
        .sum(axis=1)
        .mean()
    ),
}


def one_layer(activation, dtype="float64"):
    """A network whose weighted sums are its inputs."""
    spec = NetworkSpec((4, 4), (activation,), np.dtype(dtype))
    parameters = np.zeros(spec.n_parameters, dtype)
    spec.views(parameters)[0][1][:] = np.eye(4)
    return spec, parameters


def test_every_row_has_an_oracle():
    assert set(ACTIVATION_ORACLES) == set(ACTIVATIONS)
    assert {loss for loss, _ in LOSS_ORACLES} == set(LOSSES) - {"gaussian_nll"}  # tests/test_joint.py


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_activation(backend, activation, dtype):
    spec, parameters = one_layer(activation, dtype)
    rng = np.random.default_rng(0)
    Z = np.vstack([rng.normal(0, 3, (50, 4)), np.zeros((1, 4)), [[-80.0, -20.0, 20.0, 80.0]]]).astype(dtype)
    out = np.empty_like(Z)
    get_backend(backend).forward(spec, parameters, Z, out)
    eps, subnormal = np.finfo(dtype).eps, np.finfo(dtype).smallest_subnormal
    expected = ACTIVATION_ORACLES[activation](Z.astype(np.float64))
    condition = ILL_CONDITIONED.get(activation, np.ones_like)(Z.astype(np.float64))
    assert (np.abs(out - expected) <= 6 * eps * condition * np.abs(expected) + 80 * subnormal).all()


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_a_small_log_loss_keeps_its_digits(backend):
    """log(1 + e^-z) for large z, of which log of the rounded sum would be 0."""
    spec, parameters = one_layer("logistic")
    Z = np.array([[20.0, 25.0, 30.0, 36.0]])
    objective, _ = get_backend(backend).loss_and_gradient(
        spec, Objective("log_loss"), parameters, Z, np.ones((1, 4)), np.ones(1), 0.0
    )
    assert_close(objective, special.log1p(np.exp(-Z)).sum(), 1e-14)


@pytest.mark.parametrize("backend", BACKEND_NAMES)
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS.keys() - {"exp"}))
def test_activation_at_1000(activation, backend):
    spec, parameters = one_layer(activation)
    Z = np.array([[1000.0, -1000.0, 0.0, 999.0]])
    out = np.empty_like(Z)
    get_backend(backend).forward(spec, parameters, Z, out)
    assert_close(out, ACTIVATION_ORACLES[activation](Z), 1e-15)


@pytest.mark.parametrize("loss_and_output", PAIRS)
@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_loss(backend, loss_and_output):
    loss, output = loss_and_output
    oracle = LOSS_ORACLES.get((loss, output)) or LOSS_ORACLES[loss, None]
    spec, parameters = one_layer(output)
    rng = np.random.default_rng(2)
    Z = rng.normal(0, 2, (40, 4))
    y = targets_for(loss, output, 40, 4, rng)
    if loss != "gamma" and "hinge" not in loss:
        y[:4] = np.eye(4)  # each class is there
    H = ACTIVATION_ORACLES[output](Z)
    objective, cost = get_backend(backend).loss_and_gradient(spec, Objective(loss), parameters, Z, y, np.ones(40), 0.0)
    assert_close(objective, oracle(y, Z, H), 1e-12)
    assert_close(cost, np.mean([np.linalg.norm(row) for row in y - H]), 1e-12)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_softmax_is_shifted_by_the_largest_wherever_it_is(backend, place):
    spec, parameters = one_layer("softmax")
    Z, y = 1000 * np.eye(4)[[place]], np.eye(4)[[(place + 1) % 4]]
    gradient, out = np.empty_like(parameters), np.empty_like(Z)
    compute = get_backend(backend)
    objective, _ = compute.loss_and_gradient(spec, Objective("log_loss"), parameters, Z, y, np.ones(1), 0.0, gradient)
    assert_close(objective, 1000, 1e-12)
    assert np.isfinite(gradient).all()
    compute.forward(spec, parameters, Z, out)
    assert_close(out, np.eye(4)[[place]], 1e-15)


@pytest.mark.parametrize("output", ["softmax", "logistic"])
@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_log_loss_does_not_overflow_at_1000(backend, output):
    spec, parameters = one_layer(output)
    Z, y = np.array([[1000.0, -1000.0, 500.0, 0.0]]), np.array([[0.0, 1.0, 0.0, 0.0]])
    gradient = np.empty_like(parameters)
    objective, _ = get_backend(backend).loss_and_gradient(
        spec, Objective("log_loss"), parameters, Z, y, np.ones(1), 0.0, gradient
    )
    # softmax: z_0 - z_1. logistic: log(1 + e^1000) + 1000 + log(1 + e^500) + log 2
    assert_close(objective, 2000 if output == "softmax" else 2500 + np.log(2), 1e-12)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(("loss", "output", "hidden"), COMBINATIONS)
@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_gradient_is_that_of_the_objective(backend, loss, output, hidden):
    """By central differences. The perceptron's h, like the output of a step, is constant between its thresholds."""
    spec = NetworkSpec((3, 4, 2), (hidden, output), np.dtype(np.float64))
    rng = np.random.default_rng(4)
    parameters = rng.standard_normal(spec.n_parameters)
    X = rng.standard_normal((6, 3))
    y = targets_for(loss, output, 6, 2, rng)
    weights = rng.random(6)
    compute = get_backend(backend)
    gradient = np.empty_like(parameters)
    compute.loss_and_gradient(spec, Objective(loss), parameters, X, y, weights, 0.3, gradient)
    step = 1e-6
    differences = np.empty_like(parameters)
    for p in range(spec.n_parameters):
        high, low = parameters.copy(), parameters.copy()
        high[p] += step
        low[p] -= step
        above, _ = compute.loss_and_gradient(spec, Objective(loss), high, X, y, weights, 0.3)
        below, _ = compute.loss_and_gradient(spec, Objective(loss), low, X, y, weights, 0.3)
        differences[p] = (above - below) / (2 * step)
    assert_close(gradient, differences, 1e-7)


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_l2_is_on_the_weights_alone(backend):
    spec = NetworkSpec((3, 4, 2), ("tanh", "identity"), np.dtype(np.float64))
    rng = np.random.default_rng(4)
    parameters, X, y = rng.standard_normal(spec.n_parameters), rng.standard_normal((6, 3)), rng.standard_normal((6, 2))
    plain, penalised = np.empty_like(parameters), np.empty_like(parameters)
    compute = get_backend(backend)
    loss, _ = compute.loss_and_gradient(spec, Objective("squared_error"), parameters, X, y, np.ones(6), 0.0, plain)
    loss_l2, _ = compute.loss_and_gradient(
        spec, Objective("squared_error"), parameters, X, y, np.ones(6), 0.7, penalised
    )
    W, _ = spec.views(parameters)
    assert_close(loss_l2 - loss, 0.35 * sum((w**2).sum() for w in W.values()), 1e-12)
    difference_W, difference_b = spec.views(penalised - plain)
    for l in W:
        assert_close(difference_W[l], 0.7 * W[l], 1e-12)
        assert np.abs(difference_b[l]).max() == 0


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_a_weight_of_two_is_a_row_twice(backend):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((12, 4)), rng.random((12, 2))
    times = rng.integers(0, 4, 12)
    options = {"activation": "tanh", "random_state": 0, "backend": backend}
    weighted = fastnn.train([4, 5, 2], X, y, 50, 0.3, sample_weight=times, **options)
    repeated = fastnn.train([4, 5, 2], np.repeat(X, times, axis=0), np.repeat(y, times, axis=0), 50, 0.3, **options)
    assert_close(weighted.network.parameters, repeated.network.parameters, 1e-10)
    assert_close(weighted.loss_curve, repeated.loss_curve, 1e-10)


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_a_batch_without_weight_changes_nothing_but_by_the_penalty(backend):
    X, y = np.eye(3), np.eye(3)
    options = {"batch_size": 1, "order": "sequential", "init": "normal", "random_state": 0, "backend": backend}
    before = fastnn.train([3, 3], X, y, 1, 0.5, sample_weight=[1, 0, 1], **options)
    after = fastnn.train([3, 3], X, y, 2, 0.5, sample_weight=[1, 0, 1], **options)
    assert (before.network.parameters == after.network.parameters).all()
    assert after.loss_curve[1] == 0

"""A loss that is a user's own function: against the losses by name, finite differences, and what it may return."""

import numpy as np
import pytest
from conftest import assert_close
from scipy import sparse

import fastnn
from fastnn.backends import get_backend
from fastnn.objective import OWN_OUTPUTS, Objective
from fastnn.spec import NetworkSpec

RNG = np.random.default_rng(6)
X = RNG.standard_normal((40, 3))
Y = RNG.random((40, 2))


def half_square(outputs, targets):
    errors = outputs - targets
    return 0.5 * (errors**2).sum(axis=1), errors


def fourth_power(outputs, targets):
    return ((outputs - targets) ** 4).sum(axis=1), 4 * (outputs - targets) ** 3


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("output", ["identity", "logistic", "exp", "softplus"])
def test_it_trains_as_the_loss_by_name(output, dtype):
    options = {
        "activation": "tanh", "output_activation": output, "batch_size": 7, "random_state": 0, "solver": "adam",
        "sample_weight": RNG.random(40), "l2": 0.01, "init": "glorot_normal", "dtype": dtype,
    }  # fmt: skip
    by_name = fastnn.train([3, 5, 2], X, Y, 100, 0.01, backend="numpy", **options)
    own = fastnn.train([3, 5, 2], X, Y, 100, 0.01, loss=half_square, **options)
    tolerance = 1e-10 if dtype == "float64" else 1e-4
    assert_close(own.network.parameters, by_name.network.parameters, tolerance)
    assert_close(own.loss_curve, by_name.loss_curve, tolerance)
    assert_close(own.cost, by_name.cost, tolerance)
    assert_close(own.network.predict(X), by_name.network.predict(X), tolerance)
    assert own.network.backend == "auto"  # which predicts by the engine


def test_history_and_early_stopping():
    data = {"validation_data": (X[:10], Y[:10]), "early_stopping": True, "n_iter_no_change": 2, "random_state": 0}
    own = fastnn.train([3, 5, 2], X, Y, 100, 0.5, loss=half_square, output_activation="logistic", **data)
    by_name = fastnn.train([3, 5, 2], X, Y, 100, 0.5, output_activation="logistic", **data)
    assert_close(own.history["val_loss"], by_name.history["val_loss"], 1e-10)


@pytest.mark.parametrize("output", [name for name in OWN_OUTPUTS if name not in ("relu", "leaky_relu")])
def test_the_gradient_is_that_of_the_objective(output):
    spec = NetworkSpec((3, 4, 2), ("tanh", output), np.dtype("float64"))
    parameters = RNG.standard_normal(spec.n_parameters)
    compute, objective = get_backend("numpy"), Objective("callable", function=fourth_power)
    data = X, Y, RNG.random(40), 0.1
    gradient, differences = np.empty_like(parameters), np.empty_like(parameters)
    compute.loss_and_gradient(spec, objective, parameters, *data, gradient)
    for p, step in enumerate(1e-6 * np.eye(len(parameters))):
        above, below = (compute.loss_and_gradient(spec, objective, parameters + s, *data)[0] for s in (step, -step))
        differences[p] = (above - below) / 2e-6
    assert_close(gradient, differences, 1e-6)


def test_targets_of_other_columns():
    """Two experts and a share of each: an output more than there are targets, and the loss of a mixture."""

    def mixture(outputs, targets):
        density = 0.5 * np.exp(-0.5 * (outputs - targets) ** 2)
        total = density.sum(axis=1, keepdims=True)
        return -np.log(total[:, 0]), density * (outputs - targets) / total

    y = np.where(X[:, 0] > 0, 3.0, -3.0) + 0.1 * X[:, 1]
    start = [np.zeros((2, 3))], [np.array([-1.0, 1.0])]
    result = fastnn.train([3, 2], X, y, 500, 0.1, loss=mixture, init=start, validation_data=(X[:5], y[:5]))
    assert result.network.predict(X).shape == (40, 2)
    assert_close(result.network.b[1], [-3, 3], 0.2)
    assert_close(result.cost, result.loss_curve, 1e-12)
    with pytest.raises(ValueError, match="validation y"):
        fastnn.train([3, 2], X, y, 5, loss=mixture, validation_data=(X, Y))


@pytest.mark.parametrize(
    ("returns", "error", "message"),
    [
        (lambda h, y: ((h - y) ** 2).sum(axis=1), TypeError, r"must return a pair .*, got a ndarray"),
        (lambda h, y: (1, 2, 3), TypeError, r"got a tuple of 3"),
        (lambda h, y: (0.5, h - y), ValueError, r"losses, one a row, of shape \(\); for 40 rows it must be \(40,\)"),
        (lambda h, y: ((h - y) ** 2, h - y), ValueError, r"losses, one a row, of shape \(40, 2\)"),
        (lambda h, y: (h[:, 0], h[:, 0]), ValueError, r"derivatives by the outputs of shape \(40,\).*\(40, 2\)"),
        (lambda h, y: (h[:, 0], h.astype(str)), TypeError, "of dtype <U"),
        (lambda h, y: (np.full(40, np.nan), h), FloatingPointError, "diverged"),
    ],
)
def test_what_comes_back_wrong(returns, error, message):
    with pytest.raises(error, match=message):
        fastnn.train([3, 2], X, Y, 5, loss=returns, init="glorot_normal", random_state=0)


def test_it_cannot_change_what_it_is_given():
    def changes(outputs, targets):
        targets[:] = 0

    before = Y.copy()
    with pytest.raises(ValueError, match="read-only"):
        fastnn.train([3, 2], X, Y, 5, loss=changes, init="glorot_normal")
    assert (before == Y).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "simd"}, "a loss that is a function is not available on backend='simd'"),
        ({"backend": "python"}, "use backend='numpy' or backend='auto'"),
        ({"output_activation": "step"}, "cannot be paired with output_activation='step'"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        fastnn.train([3, 2], X, Y, 5, loss=half_square, **options)


def test_sparse_rows_are_refused_by_what_refuses_them():
    """No backend would take them, "auto" least of all, which was given."""
    with pytest.raises(TypeError, match=r"a loss that is a function does not take; pass a dense array: X.toarray\(\)"):
        fastnn.train([3, 2], sparse.csr_matrix(X), Y, 5, loss=half_square)
    with pytest.raises(TypeError, match=r"a dense array: validation X.toarray\(\)"):
        fastnn.train([3, 2], X, Y, 5, loss=half_square, validation_data=(sparse.csr_matrix(X), Y))

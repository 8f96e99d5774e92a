"""Open evaluations: at every point what ``loss_and_gradient`` gives there, to the bit, whatever came before."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
from conftest import BACKEND_NAMES, DTYPES, PAIRS, targets_for

from fastnn.backends import get_backend
from fastnn.objective import Objective
from fastnn.spec import NetworkSpec
from fastnn.training.lbfgs import Points

L2 = 0.02


def problem(loss, output, dtype, n_rows=23, sizes=(5, 7, 4, 3)):
    rng = np.random.default_rng(n_rows)
    spec = NetworkSpec(sizes, ("tanh",) * (len(sizes) - 2) + (output,), np.dtype(dtype))
    X = np.where(rng.random((n_rows, sizes[0])) < 0.3, 0, rng.standard_normal((n_rows, sizes[0]))).astype(dtype)
    y = targets_for(loss, output, n_rows, sizes[-1], rng).astype(dtype)
    points = (0.5 * rng.standard_normal((4, spec.n_parameters))).astype(dtype)
    return spec, points, X, y, rng.random(n_rows).astype(dtype)


def direct(backend, spec, objective, parameters, data):
    gradient = np.empty_like(parameters)
    value, _ = backend.loss_and_gradient(spec, objective, parameters, *data, L2, gradient)
    return value, gradient.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("has_weight", [False, True])
@pytest.mark.parametrize(("loss", "output"), PAIRS)
@pytest.mark.parametrize("name", BACKEND_NAMES)
def test_it_gives_what_loss_and_gradient_gives(name, loss, output, has_weight, dtype):
    backend, objective = get_backend(name), Objective(loss)
    spec, points, X, y, weight = problem(loss, output, dtype)
    data = X, y, weight if has_weight else None
    evaluation = backend.evaluation(spec, objective, *data, L2)
    gradient = np.empty_like(points[0])
    for parameters in (*points, points[0]):
        before = parameters.copy()
        value = evaluation.at(parameters, gradient)
        assert (value, gradient.tobytes()) == direct(backend, spec, objective, parameters, data)
        assert np.array_equal(parameters, before)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("with_gradient", [False, True])
@pytest.mark.parametrize(("loss", "output"), PAIRS)
@pytest.mark.parametrize("name", BACKEND_NAMES)
def test_it_gives_the_outputs_of_forward_too(name, loss, output, with_gradient, dtype):
    backend, objective = get_backend(name), Objective(loss)
    spec, points, X, y, weight = problem(loss, output, dtype)
    evaluation = backend.evaluation(spec, objective, X, y, weight, L2)
    gradient = np.empty_like(points[0]) if with_gradient else None
    for parameters in points:
        outputs, expected = np.full_like(y, np.nan), np.full_like(y, np.nan)
        value = evaluation.at(parameters, gradient, outputs)
        backend.forward(spec, parameters, X, expected)
        assert outputs.tobytes() == expected.tobytes()
        expected_value, of_gradient = direct(backend, spec, objective, parameters, (X, y, weight))
        assert value == expected_value
        assert gradient is None or gradient.tobytes() == of_gradient


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", [(5, 1), (20, 33, 1), (20, 33, 9, 3)])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_outputs_of_several_chunks_and_of_sparse_rows(sizes, n_threads, dtype):
    backend = get_backend("simd")
    spec, points, X, y, weight = problem("squared_error", "logistic", dtype, 701, sizes)
    for rows in (X, scipy.sparse.csr_matrix(X)):
        outputs, expected = np.full_like(y, np.nan), np.full_like(y, np.nan)
        backend.evaluation(spec, Objective("squared_error"), rows, y, weight, L2, n_threads).at(
            points[0], None, outputs
        )
        backend.forward(spec, points[0], X, expected)
        assert outputs.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", [(5, 1), (20, 33, 1), (20, 33, 9, 3)])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_the_engine_keeps_nothing_of_a_point_that_was_not_finite(sizes, n_threads, dtype):
    """Its work area is used again; rows in several chunks, dense and sparse."""
    backend, objective = get_backend("simd"), Objective("squared_error", as_sklearn=True)
    spec, points, X, y, weight = problem("squared_error", "identity", dtype, 701, sizes)
    gradient = np.empty_like(points[0])
    for rows in (X, scipy.sparse.csr_matrix(X)):
        data = rows, y, weight
        evaluation = backend.evaluation(spec, objective, *data, L2, n_threads)
        for wrong in (np.nan, np.inf, np.finfo(dtype).max):
            assert not np.isfinite(evaluation.at(np.full_like(points[0], wrong), gradient))
            for parameters in points:
                value = evaluation.at(parameters, gradient)
                assert (value, gradient.tobytes()) == direct(backend, spec, objective, parameters, data)


def test_the_engine_checks_each_array():
    backend = get_backend("simd")
    spec, points, X, y, weight = problem("squared_error", "identity", "float64")
    gradient = np.empty_like(points[0])
    evaluation = backend.evaluation(spec, Objective("squared_error"), X, y, weight, L2)
    read_only = gradient.copy()
    read_only.flags.writeable = False
    for parameters, slopes in (
        (points[0][:-1], gradient), (points[0].astype(np.float32), gradient), (points[0], gradient[:-1]),
        (points[0], read_only), (np.repeat(points[0], 2)[::2], gradient),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"expected at least|read-only|contiguous"):
            evaluation.at(parameters, slopes)
    expected = direct(backend, spec, Objective("squared_error"), points[0], (X, y, weight))
    assert (evaluation.at(points[0], gradient), gradient.tobytes()) == expected  # no buffer is kept
    with pytest.raises(ValueError, match="expected X with 5 columns"):
        backend.evaluation(spec, Objective("squared_error"), X[:, 1:].copy(), y, weight, L2)
    with pytest.raises(ValueError, match="expected at least 69"):
        backend.evaluation(spec, Objective("squared_error"), X, y[:-1], weight, L2)


class Bowl:
    """Stands for an evaluation: x², nowhere finite beyond 2."""

    def at(self, x, gradient):
        gradient[:] = 2 * x
        return float(x @ x) if abs(x).max() <= 2 else np.inf


def test_points_are_counted_and_the_gradient_is_of_the_point_asked_for():
    points = Points(Bowl(), 2)
    x = np.array([1.0, -1.0])
    assert points.objective(x) == 2
    assert points.gradient(x.copy()).tolist() == [2, -2]
    assert (points.n_evaluated, points.first_bad) == (1, 0)
    x[0] = 0.5  # the caller's array, which is not kept
    assert points.gradient(x).tolist() == [1, -2]
    assert points.objective(np.array([np.nan, 0])) == np.inf
    assert (points.n_evaluated, points.first_bad) == (3, 0)
    assert points.objective(np.array([3.0, 0])) == np.inf
    assert points.objective(np.array([4.0, 0])) == np.inf
    assert (points.n_evaluated, points.first_bad) == (5, 4)


def test_scipy_takes_the_same_way_as_with_one_function_for_both():
    rng = np.random.default_rng(0)
    spec, _, *data = problem("squared_error", "identity", "float64", 60)
    objective, backend = Objective("squared_error", as_sklearn=True), get_backend("simd")

    def both(x):
        gradient = np.empty_like(x)
        return backend.loss_and_gradient(spec, objective, x, *data, L2, gradient)[0], gradient

    for scale in (0.1, 1.0, 30.0):
        x = scale * rng.standard_normal(spec.n_parameters)
        points = Points(backend.evaluation(spec, objective, *data, L2), spec.n_parameters)
        found = scipy.optimize.minimize(points.objective, x, method="L-BFGS-B", jac=points.gradient)
        expected = scipy.optimize.minimize(both, x, method="L-BFGS-B", jac=True)
        assert found.x.tobytes() == expected.x.tobytes()
        for name in ("fun", "nit", "nfev", "status", "message"):
            assert found[name] == expected[name]
        assert points.n_evaluated == found.nfev > 20  # no point is evaluated twice

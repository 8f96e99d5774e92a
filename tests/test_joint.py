"""Losses of outputs that have a target together: gaussian_nll, and quantiles that do not cross."""

import copy
import pickle

import numpy as np
import pytest
from conftest import BACKEND_NAMES, DTYPES, assert_close
from scipy import stats
from sklearn.metrics import d2_pinball_score, mean_pinball_loss, r2_score
from test_losses import fitted_to_the_end

import fastnn
from fastnn import MLPRegressor
from fastnn.backends import get_backend
from fastnn.estimators._plain import optimizer_from_plain, optimizer_to_plain
from fastnn.objective import Objective
from fastnn.spec import NetworkSpec

RNG = np.random.default_rng(5)
X = RNG.uniform(-1, 1, (300, 2))
SPREAD = 0.1 + 0.4 * (X[:, 0] + 1)
Y = np.sin(2 * X[:, 1]) + SPREAD * RNG.standard_normal(300)
LEVELS = (0.1, 0.5, 0.9)
CASES = {
    "gaussian_nll": (Objective("gaussian_nll"), "mean_variance", BACKEND_NAMES),
    "quantiles": (Objective("quantile", quantiles=LEVELS), ("increasing", 3.0), ["simd", "numpy"]),
}
ON_BACKENDS = [(case, backend) for case, (_, _, backends) in CASES.items() for backend in backends]


def problem(case, n_out, dtype="float64", n_rows=23):
    _, output, _ = CASES[case]
    spec = NetworkSpec((3, 5, n_out), ("tanh", output), np.dtype(dtype))
    rng = np.random.default_rng(n_out)
    parameters = rng.standard_normal(spec.n_parameters).astype(dtype)
    targets = rng.standard_normal((n_rows, n_out // CASES[case][0].outputs_a_target))
    y = CASES[case][0].spread(targets).astype(dtype)
    return spec, parameters, rng.standard_normal((n_rows, 3)).astype(dtype), y, rng.random(n_rows).astype(dtype)


def evaluate(backend, case, spec, parameters, *data, l2=0.1):
    compute, gradient, out = get_backend(backend), np.empty_like(parameters), np.empty_like(data[1])
    compute.forward(spec, parameters, data[0], out)
    objective, cost = compute.loss_and_gradient(spec, CASES[case][0], parameters, *data, l2, gradient)
    return out, objective, cost, gradient


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_out", [6, 12, 30, 66])
@pytest.mark.parametrize(("case", "backend"), ON_BACKENDS)
def test_one_gradient(case, backend, n_out, dtype):
    data = problem(case, n_out, dtype)
    for actual, expected in zip(evaluate(backend, case, *data), evaluate("numpy", case, *data), strict=True):
        assert_close(actual, expected, 1e-12 if dtype == "float64" else 1e-4)


@pytest.mark.parametrize(("case", "backend"), ON_BACKENDS)
def test_the_gradient_is_that_of_the_objective(case, backend):
    spec, parameters, *data = problem(case, 6)
    *_, gradient = evaluate(backend, case, spec, parameters, *data)
    differences = np.empty_like(parameters)
    for p, step in enumerate(1e-6 * np.eye(len(parameters))):
        above, below = (evaluate(backend, case, spec, parameters + s, *data)[1] for s in (step, -step))
        differences[p] = (above - below) / 2e-6
    assert_close(gradient, differences, 1e-7)


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_gaussian_nll_is_that_of_the_density(backend):
    spec, parameters, rows, y, weight = problem("gaussian_nll", 4)
    out, objective, cost, _ = evaluate(backend, "gaussian_nll", spec, parameters, rows, y, weight, l2=0.0)
    densities = stats.norm.logpdf(y[:, :2], out[:, :2], np.sqrt(out[:, 2:])) + 0.5 * np.log(2 * np.pi)
    assert_close(objective, -(weight @ densities.sum(axis=1)) / weight.sum(), 1e-12)
    assert_close(cost, np.linalg.norm(y[:, :2] - out[:, :2], axis=1).mean(), 1e-12)


@pytest.mark.parametrize("backend", ["simd", "numpy"])
def test_quantiles_are_pinball_losses(backend):
    spec, parameters, rows, y, weight = problem("quantiles", 6)
    out, objective, cost, _ = evaluate(backend, "quantiles", spec, parameters, rows, y, weight, l2=0.0)
    expected = sum(mean_pinball_loss(y[:, i], out[:, i], sample_weight=weight, alpha=LEVELS[i % 3]) for i in range(6))
    assert_close(objective, expected, 1e-12)
    assert_close(cost, np.linalg.norm(y - out, axis=1).mean(), 1e-12)


@pytest.mark.parametrize(("case", "backend"), ON_BACKENDS)
def test_weighted_sums_of_1000_do_not_overflow(case, backend):
    _, output, _ = CASES[case]
    spec = NetworkSpec((6, 6), (output,), np.dtype("float64"))
    parameters = np.zeros(spec.n_parameters)
    spec.views(parameters)[0][1][:] = np.eye(6)
    rows = np.array([[1000.0, -1000.0, 1000.0, -1000.0, 0.0, 1000.0], [0, 0, 0, -1000, -1000, -1000]])
    out, objective, _, gradient = evaluate(backend, case, spec, parameters, rows, np.zeros((2, 6)), np.ones(2))
    assert np.isfinite([objective, *gradient]).all()
    if case == "gaussian_nll":
        assert (out[:, 3:] >= 1e-6).all()
    else:
        assert (np.diff(out.reshape(2, 2, 3), axis=2) >= 0).all()


@pytest.mark.parametrize("solver", ["sgd", "adam", "rmsprop"])
@pytest.mark.parametrize("case", CASES)
def test_100_steps(case, solver):
    options = {"activation": "tanh", "init": "glorot_normal", "batch_size": 32, "random_state": 0, "solver": solver}
    options |= {"loss": "gaussian_nll"} if case == "gaussian_nll" else {"loss": "quantile", "quantile": LEVELS}
    n_out = 4 if case == "gaussian_nll" else 6
    y = np.column_stack([Y, X[:, 0]])
    runs = [
        fastnn.train([2, 7, n_out], X, y, 100, 0.01, epsilon=0.1, backend=name, **options) for name in ("simd", "numpy")
    ]
    assert_close(runs[0].network.parameters, runs[1].network.parameters, 1e-8)
    assert_close(runs[0].loss_curve, runs[1].loss_curve, 1e-8)
    threads = [fastnn.train([2, 7, n_out], X, y, 50, 0.01, n_threads=n, **options) for n in (1, 2)]
    assert threads[0].network.parameters.tobytes() == threads[1].network.parameters.tobytes()


def test_quantiles_hold_their_shares_and_do_not_cross():
    options = {"loss": "quantile", "quantile": LEVELS, "activation": "tanh", "solver": "adam", "random_state": 0}
    result = fastnn.train([2, 16, 3], X, Y, 3000, 0.01, init="glorot_normal", validation_data=(X, Y), **options)
    found = result.network.predict(X)
    assert found.shape == (300, 3)
    assert (found == result.network(X)).all()
    assert_close((found > Y[:, None]).mean(axis=0), LEVELS, 0.03)
    assert set(result.history) == {"iteration", "loss", "val_loss"}
    far = result.network.predict(RNG.normal(0, 100, (500, 2)))
    assert (np.diff(far, axis=1) >= 0).all()
    for copied in (pickle.loads(pickle.dumps(result.network)), copy.deepcopy(result.network)):
        assert (copied.predict(X) == found).all()
    again = fastnn.Network(result.W, result.b)
    assert (again.predict(X) == found).all()
    assert (again.predict(X[0]) == found[0]).all()
    assert (fastnn.predict(result.W, result.b, X) == found).all()
    on = fastnn.train([2, 16, 3], X, Y, 3, 0.01, init=(result.W, result.b), **options)
    assert on.loss_curve[0] < 1.05 * result.loss_curve[-1]


def test_quantiles_of_several_targets():
    y = np.column_stack([Y, 10 + Y])
    options = {"loss": "quantile", "quantile": [0.2, 0.7], "solver": "adam", "activation": "tanh", "random_state": 0}
    network = fastnn.train([2, 16, 4], X, y, 2000, 0.02, init="glorot_normal", **options).network
    found = network.predict(X)
    assert found.shape == (300, 2, 2)
    assert_close(found[:, 1].mean(axis=0) - found[:, 0].mean(axis=0), [10, 10], 0.05)
    assert network.predict(X[0]).shape == (2, 2)
    assert "group" in fastnn.portable.to_plain(network)["labels"]


def test_gaussian_nll_finds_mean_and_spread():
    options = {"loss": "gaussian_nll", "activation": "tanh", "solver": "adam", "random_state": 0}
    network = fastnn.train([2, 16, 2], X, Y, 3000, 0.01, init="glorot_normal", **options).network
    outputs = network(X)
    assert (network.predict(X) == outputs[:, 0]).all()
    assert r2_score(np.sin(2 * X[:, 1]), network.predict(X)) > 0.9
    assert np.corrcoef(np.sqrt(outputs[:, 1]), SPREAD)[0, 1] > 0.9
    assert (pickle.loads(pickle.dumps(network)).predict(X) == network.predict(X)).all()


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_regressor_of_gaussian_nll(solver):
    options = {"solver": solver, "random_state": 0, "learning_rate_init": 0.01, "activation": "tanh", "alpha": 0.01}
    regressor = MLPRegressor("gaussian_nll", (16,), max_iter=1000, tol=1e-3, **options).fit(X, Y)
    means, deviations = regressor.predict(X, return_std=True)
    assert (regressor.predict(X) == means).all()
    assert r2_score(Y, means) == regressor.score(X, Y) > 0.5
    assert np.corrcoef(deviations, SPREAD)[0, 1] > 0.8
    assert (regressor.network_.predict(X) == means).all()
    assert (pickle.loads(pickle.dumps(regressor)).predict(X) == means).all()
    several = MLPRegressor("gaussian_nll", (16,), max_iter=20, **{**options, "solver": "adam"})
    means, deviations = fitted_to_the_end(several, X, np.column_stack([Y, -Y])).predict(X, return_std=True)
    assert means.shape == deviations.shape == (300, 2)
    with pytest.raises(ValueError, match="return_std=True needs loss='gaussian_nll'"):
        fitted_to_the_end(MLPRegressor(max_iter=1), X, Y).predict(X, return_std=True)


@pytest.mark.parametrize("quantile", [0.8, [0.1, 0.9], np.array([0.25])])
def test_regressor_of_quantiles(quantile):
    options = {"random_state": 0, "learning_rate_init": 0.01, "activation": "tanh", "quantile": quantile}
    regressor = MLPRegressor("quantile", (16,), max_iter=500, tol=1e-5, **options).fit(X, Y)
    found = regressor.predict(X)
    assert found.shape == ((300,) if quantile == 0.8 else (300, len(quantile)))
    levels = np.atleast_1d(quantile)
    columns = found.reshape(300, -1)
    assert_close((columns > Y[:, None]).mean(axis=0), levels, 0.1)
    expected = np.mean([d2_pinball_score(Y, columns[:, i], alpha=q) for i, q in enumerate(levels)])
    assert_close(regressor.score(X, Y), expected, 1e-12)
    for wrong in (Y[:-1], np.column_stack([Y, Y]), np.repeat(Y, 2)):
        with pytest.raises(ValueError, match="y must hold 1 targets for each of 300 rows, its shape is"):
            regressor.score(X, wrong)
    again = pickle.loads(pickle.dumps(regressor))
    assert (again.predict(X) == found).all()
    again.partial_fit(X, Y)
    optimizer = regressor._optimizer
    assert optimizer_from_plain(optimizer_to_plain(optimizer)).training == optimizer.training
    stopped = MLPRegressor("quantile", (16,), max_iter=20, early_stopping=True, n_iter_no_change=30, **options)
    assert fitted_to_the_end(stopped, X, Y).best_validation_score_ < 1


@pytest.mark.parametrize(
    ("sizes", "options", "message"),
    [
        ([2, 3], {"loss": "gaussian_nll"}, "nn_structure must end in 2 units for each target"),
        ([2, 3], {"loss": "quantile", "quantile": [0.1, 0.9]}, "as loss='quantile' has 2 quantiles; it ends in 3"),
        (
            [2, 2],
            {"loss": "quantile", "quantile": [0.9, 0.1]},
            "quantile must be a number, or a list of numbers that rise",
        ),
        ([2, 2], {"loss": "quantile", "quantile": []}, "quantile must be a number, or a list"),
        ([2, 2], {"loss": "quantile", "quantile": [0.5, 1.5]}, r"quantile\[1\] must be"),
        ([2, 1], {"loss": "quantile", "output_activation": "increasing"}, "is for several quantiles"),
        (
            [2, 2],
            {"loss": "quantile", "quantile": [0.1, 0.9], "output_activation": "identity"},
            "several quantiles keep from crossing by output_activation='increasing'",
        ),
        (
            [2, 2],
            {"loss": "quantile", "quantile": [0.1, 0.9], "backend": "cython"},
            "several quantiles are not available on backend='cython'",
        ),
    ],
)
def test_what_is_refused(sizes, options, message):
    with pytest.raises(ValueError, match=message):
        fastnn.train(sizes, X, Y, 1, **options)


def test_networks_of_such_outputs_by_hand():
    network = fastnn.Network([np.eye(3)], [np.zeros(3)], output_activation="increasing")
    assert_close(network([1.0, 0.0, 0.0]), [1, 1 + np.log(2), 1 + 2 * np.log(2)], 1e-15)
    with pytest.raises(ValueError, match="must have an even number of units, got 3"):
        fastnn.Network([np.eye(3)], [np.zeros(3)], output_activation="mean_variance")
    for group in (2, 1.5, -3):
        with pytest.raises(ValueError, match="3 outputs are no such groups"):
            fastnn.Network([np.eye(3)], [np.zeros(3)], output_activation=("increasing", group))
    spec, parameters, *data = problem("quantiles", 6)
    with pytest.raises(ValueError, match="2 quantiles for groups of 3 outputs"):
        get_backend("simd").loss_and_gradient(spec, Objective("quantile", quantiles=(0.1, 0.9)), parameters, *data, 0.0)

"""Each solver against an oracle outside fastnn: scikit-learn's networks, and the papers' formulas in decimals.

The decimals train the smallest network there is, h = w x + b, whose gradient is written out: the step of a solver is
the same for every parameter. A solver is tested on each backend that has it, as the registry tells.
"""

from decimal import Decimal, localcontext
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import SOLVERS_ON_BACKENDS, X, Y, assert_close, make_updates, train

import fastnn
from fastnn import backends
from fastnn._tables import SOLVER_IDS, SOLVERS
from fastnn.backends import BACKENDS, KEEP_RULES, backends_with, get_backend
from fastnn.objective import Objective
from fastnn.spec import NetworkSpec, TrainingSpec
from fastnn.state import TrainingState

WITH_MEANS = [(solver, backend) for solver, backend in SOLVERS_ON_BACKENDS if solver not in ("sgd", "rprop")]
WITH_SQUARES = [(solver, backend) for solver, backend in WITH_MEANS if solver != "lion"]

SOLVERS_WITH_DECAY = [(solver, backend) for solver, backend in SOLVERS_ON_BACKENDS if backend in KEEP_RULES]

# -- the papers' formulas, one parameter at a time ----------------------------------------------------------------


def sgd(rate, constants):
    """Polyak's momentum as a moving point; Nesterov's looks one step of the velocity ahead."""
    velocity = Decimal(0)

    def step(gradient, value, is_weight):
        nonlocal velocity
        velocity = constants["momentum"] * velocity - rate * gradient
        if constants["nesterov"]:
            return value - rate * gradient + constants["momentum"] * velocity
        return value + velocity

    return step


def rmsprop(rate, constants):
    """Tieleman and Hinton, lecture 6.5: divide the gradient by a running average of its recent magnitude."""
    mean_square = Decimal(0)

    def step(gradient, value, is_weight):
        nonlocal mean_square
        mean_square = constants["beta_2"] * mean_square + (1 - constants["beta_2"]) * gradient * gradient
        return value - rate * gradient / (mean_square.sqrt() + constants["epsilon"])

    return step


def adam(rate, constants):
    """Kingma and Ba's algorithm 1, its moments as sums over all gradients; epsilon beside the uncorrected root."""
    beta_1, beta_2 = constants["beta_1"], constants["beta_2"]
    gradients = []

    def step(gradient, value, is_weight):
        gradients.append(gradient)
        t = len(gradients)
        weights_1 = [(1 - beta_1) * (beta_1 ** (t - i) if t > i else 1) for i in range(1, t + 1)]
        weights_2 = [(1 - beta_2) * (beta_2 ** (t - i) if t > i else 1) for i in range(1, t + 1)]
        mean = sum(w * g for w, g in zip(weights_1, gradients, strict=True)) / sum(weights_1)
        square = sum(w * g * g for w, g in zip(weights_2, gradients, strict=True)) / sum(weights_2)
        return value - rate * mean / (square.sqrt() + constants["epsilon"] / sum(weights_2).sqrt())

    return step


def nadam(rate, constants):
    """Dozat's algorithm with his schedule of the momentum, all its sums and products from their definitions."""
    beta_1, beta_2 = constants["beta_1"], constants["beta_2"]
    gradients = []

    def momentum(t):
        return beta_1 * (1 - Decimal("0.5") * Decimal("0.96") ** (Decimal("0.004") * t))

    def product(t):
        result = Decimal(1)
        for i in range(1, t + 1):
            result *= momentum(i)
        return result

    def step(gradient, value, is_weight):
        gradients.append(gradient)
        t = len(gradients)
        mean = sum((1 - beta_1) * (beta_1 ** (t - i) if t > i else 1) * g for i, g in enumerate(gradients, 1))
        shares = [(1 - beta_2) * (beta_2 ** (t - i) if t > i else 1) for i in range(1, t + 1)]
        square = sum(w * g * g for w, g in zip(shares, gradients, strict=True)) / sum(shares)
        ahead = momentum(t + 1) * mean / (1 - product(t + 1)) + (1 - momentum(t)) * gradient / (1 - product(t))
        return value - rate * ahead / (square.sqrt() + constants["epsilon"])

    return step


def adagrad(rate, constants):
    """Duchi, Hazan and Singer, with a diagonal matrix: over the root of the sum of all squares."""
    squares = []

    def step(gradient, value, is_weight):
        squares.append(gradient * gradient)
        return value - rate * gradient / (sum(squares).sqrt() + constants["epsilon"])

    return step


def sign(number):
    return (number > 0) - (number < 0)


def lion(rate, constants):
    """Chen et al., program 1: the sign of an interpolation, and a mean that decays more slowly."""
    mean = Decimal(0)

    def step(gradient, value, is_weight):
        nonlocal mean
        direction = constants["beta_1"] * mean + (1 - constants["beta_1"]) * gradient
        mean = constants["beta_2"] * mean + (1 - constants["beta_2"]) * gradient
        return value - rate * sign(direction)

    return step


def rprop(rate, constants):
    """Igel and Huesken's iRprop-: a step size by the signs of two gradients, and no step where they differ."""
    size, before = rate, Decimal(0)

    def step(gradient, value, is_weight):
        nonlocal size, before
        if gradient * before > 0:
            size = min(size * Decimal("1.2"), Decimal(50))
        elif gradient * before < 0:
            size, gradient = max(size / 2, Decimal("1e-6")), Decimal(0)
        before = gradient
        return value - size * sign(gradient)

    return step


ORACLES = {
    "sgd": sgd, "rmsprop": rmsprop, "adam": adam, "adamw": adam, "nadam": nadam, "adagrad": adagrad, "lion": lion,
    "rprop": rprop,
}  # fmt: skip

CONSTANTS = {
    "defaults": {},
    "others": {"momentum": 0.6, "beta_1": 0.6, "beta_2": 0.7, "epsilon": 0.05, "weight_decay": 0.9},
    "nesterov, and no memory": {"momentum": 0.8, "nesterov": True, "beta_1": 0.0, "beta_2": 0.0, "epsilon": 0.3},
}


def by_decimals(solver, x, y, w, b, n_updates, rate, l2, constants):
    """w and b after each update of h = w x + b on ½ (y - h)² + ½ l2 w², by full batches.

    Decay is Loshchilov and Hutter's, scaled by the learning rate, of the weight alone.
    """
    x, y = [Decimal(float(v)) for v in x], [Decimal(float(v)) for v in y]
    rate, l2 = Decimal(rate), Decimal(l2)
    defaults = {
        "momentum": 0.0, "nesterov": False, "beta_1": 0.9, "beta_2": {"rmsprop": 0.9, "lion": 0.99}.get(solver, 0.999),
        "epsilon": 1e-8, "weight_decay": 0.01 if solver == "adamw" else 0.0,
    }  # fmt: skip
    constants = {name: Decimal(value) for name, value in {**defaults, **constants}.items()}
    w, b, path = Decimal(w), Decimal(b), []
    step_w, step_b = (ORACLES[solver](rate, constants) for _ in range(2))
    for _ in range(n_updates):
        error = [w * x_s + b - y_s for x_s, y_s in zip(x, y, strict=True)]
        gradient_w = sum(e * x_s for e, x_s in zip(error, x, strict=True)) / len(x) + l2 * w
        gradient_b = sum(error) / len(x)
        decay = rate * constants["weight_decay"] * w
        w, b = step_w(gradient_w, w, True) - decay, step_b(gradient_b, b, False)
        path.append((float(w), float(b)))
    return np.array(path)


def test_every_solver_has_an_oracle():
    assert set(ORACLES) == set(SOLVERS)
    names = ["sgd", "rmsprop", "adam", "adamw", "nadam", "adagrad", "lion", "rprop"]  # by the table's order
    assert list(SOLVER_IDS.items()) == [(name, i) for i, name in enumerate(names)]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("l2", [0.0, 0.25])
@pytest.mark.parametrize("constants", CONSTANTS)
@pytest.mark.parametrize(("solver", "backend"), SOLVERS_ON_BACKENDS)
def test_the_path_is_the_papers(solver, backend, constants, l2, dtype):
    rng = np.random.default_rng(3)
    x, y = rng.integers(-8, 9, 7) / 4, rng.integers(-8, 9, 7) / 4
    seen, settings = [], dict(CONSTANTS[constants])
    if backend not in KEEP_RULES:
        settings.pop("weight_decay", None)
    fastnn.train(
        [1, 1], x[:, None], y[:, None], 40, 0.0625, activation="relu", solver=solver, l2=l2, dtype=dtype,
        init=([[[1.5]]], [[-0.75]]), backend=backend, **settings,
        callback=lambda i, loss, network: seen.append((network.W[1][0, 0], network.b[1][0])),
    )  # fmt: skip
    with localcontext(prec=50):
        expected = by_decimals(solver, x, y, 1.5, -0.75, 40, 0.0625, l2, settings)
    assert_close(seen, expected, 1e-13 if dtype == "float64" else 3e-5)


# -- scikit-learn's own networks ----------------------------------------------------------------------------------

SCIKIT_LEARNS = {
    "momentum": ("sgd", {"momentum": 0.9, "nesterov": False}, {"momentum": 0.9, "nesterovs_momentum": False}),
    "nesterov": ("sgd", {"momentum": 0.9, "nesterov": True}, {"momentum": 0.9, "nesterovs_momentum": True}),
    "adam": ("adam", {}, {}),
    "adam, other constants": ("adam", *[{"beta_1": 0.7, "beta_2": 0.95, "epsilon": 1e-3}] * 2),
}
CASES = [
    (case, backend)
    for case, (solver, *_) in SCIKIT_LEARNS.items()
    for name, backend in SOLVERS_ON_BACKENDS
    if name == solver
]


class InOrder(np.random.RandomState):
    """Shuffles nothing, as scikit-learn with ``shuffle=False``."""

    def permutation(self, x):
        return np.arange(x)


def assert_is_scikit_learns(estimator, case, backend, data, loss, activation="tanh", batch_size=60, penalty=0.6):
    """Train for 15 epochs from scikit-learn's own start weights; compare parameters, objective and outputs."""
    from sklearn.exceptions import ConvergenceWarning

    x, y = data
    solver, ours, theirs = SCIKIT_LEARNS[case]
    settings = {
        "hidden_layer_sizes": (6,), "activation": activation, "solver": solver, "alpha": penalty,
        "batch_size": batch_size, "shuffle": False, "random_state": 0, **theirs,
    }  # fmt: skip
    start = estimator(max_iter=1, learning_rate_init=1e-300, **settings)
    model = estimator(max_iter=15, learning_rate_init=0.01, **settings)
    for one in (start, model):
        with pytest.warns(ConvergenceWarning):
            one.fit(x, y)
    n_out, n_batches = model.n_outputs_, -(-len(x) // batch_size)
    result = fastnn.train(
        [x.shape[1], 6, n_out], x, y, 15 * n_batches, 0.01, activation=activation, loss=loss,
        output_activation="identity" if loss == "squared_error" else None, l2=penalty / batch_size, solver=solver,
        init=([w.T for w in start.coefs_], start.intercepts_), batch_size=batch_size, random_state=InOrder(0),
        backend=backend, **ours,
    )  # fmt: skip
    for l in (1, 2):
        assert_close(result.W[l], model.coefs_[l - 1].T, 1e-11)
        assert_close(result.b[l], model.intercepts_[l - 1], 1e-11)
    if loss != "squared_error" or n_out == 1:  # else scikit-learn reports the mean over the outputs
        rows = np.diff(np.minimum(np.arange(n_batches + 1) * batch_size, len(x)))
        objective = np.average(np.reshape(result.loss_curve, (15, n_batches)), axis=1, weights=rows)
        assert_close(objective, model.loss_curve_, 1e-11)
    if loss == "log_loss":
        assert_close(result.network(x), model.predict_proba(x)[:, -n_out:], 1e-11)
        assert (result.network.predict(x) == model.predict(x)).all()
    else:
        assert_close(result.network.predict(x), model.predict(x), 1e-11)


@pytest.mark.parametrize("activation", ["logistic", "tanh", "relu", "identity"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(("case", "backend"), CASES)
def test_classification_is_scikit_learns(case, backend, n_classes, activation):
    from sklearn.datasets import make_classification
    from sklearn.neural_network import MLPClassifier

    data = make_classification(60, 8, n_informative=5, n_classes=n_classes, random_state=1)
    assert_is_scikit_learns(MLPClassifier, case, backend, data, "log_loss", activation)


@pytest.mark.parametrize("n_out", [1, 3])
@pytest.mark.parametrize(("case", "backend"), CASES)
def test_regression_is_scikit_learns(case, backend, n_out):
    from sklearn.datasets import make_regression
    from sklearn.neural_network import MLPRegressor

    x, y = make_regression(60, 8, n_informative=5, n_targets=n_out, random_state=1)
    assert_is_scikit_learns(MLPRegressor, case, backend, (x, y / np.abs(y).max()), "squared_error")


@pytest.mark.parametrize(("batch_size", "penalty"), [(20, 0.6), (16, 0.0)])  # scikit-learn's penalty of a short batch
@pytest.mark.parametrize(("case", "backend"), CASES)  # is larger, so where one is there is none
def test_mini_batches_are_scikit_learns(case, backend, batch_size, penalty):
    from sklearn.datasets import make_classification
    from sklearn.neural_network import MLPClassifier

    data = make_classification(60, 8, n_informative=5, n_classes=3, random_state=1)
    assert_is_scikit_learns(MLPClassifier, case, backend, data, "log_loss", batch_size=batch_size, penalty=penalty)


# -- what each solver promises ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("solver", "backend"), SOLVERS_WITH_DECAY)
def test_weight_decay_is_of_all_weights_and_no_bias(solver, backend):
    """Where the gradient is zero: inputs of zero, dead ReLUs, and a bias that is the target."""
    rng = np.random.default_rng(0)
    W = [rng.standard_normal(shape) for shape in [(5, 4), (6, 5), (2, 6)]]
    b = [-np.ones(5), -np.ones(6) - np.arange(6), np.array([0.5, -0.25])]
    result = fastnn.train(
        [4, 5, 6, 2], np.zeros((3, 4)), np.tile(b[2], (3, 1)), 10, 0.25, activation="relu", solver=solver,
        weight_decay=0.5, init=(W, b), backend=backend,
    )  # fmt: skip
    for l in (1, 2, 3):
        assert_close(result.W[l], W[l - 1] * (1 - 0.25 * 0.5) ** 10, 1e-14)
        assert (result.b[l] == b[l - 1]).all()


@pytest.mark.parametrize("backend", backends_with("adamw"))
def test_adamw_without_decay_is_adam(backend):
    options = {"iter_num": 20, "alpha": 0.01, "backend": backend, "l2": 0.1}
    decayed, plain, adam = (
        train(**{**options, **more})
        for more in ({"solver": "adamw"}, {"solver": "adamw", "weight_decay": 0.0}, {"solver": "adam"})
    )
    assert (plain.network.parameters == adam.network.parameters).all()
    assert (decayed.W[1] != adam.W[1]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("solver", "backend"), SOLVERS_ON_BACKENDS)
def test_the_state_is_laid_out_by_kind_and_then_like_the_parameters(solver, backend, dtype):
    """So that any backend goes on from the bytes of another."""
    kinds = {
        "sgd": lambda g: [-0.25 * g], "rmsprop": lambda g: [0.25 * g**2],
        "adam": lambda g: [0.125 * g, 0.25 * g**2], "adamw": lambda g: [0.125 * g, 0.25 * g**2],
        "nadam": lambda g: [0.125 * g, 0.25 * g**2], "adagrad": lambda g: [g**2], "lion": lambda g: [0.25 * g],
        "rprop": lambda g: [g, np.full_like(g, 0.25)],
    }[solver]  # fmt: skip
    spec = NetworkSpec((4, 5, 3), ("tanh", "identity"), np.dtype(dtype))
    state = TrainingState(spec, solver)
    state.parameters[:] = np.linspace(-1, 1, spec.n_parameters)
    gradient = np.empty_like(state.parameters)
    data = X.astype(dtype), Y.astype(dtype), np.ones(23, dtype)
    compute = get_backend(backend)
    compute.loss_and_gradient(spec, Objective("squared_error"), state.parameters, *data, 0.0, gradient)
    training = TrainingSpec(Objective("squared_error"), solver, momentum=0.5, beta_1=0.875, beta_2=0.75)
    curves = np.empty(1), np.empty(1)
    make_updates(compute, state, training, data, None, None, np.full(1, 0.25), np.zeros(1), *curves)
    assert state.optimizer.dtype == dtype
    assert_close(state.optimizer, np.concatenate(kinds(gradient)), 1e-14 if dtype == "float64" else 1e-6)


@pytest.mark.parametrize(("solver", "backend"), SOLVERS_ON_BACKENDS)
def test_constants_of_other_solvers_change_nothing(solver, backend):
    own = {
        "sgd": {"momentum", "nesterov"}, "rmsprop": {"beta_2", "epsilon"}, "adam": {"beta_1", "beta_2", "epsilon"},
        "adamw": {"beta_1", "beta_2", "epsilon"}, "nadam": {"beta_1", "beta_2", "epsilon"}, "adagrad": {"epsilon"},
        "lion": {"beta_1", "beta_2"}, "rprop": set(),
    }  # fmt: skip
    others = {
        "momentum": 0.5, "nesterov": True, "beta_1": 0.5, "beta_2": 0.5, "epsilon": 0.5, "mu": 0.5, "mu_inc": 2.0,
        "mu_dec": 0.5,
    }  # fmt: skip
    options = {"iter_num": 40, "alpha": 0.01, "solver": solver, "backend": backend, "momentum": 0.9}
    expected = train(**options).network.parameters
    for name, value in others.items():
        same = (train(**{**options, name: value}).network.parameters == expected).all()
        assert same == (name not in own[solver]), name


@pytest.mark.parametrize(("solver", "backend"), WITH_MEANS)
def test_beta_2_by_default(solver, backend):
    options = {"iter_num": 5, "alpha": 0.01, "solver": solver, "backend": backend}
    default = {"rmsprop": 0.9, "lion": 0.99}.get(solver, 0.999)
    expected = train(beta_2=default, **options).network.parameters
    assert (train(**options).network.parameters == expected).all()
    assert (train(beta_2=None, **options).network.parameters == expected).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("solver", "backend"), [pair for pair in SOLVERS_ON_BACKENDS if pair[0] != "rprop"])
def test_divergence_raises(solver, backend, dtype):
    options = {"activation": "relu", "output_activation": "identity", "init": "normal", "random_state": 0}
    rate = 1e30 if dtype == "float32" else 1e300
    for n in (2, 50):
        with pytest.raises(FloatingPointError, match="training diverged"):
            fastnn.train([4, 5, 3], 100 * X, Y, n, rate, solver=solver, dtype=dtype, backend=backend, **options)


def one_update_of_one_weight(x, w, solver, backend):
    # In two rows, so that a gradient is formed: one row alone may go straight into the weights.
    fastnn.train(
        [1, 1], [[x]] * 2, [[0.0]] * 2, 1, 0.01, activation="relu", init=([[[w]]], [[0.0]]), dtype="float32",
        solver=solver, backend=backend,
    )  # fmt: skip


@pytest.mark.parametrize(("solver", "backend"), SOLVERS_ON_BACKENDS)
def test_a_gradient_that_overflows_raises(solver, backend):
    what = "the solver's means" if solver in ("lion", "rprop") else "weights"  # of steps no longer than the rate
    with pytest.raises(FloatingPointError, match=f"training diverged: {what} are not finite after update 1"):
        one_update_of_one_weight(1e30, 1e-20, solver, backend)  # loss 5e19, gradient 1e40


@pytest.mark.parametrize(("solver", "backend"), WITH_SQUARES)
def test_squares_that_overflow_raise_and_do_not_freeze_the_weight(solver, backend):
    with pytest.raises(FloatingPointError, match="training diverged: the solver's means are not finite after update 1"):
        one_update_of_one_weight(1e15, 1.0, solver, backend)  # gradient 1e30, its square 1e60


# -- who has what -------------------------------------------------------------------------------------------------


def test_a_backend_names_solvers_of_the_table():
    for backend in BACKENDS.values():
        assert set(backend.SOLVERS) <= set(SOLVERS)
    assert set(BACKENDS["numpy"].SOLVERS) == set(SOLVERS)  # the oracle of the others


def test_auto_is_the_fastest_backend_that_has_the_solver(monkeypatch):
    slow, middle, fast = (SimpleNamespace(SOLVERS=names) for names in (("sgd",), ("sgd", "adam"), ("sgd",)))
    monkeypatch.setattr(backends, "BACKENDS", {"slow": slow, "middle": middle, "fast": fast})
    assert get_backend("auto") is fast
    assert get_backend("auto", "sgd") is fast
    assert get_backend("auto", "adam") is middle
    assert get_backend("slow") is slow
    assert get_backend("slow", "sgd") is slow
    assert backends_with("sgd") == backends_with(None) == ["fast", "middle", "slow"]
    with pytest.raises(ValueError, match="'adam' is not available on backend='fast'; use backend='middle' or backend="):
        get_backend("fast", "adam")


@pytest.mark.parametrize("solver", SOLVERS)
def test_auto_trains_by_any_solver(solver):
    result = train(5, 0.01, solver=solver)
    expected = train(5, 0.01, solver=solver, backend=backends_with(solver)[0])
    assert (result.network.parameters == expected.network.parameters).all()
    assert result.network(X).shape == (23, 3)  # a network's own backend need not have the solver

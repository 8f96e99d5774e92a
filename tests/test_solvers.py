"""Each solver against an oracle outside fastnn, the papers' formulas in decimals; and what each of them promises.

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
    monkeypatch.setattr(backends, "_FOUND", {})
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

"""The solvers of all rows at once that have no learning rate: Levenberg-Marquardt and L-BFGS.

Oracles: SciPy's MINPACK and its own L-BFGS-B, complex and finite differences, a closed form, and the accuracy that a
textbook's implementation reaches on a sine.
"""

import sys

import numpy as np
import pytest
import scipy.optimize
from conftest import X, Y, assert_close, train
from scipy import sparse

import fastnn
from fastnn import MLPClassifier, MLPRegressor
from fastnn.backends import get_backend
from fastnn.objective import Objective
from fastnn.spec import NetworkSpec, TrainingSpec
from fastnn.state import TrainingState
from fastnn.training.levenberg_marquardt import derivatives, solve

LINE = np.linspace(-np.pi, np.pi, 200)[:, None]
MINIMIZERS = ["lbfgs", "levenberg_marquardt"]


def rms(network, x, y):
    return np.sqrt(np.mean((network(x) - y) ** 2))


def fit_sine(seed, iter_num=500, **options):
    return fastnn.train(
        [1, 10, 1], LINE, np.sin(LINE), iter_num, activation="tanh", init="pytorch_uniform", random_state=seed,
        **{"solver": "levenberg_marquardt", **options},
    )  # fmt: skip


# -- Levenberg-Marquardt ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_a_sine_to_1e_minus_4(seed):
    assert rms(fit_sine(seed).network, LINE, np.sin(LINE)) < 1e-4


def errors_of(spec, parameters, x, y, share):
    """The weighted errors as MINPACK takes them, from plain products."""
    W, b = spec.views(parameters)
    h = x
    for l in W:
        h = h @ W[l].T + b[l]
        h = np.tanh(h) if l < spec.n_layers else h
    return (np.sqrt(share)[:, None] * (h - y)).ravel()


@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("n_out", [1, 2])
def test_it_ends_where_minpack_finds_nothing_lower(n_out, is_weighted):
    rng = np.random.default_rng(3)
    teacher = fastnn.Network([2 * rng.standard_normal((3, 2)), rng.standard_normal((n_out, 3))],
                             [rng.standard_normal(3), rng.standard_normal(n_out)], activation="tanh")  # fmt: skip
    x = rng.standard_normal((80, 2))
    y = teacher(x) + 0.1 * rng.standard_normal((80, n_out))
    weight = rng.random(80) + 0.1 if is_weighted else None
    share = np.full(80, 1 / 80) if weight is None else weight / weight.sum()
    result = fastnn.train(
        [2, 3, n_out], x, y, 1000, activation="tanh", output_activation="identity", solver="levenberg_marquardt",
        init="normal_with_biases", random_state=1, sample_weight=weight,
    )  # fmt: skip
    spec, found = result.network._spec, result.network.parameters
    ours = 0.5 * (errors_of(spec, found, x, y, share) ** 2).sum()
    assert result.loss_curve[-1] == pytest.approx(ours, rel=1e-8)
    theirs = scipy.optimize.least_squares(
        lambda p: errors_of(spec, p, x, y, share), found + 1e-3 * rng.standard_normal(len(found)), method="lm",
        xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=20_000,
    )  # fmt: skip
    assert ours <= theirs.cost * (1 + 1e-5)  # in a valley both go slowly
    assert theirs.cost <= ours * (1 + 1e-9)


def test_a_linear_network_with_a_penalty_is_ridge_regression():
    """One undamped step of Gauss and Newton's is the solution."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 3)), rng.standard_normal((30, 2))
    result = fastnn.train(
        [3, 2],
        x,
        y,
        60,
        activation="identity",
        solver="levenberg_marquardt",
        init="normal_with_biases",
        l2=0.1,
        mu=1e-12,
        random_state=0,
    )
    centred = x - x.mean(axis=0)
    W = np.linalg.solve(centred.T @ centred / 30 + 0.1 * np.eye(3), centred.T @ (y - y.mean(axis=0)) / 30).T
    assert_close(result.W[1], W, 1e-11)
    assert_close(result.b[1], y.mean(axis=0) - W @ x.mean(axis=0), 1e-11)
    assert len(result.cost) < 60  # it has ended, where there was nothing to be gained any more


@pytest.mark.parametrize("output", ["identity", "logistic", "tanh"])
@pytest.mark.parametrize("hidden", ["tanh", "logistic", "identity"])
def test_derivatives_are_those_of_differences(hidden, output):
    spec = NetworkSpec((3, 5, 4, 2), (hidden, hidden, output), np.dtype("float64"))
    rng = np.random.default_rng(0)
    point, rows = rng.standard_normal(spec.n_parameters), rng.standard_normal((6, 3))
    outputs, found = derivatives(spec, point, rows)
    h, expected, out = 1e-6, np.empty_like(found), np.empty((2, 6, 2))
    for i in range(spec.n_parameters):
        for side, step in enumerate((h, -h)):
            moved = point.copy()
            moved[i] += step
            get_backend("numpy").forward(spec, moved, rows, out[side])
        expected[:, :, i] = (out[0] - out[1]) / (2 * h)
    get_backend("numpy").forward(spec, point, rows, out[0])
    assert (outputs == out[0]).all()
    assert_close(found, expected, 1e-9)


@pytest.mark.parametrize("n", [1, 5, 64, 65, 200])
def test_solve(n):
    rng = np.random.default_rng(n)
    root = rng.standard_normal((n, n + 2))
    matrix, x = root @ root.T + np.eye(n), rng.standard_normal(n)
    assert_close(solve(matrix, matrix @ x), x, 1e-9)
    with pytest.raises(np.linalg.LinAlgError):
        solve(-matrix, x)


def test_the_damping_is_the_solvers_state():
    """A step that helps divides it by ten; the run goes on with it from bytes."""
    spec = NetworkSpec((1, 4, 1), ("tanh", "identity"), np.dtype("float64"))
    training = TrainingSpec(Objective("squared_error"), "levenberg_marquardt")
    from fastnn.training.levenberg_marquardt import Run

    def advance(state, n):
        curves = np.empty(n), np.empty(n)
        run = Run(state, training, LINE, np.sin(LINE), None, len(LINE))
        assert run.advance(None, None, np.ones(n), np.zeros(n), *curves)[0] == n
        run.end()
        return curves[0]

    start = np.random.default_rng(0).standard_normal(spec.n_parameters)
    whole, first, second = (TrainingState(spec, "levenberg_marquardt") for _ in range(3))
    whole.parameters[:] = first.parameters[:] = start
    curve = advance(whole, 6)
    assert (np.diff(curve) < 0).all()
    assert advance(first, 1)[0] == curve[0]
    assert first.optimizer.tolist() == [pytest.approx(1e-4)]
    second.restore(first.to_bytes())
    assert advance(second, 5).tolist() == curve[1:].tolist()
    assert (second.parameters == whole.parameters).all()
    assert second.n_updates == 6


def test_rows_are_taken_in_parts_that_do_not_matter(monkeypatch):
    whole = fit_sine(0, 5)
    monkeypatch.setattr("fastnn.training.levenberg_marquardt.AT_A_TIME", 31 * 37)
    assert_close(fit_sine(0, 5).network.parameters, whole.network.parameters, 1e-8)


def test_float32_weights_go_as_far_as_they_can():
    result = fit_sine(0, 100, dtype="float32")
    assert result.network.dtype == np.float32
    assert rms(result.network, LINE, np.sin(LINE)) < 1e-3


def test_the_regressor_takes_the_same_way():
    y = np.sin(LINE).ravel()
    regressor = MLPRegressor(
        hidden_layer_sizes=(10,), activation="tanh", solver="levenberg_marquardt", alpha=0.0, max_iter=300, tol=0.0,
        n_iter_no_change=np.inf, random_state=0,
    )  # fmt: skip
    with pytest.warns(UserWarning, match="Maximum iterations"):
        regressor.fit(LINE, y)
    assert np.sqrt(np.mean((regressor.predict(LINE) - y) ** 2)) < 1e-4
    assert regressor.n_iter_ == len(regressor.loss_curve_) == 300
    assert regressor.loss_curve_[0] > 1e5 * regressor.loss_curve_[-1]
    held_back = regressor.set_params(early_stopping=True, n_iter_no_change=5, tol=1e-6).fit(LINE, y)
    assert held_back.best_validation_score_ > 0.999
    several = MLPRegressor(
        hidden_layer_sizes=(5,), activation="tanh", solver="levenberg_marquardt", tol=1e-9, alpha=0.0, random_state=0,
        max_iter=30,
    )  # fmt: skip
    with pytest.warns(UserWarning, match="Maximum iterations"):
        several.fit(LINE, np.column_stack([y, LINE.ravel()]))
    assert several.loss_ < 1e-3


# -- L-BFGS -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["simd", "numpy", "cython"])
def test_iterations_are_scipys(backend):
    start = train(1, 1e-300, init="glorot_normal").network
    spec, seen = start._spec, []

    def value(p):
        gradient = np.empty_like(p)
        found, _ = get_backend("numpy").loss_and_gradient(
            spec, Objective("squared_error"), p, X, Y, None, 0.01, gradient
        )
        return found, gradient

    scipy.optimize.minimize(
        value, start.parameters, method="L-BFGS-B", jac=True, callback=lambda x: seen.append(x.copy()),
        options={"maxiter": 12, "ftol": 0, "gtol": 0},
    )  # fmt: skip
    result = train(12, solver="lbfgs", l2=0.01, init=(start.W, start.b), backend=backend)
    assert_close(result.network.parameters, seen[-1], 1e-9)
    assert_close(result.loss_curve, [value(p)[0] for p in [start.parameters, *seen[:-1]]], 1e-10)
    costs = []
    for p in [start.parameters, *seen[:-1]]:
        out = np.empty(Y.shape)
        get_backend("numpy").forward(spec, p, X, out)
        costs.append(np.sqrt(((Y - out) ** 2).sum(axis=1)).mean())
    assert_close(result.cost, costs, 1e-9)


def test_lbfgs_hears_its_listeners_and_takes_all_that_train_has():
    heard = []
    result = train(
        200, solver="lbfgs", activation="tanh", report_every=3, validation_data=(X[:9], Y[:9]), early_stopping=True,
        n_iter_no_change=3, callback=lambda i, loss, network: heard.append((i, loss, network.parameters.copy())),
    )  # fmt: skip
    assert [i for i, *_ in heard][:3] == [3, 6, 9] == result.history["iteration"][:3]
    assert heard[0][1] == result.loss_curve[2]
    again = train(200, solver="lbfgs", activation="tanh", callback=lambda i, *_: i == 6)
    assert (again.network.parameters == heard[1][2]).all()
    assert len(again.cost) == 6
    assert (result.network.parameters == {i: p for i, _, p in heard}[result.best_iteration]).all()


def test_lbfgs_ends_by_tol_and_where_nothing_is_to_be_gained():
    by_tol = train(500, solver="lbfgs", tol=1e-3)
    change = np.abs(np.diff(by_tol.cost))
    assert change[-1] < 1e-3 <= change[:-1].min()
    x = np.arange(5.0)[:, None]
    result = fastnn.train([1, 1], x, 2 * x + 1, 500, activation="identity", solver="lbfgs", init="zeros")
    assert 2 < len(result.cost) < 50
    assert_close([result.W[1][0, 0], result.b[1][0]], [2, 1], 1e-6)
    heard = []
    again = fastnn.train(
        [1, 1], x, 2 * x + 1, 500, activation="identity", solver="lbfgs", init="zeros", report_every=400,
        callback=lambda i, *_: heard.append(i),
    )  # fmt: skip
    assert heard == [len(again.cost)] == [len(result.cost)]  # once, at the end
    nothing = fastnn.train([1, 1], x, 0 * x, 500, activation="identity", solver="lbfgs", init="zeros")
    assert nothing.cost == []


def test_lbfgs_of_sparse_rows_and_float32():
    dense = train(10, solver="lbfgs", dtype="float32")
    result = fastnn.train([4, 5, 3], sparse.csr_matrix(X), Y, 10, solver="lbfgs", dtype="float32", random_state=0)
    assert result.network.dtype == np.float32
    assert_close(result.network.parameters, dense.network.parameters, 1e-5)


def test_lbfgs_names_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(
        ImportError, match=r"solver='lbfgs' needs SciPy; install it: python -m pip install .*scikit-learn"
    ):
        train(3, solver="lbfgs")


# -- both ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", MINIMIZERS)
def test_what_is_frozen_stays_to_the_bit(solver):
    start = train(1, 1e-300).network
    result = train(15, solver=solver, init=(start.W, start.b), frozen=["W1", "b2"])
    assert (result.W[1] == start.W[1]).all()
    assert (result.b[2] == start.b[2]).all()
    assert (result.W[2] != start.W[2]).all()
    assert (result.b[1] != start.b[1]).all()
    assert result.loss_curve[-1] < result.loss_curve[0]


def test_an_estimators_lbfgs_leaves_what_is_frozen():
    model = MLPRegressor(
        hidden_layer_sizes=(5,), solver="lbfgs", random_state=0, max_iter=1, warm_start=True, frozen=["b1", 2]
    )  # fmt: skip
    with pytest.warns(UserWarning, match="failed to converge"):
        model.fit(X, Y)
    before = [model.intercepts_[0].copy(), model.coefs_[1].copy(), model.intercepts_[1].copy(), model.coefs_[0].copy()]
    with pytest.warns(UserWarning, match="failed to converge"):
        model.fit(X, Y)
    after = [model.intercepts_[0], model.coefs_[1], model.intercepts_[1], model.coefs_[0]]
    assert [bool((old == new).all()) for old, new in zip(before, after, strict=True)] == [True, True, True, False]


@pytest.mark.parametrize("solver", MINIMIZERS)
def test_an_interrupt_leaves_the_last_iteration(solver):
    def interrupt(iteration, loss, network):
        if iteration == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        train(20, solver=solver, callback=interrupt)
    expected = train(4, solver=solver)
    assert (caught.value.result.network.parameters == expected.network.parameters).all()
    assert caught.value.result.cost == expected.cost


@pytest.mark.parametrize("solver", MINIMIZERS)
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"batch_size": 5}, ValueError, "takes all 23 samples in each update, got batch_size=5"),
        ({"l1": 0.1}, ValueError, "l1 would have no meaning"),
        ({"weight_decay": 0.1}, ValueError, "weight_decay would have no meaning"),
        ({"max_grad_norm": 1}, ValueError, "max_grad_norm would have no meaning"),
        ({"max_norm": 1}, ValueError, "max_norm would have no meaning"),
        ({"layer_rates": [1, 0.5]}, ValueError, "of layer_rates it knows 0 and 1 alone"),
        ({"mu": 0}, ValueError, "mu must be finite and greater than 0.0"),
        ({"mu_inc": 1}, ValueError, "mu_inc must be finite and greater than 1.0"),
        ({"mu_dec": 1}, ValueError, "mu_dec must be"),
    ],
)
def test_wrong_arguments(solver, options, error, words):
    with pytest.raises(error, match=words):
        train(5, solver=solver, **options)


def test_what_levenberg_marquardt_is_not_for():
    with pytest.raises(ValueError, match="for loss='squared_error' alone, got loss='log_loss'"):
        train(5, solver="levenberg_marquardt", loss="log_loss")
    with pytest.raises(ValueError, match="for loss='squared_error' alone, got loss='log_loss'"):
        MLPClassifier(solver="levenberg_marquardt").fit(X, Y.argmax(axis=1))
    with pytest.raises(ValueError, match="at most 10000; this network has 20403: use solver='lbfgs' or 'adam'"):
        fastnn.train([4, 2550, 3], X, Y, solver="levenberg_marquardt")
    with pytest.raises(TypeError, match=r"takes no sparse matrix .*X.toarray\(\)"):
        fastnn.train([4, 3], sparse.csr_matrix(X), Y, solver="levenberg_marquardt")
    with pytest.raises(ValueError, match="not available on backend='simd'; use backend='numpy' or backend='auto'"):
        train(5, solver="levenberg_marquardt", backend="simd")


@pytest.mark.parametrize("solver", MINIMIZERS)
def test_a_start_that_is_not_finite_raises(solver):
    with pytest.raises(FloatingPointError, match=r"the loss is .* before update 1"):
        fastnn.train([1, 1], [[1e200]], [[1e200]], 5, activation="identity", init=([[[1e200]]], [[0.0]]), solver=solver)

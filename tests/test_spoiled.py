"""Networks that training has spoiled, at a finite loss: said, where it is so, and nowhere else."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

import fastnn

WINE, CULTIVARS = load_wine(return_X_y=True)
OPTIONS = {"activation": "relu", "init": "he_uniform", "loss": "log_loss", "batch_size": 32, "random_state": 0}
ONE_ANSWER = "one answer for all rows of X"


def trained(X, y=CULTIVARS, alpha=0.1, **options):
    return fastnn.train([X.shape[1], 16, len(np.unique(y))], X, y, 300, alpha, **OPTIONS | options)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_train_says_so_and_names_the_column(solver):
    expected = rf"{ONE_ANSWER} .*another alpha \(it was 1\); X is not scaled: column 12 has a root mean square of"
    with pytest.warns(UserWarning, match=expected) as caught:
        result = trained(WINE, alpha=1.0, solver=solver)
    assert [one.filename for one in caught] == [__file__]
    assert len(set(result.network.predict(WINE))) == 1


@pytest.mark.parametrize(("activation", "solver", "rate"), [("relu", "sgd", 0.1), ("tanh", "adam", 0.1)])
def test_the_estimators_say_so(activation, solver, rate):
    model = fastnn.MLPClassifier(activation=activation, solver=solver, learning_rate_init=rate, random_state=0)
    with pytest.warns(ConvergenceWarning, match=rf"{ONE_ANSWER} .*learning_rate_init \(it is 0.1\)\. X is not scaled"):
        model.fit(WINE, CULTIVARS)
    assert len(set(model.predict(WINE))) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scaled = make_pipeline(StandardScaler(), model).fit(WINE, CULTIVARS)
    assert scaled.score(WINE, CULTIVARS) > 0.95


@pytest.mark.parametrize("settings", [("adam", 100.0), ("sgd", 0.05)])
def test_answers_beyond_all_targets(settings):
    solver, rate = settings
    X, y = scale(WINE), WINE[:, 0]
    with pytest.warns(
        ConvergenceWarning, match="differ .* times as much as y does; scale X and y.*another learning_rate_init"
    ):
        model = fastnn.MLPRegressor(solver=solver, learning_rate_init=rate, max_iter=100, random_state=0).fit(X, y)
    assert np.ptp(model.predict(X)) > 1000 * np.ptp(y)
    options = {"output_activation": "identity", "loss": "squared_error", "solver": "adam", "batch_size": None}
    with pytest.warns(UserWarning, match="differ .* times as much as y does; .*alpha .it was 100"):
        fastnn.train([13, 16, 1], X, y, 5, 100.0, **OPTIONS | options)


def test_targets_most_of_which_are_alike():
    """A large one that is not among the rows looked at counts: answers are within its reach."""
    X, y = scale(WINE), np.zeros(len(WINE))
    y[1] = 1e9
    model = fastnn.MLPRegressor(solver="lbfgs", random_state=0, max_iter=5)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
        model.set_params(solver="sgd", learning_rate_init=1e-9, warm_start=True).fit(X, y)
    assert np.ptp(model.predict(X)) > 1000
    assert not [one for one in caught if "has ended in" in str(one.message)]


def test_sparse_rows_and_rows_in_pieces():
    with pytest.warns(UserWarning, match=ONE_ANSWER):
        trained(sparse.csr_matrix(WINE))
    order = np.random.default_rng(0).permutation(len(WINE))
    X, y = WINE[order], np.eye(3)[CULTIVARS[order]]
    pieces = fastnn.Pieces([(X[:90], y[:90]), (X[90:], y[90:])], buffer_rows=64)
    with pytest.warns(UserWarning, match=ONE_ANSWER):
        result = fastnn.train([13, 16, 3], pieces, iter_num=300, alpha=0.1, **OPTIONS | {"batch_size": 16})
    assert len(set(result.network.predict(WINE))) == 1


def test_of_many_it_is_told_once_with_their_numbers():
    models = [fastnn.MLPClassifier(solver="sgd", learning_rate_init=rate, random_state=0) for rate in (0.1, 0.2)]
    with pytest.warns(ConvergenceWarning, match=ONE_ANSWER):
        fastnn.fit_many(models, WINE, CULTIVARS)


RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(500, 5))
CURVE = ROWS[:, 0] + ROWS[:, 1] ** 2
MARKED = np.where(np.arange(500) % 7, CURVE, -1e9)  # by a number that stands for what is missing
HOURS = np.arange(2377) * 2 * np.pi / 24  # the first row, the last and every 24th are one point
DAYS = np.c_[np.sin(HOURS), np.cos(HOURS)]

#: What is no matter of dead units, whatever it has learned -> estimator, X, y and more of `fit`.
OTHERS = {
    "far from a large y": (fastnn.MLPRegressor(random_state=0, max_iter=20), ROWS, 1e8 * CURVE, {}),
    "rows of no weight": (
        fastnn.MLPRegressor(random_state=0), ROWS, MARKED, {"sample_weight": (np.arange(500) % 7 > 0) * 1.0}
    ),
    "outputs of two scales": (fastnn.MLPRegressor(random_state=0, max_iter=20), ROWS, np.c_[1e9 * CURVE, CURVE], {}),
    "an outlier": (fastnn.MLPRegressor("huber", random_state=0), ROWS, np.r_[1e8, CURVE[1:]], {}),
    "one pass over raw rows": (fastnn.MLPClassifier(random_state=1, max_iter=1), WINE, CULTIVARS, {}),
    "a period": (fastnn.MLPRegressor(random_state=0), DAYS, 3 * DAYS[:, 0] + RNG.normal(size=2377), {}),
    "a penalty": (fastnn.MLPRegressor(activation="tanh", solver="sgd", alpha=1e5, random_state=0), ROWS, CURVE, {}),
    "constant y": (fastnn.MLPRegressor(random_state=0), ROWS, np.ones(500), {}),
    "rows that are alike": (fastnn.MLPClassifier(random_state=0), np.ones((20, 3)), np.arange(20) % 2, {}),
    "two rows": (fastnn.MLPRegressor(random_state=0), ROWS[:2], CURVE[:2], {}),
    "one row": (fastnn.MLPRegressor(random_state=0), ROWS[:1], CURVE[:1], {}),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("case", OTHERS)
def test_nothing_is_said_of_what_is_not_spoiled(case):
    model, X, y, more = OTHERS[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        model.fit(X, y, **more)


def test_a_constant_that_is_right():
    start = ([-np.ones((5, 4)), np.ones((2, 5))], [-np.ones(5), np.array([0.5, -0.25])])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fastnn.train([4, 5, 2], np.zeros((3, 4)), [[0.5, -0.25]] * 3, 5, 0.1, activation="relu", init=start)
        fastnn.train([4, 5, 2], np.zeros((2, 4)), np.eye(2), 5, 0.1, activation="relu", init="he_normal")


def test_heads_that_were_not_observed_hide_nothing():
    start = ([np.full((4, 5), 0.1), np.full((2, 4), 0.1)], [np.full(4, -99.0), np.zeros(2)])
    for place in (0, 1):
        y = [CURVE.copy(), CURVE.copy()]
        y[place][0] = np.nan
        with pytest.warns(UserWarning, match=ONE_ANSWER):
            fastnn.train([5, 4, 2], ROWS, y, 5, 0.01, activation="relu", init=start, heads=[fastnn.Head(1)] * 2)


@pytest.mark.filterwarnings("error")
def test_where_warnings_are_errors_the_result_is_kept():
    with pytest.raises(UserWarning, match=ONE_ANSWER) as caught:
        trained(WINE)
    assert caught.value.result.n_iter == 300


def test_pieces_are_looked_at_where_they_have_been_read():
    X, y = ROWS[:150], 1e8 + CURVE[:150]
    pieces = fastnn.Pieces([(X[:75], y[:75]), (X[75:], y[75:])], buffer_rows=120)  # the buffer's end stays empty
    with pytest.warns(ConvergenceWarning, match=r"hasn't converged yet\. y is not scaled: .* 1e\+08") as caught:
        fastnn.MLPRegressor(random_state=0, max_iter=2, batch_size=50).fit(pieces)
    assert len(caught) == 1


def test_a_rare_class_that_is_told_apart_is_none():
    """All but two rows are sure of the same; the two are among those looked at, or not."""
    X = np.zeros((1000, 2))
    X[::500, 0] = 1.0
    y = X[:, 0].astype(int)
    X[:, 1] = np.linspace(-1, 1, 1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = fastnn.train([2, 8, 2], X, y, 2000, 0.1, solver="adam", **OPTIONS | {"batch_size": None})
    assert (result.network.predict(X) == y).all()


def test_a_transformed_target_is_scaled():
    model = TransformedTargetRegressor(
        fastnn.MLPRegressor(solver="sgd", learning_rate_init=0.05, random_state=0, max_iter=500),
        transformer=StandardScaler(),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(scale(WINE), 1000 * WINE[:, 0])
    assert np.ptp(model.predict(scale(WINE))) > 500

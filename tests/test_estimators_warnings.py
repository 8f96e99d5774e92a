"""What the estimators warn of: filtered as scikit-learn's, shown at the user's line, once for what overflows."""

import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
import scipy.sparse
import sklearn
import sklearn.neural_network
from fits import ESTIMATORS, LABELS, QUICK, VALUES, X, fitted, outputs, target
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastnn
from fastnn import MLPClassifier, MLPRegressor
from fastnn.estimators._warnings import warn


def caught(work, *filters):
    """The warnings of a call, under filters as `warnings.filterwarnings` takes them."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        for options in filters:
            warnings.filterwarnings(**options)
        try:
            work()
        except ValueError as error:
            assert "non-finite parameter weights" in str(error)  # noqa: PT017
    return found


def overflows(work, *filters):
    return [str(warning.message) for warning in caught(work, *filters) if warning.category is RuntimeWarning]


# -- filters ------------------------------------------------------------------------------------------------------

#: What is warned of, and where the sources of scikit-learn do it.
SITUATIONS = {
    "not converged": (ConvergenceWarning, lambda estimator: estimator(**QUICK)),
    "lbfgs not converged": (ConvergenceWarning, lambda estimator: estimator(**QUICK, solver="lbfgs")),
    "batch size": (UserWarning, lambda estimator: estimator(**{**QUICK, "max_iter": 1000, "tol": 1.0}, batch_size=500)),
    "column": (DataConversionWarning, lambda estimator: estimator(**{**QUICK, "max_iter": 1000, "tol": 1.0})),
    "overflow": (RuntimeWarning, lambda estimator: estimator(**QUICK, solver="sgd", learning_rate_init=1e300)),
}


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("module", ["sklearn", r"sklearn\.neural_network", "sklearn.*"])
def test_a_filter_by_module_holds_as_for_scikit_learn(name, situation, module):
    """``filterwarnings("ignore", category=ConvergenceWarning, module="sklearn")`` stands in its own gallery."""
    category, make = SITUATIONS[situation]
    y = target(name)[:, None] if situation == "column" else target(name)
    for package in (sklearn.neural_network, fastnn):
        ignored = {"action": "ignore", "category": category, "module": module}
        estimator = make(getattr(package, name))
        assert [w for w in caught(lambda fit=estimator.fit: fit(X, y)) if w.category is category]
        if package is fastnn or module != r"sklearn\.neural_network":  # NumPy's stand in other modules of it, too
            assert not [w for w in caught(lambda fit=estimator.fit: fit(X, y), ignored) if w.category is category]
        others = {**ignored, "module": "fastnn|test_"}
        assert [w for w in caught(lambda fit=estimator.fit: fit(X, y), others) if w.category is category]


@pytest.mark.parametrize("package", [fastnn, sklearn.neural_network])
def test_the_logarithm_of_a_probability_of_0_is_filtered_as_there(package):
    estimator = fitted("MLPClassifier", package, max_iter=1000, tol=1.0)
    estimator.coefs_[-1] = np.full_like(estimator.coefs_[-1], 0.0)
    estimator.intercepts_[-1] = np.array([0.0, 2000.0, 0.0])
    words = ["divide by zero encountered in log"]
    assert overflows(lambda: estimator.predict_log_proba(X)) == words
    ignored = {"action": "ignore", "category": RuntimeWarning, "module": "sklearn"}
    assert not overflows(lambda: estimator.predict_log_proba(X), ignored)
    with np.errstate(divide="ignore"):
        assert not overflows(lambda: estimator.predict_log_proba(X))
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError, match="divide by zero"):
        estimator.predict_log_proba(X)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_line_shown_is_the_users(situation):
    category, make = SITUATIONS[situation]
    y = VALUES[:, None] if situation == "column" else VALUES
    estimator = make(MLPRegressor)
    in_pipeline = make_pipeline(StandardScaler(), estimator)
    ways = {  # by their line
        sys._getframe().f_lineno: lambda: estimator.fit(X, y),
        sys._getframe().f_lineno: lambda: in_pipeline.fit(X, y),
        sys._getframe().f_lineno: lambda: estimator.set_params().fit(X, y=y),
    }
    for line, fit in ways.items():
        found = [warning for warning in caught(fit) if warning.category is category]
        assert {(warning.filename, warning.lineno) for warning in found} == {(__file__, line)}
    if situation == "not converged":
        line, found = sys._getframe().f_lineno, caught(lambda: cross_val_score(estimator, X, VALUES, cv=2))
        assert {(warning.filename, warning.lineno) for warning in found} == {(__file__, line)}


def test_a_line_warns_once_a_text():
    """The registry is the user's, as of any warning that is shown at the user's line."""
    program = "for _ in range(3): warn('one')\n" * 2 + "for text in ('one', 'two'): warn(text)"
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        exec(compile(program, "user.py", "exec"), {"__name__": "user", "warn": warn})
    assert [(str(w.message), w.lineno) for w in found] == [("one", 1), ("one", 2), ("one", 3), ("two", 3)]


def test_a_fit_in_a_thread_warns_too():
    """No line of the user's is on the stack."""
    regressor = MLPRegressor(**QUICK)
    with pytest.warns(ConvergenceWarning), ThreadPoolExecutor(1) as pool:
        pool.submit(regressor.fit, X, VALUES).result()


@pytest.mark.parametrize("n_rows", [80, 3])
def test_sums_that_overflow_behind_finite_outputs_are_told(n_rows):
    """A logistic output makes 0 or 1 of an infinite sum, whose exact value may have the other sign."""
    estimator = fastnn.MLPClassifier(**{**QUICK, "activation": "relu", "max_iter": 1000, "tol": 1.0}).fit(X, LABELS > 0)
    estimator.coefs_ = [w * 1e100 for w in estimator.coefs_]
    (words,) = overflows(lambda: estimator.predict_proba(X[:n_rows] * 1e10))
    assert "sums of the last layer" in words
    assert not overflows(lambda: estimator.predict_proba(X[:n_rows] * 1e-300))


# -- overflow while training --------------------------------------------------------------------------------------


def diabetes():
    rows, y = load_diabetes(return_X_y=True, scaled=False)
    return rows * 1e3, y


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_divergence_under_early_stopping_ends_the_fit_and_is_told(solver):
    rows, y = diabetes()
    settings = {"hidden_layer_sizes": (100,) * 3, "early_stopping": True, "random_state": 0, "solver": solver}
    regressor = MLPRegressor(**settings, learning_rate_init=0.1 if solver == "sgd" else 1e200)
    found = caught(lambda: regressor.fit(rows, y))
    (words,) = [str(warning.message) for warning in found if "loss" in str(warning.message)]
    others = {str(warning.message) for warning in found} - {words}
    assert all("squares in the validation score" in text for text in others)  # as NumPy's word there
    epoch = regressor.n_iter_
    assert f"in epoch {epoch}" in words
    assert "learning_rate_init" in words
    assert "best validation score" in words
    assert not any(issubclass(warning.category, ConvergenceWarning) for warning in found)
    assert np.isfinite(regressor.loss_curve_[:-1]).all()
    assert not np.isfinite(regressor.loss_curve_[-1])
    assert epoch == len(regressor.loss_curve_) == len(regressor.validation_scores_) < 10
    # The weights are the best that scikit-learn saw until then, too.
    theirs = sklearn.neural_network.MLPRegressor(**{**settings, "max_iter": epoch}, learning_rate_init=0.1)
    if solver == "sgd":
        caught(lambda: theirs.fit(rows, y))
        np.testing.assert_allclose(regressor.predict(rows), theirs.predict(rows), rtol=1e-10)
    assert np.isfinite(regressor.predict(rows)).all()


def test_a_warm_start_that_diverges_under_early_stopping_gives_back_what_it_began_with():
    regressor = MLPRegressor(**QUICK, solver="sgd", warm_start=True, early_stopping=True)
    caught(lambda: regressor.fit(X, VALUES))
    before = regressor.predict(X)
    regressor.set_params(learning_rate_init=1e200)
    assert any("in epoch 7" in words for words in overflows(lambda: regressor.fit(X, VALUES)))
    assert np.array_equal(regressor.predict(X), before)


def test_a_warm_start_that_diverges_names_its_epoch():
    regressor = MLPRegressor(**QUICK, solver="sgd", warm_start=True)
    caught(lambda: regressor.fit(X, VALUES))
    regressor.set_params(learning_rate_init=1e200)
    (words,) = overflows(lambda: regressor.fit(X, VALUES))
    first = int(np.argmin(np.isfinite(regressor.loss_curve_))) + 1
    assert first > 5
    assert f"in epoch {first}" in words


HUGE = {"float64": 1e160, "float32": 1e25}


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("activation", ["identity", "relu", "tanh", "logistic"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_a_fit_warns_where_numpy_does_in_scikit_learn(name, activation, dtype, solver):
    """One word of ours for its many. lbfgs computes in float64 here, where scikit-learn takes float32 for the loss."""
    if (solver, dtype) == ("lbfgs", "float32"):
        pytest.skip("computed in float64")
    for scale, rate, early_stopping in (
        (1.0, 1e-3, False),
        (1.0, 1e-3, True),
        (1e3, 0.1, False),
        (HUGE[dtype], 1e-3, False),
        (HUGE[dtype], 1e-3, True),
    ):
        settings = {"solver": solver, "activation": activation, "learning_rate_init": rate}
        settings |= {"early_stopping": early_stopping and solver != "lbfgs"}
        ours, theirs = (
            overflows(partial(fit_of, name, package, scale, dtype, settings))
            for package in (fastnn, sklearn.neural_network)
        )
        assert len(ours) == bool(theirs), (settings, scale, ours, theirs)


def fit_of(name, package, scale, dtype, settings):
    estimator = getattr(package, name)(**{**QUICK, "max_iter": 30}, **settings)
    return estimator.fit((X * scale).astype(dtype), LABELS if name == "MLPClassifier" else VALUES.astype(dtype))


def test_moments_of_adam_that_overflow_are_told():
    """Their weights no longer change, while the loss is as finite as ever."""
    estimator = MLPClassifier(**{**QUICK, "max_iter": 30})
    (words,) = overflows(lambda: estimator.fit(X * 1e200, LABELS > 0))
    assert np.isfinite(estimator.loss_curve_).all()
    assert "moments" in words
    assert "scale" in words


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_numpy_s_own_switch_holds_for_the_word():
    regressor = MLPRegressor(**QUICK, solver="sgd", learning_rate_init=1e300)
    with np.errstate(all="ignore"):
        assert not overflows(lambda: regressor.fit(X, VALUES))
    with np.errstate(all="raise", under="ignore"), pytest.raises(FloatingPointError, match="loss"):
        regressor.fit(X, VALUES)


# -- overflow while predicting ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", ["array", "list", "sparse"])
def test_outputs_that_overflow_are_told_once(name, dtype, kind):
    rows = (X * 1e3).astype(dtype)
    convert = {"array": np.array, "list": np.ndarray.tolist, "sparse": scipy.sparse.csr_matrix}[kind]
    for package in (fastnn, sklearn.neural_network):
        estimator = fitted(name, package, activation="identity", max_iter=1000, tol=1.0)
        limit = np.finfo("float64" if kind == "list" else dtype).max
        for weights in estimator.coefs_:
            weights *= np.sqrt(limit)
        estimator.coefs_ = [weights.astype("float64" if kind == "list" else dtype) for weights in estimator.coefs_]
        words = overflows(lambda e=estimator: outputs(e, convert(rows)))
        assert words, package
        if package is fastnn:
            (words,) = words
            assert "of 80 rows" in words
            with np.errstate(all="ignore"):
                assert not overflows(lambda e=estimator: outputs(e, convert(rows)))


@pytest.mark.parametrize("package", [fastnn, sklearn.neural_network])
def test_what_was_not_finite_before_is_not_told(package):
    estimator = fitted("MLPRegressor", package, max_iter=1000, tol=1.0)
    gaps = np.where(X > 1.5, np.nan, X)
    with sklearn.config_context(assume_finite=True):
        assert not overflows(lambda: estimator.predict(gaps))
        assert not overflows(lambda: estimator.predict(gaps[:1].copy()))
    estimator.coefs_[0] = np.full((4, 6), np.nan)
    assert not overflows(lambda: estimator.predict(X))


@pytest.mark.filterwarnings("ignore")
def test_rates_by_the_thousand_are_not_told_one_by_one():
    diverges = MLPRegressor(solver="sgd", learning_rate_init=[1e30] * 1000, max_iter=1000, tol=1e9)
    told = [str(each.message) for each in caught(lambda: diverges.fit(X, VALUES)) if each.category is RuntimeWarning]
    with pytest.raises(ValueError, match="non-finite parameter weights") as error:
        diverges.fit(X, VALUES)
    for text in (*told, str(error.value)):
        assert "a smaller learning_rate_init (it is [1e+30, 1e+30" in text
        assert len(text) < 300
    assert told

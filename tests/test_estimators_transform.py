"""The estimators as transformers, `transform` and the names of its columns; and sizes of hidden layers in a string."""

import copy

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn.neural_network
from fits import ESTIMATORS, LABELS, QUICK, VALUES, X, both, fitted, outputs, target
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

import fastnn
from fastnn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FORMULAS = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh, "logistic": lambda z: 1 / (1 + np.exp(-z))}


# -- transform --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("activation", FORMULAS)
def test_it_is_the_last_hidden_layer_of_scikit_learns_network(name, activation):
    ours, theirs = both(name, activation=activation)
    hidden = X
    for w, b in zip(theirs.coefs_[:-1], theirs.intercepts_[:-1], strict=True):
        hidden = FORMULAS[activation](hidden @ w + b)
    np.testing.assert_allclose(ours.transform(X), hidden, rtol=1e-9, atol=1e-12)
    assert np.array_equal(ours.transform(X), ours.network_.hidden(X, -1))
    assert np.array_equal(ours.transform(X.tolist()), ours.transform(X))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_fit_transform_fits_and_then_transforms(name):
    estimator = getattr(fastnn, name)(**QUICK)
    weight = np.arange(1.0, 81.0)
    found = estimator.fit_transform(X, target(name), sample_weight=weight)
    assert np.array_equal(found, getattr(fastnn, name)(**QUICK).fit(X, target(name), weight).transform(X))


@pytest.mark.parametrize("of_fit", ["float32", "float64"])
@pytest.mark.parametrize("of_rows", ["float32", "float64"])
def test_dtypes(of_fit, of_rows):
    regressor = MLPRegressor(**QUICK).fit(X.astype(of_fit), VALUES.astype(of_fit))
    found = regressor.transform(X.astype(of_rows))
    assert found.dtype == np.result_type(of_fit, of_rows)
    np.testing.assert_allclose(found, regressor.network_.hidden(X, 2), rtol=1e-4, atol=1e-5)


def test_sparse_rows():
    classifier, rows = fitted("MLPClassifier"), np.where(np.abs(X) < 1, 0, X)
    for kind in (scipy.sparse.csr_matrix, scipy.sparse.coo_array):
        assert np.array_equal(classifier.transform(kind(rows)), classifier.transform(rows))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_names_and_frames(name):
    frame = pd.DataFrame(X, columns=list("abcd"), index=np.arange(100, 180))
    estimator = getattr(fastnn, name)(**QUICK).set_output(transform="pandas").fit(frame, target(name))
    names = [f"{name.lower()}{i}" for i in range(5)]
    assert estimator.get_feature_names_out().tolist() == names
    found = estimator.transform(frame)
    assert found.columns.tolist() == names
    assert found.index.tolist() == frame.index.tolist()
    assert np.array_equal(found, estimator.network_.hidden(frame, 2))
    assert isinstance(estimator.predict(frame), np.ndarray)
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.transform(frame.rename(columns={"a": "z"}))
    with pytest.raises(ValueError, match="input_features is not equal to feature_names_in_"):
        estimator.get_feature_names_out(list("wxyz"))


def test_in_pipelines_and_unions():
    into = make_pipeline(StandardScaler(), MLPClassifier(**QUICK), LogisticRegression())
    into.fit(X, LABELS)
    hidden = into[1].transform(into[0].transform(X))
    assert np.array_equal(into.predict(X), LogisticRegression().fit(hidden, LABELS).predict(hidden))
    assert into[:-1].get_feature_names_out()[0] == "mlpclassifier0"
    at_the_end = make_pipeline(StandardScaler(), MLPRegressor(**QUICK)).fit(X, VALUES)
    assert at_the_end.transform(X).shape == (80, 5)
    union = FeatureUnion([("all", StandardScaler()), ("net", MLPRegressor(**QUICK))])
    beside = make_pipeline(union, LinearRegression()).fit(X, VALUES)
    assert beside[0].get_feature_names_out().tolist()[3:6] == ["all__x3", "net__mlpregressor0", "net__mlpregressor1"]


def test_heads_share_it():
    heads = [fastnn.Head(1), fastnn.Head(2)]
    y = np.column_stack([VALUES, VALUES, np.where(np.arange(80) % 2, np.nan, VALUES)])
    regressor = MLPRegressor(heads=heads, **QUICK).fit(X, y)
    assert np.array_equal(regressor.transform(X), regressor.network_.hidden(X)[2])


def test_weights_that_were_set_by_hand_are_those_of_this_moment():
    classifier = fitted("MLPClassifier", activation="tanh")
    other = copy.deepcopy(classifier)
    other.coefs_ = [np.zeros_like(w) for w in classifier.coefs_]
    expected = np.broadcast_to(np.tanh(other.intercepts_[1]), (80, 5))
    np.testing.assert_allclose(other.transform(X), expected, rtol=1e-12)
    moved = MLPClassifier(**QUICK)
    theirs = fitted("MLPClassifier", sklearn.neural_network)
    vars(moved).update(vars(theirs))
    np.testing.assert_allclose(moved.transform(X), fitted("MLPClassifier").transform(X), rtol=1e-9)


def test_before_fit_and_without_hidden_layers():
    for ask in (lambda e: e.transform(X), lambda e: e.get_feature_names_out()):
        with pytest.raises(NotFittedError):
            ask(MLPClassifier())
        with pytest.raises(ValueError, match="this MLPRegressor has no hidden layers, whose outputs transform"):
            ask(fitted("MLPRegressor", hidden_layer_sizes=()))


def test_overflow_is_told():
    regressor = fitted("MLPRegressor", activation="identity")
    with pytest.warns(RuntimeWarning, match="beyond the range of float64"):
        assert not np.isfinite(regressor.transform(np.full((2, 4), 1e308))).all()


# -- sizes in a string --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(
    ("text", "sizes"), [("6x5", (6, 5)), ("7", (7,)), (" 6 x 5 ", (6, 5)), (np.str_("2x3x2"), (2, 3, 2)), ("06", (6,))]
)
def test_a_string_is_the_tuple_that_it_says(name, text, sizes):
    by_text, by_tuple = (fitted(name, hidden_layer_sizes=given) for given in (text, sizes))
    assert [w.shape for w in by_text.coefs_] == [w.shape for w in by_tuple.coefs_]
    assert np.array_equal(outputs(by_text), outputs(by_tuple))
    assert by_text.get_params()["hidden_layer_sizes"] is text
    assert clone(by_text).hidden_layer_sizes == text


@pytest.mark.parametrize(
    "text", ["", "x", "64,32", "64x", "x64", "64xx32", "6.5", "-3", "64\u00d732", "\u0663", "(64, 32)", "1e2"]
)
def test_strings_that_say_no_sizes(text):
    with pytest.raises(ValueError, match=r"such as '64x32' or '100', got .*; for no hidden layers pass \(\)"):
        MLPRegressor(hidden_layer_sizes=text).fit(X, VALUES)
    with pytest.raises(ValueError, match="such as '64x32'"):
        MLPClassifier(hidden_layer_sizes=text).partial_fit(X, LABELS, classes=[0, 1, 2])


def test_strings_of_nothing_and_what_is_no_string():
    with pytest.raises(ValueError, match=r"hidden_layer_sizes must be > 0, got \[8, 0\]"):
        MLPRegressor(hidden_layer_sizes="8x0").fit(X, VALUES)
    with pytest.raises(ValueError, match="an instance of 'str'"):
        MLPRegressor(hidden_layer_sizes=b"8").fit(X, VALUES)


def test_a_search_over_strings():
    grid = {"hidden_layer_sizes": ["3", "4x2"], "activation": ["tanh"]}
    search = GridSearchCV(MLPRegressor(max_iter=3, random_state=0), grid, cv=2).fit(X, VALUES)
    assert search.best_params_["hidden_layer_sizes"] in grid["hidden_layer_sizes"]
    assert {len(search.best_estimator_.coefs_)} <= {2, 3}

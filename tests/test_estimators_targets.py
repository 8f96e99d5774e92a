"""What y and sample_weight may be, and what is held back of them under early stopping."""

import warnings

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network
from fits import ESTIMATORS, LABELS, QUICK, VALUES, X, same_outputs, target
from sklearn.ensemble import BaggingClassifier, BaggingRegressor

import fastnn
from fastnn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

BAGGING = (BaggingClassifier, BaggingRegressor)
INDICATOR = (X[:, :3] > 0).astype(int)


# -- labels -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        np.array([0, 2]),
        np.array([0, 255], np.uint8),
        np.array([0, -3]),
        np.array([-1, 1]),
        np.array([0.0, 2.0]),
        np.array([0.0, 2.0], np.float32),
        np.array([False, True]),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [np.array, scipy.sparse.csr_matrix, scipy.sparse.csc_matrix, np.ndarray.tolist])
@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"solver": "lbfgs"}])
def test_an_indicator_says_yes_by_whatever_is_not_zero(values, kind, settings):
    if kind is not np.array and values.dtype == bool:
        pytest.skip("lists and sparse matrices of booleans are the same to NumPy")
    y = kind(values[INDICATOR])
    if scipy.sparse.issparse(y) and values.all():
        for package in (fastnn, sklearn.neural_network):  # a sparse indicator has zeros
            with pytest.raises(ValueError, match="Multioutput target data is not supported"):
                package.MLPClassifier(**QUICK).fit(X, y)
        return
    ours = MLPClassifier(**QUICK, **settings).fit(X, y)
    dense = values[INDICATOR] if settings == {"early_stopping": True} else y  # 1.8 stumbles over sparse y there
    theirs = sklearn.neural_network.MLPClassifier(**QUICK, **settings).fit(X, dense)
    bound = 1e-6 if "solver" in settings else 1e-10  # lbfgs multiplies roundings
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=bound)
    found, right = ours.predict(X), theirs.predict(X)
    assert scipy.sparse.issparse(found) == scipy.sparse.issparse(y)
    assert np.array_equal(*(p.toarray() if scipy.sparse.issparse(p) else p for p in (found, right)))


def test_partial_fit_takes_such_indicators_too():
    ours, theirs = (package.MLPClassifier(**QUICK) for package in (fastnn, sklearn.neural_network))
    for estimator in (ours, theirs):
        for _ in range(2):
            estimator.partial_fit(X, INDICATOR * 7, classes=[0, 1, 2])
    same_outputs(ours, theirs)


@pytest.mark.parametrize("only", [0, 1, 5, "yes", True])
def test_a_single_class_is_always_right(only):
    """Whatever it is; scikit-learn 1.8 takes no strings here."""
    y = np.full(80, only)
    ours = MLPClassifier(**QUICK, early_stopping=True).fit(X, y)
    theirs = sklearn.neural_network.MLPClassifier(**QUICK, early_stopping=True).fit(X, np.zeros(80))
    assert set(ours.validation_scores_) == set(theirs.validation_scores_) == {1.0}
    assert ours.n_iter_ == theirs.n_iter_
    same_outputs(ours, theirs)
    assert ours.predict(X).tolist() == y.tolist()


def test_too_few_members_of_a_class_are_named_by_the_users_label():
    """After scikit-learn's own words, which name truth values."""
    y = np.where(np.arange(80) == 3, "spam", "ham")
    said = []
    for package, labels in ((fastnn, y), (sklearn.neural_network, (y == "spam").astype(int))):
        with pytest.raises(ValueError, match="class") as error:
            package.MLPClassifier(**QUICK, early_stopping=True).fit(X, labels)
        said.append(str(error.value))
    assert said[0] == f"{said[1]} ('False' is the label 'ham', 'True' is 'spam')"
    with pytest.raises(ValueError, match="'True' is 7"):
        MLPClassifier(**QUICK, early_stopping=True).fit(X, np.where(y == "spam", 7, 2))


# -- numbers ------------------------------------------------------------------------------------------------------


def test_targets_beyond_float32_are_named():
    y = VALUES.copy()
    y[7] = 1e39
    with pytest.raises(ValueError, match=r"y has 1e\+39 in row 7.*beyond the range of float32.*X.*float64"):
        MLPRegressor(**QUICK).fit(X.astype(np.float32), y)
    with pytest.raises(ValueError, match=r"row 7, column 1"):
        MLPRegressor(**QUICK).fit(X.astype(np.float32), np.c_[VALUES, y])
    regressor = MLPRegressor(**QUICK).fit(X.astype(np.float32), VALUES)
    with pytest.raises(ValueError, match="row 7"):
        regressor.partial_fit(X.astype(np.float32), y)
    assert np.isfinite(MLPRegressor(**QUICK).fit(X, y).loss_)


# -- weights of rows ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(("dtype", "scale"), [("float32", 2.0**-150), ("float32", 2.0**140), ("float64", 2.0**-1040)])
def test_without_a_penalty_only_the_ratios_of_weights_count(name, solver, early_stopping, dtype, scale):
    """By the definition of a weighted mean; 2^-150 is nothing in float32, and 2^-1040 has few digits in float64."""
    weight = np.round(np.random.default_rng(3).random(80) * 8) / 4
    settings = {**QUICK, "solver": solver, "early_stopping": early_stopping, "alpha": 0.0}
    rows = X.astype(dtype)
    expected = getattr(fastnn, name)(**settings).fit(rows, target(name), weight)
    found = getattr(fastnn, name)(**settings).fit(rows, target(name), weight * scale)
    assert found.loss_ == expected.loss_
    for layer, right in zip(found.coefs_, expected.coefs_, strict=True):
        assert np.array_equal(layer, right)
    assert found.loss_ > 0


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_penalty_over_the_weight_of_all_rows_that_is_beyond_the_dtype_is_named(name, solver):
    estimator = getattr(fastnn, name)(**QUICK, solver=solver, alpha=0.5)
    dtype, tiny = (np.float64, 1e-320) if solver == "lbfgs" else (np.float32, 1e-46)
    with pytest.raises(ValueError, match=r"sample_weight sums to .*alpha=0\.5.*beyond the range of float"):
        estimator.fit(X.astype(dtype), target(name), np.full(80, tiny))


@pytest.mark.parametrize("scale", [2.0**-20, 1.0, 2.0**20])
def test_the_penalty_is_alpha_over_the_weight_of_the_batch(scale):
    weight = np.random.default_rng(3).random(80) * scale
    ours, theirs = (
        package.MLPRegressor(**QUICK, alpha=0.1 * scale, early_stopping=True).fit(X, VALUES, weight)
        for package in (fastnn, sklearn.neural_network)
    )
    same_outputs(ours, theirs)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_rows_of_no_weight_are_not_all_that_is_held_back(name):
    """The split is scikit-learn's, unless it holds back nothing that counts, or leaves nothing to learn from."""
    settings = {**QUICK, "early_stopping": True, "max_iter": 3}
    y = target(name)
    if name == "MLPClassifier":
        y = LABELS > 0
    n_saved = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        weight = np.bincount(rng.integers(0, 20, 20), minlength=20).astype(float)
        weight[rng.permutation(20)[:8]] = 0.0
        ours = getattr(fastnn, name)(**{**settings, "random_state": seed}).fit(X[:20], y[:20], weight)
        assert np.isfinite(ours.validation_scores_).all()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of divisions by 0
                theirs = getattr(sklearn.neural_network, name)(**{**settings, "random_state": seed})
                theirs.fit(X[:20], y[:20], weight)
        except (ZeroDivisionError, ValueError):  # by release
            n_saved += 1
            continue
        if np.isfinite(theirs.validation_scores_).all():
            same_outputs(ours, theirs, X)
            assert ours.validation_scores_ == pytest.approx(theirs.validation_scores_, rel=1e-10)
        else:
            n_saved += 1
    assert 0 < n_saved < 12


@pytest.mark.parametrize(("name", "bagging"), list(zip(ESTIMATORS, BAGGING, strict=True)))
def test_bagging_with_early_stopping_on_few_rows(name, bagging):
    y = LABELS[:20] > 0 if name == "MLPClassifier" else VALUES[:20]
    estimator = getattr(fastnn, name)(**QUICK, early_stopping=True)
    ensemble = bagging(estimator, n_estimators=20, random_state=0).fit(X[:20], y)
    assert np.isfinite(ensemble.predict(X).astype(float)).all()


def test_too_few_members_of_a_class_among_the_rows_that_weigh_something_are_named():
    """Each class has ten members, but one of them a single one of any weight, which no split can share out."""
    y, weight = np.arange(20) % 2, np.zeros(20)
    weight[[0, 2, 4, 6, 8, 11]] = 1.0
    estimator = fastnn.MLPClassifier(**{**QUICK, "validation_fraction": 0.1}, early_stopping=True)

    def fit_by_many_seeds():  # until rows without weight alone are held back
        for seed in range(20):
            estimator.set_params(random_state=seed).fit(X[:20], y, weight)

    with pytest.raises(ValueError, match=r"only 1 member.*of the 6 rows whose weight is not 0, out of 20"):
        fit_by_many_seeds()


@pytest.mark.parametrize("name", ESTIMATORS)
def test_too_few_rows_of_any_weight_are_named(name):
    weight = np.zeros(80)
    weight[:3] = 1.0
    with pytest.raises(ValueError, match=r"3 of 80 rows have a weight"):
        getattr(fastnn, name)(**QUICK, early_stopping=True).fit(X, target(name), weight)


# -- sizes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("sizes", [True, [True], (5, False), np.True_, np.array([True, True])])
def test_a_truth_value_is_no_size(name, sizes):
    with pytest.raises((TypeError, ValueError), match=r"hidden_layer_sizes.*(True|False)"):
        getattr(fastnn, name)(**{**QUICK, "hidden_layer_sizes": sizes}).fit(X, target(name))


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("width", [10**12, 10**17, 10**30])
@pytest.mark.parametrize("place", [0, 1])
def test_a_layer_too_wide_for_the_memory_is_named(name, width, place):
    sizes = [5, 5]
    sizes[place] = width
    with pytest.raises(MemoryError, match=rf"{width} units in hidden_layer_sizes\[{place}\]"):
        getattr(fastnn, name)(**{**QUICK, "hidden_layer_sizes": sizes}).fit(X, target(name))

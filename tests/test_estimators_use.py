"""The estimators in use: kinds of data, predictions, copies and pickles; interrupts, threads and memory."""

import copy
import pickle
import signal
import threading

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn
import sklearn.neural_network
from conftest import run_program
from fits import ESTIMATORS, LABELS, QUICK, RNG, X, both, fitted, outputs, same_outputs, target
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import scale

import fastnn
from fastnn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# -- data ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.csc_matrix, scipy.sparse.csr_array])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_sparse_input_is_learned_from_as_dense(name, kind, solver, early_stopping):
    rows = np.where(np.abs(X) < 0.7, 0, X)
    parameters = {**QUICK, "solver": solver, "early_stopping": early_stopping}
    dense = getattr(fastnn, name)(**parameters).fit(rows, target(name))
    sparse = getattr(fastnn, name)(**parameters).fit(kind(rows), target(name))
    assert np.array_equal(outputs(dense, rows), outputs(sparse, kind(rows)))
    assert np.array_equal(dense.predict(kind(rows)), sparse.predict(rows))


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("of_fit", ["float32", "float64"])
@pytest.mark.parametrize("of_predict", ["float32", "float64", "int64"])
def test_dtypes(name, of_fit, of_predict):
    ours, theirs = (
        getattr(module, name)(**QUICK).fit(X.astype(of_fit), target(name).astype(of_fit))
        for module in (fastnn, sklearn.neural_network)
    )
    for layer, right in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        assert layer.dtype == right.dtype == of_fit
        assert layer.shape == right.shape
    rows = (X * 3).astype(of_predict)
    assert outputs(ours, rows).dtype == outputs(theirs, rows).dtype
    bound = 1e-10 if of_fit == "float64" else 1e-4
    np.testing.assert_allclose(outputs(ours, rows), outputs(theirs, rows), rtol=bound, atol=bound)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_lbfgs_computes_in_float64(name):
    rows = X.astype(np.float32)
    ours, theirs = (
        getattr(module, name)(**QUICK, solver="lbfgs").fit(rows, target(name))
        for module in (fastnn, sklearn.neural_network)
    )
    assert ours.coefs_[0].dtype == theirs.coefs_[0].dtype == np.float64
    np.testing.assert_allclose(outputs(ours, rows), outputs(theirs, rows), atol=1e-4)  # whose loss is float32


@pytest.mark.parametrize("name", ESTIMATORS)
def test_float32_weights_go_on_with_float64_data(name):
    estimator = getattr(fastnn, name)(**QUICK).fit(X.astype(np.float32), target(name))
    expected = fitted(name)
    for each in (estimator, expected):
        each.partial_fit(X, target(name))
    assert estimator.coefs_[0].dtype == np.float64
    np.testing.assert_allclose(outputs(estimator), outputs(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # scikit-learn's overflows
def test_scores_that_are_not_numbers_leave_the_start_weights():
    ours, theirs = both("MLPRegressor", solver="sgd", learning_rate_init=1e300, early_stopping=True)
    assert np.isnan(ours.validation_scores_).all()
    assert np.isnan(theirs.validation_scores_).all()
    same_outputs(ours, theirs)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_memory_orders_and_read_only_data_make_no_difference(name):
    before = X.copy()
    expected = outputs(fitted(name))
    read_only = X.copy()
    read_only.flags.writeable = False
    for rows in (np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2], read_only, X.tolist()):
        estimator = getattr(fastnn, name)(**QUICK).fit(rows, target(name))
        assert np.array_equal(outputs(estimator, rows), expected)
    assert np.array_equal(X, before)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("frames", ["pandas", "polars"])
def test_frames_give_their_names(name, frames):
    library = pytest.importorskip(frames)
    frame = library.DataFrame({f"column {i}": X[:, i] for i in range(4)})
    if not hasattr(getattr(sklearn.neural_network, name)(**QUICK).fit(frame, target(name)), "feature_names_in_"):
        pytest.skip(f"scikit-learn {sklearn.__version__} finds no names in a frame of this {frames}")
    estimator = getattr(fastnn, name)(**QUICK).fit(frame, target(name))
    assert estimator.feature_names_in_.tolist() == [f"column {i}" for i in range(4)]
    assert np.array_equal(outputs(estimator, frame), outputs(fitted(name)))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        estimator.predict(X)
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.predict(frame.rename({"column 0": "other"}, **({"axis": 1} if frames == "pandas" else {})))


TEXT = np.array([["BMW", 3.0], ["VW", 4.0]] * 10, object)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("rows", [TEXT, TEXT.astype(str), TEXT.tolist(), np.full((20, 2), np.nan)])
def test_who_takes_text_and_gaps_is_told(kind, rows):
    with pytest.raises(ValueError, match=r"contains NaN|could not convert string") as caught:
        kind().fit(rows, [0, 1] * 10)
    tabular = kind.__name__.replace("MLP", "fastnn.Tabular")
    assert caught.value.__notes__ == [f"{tabular} takes text, categories, dates and gaps as they are."]


def test_who_takes_classes_is_told():
    with pytest.raises(ValueError, match="could not convert string") as caught:
        MLPRegressor().fit(np.ones((20, 2)), np.array(["a", "b"] * 10, object))
    assert caught.value.__notes__ == ["y is text; for classes: fastnn.MLPClassifier."]


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_the_name_of_a_column_is_no_y(kind):
    with pytest.raises(TypeError, match=r"y is 'price'; pass the column, X\['price'\], and drop it from X"):
        kind().fit(TEXT, "price")


def test_labels_of_every_kind():
    indicator = (X[:, :3] > 0).astype(int)
    for y in (
        LABELS,
        LABELS.astype(float),
        LABELS > 0,
        np.array(["no", "yes", "perhaps"])[LABELS],
        np.array(["no", "yes", "perhaps"], dtype=object)[LABELS],
        pd.Series(np.array(["no", "yes", "perhaps"])[LABELS]).astype("category"),
        np.where(LABELS > 0, "b", "a"),
        np.zeros(80),
        indicator,
        scipy.sparse.csr_matrix(indicator),
    ):
        ours, theirs = (module.MLPClassifier(**QUICK).fit(X, y) for module in (fastnn, sklearn.neural_network))
        found, right = ours.predict(X), theirs.predict(X)
        assert type(found) is type(right)
        assert found.dtype == right.dtype
        assert np.array_equal(*(p.toarray() if scipy.sparse.issparse(p) else p for p in (found, right)))
        assert np.array_equal(ours.classes_, theirs.classes_)
        assert ours.score(X, y) == theirs.score(X, y)
        np.testing.assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-8)
        by_network = ours.network_.predict(X)
        assert np.array_equal(by_network, found.toarray() if scipy.sparse.issparse(found) else found)


# -- prediction ---------------------------------------------------------------------------------------------------


def test_the_short_path_of_predict_has_the_same_outcome():
    estimator = fitted("MLPRegressor")
    row = X[:1].copy()
    assert np.array_equal(estimator.predict(row), estimator.predict(row.tolist()))
    assert np.array_equal(estimator.predict(X), estimator.predict(np.asfortranarray(X)))
    assert np.array_equal(estimator.predict(X), estimator.predict(X.view(np.recarray).view(np.matrix).A))
    for rows, words in (
        (X[0], "Expected 2D array, got 1D array instead"),
        (X[:, :3], "X has 3 features, but MLPRegressor is expecting 4 features as input"),
        (X[:0], "Found array with 0 sample"),
        (np.full((1, 4), np.nan), "Input X contains NaN"),
        (np.full((1, 4), np.inf), "Input X contains infinity"),
    ):
        with pytest.raises(ValueError, match=words):
            estimator.predict(rows)
    with sklearn.config_context(assume_finite=True):
        assert np.isnan(estimator.predict(np.full((1, 4), np.nan))).all()
        assert np.isnan(estimator.predict(np.vstack([X, np.full((1, 4), np.nan)]))).tolist() == [False] * 80 + [True]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_predictions_ask_no_parameter_again(name, monkeypatch):
    """What fit has checked: asking again took longer than the predictions of 200 rows."""

    def refuse(*arguments, **parameters):
        raise AssertionError("parameters are checked")

    estimator = fitted(name)
    expected = estimator.predict(X)
    for module in ("_base.check_objective", "_parameters.validate_parameter_constraints"):
        monkeypatch.setattr(f"fastnn.estimators.{module}", refuse)
    assert np.array_equal(estimator.predict(X), expected)
    with pytest.raises(AssertionError, match="parameters are checked"):
        estimator.set_params(tol=0.25).fit(X, target(name))  # which no fit before has had


@pytest.mark.parametrize("name", ESTIMATORS)
def test_wrong_defaults_of_a_subclass_are_told(name):
    """Only this package's own defaults are taken for right."""

    def start(self, alpha=-1.0, another="?"):
        super(type(self), self).__init__(alpha=alpha)
        self.another = another

    mine = type("Mine", (getattr(fastnn, name),), {"__init__": start})
    with pytest.raises(ValueError, match="The 'alpha' parameter of Mine must be a float in the range"):
        mine().fit(X, target(name))
    assert mine(0.5).fit(X, target(name)).get_params() == {"alpha": 0.5, "another": "?"}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_prediction_does_not_change_the_estimator(name):
    estimator = fitted(name)
    before = dict(vars(estimator))
    for rows in (X, X.tolist(), X.astype(np.float32)):
        estimator.predict(rows)
        estimator.network_.predict(rows)
    assert vars(estimator) == before


def test_the_network_of_an_estimator():
    classifier = MLPClassifier(**QUICK).fit(X, np.array(["no", "yes", "perhaps"])[LABELS])
    assert classifier.network_ is classifier.network_
    assert classifier.network_.layer_sizes == (4, 6, 5, 3)
    assert classifier.network_.activations == ("relu", "relu", "softmax")
    assert classifier.network_.predict(X[0]) == classifier.predict(X[:1])[0]
    assert classifier.network_.classes.tolist() == classifier.classes_.tolist()


# -- travelling ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_copy_goes_on_as_the_original(name, solver, early_stopping, tmp_path):
    original = fitted(name, solver=solver, early_stopping=early_stopping, warm_start=True)
    joblib.dump(original, tmp_path / "model")
    copies = [
        pickle.loads(pickle.dumps(original)),
        copy.deepcopy(original),
        joblib.load(tmp_path / "model"),
        joblib.load(tmp_path / "model", mmap_mode="r"),
    ]
    before = outputs(original)
    for other in copies:
        assert np.array_equal(outputs(other), before)
        assert other.get_params() == original.get_params()
        assert vars(other).keys() == vars(original).keys()
    original.fit(X, target(name))
    if solver != "lbfgs" and not early_stopping:
        original.partial_fit(X, target(name))
    for other in copies:
        assert np.array_equal(outputs(other), before)  # nothing is shared
        other.fit(X, target(name))
        if solver != "lbfgs" and not early_stopping:
            other.partial_fit(X, target(name))
        assert np.array_equal(outputs(other), outputs(original))
        other.coefs_[0][:] = 0
        assert not np.array_equal(outputs(other), outputs(original))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_copy_of_weights_set_by_hand(name):
    original = fitted(name)
    original.coefs_[0] = np.ones((4, 6))
    other = pickle.loads(pickle.dumps(original))
    assert np.array_equal(outputs(other), outputs(original))
    assert not hasattr(clone(other), "coefs_")


def test_estimators_are_shown_and_routed():
    assert "MLPClassifier" in MLPClassifier(alpha=2)._repr_html_()
    assert repr(MLPClassifier(alpha=2)) == "MLPClassifier(alpha=2)"
    with sklearn.config_context(enable_metadata_routing=True):
        classifier = MLPClassifier().set_fit_request(sample_weight=True).set_partial_fit_request(classes=True)
        asked = dict.fromkeys(("X_val", "y_val", "sample_weight_val")) | {"sample_weight": True}
        assert classifier.get_metadata_routing().fit.requests == asked


# -- interrupts, threads, memory ----------------------------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_interrupted_fit_leaves_a_usable_model(early_stopping):
    rows = RNG.standard_normal((5000, 50))
    regressor = MLPRegressor(
        hidden_layer_sizes=(200, 100),
        max_iter=10_000,
        n_iter_no_change=np.inf,
        random_state=0,
        early_stopping=early_stopping,
    )

    def fit(seconds):
        threading.Timer(seconds, signal.raise_signal, [signal.SIGINT]).start()
        regressor.fit(rows, rows[:, 0])

    def n_passes_within(seconds):
        try:
            with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
                fit(seconds)
        except KeyboardInterrupt:  # before training began
            return 0
        return regressor.n_iter_

    seconds = 0.7
    while n_passes_within(seconds) == 0:  # on a slow machine
        seconds *= 2
    assert regressor.n_iter_ < 10_000
    assert len(regressor.loss_curve_) == regressor.n_iter_ > 0
    assert np.isfinite(regressor.predict(rows)).all()
    regressor.set_params(max_iter=2, warm_start=True).fit(rows, rows[:, 0])
    assert regressor.n_iter_ == 2


def test_many_fits_in_threads_have_the_same_scores():
    digits, labels = load_digits(return_X_y=True)
    digits = scale(digits)
    classifier = MLPClassifier((20,), max_iter=8, random_state=0)
    alone = cross_val_score(classifier, digits, labels, cv=4)
    with joblib.parallel_backend("threading", n_jobs=4):
        assert np.array_equal(cross_val_score(classifier, digits, labels, cv=4), alone)
        search = GridSearchCV(classifier, {"alpha": [1e-4, 1.0]}, cv=3).fit(digits, labels)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_large_fit_needs_no_more_memory_than_scikit_learns():
    """100,000 rows of 20 numbers: the peak of the resident size above where it was before."""
    program = """
        import resource, warnings
        import numpy as np
        from {module} import MLPClassifier
        warnings.simplefilter("ignore")
        rng = np.random.default_rng(0)
        X = rng.standard_normal((100_000, 20))
        y = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int)
        MLPClassifier(max_iter=1).fit(X[:500], y[:500]).predict(X[:500])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        MLPClassifier(max_iter=2).fit(X, y).predict(X)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        """
    ours, theirs = (int(run_program(program.format(module=m))) for m in ("fastnn", "sklearn.neural_network"))
    assert ours <= theirs, f"{ours} and {theirs} KB"

"""``fastnn.cross_validate``: the keys, scores and choices of scikit-learn's own tools over the same estimators."""

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn import model_selection
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.datasets import make_classification, make_multilabel_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, r2_score
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, ParameterSampler, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, StandardScaler

import fastnn
from fastnn.many import folds

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CLASSES = make_classification(90, 6, n_informative=4, n_classes=3, random_state=0)
VALUES = make_regression(70, 5, n_targets=1, noise=3.0, random_state=1)
NETWORK = fastnn.MLPClassifier((5,), max_iter=6, batch_size=16, learning_rate_init=0.02, random_state=3)
REGRESSOR = fastnn.MLPRegressor(hidden_layer_sizes=(4,), max_iter=5, solver="lbfgs", random_state=3)
GRID = {"alpha": [1e-4, 1.0], "hidden_layer_sizes": [(3,), (4, 2)]}


def share_and_size(model, X, y):
    """A function as users write them: several scores."""
    return {"share": np.mean(model.predict(X) == y), "size": float(len(X))}


def behind(steps, grid):
    """The same grid for the network at the end of a pipeline."""
    return make_pipeline(*steps, NETWORK), {f"mlpclassifier__{name}": values for name, values in grid.items()}


def assert_same_dict(found, expected):
    assert list(found) == list(expected)
    for name in found:
        if not name.endswith("_time"):
            np.testing.assert_array_equal(found[name], expected[name], strict=True)


def assert_same_search(found, expected):
    """Everything that GridSearchCV has, but for times."""
    ours, theirs = found.cv_results_, expected.cv_results_
    assert list(ours) == list(theirs)
    for name in ours:
        assert type(ours[name]) is type(theirs[name])
        if "_time" not in name:
            np.testing.assert_array_equal(ours[name], theirs[name])
            assert name == "params" or ours[name].dtype == theirs[name].dtype
    chosen = {name for name in vars(expected) if name.endswith("_")} - {"cv_results_", "best_estimator_", "refit_time_"}
    assert {name for name in vars(found) if name.endswith("_")} >= chosen
    for name in chosen - {"scorer_"}:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


# -- without a grid -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "data", "scoring"),
    [
        (NETWORK, CLASSES, None), (NETWORK, CLASSES, "accuracy"), (NETWORK, CLASSES, ["accuracy", "neg_log_loss"]),
        (NETWORK, CLASSES, {"f": "f1_macro"}), (NETWORK, CLASSES, share_and_size),
        (REGRESSOR, VALUES, None), (REGRESSOR, VALUES, "neg_mean_squared_error"),
        (REGRESSOR, VALUES, make_scorer(r2_score)), (make_pipeline(StandardScaler(), NETWORK), CLASSES, ("accuracy",)),
    ],
    ids=range(9),
)  # fmt: skip
@pytest.mark.parametrize("with_train", [False, True])
def test_the_dict_is_that_of_scikit_learn(model, data, scoring, with_train):
    options = {"cv": 3, "scoring": scoring, "return_train_score": with_train}
    found = fastnn.cross_validate(model, *data, **options)
    assert_same_dict(found, model_selection.cross_validate(model, *data, **options))
    assert (found["score_time"] > 0).all()
    assert (found["fit_time"] > 0).all()


def test_estimators_and_indices_come_back_when_asked_for():
    model = make_pipeline(StandardScaler(), NETWORK)
    options = {"cv": KFold(4, shuffle=True, random_state=0), "return_estimator": True, "return_indices": True}
    found = fastnn.cross_validate(model, *CLASSES, **options)
    expected = model_selection.cross_validate(model, *CLASSES, **options)
    assert list(found) == list(expected)
    for which in ("train", "test"):
        for ours, theirs in zip(found["indices"][which], expected["indices"][which], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    for ours, theirs in zip(found["estimator"], expected["estimator"], strict=True):
        np.testing.assert_array_equal(ours.predict_proba(CLASSES[0]), theirs.predict_proba(CLASSES[0]))
        np.testing.assert_array_equal(ours[0].mean_, theirs[0].mean_)


@pytest.mark.parametrize(
    "cv",
    [
        2, KFold(3), StratifiedKFold(3, shuffle=True, random_state=1), GroupKFold(3),
        [(np.arange(60), np.arange(60, 90)), (np.arange(30, 90), np.arange(30))],
        [(np.arange(90) < 60, np.arange(90) >= 60)],
        [(list(range(50)), list(range(40, 90)))],
    ],
    ids=["int", "KFold", "stratified", "groups", "indices", "masks", "lists"],
)  # fmt: skip
def test_folds_are_those_of_scikit_learn(cv):
    groups = np.arange(90) // 10 if isinstance(cv, GroupKFold) else None
    found = fastnn.cross_validate(NETWORK, *CLASSES, cv=cv, groups=groups)
    assert_same_dict(found, model_selection.cross_validate(NETWORK, *CLASSES, cv=cv, groups=groups))


def labels_of(kind):
    X, y = CLASSES
    if kind == "multilabel":
        return make_multilabel_classification(90, 6, n_classes=3, random_state=0)
    return X, {"words": np.array(["no", "yes", "maybe"])[y], "objects": np.array(["a", "b", "c"], object)[y],
               "floats": y.astype(float), "column": y[:, None], "list": y.tolist()}[kind]  # fmt: skip


@pytest.mark.parametrize("kind", ["words", "objects", "floats", "column", "list", "multilabel"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_labels_of_any_kind(kind):
    X, y = labels_of(kind)
    found = fastnn.cross_validate(NETWORK, X, y, cv=KFold(3, shuffle=True, random_state=0))
    assert_same_dict(found, model_selection.cross_validate(NETWORK, X, y, cv=KFold(3, shuffle=True, random_state=0)))


@pytest.mark.parametrize("kind", [list, np.float32, scipy.sparse.csr_matrix, scipy.sparse.coo_array, np.asfortranarray])
def test_rows_of_any_kind_and_nothing_is_written_to(kind):
    X = np.where(np.abs(CLASSES[0]) > 1, CLASSES[0], 0)
    made = X.tolist() if kind is list else X.astype(kind) if kind is np.float32 else kind(X)
    if isinstance(made, np.ndarray):
        made.flags.writeable = False
    found = fastnn.cross_validate(NETWORK, made, CLASSES[1], cv=3)
    assert_same_dict(found, model_selection.cross_validate(NETWORK, made, CLASSES[1], cv=3))
    np.testing.assert_array_equal(np.asarray(made.toarray() if scipy.sparse.issparse(made) else made, X.dtype),
                                  X.astype(made.dtype if hasattr(made, "dtype") else float))  # fmt: skip


def test_several_targets_and_single_precision():
    X, y = make_regression(60, 4, n_targets=3, random_state=0)
    for dtype in (np.float32, np.float64):
        data = X.astype(dtype), y.astype(dtype)
        found = fastnn.cross_validate(REGRESSOR, *data, cv=3)
        assert_same_dict(found, model_selection.cross_validate(REGRESSOR, *data, cv=3))


# -- with a grid --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_train", [False, True])
@pytest.mark.parametrize("grid", [GRID, [GRID, {"activation": ["tanh"], "alpha": np.array([0.1, 10.0])}]])
def test_the_results_are_those_of_gridsearchcv(grid, with_train):
    found = fastnn.cross_validate(NETWORK, *CLASSES, cv=3, param_grid=grid, return_train_score=with_train)
    expected = GridSearchCV(NETWORK, grid, cv=3, return_train_score=with_train).fit(*CLASSES)
    assert_same_search(found, expected)
    np.testing.assert_array_equal(found.predict_proba(CLASSES[0]), expected.predict_proba(CLASSES[0]))
    assert found.score(*CLASSES) == expected.score(*CLASSES)


def test_what_comes_back_is_a_search_that_can_be_kept_and_repeated():
    found = fastnn.cross_validate(NETWORK, *CLASSES, cv=3, param_grid=iter([{"alpha": 0.1}, {"alpha": 10.0}]))
    kept = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(kept.predict(CLASSES[0]), found.predict(CLASSES[0]))
    assert_same_search(found, clone(found).fit(*CLASSES))
    assert found.estimator is NETWORK
    assert not hasattr(NETWORK, "coefs_")


SETTINGS = [{"alpha": 0.1}, {"alpha": 2.0, "hidden_layer_sizes": (3, 2)}]


@pytest.mark.parametrize(
    "settings",
    [SETTINGS, iter(SETTINGS), tuple(SETTINGS), (one for one in SETTINGS)],
    ids=["list", "iterator", "tuple", "generator"],
)
def test_settings_one_by_one(settings):
    found = fastnn.cross_validate(NETWORK, *CLASSES, cv=3, param_grid=settings)
    grid = [{"alpha": [0.1]}, {"alpha": [2.0], "hidden_layer_sizes": [(3, 2)]}]
    assert_same_search(found, GridSearchCV(NETWORK, grid, cv=3).fit(*CLASSES))


def test_sampled_settings_are_those_of_randomizedsearchcv():
    drawn = {"alpha": np.geomspace(1e-4, 10, 20), "activation": ["relu", "tanh"]}
    found = fastnn.cross_validate(NETWORK, *CLASSES, cv=3, param_grid=ParameterSampler(drawn, 5, random_state=0))
    search = model_selection.RandomizedSearchCV(NETWORK, drawn, n_iter=5, cv=3, random_state=0).fit(*CLASSES)
    assert_same_search(found, search)


@pytest.mark.parametrize("refit", [False, "accuracy", lambda results: 1])
def test_several_scores_and_which_counts(refit):
    scoring = {"accuracy": "accuracy", "loss": "neg_log_loss"}
    found = fastnn.cross_validate(NETWORK, *CLASSES, cv=3, param_grid=GRID, scoring=scoring, refit=refit)
    expected = GridSearchCV(NETWORK, GRID, cv=3, scoring=scoring, refit=refit).fit(*CLASSES)
    assert_same_search(found, expected)
    assert found.scorer_.keys() == expected.scorer_.keys()


def test_a_function_of_several_scores_and_a_grid():
    options = {"scoring": share_and_size, "refit": "share"}
    found = fastnn.cross_validate(NETWORK, *CLASSES, cv=3, param_grid=GRID, **options)
    assert_same_search(found, GridSearchCV(NETWORK, GRID, cv=3, **options).fit(*CLASSES))
    with pytest.raises(ValueError, match="multi-metric scoring"):
        fastnn.cross_validate(NETWORK, *CLASSES, cv=3, param_grid=GRID, scoring=share_and_size)


@pytest.mark.parametrize(("model", "data"), [(NETWORK, CLASSES), (REGRESSOR, VALUES)], ids=["classes", "values"])
@pytest.mark.parametrize("grid", [None, {"alpha": [1e-4, 1.0]}], ids=["alone", "grid"])
def test_rows_have_weights(model, data, grid):
    weight = np.random.default_rng(0).uniform(0.1, 3, len(data[0]))
    found = fastnn.cross_validate(model, *data, cv=3, param_grid=grid, sample_weight=weight)
    if grid:
        expected = GridSearchCV(model, grid, cv=3).fit(*data, sample_weight=weight)
        assert_same_search(found, expected)
        np.testing.assert_array_equal(found.predict(data[0]), expected.predict(data[0]))
    else:
        params = {"params": {"sample_weight": weight}}
        assert_same_dict(found, model_selection.cross_validate(model, *data, cv=3, **params))


# -- pipelines ----------------------------------------------------------------------------------------------------


SEEN = []


class Recorder(TransformerMixin, BaseEstimator):
    """Shows the rows that it was fitted on."""

    def fit(self, X, y=None):
        SEEN.append(X[:, 0].copy())
        return self

    def transform(self, X):
        return X


def test_steps_are_fitted_on_the_folds_rows_alone_and_once_for_all_networks():
    SEEN.clear()
    model, grid = behind([Recorder()], GRID)
    X = np.arange(90.0)[:, None] * np.ones(2)
    fastnn.cross_validate(model, X, CLASSES[1], cv=KFold(3), param_grid=grid, refit=False)
    assert [sorted(rows) for rows in SEEN] == [
        [i for i in range(90) if i not in range(start, start + 30)] for start in (0, 30, 60)
    ]


STEPS = {
    "scaler": ([StandardScaler()], {}),
    "its parameters": ([StandardScaler()], {"standardscaler__with_mean": [True, False]}),
    "widths": ([StandardScaler(), PCA(2)], {"pca__n_components": [2, 4]}),
    "other steps": ([StandardScaler()], {"standardscaler": [StandardScaler(), MaxAbsScaler(), "passthrough"]}),
    "sparse": ([FunctionTransformer(scipy.sparse.csr_matrix), MaxAbsScaler()], {}),
    "float32": ([FunctionTransformer(np.float32)], {}),
    "nothing": (["passthrough"], {}),
    "none": ([], {}),
}


@pytest.mark.parametrize("end_to_end", [0, 1 << 28], ids=["one by one", "end to end"])
@pytest.mark.parametrize("steps", STEPS)
def test_a_pipeline_has_the_results_of_gridsearchcv(steps, end_to_end, monkeypatch):
    monkeypatch.setattr(folds, "END_TO_END", end_to_end)
    steps, own = STEPS[steps]
    model, grid = behind(steps, {"alpha": [0.01, 1.0]})
    found = fastnn.cross_validate(model, *CLASSES, cv=3, param_grid=grid | own)
    expected = GridSearchCV(model, grid | own, cv=3).fit(*CLASSES)
    assert_same_search(found, expected)
    np.testing.assert_array_equal(found.predict_proba(CLASSES[0]), expected.predict_proba(CLASSES[0]))


def test_a_grid_over_the_last_step_and_weights():
    model = Pipeline([("scale", StandardScaler()), ("net", NETWORK)])
    grid = {"net": [NETWORK, fastnn.MLPClassifier((2,), max_iter=4, random_state=0)]}
    weight = np.random.default_rng(0).uniform(0.1, 3, 90)
    found = fastnn.cross_validate(model, *CLASSES, cv=3, param_grid=grid, sample_weight=weight, refit=False)
    expected = GridSearchCV(model, grid, cv=3, refit=False).fit(*CLASSES, net__sample_weight=weight)
    ours, theirs = found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("with_names", [False, True], ids=["arrays", "names"])
def test_frames_keep_their_names(with_names):
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(CLASSES[0], columns=list("abcdef"), index=range(100, 190))
    y = pandas.Series(CLASSES[1], index=X.index)
    model = make_pipeline(StandardScaler(), NETWORK)
    for one in (NETWORK, model.set_output(transform="pandas") if with_names else model):
        found = fastnn.cross_validate(one, X, y, cv=3, return_estimator=True)
        expected = model_selection.cross_validate(one, X, y, cv=3, return_estimator=True)
        np.testing.assert_array_equal(found["test_score"], expected["test_score"])
        assert list(found["estimator"][0].feature_names_in_) == list("abcdef")


def test_ensembles():
    grid = {"n_members": [2, 3], "alpha": [0.01, 1.0]}
    found = fastnn.cross_validate(NETWORK, *CLASSES, cv=3, param_grid=grid)
    expected = GridSearchCV(NETWORK, grid, cv=3).fit(*CLASSES)
    assert_same_search(found, expected)
    np.testing.assert_array_equal(found.predict_proba(CLASSES[0]), expected.predict_proba(CLASSES[0]))


def test_large_networks_are_scored_before_others_are_fitted(monkeypatch):
    monkeypatch.setattr(folds, "FITTED", 32 * (6 * 40 + 40))
    sizes = [(30,), (90,), (2,), (40,)]
    found = fastnn.cross_validate(NETWORK, *CLASSES, cv=3, param_grid={"hidden_layer_sizes": sizes})
    assert_same_search(found, GridSearchCV(NETWORK, {"hidden_layer_sizes": sizes}, cv=3).fit(*CLASSES))


def test_a_fits_time_is_its_own():
    grid = {"max_iter": [1, 5000], "n_iter_no_change": [9000]}
    times = fastnn.cross_validate(NETWORK, *CLASSES, cv=2, param_grid=grid, n_jobs=1).cv_results_["mean_fit_time"]
    assert times[1] > times[0] > 0
    assert not any("fit" in vars(step) for step in fastnn.cross_validate(
        NETWORK, *CLASSES, cv=2, return_estimator=True)["estimator"])  # fmt: skip


# -- what goes wrong ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scoring", [None, ["accuracy", "neg_log_loss"], share_and_size])
def test_fits_that_fail_have_the_error_score_and_are_told(scoring):
    options = {"scoring": scoring, "refit": False, "error_score": -1.0, "return_train_score": True}
    grid = {"hidden_layer_sizes": [(3,), (-1,)]}
    with pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 6"):
        found = fastnn.cross_validate(NETWORK, *CLASSES, cv=3, param_grid=grid, **options)
    with pytest.warns(FitFailedWarning):
        expected = GridSearchCV(NETWORK, grid, cv=3, **options).fit(*CLASSES)
    assert_same_search(found, expected)


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_steps_that_fail():
    model, grid = behind([PCA()], {"alpha": [0.1, 1.0]})
    grid["pca__n_components"] = [2, 7]
    with pytest.warns(FitFailedWarning, match="6 fits failed out of a total of 12"):
        found = fastnn.cross_validate(model, *CLASSES, cv=3, param_grid=grid)
    assert found.best_params_["pca__n_components"] == 2
    assert np.isnan(found.cv_results_["mean_test_score"]).sum() == 2
    with pytest.raises(ValueError, match="n_components=7"):
        fastnn.cross_validate(model, *CLASSES, cv=3, param_grid=grid, error_score="raise")


def test_all_fits_fail():
    with pytest.raises(ValueError, match=r"(?s)All the 5 fits failed.*hidden_layer_sizes"):
        fastnn.cross_validate(clone(NETWORK).set_params(hidden_layer_sizes=(-1,)), *CLASSES)
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        fastnn.cross_validate(clone(NETWORK).set_params(hidden_layer_sizes=(-1,)), *CLASSES, error_score="raise")


def test_a_scorer_that_fails():
    def score(model, X, y):
        raise KeyError("none")

    with pytest.warns(UserWarning, match="(?s)Scoring failed.*none"):
        found = fastnn.cross_validate(NETWORK, *CLASSES, cv=2, scoring=score, error_score=7.0)
    assert found["test_score"].tolist() == [7.0, 7.0]
    with pytest.raises(KeyError, match="none"):
        fastnn.cross_validate(NETWORK, *CLASSES, cv=2, scoring=score, error_score="raise")


def test_rows_to_score_by_that_cannot_be_predicted():
    X, cv = CLASSES[0].copy(), [(np.arange(40, 90), np.arange(20)), (np.arange(40, 90), np.arange(20, 40))]
    X[3] = np.nan
    with pytest.warns(UserWarning, match="(?s)Scoring failed.*NaN"):
        found = fastnn.cross_validate(NETWORK, X, CLASSES[1], cv=cv)
    with pytest.warns(UserWarning, match="Scoring failed"):
        assert_same_dict(found, model_selection.cross_validate(NETWORK, X, CLASSES[1], cv=cv))
    with pytest.raises(ValueError, match="NaN"):
        fastnn.cross_validate(NETWORK, X, CLASSES[1], cv=cv, error_score="raise")


def test_labels_in_a_sparse_matrix():
    X, y = CLASSES[0], scipy.sparse.csr_matrix(np.eye(3, dtype=int)[CLASSES[1]])
    found = fastnn.cross_validate(NETWORK, X, y, cv=KFold(3), param_grid=GRID)
    assert_same_search(found, GridSearchCV(NETWORK, GRID, cv=KFold(3)).fit(X, y))


def test_a_class_that_a_fold_lacks_is_scored_as_scikit_learn_does():
    X, y = CLASSES[0][np.argsort(CLASSES[1])], np.sort(CLASSES[1])
    found = fastnn.cross_validate(NETWORK, X, y, cv=KFold(3))
    assert_same_dict(found, model_selection.cross_validate(NETWORK, X, y, cv=KFold(3)))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"model": LogisticRegression()}, TypeError, "is a LogisticRegression, expected fastnn's"),
        ({"model": make_pipeline(StandardScaler(), LogisticRegression())}, TypeError, "a Pipeline that ends in a L"),
        ({"model": make_pipeline(NETWORK, "passthrough")}, TypeError, "GridSearchCV with n_jobs"),
        ({"param_grid": 3}, TypeError, "param_grid has 3, expected a dict of lists"),
        ({"param_grid": ["alpha"]}, TypeError, "param_grid has 'alpha'"),
        ({"param_grid": []}, ValueError, "no settings"),
        ({"param_grid": iter([])}, ValueError, "no settings"),
        ({"param_grid": {"alpha": 0.1}}, TypeError, "alpha"),
        ({"param_grid": {"alhpa": [0.1]}}, ValueError, "alhpa"),
        ({"error_score": "nan"}, ValueError, "error_score is 'nan', expected a number"),
        ({"param_grid": GRID, "return_estimator": True}, ValueError, "without param_grid"),
        ({"sample_weight": np.ones(4)}, ValueError, "inconsistent numbers of samples"),
        ({"n_jobs": 0}, ValueError, "n_jobs must be"),
        ({"scoring": "akkuracy"}, ValueError, "akkuracy"),
        ({"cv": 100}, ValueError, "n_splits=100"),
        ({"n_jobs": "all"}, ValueError, "n_jobs must be"),
        ({"max_time": -1.0}, ValueError, "max_time must be"),
        ({"max_time": "1"}, TypeError, "max_time must be"),
        ({"y": None}, ValueError, "y is None"),
        ({"X": fastnn.Pieces([CLASSES]), "y": None}, TypeError, "X comes in Pieces"),
    ],
    ids=range(20),
)  # fmt: skip
def test_bad_arguments(options, error, message):
    arguments = {"model": NETWORK, "X": CLASSES[0], "y": CLASSES[1]} | options
    with pytest.raises(error, match=message):
        fastnn.cross_validate(**arguments)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning", "ignore:(max_time|One or more)")
def test_the_time_is_over(monkeypatch):
    clock = iter(range(100))
    many = folds.fit_many

    def fit_many(models, *args, max_time=None, **options):
        assert max_time == 4.0  # 5 seconds, of which the clock says that one has passed
        return [None, *many(models[1:], *args, **{**options, "rows": options["rows"][1:]})]

    monkeypatch.setattr(folds, "fit_many", fit_many)
    monkeypatch.setattr(folds.time, "monotonic", lambda: float(next(clock)))
    found = fastnn.cross_validate(NETWORK, *CLASSES, cv=3, max_time=5)
    assert np.isnan(found["test_score"]).tolist() == [True, False, False]


def test_a_fit_warns_as_alone():
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        fastnn.cross_validate(NETWORK, *CLASSES, cv=2)
    assert any(one.category is ConvergenceWarning for one in found)

"""scikit-learn's perceptrons as networks and estimators, and back: its own outputs and trainings are expected."""

import copy
import pickle

import numpy as np
import pytest
import sklearn.neural_network
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RobustScaler,
    StandardScaler,
)

import fastnn

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
FACES = {"ours": fastnn, "theirs": sklearn.neural_network}
DIGITS = [array[:400] for array in load_digits(return_X_y=True)]
CANCER = load_breast_cancer(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
MANY = DIGITS[0] / 16, np.eye(10, dtype=int)[DIGITS[1]][:, :4] | (DIGITS[1] % 2)[:, None]
WORDS = np.array(["benign", "malignant"], object)

#: Name -> class, X and y.
PROBLEMS = {
    "digits": ("MLPClassifier", DIGITS[0] / 16, DIGITS[1]),
    "two words": ("MLPClassifier", StandardScaler().fit_transform(CANCER[0]), WORDS[CANCER[1]]),
    "several labels": ("MLPClassifier", *MANY),
    "diabetes": ("MLPRegressor", *DIABETES),
    "two targets": ("MLPRegressor", DIABETES[0], np.column_stack([DIABETES[1], DIABETES[1] ** 2 / 100])),
    "counts": ("MLPRegressor", DIABETES[0], DIABETES[1]),
}


def fitted(problem, package=sklearn.neural_network, dtype=np.float64, **options):
    name, X, y = PROBLEMS[problem]
    if problem == "counts":
        options["loss"] = "poisson"
    settings = {"hidden_layer_sizes": (8, 5), "max_iter": 5, "random_state": 0, **options}
    return getattr(package, name)(**settings).fit(X.astype(dtype), y)


def outputs(model, X):
    outputs = model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)
    return outputs.reshape(len(X), -1)


def outputs_of(network, X):
    return network.predict_proba(X) if network._labels.are_classes else network(X)


def same(found, expected, tolerance=1e-12):
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


# -- networks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_network_there_and_back(problem, face, dtype):
    model, (_, X, y) = fitted(problem, FACES[face], dtype), PROBLEMS[problem]
    X, tolerance = X.astype(dtype), 1e-12 if dtype == np.float64 else 2e-5
    network = fastnn.Network.from_sklearn(model)
    assert network.dtype == dtype
    same(outputs_of(network, X), outputs(model, X), tolerance)
    back = network.to_sklearn()
    assert type(back).__module__.startswith("sklearn.")
    same(outputs(back, X), outputs(model, X), tolerance)
    if hasattr(model, "classes_"):
        assert (network.predict(X) == model.predict(X)).mean() > 0.999  # float32 may differ where two are as likely
        assert np.array_equal(back.classes_, model.classes_)
    for _ in range(5):
        back.partial_fit(X, y)
    assert back.loss_curve_ == sorted(back.loss_curve_, reverse=True)
    assert len(back.loss_curve_) == 5


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("hidden", [(), (6,), (6, 4, 3)])
def test_each_activation_and_depth(activation, hidden):
    model, X = fitted("digits", activation=activation, hidden_layer_sizes=hidden), PROBLEMS["digits"][1]
    network = fastnn.Network.from_sklearn(model)
    assert network.activations == (*[activation] * len(hidden), "softmax")
    same(network(X), model.predict_proba(X))
    same(network.to_sklearn().predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("way", ["partial_fit", "warm start"])
def test_a_network_goes_on_as_scikit_learn_from_its_weights(way):
    """Whose own start with these weights is told by hand."""
    _, X, y = PROBLEMS["digits"]
    options = {"activation": "tanh", "loss": "log_loss", "init": "glorot_uniform"}
    network = fastnn.train([64, 8, 10], X, y, 20, 0.5, random_state=0, **options).network
    model = network.to_sklearn().set_params(random_state=1, warm_start=True, max_iter=2)
    by_hand = sklearn.neural_network.MLPClassifier((8,), "tanh", random_state=1, warm_start=True, max_iter=1).fit(X, y)
    by_hand.set_params(max_iter=2)
    by_hand.coefs_, by_hand.intercepts_ = [W.T.copy() for W in network.W.values()], [*map(np.copy, network.b.values())]
    by_hand.t_, by_hand.loss_curve_, by_hand.best_loss_, by_hand._no_improvement_count = 0, [], np.inf, 0
    del by_hand._optimizer
    for one in (model, by_hand):
        one.partial_fit(X, y) if way == "partial_fit" else one.fit(X, y)
    assert model.loss_curve_ == by_hand.loss_curve_
    assert all(map(np.array_equal, model.coefs_, by_hand.coefs_))


def test_a_network_shares_nothing_with_the_model():
    model = fitted("diabetes", fastnn)
    network = fastnn.Network.from_sklearn(model)
    other = network.to_sklearn()
    before = network.parameters.copy()
    model.coefs_[0][:] = other.coefs_[0][:] = other.intercepts_[0][:] = 7.0
    assert np.array_equal(network.parameters, before)


def test_names_of_columns():
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(PROBLEMS["diabetes"][1], columns=list("abcdefghij"))
    y = PROBLEMS["diabetes"][2]
    mlp = sklearn.neural_network.MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, random_state=0)
    for model in (clone(mlp).fit(X, y), make_pipeline(StandardScaler(), clone(mlp)).fit(X, y)):
        network = fastnn.Network.from_sklearn(model)
        assert network.feature_names == tuple("abcdefghij")
        same(network.predict(X), model.predict(X))
        assert list(network.to_sklearn().feature_names_in_) == list("abcdefghij")


SCALERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    MinMaxScaler((-1, 2)),
    MaxAbsScaler(),
    RobustScaler(),
    RobustScaler(with_centering=False),
    RobustScaler(with_scaling=False),
    FunctionTransformer(),
    "passthrough",
]


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
@pytest.mark.parametrize("face", FACES)
def test_each_scaler_is_folded(scaler, face):
    X, y = CANCER
    mlp = FACES[face].MLPClassifier((5,), max_iter=3, random_state=0)
    model = make_pipeline(scaler, mlp).fit(X, y)
    same(fastnn.Network.from_sklearn(model).predict_proba(X), model.predict_proba(X), 1e-10)


def test_several_scalers_one_in_another_pipeline_and_heads_of_ours():
    X, y = DIABETES
    heads = [fastnn.Head(1), fastnn.Head(1, "gamma")]
    mlp = fastnn.MLPRegressor(hidden_layer_sizes=(5,), heads=heads, max_iter=3, random_state=0)
    model = make_pipeline(make_pipeline(StandardScaler(), "passthrough"), MinMaxScaler(), mlp)
    model.fit(1e3 + X, np.column_stack([y, y]))
    network = fastnn.Network.from_sklearn(model)
    assert network.heads == ((1, "identity"), (1, "exp"))
    same(np.column_stack(network.predict(1e3 + X)), model.predict(1e3 + X), 1e-10)


def test_float32_keeps_its_digits_when_a_scale_is_folded():
    """A column far from 0, whose difference float32 could not hold in one sum."""
    X, y = (1e3 + DIABETES[0]).astype(np.float32), DIABETES[1]
    model = make_pipeline(
        StandardScaler(), sklearn.neural_network.MLPRegressor(hidden_layer_sizes=(5,), max_iter=3, random_state=0)
    )
    model.fit(X, y)
    network = fastnn.Network.from_sklearn(model)
    assert network.dtype == "float64"
    same(network.predict(X), model.predict(X), 1e-4)
    with pytest.raises(ValueError, match=r"step 'standardscaler'.*column \d.*digits"):
        fastnn.Network.from_sklearn(make_pipeline(StandardScaler(), model[-1]).fit(1e12 + DIABETES[0] * 1e3, y))


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (PCA(5), r"step 'pca' \(PCA\).*StandardScaler.*last step alone"),
        (Normalizer(), r"step 'normalizer' \(Normalizer\)"),
        (MinMaxScaler(clip=True), r"step 'minmaxscaler' \(MinMaxScaler\).*clip=True"),
        (FunctionTransformer(np.tanh), "FunctionTransformer"),
    ],
)
def test_a_step_that_cannot_be_folded_is_named(step, message):
    X, y = DIABETES
    model = make_pipeline(
        step, sklearn.neural_network.MLPRegressor(hidden_layer_sizes=(5,), max_iter=2, random_state=0)
    ).fit(X, y)
    with pytest.raises(ValueError, match=message):
        fastnn.Network.from_sklearn(model)


def test_other_models():
    for model in (LogisticRegression(), TransformedTargetRegressor(sklearn.neural_network.MLPRegressor()), 3):
        with pytest.raises(TypeError, match=f"the model is a {type(model).__name__}"):
            fastnn.Network.from_sklearn(model)
    with pytest.raises(TypeError, match="logisticregression is a LogisticRegression"):
        fastnn.Network.from_sklearn(make_pipeline(LogisticRegression()))
    for package in FACES.values():
        with pytest.raises(NotFittedError):
            fastnn.Network.from_sklearn(package.MLPRegressor())
    with pytest.raises(NotFittedError):
        fastnn.Network.from_sklearn(make_pipeline(StandardScaler(), fitted("diabetes")))
    broken = fitted("diabetes")
    broken.coefs_[0][0, 0] = np.nan
    with pytest.raises(ValueError, match=r"nan in row 0, column 0"):
        fastnn.Network.from_sklearn(broken)


def trained(sizes, y, **options):
    return fastnn.train(sizes, DIABETES[0], y, 2, 0.01, random_state=0, **options).network


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda y: trained([10, 3, 1], y, activation="gelu"), "hidden layers of 'gelu'"),
        (lambda y: trained([10, 3, 3, 1], y, activation=["tanh", "relu"]), "different activations.*'tanh', 'relu'"),
        (lambda y: trained([10, 3, 1], y > 99, activation="tanh", loss="hinge"), "threshold of 0"),
        (lambda y: trained([10, 3, 1], y / 400), "'logistic' for values"),
        (lambda y: trained([10, 3, 2], y / 400, activation="tanh", loss="gaussian_nll"), "variances"),
        (lambda y: trained([10, 3, 2], y, activation="tanh", loss="quantile", quantile=[0.1, 0.9]), "quantiles"),
        (
            lambda y: trained([10, 3, 2], [y, y], activation="tanh", heads=[fastnn.Head(1), fastnn.Head(1)]),
            "several heads",
        ),
    ],
)
def test_what_scikit_learn_lacks_is_named(make, message):
    with pytest.raises(ValueError, match=f"scikit-learn's perceptrons have no .*{message}"):
        make(DIABETES[1]).to_sklearn()


# -- estimators ---------------------------------------------------------------------------------------------------

TRAININGS = [
    {"solver": "adam"},
    {"solver": "sgd"},
    {"solver": "sgd", "nesterovs_momentum": False, "learning_rate": "invscaling"},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 1, "max_iter": 20},
    {"solver": "lbfgs"},
    {"early_stopping": True},
]
ATTRIBUTES = ("n_iter_", "t_", "loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_")


@pytest.mark.parametrize("problem", ["digits", "two words", "several labels", "diabetes"])
@pytest.mark.parametrize("options", TRAININGS, ids=str)
@pytest.mark.parametrize("way", ["partial_fit", "warm start"])
def test_training_goes_on_with_the_numbers_of_scikit_learn(problem, options, way):
    if way == "partial_fit" and (options.get("solver") == "lbfgs" or "early_stopping" in options):
        return
    name, X, y = PROBLEMS[problem]
    theirs = fitted(problem, warm_start=True, **options)
    ours = getattr(fastnn, name).from_sklearn(theirs)
    again = ours.to_sklearn()
    assert again.get_params() == theirs.get_params()
    assert vars(again).keys() - {"_best_coefs", "_best_intercepts"} <= vars(theirs).keys()
    for _ in range(2):
        for model in (theirs, ours, again):
            model.partial_fit(X, y) if way == "partial_fit" else model.fit(X, y)
    assert all(map(np.array_equal, again.coefs_, theirs.coefs_))  # it is scikit-learn's own code, with the same state
    same(outputs(ours, X), outputs(theirs, X), 1e-6 if options.get("solver") == "lbfgs" else 1e-8)
    for attribute in ATTRIBUTES:
        expected = getattr(theirs, attribute, None)
        assert getattr(again, attribute, None) == expected
        if options.get("solver") != "lbfgs" and expected is not None:
            assert getattr(ours, attribute) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("options", TRAININGS[:4], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_training_of_ours_goes_on_in_scikit_learn(options, dtype):
    _, X, y = PROBLEMS["digits"]
    X = X.astype(dtype)
    ours = fitted("digits", fastnn, dtype, **options)
    theirs = ours.to_sklearn()
    for _ in range(2):
        for model in (ours, theirs):
            model.partial_fit(X, y)
    assert theirs.t_ == ours.t_
    tolerance = 1e-9 if dtype == np.float64 else 1e-3
    assert theirs.loss_curve_ == pytest.approx(ours.loss_curve_, rel=tolerance)
    np.testing.assert_allclose(theirs.predict_proba(X), ours.predict_proba(X), atol=tolerance)


def test_nothing_is_shared_and_all_of_it_travels():
    theirs = fitted("diabetes")
    before = copy.deepcopy(theirs)
    ours = fastnn.MLPRegressor.from_sklearn(theirs)
    _, X, y = PROBLEMS["diabetes"]
    kept = pickle.loads(pickle.dumps(ours)).partial_fit(X, y)
    assert kept.loss_curve_ == ours.partial_fit(X, y).loss_curve_
    assert theirs.loss_curve_ == before.loss_curve_
    assert all(map(np.array_equal, theirs.coefs_, before.coefs_))
    assert all(map(np.array_equal, theirs._optimizer.ms, before._optimizer.ms))
    other = ours.to_sklearn()
    other.partial_fit(X, y)
    assert len(ours.loss_curve_) == len(other.loss_curve_) - 1
    assert not np.array_equal(ours.coefs_[0], other.coefs_[0])


def test_one_that_is_not_fitted_brings_its_parameters():
    theirs = sklearn.neural_network.MLPClassifier((3,), "tanh", alpha=0.1)
    ours = fastnn.MLPClassifier.from_sklearn(theirs)
    assert (ours.hidden_layer_sizes, ours.activation, ours.alpha) == ((3,), "tanh", 0.1)
    with pytest.raises(NotFittedError):
        ours.to_sklearn()


def test_what_only_watches_is_left_out_and_other_words_for_the_same_will_do():
    options = {"activation": ["tanh", "tanh"], "hidden_layer_sizes": "8x5", "track": "loss", "progress": False}
    theirs = fitted("diabetes", fastnn, **(options | {"track": None, "callback": lambda *args: None})).to_sklearn()
    assert (theirs.activation, theirs.hidden_layer_sizes) == ("tanh", (8, 5))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dropout": 0.2}, "has no dropout=0.2"),
        ({"l1": 0.1, "max_norm": 2.0}, r"has no l1=0\.1, max_norm=2\.0"),
        ({"bias": False}, "has no bias=False"),
        ({"solver": "nadam"}, "'solver' parameter"),
        ({"activation": "gelu"}, "hidden layers of 'gelu'"),
        ({"activation": ["tanh", "relu"]}, "different activations"),
        ({"loss": "huber"}, "'loss' parameter"),
        ({"learning_rate_init": fastnn.schedules.cosine(0.1)}, "'learning_rate_init' parameter"),
        ({"warm_start": "solver"}, "'warm_start' parameter"),
    ],
)
def test_parameters_that_scikit_learn_lacks_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        fitted("diabetes", fastnn, **options).to_sklearn()


def test_other_models_for_an_estimator():
    theirs = fitted("diabetes")
    with pytest.raises(TypeError, match=r"is a MLPRegressor, expected scikit-learn's MLPClassifier"):
        fastnn.MLPClassifier.from_sklearn(theirs)
    with pytest.raises(TypeError, match=r"is a Pipeline.*model\[-1\]"):
        fastnn.MLPRegressor.from_sklearn(make_pipeline(StandardScaler(), theirs))
    theirs.get_params = lambda deep=True: {"new_word": 3}
    with pytest.raises(ValueError, match="no new_word"):
        fastnn.MLPRegressor.from_sklearn(theirs)

"""Estimators in fastnn's files: parameters, labels, curves and, where asked for, all that training goes on from."""

import copy
import warnings
from pathlib import Path

import numpy as np
import pytest
import sklearn.neural_network
from fits import ESTIMATORS, LABELS, QUICK, VALUES, X, fitted, outputs, target
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_estimators_travel import KINDS, on_its_way

import fastnn
from fastnn import Head, MLPClassifier, MLPRegressor, schedules

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def by_file(tmp_path):
    def save_and_load(model, **options):
        model.save(tmp_path / "model", **options)
        return fastnn.load(tmp_path / "model")

    return save_and_load


#: Parameters that a file has to bring back as they are -> the estimators that have them.
PARAMETERS = [
    {"hidden_layer_sizes": ()},
    {"hidden_layer_sizes": [6, 5], "activation": ["relu", ("elu", 0.5)]},
    {"hidden_layer_sizes": np.array([6, 5]), "frozen": ("W1", 2), "layer_rates": [1, (0.5, np.float32(2)), 1]},
    {"hidden_layer_sizes": "6x5", "batch_size": np.int64(7), "verbose": np.False_},
    {"learning_rate_init": schedules.one_cycle(0.1, pct_start=0.25, warmup=3)},
    {"learning_rate_init": schedules.step(0.1, milestones=[0.2, 0.4]), "random_state": None},
    {"learning_rate_init": np.full(45, 0.01), "batch_size": 9, "max_iter": 5},
    {"learning_rate": "cosine", "max_norm": None, "n_iter_no_change": np.inf, "tol": 0},
    {"random_state": np.random.RandomState(3)},
    {"dropout": (0.25, 0.5), "input_dropout": 0.125, "max_time": 100, "track": ("score", "seconds")},
    {"scoring": "loss", "mu_inc": 7},
]


def same(one, other):
    """Values and types, all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        is_same = one.tolist() == other.tolist() if one.dtype == object else one.tobytes() == other.tobytes()
        return one.dtype == other.dtype and one.shape == other.shape and is_same
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, np.random.RandomState):
        return same(one.get_state(legacy=False), other.get_state(legacy=False))
    return one == other or one != one


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("parameters", PARAMETERS, ids="-".join)
def test_parameters_come_back_as_they_are(parameters, name, by_file):
    for model in (made := getattr(fastnn, name)(**{**QUICK, **parameters}), made.fit(X, target(name))):
        again = by_file(model)
        assert type(again) is type(model)
        assert same(again.get_params(), model.get_params())
        assert same(clone(again).get_params(), model.get_params())
    assert outputs(again).tobytes() == outputs(made).tobytes()


@pytest.mark.parametrize("solver_state", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_it_predicts_and_goes_on(name, kind, dtype, solver_state, by_file):
    original = getattr(fastnn, name)(**{**QUICK, **kind}).fit(X.astype(dtype), target(name))
    arrived = by_file(original, solver_state=solver_state)
    left_out = {"_optimizer", "_course", "_random_state"}
    assert vars(arrived).keys() - left_out == vars(original).keys() - left_out - {"_prepared"}
    assert outputs(arrived).tobytes() == outputs(original).tobytes()
    assert arrived.predict(X).tobytes() == original.predict(X).tobytes()
    assert arrived.score(X, target(name)) == original.score(X, target(name))
    assert same(arrived.history_, original.history_)
    for one in ("loss_", "best_loss_", "n_iter_", "t_", "loss_curve_", "validation_scores_", "best_validation_score_"):
        assert same(getattr(arrived, one, None), getattr(original, one, None))
    before = outputs(original).tobytes()
    on_its_way(arrived, name)
    assert outputs(original).tobytes() == before
    if solver_state:
        on_its_way(original, name)
        assert outputs(arrived).tobytes() == outputs(original).tobytes()
        assert same(getattr(arrived, "loss_curve_", None), getattr(original, "loss_curve_", None))
    else:
        copied = copy.deepcopy(original)
        vars(copied).pop("_optimizer", None)
        assert outputs(arrived).tobytes() == outputs(on_its_way(copied, name)).tobytes()


@pytest.mark.parametrize(
    "kind", [{}, {"early_stopping": True}, {"dropout": 0.25}, {"solver": "sgd", "random_state": None}]
)
def test_two_halves_have_the_bits_of_a_whole(kind, by_file):
    """warm_start="solver", saved between the halves, is one fit of twice the epochs."""
    options = {**QUICK, "warm_start": "solver", "tol": 0, "batch_size": 9, **kind}
    np.random.seed(4)
    whole = MLPClassifier(**{**options, "max_iter": 6}).fit(X, LABELS)
    np.random.seed(4)
    half = by_file(MLPClassifier(**{**options, "max_iter": 3}).fit(X, LABELS), solver_state=True)
    np.random.seed(77)
    half.fit(X, LABELS)
    assert outputs(half).tobytes() == outputs(whole).tobytes()
    assert half.loss_curve_ == whole.loss_curve_


def test_a_generator_that_is_a_parameter_stays_the_one_that_draws(by_file):
    original = MLPRegressor(**{**QUICK, "random_state": np.random.RandomState(5)}).fit(X, VALUES)
    arrived = by_file(original, solver_state=True)
    assert arrived._random_state is arrived.random_state
    for estimator in (original, arrived):
        estimator.partial_fit(X, VALUES)
    assert outputs(arrived).tobytes() == outputs(original).tobytes()


@pytest.mark.parametrize(
    "y",
    [
        LABELS,
        LABELS.astype("i1"),
        LABELS == 1,
        LABELS.astype(float),
        np.array(["no", "yes"])[LABELS // 2],
        np.array(["no", "yes", "perhaps"], object)[LABELS],
        np.eye(3, dtype=int)[LABELS],
        LABELS * 0,
    ],
    ids=["int", "int8", "bool", "float", "str", "object", "multilabel", "one label"],
)
def test_labels_of_every_kind(y, by_file):
    original = MLPClassifier(**QUICK).fit(X, y)
    arrived = by_file(original)
    assert same(arrived.classes_, original.classes_)
    assert same(arrived.predict(X), original.predict(X))
    assert same(arrived.network_.predict(X), original.network_.predict(X))
    arrived.partial_fit(X, y)
    assert arrived.score(X, y) > 0


def test_outputs_of_another_activation(by_file):
    original = MLPClassifier(**QUICK, output_activation="logistic").fit(X, LABELS)
    arrived = by_file(original)
    assert arrived.out_activation_ == "logistic"
    assert outputs(arrived).tobytes() == outputs(original).tobytes()


def test_labels_that_come_later(by_file):
    arrived = by_file(MLPClassifier((6,), extend_classes=True, random_state=0).partial_fit(X[:9], ["a"] * 9))
    arrived.partial_fit(X[:9], ["b", "c", "a"] * 3)
    assert arrived.classes_.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge", "focal"])
def test_losses_of_the_classifier(loss, by_file):
    original = MLPClassifier(**QUICK, loss=loss).fit(X, LABELS)
    arrived = by_file(original)
    assert arrived.predict(X).tolist() == original.predict(X).tolist()
    assert hasattr(arrived, "predict_proba") == (loss == "focal")


@pytest.mark.parametrize(
    "parameters",
    [
        {"loss": "poisson"},
        {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]},
        {"loss": "gaussian_nll"},
        {"heads": [Head(1), Head(2, "gaussian_nll", weight=0.5)]},
        {"heads": (Head(1, "quantile", quantile=0.9), Head(1, "huber", huber_delta=2.0, output_activation="exp"))},
    ],
    ids=str,
)
def test_what_a_regressor_predicts(parameters, by_file):
    y = np.column_stack([VALUES, VALUES**2]) if "heads" in parameters else VALUES**2
    original = MLPRegressor(**{**QUICK, **parameters}).fit(X, y)
    arrived = by_file(original, solver_state=True)
    assert same(arrived.predict(X), original.predict(X))
    assert same(arrived.get_params(), original.get_params())
    assert arrived.score(X, y) == original.score(X, y)
    if parameters.get("loss") == "gaussian_nll":
        assert same(arrived.predict(X, return_std=True), original.predict(X, return_std=True))
    assert same(arrived.partial_fit(X, y).predict(X), original.partial_fit(X, y).predict(X))


def test_names_of_columns(by_file):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "größe"])
    original = MLPClassifier(**QUICK).fit(frame, LABELS).set_output(transform="pandas")
    arrived = by_file(original)
    assert same(arrived.feature_names_in_, original.feature_names_in_)
    assert arrived.network_.feature_names == ("a", "b", "c", "größe")
    assert arrived._sklearn_output_config == original._sklearn_output_config
    assert arrived.predict(frame).tolist() == original.predict(frame).tolist()
    with pytest.raises(ValueError, match="feature names"):
        arrived.predict(frame[["b", "a", "c", "größe"]])


def test_sparse_labels_stay_sparse(by_file):
    scipy_sparse = pytest.importorskip("scipy.sparse")
    original = MLPClassifier(**QUICK).fit(X, scipy_sparse.csr_matrix(np.eye(3, dtype=int)[LABELS]))
    assert scipy_sparse.issparse(by_file(original).predict(X))


def test_weights_that_were_set_by_hand(by_file):
    original = fitted("MLPRegressor")
    original.coefs_[0] = np.ones((4, 6))
    original.activation = "tanh"
    arrived = by_file(original)
    assert outputs(arrived).tobytes() == outputs(original).tobytes()


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_model_moved_from_scikit_learn(name, by_file):
    original = getattr(fastnn, name)(**QUICK)
    vars(original).update(copy.deepcopy(vars(fitted(name, sklearn.neural_network))))
    arrived = by_file(original, solver_state=True)
    for estimator in (original, arrived):
        estimator.partial_fit(X, target(name))
    assert outputs(arrived).tobytes() == outputs(original).tobytes()


def test_what_is_no_data_is_left_out_with_a_word(by_file):
    def say(*given):
        return False

    options = {**QUICK, "callback": say, "scoring": lambda model, X, y: 0.5, "learning_rate_init": lambda done: 0.01}
    original = MLPClassifier(**options).fit(X, LABELS)
    original.note_ = "mine"
    with pytest.warns(UserWarning, match="leaves out what is no data") as told:
        arrived = by_file(original)
    message = str(told[0].message)
    assert told[0].filename == __file__
    for part in ("learning_rate_init, which will be 0.001", "scoring, which will be None", "callback, ", "note_"):
        assert part in message
    assert (arrived.callback, arrived.scoring, arrived.learning_rate_init) == (None, None, 0.001)
    assert outputs(arrived).tobytes() == outputs(original).tobytes()
    assert not hasattr(arrived, "note_")


def test_a_class_of_ones_own_is_refused(tmp_path):
    class Mine(MLPClassifier):
        pass

    with pytest.raises(TypeError, match=r"Mine is a class of test_saving_estimators, which a file cannot bring back"):
        Mine(**QUICK).save(tmp_path / "m")


def test_a_fit_that_failed_leaves_one_that_is_not_fitted(by_file):
    original = MLPClassifier(**QUICK)
    with pytest.raises(ValueError, match="solver"):
        original.set_params(solver="none").fit(X, LABELS)
    assert not hasattr(by_file(original), "coefs_")


def test_loaded_models_stand_in_pipelines_and_are_cloned(by_file):
    loaded = by_file(fitted("MLPClassifier"))
    pipeline = make_pipeline(StandardScaler(), loaded).fit(X, LABELS)
    assert pipeline.score(X, LABELS) > 0.3
    assert outputs(clone(loaded).fit(X, LABELS)).tobytes() == outputs(fitted("MLPClassifier")).tobytes()


def test_a_loaded_model_is_mapped_until_it_trains(by_file):
    loaded = by_file(fitted("MLPClassifier"), solver_state=True)
    assert isinstance(loaded.network_.parameters.base, np.memmap)
    assert not loaded.coefs_[0].flags.writeable
    loaded.partial_fit(X, LABELS)
    assert loaded.coefs_[0].flags.writeable
    assert loaded._optimizer.moments.flags.writeable


def test_a_model_goes_by_every_way_after_another(by_file):
    """From a file into a pickle and back."""
    import pickle

    original = fitted("MLPClassifier")
    arrived = pickle.loads(pickle.dumps(by_file(original, solver_state=True)))
    assert vars(arrived).keys() == vars(original).keys()
    arrived = by_file(arrived, solver_state=True)
    for estimator in (arrived, original):
        estimator.partial_fit(X, LABELS)
    assert outputs(arrived).tobytes() == outputs(original).tobytes()


def test_nothing_is_warned_of_without_need(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = MLPClassifier(hidden_layer_sizes=(3,), max_iter=400, tol=0.1, random_state=0).fit(X, LABELS)
        model.save(tmp_path / "m", solver_state=True)
        fastnn.load(tmp_path / "m").predict(X)


@pytest.mark.parametrize("folder", ["run", Path("run")], ids=["str", "path"])
def test_a_file_names_no_folder_to_write_to(folder, tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    with pytest.warns(UserWarning, match="leaves out .*checkpoint, which will be None"):
        fastnn.MLPClassifier(checkpoint=folder).save(path)
    assert fastnn.load(path).checkpoint is None
    monkeypatch.setattr("fastnn.estimators._saved.PLACES", set())
    fastnn.MLPClassifier(checkpoint="run").save(path)
    monkeypatch.undo()
    with pytest.raises(fastnn.ModelFormatError, match="it names places to write to"):
        fastnn.load(path)

"""Fitted estimators as plain data: through skops, pickle, cloudpickle and copies, to go on with the same bits."""

import copy
import inspect
import io
import pickle

import joblib
import numpy as np
import pytest
import sklearn.neural_network
from conftest import run_program
from fits import ESTIMATORS, LABELS, QUICK, VALUES, X, fitted, outputs, target
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastnn
from fastnn import MLPClassifier, MLPRegressor

cloudpickle = pytest.importorskip("cloudpickle")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

#: The one type of fastnn's that skops has to be told to trust: the class of the estimator itself.
TRUSTED = {
    "MLPClassifier": "fastnn.estimators._classifier.MLPClassifier",
    "MLPRegressor": "fastnn.estimators._regressor.MLPRegressor",
}

#: Parameters that decide what an estimator remembers: each solver and schedule, with and without a history.
KINDS = [
    {"solver": "adam"},
    {"solver": "adam", "early_stopping": True},
    {"solver": "sgd", "learning_rate": "invscaling", "nesterovs_momentum": False},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1},
    {"solver": "sgd", "momentum": 1.0},
    {"solver": "sgd", "nesterovs_momentum": np.True_, "momentum": np.float32(0.3), "power_t": np.int64(1)},
    {"solver": "lbfgs"},
    {"solver": "adam", "random_state": None, "batch_size": 7},
    {"solver": "lion", "frozen": ["W1"], "layer_rates": [1, (0.5, 2), 1], "max_norm": 2.0, "batch_size": 9},
    {"solver": "rprop", "l1": 0.001, "max_grad_norm": np.float32(0.5)},
]


def by_skops(estimator):
    sio = pytest.importorskip("skops.io")
    data = sio.dumps(estimator)
    assert sio.get_untrusted_types(data=data) == [TRUSTED[type(estimator).__name__]]
    return sio.loads(data, trusted=[TRUSTED[type(estimator).__name__]])


def by_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


WAYS = {
    "skops": by_skops,
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "cloudpickle": lambda estimator: pickle.loads(cloudpickle.dumps(estimator)),
    "joblib": by_joblib,
    "deepcopy": copy.deepcopy,
}


def on_its_way(estimator, name):
    """Train on as far as its parameters let it, drawing the same numbers each time."""
    state = np.random.get_state()
    try:
        np.random.seed(3)  # for random_state=None
        if estimator.solver != "lbfgs" and not estimator.early_stopping:  # first: fit begins a new optimizer
            estimator.partial_fit(X, target(name)).partial_fit(X[:31], target(name)[:31])
        estimator.set_params(warm_start=True).fit(X, target(name))
    finally:
        np.random.set_state(state)
    return estimator


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("way", WAYS)
def test_it_predicts_and_goes_on_with_the_same_bits(way, name, kind, dtype):
    original = getattr(fastnn, name)(**{**QUICK, **kind}).fit(X.astype(dtype), target(name))
    arrived = WAYS[way](original)
    assert vars(arrived).keys() == vars(original).keys()
    assert arrived.get_params() == original.get_params()
    assert outputs(arrived).tobytes() == outputs(original).tobytes()
    assert arrived.predict(X).tobytes() == original.predict(X).tobytes()
    assert arrived.coefs_[0].dtype == dtype or kind["solver"] == "lbfgs"
    before = outputs(original).tobytes()
    on_its_way(arrived, name)
    assert outputs(original).tobytes() == before  # nothing is shared
    on_its_way(original, name)
    assert outputs(arrived).tobytes() == outputs(original).tobytes()
    assert getattr(arrived, "loss_curve_", None) == getattr(original, "loss_curve_", None)
    assert arrived.loss_ == original.loss_
    assert arrived.n_iter_ == original.n_iter_
    assert getattr(arrived, "t_", None) == getattr(original, "t_", None)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("y", [LABELS, np.array(["no", "yes"])[LABELS // 2], np.eye(3, dtype=int)[LABELS], LABELS * 0])
def test_labels_of_every_kind(way, y):
    original = MLPClassifier(**QUICK).fit(X, y)
    arrived = WAYS[way](original)
    assert arrived.predict(X).tolist() == original.predict(X).tolist()
    assert arrived.predict(X).dtype == original.predict(X).dtype
    assert arrived.network_.predict(X).tolist() == original.network_.predict(X).tolist()
    assert arrived.partial_fit(X, y).predict_proba(X).tobytes() == original.partial_fit(X, y).predict_proba(X).tobytes()


@pytest.mark.parametrize("way", WAYS)
def test_names_of_columns(way):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
    original = MLPClassifier(**QUICK).fit(frame, LABELS)
    original.predict(frame)
    assert original.network_.feature_names == ("a", "b", "c", "d")
    arrived = WAYS[way](original)
    assert arrived.network_.feature_names == ("a", "b", "c", "d")
    with pytest.raises(ValueError, match="feature names"):
        arrived.predict(frame[["b", "a", "c", "d"]])


@pytest.mark.parametrize("way", WAYS)
def test_weights_that_were_set_by_hand(way):
    original = fitted("MLPRegressor")
    original.coefs_[0] = np.ones((4, 6))
    assert outputs(WAYS[way](original)).tobytes() == outputs(original).tobytes()


@pytest.mark.parametrize("way", WAYS)
def test_one_that_has_not_been_fitted(way):
    original = MLPClassifier((3, 4), random_state=7)
    assert WAYS[way](original).get_params() == original.get_params()


@pytest.mark.parametrize("way", WAYS)
def test_a_generator_that_is_a_parameter_goes_on(way):
    original = MLPRegressor(**{**QUICK, "random_state": np.random.RandomState(5)}).fit(X, target("MLPRegressor"))
    arrived = WAYS[way](original)
    assert arrived._random_state is arrived.random_state
    for estimator in (original, arrived):
        estimator.partial_fit(X, target("MLPRegressor"))
    assert outputs(arrived).tobytes() == outputs(original).tobytes()


def test_pipelines_and_searches_go_through_skops():
    sio = pytest.importorskip("skops.io")
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**QUICK))
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=2).fit(X, LABELS)
    data = sio.dumps(search)
    untrusted = sio.get_untrusted_types(data=data)
    assert [name for name in untrusted if not name.startswith("sklearn.")] == [TRUSTED["MLPClassifier"]]
    again = sio.loads(data, trusted=untrusted)
    assert again.predict_proba(X).tobytes() == search.predict_proba(X).tobytes()


def test_files_are_read_in_a_process_of_their_own(tmp_path):
    """As a server of models does, by skops and by cloudpickle: no class but the estimator's is asked for."""
    sio = pytest.importorskip("skops.io")
    classifier = fitted("MLPClassifier")
    sio.dump(classifier, tmp_path / "model.skops")
    (tmp_path / "model.pickle").write_bytes(cloudpickle.dumps(classifier))
    np.save(tmp_path / "X.npy", X)
    out = run_program(
        f"""
import os, pickle
import numpy as np, skops.io
os.chdir({str(tmp_path)!r})
X = np.load("X.npy")
for model in (
    skops.io.load("model.skops", trusted=["{TRUSTED["MLPClassifier"]}"]), pickle.load(open("model.pickle", "rb"))
):
    print(model.predict_proba(X).tobytes().hex())
"""
    )
    assert out.split() == [outputs(classifier).tobytes().hex()] * 2


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_model_moved_from_scikit_learn_travels_with_its_optimizer(name):
    """Which is scikit-learn's object until training goes on: skops asks to trust what it asks for in scikit-learn's."""
    source = fitted(name, sklearn.neural_network)
    original = getattr(fastnn, name)(**QUICK)
    original.__dict__.update(copy.deepcopy(vars(source)))
    arrived = pickle.loads(pickle.dumps(original))
    assert type(arrived._optimizer) is type(source._optimizer)
    for estimator in (original, arrived):
        estimator.partial_fit(X, target(name))
    assert outputs(arrived).tobytes() == outputs(original).tobytes()


def test_a_shallow_copy_shares_what_was_learned():
    """As of scikit-learn's estimators: the arrays are the same, what is set anew is not."""
    original = fitted("MLPRegressor", warm_start=True)
    other = copy.copy(original)
    assert np.shares_memory(other.coefs_[0], original.coefs_[0])
    assert other._optimizer is original._optimizer
    original.coefs_[0][:] = 0
    assert outputs(other).tobytes() == outputs(original).tobytes()
    other.coefs_[0] = np.ones((4, 6))
    assert outputs(other).tobytes() != outputs(original).tobytes()
    other.max_iter = 77
    assert original.max_iter == QUICK["max_iter"]


def state_of(estimator):
    return copy.deepcopy(estimator.__getstate__())


def test_setting_a_state_leaves_it_as_it_is():
    state = state_of(fitted("MLPClassifier"))
    names = set(state)
    for _ in range(2):
        MLPClassifier().__setstate__(state)
        assert set(state) == names


def test_the_state_is_made_of_no_classes_of_fastnns():
    def types_in(value):
        if isinstance(value, dict | list | tuple):
            for entry in value.values() if isinstance(value, dict) else value:
                yield from types_in(entry)
        yield type(value)

    for name in ESTIMATORS:
        for solver in ("adam", "sgd", "lbfgs"):
            state = fitted(name, solver=solver).__getstate__()
            assert not [kind for kind in types_in(state) if kind.__module__.startswith("fastnn")]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (("_network", "version", 3), ValueError, "a network's description is of version 3"),
        (("_network", "layer_sizes", [4, 6, 6, 3]), ValueError, "4-6-6-3 network has"),
        (("_optimizer", "version", 3), ValueError, "an optimizer's description is of version 3"),
        (("_optimizer", "training", {}), ValueError, "training lacks 'loss', 'solver'"),
        (("_optimizer", "training", "rates", [[1.0]]), TypeError, "rates must be a list of pairs of numbers"),
        (("_optimizer", "schedule", "cosine"), ValueError, "unknown schedule 'cosine'"),
        (("_optimizer", "learning_rate", "fast"), TypeError, "learning_rate must be a number, got 'fast'"),
        (("_optimizer", "moments", np.zeros((3, 2))), ValueError, r"moments must be .* got float64 of shape \(3, 2\)"),
        (("_optimizer", "moments", [0.0]), ValueError, "moments must be .* got a list"),
        (("_optimizer", "counters", {"n_updates": 3}), ValueError, "counters lacks 'pass_cost'"),
        (("_optimizer", "power", 2), ValueError, "has the unknown 'power'"),
    ],
)  # fmt: skip
def test_a_damaged_state_is_refused(change, error, message):
    *path, entry, value = change
    state = part = state_of(fitted("MLPClassifier"))
    for name in path:
        part = part[name]
    part[entry] = value
    with pytest.raises(error, match=message):
        MLPClassifier().__setstate__(state)


def test_levenberg_marquardts_damping_travels():
    original = fitted("MLPRegressor", solver="levenberg_marquardt")
    arrived = pickle.loads(pickle.dumps(original))
    assert arrived._optimizer.moments.shape == (1,)
    for _ in range(3):
        assert arrived.partial_fit(X, VALUES).loss_ == original.partial_fit(X, VALUES).loss_


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_an_estimator_that_was_saved_before_there_were_rules(solver):
    """It has neither the parameters nor the constants, and a decay that nobody read."""
    original = fitted("MLPClassifier", solver=solver)
    state = state_of(original)
    new = (
        inspect.signature(MLPClassifier).parameters.keys()
        - inspect.signature(sklearn.neural_network.MLPClassifier).parameters.keys()
    )
    for name in new:
        del state[name]
    training = state["_optimizer"]["training"]
    for name in ("l1", "max_grad_norm", "max_norm", "rates", "mu", "mu_inc", "mu_dec"):
        del training[name]
    training["weight_decay"], state["_optimizer"]["version"] = 0.01, 1
    arrived = MLPClassifier.__new__(MLPClassifier)
    arrived.__setstate__(state)
    assert arrived.get_params() == original.get_params()
    for estimator in (arrived, original):
        estimator.partial_fit(X, LABELS)
    assert outputs(arrived).tobytes() == outputs(original).tobytes()


def test_moments_of_another_network_are_named_when_training_goes_on():
    state = state_of(fitted("MLPClassifier"))
    state["_optimizer"]["moments"] = state["_optimizer"]["moments"][:-1]
    loaded = MLPClassifier()
    loaded.__setstate__(state)
    loaded.predict(X)
    with pytest.raises(ValueError, match="not those that the solver's moments belong to"):
        loaded.partial_fit(X, LABELS)


def test_a_model_in_a_mapped_file_is_shared_until_it_trains(tmp_path):
    original = fitted("MLPClassifier")
    joblib.dump(original, tmp_path / "model")
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    assert isinstance(mapped.network_.parameters.base, np.memmap)
    assert not mapped.coefs_[0].flags.writeable
    on_its_way(mapped, "MLPClassifier")
    assert outputs(mapped).tobytes() == outputs(on_its_way(original, "MLPClassifier")).tobytes()

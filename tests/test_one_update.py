"""``train(init=result)`` update by update: the quick way has the bits of the general one, and the textbook's step."""

import importlib
import pickle
import warnings

import numpy as np
import pytest

import fastnn
from fastnn.backends import BACKENDS
from fastnn.objective import Objective
from fastnn.spec import TrainingSpec
from fastnn.state import TrainingState

RNG = np.random.default_rng(1)
X = RNG.standard_normal((32, 4))
LABELS = np.arange(32) % 3
SIZES = [4, 8, 3]
USUAL = {"loss": "log_loss", "activation": "relu"}
TRAIN = importlib.import_module("fastnn.train")


def begun(y=LABELS, sizes=SIZES, n=2, **options):
    return fastnn.train(sizes, X, y, n, 0.01, random_state=0, **{**USUAL, "init": "he_normal", **options})


def more(first, n_calls=3, X=X, y=LABELS, sizes=SIZES, **options):
    """So many calls of one update each; the last result."""
    for _ in range(n_calls):
        first = fastnn.train(sizes, X, y, 1, 0.01, init=first, **{**USUAL, **options})
    return first


@pytest.fixture
def general_way(monkeypatch):
    """Counts the runs that go the general way."""
    runs, carry_out = [], TRAIN.carry_out
    monkeypatch.setattr(TRAIN, "carry_out", lambda *args: runs.append(1) or carry_out(*args))
    return runs


def parts(result):
    left = result._continuation
    arrays = [*result.W.values(), *result.b.values(), result.network.parameters, left.optimizer, left.counters]
    numbers = result.cost, result.loss_curve, result.history, result.n_iter, result.n_updates, result.best_iteration
    known = result.network.activations, result.network.backend, result.network.feature_names, result._how, left.course
    rest = left.rows, left.n_made, left.objective, left.seed, left.parameters, left.kept, left.held, left.solver
    return [array.tobytes() for array in arrays], numbers, known, rest, left.was_interrupted, result.W.form


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("solver", ["sgd", "rmsprop", "adam", "adamw", "nadam", "adagrad", "lion", "rprop"])
def test_the_quick_way_has_the_bits_of_the_general_one(solver, dtype, general_way):
    options = {"solver": solver, "dtype": dtype, "momentum": 0.9}
    first, own = begun(**options), X.astype(dtype)
    general_way.clear()
    quick = more(first, X=own, **options)
    assert not general_way
    general = more(first, X=own.tolist(), **options)
    assert len(general_way) == 3
    assert parts(quick) == parts(general)
    one = begun(n=5, **options)
    assert one.network.parameters.tobytes() == quick.network.parameters.tobytes()


OPTIONS = [
    {"l2": 0.1}, {"l1": 0.01}, {"max_grad_norm": 0.1}, {"weight_decay": 0.1}, {"frozen": [1]}, {"bias": False},
    {"layer_rates": [0.5, 1.0]}, {"loss": "focal", "focal_gamma": 1.0}, {"tol": 0.1}, {"n_threads": 1},
    {"output_activation": "logistic"}, {"batch_size": 32}, {"activation": ["tanh"]}, {"loss": "hinge"},
    {"backend": "simd"},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_settings(options, general_way):
    own = {"output_activation": "identity"} if options.get("loss") == "hinge" else {}
    first = begun(**own, **options)
    general_way.clear()
    quick = more(first, **own, **options)
    assert not general_way
    assert parts(quick) == parts(more(first, X=X.tolist(), **own, **options))


@pytest.mark.parametrize("y", [LABELS, np.array(["a", "b", "c"])[LABELS], LABELS.astype(float), LABELS.tolist()])
def test_labels_of_any_kind_that_need_not_all_be_there(y, general_way):
    first = begun(y)
    general_way.clear()
    rows = np.arange(0, 32) % 3 != 0
    again = more(more(first, y=y, n_calls=1), y=y)
    assert not general_way
    few = fastnn.train(SIZES, X[rows], np.asarray(y)[rows], 1, 0.01, init=again, **USUAL)
    assert np.array_equal(few.network.classes, first.network.classes)
    assert parts(again) == parts(more(first, n_calls=4, X=X.tolist(), y=y))


def test_two_classes_and_one_output(general_way):
    y = LABELS > 0
    first = begun(y, [4, 8, 1])
    general_way.clear()
    quick = more(first, y=y, sizes=[4, 8, 1])
    assert not general_way
    assert parts(quick) == parts(more(first, X=X.tolist(), y=y, sizes=[4, 8, 1]))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_step_is_the_textbooks(dtype):
    options = {"dtype": dtype, "loss": "log_loss"}
    first = fastnn.train([4, 3], X, LABELS, 1, 0.5, random_state=0, init="glorot_normal", **options)
    second = fastnn.train([4, 3], X.astype(dtype), LABELS, 1, 0.5, init=first, **options)
    logits = X @ first.W[1].T.astype(float) + first.b[1]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    delta = (p - np.eye(3)[LABELS]) / 32
    tight = {"rtol": 1e-12, "atol": 1e-14} if dtype == "float64" else {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(second.W[1], first.W[1] - 0.5 * delta.T @ X, **tight)
    np.testing.assert_allclose(second.b[1], first.b[1] - 0.5 * delta.sum(axis=0), **tight)
    np.testing.assert_allclose(second.loss_curve, [-np.log(p[np.arange(32), LABELS]).mean()], **tight)


WAYS = {
    "weights": {"sample_weight": np.arange(1.0, 33.0)},
    "weights of classes": {"class_weight": {0: 2.0}},
    "smoothing": {"label_smoothing": 0.1},
    "smoothing by an integer": {"label_smoothing": 0},
    "dropout": {"dropout": 0.5},
    "validation": {"validation_data": (X, LABELS)},
    "what is tracked": {"track": "loss"},
    "a callback": {"callback": lambda *_: None},
    "time": {"max_time": 60.0},
    "NumPy's backend": {"backend": "numpy"},
    "batches": {"batch_size": 16, "order": "sequential"},
}


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
def test_what_is_not_plain_goes_the_general_way(options, general_way):
    first = begun(**options)
    general_way.clear()
    more(first, n_calls=1, **options)
    assert general_way


def test_other_settings_go_the_general_way_once(general_way):
    first = more(begun(), n_calls=1, huber_delta=2.0)
    more(first, huber_delta=2.0, l2=0.5)
    general_way.clear()
    other = fastnn.train(SIZES, X, LABELS, 1, 0.5, init=first, loss="focal", activation="relu")
    assert len(general_way) == 1
    fastnn.train(SIZES, X, LABELS, 1, 0.4, init=other, loss="focal", activation="relu")
    assert len(general_way) == 1


def with_nan():
    array = X.copy()
    array[3, 1] = np.nan
    return array


BAD = {
    "a label that is new": ({"y": LABELS + 1}, ValueError, "label 3 in row 2, which training did not begin with"),
    "labels too few": ({"y": LABELS[:5]}, ValueError, "X has 32 rows, but y has 5"),
    "indicators": ({"y": np.eye(3)[LABELS]}, ValueError, "y must be a vector of class labels"),
    "NaN": ({"X": with_nan()}, ValueError, "X has nan in row 3, column 1"),
    "a column too many": ({"X": np.ones((32, 5))}, ValueError, "X has 5 columns"),
    "a vector": ({"X": np.ones(32)}, ValueError, "X must have 2 dimensions"),
    "no rows": ({"X": np.ones((0, 4)), "y": LABELS[:0]}, ValueError, "X is empty"),
    "words": ({"X": X.astype(str)}, TypeError, "X must hold real numbers"),
    "other layers": ({"sizes": [4, 7, 3]}, ValueError, "init is a result of layers"),
    "another activation": ({"activation": "tanh"}, ValueError, "init is a result of a network with activations"),
    "a loss of signs": ({"loss": "hinge"}, ValueError, "another kind of loss|cannot be paired"),
    "smoothing": ({"label_smoothing": "much"}, TypeError, "label_smoothing must be a number"),
    "smoothing of several": ({"label_smoothing": np.zeros(2)}, TypeError, "label_smoothing must be a number"),
    "a seed": ({"random_state": "3"}, TypeError, "random_state must be"),
}


@pytest.mark.parametrize(("options", "kind", "message"), BAD.values(), ids=BAD)
def test_errors_are_those_of_the_general_way(options, kind, message):
    first = more(begun(), n_calls=1)
    before = parts(first)
    with pytest.raises(kind, match=message):
        more(first, n_calls=1, **options)
    assert parts(first) == before


def test_divergence_is_told_as_ever():
    first = more(begun(), n_calls=1)
    messages = []
    for rows in (X, X.tolist()):
        with pytest.raises(FloatingPointError, match="training diverged") as caught:
            fastnn.train(SIZES, rows, LABELS, 1, 1e308, init=first, l2=1e10, **USUAL)
        messages.append((str(caught.value), caught.value.result.n_iter, caught.value.result.loss_curve))
    assert messages[0] == messages[1]


def test_nothing_is_changed_but_the_result():
    rows, y, first = X.copy(), LABELS.copy(), more(begun(), n_calls=1)
    before, rows.flags.writeable, y.flags.writeable = parts(first), False, False
    second = fastnn.train(SIZES, rows, y, 1, 0.01, init=first, **USUAL)
    assert parts(first) == before
    assert np.array_equal(rows, X)
    assert np.shares_memory(second.W[1], second.network.parameters)
    assert not np.shares_memory(second.network.parameters, first.network.parameters)


@pytest.mark.parametrize("is_made", [True, False])
def test_an_interruption_has_the_result(is_made, monkeypatch):
    first, engine, begin = more(begun(), n_calls=1), BACKENDS["simd"], BACKENDS["simd"].begin

    class Interrupted:
        def __init__(self, *args):
            self.opened = begin(*args)
            self.end = self.opened.end

        def advance(self, *args):
            if is_made:
                self.opened.advance(*args)
            raise KeyboardInterrupt

    found = []
    for rows in (X, X.tolist()):
        monkeypatch.setattr(engine, "begin", Interrupted)
        with pytest.raises(KeyboardInterrupt) as caught:
            more(first, n_calls=1, X=rows)
        monkeypatch.setattr(engine, "begin", begin)
        found.append(caught.value.result)
    assert parts(found[0]) == parts(found[1])
    assert found[0].n_iter == is_made
    assert parts(more(found[0], 2 - is_made))[0] == parts(more(first, 2))[0]


def test_results_travel(general_way):
    first = more(begun(), n_calls=1)
    general_way.clear()
    again = more(pickle.loads(pickle.dumps(first)))
    assert not general_way
    assert parts(again)[0] == parts(more(first))[0]


def test_a_result_of_ones_own_loss_can_be_pickled():
    def halves(outputs, targets):
        return 0.5 * ((outputs - targets) ** 2).sum(axis=1), outputs - targets

    first = fastnn.train([4, 1], X, X[:, 0], 1, 0.1, loss=halves, random_state=0)
    assert pickle.loads(pickle.dumps(first)).n_updates == 1


def test_it_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        more(begun())


def test_the_engine_checks_how_many_structs_there_are():
    first = begun()
    spec, left, training = first.network._spec, first._continuation, TrainingSpec(Objective("log_loss"))
    state = TrainingState.of(spec, first.network.parameters, left.optimizer, left.counters[:0])
    targets = np.eye(3)[LABELS]
    with pytest.raises(ValueError, match="expected at least 32 bytes of structs, got 0"):
        BACKENDS["simd"].begin(state, training, X, targets, None, 32)
    state.counters = left.counters.copy()
    state.counters.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        BACKENDS["simd"].begin(state, training, X, targets, None, 32)


def test_targets_that_are_no_labels_are_checked_each_time(general_way):
    first = begun(np.eye(3)[LABELS])
    general_way.clear()
    assert more(first, y=np.eye(3)[LABELS], n_calls=1).n_updates == 3
    assert general_way
    with pytest.raises(ValueError, match="takes targets between 0 and 1"):
        more(first, y=2 * np.eye(3)[LABELS])

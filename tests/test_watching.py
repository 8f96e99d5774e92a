"""What a run of train is watched by: rows set aside, scores, tracked numbers, the best weights, a limit of time."""

import time

import numpy as np
import pytest
import scipy.sparse
from conftest import BACKEND_NAMES, LABELS, X, Y, assert_close, train
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score

import fastnn

RNG = np.random.default_rng(3)
X_val, LABELS_val = RNG.standard_normal((11, 4)), np.arange(11) % 3
Y_val = np.eye(3)[LABELS_val]


def log_loss(network, X, labels):
    return -np.log(network(X)[np.arange(len(X)), labels]).mean()


# -- what is tracked ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_what_is_tracked_without_validation(backend):
    networks, options = [], {"batch_size": 5, "backend": backend, "loss": "log_loss", "l2": 0.1}
    watch = {"track": ["loss", "accuracy", "gradient_norm"], "callback": lambda *a: networks.append(a[2].copy())}
    result = train(20, **options, **watch)
    assert list(result.history) == ["iteration", "loss", "accuracy", "gradient_norm"]
    assert result.history["iteration"] == [5, 10, 15, 20]
    assert_close(result.history["loss"], [log_loss(network, X, LABELS) for network in networks], 1e-12)
    assert result.history["accuracy"] == [accuracy_score(LABELS, network.predict(X)) for network in networks]
    plain = train(20, **options)
    assert plain.network.parameters.tobytes() == result.network.parameters.tobytes()
    assert plain.history == {}


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_the_gradient_norm_is_that_of_the_objective_by_what_moves(backend):
    """By central differences, of all rows; with layer 1 frozen, of the other alone."""
    frozen = {"frozen": [1]} if backend in ("simd", "numpy") else {}
    result = train(3, backend=backend, loss="log_loss", l2=0.1, track="gradient_norm", **frozen)
    network, squares = result.network.copy(), 0.0
    n_weights = sum(w.size for w in network.W.values())

    def objective():
        return log_loss(network, X, LABELS) + 0.05 * (network.parameters[:n_weights] ** 2).sum()

    for layer in (2,) if frozen else (1, 2):
        for block in (network.W[layer], network.b[layer]):
            for place in np.ndindex(block.shape):
                before, found = block[place], []
                for step in (1e-6, -1e-6):
                    block[place] = before + step
                    found.append(objective())
                block[place] = before
                squares += ((found[0] - found[1]) / 2e-6) ** 2
    assert_close(result.history["gradient_norm"][-1], np.sqrt(squares), 1e-6)


def test_rates_and_seconds_are_tracked():
    began = time.perf_counter()
    schedule = fastnn.schedules.step(0.5, step_size=4)
    result = train(12, schedule, track=("learning_rate", "seconds"), report_every=2)
    assert_close(result.history["learning_rate"], [0.5, 0.5, 0.05, 0.05, 0.005, 0.005], 1e-12)
    seconds = result.history["seconds"]
    assert seconds[0] > 0
    assert sorted(seconds) == seconds
    assert seconds[-1] < time.perf_counter() - began


def test_the_rate_is_that_of_the_last_update_where_tol_ends_the_run():
    schedule = fastnn.schedules.linear(0.1)
    result = train(40, schedule, tol=1e9, report_every=10, track="learning_rate")
    assert result.n_iter == 2
    assert result.history["learning_rate"] == schedule.rates([1], 40).tolist()


def test_columns_of_validation_keep_their_order():
    result = train(4, loss="log_loss", validation_data=(X_val, Y_val), track=["seconds", "loss"])
    assert list(result.history) == ["iteration", "loss", "val_loss", "accuracy", "val_accuracy", "seconds"]
    assert_close(result.history["val_loss"][-1], log_loss(result.network, X_val, LABELS_val), 1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"track": "time"}, "unknown track 'time': expected one of 'loss', 'accuracy', 'learning_rate'"),
        ({"track": 3}, "track must be a name or a list of names, got 3"),
        ({"track": [3]}, "track must be one of"),
        ({"track": "accuracy", "output_activation": "identity"}, "track names 'accuracy', but the outputs are read as"),
        ({"track": "learning_rate", "solver": "lbfgs"}, "'learning_rate', which solver='lbfgs' has not"),
        ({"scoring": "accuracy"}, "scoring needs validation_data"),
        ({"scoring": "f1", "validation_split": 0.2}, "unknown scoring 'f1'"),
        ({"scoring": lambda *_: "a", "validation_split": 0.2}, "scoring must return a number, got str 'a'"),
        ({"early_stopping": True}, r"early_stopping=True needs validation_data=\(X, y\), or a validation_split"),
        ({"min_delta": -1.0, "validation_split": 0.2}, "min_delta must be finite and at least 0"),
        ({"max_time": 0}, "max_time must be finite and greater than 0"),
        ({"validation_split": 1.0}, "validation_split must be"),
        ({"validation_split": 0.5, "validation_data": (X, Y)}, "sets rows of X aside, but validation_data has rows of"),
        ({"validation_split": 0.01}, r"validation_split=0.01 sets 0 of 23 rows aside"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        train(5, **options)


# -- rows set aside -------------------------------------------------------------------------------------------------


def test_a_split_keeps_the_shares_of_classes_and_learns_from_the_rest():
    rng, seen = np.random.default_rng(0), []
    rows, y = rng.standard_normal((120, 4)), rng.permutation(np.repeat(["a", "b", "c"], [50, 50, 20]))

    def scoring(network, *held):
        seen.append(held)
        return accuracy_score(held[1], network.predict(held[0]))

    options = {"loss": "log_loss", "init": "glorot_uniform", "random_state": 1}
    result = fastnn.train([4, 5, 3], rows, y, 30, 0.05, validation_split=0.2, scoring=scoring, **options)
    X_held, y_held = seen[0]
    assert dict(zip(*np.unique(y_held, return_counts=True), strict=True)) == {"a": 10, "b": 10, "c": 4}
    assert result.history["val_score"] == result.history["val_accuracy"]
    # The same run by hand: the rows that were not held back, from the same start.
    is_held = (rows[:, None] == X_held).all(axis=2).any(axis=1)
    assert (y[is_held] == y_held).all()
    other = fastnn.train([4, 5, 3], rows[~is_held], y[~is_held], 30, 0.05, validation_data=(X_held, y_held), **options)
    assert other.network.parameters.tobytes() == result.network.parameters.tobytes()
    assert other.history["val_loss"] == result.history["val_loss"]


def test_a_split_starts_from_the_same_weights():
    first = []
    for share in (0.0, 0.25):
        train(1, 1e-300, validation_split=share, callback=lambda *a: first.append(a[2].parameters.copy()))
    assert_close(first[0], first[1], 1e-15)


def test_a_split_of_sparse_rows_weights_and_values():
    rng = np.random.default_rng(0)
    rows, y, weight = rng.standard_normal((40, 6)), rng.standard_normal(40), rng.random(40)
    rows[rng.random((40, 6)) < 0.7] = 0
    options = {"validation_split": 0.25, "sample_weight": weight, "random_state": 0, "activation": "tanh"}
    of_kinds = [fastnn.train([6, 3, 1], kind, y, 20, 0.1, **options) for kind in (rows, scipy.sparse.csr_array(rows))]
    assert of_kinds[0].network.parameters.tobytes() == of_kinds[1].network.parameters.tobytes()
    assert of_kinds[0].history == of_kinds[1].history
    assert len(of_kinds[0].history["val_loss"]) == 20


def test_a_split_needs_weight_on_both_sides():
    weight = np.zeros(23)
    weight[3] = 1.0
    with pytest.raises(ValueError, match="validation_split"):
        train(3, sample_weight=weight, validation_split=0.3)


# -- the best weights -----------------------------------------------------------------------------------------------


def noisy_scores(scores):
    scores = iter(scores)
    return lambda network, X, y: next(scores)


def test_the_weights_of_the_best_score_are_given_back():
    scores, networks = [0.1, 0.7, 0.3, 0.5, 0.6, 0.2], []
    options = {"early_stopping": True, "validation_data": (X_val, Y_val), "n_iter_no_change": 3}
    keep = {"callback": lambda *a: networks.append(a[2].parameters.copy())}
    result = train(50, scoring=noisy_scores(scores), **options, **keep)
    assert (result.n_iter, result.best_iteration) == (5, 2)
    assert result.history["val_score"] == scores[:5]
    assert (result.network.parameters == networks[1]).all()


@pytest.mark.parametrize("place", [1, 2])
def test_a_score_cannot_change_the_rows(place):
    """They are the caller's own arrays, and those that val_loss is measured on."""

    def scoring(*args):
        args[place][:] = 0

    with pytest.raises(ValueError, match="read-only"):
        train(3, validation_data=(X_val.copy(), Y_val[:, ::-1].copy()), scoring=scoring, output_activation="identity")


def test_small_steps_are_no_progress_but_the_best_is_kept():
    scores = [0.0, 0.1, 0.105, 0.11, 0.115, 0.9]
    options = {"early_stopping": True, "validation_split": 0.2, "n_iter_no_change": 3}
    result = train(50, scoring=noisy_scores(scores), min_delta=0.05, **options)
    assert (result.n_iter, result.best_iteration) == (5, 5)
    assert train(6, scoring=noisy_scores(scores), min_delta=0.001, **options).n_iter == 6


def test_accuracy_is_judged_by():
    options = {"early_stopping": True, "scoring": "accuracy", "validation_data": (X_val, Y_val)}
    result = train(200, loss="log_loss", n_iter_no_change=20, **options)
    best = int(np.argmax(result.history["val_accuracy"]))
    assert result.best_iteration == result.history["iteration"][best]
    assert result.n_iter == result.best_iteration + 20


# -- time -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["sgd", "lbfgs", "levenberg_marquardt"])
def test_a_run_ends_when_its_time_is_up(solver):
    backend = "auto" if solver != "lbfgs" else "numpy"
    rng = np.random.default_rng(0)
    rows, y = rng.standard_normal((300, 4)), rng.standard_normal((300, 2))
    began = time.perf_counter()
    result = fastnn.train([4, 40, 2], rows, y, 10**7, 1e-9, solver=solver, max_time=0.3, backend=backend,
                          activation="tanh", random_state=0)  # fmt: skip
    assert time.perf_counter() - began < 3
    assert 0 < result.n_iter < 10**7
    assert len(result.loss_curve) == result.n_iter


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_a_limit_of_time_reports_the_last_update(solver):
    told = []
    watch = {"validation_split": 0.3, "report_every": 5, "callback": lambda *a: told.append(a[0])}
    result = train(100, solver=solver, max_time=1e-9, **watch)
    assert told == result.history["iteration"] == [result.n_iter] == [result.best_iteration]
    assert result.n_iter < 5


def test_a_run_that_is_done_in_time_is_as_without():
    limited, plain = train(50, batch_size=5, max_time=1000.0), train(50, batch_size=5)
    assert limited.network.parameters.tobytes() == plain.network.parameters.tobytes()
    assert limited.n_iter == 50


def test_with_validation_rows_a_limit_of_time_keeps_the_best():
    scores = [0.1, 0.7, 0.3]
    result = train(3, scoring=noisy_scores(scores), max_time=1000.0, validation_split=0.2)
    assert (result.n_iter, result.best_iteration) == (3, 2)


def test_a_limit_of_time_costs_little():
    X, y = load_digits(return_X_y=True)
    result = fastnn.train([64, 10, 10], X / 16, y, 10**8, 0.1, max_time=0.2, loss="log_loss", random_state=0,
                          batch_size=32, init="glorot_uniform")  # fmt: skip
    assert result.network.predict(X / 16).shape == y.shape


# -- two halves, with those who judge -------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [1, 7, 12, 20, 29])
@pytest.mark.parametrize(
    "options",
    [
        {"validation_data": (X_val, Y_val), "early_stopping": True, "n_iter_no_change": 6},
        {"validation_data": (X_val, Y_val), "early_stopping": True, "n_iter_no_change": 2, "min_delta": 1e-3},
        {"validation_split": 0.3, "early_stopping": True, "scoring": "accuracy", "n_iter_no_change": 9},
        {"alpha": fastnn.schedules.plateau(0.5, patience=0, threshold=0.05)},
        {"alpha": fastnn.schedules.plateau(0.5, patience=0, threshold=0.1), "batch_size": 2, "report_every": 5},
        {"alpha": fastnn.schedules.plateau(0.5, patience=1, cooldown=1), "validation_data": (X_val, Y_val)},
        {"validation_data": (X_val, Y_val), "max_time": 1000.0},
    ],
)
def test_two_halves_judge_as_one_run(options, first):
    """Also where the first half ends between two reports, and where the best weights were given back at its end."""
    common = {"batch_size": 6, "alpha": 0.5, "loss": "log_loss", "momentum": 0.9, **options}
    whole = train(30, **common)
    half = train(first, **common)
    if half.n_iter < first or half.n_iter == whole.n_iter:  # it was over
        assert (half.n_iter, half.history) == (whole.n_iter, whole.history)
        return
    again = train(30 - first, init=half, **{**common, "random_state": None})
    assert again.network.parameters.tobytes() == whole.network.parameters.tobytes()
    assert again.best_iteration == whole.best_iteration
    assert half.loss_curve + again.loss_curve == whole.loss_curve
    is_extra = [iteration not in whole.history["iteration"] for iteration in half.history.get("iteration", [])]
    assert sum(is_extra) <= 1  # the last, between two reports
    for name, values in whole.history.items():
        assert half.history[name][: len(is_extra) - sum(is_extra)] + again.history[name] == values


@pytest.mark.parametrize("first", [5, 9, 13])
def test_the_callback_hears_the_means_of_one_run(first):
    def means_of(*runs):
        told, half = [], None
        for n_updates in runs:
            init = {} if half is None else {"init": half, "random_state": None}
            options = {"batch_size": 4, "report_every": 3, **init}
            half = train(n_updates, callback=lambda *a: told.append(a[:2]), **options)
        return [(n_done, mean) for n_done, mean in told if n_done % 3 == 0]

    assert means_of(first, 20 - first) == means_of(20)


@pytest.mark.parametrize(
    "other",
    [{"scoring": "loss"}, {"scoring": lambda network, *_: -network.W[1][0, 0]}, {"validation_data": (X, LABELS)}],
)
def test_what_judges_otherwise_judges_the_best_anew(other):
    """A score is not compared with one of another kind, or of other rows."""
    options = {"loss": "log_loss", "early_stopping": True, "random_state": 0}
    first = {"validation_data": (X_val, LABELS_val), "scoring": "accuracy", "n_iter_no_change": 50}
    half = fastnn.train([4, 5, 3], X, LABELS, 30, **{**options, **first})
    assert half.best_iteration < half.n_updates
    options = {**options, **first, "n_iter_no_change": 10, **other, "random_state": None, "init": half}
    again = fastnn.train([4, 5, 3], X, LABELS, 200, **options)
    name = {"accuracy": "val_accuracy", "loss": "val_loss"}.get(options["scoring"], "val_score")
    sign = -1 if name == "val_loss" else 1
    judged = {"callback": None, "early_stopping": False, "scoring": options["scoring"]}
    best = fastnn.train([4, 5, 3], X, LABELS, 1, 1e-300, init=(half.W, half.b), loss="log_loss",
                        validation_data=options["validation_data"], **judged).history[name][0]  # fmt: skip
    scores = sign * np.array([best, *again.history[name]])
    iterations = [half.best_iteration, *again.history["iteration"]]
    assert again.best_iteration == iterations[int(np.argmax(scores))]
    assert again.n_iter >= 10


def test_a_score_that_fails_when_training_goes_on_leaves_a_result():
    options = {"validation_data": (X_val, Y_val), "early_stopping": True, "batch_size": 5}
    half = train(7, scoring=lambda *_: 0.5, **options)
    with pytest.raises(ZeroDivisionError) as raised:
        train(7, scoring=lambda *_: 1 / 0, init=half, **{**options, "random_state": None})
    result = raised.value.result
    assert (result.n_iter, result.n_updates) == (0, 7)
    plain = {"batch_size": 5, "random_state": None}
    assert train(3, init=result, **plain).cost == train(3, init=half, **plain).cost


def test_a_split_is_made_again_when_training_goes_on():
    half = train(8, batch_size=5, validation_split=0.3)
    with pytest.raises(ValueError, match="would set rows aside that the run of init may have learned from"):
        train(8, batch_size=5, validation_split=0.3, init=train(8, batch_size=5), random_state=None)
    with pytest.raises(ValueError, match="pass the rows and the validation_split of that run"):
        train(8, batch_size=5, validation_split=0.5, init=half, random_state=None)
    plain = train(8, batch_size=5, init=half, random_state=None)  # all rows are learned from now
    assert len(plain.loss_curve) == 8

"""One run of training: its batches, its reports, how it stops, and the state that it can go on from."""

import re
import threading
import time

import numpy as np
import pytest
from conftest import BACKEND_NAMES, LABELS, SOLVERS_ON_BACKENDS, X, Y, assert_close, make_updates, train

import fastnn
from fastnn import backends, state
from fastnn.initial import Draws
from fastnn.objective import Objective
from fastnn.spec import NetworkSpec, TrainingSpec
from fastnn.training.batches import ORDERS

# -- batches ------------------------------------------------------------------------------------------------------


def rows_taken(order, batch_size, n_updates, n_samples=10, seed=0):
    """The rows of each update, seen from outside: each has its own input column, whose weight moves."""
    eye = np.eye(n_samples)
    taken, last = [], []

    def callback(iteration, loss, network):
        w = network.W[1][0]
        taken.append(np.flatnonzero(w != (last[-1] if last else start)).tolist())
        last.append(w.copy())

    start = np.zeros(n_samples)
    fastnn.train(
        [n_samples, 1], eye, np.arange(1.0, n_samples + 1), n_updates, 0.01, activation="relu", batch_size=batch_size,
        order=order, callback=callback, report_every=1, init=([start[None]], [[0.0]]), random_state=seed,
    )  # fmt: skip
    return taken


def test_shuffled_takes_each_row_once_a_pass_and_the_last_batch_is_short():
    taken = rows_taken("shuffled", 4, 9)
    assert [len(rows) for rows in taken] == [4, 4, 2] * 3
    for p in range(3):
        assert sorted(row for rows in taken[3 * p : 3 * p + 3] for row in rows) == list(range(10))
    assert taken[:3] != taken[3:6]


def test_sequential_takes_the_rows_in_order_and_the_last_batch_is_short():
    assert rows_taken("sequential", 4, 6) == 2 * [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert rows_taken("sequential", 5, 4) == 2 * [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


def test_wraparound_goes_as_the_tutorial_does():
    expected = [list(range((s * 4) % 6, (s * 4) % 6 + 4)) for s in range(8)]
    assert rows_taken("wraparound", 4, 8) == expected
    expected = [list(range((s * 4) % 5, (s * 4) % 5 + 4)) for s in range(9)]  # a pass does not begin at row 0
    assert rows_taken("wraparound", 4, 9, n_samples=9) == expected


def test_random_draws_with_replacement():
    expected = np.random.RandomState(0).randint(10, size=(10, 1))
    assert rows_taken("random", 1, 10) == expected.tolist()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("batch_size", [None, 23, 1000])
def test_full_batches_draw_nothing(order, batch_size):
    full = train(5, batch_size=None)
    generator = np.random.RandomState(0)
    other = train(5, batch_size=batch_size, order=order, random_state=generator)
    assert (full.network.parameters == other.network.parameters).all()
    expected = np.random.RandomState(0)
    expected.random_sample(5 * 4 + 5 + 3 * 5 + 3)
    assert generator.random_sample() == expected.random_sample()


def count_calls(monkeypatch, **options):
    calls = []
    original = backends.BACKENDS["simd"].begin

    class Counted:
        def __init__(self, *args):
            self.opened = original(*args)
            self.end = self.opened.end

        def advance(self, *args):
            calls.append(len(args[2]))
            return self.opened.advance(*args)

    monkeypatch.setattr(backends.BACKENDS["simd"], "begin", Counted)
    train(30, **options)
    monkeypatch.undo()
    return calls


def test_one_call_for_all_full_batch_updates_and_one_a_pass_for_mini_batches(monkeypatch):
    assert count_calls(monkeypatch) == [30]
    assert count_calls(monkeypatch, batch_size=5) == [5] * 6
    assert count_calls(monkeypatch, batch_size=7) == [4] * 7 + [2]
    assert count_calls(monkeypatch, batch_size=7, report_every=3) == [4] * 7 + [2]  # nobody watches
    watch = {"callback": lambda *_: None}
    assert count_calls(monkeypatch, report_every=8, **watch) == [8, 8, 8, 6]
    assert count_calls(monkeypatch, batch_size=7, report_every=6, **watch) == [4, 2, 2, 4, 4, 2, 2, 4, 4, 2]


@pytest.mark.parametrize("backend", BACKEND_NAMES)
@pytest.mark.parametrize("n_threads", [None, 3])
def test_every_call_of_a_backend_is_told_the_number_of_threads(monkeypatch, backend, n_threads):
    told = {}

    def spy(name, original):
        def call(*args, **options):
            told.setdefault(name, set()).add(args[6] if name == "begin" else options["n_threads"])
            return original(*args, **options)

        return call

    for name in ("begin", "loss_and_gradient", "forward"):
        monkeypatch.setattr(backends.BACKENDS[backend], name, spy(name, getattr(backends.BACKENDS[backend], name)))
    result = fastnn.train(
        [4, 5, 3], X, LABELS, 10, batch_size=5, validation_data=(X, LABELS), n_threads=n_threads, backend=backend,
        random_state=0,
    )  # fmt: skip
    monkeypatch.undo()
    assert told == {name: {n_threads} for name in ("begin", "loss_and_gradient", "forward")}
    assert (result.network.parameters == train(10, batch_size=5, backend=backend).network.parameters).all()


@pytest.mark.parametrize("backend", ["cython", "simd"])
def test_a_whole_run_is_without_the_gil(backend, monkeypatch):
    """The data that a call of run computes from is spoiled meanwhile, which ends it; with the GIL held it cannot be.

    Only after the first update: before it, the GIL was there to be had, and on one CPU the thread that waits for it
    goes first; so it sleeps a little meanwhile. Ten attempts, as the other thread may be late.
    """
    began, ended = threading.Event(), []
    original = backends.BACKENDS[backend].begin

    def begin(*args):
        began.set()
        return original(*args)

    monkeypatch.setattr(backends.BACKENDS[backend], "begin", begin)

    def work(rows):
        try:
            fastnn.train([4, 5, 3], rows, Y, 2_000_000, 1e-3, random_state=0, backend=backend)
        except FloatingPointError as error:
            ended.append(int(re.search(r"diverged: the loss is nan before update (\d+)", str(error))[1]))
        finally:
            began.set()

    for _ in range(10):
        rows = X.copy()
        began.clear()
        thread = threading.Thread(target=work, args=(rows,))
        thread.start()
        began.wait()
        time.sleep(0.02)  # of a run of a second
        rows[:] = np.nan
        thread.join()
        if ended and ended[-1] > 1:
            return
    pytest.fail(f"runs that were spoiled ended before the updates {ended}")


def test_a_divergence_in_a_callback_is_not_the_runs_own():
    def callback(iteration, *_):
        if iteration == 3:
            fastnn.train([4, 3], 1e200 * X, Y, 5, 1e200, output_activation="identity", random_state=0)

    with pytest.raises(FloatingPointError, match="training diverged") as caught:
        train(9, callback=callback)
    assert caught.value.result.n_iter == 3


# -- reports ------------------------------------------------------------------------------------------------------


def test_the_callback_gets_iteration_loss_and_the_live_network():
    seen = []

    def callback(iteration, loss, network):
        seen.append((iteration, loss, network.copy(), network))

    result = train(10, batch_size=5, callback=callback, report_every=4)
    assert [iteration for iteration, *_ in seen] == [4, 8, 10]
    assert [loss for _, loss, *_ in seen] == [result.loss_curve[i - 1] for i in (4, 8, 10)]
    assert seen[-1][3] is result.network
    assert (seen[-1][2].parameters == result.network.parameters).all()
    assert (seen[0][2].parameters == train(4, batch_size=5).network.parameters).all()


def test_reports_come_once_a_pass_by_default():
    seen = []
    train(12, batch_size=5, callback=lambda iteration, *_: seen.append(iteration))
    assert seen == [5, 10, 12]
    seen.clear()
    train(3, callback=lambda iteration, *_: seen.append(iteration))
    assert seen == [1, 2, 3]


def test_a_callback_that_returns_true_ends_the_run():
    assert train(50, callback=lambda iteration, *_: iteration == 7).n_iter == 7
    assert train(50, callback=lambda iteration, *_: np.bool_(iteration >= 8)).n_iter == 8


@pytest.mark.parametrize("answer", [True, 1, 0.5, "stop", np.array([1]), [0]])
def test_whatever_is_true_ends_the_run(answer):
    assert train(9, callback=lambda *_: answer).n_iter == 1


@pytest.mark.parametrize("answer", [False, None, 0, 0.0, "", [], np.array([0])])
def test_whatever_is_false_does_not(answer):
    assert train(9, callback=lambda *_: answer).n_iter == 9


def test_an_answer_that_is_neither_is_refused():
    with pytest.raises(TypeError, match="callback must return True, to end the run, or None or False; got ndarray"):
        train(9, callback=lambda *_: np.array([True, False]))


@pytest.mark.parametrize("error", [LookupError("mine"), FloatingPointError("mine"), SystemExit("mine")])
@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_an_error_in_the_callback_comes_through_with_the_last_finished_pass(backend, error):
    """In the middle of the third pass of three updates: as Ctrl-C does."""

    def callback(iteration, *_):
        if iteration == 8:
            raise error

    options = {"batch_size": 8, "report_every": 1, "backend": backend, "validation_data": (X, Y)}
    with pytest.raises(type(error), match="mine") as caught:
        train(30, callback=callback, **options)
    expected = train(6, **options)
    result = caught.value.result
    assert result.n_iter == result.best_iteration == 6
    assert result.network.parameters.tobytes() == expected.network.parameters.tobytes()
    assert (result.loss_curve, result.history) == (expected.loss_curve, expected.history)


def test_an_error_that_takes_no_attributes_comes_through_as_it_is():
    class BareError(Exception):
        def __setattr__(self, name, value):
            raise AttributeError(name)

    def callback(*_):
        raise BareError("mine")

    with pytest.raises(BareError, match="mine"):
        train(5, callback=callback)


def test_verbose_prints_a_line_a_report(capsys):
    result = train(10, verbose=True, report_every=5, validation_data=(X, Y))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"Iteration 5 of 10, loss {result.loss_curve[4]:.6f}, val_loss ")
    train(10)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_history_measures_all_rows_by_the_parameters_of_that_moment(backend):
    X_val, y_val = X[:6] + 0.1, LABELS[:6]
    # Without the penalty, which is 0.15 times the squares: curves of rows that were learned from and of others compare.
    options = {"loss": "log_loss", "activation": "tanh", "l2": 0.3, "batch_size": 4, "random_state": 0}
    result = fastnn.train(
        [4, 5, 3], X, LABELS, 11, 0.5, validation_data=(X_val, y_val), report_every=5, backend=backend, **options
    )
    history = result.history
    assert history["iteration"] == [5, 10, 11]
    assert set(history) == {"iteration", "loss", "val_loss", "accuracy", "val_accuracy"}
    for i, n in enumerate(history["iteration"]):
        network = fastnn.train([4, 5, 3], X, LABELS, n, 0.5, **options).network
        for rows, labels, prefix in ((X, LABELS, ""), (X_val, y_val, "val_")):
            h = network(rows)
            loss = -np.log(h[np.arange(len(rows)), labels]).mean()
            assert_close(history[f"{prefix}loss"][i], loss, 1e-9)
            assert history[f"{prefix}accuracy"][i] == (h.argmax(axis=1) == labels).mean()


def test_history_of_a_regression_has_no_accuracy():
    result = fastnn.train([4, 2], X, X[:, :2], 3, 0.1, activation="tanh", validation_data=(X, X[:, :2]))
    assert set(result.history) == {"iteration", "loss", "val_loss"}


def test_early_stopping_gives_the_best_weights_back():
    rng = np.random.default_rng(0)
    X_val, y_val = rng.standard_normal((40, 4)), rng.integers(0, 3, 40)  # labels that cannot be learnt
    seen = {}
    result = fastnn.train(
        [4, 16, 3], X, LABELS, 2000, 0.5, activation="tanh", loss="log_loss", init="glorot_uniform", random_state=0,
        validation_data=(X_val, y_val), early_stopping=True, n_iter_no_change=5, report_every=2,
        callback=lambda iteration, _, network: seen.update({iteration: network.parameters.copy()}),
    )  # fmt: skip
    val_loss = np.array(result.history["val_loss"])
    best = int(val_loss.argmin())
    assert result.n_iter == result.history["iteration"][-1] == result.history["iteration"][best] + 5 * 2 < 2000
    assert (result.network.parameters == seen[result.history["iteration"][best]]).all()
    assert (result.network.parameters != seen[result.n_iter]).any()
    assert result.best_iteration == result.history["iteration"][best]
    assert repr(result).endswith(f"; the weights are those after {result.best_iteration}>")


def test_early_stopping_does_not_look_at_the_penalty():
    """Weights shrink under a large penalty while the validation loss, which alone counts, gets worse."""
    options = {
        "activation": "tanh", "loss": "log_loss", "init": "normal", "l2": 5.0, "random_state": 0, "alpha": 0.01,
        "validation_data": (X, LABELS), "report_every": 1,
    }  # fmt: skip
    free = fastnn.train([4, 5, 3], X, LABELS, 60, **options)
    h = [fastnn.train([4, 5, 3], X, LABELS, n, **options).network(X) for n in range(1, 61)]
    losses = np.array([-np.log(outputs[np.arange(23), LABELS]).mean() for outputs in h])
    assert_close(free.history["val_loss"], losses, 1e-9)
    stopped = fastnn.train([4, 5, 3], X, LABELS, 60, **options, early_stopping=True, n_iter_no_change=60)
    assert stopped.best_iteration == 1 + int(losses.argmin()) < 60


def test_an_equal_val_loss_is_no_better():
    options = {"validation_data": (X, Y), "n_iter_no_change": 3}
    assert train(50, 1e-300, early_stopping=True, **options).n_iter == 4
    assert train(50, 1e-300, **options).n_iter == 50


def test_a_callback_that_ends_the_run_at_its_best_keeps_the_best():
    options = {"validation_data": (X, Y), "early_stopping": True}
    stopped = train(8, callback=lambda iteration, *_: iteration == 5, **options)
    assert np.argmin(stopped.history["val_loss"]) == 4
    assert (stopped.network.parameters == train(5).network.parameters).all()


def test_the_loss_of_the_history_is_weighted_as_training_is():
    weights = np.arange(23.0)
    result = train(5, sample_weight=weights, validation_data=(X, Y))
    losses = 0.5 * ((Y - result.network(X)) ** 2).sum(axis=1)
    assert_close(result.history["loss"][-1], np.average(losses, weights=weights), 1e-12)
    assert_close(result.history["val_loss"][-1], losses.mean(), 1e-12)
    result = train(5, sample_weight=weights, validation_data=(X, Y, weights))
    assert_close(result.history["val_loss"][-1], np.average(losses, weights=weights), 1e-12)
    right = (result.network(X).argmax(axis=1) == LABELS).mean()
    assert result.history["val_accuracy"][-1] == right  # a fraction of rows


# -- stops --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKEND_NAMES)
@pytest.mark.parametrize("report_every", [None, 3])
def test_tol_compares_passes_weighted_by_rows(backend, report_every):
    options = {"alpha": 1.0, "batch_size": 7, "backend": backend, "order": "shuffled"}  # batches of 7, 7, 7, 2 rows
    free = train(80, **options).cost
    passes = np.average(np.reshape(free, (20, 4)), axis=1, weights=[7, 7, 7, 2])
    changes = np.abs(np.diff(passes))
    tol = np.sort(changes)[4]
    expected = 4 * (int(np.argmax(changes < tol)) + 2)
    watch = {} if report_every is None else {"report_every": report_every, "callback": lambda *_: None}
    result = train(80, tol=tol, **options, **watch)
    assert result.n_iter == expected < 80
    assert_close(result.cost, free[:expected], 1e-12)


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_tol_is_strict_and_needs_two_passes(backend):
    assert train(9, 1e-300, tol=0.0, backend=backend).n_iter == 9
    seen = []
    result = train(80, tol=1e6, report_every=5, callback=lambda i, *_: seen.append(i), backend=backend)
    assert result.n_iter == 2
    assert seen == [2]  # the last update is reported


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_each_pass_has_its_own_mean(backend):
    spec = NetworkSpec((4, 5, 3), ("tanh", "identity"), np.dtype(np.float64))
    s = state.TrainingState(spec, "sgd")
    s.parameters[:] = np.linspace(-1, 1, spec.n_parameters)
    curves = np.empty(4), np.empty(4)
    settings = TrainingSpec(Objective("squared_error"), updates_per_pass=2)
    arrays = np.full(4, 0.05), np.zeros(4), *curves
    make_updates(backends.get_backend(backend), s, settings, (X, Y, None), None, None, *arrays)
    assert_close(s.counters["previous_cost"][0], curves[1][2:].mean(), 1e-14)


@pytest.mark.parametrize("backend", BACKEND_NAMES)
@pytest.mark.parametrize("batch_size", [None, 4])
def test_divergence_says_when_and_what_to_try(backend, batch_size):
    def run(n):
        return fastnn.train(
            [4, 5, 3], 100 * X, Y, n, 1e4, activation="relu", output_activation="identity", init="normal",
            random_state=0, backend=backend, batch_size=batch_size,
        )  # fmt: skip

    with pytest.raises(
        FloatingPointError, match=r"training diverged: .* update \d+\. Try a smaller learning"
    ) as caught:
        run(1000)
    update = int(str(caught.value).split("update ")[1].split(".")[0])
    assert 2 < update < 100
    with pytest.raises(FloatingPointError, match=f"after update {update - 1}|before update {update}"):
        run(update)
    assert np.isfinite(run(update - 2).network.parameters).all()


@pytest.mark.parametrize("early_stopping", [False, True])
def test_divergence_is_not_hidden_by_early_stopping(early_stopping):
    options = {"activation": "relu", "output_activation": "identity", "init": "normal", "random_state": 0}
    for n in (3, 4, 5):
        with pytest.raises(FloatingPointError, match="training diverged"):
            fastnn.train(
                [4, 5, 3], 100 * X, Y, n, 1e4, validation_data=(X, Y), early_stopping=early_stopping, **options
            )
    with pytest.raises(FloatingPointError, match="val_loss is inf after update 1"):
        fastnn.train([4, 5, 3], X, Y, 50, 0.1, validation_data=(1e200 * X, Y), early_stopping=early_stopping, **options)


@pytest.mark.parametrize("backend", BACKEND_NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_only_the_ratios_of_sample_weights_count(backend, dtype):
    weights = np.arange(1.0, 24)
    options = {"dtype": dtype, "backend": backend, "alpha": 1.0}
    expected = train(20, sample_weight=weights, **options)
    for factor in (1e-300, 1e300):
        scaled = train(20, sample_weight=factor * weights, **options)
        assert_close(scaled.cost, expected.cost, 1e-12 if dtype == "float64" else 1e-6)


# -- the state ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("solver", "backend"), SOLVERS_ON_BACKENDS)
def test_a_state_goes_on_from_its_bytes(backend, solver, dtype):
    spec = NetworkSpec((4, 5, 3), ("tanh", "identity"), np.dtype(dtype))
    settings = TrainingSpec(Objective("squared_error"), solver, momentum=0.9, tol=1e-9, updates_per_pass=3)
    compute = backends.get_backend(backend)
    data = X.astype(dtype), Y.astype(dtype), np.ones(23, dtype)

    def run(s, n):
        arrays = np.full(n, 0.05), np.zeros(n), np.empty(n), np.empty(n)
        make_updates(compute, s, settings, data, None, None, *arrays)

    whole = state.TrainingState(spec, solver)
    whole.parameters[:] = np.linspace(-1, 1, spec.n_parameters)
    half = state.TrainingState(spec, solver)
    half.restore(whole.to_bytes())
    run(whole, 10)
    run(half, 4)
    resumed = state.TrainingState(spec, solver)
    resumed.restore(half.to_bytes())
    assert resumed.n_updates == 4
    run(resumed, 6)
    assert resumed.to_bytes() == whole.to_bytes()
    with pytest.raises(ValueError, match="bytes, got 3"):
        resumed.restore(b"abc")


def test_blocks_are_aligned():
    for n in range(1, 40):
        assert state.aligned_zeros(n, np.float32).ctypes.data % 64 == 0


def test_draws_of_a_generator_and_a_random_state():
    for source in (np.random.RandomState(1), np.random.default_rng(1)):
        draws = Draws(source)
        assert draws.integers(3, (100,)).tolist().count(3) == 0
        assert sorted(draws.permutation(5)) == [0, 1, 2, 3, 4]
        assert draws.uniform((2, 3)).shape == draws.normal((2, 3)).shape == (2, 3)

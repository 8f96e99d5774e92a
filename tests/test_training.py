"""One run of training: its batches, how it stops, and the state that it can go on from; reports: test_listeners.py."""

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
            told.setdefault(name, set()).add(args[6])
            return original(*args, **options)

        return call

    for name in ("begin", "evaluation"):
        monkeypatch.setattr(backends.BACKENDS[backend], name, spy(name, getattr(backends.BACKENDS[backend], name)))
    result = fastnn.train(
        [4, 5, 3], X, LABELS, 10, batch_size=5, validation_data=(X, LABELS), n_threads=n_threads, backend=backend,
        random_state=0,
    )  # fmt: skip
    monkeypatch.undo()
    assert told == {name: {n_threads} for name in ("begin", "evaluation")}
    assert (result.network.parameters == train(10, batch_size=5, backend=backend).network.parameters).all()


@pytest.mark.parametrize("backend", ["cython", "simd"])
def test_a_whole_run_is_without_the_gil(backend, monkeypatch):
    """The data that a call of run computes from is spoiled meanwhile, which ends it; with the GIL held it cannot be.

    Only after the first update: before it, the GIL was there to be had. So this thread looks at the run's own counter,
    which with the GIL held it would not see but at 0 or at its end. Ten attempts, as it may come too late.
    """
    began, ended, states = threading.Event(), [], []
    original = backends.BACKENDS[backend].begin

    def begin(state, *args):
        states.append(state)
        began.set()
        return original(state, *args)

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
        while states[-1].n_updates == 0 and thread.is_alive():
            time.sleep(0)
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


@pytest.mark.filterwarnings("ignore:training has ended in answers that differ")
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

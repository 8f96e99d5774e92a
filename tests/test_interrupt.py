"""Ctrl-C: answered soon, by a KeyboardInterrupt that brings the model of the last finished pass; and other signals."""

import os

import numpy as np
import pytest
from conftest import BACKEND_NAMES, X, Y, run_program, train

#: A signal after a while, from another thread. No clock decides how a test ends, only when it asks.
PRELUDE = """
import os
import signal
import threading
import numpy as np
import fastnn

signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent may have it ignored

def interrupted(call, after=1.0):
    "Call until Ctrl-C comes, after some seconds; return the exception."
    timer = threading.Timer(after, os.kill, [os.getpid(), signal.SIGINT])
    try:
        timer.start()
        while True:
            call()
    except KeyboardInterrupt as interrupt:
        return interrupt

def result_of(call):
    "The result of an interrupted call, after at least one pass, however long it takes here."
    after = 0.5
    while True:
        result = getattr(interrupted(call, after), "result", None)  # None: it came between two calls
        if result is not None and result.n_iter > 0:
            return result
        after *= 2
"""


@pytest.mark.parametrize("n_threads", [1, None])
def test_the_largest_case_brings_the_last_finished_pass(n_threads):
    """The benchmark's 784-128-64-10, to the bits of a run that ends there. `bench --manners` has how soon."""
    out = run_program(
        PRELUDE
        + f"""
rng = np.random.default_rng(0)
X, y = rng.standard_normal((6000, 784), np.float32), rng.integers(0, 10, 6000)
def train(n):
    return fastnn.train([784, 128, 64, 10], X, y, n, 0.01, loss="log_loss", activation="relu", init="he_normal",
                        batch_size=128, dtype="float32", random_state=0, n_threads={n_threads})
result = result_of(lambda: train(10**6))
assert result.n_iter % 47 == 0 and len(result.cost) == len(result.loss_curve) == result.n_iter < 10**6
expected = train(result.n_iter)
assert result.network.parameters.tobytes() == expected.network.parameters.tobytes()
assert result.loss_curve == expected.loss_curve and result.cost == expected.cost
print("as it would have ended")
""",
    )
    assert out == "as it would have ended\n"


@pytest.mark.parametrize("n_batches", [1, 10, "one a row"])
@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_every_backend_brings_the_last_finished_pass(backend, n_batches):
    n_rows = 30 if backend == "python" else 1000
    n_batches = n_rows if n_batches == "one a row" else n_batches
    out = run_program(
        PRELUDE
        + f"""
rng = np.random.default_rng(0)
X, y = rng.standard_normal(({n_rows}, 20)), rng.random(({n_rows}, 3))
def train(n, **options):
    return fastnn.train([20, 9, 3], X, y, n, momentum=0.9, batch_size={n_rows // n_batches}, random_state=0,
                        backend={backend!r}, **options)
result = result_of(lambda: train(10**6))
assert result.n_iter % {n_batches} == 0 and result.n_iter < 10**6
expected = train(result.n_iter)
assert result.network.parameters.tobytes() == expected.network.parameters.tobytes()
assert result.loss_curve == expected.loss_curve and result.cost == expected.cost
print("as it would have ended")
""",
    )
    assert out == "as it would have ended\n"


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_an_interrupt_in_a_callback(backend, early_stopping):
    """In the middle of the third pass: two passes have been finished, and reported on."""

    def callback(iteration, loss, network):
        if iteration == 8:
            raise KeyboardInterrupt("pressed")

    options = {"batch_size": 8, "report_every": 1, "backend": backend, "validation_data": (X, Y)}
    with pytest.raises(KeyboardInterrupt, match="pressed") as caught:
        train(30, callback=callback, early_stopping=early_stopping, **options)
    result = caught.value.result
    expected = train(6, **options)
    assert type(result) is type(expected)
    assert result.n_iter == len(result.cost) == 6
    assert result.network.parameters.tobytes() == expected.network.parameters.tobytes()
    assert (result.loss_curve, result.cost, result.history) == (
        expected.loss_curve,
        expected.cost,
        expected.history,
    )
    W, b, _ = result
    assert np.shares_memory(W[1], result.network.parameters)
    assert np.shares_memory(b[1], result.network.parameters)


@pytest.mark.parametrize("backend", ["python", "numpy"])
def test_half_of_an_update_is_none(backend, monkeypatch):
    """An interrupt between a step and its count."""
    from fastnn.reference import descent

    count = descent.finish_update

    def interrupted_count(counters, *arguments):
        if counters["n_updates"] == 4:
            raise KeyboardInterrupt
        return count(counters, *arguments)

    expected = train(4, backend=backend, momentum=0.9)
    monkeypatch.setattr(descent, "finish_update", interrupted_count)
    with pytest.raises(KeyboardInterrupt) as caught:
        train(9, backend=backend, momentum=0.9)
    assert caught.value.result.n_iter == 4
    assert caught.value.result.network.parameters.tobytes() == expected.network.parameters.tobytes()


def test_before_the_first_pass_is_finished():
    def callback(iteration, loss, network):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        train(9, batch_size=8, report_every=1, callback=callback)
    result = caught.value.result
    assert (result.n_iter, result.cost, result.loss_curve, result.history) == (0, [], [], {})
    assert repr(result).endswith(": 0 updates>")
    random_state = np.random.RandomState(0)
    assert (result.W[1] == random_state.random_sample((5, 4))).all()


def test_handlers_of_the_user_run_while_an_epoch_does():
    """One that counts, and training goes on to its end; one that raises: it comes out, with the result.

    Signals that come while nobody asks are one when somebody does: more than one within a call was asked for in it.
    """
    out = run_program(
        PRELUDE
        + """
X, y = np.random.default_rng(0).standard_normal((4000, 64)), np.zeros((4000, 10))
n_calls = 0
def count(number, frame):
    global n_calls
    n_calls += 1
signal.signal(signal.SIGALRM, count)
for n_updates in 100 * 2 ** np.arange(8):
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
    before = n_calls
    result = fastnn.train([64, 64, 10], X, y, n_updates, random_state=0)
    n_within = n_calls - before
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert result.n_iter == n_updates
    if n_within > 2:
        print("counted")
        break
else:
    raise SystemExit("not asked within a call")

class TimeIsUp(Exception):
    pass
def give_up(number, frame):
    raise TimeIsUp
signal.signal(signal.SIGALRM, give_up)
after, result = 0.3, None
while result is None:  # the alarm came before training had begun
    try:
        signal.setitimer(signal.ITIMER_REAL, after)  # once: another would come while the process ends
        fastnn.train([64, 64, 10], X, y, 10**6, random_state=0)
    except TimeIsUp as error:
        result = getattr(error, "result", None)
    after *= 2
print(result.n_iter < 10**6)
""",
    )
    assert out == "counted\nTrue\n"


@pytest.mark.parametrize("backend", ["simd", "cython"])
def test_a_prediction_is_interrupted_too(backend):
    """In the middle: some rows have their output by then, and some have none."""
    out = run_program(
        PRELUDE
        + f"""
o = np.ones
network = fastnn.Network([o((500, 8)), o((500, 500)), o((1, 500))], [o(500), o(500), o(1)], backend={backend!r})
X, out = o((200_000, 8)), np.empty((200_000, 1))
def predict():
    out.fill(np.nan)
    network.predict_into(X, out)
for attempt in range(8):
    interrupted(predict, after=0.5 * 2**attempt)
    n_done = len(X) - np.isnan(out).sum()
    if 0 < n_done < len(X):  # it did not come before the first row, or between two calls
        print("in the middle")
        break
""",
    )
    assert out == "in the middle\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX signals")
def test_training_in_another_thread_does_not_take_the_signal():
    """Python's signals are the main thread's, which is free to answer; training goes on until it is told to end."""
    out = run_program(
        PRELUDE
        + """
X, y = np.random.default_rng(0).standard_normal((4000, 64)), np.zeros((4000, 10))
results, began, ends = [], threading.Event(), threading.Event()
def ended(*_):
    began.set()
    return ends.is_set()
def work():
    try:
        results.append(fastnn.train([64, 64, 10], X, y, 10**6, random_state=0, report_every=10, callback=ended))
    finally:
        began.set()
worker = threading.Thread(target=work, daemon=True)  # what fails must end
worker.start()
began.wait()
print(type(interrupted(lambda: ends.wait(60), 0.1)).__name__, worker.is_alive())
ends.set()
worker.join()
print(results[0].n_iter % 10)
""",
    )
    assert out == "KeyboardInterrupt True\n0\n"

"""How fastnn behaves beside others: ``python -m bench --manners``.

How soon a Ctrl-C is answered while the engine trains, and what two models that train side by side, in two threads of
Python, do in the time of one. Both depend on what else the machine does, so here they are measured; the tests hold what
does not: that training is interrupted, and that it goes on without the GIL.
"""

import os
import signal
import statistics
import threading
from time import perf_counter

import numpy as np

import fastnn
from bench.machine import describe
from bench.report import duration

ROUNDS, QUICK_ROUNDS = 9, 3


def answer_to_ctrl_c(n_threads):
    """Return the seconds from a Ctrl-C to its KeyboardInterrupt in the largest case of the benchmark."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60000, 784), np.float32), rng.integers(0, 10, 60000)
    pressed = []

    def press():
        pressed.append(perf_counter())
        signal.raise_signal(signal.SIGINT) if os.name == "nt" else os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.5, press)
    timer.start()
    try:
        fastnn.train(
            [784, 128, 64, 10], X, y, 10**6, 0.01, loss="log_loss", activation="relu", init="he_normal", batch_size=128,
            dtype="float32", random_state=0, n_threads=n_threads,
        )  # fmt: skip
    except KeyboardInterrupt:
        return perf_counter() - pressed[0]
    raise SystemExit("a million updates were made before Ctrl-C")


def side_by_side(n_threads):
    """Return how much of two models' training is done in the time of one: two models at once, on n threads each."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((1257, 64)), rng.random((1257, 10))

    def train():
        fastnn.train([64, 30, 10], X, y, 400, init="glorot_uniform", random_state=0, n_threads=n_threads)

    def seconds(n_models):
        workers = [threading.Thread(target=train) for _ in range(n_models)]
        began = perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return perf_counter() - began

    return 2 * seconds(1) / seconds(2)


def main(options):
    """Measure and print."""
    n_rounds = QUICK_ROUNDS if options.quick else ROUNDS
    print(describe()["cpu"])
    for n_threads in (1, None):
        answers = [answer_to_ctrl_c(n_threads) for _ in range(n_rounds)]
        print(
            f"Ctrl-C, 784-128-64-10 on {n_threads or 'as many threads as pay'}: answered after "
            f"{duration(statistics.median(answers))} (median of {n_rounds}), {duration(max(answers))} at the most"
        )
    gains = [side_by_side(1) for _ in range(n_rounds)]
    print(
        f"Two models of 64-30-10 side by side, a thread each: {statistics.median(gains):.2f} times the work of one "
        f"after the other ({min(gains):.2f} to {max(gains):.2f})"
    )

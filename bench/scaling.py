"""How fastnn's training scales: ``python -m bench --scaling``, threads by batch size by width.

Each entry is the median of rounds in which all numbers of threads take turns, in one process, so that a slow moment of
the machine falls on all alike. The network is 64-W-W-10; every number of threads must find the same bits.
"""

import json
import math
import os
import sys
from itertools import product
from time import perf_counter

import numpy as np

from bench.machine import describe
from bench.progress import watched
from bench.report import duration
from bench.timing import summary
from fastnn.backends import get_backend
from fastnn.objective import Objective
from fastnn.spec import NetworkSpec, TrainingSpec
from fastnn.state import TrainingState

BATCH_SIZES = (32, 128, 512, 2048)
WIDTHS = (16, 64, 256)
DTYPES = ("float32", "float64")
#: Threads at most.
MOST_THREADS = 8
#: Seconds that one number of threads should take in one round, and rounds; of a quick run.
ROUND, ROUNDS = 0.1, 9
QUICK_ROUND, QUICK_ROUNDS = 0.03, 3


def make_run(width, batch_size, dtype):
    """Return a function of the number of updates and of threads that trains from the start, and returns its state."""
    rng = np.random.default_rng(0)
    network = NetworkSpec((64, width, width, 10), ("relu", "relu", "softmax"), np.dtype(dtype))
    training = TrainingSpec(Objective("log_loss"), "adam")
    start = (rng.standard_normal(network.n_parameters) * 0.05).astype(dtype)
    X = rng.standard_normal((batch_size, 64)).astype(dtype)
    y = np.eye(10, dtype=dtype)[rng.integers(0, 10, batch_size)]
    backend = get_backend("simd")

    def run(n_updates, n_threads):
        state = TrainingState(network, training.solver)
        state.parameters[:] = start
        curves = np.full(n_updates, 1e-4), np.zeros(n_updates), np.empty(n_updates), np.empty(n_updates)
        seconds = -perf_counter()
        run = backend.begin(state, training, X, y, None, batch_size, n_threads)
        run.advance(None, None, *curves)
        run.end()
        return seconds + perf_counter(), state.to_bytes()

    return run


def measure(run, threads, n_rounds, seconds_a_round):
    """Return threads -> seconds an update, one entry a round, and whether all found the same bits."""
    run(2, 1)
    n_updates = math.ceil(seconds_a_round * 2 / run(2, 1)[0])
    seconds, states = {n: [] for n in threads}, set()
    for _ in range(n_rounds):
        for n in threads:
            elapsed, state = run(n_updates, n)
            seconds[n].append(elapsed / n_updates)
            states.add(state)
    return seconds, len(states) == 1


def main(options):
    """Measure and print the table, and write it as JSON; exit with 1 if two numbers of threads disagree."""
    machine = describe()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = range(1, min(cores, MOST_THREADS) + 1)
    n_rounds, seconds_a_round = (QUICK_ROUNDS, QUICK_ROUND) if options.quick else (ROUNDS, ROUND)
    print(f"CPU: {machine['cpu']}, {machine['cores']} cores, {' '.join(machine['features'])}")
    print(
        "Time of one update of 64-W-W-10, Adam, on one thread, and how many times faster it is by n threads: median of"
    )
    print(f"{n_rounds} rounds [quartiles]; the numbers of threads take turns.\n")
    print(f"{'':<9}{'W':>5}{'batch':>7}{'1 thread':>11}" + "".join(f"{f'{n} threads':>23}" for n in threads[1:]))
    rows, differ = [], []
    for dtype, width, batch_size in watched(product(DTYPES, WIDTHS, BATCH_SIZES), options.progress):
        seconds, same = measure(make_run(width, batch_size, dtype), threads, n_rounds, seconds_a_round)
        ratios = {n: [a / b for a, b in zip(seconds[1], seconds[n], strict=True)] for n in threads}
        row = {"dtype": dtype, "width": width, "batch_size": batch_size, "same_bits": same}
        row["seconds"] = {n: summary(times) for n, times in seconds.items()}
        row["times_faster"] = {n: summary(of) for n, of in ratios.items()}
        rows.append(row)
        faster = [row["times_faster"][n] for n in threads[1:]]
        print(
            f"{dtype:<9}{width:>5}{batch_size:>7}{duration(row['seconds'][1][0]):>11}"
            + "".join(f"{median:>9.2f} [{low:.2f} .. {high:.2f}]" for median, low, high in faster)
            + ("" if same else "  DIFFERENT BITS"),
            flush=True,
        )
        if not same:
            differ.append(f"{dtype}, width {width}, batch {batch_size}: the bits depend on the threads")
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "scaling.json"
    path.write_text(json.dumps({"machine": machine, "rounds": n_rounds, "rows": rows}, indent=1) + "\n")
    print(f"\nWritten: {path}")
    if differ:
        sys.exit("\n".join(differ))
    print("The same bits by any number of threads.")

"""Threads inside one network: the same bits by any number, the rules that say how many, and two models side by side."""

import os
import threading

import numpy as np
import pytest
from conftest import DTYPES, make_updates, run_program

import fastnn
from fastnn import simd
from fastnn._tables import RAN
from fastnn.backends import get_backend
from fastnn.objective import Objective
from fastnn.spec import NetworkSpec, TrainingSpec
from fastnn.state import TrainingState

HAS_TEAMS = simd.info()["openmp"] and (os.cpu_count() or 1) > 1
needs_teams = pytest.mark.skipif(not HAS_TEAMS, reason="built without OpenMP, or one CPU")

RNG = np.random.default_rng(0)
#: Layer sizes, rows, batch size, updates, solver: whole chunks to a thread, rows to a thread, several rounds of each.
NETWORKS = {
    "small": ([64, 30, 10], 1257, None, 150, "sgd"),
    "single output": ([20, 64, 64, 1], 4100, 1024, 120, "adam"),
    "large": ([784, 128, 64, 10], 1000, 128, 40, "adamw"),
    "many chunks": ([40, 300, 3], 6000, None, 12, "rmsprop"),
    "wide, some chunks together by one thread": ([30, 520, 520, 3], 900, None, 2, "adam"),
    "a last batch of one row": ([300, 200, 10], 1025, 256, 40, "sgd"),
}


def train(name, dtype="float64", **options):
    sizes, m, batch_size, n, solver = NETWORKS[name]
    X = np.random.default_rng(1).standard_normal((m, sizes[0]))
    y = X[:, : sizes[-1]] ** 2
    options = {"init": "glorot_normal", "random_state": 0, "activation": "relu", "l2": 0.01, **options}
    return fastnn.train(sizes, X, y, n, 1e-3, batch_size=batch_size, solver=solver, dtype=dtype, **options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_bits_by_any_number_of_threads(name, dtype):
    alone = train(name, dtype, n_threads=1)
    X = np.random.default_rng(2).standard_normal((3001, alone.network.layer_sizes[0]))
    for n_threads in (2, 3, 5, None):
        team = train(name, dtype, n_threads=n_threads)
        assert team.network.parameters.tobytes() == alone.network.parameters.tobytes()
        assert team.cost == alone.cost
        assert team.loss_curve == alone.loss_curve
        assert team.network(X).tobytes() == alone.network(X).tobytes()


@needs_teams
@pytest.mark.parametrize("name", NETWORKS)
def test_a_team_is_there(name):
    """Or the test above would compare one thread with itself: OpenMP's threads stay once they have been made."""
    out = run_program(
        f"""
import sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
from test_threads import train
n_threads = lambda: int(next(line for line in open("/proc/self/status") if line.startswith("Threads")).split()[1])
train({name!r}, n_threads=1)
before = n_threads()
while n_threads() != before + 2:  # others may have the CPUs for a while
    train({name!r}, n_threads=3)
print(n_threads() - before)
"""
    )
    assert out == "2\n"


def test_info():
    info = simd.info()
    assert info["target"] == simd.active()
    assert info["available"] == simd.available()
    assert info["vector_bytes"] in (4, 8, 16, 32, 64)
    assert info["n_threads"] >= 1
    assert not info["forked"]


@needs_teams
def test_the_default_follows_openmp_threadpoolctl_and_affinity():
    asked = "from fastnn import simd; print(simd.info()['n_threads'])"
    n_cpus = len(os.sched_getaffinity(0))
    assert run_program(asked) == f"{n_cpus}\n"
    assert run_program(asked, OMP_NUM_THREADS="1") == "1\n"
    assert run_program(asked, OMP_NUM_THREADS="1000") == f"{n_cpus}\n"
    assert run_program(f"import os; os.sched_setaffinity(0, [{min(os.sched_getaffinity(0))}]); {asked}") == "1\n"
    out = run_program(
        """
import threadpoolctl
import fastnn
from fastnn import simd
openmp = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "openmp"]
print(len(openmp) >= 1, simd.info()["n_threads"] == openmp[0]["num_threads"])
with threadpoolctl.threadpool_limits(1):
    print(simd.info()["n_threads"])
print(simd.info()["n_threads"] == openmp[0]["num_threads"])
"""
    )
    assert out == "True True\n1\nTrue\n"


def test_two_models_train_side_by_side():
    """To the bits of each alone. `bench --manners` has how much of one's time it takes."""
    names = ("small", "many chunks")
    alone = [train(name).network.parameters.tobytes() for name in names]
    found = {}

    def work(name):
        found[name] = {train(name).network.parameters.tobytes() for _ in range(5)}

    workers = [threading.Thread(target=work, args=(name,)) for name in names]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == {name: {bits} for name, bits in zip(names, alone, strict=True)}


def test_one_network_predicts_from_eight_threads():
    network = train("small").network
    batches = [RNG.standard_normal((n, 64)) for n in (1, 3, 40, 700, 5000)]
    expected = [network(X).tobytes() for X in batches]
    wrong = []

    def work():
        outs = [np.empty((len(X), 10)) for X in batches]
        for _ in range(30):
            for X, out, right in zip(batches, outs, expected, strict=True):
                if network(X).tobytes() != right or network.predict_into(X, out).tobytes() != right:
                    wrong.append(len(X))

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def test_arrays_that_another_thread_changes_cannot_crash():
    out = run_program(
        """
import threading
import numpy as np
import fastnn
rng = np.random.default_rng(0)
X, y = rng.standard_normal((3000, 30)), rng.random((3000, 4))
weights = np.ones(3000)
ends = threading.Event()
def scribble():
    rng = np.random.default_rng(1)
    while not ends.is_set():
        for array in (X, y, weights):
            rows = rng.integers(0, 3000, 300)
            array[rows] = rng.choice([np.nan, np.inf, -1e308, 1e-320, 0.5, -3.0, 1e300])
scribbler = threading.Thread(target=scribble, daemon=True)  # what fails must end
scribbler.start()
n_garbage = 0
for attempt in range(60):
    for options in ({}, {"batch_size": 64}, {"batch_size": 64, "loss": "log_loss", "n_threads": 3}):
        try:
            fastnn.train([30, 20, 4], X, y, 20, sample_weight=weights, **options).network(X)
        except (ValueError, FloatingPointError):
            n_garbage += 1
ends.set()
scribbler.join()
print(n_garbage > 0)
"""
    )
    assert out == "True\n"


def test_nothing_to_do_is_done():
    """No updates, and no rows: the plan for threads divides by neither."""
    spec = NetworkSpec((3, 2), ("identity",), np.dtype("float64"))
    state = TrainingState(spec, "sgd")
    state.parameters[:] = 1
    before = state.to_bytes()
    training, nothing = TrainingSpec(Objective("squared_error")), np.empty(0)
    data = np.ones((4, 3)), np.ones((4, 2)), np.ones(4)
    rows, starts = np.empty(0, np.intp), np.zeros(1, np.intp)
    for of_rows, of_starts in ((None, None), (rows, starts)):
        arrays = nothing, nothing, nothing.copy(), nothing.copy()
        done = make_updates(get_backend("simd"), state, training, data, of_rows, of_starts, *arrays)
        assert done == (0, RAN)
    assert state.to_bytes() == before

"""Processes: a forked child has no team and computes on one thread; loky's workers are processes of their own."""

import multiprocessing

import pytest
from conftest import run_program

pytestmark = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")

#: A run of training that is worth a team, and a prediction that is.
COMPUTE = """
import hashlib
import numpy as np
import fastnn
from fastnn import simd

rng = np.random.default_rng(0)
X, y = rng.standard_normal((3000, 64)), rng.random((3000, 10))
many = rng.standard_normal((30000, 64))

def compute(n_threads=None):
    network = fastnn.train([64, 30, 10], X, y, 60, random_state=0, n_threads=n_threads).network
    return hashlib.sha256(network.parameters.tobytes() + network(many).tobytes()).hexdigest(), simd.info()["n_threads"]
"""


def test_children_forked_after_training():
    out = run_program(
        COMPUTE
        + """
import multiprocessing
expected, _ = compute()
with multiprocessing.get_context("fork").Pool(3) as pool:
    for n_threads in (None, 1, 2, 4):
        for result, n_allowed in pool.map(compute, [n_threads] * 3):
            assert result == expected and n_allowed == 1, (result, expected, n_allowed)
assert compute()[0] == expected  # the parent goes on
print("same bits")
""",
        PYTHONWARNINGS="ignore::DeprecationWarning",  # from Python 3.12 on, that a process with threads is forked
    )
    assert out == "same bits\n"


def test_a_child_forked_while_another_thread_trains():
    out = run_program(
        COMPUTE
        + """
import os
import threading
expected, _ = compute()
ends = threading.Event()
def train():
    while not ends.is_set():
        compute()
worker = threading.Thread(target=train, daemon=True)  # what fails must end
worker.start()
for attempt in range(10):
    child = os.fork()
    if child == 0:
        os._exit(0 if compute() == (expected, 1) and compute(2)[0] == expected else 1)
    assert os.waitpid(child, 0)[1] == 0
ends.set()
worker.join()
print("same bits")
""",
        PYTHONWARNINGS="ignore::DeprecationWarning",
    )
    assert out == "same bits\n"


def test_loky_workers():
    pytest.importorskip("joblib")
    out = run_program(
        COMPUTE
        + """
from joblib import Parallel, delayed
expected, _ = compute()
with Parallel(n_jobs=2, backend="loky") as parallel:
    for n_threads in (None, 2):
        for result, _ in parallel(delayed(compute)(n_threads) for _ in range(4)):
            assert result == expected
print("same bits")
"""
    )
    assert out == "same bits\n"

"""A network travels: copied, pickled, in joblib's files, mapped into memory, to other processes; same bits after."""

import copy
import pickle

import numpy as np
import pytest
from conftest import BACKEND_NAMES, run_program

import fastnn

joblib = pytest.importorskip("joblib")
RNG = np.random.default_rng(5)
X = RNG.standard_normal((40, 9))


def network(dtype="float64", backend="auto", width=30):
    y = np.arange(40) % 3
    options = {"loss": "log_loss", "dtype": dtype, "backend": backend, "random_state": 0}
    return fastnn.train([9, width, 3], X, y, 3, **options).network


def assert_same(actual, expected):
    assert actual(X).tobytes() == expected(X).tobytes()
    assert actual(X[0]).tobytes() == expected(X[0]).tobytes()
    assert actual.predict(X).tobytes() == expected.predict(X).tobytes()
    assert repr(actual) == repr(expected)
    assert actual.backend == expected.backend
    assert (actual.classes == expected.classes).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_every_way(backend, dtype, tmp_path):
    original = network(dtype, backend)
    joblib.dump(original, tmp_path / "network.joblib")
    joblib.dump(original, tmp_path / "small.joblib", compress=3)
    travelled = [copy.copy(original), copy.deepcopy(original), copy.deepcopy([original])[0], original.copy()]
    travelled += [pickle.loads(pickle.dumps(original, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]
    travelled += [joblib.load(tmp_path / name) for name in ("network.joblib", "small.joblib")]
    for arrived in travelled:
        assert_same(arrived, original)
        assert not np.shares_memory(arrived.parameters, original.parameters)
        assert arrived.parameters.ctypes.data % 64 == 0
        before = original(X).tobytes()
        arrived.W[1][:] = 0
        assert original(X).tobytes() == before
        assert arrived(X).tobytes() != before


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_mapped_into_memory(backend, tmp_path):
    original = network(backend=backend)
    joblib.dump(original, tmp_path / "network.joblib")
    mapped = joblib.load(tmp_path / "network.joblib", mmap_mode="r")
    assert isinstance(mapped.parameters.base, np.memmap)
    assert_same(mapped, original)
    with pytest.raises(ValueError, match="read-only"):
        mapped.W[1][:] = 0
    own = mapped.copy()
    own.W[1][:] = 0
    assert_same(mapped, original)
    assert_same(pickle.loads(pickle.dumps(mapped)), original)
    shared = joblib.load(tmp_path / "network.joblib", mmap_mode="c")  # copy on write: a private page
    shared.W[1][:] = 0
    assert_same(joblib.load(tmp_path / "network.joblib"), original)


def test_mapped_by_two_processes(tmp_path):
    """One changes the file's numbers, and the other sees it: it is the same memory."""
    original = network(width=300)
    joblib.dump(original, tmp_path / "network.joblib")
    mapped = joblib.load(tmp_path / "network.joblib", mmap_mode="r")
    before = mapped(X).tobytes()
    run_program(
        f"""
import joblib
network = joblib.load({str(tmp_path / "network.joblib")!r}, mmap_mode="r+")
network.W[1][:] = 0
"""
    )
    assert mapped(X).tobytes() != before
    assert (mapped.W[1] == 0).all()


def test_workers_of_joblib_share_a_large_network():
    out = run_program(
        """
import numpy as np
from joblib import Parallel, delayed
import fastnn
rng = np.random.default_rng(0)
X = rng.standard_normal((50, 400))
network = fastnn.Network([rng.standard_normal((400, 400)), rng.standard_normal((3, 400))], [np.zeros(400), np.zeros(3)])
def work(network):
    return type(network.parameters.base).__name__, network(X).tobytes()
for base, outputs in Parallel(n_jobs=2)(delayed(work)(network) for _ in range(4)):
    assert base == "memmap", base
    assert outputs == network(X).tobytes()
print("shared")
"""
    )
    assert out == "shared\n"


def test_a_damaged_pickle():
    original = network()
    make, of, state = original.__reduce__()
    short, of_integers = state["parameters"][:-1], state["parameters"].astype(int)
    with pytest.raises(ValueError, match=r"9-30-3 network has 393 parameters of float64, its .* of shape \(392,\)"):
        make(*of).__setstate__({**state, "parameters": short})
    with pytest.raises(ValueError, match="of float64, its description int64"):
        make(*of).__setstate__({**state, "parameters": of_integers})

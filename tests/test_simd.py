"""The choice of the instruction set: what there is, what is used, that forcing one really runs it."""

import platform
import subprocess
import sys

import numpy as np
import pytest
from conftest import assert_close
from scipy import sparse

import fastnn
from fastnn import _engine, simd
from fastnn.backends import get_backend
from fastnn.spec import NetworkSpec, TrainingSpec
from fastnn.state import TrainingState

X86 = platform.machine().lower() in ("x86_64", "amd64")
VECTOR_BYTES = {"baseline": 16, "avx2": 32, "avx512": 64}


@pytest.fixture(autouse=True)
def _as_it_was():
    before = simd.active()
    yield
    simd.use(before)


def test_the_baseline_is_always_there_and_the_fastest_is_taken():
    assert simd.available()[0] == "baseline"
    assert set(simd.available()) <= set(VECTOR_BYTES)


def test_what_is_available_is_what_the_cpu_has():
    try:
        with open("/proc/cpuinfo") as info:
            flags = next(line for line in info if line.startswith("flags")).split()
    except (OSError, StopIteration):
        pytest.skip("no /proc/cpuinfo of an x86")
    assert ("avx2" in simd.available()) == ({"avx2", "fma"} <= set(flags))
    assert ("avx512" in simd.available()) == ({"avx512f", "avx512vl", "avx512dq", "avx512bw"} <= set(flags))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("target", simd.available())
def test_forcing_a_target_runs_it(target, dtype):
    """By its own kernels' word, and by a number that a fused multiply-add alone can find."""
    simd.use(target)
    assert simd.active() == target
    assert _engine.active() == (target, VECTOR_BYTES[target])
    if X86:
        assert (rounding_error(dtype) == 0) == (target == "baseline")


def rounding_error(dtype):
    """What rounding takes from x w, by x w - (x w rounded): 0 without a fused multiply-add."""
    x = np.dtype(dtype).type(1) + np.finfo(dtype).eps
    network = fastnn.Network([[[x]]], [[-(x * x)]], output_activation="identity", dtype=dtype)
    return network(np.array([x], dtype))[0]


@pytest.mark.skipif(not X86, reason="other architectures have one target")
def test_a_new_process_takes_the_fastest_or_what_the_variable_names(monkeypatch):
    program = "from fastnn import simd; print(simd.active())"

    def active(name):
        monkeypatch.setenv("FASTNN_SIMD", name)
        return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert active("").stdout.strip() == simd.available()[-1]
    for name in simd.available():
        assert active(name).stdout.strip() == name
    wrong = active("avx3")
    assert wrong.returncode != 0
    assert "unknown instruction set in the environment variable FASTNN_SIMD: 'avx3'" in wrong.stderr
    assert "'baseline'" in wrong.stderr


def test_a_target_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="unknown instruction set 'neon3': expected one of 'baseline'"):
        simd.use("neon3")
    with pytest.raises(TypeError):
        simd.use(1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_targets_agree(dtype):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((50, 9)), rng.integers(0, 5, 50)
    runs = []
    for target in simd.available():
        simd.use(target)
        options = {"activation": "tanh", "loss": "log_loss", "batch_size": 7, "random_state": 0, "dtype": dtype}
        runs.append(fastnn.train([9, 33, 17, 5], X, y, 100, 0.1, backend="simd", **options).network.parameters)
    for run in runs:
        assert_close(run, runs[0], 1e-12 if dtype == "float64" else 1e-4)


@pytest.mark.parametrize("target", simd.available())
def test_multiply_adds_counts_operations(target):
    simd.use(target)
    assert simd.multiply_adds("float32", 10) == 2 * simd.multiply_adds("float64", 10) > 0
    assert simd.multiply_adds("float64", 20) == 2 * simd.multiply_adds("float64", 10)


# -- CSR data, which the binding takes for later faces --------------------------------------------------------------


@pytest.mark.parametrize("batch", [None, 1, 8])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_csr_rows_give_the_bits_of_dense_rows(dtype, batch):
    rng = np.random.default_rng(0)
    X = (rng.standard_normal((60, 11)) * (rng.random((60, 11)) < 0.2)).astype(dtype)
    y, weights = rng.random((60, 3)).astype(dtype), rng.random(60).astype(dtype)
    spec = NetworkSpec((11, 7, 3), ("tanh", "logistic"), np.dtype(dtype))
    start = rng.standard_normal(spec.n_parameters).astype(dtype)
    backend, results = get_backend("simd"), []
    for data in (X, sparse.csr_matrix(X)):
        state = TrainingState(spec, "sgd")
        state.parameters[:] = start
        rows = starts = None
        if batch is not None:
            rows, starts = np.random.default_rng(1).permutation(60), np.minimum(np.arange(11) * batch, 60)
        curves = np.empty(10), np.empty(10)
        training = TrainingSpec("squared_error")
        backend.run(state, training, data, y, weights, rows, starts, np.full(10, 0.1), np.zeros(10), *curves)
        gradient, out, one = np.empty_like(start), np.empty((60, 3), dtype), np.empty((1, 3), dtype)
        losses = backend.loss_and_gradient(spec, "squared_error", start, data, y, weights, 0.1, gradient)
        backend.forward(spec, start, data, out)
        backend.forward(spec, start, data[:1], one)
        assert (one == out[0]).all()
        results.append([state.parameters, *curves, gradient, np.array(losses), out])
    for dense, from_csr in zip(*results, strict=True):
        assert dense.tobytes() == from_csr.tobytes()


@pytest.mark.parametrize(("part", "value"), [("indices", 11), ("indices", -1), ("indptr", 5)])
def test_csr_indices_out_of_range_are_refused(part, value):
    X = sparse.csr_matrix(np.eye(11))
    getattr(X, part)[3] = value
    spec = NetworkSpec((11, 2), ("logistic",), np.dtype(np.float64))
    with pytest.raises(ValueError, match="not a CSR matrix of 11 columns"):
        get_backend("simd").forward(spec, np.zeros(spec.n_parameters), X, np.empty((11, 2)))


# -- arrays that do not fit -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [np.zeros((5, 3), np.float32), np.zeros((6, 3)), np.zeros((5, 6))[:, ::2]])
def test_the_binding_refuses_arrays_that_do_not_fit(wrong):
    spec = NetworkSpec((3, 2), ("logistic",), np.dtype(np.float64))
    with pytest.raises((ValueError, BufferError)):
        get_backend("simd").loss_and_gradient(
            spec, "squared_error", np.zeros(8), wrong, np.zeros((5, 2)), np.ones(5), 0.0
        )

"""The choice of the instruction set: what there is, what is used, that forcing one really runs it."""

import ctypes
import platform
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import assert_close, make_updates
from scipy import sparse

import fastnn
from fastnn import _engine, simd
from fastnn.backends import get_backend
from fastnn.objective import Objective
from fastnn.spec import NetworkSpec, TrainingSpec
from fastnn.state import TrainingState

X86 = platform.machine().lower() in ("x86_64", "amd64")
ARM = platform.machine().lower() in ("aarch64", "arm64")
VECTOR_BYTES = {"baseline": 16, "neon": 16, "avx2": 32, "avx512": 64}


@pytest.fixture(autouse=True)
def _as_it_was():
    before = simd.active()
    yield
    simd.use(before)


def test_the_baseline_is_always_there_and_slowest():
    assert simd.available()[0] == "baseline"
    assert set(simd.available()) <= set(VECTOR_BYTES)


#: Feature -> its place in glibc's table: 0 for leaf 1 of CPUID or 1 for leaf 7, register, bit.
FEATURES = {
    "fma": (0, "ecx", 12),
    "avx2": (1, "ebx", 5),
    "avx512f": (1, "ebx", 16),
    "avx512dq": (1, "ebx", 17),
    "avx512bw": (1, "ebx", 30),
    "avx512vl": (1, "ebx", 31),
}


@pytest.mark.skipif(not ARM, reason="of AArch64")
def test_neon_is_what_every_aarch64_has():
    assert simd.available() == ("baseline", "neon")


def features_of_the_cpu():
    """By glibc, which asks CPU and system itself: /proc/cpuinfo is the host's where the CPU is emulated."""
    try:
        leaf_of = ctypes.CDLL(None)["__x86_get_cpuid_feature_leaf"]
    except (AttributeError, OSError, TypeError):
        pytest.skip("glibc 2.33 or newer tells on an x86-64")
    leaf_of.restype = ctypes.POINTER(ctypes.c_uint32 * 8)  # of each register what there is, then what can be used
    usable = [dict(zip(("eax", "ebx", "ecx", "edx"), leaf_of(leaf).contents[4:], strict=True)) for leaf in (0, 1)]
    return {name for name, (leaf, register, bit) in FEATURES.items() if usable[leaf][register] >> bit & 1}


def test_what_is_available_is_what_the_cpu_has():
    has = features_of_the_cpu()
    assert ("avx2" in simd.available()) == ({"avx2", "fma"} <= has)
    assert ("avx512" in simd.available()) == ({"avx512f", "avx512vl", "avx512dq", "avx512bw", "fma"} <= has)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("target", simd.available())
def test_forcing_a_target_runs_it(target, dtype):
    """By its own kernels' word, and by a number that a fused multiply-add alone can find."""
    simd.use(target)
    assert simd.active() == target
    assert _engine.active() == (target, VECTOR_BYTES[target])
    if X86 or ARM:
        for n_rows in (1, 20):  # by the kernels of one row, and by tiles
            assert (rounding_error(dtype, n_rows) == 0) == (X86 and target == "baseline")


def rounding_error(dtype, n_rows):
    """What rounding takes from x w, by x w - (x w rounded): 0 without a fused multiply-add."""
    x = np.dtype(dtype).type(1) + np.finfo(dtype).eps
    network = fastnn.Network([[[x]]], [[-(x * x)]], output_activation="identity", dtype=dtype)
    return network(np.full((n_rows, 1), x, dtype))[-1, 0]


@pytest.mark.skipif(not (X86 or ARM), reason="other architectures have one target")
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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("target", simd.available())
def test_a_row_has_the_same_bits_alone_and_in_a_batch_on_every_target(target, dtype):
    simd.use(target)
    rng = np.random.default_rng(0)
    for sizes, output in [((9, 33, 17, 5), "softmax"), ((64, 30, 1), "logistic"), ((3, 1), "tanh"), ((97, 65), "exp")]:
        W = [rng.standard_normal((b, a)) / 9 for a, b in pairwise(sizes)]
        network = fastnn.Network(
            W, [w[:, 0] for w in W], activation="relu", output_activation=output, dtype=dtype, backend="simd"
        )
        X = rng.standard_normal((40, sizes[0])).astype(dtype)
        assert network(X).tobytes() == b"".join(network(x).tobytes() for x in X)


@pytest.mark.parametrize("target", simd.available())
def test_the_sign_of_zero_is_the_same_alone_and_in_a_batch(target):
    simd.use(target)
    network = fastnn.Network(
        [[[1.0]], [[1.0]]], [[-0.0], [-0.0]], activation="relu", output_activation="identity", backend="simd"
    )
    assert network([[-0.0]] * 20).tobytes() == 20 * network([-0.0]).tobytes()


def test_adamws_decay_does_not_drift_in_float32():
    """Without a gradient a weight shrinks by (1 - rate * decay) each update."""
    options = {"solver": "adamw", "weight_decay": 0.01, "output_activation": "identity", "dtype": "float32"}
    zeros = np.zeros((4, 1))
    result = fastnn.train([1, 1], zeros, zeros, 2000, 1e-3, init=([[[1.0]]], [[0.0]]), backend="simd", **options)
    assert 1 - result.W[1][0, 0] == pytest.approx(1 - (1 - 1e-5) ** 2000, rel=1e-3)


def test_weights_too_small_to_divide_by_do_not_overflow():
    X, y = np.eye(3), np.eye(3)
    options = {"batch_size": 1, "order": "sequential", "random_state": 0, "dtype": "float32", "activation": "tanh"}
    runs = [
        fastnn.train([3, 4, 3], X, y, 9, 0.1, sample_weight=[1, 1e-40, 1], backend=backend, **options)
        for backend in ("simd", "numpy")
    ]
    assert_close(runs[0].network.parameters, runs[1].network.parameters, 1e-4)


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
        training = TrainingSpec(Objective("squared_error"))
        arrays = np.full(10, 0.1), np.zeros(10), *curves
        make_updates(backend, state, training, (data, y, weights), rows, starts, *arrays)
        gradient, out, one = np.empty_like(start), np.empty((60, 3), dtype), np.empty((1, 3), dtype)
        losses = backend.loss_and_gradient(spec, Objective("squared_error"), start, data, y, weights, 0.1, gradient)
        backend.forward(spec, start, data, out)
        backend.forward(spec, start, data[:1], one)
        assert (one == out[0]).all()
        results.append([state.parameters, *curves, gradient, np.array(losses), out])
    for dense, from_csr in zip(*results, strict=True):
        assert dense.tobytes() == from_csr.tobytes()


def scrambled(X):
    """The same matrix with the entries of each row in another order, and one of them as the sum of two."""
    rows, columns, entries = sparse.coo_matrix(X).row, sparse.coo_matrix(X).col, sparse.coo_matrix(X).data
    order = np.lexsort((np.random.default_rng(0).random(len(rows)), rows))
    rows, columns, entries = rows[order], columns[order], entries[order]
    half = entries[0] / 2
    starts = np.append(0, np.cumsum(np.bincount(rows, minlength=X.shape[0])))
    starts[rows[0] + 1 :] += 1
    entries = np.concatenate([[half, half], entries[1:]])
    return sparse.csr_matrix((entries, np.append(columns[0], columns), starts), X.shape)


@pytest.mark.parametrize("layers", [(11, 3), (11, 1), (11, 7, 1), (11, 70, 9, 3), (300, 150, 3)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_csr_rows_predict_with_the_bits_of_dense_rows(dtype, layers):
    """By their entries alone where these are in order, from some rows on; else as dense rows."""
    X = sparse.random(80, layers[0], 0.1, "csr", dtype, random_state=np.random.RandomState(0))
    X.data[:] = np.random.default_rng(1).standard_normal(X.nnz)
    spec = NetworkSpec(layers, (*["relu", "tanh"][: len(layers) - 2], "logistic"), np.dtype(dtype))
    parameters = np.random.default_rng(2).standard_normal(spec.n_parameters).astype(dtype)
    other = scrambled(X)
    assert not other.has_canonical_format
    assert np.diff(X.indptr).min() == 0 or layers[0] > 11  # rows without entries too

    def outputs(data):
        out = np.empty((data.shape[0], layers[-1]), dtype)
        get_backend("simd").forward(spec, parameters, data, out)
        return out

    expected = outputs(X.toarray())
    for data in (X, other):
        assert outputs(data).tobytes() == expected.tobytes()
    for part in (slice(7, 60), slice(79, 80), slice(0, 0)):
        assert outputs(X[part]).tobytes() == expected[part].tobytes()
    assert (
        outputs(sparse.csr_matrix((80, layers[0]), dtype=dtype)).tobytes()
        == outputs(np.zeros_like(X.toarray())).tobytes()
    )


@pytest.mark.parametrize(
    ("part", "place", "value"), [("indices", 3, 11), ("indices", 3, -1), ("indptr", 3, 5), ("indptr", 0, -4)]
)
def test_csr_indices_out_of_range_are_refused(part, place, value):
    X = sparse.csr_matrix(np.eye(11))
    getattr(X, part)[place] = value
    spec = NetworkSpec((11, 2), ("logistic",), np.dtype(np.float64))
    with pytest.raises(ValueError, match="not a CSR matrix of 11 columns"):
        get_backend("simd").forward(spec, np.zeros(spec.n_parameters), X, np.empty((11, 2)))


# -- arrays that do not fit -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [np.zeros((5, 3), np.float32), np.zeros((6, 3)), np.zeros((5, 6))[:, ::2]])
def test_the_binding_refuses_arrays_that_do_not_fit(wrong):
    spec = NetworkSpec((3, 2), ("logistic",), np.dtype(np.float64))
    with pytest.raises((ValueError, BufferError)):
        get_backend("simd").loss_and_gradient(
            spec, Objective("squared_error"), np.zeros(8), wrong, np.zeros((5, 2)), np.ones(5), 0.0
        )


@pytest.mark.parametrize(
    ("X_shape", "out_shape"), [((5, 6), (5, 2)), ((400, 3), (3, 2)), ((5, 3), (4, 2)), ((5,), (5, 2))]
)
def test_forward_refuses_shapes_that_do_not_fit(X_shape, out_shape):
    spec = NetworkSpec((3, 2), ("logistic",), np.dtype(np.float64))
    with pytest.raises(ValueError, match="expected"):
        get_backend("simd").forward(spec, np.zeros(8), np.zeros(X_shape), np.zeros(out_shape))


def test_a_number_of_no_target_is_refused():
    for number in (-1, 99):
        with pytest.raises(IndexError, match="targets, got number"):
            _engine.use(number)


def test_what_the_sources_name_exists():
    root = Path(__file__).parents[1]
    for path in [*root.glob("csrc/**/*.[hc]"), *root.glob("src/**/*.py*"), *root.glob("*.md"), root / "setup.py"]:
        for name in re.findall(r"docs/decisions/\d{4}|tests/(?:c/)?\w+\.(?:py|c|h)\b", path.read_text(errors="ignore")):
            assert list(root.glob(f"{name}*")), f"{path} names {name}"

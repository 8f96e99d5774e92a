"""Memory: an allocation that fails is a MemoryError, sizes beyond all addresses are refused, and nothing leaks."""

import platform
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from conftest import run_program
from test_c import COMPILER, compiled

import fastnn

GLIBC = platform.libc_ver()[0] == "glibc"


@pytest.mark.skipif(not GLIBC or COMPILER is None, reason="replaces glibc's malloc, by a C compiler")
@pytest.mark.parametrize("backend", ["simd", "cython"])
def test_each_allocation_that_fails_is_a_memory_error(backend, tmp_path):
    """Those that fastnn and NumPy make, the first, the second ... until none is left to fail."""
    source = Path(__file__).parent / "c" / "failing_malloc.c"
    library = compiled(["-shared", "-fPIC", "-O1", source], tmp_path / "failing_malloc.so")
    out = run_program(
        f"""
import ctypes
import numpy as np
import fastnn
arm = ctypes.CDLL({str(library)!r}).arm
arm.restype, arm.argtypes = ctypes.c_long, [ctypes.c_long]
X, y = np.random.default_rng(0).standard_normal((700, 9)), np.eye(3)[np.arange(700) % 3]
many = np.random.default_rng(1).standard_normal((3000, 9))
def compute():
    result = fastnn.train([9, 80, 3], X, y, 6, batch_size=256, random_state=0, backend={backend!r},
                          init="glorot_uniform", validation_data=(X, y), n_threads=2)
    return result.network(many).tobytes() + result.network.predict(many).tobytes()
expected = compute()
n_failures = 0
for n in range(1, 10000):
    arm(n)
    try:
        compute()
    except MemoryError:
        n_failures += 1
    if arm(0) < n:  # it was not reached
        break
assert compute() == expected
print(n_failures, n - 1)
""",
        LD_PRELOAD=str(library),
    )
    n_failures, n_allocations = map(int, out.split())
    assert n_failures > 20
    assert n_failures == n_allocations


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_ten_thousand_trainings_and_predictions_leave_no_memory_behind():
    out = run_program(
        """
import numpy as np
import fastnn
X, y = np.random.default_rng(0).standard_normal((60, 5)), np.eye(3)[np.arange(60) % 3]
many = np.random.default_rng(0).standard_normal((2000, 5))
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
def compute(n):
    for i in range(n):
        result = fastnn.train([5, 40, 3], X, y, 4, batch_size=[None, 16][i % 2], random_state=i)
        result.network(X[0])
        result.network(many)
compute(1000)
before = resident()
compute(10000)
print(resident() - before)
""",
    )
    assert int(out) < 2 * 2**20


@pytest.mark.parametrize(
    ("layers", "error"),
    [
        ([3, 2**31, 2**31, 2], ValueError),
        ([3, 2**62, 2], ValueError),
        ([3, 5, 2**63, 2], ValueError),
        ([3, 2**200, 2], ValueError),
        ([3, 2**60 // 8, 2], MemoryError),  # there are addresses, but no memory
        ([3, 2**20, 2**27, 2], MemoryError),
    ],
)
@pytest.mark.parametrize("backend", ["simd", "cython", "numpy"])
def test_layers_too_large_are_refused_before_anything_is_allocated_or_drawn(layers, error, backend):
    X, y = np.zeros((4, 3)), np.zeros((4, 2))
    random_state = np.random.RandomState(0)
    before = random_state.get_state()[1].tobytes()
    tracemalloc.start()
    try:
        with pytest.raises(error):
            fastnn.train(layers, X, y, 1, random_state=random_state, backend=backend)
        if error is ValueError:  # NumPy counts what it asks for, even if it does not get it
            assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()
    assert random_state.get_state()[1].tobytes() == before


def test_the_message_says_what_is_too_large():
    with pytest.raises(ValueError, match=r"\[3, 9223372036854775808, 2\] units have \d+ parameters, more than"):
        fastnn.train([3, 2**63, 2], np.zeros((4, 3)), np.zeros((4, 2)), 1)


@pytest.mark.parametrize("iter_num", [2**45, 2**62, 2**70])
def test_more_updates_than_can_be_counted(iter_num):
    with pytest.raises((MemoryError, ValueError)):
        fastnn.train([3, 2], np.zeros((4, 3)), np.zeros((4, 2)), iter_num)


#: A fit of a classifier by one pass over CSR rows, in a process of its own: the bytes by which its peak grew.
PEAK = """
import warnings
import numpy as np
import scipy.sparse
import sklearn.model_selection
from {package} import MLPClassifier
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
columns = np.sort(rng.integers(0, {n_in}, ({n_rows}, 40), np.int32)).ravel()
entries = rng.standard_normal(40 * {n_rows}, np.{dtype})
X = scipy.sparse.csr_matrix((entries, columns, np.arange({n_rows} + 1) * 40), ({n_rows}, {n_in}))
X.sum_duplicates()
y = rng.integers(0, 3, {n_rows})
def fit(units, rows, labels):
    MLPClassifier((units,), max_iter=1, random_state=0, early_stopping={early_stopping}).fit(rows, labels)
def resident(of):
    (line,) = [line for line in open("/proc/self/status") if line.startswith(of)]
    return 1024 * int(line.split()[1])
fit(2, X[:300], y[:300])
before = resident("VmRSS")
fit({units}, X, y)
print(resident("VmHWM") - before, X.nnz)
"""


def peak(package, **settings):
    return map(int, run_program(PEAK.format(package=package, **settings), OMP_NUM_THREADS="1").split())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(("dtype", "early_stopping"), [("float32", False), ("float64", True)])
def test_wide_networks_on_sparse_rows_take_no_more_memory_than_scikit_learns(dtype, early_stopping):
    """15,000 columns to 100 units: what there is of each weight, its gradient and moments too, is most of it."""
    settings = {"n_rows": 3000, "n_in": 15_000, "units": 100, "dtype": dtype, "early_stopping": early_stopping}
    ours, theirs = (next(peak(package, **settings)) for package in ("fastnn", "sklearn.neural_network"))
    assert ours < theirs


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_many_sparse_rows_take_no_more_memory_than_the_numbers_of_their_columns():
    """X is most of it, and not copied: only its indices are, to integers of 32 bits that nobody else can change."""
    grown, n_entries = peak("fastnn", n_rows=60_000, n_in=500, units=8, dtype="float32", early_stopping=False)
    assert grown < 4 * n_entries + 5 * 2**20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_predictions_of_sparse_rows_keep_no_outputs_of_all_of_them():
    """200 columns to 8,000 units: the outputs of 4,000 rows would be 256 MB, the weights are 13."""
    out = run_program(
        """
import numpy as np
import scipy.sparse
import fastnn
def resident(of):
    (line,) = [line for line in open("/proc/self/status") if line.startswith(of)]
    return 1024 * int(line.split()[1])
rng = np.random.default_rng(0)
weights = [rng.standard_normal(shape) / 20 for shape in ((8000, 200), (2, 8000))]
network = fastnn.Network(weights, None, activation="relu", output_activation="identity")
columns = np.sort(rng.integers(0, 50, (4000, 4)) + 50 * np.arange(4), axis=1).ravel()
X = scipy.sparse.csr_array((rng.standard_normal(16000), columns, np.arange(4001) * 4), (4000, 200))
network(X[:9])
before = resident("VmRSS")
network(X)
print(resident("VmHWM") - before)
"""
    )
    assert int(out) < 48 * 2**20

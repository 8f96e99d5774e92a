"""The engine's elementary functions against correctly rounded values, for every instruction set of this CPU.

All 2^32 float32 numbers: ``FASTNN_ALL_FLOAT32=1 python -m pytest tests/test_vmath.py -k all_float32``, which takes
some four minutes a function and instruction set.
"""

import os

import numpy as np
import pytest

from fastnn import _engine, simd

TARGETS = simd.available()
DTYPES = ["float32", "float64"]

#: Function -> largest error in units in the last place of the exact result.
BOUNDS = {"exp": 1.5, "log": 1.0, "logistic": 2.5, "tanh": 3.0}

EXACT = {
    "exp": np.exp,
    "log": np.log,
    "logistic": lambda x: np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x)))),
    "tanh": np.tanh,
}


@pytest.fixture(autouse=True)
def _as_it_was():
    before = simd.active()
    yield
    simd.use(before)


def compute(name, x):
    out = np.empty_like(x)
    _engine.elementwise(name, x, out)
    return out


def largest_error(name, x):
    """In units in the last place of the exact result, by a wider type; what is not finite must be what it must be."""
    actual = compute(name, x)
    with np.errstate(all="ignore"):
        exact = EXACT[name](x.astype(np.float64 if x.dtype == np.float32 else np.longdouble))
        rounded = exact.astype(x.dtype)
    finite = np.isfinite(rounded)
    # Past the largest number either side of the border between it and infinity is within an error of 1.
    near_the_end = np.abs(rounded) == np.finfo(x.dtype).max
    odd = ~finite & ~(np.isinf(rounded) & (actual == np.copysign(np.finfo(x.dtype).max, rounded)))
    assert (np.isnan(actual[odd]) == np.isnan(rounded[odd])).all()
    assert (actual[odd & np.isinf(rounded)] == rounded[odd & np.isinf(rounded)]).all()
    some = finite & ~near_the_end
    assert np.isfinite(actual[some]).all()
    unit = np.spacing(np.maximum(np.abs(rounded[some]), np.finfo(x.dtype).tiny)).astype(exact.dtype)
    return float((np.abs(actual[some] - exact[some]) / unit).max(initial=0))


def sample(dtype):
    """Numbers of all exponents and signs, dense where the functions change, and around their special places."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32 if dtype == "float32" else 2**64, 500_000, np.uint64, endpoint=False)
    every_exponent = bits.astype(np.uint32).view(np.float32) if dtype == "float32" else bits.view(np.float64)
    places = np.concatenate([np.log(2) / 2 * np.arange(-400, 400), [-745.1, 709.78, -103.97, 88.72, 1, np.sqrt(0.5)]])
    around = (places[:, None] * (1 + np.finfo(dtype).eps * np.arange(-50, 51))).ravel()
    spread = np.concatenate([rng.uniform(-b, b, 200_000) for b in (1e-3, 1, 3, 12, 40, 120, 760)])
    return np.concatenate([every_exponent, around.astype(dtype), spread.astype(dtype)])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("target", TARGETS)
def test_error_is_within_its_bound(target, name, dtype):
    if dtype == "float64" and np.finfo(np.longdouble).nmant <= 52:
        pytest.skip("long double is no wider than double here")
    simd.use(target)
    x = sample(dtype)
    assert largest_error(name, x if name != "log" else np.concatenate([x, np.abs(x)])) <= BOUNDS[name]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("target", TARGETS)
def test_special_values(target, dtype):
    simd.use(target)
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(dtype).smallest_subnormal], dtype)
    tiny = x[5]
    expected = {
        "exp": [1, 1, np.inf, 0, np.nan, 1],
        "log": [-np.inf, -np.inf, np.inf, np.nan, np.nan, np.log(np.float64(tiny))],
        "logistic": [0.5, 0.5, 1, 0, np.nan, 0.5],
        "tanh": [0.0, -0.0, 1, -1, np.nan, tiny],
    }
    for name, values in expected.items():
        actual = compute(name, x)
        np.testing.assert_array_equal(actual, np.array(values, dtype), err_msg=name)
        assert (np.signbit(actual[:2]) == np.signbit(np.array(values[:2]))).all(), name
    assert np.isnan(compute("log", np.array([-1.0, -tiny], dtype))).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("target", TARGETS)
def test_a_result_depends_on_its_number_alone(target, name, dtype):
    simd.use(target)
    x = np.abs(np.random.default_rng(0).normal(0, 3, 100)).astype(dtype)
    together = compute(name, x)
    for start in range(17):
        assert compute(name, x[start:]).tobytes() == together[start:].tobytes()
    assert compute(name, x[::-1].copy())[::-1].tobytes() == together.tobytes()


@pytest.mark.skipif(
    os.environ.get("FASTNN_ALL_FLOAT32") != "1", reason="takes an hour: asked for by FASTNN_ALL_FLOAT32=1"
)
@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("target", TARGETS)
def test_all_float32(target, name):
    simd.use(target)
    worst = 0.0
    for start in range(0, 2**32, 2**22):
        x = np.arange(start, start + 2**22, dtype=np.uint64).astype(np.uint32).view(np.float32)
        worst = max(worst, largest_error(name, x))
    print(f"{target} {name}: {worst:.3f} ULP")
    assert worst <= BOUNDS[name]

"""The engine's elementary functions against correctly rounded values, for every instruction set of this CPU.

All 2^32 float32 numbers: ``FASTNN_ALL_FLOAT32=1 python -m pytest tests/test_vmath.py -k all_float32``, which takes
some four minutes a function and instruction set.
"""

import os

import numpy as np
import pytest
from wider import ACTIVATIONS

from fastnn import _engine, simd
from fastnn._tables import ACTIVATION_PARAMETERS
from fastnn.encodings import Encoding
from fastnn.objective import Objective
from fastnn.spec import NetworkSpec

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

#: Activation whose slope is kept -> the same of its outputs. Of the slopes the error is within 3 units of 1.
OUTPUT_BOUNDS = {
    "leaky_relu": 0.51,  # one rounding, by a type that rounds, too
    "elu": 2.0,
    "selu": 3.5,
    "gelu": 7.0,
    "silu": 4.0,
    "mish": 5.0,
    "softplus": 2.5,
    "hard_sigmoid": 2.0,
    "hard_swish": 3.0,
    "sin": 3.0,
    "softsign": 2.5,
}
SLOPE_BOUND = 3.0

#: The same of the waves of a periodic encoding, in units of 1.
WAVE_BOUND = 6.0


@pytest.fixture(autouse=True)
def _as_it_was():
    before = simd.active()
    yield
    simd.use(before)


def compute(name, x):
    out = np.empty_like(x)
    _engine.elementwise(name, x, out)
    return out


def activate(name, x):
    """Outputs and slopes of an activation, with the table's own parameter."""
    h, slopes = np.empty_like(x), np.empty_like(x)
    _engine.activate(name, ACTIVATION_PARAMETERS.get(name, (None, 0.0))[1], x, h, slopes)
    return h, slopes


def waves(x):
    """Sines and cosines as periodic encodings have them: the gradient by phases and weights where all else is 1."""
    network = NetworkSpec(
        (len(x), 2 * len(x), 1), ("identity", "identity"), x.dtype, (), (Encoding("periodic"),) * len(x)
    )
    parameters = np.ones(network.n_parameters, x.dtype)
    for views in network.encoding_views(parameters):
        views["phases"][:] = 0
    gradient, far_below = np.empty_like(parameters), np.full((1, 1), -1e30, x.dtype)
    _engine.loss_and_gradient(network, Objective("absolute_error"), parameters, x[None], far_below, None, 0.0, gradient)
    own = network.encoding_views(gradient)
    return tuple(np.concatenate([views[name].ravel() for views in own]) for name in ("phases", "W"))


def largest_error(name, x):
    """In units in the last place of the exact result, by a wider type; what is not finite must be what it must be."""
    with np.errstate(all="ignore"):
        exact = EXACT[name](x.astype(wider_than(x)))
    return units_apart(compute(name, x), exact)


def largest_errors(name, x):
    """Of an activation's outputs in units in the last place, and of its slopes in units of 1."""
    own = [number for _, number in [ACTIVATION_PARAMETERS.get(name, ("", 0.0))] if number]
    with np.errstate(all="ignore"):
        wide = x.astype(wider_than(x))
        parameter = [wide.dtype.type(x.dtype.type(number)) for number in own]
        h, slopes = ACTIVATIONS[name](wide, *parameter)
        actual, of_slopes = activate(name, x)
        finite = np.isfinite(slopes.astype(x.dtype))
        assert (np.isfinite(of_slopes) == finite).all()
        apart = np.abs(of_slopes - slopes)[finite] / np.finfo(x.dtype).eps
    return units_apart(actual, h), float(apart.max(initial=0))


def wider_than(x):
    return np.float64 if x.dtype == np.float32 else np.longdouble


def units_apart(actual, exact):
    dtype = actual.dtype
    with np.errstate(all="ignore"):
        rounded = exact.astype(dtype)
    finite = np.isfinite(rounded)
    # Past the largest number either side of the border between it and infinity is within an error of 1.
    near_the_end = np.abs(rounded) == np.finfo(dtype).max
    odd = ~finite & ~(np.isinf(rounded) & (actual == np.copysign(np.finfo(dtype).max, rounded)))
    assert (np.isnan(actual[odd]) == np.isnan(rounded[odd])).all()
    assert (actual[odd & np.isinf(rounded)] == rounded[odd & np.isinf(rounded)]).all()
    some = finite & ~near_the_end
    assert np.isfinite(actual[some]).all()
    unit = np.spacing(np.maximum(np.abs(rounded[some]), np.finfo(dtype).tiny)).astype(exact.dtype)
    return float((np.abs(actual[some] - exact[some]) / unit).max(initial=0))


def sample(dtype):
    """Numbers of all exponents and signs, dense where the functions change, and around their special places."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32 if dtype == "float32" else 2**64, 500_000, np.uint64, endpoint=False)
    every_exponent = bits.astype(np.uint32).view(np.float32) if dtype == "float32" else bits.view(np.float64)
    steps = np.arange(-400, 400)
    places = np.concatenate(
        [np.log(2) / 2 * steps, np.pi / 2 * steps, [-745.1, 709.78, -103.97, 88.72, 1, np.sqrt(0.5)]]
    )
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
@pytest.mark.parametrize("name", OUTPUT_BOUNDS)
@pytest.mark.parametrize("target", TARGETS)
def test_errors_of_an_activation_and_its_slope_are_within_their_bounds(target, name, dtype):
    if dtype == "float64" and np.finfo(np.longdouble).nmant <= 52:
        pytest.skip("long double is no wider than double here")
    simd.use(target)
    x = sample(dtype)[::5].copy()  # long doubles take long
    if name == "sin":  # around the border of what is reduced here
        x = np.concatenate([x, np.random.default_rng(1).uniform(-1e5, 1e5, 200_000).astype(dtype)])
    of_output, of_slope = largest_errors(name, x)
    assert of_output <= OUTPUT_BOUNDS[name]
    assert of_slope <= SLOPE_BOUND


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("target", TARGETS)
def test_waves_are_within_their_bound(target, dtype):
    if dtype == "float64" and np.finfo(np.longdouble).nmant <= 52:
        pytest.skip("long double is no wider than double here")
    simd.use(target)
    rng = np.random.default_rng(0)
    around = np.pi / 4 * np.arange(-80, 81)
    x = np.concatenate([around, [0.0], *(rng.uniform(-b, b, 1000) for b in (1e-3, 1, 7, 60))]).astype(dtype)
    sines, cosines = waves(x)
    wide = x.astype(wider_than(x))
    rounded_twice = np.abs(wide) / 4 if target == "baseline" else 0.0  # of x86: it has no multiply-add
    for actual, exact in ((-sines, np.sin(wide)), (cosines, np.cos(wide))):
        assert (np.abs(actual - exact) / np.finfo(dtype).eps <= WAVE_BOUND + rounded_twice).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("target", TARGETS)
def test_special_values_of_activations(target, dtype):
    simd.use(target)
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan], dtype)
    selu = 1.0507009873554805
    expected = {  # outputs, and slopes of all but NaN
        "leaky_relu": ([0.0, -0.0, np.inf, -np.inf, np.nan], [0.01, 0.01, 1, 0.01]),
        "elu": ([0.0, -0.0, np.inf, -1, np.nan], [1, 1, 1, 0]),
        "selu": ([0.0, -0.0, np.inf, -1.7580993408473766, np.nan], [1.7580993408473766] * 2 + [selu, 0]),
        "gelu": ([0.0, -0.0, np.inf, -0.0, np.nan], [0.5, 0.5, 1, 0]),
        "silu": ([0.0, -0.0, np.inf, -0.0, np.nan], [0.5, 0.5, 1, 0]),
        "mish": ([0.0, -0.0, np.inf, -0.0, np.nan], [0.6, 0.6, 1, 0]),
        "softplus": ([np.log(2), np.log(2), np.inf, 0, np.nan], [0.5, 0.5, 1, 0]),
        "hard_sigmoid": ([0.5, 0.5, 1, 0, np.nan], [1 / 6, 1 / 6, 0, 0]),
        "hard_swish": ([0.0, -0.0, np.inf, -0.0, np.nan], [0.5, 0.5, 1, 0]),
        "sin": ([0.0, -0.0, np.nan, np.nan, np.nan], [1, 1, np.nan, np.nan]),
        "softsign": ([0.0, -0.0, 1, -1, np.nan], [1, 1, 0, 0]),
    }
    assert expected.keys() == OUTPUT_BOUNDS.keys()
    for name, (outputs, slopes) in expected.items():
        h, of_h = activate(name, x)
        np.testing.assert_allclose(h, np.array(outputs, dtype), 1e-6, 0, err_msg=name)
        assert (np.signbit(h[:2]) == np.signbit(np.array(outputs[:2]))).all(), name
        np.testing.assert_allclose(of_h[:4], np.array(slopes, dtype), 1e-6, 1e-25, err_msg=name)


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
@pytest.mark.parametrize("name", [*BOUNDS, *OUTPUT_BOUNDS])
@pytest.mark.parametrize("target", TARGETS)
def test_a_result_depends_on_its_number_alone(target, name, dtype):
    simd.use(target)
    x = np.abs(np.random.default_rng(0).normal(0, 3, 100)).astype(dtype)
    x[50] = 1e6  # beyond what the sine reduces by itself

    def of(x):
        return compute(name, x) if name in BOUNDS else np.stack(activate(name, x))

    together = of(x)
    for start in range(17):
        assert of(x[start:]).tobytes() == together[..., start:].tobytes()
    assert of(x[::-1].copy())[..., ::-1].tobytes() == together.tobytes()


@pytest.mark.skipif(
    os.environ.get("FASTNN_ALL_FLOAT32") != "1", reason="takes an hour: asked for by FASTNN_ALL_FLOAT32=1"
)
@pytest.mark.parametrize("name", [*BOUNDS, *OUTPUT_BOUNDS])
@pytest.mark.parametrize("target", TARGETS)
def test_all_float32(target, name):
    simd.use(target)
    worst = 0.0
    for start in range(0, 2**32, 2**22):
        x = np.arange(start, start + 2**22, dtype=np.uint64).astype(np.uint32).view(np.float32)
        if name in BOUNDS:
            worst = max(worst, largest_error(name, x))
            continue
        of_output, of_slope = largest_errors(name, x)
        worst = max(worst, of_output)
        assert of_slope <= SLOPE_BOUND
    print(f"{target} {name}: {worst:.3f} ULP")
    assert worst <= (BOUNDS | OUTPUT_BOUNDS)[name]

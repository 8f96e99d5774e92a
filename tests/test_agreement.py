"""The same numbers from every backend, over every row of the tables: the contract of the four ways to compute."""

import numpy as np
import pytest
from conftest import (
    AWKWARD_SIZES,
    BACKEND_NAMES,
    COMBINATIONS,
    DTYPES,
    PAIRS,
    SOLVERS_ON_BACKENDS,
    assert_close,
    targets_for,
)
from hypothesis import given, settings
from hypothesis import strategies as st

import fastnn
from fastnn.backends import get_backend
from fastnn.objective import Objective
from fastnn.spec import TAKE_ALL_ROWS, NetworkSpec
from fastnn.training.batches import ORDERS

COMPILED_AND_NAIVE = [name for name in BACKEND_NAMES if name != "numpy"]
SOLVERS_ON_COMPILED_AND_NAIVE = [(solver, backend) for solver, backend in SOLVERS_ON_BACKENDS if backend != "numpy"]
BATCHES = {"full": None, "mini": 8, "online": 1}
KINKED = ("relu", "step", "leaky_relu", "selu", "hard_sigmoid", "hard_swish")
#: Their steps are signs, which a rounding may turn where a gradient is all but 0.
BY_SIGNS = ("lion", "rprop")
#: Around a minimum a gradient over its own root mean square is all but its sign, and RMSprop's steps, no smaller than
#: the rate, multiply rounding: by default 1e-16 becomes up to 0.04 in 100 full batches. This one lets the steps shrink.
EPSILON = 0.1


def problem(layer_sizes, activations, loss, dtype, n_samples, seed=0):
    rng = np.random.default_rng(seed)
    spec = NetworkSpec(tuple(layer_sizes), tuple(activations), np.dtype(dtype))
    parameters = (0.5 * rng.standard_normal(spec.n_parameters)).astype(dtype)
    X = rng.standard_normal((n_samples, spec.n_in)).astype(dtype)
    y = targets_for(loss, activations[-1], n_samples, spec.n_out, rng).astype(dtype)
    weights = rng.integers(0, 4, n_samples).astype(dtype)
    weights[0] = 1
    return spec, parameters, X, y, weights


def evaluate(backend, spec, parameters, X, y, weights, loss, l2=0.02):
    gradient = np.empty_like(parameters)
    out = np.empty((len(X), spec.n_out), spec.dtype)
    compute = get_backend(backend)
    compute.forward(spec, parameters, X, out)
    objective, cost = compute.loss_and_gradient(spec, Objective(loss), parameters, X, y, weights, l2, gradient)
    assert compute.loss_and_gradient(spec, Objective(loss), parameters, X, y, weights, l2) == (objective, cost)
    return out, objective, cost, spec.views(gradient)


def assert_agree(actual, expected, dtype):
    tolerance = 1e-12 if dtype == "float64" else 1e-4
    assert_close(actual[0], expected[0], tolerance)
    assert_close(actual[1], expected[1], tolerance)
    assert_close(actual[2], expected[2], tolerance)
    for of_actual, of_expected in zip(actual[3], expected[3], strict=True):
        for l in of_expected:
            assert_close(of_actual[l], of_expected[l], tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("loss", "output", "hidden"), COMBINATIONS)
@pytest.mark.parametrize("backend", COMPILED_AND_NAIVE)
def test_one_gradient(backend, loss, output, hidden, dtype):
    spec, *data = problem((5, 7, 4, 3), (hidden, hidden, output), loss, dtype, 23)
    assert_agree(evaluate(backend, spec, *data, loss), evaluate("numpy", spec, *data, loss), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", [(20, 64, 1), (20, 64, 3), (300, 200, 1), (5, 1)])
def test_the_gradient_of_more_rows_than_a_chunk_has(sizes, dtype):
    """Which the engine sums chunk by chunk; a last layer of one output has kernels of its own."""
    activations = ("tanh",) * (len(sizes) - 2) + ("identity",)
    for n_rows in (97, 200, 701, 2000):
        spec, *data = problem(sizes, activations, "squared_error", dtype, n_rows)
        expected = evaluate("numpy", spec, *data, "squared_error")
        assert_agree(evaluate("simd", spec, *data, "squared_error"), expected, dtype)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("loss", "output", "hidden"), COMBINATIONS)
@pytest.mark.parametrize(("solver", "backend"), SOLVERS_ON_COMPILED_AND_NAIVE)
def test_100_steps(backend, solver, loss, output, hidden, dtype, batch):
    if solver in TAKE_ALL_ROWS and batch != "full":
        pytest.skip("takes all rows")
    if solver in BY_SIGNS:
        n_steps, tolerance = (20, 1e-8) if dtype == "float64" else (1, 1e-4)
    elif dtype == "float32" and (hidden in KINKED or output in KINKED):
        n_steps, tolerance = 1, 1e-4  # past a kink, float32 rounding may take either side
    else:
        n_steps, tolerance = 100, 1e-8 if dtype == "float64" else 1e-4
    rng = np.random.default_rng(1)
    X = rng.standard_normal((21, 4))
    y = targets_for(loss, output, 21, 3, rng)
    weights = rng.integers(1, 4, 21)
    options = {
        "activation": hidden, "output_activation": output, "loss": loss, "l2": 0.01, "solver": solver,
        "momentum": 0.5, "nesterov": batch != "full", "epsilon": EPSILON, "init": "glorot_normal", "init_scale": 0.3,
        "batch_size": BATCHES[batch], "sample_weight": weights,
        "random_state": 3, "dtype": dtype,
    }  # fmt: skip
    actual = fastnn.train([4, 6, 3], X, y, n_steps, 0.01, backend=backend, **options)
    expected = fastnn.train([4, 6, 3], X, y, n_steps, 0.01, backend="numpy", **options)
    for l in expected.W:
        assert_close(actual.W[l], expected.W[l], tolerance)
        assert_close(actual.b[l], expected.b[l], tolerance)
    assert_close(actual.cost, expected.cost, tolerance)
    assert_close(actual.loss_curve, expected.loss_curve, tolerance)


@pytest.mark.parametrize("order", ORDERS)
def test_the_orders_draw_alike(order):
    X, y = np.random.default_rng(0).random((17, 3)), np.random.default_rng(1).random((17, 2))
    runs = [
        fastnn.train(
            [3, 4, 2], X, y, 25, 0.5, batch_size=5, order=order, random_state=np.random.default_rng(5), backend=b
        )
        for b in BACKEND_NAMES
    ]
    for run in runs:
        assert_close(run.cost, runs[0].cost, 1e-12)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.sampled_from(AWKWARD_SIZES), min_size=2, max_size=4),
    n_samples=st.sampled_from(AWKWARD_SIZES),
    hidden=st.sampled_from(["logistic", "tanh", "identity", "gelu", "silu", ("elu", 0.5), "softplus", "sin"]),
    pair=st.sampled_from(PAIRS),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 2**32 - 1),
)
def test_awkward_shapes(sizes, n_samples, hidden, pair, dtype, seed):
    loss, output = pair
    activations = [hidden] * (len(sizes) - 2) + [output]
    spec, parameters, *data = problem(sizes, activations, loss, dtype, n_samples, seed)
    parameters /= np.sqrt(max(sizes)).astype(dtype)  # sums that do not saturate, whatever the widths
    if output == "step":  # a row on the threshold may fall to either side
        z = NetworkSpec(spec.layer_sizes, (*activations[:-1], "identity"), spec.dtype)
        sums = np.empty((n_samples, spec.n_out), dtype)
        get_backend("numpy").forward(z, parameters, data[0], sums)
        if np.abs(sums).min() < 1e-4:
            return
    actual, expected = (evaluate(name, spec, parameters, *data, loss) for name in ("cython", "numpy"))
    if output == "step":
        assert (actual[0] == expected[0]).all()
    assert_agree(actual, expected, dtype)


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.sampled_from(AWKWARD_SIZES), min_size=2, max_size=4),
    n_samples=st.sampled_from(AWKWARD_SIZES),
    backend=st.sampled_from(COMPILED_AND_NAIVE),
    dtype=st.sampled_from(DTYPES),
    output=st.sampled_from(["logistic", "softmax", "exp", "identity"]),
)
def test_a_row_has_the_same_bits_alone_in_any_batch_and_in_any_order(sizes, n_samples, backend, dtype, output):
    n_samples = min(n_samples, 9) if backend == "python" else n_samples
    activations = ["tanh"] * (len(sizes) - 2) + [output]
    spec, parameters, X, *_ = problem(sizes, activations, "squared_error", dtype, n_samples)
    parameters *= np.dtype(dtype).type(0.1)
    forward = get_backend(backend).forward
    together, alone, reversed_ = (np.empty((n_samples, spec.n_out), dtype) for _ in range(3))
    forward(spec, parameters, X, together)
    forward(spec, parameters, X[::-1].copy(), reversed_)
    for s in range(n_samples):
        forward(spec, parameters, X[s : s + 1], alone[s : s + 1])
    assert together.tobytes() == alone.tobytes()
    assert together.tobytes() == reversed_[::-1].tobytes()


@pytest.mark.parametrize(("solver", "backend"), SOLVERS_ON_BACKENDS)
def test_training_gives_the_same_bits_every_time(backend, solver):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 5)), rng.integers(0, 3, 30)
    options = {
        "loss": "log_loss", "batch_size": None if solver in TAKE_ALL_ROWS else 7, "solver": solver, "momentum": 0.9,
        "random_state": 1, "backend": backend,
    }  # fmt: skip
    runs = [fastnn.train([5, 8, 3], X, y, 20, 0.1, **options) for _ in range(3)]
    watched = fastnn.train([5, 8, 3], X, y, 20, 0.1, callback=lambda *_: None, report_every=3, **options)
    assert len({run.network.parameters.tobytes() for run in [*runs, watched]}) == 1
    assert runs[0].cost == watched.cost


@pytest.mark.parametrize(("solver", "backend"), SOLVERS_ON_BACKENDS)
def test_float32_run_in_pieces_has_the_same_bits(backend, solver):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 5)), rng.integers(0, 3, 30)
    options = {"dtype": "float32", "random_state": 1, "solver": solver, "backend": backend}
    whole = fastnn.train([5, 8, 3], X, y, 20, 0.1, **options)
    pieces = fastnn.train([5, 8, 3], X, y, 20, 0.1, callback=lambda *_: None, **options)
    assert whole.network.parameters.tobytes() == pieces.network.parameters.tobytes()

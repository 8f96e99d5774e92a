"""Networks whose first layer encodes columns, with gates: by hand, by differences, engine against NumPy."""

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from conftest import DTYPES, HIDDEN, assert_close, make_updates
from scipy.sparse import csr_array

from fastnn.backends import get_backend
from fastnn.dropout import Dropout
from fastnn.encodings import KINDS, Encoding, check_combined
from fastnn.objective import Objective
from fastnn.reference.dropout import factors_of_update
from fastnn.spec import NetworkSpec, TrainingSpec
from fastnn.state import TrainingState
from fastnn.training.run import Job, run

NUMPY, SIMD = get_backend("numpy"), get_backend("simd")
MIXED = (
    Encoding("plain"), Encoding("periodic", 5, 3, 0.1), Encoding("one_hot", 4), Encoding("embedding", 10, 8, 2.0),
    Encoding("periodic", 16, 3), Encoding("plain"), Encoding("embedding", 2, 1), Encoding("one_hot", 1),
)  # fmt: skip
FIRST = {
    "mixed": MIXED,
    "plain": (Encoding("plain"),) * 3,
    "one frequency": (Encoding("periodic", 1, 1),),
    "most frequencies": (Encoding("periodic", 32, 8), Encoding("periodic", 31, 7)),
    "one_hot": (Encoding("one_hot", 17), Encoding("one_hot", 1)),
    "embedding": (Encoding("embedding", 33, 5), Encoding("embedding", 1, 17)),
}
RATES = ((1.0, 6.0), (1.0, 0.1), (0.5, 0.1), (1.0, 0.2))
ADAM = TrainingSpec(Objective("log_loss"), "adam", beta_2=0.95)
#: All that the recipe of the tables asks for.
WHOLE = replace(
    ADAM, solver="adamw", weight_decay=0.5, rates=RATES, decay_rates=(1.0, 1.0, 0.25, 0.5), gate_rate=0.1,
    fade=(40, 90), dropout=Dropout((0, 0, 9830, 5000), 7),
)  # fmt: skip


def network_of(encodings=MIXED, hidden=(6, 5), activations=("mish", "selu"), n_out=2, dtype="float64", gated=True):
    sizes = (len(encodings), sum(encoding.n_out for encoding in encodings), *hidden, n_out)
    names = ("identity", *activations[: len(hidden)], "softmax" if n_out > 1 else "logistic")
    return NetworkSpec(sizes, names, np.dtype(dtype), (), encodings, gated)


def problem(network, n_rows=41, seed=0):
    """Parameters, rows, targets and weights."""
    rng = np.random.default_rng(seed)
    columns = [
        rng.integers(0, encoding.n + 1, n_rows) if encoding.takes_codes else rng.standard_normal(n_rows)
        for encoding in network.encodings
    ]
    labels = rng.integers(0, max(network.n_out, 2), n_rows)
    y = np.eye(network.n_out)[labels] if network.n_out > 1 else labels[:, None]
    parameters = 0.5 * rng.standard_normal(network.n_parameters)
    arrays = parameters, np.column_stack(columns), y, rng.random(n_rows)
    return [np.ascontiguousarray(array, network.dtype) for array in arrays]


def outputs_of(backend, network, parameters, X):
    out = np.empty((len(X), network.n_out), network.dtype)
    backend.forward(network, parameters, X, out)
    return out


def measure(backend, network, parameters, *data, l2=0.0, **options):
    gradient = np.full_like(parameters, np.nan)
    value, cost = backend.loss_and_gradient(network, ADAM.objective, parameters, *data, l2, gradient, **options)
    return value, cost, gradient


def trained(backend, network, training, parameters, *data, n=100, rate=0.02, size=16, first=0, state=None):
    """The state after n updates of batches in turn, and their objectives."""
    state = state or TrainingState(network, training.solver)
    state.parameters[:] = parameters
    state.counters["n_updates"] = first
    rows = np.random.default_rng(1).integers(0, len(data[0]), n * size)
    objective, cost = np.empty((2, n))
    arrays = np.full(n, rate), np.zeros(n), objective, cost
    make_updates(backend, state, training, data, rows, np.arange(n + 1) * size, *arrays)
    return state, objective


# -- where the numbers lie ---------------------------------------------------------------------------------------


def test_the_layout():
    network = network_of(MIXED[:4])
    n_own = [0, 5 + 5 + 15 + 3, 0, 11 * 8]
    assert network.layer_sizes == (4, 17, 6, 5, 2)
    assert network.n_weights == sum(n_own) + 17 * 6 + 6 * 5 + 5 * 2
    assert network.n_parameters == network.n_weights + 17 + 6 + 5 + 2 + 6 + 5
    assert network.layers["gates"].tolist() == [0, 288, 294, 0, 0, 0, 0, 0]
    assert network.layers["n_columns"].tolist() == [4, 0, 0, 0, 0, 0, 0, 0]
    rows = network.layers[4:].tolist()
    assert [row[:7] for row in rows] == [
        (1, 1, 0, 258, 0, 0, 0), (5, 4, 0, 259, 1, 1, 1), (4, 4, 28, 263, 2, 5, 2), (10, 8, 28, 267, 3, 9, 3),
    ]  # fmt: skip
    assert network.layers["parameter"][4:].tolist() == [1.0, 0.1, 1.0, 2.0]
    flat = np.arange(network.n_parameters)
    W, b = network.views(flat)
    assert (W[1] == flat[:116]).all()
    assert (b[1] == flat[258:275]).all()
    assert W[2].shape == (6, 17)
    assert {l: (int(a[0]), len(a)) for l, a in network.gates_of(flat).items()} == {2: (288, 6), 3: (294, 5)}
    none, periodic, _, embedding = network.encoding_views(flat)
    assert none == {}
    assert {name: (int(a.flat[0]), a.shape) for name, a in periodic.items()} == {
        "frequencies": (0, (5,)), "phases": (5, (5,)), "W": (10, (3, 5)), "b": (25, (3,)),
    }  # fmt: skip
    assert embedding["table"].tolist() == flat[28:116].reshape(11, 8).tolist()
    assert np.shares_memory(embedding["table"], flat)


def test_a_pickle_has_what_a_network_is():
    network = network_of()
    assert pickle.loads(pickle.dumps(network)) == network
    assert "Encoding" not in repr(network.__getstate__()["encodings"])
    plain = NetworkSpec((4, 3), ("identity",), np.dtype("float64"))
    assert list(plain.__getstate__()) == ["layer_sizes", "activations", "dtype", "blocks"]
    assert plain.layers.tolist() == [(4, 3, 0, 12, 0, 4, 0, 0.0, 0, 0, 0)]


@pytest.mark.parametrize(
    "change",
    [
        {"encodings": (("plain", 1, 1, 1.0),)},
        {"encodings": (("periodic", 2**40, 3, 1.0),) * len(MIXED)},
        {"encodings": (("plain", 1, 1, math.nan),) * len(MIXED)},
        {"gated": "yes"},
        {"layer_sizes": (8, 30, 6, 5, 2)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_pickle_that_is_damaged_is_refused(change):
    state = {**network_of().__getstate__(), **change}
    with pytest.raises((TypeError, ValueError)):
        NetworkSpec.__new__(NetworkSpec).__setstate__(state)


# -- outputs -----------------------------------------------------------------------------------------------------


def by_hand(network, parameters, x):
    """The sums of the last layer for one row, in loops."""
    W, b = network.views(parameters)
    gates, h = network.gates_of(parameters), []
    for z, encoding, own in zip(x.tolist(), network.encodings, network.encoding_views(parameters), strict=True):
        if encoding.kind in ("plain", "periodic"):
            h.append(z)
        if encoding.kind == "periodic":
            waves = [math.cos(w * z + c) for w, c in zip(own["frequencies"], own["phases"], strict=True)]
            h += [float(w @ waves) + c for w, c in zip(own["W"], own["b"], strict=True)]
        if encoding.kind == "one_hot":
            h += [float(z == k) for k in range(1, encoding.n + 1)]
        if encoding.kind == "embedding":
            h += own["table"][int(z)].tolist()
    h = [scale * value for scale, value in zip(b[1], h, strict=True)]
    for l in range(2, network.n_layers + 1):
        sums = [float(w @ h) + c for w, c in zip(W[l], b[l], strict=True)]
        h = sums
        if l in gates:
            f = {"tanh": math.tanh, "sin": math.sin}[network.activations[l - 1].name]
            h = [z + a * (f(z) - z) for a, z in zip(gates[l], sums, strict=True)]
    return h


@pytest.mark.parametrize("backend", [NUMPY, SIMD], ids=["numpy", "simd"])
@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("n_rows", [1, 9])
def test_outputs_by_hand(backend, first, n_rows):
    network = network_of(FIRST[first], activations=("tanh", "sin"))
    parameters, X, _, _ = problem(network, n_rows)
    expected = np.exp([by_hand(network, parameters, x) for x in X])
    assert_close(outputs_of(backend, network, parameters, X), expected / expected.sum(axis=1, keepdims=True), 1e-13)


@pytest.mark.parametrize("backend", [NUMPY, SIMD], ids=["numpy", "simd"])
def test_a_code_that_is_none_is_as_one_that_is_missing(backend):
    network = network_of((Encoding("one_hot", 3), Encoding("embedding", 4, 2)))
    parameters, _, _, _ = problem(network)
    X = np.array([[0, 0], [4, 5], [-1, -1], [np.nan, np.nan], [1e30, np.inf]])
    found = outputs_of(backend, network, parameters, X)
    assert (found == found[0]).all()


@pytest.mark.parametrize("backend", [NUMPY, SIMD], ids=["numpy", "simd"])
@pytest.mark.parametrize("n_rows", [1, 50])
@pytest.mark.parametrize("last", [2, 3])
def test_parts_have_the_sums_of_a_hidden_layer_and_go_on_from_its_outputs(backend, n_rows, last):
    network = network_of(activations=("tanh", "sin"))
    parameters, X, _, _ = problem(network, n_rows)
    first, own = network.part(parameters, 1, last, "identity")
    z, gates = outputs_of(backend, first, own, X), network.gates_of(parameters)[last]
    h = z + gates * ((np.tanh if last == 2 else np.sin)(z) - z)
    rest, own = network.part(parameters, last + 1, network.n_layers)
    assert_close(outputs_of(backend, rest, own, h), outputs_of(NUMPY, network, parameters, X), 1e-13)


def test_a_part_that_would_lose_its_gates_is_refused():
    network = network_of()
    with pytest.raises(ValueError, match=r"layer 3 has gates, .* 'identity', for its sums"):
        network.part(np.zeros(network.n_parameters), 1, 3)


# -- gradients ---------------------------------------------------------------------------------------------------


def differences(network, parameters, *data, step=1e-6, **options):
    found = np.empty_like(parameters)
    for i in range(len(parameters)):
        values = []
        for sign in (1, -1):
            moved = parameters.copy()
            moved[i] += sign * step
            values.append(NUMPY.loss_and_gradient(network, ADAM.objective, moved, *data, 0.0, **options)[0])
        found[i] = (values[0] - values[1]) / (2 * step)
    return found


@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("first", FIRST)
def test_the_gradient_by_differences(first, gated):
    network = network_of(FIRST[first], gated=gated)
    data = problem(network, 13)
    _, _, gradient = measure(NUMPY, network, *data)
    assert_close(gradient, differences(network, *data), 1e-7)


@pytest.mark.parametrize("activation", [name for name in HIDDEN if name != "step"])
def test_the_gradient_by_differences_with_dropout(activation):
    network = network_of(MIXED[:3], activations=(activation, activation))
    data = problem(network, 13)
    factors = factors_of_update(Dropout((0, 0, 20000, 30000), 3), 5, network, 13)
    _, _, gradient = measure(NUMPY, network, *data, factors=factors)
    assert_close(gradient, differences(network, *data, factors=factors), 1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("n_rows", [1, 2, 7, 16, 33, 700])
def test_the_engine_has_numpys_gradient(first, n_rows, dtype):
    network = network_of(FIRST[first], hidden=(17, 8), n_out=1 + n_rows % 3, dtype=dtype)
    data = problem(network, n_rows)
    (value, cost, gradient), found = measure(NUMPY, network, *data), measure(SIMD, network, *data)
    tolerance = 1e-12 if dtype == "float64" else 1e-4
    assert_close(found[0], value, tolerance)
    assert_close(found[1], cost, tolerance)
    for of in (network.views(found[2])[0], network.views(found[2])[1], network.gates_of(found[2])):
        assert all(np.isfinite(part).all() for part in of.values())
    assert_close(found[2], gradient, tolerance)


@pytest.mark.parametrize("n_rows", [5, 300])
@pytest.mark.parametrize("activation", HIDDEN)
def test_the_engine_has_gates_over_every_activation(activation, n_rows):
    network = network_of(hidden=(9, 33), activations=(activation, activation))
    data = problem(network, n_rows)
    expected, found = measure(NUMPY, network, *data)[2], measure(SIMD, network, *data)[2]
    assert_close(found, expected, 1e-12)
    assert_close(outputs_of(SIMD, network, *data[:2]), outputs_of(NUMPY, network, *data[:2]), 1e-12)
    training = replace(ADAM, dropout=Dropout((0, 0, 9830, 5000), 7), epsilon=1e-2)
    states = [trained(backend, network, training, *data, n=10)[0] for backend in (NUMPY, SIMD)]
    assert_close(states[1].parameters, states[0].parameters, 1e-10)


# -- updates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", [NUMPY, SIMD], ids=["numpy", "simd"])
def test_one_update_by_hand(backend):
    """Adam's first step is η g / (|g| + ε / √(1 - β₂)), with the rate and the decay of each tensor's own."""
    network = network_of()
    parameters, *data = problem(network)
    training = replace(WHOLE, dropout=None, epsilon=1e-3)
    rows = np.random.default_rng(1).integers(0, len(data[0]), 16)
    _, _, gradient = measure(NUMPY, network, parameters, *(array[rows] for array in data))
    rate, decay = np.full(network.n_parameters, np.nan), np.zeros(network.n_parameters)
    W, b = network.views(rate)
    decays, _ = network.views(decay)
    for l, (of_weights, of_biases) in enumerate(RATES, start=1):
        W[l][:], b[l][:], decays[l][:] = of_weights, of_biases, training.decay_rates[l - 1]
    views = network.encoding_views(rate), network.encoding_views(decay)
    for encoding, rates, factors in zip(MIXED, *views, strict=True):
        for name in rates:
            rates[name] *= encoding.rate
            factors[name] *= encoding.rate
    for gates in network.gates_of(rate).values():
        gates[:] = 0.1
    expected = parameters - 0.02 * 0.5 * decay * parameters
    expected -= 0.02 * rate * gradient / (np.abs(gradient) + 1e-3 / math.sqrt(1 - 0.95))
    state, _ = trained(backend, network, training, parameters, *data, n=1)
    assert_close(state.parameters - parameters, expected - parameters, 1e-12)


OF_STEPS = {
    "adam": ADAM,
    "decay as the rates": replace(ADAM, weight_decay=0.5, rates=RATES),
    "its own rates of decay": replace(ADAM, weight_decay=0.5, decay_rates=(0.0, 1.0, 0.25, 0.5)),
    "gates": replace(ADAM, gate_rate=0.1),
    "dropout": replace(ADAM, dropout=WHOLE.dropout),
    "whole": WHOLE,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OF_STEPS)
def test_the_engine_makes_numpys_updates(name, dtype):
    network = network_of(hidden=(33, 17), dtype=dtype)
    data = problem(network, 97)
    training = replace(OF_STEPS[name], epsilon=1e-3)
    expected, found = (trained(backend, network, training, *data, n=100) for backend in (NUMPY, SIMD))
    tolerance = 1e-8 if dtype == "float64" else 1e-3
    assert_close(found[0].parameters, expected[0].parameters, tolerance)
    assert_close(found[0].optimizer, expected[0].optimizer, tolerance)
    assert_close(found[1], expected[1], tolerance)
    assert found[0].n_updates == 100


@pytest.mark.parametrize("size", [1, 3, 64, 700])
@pytest.mark.parametrize("n_out", [1, 3])
def test_the_engine_makes_numpys_updates_of_any_size(size, n_out):
    network = network_of(hidden=(65, 3), n_out=n_out)
    data = problem(network, 300)
    training, n = replace(WHOLE, fade=(2, 8), epsilon=1e-3), 20 if size < 100 else 5
    expected, found = (trained(backend, network, training, *data, n=n, size=size) for backend in (NUMPY, SIMD))
    assert_close(found[0].parameters, expected[0].parameters, 1e-8)
    assert_close(found[1], expected[1], 1e-8)


def test_a_run_goes_on_with_the_same_bits():
    network = network_of()
    data = problem(network, 97)
    X, y, weights = data[1:]
    rows = np.random.default_rng(1).integers(0, 97, 100 * 16)
    whole = trained(SIMD, network, WHOLE, *data)[0]
    state = TrainingState(network, "adamw")
    state.parameters[:] = data[0]
    opened = SIMD.begin(state, WHOLE, X, y, weights, 97)
    for begin, end in ((0, 1), (1, 60), (60, 100)):
        arrays = np.full(end - begin, 0.02), np.zeros(end - begin), *np.empty((2, end - begin))
        opened.advance(rows[16 * begin : 16 * end], np.arange(end - begin + 1) * 16, *arrays)
    opened.end()
    assert state.to_bytes() == whole.to_bytes()


@pytest.mark.parametrize("backend", [NUMPY, SIMD], ids=["numpy", "simd"])
def test_what_fades(backend):
    """Whole before, nothing after, and between what a dropout and a decay of the share's size make."""
    network = network_of()
    data = problem(network)

    def after(training, first):
        return trained(backend, network, training, *data, n=1, first=first)[0].parameters

    nothing = replace(WHOLE, dropout=None, weight_decay=0.0, fade=())
    assert (after(WHOLE, 39) == after(replace(WHOLE, fade=()), 39)).all()
    assert (after(WHOLE, 90) == after(nothing, 90)).all()
    assert (after(WHOLE, 900) == after(nothing, 900)).all()
    share = (1 + math.cos(math.pi * 0.3)) / 2
    dropped = tuple(int(n * share) for n in WHOLE.dropout.dropped)
    part = replace(WHOLE, dropout=Dropout(dropped, 7), weight_decay=0.5 * share, fade=())
    assert_close(after(WHOLE, 55), after(part, 55), 1e-14)
    assert (after(WHOLE, 55) != after(nothing, 55)).any()
    assert [WHOLE.share(n) for n in (0, 40, 65, 90, 91)] == pytest.approx([1, 1, 0.5, 0, 0])


def test_what_has_learned():
    """A column of codes, and one whose target is a wave of it, are learned by networks that encode them."""
    rng = np.random.default_rng(0)
    z, codes = rng.uniform(-2, 2, 400), rng.integers(1, 21, 400)
    labels = ((np.sin(6 * z) > 0) ^ (rng.random(20) > 0.5)[codes - 1]).astype(int)
    network = network_of((Encoding("periodic", 16, 3), Encoding("embedding", 20, 8)), (32,), ("mish",))
    start = 0.3 * rng.standard_normal(network.n_parameters)
    network.encoding_views(start)[0]["frequencies"][:] = 4 * rng.standard_normal(16)
    network.views(start)[1][1][:] = 1
    network.gates_of(start)[2][:] = 1
    X, y = np.column_stack([z, codes]), np.eye(2)[labels]
    state, _ = trained(SIMD, network, ADAM, start, X, y, None, n=600, size=64)
    assert (outputs_of(SIMD, network, state.parameters, X).argmax(axis=1) == labels).mean() > 0.95


# -- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("spline",), "unknown kind 'spline': expected one of"),
        (("periodic", 0), "n must be at least 1, got 0"),
        (("periodic", 33), "an encoding 'periodic' has n up to 32, got 33"),
        (("periodic", 4, 9), "an encoding 'periodic' has width up to 8, got 9"),
        (("plain", 2), "an encoding of the kind 'plain' has n 1, got 2"),
        (("one_hot", 4, 2), "an encoding of the kind 'one_hot' has width 1, got 2"),
        (("embedding", 2**24 + 1), "an encoding 'embedding' has codes up to 16777216, got n=16777217"),
        (("plain", 1, 1, 0.0), "rate must be finite and greater than 0.0, got 0.0"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_encoding(arguments, message):
    with pytest.raises(ValueError, match=message):
        Encoding(*arguments)


ONE = (Encoding("plain"), Encoding("one_hot", 3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encodings": ()}, "gated=True is of networks whose first layer are encodings"),
        ({"layer_sizes": (2, 5, 3, 1)}, r"2 encodings that give 4 numbers .* begin with \(2, 4\), got \(2, 5, 3, 1\)"),
        ({"layer_sizes": (2, 4), "activations": ("identity",)}, "followed by a layer of outputs at least"),
        ({"activations": ("tanh", "tanh", "identity")}, "the activation of encodings is identity, got tanh"),
        ({"activations": ("identity", "softmax", "identity")}, "one number at a time, got softmax"),
        ({"layer_sizes": (2, 4, 3, 2), "blocks": 2}, "encodings are not available with several heads"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_network(change, message):
    from fastnn.activations import Block

    given = {"layer_sizes": (2, 4, 3, 1), "activations": ("identity", "tanh", "identity"), "encodings": ONE}
    given = {**given, "dtype": np.dtype("float64"), "gated": True, **change}
    if "blocks" in change:
        given["blocks"] = (Block(1, "identity"),) * 2
    with pytest.raises(ValueError, match=message):
        NetworkSpec(**given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"solver": "sgd"}, "encodings are not available with solver='sgd'; use 'adam' or 'adamw'"),
        ({"l1": 0.1}, "l1 is not available with encodings"),
        ({"tol": 0.1}, "tol is not available with encodings"),
        ({"max_grad_norm": 1.0}, "max_grad_norm is not available with encodings"),
        ({"max_norm": 1.0}, "max_norm is not available with encodings"),
        ({"rates": ((1.0, 0.0),) * 4}, "frozen, rates of 0, is not available with encodings"),
        ({"rates": ((1.0, 1.0),) * 3}, "rates must have an entry for each of 4 layers, got 3"),
        ({"decay_rates": (1.0,)}, "decay_rates must have an entry for each of 4 layers, got 1"),
        ({"decay_rates": (1.0, 1.0, -1.0, 1.0)}, r"decay_rates\[2\] must be finite and at least 0.0, got -1.0"),
        ({"gate_rate": 0.0}, "gate_rate must be finite and greater than 0.0, got 0.0"),
        ({"fade": (5, 5)}, r"fade must be two numbers of updates, the first below the second, got \(5, 5\)"),
        ({"fade": (5,)}, r"fade must be two numbers of updates, the first below the second, got \(5,\)"),
        ({"fade": (0, 5, 9)}, r"fade must be two numbers of updates, the first below the second, got \(0, 5, 9\)"),
        ({"fade": (-1, 5)}, "fade must be at least 0, got -1"),
        ({"dropout": Dropout((9, 0, 0, 0))}, "columns and what encodings give are not dropped"),
        ({"dropout": Dropout((0, 9, 0, 0))}, "the first two rates of dropout must be 0"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_run_says_what_is_not_combined(change, message):
    network = network_of()
    _, X, y, weights = problem(network)
    state = TrainingState(network, change.get("solver", "adam"))
    with pytest.raises(ValueError, match=message):
        run(Job(SIMD, state, replace(ADAM, **change), X, y, weights), *[None] * 4, 1)
    assert state.n_updates == 0


@pytest.mark.parametrize("wrong", [5, -1, 2.5, np.nan, np.inf])
def test_a_run_names_a_code_that_is_none(wrong):
    network = network_of()
    _, X, y, weights = problem(network)
    X[17, 2] = wrong
    state = TrainingState(network, "adam")
    with pytest.raises(ValueError, match=r"X\[17, 2\] is .*, which is no code: .* takes whole numbers from 0 to 4"):
        run(Job(SIMD, state, ADAM, X, y, weights), *[None] * 4, 1)


def test_sparse_rows_and_a_penalty_are_refused():
    network = network_of()
    parameters, X, y, weights = problem(network)
    with pytest.raises(TypeError, match=r"X is a sparse matrix \(csr_array\), .* pass X.toarray\(\)"):
        check_combined(network, ADAM, csr_array(X))
    for backend in (NUMPY, SIMD):
        with pytest.raises(ValueError, match="l2 is not available with encodings; leave it out, or use weight_decay"):
            measure(backend, network, parameters, X, y, weights, l2=0.1)
    opened = SIMD.begin(TrainingState(network, "adam"), ADAM, X, y, weights, 41)
    with pytest.raises(ValueError, match="l2 is not available with encodings"):
        opened.advance(None, None, np.ones(2), np.array([0.0, 0.1]), np.empty(2), np.empty(2))


@pytest.mark.parametrize("n_rows", [1, 40])
def test_the_engine_takes_no_entries_for_columns(n_rows):
    network = network_of((Encoding("plain"),) * 64)
    parameters, X, y, weights = problem(network, n_rows)
    X[:, 1:] = 0
    message = r"encodings take X as an array, got csr_array; pass X.toarray\(\)"
    with pytest.raises(TypeError, match=message):
        SIMD.forward(network, parameters, csr_array(X), np.empty((n_rows, 2)))
    with pytest.raises(TypeError, match=message):
        measure(SIMD, network, parameters, csr_array(X), y, weights)


@pytest.mark.parametrize("rule", [{"decay_rates": (1.0,)}, {"gate_rate": 0.5}, {"fade": (1, 2)}], ids=str)
def test_rules_that_nobody_would_read_are_refused(rule):
    plain = NetworkSpec((4, 3), ("identity",), np.dtype("float64"))
    with pytest.raises(ValueError, match="is of networks whose first layer are encodings; leave it out"):
        check_combined(plain, replace(ADAM, **rule), np.zeros((2, 4)))


@pytest.mark.parametrize("name", ["python", "cython"])
def test_the_other_backends_say_that_they_have_none(name):
    network, backend = network_of(), get_backend(name)
    parameters, X, y, weights = problem(network)
    message = f"backend={name!r} has no encodings; use backend='numpy', backend='simd' or 'auto'"
    with pytest.raises(ValueError, match=message):
        outputs_of(backend, network, parameters, X)
    with pytest.raises(ValueError, match=message):
        measure(backend, network, parameters, X, y, weights)
    with pytest.raises(ValueError, match=message):
        trained(backend, network, replace(ADAM, solver="sgd"), parameters, X, y, weights, n=1)


def test_every_kind_is_tested():
    assert {encoding.kind for encoding in MIXED} == set(KINDS)

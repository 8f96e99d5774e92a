"""Dropout: the published generator, the same units dropped by every backend, any number of threads, instruction set and
cut, the right gradient of what stays, and nothing of it where predictions are made."""

import pickle

import numpy as np
import pytest
from conftest import DTYPES, LABELS, X, Y, assert_close, make_updates
from scipy import sparse

import fastnn
from fastnn import MLPClassifier, MLPRegressor, simd
from fastnn._tables import HIDDEN_ACTIVATIONS
from fastnn.backends import BACKENDS
from fastnn.dropout import Dropout
from fastnn.objective import Objective
from fastnn.reference import batched
from fastnn.reference.dropout import factors, factors_of_update, threefry
from fastnn.spec import NetworkSpec, TrainingSpec
from fastnn.state import TrainingState

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

HAVE_IT = ("simd", "numpy")


# -- which units --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "number", "expected"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_the_generator_is_threefry(key, number, expected):
    """Known answers for threefry2x32 with 20 rounds, as its authors' Random123 has them."""
    low, high = threefry(key, *(np.array([word], np.uint32) for word in number))
    assert (low[0], high[0]) == expected


DROPOUT = Dropout((13107, 32768, 52429), seed=0x123456789ABCDEF)


def test_the_share_that_stays_is_right_and_units_are_independent():
    """Of 4 million units: shares within five standard deviations, rows, columns, updates and layers uncorrelated."""
    n = 2000
    for layer, dropped in enumerate(DROPOUT.dropped):
        found = factors(DROPOUT, 3, layer, n, n, np.dtype("float64"))
        rate = dropped / 65536
        assert set(np.unique(found)) == {0.0, 1 / (1 - rate)}
        stays = found > 0
        sd = np.sqrt(rate * (1 - rate))
        assert abs(stays.mean() - (1 - rate)) < 5 * sd / n
        for axis in (0, 1):
            spread = (stays.mean(axis=axis) - (1 - rate)) / (sd / np.sqrt(n))
            assert abs(spread.mean()) < 5 / np.sqrt(n)
            assert 0.9 < spread.std() < 1.1
            assert np.abs(spread).max() < 5.5
        centred = stays - stays.mean()
        others = [np.roll(centred, shift, axis) for axis in (0, 1) for shift in (1, 2, 4, 8, 16, 32, 64)]
        others += [
            factors(DROPOUT, 4, layer, n, n, np.dtype("float64")) > 0,
            factors(DROPOUT, 3, (layer + 1) % 3, n, n, np.dtype("float64")) > 0,
            factors(Dropout(DROPOUT.dropped, seed=7), 3, layer, n, n, np.dtype("float64")) > 0,
        ]
        for other in others:
            correlation = (centred * (other - other.mean())).mean() / (sd * other.std())
            assert abs(correlation) < 5 / n


def test_rows_and_units_have_their_bits_whatever_else_there_is():
    few, many = (factors(DROPOUT, 9, 1, n, 37, np.dtype("float64")) for n in (5, 50))
    assert (few == many[:5]).all()


def one_update(backend, sizes, activations, dropped, n_rows, dtype="float64", seed=5, **how):
    """The objective of an update by sgd, and the gradient, from its step."""
    rng = np.random.default_rng(seed)
    network = NetworkSpec(tuple(sizes), activations, np.dtype(dtype))
    state = TrainingState(network, "sgd")
    state.parameters[:] = how.pop("parameters", rng.standard_normal(network.n_parameters) / 2)
    state.counters["n_updates"] = how.pop("n_updates", 0)
    data = rng.standard_normal((n_rows, sizes[0])).astype(dtype), rng.random((n_rows, sizes[-1])).astype(dtype), None
    training = TrainingSpec(Objective("squared_error"), dropout=Dropout(dropped, 11))
    objective, cost = np.empty(1), np.empty(1)
    data_and_arrays = data, None, None, np.ones(1), np.zeros(1), objective, cost
    before = state.parameters.copy()
    make_updates(BACKENDS[backend], state, training, *data_and_arrays)
    return objective[0], before - state.parameters, before, (network, data)


SHAPES = [
    ([4, 5, 3], 7), ([3, 17, 1], 65), ([20, 33, 16, 2], 33), ([9, 64, 48, 31, 1], 150), ([5, 130, 7, 3], 1),
    ([6, 9, 1], 1),
]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", HIDDEN_ACTIVATIONS)
@pytest.mark.parametrize(("sizes", "n_rows"), SHAPES)
def test_simd_and_numpy_drop_the_same_units(sizes, n_rows, activation, dtype):
    """Objective and gradient of one update agree as they do without: a single unit more or less would be seen."""
    n = len(sizes) - 2
    activations = (activation,) * n + ("identity",)
    dropped = (20000, *[32768, 9000, 50000][:n])
    found = [one_update(name, sizes, activations, dropped, n_rows, dtype, n_updates=2**33 + 5) for name in HAVE_IT]
    tolerance = 1e-12 if dtype == "float64" else 1e-4
    assert found[0][0] == pytest.approx(found[1][0], rel=tolerance * 10)
    assert_close(found[0][1], found[1][1], tolerance * 20)


@pytest.mark.parametrize("which", [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_any_layer_alone(which):
    dropped = tuple(30000 * on for on in which)
    found = [one_update(name, [8, 20, 12, 2], ("tanh", "relu", "identity"), dropped, 40) for name in HAVE_IT]
    assert_close(found[0][1], found[1][1], 1e-12)


@pytest.mark.parametrize("backend", HAVE_IT)
@pytest.mark.parametrize("activation", ["tanh", "relu", "logistic", "identity"])
@pytest.mark.parametrize("n_out", [1, 2])
@pytest.mark.parametrize("n_rows", [1, 20])
def test_the_gradient_is_that_of_the_objective(backend, activation, n_out, n_rows):
    """By finite differences, the units that stay being the same at each point."""
    what = backend, [5, 7, 6, n_out], (activation, activation, "identity"), (9000, 32768, 20000), n_rows
    _, gradient, parameters, _ = one_update(*what)
    slopes = np.empty_like(gradient)
    for i in range(len(parameters)):
        ends = []
        for sign in (1, -1):
            moved = parameters.copy()
            moved[i] += sign * 1e-6
            ends.append(one_update(*what, parameters=moved)[0])
        slopes[i] = (ends[0] - ends[1]) / 2e-6
    assert_close(gradient, slopes, 1e-7)


def test_it_is_the_network_without_the_units():
    """With identity activations by hand: outputs of a product with zeros in it."""
    objective, _, parameters, (network, data) = one_update("simd", [4, 6, 2], ("identity", "identity"), (0, 32768), 9)
    W, b = network.views(parameters)
    factor = factors(Dropout((0, 32768), 11), 0, 1, 9, 6, np.dtype("float64"))
    outputs = ((data[0] @ W[1].T + b[1]) * factor) @ W[2].T + b[2]
    assert objective == pytest.approx(0.5 * ((outputs - data[1]) ** 2).sum(axis=1).mean(), rel=1e-13)
    assert factors_of_update(Dropout((0, 32768), 11), 0, network, 9)[0] is None


NETWORKS = {
    "small": ([64, 30, 10], 1257, None),
    "single output": ([20, 64, 64, 1], 2100, 1024),
    "large": ([300, 128, 64, 10], 1000, 128),
    "a last batch of one row": ([100, 200, 10], 1025, 256),
}


def train(name, **options):
    sizes, m, batch_size = NETWORKS[name]
    data = np.random.default_rng(1).standard_normal((m, sizes[0]))
    options = {"activation": "tanh", "init": "glorot_normal", "random_state": 0, "input_dropout": 0.1, **options}
    y = data[:, : sizes[-1]] ** 2
    return fastnn.train(sizes, data, y, 12, 1e-2, batch_size=batch_size, dropout=0.3, **options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_same_bits_by_any_number_of_threads(name, dtype):
    alone = train(name, dtype=dtype, n_threads=1)
    for n_threads in (2, 3, 5):
        team = train(name, dtype=dtype, n_threads=n_threads)
        assert team.network.parameters.tobytes() == alone.network.parameters.tobytes()
        assert team.loss_curve == alone.loss_curve


@pytest.mark.parametrize("name", NETWORKS)
def test_instruction_sets_and_numpy_agree(name):
    before, expected = simd.active(), train(name, backend="numpy")
    try:
        for target in simd.available():
            simd.use(target)
            assert_close(train(name).network.parameters, expected.network.parameters, 1e-9)
    finally:
        simd.use(before)


def test_runs_in_pieces_have_the_same_bits():
    whole = train("large")
    pieces = train("large", report_every=1, callback=lambda *_: None)
    assert whole.loss_curve == pieces.loss_curve


# -- faces --------------------------------------------------------------------------------------------------------


def small(*, backend="auto", n=30, **options):
    options = {"random_state": 0, "activation": "tanh", "loss": "log_loss", **options}
    return fastnn.train([4, 12, 3], X, LABELS, n, 0.5, backend=backend, **options)


def test_off_is_off():
    """No number is drawn, no bit changed; a rate that is next to nothing drops nothing."""
    plain = small(batch_size=5)
    for options in ({"dropout": 0.0}, {"dropout": [0.0], "input_dropout": 0.0}, {"dropout": 1e-9}):
        assert small(batch_size=5, **options).loss_curve == plain.loss_curve


@pytest.mark.parametrize("backend", HAVE_IT)
def test_random_state_says_which(backend):
    first, again, other = (small(backend=backend, dropout=0.5, random_state=seed) for seed in (0, 0, 1))
    assert first.loss_curve == again.loss_curve != other.loss_curve
    generator = small(backend=backend, dropout=0.5, random_state=np.random.default_rng(3))
    assert (
        generator.loss_curve == small(backend=backend, dropout=[0.5], random_state=np.random.default_rng(3)).loss_curve
    )


def test_measurements_are_of_the_whole_network():
    """What is reported on the way is of what stays, validation is not."""
    result = small(dropout=0.5, validation_data=(X, LABELS), report_every=1)
    p = result.network(X)
    by_hand = -np.log(p[np.arange(len(X)), LABELS]).mean()
    assert result.history["loss"][-1] == pytest.approx(by_hand, rel=1e-12)
    assert result.history["val_loss"][-1] == pytest.approx(by_hand, rel=1e-12)
    assert not np.isclose(result.loss_curve[-1], result.history["loss"][-2], rtol=1e-3)


def test_the_mean_of_dropped_networks_is_near_the_whole():
    """Inverted: nothing is scaled when predicting. Of a linear network the mean over many updates is the whole's."""
    rng = np.random.default_rng(0)
    network = NetworkSpec((3, 40, 1), ("identity", "identity"), np.dtype("float64"))
    parameters = rng.standard_normal(network.n_parameters)
    W, b = network.views(parameters)
    row = rng.standard_normal((1, 3))
    dropout = Dropout((10000, 40000), 3)
    found = []
    for update in range(4000):
        _, H = batched.forward_batch(network, W, b, row, factors_of_update(dropout, update, network, 1))
        found.append(H[-1].item())
    _, H = batched.forward_batch(network, W, b, row)
    assert abs(np.mean(found) - H[-1].item()) < 5 * np.std(found) / np.sqrt(len(found))


def test_it_keeps_a_network_from_over_fitting():
    """Noise in the labels, few rows, many units: the whole network is better on new rows."""
    rng = np.random.default_rng(0)
    data = rng.standard_normal((300, 10))
    y = (data[:, 0] + data[:, 1] + rng.standard_normal(300) > 0).astype(int)
    options = {"activation": "relu", "loss": "log_loss", "init": "he_normal", "solver": "adam", "batch_size": 25}
    losses = []
    for rate in (0.0, 0.5):
        held_back = data[100:], y[100:]
        history = fastnn.train(
            [10, 64, 1], data[:100], y[:100], 400, 3e-3, dropout=rate, random_state=0, validation_data=held_back,
            **options,
        ).history  # fmt: skip
        losses.append(history["val_loss"][-1])
    assert losses[1] < 0.85 * losses[0]


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_the_estimators_have_it(estimator, solver):
    options = {"hidden_layer_sizes": (12, 8), "solver": solver, "max_iter": 5, "random_state": 0, "batch_size": 7}
    plain, dropped, again = (
        estimator(**options, **more).fit(X, LABELS)
        for more in ({}, *[{"dropout": (0.5, 0.2), "input_dropout": 0.1}] * 2)
    )
    assert dropped.loss_curve_ == again.loss_curve_ != plain.loss_curve_
    assert (dropped.predict(X) == dropped.predict(X)).all()
    assert (dropped.network_(X) == again.network_(X)).all()
    assert estimator(**options, dropout=0.0).fit(X, LABELS).loss_curve_ == plain.loss_curve_


def test_an_estimator_trains_on_with_it():
    classifier = MLPClassifier((8,), dropout=0.5, random_state=0).partial_fit(X, LABELS, classes=[0, 1, 2])
    moved = pickle.loads(pickle.dumps(classifier))
    classifier.partial_fit(X, LABELS)
    assert moved.partial_fit(X, LABELS).loss_curve_ == classifier.loss_curve_
    stopped = MLPClassifier((8,), dropout=0.5, random_state=0, early_stopping=True, max_iter=20).fit(X, LABELS)
    assert len(stopped.validation_scores_) == stopped.n_iter_


# -- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"dropout": 1.0}, ValueError, "dropout must be finite and at least 0.0 and less than 1.0, got 1.0"),
        ({"dropout": -0.1}, ValueError, "dropout must be finite and at least 0.0"),
        ({"dropout": np.nan}, ValueError, "dropout must be finite"),
        ({"dropout": "half"}, TypeError, "dropout must be a number, got 'half'"),
        ({"dropout": [0.1, 0.2]}, ValueError, "dropout must have one rate per hidden layer: 1 expected, 2 given"),
        ({"dropout": [2.0]}, ValueError, r"dropout\[0\] must be finite and at least 0.0 and less than 1.0, got 2.0"),
        ({"input_dropout": 1.5}, ValueError, "input_dropout must be finite"),
        ({"dropout": 0.5, "backend": "python"}, ValueError, "dropout is not available on backend='python'; use back"),
        ({"input_dropout": 0.5, "backend": "cython"}, ValueError, "dropout is not available on backend='cython'"),
        (
            {"dropout": 0.5, "solver": "lbfgs"},
            ValueError,
            "solver='lbfgs' looks for the smallest value of one",
        ),
    ],
)
def test_what_cannot_be_dropped(options, error, message):
    with pytest.raises(error, match=message):
        small(**options)


def test_what_has_nothing_to_drop():
    with pytest.raises(ValueError, match=r"dropout=0\.5 is of hidden layers, of which there are none; use"):
        fastnn.train([4, 3], X, Y, 5, dropout=0.5)
    with pytest.raises(ValueError, match="input_dropout is not available for a sparse X"):
        fastnn.train([4, 5, 3], sparse.csr_matrix(X), Y, 5, input_dropout=0.5)
    assert fastnn.train([4, 5, 3], sparse.csr_matrix(X), Y, 5, dropout=0.5).n_iter == 5
    for solver in ("lbfgs", "levenberg_marquardt"):
        with pytest.raises(ValueError, match="with dropout that is another in each update"):
            MLPRegressor(solver=solver, dropout=0.5).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="input_dropout is not available for a sparse X"):
        MLPClassifier(input_dropout=0.5).fit(sparse.csr_matrix(X), LABELS)
    with pytest.raises(ValueError, match="dropout must have one rate per hidden layer: 1 expected, 2 given"):
        MLPClassifier(dropout=(0.1, 0.2)).fit(X, LABELS)


@pytest.mark.parametrize("density", [0.1, 0.9])
def test_sparse_rows_have_the_units_of_dense_ones(density):
    data = sparse.random(50, 30, density, format="csr", random_state=0)
    options = {"dropout": 0.4, "random_state": 0, "batch_size": 9, "activation": "tanh", "init": "glorot_normal"}
    y = np.arange(50) % 3
    found = [fastnn.train([30, 20, 3], rows, y, 25, 0.03, **options) for rows in (data, data.toarray())]
    assert_close(found[0].loss_curve, found[1].loss_curve, 1e-12)

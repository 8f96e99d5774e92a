"""Passes that nobody listens to, made in one call: the bits, the order and the generator of those made one by one."""

import signal
import time

import numpy as np
import pytest

from fastnn import MLPClassifier, MLPRegressor, schedules, train
from fastnn._engine import Orders, mean_of_batches
from fastnn.training import unheard

GENERATORS = [np.random.MT19937, np.random.PCG64, np.random.PCG64DXSM, np.random.Philox, np.random.SFC64]


def data(n=150, n_out=1, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.randn(n, 4)
    return X, np.tanh(X @ rng.randn(4, n_out)).squeeze() + 0.1 * rng.randn(*(n, n_out)[: 1 + (n_out > 1)])


def same_state(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same_state(one[key], other[key]) for key in one)
    return np.array_equal(one, other)


# -- orders ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 16, 17, 33, 64, 65, 150, 257, 1000, 4096, 5000])
@pytest.mark.parametrize("kind", GENERATORS, ids=lambda kind: kind.__name__)
def test_orders_and_the_generator_afterwards_are_numpys(kind, n):
    ours, theirs = kind(n), np.random.RandomState(kind(n))
    rows, expected = np.arange(n, dtype=np.intp), np.arange(n, dtype=np.intp)
    orders = Orders(ours, True, rows, None, False)
    for n_passes in (1, 3):
        orders.draw(n_passes)
        for _ in range(n_passes):
            theirs.shuffle(expected)
        np.testing.assert_array_equal(rows, expected)
    assert same_state(ours.state, theirs._bit_generator.state)


@pytest.mark.parametrize("face", [np.random.RandomState, np.random.Generator])
@pytest.mark.parametrize("kind", GENERATORS, ids=lambda kind: kind.__name__)
def test_permutations_are_those_of_both_faces(kind, face):
    ours, theirs, rows = kind(3), face(kind(3)), np.zeros(777, np.intp)
    orders = Orders(ours, True, rows, None, True)
    for _ in range(3):
        orders.draw()
        np.testing.assert_array_equal(rows, theirs.permutation(777))


def test_what_is_no_bit_generator_is_refused():
    class Other:
        lock, capsule = None, np.random.MT19937(0)

    with pytest.raises(ValueError, match="PyCapsule"):
        Orders(Other(), True, np.arange(3), None, False)
    with pytest.raises(ValueError, match="batches of 4 rows, of 3"):
        Orders(None, True, np.arange(3), np.array([0, 4]), False)


def test_the_mean_of_batches_is_a_plain_chain():
    rng = np.random.RandomState(1)
    values, shares = rng.randn(37), rng.rand(37)
    expected = 0.0
    for value, share in zip(values.tolist(), shares.tolist(), strict=True):
        expected += value * share
    assert mean_of_batches(values, shares) == expected


# -- runs: with one who listens and does nothing, all goes pass by pass -----------------------------------------------


@pytest.fixture
def n_stretches(monkeypatch):
    """How often a stretch has been made."""
    made, make = [], unheard.Unheard.make

    def counted(self, n_passes, *args):
        made.append(n_passes)
        return make(self, n_passes, *args)

    monkeypatch.setattr(unheard.Unheard, "make", counted)
    return made


def fitted(kind, X, y, callback, **settings):
    model = kind(hidden_layer_sizes=(5,), random_state=3, callback=callback, **settings)
    with np.errstate(all="ignore"):
        return model.fit(X, y)


def assert_same_fit(one, other):
    assert one.loss_curve_ == other.loss_curve_
    for own, others in zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        np.testing.assert_array_equal(own, others)
    for name in ("n_iter_", "t_", "loss_", "best_loss_", "_no_improvement_count"):
        assert getattr(one, name) == getattr(other, name), name
    assert one._optimizer.learning_rate == other._optimizer.learning_rate
    sources = [vars(model).get("_random_state", model.random_state) or np.random for model in (one, other)]
    if not isinstance(sources[0], int):
        assert same_state(*(source.get_state(legacy=False) for source in sources))


SETTINGS = {
    "whole": {"max_iter": 130},
    "batches": {"max_iter": 70, "batch_size": 32},
    "one batch short": {"max_iter": 40, "batch_size": 149},
    "rows": {"max_iter": 9, "batch_size": 1},
    "unshuffled": {"max_iter": 60, "batch_size": 40, "shuffle": False},
    "ends by tol": {"max_iter": 900, "tol": 1e-2, "batch_size": 50},
    "whole, ends by tol": {"max_iter": 900, "tol": 1e-2, "n_iter_no_change": 4},
    "never ends by tol": {"max_iter": 200, "n_iter_no_change": 10**9},
    "sgd": {"solver": "sgd", "max_iter": 80, "batch_size": 64, "learning_rate_init": 0.05},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3, "max_iter": 90, "batch_size": 64},
    "invscaling, whole": {"solver": "sgd", "learning_rate": "invscaling", "max_iter": 90},
    "planned": {"learning_rate_init": schedules.cosine(0.05), "max_iter": 80, "batch_size": 64},
    "planned, whole": {"learning_rate_init": schedules.cosine(0.05), "max_iter": 200},
    "float32": {"max_iter": 40, "batch_size": 32},
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SETTINGS)
def test_a_fit_has_the_bits_of_one_that_is_listened_to(name, n_stretches):
    X, y = (part.astype("float32" if name == "float32" else "float64") for part in data())
    own = fitted(MLPRegressor, X, y, None, **SETTINGS[name])
    assert n_stretches
    del n_stretches[:]
    heard = fitted(MLPRegressor, X, y, lambda *args: None, **SETTINGS[name])
    assert not n_stretches
    assert_same_fit(own, heard)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("batch_size", ["auto", 64])
def test_a_fit_goes_on_where_it_is_not_finite(batch_size):
    X, y = data()
    models = [
        MLPRegressor(
            hidden_layer_sizes=(5,), random_state=3, callback=callback, solver="sgd", learning_rate_init=1e200,
            max_iter=30, batch_size=batch_size,
        )
        for callback in (None, lambda *args: None)
    ]  # fmt: skip
    for model in models:
        with pytest.raises(ValueError, match="non-finite parameter weights"):
            model.fit(X, y)
    np.testing.assert_equal(models[0].loss_curve_, models[1].loss_curve_)
    assert len(models[0].loss_curve_) == 30


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("random_state", [7, "RandomState", None])
def test_a_fit_goes_on_from_one_that_nobody_listened_to(random_state, n_stretches):
    X, y = data(n_out=2)
    y = (y > 0).astype(int)
    models = []
    for callback in (None, lambda *args: None):
        np.random.seed(5)
        seed = np.random.RandomState(5) if random_state == "RandomState" else random_state
        model = MLPClassifier(
            hidden_layer_sizes=(5,), random_state=seed, callback=callback, warm_start="solver", batch_size=40,
            max_iter=15, dropout=0.2,
        )  # fmt: skip
        for _ in range(3):
            model.fit(X, y)
        models.append(model.partial_fit(X, y))
    assert_same_fit(*models)
    assert len(n_stretches) >= 3


@pytest.mark.filterwarnings("ignore")
def test_weights_of_rows_and_rates_by_progress_are_left_to_python(n_stretches):
    X, y = data()
    MLPRegressor(hidden_layer_sizes=(5,), random_state=3, max_iter=3).fit(X, y, sample_weight=np.arange(150.0) + 1)
    MLPRegressor(hidden_layer_sizes=(5,), random_state=3, max_iter=3, solver="sgd", learning_rate="adaptive").fit(X, y)
    MLPRegressor(hidden_layer_sizes=(5,), random_state=3, max_iter=3, early_stopping=True).fit(X, y)
    assert not n_stretches


@pytest.mark.filterwarnings("ignore")
def test_one_who_hears_seldom_leaves_the_passes_between(n_stretches):
    X, y = data()
    own = fitted(MLPRegressor, X, y, None, max_iter=60, batch_size=32)
    n_own = len(n_stretches)
    timed = fitted(MLPRegressor, X, y, None, max_iter=60, batch_size=32, max_time=100.0, progress=False)
    assert len(n_stretches) > n_own
    assert_same_fit(own, timed)
    assert timed.n_iter_ == 60


# -- train ----------------------------------------------------------------------------------------------------------

RUNS = {
    "shuffled": {"batch_size": 32},
    "sequential": {"batch_size": 32, "order": "sequential"},
    "ends within a pass": {"batch_size": 32, "iter_num": 233},
    "tol": {"batch_size": 50, "tol": 1e-4, "iter_num": 3000},
    "adam": {"batch_size": 50, "solver": "adam", "alpha": 0.01},
    "planned": {"batch_size": 50, "alpha": schedules.cosine(0.1)},
    "generator": {"batch_size": 32, "random_state": "Generator"},
    "state": {"batch_size": 32, "random_state": "RandomState"},
    "dropout": {"batch_size": 32, "dropout": 0.3},
}


def trained(name, callback, iter_num=None, init="normal"):
    X, y = data()
    settings = {"iter_num": 400, "random_state": 11, **RUNS[name]}
    if iter_num is not None:
        settings["iter_num"] = iter_num
    if settings["random_state"] == "Generator":
        settings["random_state"] = np.random.default_rng(11)
    elif settings["random_state"] == "RandomState":
        settings["random_state"] = np.random.RandomState(11)
    if callback is not None:
        settings |= {"callback": callback, "report_every": 1}
    if not isinstance(init, str):
        del settings["random_state"]
    return train(
        [4, 5, 1], X, y, output_activation="identity", activation="tanh", init=init, **settings
    )  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_a_run_of_train_has_the_bits_of_one_that_is_listened_to(name, n_stretches):
    own = trained(name, None)
    assert n_stretches
    del n_stretches[:]
    heard = trained(name, lambda *args: None)
    assert not n_stretches
    assert own.cost == heard.cost
    assert own.loss_curve == heard.loss_curve
    np.testing.assert_array_equal(own.network.parameters, heard.network.parameters)
    assert same_state(own._continuation.draws.state(), heard._continuation.draws.state())


@pytest.mark.parametrize("name", ["shuffled", "sequential", "adam", "dropout"])
@pytest.mark.parametrize("first", [5, 17, 100])
def test_a_run_goes_on_from_one_that_nobody_listened_to(name, first):
    whole = trained(name, lambda *args: None)
    begun = trained(name, None, iter_num=first)
    again = [trained(name, None, iter_num=400 - first, init=begun) for _ in range(2)]
    for rest in again:
        assert begun.loss_curve + rest.loss_curve == whole.loss_curve
        np.testing.assert_array_equal(rest.network.parameters, whole.network.parameters)


@pytest.fixture
def interrupted(monkeypatch):
    """Have a signal raise KeyboardInterrupt some seconds after the first stretch has begun; return when, in a list."""
    if not hasattr(signal, "setitimer"):
        pytest.skip("no timer that sends signals")
    make, sent = unheard.Unheard.make, []

    def stop(*_):
        raise KeyboardInterrupt

    def begin(seconds):
        def made(self, *args):
            if not sent:
                signal.setitimer(signal.ITIMER_REAL, seconds)
                sent.append(time.perf_counter() + seconds)
            return make(self, *args)

        monkeypatch.setattr(unheard.Unheard, "make", made)
        return sent

    before = signal.signal(signal.SIGALRM, stop)
    yield begin
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(("n", "after"), [(150, 0.02), (150, 0.05), (6000, 0.03), (6000, 0.06)])
def test_a_run_goes_on_from_a_signal(n, after, interrupted):
    """Short passes are interrupted between two of them, long ones within."""
    X, y = data(n)
    settings = {"activation": "tanh", "output_activation": "identity", "alpha": 1e-3, "batch_size": n // 5}
    sizes, n_updates = [4, 60, 60, 1], 100_000
    sent = interrupted(after)
    with pytest.raises(KeyboardInterrupt) as raised:
        train(sizes, X, y, n_updates, random_state=2, **settings)
    assert time.perf_counter() < sent[0] + 1.0  # 0.2 on a machine with nothing else to do
    half = raised.value.result
    n_made = half._continuation.n_updates
    rest = train(sizes, X, y, 12, init=half, **settings)
    whole = train(sizes, X, y, n_made + 12, random_state=2, callback=lambda *_: None, report_every=1, **settings)
    np.testing.assert_array_equal(rest.network.parameters, whole.network.parameters)
    assert rest.loss_curve == whole.loss_curve[n_made:]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("batch_size", [150, 30])
def test_a_fit_that_is_interrupted_has_what_its_passes_came_to(batch_size, interrupted):
    X, y = data()
    model = MLPRegressor(
        hidden_layer_sizes=(5,), random_state=3, batch_size=batch_size, max_iter=10**6, n_iter_no_change=10**9
    )
    assert interrupted(0.05) == []
    model.fit(X, y)
    assert 0 < model.n_iter_ == len(model.loss_curve_) < 10**6
    assert model.t_ == 150 * model.n_iter_
    whole = fitted(
        MLPRegressor, X, y, lambda *_: None, batch_size=batch_size, max_iter=model.n_iter_, n_iter_no_change=10**9
    )
    assert_same_fit(model, whole)

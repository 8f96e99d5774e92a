"""``fastnn.dask`` on a real cluster of processes: bits, averages, errors, workers and schedulers that are lost."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

import fastnn

pytest.importorskip("distributed")
pd = pytest.importorskip("pandas")

import dask  # noqa: E402
import dask.array as da  # noqa: E402
import dask.dataframe as dd  # noqa: E402
from distributed import Client, LocalCluster  # noqa: E402
from sklearn.base import clone  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402

from fastnn.backends import BACKENDS  # noqa: E402
from fastnn.dask import MLPClassifier, MLPRegressor  # noqa: E402
from fastnn.dask import fit_many as fit_many_on  # noqa: E402
from fastnn.training import lbfgs  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

ENGINE = BACKENDS["simd"]


#: A cluster of this machine gives a worker up that is not back in time: however busy the machine is, ours come back.
PATIENT = {"distributed.deploy.lost-worker-timeout": "600s"}


@pytest.fixture(scope="module")
def cluster():
    with (
        dask.config.set(PATIENT),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0") as cluster,
    ):
        yield cluster


@pytest.fixture
def client(cluster):
    with Client(cluster) as client:
        client.wait_for_workers(2)
        yield client


def table(n_rows=400, seed=0, n_classes=3):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, 5))
    return X, np.digitize(X[:, 0] + X[:, 1] ** 2, np.linspace(0, 2, n_classes - 1))


def cut(X, y, *sizes):
    """Dask arrays, in partitions of these sizes; one size: all of them."""
    rows = sizes if len(sizes) > 1 else sizes[0]
    return da.from_array(X, chunks=(rows, -1)), da.from_array(y, chunks=(rows, *[-1] * (y.ndim - 1)))


def flat(model):
    return model.network_.parameters


def scale(cluster, client, n):
    cluster.scale(n)
    while len(client.nthreads()) != n:
        time.sleep(0.02)


def kill_one(client):
    """SIGKILL the process of a worker, which its nanny replaces."""
    pid = client.run(os.getpid, workers=[min(client.nthreads())])
    os.kill(*pid.values(), signal.SIGKILL)


# -- exact ------------------------------------------------------------------------------------------------------------

EXACT = {
    "lbfgs": {"solver": "lbfgs", "tol": 0.0, "max_iter": 8},
    "rprop": {"solver": "rprop", "learning_rate_init": 0.01, "max_iter": 10},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.1, "max_iter": 10},
}


def exact(solver, **parameters):
    return {"hidden_layer_sizes": (7,), "random_state": 3, **EXACT[solver], **parameters}


def in_memory(kind, solver, n_rows, **parameters):
    """The estimator in memory that takes all rows at once, in their order."""
    own = {"batch_size": n_rows, "shuffle": False} if solver == "sgd" else {}
    return kind(**exact(solver, **own, **parameters))


@pytest.mark.parametrize("solver", EXACT)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_of_one_partition_exact_is_the_estimator_in_memory(client, solver, dtype):
    """To the bit; but sgd, whose step is not rounded in the engine where it is in NumPy, closely."""
    X, y = table()
    X = X.astype(dtype)
    model = MLPClassifier(strategy="exact", **exact(solver)).fit(*cut(X, y, len(y)))
    expected = in_memory(fastnn.MLPClassifier, solver, len(y)).fit(X, y)
    assert flat(model).dtype == flat(expected).dtype
    if solver == "sgd":
        np.testing.assert_allclose(flat(model), flat(expected), rtol=1e-12 if dtype is np.float64 else 1e-4)
    else:
        np.testing.assert_array_equal(flat(model), flat(expected))
        assert model.n_iter_ == expected.n_iter_
        assert model.loss_ == expected.loss_
    if solver == "rprop":
        assert model.loss_curve_ == expected.loss_curve_
    assert len(model.loss_curve_) == model.n_iter_


#: Settings of average, all of whose draws are of the seed.
AVERAGE = {"hidden_layer_sizes": (16,), "random_state": 1, "max_iter": 8, "n_passes": 5, "n_groups": 2,
           "learning_rate_init": 0.02}  # fmt: skip
AVERAGES = {
    "adam": AVERAGE,
    "adaptive": {**AVERAGE, "solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.1},
    "dropout": {**AVERAGE, "dropout": 0.2},
}


@pytest.fixture(scope="module")
def by_workers(cluster):
    """Number of workers -> what they have trained."""
    found, (X, y) = {}, table()
    with warnings.catch_warnings(), Client(cluster) as client:
        warnings.simplefilter("ignore")
        for n in (1, 4, 2):
            scale(cluster, client, n)
            data = cut(X, y, 90, 110, 30, 70, 100)
            own = {name: exact(name, strategy="exact") for name in EXACT}
            found[n] = {name: MLPClassifier(**settings).fit(*data) for name, settings in (own | AVERAGES).items()}
    return found


@pytest.mark.parametrize("name", [*EXACT, *AVERAGES])
def test_the_bits_are_the_same_by_1_2_and_4_workers(by_workers, name):
    first, *others = (of[name] for of in by_workers.values())
    for other in others:
        np.testing.assert_array_equal(flat(other), flat(first))
        assert other.loss_curve_ == first.loss_curve_


@pytest.mark.parametrize("solver", EXACT)
def test_exact_has_the_curve_of_one_machine(by_workers, solver):
    X, y = table()
    expected = in_memory(fastnn.MLPClassifier, solver, len(y), callback=lambda *_: None).fit(X, y)
    found, curve = by_workers[2][solver].loss_curve_, expected.history_["loss"]
    np.testing.assert_allclose(found, curve, rtol=1e-9)
    assert abs(found[0] - curve[0]) <= 1e-13 * curve[0]


@pytest.mark.parametrize("name", AVERAGES)
def test_average_learns_by_its_seed(by_workers, client, name):
    X, y = table()
    model = by_workers[2][name]
    assert model.n_iter_ == len(model.loss_curve_) <= 8
    assert model.score(X, y) > 0.85
    other = MLPClassifier(**AVERAGES[name] | {"random_state": 2}).fit(*cut(X, y, 90, 110, 30, 70, 100))
    assert not np.array_equal(flat(other), flat(model))


def start_of(X, y):
    """The estimator before its first update, in effect: one of no size."""
    settings = {"hidden_layer_sizes": (7,), "random_state": 3, "max_iter": 1}
    return fastnn.MLPRegressor(solver="sgd", learning_rate_init=1e-300, momentum=0.0, **settings).fit(X, y)


class SumInOneProcess:
    """Objective and gradient of partitions, by their shares and in their order, without Dask."""

    def __init__(self, X, y, weight, sizes, alpha):
        ends = np.cumsum(sizes)
        parts, model = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)], start_of(X, y)
        totals = [weight[part].sum() for part in parts]
        self.shares = [total / sum(totals) for total in totals]
        spec, objective, l2 = model.network_._spec, model._objective(), alpha / sum(totals)
        self.start = model.network_.parameters.copy()
        y = y.reshape(len(y), -1)
        self.parts = [ENGINE.evaluation(spec, objective, X[p], y[p], weight[p], l2) for p in parts]

    def at(self, parameters, gradient):
        one, gradient[:], value = np.empty_like(gradient), 0.0, 0.0
        for share, part in zip(self.shares, self.parts, strict=True):
            value += share * part.at(parameters, one)
            gradient += share * one
        return value


def test_exact_has_the_bits_of_the_sum_in_one_process_with_weights(client):
    X, _ = table()
    rng = np.random.default_rng(4)
    y, weight = X @ rng.standard_normal((5, 2)), 2.0 ** rng.integers(-3, 3, len(X))
    sizes = (90, 210, 100)
    total = SumInOneProcess(X, y, weight, sizes, alpha=0.1)
    data = cut(X, y, *sizes)
    fit = {"sample_weight": da.from_array(weight, chunks=(sizes,))}
    model = MLPRegressor(strategy="exact", alpha=0.1, **exact("lbfgs")).fit(*data, **fit)
    points = lbfgs.Points(total, len(total.start))
    found = lbfgs.minimize(points, total.start, maxiter=8, maxfun=15000, gtol=0.0)
    np.testing.assert_array_equal(flat(model), found.x)

    model = MLPRegressor(strategy="exact", alpha=0.1, **exact("rprop")).fit(*data, **fit)
    p, before, gradient, size = total.start.copy(), 0.0, np.empty_like(total.start), np.full(len(total.start), 0.01)
    for _ in range(10):
        total.at(p, gradient)
        turns = np.sign(gradient * before)
        size = (size * np.where(turns > 0, 1.2, np.where(turns < 0, 0.5, 1.0))).clip(1e-6, 50)
        before = np.where(turns < 0, 0.0, gradient)
        p -= size * np.sign(before)
    np.testing.assert_array_equal(flat(model), p)


# -- average ----------------------------------------------------------------------------------------------------------


def test_a_round_is_the_mean_of_the_groups_by_rows(client):
    """Full batches by plain gradient descent, from the maths: p - rate (g + alpha p / rows), averaged by rows."""
    X, _ = table()
    y = X[:, :1] - 2 * X[:, 1:2]
    sizes = (100, 200, 60, 40)  # groups of two
    plain = {"hidden_layer_sizes": (), "solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.1, "alpha": 0.5}
    model = MLPRegressor(n_groups=2, max_iter=1, shuffle=False, batch_size=1000, random_state=0, **plain).fit(
        *cut(X, y, *sizes)
    )
    start = fastnn.MLPRegressor(max_iter=1, random_state=0, **{**plain, "learning_rate_init": 1e-300}).fit(X, y.ravel())
    groups, W, b = [(0, 100, 300), (300, 360, 400)], 0.0, 0.0
    for first, middle, last in groups:
        w, c = start.coefs_[0].copy(), start.intercepts_[0].copy()
        for part in (slice(first, middle), slice(middle, last)):
            error, n = X[part] @ w + c - y[part], part.stop - part.start
            w, c = w - 0.1 * (X[part].T @ error / n + 0.5 * w / n), c - 0.1 * error.mean(axis=0)
        W, b = W + (last - first) / 400 * w, b + (last - first) / 400 * c
    np.testing.assert_allclose(model.coefs_[0], W, rtol=1e-12)
    np.testing.assert_allclose(model.intercepts_[0], b, rtol=1e-12)


def test_average_ends_by_tol(client):
    X, y = table()
    model = MLPClassifier((4,), tol=10.0, n_iter_no_change=3, random_state=0, max_iter=50).fit(*cut(X, y, 100))
    assert model.n_iter_ == 5  # the first, and four without progress


# -- data, labels, attributes -----------------------------------------------------------------------------------------


def test_dataframes_of_unknown_lengths_and_labels_that_partitions_miss(client):
    X, y = table()
    order = np.argsort(y, kind="stable")
    frame = pd.DataFrame(X[order], columns=list("abcde")).assign(label=np.array(["no", "so", "yes"])[y[order]])
    frame = dd.from_pandas(frame, npartitions=4)
    frame = frame[frame.a < 1e9]  # now nobody knows how long they are
    columns, label = frame[list("abcde")], frame["label"]
    model = MLPClassifier(strategy="exact", **exact("lbfgs")).fit(columns, label)
    assert list(model.classes_) == ["no", "so", "yes"]
    assert list(model.feature_names_in_) == list("abcde")
    local = model.to_local()
    assert type(local) is fastnn.MLPClassifier
    lazily = model.predict_proba(columns)
    assert isinstance(lazily, da.Array)
    assert lazily.shape[1] == 3
    in_memory = columns.compute()
    np.testing.assert_array_equal(lazily.compute(), local.predict_proba(in_memory))
    np.testing.assert_array_equal(model.predict(columns).compute(), local.predict(in_memory))
    np.testing.assert_array_equal(model.predict(in_memory), local.predict(in_memory))


def test_what_is_predicted_lazily_has_the_dtype_that_it_says_and_needs_no_callback(client):
    X, y = table()
    lock = threading.Lock()  # which cannot be sent to a worker

    def callback(epoch, loss, network):
        with lock:
            pass

    model = MLPClassifier((4,), max_iter=2, random_state=0, callback=callback).fit(*cut(X.astype(np.float32), y, 200))
    for dtype in (np.float32, np.float64, np.int8):
        lazily = model.predict_proba(da.from_array(X.astype(dtype), chunks=(200, -1)))
        expected = model.to_local().predict_proba(X.astype(dtype))
        np.testing.assert_array_equal(lazily.compute(), expected, strict=True)
        assert lazily.dtype == expected.dtype
    frame = dd.from_pandas(pd.DataFrame(X.astype(np.float32)), npartitions=2)
    lazily = model.predict_proba(frame)
    assert lazily.dtype == lazily.compute().dtype
    assert model.to_local().callback is callback


@pytest.mark.parametrize(
    "loss",
    [{"loss": "quantile", "quantile": 0.1}, {"loss": "quantile", "quantile": [0.1, 0.9]}, {"loss": "huber"}],
    ids=str,
)
def test_the_score_is_that_of_the_estimator_in_memory(client, loss):
    X, _ = table()
    data, weight = cut(X, X[:, 0], 200), np.random.default_rng(0).uniform(0.1, 2.0, len(X))
    model = MLPRegressor((4,), max_iter=2, random_state=0, **loss).fit(*data)
    expected = model.to_local().score(X, X[:, 0], weight)
    for given in ((X, X[:, 0], weight), (*data, da.from_array(weight, chunks=200))):
        assert model.score(*given) == pytest.approx(expected, rel=1e-12)


def test_empty_partitions_change_nothing(client):
    X, y = table()
    frame = pd.DataFrame(X, columns=list("abcde"))
    parts = [frame[:150], frame[:0], frame[150:]], [y[:150], y[:0], y[150:]]
    delayed = [[dask.delayed(part) for part in of_one] for of_one in parts]
    model = MLPClassifier(strategy="exact", **exact("rprop")).fit(*delayed)
    expected = MLPClassifier(strategy="exact", **exact("rprop")).fit(*cut(X, y, 150, 250))
    np.testing.assert_array_equal(flat(model), flat(expected))
    assert len(model.predict(dd.from_delayed(delayed[0])).compute()) == len(y)
    nothing = da.zeros((0, 5)), da.zeros(0)
    with pytest.raises(ValueError, match="X has no rows"):
        MLPClassifier().fit(*nothing)


def test_several_labels_weights_of_0_and_columns_in_chunks(client):
    X, _ = table()
    y = (X[:, :3] > 0).astype(int)
    model = MLPClassifier(strategy="exact", **exact("lbfgs")).fit(
        da.from_array(X, chunks=(100, 2)), da.from_array(y, chunks=(200, 1))
    )
    assert model.predict_proba(X).shape == (400, 3)
    weight = np.ones(400)
    weight[:100] = 0  # a whole partition
    few = MLPClassifier(strategy="exact", **exact("lbfgs")).fit(*cut(X, y, 100), da.from_array(weight, chunks=50))
    same = MLPClassifier(strategy="exact", **exact("lbfgs")).fit(*cut(X[100:], y[100:], 100))
    np.testing.assert_allclose(flat(few), flat(same), rtol=1e-6)


def test_the_face_is_an_estimator_that_is_cloned_and_pickled(client):
    X, y = table()
    model = MLPClassifier((5,), n_passes=2, random_state=0, max_iter=2, client=client)
    with pytest.raises(NotFittedError, match="not fitted"):
        model.to_local()
    with pytest.raises(AttributeError, match="no attribute 'coefs_'"):
        _ = model.coefs_
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(max_iter=3).max_iter == 3
    model.fit(*cut(X, y, 200))
    back = pickle.loads(pickle.dumps(model))
    assert back.client is None
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    assert repr(clone(model).set_params(client=None)) == (
        "MLPClassifier(hidden_layer_sizes=(5,), max_iter=3, n_passes=2, random_state=0)"
    )
    with pytest.raises(TypeError, match="unexpected keyword argument 'passes': "):
        MLPClassifier(passes=2)
    with pytest.raises(ValueError, match="'epochs': use max_iter=, which counts epochs"):
        model.set_params(epochs=2)


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"strategy": "sum"}, "unknown strategy 'sum': expected one of 'average', 'exact'"),
        ({"strategy": "exact"}, "has no solver='adam'; it has lbfgs, rprop, sgd"),
        ({"solver": "lbfgs"}, "strategy='average' has no solver='lbfgs'; it has sgd"),
        ({"solver": "rprop"}, "has no solver='rprop'"),
        ({"early_stopping": True}, "early_stopping=True is not for partitions"),
        ({"warm_start": True}, "warm_start=True is not for partitions; fit anew"),
        ({"n_members": 3}, "n_members=3 is not for partitions; fit members by fastnn.dask.fit_many"),
        ({"track": "score"}, "track='score' is not for partitions"),
        ({"class_weight": "balanced"}, "class_weight='balanced' is not for partitions"),
        ({"strategy": "exact", "solver": "sgd", "batch_size": 10}, "batch_size=10 is not for strategy='exact'"),
        ({"strategy": "exact", "solver": "sgd", "dropout": 0.1}, "dropout is not for strategy='exact'"),
        ({"n_passes": 0}, "n_passes"),
        ({"n_groups": 0}, "n_groups"),
        ({"alpha": -1.0}, "alpha"),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_strategy_does_not_have_is_named(client, parameters, text):
    with pytest.raises(ValueError, match=text):
        MLPClassifier(**parameters).fit(*cut(*table(), 200))


def bad_data():
    X, y = table()
    with_nan = X.copy()
    with_nan[250, 2] = np.nan
    continuous = np.where(np.arange(len(y)) < 100, y + 0.5 * X[:, 0], y)
    weights = np.repeat([1.0, -1.0], 200)
    parts = [dask.delayed(part) for part in (X[:200], X[200:, :4])], [dask.delayed(part) for part in (y[:200], y[200:])]
    return {
        "NaN": (cut(with_nan, y, 100), "partition 2: Input X contains NaN"),
        "columns": (parts, "n_columns of partition 0: 5, but of partition 1: 4"),
        "partitions": ((parts[0], parts[1][:1]), "X has 2 partitions, y 1"),
        "rows": ((parts[0][:1], [dask.delayed(y[:199])]), "partition 0: .*inconsistent numbers of samples"),
        "labels": (cut(X, continuous, 100), "partition 0: Unknown label type"),
        "weights": ((*cut(X, y, 200), da.from_array(weights, chunks=200)), "partition 1: sample_weight must be"),
        "no weight": ((*cut(X, y, 200), da.zeros(400, chunks=200)), "at least one number above 0"),
    }


@pytest.mark.parametrize("case", bad_data())
def test_data_that_do_not_fit_are_named_by_partition(client, case):
    data, text = bad_data()[case]
    with pytest.raises(ValueError, match=text):
        MLPClassifier(max_iter=1).fit(*data)


def test_arrays_in_memory_and_no_client(client):
    with pytest.raises(TypeError, match="X must be a dask array"):
        MLPClassifier().fit(*table())
    client.close()
    with pytest.raises(
        ValueError, match=r"needs a client of a Dask cluster: make one, for example distributed.Client\(\)"
    ):
        MLPClassifier().fit(*cut(*table(), 100))


def test_without_dask_the_command_is_named():
    code = "import sys; sys.modules['distributed'] = None\nimport fastnn\nfastnn.dask"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: fastnn.dask needs Dask and scikit-learn; install it: python -m pip install " in done.stderr


# -- what is lost -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "parameters"),
    [
        ("exact", exact("rprop")),
        ("exact", exact("lbfgs")),
        ("average", {"random_state": 0, "n_groups": 2, "max_iter": 8}),
    ],
    ids=["rprop", "lbfgs", "average"],
)
def test_a_worker_that_is_killed_changes_no_bit(client, strategy, parameters):
    X, y = table()
    data = cut(X, y, 100)
    expected = MLPClassifier(strategy=strategy, **parameters).fit(*data)

    def kill(epoch, loss, network):
        if epoch == 4:
            kill_one(client)

    model = MLPClassifier(strategy=strategy, callback=kill, **parameters).fit(*data)
    client.wait_for_workers(2)
    np.testing.assert_array_equal(flat(model), flat(expected))
    assert model.loss_curve_ == expected.loss_curve_


def start_scheduler(folder):
    """A scheduler and a worker, processes of their own; their address is in a file."""
    address = folder / f"{time.monotonic_ns()}.json"
    common = ["--scheduler-file", str(address), "--no-dashboard", "--host", "127.0.0.1"]
    commands = [
        ["distributed.cli.dask_scheduler", "--port", "0", *common],
        ["distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", "--death-timeout", "20", *common],
    ]
    processes = [subprocess.Popen([sys.executable, "-m", *one], stderr=subprocess.DEVNULL) for one in commands]
    while not address.exists():
        time.sleep(0.02)
    return address, processes


def test_a_scheduler_that_is_lost_leaves_a_checkpoint_that_the_same_fit_goes_on_from(tmp_path):
    X, y = table()
    data, processes = cut(X, y, 100), []

    def kill(epoch, loss, network):
        if epoch == 6:
            processes[0].kill()

    settings = exact("rprop", strategy="exact", checkpoint=str(tmp_path / "kept"), checkpoint_every=1)
    try:
        with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
            address, processes = start_scheduler(tmp_path)
            with (
                Client(scheduler_file=str(address)),
                pytest.raises(ConnectionError, match="lost after 6 rounds; the same"),
            ):
                MLPClassifier(callback=kill, **settings).fit(*data)
            for process in processes:
                process.kill()
            address, more = start_scheduler(tmp_path)
            processes += more
            heard = []
            with Client(scheduler_file=str(address)):
                model = MLPClassifier(callback=lambda epoch, *_: heard.append(epoch), **settings).fit(*data)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert heard[0] > 1
    expected = fastnn.MLPClassifier(**exact("rprop")).fit(X, y)
    np.testing.assert_allclose(model.loss_curve_, expected.loss_curve_, rtol=1e-9)
    assert model.n_iter_ == 10


# -- fit_many ---------------------------------------------------------------------------------------------------------


def models():
    return [
        *(fastnn.MLPClassifier((4,), max_iter=5, random_state=seed) for seed in range(5)),
        {"nn_structure": [5, 3], "loss": "log_loss", "iter_num": 7, "random_state": 0},
    ]


def test_fit_many_on_a_cluster_has_the_bits_of_each_alone(client):
    X, y = table(90)
    rows = [None, np.arange(60), None, None, np.arange(30, 90), None]
    given = models()
    found = fit_many_on(client, given, X, y, rows=rows)
    assert all(one is model for one, model in zip(found[:5], given[:5], strict=True))
    for model, own, of_rows in zip(found, models(), rows, strict=True):
        of_rows = slice(None) if of_rows is None else of_rows
        if isinstance(own, dict):
            expected = fastnn.train(X=X, y=y, **own).network.parameters
            np.testing.assert_array_equal(model.network.parameters, expected)
        else:
            np.testing.assert_array_equal(flat(model), flat(own.fit(X[of_rows], y[of_rows])))


def test_fit_many_on_a_cluster_raises_or_collects(client):
    X, y = table(90)
    several = [*models()[:2], fastnn.MLPClassifier(alpha=-1), models()[2]]
    with pytest.raises(ValueError, match="alpha"):
        fit_many_on(client, several, X, y)
    found = fit_many_on(None, several, X, y, errors="collect")
    assert isinstance(found[2], ValueError)
    assert found[3].n_iter_ == 5
    assert found[2].__notes__ == ["This was models[2] of fit_many."]
    assert fit_many_on(client, [], X, y) == []
    with pytest.raises(ValueError, match="max_time must be finite and"):
        fit_many_on(client, models(), X, y, max_time=-1)


def test_seeds_of_models_without_one_are_drawn_on_the_client(client):
    X, y = table(90)
    found = []
    for _ in range(2):
        np.random.seed(5)
        several = [fastnn.MLPClassifier((4,), max_iter=3) for _ in range(3)]
        found.append([flat(model) for model in fit_many_on(client, several, X, y)])
        assert several[0].random_state is None
    np.testing.assert_array_equal(*found)
    assert not np.array_equal(found[0][0], found[0][1])


class Killing(fastnn.MLPClassifier):
    """Kills its worker the first time that it is fitted."""

    def fit(self, X, y, sample_weight=None):
        if not os.path.exists(self.path):
            open(self.path, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y, sample_weight)


def test_the_models_of_a_killed_worker_go_to_others(client, tmp_path):
    X, y = table(90)
    several = [*models()[:3], Killing((4,), max_iter=5, random_state=9)]
    several[3].path = str(tmp_path / "killed")
    found = fit_many_on(client, several, X, y)
    client.wait_for_workers(2)
    assert found[3] is several[3]
    assert found[3].n_iter_ == 5
    np.testing.assert_array_equal(flat(found[1]), flat(models()[1].fit(X, y)))


def test_fit_many_and_cross_validate_take_a_client(client):
    X, y = table(90)
    for model, own in zip(fastnn.fit_many(models()[:2], X, y, client=client), models(), strict=False):
        np.testing.assert_array_equal(flat(model), flat(own.fit(X, y)))
    grid = {"param_grid": {"alpha": [0.1, 1e-4]}, "cv": 3}
    found = fastnn.cross_validate(models()[0], X, y, client=client, **grid)
    here = fastnn.cross_validate(models()[0], X, y, **grid)
    np.testing.assert_array_equal(found.cv_results_["mean_test_score"], here.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(flat(found.best_estimator_), flat(here.best_estimator_))
    assert (found.cv_results_["mean_fit_time"] > 0).all()


# -- slow -------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["exact", "average"])
def test_25_kills_of_a_worker_lose_nothing(client, strategy):
    X, y = table(2000)
    data, n_killed = cut(X, y, 250), 0
    own = exact("rprop") if strategy == "exact" else {"random_state": 0, "n_groups": 2}
    own |= {"max_iter": 130, "n_iter_no_change": 1000, "strategy": strategy}
    expected = MLPClassifier(**own).fit(*data)

    def kill(epoch, loss, network):
        nonlocal n_killed
        if epoch % 5 == 0 and n_killed < 25:
            client.wait_for_workers(2)
            kill_one(client)
            n_killed += 1

    model = MLPClassifier(callback=kill, **own).fit(*data)
    assert n_killed == 25
    np.testing.assert_array_equal(flat(model), flat(expected))

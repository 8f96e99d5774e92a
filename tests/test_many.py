"""``fit_many``: each model has the bits of its own ``fit`` or ``train``; what is refused, told, stopped and kept."""

import os
import signal
import threading
import time
import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline

import fastnn
from fastnn import MLPClassifier, MLPRegressor, fit_many, train
from fastnn.many.crew import Crew

pytestmark = pytest.mark.filterwarnings(
    "ignore:Stochastic Optimizer", "ignore:lbfgs failed to converge", "ignore:Got `batch_size`"
)

DRAWS = np.random.default_rng(0)
X = DRAWS.standard_normal((120, 4))
Y = X @ [1.0, -2.0, 0.5, 0.0] + 0.1 * DRAWS.standard_normal(120)
LABELS = np.array(["a", "b", "c"])[(Y > 0).astype(int) + (X[:, 3] > 0)]
WEIGHT = DRAWS.random(120)
ROWS = [None, DRAWS.permutation(120)[:90], DRAWS.integers(0, 120, 100), np.arange(120) % 3 > 0]
#: Attributes that a fit leaves, where it leaves them.
LEFT = (
    "loss_curve_", "validation_scores_", "best_validation_score_", "best_loss_", "classes_", "n_iter_", "t_",
    "n_features_in_", "feature_names_in_", "out_activation_", "n_outputs_", "history_", "loss_",
)  # fmt: skip


def assert_same(found, expected):
    assert found.network_.parameters.tobytes() == expected.network_.parameters.tobytes()
    if expected.solver not in ("lbfgs", "levenberg_marquardt"):
        assert found._optimizer.moments.tobytes() == expected._optimizer.moments.tobytes()
    for name in LEFT:
        assert hasattr(found, name) == hasattr(expected, name), name
        np.testing.assert_equal(getattr(found, name, None), getattr(expected, name, None), name)


def of(given, rows):
    return given if rows is None or given is None else given[rows]


SETTINGS = {
    "adam": {},
    "batches": {"batch_size": 32},
    "whole": {"batch_size": 90, "solver": "sgd"},
    "rprop": {"solver": "rprop"},
    "in order": {"shuffle": False, "batch_size": 20},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling"},
    "cosine": {"learning_rate": "cosine", "batch_size": 50},
    "early": {"early_stopping": True, "max_iter": 30},
    "early by loss": {"early_stopping": True, "scoring": "loss"},
    "early by r2": {"early_stopping": True, "scoring": "r2"},
    "dropout": {"dropout": 0.3},
    "tracked": {"track": "gradient_norm"},
    "lbfgs": {"solver": "lbfgs"},
    "levenberg_marquardt": {"solver": "levenberg_marquardt"},
    "no layers": {"hidden_layer_sizes": ()},
    "warm start": {"warm_start": "solver"},
    "quantile": {"loss": "quantile", "quantile": 0.3},
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", SETTINGS)
def test_regressors_have_the_bits_of_their_own_fits(name, dtype):
    def model(seed):
        return MLPRegressor(**{"hidden_layer_sizes": (5,), "max_iter": 8, "random_state": seed, **SETTINGS[name]})

    inputs, before = X.astype(dtype), X.astype(dtype)
    found = fit_many([model(seed) for seed in range(4)], inputs, Y, rows=ROWS)
    for seed, rows in enumerate(ROWS):
        assert_same(found[seed], model(seed).fit(of(inputs, rows), of(Y, rows)))
    np.testing.assert_array_equal(inputs, before)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["alike", "weighed"])
@pytest.mark.parametrize("name", ["adam", "batches", "whole", "early", "early by loss", "lbfgs", "dropout"])
@pytest.mark.parametrize("options", [{}, {"class_weight": "balanced"}, {"label_smoothing": 0.1}], ids=str)
def test_classifiers_have_the_bits_of_their_own_fits(name, options, weight):
    def model(seed):
        own = {"hidden_layer_sizes": (5,), "max_iter": 8, "random_state": seed, **SETTINGS[name], **options}
        return MLPClassifier(**own)

    rows = [*ROWS, np.flatnonzero(LABELS != "b")]  # whose classes are others
    weights = [weight] * 5
    found = fit_many([model(seed) for seed in range(5)], X, LABELS, rows=rows, sample_weights=weights)
    for seed, own in enumerate(rows):
        assert_same(found[seed], model(seed).fit(of(X, own), of(LABELS, own), of(weight, own)))
    assert list(found[4].classes_) == ["a", "c"]


@pytest.mark.parametrize("kind", ["sparse", "coo", "list", "fortran", "frame", "integers"])
def test_whatever_the_inputs_are(kind):
    dense = np.where(np.abs(X) > 1, X, 0.0)
    makers = {
        "sparse": scipy.sparse.csr_array, "coo": scipy.sparse.coo_matrix, "list": np.ndarray.tolist,
        "fortran": np.asfortranarray, "integers": lambda given: (100 * given).astype(int),
    }  # fmt: skip
    if kind == "frame":
        pandas = pytest.importorskip("pandas")
        given = pandas.DataFrame(dense, columns=list("pqrs"))
        part = given.iloc[ROWS[1]]
    else:
        given = makers[kind](dense)
        part = makers[kind](dense[ROWS[1]])

    def models():
        return [MLPRegressor(hidden_layer_sizes=(3,), max_iter=5, random_state=seed) for seed in range(2)]

    found, expected = fit_many(models(), given, Y, rows=[None, ROWS[1]]), models()
    assert_same(found[0], expected[0].fit(given, Y))
    assert_same(found[1], expected[1].fit(part, Y[ROWS[1]]))


def test_several_labels_and_several_targets():
    many = np.column_stack([Y > 0, X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    for kind, y in ((MLPClassifier, many), (MLPRegressor, many + X[:, :3])):

        def model(seed, kind=kind):
            return kind(hidden_layer_sizes=(4,), max_iter=5, random_state=seed, early_stopping=True)

        for seed, (found, rows) in enumerate(zip(fit_many(map(model, range(4)), X, y, rows=ROWS), ROWS, strict=True)):
            assert_same(found, model(seed).fit(of(X, rows), of(y, rows)))


def test_rows_that_nobody_learns_from_need_not_be_numbers():
    inputs = X.copy()
    inputs[0] = np.nan
    model = MLPRegressor(hidden_layer_sizes=(3,), max_iter=5, random_state=0)
    found, failed = fit_many([clone(model), clone(model)], inputs, Y, rows=[np.arange(1, 120), None], errors="collect")
    assert_same(found, model.fit(inputs[1:], Y[1:]))
    assert isinstance(failed, ValueError)
    assert "contains NaN" in str(failed)


TRAINED = {
    "full": {},
    "batches": {"batch_size": 16},
    "adam": {"solver": "adam", "alpha": 0.01, "batch_size": 30, "order": "random"},
    "wraparound": {"batch_size": 16, "order": "wraparound"},
    "split": {"validation_split": 0.2, "early_stopping": True},
    "history": {"track": "loss"},
    "lbfgs": {"solver": "lbfgs"},
    "levenberg_marquardt": {"solver": "levenberg_marquardt"},
    "numpy": {"backend": "numpy"},
    "own loss": {"loss": lambda h, y: (((h - y) ** 2).sum(axis=1), 2 * (h - y))},
    "float32": {"dtype": "float32", "batch_size": 16},
}


@pytest.mark.parametrize("name", TRAINED)
def test_settings_have_the_bits_of_train(name):
    settings = [
        {"nn_structure": [4, 5, 1], "iter_num": 30, "activation": "tanh", "init": "glorot_normal", "random_state": seed}
        | {"alpha": 0.05} | TRAINED[name]
        for seed in range(4)
    ]  # fmt: skip
    given = [dict(own) for own in settings]
    for found, own, rows in zip(fit_many(settings, X, Y, rows=ROWS), settings, ROWS, strict=True):
        expected = train(X=of(X, rows), y=of(Y, rows), **own)
        assert found.network.parameters.tobytes() == expected.network.parameters.tobytes()
        assert found.loss_curve == expected.loss_curve
        assert found.cost == expected.cost
        np.testing.assert_equal(found.history, expected.history)
    assert settings == given


def test_training_goes_on_on_the_same_rows():
    settings = {"nn_structure": [4, 3, 1], "activation": "tanh", "batch_size": 16, "random_state": 0, "alpha": 0.01}
    (half,) = fit_many([{**settings, "iter_num": 10}], X, Y, rows=[ROWS[1]])
    (whole,) = fit_many([{**settings, "iter_num": 10, "init": half, "random_state": None}], X, Y, rows=[ROWS[1]])
    expected = train(X=X[ROWS[1]], y=Y[ROWS[1]], **settings, iter_num=20)
    assert whole.network.parameters.tobytes() == expected.network.parameters.tobytes()


def test_heads_with_their_own_targets():
    heads = [fastnn.Head(1, "squared_error"), fastnn.Head(3, "log_loss")]
    settings = {"nn_structure": [4, 3, 4], "heads": heads, "iter_num": 5, "activation": "tanh", "random_state": 0}
    y = [Y[:, None], LABELS]
    (found,) = fit_many([settings], X, y, rows=[ROWS[1]])
    expected = train(X=X[ROWS[1]], y=[part[ROWS[1]] for part in y], **settings)
    assert found.network.parameters.tobytes() == expected.network.parameters.tobytes()


def test_models_of_all_kinds_with_their_own_targets_in_order():
    y = [Y, LABELS, 2 * Y]
    models = [
        MLPRegressor(hidden_layer_sizes=(3,), max_iter=3, random_state=0),
        MLPClassifier(hidden_layer_sizes=(30,), max_iter=20, random_state=0),
        {"nn_structure": [4, 2, 1], "iter_num": 4, "activation": "tanh", "random_state": 0},
    ]
    found = fit_many(iter(models), X, targets=y, n_jobs=3)
    assert found[0] is models[0]
    assert found[1] is models[1]
    assert_same(found[1], clone(models[1]).fit(X, LABELS))
    assert found[2].loss_curve == train(X=X, y=2 * Y, **models[2]).loss_curve
    assert fit_many([], X, Y) == []


@pytest.mark.parametrize("n_jobs", [1, 2, 5, -1])
def test_the_bits_do_not_depend_on_the_number_of_threads(n_jobs):
    models = [MLPRegressor(hidden_layer_sizes=(6,), max_iter=9, random_state=seed) for seed in range(6)]
    for seed, found in enumerate(fit_many(models, X, Y, n_jobs=n_jobs)):
        assert_same(found, MLPRegressor(hidden_layer_sizes=(6,), max_iter=9, random_state=seed).fit(X, Y))


def test_a_warm_start_goes_on():
    model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=5, random_state=0, warm_start=True).fit(X, Y)
    expected = clone(model).fit(X, Y).fit(X[ROWS[1]], Y[ROWS[1]])
    assert_same(fit_many([model], X, Y, rows=[ROWS[1]])[0], expected)


def test_a_subclass_has_its_own_fit():
    class Doubled(MLPRegressor):
        def fit(self, X, y, sample_weight=None):
            return super().fit(2 * X, y, sample_weight)

    model = Doubled(hidden_layer_sizes=(4,), max_iter=5, random_state=0)
    assert_same(fit_many([clone(model)], X, Y, rows=[ROWS[1]])[0], clone(model).fit(X[ROWS[1]], Y[ROWS[1]]))


def test_a_fit_that_returns_nothing_is_one_all_the_same():
    class Silent(MLPRegressor):
        def fit(self, X, y=None):
            super().fit(X, y)

    model = Silent(max_iter=3)
    assert fit_many([model], X, Y) == [model]
    assert model.n_iter_ == 3


@pytest.mark.parametrize("rows", ROWS[:3])
def test_a_number_weighs_all_rows(rows):
    model = MLPRegressor(max_iter=5, random_state=0)
    expected = clone(model).fit(of(X, rows), of(Y, rows), sample_weight=2.5)
    fit_many([model], X, Y, rows=[rows], sample_weights=[2.5])
    assert_same(model, expected)


def test_rows_are_not_copied():
    import tracemalloc

    inputs = np.zeros((40_000, 50))
    inputs[:, 0] = np.arange(40_000) / 40_000
    models = [MLPRegressor(hidden_layer_sizes=2, activation="tanh", max_iter=1, random_state=seed) for seed in range(4)]
    rows = [np.arange(seed, 40_000) for seed in range(4)]
    tracemalloc.start()
    try:
        fit_many(models, inputs, inputs[:, 0], rows=rows, n_jobs=2)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < inputs.nbytes / 2


# -- random numbers -------------------------------------------------------------------------------------------------


def test_unseeded_models_follow_numpys_global_seed():
    def fitted(n_jobs):
        np.random.seed(7)
        return fit_many([MLPRegressor(hidden_layer_sizes=(3,), max_iter=3) for _ in range(4)], X, Y, n_jobs=n_jobs)

    first, second = fitted(1), fitted(3)
    assert [model.random_state for model in first] == [None] * 4
    assert len({model.loss_ for model in first}) == 4
    assert [model.loss_ for model in first] == [model.loss_ for model in second]


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_generators_are_not_shared(make):
    draws, own = make(0), make(1)
    settings = {"nn_structure": [4, 1], "iter_num": 2, "activation": "tanh"}
    with pytest.raises(ValueError, match=r"models\[0\] and models\[2\] draw from one generator"):
        fit_many([{**settings, "random_state": source} for source in (draws, own, draws)], X, Y)
    found = fit_many([{**settings, "random_state": make(seed)} for seed in (0, 1)], X, Y)
    assert found[1].loss_curve == train(X=X, y=Y, **settings, random_state=make(1)).loss_curve


def test_generators_of_the_same_bits_are_one():
    bits = np.random.PCG64(0)
    settings = {"nn_structure": [4, 1], "iter_num": 2, "activation": "tanh"}
    with pytest.raises(ValueError, match=r"models\[0\] and models\[1\] draw from one generator"):
        fit_many([{**settings, "random_state": np.random.Generator(bits)} for _ in range(2)], X, Y)


# -- what is refused ------------------------------------------------------------------------------------------------

MODEL = MLPRegressor(hidden_layer_sizes=(2,), max_iter=2, random_state=0)


@pytest.mark.parametrize(
    ("models", "options", "error", "message"),
    [
        (MODEL, {}, TypeError, r"for one model pass \[model\]"),
        ({"nn_structure": [4, 1]}, {}, TypeError, r"for one model pass"),
        ("abc", {}, TypeError, "models must be a list"),
        ([MODEL, MODEL], {}, ValueError, r"models\[0\] and models\[1\] are the same object"),
        ([make_pipeline(MODEL)], {}, TypeError, r"(?s)models\[0\] is Pipeline.*scikit-learn's own tools"),
        ([3], {}, TypeError, r"models\[0\] is int 3"),
        ([{"X": X}], {}, ValueError, r"models\[0\] has 'X', which comes from X of fit_many"),
        ([MODEL], {"rows": [None, None]}, ValueError, "rows must have an entry for each of 1 models, got 2"),
        ([MODEL], {"rows": 3}, TypeError, "rows must be a list with an entry for each model"),
        ([MODEL], {"rows": [[0, -1]]}, ValueError, r"rows\[0\] has -1, but rows of X are 0 to 119"),
        ([MODEL], {"rows": [[0, 120]]}, ValueError, r"rows\[0\] has 120"),
        ([MODEL], {"rows": [[0.5]]}, TypeError, r"rows\[0\] must be a vector of numbers of rows"),
        ([MODEL], {"rows": [[True]]}, ValueError, r"rows\[0\] has 1 booleans, X has 120 rows"),
        ([MODEL], {"rows": [np.zeros(0, int)]}, ValueError, r"rows\[0\] has no rows"),
        ([MODEL], {"rows": [[]]}, ValueError, r"rows\[0\] has no rows"),
        ([MODEL], {"targets": [Y[:9]], "rows": [[1, 2]]}, ValueError, r"targets\[0\] has 9 rows, X has 120"),
        ([MODEL], {"sample_weights": [Y[:9]], "rows": [[1, 2]]}, ValueError, r"sample_weights\[0\] has 9 rows"),
        ([MODEL], {"n_jobs": 0}, ValueError, "n_jobs must be"),
        ([MODEL], {"n_jobs": 1.5}, ValueError, "n_jobs must be"),
        ([MODEL], {"errors": "ignore"}, ValueError, "errors"),
        ([MODEL], {"max_time": -1}, ValueError, "max_time"),
        ([{"nn_structure": [4, 1], "checkpoint": "here"}], {}, ValueError, "random_state=None; give it a seed"),
        ([clone(MODEL).set_params(checkpoint=place) for place in ("here", "./here")], {}, ValueError,
         r"models\[0\] and models\[1\] have the same checkpoint './here'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_before_anything_is_trained(models, options, error, message):
    with pytest.raises(error, match=message):
        fit_many(models, X, Y, **options)
    assert not hasattr(MODEL, "coefs_")


# -- exceptions and warnings ----------------------------------------------------------------------------------------


def test_the_first_exception_is_raised_with_its_number():
    models = [
        {"nn_structure": [4, 9, 1], "activation": "tanh", "random_state": 0},
        {"nn_structure": [8, 1]},
        {"nn_structure": [7, 1]},
    ]
    with pytest.raises(ValueError, match="4") as caught:
        fit_many(models, X, Y, n_jobs=1)
    assert caught.value.__notes__ == ["This was models[1] of fit_many."]
    assert isinstance(caught.value.result[0], fastnn.TrainResult)
    assert caught.value.result[1:] == [None, None]


def test_exceptions_are_collected():
    models = [{"nn_structure": [9, 1]}, MLPRegressor(hidden_layer_sizes=(0,)), MLPRegressor(max_iter=2, random_state=0)]
    found = fit_many(models, X, Y, errors="collect")
    assert [type(result) for result in found] == [ValueError, ValueError, MLPRegressor]
    assert found[1].__notes__ == ["This was models[1] of fit_many."]


@pytest.mark.filterwarnings("always")
def test_warnings_come_once_a_kind_from_the_callers_line():
    models = [MLPRegressor(hidden_layer_sizes=(2,), max_iter=2, random_state=seed) for seed in range(15)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit_many(models, X, Y)
    (one,) = caught
    assert one.category is ConvergenceWarning
    assert one.filename == __file__
    assert "models[0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 5 more] of fit_many" in str(one.message)


def test_warnings_of_train_name_their_models():
    settings = {"nn_structure": [4, 3, 1], "iter_num": 2, "activation": "tanh", "random_state": 0}
    with pytest.warns(UserWarning, match=r"init='zeros' all units .* \(models\[1\] of fit_many\)") as caught:
        fit_many([settings, {**settings, "init": "zeros"}], X, Y)
    assert {warning.filename for warning in caught} == {__file__}


def test_a_warning_that_is_an_error_loses_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        with pytest.raises(ConvergenceWarning) as caught:
            fit_many([clone(MODEL), clone(MODEL)], X, Y)
    assert all(hasattr(model, "coefs_") for model in caught.value.result)


def test_numpys_settings_reach_the_models():
    wild = MLPRegressor(hidden_layer_sizes=(2,), solver="sgd", learning_rate_init=1e200, max_iter=3, random_state=0)
    with np.errstate(over="raise", invalid="raise"):
        found = fit_many([wild], X, Y, errors="collect")
    assert isinstance(found[0], FloatingPointError)


# -- time, Ctrl-C ---------------------------------------------------------------------------------------------------


def endless(seed, **options):
    return MLPRegressor(
        **{"hidden_layer_sizes": (50,), "max_iter": 10**7, "tol": 0, "n_iter_no_change": 10**7, "random_state": seed}
        | options
    )


@pytest.mark.parametrize(
    "endless_one",
    [
        endless(0), endless(0, early_stopping=True),
        endless(0, solver="lbfgs", max_fun=10**7, callback=lambda *_: time.sleep(0.01)),  # or it ends by itself
        {"nn_structure": [4, 50, 1], "iter_num": 10**6, "activation": "tanh", "alpha": 1e-4, "random_state": 0},
        {"nn_structure": [4, 50, 1], "iter_num": 10**6, "activation": "tanh", "alpha": 1e-4, "random_state": 0,
         "backend": "numpy"},
    ],
    ids=["adam", "early", "lbfgs", "train", "numpy"],
)  # fmt: skip
def test_the_time_ends_what_is_under_way_and_begins_no_more(endless_one):
    quick, late = clone(MODEL), clone(MODEL)
    began = time.monotonic()
    with pytest.warns(
        UserWarning, match=r"max_time=0.4 is over: 1 of 3 models were not begun.*models\[1\] ended early"
    ):
        found = fit_many([quick, endless_one, late], X, Y, max_time=0.4, n_jobs=1)
    assert time.monotonic() - began < 2
    assert hasattr(found[0], "coefs_")
    assert found[2] is None
    assert not hasattr(late, "coefs_")
    result = found[1]
    curve = result.loss_curve if isinstance(result, fastnn.TrainResult) else result.history_["loss"] or [result.loss_]
    assert np.isfinite(curve).all()
    assert len(curve)


def test_the_time_ends_members_too():
    model, began = endless(0, n_members=2), time.monotonic()
    with pytest.warns(UserWarning, match=r"max_time=0.4 is over: 0 of 1 .* models\[0\] ended early"):
        fit_many([model], X, Y, max_time=0.4)
    assert time.monotonic() - began < 2
    assert all(member.n_iter_ > 1 for member in model.members_)


def test_without_a_need_the_time_changes_nothing():
    assert_same(fit_many([clone(MODEL)], X, Y, max_time=60)[0], clone(MODEL).fit(X, Y))


def test_ctrl_c_keeps_those_that_are_done():
    warm = endless(0, warm_start=True, max_iter=3).fit(X, Y)
    before = warm.network_.parameters.copy()
    warm.set_params(max_iter=10**7)
    fresh = endless(1, solver="lbfgs", max_fun=10**9, tol=1e-300, callback=lambda *_: time.sleep(1e-4) and None)
    settings = {"nn_structure": [4, 9, 1], "iter_num": 10**7, "random_state": 0, "backend": "numpy"}
    models = [clone(MODEL), warm, fresh, {**settings, "activation": "tanh", "alpha": 1e-4}]
    came = []

    def interrupt():
        while not hasattr(models[0], "loss_"):
            time.sleep(0.01)
        time.sleep(0.3)
        came.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            fit_many(models, X, Y, n_jobs=4)
    finally:
        thread.join()
    assert time.monotonic() - came[0] < 4  # 0.1 s where nothing else runs
    result = caught.value.result
    assert result[0] is models[0]
    assert result[1:] == [None] * 3
    np.testing.assert_array_equal(warm.network_.parameters, before)
    assert not hasattr(fresh, "coefs_")
    assert not hasattr(fresh, "n_features_in_")
    assert fresh.random_state == 1


def test_a_bar_over_all(capsys):
    pytest.importorskip("tqdm")
    fit_many([clone(MODEL) for _ in range(3)], X, Y, progress=True)
    assert "3/3" in capsys.readouterr().err


def test_each_that_is_done_is_heard_of_once_whatever_became_of_it():
    heard, goes_on = [], threading.Event()

    def fit(number):
        if number == 0:
            raise ValueError("the first one")
        assert goes_on.wait(10)
        return number

    def hear(number):
        heard.append(number)
        goes_on.set()

    Crew(fit, [0, 1], 2, False, lambda number: False).run(hear=hear)
    assert heard == [0, 1]


def test_models_within_a_callback():
    found = []

    def callback(*_):
        found.append(fit_many([clone(MODEL)], X, Y)[0])
        return True

    fit_many([endless(0, callback=callback)], X, Y)
    assert_same(found[0], clone(MODEL).fit(X, Y))

"""What a fit of the estimators is watched by: validation data, scores, tracked numbers, callbacks, a bar, a limit."""

import pickle
import time
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn
from conftest import assert_close
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, f1_score, log_loss, mean_squared_error, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from fastnn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_digits(return_X_y=True)
X = X / 16
X_val, y_val, X, y = X[1000:1300], y[1000:1300], X[:600], y[:600]
WORDS = np.array([f"digit {i}" for i in range(10)])
X_r, y_r = load_diabetes(return_X_y=True)
X_r, y_r = scale(X_r), scale(y_r)

SETTINGS = {"hidden_layer_sizes": (12,), "learning_rate_init": 0.01, "random_state": 0, "max_iter": 8}

NEEDS_CALLBACKS = pytest.mark.skipif(
    tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 9), reason="scikit-learn has callbacks since 1.9"
)


def classifier(**options):
    return MLPClassifier(**{**SETTINGS, **options})


def regressor(**options):
    return MLPRegressor(**{**SETTINGS, **options})


# -- own validation data --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_validation_data_is_measured_after_each_epoch_and_changes_nothing(solver):
    networks, weight = [], np.linspace(0.5, 2, len(y_val))
    watched = classifier(solver=solver, callback=lambda e, loss, network: networks.append(network.copy()))
    watched.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    plain = classifier(solver=solver).fit(X, y)
    assert watched.network_.parameters.tobytes() == plain.network_.parameters.tobytes()
    expected = [log_loss(y_val, network(X_val), sample_weight=weight) for network in networks]
    assert len(expected) == watched.n_iter_
    assert_close(watched.validation_loss_curve_, expected, 1e-9)
    assert watched.history_["val_loss"] == watched.validation_loss_curve_
    assert watched.validation_scores_ is None
    assert plain.validation_loss_curve_ is None


def test_the_loss_of_validation_data_is_reported_as_training_is():
    """Half the squared error, averaged over the targets; the penalty does not count."""
    targets = np.column_stack([y_r, -2 * y_r])
    watched = regressor(alpha=10.0).fit(X_r[:300], targets[:300], X_val=X_r[300:], y_val=targets[300:])
    expected = mean_squared_error(targets[300:], watched.predict(X_r[300:])) / 2
    assert_close(watched.validation_loss_curve_[-1], expected, 1e-9)


@pytest.mark.parametrize("kind", ["frame", "sparse", "float32", "list", "words"])
def test_kinds_of_validation_data(kind):
    data, data_val, labels, labels_val = X, X_val, y, y_val
    if kind == "frame":
        data, data_val = (pd.DataFrame(rows, columns=[f"p{i}" for i in range(64)]) for rows in (X, X_val))
    elif kind == "sparse":
        data, data_val = scipy.sparse.csr_array(X), scipy.sparse.csc_array(X_val)
    elif kind == "float32":
        data = X.astype(np.float32)
    elif kind == "list":
        data_val, labels_val = X_val.tolist(), y_val.tolist()
    else:
        labels, labels_val = WORDS[y], WORDS[y_val]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        watched = classifier(scoring="accuracy").fit(data, labels, X_val=data_val, y_val=labels_val)
    expected = classifier(scoring="accuracy").fit(X, y, X_val=X_val, y_val=y_val)
    tolerance = 1e-4 if kind == "float32" else 1e-12
    assert_close(watched.validation_loss_curve_, expected.validation_loss_curve_, tolerance)
    assert watched.validation_scores_[-1] == accuracy_score(labels_val, watched.predict(data_val))


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        ({"X_val": X_val}, "X_val was given without y_val; validation needs both"),
        ({"y_val": y_val}, "y_val was given without X_val"),
        ({"sample_weight_val": np.ones(3)}, "sample_weight_val weighs the rows of X_val and y_val, which are missing"),
        ({"X_val": X_val[:, :5], "y_val": y_val}, "X_val, y_val or sample_weight_val does not fit: X has 5 features"),
        ({"X_val": X_val, "y_val": y_val[:7]}, "inconsistent numbers of samples"),
        ({"X_val": X_val, "y_val": y_val + 5}, r"y_val has the labels \[10 11 12 13 14\], which are not among those"),
        ({"X_val": X_val, "y_val": y_val, "sample_weight_val": np.ones(3)}, "sample_weight.shape"),
        ({"X_val": X_val * np.nan, "y_val": y_val}, "NaN"),
        ({"X_val": X_val, "y_val": np.eye(10)[y_val]}, "y_val is of shape"),
    ],
)
def test_bad_validation_data(validation, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, y, **validation)


def test_bad_validation_data_of_a_regressor():
    with pytest.raises(ValueError, match="y_val makes 2 outputs, y 1"):
        regressor().fit(X_r, y_r, X_val=X_r, y_val=np.column_stack([y_r, y_r]))
    with pytest.raises(ValueError, match="which is not allowed for loss='poisson'"):
        regressor(loss="poisson").fit(X_r, np.abs(y_r), X_val=X_r, y_val=y_r)
    with pytest.raises(ValueError, match="early_stopping=True does not judge the iterations of solver='lbfgs'"):
        regressor(solver="lbfgs", early_stopping=True).fit(X_r, y_r, X_val=X_r, y_val=y_r)


# -- scores and early stopping --------------------------------------------------------------------------------------


def test_early_stopping_judges_by_given_rows_and_keeps_the_best():
    networks = []
    keep = lambda e, loss, network: networks.append(network.copy())  # noqa: E731
    stopped = classifier(early_stopping=True, max_iter=200, n_iter_no_change=4, tol=0.0, callback=keep)
    stopped.fit(X, y, X_val=X_val, y_val=y_val)
    scores = [accuracy_score(y_val, network.predict(X_val)) for network in networks]
    assert stopped.validation_scores_ == scores
    best = int(np.argmax(scores))
    assert stopped.network_.parameters.tobytes() == networks[best].parameters.tobytes()
    assert stopped.best_validation_score_ == scores[best]
    assert stopped.n_iter_ < 200


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(
    ("scoring", "measure"),
    [
        ("f1_macro", lambda network, X, y: f1_score(y, network.predict(X), average="macro")),
        ("neg_log_loss", lambda network, X, y: -log_loss(y, network(X), labels=range(10))),
        (lambda estimator, X, y: -float(np.sum(estimator.predict(X) != y)), None),
        ("loss", lambda network, X, y: -log_loss(y, network(X), labels=range(10))),
    ],
)
def test_early_stopping_by_any_score(scoring, measure, own):
    rows = {"X_val": X_val, "y_val": y_val} if own else {}
    networks = []
    keep = lambda e, loss, network: networks.append(network.copy())  # noqa: E731
    stopped = classifier(early_stopping=True, scoring=scoring, max_iter=30, callback=keep).fit(X, y, **rows)
    assert len(stopped.validation_scores_) == stopped.n_iter_
    best = int(np.argmax(stopped.validation_scores_))
    assert stopped.network_.parameters.tobytes() == networks[best].parameters.tobytes()
    if own and measure is not None:
        assert_close(stopped.validation_scores_, [measure(network, X_val, y_val) for network in networks], 1e-9)


def test_scores_that_are_none():
    with pytest.raises(TypeError, match="scoring must give a number, got str 'good'"):
        classifier(scoring=lambda *_: "good").fit(X, y, X_val=X_val, y_val=y_val)
    with pytest.raises(ValueError, match="nonsense"):
        classifier(scoring="nonsense", early_stopping=True).fit(X, y)


# -- history --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_history_goes_into_a_frame(solver):
    networks = []
    track = ["score", "gradient_norm", "seconds"]
    keep = lambda e, loss, network: networks.append(network.copy())  # noqa: E731
    watched = regressor(solver=solver, track=track, alpha=1.0, callback=keep)
    watched.fit(X_r[:300], y_r[:300], X_val=X_r[300:], y_val=y_r[300:])
    frame = pd.DataFrame(watched.history_).set_index("epoch")
    assert list(frame) == ["loss", "val_loss", *track]
    assert list(frame.index) == list(range(1, watched.n_iter_ + 1))
    assert_close(frame["score"], [r2_score(y_r[:300], n(X_r[:300])) for n in networks], 1e-9)
    assert frame["seconds"].is_monotonic_increasing
    # The gradient of the last epoch by central differences.
    network, squares = networks[-1], 0.0
    n_weights = sum(w.size for w in network.W.values())

    def objective():
        penalty = 0.5 * 1.0 / 300 * (network.parameters[:n_weights] ** 2).sum()
        return mean_squared_error(y_r[:300], network(X_r[:300])) / 2 + penalty

    for i in range(network.n_parameters):
        before, found = network.parameters[i], []
        for step in (1e-5, -1e-5):
            network.parameters[i] = before + step
            found.append(objective())
        network.parameters[i] = before
        squares += ((found[0] - found[1]) / 2e-5) ** 2
    assert_close(frame["gradient_norm"].iloc[-1], np.sqrt(squares), 1e-4)


def test_history_of_a_fit_that_nobody_watched_and_of_warm_starts():
    plain = classifier(max_iter=3, warm_start=True).fit(X, y)
    assert plain.history_ == {"epoch": [1, 2, 3], "loss": plain.loss_curve_}
    plain.set_params(track="learning_rate").fit(X, y, X_val=X_val, y_val=y_val)
    history = plain.history_
    assert {name: len(values) for name, values in history.items()} == dict.fromkeys(history, 6)
    assert (
        np.isnan(history["val_loss"]).tolist()
        == np.isnan(history["learning_rate"]).tolist()
        == [True] * 3 + [False] * 3
    )
    assert history["learning_rate"][3:] == [0.01] * 3
    with pytest.raises(AttributeError):
        classifier().history_  # noqa: B018
    assert pickle.loads(pickle.dumps(plain)).history_ == history or history["epoch"] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"track": "time"}, ValueError, "unknown track 'time'"),
        ({"track": 3}, ValueError, "The 'track' parameter"),
        ({"track": "learning_rate", "solver": "lbfgs"}, ValueError, "which solver='lbfgs' has not"),
        ({"callback": 3}, ValueError, "The 'callback' parameter"),
        ({"max_time": 0}, ValueError, "The 'max_time' parameter"),
        ({"progress": "yes"}, ValueError, "The 'progress' parameter"),
        ({"callback": lambda *_: np.array([True, False])}, TypeError, "callback must return True, to end the fit"),
    ],
)
def test_bad_parameters(options, error, message):
    with pytest.raises(error, match=message):
        classifier(**options).fit(X, y)


@pytest.mark.parametrize("solvers", [("adam", "adam"), ("lbfgs", "adam"), ("adam", "lbfgs")])
def test_what_is_tracked_begins_anew_with_each_fit(solvers):
    first, second = solvers
    twice = classifier(solver=first, track="score").fit(X, y).set_params(solver=second, max_iter=3).fit(X, y)
    once = classifier(solver=second, track="score", max_iter=3).fit(X, y)
    assert twice.history_ == once.history_
    assert "score" not in twice.set_params(track=None).fit(X, y).history_


def test_history_has_what_was_measured_at_its_own_epochs():
    rows = {"X_val": X_val, "y_val": y_val}
    going_on = classifier(max_iter=2, warm_start="solver").fit(X, y)
    going_on.set_params(track="score", scoring="accuracy").fit(X, y, **rows)
    going_on.set_params(track=None, scoring=None).partial_fit(X, y).partial_fit(X, y)
    going_on.set_params(track="score", scoring="accuracy").fit(X, y, **rows)
    going_on.set_params(track=None, scoring=None).partial_fit(X, y)
    history = going_on.history_
    for name in ("val_loss", "val_score", "score"):
        expected = [False, False, True, True, False, False, True, True, False]
        assert np.isfinite(history[name]).tolist() == expected, name


def test_history_after_lbfgs_is_of_the_passes_alone():
    rows = {"X_val": X_val, "y_val": y_val}
    going_on = classifier(solver="lbfgs", warm_start=True, max_iter=5, track="score").fit(X, y, **rows)
    before = going_on.history_
    assert going_on.set_params(solver="adam").history_ == before
    history = going_on.set_params(max_iter=2).fit(X, y, **rows).history_
    assert history.keys() == before.keys()
    assert all(len(values) == 2 and np.isfinite(values).all() for values in history.values())


def test_scorers_take_a_number_as_the_weight_of_all_rows():
    rows = {"X_val": X_val, "y_val": y_val}
    for options, given in (({"early_stopping": True}, {}), ({}, rows)):
        scored = classifier(scoring="accuracy", **options)
        weighed = clone(scored).fit(X, y, 2.0, **given, **({"sample_weight_val": 2.0} if given else {}))
        ones = {"sample_weight": np.full(len(y), 2.0)} | ({"sample_weight_val": np.ones(len(y_val))} if given else {})
        assert weighed.validation_scores_ == scored.fit(X, y, **given, **ones).validation_scores_


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "lil", "dok"])
def test_scorers_take_rows_of_any_sparse_matrix(form):
    scored = classifier(scoring="accuracy", early_stopping=True, max_iter=2)
    expected = clone(scored).fit(scipy.sparse.csr_matrix(X), y).validation_scores_
    for matrix in (scipy.sparse.csr_matrix, scipy.sparse.csr_array):
        assert scored.fit(matrix(X).asformat(form), y).validation_scores_ == expected


# -- callbacks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "rprop"])
def test_a_function_hears_of_each_epoch_and_may_end_the_fit(solver):
    seen = []

    def callback(epoch, loss, network):
        seen.append((epoch, loss, network.parameters.copy()))
        return epoch == 4

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = classifier(solver=solver, callback=callback).fit(X, y)
    assert [epoch for epoch, *_ in seen] == [1, 2, 3, 4]
    assert [loss for _, loss, _ in seen] == fitted.history_["loss"]
    assert fitted.n_iter_ == 4
    assert fitted.network_.parameters.tobytes() == seen[-1][2].tobytes()
    assert fitted.loss_ == seen[-1][1]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_what_a_callback_raises_brings_the_estimator(solver):
    def callback(epoch, *_):
        if epoch == 3:
            raise LookupError("mine")

    broken = classifier(solver=solver, callback=callback)
    with pytest.raises(LookupError, match="mine") as caught:
        broken.fit(X, y)
    assert caught.value.result is broken
    expected = classifier(solver=solver, max_iter=3).fit(X, y)
    assert (broken.predict_proba(X) == expected.predict_proba(X)).all()
    assert broken.n_iter_ == 3
    assert broken.history_["loss"][-1] == broken.loss_ == expected.loss_
    if solver == "adam":
        assert broken.loss_curve_ == expected.loss_curve_


def test_partial_fit_is_heard_too():
    seen = []
    going_on = classifier(callback=lambda epoch, loss, network: seen.append((epoch, loss)))
    for _ in range(3):
        going_on.partial_fit(X, y, classes=range(10))
    assert seen == [(1, loss) for loss in going_on.loss_curve_]


def test_an_exception_after_a_pass_of_partial_fit_leaves_its_model_where_classes_extend():
    def callback(*_):
        raise LookupError("mine")

    broken = classifier(callback=callback, extend_classes=True)
    with pytest.raises(LookupError, match="mine") as caught:
        broken.partial_fit(X, y)
    expected = classifier(extend_classes=True).partial_fit(X, y)
    assert (caught.value.result.predict_proba(X) == expected.predict_proba(X)).all()


class Recorder:
    """Of a third party's shape: every hook, no base class."""

    max_propagation_depth = None

    def __init__(self, stop_after=None):
        self.calls, self.stop_after = [], stop_after

    def setup(self, estimator, context):
        self.calls.append(("setup", context.task_name))

    def teardown(self, estimator, context):
        self.calls.append(("teardown", context.task_name))

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        score = fitted_estimator.score(X, y) if hasattr(fitted_estimator, "score") else None
        self.calls.append(("end", context.task_name, context.task_id, score, metadata))
        return context.task_name == "epoch" and context.task_id + 1 == self.stop_after


@NEEDS_CALLBACKS
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_scikit_learns_protocol(solver):
    recorder, networks = Recorder(), []
    keep = lambda e, loss, network: networks.append(network.copy())  # noqa: E731
    weight = np.ones(len(X))
    fitted = classifier(solver=solver, max_iter=3, callback=keep).set_callbacks(recorder).fit(X, y, weight)
    names = [call[:3] for call in recorder.calls]
    epochs = [(what, "epoch", i) for i in range(3) for what in ("begin", "end")]
    assert names == [("setup", "fit"), ("begin", "fit", 0), *epochs, ("end", "fit", 0), ("teardown", "fit")]
    scores = [call[3] for call in recorder.calls if call[:2] == ("end", "epoch")]
    assert scores == [accuracy_score(y, network.predict(X)) for network in networks]
    assert all((call[4]["sample_weight"] == weight).all() for call in recorder.calls if call[0] == "end")
    plain = classifier(solver=solver, max_iter=3).fit(X, y)
    assert fitted.network_.parameters.tobytes() == plain.network_.parameters.tobytes()
    assert not hasattr(fitted, "_callback_fit_ctx")


@NEEDS_CALLBACKS
def test_scikit_learns_callbacks_may_end_the_fit():
    assert classifier().set_callbacks(Recorder(stop_after=2)).fit(X, y).n_iter_ == 2
    recorder = Recorder()
    broken = classifier(callback=lambda *_: 1 / 0).set_callbacks(recorder)
    with pytest.raises(ZeroDivisionError):
        broken.fit(X, y)
    assert recorder.calls[-1] == ("teardown", "fit")
    once = Recorder()
    classifier().set_callbacks(once).partial_fit(X, y, classes=range(10))
    assert [call[0] for call in once.calls] == ["setup", "begin", "begin", "end", "end", "teardown"]


@NEEDS_CALLBACKS
def test_scikit_learns_progress_bar_and_monitor(capsys):
    from sklearn.callback import ProgressBar, ScoringMonitor

    monitor = ScoringMonitor(scoring="accuracy")
    fitted = classifier(max_iter=3).set_callbacks(ProgressBar(), monitor).fit(X, y)
    assert "MLPClassifier - fit" in capsys.readouterr().out
    logged = monitor.get_logs().data
    scores = [row["accuracy"] for row in logged if row["task_name"] == "epoch"]
    assert len(scores) == 3
    assert scores[-1] == fitted.score(X, y)


@NEEDS_CALLBACKS
def test_scikit_learns_callbacks_inside_of_a_search(capsys):
    from sklearn.callback import ProgressBar

    recorder = Recorder()
    search = GridSearchCV(
        make_pipeline(StandardScaler(), classifier(max_iter=2)), {"mlpclassifier__alpha": [0.1, 1]}, cv=2
    )
    search.set_callbacks(recorder, ProgressBar(max_propagation_depth=None)).fit(X[:200], y[:200])
    assert "MLPClassifier - fit" in capsys.readouterr().out
    epochs = [call for call in recorder.calls if call[:2] == ("end", "epoch")]
    assert len(epochs) == (2 * 2 + 1) * 2  # each candidate and fold, and the refit, of two epochs
    assert not hasattr(clone(search.best_estimator_[-1]), "_skl_callbacks")


def test_a_bar_shows_loss_and_scores(capsys):
    plain = classifier().fit(X, y)
    shown = classifier(progress=True, scoring="accuracy").fit(X, y, X_val=X_val, y_val=y_val)
    err = capsys.readouterr().err
    assert f"loss={shown.loss_curve_[-1]:.4g}" in err
    assert f"val_loss={shown.validation_loss_curve_[-1]:.4g}" in err
    assert f"val_score={shown.validation_scores_[-1]:.4g}" in err
    assert shown.network_.parameters.tobytes() == plain.network_.parameters.tobytes()


# -- time -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_fit_ends_when_its_time_is_up(solver):
    began = time.perf_counter()
    options = {"max_iter": 10**6, "max_time": 0.3, "tol": 0.0, "n_iter_no_change": 10**6, "max_fun": 10**9}
    fitted = regressor(solver=solver, **options).fit(X_r, y_r)
    assert time.perf_counter() - began < 3
    assert 0 < fitted.n_iter_ < 10**6


def test_with_validation_data_a_limit_of_time_keeps_the_best():
    networks = []
    keep = lambda e, loss, network: networks.append(network.copy())  # noqa: E731
    fitted = classifier(max_iter=40, learning_rate_init=0.2, max_time=1000, callback=keep)
    fitted.fit(X, y, X_val=X_val, y_val=y_val)
    best = int(np.argmin(fitted.validation_loss_curve_))
    assert best < len(networks) - 1
    assert fitted.network_.parameters.tobytes() == networks[best].parameters.tobytes()


# -- two halves -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("first", [1, 5, 9])
@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop"])
def test_two_halves_with_early_stopping_are_one_fit(solver, first, own):
    rows = {"X_val": X_val, "y_val": y_val} if own else {}
    options = {"solver": solver, "early_stopping": True, "n_iter_no_change": 50, "learning_rate_init": 0.05}
    whole = classifier(max_iter=14, **options).fit(X, y, **rows)
    half = classifier(max_iter=first, warm_start="solver", **options).fit(X, y, **rows)
    half.set_params(max_iter=14 - first).fit(X, y, **rows)
    assert half.network_.parameters.tobytes() == whole.network_.parameters.tobytes()
    assert half.validation_scores_ == whole.validation_scores_
    assert half.loss_curve_ == whole.loss_curve_
    assert half.best_validation_score_ == whole.best_validation_score_


def test_weights_that_were_changed_by_hand_are_gone_on_from():
    options = {"early_stopping": True, "n_iter_no_change": 50, "warm_start": "solver", "max_iter": 5}
    half = classifier(**options).fit(X, y)
    half.coefs_[0][:] = 0
    half.intercepts_[0][:] = 0
    seen = []
    half.set_params(callback=lambda e, loss, network: seen.append(loss)).fit(X, y)
    assert seen[0] > half.loss_curve_[4]


@pytest.mark.parametrize("warm_start", [True, "solver"])
def test_another_score_is_not_compared_with_the_one_before(warm_start):
    """The accuracy of the first fit is no -log-loss, nor that of other rows."""
    options = {"early_stopping": True, "warm_start": warm_start, "n_iter_no_change": 30}
    other = classifier(**options).fit(X, y, X_val=X_val, y_val=y_val)
    other.set_params(scoring="loss", max_iter=20).fit(X, y, X_val=X_val, y_val=y_val)
    assert other.n_iter_ == 20
    assert other.best_validation_score_ == max(other.validation_scores_[8:]) < 0
    assert_close(-log_loss(y_val, other.predict_proba(X_val)), other.best_validation_score_, 1e-9)


def test_a_refit_whose_validation_rows_are_half_given_changes_nothing():
    fitted = classifier().fit(X, y)
    with pytest.raises(ValueError, match="X_val was given without y_val"):
        fitted.fit(X, WORDS[y], X_val=X_val)
    assert fitted.classes_.tolist() == list(range(10))

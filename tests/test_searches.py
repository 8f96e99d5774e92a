"""The estimators under scikit-learn's tools and Optuna: two jobs have the numbers of one, and copy nothing."""

import tracemalloc

import joblib
import numpy as np
import pytest
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    learning_curve,
    validation_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor

import fastnn

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:A worker stopped:UserWarning"
)

X, Y = make_classification(120, 6, n_informative=4, n_classes=3, random_state=0)
VALUES = make_regression(120, 6, n_targets=2, random_state=0)[1]
NETWORK = fastnn.MLPClassifier((5,), max_iter=6, batch_size=30, learning_rate_init=0.02, random_state=0)
REGRESSOR = fastnn.MLPRegressor(hidden_layer_sizes=(4,), max_iter=6, batch_size=30, random_state=0)
GRID = {"alpha": [1e-4, 0.1], "hidden_layer_sizes": [(3,), (4, 2)]}


def scores_of(search):
    return search.fit(X, Y).cv_results_["mean_test_score"]


def probabilities_of(model):
    return model.fit(X, Y).predict_proba(X)


def members_of(bagging, method="predict"):
    """What each network says; their mean is summed by jobs, and rounded as these are."""
    return np.array([getattr(one, method)(X) for one in bagging.estimators_])


#: Name -> a function of the number of jobs, which gives an array.
TOOLS = {
    "grid": lambda n: scores_of(GridSearchCV(NETWORK, GRID, cv=3, n_jobs=n)),
    "randomized": lambda n: scores_of(RandomizedSearchCV(NETWORK, GRID, n_iter=3, cv=3, n_jobs=n, random_state=0)),
    "halving by rows": lambda n: scores_of(
        HalvingGridSearchCV(NETWORK, GRID, cv=3, n_jobs=n, min_resources=60, random_state=0)
    ),
    "halving by epochs": lambda n: scores_of(
        HalvingGridSearchCV(NETWORK, GRID, cv=3, n_jobs=n, resource="max_iter", max_resources=6, random_state=0)
    ),
    "scores": lambda n: cross_val_score(REGRESSOR, X, VALUES, cv=3, n_jobs=n),
    "predictions": lambda n: cross_val_predict(REGRESSOR, X, VALUES, cv=3, n_jobs=n),
    "learning curve": lambda n: learning_curve(NETWORK, X, Y, cv=3, n_jobs=n, train_sizes=[0.5, 1.0])[2],
    "validation curve": lambda n: validation_curve(
        NETWORK, X, Y, param_name="alpha", param_range=[0.1, 1.0], cv=3, n_jobs=n
    )[1],
    "bagging": lambda n: members_of(
        BaggingClassifier(NETWORK, 5, max_samples=0.7, n_jobs=n, random_state=0).fit(X, Y), "predict_proba"
    ),
    "bagged values": lambda n: members_of(BaggingRegressor(REGRESSOR, 5, n_jobs=n, random_state=0).fit(X, VALUES)),
    "one against the rest": lambda n: probabilities_of(OneVsRestClassifier(NETWORK, n_jobs=n)),
    "one against one": lambda n: OneVsOneClassifier(NETWORK, n_jobs=n).fit(X, Y).decision_function(X),
    "several targets": lambda n: MultiOutputRegressor(REGRESSOR, n_jobs=n).fit(X, VALUES).predict(X),
    "several labels": lambda n: MultiOutputClassifier(NETWORK, n_jobs=n).fit(X, np.c_[Y, Y > 0]).predict(X),
    "stacking": lambda n: probabilities_of(
        StackingClassifier([("a", NETWORK), ("b", LogisticRegression())], LogisticRegression(), cv=3, n_jobs=n)
    ),
    "voting": lambda n: probabilities_of(
        VotingClassifier([("a", NETWORK), ("b", LogisticRegression())], voting="soft", n_jobs=n)
    ),
}


@pytest.fixture(scope="module")
def by_one_job():
    found = {}
    return lambda tool: found[tool] if tool in found else found.setdefault(tool, TOOLS[tool](1))


@pytest.mark.parametrize("backend", ["threading", "loky"])
@pytest.mark.parametrize("tool", TOOLS)
def test_two_jobs_have_the_numbers_of_one(tool, backend, by_one_job):
    with joblib.parallel_config(backend):
        found = TOOLS[tool](2)
    np.testing.assert_array_equal(found, by_one_job(tool))


# -- memory -------------------------------------------------------------------------------------------------------

#: More than joblib's limit of 1 MB, beyond which it maps an array.
LARGE = np.random.default_rng(0).standard_normal((30_000, 10))


def peaks_of(X):
    """The type of X and whether it can be written to, and what a fit and a prediction allocate, in sizes of X."""
    found = [type(X).__name__, X.flags.writeable]
    model, y = fastnn.MLPRegressor(hidden_layer_sizes=(2,), max_iter=1, tol=0, random_state=0), X[:, 0].copy()
    for call in (lambda: model.fit(X, y), lambda: model.predict(X), lambda: model.partial_fit(X, y)):
        tracemalloc.start()
        call()
        found.append(tracemalloc.get_traced_memory()[1] / X.nbytes)
        tracemalloc.stop()
    return found


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_process_of_joblib_learns_from_the_mapped_rows_themselves(dtype):
    mapped = joblib.Parallel(2, backend="loky")(joblib.delayed(peaks_of)(LARGE.astype(dtype)) for _ in range(2))
    for kind, is_writeable, *peaks in mapped:
        assert (kind, is_writeable) == ("memmap", False)
        assert max(peaks) < 0.5  # targets, outputs and the order of the rows are a tenth to a fifth of X each


@pytest.mark.parametrize("kind", ["read-only", "mapped"])
def test_rows_that_cannot_be_written_to_are_not_copied(kind, tmp_path):
    rows = LARGE.copy()
    if kind == "mapped":
        np.save(tmp_path / "rows.npy", rows)
        rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    rows.flags.writeable = False
    assert max(peaks_of(rows)[2:]) < 0.5
    assert peaks_of(np.asfortranarray(rows))[2] > 1  # the test sees a copy


# -- Optuna -------------------------------------------------------------------------------------------------------


def study_of(objective):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=1)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0), pruner=pruner)
    study.optimize(objective, n_trials=8)
    return study


def network_of(trial, **options):
    rate = trial.suggest_float("learning_rate_init", 1e-5, 0.1, log=True)
    options = {"batch_size": 20, "random_state": 0} | options
    return fastnn.MLPClassifier((trial.suggest_int("width", 2, 8),), learning_rate_init=rate, **options)


def by_partial_fit(trial):
    import optuna

    model = network_of(trial)
    for epoch in range(6):
        model.partial_fit(X[:80], Y[:80], classes=[0, 1, 2])
        trial.report(model.score(X[80:], Y[80:]), epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return model.score(X[80:], Y[80:])


def by_callback(trial):
    import optuna

    def report(epoch, loss, network):
        trial.report(float(np.mean(network.predict(X[80:]) == Y[80:])), epoch - 1)
        if trial.should_prune():
            raise optuna.TrialPruned

    model = network_of(trial, max_iter=6, callback=report).fit(X[:80], Y[:80])
    return model.score(X[80:], Y[80:])


@pytest.mark.parametrize("objective", [by_partial_fit, by_callback], ids=["partial_fit", "callback"])
def test_optuna_prunes(objective):
    study = study_of(objective)
    states = [trial.state.name for trial in study.trials]
    assert set(states) == {"COMPLETE", "PRUNED"}
    pruned = study.trials[states.index("PRUNED")]
    values = list(pruned.intermediate_values.values())
    assert 1 < len(values) < 6  # after the warm-up, before the end
    medians = [
        np.median([other.intermediate_values[len(values) - 1] for other in study.trials[: pruned.number]
                   if other.state.name == "COMPLETE"])
    ]  # fmt: skip
    assert max(values) < medians[0]


def test_optuna_finds_what_grid_search_finds():
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = {"alpha": [1e-4, 1.0, 50.0]}
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.GridSampler(space))

    def objective(trial):
        model = fastnn.MLPClassifier((5,), max_iter=6, alpha=trial.suggest_categorical("alpha", space["alpha"]))
        return fastnn.cross_validate(model.set_params(random_state=0), X, Y, cv=3)["test_score"].mean()

    study.optimize(objective)
    model = fastnn.MLPClassifier((5,), max_iter=6, random_state=0)
    assert study.best_value == fastnn.cross_validate(model, X, Y, cv=3, param_grid=space).best_score_

"""Calls of ``partial_fit`` like the one before, which are made the quick way: the same as by the general one."""

import pickle

import numpy as np
import pytest

from fastnn import MLPClassifier, MLPRegressor
from fastnn.estimators import _quick

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.standard_normal((32, 5))
X_f = np.asfortranarray(X)  # the same numbers, which are not plain
LABELS = np.arange(32) % 3
NUMBERS = X[:, 0] - X[:, 1] ** 2

KINDS = {
    "classifier": (MLPClassifier, LABELS),
    "two classes": (MLPClassifier, LABELS > 0),
    "regressor": (MLPRegressor, NUMBERS),
}


@pytest.fixture
def ways(monkeypatch):
    """Whether each call went the quick way."""
    found, update = [], _quick._update

    def noted(*args):
        found.append(update(*args))
        return found[-1]

    monkeypatch.setattr(_quick, "_update", noted)
    return found


def begun(kind, **options):
    """An estimator after two calls, and what y is."""
    estimator_class, y = KINDS[kind]
    estimator = estimator_class(**{"hidden_layer_sizes": (4,), "random_state": 0, **options})
    estimator.partial_fit(X, y, **({} if kind == "regressor" else {"classes": np.unique(y)}))
    return estimator.partial_fit(X, y), y


def learned(estimator):
    """What a call leaves."""
    optimizer = estimator._optimizer
    state = {name: value for name, value in vars(estimator).items() if isinstance(value, int | float | list | str)}
    del state["coefs_"], state["intercepts_"]
    return estimator.network_.parameters.tobytes(), optimizer.moments.tobytes(), optimizer.learning_rate, repr(state)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.5},
        {"solver": "sgd", "learning_rate": "invscaling", "batch_size": 20},
        {"solver": "rprop", "alpha": 0.5},
        {"solver": "adamw", "frozen": (1,), "l1": 0.01, "max_grad_norm": 0.1},
    ],
)
def test_the_quick_way_leaves_what_the_general_one_does(kind, options, ways):
    (quick, y), (general, _) = begun(kind, **options), begun(kind, **options)
    for n in (32, 20, 20, 32):
        ways.clear()
        quick.partial_fit(X[:n], y[:n])
        general.partial_fit(X_f[:n], y[:n])
        assert ways == [n == options.get("batch_size", n), False]
        assert learned(quick) == learned(general)


@pytest.mark.parametrize("change", ["alpha", "activation", "coefs_", "optimizer", "pickle"])
def test_after_a_change_the_general_way_is_gone(change, ways):
    changed = []
    for rows in (X, X_f):
        estimator, y = begun("classifier")
        if change == "alpha":
            estimator.alpha = 0.5
        elif change == "activation":
            estimator.activation = "tanh"
        elif change == "coefs_":
            estimator.coefs_[0] = estimator.coefs_[0] / 2
        elif change == "optimizer":
            estimator.set_params(learning_rate_init=0.1, max_iter=2).fit(X, y)
        else:
            estimator = pickle.loads(pickle.dumps(estimator))
        ways.clear()
        changed.append(learned(estimator.partial_fit(rows, y)))
        assert ways == [False]
    assert changed[0] == changed[1]


def test_with_a_warm_start_each_call_needs_all_labels():
    estimator, y = begun("classifier", warm_start=True)
    with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same classes"):
        estimator.partial_fit(X[y < 2], y[y < 2])


@pytest.mark.parametrize("seed", ["seven", -1, np.random.default_rng(0)])
def test_a_seed_that_is_none_is_refused(seed):
    estimator, y = begun("regressor")
    estimator.random_state = seed
    with pytest.raises(ValueError, match=r"(?i)seed"):
        estimator.partial_fit(X, y)


def test_a_fit_that_goes_on_draws_the_same_after_either_way():
    ends = []
    for rows in (X, X_f):
        estimator, y = begun("regressor")
        estimator.partial_fit(rows, y).set_params(warm_start="solver", batch_size=7, max_iter=3, tol=0)
        ends.append(learned(estimator.fit(X, y)))
    assert ends[0] == ends[1]


def test_weights_that_are_not_finite_end_either_way_alike():
    ends = []
    for rows in (X, X_f):
        estimator, y = begun("classifier", extend_classes=True, loss="squared_hinge")
        with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite parameter weights"):
            estimator.partial_fit(rows * 1e200, y)
        ends.append(learned(estimator))
    assert ends[0] == ends[1]

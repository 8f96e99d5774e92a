"""Estimators whose weights come from elsewhere: built by hand, moved over from scikit-learn, or handed out earlier."""

import copy
import hashlib
from itertools import pairwise

import joblib
import numpy as np
import pytest
import sklearn.neural_network
from fits import ESTIMATORS, LABELS, QUICK, VALUES, X, both, fitted, outputs, same_outputs, target
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import LabelBinarizer

import fastnn
from fastnn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

WORDS = np.array(["no", "yes", "perhaps"])[LABELS]


# -- built by hand ------------------------------------------------------------------------------------------------


def built(package, name, sizes, out_activation, **attributes):
    """An estimator that was never fitted, with weights from a seed, as the recipes for it go."""
    rng = np.random.default_rng(5)
    estimator = getattr(package, name)(activation="tanh")
    estimator.coefs_ = [rng.standard_normal(pair) for pair in pairwise(sizes)]
    estimator.intercepts_ = [rng.standard_normal(size) for size in sizes[1:]]
    estimator.n_layers_, estimator.out_activation_ = len(sizes), out_activation
    for attribute, value in attributes.items():
        setattr(estimator, attribute, value)
    return estimator


@pytest.mark.parametrize(
    ("y", "n_out", "out_activation"),
    [
        (WORDS, 3, "softmax"),
        (WORDS == "no", 1, "logistic"),
        (np.eye(3, dtype=int)[LABELS], 3, "logistic"),
        (np.zeros(80), 1, "logistic"),
        (WORDS, 3, "identity"),
        (WORDS == "no", 2, "softmax"),
    ],
)
def test_a_classifier_built_by_hand(y, n_out, out_activation):
    """scikit-learn wants n_outputs_ as well."""
    ours, theirs = (
        built(package, "MLPClassifier", (4, 6, n_out), out_activation) for package in (fastnn, sklearn.neural_network)
    )
    theirs.n_outputs_ = n_out
    same_outputs(ours, theirs)
    raw = ours.network_(X)
    assert np.array_equal(ours.network_.predict(X), raw if n_out > 1 else raw[:, 0])  # without labels
    with pytest.raises(NotFittedError, match=r"classes_ .*_label_binarizer"):
        ours.predict(X)
    for estimator in (ours, theirs):
        estimator._label_binarizer = LabelBinarizer().fit(y)
    assert np.array_equal(ours.predict(X), theirs.predict(X))
    assert np.array_equal(ours.network_.predict(X), theirs.predict(X))


def test_a_regressor_built_by_hand():
    ours, theirs = (
        built(package, "MLPRegressor", (4, 6, 2), "identity") for package in (fastnn, sklearn.neural_network)
    )
    same_outputs(ours, theirs)
    with pytest.raises(ValueError, match=r"X has 3 features, but coefs_\[0\] has 4 rows"):
        ours.partial_fit(X[:, :3], np.c_[VALUES, VALUES])


@pytest.mark.parametrize("by", ["classes_", "_label_binarizer"])
def test_training_goes_on_from_a_classifier_built_by_hand(by):
    """As from a fit that ended with these weights."""
    label = {"classes_": np.unique(WORDS), "_label_binarizer": LabelBinarizer().fit(WORDS)}[by]
    ours = built(fastnn, "MLPClassifier", (4, 6, 3), "softmax", **{by: label})
    expected = fitted("MLPClassifier", sklearn.neural_network, activation="tanh", hidden_layer_sizes=(6,))
    expected.fit(X, WORDS)
    expected.coefs_ = [weights.copy() for weights in ours.coefs_]
    expected.intercepts_ = [biases.copy() for biases in ours.intercepts_]
    del expected._optimizer
    for estimator in (ours.set_params(random_state=0), expected.set_params(hidden_layer_sizes=(6,))):
        estimator.partial_fit(X, WORDS)
    same_outputs(ours, expected)
    assert ours.predict(X).tolist() == expected.predict(X).tolist()


@pytest.mark.parametrize("y", [LABELS, WORDS, LABELS > 0, np.eye(3, dtype=int)[LABELS]])
@pytest.mark.parametrize("out", ["identity", "tanh", "logistic", "softmax", "relu"])
def test_labels_stay_labels_under_another_output_activation(y, out):
    ours, theirs = (package.MLPClassifier(**QUICK).fit(X, y) for package in (fastnn, sklearn.neural_network))
    for estimator in (ours, theirs):
        estimator.out_activation_ = out
    same_outputs(ours, theirs)
    assert np.array_equal(ours.predict(X), theirs.predict(X))
    assert ours.predict(X).dtype == theirs.predict(X).dtype
    assert np.array_equal(ours.network_.predict(X), theirs.predict(X))


# -- moved over from scikit-learn ---------------------------------------------------------------------------------


def moved(theirs):
    ours = getattr(fastnn, type(theirs).__name__)()
    ours.__dict__.update(copy.deepcopy(theirs.__dict__))
    return ours


def same_state(ours, theirs):
    same_outputs(ours, theirs)
    for attribute in ("n_iter_", "t_", "_no_improvement_count"):
        assert getattr(ours, attribute) == getattr(theirs, attribute), attribute
    for attribute in ("loss_", "loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_"):
        expected = getattr(theirs, attribute)
        assert getattr(ours, attribute) == (None if expected is None else pytest.approx(expected, rel=1e-10)), attribute


SOLVERS = [
    {"solver": "adam"},
    {"solver": "sgd"},
    {"solver": "sgd", "nesterovs_momentum": False, "learning_rate": "invscaling"},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 1, "max_iter": 20},
]


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("settings", SOLVERS)
@pytest.mark.parametrize("way", ["partial_fit", "warm start"])
def test_a_model_moved_over_goes_on(name, settings, way):
    theirs = fitted(name, sklearn.neural_network, warm_start=True, **settings)
    ours = moved(theirs)
    assert np.array_equal(ours.predict(X), theirs.predict(X)) or name == "MLPRegressor"
    same_outputs(ours, theirs)
    for _ in range(3):
        for estimator in (ours, theirs):
            (estimator.partial_fit if way == "partial_fit" else estimator.fit)(X[:60], target(name)[:60])
        same_state(ours, theirs)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_model_moved_over_goes_on_under_early_stopping_and_by_lbfgs(name):
    for settings in ({"early_stopping": True}, {"early_stopping": True, "solver": "sgd"}):
        theirs = fitted(name, sklearn.neural_network, warm_start=True, **settings)
        ours = moved(theirs)
        for estimator in (ours, theirs):
            estimator.fit(X, target(name))
        same_state(ours, theirs)
    theirs = fitted(name, sklearn.neural_network, warm_start=True, solver="lbfgs")
    ours = moved(theirs)
    for estimator in (ours, theirs):
        estimator.fit(X, target(name))
    np.testing.assert_allclose(outputs(ours), outputs(theirs), rtol=1e-6)


def test_a_model_moved_over_shares_nothing():
    theirs = fitted("MLPRegressor", sklearn.neural_network)
    ours = MLPRegressor()
    ours.__dict__.update(theirs.__dict__)  # shallow, as the recipes have it
    before = copy.deepcopy(theirs)
    for _ in range(2):
        ours.partial_fit(X, VALUES)
    assert theirs.loss_curve_ == before.loss_curve_
    assert theirs._optimizer.t == before._optimizer.t
    for found, right in zip(theirs.coefs_, before.coefs_, strict=True):
        assert np.array_equal(found, right)


def test_a_fitted_model_that_another_is_moved_into_forgets_its_own():
    theirs = fitted("MLPRegressor", sklearn.neural_network, random_state=3)
    ours = fitted("MLPRegressor", max_iter=9)
    ours.__dict__.update(copy.deepcopy(theirs.__dict__))
    for estimator in (ours, theirs):
        estimator.partial_fit(X, VALUES)
    same_state(ours, theirs)


def test_an_optimizer_that_nobody_knows_is_named():
    ours = moved(fitted("MLPRegressor", sklearn.neural_network))
    ours._optimizer = object()
    with pytest.raises(TypeError, match=r"_optimizer is a object.*del"):
        ours.partial_fit(X, VALUES)
    ours = moved(fitted("MLPRegressor", sklearn.neural_network))
    ours._optimizer.ms = ours._optimizer.ms[:-1]
    with pytest.raises(ValueError, match="moments"):
        ours.partial_fit(X, VALUES)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_what_training_has_come_to_may_be_set_by_hand(name):
    """It stands in the attributes alone, as in scikit-learn."""
    pair = both(name, warm_start=True, learning_rate="invscaling", solver="sgd")
    for estimator in pair:
        estimator.t_, estimator.loss_curve_, estimator.best_loss_ = 7, [], np.inf
        estimator.fit(X, target(name))
        assert len(estimator.loss_curve_) == 5
        assert estimator.t_ == 407
    same_state(*pair)


# -- handed out ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
def test_arrays_taken_before_a_warm_start_by_lbfgs_are_left_alone(name):
    for estimator in both(name, solver="lbfgs", warm_start=True, max_iter=2):
        taken = [*estimator.coefs_, *estimator.intercepts_]
        before = [array.copy() for array in taken]
        estimator.set_params(max_iter=10).fit(X, target(name))
        assert all(map(np.array_equal, taken, before))
        assert not np.array_equal(estimator.coefs_[0], taken[0])


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("settings", SOLVERS[:3])
@pytest.mark.parametrize("mode", ["r", "c"])
def test_partial_fit_of_a_mapped_model(name, settings, mode, tmp_path):
    original = fitted(name, **settings)
    joblib.dump(original, tmp_path / "model")
    other = joblib.load(tmp_path / "model", mmap_mode=mode)
    for _ in range(2):
        for estimator in (original, other):
            estimator.partial_fit(X, target(name))
        assert np.array_equal(outputs(other), outputs(original))
    again = joblib.load(tmp_path / "model", mmap_mode=mode)  # the file is as it was
    assert not np.array_equal(outputs(again), outputs(original))


def test_the_order_of_the_weights_in_memory_is_as_documented():
    """Views of the network's own matrices, which are their transposes: what `coefs_` says of itself."""
    estimator = fitted("MLPRegressor")
    weights, raw = estimator.coefs_[0], estimator.network_.W[1]
    assert np.shares_memory(weights, raw)
    assert weights.flags.f_contiguous
    weights.T.ravel()[:] = 0.5  # a view; weights.ravel() is a copy
    assert (weights == 0.5).all()
    weights[:] = np.arange(24.0).reshape(4, 6)
    by_rows = hashlib.sha1(np.ascontiguousarray(weights)).digest()
    assert by_rows == hashlib.sha1(np.arange(24.0)).digest()
    for words in ("Fortran", ".T.ravel()", "ascontiguousarray"):
        assert words in MLPClassifier.__doc__
        assert words in MLPRegressor.__doc__


def test_labels_set_by_hand_must_be_those_of_the_outputs():
    theirs = fitted("MLPClassifier")
    for labels, message in (([0, 1], "classes_ must be 3 labels"), (["z", "a", "m"], "sorted and distinct")):
        ours = MLPClassifier((6, 5))
        ours.coefs_, ours.intercepts_ = theirs.coefs_, theirs.intercepts_
        ours.n_layers_, ours.out_activation_, ours.classes_ = 4, "softmax", labels
        with pytest.raises(ValueError, match=message):
            ours.predict(X)
    ours.classes_ = ["a", "b", "c"]  # a list will do
    assert (ours.predict(X) == np.array(["a", "b", "c"])[theirs.predict(X)]).all()
    assert (ours.network_.predict(X) == ours.predict(X)).all()
    ours.out_activation_ = "softmacs"
    with pytest.raises(ValueError, match=r"unknown output_activation 'softmacs'.*mean 'softmax'"):
        ours.predict(X)


# -- set by hand ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
def test_changing_weights_changes_predictions(name):
    pair = both(name)
    for change in (
        lambda e: e.coefs_[0].__setitem__(slice(None), 0),
        lambda e: e.intercepts_[1].__setitem__(0, 3.0),
        lambda e: e.coefs_.__setitem__(1, np.full((6, 5), 0.25)),
        lambda e: e.coefs_[1].__imul__(2),
        lambda e: setattr(e, "intercepts_", [np.ones(len(b)) for b in e.intercepts_]),
        lambda e: setattr(e, "coefs_", [w + 0.5 for w in e.coefs_]),
    ):
        before = outputs(pair[0])
        for estimator in pair:
            change(estimator)
        assert not np.array_equal(outputs(pair[0]), before)
        same_outputs(*pair)
        network = pair[0].network_
        raw = network(X)
        assert np.array_equal(raw if name == "MLPClassifier" else raw[:, 0], outputs(pair[0]))


@pytest.mark.parametrize(("name", "out"), [("MLPClassifier", "logistic"), ("MLPRegressor", "exp")])
def test_changing_activations_changes_predictions(name, out):
    for change in (lambda e: e.set_params(activation="tanh"), lambda e: setattr(e, "out_activation_", out)):
        pair = both(name)
        before = outputs(pair[0])
        for estimator in pair:
            change(estimator)
        assert not np.array_equal(outputs(pair[0]), before)
        same_outputs(*pair)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_weights_set_before_any_fit(name):
    source = fitted(name, sklearn.neural_network)
    ours = getattr(fastnn, name)(activation="relu")
    with pytest.raises(NotFittedError):
        ours.network_  # noqa: B018 - read for its error
    with pytest.raises(NotFittedError):
        ours.predict(X)
    ours.coefs_ = [w.copy() for w in source.coefs_]
    ours.intercepts_ = [b.copy() for b in source.intercepts_]
    ours.out_activation_ = source.out_activation_
    if name == "MLPClassifier":
        ours.classes_ = source.classes_
    same_outputs(ours, source)
    assert np.array_equal(ours.predict(X), source.predict(X)) or name == "MLPRegressor"
    ours.coefs_[0][:] = 0
    source.coefs_[0][:] = 0
    same_outputs(ours, source)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("way", ["warm start", "partial_fit"])
def test_training_goes_on_from_weights_set_by_hand(name, way):
    pair = both(name, warm_start=True)
    for estimator in pair:
        estimator.coefs_[0] = np.full((4, 6), 0.1)
        (estimator.fit if way == "warm start" else estimator.partial_fit)(X, target(name))
        assert estimator.t_ == 80 * (10 if way == "warm start" else 6)
    same_outputs(*pair)
    assert pair[0].loss_curve_ == pytest.approx(pair[1].loss_curve_, rel=1e-12)


def test_weights_that_do_not_fit_are_named():
    estimator = fitted("MLPRegressor")
    estimator.coefs_[1] = np.ones((7, 5))
    with pytest.raises(ValueError, match=r"coefs_\[1\] must have shape \(6, 5\).*got \(7, 5\)"):
        estimator.predict(X)
    estimator.coefs_[1] = np.ones(6)
    with pytest.raises(ValueError, match="coefs_ must be matrices"):
        estimator.predict(X)
    estimator = fitted("MLPRegressor")
    estimator.intercepts_[0] = np.ones(2)
    with pytest.raises(ValueError, match=r"intercepts_\[0\] must have shape \(6,\)"):
        estimator.predict(X)

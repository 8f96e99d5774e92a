"""The estimators against scikit-learn's own, number for number: same draws, same trajectory, in float64."""

import warnings
from functools import cache
from itertools import product

import numpy as np
import pytest
import sklearn.neural_network
from hypothesis import given, settings
from hypothesis import strategies as st

import fastnn
from fastnn.backends import get_backend
from fastnn.objective import Objective

ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
PROBLEMS = ("binary", "multiclass", "multilabel", "regression", "multi-output", "poisson")
M = 60


@cache
def problem(name):
    """Name of the estimator, fixed parameters, standardised X, y and weights."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((M, 5))
    scores = X @ rng.standard_normal((5, 3)) + 0.3 * rng.standard_normal((M, 3))
    weight = rng.random(M) * 2
    weight[:5] = 0
    if name in ("binary", "multiclass", "multilabel"):
        y = {"binary": scores[:, 0] > 0, "multiclass": scores.argmax(1), "multilabel": (scores > 0).astype(int)}[name]
        return "MLPClassifier", {}, X, y, weight
    y = {"regression": scores[:, 0], "multi-output": scores, "poisson": rng.poisson(np.exp(scores[:, 0] / 5))}[name]
    return "MLPRegressor", {"loss": "poisson"} if name == "poisson" else {}, X, y, weight


def fitted(module, name, parameters, has_weight):
    estimator, fixed, X, y, weight = problem(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return getattr(module, estimator)(**fixed, **parameters).fit(X, y, weight if has_weight else None)
        except ValueError as error:
            if "non-finite parameter weights" not in str(error):
                raise
            return None


def numbers(estimator, name):
    """All that a fit says, as arrays."""
    X = problem(name)[2]
    said = {"outputs": estimator.predict_proba(X) if hasattr(estimator, "predict_proba") else estimator.predict(X)}
    said["predict"] = np.asarray(estimator.predict(X), float)
    for attribute in ("loss_", "best_loss_", "loss_curve_", "validation_scores_", "best_validation_score_"):
        value = getattr(estimator, attribute, None)
        said[attribute] = np.empty(0) if value is None else np.asarray(value, float)
    for l, (coef, intercept) in enumerate(zip(estimator.coefs_, estimator.intercepts_, strict=True)):
        said[f"coefs_[{l}]"], said[f"intercepts_[{l}]"] = coef, intercept
    return said


def distance(found, expected):
    """The largest difference of two dicts of arrays, relative to the largest entry of each."""
    assert found.keys() == expected.keys()
    differences = [0.0]
    for key, right in expected.items():
        assert found[key].shape == right.shape, key
        is_number = np.isfinite(right)  # past divergence, whether it is inf or NaN does not matter
        np.testing.assert_array_equal(np.isfinite(found[key]), is_number)
        if is_number.any():
            right = right[is_number]
            differences.append(np.abs(found[key][is_number] - right).max() / max(np.abs(right).max(), 1e-3))
    return max(differences)


def same(name, parameters, has_weight, bound=1e-10):
    expected, found = (fitted(module, name, parameters, has_weight) for module in (sklearn.neural_network, fastnn))
    what = f"{name}, weights {has_weight}, {parameters}"
    if parameters.get("early_stopping") and found is not None and not np.isfinite(found.loss_curve_).all():
        # It diverged. Ours ends there, with finite weights; scikit-learn goes on, and a score of NaN may be its best.
        assert np.isfinite(found.loss_curve_[:-1]).all(), what
        expected = fitted(sklearn.neural_network, name, {**parameters, "max_iter": found.n_iter_}, has_weight)
        if expected is None or not np.array_equal(*map(np.isfinite, (e.validation_scores_ for e in (found, expected)))):
            assert all(np.isfinite(layer).all() for layer in found.coefs_ + found.intercepts_), what
            return
    if expected is None:  # diverged
        assert found is None, what
        return
    for attribute in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(found, attribute) == getattr(expected, attribute), f"{attribute}: {what}"
    assert distance(numbers(found, name), numbers(expected, name)) <= bound, what


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_the_same_trajectory(solver, name, activation):
    for schedule, has_weight, batch_size, shuffle, early_stopping in product(
        ("constant", "invscaling", "adaptive"), (False, True), (20, 16, "auto"), (False, True), (False, True)
    ):
        # An adaptive rate has to have a reason to change.
        patience = {"tol": 0.02, "n_iter_no_change": 2} if schedule == "adaptive" else {}
        parameters = {
            "solver": solver,
            "activation": activation,
            "learning_rate": schedule,
            "batch_size": batch_size,
            "shuffle": shuffle,
            "early_stopping": early_stopping,
            "hidden_layer_sizes": (7,) if batch_size == 20 else (6, 4),
            "learning_rate_init": 2e-3,
            "max_iter": 20,
            "random_state": 1,
            "alpha": 0.1,
            **patience,
        }
        same(name, parameters, has_weight)


def nudged(estimator):
    """scikit-learn's own class, from start weights that are the next larger numbers."""

    class Nudged(getattr(sklearn.neural_network, estimator)):
        def _init_coef(self, *shape):
            return tuple(np.nextafter(array, np.inf) for array in super()._init_coef(*shape))

    return type("Module", (), {estimator: Nudged})


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(PROBLEMS),
    has_weight=st.booleans(),
    parameters=st.fixed_dictionaries(
        {
            "solver": st.sampled_from(["sgd", "adam"]),
            "activation": st.sampled_from(ACTIVATIONS),
            "hidden_layer_sizes": st.sampled_from([(), (1,), (3, 2), (17,), (5, 4, 3), 8]),
            "alpha": st.sampled_from([0.0, 1e-4, 1.0, 10.0]),
            "batch_size": st.sampled_from(["auto", 1, 7, 16, M, 1000]),
            "learning_rate": st.sampled_from(["constant", "invscaling", "adaptive"]),
            "learning_rate_init": st.floats(1e-4, 0.02),
            "power_t": st.floats(0, 1),
            "max_iter": st.integers(1, 20),
            "shuffle": st.booleans(),
            "random_state": st.integers(0, 100),
            "tol": st.sampled_from([0.0, 1e-4, 0.05]),
            "momentum": st.sampled_from([0.0, 0.5, 0.9]),
            "nesterovs_momentum": st.booleans(),
            "early_stopping": st.booleans(),
            "validation_fraction": st.floats(0.1, 0.5),
            "beta_1": st.floats(0, 0.95),
            "beta_2": st.floats(0.5, 0.999),
            "epsilon": st.sampled_from([1e-8, 1e-3]),
            "n_iter_no_change": st.sampled_from([1, 3, np.inf]),
        }
    ),
)
def test_hyper_parameters_at_random(name, has_weight, parameters):
    try:
        expected = fitted(sklearn.neural_network, name, parameters, has_weight)
    except ZeroDivisionError:  # a batch of zero weights
        gentle = {"learning_rate_init": 1e-4, "alpha": 0.0}  # it shall not diverge for another reason
        assert np.isfinite(fitted(fastnn, name, parameters | gentle, has_weight).loss_)
        return
    moved = fitted(nudged(problem(name)[0]), name, parameters, has_weight)
    if expected is None or moved is None:
        return  # it diverged
    if moved.n_iter_ != expected.n_iter_ or moved.validation_scores_ != expected.validation_scores_:
        return  # whether it stops hangs on a rounding
    chaos = distance(numbers(moved, name), numbers(expected, name))
    if chaos < 1e-6:
        same(name, parameters, has_weight, bound=max(1e-10, 1000 * chaos))


@pytest.mark.parametrize("has_weight", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_lbfgs(name, activation, has_weight):
    parameters = {"solver": "lbfgs", "activation": activation, "hidden_layer_sizes": (7, 4), "random_state": 2}
    expected, found = (
        fitted(module, name, {**parameters, "max_iter": 5, "alpha": 0.1}, has_weight)
        for module in (sklearn.neural_network, fastnn)
    )
    assert found.n_iter_ == expected.n_iter_
    assert found.loss_ == pytest.approx(expected.loss_, rel=1e-9)
    assert found.coefs_[0].dtype == expected.coefs_[0].dtype


@pytest.mark.parametrize("has_weight", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("backend", ["numpy", "simd"])
def test_loss_and_gradient_at_fixed_points(backend, name, activation, has_weight):
    """scikit-learn's gradient is what one step of plain descent at rate 1 changes."""
    estimator, fixed, X, y, weight = problem(name)
    weight = weight if has_weight else None
    alpha = 0.3
    expected = getattr(sklearn.neural_network, estimator)(
        **fixed,
        solver="sgd",
        momentum=0,
        nesterovs_momentum=False,
        learning_rate_init=1.0,
        batch_size=M,
        alpha=alpha,
        activation=activation,
        hidden_layer_sizes=(6, 4),
        random_state=3,
        max_iter=1,
        warm_start=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected.set_params(learning_rate_init=1e-300).fit(X, y, weight)  # draws the weights, and leaves them
        ours = getattr(fastnn, estimator)(**{**expected.get_params(), "warm_start": False}).fit(X, y, weight)
        before = [layer.copy() for layer in expected.coefs_ + expected.intercepts_]
        expected.set_params(learning_rate_init=1.0).fit(X, y, weight)
    gradient = [old - new for old, new in zip(before, expected.coefs_ + expected.intercepts_, strict=True)]

    network = ours.network_
    if estimator == "MLPClassifier":
        targets = ours._encode(y, np.dtype(float))
    else:
        targets = np.ascontiguousarray(y, float).reshape(M, -1)
    weights = np.ones(M) if weight is None else weight
    flat = np.empty_like(network.parameters)
    objective, l2 = Objective(ours.loss, as_sklearn=True), alpha / weights.sum()
    loss, _ = get_backend(backend).loss_and_gradient(
        network._spec, objective, network.parameters, X, targets, weights, l2, flat
    )
    assert loss == pytest.approx(expected.loss_, rel=1e-12)
    found_W, found_b = network._spec.views(flat)
    for found, right in zip([w.T for w in found_W.values()] + list(found_b.values()), gradient, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-12, atol=1e-12 * max(1.0, np.abs(right).max()))


@pytest.mark.parametrize("backend", ["numpy", "simd"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("kind", "loss"), [("softmax", "log_loss"), ("logistic", "log_loss"), ("exp", "poisson")])
def test_probabilities_are_clipped_in_the_loss(backend, dtype, kind, loss):
    """Logits far beyond what a probability can tell: scikit-learn's own loss functions say what is reported."""
    from sklearn.neural_network._base import LOSS_FUNCTIONS

    logits = np.array([[-900.0, 900.0], [-50.0, 50.0], [-17.0, 17.0], [2.0, -1.0], [0.0, 0.0]], dtype)
    y = np.array([[1, 0], [0, 1], [1, 0], [0, 1], [1, 0]], dtype)
    weight = np.array([1.0, 2.0, 0.5, 1.0, 3.0], dtype)
    if kind == "exp":
        logits = logits.clip(-5, 5)
    network = fastnn.Network([np.eye(2)], [[0.0, 0.0]], output_activation=kind, dtype=dtype)
    name = "binary_log_loss" if kind == "logistic" else loss
    expected = LOSS_FUNCTIONS[name](y, network(logits), weight)
    found, _ = get_backend(backend).loss_and_gradient(
        network._spec, Objective(loss, as_sklearn=True), network.parameters, logits, y, weight, 0.0
    )
    assert found == pytest.approx(expected, rel=1e-6 if dtype == "float32" else 1e-14)
    unclipped, _ = get_backend(backend).loss_and_gradient(
        network._spec, Objective(loss), network.parameters, logits, y, weight, 0.0
    )
    assert kind == "exp" or unclipped > 2 * found

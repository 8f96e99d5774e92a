"""Estimators whose parameters change between calls that go on: what each call takes up, and what cannot go on."""

import copy

import numpy as np
import pytest
import sklearn.neural_network
from conftest import assert_close
from fits import LABELS, VALUES, X

import fastnn
from fastnn import MLPClassifier, MLPRegressor

#: One update a call, of all rows, by descent: what one call makes of the weights, nothing before it has a part in.
PLAIN = {
    "hidden_layer_sizes": (6, 5), "activation": "tanh", "solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.1,
    "batch_size": 80, "shuffle": False, "alpha": 0.0, "random_state": 0,
}  # fmt: skip
RULES = {
    "frozen": {"frozen": [1, "b3"]},
    "layer_rates": {"layer_rates": [0.0, (0.5, 2.0), 3.0]},
    "l1": {"l1": 0.05},
    "weight_decay": {"weight_decay": 0.5},
    "max_grad_norm": {"max_grad_norm": 0.01},
    "max_norm": {"max_norm": 0.4},
    "bias": {"bias": False},
}


def weights(estimator):
    return [w.T.copy() for w in estimator.coefs_], [v.copy() for v in estimator.intercepts_]


def assert_is_one_step(estimator, start, rules):
    """From these weights, as `train` makes it."""
    result = fastnn.train(
        [4, 6, 5, 3], X, LABELS, 1, 0.1, activation="tanh", loss="log_loss", solver="sgd", init=start, **rules
    )
    for l in (1, 2, 3):
        assert_close(estimator.coefs_[l - 1].T, result.W[l], 1e-12)
        assert_close(estimator.intercepts_[l - 1], result.b[l], 1e-12)


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_partial_fit_takes_up_rules_and_drops_them(rules):
    classifier = MLPClassifier(**PLAIN).partial_fit(X, LABELS, classes=[0, 1, 2])
    if "bias" in rules:
        for intercepts in classifier.intercepts_:
            intercepts[:] = 0
    defaults = {name: getattr(MLPClassifier(), name) for name in rules}
    for given in (rules, defaults):
        start = weights(classifier)
        classifier.set_params(**given).partial_fit(X, LABELS)
        assert_is_one_step(classifier, start, given)


def test_a_model_moved_over_takes_up_rules():
    theirs = sklearn.neural_network.MLPClassifier(**PLAIN).partial_fit(X, LABELS, classes=[0, 1, 2])
    ours = MLPClassifier()
    ours.__dict__.update(copy.deepcopy(theirs.__dict__))
    start = weights(ours)
    ours.set_params(frozen=[2], l1=0.05).partial_fit(X, LABELS)
    assert_is_one_step(ours, start, {"frozen": [2], "l1": 0.05})


def test_constants_of_the_solver_stay_as_in_scikit_learn():
    for module in (fastnn, sklearn.neural_network):
        estimator, still = (module.MLPRegressor(random_state=0).partial_fit(X, VALUES) for _ in range(2))
        estimator.set_params(beta_1=0.1, learning_rate_init=5.0, epsilon=1.0)
        for each in (estimator, still):
            each.partial_fit(X, VALUES)
        assert all(np.array_equal(a, b) for a, b in zip(estimator.coefs_, still.coefs_, strict=True))


@pytest.mark.parametrize("way", ["fit", "partial_fit"])
def test_another_output_activation_is_the_one_that_is_trained(way):
    y = np.tanh(VALUES)
    options = {"hidden_layer_sizes": (6,), "activation": "tanh", "batch_size": 80, "alpha": 0.0, "random_state": 0}
    regressor = MLPRegressor(**options, max_iter=1, warm_start=True).partial_fit(X, y)
    (first, second), (hidden, out) = regressor.coefs_, regressor.intercepts_
    sums = (np.tanh(X @ first + hidden) @ second + out).ravel()
    regressor.set_params(output_activation="tanh")
    if way == "fit":
        with pytest.warns(UserWarning, match="Maximum iterations"):
            regressor.fit(X, y)
    else:
        regressor.partial_fit(X, y)
    assert_close(regressor.loss_, 0.5 * np.mean((np.tanh(sums) - y) ** 2), 1e-12)
    assert regressor.out_activation_ == regressor.network_.activations[-1] == "tanh"


@pytest.mark.parametrize(
    ("estimator", "before", "after", "y"),
    [
        (MLPClassifier, {}, {"loss": "hinge"}, LABELS),
        (MLPClassifier, {"loss": "squared_hinge"}, {"loss": "focal"}, LABELS == 1),
        (MLPRegressor, {}, {"loss": "gamma"}, np.exp(VALUES)),
        (MLPRegressor, {"loss": "gaussian_nll"}, {"loss": "squared_error"}, np.c_[VALUES, VALUES]),
        (MLPRegressor, {"loss": "quantile", "quantile": [0.1, 0.2, 0.3]}, {"quantile": 0.5}, np.c_[VALUES, X[:, :2]]),
    ],
)
def test_a_loss_that_does_not_go_with_the_network_is_refused(estimator, before, after, y):
    """Where it was not, the engine gave a loss of NaN, and weights of it."""
    first = VALUES if y.ndim == 2 else y
    model = estimator(hidden_layer_sizes=(5,), max_iter=2, random_state=0, warm_start=True, **before)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        model.fit(X, first)
    parameters = model.network_.parameters.copy()
    model.set_params(**after)
    for go_on in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="the network that training is to go on from is of another loss: "):
            go_on(X, y)
    assert (model.network_.parameters == parameters).all()
    model.set_params(warm_start=False, max_iter=1)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        model.fit(X, y)

"""Solvers against scikit-learn's own networks, from their start weights: sgd and adam, on each backend with them."""

import numpy as np
import pytest
from conftest import SOLVERS_ON_BACKENDS, assert_close

import fastnn

SCIKIT_LEARNS = {
    "momentum": ("sgd", {"momentum": 0.9, "nesterov": False}, {"momentum": 0.9, "nesterovs_momentum": False}),
    "nesterov": ("sgd", {"momentum": 0.9, "nesterov": True}, {"momentum": 0.9, "nesterovs_momentum": True}),
    "adam": ("adam", {}, {}),
    "adam, other constants": ("adam", *[{"beta_1": 0.7, "beta_2": 0.95, "epsilon": 1e-3}] * 2),
}
CASES = [
    (case, backend)
    for case, (solver, *_) in SCIKIT_LEARNS.items()
    for name, backend in SOLVERS_ON_BACKENDS
    if name == solver
]


class InOrder(np.random.RandomState):
    """Shuffles nothing, as scikit-learn with ``shuffle=False``."""

    def permutation(self, x):
        return np.arange(x)


def assert_is_scikit_learns(estimator, case, backend, data, loss, activation="tanh", batch_size=60, penalty=0.6):
    """Train for 15 epochs from scikit-learn's own start weights; compare parameters, objective and outputs."""
    from sklearn.exceptions import ConvergenceWarning

    x, y = data
    solver, ours, theirs = SCIKIT_LEARNS[case]
    settings = {
        "hidden_layer_sizes": (6,), "activation": activation, "solver": solver, "alpha": penalty,
        "batch_size": batch_size, "shuffle": False, "random_state": 0, **theirs,
    }  # fmt: skip
    start = estimator(max_iter=1, learning_rate_init=1e-300, **settings)
    model = estimator(max_iter=15, learning_rate_init=0.01, **settings)
    for one in (start, model):
        with pytest.warns(ConvergenceWarning):
            one.fit(x, y)
    n_out, n_batches = model.n_outputs_, -(-len(x) // batch_size)
    result = fastnn.train(
        [x.shape[1], 6, n_out], x, y, 15 * n_batches, 0.01, activation=activation, loss=loss,
        output_activation="identity" if loss == "squared_error" else None, l2=penalty / batch_size, solver=solver,
        init=([w.T for w in start.coefs_], start.intercepts_), batch_size=batch_size, random_state=InOrder(0),
        backend=backend, **ours,
    )  # fmt: skip
    for l in (1, 2):
        assert_close(result.W[l], model.coefs_[l - 1].T, 1e-11)
        assert_close(result.b[l], model.intercepts_[l - 1], 1e-11)
    if loss != "squared_error" or n_out == 1:  # else scikit-learn reports the mean over the outputs
        rows = np.diff(np.minimum(np.arange(n_batches + 1) * batch_size, len(x)))
        objective = np.average(np.reshape(result.loss_curve, (15, n_batches)), axis=1, weights=rows)
        assert_close(objective, model.loss_curve_, 1e-11)
    if loss == "log_loss":
        assert_close(result.network(x), model.predict_proba(x)[:, -n_out:], 1e-11)
        assert (result.network.predict(x) == model.predict(x)).all()
    else:
        assert_close(result.network.predict(x), model.predict(x), 1e-11)


@pytest.mark.parametrize("activation", ["logistic", "tanh", "relu", "identity"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(("case", "backend"), CASES)
def test_classification_is_scikit_learns(case, backend, n_classes, activation):
    from sklearn.datasets import make_classification
    from sklearn.neural_network import MLPClassifier

    data = make_classification(60, 8, n_informative=5, n_classes=n_classes, random_state=1)
    assert_is_scikit_learns(MLPClassifier, case, backend, data, "log_loss", activation)


@pytest.mark.parametrize("n_out", [1, 3])
@pytest.mark.parametrize(("case", "backend"), CASES)
def test_regression_is_scikit_learns(case, backend, n_out):
    from sklearn.datasets import make_regression
    from sklearn.neural_network import MLPRegressor

    x, y = make_regression(60, 8, n_informative=5, n_targets=n_out, random_state=1)
    assert_is_scikit_learns(MLPRegressor, case, backend, (x, y / np.abs(y).max()), "squared_error")


@pytest.mark.parametrize(("batch_size", "penalty"), [(20, 0.6), (16, 0.0)])  # scikit-learn's penalty of a short batch
@pytest.mark.parametrize(("case", "backend"), CASES)  # is larger, so where one is there is none
def test_mini_batches_are_scikit_learns(case, backend, batch_size, penalty):
    from sklearn.datasets import make_classification
    from sklearn.neural_network import MLPClassifier

    data = make_classification(60, 8, n_informative=5, n_classes=3, random_state=1)
    assert_is_scikit_learns(MLPClassifier, case, backend, data, "log_loss", batch_size=batch_size, penalty=penalty)

"""The losses on both faces: what they find, against closed forms and scikit-learn, and what they refuse."""

import pickle
import warnings

import numpy as np
import pytest
from conftest import BACKEND_NAMES, assert_close
from scipy import special
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import mean_pinball_loss

import fastnn
from fastnn import MLPClassifier, MLPRegressor
from fastnn.backends import get_backend
from fastnn.estimators._plain import optimizer_from_plain, optimizer_to_plain
from fastnn.objective import PARAMETERS, Objective
from fastnn.spec import NetworkSpec

RNG = np.random.default_rng(3)
X = RNG.standard_normal((200, 3))
SKEWED = np.exp(X[:, 0] + 0.5 * RNG.standard_normal(200))
CLASSES = np.where(X[:, 0] + X[:, 1] ** 2 > 0.5, "yes", "no")
OTHERS = {"huber": [0.1, 3.0], "quantile": [0.1, 0.9], "focal": [0.0, 0.5, 1.0, 5.0]}


def one_layer(output, n=3):
    spec = NetworkSpec((n, n), (output,), np.dtype("float64"))
    parameters = np.zeros(spec.n_parameters)
    spec.views(parameters)[0][1][:] = np.eye(n)
    return spec, parameters


def evaluate(backend, objective, output, Z, y):
    """The mean loss of weighted sums Z, and its derivative by the biases."""
    spec, parameters = one_layer(output, Z.shape[1])
    gradient = np.empty_like(parameters)
    value, _ = get_backend(backend).loss_and_gradient(spec, objective, parameters, Z, y, None, 0.0, gradient)
    return value, spec.views(gradient)[1][1]


@pytest.mark.parametrize("backend", BACKEND_NAMES)
@pytest.mark.parametrize("loss", OTHERS)
def test_other_parameters(backend, loss):
    Z, y = RNG.normal(0, 2, (1, 3)), RNG.normal(0, 2, (1, 3))
    output = "logistic" if loss == "focal" else "identity"
    y = (y > 0) * 1.0 if loss == "focal" else y
    for parameter in OTHERS[loss]:
        expected = {
            "huber": lambda p: special.huber(p, Z - y).sum(),
            "quantile": lambda p: 3 * mean_pinball_loss(y, Z, alpha=p),
            "focal": lambda p: -(special.expit((1 - 2 * y) * Z) ** p * special.log_expit((2 * y - 1) * Z)).sum(),
        }[loss](parameter)
        value, slopes = evaluate(backend, Objective(loss, parameter=parameter), output, Z, y)
        assert_close(value, expected, 1e-13)
        step = 1e-6
        shifted = [
            [evaluate(backend, Objective(loss, parameter=parameter), output, Z + s * e, y)[0] for s in (step, -step)]
            for e in np.eye(3)
        ]
        assert_close(slopes, [(up - down) / (2 * step) for up, down in shifted], 1e-7)


@pytest.mark.parametrize("backend", BACKEND_NAMES)
@pytest.mark.parametrize("output", ["logistic", "softmax"])
def test_focal_with_gamma_0_is_the_log_loss(backend, output):
    Z, y = RNG.normal(0, 3, (1, 4)), np.eye(4)[[2]]
    of_focal = evaluate(backend, Objective("focal", parameter=0.0), output, Z, y)
    of_log_loss = evaluate(backend, Objective("log_loss"), output, Z, y)
    for actual, expected in zip(of_focal, of_log_loss, strict=True):
        assert_close(actual, expected, 1e-14)


@pytest.mark.parametrize("backend", BACKEND_NAMES)
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_does_not_overflow_at_1000(backend, gamma):
    Z, y = np.array([[1000.0, -1000.0, 0.0, 999.0]]), np.array([[0.0, 1.0, 0.0, 0.0]])
    value, slopes = evaluate(backend, Objective("focal", parameter=gamma), "softmax", Z, y)
    share = special.softmax(Z[0]) - y[0]
    assert_close(value, 2000 + np.log1p(np.exp(-1)), 1e-12)
    assert_close(slopes, share, 1e-12)  # (1 - p)^exponent is 1, and p log p 0
    value, slopes = evaluate(backend, Objective("focal", parameter=gamma), "logistic", Z, y)
    last = special.expit(0) ** gamma * np.log(2)
    assert_close(value, 1000 + 1000 + last + 999, 1e-12)
    assert np.isfinite(slopes).all()
    right, slopes = evaluate(backend, Objective("focal", parameter=gamma), "softmax", Z, np.eye(4)[[0]])
    assert_close(right, (1 - special.softmax(Z[0])[0]) ** gamma * np.log1p(np.exp(-1)), 1e-12)
    certain, slopes = evaluate(backend, Objective("focal", parameter=gamma), "softmax", Z[:, :2], np.eye(2)[[0]])
    assert certain == 0
    assert not slopes.any()


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_gamma_does_not_overflow_where_the_output_does(backend):
    """h = e^1000 is infinite, but log(h / y) + y / h - 1 is not, nor its slope."""
    with np.errstate(over="ignore"):
        value, slopes = evaluate(backend, Objective("gamma"), "exp", np.array([[1000.0]]), np.array([[2.0]]))
    assert_close(value, 1000 - np.log(2) - 1, 1e-13)
    assert_close(slopes, [1.0], 1e-15)


@pytest.mark.parametrize("backend", BACKEND_NAMES)
@pytest.mark.parametrize("loss", ["absolute_error", "huber", "quantile", "hinge", "squared_hinge"])
def test_the_derivative_at_a_kink_is_0(backend, loss):
    _, slopes = evaluate(backend, Objective(loss), "identity", np.array([[1.0]]), np.array([[1.0]]))
    assert slopes == 0


@pytest.mark.parametrize("q", [0.1, 0.5, 0.8])
def test_a_quantile_of_numbers(q):
    """An input of zeros leaves the bias, whose best is the quantile of the targets."""
    y = np.random.default_rng(0).exponential(size=999)
    result = fastnn.train([1, 1], np.zeros((999, 1)), y, 4000, 0.02, loss="quantile", quantile=q, init="zeros")
    assert abs(np.mean(y < result.network.predict([0.0])) - q) < 0.005


def test_absolute_error_finds_the_median_and_squared_error_the_mean():
    y = np.array([0.0, 1.0, 1.2, 1.3, 100.0])
    for loss, expected in (("absolute_error", 1.2), ("huber", None), ("squared_error", y.mean())):
        options = {"loss": loss, "activation": "identity", "init": "zeros", "huber_delta": 0.5}
        found = fastnn.train([1, 1], np.zeros((5, 1)), y, 4000, 0.02, **options).network.predict([0.0])
        if expected is None:  # whose slopes sum to 0
            assert abs((found - y).clip(-0.5, 0.5).sum()) < 1e-6
        else:
            assert abs(found - expected) < 0.02


def test_gamma_finds_the_mean():
    found = fastnn.train([1, 1], np.zeros((200, 1)), SKEWED, 2000, 0.5, loss="gamma", init="zeros").network
    assert_close(found.predict([0.0]), SKEWED.mean(), 1e-8)


@pytest.mark.parametrize("backend", BACKEND_NAMES)
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_labels_of_a_hinge_loss(loss, backend):
    options = {"loss": loss, "activation": "tanh", "init": "glorot_normal", "random_state": 0, "backend": backend}
    result = fastnn.train([3, 8, 1], X, CLASSES, 150, 0.2, **options)
    outputs = result.network(X)
    assert (result.network.predict(X) == np.where(outputs[:, 0] > 0, "yes", "no")).all()
    assert np.mean(result.network.predict(X) == CLASSES) > 0.85
    signs = np.where(CLASSES == "yes", 1, -1)
    for y in (signs, signs.reshape(-1, 1)):
        same = fastnn.train([3, 8, 1], X, y, 150, 0.2, **options)
        assert (same.network.parameters == result.network.parameters).all()
        assert set(same.network.predict(X)) == {-1, 1}
    for copied in (pickle.loads(pickle.dumps(result.network)), result.network.copy()):
        assert (copied.predict(X) == result.network.predict(X)).all()
    again = fastnn.Network(result.W, result.b, classes=["no", "yes"])
    assert (again.predict(X) == result.network.predict(X)).all()
    assert "threshold" not in fastnn.portable.to_plain(fastnn.Network([[[1.0]]], [[0.0]]))["labels"]
    with pytest.raises(ValueError, match="probabilities only where"):
        result.network.predict_proba(X)


def test_several_classes_of_a_hinge_loss_are_each_against_the_rest():
    labels = np.digitize(X[:, 0], [-0.5, 0.5])
    options = {"loss": "squared_hinge", "activation": "tanh", "init": "glorot_normal", "random_state": 0}
    result = fastnn.train([3, 8, 3], X, labels, 300, 0.1, validation_data=(X, labels), **options)
    assert np.mean(result.network.predict(X) == labels) == result.history["accuracy"][-1] > 0.8
    targets = 2 * np.eye(3)[labels] - 1
    same = fastnn.train([3, 8, 3], X, targets, 300, 0.1, **options)
    assert (same.network.parameters == result.network.parameters).all()
    several = np.where(X > 0, 1, -1)
    found = fastnn.train([3, 3], X, several, 300, 0.1, loss="hinge", init="zeros").network.predict(X)
    assert np.mean(found == (X > 0)) > 0.95


def test_hinge_without_hidden_layers_is_the_linear_machine():
    """scikit-learn's SGDClassifier makes the same updates, sample by sample, at the same rate."""
    y = np.where(CLASSES == "yes", 1, 0)
    theirs = SGDClassifier(
        "hinge", alpha=1e-9, learning_rate="constant", eta0=0.05, max_iter=1, tol=None, shuffle=False, penalty=None
    ).fit(X, y)
    options = {"loss": "hinge", "init": "zeros", "batch_size": 1, "order": "sequential"}
    ours = fastnn.train([3, 1], X, y, 200, 0.05, **options)
    assert_close(ours.W[1], theirs.coef_, 1e-9)
    assert_close(ours.b[1], theirs.intercept_, 1e-9)


@pytest.mark.parametrize(
    ("loss", "y", "options", "message"),
    [
        ("hinge", [[0.0], [1.0]], {}, "y has 0.0 in row 0, column 0; loss='hinge' takes targets -1 or 1"),
        ("gamma", [[0.0], [1.0]], {}, "y has 0.0 in row 0, column 0; loss='gamma' takes targets greater than 0"),
        ("focal", [[2.0], [1.0]], {}, "loss='focal' takes targets between 0 and 1"),
        ("quantile", [1.0, 2.0], {"quantile": 1.0}, "quantile must be"),
        ("huber", [1.0, 2.0], {"huber_delta": 0.0}, "huber_delta must be"),
        ("focal", [0.0, 1.0], {"focal_gamma": -1.0}, "focal_gamma must be"),
        ("hinge", [0.0, 1.0], {"output_activation": "tanh"}, "it goes with 'identity'"),
    ],
)
def test_what_is_refused(loss, y, options, message):
    with pytest.raises(ValueError, match=message):
        fastnn.train([1, 1], [[0.0], [1.0]], y, loss=loss, **options)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "quantile", "gamma"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_regressor(loss, solver):
    parameters = {"huber_delta": 0.3, "quantile": 0.8}
    options = {"solver": solver, "max_iter": 300, "random_state": 0, "learning_rate_init": 0.01, "alpha": 0.0}
    regressor = MLPRegressor(loss, (16,), **options, **parameters, tol=0.0, n_iter_no_change=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        regressor.fit(X, SKEWED)
    found = regressor.predict(X)
    if loss == "quantile":
        assert abs(np.mean(found > SKEWED) - 0.8) < 0.05
    parameter = parameters.get(PARAMETERS.get(loss, ("",))[0])
    objective = Objective(loss, parameter=parameter)
    expected = {
        "absolute_error": lambda y, h: np.abs(y - h).mean(),
        "huber": lambda y, h: special.huber(0.3, y - h).mean(),
        "quantile": lambda y, h: mean_pinball_loss(y, h, alpha=0.8),
        "gamma": lambda y, h: (y / h - np.log(y / h) - 1).mean(),
    }[loss](SKEWED, found)
    value, _ = get_backend("numpy").loss_and_gradient(
        regressor.network_._spec, objective, regressor.network_.parameters, X, SKEWED[:, None], None, 0.0
    )
    assert_close(value, expected, 1e-12)
    if solver == "lbfgs":
        assert_close(regressor.loss_, expected, 1e-9)
    assert (pickle.loads(pickle.dumps(regressor)).predict(X) == found).all()


def fitted_to_the_end(estimator, *data):
    with pytest.warns(UserWarning, match="Maximum iterations"):
        return estimator.fit(*data)


@pytest.mark.parametrize(
    "y", [CLASSES, np.digitize(X[:, 0], [-0.5, 0.5]), (X > 0).astype(int)], ids=["2", "3", "several"]
)
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge", "focal"])
def test_classifier(loss, y):
    options = {"loss": loss, "max_iter": 100, "random_state": 0, "learning_rate_init": 0.01, "focal_gamma": 1.0}
    classifier = fitted_to_the_end(MLPClassifier((16,), **options, tol=0.0, n_iter_no_change=1000), X, y)
    assert classifier.score(X, y) > 0.85
    assert (classifier.network_.predict(X) == classifier.predict(X)).all()
    again = pickle.loads(pickle.dumps(classifier))
    assert (again.predict(X) == classifier.predict(X)).all()
    again.partial_fit(X, y)
    n_out = 1 if y.dtype.kind == "U" else 3
    if loss == "focal":
        assert classifier.predict_proba(X).shape == (200, max(n_out, 2))
        assert not hasattr(classifier, "decision_function")
    else:
        margins = classifier.decision_function(X)
        assert margins.shape == ((200,) if n_out == 1 else (200, 3))
        if n_out == 1:
            assert (classifier.predict(X) == np.where(margins > 0, "yes", "no")).all()
        with pytest.raises(AttributeError, match="predict_proba"):
            classifier.predict_proba(X)
    stopped = MLPClassifier((16,), **{**options, "max_iter": 30}, early_stopping=True, n_iter_no_change=100)
    fitted_to_the_end(stopped, X, y)
    assert stopped.best_validation_score_ > 0.5


def test_an_optimizer_remembers_the_parameter_of_its_loss():
    regressor = MLPRegressor("huber", (4,), huber_delta=0.25, max_iter=3)
    optimizer = fitted_to_the_end(regressor, X, SKEWED)._optimizer
    plain = optimizer_to_plain(optimizer)
    assert plain["training"]["loss_parameter"] == 0.25
    assert optimizer_from_plain(plain).training == optimizer.training
    assert (
        "loss_parameter"
        not in optimizer_to_plain(fitted_to_the_end(MLPRegressor(max_iter=1), X, SKEWED)._optimizer)["training"]
    )

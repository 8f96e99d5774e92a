"""bias=False: networks whose units have weights alone, on both faces; a tutorial's are in test_published_tutorials."""

import numpy as np
import pytest
import sklearn.neural_network
from conftest import LABELS, SOLVERS, X, Y, assert_close

import fastnn
from fastnn import MLPClassifier, MLPRegressor, kernels
from fastnn.initial import INITS, INITS_WITH_BIASES

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

HAVE_IT = ("simd", "numpy")
START = [np.random.default_rng(1).standard_normal(shape) for shape in ((5, 4), (3, 5))]


def train(*, n=30, alpha=0.1, **options):
    options = {"activation": "tanh", "random_state": 0, **options}
    return fastnn.train([4, 5, 3], X, Y, n, alpha, **options)


def plain_descent(X, Y, W, n, alpha, momentum=0.0):
    """Gradient descent on ½ ||y - h||² of a tanh network with identity outputs, weights alone, from the maths."""
    first, second = np.array(W[0]), np.array(W[1])
    speeds = [np.zeros_like(first), np.zeros_like(second)]
    for _ in range(n):
        H = np.tanh(X @ first.T)
        delta = (H @ second.T - Y) / len(X)
        gradients = ((delta @ second) * (1 - H * H)).T @ X, delta.T @ H
        speeds = [momentum * v - alpha * g for v, g in zip(speeds, gradients, strict=True)]
        first, second = first + speeds[0], second + speeds[1]
    return first, second


@pytest.mark.parametrize("backend", HAVE_IT)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_it_is_descent_on_the_weights_alone(backend, momentum):
    result = train(bias=False, init=(START, None), backend=backend, momentum=momentum, output_activation="identity")
    for weights, expected in zip(result.W.values(), plain_descent(X, Y, START, 30, 0.1, momentum), strict=True):
        assert_close(weights, expected, 1e-12)
    assert not any(layer.any() for layer in result.b.values())
    assert result.b.keys() == {1, 2}


@pytest.mark.parametrize("batch_size", [1, 7])
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_leaves_them_at_zero(solver, batch_size):
    batch_size = None if solver == "rprop" else batch_size
    found = [
        train(bias=False, solver=solver, batch_size=batch_size, backend=backend, alpha=1e-2, init="glorot_normal")
        for backend in HAVE_IT
    ]
    for result in found:
        assert not any(layer.any() for layer in result.b.values())
    assert_close(found[0].W[1], found[1].W[1], 1e-8)


@pytest.mark.parametrize("solver", ["lbfgs", "levenberg_marquardt"])
def test_the_other_solvers_too(solver):
    result = train(bias=False, solver=solver, init="glorot_normal")
    assert not any(layer.any() for layer in result.b.values())
    assert result.loss_curve[-1] < result.loss_curve[0]


@pytest.mark.parametrize("init", [*INITS, *INITS_WITH_BIASES])
@pytest.mark.filterwarnings("ignore:the start weights of init")
@pytest.mark.filterwarnings("ignore:with init='zeros'")
def test_none_is_drawn(init):
    """The stream of random numbers is that of the weights alone, layer by layer."""
    options = {"n": 1, "alpha": 1e-300, "init": init, "random_state": np.random.RandomState(4)}
    result = train(bias=False, **options)
    source = np.random.RandomState(4)
    for l, (n_in, n_out) in enumerate([(4, 5), (5, 3)], start=1):
        if init == "uniform":
            assert (result.W[l] == source.random_sample((n_out, n_in))).all()
        elif init == "pytorch_uniform":
            assert_close(result.W[l], (2 * source.random_sample((n_out, n_in)) - 1) / np.sqrt(n_in), 1e-15)
        elif init == "normal_with_biases":
            assert (result.W[l] == source.standard_normal((n_out, n_in))).all()
    if init in INITS:
        with_biases = train(**{**options, "random_state": np.random.RandomState(4)})
        assert (result.W[2] == with_biases.W[2]).all()


def test_networks_take_no_biases():
    result = train(bias=False)
    bare = fastnn.Network(dict(result.W), None, activation="tanh", output_activation="identity")
    assert (bare(X) == result.network(X)).all()
    outputs = kernels.forward(dict(result.W), None, X, activation="tanh", output_activation="identity")
    assert_close(outputs, result.network(X), 1e-14)
    W = {1: [[7.0, 3.0]]}
    assert fastnn.predict(W, None, [[1, 0], [-1, 0]]).tolist() == [1, 0]
    again = train(bias=False, init=(result.W, result.b))
    assert again.loss_curve[0] < result.loss_curve[0]


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_the_estimators_learn_weights_alone(estimator, solver):
    """As scikit-learn does from the same weights, once its gradient by the biases is 0 throughout."""
    options = {"hidden_layer_sizes": (6,), "solver": solver, "max_iter": 6, "random_state": 0, "activation": "tanh"}
    ours = estimator(**options, bias=False).fit(X, LABELS)
    assert not any(layer.any() for layer in ours.intercepts_)

    class Theirs(getattr(sklearn.neural_network, estimator.__name__)):
        def _init_coef(self, fan_in, fan_out, dtype):
            bound = np.sqrt(6.0 / (fan_in + fan_out))
            weights = self._random_state.uniform(-bound, bound, (fan_in, fan_out)).astype(dtype, copy=False)
            return weights, np.zeros(fan_out, dtype=dtype)

        def _compute_loss_grad(self, layer, *args):
            super()._compute_loss_grad(layer, *args)
            args[-1][layer][:] = 0

    theirs = Theirs(**options).fit(X, LABELS)
    for mine, other in zip(ours.coefs_, theirs.coefs_, strict=True):
        assert_close(mine, other, 1e-9)


def test_an_estimator_goes_on_without():
    classifier = MLPClassifier((6,), bias=False, random_state=0).partial_fit(X, LABELS, classes=[0, 1, 2])
    classifier.partial_fit(X, LABELS)
    assert not any(layer.any() for layer in classifier.intercepts_)
    learned = MLPClassifier((6,), random_state=0, max_iter=3, warm_start=True).fit(X, LABELS)
    with pytest.raises(ValueError, match="intercepts_ are not 0, but bias=False; set them to 0, or fit anew"):
        learned.set_params(bias=False).fit(X, LABELS)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"init": (START, None)},
            ValueError,
            r"init has no biases \(None\), but they are to be learned; pass",
        ),
        (
            {"init": (START, [np.zeros(5), np.ones(3)]), "bias": False},
            ValueError,
            "init has biases that are not 0 in layer 2, but bias=False; pass None for b",
        ),
        ({"bias": None}, TypeError, "bias must be True or False, got None"),
        ({"bias": False, "backend": "python"}, ValueError, "bias=False is not available on backend='python'; use"),
        ({"bias": False, "frozen": ["W1", "W2"]}, ValueError, "nothing would be trained"),
    ],
)
def test_what_does_not_go_together(options, error, message):
    with pytest.raises(error, match=message):
        train(**options)

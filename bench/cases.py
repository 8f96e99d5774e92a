"""What is measured: each case as several ways to compute the same numbers, returned so that they can be compared."""

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastnn import Network, kernels, reference
from fastnn.backends import BACKENDS
from fastnn.objective import Objective
from fastnn.reference import batched, elementary
from fastnn.spec import NetworkSpec, TrainingSpec
from fastnn.state import TrainingState

#: How the ways are called in the table.
NAIVE, PER_SAMPLE, BATCHED = "naive Python loop", "NumPy, per sample", "NumPy, batched"
COMPILED, ENGINE = "fastnn cython", "fastnn simd"
WAY_OF_BACKEND = {"python": NAIVE, "numpy": BATCHED, "cython": COMPILED, "simd": ENGINE}

#: Largest difference between two ways, relative to the largest number.
TOLERANCE = {"float64": 1e-10, "float32": 1e-4}

LAYERS = (64, 30, 10)


@dataclass
class Case:
    """One computation at one dtype.

    Parameters
    ----------
    name, dtype : str
    ways : dict
        Name -> callable that computes the numbers and returns them.
    """

    name: str
    dtype: str
    ways: dict[str, Callable]

    def disagreement(self):
        """Return the name of a way whose numbers differ from the first one's, and by how much; else None."""
        expected, *others = ((name, np.asarray(way(), np.float64)) for name, way in self.ways.items())
        scale = np.abs(expected[1]).max()
        for name, numbers in others:
            if numbers.shape != expected[1].shape:
                return name, np.inf
            error = np.abs(numbers - expected[1]).max() / scale
            if not error <= TOLERANCE[self.dtype]:  # NaN disagrees
                return name, error
        return None


def digits():
    """Return S3's training data: the 1078 scaled digits and their one-hot targets."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    data = load_digits()
    X = StandardScaler().fit_transform(data.data)
    X, _, labels, _ = train_test_split(X, data.target, test_size=0.4, random_state=7)
    return X, reference.convert_y_to_vect(labels)


def all_cases():
    """Yield every case, in the order of the table."""
    X, Y = digits()
    for dtype in ("float64", "float32"):
        x, y = X.astype(dtype), Y.astype(dtype)
        yield elementwise("sigmoid of 10,000 numbers", dtype, elementary.logistic, batched.logistic, kernels.sigmoid)
        yield elementwise("ReLU of 10,000 numbers", dtype, elementary.relu, reference.relu_activation, kernels.relu)
        yield forward("forward, 64-30-10, 1078 rows", dtype, x)
        yield backward("backward, with the forward pass it needs, 64-30-10, 1078 rows", dtype, x, y)
        yield one_row("forward of one row, 3-3-1", dtype, (3, 3, 1))
        yield one_row("forward of one row, 100-100-50-10", dtype, (100, 100, 50, 10))
        yield epoch("one epoch of training, 64-30-10, 1078 rows", dtype, x, y)


def elementwise(name, dtype, naive, numpy, compiled):
    """An activation function on its own."""
    z = np.random.default_rng(0).normal(0, 3, 10_000).astype(dtype)
    as_list = z.tolist()
    return Case(
        name,
        dtype,
        {NAIVE: lambda: [naive(value) for value in as_list], BATCHED: lambda: numpy(z), COMPILED: lambda: compiled(z)},
    )


def forward(name, dtype, X):
    """The forward pass of all rows."""
    spec, parameters = _network(LAYERS, dtype)

    def way(backend):
        out = np.empty((len(X), spec.n_out), dtype)
        backend.forward(spec, parameters, X, out)
        return out

    return Case(name, dtype, _ways(way))


def backward(name, dtype, X, y):
    """The loss and its gradient over all rows."""
    spec, parameters = _network(LAYERS, dtype)
    weights = np.ones(len(X), dtype)

    def way(backend):
        gradient = np.empty_like(parameters)
        backend.loss_and_gradient(spec, Objective("squared_error"), parameters, X, y, weights, 0.0, gradient)
        return gradient

    return Case(name, dtype, _ways(way))


def one_row(name, dtype, layers):
    """The tutorials' feed-forward pass of one sample, their functions against a network called."""
    spec, parameters = _network(layers, dtype)
    W, b = spec.views(parameters)
    w, b = list(W.values()), list(b.values())
    x = np.random.default_rng(1).random(layers[0]).astype(dtype)
    as_lists = x.tolist(), [matrix.tolist() for matrix in w], [vector.tolist() for vector in b]
    by_numpy, by_cython, by_simd = (Network(w, b, dtype=dtype, backend=name) for name in ("numpy", "cython", "simd"))
    ways = {
        NAIVE: lambda: reference.simple_looped_nn_calc(len(layers), *as_lists),
        PER_SAMPLE: lambda: reference.matrix_feed_forward_calc(len(layers), x, w, b),
        BATCHED: lambda: by_numpy(x),
        COMPILED: lambda: by_cython(x),
        ENGINE: lambda: by_simd(x),
    }
    return Case(name, dtype, ways)


def epoch(name, dtype, X, y):
    """One full-batch update from the tutorial's start weights: what it changes in the parameters."""
    spec, start = _network(LAYERS, dtype)
    training = TrainingSpec(Objective("squared_error"))
    state = TrainingState(spec, training.solver)

    def way(backend):
        state.parameters[:] = start
        curves = np.empty(1), np.empty(1)
        run = backend.begin(state, training, X, y, None, len(X))
        run.advance(None, None, np.array([0.25]), np.zeros(1), *curves)
        run.end()
        return state.parameters - start

    def per_sample():
        np.random.seed(0)
        with contextlib.redirect_stdout(io.StringIO()):
            W, b, _ = reference.train_nn(list(LAYERS), X, y, 1, 0.25)
        out = np.empty_like(state.parameters)
        spec.flatten(W, b, out)
        return out - start

    ways = _ways(way)
    if dtype == "float64":  # the tutorial's arithmetic
        ways = {NAIVE: ways[NAIVE], PER_SAMPLE: per_sample, **ways}
    return Case(name, dtype, ways)


def _ways(way):
    return {label: lambda backend=BACKENDS[name]: way(backend) for name, label in WAY_OF_BACKEND.items()}


def _network(layers, dtype):
    """A sigmoid network with the tutorial's start weights after ``numpy.random.seed(0)``."""
    spec = NetworkSpec(tuple(layers), ("logistic",) * (len(layers) - 1), np.dtype(dtype))
    np.random.seed(0)
    W, b = reference.setup_and_init_weights(layers)
    parameters = np.empty(spec.n_parameters, dtype)
    spec.flatten(W, b, parameters)
    return spec, parameters

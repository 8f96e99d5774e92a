"""The data sets of the cases, from fixed seeds: each function returns X and targets, float64, for a case.

They are as large and as dense as the data they stand for; that they can be learned makes the losses worth comparing.
"""

import numpy as np

from bench import cases as own_cases
from bench.peers.cases import Problem, start_weights


def problem(case, dtype):
    """Return the arrays of a case at a dtype: the same from the same case, whatever else was made before."""
    rng = np.random.default_rng(12)
    X, y = globals()[case.data](case, np.random.default_rng(7))
    W, b = start_weights(case, rng)
    rows = rng.permutation(case.n_rows)
    if not case.batch_size:
        rows = np.arange(case.n_rows)
    W, b = [weights.astype(dtype) for weights in W], [biases.astype(dtype) for biases in b]
    return Problem(case, dtype, X.astype(dtype), y.astype(dtype), rows, W, b)


def digits(case, rng):
    """S3's scaled digits and their one-hot targets."""
    X, y = own_cases.digits()
    return X[: case.n_rows], y[: case.n_rows]


def clusters(case, rng):
    """A small problem of classes around random centres."""
    labels = rng.integers(0, case.layers[-1], case.n_rows)
    centres = rng.normal(size=(case.layers[-1], case.layers[0]))
    return centres[labels] + rng.normal(size=(case.n_rows, case.layers[0])), np.eye(case.layers[-1])[labels]


def regression(case, rng):
    """Standard normal inputs and a smooth, noisy, standardised target."""
    X = rng.normal(size=(case.n_rows, case.layers[0]))
    y = np.sin(X[:, :1]) + X[:, 1:2] * X[:, 2:3] + 0.1 * rng.normal(size=(case.n_rows, 1))
    return X, (y - y.mean()) / y.std()


def two_classes(case, rng):
    """Standard normal inputs, divided by a noisy curved surface."""
    X = rng.normal(size=(case.n_rows, case.layers[0]))
    score = np.tanh(X @ rng.normal(size=(case.layers[0], 8))) @ rng.normal(size=(8, 1))
    return X, (score + 0.3 * rng.normal(size=score.shape) > 0).astype(np.float64)


def images(case, rng):
    """Numbers from [0, 1), four fifths of them 0, as in images of digits, with classes from a random linear map."""
    X = rng.random((case.n_rows, case.layers[0]), np.float32)
    X *= rng.random(X.shape, np.float32) < 0.2
    scores = (X - X.mean()) @ rng.normal(size=(case.layers[0], case.layers[-1])).astype(np.float32)
    return X, np.eye(case.layers[-1])[scores.argmax(axis=1)]


def normal(case, rng):
    """Inputs alone."""
    return rng.normal(size=(case.n_rows, case.layers[0])), np.empty((case.n_rows, 0))

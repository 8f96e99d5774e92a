"""What one update costs that goes on from the one before: by ``train(init=result)`` and by ``partial_fit``.

Called by ``python -m bench.going_on``; a network 4-8-3 on 32 rows and on one, where nothing but the way to the engine
counts.
"""

import statistics
import time
import warnings

import numpy as np

import fastnn
from bench.machine import describe

N_ROUNDS, N_CALLS = 7, 300


def cases():
    """Pairs of what is done and a function that does it once."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((32, 4)), rng.integers(0, 3, 32)
    settings = {"loss": "log_loss", "activation": "relu", "solver": "adam"}
    result = fastnn.train([4, 8, 3], X, y, 1, init="he_normal", **settings)
    classifier = fastnn.MLPClassifier((8,), random_state=0).partial_fit(X, y, classes=[0, 1, 2])
    regressor = fastnn.MLPRegressor(hidden_layer_sizes=(8,), random_state=0).partial_fit(X, X[:, 0])
    return [
        ("train, 32 rows", lambda: fastnn.train([4, 8, 3], X, y, 1, init="he_normal", **settings)),
        ("train(init=result), 32 rows", lambda: fastnn.train([4, 8, 3], X, y, 1, init=result, **settings)),
        ("train(init=result), 1 row", lambda: fastnn.train([4, 8, 3], X[:1], y[:1], 1, init=result, **settings)),
        ("MLPClassifier.partial_fit, 32 rows", lambda: classifier.partial_fit(X, y)),
        ("MLPClassifier.partial_fit, 1 row", lambda: classifier.partial_fit(X[:1], y[:1])),
        ("the same, the general way", lambda: classifier.partial_fit(X=X, y=y)),
        ("MLPRegressor.partial_fit, 32 rows", lambda: regressor.partial_fit(X, X[:, 0])),
    ]


def measure():
    """Return the median microseconds of each case, in turns."""
    found = {name: [] for name, _ in cases()}
    prepared = cases()
    for _ in range(N_ROUNDS):
        for name, call in prepared:
            begin = time.perf_counter()
            for _ in range(N_CALLS):
                call()
            found[name].append((time.perf_counter() - begin) / N_CALLS * 1e6)
    return {name: statistics.median(times) for name, times in found.items()}


def main():
    """Print a line a case."""
    warnings.simplefilter("ignore")
    print(describe())
    for name, microseconds in measure().items():
        print(f"{name:40} {microseconds:8.1f} µs")


if __name__ == "__main__":
    main()

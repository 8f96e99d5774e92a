"""The tutorial's digits network with one call, then one epoch of it in five ways, side by side.

Run from anywhere: python examples/digits.py (needs fastnn and scikit-learn, which has the digits).
"""

import contextlib
import io
from time import perf_counter

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import fastnn
from fastnn import reference

# The data: 1797 images of 8 x 8 pixels, scaled; 1078 to train, the rest to test.
images = load_digits()
X = StandardScaler().fit_transform(images.data)
X_train, X_test, y_train, y_test = train_test_split(X, images.target, test_size=0.4, random_state=7)
Y_train = reference.convert_y_to_vect(y_train)

# The one line. In the tutorial it is: W, b, cost = train_nn([64, 30, 10], X_train, Y_train)
np.random.seed(0)
start = perf_counter()
W, b, cost = fastnn.train([64, 30, 10], X_train, Y_train)
seconds = perf_counter() - start

accuracy = (fastnn.predict(W, b, X_test) == y_test).mean()
print(f"Trained 64-30-10 on {len(X_train)} digits: {len(cost)} iterations in {seconds:.1f} s")
print(f"Test accuracy: {100 * accuracy:.1f} %\n")


def epoch(train, n_epochs):
    """Seconds that one epoch takes, the best of three runs."""
    best = float("inf")
    for _ in range(3):
        np.random.seed(0)
        start = perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):  # the tutorial's loop prints as it goes
            _, _, cost = train(n_epochs)
        best = min(best, (perf_counter() - start) / n_epochs)
    assert abs(cost[1] - cost_of_training[1]) < 1e-9, "the five ways must agree, after an update too"
    return best


cost_of_training = cost
ways = {
    "naive Python loop": epoch(lambda n: fastnn.train([64, 30, 10], X_train, Y_train, n, backend="python"), 2),
    "NumPy, per sample (the tutorial)": epoch(lambda n: reference.train_nn([64, 30, 10], X_train, Y_train, n), 3),
    "NumPy, batched": epoch(lambda n: fastnn.train([64, 30, 10], X_train, Y_train, n, backend="numpy"), 50),
    "fastnn, compiled loop": epoch(lambda n: fastnn.train([64, 30, 10], X_train, Y_train, n, backend="cython"), 50),
    "fastnn, SIMD engine": epoch(lambda n: fastnn.train([64, 30, 10], X_train, Y_train, n), 200),
}
print(f"{'One epoch of the same training':<34}{'ms':>9}{'times faster':>15}")
for name, seconds in ways.items():
    print(f"{name:<34}{1e3 * seconds:>9.2f}{ways['naive Python loop'] / seconds:>15.1f}")

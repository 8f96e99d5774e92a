"""
One network, four ways to compute it
====================================

The same training by naive Python loops, by NumPy, by the same loops compiled, and by the SIMD engine. All draw the same
random numbers, and learn the same weights; they differ in what one epoch costs.
"""

# %%
# The digits of the tutorial, and its network.

import contextlib
import io
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

import fastnn
from fastnn import reference, simd

digits = load_digits()
X = StandardScaler().fit_transform(digits.data)[:1078]
Y = reference.convert_y_to_vect(digits.target[:1078])


def tutorial(n_epochs):
    """The tutorial's own per-sample NumPy, which prints as it goes."""
    with contextlib.redirect_stdout(io.StringIO()):
        return reference.train_nn([64, 30, 10], X, Y, n_epochs)[2]


def by(backend):
    """The same by a backend."""
    return lambda n_epochs: fastnn.train([64, 30, 10], X, Y, n_epochs, backend=backend).cost


ways = {  # and how many epochs are timed
    "python: naive loops": (by("python"), 2),
    "the tutorial: NumPy, a sample at a time": (tutorial, 3),
    "numpy: matrix products": (by("numpy"), 50),
    "cython: the loops, compiled": (by("cython"), 50),
    f"simd: the engine, on {simd.active()}": (by("simd"), 300),
}

# %%
# An epoch of each: the best of three runs. Their costs must agree, after an update too.

milliseconds, costs = {}, {}
for name, (train, n_epochs) in ways.items():
    best = float("inf")
    for _ in range(3):
        np.random.seed(0)
        start = perf_counter()
        costs[name] = train(n_epochs)[:2]
        best = min(best, 1e3 * (perf_counter() - start) / n_epochs)
    milliseconds[name] = best

slowest, *others = milliseconds
assert all(np.allclose(costs[name], costs[slowest], rtol=1e-12) for name in others)
for name, time in milliseconds.items():
    print(f"{name:<42} {time:8.2f} ms {milliseconds[slowest] / time:8.1f} x")

# %%
# The axis is logarithmic: each grid line is ten times the one before.

figure, ax = plt.subplots(figsize=(9, 3.2), layout="constrained")
colours = ["#BBBBBB", "#999999", "#777777", "#56B4E9", "#0072B2"]
bars = ax.barh(list(milliseconds), list(milliseconds.values()), color=colours)
ax.bar_label(bars, [f"{time:.3g} ms" for time in milliseconds.values()], padding=4)
ax.set(xscale="log", xlabel="ms an epoch (logarithmic)", title="64-30-10, 1078 digits, one full-batch update")
ax.invert_yaxis()
ax.margins(x=0.15)
ax.grid(axis="x", alpha=0.3)
plt.show()

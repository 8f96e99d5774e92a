"""
One network, four ways to compute it
====================================

The same training by naive Python loops, by NumPy, by the same loops compiled, and by the SIMD engine. All draw the same
random numbers, and learn the same weights; they differ in what one epoch costs.

The tutorial is the `Neural Networks Tutorial – A Pathway to Deep Learning
<https://adventuresinmachinelearning.com/neural-networks-tutorial/>`__ by Andy Thomas.
"""

# %%
# The digits of the tutorial, and its network.

import contextlib
import io
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import EngFormatter
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
    "python: loops": (by("python"), 2),
    "the tutorial: NumPy": (tutorial, 3),
    "numpy: matrices": (by("numpy"), 50),
    "cython: the loops": (by("cython"), 50),
    f"simd: {simd.active()}": (by("simd"), 300),
}

# %%
# An epoch of each: the best of three runs. Their costs must agree, after an update too.

times, costs, in_words = {}, {}, EngFormatter("s")
for name, (train, n_epochs) in ways.items():
    best = float("inf")
    for _ in range(3):
        np.random.seed(0)
        start = perf_counter()
        costs[name] = train(n_epochs)[:2]
        best = min(best, (perf_counter() - start) / n_epochs)
    times[name] = best

slowest, *others = times
assert all(np.allclose(costs[name], costs[slowest], rtol=1e-12) for name in others)
for name, time in times.items():
    print(f"{name:<20} {1e3 * time:8.2f} ms {times[slowest] / time:8.1f} x")

# %%
# The axis is logarithmic: each grid line is ten times the one before.

figure, ax = plt.subplots(figsize=(5.6, 3.4), layout="constrained")
ax.scatter(times.values(), times.keys(), s=90, color=["#777777"] * 3 + ["#56B4E9", "#0072B2"], zorder=3)
for name, time in times.items():
    label = in_words(float(f"{time:.2g}"))
    ax.annotate(label, (time, name), (0, 8), textcoords="offset points", ha="center", fontsize=11)
ax.set(xscale="log", xlabel="time of an epoch (logarithmic)", title="64-30-10, 1078 digits, one update")
ax.xaxis.set_major_formatter(in_words)
ax.invert_yaxis()
ax.margins(x=0.12, y=0.18)
ax.grid(axis="both", alpha=0.3)
plt.show()

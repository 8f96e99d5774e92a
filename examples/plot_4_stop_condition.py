"""
Downhill, until it stops
========================

Gradient descent walks downhill: from where it is, it takes a step against the slope, as long as the slope is steep.
When two places in a row are almost the same, it has arrived.
"""

# %%
# The tutorial minimises f(x) = x⁴ − 3x³ + 2. Its slope is 4x³ − 9x², which is zero at x = 9/4.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.preprocessing import scale

import fastnn
from fastnn import kernels, reference
from fastnn.plots import LossCurveDisplay


def f(x):
    return x**4 - 3 * x**3 + 2


def slope(x):
    return 4 * x**3 - 9 * x**2


# %%
# `fastnn.kernels.update` is one step of gradient descent, the one that networks are trained with.

path = [6.0]
while len(path) == 1 or abs(path[-1] - path[-2]) > 1e-5:
    path.append(float(kernels.update(path[-1], slope(path[-1]), learning_rate=0.01)[0]))
print(f"{len(path) - 1} steps to {path[-1]:.6f} (tutorial: 70 steps, 2.249965; exactly it is 2.25)")

x = np.linspace(-0.5, 6.2, 200)
figure, ax = plt.subplots(layout="constrained")
ax.plot(x, f(x), color="#BBBBBB", label="f(x)")
ax.plot(path, [f(x) for x in path], "o-", color="#0072B2", markersize=4, label="gradient descent")
ax.set(xlabel="x", ylabel="f(x)", yscale="symlog", title="The first step is the largest: there f is steepest")
ax.legend(loc="upper left")

# %%
# A network has thousands of weights instead of one x, and the same rule ends its training: ``tol`` is how little the
# cost may still change from one pass over the data to the next.

digits = load_digits()
Y = reference.convert_y_to_vect(digits.target)
result = fastnn.train([64, 30, 10], scale(digits.data), Y, 20_000, 1.0, init="normal", tol=2e-5, random_state=0)
changes = np.abs(np.diff(result.cost))
print(f"stopped after {result.n_iter} of at most 20000 updates; the last change was {changes[-1]:.1e}")

LossCurveDisplay.from_result(result, metric="cost")
plt.show()

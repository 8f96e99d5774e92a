"""
Downhill, until it stops
========================

Gradient descent walks downhill: from where it is, it takes a step against the slope, as long as the slope is steep.
When two places in a row are almost the same, it has arrived.

The tutorial is the `Neural Networks Tutorial – A Pathway to Deep Learning
<https://adventuresinmachinelearning.com/neural-networks-tutorial/>`__ by Andy Thomas.
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


def draw(left, right, **settings):
    """Draw f from left to right, and the way of gradient descent on it."""
    ax = plt.subplots(figsize=(5.6, 3.4), layout="constrained")[1]
    x = np.linspace(left, right, 200)
    ax.plot(x, f(x), color="#BBBBBB", linewidth=4, label="f(x)")
    ax.plot(path, [f(x) for x in path], "o-", color="#0072B2", markersize=4, linewidth=1, label="gradient descent")
    ax.set(xlabel="x", ylabel="f(x)", **settings)
    ax.legend()


draw(-0.5, 6.2, title="The first step is the largest: there f is steepest")

# %%
# The other 69 steps from near: the flatter the ground, the shorter they are.

draw(0.4, 2.9, xlim=(0.4, 2.9), ylim=(-7.5, 3), title="The other steps, from near")

# %%
# A network has thousands of weights instead of one x, and the same rule ends its training: ``tol`` is how little the
# cost may still change from one pass over the data to the next.

digits = load_digits()
Y = reference.convert_y_to_vect(digits.target)
result = fastnn.train([64, 30, 10], scale(digits.data), Y, 20_000, 1.0, init="normal", tol=2e-5, random_state=0)
changes = np.abs(np.diff(result.cost))
print(f"stopped after {result.n_iter} of at most 20000 updates; the last change was {changes[-1]:.1e}")

figure, axes = plt.subplots(2, 1, figsize=(5.6, 5.6), layout="constrained", sharex=True)
LossCurveDisplay.from_result(result, metric="cost", ax=axes[0])
axes[0].set(xlabel="", ylim=(0, None), title="The cost of a network")
axes[1].plot(np.arange(1, len(result.cost)), changes, color="#0072B2", label="change of the cost")
axes[1].axhline(2e-5, color="#D55E00", label="tol: here it stops")
axes[1].set(xlabel="update", yscale="log", title="How much it changes from update to update")
axes[1].legend(loc="upper right")
plt.show()

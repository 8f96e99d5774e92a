"""
The same by mini-batches
========================

To take a step downhill one need not look at all 13,500 points. A hundred tell the direction well enough, and 135 steps
cost what one did. That is stochastic gradient descent: noisier, and far ahead in the end.

`Building a Neural Network from Scratch in Python and in TensorFlow
<https://beckernick.github.io/neural-network-scratch/>`__ by Nick Becker is the tutorial that is followed.
"""

# %%
# The tutorial does it again in a framework. The data are those of the example before.

import warnings
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

import fastnn
from fastnn import reference

CLUSTERS = [
    ([0, 0], [[2, 0.75], [0.75, 2]]),
    ([1, 4], [[1, 0.75], [0.75, 1]]),
    ([2, 8], [[0, 0.75], [0.75, 0]]),
]
np.random.seed(12)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", RuntimeWarning)
    X = np.vstack([np.random.multivariate_normal(*cluster, 5000) for cluster in CLUSTERS]).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(X, np.repeat([0, 1, 2], 5000), test_size=0.1, random_state=12)

# %%
# Batches of 100 rows in their order, from the start again at the end; start weights from a normal distribution without
# its tails; single precision.


def train(seed):
    """The tutorial's run, from other start weights."""
    return fastnn.train(
        [2, 5, 3], X_train, y_train, 10_001, 0.01,
        activation="relu", loss="log_loss", init="truncated_normal",
        batch_size=100, order="wraparound", dtype="float32", random_state=seed,
    )  # fmt: skip


start = perf_counter()
results = [train(seed) for seed in range(10)]
seconds = (perf_counter() - start) / len(results)
accuracies = [reference.accuracy(result.network(X_test), np.eye(3)[y_test]) for result in results]
losses = np.array([result.loss_curve for result in results])

print("mini-batch loss of the first run:")
for step in range(0, 10_001, 1000):
    print(f"  step {step:>5}: {losses[0, step]:.4f}")
print(f"\nOver ten starts, {seconds:.2f} s each:")
print(f"first loss {losses[:, 0].min():.2f} to {losses[:, 0].max():.2f} (tutorial: 10.42)")
print(f"last loss {losses[:, -1].min():.4f} to {losses[:, -1].max():.4f} (tutorial: 0.1036)")
print(f"test accuracy {min(accuracies):.2f} to {max(accuracies):.2f} % (tutorial: 96.27 %)")

# %%
# Against full batches, by the number of points looked at. Each dot of the full-batch curve has seen all points once
# more.

full = fastnn.train(
    [2, 5, 3], X_train, y_train, 75, 0.01, activation="relu", loss="log_loss", init="truncated_normal", random_state=0
)
smooth = np.convolve(losses[0], np.ones(135) / 135, "valid")
figure, ax = plt.subplots(layout="constrained")
ax.plot(1e-4 * np.arange(10_001), losses[0], color="#BBBBBB", linewidth=0.5, label="batches of 100")
ax.plot(1e-4 * np.arange(135, 135 + len(smooth)), smooth, color="#0072B2", label="their mean over a pass")
ax.plot(1e-6 * len(X_train) * np.arange(75), full.loss_curve, "o-", color="#D55E00", markersize=3, label="all points")
ax.set(xlabel="points looked at, in millions", ylabel="loss", yscale="log")
legend = figure.legend(loc="outside upper center", ncols=3, columnspacing=1, handlelength=1.2)
for line in legend.get_lines():
    line.set_linewidth(2)
plt.show()

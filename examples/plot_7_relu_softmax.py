"""
Three clusters: ReLU and softmax
================================

To choose one of several classes a network wants two things that the sigmoid does not give: hidden units whose slope
does not fade (ReLU), and outputs that are probabilities and sum to one (softmax), judged by the cross-entropy. A
penalty on the weights, L2, keeps them small.

`Building a Neural Network from Scratch in Python and in TensorFlow
<https://beckernick.github.io/neural-network-scratch/>`__ by Nick Becker is the tutorial that is followed.
"""

# %%
# The tutorial's data: 5000 points each from three normal distributions. The last one's covariance is none, of which
# NumPy warns; the points are what they are.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

import fastnn
from fastnn import reference
from fastnn.plots import DecisionRegionDisplay

CLUSTERS = [
    ([0, 0], [[2, 0.75], [0.75, 2]]),
    ([1, 4], [[1, 0.75], [0.75, 1]]),
    ([2, 8], [[0, 0.75], [0.75, 0]]),
]
np.random.seed(12)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", RuntimeWarning)
    X = np.vstack([np.random.multivariate_normal(*cluster, 5000) for cluster in CLUSTERS]).astype(np.float32)
labels = np.repeat([0, 1, 2], 5000)
X_train, X_test, y_train, y_test = train_test_split(X, labels, test_size=0.1, random_state=12)

colours = np.array(["#0072B2", "#E69F00", "#009E73"])
mixed = np.random.default_rng(0).permutation(len(X))  # or the cluster drawn last would hide the others
figure, ax = plt.subplots(layout="constrained")
ax.scatter(*X[mixed].T, s=4, linewidths=0, c=colours[labels[mixed]])
for label, colour in enumerate(colours):
    ax.plot([], [], "o", color=colour, label=f"cluster {label}")
ax.set(xlabel="x1", ylabel="x2", title="15,000 points")
ax.legend(loc="upper left")

# %%
# Start weights come from the normal distribution. The cells of the tutorial had been run three times, so its figures
# belong to the third pair of matrices that the generator gives.

for _ in range(2):
    np.random.randn(2, 5), np.random.randn(5, 3)


def report(iteration, loss, network):
    """Print the loss of every 500th step, before the step, as the tutorial does."""
    if iteration % 500 == 1:
        print(f"loss after {iteration - 1} steps: {loss:.6f}")


result = fastnn.train(
    [2, 5, 3], X_train, y_train, 5001, 0.01,
    activation="relu", loss="log_loss", l2=0.01, init="normal", callback=report,
)  # fmt: skip
print("(tutorial: 2.970316 at step 0, 0.227433 at step 5000)")

accuracy = reference.accuracy(result.network(X_test), np.eye(3)[y_test])
print(f"test accuracy {accuracy:.2f} % (tutorial: 96.40 %)")

# %%
# The regions that it has learned, and the test points in the colours of their clusters.

figure, ax = plt.subplots(layout="constrained")
small = {"s": 9, "linewidths": 0}
DecisionRegionDisplay.from_network(result.network, X_test, y_test, grid_resolution=800, ax=ax, scatter_kwargs=small)
ax.set_title("Points by label, regions by prediction")

# %%
# The same points, right ones grey and wrong ones red. They are wrong where two clusters lie on top of each other.

figure, ax = plt.subplots(layout="constrained")
DecisionRegionDisplay.from_network(
    result.network, X_test, y_test, mark_errors=True, grid_resolution=800, ax=ax, scatter_kwargs=small
)
ax.set_title("Right and wrong predictions")
plt.show()

# sphinx_gallery_thumbnail_number = 2

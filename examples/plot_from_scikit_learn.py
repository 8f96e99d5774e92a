"""
From scikit-learn, by one import
================================

`fastnn.MLPClassifier` and `fastnn.MLPRegressor` take scikit-learn's parameters, draw its random numbers, and learn its
weights. What changes is the time.
"""

# %%
# One import is all there is to change. Here both are imported, to be compared.

import warnings
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn import neural_network
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

import fastnn
from fastnn.plots import LossCurveDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(scale(X), y, random_state=0)
warnings.simplefilter("ignore", ConvergenceWarning)  # forty epochs are meant to be too few

# %%
# The same fit by both; the time is the best of three.

models, seconds = {}, {}
for name, module in {"scikit-learn": neural_network, "fastnn": fastnn}.items():
    model = models[name] = module.MLPClassifier((64, 64), batch_size=32, max_iter=40, random_state=0)
    seconds[name] = float("inf")
    for _ in range(3):
        start = perf_counter()
        model.fit(X_train, y_train)
        seconds[name] = min(seconds[name], perf_counter() - start)
    print(f"{name:<12} {seconds[name]:6.3f} s, test accuracy {100 * model.score(X_test, y_test):.1f} %")

theirs, ours = models.values()
difference = np.abs(np.divide(ours.loss_curve_, theirs.loss_curve_) - 1).max()
print(f"largest relative difference between the loss curves: {difference:.0e}")
print(f"times faster: {seconds['scikit-learn'] / seconds['fastnn']:.0f}")

figure, ax = plt.subplots(layout="constrained")
for (name, model), (colour, width) in zip(models.items(), (("#E69F00", 6), ("#0072B2", 2)), strict=True):
    style = {"color": colour, "linewidth": width, "label": f"{name}, in {seconds[name]:.2g} s"}
    LossCurveDisplay.from_estimator(model, ax=ax, curve_kwargs=style)
ax.set(yscale="log", title="One curve on top of the other")
ax.legend()

# %%
# What is more: ``network_`` is the network inside, for predictions of one row.

row = X_test[:1].copy()
network = ours.network_


def microseconds(call, n=2000):
    """The time of one call, the mean of many."""
    start = perf_counter()
    for _ in range(n):
        call()
    return 1e6 * (perf_counter() - start) / n


print(f"\none row: scikit-learn {microseconds(lambda: theirs.predict(row), 200):.0f} µs, ", end="")
print(f"fastnn {microseconds(lambda: ours.predict(row)):.1f} µs, network_ {microseconds(lambda: network(row)):.1f} µs")
network.summary()
plt.show()

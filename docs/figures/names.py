"""A picture for the reference's page of a name: `PICTURES` has the function (docs/_extensions/members.py)."""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np

BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#BBBBBB"
#: Names of fastnn.kernels that are drawn as curves, and of fastnn.schedules, with what they are called with.
ACTIVATIONS = [
    "elu",
    "exp",
    "gelu",
    "hard_sigmoid",
    "hard_swish",
    "identity",
    "leaky_relu",
    "mish",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "sin",
    "softplus",
    "softsign",
    "step",
    "tanh",
]
SCHEDULES = {
    "cosine": {"cycles": 3},
    "cycles": {},
    "exponential": {"decay_rate": 0.01},
    "linear": {"warmup": 0.1},
    "one_cycle": {},
    "step": {"step_size": 250, "gamma": 0.5},
}


def axes(width=5.2, height=3.0):
    """Return axes that can be read on a phone."""
    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def activation(name):
    """Draw an activation and its slope."""
    from fastnn import kernels

    ax, z = axes(5.2, 2.4), np.linspace(-4, 2 if name == "exp" else 4, 801)
    h = getattr(kernels, name)(z)
    jump = np.abs(np.diff(h, append=h[-1])) > 0.5
    ax.plot(z, np.where(jump, np.nan, h), color=BLUE, label=name)
    if name != "step":
        ax.plot(z, np.gradient(h, z), color=ORANGE, linewidth=1, label="slope")
    ax.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    ax.axvline(0, color=GREY, linewidth=0.8, zorder=0)
    ax.set(xlabel="z")
    ax.legend(frameon=False)


def schedule(name):
    """Draw the rate of each of 1000 updates."""
    from fastnn import schedules

    ax, updates = axes(5.2, 2.2), np.arange(1000)
    ax.plot(updates, getattr(schedules, name)(1.0, **SCHEDULES[name]).rates(updates, len(updates)), color=BLUE)
    words = ", ".join(["1.0", *(f"{key}={value}" for key, value in SCHEDULES[name].items())])
    ax.set(xlabel="update of 1000", ylabel="rate", title=f"{name}({words})")


def moons():
    """Return points of two crescents."""
    from sklearn.datasets import make_moons

    return make_moons(300, noise=0.2, random_state=0)


def loss_curve():
    """Loss of the rows learned from, and of others."""
    import fastnn
    from fastnn.plots import LossCurveDisplay

    X, y = moons()
    options = {"activation": "relu", "loss": "log_loss", "init": "he_uniform", "solver": "adam", "batch_size": 32}
    others = X[100:], y[100:]
    result = fastnn.train(
        [2, 50, 50, 1], X[:100], y[:100], 2000, 3e-3, validation_data=others, random_state=0, **options
    )
    LossCurveDisplay.from_result(result, ax=axes())


def decision_region():
    """What a network answers where, and the points that it learned from."""
    from fastnn import MLPClassifier
    from fastnn.plots import DecisionRegionDisplay

    X, y = moons()
    model = MLPClassifier((30, 30), max_iter=200, learning_rate_init=0.01, random_state=0).fit(X, y)
    DecisionRegionDisplay.from_estimator(model, X, y, ax=axes(5.2, 3.6))


def weights():
    """What each hidden unit looks for in images of 8 x 8."""
    from sklearn.datasets import load_digits

    import fastnn
    from fastnn.plots import WeightsDisplay

    X, y = load_digits(return_X_y=True)
    options = {"activation": "relu", "loss": "log_loss", "init": "glorot_normal", "solver": "adam", "batch_size": 64}
    result = fastnn.train([64, 16, 10], X / 16, y, 3000, 2e-3, l1=0.0003, random_state=0, **options)
    WeightsDisplay.from_network(result.network, ax=axes(4.4, 4.0))


def network_diagram():
    """A small network, its weights as lines."""
    import fastnn
    from fastnn.plots import NetworkDiagram

    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    network = fastnn.train([2, 4, 1], X, y, 5000, 2.0, random_state=0).network
    NetworkDiagram.from_network(network, ax=axes(5.2, 3.4))


def classifier():
    """The probability of a class, over the plane."""
    from fastnn import MLPClassifier

    X, y = moons()
    model = MLPClassifier((30, 30), max_iter=200, learning_rate_init=0.01, random_state=0).fit(X, y)
    across, up = np.meshgrid(np.linspace(-1.8, 2.8, 80), np.linspace(-1.3, 1.8, 60))
    p = model.predict_proba(np.c_[across.ravel(), up.ravel()])[:, 1].reshape(across.shape)
    ax = axes(5.2, 3.4)
    ax.figure.colorbar(
        ax.contourf(across, up, p, levels=20, cmap="coolwarm", vmin=0, vmax=1), label="predict_proba", ticks=[0, 0.5, 1]
    )
    ax.scatter(*X.T, c=y, cmap="coolwarm", s=14, edgecolors="white", linewidths=0.5)


def regressor():
    """A curve through noise, by the squared error."""
    from fastnn import MLPRegressor

    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(-3, 3, 200))
    y = np.sin(2 * x) + rng.normal(0, 0.2, 200)
    options = {"activation": "tanh", "solver": "lbfgs", "alpha": 0.1, "max_iter": 2000, "random_state": 0}
    model = MLPRegressor(hidden_layer_sizes=(50, 50), **options).fit(x[:, None], y)
    ax, grid = axes(), np.linspace(-3, 3, 400)
    ax.plot(x, y, ".", color=GREY, label="rows of fit")
    ax.plot(grid, model.predict(grid[:, None]), color=BLUE, label="predict")
    ax.legend(frameon=False)


def table_classifier():
    """What accuracy loses without a column."""
    from sklearn.datasets import load_wine

    from fastnn import TabularClassifier

    X, y = load_wine(return_X_y=True, as_frame=True)
    model = TabularClassifier(preset="fast", importances=True, random_state=0).fit(X, y)
    order = np.argsort(model.feature_importances_)[-7:]
    ax = axes()
    ax.barh(X.columns[order], model.feature_importances_[order], color=BLUE)
    ax.set(xlabel="feature_importances_")


def table_regressor():
    """Intervals of new rows, and where y was."""
    from sklearn.datasets import load_diabetes

    from fastnn import TabularRegressor

    X, y = load_diabetes(return_X_y=True, as_frame=True)
    model = TabularRegressor(preset="fast", random_state=0).fit(X[:380], y[:380])
    low, high = model.predict_interval(X[380:], coverage=0.9)
    order = np.argsort(model.predict(X[380:]))
    ax, rows = axes(), np.arange(len(order))
    ax.vlines(rows, low[order], high[order], color=BLUE, alpha=0.4, linewidth=3, label="predict_interval, 0.9")
    ax.plot(rows, model.predict(X[380:])[order], color=BLUE, label="predict")
    ax.plot(rows, y[380:].to_numpy()[order], "k.", markersize=4, label="y")
    ax.set(xlabel="rows that fit has not seen, by what is predicted")
    ax.legend(frameon=False)


#: Full name -> the function here that draws it.
PICTURES = {
    "fastnn.MLPClassifier": "classifier",
    "fastnn.MLPRegressor": "regressor",
    "fastnn.TabularClassifier": "table_classifier",
    "fastnn.TabularRegressor": "table_regressor",
    "fastnn.plots.DecisionRegionDisplay": "decision_region",
    "fastnn.plots.LossCurveDisplay": "loss_curve",
    "fastnn.plots.NetworkDiagram": "network_diagram",
    "fastnn.plots.WeightsDisplay": "weights",
}
for room, draw, known in (("kernels", activation, ACTIVATIONS), ("schedules", schedule, SCHEDULES)):
    for each in known:
        PICTURES[f"fastnn.{room}.{each}"] = f"{room}_{each}"
        globals()[f"{room}_{each}"] = partial(draw, each)

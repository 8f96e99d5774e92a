"""Three quantiles of noise that grows, by one network whose outputs do not cross."""

import matplotlib.pyplot as plt
import numpy as np

from fastnn import MLPRegressor

rng = np.random.default_rng(0)
x = np.sort(rng.uniform(-3, 3, 600))
y = np.sin(x) + rng.normal(0, 0.1 + 0.15 * np.abs(x))
model = MLPRegressor(
    hidden_layer_sizes=(32, 32),
    activation="silu",
    loss="quantile",
    quantile=[0.1, 0.5, 0.9],
    max_iter=600,
    random_state=0,
)
low, middle, high = model.fit(x[:, None], y).predict(x[:, None]).T

figure, ax = plt.subplots(figsize=(5.6, 3.4), layout="constrained")
ax.plot(x, y, ".", color="#BBBBBB", markersize=4)
ax.fill_between(x, low, high, color="#0072B2", alpha=0.25, label="0.1 to 0.9")
ax.plot(x, middle, color="#0072B2", label="0.5")
ax.set(xlabel="x", ylabel="y")
ax.legend(loc="upper left")

"""
From a raw table to a saved model
=================================

A DataFrame as it comes, with gaps, categories and dates; a model that answers, and says how sure it is; a file of it.
The table is made here: bicycles lent in a town, more of them in summer, fewer in the rain, at some places on weekdays.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import fastnn

rng, n = np.random.default_rng(0), 2000
day = pd.Timestamp("2022-01-01") + pd.to_timedelta(rng.permutation(n) % 1000, "D")
summer = 10 - 12 * np.cos(2 * np.pi * day.day_of_year / 365)
df = pd.DataFrame(
    {
        "day": day,
        "station": rng.choice(["harbour", "market", "museum", "park", "school", "tower"], n),
        "temperature": summer + rng.normal(0, 4, n),
        "weather": rng.choice(["dry", "cloudy", "rain"], n, p=[0.5, 0.3, 0.2]),
    }
)


def expected(df):
    """The rule that the model is to find."""
    busy = df["station"].map({"harbour": 1, "market": 2, "museum": 0.8, "park": 1.2, "school": 0.7, "tower": 0.5})
    numbers = 20 * busy * np.exp(0.06 * df["temperature"]) * np.where(df["weather"] == "rain", 0.5, 1)
    return numbers * np.where((df["station"] == "park") == (df["day"].dt.day_of_week >= 5), 1.3, 0.9)


df["lent"] = rng.poisson(expected(df) * rng.gamma(20, 1 / 20, n))
complete = df.copy()
df.loc[rng.random(n) < 0.1, "temperature"] = np.nan
df.loc[rng.random(n) < 0.1, "weather"] = None
print(df.head())

# %%
# Six lines from here to a saved model. Nothing is scaled, encoded or filled by hand. For classes
# `fastnn.TabularClassifier` is used alike.

X, y = df.drop(columns="lent"), df["lent"]
model = fastnn.TabularRegressor(random_state=0).fit(X[:1500], y[:1500])
with tempfile.TemporaryDirectory() as folder:
    model.save(Path(folder) / "bicycles.safetensors")
    model = fastnn.load(Path(folder) / "bicycles.safetensors")
print(f"\nR² of 500 new rows: {model.score(X[1500:], y[1500:]):.3f}\n")
print(model.columns_)

# %%
# ``predict_interval`` says where y will be: its promise is a share of new rows. Where more is lent there is more noise,
# and intervals are wider.

low, high = model.predict_interval(X[1500:], coverage=0.9)
inside = (low <= y[1500:]) & (y[1500:] <= high)
predicted = model.predict(X[1500:])
busiest = predicted > np.quantile(predicted, 0.75)
print(f"\nin the interval of 90 %: {100 * inside.mean():.1f} % of new rows")
print(f"its width: {(high - low)[~busiest].mean():.0f}, of the busiest quarter {(high - low)[busiest].mean():.0f}")

order = np.argsort(predicted)
figure, ax = plt.subplots(layout="constrained")
ax.fill_between(predicted[order], low[order], high[order], color="#56B4E9", alpha=0.4, label="interval of 90 %")
ax.axline((0, 0), slope=1, color="#0072B2", label="as predicted")
for chosen, colour, label in ((inside, "#555555", "inside"), (~inside, "#D50000", "outside")):
    ax.scatter(predicted[chosen], y[1500:][chosen], s=14, linewidths=0, color=colour, label=label, zorder=2)
ax.set(xlabel="bicycles predicted", ylabel="bicycles lent", xlim=(0, None), ylim=(0, None))
ax.legend(loc="upper left", markerscale=1.5)

# %%
# What it has found can be asked for: all new rows once more, each at the same temperature. As this table was made by a
# rule, it can be compared. The model's curve is flatter: the date tells of the season too, and takes a part of it.

temperatures = np.linspace(-5, 30, 15)
found = [model.predict(X[1500:].assign(temperature=t)).mean() for t in temperatures]
true = [expected(complete[1500:].assign(temperature=t)).mean() for t in temperatures]

figure, ax = plt.subplots(layout="constrained")
ax.plot(temperatures, true, color="#BBBBBB", linewidth=6, label="the rule")
ax.plot(temperatures, found, "o-", color="#0072B2", label="the model, from rows with gaps")
ax.set(xlabel="temperature in °C", ylabel="bicycles lent, on average", ylim=(0, None))
ax.legend(loc="upper left")
plt.show()

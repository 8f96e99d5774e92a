"""The way of a call, from Python to a table of functions."""

import matplotlib.pyplot as plt

BLUE, GREY = "#0072B2", "#555555"
ROOMS = [
    ("fastnn.train", "checks, draws the start weights"),
    ("training.run", "passes over the rows, reports"),
    ("backends", "one name, one set of functions"),
]
BACKENDS = [
    ("python", "naive loops\nover lists"),
    ("numpy", "matrix products,\nthe oracle"),
    ("cython", "the naive loops,\ncompiled"),
    ("simd", "the engine in C,\nwhole epochs"),
]

figure, ax = plt.subplots(figsize=(5.6, 4.8), layout="constrained")
box = {"boxstyle": "round,pad=0.45", "facecolor": "white", "edgecolor": GREY}
arrow = {"arrowstyle": "->", "color": GREY}
for i, (name, what) in enumerate(ROOMS):
    ax.text(0.5, 0.95 - 0.15 * i, f"{name}: {what}", ha="center", va="center", bbox=box, fontsize=11)
    if i:
        ax.annotate("", (0.5, 0.99 - 0.15 * i), (0.5, 1.06 - 0.15 * i), arrowprops=arrow)
for i, (name, what) in enumerate(BACKENDS):
    x, y = 0.23 + 0.54 * (i % 2), 0.36 - 0.26 * (i // 2)
    is_engine = name == "simd"
    own = {**box, "edgecolor": BLUE if is_engine else GREY, "linewidth": 2 if is_engine else 1}
    ax.text(x, y, f"{name}\n{what}", ha="center", va="center", bbox=own, fontsize=11)
    side = 0.37 if i % 2 == 0 else 0.63
    ax.annotate("", (side, y), (0.5, 0.61), arrowprops={**arrow, "color": BLUE if is_engine else GREY})
ax.set(xlim=(0, 1), ylim=(0, 1))
ax.set_axis_off()

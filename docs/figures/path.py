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

figure, ax = plt.subplots(figsize=(8, 4.6), layout="constrained")
box = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": GREY}
for i, (name, what) in enumerate(ROOMS):
    ax.text(0.5, 0.93 - 0.22 * i, f"{name}: {what}", ha="center", va="center", bbox=box, fontsize=11)
    if i:
        ax.annotate("", (0.5, 0.98 - 0.22 * i), (0.5, 1.09 - 0.22 * i), arrowprops={"arrowstyle": "->", "color": GREY})
for i, (name, what) in enumerate(BACKENDS):
    x = 0.13 + 0.247 * i
    is_engine = name == "simd"
    own = {**box, "edgecolor": BLUE if is_engine else GREY, "linewidth": 2 if is_engine else 1}
    ax.text(x, 0.12, f"{name}\n{what}", ha="center", va="center", bbox=own, fontsize=11)
    ax.annotate("", (x, 0.25), (0.5, 0.44), arrowprops={"arrowstyle": "->", "color": BLUE if is_engine else GREY})
ax.set(xlim=(0, 1), ylim=(0, 1))
ax.set_axis_off()

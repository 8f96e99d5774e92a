"""A register tile of the forward product: the sums stay, inputs are broadcast, weights are streamed."""

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#DDDDDD"
ROWS, STEPS, VECTORS = 12, 8, 2


def grid(ax, left, bottom, n_rows, n_columns, width, colour_of):
    """Draw cells, a colour each."""
    for row in range(n_rows):
        for column in range(n_columns):
            place = left + column * width, bottom + (n_rows - 1 - row)
            ax.add_patch(Rectangle(place, width, 1, facecolor=colour_of(row, column), edgecolor="white"))


figure, ax = plt.subplots(figsize=(5.6, 4.9), layout="constrained")
now = 3  # the step of the chain that is drawn
grid(ax, 0, 0, ROWS, STEPS, 1, lambda row, k: ORANGE if k == now else GREY)
grid(ax, 10, 13.5, STEPS, VECTORS, 4, lambda k, c: GREEN if k == now else GREY)
grid(ax, 10, 0, ROWS, VECTORS, 4, lambda row, c: BLUE)
ax.text(4, -0.6, "inputs: one number of each\nof 12 rows is broadcast", ha="center", va="top")
ax.text(18.6, 6, "24 vectors of sums,\nin registers all along", ha="left", va="center", color=BLUE)
ax.text(18.6, 17.5, "weights, transposed:\n2 vectors a step\nare loaded", ha="left", va="center")
ax.text(8.8, 17.5, "step k:\n24 multiply-adds\nfor 2 loads and\n12 broadcasts", ha="right", va="center")
ax.annotate("", (9.8, 6), (8.2, 6), arrowprops={"arrowstyle": "->"})
ax.annotate("", (14, 12.2), (14, 13.4), arrowprops={"arrowstyle": "->"})
ax.set(xlim=(-2, 30), ylim=(-3.2, 22), aspect="equal")
ax.set_axis_off()

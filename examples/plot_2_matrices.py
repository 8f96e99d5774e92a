"""
Loops against matrices
======================

The innermost two loops of a layer are a matrix times a vector. NumPy's matrix product does them in compiled code, which
hardly matters for three units, and very much for a hundred. ``fastnn`` compiles the loops themselves.

The tutorial is the `Neural Networks Tutorial – A Pathway to Deep Learning
<https://adventuresinmachinelearning.com/neural-networks-tutorial/>`__ by Andy Thomas.
"""

# %%
# Three networks, as in the tutorial: two tiny ones and one of 100-100-50-10 units.

from itertools import pairwise
from timeit import repeat

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import EngFormatter

import fastnn
from fastnn import reference

TUTORIAL = {  # on its own machine: loops, matrices
    (3, 3, 1): ("40 µs", "not given"),
    (3, 3, 3, 1): ("70 µs", "46 µs"),
    (100, 100, 50, 10): ("41 ms", "84 µs"),
}


def seconds_of(call):
    """The time of one call: the best of five runs of several calls."""
    n = max(1, int(2e-2 / min(repeat(call, number=1, repeat=3))))
    return min(repeat(call, number=n, repeat=5)) / n


# %%
# The same pass in three ways. They must agree before they are timed.

rng = np.random.default_rng(0)
times = {}
for sizes, (of_loops, of_matrices) in TUTORIAL.items():
    W = [rng.random((n_out, n_in)) for n_in, n_out in pairwise(sizes)]
    b = [rng.random(n_out) for n_out in sizes[1:]]
    x = rng.random(sizes[0])
    network = fastnn.Network(W, b)
    ways = {
        "loops": lambda x=x, W=W, b=b: reference.simple_looped_nn_calc(len(W) + 1, x, W, b),
        "matrices": lambda x=x, W=W, b=b: reference.matrix_feed_forward_calc(len(W) + 1, x, W, b),
        "fastnn": lambda x=x, network=network: network(x),
    }
    outputs = [way() for way in ways.values()]
    assert np.allclose(outputs[0], outputs[1], rtol=1e-12)
    assert np.allclose(outputs[0], outputs[2], rtol=1e-12)
    name = "-".join(map(str, sizes))
    times[name] = {way: seconds_of(call) for way, call in ways.items()}
    print(
        f"{name}: loops {1e6 * times[name]['loops']:.1f} µs (tutorial: {of_loops}), "
        f"matrices {1e6 * times[name]['matrices']:.1f} µs ({of_matrices}), "
        f"fastnn {1e6 * times[name]['fastnn']:.2f} µs"
    )

largest = times["100-100-50-10"]
print(f"\nOn the largest, matrices are {largest['loops'] / largest['matrices']:.0f} times as fast as loops")
print(f"(tutorial: about 500 times), fastnn {largest['loops'] / largest['fastnn']:.0f} times.")

# %%
# The tiny networks show what a call costs, the large one what the arithmetic costs.

in_words = EngFormatter("s")
figure, ax = plt.subplots(layout="constrained")
for way, colour, above in (("loops", "#777777", 9), ("matrices", "#E69F00", -18), ("fastnn", "#0072B2", 9)):
    seconds = [time[way] for time in times.values()]
    ax.plot(seconds, range(3), "o", color=colour, markersize=9, label=way)
    for row, time in enumerate(seconds):
        label = in_words(float(f"{time:.2g}"))
        ax.annotate(label, (time, row), (0, above), textcoords="offset points", ha="center", fontsize=10)
ax.set(
    xscale="log", xlabel="time of one forward pass (logarithmic)", yticks=range(3), yticklabels=times, ylim=(2.6, -0.6)
)
ax.xaxis.set_major_formatter(in_words)
ax.margins(x=0.12)
ax.grid(axis="y", alpha=0.3)
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
plt.show()

"""
The perceptron, and what it cannot learn
========================================

The oldest learning rule, of 1958: show the neuron an example; if its answer, 0 or 1, is right, change nothing; if it is
wrong, move each weight by the rate times the error times the input. It learns everything that a straight line can
separate, and nothing else.

`Programming a Perceptron in Python <https://blog.dbrgn.ch/2013/3/26/perceptrons-in-python/>`__ by Danilo Bargen
teaches it OR; the other functions and XOR's hidden layer are ours.
"""

# %%
# Four functions of two bits. Each step takes one row at random (``order="random"``, ``batch_size=1``), 100 steps in
# all.

import matplotlib.pyplot as plt

import fastnn
from fastnn.plots import DecisionRegionDisplay, NetworkDiagram

X = [[0, 0], [0, 1], [1, 0], [1, 1]]
FUNCTIONS = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "NAND": [1, 1, 1, 0], "XOR": [0, 1, 1, 0]}


def perceptron(y, seed):
    """A perceptron after 100 steps."""
    options = {"loss": "perceptron", "batch_size": 1, "order": "random", "random_state": seed}
    return fastnn.train([2, 1], X, y, iter_num=100, alpha=0.2, **options).network


# %%
# Every start leads to the goal, but for XOR, where none does: its ones lie in opposite corners, and no line has them
# on one side.

for name, y in FUNCTIONS.items():
    n_right = sum(perceptron(y, seed).predict(X).tolist() == y for seed in range(200))
    print(f"{name}: right after 100 steps from {n_right} of 200 starts")

figure, axes = plt.subplots(2, 2, figsize=(5.6, 5.6), layout="constrained", sharex=True, sharey=True)
for ax, (name, y) in zip(axes.flat, FUNCTIONS.items(), strict=True):
    DecisionRegionDisplay.from_network(perceptron(y, 0), X, y, ax=ax, scatter_kwargs={"s": 120})
    ax.set(title=name, xlabel="", ylabel="", xticks=[0, 1], yticks=[0, 1], aspect="equal")
    if ax is not axes[0, 1]:
        ax.get_legend().remove()
figure.supxlabel("first bit", size="medium")
figure.supylabel("second bit", size="medium")

# %%
# A hidden layer of four units bends the line. Now the error is passed backward through it, which a step function cannot
# do: its slope is zero. So the units are sigmoids.

y = FUNCTIONS["XOR"]
networks = [fastnn.train([2, 4, 1], X, y, 5000, 2.0, random_state=seed).network for seed in range(20)]
n_right = sum(network.predict(X).tolist() == y for network in networks)
print(f"\nXOR with a hidden layer: right from {n_right} of {len(networks)} starts")

figure, ax = plt.subplots(layout="constrained")
DecisionRegionDisplay.from_network(networks[0], X, y, ax=ax, scatter_kwargs={"s": 120})
ax.set(title="XOR by a hidden layer", xlabel="first bit", ylabel="second bit", xticks=[0, 1], yticks=[0, 1], aspect=1)

# %%
# The network that does it: lines are its weights, and the colours in the circles its biases.

figure, ax = plt.subplots(layout="constrained")
NetworkDiagram.from_network(networks[0], ax=ax)
plt.show()

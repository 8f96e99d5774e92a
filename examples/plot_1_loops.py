"""
A network by loops
==================

A unit of a neural network multiplies each of its inputs by a weight, adds them up, adds a bias, and bends the sum
with an activation function, here the sigmoid. A layer is many units side by side; a network is layers one after the
other. That is three nested loops: over layers, over units, over inputs.

This example and the next three follow the `Neural Networks Tutorial – A Pathway to Deep Learning
<https://adventuresinmachinelearning.com/neural-networks-tutorial/>`__ by Andy Thomas, called the tutorial there.
"""

# %%
# The tutorial's example has three inputs, three hidden units and one output. ``W[l][i][j]`` is the weight that leads
# from input ``j`` to unit ``i``.

import matplotlib.pyplot as plt

import fastnn
from fastnn import reference
from fastnn.plots import NetworkDiagram

W = [[[0.2, 0.2, 0.2], [0.4, 0.4, 0.4], [0.6, 0.6, 0.6]], [[0.5, 0.5, 0.5]]]
b = [[0.8, 0.8, 0.8], [0.2]]
x = [1.5, 2.0, 3.0]

# %%
# Step by step, as the tutorial writes it. `fastnn.reference` has its functions by their own names; this is
# ``simple_looped_nn_calc`` opened up.

h = x
for l in range(len(W)):
    node_in, h = h, []
    for i in range(len(W[l])):
        z = b[l][i]
        for j in range(len(node_in)):
            z += W[l][i][j] * node_in[j]
        h.append(reference.f(z))
    print(f"layer {l + 1}:", *(f"{value:.6f}" for value in h))

print("\nThe tutorial prints 0.8909 0.9677 0.9909 and 0.8354, cut off after four decimals.")

# %%
# The function of the reference does the same, and so does a `Network`: the same loops, compiled and vectorised. A
# network is made from weights and called like a function.

network = fastnn.Network(W, b)
print(f"reference: {reference.simple_looped_nn_calc(3, x, W, b)[0]:.6f}")
print(f"network:   {network(x)[0]:.6f}")
network.summary()

# %%
# The same as a picture. Darker and wider lines are larger weights, darker units have larger biases.

figure, ax = plt.subplots(layout="constrained")
NetworkDiagram.from_network(network, ax=ax)
plt.show()

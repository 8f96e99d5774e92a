"""
One neuron
==========

A single neuron adds up its weighted inputs and its bias, and the sigmoid turns the sum into a number between 0 and 1.
What do the weight and the bias do?

Many introductions begin with this neuron; here its answers are compared with those that they print.
"""

# %%
# The neuron decides whether to go surfing: inputs 1 and 0, weights 7 and 3, bias −2.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

import fastnn
from fastnn import kernels

COLOURS = ("#E69F00", "#009E73", "#0072B2")

neuron = fastnn.Network([[[7.0, 3.0]]], [[-2.0]])
weighted_sum = 7.0 * 1 + 3.0 * 0 - 2.0
output = neuron([1, 0])[0]
print(f"weighted sum {weighted_sum:g}, output {output:.4f} (expected: 5, about 0.9933), rounded {output:.0f}")

# %%
# Three weights: the larger, the steeper. The green curve, of weight 1, is the plain sigmoid.

x = np.linspace(-8, 8, 401)
figure, ax = plt.subplots(figsize=(5.6, 3.2), layout="constrained")
for weight, colour in zip((0.5, 1.0, 2.0), COLOURS, strict=True):
    ax.plot(x, kernels.sigmoid(weight * x), color=colour, label=f"w = {weight:g}")
ax.set(xlabel="$x$", ylabel="$h_w(x)$", title="A weight makes it steep")
ax.legend(loc="upper left")

# %%
# Three biases at weight 5: a bias moves the step to where ``w x + b`` is zero.

figure, ax = plt.subplots(figsize=(5.6, 3.2), layout="constrained")
for bias, colour in zip((-8.0, 0.0, 8.0), COLOURS, strict=True):
    ax.plot(x, kernels.sigmoid(5 * x + bias), color=colour, label=f"b = {bias:g}")
ax.set(xlabel="$x$", ylabel="$h_{w,b}(x)$", title="A bias moves it")
ax.legend(loc="upper left")

# %%
# A neuron that is trained to minimise the log-loss is logistic regression. Thirty measurements of a tumour, benign or
# not; both find the same weights.

X, y = load_breast_cancer(return_X_y=True)
X = scale(X)
l2 = 0.01
result = fastnn.train([30, 1], X, y, 4000, 0.5, loss="log_loss", l2=l2, random_state=0)
regression = LogisticRegression(C=1 / (l2 * len(X)), tol=1e-10, max_iter=10_000).fit(X, y)
difference = np.abs(result.W[1] - regression.coef_).max()
print(f"accuracy {100 * np.mean(result.network.predict(X) == y):.1f} %, as logistic regression's")
print(f"largest difference between the weights: {difference:.0e}")

figure, ax = plt.subplots(figsize=(5.6, 4.4), layout="constrained")
ax.axline((0, 0), slope=1, color="#BBBBBB", zorder=0)
ax.scatter(regression.coef_[0], result.W[1][0], color="#0072B2")
ax.set(xlabel="weights of LogisticRegression", ylabel="weights of the neuron", aspect="equal")
ax.set_title("30 weights, each the same")
plt.show()

"""
One neuron
==========

A single neuron adds up its weighted inputs and its bias, and the sigmoid turns the sum into a number between 0 and 1.
What do the weight and the bias do?
"""

# %%
# The tutorial's neuron decides whether to go surfing: inputs 1 and 0, weights 7 and 3, bias −2.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

import fastnn
from fastnn import kernels

neuron = fastnn.Network([[[7.0, 3.0]]], [[-2.0]])
weighted_sum = 7.0 * 1 + 3.0 * 0 - 2.0
output = neuron([1, 0])[0]
print(f"weighted sum {weighted_sum:g}, output {output:.4f} (tutorial: 5, about 0.9933), rounded {output:.0f}")

# %%
# The plain sigmoid; with three weights: the larger, the steeper; and with three biases at weight 5: a bias moves the
# step to where ``w x + b`` is zero.

x = np.linspace(-8, 8, 401)
figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained", sharey=True)
axes[0].plot(x, kernels.sigmoid(x), color="#0072B2")
axes[0].set(xlabel="x", ylabel="f(x)", title="the sigmoid")
for weight, colour in zip((0.5, 1.0, 2.0), ("#E69F00", "#009E73", "#0072B2"), strict=True):
    axes[1].plot(x, kernels.sigmoid(weight * x), color=colour, label=f"w = {weight:g}")
axes[1].set(xlabel="x", ylabel="h_w(x)", title="a weight makes it steep")
axes[1].legend(loc="upper left")

for bias, colour in zip((-8.0, 0.0, 8.0), ("#E69F00", "#009E73", "#0072B2"), strict=True):
    axes[2].plot(x, kernels.sigmoid(5 * x + bias), color=colour, label=f"b = {bias:g}")
axes[2].set(xlabel="x", ylabel="h_wb(x)", title="a bias moves it")
axes[2].legend(loc="upper left")

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

figure, ax = plt.subplots(figsize=(4.2, 4), layout="constrained")
ax.axline((0, 0), slope=1, color="#BBBBBB", zorder=0)
ax.scatter(regression.coef_[0], result.W[1][0], color="#0072B2")
ax.set(xlabel="weights of LogisticRegression", ylabel="weights of the neuron", aspect="equal")
plt.show()

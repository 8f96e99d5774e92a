"""
Digits, by one line
===================

The tutorial's main program: a network of 64-30-10 units learns to read digits. Each iteration passes every image
forward, measures how far the outputs are from the wanted ones, passes the differences backward, and moves all weights
a little downhill. In the tutorial that is a page of loops that runs for minutes. Here it is one line.

The tutorial is the `Neural Networks Tutorial – A Pathway to Deep Learning
<https://adventuresinmachinelearning.com/neural-networks-tutorial/>`__ by Andy Thomas.
"""

# %%
# 1797 images of 8 × 8 pixels come with scikit-learn. Every pixel is scaled to mean 0 and standard deviation 1; three
# fifths of the images are to learn from.

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import fastnn
from fastnn import reference
from fastnn.plots import LossCurveDisplay, WeightsDisplay

digits = load_digits()
X = StandardScaler().fit_transform(digits.data)
X_train, X_test, y_train, y_test = train_test_split(X, digits.target, test_size=0.4, random_state=7)
Y_train = reference.convert_y_to_vect(y_train)  # one column a digit: 1 for the right one

figure, axes = plt.subplots(2, 5, figsize=(5.6, 2.8), layout="constrained")
for ax, image, digit in zip(axes.flat, digits.images, digits.target, strict=False):
    ax.imshow(image, cmap="gray_r")
    ax.set(title=digit)
    ax.set_axis_off()

# %%
# The one line. In the tutorial it is ``W, b, avg_cost_func = train_nn([64, 30, 10], X_train, Y_train)``, and after the
# same ``numpy.random.seed`` both learn the same weights.

np.random.seed(0)
start = perf_counter()
result = W, b, cost = fastnn.train([64, 30, 10], X_train, Y_train)
seconds = perf_counter() - start

accuracy = 100 * np.mean(fastnn.predict(W, b, X_test) == y_test)
print(f"{len(cost)} iterations on {len(X_train)} digits in {seconds:.2f} s (tutorial: a few minutes)")
print(f"test accuracy {accuracy:.1f} % (tutorial: about 86 %)")

# %%
# Is it the same? The tutorial's own loops, for the first ten iterations:

np.random.seed(0)
_, _, its_cost = reference.train_nn([64, 30, 10], X_train, Y_train, iter_num=10)
print(f"largest difference in the cost: {np.abs(np.subtract(its_cost, cost[:10])).max():.0e}")

# %%
# The cost falls, in steps: each is a digit that the network learns to tell from the others.

figure, ax = plt.subplots(layout="constrained")
LossCurveDisplay.from_result(result, metric="cost", ax=ax)
ax.set(xlabel="iteration number", ylabel="average J", ylim=(0, None))

# %%
# What the hidden units look for: where an image is dark and a weight is red, the unit is pushed up. Start weights are
# drawn between 0 and 1, and would hide most of what was learned; so they are taken away.

np.random.seed(0)
W_start, _ = reference.setup_and_init_weights([64, 30, 10])
figure, ax = plt.subplots(figsize=(5.6, 4.2), layout="constrained")
WeightsDisplay(W[1] - W_start[1], image_shape=(8, 8)).plot(ax)
ax.set_title("What 30 hidden units learned: weights less start")
plt.show()

# sphinx_gallery_thumbnail_number = 3

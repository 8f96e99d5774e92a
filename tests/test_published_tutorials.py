"""Published tutorials that train "for each row" in order: one call of `train` comes out at the figures they print.

Four are Jason Brownlee's, of the series "Code Algorithms From Scratch" (2016): back-propagation, logistic regression,
linear regression and the perceptron. Each makes an update a row, from the first row to the last, and prints the sum of
squared errors of each epoch, each row's before its own update. One is Sebastian Raschka's. Beside them stand plain
loops over the rows in order, Andrew Trask's networks without biases, and the spiral of "Neural Networks from Scratch",
which take all rows at once.
"""

import random
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import BACKEND_NAMES, assert_close
from sklearn.datasets import load_iris

import fastnn

#: The ten rows that three of the tutorials share, and their classes.
POINTS = [
    [2.7810836, 2.550537003], [1.465489372, 2.362125076], [3.396561688, 4.400293529], [1.38807019, 1.850220317],
    [3.06407232, 3.005305973], [7.627531214, 2.759262235], [5.332441248, 2.088626775], [6.922596716, 1.77106367],
    [8.675418651, -0.242068655], [7.673756466, 3.508563011],
]  # fmt: skip
CLASSES = [0] * 5 + [1] * 5
BY_ROW = {"batch_size": 1, "order": "sequential"}


def drawn(rng, sizes):
    """Start weights as the tutorial draws them: layer by layer, unit by unit, the bias of each last."""
    layers = [
        np.array([[rng.random() for _ in range(n_in + 1)] for _ in range(n_out)]) for n_in, n_out in pairwise(sizes)
    ]
    return [units[:, :-1] for units in layers], [units[:, -1] for units in layers]


def train_from_zero(X, y, n_epochs, learning_rate, **options):
    """Train one unit for so many epochs."""
    start = [np.zeros((1, len(X[0])))], [np.zeros(1)]
    targets = np.reshape(y, (-1, 1))
    return fastnn.train([len(X[0]), 1], X, targets, n_epochs * len(X), learning_rate, init=start, **BY_ROW, **options)


def errors(result, n_rows):
    """The sum of squared errors of each epoch, to the three decimals that the tutorials print."""
    return (np.reshape(result.cost, (-1, n_rows)) ** 2).sum(axis=1).round(3).tolist()


def coefficients(result):
    """Bias and weights of one unit, as the tutorials print them."""
    return [result.b[1][0], *result.W[1][0]]


# -- on a few rows ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_back_propagation(backend):
    """In "How to Code a Neural Network with Backpropagation In Python (from scratch)": section 4, Train Network."""
    start = drawn(random.Random(1), [2, 2, 2])
    result = fastnn.train([2, 2, 2], POINTS, np.eye(2)[CLASSES], 200, 0.5, init=start, backend=backend, **BY_ROW)
    assert errors(result, 10) == [
        6.350, 5.531, 5.221, 4.951, 4.519, 4.173, 3.835, 3.506, 3.192, 2.898,
        2.626, 2.377, 2.153, 1.953, 1.774, 1.614, 1.472, 1.346, 1.233, 1.132,
    ]  # fmt: skip
    hidden = [[-1.4688375095432327, 1.850887325439514], [0.37711098142462157, -0.0625909894552989]]
    output = [[2.515394649397849, -0.3391927502445985], [-2.5584149848484263, 1.0036422106209202]]
    assert_close(result.W[1], hidden, 1e-12)
    assert_close(result.b[1], [1.0858178629550297, 0.2765123702642716], 1e-12)
    assert_close(result.W[2], output, 1e-12)
    assert_close(result.b[2], [-0.9671565426390275, 0.42383086467582715], 1e-12)


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_logistic_regression(backend):
    """In "How To Implement Logistic Regression From Scratch in Python": squared errors of a logistic output."""
    result = train_from_zero(POINTS, CLASSES, 100, 0.3, backend=backend)
    assert errors(result, 10)[-5:] == [0.023, 0.023, 0.023, 0.023, 0.022]
    assert_close(coefficients(result), [-0.8596443546618897, 1.5223825112460005, -2.218700210565016], 1e-12)


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_linear_regression(backend):
    """In "How to Implement Linear Regression From Scratch in Python"."""
    X, y = [[1], [2], [4], [3], [5]], [1, 3, 3, 2, 5]
    result = train_from_zero(X, y, 50, 0.001, output_activation="identity", backend=backend)
    assert errors(result, 5)[-5:] == [2.650, 2.627, 2.607, 2.589, 2.573]
    assert_close(coefficients(result), [0.22998234937311363, 0.8017220304137576], 1e-12)


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_perceptron(backend):
    """In "How To Implement The Perceptron Algorithm From Scratch In Python"."""
    result = train_from_zero(POINTS, CLASSES, 5, 0.1, loss="perceptron", backend=backend)
    assert errors(result, 10) == [2, 1, 0, 0, 0]
    assert_close(coefficients(result), [-0.1, 0.20653640140000007, -0.23418117710000003], 1e-12)


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_perceptron_on_iris(backend):
    """Raschka, "Single-Layer Neural Networks and Gradient Descent" (2015): "converges after the 6th iteration".

    Its classes are -1 and 1, which makes each update twice as large as with 0 and 1.
    """
    X, y = load_iris(return_X_y=True)
    result = train_from_zero(X[:100, [0, 2]], y[:100], 10, 2 * 0.1, loss="perceptron", backend=backend)
    assert [n_wrong > 0 for n_wrong in errors(result, 100)] == 5 * [True] + 5 * [False]
    assert_close(coefficients(result), [-0.4, -0.68, 1.82], 1e-12)


@pytest.mark.parametrize("backend", ["simd", "numpy"])
def test_eleven_lines(backend):
    """Andrew Trask, "A Neural Network in 11 lines of Python (Part 1)" (2015): networks without biases.

    It adds up the steps of its four rows, so that the rate is that of the mean times four. The outputs are printed as
    of the last update's forward pass, which 9,999 others precede; the mean errors each 10,000 updates.
    """
    X = [[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]]
    options = {"bias": False, "backend": backend}
    two_layers = fastnn.train(
        [3, 1], X, [[0], [0], [1], [1]], 9_999, 4.0, init="lecun_uniform", random_state=1, **options
    )  # which is uniform on [-1, 1) for three inputs
    assert_close(two_layers.network(X)[:, 0], [0.00966449, 0.00786506, 0.99358898, 0.99211957], 5.1e-9)
    draws = np.random.RandomState(1)
    start = [(2 * draws.random_sample(shape) - 1).T for shape in ((3, 4), (4, 1))]
    three_layers = fastnn.train([3, 4, 1], X, [[0], [1], [1], [0]], 50_001, 4.0, init=(start, None), **options)
    printed = [0.496410031903, 0.00858452565325, 0.00578945986251, 0.00462917677677, 0.00395876528027, 0.00351012256786]
    assert [float(f"{error:.12g}") for error in three_layers.cost[::10_000]] == printed


def spiral():
    """Three arms of 100 points in two dimensions, and start weights of 2-64-3, as drawn by the seed 0."""
    draws, n = np.random.RandomState(0), 100
    radius, angles = np.linspace(0, 1, n), []
    for arm in range(3):
        angles.append(np.linspace(arm * 4, (arm + 1) * 4, n) + 0.2 * draws.standard_normal(n))
    X = np.vstack([np.column_stack([radius * np.sin(2.5 * angle), radius * np.cos(2.5 * angle)]) for angle in angles])
    hidden, output = (0.01 * draws.standard_normal(shape) for shape in ((2, 64), (64, 3)))
    return X, np.repeat([0, 1, 2], n), ([hidden.T, output.T], [np.zeros(64), np.zeros(3)])


def spiral_by_hand(X, y, start, n_updates, rate, decay, epsilon):
    """The book's layers, loss and optimizer: weights (n_in, n_out) and biases at the end, and each epoch's loss."""
    (hidden, output), biases = start
    parameters = [hidden.T.copy(), biases[0].copy(), output.T.copy(), biases[1].copy()]
    means, squares = ([np.zeros_like(each) for each in parameters] for _ in range(2))
    losses = []
    for t in range(1, n_updates + 1):
        hidden, b, output, c = parameters
        units = np.maximum(0, X @ hidden + b)
        powers = np.exp(units @ output + c)
        delta = powers / powers.sum(axis=1, keepdims=True)
        losses.append(-np.log(delta[np.arange(len(y)), y]).mean())
        delta[np.arange(len(y)), y] -= 1
        delta /= len(y)
        back = (delta @ output.T) * (units > 0)
        of_epoch = rate / (1 + decay * (t - 1))
        for i, gradient in enumerate([X.T @ back, back.sum(axis=0), units.T @ delta, delta.sum(axis=0)]):
            means[i] = 0.9 * means[i] + 0.1 * gradient
            squares[i] = 0.999 * squares[i] + 0.001 * gradient**2
            root = np.sqrt(squares[i] / (1 - 0.999**t)) + epsilon
            parameters[i] = parameters[i] - of_epoch * means[i] / (1 - 0.9**t) / root
    return parameters, losses


def test_spiral():
    """Kinsley and Kukieła, "Neural Networks from Scratch in Python" (2020), chapter 10: 64 units of ReLU, Adam, decay.

    They print a loss of 1.099 and an accuracy of 0.360 in the first epoch, and about 0.08 and 0.97 in the last, 10,000
    updates of float32 later, which multiply its rounding. To many digits there are their own formulas for the first
    200, without an epsilon, which in theirs is beside the corrected root.
    """
    X, y, start = spiral()
    options = {"activation": "relu", "loss": "log_loss", "solver": "adam", "init": start, "report_every": 10_000}
    for rate, decay in ((0.02, 1e-5), (0.05, 5e-7)):
        rates = rate / (1 + decay * np.arange(10_001))
        result = fastnn.train([2, 64, 3], X, y, 10_001, rates, epsilon=1e-7, validation_data=(X, y), **options)
        assert round(result.loss_curve[0], 3) == 1.099
        assert 0.06 < result.loss_curve[10_000] < 0.1
        assert result.history["accuracy"][0] > 0.95
        by_hand, losses = spiral_by_hand(X, y, start, 200, rate, decay, 1e-30)
        result = fastnn.train([2, 64, 3], X, y, 200, rates[:200], epsilon=1e-30, **options)
        assert_close(result.loss_curve, losses, 1e-9)
        for found, expected in zip([result.W[1].T, result.b[1], result.W[2].T, result.b[2]], by_hand, strict=True):
            assert_close(found, expected, 1e-6)
    network = fastnn.Network(*start, activation="relu", output_activation="softmax")
    assert round((network(X).argmax(axis=1) == y).mean(), 3) == 0.36


# -- cross-validated ----------------------------------------------------------------------------------------------


def table(name):
    """A table that the package evocluster ships, with the rows in the order of the tutorial's file: X and labels."""
    package = find_spec("EvoCluster")  # not imported: it needs more than its files
    if package is None:
        pytest.skip("needs the tables in the package evocluster; install it with pip's --no-deps")
    rows = np.loadtxt(Path(package.submodule_search_locations[0], "datasets", name), delimiter=",")
    return rows[:, :-1], rows[:, -1].astype(int)


def splits(rng, n_rows, n_folds):
    """Rows to train on, in the order of the folds, and rows to test on, as the tutorials draw them."""
    left = list(range(n_rows))
    folds = [[left.pop(rng.randrange(len(left))) for _ in range(n_rows // n_folds)] for _ in range(n_folds)]
    return [([row for other in folds if other is not fold for row in other], fold) for fold in folds]


def test_wheat_seeds():
    """Back-propagation, section 6.

    The tutorial numbers the classes in the order of a set of strings, which Python draws anew for each process. The
    table's own numbers, 1, 2 and 0 for the three varieties, are one of the two numberings that give its figures.
    """
    X, labels = table("seeds.csv")
    X = (X - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0))
    rng, scores = random.Random(1), []
    for rows, held_back in splits(rng, len(X), 5):
        start, n_updates = drawn(rng, [7, 5, 3]), 500 * len(rows)
        result = fastnn.train([7, 5, 3], X[rows], np.eye(3)[labels[rows]], n_updates, 0.3, init=start, **BY_ROW)
        scores.append(100 * np.mean(result.network(X[held_back]).argmax(axis=1) == labels[held_back]))
    assert scores == pytest.approx(
        [92.85714285714286, 92.85714285714286, 97.61904761904762, 92.85714285714286, 90.47619047619048]
    )
    assert f"{np.mean(scores):.3f}" == "93.333"


def test_sonar():
    """The perceptron, on the sonar data; its class 1 is the table's 0, rock."""
    X, is_mine = table("sonar.csv")
    y, scores = 1 - is_mine, []
    for rows, held_back in splits(random.Random(1), len(X), 3):
        result = train_from_zero(X[rows], y[rows], 500, 0.01, loss="perceptron")
        scores.append(100 * np.mean(result.network(X[held_back])[:, 0] == y[held_back]))
    assert scores == pytest.approx([76.81159420289855, 69.56521739130434, 72.46376811594203])
    assert f"{np.mean(scores):.3f}" == "72.947"


# -- orders -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", [10, 12])
@pytest.mark.parametrize("order", ["sequential", "wraparound"])
def test_orders_against_a_plain_loop(order, n_rows):
    """In order: every row each pass, the last batch short. Wrapped around: at each step of the mini-batch tutorial from
    the offset (step * batch_size) % (n_rows - batch_size) on, always `batch_size` rows.
    """
    n_passes, size = 4, 4
    X = np.random.default_rng(0).standard_normal((n_rows, 3))
    y = np.random.default_rng(1).standard_normal(n_rows)
    starts = range(0, n_rows, size)
    if order == "sequential":
        batches = n_passes * [slice(start, min(start + size, n_rows)) for start in starts]
    else:
        offsets = [(step * size) % (n_rows - size) for step in range(n_passes * len(starts))]
        batches = [slice(offset, offset + size) for offset in offsets]
    w, c = np.zeros(3), 0.0
    for batch in batches:
        delta = X[batch] @ w + c - y[batch]
        w, c = w - 0.1 * delta @ X[batch] / len(delta), c - 0.1 * delta.mean()
    result = fastnn.train(
        [3, 1], X, y, len(batches), 0.1, output_activation="identity", init=([np.zeros((1, 3))], [[0.0]]),
        batch_size=size, order=order,
    )  # fmt: skip
    assert_close(coefficients(result), [c, *w], 1e-12)


def test_iris_in_order_learns_every_class():
    """Whose last batch is the third class, and all there is of it."""
    X, y = load_iris(return_X_y=True)
    result = fastnn.train(
        [4, 8, 3], X, y, 3000, 0.05, activation="tanh", loss="log_loss", init="glorot_uniform", batch_size=50,
        order="sequential", random_state=0,
    )  # fmt: skip
    is_right = result.network.predict(X) == y
    assert [is_right[y == label].mean() >= 0.9 for label in range(3)] == [True] * 3


@pytest.mark.parametrize("seed", range(3))
def test_xor_in_order_learns_all_four_rows(seed):
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [0]]
    result = fastnn.train([2, 4, 1], X, y, 10_000, 1.0, batch_size=2, order="sequential", random_state=seed)
    assert np.abs(result.network(X) - y).max() < 0.1

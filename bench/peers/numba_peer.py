"""Numba: all epochs in one compiled call; BLAS for the products of batches, loops by hand at batch 1 and for one row.

Sizes and activations are run-time numbers, so that each function is compiled once a dtype. Scalars are made in the
dtype of the data: a literal would turn float32 into float64.
"""

import math

import numba
import numpy as np

from bench.peers.interface import BETA_1, BETA_2, EPSILON, adam_steps, flat

PACKAGES = ("numba", "llvmlite", "scipy")

IDENTITY, LOGISTIC, TANH, RELU, SOFTMAX = range(5)
KINDS = {"identity": IDENTITY, "logistic": LOGISTIC, "tanh": TANH, "relu": RELU, "softmax": SOFTMAX}

jit = numba.njit(fastmath=True, error_model="numpy")


@jit
def activate(z, kind):
    """Replace weighted sums (n, size) by activations."""
    one = z.dtype.type(1)
    n, size = z.shape
    if kind == RELU:
        for i in range(n):
            for j in range(size):
                z[i, j] = max(z[i, j], z.dtype.type(0))
    elif kind == LOGISTIC:
        for i in range(n):
            for j in range(size):
                z[i, j] = one / (one + math.exp(-z[i, j]))
    elif kind == TANH:
        for i in range(n):
            for j in range(size):
                z[i, j] = math.tanh(z[i, j])
    elif kind == SOFTMAX:
        for i in range(n):
            top = z[i, 0]
            for j in range(1, size):
                top = max(top, z[i, j])
            total = z.dtype.type(0)
            for j in range(size):
                z[i, j] = math.exp(z[i, j] - top)
                total += z[i, j]
            share = one / total
            for j in range(size):
                z[i, j] *= share


@jit
def times_slope(delta, h, kind):
    """Multiply delta by the activation's derivative, from its output h."""
    one = h.dtype.type(1)
    n, size = h.shape
    if kind == RELU:
        for i in range(n):
            for j in range(size):
                delta[i, j] = delta[i, j] if h[i, j] > h.dtype.type(0) else h.dtype.type(0)
    elif kind == LOGISTIC:
        for i in range(n):
            for j in range(size):
                delta[i, j] *= h[i, j] * (one - h[i, j])
    elif kind == TANH:
        for i in range(n):
            for j in range(size):
                delta[i, j] *= one - h[i, j] * h[i, j]


@jit
def add_rows(z, b):
    """Add b to each row."""
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            z[i, j] += b[j]


@jit
def sgd(p, g, v, step, momentum):
    """Make a step of gradient descent."""
    for i in range(len(p)):
        v[i] = momentum * v[i] - step * g[i]
        p[i] += v[i]


@jit
def adam(p, g, m, v, step, constants):
    """Make a step of Adam."""
    _, beta_1, rest_1, beta_2, rest_2, epsilon = constants
    for i in range(len(p)):
        m[i] = beta_1 * m[i] + rest_1 * g[i]
        v[i] = beta_2 * v[i] + rest_2 * g[i] * g[i]
        p[i] -= step * m[i] / (math.sqrt(v[i]) + epsilon)


@jit
def offsets_of(sizes):
    """Return where the weights and where the biases of each layer start."""
    n_layers = len(sizes) - 1
    weights, biases = np.zeros(n_layers + 1, np.intp), np.zeros(n_layers + 1, np.intp)
    for l in range(n_layers):
        weights[l + 1] = weights[l] + sizes[l] * sizes[l + 1]
    biases[0] = weights[n_layers]
    for l in range(n_layers):
        biases[l + 1] = biases[l] + sizes[l + 1]
    return weights, biases


@jit
def train(X, y, rows, batch_size, n_epochs, sizes, kinds, squared, p, m, v, steps, is_adam, constants):
    """Make all updates of all epochs; constants are those of the solvers."""
    n_layers, n_rows, in_order = len(kinds), len(X), batch_size == 0
    batch_size = batch_size or n_rows
    weights, biases = offsets_of(sizes)
    g = np.empty_like(p)
    places = np.zeros(n_layers + 2, np.intp)
    for l in range(n_layers + 1):
        places[l + 1] = places[l] + sizes[l]
    h, delta = np.empty(places[-1] * batch_size, X.dtype), np.empty(places[-1] * batch_size, X.dtype)
    update = 0
    for _ in range(n_epochs):
        for start in range(0, n_rows, batch_size):
            n = min(batch_size, n_rows - start)
            below = h[: n * sizes[0]].reshape(n, sizes[0])
            if in_order:
                below = X
            else:
                for i in range(n):
                    row = rows[start + i]
                    for j in range(sizes[0]):
                        below[i, j] = X[row, j]
            for l in range(n_layers):
                W = p[weights[l] : weights[l + 1]].reshape(sizes[l + 1], sizes[l])
                begin = places[l + 1] * batch_size
                above = h[begin : begin + n * sizes[l + 1]].reshape(n, sizes[l + 1])
                np.dot(below, W.T, above)
                add_rows(above, p[biases[l] : biases[l + 1]])
                activate(above, kinds[l])
                below = above
            begin = places[n_layers] * batch_size
            d = delta[begin : begin + n * sizes[n_layers]].reshape(n, sizes[n_layers])
            share = X.dtype.type(1) / X.dtype.type(n)
            for i in range(n):
                row = start + i if in_order else rows[start + i]
                for j in range(sizes[n_layers]):
                    d[i, j] = (below[i, j] - y[row, j]) * share
            if squared:
                times_slope(d, below, kinds[n_layers - 1])
            for l in range(n_layers - 1, -1, -1):
                W = p[weights[l] : weights[l + 1]].reshape(sizes[l + 1], sizes[l])
                begin = places[l] * batch_size
                below = h[begin : begin + n * sizes[l]].reshape(n, sizes[l])
                if l == 0 and in_order:
                    below = X
                np.dot(d.T, below, g[weights[l] : weights[l + 1]].reshape(sizes[l + 1], sizes[l]))
                g_b = g[biases[l] : biases[l + 1]]
                g_b[:] = X.dtype.type(0)
                for i in range(n):
                    for j in range(sizes[l + 1]):
                        g_b[j] += d[i, j]
                if l > 0:
                    d_below = delta[begin : begin + n * sizes[l]].reshape(n, sizes[l])
                    np.dot(d, W, d_below)
                    times_slope(d_below, below, kinds[l - 1])
                    d = d_below
            if is_adam:
                adam(p, g, m, v, steps[update], constants)
            else:
                sgd(p, g, v, steps[update], constants[0])
            update += 1


@jit
def forward_row(x, p, sizes, kinds, weights, biases, h):
    """Fill h, the units of all layers but the inputs, and return where the outputs start."""
    below, at = x, 0
    for l in range(len(kinds)):
        n_in, n_out = sizes[l], sizes[l + 1]
        above = h[at : at + n_out]
        for i in range(n_out):
            W = p[weights[l] + i * n_in : weights[l] + (i + 1) * n_in]
            total = h.dtype.type(0)
            for j in range(n_in):
                total += W[j] * below[j]
            above[i] = total + p[biases[l] + i]
        activate(above.reshape(1, n_out), kinds[l])
        below, at = above, at + n_out
    return at - sizes[-1]


@jit
def train_rows(X, y, rows, n_epochs, sizes, kinds, squared, p, steps):
    """Make an update a row, plain gradient descent: weights change while delta goes down past them."""
    weights, biases = offsets_of(sizes)
    n_layers = len(kinds)
    n_units = sizes[1:].sum()
    h, delta = np.empty(n_units, X.dtype), np.empty(n_units + sizes[0], X.dtype)
    step = steps[0]
    for _ in range(n_epochs):
        for row in rows:
            at = forward_row(X[row], p, sizes, kinds, weights, biases, h)
            n_out = sizes[n_layers]
            d, out = delta[at : at + n_out], h[at : at + n_out]
            for i in range(n_out):
                d[i] = out[i] - y[row, i]
            if squared:
                times_slope(d.reshape(1, n_out), out.reshape(1, n_out), kinds[n_layers - 1])
            for l in range(n_layers - 1, -1, -1):
                n_in, n_out = sizes[l], sizes[l + 1]
                below = h[at - n_in : at] if l > 0 else X[row]
                d_below = delta[at - n_in : at] if l > 0 else delta[n_units:]
                d_below[:] = X.dtype.type(0)
                for i in range(n_out):
                    W = p[weights[l] + i * n_in : weights[l] + (i + 1) * n_in]
                    change = step * d[i]
                    if l > 0:
                        for j in range(n_in):
                            d_below[j] += W[j] * d[i]
                            W[j] -= change * below[j]
                    else:
                        for j in range(n_in):
                            W[j] -= change * below[j]
                    p[biases[l] + i] -= change
                if l > 0:
                    times_slope(d_below.reshape(1, n_in), below.reshape(1, n_in), kinds[l - 1])
                    d, at = d_below, at - n_in


@jit
def predict_row(x, p, sizes, kinds, weights, biases, h):
    """Return the outputs of one row."""
    at = forward_row(x, p, sizes, kinds, weights, biases, h)
    return h[at:].copy()


@jit
def predict_rows(X, p, sizes, kinds, weights, biases, block):
    """Return the outputs of all rows, a block at a time, whose activations stay in the cache."""
    n_layers = len(kinds)
    out = np.empty((len(X), sizes[n_layers]), X.dtype)
    h = np.empty((2, block * sizes.max()), X.dtype)
    for start in range(0, len(X), block):
        n = min(block, len(X) - start)
        below = X[start : start + n]
        for l in range(n_layers):
            W = p[weights[l] : weights[l + 1]].reshape(sizes[l + 1], sizes[l])
            above = h[l % 2, : n * sizes[l + 1]].reshape(n, sizes[l + 1])
            if l == n_layers - 1:
                above = out[start : start + n]
            np.dot(below, W.T, above)
            add_rows(above, p[biases[l] : biases[l + 1]])
            activate(above, kinds[l])
            below = above
    return out


class Train:
    """One call for everything."""

    def __init__(self, problem):
        case = problem.case
        self.problem, self.case = problem, case
        self.start = flat(problem.W, problem.b)
        self.network = np.array(case.layers), np.array([KINDS[name] for name in case.activations])
        constants = case.momentum, BETA_1, 1 - BETA_1, BETA_2, 1 - BETA_2, EPSILON
        self.constants = tuple(map(np.dtype(problem.dtype).type, constants))

    def reset(self):
        self.parameters = self.start.copy()
        self.m, self.v = np.zeros_like(self.start), np.zeros_like(self.start)

    def run(self):
        case, problem = self.case, self.problem
        n = case.n_epochs * len(case.batches)
        is_adam, squared = case.solver == "adam", case.loss == "squared_error"
        steps = adam_steps(case.learning_rate, 1, n) if is_adam else np.full(n, case.learning_rate)
        steps = steps.astype(problem.dtype)
        data = problem.X, problem.y, problem.rows
        if case.batch_size == 1 and not is_adam and not case.momentum:
            train_rows(*data, case.n_epochs, *self.network, squared, self.parameters, steps)
        else:
            state = self.parameters, self.m, self.v, steps, is_adam, self.constants
            train(*data, case.batch_size, case.n_epochs, *self.network, squared, *state)

    def numbers(self):
        return self.parameters


class Predict:
    """Blocks of rows (all at once took up to 1.17 times as long), or one row by loops."""

    def __init__(self, problem, block=512):
        sizes = np.array(problem.case.layers)
        kinds = np.array([KINDS[name] for name in problem.case.activations])
        network = flat(problem.W, problem.b), sizes, kinds, *offsets_of(sizes)
        if problem.case.n_rows == 1:
            h = np.empty(sizes[1:].sum(), problem.dtype)
            self.function, self.arguments = predict_row, (problem.X[0], *network, h)
        else:
            self.function, self.arguments = predict_rows, (problem.X, *network, block)

    def reset(self):
        pass

    def run(self):
        self.out = self.function(*self.arguments)

    def numbers(self):
        return np.atleast_2d(self.out)


TRAINERS = {"Numba": Train}
PREDICTORS = {"Numba": Predict}

"""NumPy: matrix products of whole batches into arrays allocated once, all parameters and their gradient in one array.

Prediction of one row has the tutorials' two functions beside it.
"""

from functools import partial

import numpy as np

from bench.peers.interface import BETA_1, BETA_2, EPSILON, adam_steps, flat
from fastnn import reference

PACKAGES = ("numpy",)


def views(parameters, shapes):
    """Return the weights and the biases of each layer as views of flat parameters."""
    W, b, start = [], [], 0
    for n_in, n_out in shapes:
        W.append(parameters[start : start + n_in * n_out].reshape(n_out, n_in))
        start += n_in * n_out
    for _, n_out in shapes:
        b.append(parameters[start : start + n_out])
        start += n_out
    return W, b


def activate(Z, activation):
    """Replace weighted sums by activations, in place."""
    if activation == "relu":
        np.maximum(Z, 0, out=Z)
    elif activation == "tanh":
        np.tanh(Z, out=Z)
    elif activation == "logistic":
        np.negative(Z, out=Z)
        with np.errstate(over="ignore"):
            np.exp(Z, out=Z)
        Z += 1
        np.reciprocal(Z, out=Z)
    elif activation == "softmax":
        Z -= Z.max(axis=-1, keepdims=True)
        np.exp(Z, out=Z)
        Z /= Z.sum(axis=-1, keepdims=True)


def times_slope(delta, H, activation):
    """Multiply delta by the activation's derivative, from its output H; H is overwritten."""
    if activation == "relu":
        delta *= H > 0
    elif activation == "tanh":
        np.multiply(H, H, out=H)
        np.subtract(1, H, out=H)
        delta *= H
    elif activation == "logistic":
        delta *= H
        np.subtract(1, H, out=H)
        delta *= H


class Train:
    """Back-propagation by hand."""

    def __init__(self, problem):
        case = problem.case
        self.problem, self.case = problem, case
        self.start = flat(problem.W, problem.b)
        self.parameters, self.gradient, self.scratch = (np.empty_like(self.start) for _ in range(3))
        self.W, self.b = views(self.parameters, case.shapes)
        self.gradient_W, self.gradient_b = views(self.gradient, case.shapes)
        self.buffers = {}
        for batch in case.batches:
            n = batch.stop - batch.start
            if n not in self.buffers:
                H, delta = ([np.empty((n, size), problem.dtype) for size in case.layers] for _ in range(2))
                self.buffers[n] = (H, delta, np.empty_like(delta[-1]))
        self.ones = np.ones(case.batch_size or case.n_rows, problem.dtype)

    def reset(self):
        self.parameters[:] = self.start
        self.m, self.v = np.zeros_like(self.start), np.zeros_like(self.start)

    def run(self):
        case, X, y, rows = self.case, self.problem.X, self.problem.y, self.problem.rows
        n_updates = case.n_epochs * len(case.batches)
        steps = iter(adam_steps(case.learning_rate, 1, n_updates).tolist())
        batches = [(rows[batch], *self.buffers[batch.stop - batch.start]) for batch in case.batches]
        for _ in range(case.n_epochs):
            for taken, H, delta, targets in batches:
                if case.batch_size:  # "clip" lets take write straight into `out`
                    X.take(taken, axis=0, out=H[0], mode="clip")
                    y.take(taken, axis=0, out=targets, mode="clip")
                else:
                    H[0], targets = X, y
                self.compute_gradient(H, delta, targets)
                if case.solver == "adam":
                    self.adam(next(steps))
                else:
                    self.sgd()

    def compute_gradient(self, H, delta, targets):
        W, activations = self.W, self.case.activations
        for l, activation in enumerate(activations):
            np.dot(H[l], W[l].T, out=H[l + 1])
            H[l + 1] += self.b[l]
            activate(H[l + 1], activation)
        n = len(targets)
        np.subtract(H[-1], targets, out=delta[-1])
        if self.case.loss == "squared_error":
            times_slope(delta[-1], H[-1], activations[-1])
        delta[-1] /= n
        for l in range(len(W) - 1, -1, -1):
            np.dot(delta[l + 1].T, H[l], out=self.gradient_W[l])
            np.dot(self.ones[:n], delta[l + 1], out=self.gradient_b[l])
            if l:
                np.dot(delta[l + 1], W[l], out=delta[l])
                times_slope(delta[l], H[l], activations[l - 1])

    def sgd(self):
        self.gradient *= self.case.learning_rate
        if self.case.momentum:
            self.v *= self.case.momentum
            self.v -= self.gradient
            self.parameters += self.v
        else:
            self.parameters -= self.gradient

    def adam(self, step):
        # m and v are kept without the factors (1 - beta): two passes less.
        m, v, gradient, scratch = self.m, self.v, self.gradient, self.scratch
        m *= BETA_1
        m += gradient
        v *= BETA_2
        gradient *= gradient
        v += gradient
        root = (1 - BETA_2) ** 0.5
        np.sqrt(v, out=scratch)
        scratch += EPSILON / root
        np.divide(m, scratch, out=scratch)
        scratch *= step * (1 - BETA_1) / root
        self.parameters -= scratch

    def numbers(self):
        return self.parameters


class Predict:
    """All rows at once: blocks of 1024 took 0.97 to 1.08 of the time, smaller ones more."""

    def __init__(self, problem):
        self.problem, self.case = problem, problem.case
        outputs = [np.empty((self.case.n_rows, size), problem.dtype) for size in self.case.layers[1:]]
        self.steps = list(zip(problem.W, problem.b, outputs, self.case.activations, strict=True))
        self.out = outputs[-1]

    def reset(self):
        pass

    def run(self):
        H = self.problem.X
        for W, b, Z, activation in self.steps:
            np.dot(H, W.T, out=Z)
            Z += b
            activate(Z, activation)
            H = Z

    def numbers(self):
        return self.out


class PredictOneRow(Predict):
    """Vectors instead of matrices of one row."""

    def __init__(self, problem):
        super().__init__(problem)
        self.x, self.out = problem.X[0], self.out[0]
        self.steps = [(W, b, Z[0], activation) for W, b, Z, activation in self.steps]

    def run(self):
        h = self.x
        for W, b, z, activation in self.steps:
            W.dot(h, z)
            z += b
            activate(z, activation)
            h = z

    def numbers(self):
        return self.out[None]


class Tutorial:
    """One of the tutorials' functions, which know sigmoid layers and one row."""

    def __init__(self, problem, function, convert):
        self.function = function
        self.arguments = (
            len(problem.case.layers),
            convert(problem.X[0]),
            [convert(weights) for weights in problem.W],
            [convert(biases) for biases in problem.b],
        )

    def reset(self):
        pass

    def run(self):
        self.out = self.function(*self.arguments)

    def numbers(self):
        return np.asarray(self.out)[None]


def predict(problem):
    """Return the way that suits the number of rows."""
    return PredictOneRow(problem) if problem.case.n_rows == 1 else Predict(problem)


def tutorial(problem, function, convert):
    """Return a way by one of the tutorials' functions where it belongs, else None."""
    belongs = problem.case.n_rows == 1 and set(problem.case.activations) == {"logistic"}
    return Tutorial(problem, function, convert) if belongs else None


TRAINERS = {"NumPy": Train}
PREDICTORS = {
    "NumPy": predict,
    "NumPy, tutorial": partial(tutorial, function=reference.matrix_feed_forward_calc, convert=np.asarray),
    "naive Python": partial(tutorial, function=reference.simple_looped_nn_calc, convert=np.ndarray.tolist),
}

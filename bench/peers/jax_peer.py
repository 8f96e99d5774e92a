"""JAX: a whole epoch in one compiled call, a scan over its batches; gradients by ``jax.grad``; arrays donated."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from bench.peers.interface import BETA_1, BETA_2, EPSILON, adam_steps, flat

PACKAGES = ("jax", "jaxlib")

# Each result is waited for: handing a call over to another thread took one row from 17 to 40 µs.
jax.config.update("jax_cpu_enable_async_dispatch", False)

ACTIVATIONS = {
    "identity": lambda Z: Z,
    "logistic": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "relu": lambda Z: jnp.maximum(Z, 0),
    "softmax": jax.nn.softmax,
}


def scores(parameters, X, hidden):
    """Return the weighted sums of the last layer."""
    *before, last = parameters
    for W, b in before:
        X = ACTIVATIONS[hidden](X @ W + b)
    return X @ last[0] + last[1]


def mean_loss(parameters, X, y, case):
    """Return the mean loss of a batch."""
    Z = scores(parameters, X, case.hidden)
    if case.loss == "squared_error":
        losses = 0.5 * (ACTIVATIONS[case.output](Z) - y) ** 2
    elif case.output == "softmax":
        losses = -y * jax.nn.log_softmax(Z)
    else:
        losses = jax.nn.softplus(Z) - y * Z
    return losses.sum() / len(X)


def update(parameters, moments, X, y, step, case):
    """Return parameters and the solver's state after one update."""
    gradient = jax.grad(mean_loss)(parameters, X, y, case)
    m, v = moments
    if case.solver == "adam":
        m = jax.tree.map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, m, gradient)
        v = jax.tree.map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g, v, gradient)
        new = jax.tree.map(lambda p, m, v: p - step * m / (jnp.sqrt(v) + EPSILON), parameters, m, v)
        return new, (m, v)
    if case.momentum:
        v = jax.tree.map(lambda v, g: case.momentum * v - step * g, v, gradient)
        return jax.tree.map(jnp.add, parameters, v), (m, v)
    return jax.tree.map(lambda p, g: p - step * g, parameters, gradient), moments


@partial(jax.jit, static_argnames="case", donate_argnums=(0, 1))
def epoch(parameters, moments, X, y, rows, steps, case):
    """Make the updates of one epoch; of all epochs if each is a full batch."""

    def one(state, batch):
        taken, step = batch
        data = (X, y) if taken is None else (X[taken], y[taken])
        return update(*state, *data, step, case), None

    state = parameters, moments
    if not case.batch_size:
        return lax.scan(one, state, (None, steps))[0]
    n_full = case.n_rows // case.batch_size
    full = rows[: n_full * case.batch_size].reshape(n_full, case.batch_size)
    state, _ = lax.scan(one, state, (full, steps[:n_full]))
    if len(steps) > n_full:
        state, _ = one(state, (rows[n_full * case.batch_size :], steps[-1]))
    return state


class Train:
    """One call an epoch."""

    def __init__(self, problem):
        jax.config.update("jax_enable_x64", problem.dtype == "float64")
        self.problem, self.case = problem, problem.case
        self.data = jnp.asarray(problem.X), jnp.asarray(problem.y), jnp.asarray(problem.rows, np.int32)

    def reset(self):
        self.parameters = [(jnp.array(W.T), jnp.array(b)) for W, b in zip(self.problem.W, self.problem.b, strict=True)]
        self.moments = tuple(jax.tree.map(jnp.zeros_like, self.parameters) for _ in range(2))
        jax.block_until_ready((self.parameters, self.moments))

    def run(self):
        case = self.case
        n = len(case.batches) if case.batch_size else case.n_epochs
        for first in range(1, case.n_epochs * len(case.batches) + 1, n):
            if case.solver == "adam":
                steps = adam_steps(case.learning_rate, first, n)
            else:
                steps = np.full(n, case.learning_rate)
            steps = steps.astype(self.problem.dtype)
            self.parameters, self.moments = epoch(self.parameters, self.moments, *self.data, steps, case)
        jax.block_until_ready(self.parameters)

    def numbers(self):
        W, b = zip(*self.parameters, strict=True)
        return flat([np.asarray(weights).T for weights in W], map(np.asarray, b))


class Predict:
    """One compiled function, the weights its constants; NumPy in and out."""

    def __init__(self, problem):
        jax.config.update("jax_enable_x64", problem.dtype == "float64")
        case = problem.case
        parameters = [(jnp.array(W.T), jnp.array(b)) for W, b in zip(problem.W, problem.b, strict=True)]
        self.X = problem.X
        self.function = jax.jit(lambda X: ACTIVATIONS[case.output](scores(parameters, X, case.hidden)))

    def reset(self):
        pass

    def run(self):
        self.out = np.asarray(self.function(self.X))

    def numbers(self):
        return self.out


TRAINERS = {"JAX": Train}
PREDICTORS = {"JAX": Predict}

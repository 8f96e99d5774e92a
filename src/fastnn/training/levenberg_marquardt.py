"""Levenberg and Marquardt's method: least squares by the Jacobian of all outputs, for small networks; in NumPy.

``run`` advances it as any backend's run. The damping is that of MATLAB's trainlm (Hagan and Menhaj, 1994): μ falls by
`mu_dec` after a step that made the objective smaller, and until there is one grows by `mu_inc`.
"""

import math
from itertools import pairwise

import numpy as np

from fastnn._tables import CONVERGED, DIVERGED, RAN
from fastnn.objective import SEVERAL
from fastnn.reference.batched import forward_batch, slopes
from fastnn.reference.descent import finish_update
from fastnn.sparse import is_sparse

#: Of more parameters, the matrix alone would have 800 MB.
MOST_PARAMETERS = 10_000

#: Bounds of μ: beyond the upper one there is no step that helps, and from 0 it could not grow.
LARGEST_MU, SMALLEST_MU = 1e10, 1e-20

#: Numbers of the Jacobian that are made at a time.
AT_A_TIME = 4_000_000

#: Columns of a triangular matrix that are solved for together.
BLOCK = 64


def check_problem(loss, layer_sizes, X):
    """Refuse what is no least squares of dense rows, or too large for it."""
    if loss != "squared_error":
        got = "several heads" if loss == SEVERAL else f"loss={loss!r}"
        raise ValueError(f"solver='levenberg_marquardt' is for loss='squared_error' alone, got {got}")
    if is_sparse(X):
        raise TypeError(
            f"solver='levenberg_marquardt' takes no sparse matrix ({type(X).__name__}); pass a dense array: X.toarray()"
        )
    n_parameters = sum((n_in + 1) * n_out for n_in, n_out in pairwise(layer_sizes))
    if n_parameters > MOST_PARAMETERS:
        raise ValueError(
            f"solver='levenberg_marquardt' solves for all parameters at once, at most {MOST_PARAMETERS}; this network "
            f"has {n_parameters}: use solver='lbfgs' or 'adam'"
        )


class Run:
    """A run that stays open, with the interface of `fastnn.reference.descent.Run`; the data are dense.

    It computes in float64, whatever the network's dtype, in which a new point is rounded before it is judged. μ is the
    solver's state; the learning rate is not read.
    """

    def __init__(self, state, training, X, y, sample_weight, largest_batch, n_threads=None):
        self.state, self.training = state, training
        self.X, self.y = X.astype(np.float64, copy=False), y.astype(np.float64, copy=False)
        self.sample_weight = None if sample_weight is None else sample_weight.astype(np.float64)
        if state.optimizer[0] == 0:
            state.optimizer[0] = training.mu
        stands_still = state.network.standing_still(training.rates)
        if stands_still is None:
            stands_still = np.zeros(state.network.n_parameters, bool)
        self.moved = np.flatnonzero(~stands_still)

    def advance(self, rows, starts, learning_rate, l2, objective, cost):
        """Make up to n updates, as of any run; one that finds no better point any more is CONVERGED."""
        state, training = self.state, self.training
        as_sklearn = training.objective.as_sklearn
        with np.errstate(over="ignore", invalid="ignore"):
            for k in range(len(learning_rate)):
                batch = slice(None) if rows is None else rows[starts[k] : starts[k + 1]]
                problem = LeastSquares(state.network, self.X[batch], self.y[batch], self._shares(batch), l2[k])
                point = state.parameters.astype(np.float64)
                value, cost[k] = problem.measure(point)
                objective[k] = value
                if as_sklearn:
                    objective[k] = problem.loss / state.network.n_out + problem.penalty(point)
                if not math.isfinite(value) and not as_sklearn:
                    return k, DIVERGED
                before = state.to_bytes()
                try:
                    is_better = self._step(problem, point, value)
                    has_converged = finish_update(state.counters[0], training, cost[k], len(problem.X))
                except BaseException:  # a signal came: half of an update is none
                    state.restore(before)
                    raise
                if has_converged or not (is_better or as_sklearn):
                    return k + 1, CONVERGED
        return len(learning_rate), RAN

    def put_state(self):
        """All is in the state."""

    def end(self):
        """Nothing is open."""

    def _shares(self, batch):
        n = len(self.y[batch])
        weight = np.ones(n) if self.sample_weight is None else self.sample_weight[batch]
        total = weight.sum()
        return weight / total if total != 0 else weight

    def _step(self, problem, point, value):
        """Take the first step, of ever shorter ones, that makes the objective smaller; return whether there was one."""
        state, training, moved = self.state, self.training, self.moved
        matrix, gradient = problem.normal_equations(point, moved)
        mu = min(float(state.optimizer[0]), LARGEST_MU)
        trial, is_better = point.copy(), False
        while not is_better and mu <= LARGEST_MU:
            try:
                trial[moved] = point[moved] - solve(matrix + mu * np.eye(len(moved)), gradient)
                trial = trial.astype(state.parameters.dtype).astype(np.float64)
                is_better = problem.measure(trial)[0] < value
            except np.linalg.LinAlgError:  # it is not positive definite
                pass
            mu = max(mu * training.mu_dec, SMALLEST_MU) if is_better else mu * training.mu_inc
        if is_better:
            state.parameters[:] = trial
        state.optimizer[0] = mu
        return is_better


class LeastSquares:
    """The objective ½ Σ share ||y - h||² + ½ l2 Σ ||W||² of a batch, in float64.

    Parameters
    ----------
    network : NetworkSpec
    X, y : ndarray
    share : ndarray of shape (n_samples,)
        Of each row in the mean.
    l2 : float
    """

    def __init__(self, network, X, y, share, l2):
        self.network, self.X, self.y, self.share, self.l2 = network, X, y, share, l2
        self.loss = math.nan

    def penalty(self, point):
        """Of the weights."""
        weights = point[: self.network.n_weights]
        return 0.5 * self.l2 * float(weights @ weights)

    def measure(self, point):
        """Return the objective and the mean error norm; the first without its penalty is `loss`."""
        _, H = forward_batch(self.network, *self.network.views(point), self.X)
        squares = ((self.y - H[-1]) ** 2).sum(axis=1)
        self.loss = 0.5 * float(self.share @ squares)
        return self.loss + self.penalty(point), float(np.sqrt(squares).mean())

    def normal_equations(self, point, moved):
        """The matrix JᵀJ of the errors, weighted, and the gradient, for the parameters that move, penalty included."""
        n_weights, n_out = self.network.n_weights, self.network.n_out
        matrix, gradient = np.zeros((len(moved), len(moved))), np.zeros(len(moved))
        n_rows = max(1, AT_A_TIME // (n_out * len(point)))
        for begin in range(0, len(self.X), n_rows):
            part = slice(begin, begin + n_rows)
            outputs, slopes_of = derivatives(self.network, point, self.X[part])
            root = np.repeat(np.sqrt(self.share[part]), n_out)
            jacobian = slopes_of.reshape(-1, len(point))[:, moved] * root[:, None]
            matrix += jacobian.T @ jacobian
            gradient += jacobian.T @ ((outputs - self.y[part]).ravel() * root)
        are_weights = moved < n_weights
        matrix[are_weights, are_weights] += self.l2
        gradient[are_weights] += self.l2 * point[moved[are_weights]]
        return matrix, gradient


def derivatives(network, point, X):
    """Return the outputs (n_samples, n_out) and their derivatives (n_samples, n_out, n_parameters)."""
    W, b = network.views(point)
    Z, H = forward_batch(network, W, b, X)
    n, n_out = H[-1].shape
    found = np.empty((n, n_out, len(point)))
    delta = np.eye(n_out) * slopes(network.activations[-1], Z[-1], H[-1])[:, None, :]
    for l in range(network.n_layers, 0, -1):
        layer = network.layers[l - 1]
        size, place, of_biases = W[l].size, int(layer["weights"]), int(layer["biases"])
        found[:, :, place : place + size] = (delta[..., None] * H[l - 1][:, None, None, :]).reshape(n, n_out, size)
        found[:, :, of_biases : of_biases + len(b[l])] = delta
        if l > 1:
            delta = (delta @ W[l]) * slopes(network.activations[l - 2], Z[l - 1], H[l - 1])[:, None, :]
    return H[-1], found


def solve(matrix, right):
    """Return x with matrix x = right, of a positive definite matrix, by Cholesky's decomposition L Lᵀ."""
    lower, x, n = np.linalg.cholesky(matrix), right.copy(), len(right)
    blocks = [slice(begin, min(begin + BLOCK, n)) for begin in range(0, n, BLOCK)]
    for block in blocks:
        x[block] = np.linalg.solve(lower[block, block], x[block] - lower[block, : block.start] @ x[: block.start])
    for block in reversed(blocks):
        x[block] = np.linalg.solve(lower[block, block].T, x[block] - lower[block.stop :, block].T @ x[block.stop :])
    return x

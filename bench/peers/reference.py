"""What the numbers must be: every case once in float64 NumPy, from the maths, whatever dtype the libraries use.

The gradient is `fastnn.reference.batched`, which the tests hold to finite differences and to other libraries; the
solvers are written out here, so that fastnn's own are checked too.
"""

import numpy as np

from bench.peers.interface import BETA_1, BETA_2, EPSILON, adam_steps, flat
from fastnn.objective import Objective
from fastnn.reference import batched
from fastnn.spec import NetworkSpec

#: Largest relative error of the loss after the short run, of the loss after a timed run (in float32 it is the case's
#: ``rounding``: it grows with the updates), and of predictions relative to the largest.
TOLERANCE = {
    "float64": {"short": 1e-10, "timed": 1e-8, "predict": 1e-10},
    "float32": {"short": 1e-5, "timed": None, "predict": 1e-5},
}


class Reference:
    """The right numbers of one problem.

    Parameters
    ----------
    problem : Problem
    kind : {"short", "timed", "predict"}
        Which tolerance applies.
    """

    def __init__(self, problem, kind):
        self.problem, self.kind = problem, kind
        self.network = NetworkSpec(problem.case.layers, problem.case.activations, np.dtype(np.float64))
        self.X, self.y = problem.X.astype(np.float64), problem.y.astype(np.float64)
        start = flat(problem.W, problem.b).astype(np.float64)
        self.expected = self._loss(self._train(start)) if problem.case.loss else self._predict(start)

    def error(self, numbers):
        """Return the relative error of a way's numbers; infinite if their shape or a number is wrong."""
        numbers = np.asarray(numbers, np.float64)
        if self.problem.case.loss:
            if numbers.shape != (self.network.n_parameters,):
                return np.inf
            error = abs(self._loss(numbers) - self.expected) / abs(self.expected)
        else:
            if numbers.shape != self.expected.shape:
                return np.inf
            error = np.abs(numbers - self.expected).max() / np.abs(self.expected).max()
        return float(error) if np.isfinite(error) else np.inf

    def error_of_file(self, path):
        """Return the relative error of the numbers in a file."""
        return self.error(np.load(path))

    @property
    def tolerance(self):
        """The largest error that passes."""
        return TOLERANCE[self.problem.dtype][self.kind] or self.problem.case.rounding

    def _predict(self, parameters):
        out = np.empty((len(self.X), self.network.n_out))
        batched.forward(self.network, parameters, self.X, out)
        return out

    def _loss(self, parameters):
        return self._gradient(parameters, slice(None), None)

    def _gradient(self, parameters, rows, gradient):
        data, objective = (self.X[rows], self.y[rows], None), Objective(self.problem.case.loss)
        return batched.loss_and_gradient(self.network, objective, parameters, *data, 0.0, gradient)[0]

    def _train(self, parameters):
        case, rows = self.problem.case, self.problem.rows
        gradient, m, v = (np.zeros_like(parameters) for _ in range(3))
        steps = iter(adam_steps(case.learning_rate, 1, case.n_epochs * len(case.batches)))
        for _ in range(case.n_epochs):
            for batch in case.batches:
                self._gradient(parameters, rows[batch], gradient)
                if case.solver == "adam":
                    m = BETA_1 * m + (1 - BETA_1) * gradient
                    v = BETA_2 * v + (1 - BETA_2) * gradient**2
                    parameters -= next(steps) * m / (np.sqrt(v) + EPSILON)
                else:
                    v = case.momentum * v - case.learning_rate * gradient
                    parameters += v
        return parameters

"""The loop over updates that the two reference backends share, whatever the solver.

``loops`` and ``batched`` bring their own gradient and their own step; ``_loops.pyx`` has this loop compiled.
"""

import math

import numpy as np

from fastnn._tables import CONVERGED, DIVERGED, RAN
from fastnn.reference.dropout import factors_of_update
from fastnn.reference.solvers import l1_penalty


class Run:
    """A run of updates that stays open: begun once, advanced piece by piece, ended.

    A backend's ``begin(state, training, X, y, sample_weight, largest_batch, n_threads=None)`` returns one. Between two
    pieces the state's parameters are up to date, and may be changed; the solver's numbers are after ``put_state`` and
    after the end. A run that has ended is not advanced any more.

    Parameters
    ----------
    loss_and_gradient : callable
        The backend's own.
    update : callable
        The backend's own: ``update(training, learning_rate, gradient, state)`` makes one step of ``training.solver``
        in place. It is update ``state.n_updates + 1``, which goes on from run to run.
    state : TrainingState
        Advanced in place.
    training : TrainingSpec
    X : (n_samples, n_in)
    y : (n_samples, n_out)
    sample_weight : (n_samples,), or None
        None: all weigh 1.
    largest_batch : int
        Rows of the largest batch that will come; what is planned for, not a limit.
    n_threads : int, optional
        As for every function of a backend: the threads that it may use, None for as many as the process may. Only
        "simd" heeds it, and finds out once, at the begin; the others compute on the calling thread, NumPy's products
        on the threads of its BLAS.
    """

    def __init__(self, loss_and_gradient, update, state, training, X, y, sample_weight, largest_batch, n_threads=None):
        self.loss_and_gradient, self.update = loss_and_gradient, update
        self.state, self.training = state, training
        self.X, self.y, self.sample_weight = X, y, sample_weight
        self.gradient = np.empty_like(state.parameters)

    def advance(self, rows, starts, learning_rate, l2, objective, cost):
        """Make up to n updates, one per entry of `learning_rate`.

        Parameters
        ----------
        rows : (n_rows,) of intp, or None
            The rows of X that the updates take, one batch after the other; None: every update takes all rows in order.
        starts : (n + 1,) of intp, or None
            Batch k is ``rows[starts[k]:starts[k + 1]]``.
        learning_rate, l2 : (n,) of float64
        objective, cost : (n,) of float64
            Filled with each batch's objective and mean error norm, measured before its update.

        Returns
        -------
        n_done, stop : int
            Updates made, and RAN, CONVERGED (by ``training.tol``) or DIVERGED (``objective[n_done]`` is not finite,
            and ``training.objective.as_sklearn`` is not set).
        """
        state, training = self.state, self.training
        with np.errstate(over="ignore", invalid="ignore"):  # divergence is reported once, by the caller
            for k in range(len(learning_rate)):
                batch = slice(None) if rows is None else rows[starts[k] : starts[k + 1]]
                objective[k], cost[k] = self._measure(batch, l2[k])
                if not math.isfinite(objective[k]) and not training.objective.as_sklearn:
                    return k, DIVERGED
                before = state.to_bytes()
                try:
                    self.update(training, learning_rate[k], self.gradient, state)
                    has_converged = finish_update(state.counters[0], training, cost[k], len(self.X[batch]))
                except BaseException:  # a signal came: half of an update is none
                    state.restore(before)
                    raise
                if has_converged:
                    return k + 1, CONVERGED
        return len(learning_rate), RAN

    def put_state(self):
        """Bring the solver's numbers into the state, which here they never left, of a run that stays open."""

    def end(self):
        """Likewise, at the end."""

    def _measure(self, batch, l2):
        weight = None if self.sample_weight is None else self.sample_weight[batch]
        network, parameters, data = self.state.network, self.state.parameters, (self.X[batch], self.y[batch], weight)
        dropout, options = self.training.dropout, {}
        if dropout is not None:
            faded = dropout.faded(self.training.share(self.state.n_updates))
            options["factors"] = factors_of_update(faded, self.state.n_updates, network, len(data[0]))
        if self.training.rates:
            options["lowest"] = self.training.lowest_moving
        what = network, self.training.objective, parameters
        value, cost = self.loss_and_gradient(*what, *data, l2, self.gradient, **options)
        return value + l1_penalty(self.training, self.state) if self.training.l1 else value, cost


def finish_update(counters, training, cost, n_rows):
    """Count one update, and say whether it ends a pass whose mean cost differs from the last by less than tol."""
    counters["n_updates"] += 1
    counters["pass_cost"] += cost * n_rows
    counters["pass_rows"] += n_rows
    if counters["n_updates"] % training.updates_per_pass != 0:
        return False
    mean = counters["pass_cost"] / counters["pass_rows"]
    change = abs(mean - counters["previous_cost"])
    counters["pass_cost"], counters["pass_rows"], counters["previous_cost"] = 0.0, 0, mean
    return bool(change < training.tol)

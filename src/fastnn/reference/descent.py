"""The loop over updates that the two reference backends share, whatever the solver.

``loops`` and ``batched`` bring their own gradient and their own step; ``_loops.pyx`` has this loop compiled.
"""

import math

import numpy as np

from fastnn._tables import CONVERGED, DIVERGED, RAN


def run(
    loss_and_gradient,
    update,
    state,
    training,
    X,
    y,
    sample_weight,
    rows,
    starts,
    learning_rate,
    l2,
    objective,
    cost,
    n_threads=None,
):
    """Make up to n updates of `state` in place, one per entry of `learning_rate`.

    Parameters
    ----------
    loss_and_gradient : callable
        The backend's own.
    update : callable
        The backend's own: ``update(training, learning_rate, gradient, state)`` makes one step of ``training.solver``
        in place. It is update ``state.n_updates + 1`` of the run, which goes on from call to call.
    state : TrainingState
    training : TrainingSpec
    X : (n_samples, n_in)
    y : (n_samples, n_out)
    sample_weight : (n_samples,)
    rows : (n_rows,) of intp, or None
        The rows of X that the updates take, one batch after the other; None: every update takes all rows in order.
    starts : (n + 1,) of intp, or None
        Batch k is ``rows[starts[k]:starts[k + 1]]``.
    learning_rate, l2 : (n,) of float64
    objective, cost : (n,) of float64
        Filled with each batch's objective and mean error norm, measured before its update.
    n_threads : int, optional
        As for every function of a backend: the threads that it may use, None for as many as the process may. Only
        "simd" heeds it; the others compute on the calling thread, NumPy's products on the threads of its BLAS.

    Returns
    -------
    n_done, stop : int
        Updates made, and RAN, CONVERGED (by ``training.tol``) or DIVERGED (``objective[n_done]`` is not finite,
        and ``training.as_sklearn`` is not set).
    """
    gradient = np.empty_like(state.parameters)
    counters = state.counters[0]
    with np.errstate(over="ignore", invalid="ignore"):  # divergence is reported once, by the caller
        for k in range(len(learning_rate)):
            batch = slice(None) if rows is None else rows[starts[k] : starts[k + 1]]
            data = X[batch], y[batch], sample_weight[batch]
            objective[k], cost[k] = loss_and_gradient(
                state.network, training.loss, state.parameters, *data, l2[k], gradient, as_sklearn=training.as_sklearn
            )
            if not math.isfinite(objective[k]) and not training.as_sklearn:
                return k, DIVERGED
            before = state.to_bytes()
            try:
                update(training, learning_rate[k], gradient, state)
                has_converged = finish_update(counters, training, cost[k], len(X[batch]))
            except BaseException:  # a signal came: half of an update is none
                state.restore(before)
                raise
            if has_converged:
                return k + 1, CONVERGED
    return len(learning_rate), RAN


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

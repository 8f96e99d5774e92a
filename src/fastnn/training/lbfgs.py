"""L-BFGS: SciPy's minimizer over a backend's objective and gradient of all rows.

For the estimators, who say what came of it in their own words, the minimizer alone; for ``run``, a whole run, as SciPy
calls back after each iteration, instead of being advanced from one to the next.
"""

import math
from dataclasses import replace

import numpy as np

from fastnn.checks import optional
from fastnn.reference.descent import finish_update


class Points:
    """Objective and gradient where the minimizer looks, and whether they are finite there.

    SciPy wants the objective, then the gradient of the same point. Told that one function gives both, it would compare
    the point with the last one twice more and copy it once more: on Zen 4 7 µs, as much as a small network's
    evaluation.

    Parameters
    ----------
    evaluation : fastnn.reference.evaluation.Evaluation
    n_parameters : int
    frozen : ndarray of bool, optional
        Parameters whose gradient is taken for 0: the minimizer leaves them where they are, to the bit.

    Attributes
    ----------
    n_evaluated : int
    first_bad : int
        The first evaluation, counted from 1, that was not finite though the point was; 0: none.
    """

    def __init__(self, evaluation, n_parameters, frozen=None):
        self.evaluation, self.frozen = evaluation, frozen
        self.n_evaluated = self.first_bad = 0
        self.point, self.slopes, self.value = np.full(n_parameters, np.nan), np.empty(n_parameters), math.nan

    def objective(self, x):
        self.point[:] = x
        self.value = value = self.evaluation.at(x, self.slopes)
        if self.frozen is not None:
            self.slopes[self.frozen] = 0.0
        self.n_evaluated += 1
        # The line search goes on from what is not finite to points that are not, of which NumPy says nothing.
        is_finite = math.isfinite(value) and np.isfinite(self.slopes).all()
        if not (is_finite or self.first_bad) and np.isfinite(x).all():
            self.first_bad = self.n_evaluated
        return value

    def gradient(self, x):
        """The slopes, in the same array each time: SciPy has done with them when it asks for another point."""
        self.move_to(x)
        return self.slopes

    def move_to(self, x):
        """Look at x, unless that was the last point."""
        if not (x == self.point).all():
            self.objective(x)


def minimize(points, parameters, verbose=False, callback=None, **options):
    """SciPy's result of minimizing from flat parameters on, which are left as they are; options are SciPy's own."""
    with optional("solver='lbfgs'", "SciPy", "scipy", extra="sklearn"):
        import scipy
        import scipy.optimize
    if tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 15):  # where it still prints, it is told to
        options["iprint"] = 1 if verbose is True or verbose >= 1 else -1
    return scipy.optimize.minimize(
        points.objective, parameters, method="L-BFGS-B", jac=points.gradient, options=options, callback=callback
    )


class _EnoughError(Exception):
    """The run is over, though the minimizer would go on."""


class Minimization:
    """A run by L-BFGS, each of whose updates is an iteration; it computes in float64, whatever the network does.

    Parameters
    ----------
    job : fastnn.training.run.Job
    l2 : float
    """

    def __init__(self, job, l2):
        state, training = job.state, job.training
        self.state, self.training, self.n_rows = state, training, job.X.shape[0]
        network = replace(state.network, dtype=np.dtype(np.float64))
        data = [None if array is None else array.astype(np.float64, copy=False) for array in
                (job.X, job.y, job.sample_weight)]  # fmt: skip
        evaluation = job.backend.evaluation(network, training.objective, *data, l2, job.n_threads)
        frozen = network.standing_still(training.rates)
        self.points = Points(evaluation, network.n_parameters, frozen)

    def drive(self, listeners, manner, n_updates, objective, cost, moment, n_before=0):
        """Make up to n_updates iterations, and tell the listeners; return how many."""
        manner.pass_begins(0)
        self.n_before = n_before
        self.listeners, self.moment, self.n_updates = listeners, moment, n_updates
        self.objective, self.cost, self.n_done, self.n_heard = objective, cost, 0, 0
        start = self.state.parameters.astype(np.float64)
        self.before = self.points.objective(start), self.points.evaluation.cost
        if not math.isfinite(self.before[0]):
            manner.diverged(self.before[0], n_before)
        try:
            minimize(
                self.points, start, callback=self.iteration, maxiter=n_updates, maxfun=2**31 - 1, ftol=0.0, gtol=0.0
            )
        except _EnoughError:
            pass
        else:  # there is nothing to be gained any more
            if self.n_done > 0:
                self.tell(True, self.told)
        return self.n_done

    def iteration(self, x):
        """Take the minimizer's new point."""
        k, state = self.n_done, self.state
        self.points.move_to(x)
        self.objective[k], self.cost[k] = self.before
        self.before = self.points.value, self.points.evaluation.cost
        as_before = state.to_bytes()
        try:
            state.parameters[:] = x
            has_converged = finish_update(state.counters[0], self.training, self.cost[k], self.n_rows)
        except BaseException:  # a signal came: half of an update is none
            state.restore(as_before)
            raise
        self.n_done = k + 1
        is_last = has_converged or self.n_done == self.n_updates
        if self.tell(is_last) or is_last:
            raise _EnoughError

    def tell(self, is_last, told=()):
        """Let the listeners hear whose turn it is, but those told already; return whether the run should end."""
        moment, wants_to_end = self.moment, False
        moment.n_done, moment.n_new = self.n_before + self.n_done, self.n_done - self.n_heard
        moment.is_last = is_last
        moment.objective = self.objective[: self.n_done]
        self.told = []
        for listener in self.listeners:
            if listener.is_due(moment) and listener not in told:
                self.told.append(listener)
                wants_to_end = listener.hear(moment) or wants_to_end
        if self.told:
            self.n_heard = self.n_done
        return wants_to_end

"""L-BFGS over the engine's objective and gradient of all rows, and what scikit-learn says of how it ended."""

from types import SimpleNamespace

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from fastnn.estimators._warnings import floating_point, warn
from fastnn.state import TrainingState
from fastnn.training import lbfgs
from fastnn.training.listeners import Listener, Moment
from fastnn.training.run import Job


class _EnoughError(Exception):
    """A listener wants the end."""


def job_of(backend, network, parameters, training, samples):
    """Return the Job of minimizing over all samples, from flat parameters of float64 on, which change in place."""
    state = TrainingState.of(network, parameters, None, None)
    return Job(backend, state, training, samples.X, samples.y, samples.sample_weight)


def minimize(job, l2, max_iter, max_fun, tol, verbose, listeners=()):
    """Change the parameters of a job into those of the smallest objective; return it, and the number of iterations.

    Parameters
    ----------
    job : fastnn.training.run.Job
        Of `job_of`.
    l2 : float
    max_iter, max_fun : int
    tol : float
        The largest entry of a gradient that is small enough.
    verbose : bool or int
    listeners : list of Listener
        Hear after each iteration.

    Warns
    -----
    ConvergenceWarning
        If it ended for another reason.
    RuntimeWarning
        If a loss or a gradient was not finite on the way.
    """
    network, parameters, training = job.state.network, job.state.parameters, job.training
    evaluation = job.backend.evaluation(network, training.objective, job.X, job.y, job.sample_weight, l2)
    points = lbfgs.Points(evaluation, network.n_parameters, network.standing_still(training.rates))
    told = _Told(points, parameters, listeners, job.X.shape[0]) if listeners else None
    try:
        result = lbfgs.minimize(points, parameters.copy(), verbose, told, maxfun=max_fun, maxiter=max_iter, gtol=tol)
    except _EnoughError:
        result = SimpleNamespace(x=parameters, fun=points.value, nit=told.moment.n_done, status=0)
    if points.first_bad:
        floating_point(
            f"Evaluation {points.first_bad} of {points.n_evaluated} by lbfgs gave a loss or a gradient that is "
            "not finite; scale X and y, for example with StandardScaler",
            "over",
            "invalid",
        )
    n_iter = min(result.nit, max_iter)
    if result.status != 0:
        reached = f"\nIncrease the number of iterations to improve the convergence (max_iter={max_iter})."
        warn(
            f"lbfgs failed to converge after {n_iter} iteration(s) (status={result.status}):\n{result.message}\n"
            + (reached if n_iter == max_iter else "")
            + "\nYou might also want to scale the data as shown in:\n"
            "    https://scikit-learn.org/stable/modules/preprocessing.html",
            ConvergenceWarning,
        )
    parameters[:] = result.x
    return result.fun, n_iter


class _Told:
    """What SciPy calls after each iteration: tells the listeners, and ends the minimizer where one of them wants to."""

    def __init__(self, points, parameters, listeners, n_rows):
        self.points, self.parameters, self.listeners = points, parameters, listeners
        self.moment = Moment(np.array([n_rows]))
        self.moment.n_done, self.moment.n_new, self.moment.is_last, self.moment.rates = 0, 1, False, None

    def __call__(self, x):
        moment, wants_to_end = self.moment, False
        self.points.move_to(x)
        self.parameters[:] = x
        moment.n_done += 1
        moment.objective = np.array([self.points.value])
        for listener in self.listeners:
            listener.next_stop(moment.n_done - 1)
            if listener.is_due(moment):
                wants_to_end = listener.hear(moment) or wants_to_end
        if wants_to_end:
            raise _EnoughError


class Iterations(Listener):
    """Counts the iterations and measures other rows after each.

    Parameters
    ----------
    progress : fastnn.training.passes.Progress
    validation : fastnn.training.passes.Validation or None
    parameters : ndarray
        Those of the moment.
    """

    def __init__(self, progress, validation, parameters):
        super().__init__(1)
        self.progress, self.validation, self.parameters = progress, validation, parameters

    def hear(self, moment):
        progress = self.progress
        progress.n_passes += 1
        progress.loss_curve.append(float(moment.objective[-1]))
        if self.validation is not None:
            progress.validate(self.validation, self.parameters)
        return False

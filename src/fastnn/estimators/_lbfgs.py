"""L-BFGS: SciPy's minimizer over the engine's objective and gradient of all rows."""

import math

import numpy as np
import scipy.optimize
from sklearn.exceptions import ConvergenceWarning

from fastnn.estimators._warnings import floating_point, warn

#: Where scipy still prints, it is told to by an option.
PRINTS = tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 15)


def minimize(backend, objective, network, parameters, samples, alpha, max_iter, max_fun, tol, verbose):
    """Change flat parameters into those of the smallest objective; return it, and the number of iterations.

    Parameters
    ----------
    backend : module
    objective : Objective
    network : NetworkSpec
        Of float64: the minimizer computes in nothing else.
    parameters : ndarray
    samples : fastnn.training.passes.Samples
        All rows are used.
    alpha : float
        The L2 penalty is alpha over the weight of all rows.
    max_iter, max_fun : int
    tol : float
        The largest entry of a gradient that is small enough.
    verbose : bool or int

    Warns
    -----
    ConvergenceWarning
        If it ended for another reason.
    RuntimeWarning
        If a loss or a gradient was not finite on the way.
    """
    weight = samples.sample_weight
    l2 = alpha / samples.weight_unit / weight.sum()
    data = samples.X, samples.y, weight
    points = Points(backend.evaluation(network, objective, *data, l2), network.n_parameters)
    options = {"maxfun": max_fun, "maxiter": max_iter, "gtol": tol}
    if PRINTS:
        options["iprint"] = 1 if verbose is True or verbose >= 1 else -1
    result = scipy.optimize.minimize(
        points.objective, parameters, method="L-BFGS-B", jac=points.gradient, options=options
    )
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


class Points:
    """Objective and gradient where the minimizer looks, and whether they are finite there.

    SciPy wants the objective, then the gradient of the same point. Told that one function gives both, it would compare
    the point with the last one twice more and copy it once more: on Zen 4 7 µs, as much as a small network's
    evaluation.

    Parameters
    ----------
    evaluation : fastnn.reference.evaluation.Evaluation
    n_parameters : int

    Attributes
    ----------
    n_evaluated : int
    first_bad : int
        The first evaluation, counted from 1, that was not finite though the point was; 0: none.
    """

    def __init__(self, evaluation, n_parameters):
        self.evaluation = evaluation
        self.n_evaluated = self.first_bad = 0
        self.point, self.slopes = np.full(n_parameters, np.nan), np.empty(n_parameters)

    def objective(self, x):
        self.point[:] = x
        value = self.evaluation.at(x, self.slopes)
        self.n_evaluated += 1
        # The line search goes on from what is not finite to points that are not, of which NumPy says nothing.
        is_finite = math.isfinite(value) and np.isfinite(self.slopes).all()
        if not (is_finite or self.first_bad) and np.isfinite(x).all():
            self.first_bad = self.n_evaluated
        return value

    def gradient(self, x):
        """The slopes, in the same array each time: SciPy has done with them when it asks for another point."""
        if not (x == self.point).all():
            self.objective(x)
        return self.slopes

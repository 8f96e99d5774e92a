"""L-BFGS: SciPy's minimizer over the engine's objective and gradient of all rows."""

import numpy as np
import scipy.optimize
from sklearn.exceptions import ConvergenceWarning

from fastnn.estimators._warnings import floating_point, warn
from fastnn.objective import Objective

#: Where scipy still prints, it is told to by an option.
PRINTS = tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 15)


def minimize(backend, loss, network, parameters, samples, alpha, max_iter, max_fun, tol, verbose):
    """Change flat parameters into those of the smallest objective; return it, and the number of iterations.

    Parameters
    ----------
    backend : module
    loss : str
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
    objective, is_finite = Objective(loss, as_sklearn=True), []

    def objective_and_gradient(x):
        gradient = np.empty_like(x)
        value, _ = backend.loss_and_gradient(network, objective, x, samples.X, samples.y, weight, l2, gradient)
        # The line search goes on from what is not finite to points that are not, of which NumPy says nothing.
        is_finite.append(not np.isfinite(x).all() or (np.isfinite(value) and np.isfinite(gradient).all()))
        return value, gradient

    options = {"maxfun": max_fun, "maxiter": max_iter, "gtol": tol}
    if PRINTS:
        options["iprint"] = 1 if verbose is True or verbose >= 1 else -1
    result = scipy.optimize.minimize(objective_and_gradient, parameters, method="L-BFGS-B", jac=True, options=options)
    if not all(is_finite):
        floating_point(
            f"Evaluation {is_finite.index(False) + 1} of {len(is_finite)} by lbfgs gave a loss or a gradient that is "
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

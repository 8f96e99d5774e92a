"""L-BFGS: SciPy's minimizer over the engine's objective and gradient of all rows."""

import warnings

import numpy as np
import scipy.optimize
from sklearn.exceptions import ConvergenceWarning

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
    samples : fastnn.epochs.Samples
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
    """
    weight = samples.sample_weight
    l2 = alpha / weight.sum()

    def objective_and_gradient(x):
        gradient = np.empty_like(x)
        value, _ = backend.loss_and_gradient(
            network, loss, x, samples.X, samples.y, weight, l2, gradient, as_sklearn=True
        )
        return value, gradient

    options = {"maxfun": max_fun, "maxiter": max_iter, "gtol": tol}
    if PRINTS:
        options["iprint"] = 1 if verbose is True or verbose >= 1 else -1
    result = scipy.optimize.minimize(objective_and_gradient, parameters, method="L-BFGS-B", jac=True, options=options)
    n_iter = min(result.nit, max_iter)
    if result.status != 0:
        reached = f"\nIncrease the number of iterations to improve the convergence (max_iter={max_iter})."
        warnings.warn(
            f"lbfgs failed to converge after {n_iter} iteration(s) (status={result.status}):\n{result.message}\n"
            + (reached if n_iter == max_iter else "")
            + "\nYou might also want to scale the data as shown in:\n"
            "    https://scikit-learn.org/stable/modules/preprocessing.html",
            ConvergenceWarning,
            stacklevel=6,  # whoever called fit
        )
    parameters[:] = result.x
    return result.fun, n_iter

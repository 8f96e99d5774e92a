"""L-BFGS over the engine's objective and gradient of all rows, and what scikit-learn says of how it ended."""

from sklearn.exceptions import ConvergenceWarning

from fastnn.estimators._warnings import floating_point, warn
from fastnn.training import lbfgs


def minimize(backend, objective, network, parameters, samples, alpha, max_iter, max_fun, tol, verbose, rates=()):
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
    rates : tuple of pairs
        As of a TrainingSpec; those of 0 do not move.

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
    evaluation = backend.evaluation(network, objective, *data, l2)
    points = lbfgs.Points(evaluation, network.n_parameters, network.standing_still(rates))
    result = lbfgs.minimize(points, parameters, verbose, maxfun=max_fun, maxiter=max_iter, gtol=tol)
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

"""Objective and gradient at one point after the other, of the same data: what a minimizer asks for.

The backends whose ``loss_and_gradient`` has nothing to keep from point to point share this one; ``_engine`` has one of
its own.
"""


class Evaluation:
    """Objective and gradient of all rows, at many points.

    A backend's ``evaluation(network, objective, X, y, sample_weight, l2, n_threads=None)`` returns one. The data stay
    as they are as long as it is used.

    Parameters
    ----------
    loss_and_gradient, forward : callable
        The backend's own.
    network : NetworkSpec
    objective : Objective
    X : (n_samples, n_in)
    y : (n_samples, n_out)
    sample_weight : (n_samples,), or None
        None: all weigh 1.
    l2 : float
    n_threads : int, optional
        As for every function of a backend; "simd" finds out once, when it is opened.

    Attributes
    ----------
    cost : float
        The mean error norm at the last point.
    """

    def __init__(self, loss_and_gradient, forward, network, objective, X, y, sample_weight, l2, n_threads=None):
        self.loss_and_gradient, self.forward = loss_and_gradient, forward
        self.network, self.objective = network, objective
        self.data, self.l2, self.n_threads = (X, y, sample_weight), l2, n_threads

    def at(self, parameters, gradient, outputs=None):
        """Return the objective at these parameters.

        Fill `gradient`, flat like them, and `outputs` (n_samples, n_out), unless they are None.
        """
        what = self.network, self.objective, parameters
        value, self.cost = self.loss_and_gradient(*what, *self.data, self.l2, gradient, self.n_threads)
        if outputs is not None:
            self.forward(self.network, parameters, self.data[0], outputs, self.n_threads)
        return value

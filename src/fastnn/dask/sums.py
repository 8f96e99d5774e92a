"""``strategy="exact"``: objective and gradient of all rows, summed over the partitions in their order.

To ``training`` this is one more backend, whose rows happen to be elsewhere. The sum is made here, on the client, in the
order of the partitions and by their weights, so its bits do not depend on who computed what, or when.
"""

import numpy as np

from fastnn.dask.rows import gradient_at
from fastnn.reference import descent
from fastnn.reference.solvers import l1_penalty, update

#: What all rows at once can be trained by here.
SOLVERS = ("lbfgs", "rprop", "sgd")


class Sums:
    """A backend over partitions; also its own evaluation.

    Parameters
    ----------
    partitions : fastnn.dask.partitions.Partitions
    setting : fastnn.dask.rows.Setting
    shares : list of float
        Of each partition in the weight of all.

    Attributes
    ----------
    cost : float
        The mean error norm at the last point.
    """

    def __init__(self, partitions, setting, shares):
        self.partitions, self.setting, self.shares = partitions, setting, shares

    def evaluation(self, network, objective, X, y, sample_weight, l2, n_threads=None):
        return self

    def at(self, parameters, gradient):
        """Return the objective at these parameters, and fill the gradient."""
        found = self.partitions.each(gradient_at, setting=self.setting, parameters=np.array(parameters))
        value, self.cost = 0.0, 0.0
        gradient[:] = 0
        for share, (of_value, of_cost, of_gradient) in zip(self.shares, found, strict=True):
            if share:
                value += share * of_value
                self.cost += share * of_cost
                gradient += gradient.dtype.type(share) * of_gradient
                self.partitions.n_bytes += of_gradient.nbytes
        return value

    def begin(self, state, training, X, y, sample_weight, largest_batch, n_threads=None):
        return Run(self, state, training, X)


class Run(descent.Run):
    """Updates from the gradient of all rows, each step NumPy's."""

    def __init__(self, sums, state, training, X):
        super().__init__(None, update, state, training, X, None, None, len(X))
        self.sums = sums

    def _measure(self, batch, l2):
        value = self.sums.at(self.state.parameters, self.gradient)
        return value + l1_penalty(self.training, self.state) if self.training.l1 else value, self.sums.cost

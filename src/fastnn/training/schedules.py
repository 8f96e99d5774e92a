"""The learning rate and the L2 penalty of each update.

``of(begin, n)`` returns two arrays, with an entry for each of n updates of the pass from number `begin` on; they are
read before the next call. Asked by ``run``, once the pass has been drawn, for one piece of the run after the other.
Where they are known (`is_known`) before their pass is drawn, ``ahead(n_passes, per_pass, n_seen)`` returns those of
passes to come, after `n_seen` rows, and ``go_on(n)`` goes on by as many updates as were made of them.
"""

import numpy as np


class Constant:
    """The same rate and the same penalty throughout."""

    is_known = True

    def __init__(self, learning_rate, l2):
        self.learning_rate, self.l2 = learning_rate, l2
        self.n, self.arrays = 0, None

    def skip(self, n_updates):
        """Begin after the first updates."""

    def of(self, begin, n):
        if self.n != n:
            arrays = np.array([self.learning_rate]), np.array([self.l2])
            self.n, self.arrays = n, arrays if n == 1 else tuple(array.repeat(n) for array in arrays)
        return self.arrays

    def ahead(self, n_passes, per_pass, n_seen):
        return self.of(0, n_passes * per_pass)

    def go_on(self, n_updates):
        pass


class OverWeight:
    """The optimizer's rate of the moment, and scikit-learn's penalty: alpha over the weight of the batch.

    Parameters
    ----------
    optimizer : fastnn.training.passes.Optimizer
        Changes its rate between passes.
    alpha : float
    source : Composed or ComposedStretches
    sample_weight : ndarray of shape (n_samples,), or None
        None: all weigh 1.
    """

    def __init__(self, optimizer, alpha, source, sample_weight):
        self.optimizer, self.alpha, self.source, self.weight = optimizer, alpha, source, sample_weight
        self.rates = np.full(source.updates_per_pass, optimizer.learning_rate)
        self.l2 = alpha / source.sizes
        self.is_known = sample_weight is None and optimizer.schedule != "adaptive"

    def skip(self, n_updates):
        """Begin after the first updates: the rate is the optimizer's."""

    def of(self, begin, n):
        if begin == 0 and self.optimizer.learning_rate != self.rates[0]:
            self.rates.fill(self.optimizer.learning_rate)
        if begin == self.source.opened and self.weight is not None:
            totals = np.add.reduceat(self.weight[self.source.rows], self.source.starts[:-1], dtype=np.float64)
            l2 = self.l2[begin : begin + len(totals)]
            np.divide(self.alpha, totals, out=l2, where=totals != 0)
            l2[totals == 0] = 0.0  # nothing is learned from such a batch, and nothing forgotten
        if n == len(self.rates):
            return self.rates, self.l2
        return self.rates[begin : begin + n], self.l2[begin : begin + n]

    def ahead(self, n_passes, per_pass, n_seen):
        rates = self.optimizer.rates_ahead(n_passes, n_seen, int(self.source.starts[-1]))
        return rates.repeat(per_pass), self.l2.repeat(n_passes) if per_pass == 1 else np.tile(self.l2, n_passes)

    def go_on(self, n_updates):
        pass


class Planned:
    """The rates of a `fastnn.schedules.Schedule`, and the penalty of another schedule.

    Parameters
    ----------
    plan : fastnn.schedules.Schedule
    n_updates : int
        Of the whole run.
    penalties : Constant or OverWeight

    Attributes
    ----------
    factor : float
        What the rates are multiplied with from now on; set by ``listeners.Plateau``.
    """

    #: Updates whose rates are found at a time, so that short passes do not wait for NumPy.
    BLOCK = 4096

    def __init__(self, plan, n_updates, penalties):
        self.plan, self.n_updates, self.penalties = plan, n_updates, penalties
        self.factor, self.lowest = 1.0, 0.0
        self.n_asked, self.first, self.block = 0, 0, np.empty(0)
        self.is_known = penalties.is_known

    def skip(self, n_updates):
        """Begin after the first updates."""
        self.n_asked = self.first = n_updates

    def of(self, begin, n):
        _, l2 = self.penalties.of(begin, n)
        rates = self._next(n)
        self.n_asked += n
        return rates, l2

    def ahead(self, n_passes, per_pass, n_seen):
        _, l2 = self.penalties.ahead(n_passes, per_pass, n_seen)
        return self._next(n_passes * per_pass), l2

    def go_on(self, n_updates):
        self.n_asked += n_updates

    def _next(self, n):
        """The rates of the next n updates."""
        place = self.n_asked - self.first
        if place + n > len(self.block):
            self.first, place = self.n_asked, 0
            end = min(self.first + max(n, self.BLOCK), self.n_updates)
            self.block = self.plan.rates(np.arange(self.first, end), self.n_updates)
        rates = self.block[place : place + n]
        return rates if self.factor == 1.0 else np.maximum(rates * self.factor, np.minimum(rates, self.lowest))

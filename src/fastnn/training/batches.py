"""Where a run takes its rows from: passes over the data, cut into batches.

A source has `updates_per_pass`, and ``next_pass(n_updates_before)`` draws the next one. It returns the rows, batch
after batch (ndarray of intp); where each batch starts in them, and their number; and the updates before the next pass
is due. Rows and starts of None: every update takes all rows of X, in their order. Asked by ``run``; random draws come
from NumPy.
"""

import sys

import numpy as np

#: How batches of ``fastnn.train`` take their rows.
ORDERS = ("shuffled", "sequential", "wraparound", "random")


class AllRows:
    """Full batches, in the order of the rows; nothing is drawn, and no second pass is asked for."""

    updates_per_pass = 1

    def next_pass(self, n_updates_before):
        return None, None, sys.maxsize


class Ordered:
    """Mini-batches by one of `ORDERS`.

    Parameters
    ----------
    n_samples : int
    batch_size : int
        Below n_samples.
    order : {"shuffled", "sequential", "wraparound", "random"}
    draws : fastnn.initial.Draws
    """

    def __init__(self, n_samples, batch_size, order, draws):
        self.n_samples, self.batch_size, self.order, self.draws = n_samples, batch_size, order, draws
        self.updates_per_pass = -(-n_samples // batch_size)

    def next_pass(self, n_updates_before):
        m, size, n_updates = self.n_samples, self.batch_size, self.updates_per_pass
        starts = np.arange(n_updates + 1) * size
        if self.order == "shuffled":
            return self.draws.permutation(m).astype(np.intp), np.minimum(starts, m), n_updates
        if self.order == "sequential":
            return np.arange(m), np.minimum(starts, m), n_updates
        if self.order == "random":
            return self.draws.integers(m, n_updates * size).astype(np.intp), starts, n_updates
        offsets = np.arange(n_updates_before, n_updates_before + n_updates) * size % (m - size)
        return (offsets[:, None] + np.arange(size)).ravel(), starts, n_updates


def tutorial_batches(n_samples, batch_size, order, draws):
    """Return the source of ``fastnn.train``; a batch size of None, or of all samples, is a full batch."""
    if batch_size is None or batch_size >= n_samples:
        return AllRows()
    return Ordered(n_samples, batch_size, order, draws)


class Composed:
    """scikit-learn's batches: each order is drawn from the one of the pass before, permutations composed.

    Parameters
    ----------
    rows : ndarray of intp
    batch_size : int
        The last batch of a pass may be short.
    random_state : numpy.random.RandomState or None
        None: always in their order.
    is_whole : bool
        Whether a batch is all rows of X: the order of the rows is then only one of sums. It is drawn all the same.
    """

    def __init__(self, rows, batch_size, random_state, is_whole):
        self.rows, self.random_state, self.is_whole = rows, random_state, is_whole
        self.starts = np.append(np.arange(0, len(rows), batch_size), len(rows)).astype(np.intp)
        self.updates_per_pass = len(self.starts) - 1

    def next_pass(self, n_updates_before):
        if self.random_state is not None:
            self.rows = self.rows[self.random_state.permutation(len(self.rows))]
        if self.is_whole:
            return None, None, self.updates_per_pass
        return self.rows, self.starts, self.updates_per_pass

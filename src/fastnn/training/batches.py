"""Where a run takes its rows from: passes over the data, cut into batches.

A source has `updates_per_pass`, the `sizes` of its batches and `largest_batch`, and ``next_pass(n_updates_before)``
draws the next one. It returns the rows, batch after batch (ndarray of intp); where each batch starts in them, and their
number; and the updates before the next pass is due; `begun` then has the updates made before that pass began, which are
fewer than those before the call where another run has made some of it. Rows and starts of None: every update takes all
rows of X, in their order. The arrays are read before the next call, which may change them. Where a pass comes in
stretches (``stretches``), what is said of a pass here is of a stretch, before which there are `opened` updates of the
pass, and `goes_on` says that the next one is of the same pass. Asked by ``run``; random draws come from NumPy.
"""

import sys
from functools import cache

import numpy as np

from fastnn._engine import Orders
from fastnn.initial import bit_generator_of

#: How batches of ``fastnn.train`` take their rows.
ORDERS = ("shuffled", "sequential", "wraparound", "random")


class AllRows:
    """Full batches, in the order of the rows; nothing is drawn, and no second pass is asked for."""

    updates_per_pass = 1
    rows, n_made, earlier = None, 0, None
    goes_on, opened = False, 0
    draws_plainly = False  # nor is there anything to draw

    def __init__(self, n_samples):
        self.largest_batch = n_samples
        self.sizes = np.array([n_samples])

    def next_pass(self, n_updates_before):
        self.begun = n_updates_before
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
    drops_last : bool, default False
        Whether rows that fill no batch are left out of a pass; not of "wraparound".

    Attributes
    ----------
    rows : ndarray of intp, or None
        Of the pass that was drawn last.
    n_made : int
        Updates of the first pass that another run has made.
    earlier : ndarray of shape (n_made,), or None
        The objective of each.
    """

    goes_on, opened = False, 0

    def __init__(self, n_samples, batch_size, order, draws, drops_last=False):
        self.n_samples, self.batch_size, self.order, self.draws = n_samples, batch_size, order, draws
        self.largest_batch = batch_size
        self.updates_per_pass = n_samples // batch_size if drops_last else -(-n_samples // batch_size)
        self.starts = np.arange(self.updates_per_pass + 1, dtype=np.intp) * batch_size
        if order in ("shuffled", "sequential") and not drops_last:
            self.starts[-1] = n_samples
        self.sizes = np.diff(self.starts)
        self.in_order = np.arange(n_samples, dtype=np.intp)
        self.rows, self.n_made, self.earlier, self.begun = None, 0, None, None

    @property
    def draws_plainly(self):
        """Whether `orders` may have the passes."""
        return self.order in ("shuffled", "sequential")

    @property
    def is_within_a_pass(self):
        """Whether the next pass is the rest of another run's."""
        return self.rows is not None and self.begun is None

    def orders(self):
        """What the engine draws the passes to come from, or None; likewise of `Composed`."""
        generator, is_own = self.draws.bit_generator() if self.order == "shuffled" else (None, True)
        return _orders(generator, is_own, self.in_order.copy(), self.starts, True)

    def go_on(self, rows, n_made, earlier):
        """Begin with the rest of a pass of these rows, whoever kept them: the engine reads those of X."""
        is_pass = isinstance(rows, np.ndarray) and rows.dtype == np.intp and rows.shape == (self.starts[-1],)
        if not is_pass or rows.min() < 0 or rows.max() >= self.n_samples:
            raise ValueError(
                f"the pass that training is to go on in is not one of {self.n_samples} rows: what was kept of it is "
                "damaged; begin anew, from the weights alone"
            )
        self.rows, self.n_made, self.earlier = rows, n_made, earlier

    def next_pass(self, n_updates_before):
        m, size, n_updates = self.n_samples, self.batch_size, self.updates_per_pass
        if self.is_within_a_pass:
            self.begun = n_updates_before - self.n_made
            return self.rows, self.starts, n_updates
        rows = self.in_order
        if self.order == "shuffled":
            rows = self.draws.permutation(m)
        elif self.order == "random":
            rows = self.draws.integers(m, n_updates * size)
        elif self.order == "wraparound":
            offsets = np.arange(n_updates_before, n_updates_before + n_updates) * size % (m - size)
            rows = (offsets[:, None] + np.arange(size)).ravel()
        rows = rows.astype(np.intp, copy=False)
        self.begun, self.rows = n_updates_before, rows  # together: a signal may come before
        return self.rows, self.starts, n_updates


def tutorial_batches(n_samples, batch_size, order, draws):
    """Return the source of ``fastnn.train``; a batch size of None, or of all samples, is a full batch."""
    if batch_size is None or batch_size >= n_samples:
        return AllRows(n_samples)
    return Ordered(n_samples, batch_size, order, draws)


class Composed:
    """scikit-learn's batches: each order is drawn from the one of the pass before, permutations composed.

    Parameters
    ----------
    rows : ndarray of intp
        Is shuffled in place.
    batch_size : int
        The last batch of a pass may be short.
    random_state : numpy.random.RandomState or None
        None: always in their order.
    is_whole : bool
        Whether a batch is all rows: the order of the rows is then only one of sums. It is drawn all the same.
    selected : ndarray of intp, or None
        These rows, in their order; None: those of X.
    is_own : bool, default False
        Whether nobody else draws from `random_state` meanwhile.
    """

    goes_on, opened = False, 0
    draws_plainly, is_within_a_pass = True, False

    def __init__(self, rows, batch_size, random_state, is_whole, selected=None, is_own=False):
        self.rows, self.random_state, self.is_whole = rows, random_state, is_whole
        self.selected, self.is_own = selected, is_own
        self.starts = np.append(np.arange(0, len(rows), batch_size), len(rows)).astype(np.intp)
        self.sizes = np.diff(self.starts)
        self.updates_per_pass = len(self.sizes)
        self.largest_batch = min(batch_size, len(rows))
        self.n_made = 0

    def orders(self):
        generator = None if self.random_state is None else bit_generator_of(self.random_state)
        lie_there = self.is_whole and self.selected is None
        taken = self.selected if self.is_whole else None
        return _orders(generator, self.is_own, self.rows, None if lie_there else self.starts, False, taken)

    def next_pass(self, n_updates_before):
        self.begun = n_updates_before
        if self.random_state is not None:
            self.random_state.shuffle(self.rows)  # as rows[permutation(len(rows))], in less time
        if self.is_whole:
            return self.selected, None if self.selected is None else self.starts, self.updates_per_pass
        return self.rows, self.starts, self.updates_per_pass


def _orders(bit_generator, is_own, rows, starts, is_new, taken=None):
    """Orders of the engine, or None where NumPy draws otherwise than it used to, or is asked in another way."""
    try:
        orders = Orders(bit_generator, is_own, rows, starts, is_new, taken)
    except (AttributeError, TypeError, ValueError):
        return None
    return orders if bit_generator is None or _draws_as_numpy() else None


@cache
def _draws_as_numpy():
    """Whether this NumPy's generators, old and new, make orders as the engine does."""
    rows, start = np.arange(7, dtype=np.intp), np.random.MT19937(1)
    Orders(start, True, rows, None, True).draw()
    found = [draws(np.random.MT19937(1)).permutation(7) for draws in (np.random.RandomState, np.random.Generator)]
    return all(np.array_equal(rows, expected) for expected in found)

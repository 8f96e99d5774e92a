"""Where a run takes its rows from where they are more than a buffer holds: passes in several stretches.

A stretch is whole batches, so that a pass has as many and as large ones as it would have of arrays; only which rows a
batch has is drawn within a stretch. Sources as those of ``batches``, over a ``pieces.feed.Feed``.
"""

import numpy as np


class _InStretches:
    """What both have in common.

    Parameters
    ----------
    feed : fastnn.pieces.feed.Feed
    batch_size : int
        Of which a half of the buffer is a multiple.
    """

    draws_plainly = False

    def __init__(self, feed, batch_size):
        self.feed, self.batch_size, self.largest_batch = feed, batch_size, batch_size
        n_rows = feed.n_rows
        self.sizes = np.diff(np.append(np.arange(0, n_rows, batch_size), n_rows))
        self.updates_per_pass, self.a_stretch = len(self.sizes), feed.half // batch_size
        self.opened, self.n_next = 0, 0  # updates of the pass before the stretch at hand, and before the next one
        self.rows, self.starts, self.n_made, self.begun = None, None, 0, None

    @property
    def goes_on(self):
        """Whether what comes next is of the same pass."""
        return self.n_next > 0

    def expects(self, n_updates):
        """Say that so many updates are to come, so that no more is read than these take."""
        passes, rest = divmod(self.n_made + n_updates, self.updates_per_pass)
        self.feed.n_wanted = passes * self.feed.n_stretches - (-rest // self.a_stretch) - self.feed.first

    def _take(self):
        """Return where the next stretch lies, how many rows it has and where its batches start."""
        offset, n_rows = self.feed.take()
        return offset, n_rows, np.append(np.arange(0, n_rows, self.batch_size), n_rows).astype(np.intp)

    def _has(self, rows, starts, begun):
        """Enter a stretch of the pass that began after so many updates: all at once, as a signal may come before."""
        n_next = (self.n_next + len(starts) - 1) % self.updates_per_pass
        self.begun, self.rows, self.starts, self.opened, self.n_next = begun, rows, starts, self.n_next, n_next


class Stretches(_InStretches):
    """Batches of ``fastnn.train``, as those of ``batches.Ordered``, which has the same attributes.

    Parameters
    ----------
    feed, batch_size
    order : {"shuffled", "sequential"}
    draws : fastnn.initial.Draws
    """

    def __init__(self, feed, batch_size, order, draws):
        super().__init__(feed, batch_size)
        self.order, self.draws = order, draws
        self.earlier = None

    def go_on(self, rows, n_made, earlier):
        """Begin with the rest of a pass, in a stretch of these rows."""
        n_before = n_made - n_made % self.a_stretch
        n_rows = min(self.feed.half, self.feed.n_rows - n_before * self.batch_size)
        is_stretch = isinstance(rows, np.ndarray) and rows.dtype == np.intp and rows.ndim == 1
        is_within = is_stretch and (
            n_made == n_before or (len(rows) == n_rows and 0 <= rows.min() <= rows.max() < n_rows)
        )
        if not is_within:
            raise ValueError(
                "the place in the data that training is to go on from is not one of these: what was kept of it is "
                "damaged; begin anew, from the weights alone"
            )
        self.rows, self.n_made, self.earlier = rows, n_made, earlier
        self.n_next = n_before
        self.feed.begin_at(n_before // self.a_stretch)

    def next_pass(self, n_updates_before):
        begins_within = self.begun is None and self.n_made % self.a_stretch > 0
        offset, n_rows, starts = self._take()
        if begins_within:
            rows = self.rows
        else:
            rows = self.draws.permutation(n_rows) if self.order == "shuffled" else np.arange(n_rows)
        begun = self.begun if self.goes_on else n_updates_before
        if self.begun is None:
            begun = n_updates_before - self.n_made
        self._has(rows.astype(np.intp, copy=False), starts, begun)
        return self.rows + offset, starts, len(starts) - 1


class ComposedStretches(_InStretches):
    """Batches of the estimators, as those of ``batches.Composed``, but each order is drawn from that of the rows.

    Parameters
    ----------
    feed, batch_size
    random_state : numpy.random.RandomState or None
        None: rows stay in their order.
    """

    def __init__(self, feed, batch_size, random_state):
        super().__init__(feed, batch_size)
        self.random_state = random_state

    def next_pass(self, n_updates_before):
        offset, n_rows, starts = self._take()
        rows = np.arange(offset, offset + n_rows, dtype=np.intp)
        if self.random_state is not None:
            self.random_state.shuffle(rows)
        self._has(rows, starts, self.begun if self.goes_on else n_updates_before)
        return rows, starts, len(starts) - 1

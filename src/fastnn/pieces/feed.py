"""The buffer: two halves, one of which is filled by a thread of its own while the network learns from the other.

A stretch is a half that is full, or what the end of a pass has left. Batches are drawn from it by
``training.stretches``; what a row of y becomes is said by the face that trains.
"""

import atexit
import threading
from itertools import count

import numpy as np

from fastnn.pieces.block import numbers_of, put, rows_a_block, weights_of
from fastnn.pieces.reading import check_has_weight

#: Seconds that the end waits for the thread, which looks after each block whether it is to end.
PATIENCE = 0.15

#: Seconds that the end of the process waits for it, where it is within a block: no decoder of files must outlive it.
LAST_PATIENCE = 5.0

#: Seconds after which who waits for a half sees signals that do not wake it.
LOOK = 0.05


class Feed:
    """Rows as they come. A context, in which its thread is at work.

    Parameters
    ----------
    pieces : Pieces
    reading : fastnn.pieces.reading.Reading
        The first one.
    half : int
        Rows of half the buffer.
    n_in, n_out : int
    dtype : numpy.dtype
    targets_of : callable
        Of a block and its number of rows: y as an array (n_rows, n_out).
    weigh : callable, optional
        Of targets and weights (n_rows,) or None: what they weigh; None: pieces have no weights.

    Attributes
    ----------
    X, y, weight : ndarray
        Both halves: (2 * half, n_in), (2 * half, n_out), (2 * half,) or None.
    n_wanted : int or None
        Stretches after which nothing more is read; may be set while the thread is at work.
    """

    def __init__(self, pieces, reading, half, n_in, n_out, dtype, targets_of, weigh=None):
        self.source, self.reading = pieces._source, reading
        self.n_rows, self.half, self.digest = reading.n_rows, half, reading.digest
        self.targets_of, self.weigh = targets_of, weigh
        self.X, self.y = np.zeros((2 * half, n_in), dtype), np.zeros((2 * half, n_out), dtype)
        self.weight = None if weigh is None else np.ones(2 * half, dtype)
        self.n_stretches = -(-self.n_rows // half)  # of a pass
        self.changed, self.thread = threading.Condition(), None
        self.n_filled = self.n_taken = 0  # halves, since the beginning
        self.first, self.n_wanted, self.error, self.is_over = 0, None, None, False

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        with self.changed:
            self.is_over = True
            self.changed.notify_all()
        if self.thread is not None:
            self.thread.join(PATIENCE)
            if self.thread.is_alive():
                atexit.register(self.thread.join, LAST_PATIENCE)

    @property
    def sample(self):
        """X of the first rows that are learned from, or of those that are in the buffer now."""
        if self.n_taken == 0:
            self._wait()
        return self.X[: min(self.half, self.n_rows)]

    def begin_at(self, stretch):
        """Begin with this stretch of a pass; before anything is taken."""
        self.first = stretch

    def take(self):
        """Return where the next stretch lies in the arrays, and how many rows it has; the one before is given back."""
        self.n_taken += 1
        self._wait()
        place = self.first + self.n_taken - 1
        of_pass = place % self.n_stretches
        n_rows = self.n_rows - of_pass * self.half if of_pass == self.n_stretches - 1 else self.half
        return (self.n_taken - 1) % 2 * self.half, n_rows

    def _wait(self):
        """Come back when the next half is full; raise what the thread has run into."""
        with self.changed:
            if self.thread is None:
                self.thread = threading.Thread(target=self._work, name="fastnn-pieces", daemon=True)
                self.thread.start()
            self.changed.notify_all()
            while not (self.n_filled >= max(self.n_taken, 1) or self.error is not None):
                self.changed.wait(LOOK)
            if self.n_filled < max(self.n_taken, 1):
                raise self.error

    # -- in the thread ----------------------------------------------------------------------------------------

    def _work(self):
        try:
            n_skipped = self.first * self.half
            for number in count(1):
                self._wait_for_room()  # nothing is read of a pass that is not wanted
                self._read_pass(number, n_skipped)
                n_skipped = 0
        except _OverError:
            pass
        except BaseException as error:  # for who takes the next stretch
            with self.changed:
                self.error = error
                self.changed.notify_all()

    def _read_pass(self, number, n_skipped):
        blocks = self.source.blocks()
        n_seen, place = 0, 0
        try:
            for block in blocks:
                if len(block.y) == 0:
                    continue
                X = numbers_of(block, self.X.shape[1])
                n_seen += len(X)
                if n_seen > self.n_rows:
                    raise ValueError(self._other(number, f"more than {self.n_rows}"))
                for begin, end in _parts(X, min(len(X), n_skipped)):
                    part = block._replace(
                        first=block.first + begin,
                        X=X[begin:end],
                        y=block.y[begin:end],
                        weight=None if block.weight is None else block.weight[begin:end],
                    )
                    place = self._fill(part, place)
                n_skipped -= min(len(X), n_skipped)
        finally:
            blocks.close()
        if n_seen < self.n_rows:
            raise ValueError(self._other(number, str(n_seen)))
        if place:
            self._publish()

    def _other(self, number, found):
        return (
            f"the pieces gave {found} rows in pass {number}, but {self.n_rows} in the first reading; they must give "
            "the same rows each time: pass a function that returns a fresh iterator, and leave files as they are"
        )

    def _fill(self, block, place):
        """Put a block behind `place` rows of the half; return the rows that the half then has."""
        check_has_weight(self.reading, block)
        targets = self.targets_of(block, len(block.X))
        own = weights_of(block, len(block.X)) if block.weight is not None else None
        weight = None if self.weigh is None else self.weigh(targets, own)
        n_done = 0
        while n_done < len(block.X):
            if place == 0:
                self._wait_for_room()
            n = min(self.half - place, len(block.X) - n_done)
            offset, rows = self.n_filled % 2 * self.half + place, slice(n_done, n_done + n)
            put("X", block._replace(first=block.first + n_done), block.X[rows], self.X[offset : offset + n])
            self.y[offset : offset + n] = targets[rows]
            if weight is not None:
                self.weight[offset : offset + n] = weight[rows]
            n_done, place = n_done + n, place + n
            if place == self.half:
                self._publish()
                place = 0
        if self.is_over:
            raise _OverError
        return place

    def _publish(self):
        with self.changed:
            self.n_filled += 1
            self.changed.notify_all()

    def _wait_for_room(self):
        """Go on when a half is free: the one that is learned from is not."""
        with self.changed:
            self.changed.wait_for(lambda: self.is_over or self.n_filled <= max(self.n_taken, 1))
            if self.is_over or (self.n_wanted is not None and self.n_filled >= self.n_wanted):
                raise _OverError


class _OverError(Exception):
    """The thread is not needed any more."""


def _parts(X, begin):
    """Begin and end of parts of rows that a cache holds."""
    n = rows_a_block(X.itemsize * X.shape[1])
    return [(first, min(first + n, len(X))) for first in range(begin, len(X), n)]

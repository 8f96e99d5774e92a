"""What a fit leaves, beside weights and solver, to one that goes on: its rows, their order, the seed of dropout.

Called by the base of the estimators, which keeps it as plain data where ``warm_start="solver"`` asks for it.
"""

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from fastnn.dropout import Dropout


@dataclass
class Course:
    """How the rows of a fit were taken.

    Parameters
    ----------
    n_rows : int
        Of X.
    order : ndarray of intp, or None
        Of the rows learned from, in the last pass; None: their own.
    held_back : ndarray of intp, or None
        Rows that early stopping scores.
    seed : int or None
        Of dropout.
    last_parameters, given_back : ndarray or None
        Those of the last update and the best ones, where early stopping gave these back.
    """

    n_rows: int
    order: np.ndarray | None = None
    held_back: np.ndarray | None = None
    seed: int | None = None
    last_parameters: np.ndarray | None = None
    given_back: np.ndarray | None = None

    @classmethod
    def of(cls, estimator, n_rows, holds_back):
        """That of the fit before, as far as it fits this one."""
        course = cls(**getattr(estimator, "_course", {"n_rows": n_rows})).checked()
        if course.n_rows == n_rows and (course.held_back is not None) == holds_back:
            course.order = None if course.order is None else course.order.copy()  # it will be shuffled in place
            return course
        return cls(n_rows, seed=course.seed)

    def checked(self):
        """Itself, if it can be what a fit left, whoever wrote it: the engine reads the rows that `order` names."""
        rows = [part for part in (self.order, self.held_back) if part is not None]
        kept = [part for part in (self.last_parameters, self.given_back) if part is not None]
        are_rows = isinstance(self.n_rows, int) and all(_is_flat(part) and part.dtype == np.intp for part in rows)
        are_kept = all(map(_is_flat, kept)) and len({*map(len, kept)}) < 2 and len(kept) != 1
        is_seed = self.seed is None or (isinstance(self.seed, Integral) and 0 <= self.seed < 2**64)
        if not (are_rows and are_kept and is_seed):
            raise ValueError("what a fit left of its rows, its seed and its weights is damaged; fit anew")
        found = np.concatenate(rows) if rows else np.zeros(0, np.intp)
        is_within = not len(found) or (found.min() >= 0 and found.max() < self.n_rows)
        is_whole = self.order is None or len(found) == self.n_rows
        if not (is_within and is_whole and len(np.unique(found)) == len(found)):
            raise ValueError(f"what a fit left of {self.n_rows} rows does not have each of them once; fit anew")
        return self

    def seeded(self, dropout, integers):
        """Dropout with the seed that there was, or a new one."""
        dropout = dropout.seeded(integers) if self.seed is None else Dropout(dropout.dropped, self.seed)
        self.seed = dropout.seed
        return dropout

    def take_back(self, parameters):
        """Put the last parameters in place of the best, and return these; None if nobody knows, or has changed them."""
        if self.given_back is None or not np.array_equal(parameters, self.given_back):
            return None
        best = parameters.copy()
        parameters[:] = self.last_parameters
        return best

    def leave(self, progress):
        """Take what a run has come to."""
        self.order = progress.order
        self.last_parameters, self.given_back = progress.last_parameters, progress.given_back

    def to_plain(self):
        """A dict of numbers and its own arrays."""
        return dict(vars(self))


def _is_flat(value):
    return isinstance(value, np.ndarray) and value.ndim == 1

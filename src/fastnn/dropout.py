"""What is dropped while training: the rates of dropout, checked, as a run takes them.

Both faces have their arguments checked here, and draw the seed once all else is right. Which units it are in each
update the backends find out for themselves, all of them the same: ``reference/dropout.py``, ``csrc/kernels/dropout.h``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fastnn.checks import check_number
from fastnn.sparse import is_sparse

#: Rates are multiples of one over this.
PARTS = 65536


@dataclass(frozen=True)
class Dropout:
    """Of each layer of weights, how many of 65536 of its inputs are dropped, and the seed of which.

    Parameters
    ----------
    dropped : tuple of int
    seed : int
        Of 64 bits.
    """

    dropped: tuple[int, ...]
    seed: int = 0

    def faded(self, share):
        """The same with a share of its rates."""
        return self if share == 1 else Dropout(tuple(int(n * share) for n in self.dropped), self.seed)

    def seeded(self, integers):
        """The same of a seed that is drawn: ``integers(n, 2)`` returns two integers from 0 to n - 1."""
        low, high = (int(part) for part in integers(2**31 - 1, 2))
        return Dropout(self.dropped, low | high << 32)


def check_dropout(n_hidden, dropout=0.0, input_dropout=0.0):
    """Return a Dropout without a seed yet, or None where nothing is dropped.

    Parameters
    ----------
    n_hidden : int
        Hidden layers.
    dropout : float or sequence of float
        The rate of all hidden layers, or one for each.
    input_dropout : float
    """
    if isinstance(dropout, str | bytes | Mapping) or not np.iterable(dropout):
        rates = [_rate("dropout", dropout)] * n_hidden
        if dropout and not n_hidden:
            raise ValueError(f"dropout={dropout!r} is of hidden layers, of which there are none; use input_dropout")
    else:
        rates = [_rate(f"dropout[{l}]", rate) for l, rate in enumerate(dropout)]
        if len(rates) != n_hidden:
            raise ValueError(f"dropout must have one rate per hidden layer: {n_hidden} expected, {len(rates)} given")
    dropped = (_rate("input_dropout", input_dropout), *rates)
    return Dropout(dropped) if any(dropped) else None


def check_drops(dropout, solver, solvers, X):
    """Refuse what nothing can be dropped of: an objective that must stay the same, rows that have no place for zeros.

    Parameters
    ----------
    dropout : Dropout or None
    solver : str
    solvers : sequence of str
        Those that find their way by an objective.
    X : array-like or sparse matrix
    """
    if dropout is None:
        return
    if solver in solvers:
        raise ValueError(
            f"solver={solver!r} looks for the smallest value of one function, but with dropout that is another in each "
            "update; use a solver such as 'adam', or l2 instead of dropout"
        )
    if dropout.dropped[0] and is_sparse(X):
        raise ValueError("input_dropout is not available for a sparse X; pass X.toarray(), or leave it out")


def _rate(argument, rate):
    """A rate as a number of parts; one that is too small for one part is 0."""
    return min(round(check_number(argument, rate, low=0.0, below=1.0) * PARTS), PARTS - 1)

"""Whether training has spoiled a network at a finite loss, found by some rows once it has ended.

A rate too large for X and y as they are takes relu units below zero for every row, or tanh units to their bounds: what
is left is a constant. Or it throws the weights so far that each update makes up for the one before.
"""

import numpy as np

from fastnn.backends import BACKENDS
from fastnn.sparse import is_sparse

#: How many rows are looked at where the first and the last look wrong.
N_ROWS = 100

#: Answers that spread by no more than this share of what targets do are one. Of wine as it is, tanh units at their
#: bounds leave 3e-9, dead relu units 0; a network that has learned anything, about as much as its targets.
ONE = 1e-6

#: Answers, as numbers, that spread so many times as much are none. Of wine, scaled, adam at 100 leaves 250,000 times,
#: sgd at 0.05 1e285.
NONE = 100.0

#: Losses that bring outputs near to their targets, as numbers.
OF_NUMBERS = ("squared_error", "absolute_error", "huber")


def spoiled_in_words(network, X, targets, loss, rows=None):
    """Say what the answers of a Network are, where they are spoiled, for a warning; else "".

    `targets` (n_samples, n_out) are NaN where nothing was observed; `rows` are those that there are, None: all.
    """
    spec = network._spec
    n_rows = X.shape[0] if rows is None else len(rows)
    has_slope = spec.n_layers > 1 and spec.activation_names[-1] != "step"  # the perceptron's rule needs none
    are_numbers = spec.activation_names[-1] == "identity" and loss in OF_NUMBERS
    for step, spread in ((n_rows - 1 or 1, _difference), (-(-n_rows // N_ROWS), _spread)):
        chosen = slice(None, None, step) if rows is None else rows[::step]
        some = X[chosen] if is_sparse(X) else np.ascontiguousarray(X[chosen])
        outputs = np.empty((some.shape[0], spec.layer_sizes[-1]), spec.dtype)
        BACKENDS["simd"].forward(spec, network.parameters, some, outputs, n_threads=1)
        found, wanted = spread(outputs), spread(targets[chosen])
        if not ((has_slope and found <= ONE * wanted) or (are_numbers and found > NONE * wanted)):
            return ""
    if found > wanted:
        wanted = _spread(targets if rows is None else targets[rows])
        if not found > NONE * wanted > 0:
            return ""
        return f"answers that differ {found / wanted:.3g} times as much as y does: it has diverged"
    if wanted == 0 or _spread(some.toarray() if is_sparse(some) else some) == 0:
        return ""
    return "one answer for all rows of X that were looked at: no gradient comes through its units any more"


def _difference(rows):
    """That between the first row and the last, in a tenth of the time."""
    first, last = rows[0].tolist(), rows[-1].tolist()
    return max(abs(x - y) for x, y in zip(first, last, strict=True))


def _spread(rows):
    """The largest difference between the first row and others."""
    with np.errstate(over="ignore"):
        return float(np.fmax.reduce(np.abs(rows - rows[0]), axis=None))

"""Whether training has spoiled a network at a finite loss, found by some rows once it has ended.

A rate too large for X as it is takes relu units below zero for every row, or tanh units to their bounds: what is left
is a constant. Or weights are thrown so far, or begin so far from a small y, that answers are beyond all targets.
"""

import numpy as np

from fastnn.backends import BACKENDS
from fastnn.saturation import LIMITS, are_saturated, outputs_by_layer
from fastnn.sparse import is_sparse

#: How many rows are looked at where the first and the last do not say that all is well.
N_ROWS = 100

#: A difference that is none: of outputs to their size, and of units that have bounds.
NONE = 1e-6

#: Answers that spread so many times as much as all targets are of no use.
FAR = 100.0

#: Losses that bring outputs near to their targets, as numbers.
OF_NUMBERS = ("squared_error", "absolute_error", "huber")


def spoiled_in_words(network, X, targets, loss, rows=None):
    """Say what the answers of a Network are, where they are spoiled, for a warning; else "".

    `targets` (n_samples, n_out) are NaN where nothing was observed; `rows` are those that there are, None: all.
    """
    spec, n_rows = network._spec, X.shape[0] if rows is None else len(rows)
    are_numbers = spec.activation_names[-1] == "identity" and loss in OF_NUMBERS
    if n_rows == 1 or (spec.n_layers == 1 and not are_numbers):
        return ""
    chosen, _, outputs = _some(network, X, rows, n_rows - 1)
    first, last = outputs.tolist()
    found = max(abs(x - y) for x, y in zip(first, last, strict=True))
    if found > NONE * max(map(abs, first)) and not (are_numbers and found > FAR * _spread(targets[chosen])):
        return ""
    chosen, some, outputs = _some(network, X, rows, -(-n_rows // N_ROWS))
    wanted = _spread(targets[chosen])
    if are_numbers and (found := _spread(outputs)) > FAR * wanted:
        wanted = _spread(targets if rows is None else targets[rows])
        if found > FAR * wanted > 0:
            return f"answers that differ {found / wanted:.3g} times as much as y does"
    if not (wanted > 0 and _spread(some.toarray() if is_sparse(some) else some) > 0):
        return ""  # one answer is right
    hidden = spec.activation_names[:-1]
    for l, h in outputs_by_layer(spec, network.parameters, some, len(hidden), 1):
        if _is_stuck(hidden[l - 1], h):
            return f"one answer for all rows of X that were looked at: no gradient comes through layer {l} any more"
    return ""


def _some(network, X, rows, step):
    chosen = slice(None, None, step) if rows is None else rows[::step]
    some = X[chosen] if is_sparse(X) else np.ascontiguousarray(X[chosen])
    outputs = np.empty((some.shape[0], network._spec.layer_sizes[-1]), network._spec.dtype)
    BACKENDS["simd"].forward(network._spec, network.parameters, some, outputs, n_threads=1)
    return chosen, some, outputs


def _is_stuck(activation, h):
    """Whether units of these outputs are the same for all rows, and none has a slope."""
    if activation == "relu":
        return not h.any()
    return activation in LIMITS and bool(are_saturated(activation, h).all()) and _spread(h) <= NONE


def _spread(rows):
    """The largest difference within a column; of what is NaN, none."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.fmax.reduce(np.fmax.reduce(rows) - np.fmin.reduce(rows)))

"""Rows of y and X set aside to validate on: the ``validation_split`` of ``train``, drawn at random.

Where a row has one class label, each class keeps its share. Called by ``train`` once the start weights have been drawn,
so that these are the same with and without.
"""

from dataclasses import replace

import numpy as np


def hold_back(data, fraction, draws):
    """Return Data without the rows that were set aside, which it has for validation instead.

    Parameters
    ----------
    data : fastnn.arguments.Data
    fraction : float
        Greater than 0, less than 1.
    draws : fastnn.initial.Draws

    Raises
    ------
    ValueError
        If nothing would be left to learn from, or to validate on.
    """
    order = draws.permutation(len(data.targets))
    is_held = np.zeros(len(order), bool)
    for rows in _strata(data, order):
        is_held[rows[: _n_held(len(rows), fraction)]] = True
    held, kept = np.flatnonzero(is_held), np.flatnonzero(~is_held)
    weight = data.sample_weight
    if not len(held) or (weight is not None and not weight[held].any()):
        raise ValueError(
            f"validation_split={fraction:g} sets {len(held)} of {len(order)} rows aside"
            + (", none with a weight greater than 0" if len(held) else "")
            + "; use a larger share, more rows, or validation_data=(X, y)"
        )
    if weight is not None and not weight[kept].any():
        raise ValueError(f"validation_split={fraction:g} leaves no row with a weight greater than 0 to learn from")
    X, targets = data.X, data.targets
    of_held, of_kept = (None, None) if weight is None else (weight[held], weight[kept])
    return replace(
        data,
        X=X[kept],
        targets=np.ascontiguousarray(targets[kept]),
        sample_weight=of_kept,
        validation=(X[held], np.ascontiguousarray(targets[held]), of_held),
    )


def _n_held(n_rows, fraction):
    """How many of some rows are set aside: never all of them."""
    return min(round(n_rows * fraction), n_rows - 1)


def _strata(data, order):
    """Arrays of row numbers, each in random order, of which a share is set aside: classes where there are some."""
    if data.labels.kind == "multiclass":
        position = data.targets.argmax(axis=1)
    elif data.labels.kind == "binary":
        position = data.targets[:, 0] > data.labels.threshold
    else:
        return [order]
    position = position[order]
    return [order[position == one] for one in np.unique(position)]

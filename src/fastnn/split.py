"""Rows of y and X set aside to validate on: the ``validation_split`` of ``train``, drawn at random.

Where a row has one class label, each class keeps its share. Called by ``train`` once the start weights have been drawn,
so that these are the same with and without.
"""

from dataclasses import replace

import numpy as np


def hold_back(data, fraction, draws, earlier=None):
    """Return Data without the rows that were set aside, which it has for validation instead.

    Parameters
    ----------
    data : fastnn.arguments.Data
    fraction : float
        Greater than 0, less than 1.
    draws : fastnn.initial.Draws
    earlier : fastnn.continuation.Continuation, optional
        Of the run that is gone on from: its rows are set aside again.

    Raises
    ------
    ValueError
        If nothing would be left to learn from, or to validate on, or an earlier run has learned from all rows.
    """
    n_rows = len(data.targets)
    held = _drawn(data, fraction, draws) if earlier is None else _as_before(earlier, n_rows, fraction)
    kept = np.setdiff1d(np.arange(n_rows), held, assume_unique=True)
    weight = data.sample_weight
    if not len(held) or (weight is not None and not weight[held].any()):
        raise ValueError(
            f"validation_split={fraction:g} sets {len(held)} of {n_rows} rows aside"
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
        held=held,
        validation_split=fraction,
    )


def _drawn(data, fraction, draws):
    order = draws.permutation(len(data.targets))
    strata = [rows[: _n_held(len(rows), fraction)] for rows in _strata(data, order)]
    return np.sort(np.concatenate(strata))


def _as_before(earlier, n_rows, fraction):
    is_other = earlier.held is None or earlier.validation_split != fraction
    if is_other or earlier.course[0] + len(earlier.held) != n_rows:
        raise ValueError(
            f"validation_split={fraction:g} would set rows aside that the run of init may have learned from; pass the "
            "rows and the validation_split of that run, or validation_data=(X, y)"
        )
    return earlier.held


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

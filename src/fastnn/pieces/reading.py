"""The first reading: how many rows there are, what y is, what there is of weights; and all of it, where it is little.

Called by both faces, which know what y means to them. Nothing is kept of the rows but a few of y that stand for all.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np

from fastnn.checks import as_array, cast_finite
from fastnn.pieces.block import numbers_of, weights_of

#: Beyond so many labels y is taken for numbers by mistake: to gather them would take for ever.
MOST_LABELS = 1 << 16


@dataclass
class Reading:
    """What came of it.

    Parameters
    ----------
    n_rows : int
    dtype : numpy.dtype or None
        That all of X goes into; None where X was not read.
    y : ndarray
        A few rows that stand for all: each label, or what decides how targets are read; see `stand_for`.
    weights : tuple of float, or None
        The smallest, the largest and the sum.
    of_classes : dict
        Label -> the sum of the weights of its rows.
    names : tuple of str or None
        The columns of X.
    held : tuple of ndarray, or None
        X, y and weights or None of all rows, if there are no more than were asked for.
    digest : str
        Of all that was read.
    """

    n_rows: int = 0
    dtype: Any = None
    y: Any = None
    weights: tuple | None = None
    of_classes: dict = field(default_factory=dict)
    names: tuple | None = None
    held: tuple | None = None
    digest: str = ""


def read(pieces, n_in, most, are_labels, with_inputs=False, counts_classes=False):
    """Read all rows once.

    Parameters
    ----------
    pieces : Pieces
    n_in : int or None
        Columns that X has; None: as many as the first block has.
    most : int
        Up to so many rows are kept.
    are_labels : callable
        Of an array y, whether it has class labels.
    with_inputs : bool
        Whether X is read in any case.
    counts_classes : bool

    Raises
    ------
    TypeError, ValueError
        That name the piece.
    """
    found, source, kept = Reading(), pieces._source, []
    digests = sha256(), sha256(), sha256()
    with_inputs = with_inputs or not source.reads_y_alone
    if n_in not in (None, source.n_in or n_in):
        raise ValueError(f"X has {source.n_in} columns, but the first layer takes {n_in}")
    for block in source.blocks(with_inputs):
        y = y_of(block, are_labels)
        if len(y) == 0:
            continue
        if with_inputs:
            X = numbers_of(block, n_in)
            n_in = X.shape[1]
            X_ok = cast_finite(f"X of {block.name}", X, X.dtype if X.dtype.kind == "f" else np.float64, block.where)
            found.dtype = X.dtype if found.dtype is None else np.result_type(found.dtype, X.dtype)
            digests[0].update(np.ascontiguousarray(X_ok).view(np.uint8))
        weight = None if block.weight is None else weights_of(block, len(y))
        if found.n_rows:
            check_has_weight(found, block)
        found.n_rows += len(y)
        _take(found, y, are_labels, weight, counts_classes)
        is_text = y.dtype.kind in "US"
        digests[1].update(_in_bytes(y.tolist()) if is_text else np.ascontiguousarray(y).data.cast("B"))
        if weight is not None:
            digests[2].update(weight.data.cast("B"))
        if kept is not None and with_inputs:
            kept.append((X.copy(), y.copy(), None if weight is None else weight.copy()))
            if found.n_rows > most:
                kept = None
    if found.n_rows == 0:
        raise ValueError("the pieces have no rows; if they come from a function, it must return a fresh iterator")
    found.names = source.names
    if found.weights is not None and found.weights[1] == 0:
        raise ValueError("sample_weight is zero for every row, so there is nothing to learn from")
    if pieces.classes is not None and are_labels(found.y):
        found.y = np.union1d(found.y, pieces.classes)
    if with_inputs:
        found.held = None if kept is None else _side_by_side(kept)
        found.digest = f"{found.n_rows} rows of {n_in} numbers, digest {digests[0].hexdigest()[:16]}, "
    elif found.n_rows <= most:
        return read(pieces, n_in, most, are_labels, True, counts_classes)
    found.digest += " and ".join(one.hexdigest()[:16] for one in digests[1:])
    return found


def y_of(block, are_labels):
    """Return y of a block as an array: of labels a vector, that can be sorted."""
    y = as_array(f"y of {block.name}", block.y)
    if are_labels(y):
        y = y.ravel()
        is_text = y.dtype.kind == "O" and all(isinstance(one, str) for one in y)
        y = y.astype(str) if is_text else y
        if y.dtype.kind not in "biufUS":
            raise TypeError(f"the labels in y of {block.name} must be numbers or words, got dtype {y.dtype}")
    elif y.dtype.kind not in "biuf":
        raise TypeError(f"y of {block.name} must hold real numbers, got an array of dtype {y.dtype}")
    return cast_finite(f"y of {block.name}", y, y.dtype, block.where) if y.dtype.kind == "f" else y


def check_has_weight(found, block):
    """Refuse a block that has weights where others have none, or the other way."""
    if (block.weight is None) != (found.weights is None):
        has = "no sample_weight" if block.weight is None else "a sample_weight"
        raise ValueError(f"{block.name} has {has}, other than those before; all pieces have one, or none has")


def _take(found, y, are_labels, weight, counts_classes):
    """Enter rows of y and their weights."""
    if weight is not None:
        low, high, total = found.weights or (np.inf, 0.0, 0.0)
        found.weights = min(low, weight.min()), max(high, weight.max()), total + weight.sum()
    if not are_labels(y):
        if found.y is not None and found.y.shape[1:] != y.shape[1:]:
            raise ValueError(f"y is of shape (n_rows, {found.y.shape[1:]}) first, then of {y.shape}")
        found.y = stand_for(y if found.y is None else np.concatenate([found.y, y]))
        return
    labels = np.unique(y) if not counts_classes else None
    if counts_classes:
        labels, position = np.unique(y, return_inverse=True)
        for label, total in zip(labels.tolist(), np.bincount(position, weight).tolist(), strict=True):
            found.of_classes[label] = found.of_classes.get(label, 0.0) + total
    if found.y is not None and (found.y.dtype.kind in "US") != (labels.dtype.kind in "US"):
        raise TypeError(f"y has labels of {found.y.dtype} first, then of {labels.dtype}; they are numbers or words")
    found.y = labels if found.y is None else np.union1d(found.y, labels)
    if len(found.y) > MOST_LABELS:
        raise ValueError(
            f"y has more than {MOST_LABELS} distinct labels, such as {found.y[0]!r}; numbers to be learned as such "
            "need a regression, and for train a column of their own, y of shape (n_rows, 1)"
        )


def stand_for(y):
    """Return a few rows of targets for which all holds that holds for all, and no more.

    What is asked of targets: the least and the largest of each column, whether all are 0 or 1, or of two values, and
    whether each row sums to 1, or has one entry alone that says yes. For each of these there is a row that shows it.
    """
    table = y.reshape(len(y), -1)
    low, high = table.min(), table.max()
    n_yes = (table > 0.5).sum(axis=1)
    sums_to_1 = np.abs(table.sum(axis=1, dtype=np.float64) - 1) <= 1e-5
    tests = [
        ~((table == 0) | (table == 1)).all(axis=1),
        ~((table == low) | (table == high)).all(axis=1),
        ~sums_to_1,
        ~(sums_to_1 | (n_yes == 1)),
        ~(sums_to_1 | ((table > 0).sum(axis=1) == 1)),
        (table != np.round(table)).any(axis=1),
    ]
    rows = [0, *table.argmin(axis=0), *table.argmax(axis=0), *(int(test.argmax()) for test in tests if test.any())]
    return y[np.unique(rows)]


def _in_bytes(words):
    """Words one after the other, the same however they are cut."""
    return "".join(f"{word!r}," for word in words).encode()


def _side_by_side(kept):
    X, y, weight = zip(*kept, strict=True)
    return np.concatenate(X), np.concatenate(y), None if weight[0] is None else np.concatenate(weight)

"""A block: some rows as a source gives them, where they stand, and how they become numbers in a buffer.

Made by the sources of this room; read by ``reading``, which looks at all rows once, and by ``feed``.
"""

from typing import Any, NamedTuple

import numpy as np

from fastnn.checks import as_numbers, cast_finite
from fastnn.frames import is_frame
from fastnn.sparse import is_sparse

#: Bytes of X that a source reads at a time, and that are cast at a time: a part of the cache.
SIZE = 1 << 21


class Block(NamedTuple):
    """Some rows; the arrays may be overwritten once the next block is asked for.

    Parameters
    ----------
    name : str
        Where they stand, for messages: "piece 3", "'a.npy'".
    first : int
        The number of the first row there.
    X : array-like of shape (n_rows, n_in), or None
        None: nobody asked for it.
    y : array-like of shape (n_rows,) or (n_rows, n_columns)
    weight : array-like of shape (n_rows,), or None
    """

    name: str
    first: int
    X: Any
    y: Any
    weight: Any

    def where(self, place):
        """A place in these rows, in words."""
        return f"row {self.first + place[0]}" + (f", column {place[1]}" if len(place) > 1 else "")


def rows_a_block(row_bytes):
    """How many rows make a block."""
    return max(1, SIZE // max(1, row_bytes))


def numbers_of(block, n_in):
    """Return X of a block as an array of real numbers (n_rows, n_in); its entries may be NaN."""
    X, argument = block.X, f"X of {block.name}"
    if is_sparse(X):
        raise TypeError(f"{argument} is sparse; pieces are dense arrays: give X.toarray() of each")
    if type(X) is not np.ndarray or X.dtype.kind not in "biuf":
        X = as_numbers(argument, X)
    if X.ndim != 2 or (n_in is not None and X.shape[1] != n_in):
        expected = "columns" if n_in is None else f"{n_in} columns"
        raise ValueError(f"{argument} must be an array of rows and {expected}, got the shape {X.shape}")
    return X


def put(argument, block, array, place):
    """Cast an array into a place of a buffer; NaN and infinity are told by their row."""
    with np.errstate(over="ignore", invalid="ignore"):
        np.copyto(place, array, casting="unsafe")
    if not np.isfinite(place).all():
        cast_finite(f"{argument} of {block.name}", array, place.dtype, block.where)


def weights_of(block, n_rows):
    """Return the weights of a block, (n_rows,) of float64, finite and not negative."""
    argument = f"sample_weight of {block.name}"
    weight = as_numbers(argument, block.weight)
    if weight.shape != (n_rows,):
        raise ValueError(f"{argument} must have one entry for each of {n_rows} rows, got the shape {weight.shape}")
    weight = cast_finite(argument, weight, np.float64, block.where)
    if (weight < 0).any():
        row = block.first + int(np.argmax(weight < 0))
        raise ValueError(f"{argument} is negative in row {row}; weights must be at least 0")
    return weight


def length_of(argument, value):
    """The number of rows of whatever has rows."""
    if is_frame(value) or is_sparse(value):
        return value.shape[0]
    if not hasattr(value, "__len__") or isinstance(value, str | dict):
        raise TypeError(f"{argument} must be an array of rows, got {type(value).__name__}")
    return len(value)

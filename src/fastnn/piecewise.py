"""Whether X is data in pieces; asked by both faces, before anything that reads pieces is imported."""

import os

import numpy as np

#: What only tables that give batches of rows have.
OF_TABLES = ("to_batches", "read_next_batch", "_rows_of_half")


def pieces_of(X, y=None):
    """Return `Pieces` of X as it came to ``train`` or ``fit``, or None if it is no more than an array."""
    if type(X) is np.ndarray:
        return None
    are_paths = isinstance(X, list) and X and _is_path(X[0])
    if not (y is None or are_paths or _is_path(X) or any(hasattr(X, name) for name in OF_TABLES)):
        return None
    from fastnn.pieces.source import pieces_of as found

    return found(X, y)


def is_pieces(value):
    """Whether this is `Pieces`."""
    return hasattr(value, "_rows_of_half")


def _is_path(value):
    return isinstance(value, str | os.PathLike)

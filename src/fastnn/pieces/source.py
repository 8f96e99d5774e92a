"""``Pieces``: what a training beyond memory reads, whatever it is, as blocks of rows, again and again."""

import glob
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastnn.checks import check_count
from fastnn.frames import check_column_names, column_names, is_frame
from fastnn.pieces.arrays import Arrays, File, InMemory
from fastnn.pieces.arrow import ENDINGS, Tables
from fastnn.pieces.block import Block, length_of

#: Bytes of both halves of a buffer, unless told otherwise.
MEMORY = 1 << 28


class Pieces:
    """Data that are read piece by piece, as they may be more than memory holds: the `X` of `train` and of ``fit``.

    Half of a buffer is read while the network learns from the other half. Pieces come in their order; rows are
    shuffled within a half, so that data sorted by class or time need a large buffer, or to be shuffled before. Of what
    the buffer holds as a whole, training has the bits that it has of arrays.

    Parameters
    ----------
    source : iterable, callable, array, path or table
        Of pieces ``(X, y)`` or ``(X, y, sample_weight)``, each an array, list or frame: an iterable that can be gone
        through again and again, such as a list, or a function that returns a fresh iterator. Or an array or
        ``np.memmap``; a ``.npy`` file, or a list of these. Or Parquet, Arrow or Feather files: a path, a list, a folder
        or a pattern such as ``"logs/*.parquet"`` (in the order of their names), or a pyarrow table or data set; these
        need pyarrow, the extra ``[arrow]``.
    y : array, np.memmap, path or list of these, optional
        Of an array or ``.npy`` file, or one for each.
    target : str or list of str, optional
        The column of a file, table or frame that is y, or several.
    sample_weight : array, path or str, optional
        As `y`; or the name of a column.
    columns : list of str, optional
        Columns of X, by name; None: all that are neither target nor weight. Pieces must have these, in this order.
    buffer_rows : int, optional
        Rows of half the buffer; at least those of a batch, of which it takes a multiple.
    memory : int, default 2**28
        In its place: bytes of the buffer, both halves. A source's own pieces come on top.
    classes : array-like, optional
        All class labels, where some may be missing in the data.

    Raises
    ------
    TypeError
        For an iterator or generator, which could be gone through once: pass a function that returns one.
    ValueError
        If arguments do not go together, a file is damaged, or columns are missing.
    ImportError
        For Arrow's formats without pyarrow.

    Notes
    -----
    A first reading counts the rows and finds the classes; of arrays, files and tables it reads y and weights alone,
    unless there are checkpoints. All rows are checked whenever they are read: an error names the piece, counted from 0,
    and the row. What the source itself raises comes through, with a note that names the piece. More or fewer rows than
    in the first reading are an error.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> def read():
    ...     for seed in range(5):  # as if each were a file
    ...         X = np.random.default_rng(seed).uniform(-1, 1, (1000, 2))
    ...         yield X, (X[:, 0] > X[:, 1]).astype(int)
    >>> pieces = fastnn.Pieces(read, buffer_rows=1024)
    >>> settings = {"loss": "log_loss", "batch_size": 32, "random_state": 0}
    >>> network = fastnn.train([2, 1], pieces, iter_num=1000, alpha=0.5, **settings).network
    >>> network.predict([[0.5, 0.1], [0.1, 0.5]])
    array([1, 0])
    """

    def __init__(
        self,
        source: Iterable[Any] | Callable[[], Iterable[Any]] | ArrayLike | str | os.PathLike[str],
        y: Any = None,
        *,
        target: str | list[str] | None = None,
        sample_weight: Any = None,
        columns: list[str] | None = None,
        buffer_rows: int | None = None,
        memory: int | None = None,
        classes: ArrayLike | None = None,
    ):
        if buffer_rows is not None and memory is not None:
            raise ValueError(f"buffer_rows={buffer_rows!r} and memory={memory!r} both say how large the buffer is")
        self.buffer_rows = None if buffer_rows is None else check_count("buffer_rows", buffer_rows, minimum=1)
        self.memory = check_count("memory", MEMORY if memory is None else memory, minimum=1)
        if columns is not None and (isinstance(columns, str) or not len(columns)):
            raise ValueError(f"columns must be a list with the names of one column or more, got {columns!r}")
        self.classes = None if classes is None else np.unique(np.asarray(classes))
        self._source = _source_of(source, y, target, sample_weight, columns)

    def __repr__(self):
        size = f"memory={self.memory}" if self.buffer_rows is None else f"buffer_rows={self.buffer_rows}"
        return f"<Pieces of {type(self._source).__name__.lower()}, {size}>"

    def _rows_of_half(self, row_bytes, batch_size):
        """How many rows half the buffer has: whole batches, as far as it has room for one."""
        n_rows = self.buffer_rows or self.memory // (2 * row_bytes)
        return n_rows - n_rows % batch_size if n_rows >= batch_size else n_rows


class Given:
    """Pieces that the user's iterable or function gives.

    Parameters
    ----------
    source : iterable or callable
    target : str, list of str or None
        None: pieces are tuples.
    weight : str or None
    columns : list of str or None
    """

    reads_y_alone, names, n_in = False, None, None

    def __init__(self, source, target, weight, columns):
        self.source, self.target, self.weight, self.columns = source, target, weight, columns

    def blocks(self, with_inputs=True):
        """Yield Block after Block."""
        place, names, pieces = 0, None if self.columns is None else tuple(self.columns), None
        try:
            pieces = iter(self.source() if callable(self.source) else self.source)
            for place, piece in enumerate(pieces):
                block = self._block(f"piece {place}", piece)
                check_column_names(f"X of {block.name}", block.X, names)
                self.names = names = names or column_names(block.X)
                yield block
                place += 1
        except Exception as error:
            error.add_note(f"raised while piece {place} (counted from 0) was read")
            raise
        finally:
            if hasattr(pieces, "close"):
                pieces.close()

    def _block(self, name, piece):
        if self.target is not None:
            X, y, weight = self._columns(name, piece)
        elif isinstance(piece, tuple | list) and len(piece) in (2, 3):
            X, y, weight = *piece, *([None] if len(piece) == 2 else [])
        else:
            found = f"{type(piece).__name__}" + (f" of {len(piece)}" if isinstance(piece, tuple | list) else "")
            raise TypeError(
                f"{name} must be a pair (X, y), or (X, y, sample_weight), got {found}"
                + ("; name the column that is y: Pieces(..., target=...)" if is_frame(piece) else "")
            )
        n_rows, n_targets = length_of(f"X of {name}", X), length_of(f"y of {name}", y)
        if n_rows != n_targets:
            raise ValueError(f"X of {name} has {n_rows} rows, but y has {n_targets}")
        return Block(name, 0, X, y, weight)

    def _columns(self, name, frame):
        if not is_frame(frame):
            raise TypeError(f"{name} must be a frame with the column {self.target!r}, got {type(frame).__name__}")
        targets = [self.target] if isinstance(self.target, str) else list(self.target)
        weights = [] if self.weight is None else [self.weight]
        found = list(frame.columns)
        columns = [one for one in found if one not in (*targets, *weights)] if self.columns is None else self.columns
        if missing := [one for one in (*columns, *targets, *weights) if one not in found]:
            raise ValueError(f"{name} has no column {missing[0]!r}; it has {', '.join(map(repr, found))}")
        y = np.asarray(frame[self.target if isinstance(self.target, str) else targets])
        return frame[columns], y, np.asarray(frame[self.weight]) if weights else None


def _source_of(source, y, target, weight, columns):
    """Return what has ``blocks``, for whatever the user gave."""
    if _is_path(source):
        source = _paths_of(os.fspath(source))
    is_list = isinstance(source, list | tuple) and len(source) > 0
    if is_list and all(map(_is_path, source)):
        if all(os.fspath(path).endswith(".npy") for path in source):
            return Arrays(list(map(File, source)), _arrays("y", y, source), _weights(weight, source))
        if unknown := [path for path in source if not os.fspath(path).endswith(ENDINGS)]:
            raise ValueError(
                f"{os.fspath(unknown[0])!r} is no file that can be read: they end in .npy, {', '.join(ENDINGS)}, and a "
                "list has one kind"
            )
        return Tables(source, _check_target(y, target), weight, columns)
    if hasattr(source, "to_batches"):
        return Tables([source], _check_target(y, target), weight, columns)
    if isinstance(source, np.ndarray) or y is not None:
        sources = source if is_list and isinstance(source[0], np.ndarray) else [source]
        return Arrays(list(map(InMemory, sources)), _arrays("y", y, sources), _weights(weight, sources))
    _check_is_read_again(source)
    if target is None and (weight is not None or columns is not None):
        raise ValueError("sample_weight and columns name columns of frames, whose target has a name too; pass target=")
    return Given(source, target, weight, columns)


def _check_is_read_again(source):
    if hasattr(source, "read_next_batch") or (not callable(source) and hasattr(source, "__next__")):
        raise TypeError(
            f"the {type(source).__name__} can be gone through only once, but training reads the data again and again; "
            "pass a function that returns a fresh one"
        )
    if not callable(source) and (not isinstance(source, Iterable) or isinstance(source, Mapping)):
        raise TypeError(
            "pieces come from an iterable of (X, y), a function that returns one, an array, a file or a table, got "
            f"{type(source).__name__}"
        )


def _is_path(value):
    return isinstance(value, str | os.PathLike)


def _paths_of(path):
    """The files of a folder or a pattern, in the order of their names."""
    if os.path.isdir(path):
        files = sorted(glob.glob(os.path.join(glob.escape(path), "*")))
        if not (found := [file for file in files if file.endswith(ENDINGS)]):
            raise ValueError(f"of the folder {path!r} files are read that end in {', '.join(ENDINGS)}; it has none")
        return found
    if glob.has_magic(path) and not os.path.exists(path):
        if not (found := sorted(glob.glob(path))):
            raise ValueError(f"there is no file {path!r}")
        return found
    return [path]


def _check_target(y, target):
    if y is not None or target is None:
        raise ValueError("of files and tables with columns, y is a column of theirs: Pieces(files, target='name')")
    return target


def _arrays(argument, given, sources):
    """Arrays or files, one for each of the sources."""
    if given is None:
        raise ValueError(f"{argument} is missing: an array or a .npy file beside each of X")
    several = isinstance(given, list | tuple) and len(sources) > 1
    given = list(given) if several else [given[0] if _is_list_of_one(given, sources) else given]
    if len(given) != len(sources):
        raise ValueError(f"X has {len(sources)} parts, but {argument} has {len(given)}")
    return [File(one) if _is_path(one) else InMemory(one) for one in given]


def _is_list_of_one(given, sources):
    return isinstance(given, list | tuple) and len(given) == len(sources) == 1 and _is_path(given[0])


def _weights(weight, sources):
    return None if weight is None else _arrays("sample_weight", weight, sources)


def pieces_of(X, y=None):
    """Return Pieces of X as it came to ``train`` or ``fit``, or None if it is no more than an array.

    What is no `Pieces` already is one if it is a path, a function, an iterator (an error), or, where there is no y, an
    iterable that is no array: a list of (X, y), say.
    """
    if isinstance(X, Pieces):
        if y is not None:
            raise ValueError("Pieces have y themselves; pass no other: Pieces(source, y)")
        return X
    if X is None or isinstance(X, np.ndarray):
        return None
    is_table = hasattr(X, "to_batches") or hasattr(X, "read_next_batch")
    is_table = is_table and not (y is not None and hasattr(X, "__array__"))  # with y it is columns of numbers in memory
    if is_table or _is_path(X) or (isinstance(X, list) and X and all(map(_is_path, X))):
        return Pieces(X, y)
    if y is not None or hasattr(X, "__array__") or is_frame(X) or not (callable(X) or isinstance(X, Iterable)):
        return None
    if isinstance(X, list | tuple) and not all(isinstance(one, tuple) and len(one) in (2, 3) for one in X):
        return None
    return Pieces(X)

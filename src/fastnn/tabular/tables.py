"""Tables: frames of pandas, polars and pyarrow, arrays, lists of rows and sparse matrices, as columns of cells.

Called by ``columns``. Which library made a frame narwhals knows; here is what each gives for a column: an array of
numbers, dates or time spans, codes of a categorical, or Python's values. What they mean is left to ``kinds``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fastnn.checks import optional
from fastnn.sparse import csr_in_order, is_sparse


@dataclass
class Cells:
    """A column: `values` an array of dtype kind b, i, u, f, M or m, or a list, None where nothing is.

    With `levels`, values are places in that list, -1 where nothing is. `zone` is that of dates, which are UTC then.
    """

    values: np.ndarray | list
    levels: list | None = None
    zone: str | None = None

    def at(self, rows):
        """Those of some rows, None for all."""
        if rows is None:
            return self
        values = self.values
        own = values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows]
        return Cells(own, self.levels, self.zone)


class Table:
    """The columns of X: their `names` (a tuple, None if they have no names), and `column(j)` for the cells of one."""

    def __init__(self, names, shape, column):
        self.names, self.shape, self.column = names, shape, column

    @property
    def labels(self):
        """What errors call the columns."""
        return self.names or range(self.shape[1])


def as_table(X):
    """Return X as a `Table`.

    Raises
    ------
    TypeError, ValueError
        If it is no table of rows and columns, is empty, or has two columns of one name.
    """
    if is_sparse(X):
        csc = csr_in_order("X", X).tocsc()
        table = Table(None, csc.shape, lambda j: Cells(_dense(csc, j)))
    elif hasattr(X, "columns") or hasattr(X, "column_names"):
        table = _table_of_frame(X)
    else:
        array = _as_array(X)
        is_typed = array.dtype.kind in "biufMm"
        table = Table(None, array.shape, lambda j: Cells(array[:, j] if is_typed else array[:, j].tolist()))
    n_rows, n_columns = table.shape
    if not n_columns:
        raise ValueError(f"X has 0 feature(s) (shape={table.shape}) while a minimum of 1 is required.")
    if not n_rows:
        raise ValueError(f"X has 0 sample(s) (shape={table.shape}) while a minimum of 1 is required.")
    return table


def names_of(frame):
    """The names of a frame's columns as a tuple, None if none is a string."""
    names = tuple(frame.column_names if hasattr(frame, "column_names") else frame.columns)
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise ValueError(f"X has two columns of the name {twice!r}; rename one")
    are_words = [isinstance(name, str) for name in names]
    if any(are_words) and not all(are_words):
        other = names[are_words.index(False)]
        raise TypeError(
            f"the columns of X must all have strings as names, or none of them, got {other!r} beside strings; rename "
            "them, for example by X.columns = X.columns.astype(str)"
        )
    return names if all(are_words) else None


def _as_array(X):
    """X as an array of two dimensions, numbers and strings side by side as objects."""
    if isinstance(X, Iterator):
        raise TypeError(f"X is a {type(X).__name__}, which can be read only once; pass a list: list(X)")
    try:
        array = np.asarray(X)
        if array.dtype.kind in "USVO" and not isinstance(X, np.ndarray):
            array = np.array(X, dtype=object)
    except ValueError as error:
        raise ValueError(f"X cannot be made a table: {error}") from None
    if isinstance(X, np.ma.MaskedArray) and np.ma.getmaskarray(X).any():
        array = np.array(X.data, dtype=object)
        array[X.mask] = None
    if array.ndim != 2:
        raise ValueError(
            f"X must have 2 dimensions, got {array.ndim} (shape {array.shape}). Reshape your data: for one row use "
            "X.reshape(1, -1), for one column X.reshape(-1, 1)"
        )
    if array.dtype.kind == "V":
        raise TypeError(f"X is an array of {array.dtype}; pass a frame, for example pandas.DataFrame(X)")
    return array


def _dense(csc, j):
    own = slice(csc.indptr[j], csc.indptr[j + 1])
    column = np.zeros(csc.shape[0], csc.dtype)
    column[csc.indices[own]] = csc.data[own]
    return column


def _table_of_frame(X):
    names = names_of(X)  # before narwhals, which has other words for what is wrong
    with optional("a table with named columns", "narwhals 2 or newer", "narwhals", extra="sklearn"):
        import narwhals.stable.v2 as nw
    try:
        frame = nw.from_native(X, eager_only=True)
    except TypeError as error:
        raise TypeError(
            f"X is a {type(X).__name__}, which is no table that can be read; pass a frame of pandas, polars or "
            "pyarrow, of a lazy one X.collect(), or an array"
        ) from error
    schema = list(frame.schema.values())
    return Table(names, frame.shape, lambda j: _cells_of_series(nw, frame[:, j], schema[j]))


def _cells_of_series(nw, series, dtype):
    if dtype in (nw.Categorical, nw.Enum):
        own = getattr(series.to_native(), "cat", None)
        if hasattr(own, "codes"):  # pandas
            return Cells(own.codes.to_numpy(), own.categories.tolist())
        series = series.cast(nw.String)
    elif dtype not in (nw.String, nw.Int128, nw.UInt128):  # of which NumPy has none
        array = series.to_numpy()  # dates with a zone as UTC
        if array.dtype.kind in "biufMm" and array.ndim == 1:
            return Cells(array, zone=dtype.time_zone if dtype == nw.Datetime else None)
    return Cells(series.to_list())

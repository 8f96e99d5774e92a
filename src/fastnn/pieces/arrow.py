"""Parquet, Arrow and Feather files, and Arrow tables, as blocks of rows; made by ``source``. It alone knows pyarrow."""

import os

import numpy as np

from fastnn.checks import optional
from fastnn.frames import CURES, OBJECTS, TEXT
from fastnn.pieces.block import Block

#: Endings of the files that are read here.
ENDINGS = (".parquet", ".pq", ".feather", ".arrow", ".ipc")

#: Rows that are read at a time of a Parquet file.
ROWS = 1 << 14

#: Bytes of a column that are read at a time; else a whole group of rows would be held, by default a million.
PART = 1 << 18

#: Types whose values lie in memory as NumPy's do.
NUMBERS = (*(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)), "halffloat", "float", "double")


class Tables:
    """Columns by their names: of files one after the other, or of a table or data set.

    Parameters
    ----------
    tables : list of paths, or of objects with ``to_batches``
    target : str or list of str
        The columns that are y.
    weight : str or None
    columns : list of str or None
        Those of X, in this order; None: all that are neither target nor weight.
    """

    reads_y_alone = True

    def __init__(self, tables, target, weight, columns):
        with optional("data in Arrow's formats", "pyarrow", "pyarrow", extra="arrow"):
            import pyarrow  # noqa: F401  to say here what is missing
        self.tables, self.weight = tables, weight
        self.is_vector, self.target = isinstance(target, str), [target] if isinstance(target, str) else list(target)
        of_rows = [*self.target, *([] if weight is None else [weight])]
        is_small = True
        for table in tables:
            schema = _schema_of(table)
            found = schema.names
            if columns is None:
                columns = [name for name in found if name not in of_rows]
            if missing := [name for name in (*columns, *of_rows) if name not in found]:
                raise ValueError(
                    f"{_name_of(table)} has no column {missing[0]!r}; it has {', '.join(map(repr, found))}"
                )
            if not columns:
                raise ValueError(
                    f"{_name_of(table)} has no column beside {', '.join(map(repr, of_rows))} to learn from"
                )
            is_small = is_small and all(str(schema.field(name).type) in ("float", "halffloat") for name in columns)
        self.columns, self.names, self.n_in = columns, tuple(columns), len(columns)
        self.dtype = np.dtype(np.float32 if is_small else np.float64)

    def blocks(self, with_inputs=True):
        """Yield Block after Block."""
        wanted = list(dict.fromkeys([*(self.columns if with_inputs else []), *self.target]))
        wanted += [] if self.weight is None or self.weight in wanted else [self.weight]
        for table in self.tables:
            name, first = _name_of(table), 0
            for batch in _batches_of(table, wanted):
                if batch.num_rows == 0:
                    continue
                block = Block(name, first, None, None, None)
                X = np.column_stack([_numbers(block, batch, one) for one in self.columns]) if with_inputs else None
                y = [_values(block, batch, one) for one in self.target]
                y = y[0] if self.is_vector else np.column_stack(y)
                weight = None if self.weight is None else _numbers(block, batch, self.weight)
                yield block._replace(X=X, y=y, weight=weight)
                first += batch.num_rows


def _is_path(table):
    return isinstance(table, str | os.PathLike)


def _name_of(table):
    return repr(os.fspath(table)) if _is_path(table) else f"the {type(table).__name__}"


def _is_parquet(table):
    return os.fspath(table).endswith((".parquet", ".pq"))


def _schema_of(table):
    """Names and types of the columns."""
    if not _is_path(table):
        return table.schema
    if _is_parquet(table):
        from pyarrow import parquet

        return parquet.read_schema(table)
    from pyarrow import ipc

    with open(table, "rb") as file:
        return ipc.open_file(file).schema


def _batches_of(table, columns):
    """Yield record batches of these columns."""
    if not _is_path(table):
        if hasattr(table, "scanner"):  # a data set, of more than memory perhaps
            yield from table.to_batches(columns=columns, batch_size=ROWS)
        else:
            yield from table.select(columns).to_batches(max_chunksize=ROWS)
    elif _is_parquet(table):
        from pyarrow import parquet

        with parquet.ParquetFile(table, buffer_size=PART) as file:
            yield from file.iter_batches(ROWS, columns=columns, use_threads=False)
    else:
        from pyarrow import ipc

        with open(table, "rb") as file:
            reader = ipc.open_file(file)
            for place in range(reader.num_record_batches):
                yield reader.get_batch(place).select(columns)


def _values(block, batch, name):
    """A column as an array, of numbers or words; it has no gaps."""
    column = batch.column(name)
    if column.null_count:
        row = block.first + column.is_null().to_pylist().index(True)
        raise ValueError(f"{block.name} has no value in row {row}, column {name!r}; fill or drop such rows first")
    if hasattr(column, "dictionary_decode"):
        column = column.dictionary_decode()
    if str(column.type) in NUMBERS:  # to_numpy would import pandas, wherever it is there
        dtype = np.dtype(column.type.to_pandas_dtype())
        return np.frombuffer(column.buffers()[1], dtype, len(column), column.offset * dtype.itemsize)
    array = column.to_numpy(zero_copy_only=False)
    return array.astype(str) if array.dtype.kind == "O" and isinstance(array[0], str) else array


def _numbers(block, batch, name):
    array = _values(block, batch, name)
    if array.dtype.kind not in "biuf":
        holds, cure = TEXT if array.dtype.kind == "U" else CURES.get(array.dtype.kind, OBJECTS)
        raise TypeError(f"{block.name} must hold real numbers, but its column {name!r} holds {holds}: {cure}")
    return array

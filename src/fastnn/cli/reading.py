"""Files of tables as polars frames, whole or in pieces: CSV of any delimiter, Parquet, Arrow, NPY, standard input.

The commands call `read` and `pieces`. How text is cut into records is left to ``text``, what cells are to ``cells``.
"""

import io
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import polars as pl

from fastnn.cli import cells
from fastnn.cli.mistakes import Code, Mistake, unknown
from fastnn.cli.text import BLOCK, Text, unreadable

#: Rows of a piece of what is no text.
ROWS = 65_536


@dataclass
class Raw:
    """Some rows of a file, as they stand in it: of strings where it is text, else of its own types.

    `name` is what messages call the file, `first` how many rows come before. Of text there are the `delimiter` and
    `blocks`: the row that each begins with, and what gives the line of a row in it. `rows` are those of the file where
    they do not follow each other.
    """

    frame: pl.DataFrame
    name: str
    first: int = 0
    blocks: list = field(default_factory=list)
    delimiter: str | None = None
    rows: np.ndarray | None = None

    @property
    def has_decimal_commas(self):
        """Whether 1,5 is a number: where commas are not between cells, as spreadsheets write it."""
        return self.delimiter not in (None, ",")

    def numbers(self):
        """Return which rows of the file these are."""
        return self.first + np.arange(self.frame.height) if self.rows is None else self.rows

    def where(self, row):
        """Return the place of a row in words."""
        if self.rows is not None:
            return f"row {self.rows[row] + 1} of {self.name}"
        for start, line_of in reversed(self.blocks):
            if start <= row:
                return f"line {line_of(row - start)} of {self.name}"
        return f"row {self.first + row + 1} of {self.name}"


def read(path, *, delimiter=None, null=(), encoding=None, columns=None, types=None):
    """Return a table, whole, as a polars.DataFrame.

    `path` may be "-", standard input; `delimiter` and `encoding` of a CSV are found where they are None; `null` are
    cells that say that nothing is there, beside `cells.NULLS`; `columns` those that are wanted, in this order; `types`
    what columns are to be read as, `cells.As` by name: others are what all of their cells look like. Raises `Mistake`
    if the file cannot be read, lacks a column, or a cell is something else than it is to be.
    """
    return typed(joined(list(raw_pieces(path, None, delimiter=delimiter, encoding=encoding))), null, columns, types)


def pieces(path, rows=ROWS, *, delimiter=None, null=(), encoding=None, columns=None, types=None):
    """Yield a table as frames one after another, with one of them in memory; parameters as of `read`.

    A piece has about so many rows. A column without a type is what its cells of the piece look like.
    """
    for raw in raw_pieces(path, rows, delimiter=delimiter, encoding=encoding):
        yield typed(raw, null, columns, types)


def raw_pieces(path, rows=ROWS, *, delimiter=None, encoding=None):
    """Yield a table as `Raw` pieces of about so many rows each, one at least; with None of whatever size."""
    with _opened(path) as (stream, name):
        n_rows = 0
        for raw in _pieces_of(stream, path, name, rows, delimiter, encoding):
            n_rows += raw.frame.height
            yield raw
        if not n_rows:
            raise unreadable(f"{name} has names of columns, and no row beneath them")


def joined(raws):
    """Return pieces as one."""
    first, rows, blocks = raws[0], None, []
    if len(raws) == 1:
        return first
    if first.rows is not None:  # some, and those that follow
        rows = np.concatenate([raw.numbers() for raw in raws])
    else:
        blocks = [(raw.first - first.first + start, lines) for raw in raws for start, lines in raw.blocks]
    return Raw(pl.concat([raw.frame for raw in raws]), first.name, first.first, blocks, first.delimiter, rows)


def typed(raw, null=(), columns=None, types=None):
    """Return the frame of a `Raw`, its cells read; parameters as of `read`."""
    nulls, types = (*cells.NULLS, *null), types or {}
    made = []
    for name in raw.frame.columns if columns is None else columns:
        if name not in raw.frame.columns:
            raise Mistake(f"{raw.name} has {unknown('column', name, raw.frame.columns)}", Code.UNFIT)
        column = raw.frame[name]
        if column.dtype == pl.String:
            commas = raw.has_decimal_commas
            if name in types:
                column = cells.known(column, types[name], nulls, raw.where, commas)
            elif raw.delimiter:
                column = cells.found(column, nulls, commas)
        elif name in types:
            column = cells.alike(column, types[name])
        made.append(column)
    return pl.DataFrame(made)


def of_thousands(raw, columns, null=()):
    """Return, by name, what is to be said of columns whose points may stand between thousands."""
    said = {}
    for name in columns if raw.delimiter else ():
        given = cells.without(raw.frame[name], (*cells.NULLS, *null)).drop_nulls()
        dotted = given.filter(given.str.contains(".", literal=True))
        if 0 < len(dotted) < len(given) and given.str.contains(r"^[+-]?([1-9]\d{0,2}(\.\d{3})?|0)$").all():
            one = dotted[0]
            said[name] = f"{one} is read as {float(one):g}; if the point is between thousands, write numbers without it"
    return said


def refuse_infinity(raw, frame):
    """Name the first cell of a frame that is infinite, if one is; rows are those of a `Raw`."""
    for column in frame:
        if column.dtype.is_float() and (are_infinite := column.is_infinite()).any():
            row = are_infinite.arg_max()
            raise Mistake(
                f"{raw.where(row)}, column {column.name!r}: {column[row]} (infinity); where it means that nothing is "
                f"known, pass --null {column[row]}; else bound the column, or drop the row",
                Code.UNFIT,
            )


@contextmanager
def _opened(path):
    """The file, open, and what messages call it."""
    if path == "-":
        yield sys.stdin.buffer, "standard input"
        return
    try:
        stream = open(path, "rb")  # noqa: SIM115  it is closed below
    except OSError as error:
        raise unreadable(f"{path!r} cannot be read: {error.strerror}") from error
    with stream:
        yield stream, path


def _pieces_of(stream, path, name, rows, delimiter, encoding):
    start = stream.peek(8)[:8]
    if scan := next((scan for magic, scan in SCANS.items() if start.startswith(magic)), None):
        is_file = path != "-" and stream.seekable()  # else a pipe, which is read once
        source = path if is_file else io.BytesIO(stream.read())
        frames = scan(source, name, rows or ROWS)
    else:
        yield from _text_pieces(Text(stream, name, delimiter, encoding), rows)
        return
    first = 0
    for frame in frames:
        yield Raw(frame, name, first)
        first += frame.height


def _arrays(source, name, rows):
    """Pieces of a NPY file, mapped; x0, x1 … are the names of the columns."""
    try:
        array = np.load(source, mmap_mode=None if isinstance(source, io.BytesIO) else "r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise unreadable(f"{name} cannot be read: {error}") from error
    if array.ndim != 2 or array.dtype.kind not in "biuf" or not array.shape[1]:
        raise unreadable(
            f"{name} is an array of {array.dtype} and shape {array.shape}; expected numbers in rows and columns"
        )
    known = array.dtype.kind != "f" or array.dtype.itemsize in (4, 8)
    dtype = array.dtype.newbyteorder("=") if known else np.float64
    for first in range(0, len(array), rows):
        piece = np.array(array[first : first + rows].T, dtype, order="C")
        yield pl.DataFrame({f"x{place}": column for place, column in enumerate(piece)})


def _columns(scan):
    """What yields pieces of a file in columns."""

    def frames(source, name, rows):
        try:
            yield from scan(source).collect_batches(chunk_size=rows)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise unreadable(f"{name} cannot be read: {error!s:.200}") from error

    return frames


#: How a file begins -> what yields frames of it.
SCANS = {
    b"\x93NUMPY": _arrays,
    b"PAR1": _columns(partial(pl.scan_parquet, glob=False)),  # [1] in a name is no pattern
    b"ARROW1": _columns(partial(pl.scan_ipc, glob=False)),
    b"\xff\xff\xff\xff": _columns(lambda source: pl.read_ipc_stream(source).lazy()),
}


def _text_pieces(text, rows):
    """Pieces of a CSV; their cells are strings."""
    first = 0
    for block in text.blocks(BLOCK if rows is None or rows >= ROWS else rows * 64):
        frame = _frame_of(block, text)
        yield Raw(frame, text.name, first, [(0, block.lines())], text.delimiter)
        first += frame.height


def _frame_of(block, text):
    """The records of a block as strings, each with as many cells as there are names."""
    counts, n_names, data = block.n_cells(text.delimiter), len(text.names), block.data
    if n_names > 1:  # else a blank line is a cell
        wrong = np.flatnonzero((counts != n_names) & (counts != 0))
        if wrong.size:
            _refuse(block, text, int(wrong[0]), int(counts[wrong[0]]))
        data = block.without_blank_lines(counts)
    if not data.strip(b"\r\n") and n_names > 1:
        return pl.DataFrame(schema=dict.fromkeys(text.names, pl.String))
    try:
        frame = pl.read_csv(
            data, has_header=False, schema=dict.fromkeys(text.names, pl.String), separator=text.delimiter
        )
    except pl.exceptions.PolarsError as error:
        _refuse_quotes(block, text, error)
    if frame.height != np.count_nonzero(counts) and n_names > 1:
        _refuse_quotes(block, text, f"{frame.height} rows of {np.count_nonzero(counts)}")
    return frame


def _refuse(block, text, row, n_cells):
    record = block.data[block.starts[row] : block.ends[row]]
    says = (
        "a quotation mark that no other ends; double it, and put its cell in quotes"
        if record.count(b'"') % 2
        else f"{n_cells} cell{'s' * (n_cells > 1)}, and the header has {len(text.names)}, by {text.delimiter!r}: "
        f"{record.decode().strip()!r:.60}; mend the line, or name another --delimiter"
    )
    raise unreadable(f"line {block.line_of(row)} of {text.name} has {says}")


def _refuse_quotes(block, text, error):
    """Say in which record polars sees something else than RFC 4180 has."""
    cell = rb'(?:"(?:[^"]|"")*"|[^"%b\r\n]*)' % (between := re.escape(text.delimiter.encode()))
    whole = re.compile(rb"%b(?:%b%b)*\r?\n" % (cell, between, cell))
    records = [block.data[start:end] for start, end in zip(block.starts, block.ends, strict=True)]
    if len(text.names) > 1:  # else a blank line is a cell
        records = [record for record in records if record.strip(b"\r\n")]
    for row, record in enumerate(records):
        if not whole.fullmatch(record):
            raise unreadable(
                f"line {block.line_of(row)} of {text.name} has a quotation mark inside a cell: "
                f"{record.decode().strip()!r:.60}; double it, and put the cell in quotes"
            )
    raise unreadable(f"{text.name} cannot be read as a table: {error}")

"""The cells of a file of text as numbers, truth values, dates, times and words: as they look, or as a model knows them.

Called by ``reading`` with columns of strings. `found` decides by all cells of a column, `known` reads it as what it was
when a model learned it, and refuses a cell that is something else. What a frame's columns mean is left to
``fastnn.tabular``.
"""

from dataclasses import dataclass

import polars as pl

from fastnn.cli.mistakes import Code, Mistake
from fastnn.tabular.kinds import ISO

#: Cells that say that nothing is there.
NULLS = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NaT", "null", "NULL", "None", "?")

TRUTH = {"true": True, "false": False, "True": True, "False": False, "TRUE": True, "FALSE": False}

#: Integers that are codes, such as 00123: their zeros would be lost.
CODE = r"^[+-]?0\d"

#: Dates that polars reads as the library does: without a zone, to the microsecond.
MOMENT = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?$"
TIME = r"^\d?\d:\d\d(:\d\d(\.\d{1,9})?)?$"  # polars writes nine digits

#: Formats of dates and times, of which each cell has one.
MOMENTS, TIMES = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S%.f"), ("%H:%M", "%H:%M:%S%.f")

#: So many cells say what a column cannot be.
FEW = 1000


@dataclass(frozen=True)
class As:
    """What a column is to be read as: its `kind`, as `Columns` has it ("" is not looked at), and its `levels`.

    `is_large` are integers that float64 cannot hold.
    """

    kind: str
    levels: tuple = ()
    is_large: bool = False


def found(cells, nulls, decimal_comma=False):
    """Return a column of strings as what all of its cells look like."""
    cells = without(cells, nulls)
    few = cells.drop_nulls().head(FEW)
    if few.is_empty():
        return cells
    for read in (_truth, _integers, _floats, _moments, _times):
        if not read(few).null_count():
            whole = read(cells)
            if whole.null_count() == cells.null_count():
                return whole
    if decimal_comma and few.str.contains(r"^[+-]?\d+(,\d+)?$").all():
        with_points = found(cells.str.replace(",", "."), ())
        return with_points if with_points.dtype.is_numeric() else cells
    return cells


def without(cells, nulls):
    """Cells without blanks around them, None where nothing is there."""
    cells = cells.str.strip_chars()
    return cells.set(cells.is_in(list(nulls)), None)


def known(cells, column, nulls, where, decimal_comma=False):
    """Return a column of strings as an `As` says; `where` puts the place of a cell into words."""
    kind = column.kind
    if kind == "category":
        if any(isinstance(level, str) for level in column.levels):
            return _levels(cells, column.levels, nulls)
        kind = "number"
    cells = without(cells, nulls)
    readers = {"number": _large if column.is_large else _numbers, "duration": _numbers, "boolean": _booleans,
               "date": _dates, "time": _times}  # fmt: skip
    if kind not in readers:
        return cells
    read = readers[kind](cells)
    if read.null_count() > cells.null_count() and decimal_comma and kind == "number":
        read = readers[kind](cells.str.replace(",", "."))
    if read.null_count() > cells.null_count():
        row = (read.is_null() & cells.is_not_null()).arg_max()
        raise Mistake(
            f"{where(row)}, column {cells.name!r}: {cells[row]!r:.60}, expected {NAMES[kind]}; "
            f"mend the cell, or pass --null {cells[row]!r:.60} if it says that nothing is there",
            Code.UNFIT,
        )
    return (read * 1e6).round().cast(pl.Int64).cast(pl.Duration("us")) if kind == "duration" else read


def alike(column, learned):
    """Return a column of a file's own type as one that was read from text: codes in numbers as words."""
    are_words = learned.kind == "category" and all(isinstance(level, str) for level in learned.levels)
    if are_words and (column.dtype.is_integer() or column.dtype in (pl.Categorical, pl.Enum)):
        return column.cast(pl.String)
    return column


NAMES = {
    "number": "numbers", "duration": "seconds", "boolean": "true or false", "date": "dates such as 2024-12-31",
    "time": "times such as 12:30",
}  # fmt: skip


def _truth(cells):
    return cells.replace_strict(TRUTH, default=None, return_dtype=pl.Boolean)


def _booleans(cells):
    return cells.replace_strict(TRUTH | {"1": True, "0": False}, default=None, return_dtype=pl.Boolean)


def _integers(cells):
    if cells.str.contains(CODE).any():
        return cells.clear(len(cells)).cast(pl.Int64)
    for dtype in (pl.Int64, pl.Int128):
        read = cells.cast(dtype, strict=False)
        if read.null_count() == cells.null_count():
            break
    return read


def _floats(cells):
    if cells.str.contains(CODE + r"\d*$").any():
        return cells.clear(len(cells)).cast(pl.Float64)
    return _numbers(cells)


def _numbers(cells):
    read = cells.cast(pl.Float64, strict=False)
    return read.set(read.is_nan(), None)


def _large(cells):
    exact = cells.cast(pl.Int128, strict=False)
    if exact.null_count() > cells.null_count():
        rounded = cells.cast(pl.Float64, strict=False).cast(pl.Int128, strict=False)
        exact = exact.zip_with(exact.is_not_null(), rounded)
    return exact


def _moments(cells):
    return _by_format(
        cells, MOMENT, MOMENTS, lambda text, form: text.str.to_datetime(form, time_unit="us", strict=False)
    )


def _times(cells):
    return _by_format(cells, TIME, TIMES, lambda text, form: text.str.to_time(form, strict=False))


def _by_format(cells, pattern, formats, read):
    """What is read of cells of a pattern by the one of several formats that each has."""
    text = cells.set(~cells.str.contains(pattern), None).str.replace("T", " ", literal=True)
    made = read(text, formats[0])
    for form in formats[1:]:
        if made.null_count() == cells.null_count():
            break
        made = made.zip_with(made.is_not_null(), read(text, form))
    return made


def _dates(cells):
    """Dates; strings, which the library reads, where some have a zone."""
    read = _moments(cells)
    if read.null_count() > cells.null_count():
        return cells.set(~cells.str.contains(f"^(?:{ISO.pattern})$"), None)
    return read


def _levels(cells, levels, nulls):
    """Levels of a category, words among them: a cell that is one of them is that, whatever it looks like."""
    text = [level for level in levels if isinstance(level, str)]
    if not any(level != level.strip() for level in text):
        cells = cells.str.strip_chars()
    cells = cells.set(cells.is_in([null for null in nulls if null not in text]), None)
    if len(text) == len(levels):
        return cells
    words = {str(level): level for level in levels if not isinstance(level, str)} | {word: word for word in text}
    return pl.Series(cells.name, [words.get(cell, cell) for cell in cells], pl.Object)

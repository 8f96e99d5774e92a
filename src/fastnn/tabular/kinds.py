"""What the cells of a column are: numbers, yes and no, dates, time spans, times of day, or values of a category.

Called by ``column``, for the rows to learn from and for those to predict. Cells become arrays of numbers or seconds;
errors name row and column. Dates are left to ``moments``, what a network gets of all these to ``parts``.
"""

import datetime
import re
from numbers import Number

import numpy as np

from fastnn.tabular.tables import Cells

#: dtype kind of an array -> what its cells are.
KINDS = {"b": "boolean", "i": "number", "u": "number", "f": "number", "M": "date", "m": "duration"}

#: Types of cells that levels have; others become their text.
PLAIN = (bool, int, float, str)

#: Types of which a value may be not a number, or not a time.
MAY_BE_NAN = (float, np.floating, np.datetime64, np.timedelta64, complex)

#: Names of types that have no value: pandas' among them.
ABSENT = ("NoneType", "NAType", "NaTType")

ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?)?(Z|[+-]\d\d:?\d\d)?")


def without_gaps(cells, name):
    """Return cells with None for whatever says that nothing is there, and periods as their first moments.

    Raises
    ------
    TypeError, ValueError
        If a cell holds what cannot be told apart or counted: lists, dicts, complex numbers.
    """
    if isinstance(cells.values, np.ndarray):
        if cells.values.dtype.kind == "c":
            _refuse_complex(name)
        if cells.levels is None:
            return cells
        levels = without_gaps(Cells(cells.levels), name).values
        return Cells(cells.values, levels)
    values, types = cells.values, set(map(type, cells.values))
    if unknown := [kind for kind in types if is_absent_type(kind)]:
        values = [None if type(value) in unknown else value for value in values]
    if mixed := tuple(kind for kind in types if issubclass(kind, MAY_BE_NAN) or kind.__name__ == "Decimal"):
        values = [None if type(value) in mixed and value != value else value for value in values]
    for kind in types:
        if issubclass(kind, complex | np.complexfloating):
            _refuse_complex(name)
        opaque = kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__
        if kind.__hash__ is None or opaque or kind.__name__ in ("DataFrame", "Series"):
            row = next(row for row, value in enumerate(values) if type(value) is kind)
            raise TypeError(
                f"X has a {kind.__name__} in row {row}, column {name!r}: argument must be a string or a number, a date "
                "or a time; take apart what it holds into columns of their own first"
            )
    if any(hasattr(kind, "to_timestamp") for kind in types):  # pandas' periods
        values = [value.to_timestamp() if hasattr(value, "to_timestamp") else value for value in values]
    return Cells(values)


def is_absent_type(kind):
    """Whether values of a type say that there is none."""
    return kind.__name__ in ABSENT


def kind_of(cells):
    """Return what cells, without gaps, are; "missing" if there is none."""
    if cells.levels is not None:
        return "category"
    if isinstance(cells.values, np.ndarray):
        return KINDS[cells.values.dtype.kind]
    types = {*map(type, cells.values)} - {type(None)}

    def are(*kinds):
        return all(issubclass(kind, kinds) for kind in types)

    if not types:
        return "missing"
    for kind, known in (
        ("boolean", (bool, np.bool_)),
        ("number", (Number, np.bool_)),
        ("date", (datetime.date, np.datetime64)),
        ("duration", (datetime.timedelta, np.timedelta64)),
        ("time", (datetime.time,)),
    ):
        if are(*known):
            return kind
    return "date" if are(str) and _are_iso(cells.values) else "category"


def key(value):
    """Return the level that a cell is of: itself, or its text where it is no string, number or truth value."""
    if value is None or type(value) in PLAIN:
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, np.bool_ | np.integer | np.floating):
        return value.item()
    return float(value) if isinstance(value, Number) else str(value)


def numbers(cells, name, offset=0):
    """Return numbers less `offset` in float64, NaN where nothing is.

    The difference is exact where the numbers are integers.
    """
    values = cells.values
    if cells.levels is not None:  # a categorical of numbers
        own = numbers(Cells([*cells.levels, None]), name, offset)
        return own[values]
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        floats = values.astype(np.float64) - offset
        if offset and values.dtype.kind in "iu":
            exact = (values.astype(np.int64) - np.int64(offset)).astype(np.float64)
            floats = np.where(np.abs(floats) < 2.0**62, exact, floats)
        return _finite(floats, name)
    if isinstance(values, np.ndarray):
        raise other("numbers", KINDS[values.dtype.kind] + "s", name)
    wrong = {kind for kind in set(map(type, values)) if not issubclass(kind, Number | np.bool_)} - {type(None)}
    if wrong:
        row = next(row for row, value in enumerate(values) if type(value) in wrong)
        raise other("numbers", f"{values[row]!r:.60} in row {row}", name)
    try:
        floats = [np.nan if value is None else float(value - offset if offset else value) for value in values]
    except OverflowError:
        floats = [np.nan if value is None else _rounded(value) - offset for value in values]
    return _finite(np.array(floats), name)


def seconds(cells, name):
    """Return time spans in seconds, or times of day since midnight; NaN where nothing is."""
    values = cells.values
    if isinstance(values, np.ndarray) and values.dtype.kind == "m":
        return spans(values)
    if isinstance(values, np.ndarray):
        raise other("time spans", KINDS[values.dtype.kind] + "s", name)
    made = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if value is not None:
            try:
                made[row] = seconds_of_one(value)
            except TypeError:
                raise other("time spans or times of day", f"{value!r:.60} in row {row}", name) from None
    return made


def seconds_of_one(value):
    """Return the seconds of one time span or time of day, NaN of None; TypeError of anything else."""
    if isinstance(value, datetime.timedelta):
        return value.total_seconds() if value == value else np.nan
    if isinstance(value, datetime.time):
        return (value.hour * 60 + value.minute) * 60 + value.second + value.microsecond / 1e6
    if isinstance(value, np.timedelta64):
        return float(spans(np.array([value]))[0])
    if value is None:
        return np.nan
    raise TypeError


def spans(array):
    """Return time spans in seconds, NaN where nothing is."""
    is_fine = np.datetime_data(array.dtype)[0] in ("ns", "ps", "fs", "as")
    ticks = array.astype("m8[ns]" if is_fine else "m8[us]").astype(np.int64)
    found = ticks // 1000 / 1e6 + ticks % 1000 / 1e9 if is_fine else ticks / 1e6
    return np.where(np.isnat(array), np.nan, found)


def _are_iso(values):
    """Whether all strings are dates of the forms of ISO 8601; the first says most often no."""
    for value in values:
        if value is not None:
            if not ISO.fullmatch(value.strip()):
                return False
            try:
                datetime.datetime.fromisoformat(value.strip())
            except ValueError:
                return False
    return True


def _finite(floats, name):
    if np.isinf(floats).any():
        row = int(np.argmax(np.isinf(floats)))
        raise ValueError(
            f"X has {floats[row]} (infinity) in row {row}, column {name!r}; where it means that a value is missing, "
            "pass NaN; else drop such rows, or bound the column, for example by numpy.clip"
        )
    return floats


def _rounded(value):
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf


def _refuse_complex(name):
    raise ValueError(
        f"Complex data not supported: column {name!r} of X holds complex numbers; pass their real and imaginary parts "
        "as two columns"
    )


def other(expected, given, name):
    """Return the error of a column that holds something else than it did."""
    return TypeError(
        f"column {name!r} of X held {expected} when the network learned, now {given}; pass the column as it was then"
    )

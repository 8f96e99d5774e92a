"""Frames: tables whose columns have names, as pandas and polars make them. Their names, and their columns as numbers.

Called by ``checks`` for whatever NumPy alone makes an array of objects, and by ``train`` and ``Network`` for the names.
It knows the libraries only by what their frames have in common, and imports neither.
"""

import datetime
from numbers import Number

import numpy as np

#: Kind of a column that is no number -> what it holds, and the cure.
CURES = {
    "M": ("dates", "turn them into numbers first, for example the days since the first one"),
    "m": ("time spans", "turn them into numbers first, for example their seconds"),
    "c": ("complex numbers", "pass their real and imaginary parts as two columns"),
}
TEXT = "text", "encode it first, for example by pandas.get_dummies or scikit-learn's OneHotEncoder"
OBJECTS = "objects", "make numbers of them first"
#: Likewise for columns of objects: dates with a time zone, say.
OF_OBJECTS = [
    (str, TEXT),
    (datetime.date, CURES["M"]),
    (datetime.timedelta, CURES["m"]),
    (complex, CURES["c"]),
]


def is_frame(value):
    """Whether this is a table with named columns."""
    return hasattr(value, "columns") and hasattr(value, "dtypes") and hasattr(value, "shape")


def column_names(value):
    """Return the names of a frame's columns as a tuple, if all are strings; else, and for anything else, None."""
    if type(value) is np.ndarray:
        return None
    names = tuple(value.columns) if is_frame(value) else ()
    return names if names and all(isinstance(name, str) for name in names) else None


def check_column_names(argument, value, expected):
    """Refuse a frame, or a row of one, whose names are others than those that were seen, or stand in another order."""
    if expected is None:
        return
    given = column_names(value) or _names_of_row(value)
    if given is None or given == expected:
        return
    if sorted(given) == sorted(expected):
        raise ValueError(
            f"the columns of {argument} stand in another order than those that the network learned from: got "
            f"{_listed(given)}, expected {_listed(expected)}; pass {argument}[list(network.feature_names)]"
        )
    missing = [name for name in expected if name not in given]
    unknown = [name for name in given if name not in expected]
    raise ValueError(
        f"the columns of {argument} are not those that the network learned from: "
        + "; ".join(f"{what} {_listed(names)}" for what, names in (("missing", missing), ("new", unknown)) if names)
    )


def holds_more_than_numbers(frame):
    """Whether a column of a frame is no number, though the frame may make numbers of it: dates, in polars."""
    return any(np.asarray(column[:0]).dtype.kind not in "biufO" for _, column in _columns(frame))


def numbers_of_frame(argument, frame):
    """Return a frame's columns side by side as an array of numbers, or name the first column that has none."""
    return np.column_stack([_numbers_of_column(argument, *pair) for pair in _columns(frame)])


def numbers_of_objects(array):
    """Return an array of Python's numbers as one of NumPy's; None if it holds anything else."""
    flat = array.ravel().tolist()
    if not flat or not all(isinstance(value, Number | np.bool_) for value in flat):
        return None
    numbers = np.array(flat).reshape(array.shape)
    if numbers.dtype.kind == "O":  # decimals, long integers
        try:
            return numbers.astype(np.float64)
        except (OverflowError, TypeError):
            return None
    return None if numbers.dtype.kind == "c" else numbers


def missing_in(array):
    """Return the place of the first entry of an array of objects that is None or pandas' NA or NaT; None if none is."""
    return next((place for place, value in np.ndenumerate(array) if is_absent(value)), None)


def is_absent(value):
    """Whether a value is None or pandas' NA or NaT."""
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def refuse_name(X, y):
    """Say what to pass in place of the name of a column."""
    if isinstance(y, str):
        raise TypeError(f"y is {y!r:.60}; pass the column, X[{y!r:.60}], and drop it from X")


def _names_of_row(value):
    """The names of a pandas Series' entries, if it has such."""
    names = tuple(value.index) if hasattr(value, "index") and getattr(value, "ndim", 0) == 1 else ()
    return names if names and all(isinstance(name, str) for name in names) else None


def _columns(frame):
    """Pairs of name and column; two columns may have one name."""
    return frame.items() if hasattr(frame, "items") else zip(frame.columns, frame.iter_columns(), strict=True)


def _numbers_of_column(argument, name, column):
    array = np.asarray(column)
    if array.dtype.kind == "O":
        if (numbers := numbers_of_objects(array)) is not None:
            return numbers
        if (place := missing_in(array)) is not None:
            raise ValueError(
                f"{argument} has no value in row {place[0]}, column {name!r}; fill or drop such rows first"
            )
    if array.dtype.kind in "biuf":
        return array
    holds, cure = TEXT if array.dtype.kind in "UST" else CURES.get(array.dtype.kind, OBJECTS)
    if array.dtype.kind == "O":
        for kinds, found in OF_OBJECTS:
            if any(isinstance(value, kinds) for value in array):
                holds, cure = found
        if any(hasattr(value, "to_timestamp") for value in array):  # pandas' periods
            holds, cure = CURES["M"]
    raise TypeError(
        f"{argument} must hold real numbers, but its column {name!r} of dtype {column.dtype} holds {holds}: {cure}"
    )


def _listed(names):
    return ", ".join(map(repr, names[:10])) + (", ..." if len(names) > 10 else "")

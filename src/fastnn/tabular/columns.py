"""What the columns of a table are, learned from the rows to train on, and the raw matrix that a network takes of any.

The tabular estimators call `learn` once a fit, and `Columns.transform` for whatever comes after. Cells come from
``tables``, what becomes of those of one column from ``column``; networks are left to others.
"""

import sys
import warnings
from dataclasses import replace
from functools import cached_property

import numpy as np

from fastnn.encodings import Encoding
from fastnn.tabular.column import Settings, learn_column
from fastnn.tabular.columns_state import from_plain, to_plain
from fastnn.tabular.columns_table import ColumnsTable
from fastnn.tabular.kinds import is_absent_type, without_gaps
from fastnn.tabular.moments import moment_of_one
from fastnn.tabular.parts import Number
from fastnn.tabular.tables import as_table


def learn(X, rows=None, sample_weight=None, **settings):
    """Return what the columns of a table are.

    Parameters
    ----------
    X : frame of pandas, polars or pyarrow, array-like or sparse matrix of shape (n_rows, n_columns)
    rows : (n_training,) integers, optional
        The rows to learn from; the others add nothing but errors. None stands for all.
    sample_weight : (n_rows,) array, optional
        Rows of weight 0 are not learned from; other weights change nothing here.
    missing_indicator : bool, default True
        Whether a column with gaps in the training rows gets another that says where they are.
    drop_identifiers : bool, default True
        Whether columns that only number or name the rows are left out, with a warning.
    max_one_hot : int, default 8
        Up to so many levels a category is a column of zeros and ones for each, beyond it a learned vector.
    embedding_size : int, default 8
        Numbers of that vector.
    min_level_count, max_levels : int, default 1 and 10000
        Levels of fewer training rows, or beyond the most frequent, count as unknown.
    n_frequencies, numeric_embedding_size : int, default 16 and 3
        Cosines of a number, and what is learned from them.
    numeric_embedding_rate : float, default 0.1
        Factor of the learning rate for these.
    max_embedded : int, default 1000
        Beyond so many numeric columns each goes in as it is.

    Returns
    -------
    columns : Columns

    Raises
    ------
    TypeError, ValueError
        If X is no table, holds what is neither number, category nor time, or nothing to learn from.
    """
    settings, table = Settings(**settings), as_table(X)
    rows = _training_rows(rows, sample_weight, table.shape[0])
    with_names = table.names is not None
    learned = [learn_column(table.column(j), name, rows, settings, with_names) for j, name in enumerate(table.labels)]
    usable = [column for column in learned if column.n_raw]
    if not usable and (kept := [column for column in learned if column.kind == "row number"]):
        place = learned.index(kept[0])
        learned[place] = learn_column(
            table.column(place), kept[0].name, rows, replace(settings, drop_identifiers=False), True
        )
        usable = [learned[place]]
    if not usable:
        reasons = ", ".join(f"{column.name!r} ({column.note})" for column in learned[:10])
        raise ValueError(f"no column of X is left to learn from: {reasons}")
    if left_out := [repr(c.name) for c in learned if c.kind in ("identifier", "row number") and not c.n_raw]:
        warnings.warn(
            f"columns that only name or number the rows were left out: {', '.join(left_out[:10])}; drop them from X, "
            "or set drop_identifiers=False to keep them",
            UserWarning,
            stacklevel=_level_of_user(),
        )
    return Columns(table.names, learned, settings)


def _level_of_user():
    """How far up the line stands that is neither fastnn's nor scikit-learn's; for the caller's warnings."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in ("fastnn", "sklearn"):
        frame, level = frame.f_back, level + 1
    return level


def _training_rows(rows, sample_weight, n_rows):
    """The rows to learn from as an array, None for all."""
    if rows is not None:
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
    if sample_weight is not None and not np.all(sample_weight):
        rows = np.arange(n_rows) if rows is None else rows
        rows = rows[np.asarray(sample_weight)[rows] != 0]
    if rows is not None and not rows.size:
        raise ValueError("there are no rows to learn from: none was chosen, or the weights of all are 0")
    return rows


class Columns:
    """What the columns of a table are, and the raw matrix that a network takes of any such table; see `learn`.

    Attributes
    ----------
    names : tuple of str, or None
        Those of the table that was learned from, if it had any.
    n_columns, n_raw : int
        Columns of the table, and of the raw matrix.
    names_out : list of str
        Of the raw matrix's columns.
    encodings : tuple of Encoding
        How each of these goes into the network.
    """

    def __init__(self, names, columns, settings):
        self.names, self.settings = names, settings
        self._columns = columns
        self.n_columns = len(columns)
        self.n_raw = sum(column.n_raw for column in columns)
        self.names_out = [name for column in columns for name in column.names_out]
        self.encodings = tuple(_encodings(columns, settings))
        self._seen = None  # the names of a frame that were found to be these

    @property
    def slices(self):
        """Of each column of the table the columns of the raw matrix that it became, a list of slices."""
        ends = np.cumsum([column.n_raw for column in self._columns]).tolist()
        return [slice(end - column.n_raw, end) for end, column in zip(ends, self._columns, strict=True)]

    @property
    def table(self):
        """What was done to each column, a `ColumnsTable`."""
        encodings = iter(self.encodings)
        return ColumnsTable([column.row([next(encodings) for _ in range(column.n_raw)]) for column in self._columns])

    def transform(self, X, asked_by="Columns"):
        """Return the raw matrix of a table.

        Parameters
        ----------
        X : table of shape (n_rows, n_columns)
            With the columns that were learned from: of a frame by name, in any order; else by their places.
        asked_by : str
            Who is named where X has too many or too few columns.

        Returns
        -------
        raw : (n_rows, n_raw) float32 ndarray
            C-contiguous, every number finite.

        Raises
        ------
        TypeError, ValueError
            If a column is missing, new, or holds something else than it did.
        """
        if (raw := self.row(X)) is not None:
            return raw
        table = as_table(X)
        places = self._places(table, asked_by)
        raw, first = np.empty((table.shape[0], self.n_raw), np.float32), 0
        for place, column in zip(places, self._columns, strict=True):
            if column.n_raw:
                cells = without_gaps(table.column(place), column.name)
                column.write(cells, raw[:, first : first + column.n_raw])
                first += column.n_raw
        return raw

    def row(self, X):
        """Return the raw matrix of a table of one row, if it is quickly had; else None."""
        row = self._row_of(X)
        return None if row is None else self._raw_row(row)

    def numbers(self):
        """Return what an array of numbers becomes, as `fastnn._engine.Rows` takes it.

        Returns
        -------
        n_columns : int
            Of the array; 0 where columns have names, or are not all numbers.
        places : (n_raw,) intp ndarray
            Which of them each raw column is made of; ~ that of one that says where it is missing.
        numbers : (n_raw, 2) float64 ndarray
            Centre and factor of each.
        """
        places, numbers, are_plain = [], [], self.names is None
        for place, column in enumerate(self._columns):
            for _, part in column.parts:
                are_plain &= column.kind == "number" and not part.offset
                places.append(place)
                numbers.append((part.centre, part.factor) if are_plain else (0.0, 0.0))
            if column.indicator:
                places.append(~place)
                numbers.append((0.0, 0.0))
        return are_plain * self.n_columns, np.array(places, np.intp), np.array(numbers)

    def _places(self, table, asked_by):
        """Where in a table each column stands."""
        if self.names is not None and table.names is not None and table.names != self.names:
            places = {name: place for place, name in enumerate(table.names)}
            missing = [name for name in self.names if name not in places]
            new = [name for name in table.names if name not in self.names]
            if missing or new:
                problem, advice = "has, unseen at fit time,", ": X[list(model.feature_names_in_)] takes them"
                if missing:
                    problem, advice = "lacks", _meant(missing, new)
                raise ValueError(
                    f"The feature names should match those that were passed during fit: X {problem} "
                    f"{', '.join(map(repr, (missing or new)[:10]))}; pass the columns of fit, in any order{advice}"
                )
            return [places[name] for name in self.names]
        if table.shape[1] != self.n_columns:
            raise ValueError(
                f"X has {table.shape[1]} features, but {asked_by} is expecting {self.n_columns} features as input: "
                "those that it learned from"
            )
        return range(self.n_columns)

    def _row_of(self, X):
        """The cells of a single row in the order of the columns, if they are quickly had; else None."""
        if type(X) is np.ndarray:
            is_row = X.shape == (1, self.n_columns) and X.dtype.kind in "fiubO"
            return X[0].tolist() if is_row else None
        if (at := getattr(X, "iloc", None)) is not None:
            if len(X) != 1 or self.names is None:
                return None
            names = X.columns
            if self._seen is None or not names.is_(self._seen):
                if tuple(names) != self.names:
                    return None
                self._seen = names
            row = at[0].tolist()
            absent = {*filter(is_absent_type, {*map(type, row)})}
            return [None if type(cell) in absent else cell for cell in row] if absent else row
        if hasattr(X, "row") and hasattr(X, "height"):
            return (
                list(X.row(0)) if X.height == 1 and self.names is not None and tuple(X.columns) == self.names else None
            )
        return None

    @cached_property
    def _plan(self):
        """For a row alone: place of the cell and function of it for each raw column; before that, for each date."""
        numbered = [*enumerate(self._columns)]
        dates = [(place, moment_of_one(column.zone)) for place, column in numbered if column.kind == "date"]
        return dates, [(place, one) for place, column in numbered for one in column.ones()]

    def _raw_row(self, row):
        """The raw matrix of a single row of plain cells; None where one is something else."""
        dates, ones = self._plan
        try:
            for place, moment in dates:
                row[place] = moment(row[place])
            out = [one(row[place]) for place, one in ones]
        except (TypeError, ValueError, AttributeError, OverflowError):  # the general way explains
            return None
        return None if None in out else np.array([out], np.float32)

    def to_state(self):
        """Return this as plain data: a dict of lists, dicts, strings, numbers and None."""
        return to_plain(self.names, self._columns, self.settings)

    @classmethod
    def from_state(cls, state):
        """Return the columns of plain data, all of which is checked.

        Raises
        ------
        ModelFormatError
            If it is not what `to_state` makes.
        """
        return cls(*from_plain(state))

    __getstate__ = to_state

    def __setstate__(self, state):
        self.__init__(*from_plain(state))


def _encodings(columns, settings):
    n_numbers = sum(isinstance(part, Number) for column in columns for _, part in column.parts)
    embedded = Encoding(
        "periodic", settings.n_frequencies, settings.numeric_embedding_size, settings.numeric_embedding_rate
    )
    plain = Encoding("plain")
    for column in columns:
        for _, part in column.parts:
            if isinstance(part, Number):
                yield embedded if n_numbers <= settings.max_embedded else plain
            elif len(part.levels) <= 2:
                yield plain
            elif len(part.levels) <= settings.max_one_hot:
                yield Encoding("one_hot", len(part.levels))
            else:
                yield Encoding("embedding", len(part.levels), settings.embedding_size)
        if column.indicator:
            yield plain


def _meant(missing, new):
    """Ask for the first name that is missing whether it is meant by a new one much like it."""
    import difflib  # late: only an unknown name needs it

    words = {name.lower(): name for name in new}
    for name in missing:
        if near := difflib.get_close_matches(name.lower(), words, n=1, cutoff=0.7):
            return f"; did you mean {name!r} by {words[near[0]]!r}?"
    return ""

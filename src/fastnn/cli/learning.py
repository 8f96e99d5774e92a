"""What a model is to learn of a table: its target as classes or numbers, weights, groups, columns; and which model.

Called by the commands that train. How cells are read is left to ``reading``, learning to ``fastnn.tabular``.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from fastnn.cli import cells, mistakes, reading
from fastnn.cli.mistakes import Code, Mistake
from fastnn.tabular.classifier import TabularClassifier
from fastnn.tabular.column import ENOUGH_ROWS
from fastnn.tabular.columns_table import HEADINGS
from fastnn.tabular.regressor import TabularRegressor

#: Integers of up to so many values, each of them so often on average, are classes.
FEW_VALUES, OFTEN = 20, 10


@dataclass
class Lesson:
    """Rows to learn from: those that have a target; `n_without` have none.

    y are labels or float64 numbers, the `task` "classes" or "numbers"; `why` says by what it was chosen, "" where it
    was asked for. `numbered` columns number the rows.
    """

    X: pl.DataFrame
    y: np.ndarray
    task: str
    weight: np.ndarray | None
    groups: np.ndarray | None
    n_without: int
    why: str
    numbered: tuple = ()


def lesson_of(raw, target, *, task=None, weight=None, groups=None, drop=(), null=()):
    """Return what is to be learned of a `reading.Raw`.

    `task` None is as the target looks. `weight`, `groups` and `drop` are columns, `null` as of `reading.read`.
    """
    names = raw.frame.columns
    for name in (target, *filter(None, (weight, groups)), *drop):
        if name not in names:
            raise Mistake(f"{raw.name} has {mistakes.unknown('column', name, names)}", Code.UNFIT)
    if others := {weight, groups, *drop} & {target}:
        raise Mistake(f"{others.pop()!r} is the target; it cannot be a weight, a group, or dropped as well")
    y, task, why = _target(raw, target, task, null)
    given = y.is_not_null()
    if not given.any():
        raise Mistake(f"no row of {raw.name} has a value in the target {target!r}", Code.UNFIT)
    if len(values := y.filter(given).unique()) == 1:
        raise Mistake(f"the target {target!r} is always {values[0]!r}; a model needs rows of two values", Code.UNFIT)
    columns = [name for name in names if name not in {target, weight, groups, *drop}]
    if not columns:
        raise Mistake(f"{raw.name} has no column beside {target!r} to learn from", Code.UNFIT)
    X = reading.typed(raw, null, columns)
    reading.refuse_infinity(raw, X)
    numbered = numbers_of_rows(X, raw.numbers())  # which have gaps where there is no target
    return Lesson(
        X.filter(given).drop(numbered), _as_array(y.filter(given)), task, _weights(raw, weight, given, null),
        _groups(raw, groups, given, null), raw.frame.height - int(given.sum()), why,
        tuple(numbered),
    )  # fmt: skip


def numbers_of_rows(frame, rows):
    """Return the columns that number rows, given which of their file they are; none if there is no other column."""
    rows = pl.Series(rows, dtype=pl.Int64)
    firsts = [one.cast(pl.Int64, strict=False) - rows for one in frame if one.dtype.is_integer()]
    found = [one.name for one in firsts if len(one) >= ENOUGH_ROWS and not one.null_count() and one.min() == one.max()]
    return found if len(found) < frame.width else []


def with_numbered(rows, numbered):
    """Return the rows of `columns_` behind those of columns that number rows."""
    cells = "row number", "", None, 0.0, None, "left out: the number of the row"
    return [*(dict(zip(HEADINGS, (name, *cells), strict=True)) for name in numbered), *rows]


def estimator_of(task, **settings):
    """Return an estimator for classes or numbers; settings are its parameters, checked."""
    with mistakes.of_data(Code.USAGE):
        estimator = (TabularClassifier if task == "classes" else TabularRegressor)(**settings)
        estimator._validate_params()
        return estimator


def sizes_of(hidden):
    """Return the sizes of hidden layers of a text such as "64,32" or "64x32"."""
    try:
        sizes = tuple(map(int, hidden.replace("x", ",").split(",")))
    except ValueError:
        sizes = (0,)
    if min(sizes) < 1:
        raise Mistake(f"--hidden must be sizes of layers, such as 64,32; got {hidden!r}")
    return sizes


def _target(raw, name, task, null):
    """The target, None where there is none; the task, and why it is that."""
    if task == "numbers":
        y = _numbers(raw, name, null)
        reading.refuse_infinity(raw, y.to_frame())
        return y, task, ""
    y = reading.typed(raw, null, [name])[name]
    if y.dtype.is_float():
        y = y.set(y.is_nan(), None)
        if (y.drop_nulls() % 1 == 0).all() and (y.abs() < 2**53).all():
            y = y.cast(pl.Int64)
    if task is None:
        task, why = task_of(y)
    else:
        why = ""
    if y.dtype.is_temporal():
        raise Mistake(
            f"the target {name!r} holds {'times' if y.dtype in (pl.Time, pl.Duration) else 'dates'}; make it a number "
            "first, such as days since a date",
            Code.UNFIT,
        )
    if y.dtype.is_nested():
        raise Mistake(f"the target {name!r} holds {y.dtype}; make it one number or word a row first", Code.UNFIT)
    if task == "numbers":
        y = y.cast(pl.Float64)
        reading.refuse_infinity(raw, y.to_frame())
        return y, task, why
    if y.dtype in (pl.Int128, pl.UInt128) or not (y.dtype.is_integer() or y.dtype == pl.Boolean):
        y = y.cast(pl.String)
    return _classes(raw, name, y), task, why


def task_of(y):
    """Classes or numbers, and why."""
    values = y.drop_nulls()
    n_values = values.n_unique()
    if y.dtype.is_integer():
        if n_values <= FEW_VALUES and n_values * OFTEN <= len(values):
            return "classes", f"it has {n_values} values, all of them integers"
        return "numbers", f"it has {n_values:,} values, all of them integers"
    if y.dtype.is_numeric():
        return "numbers", "it holds numbers with fractions"
    return "classes", "it holds truth values" if y.dtype == pl.Boolean else "it holds text"


def _classes(raw, name, y):
    """Labels, of which there are some, each of several rows."""
    values = y.drop_nulls()
    n_values, n_rows = values.n_unique(), len(values)
    if n_values > FEW_VALUES and 2 * n_values > n_rows:
        hint = "--task numbers" if y.dtype.is_integer() else "another --target"
        raise Mistake(
            f"the target {name!r} has {n_values:,} different values in {n_rows:,} rows, such as {values[0]!r:.40}, too "
            f"many to be classes; if it is the right column, make groups of them, else name {hint}",
            Code.UNFIT,
        )
    return y


def _numbers(raw, name, null):
    column = raw.frame[name]
    if column.dtype == pl.String:
        return reading.typed(raw, null, [name], {name: cells.As("number")})[name]
    if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
        raise Mistake(f"column {name!r} of {raw.name} holds {column.dtype}, expected numbers", Code.UNFIT)
    column = column.cast(pl.Float64)
    return column.set(column.is_nan(), None)


def _weights(raw, name, given, null):
    if name is None:
        return None
    weight = _numbers(raw, name, null)
    wrong = given & (weight.is_null() | (weight < 0) | weight.is_infinite()).fill_null(True)
    if wrong.any():
        row = wrong.arg_max()
        raise Mistake(
            f"{raw.where(row)}: the weight {name!r} is {raw.frame[name][row]!r}; expected a number of at least 0",
            Code.UNFIT,
        )
    return weight.filter(given).to_numpy()


def _groups(raw, name, given, null):
    if name is None:
        return None
    group = reading.typed(raw, null, [name])[name]
    if (wrong := given & group.is_null()).any():
        raise Mistake(f"{raw.where(wrong.arg_max())}: there is no group in {name!r}; give each row one", Code.UNFIT)
    return group.filter(given).rank("dense").to_numpy()


def _as_array(y):
    """Labels or numbers as NumPy has them; strings as its own, which files hold."""
    return np.array(y.to_list()) if y.dtype == pl.String else y.to_numpy()

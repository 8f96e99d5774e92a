"""Models for the commands: loaded and saved, what their columns are to be read as, and what they predict.

Called by the commands. Files are left to ``fastnn.export``, cells to ``reading``.
"""

import os
from dataclasses import dataclass

import numpy as np
import polars as pl

from fastnn.cli import mistakes, reading
from fastnn.cli.cells import As
from fastnn.cli.mistakes import Code, Mistake
from fastnn.export.models import load as load_any
from fastnn.portable import ModelFormatError
from fastnn.tabular._base import TabularEstimator


@dataclass
class Model:
    """A model for tables: its estimator, and the name of its target where the file says it.

    `kinds` are what the columns that it learned from are to be read as, by name and in their order (x0, x1 … of an
    array's); `null` what said, beside `cells.NULLS`, that nothing was there.
    """

    estimator: object
    target: str | None
    kinds: dict
    null: tuple = ()

    @property
    def has_names(self):
        """Whether its columns have names; else they are known by their places."""
        return hasattr(self.estimator, "feature_names_in_")

    def answers(self, raw, null=()):
        """Return the column with the answers of a `reading.Raw`, classes as the model calls them."""
        classes, name = getattr(self.estimator, "classes_", np.zeros(0)), self.target
        kind = {"b": "boolean", "i": "number", "u": "number", "f": "number"}.get(classes.dtype.kind, "category")
        levels = tuple(classes.tolist())
        is_large = classes.dtype.kind in "iu" and any(abs(level) > 2**53 for level in levels)
        types = {name: As(kind, levels, is_large)}
        y = reading.typed(raw, (*self.null, *null), [name], types)[name]
        if classes.dtype.kind not in "US":
            return y
        y = y.cast(pl.String)
        as_numbers = y.cast(pl.Float64, strict=False).cast(pl.String)  # 1.50 is 1.5, as it was when learning
        return y.zip_with(y.is_in(levels) | ~as_numbers.is_in(levels).fill_null(False), as_numbers)

    def unused(self, raw):
        """Return the columns of a `reading.Raw` that are not asked for, but the target."""
        names = [name for name in raw.frame.columns if name != self.target]
        return [name for name in names if name not in self.kinds] if self.has_names else []

    def table(self, raw, null=()):
        """Return what `estimator` takes of a `reading.Raw`, every cell read as the model knows it."""
        null, kinds = (*self.null, *null), self.kinds
        if not self.has_names:
            names = [name for name in raw.frame.columns if name != self.target]
            if len(names) != len(kinds):
                raise Mistake(
                    f"{raw.name} has {len(names)} columns, and the model learned from {len(kinds)} without names; pass "
                    "these, in their order",
                    Code.UNFIT,
                )
            kinds = dict(zip(names, kinds.values(), strict=True))
        elif missing := [name for name in kinds if name not in raw.frame.columns]:
            raise Mistake(
                f"{raw.name} lacks {', '.join(map(repr, missing[:10]))}, which the model learned from; "
                + mistakes.unknown("column", missing[0], raw.frame.columns).partition("; ")[2],
                Code.UNFIT,
            )
        frame = reading.typed(raw, null, list(kinds), kinds)
        reading.refuse_infinity(raw, frame)
        if self.has_names:
            return frame
        are_numbers = all(dtype.is_numeric() for dtype in frame.dtypes)
        return frame.to_numpy() if are_numbers else np.array(frame.rows(), object)


def count_unknown(model, frame, counts):
    """Add to a Counter of columns the words of a frame of `model.table` that the model does not know."""
    for name, column in model.kinds.items() if model.has_names else ():
        if column.kind == "category" and frame.schema[name] == pl.String:
            counts[name] += int((~frame[name].is_in(list(map(str, column.levels)))).sum())


def load(path):
    """Return the model of a file."""
    try:
        with mistakes.of_model(path):
            estimator = load_any(path)
    except ModelFormatError as error:
        raise Mistake(f"{error}{_if_table(path)}", Code.NO_MODEL) from error
    if not isinstance(estimator, TabularEstimator):
        raise Mistake(
            f"{path!r} is of a {type(estimator).__name__}, which takes arrays of numbers; name a file that fastnn "
            "train or the save of TabularClassifier or TabularRegressor wrote",
            Code.NO_MODEL,
        )
    if "members_" not in vars(estimator):
        raise Mistake(f"{path!r} is of a model that was never fitted; train it first", Code.NO_MODEL)
    table = getattr(estimator, "_table", {})
    return of(estimator, table.get("target"), tuple(table.get("null", ())))


def _if_table(path):
    try:
        return "; it looks like a table: MODEL comes first" * (next(reading.raw_pieces(path, 10)).frame.width > 1)
    except Mistake:
        return ""


def of(estimator, target, null=()):
    """Return the model of an estimator."""
    return Model(estimator, target, kinds_of(estimator), null)


def save(estimator, path, target, null):
    """Write a model, with the name of its target and what said that nothing was there; return the bytes of the file."""
    estimator._table = {"target": target, "null": list(null)}
    with mistakes.of_writing(path):
        estimator.save(path)
        return os.stat(path).st_size


def kinds_of(estimator):
    """Return what the columns that an estimator learned from are to be read as, by name."""
    state = estimator._columns.to_state()
    names = state["names"] or [f"x{place}" for place in range(len(state["columns"]))]
    return {name: _as(column) for name, column in zip(names, state["columns"], strict=True)}


def _as(column):
    if not column["parts"] and not column["indicator"]:  # left out
        return As("")
    part = column["parts"][0][1] if column["parts"] else {}
    return As(column["kind"], tuple(part.get("levels", ())), bool(part.get("offset")))

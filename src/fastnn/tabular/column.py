"""One column of a table: what it is, the parts that a network gets of it, and how they are learned.

Called by ``columns``, which has the whole table. What cells mean ``kinds`` says, what becomes of them ``parts``.
"""

from dataclasses import dataclass

import numpy as np

from fastnn.checks import check_count, check_flag, check_number
from fastnn.tabular.kinds import kind_of, numbers, seconds, seconds_of_one, without_gaps
from fastnn.tabular.moments import OF_LEVELS, moments, part_of_one, parts_of
from fastnn.tabular.parts import Category, Number, count
from fastnn.tabular.tables import Cells

#: From so many rows on what differs in each of them is taken for an identifier.
ENOUGH_ROWS = 20

#: The share of rows with text of their own that makes a column identifiers.
NEARLY_ALL = 0.95


@dataclass(frozen=True)
class Settings:
    """What is chosen of how columns go into the network; see `learn`."""

    missing_indicator: bool = True
    drop_identifiers: bool = True
    max_one_hot: int = 8
    embedding_size: int = 8
    min_level_count: int = 1
    max_levels: int = 10_000
    n_frequencies: int = 16
    numeric_embedding_size: int = 3
    numeric_embedding_rate: float = 0.1
    max_embedded: int = 1000

    def __post_init__(self):
        for name, value in vars(self).items():
            kind = type(getattr(Settings, name))
            if kind is int:
                kept = check_count(name, value, minimum=1)
            else:
                kept = check_flag(name, value) if kind is bool else check_number(name, value, above=0.0)
            object.__setattr__(self, name, kept)


@dataclass
class Column:
    """One column of the table: its name, what it is, and the parts that the network gets of it, () if none.

    A part is a pair of its name ("" where there is but one) and a `Number` or a `Category`. `zone` and `reference`
    (microseconds since 1970) are those of dates. An `indicator` says where a number is missing.
    """

    name: str | int
    kind: str
    parts: tuple = ()
    indicator: bool = False
    zone: str | None = None
    reference: int = 0
    missing: float = 0.0
    middle: float | None = None
    note: str = ""

    @property
    def n_raw(self):
        return len(self.parts) + self.indicator

    @property
    def names_out(self):
        names = [f"{self.name}_{part}" if part else str(self.name) for part, _ in self.parts]
        return [*names, f"{self.name}_missing"] if self.indicator else names

    def row(self, encodings):
        """What the table of the columns says of this one, given the encodings of its raw columns."""
        names = [
            part
            or {"plain": "-1 / 1" if isinstance(made, Category) else "number"}.get(e.kind, e.kind.replace("_", "-"))
            for (part, made), e in zip(self.parts, encodings, strict=False)
        ]
        levels = [len(part.levels) for _, part in self.parts if isinstance(part, Category) and self.kind != "date"]
        becomes = " + ".join([*names, *["missing"] * self.indicator])
        return self.name, self.kind, becomes, levels[0] if levels else None, self.missing, self.middle, self.note

    def write(self, cells, out):
        """Fill `out` (n_rows, n_raw) with what becomes of the cells."""
        absent = None
        for place, (x, (_, part)) in enumerate(zip(self._values(cells), self.parts, strict=True)):
            if isinstance(part, Category):
                part.write(x if isinstance(x, Cells) else Cells(x), out[:, place], self.name)
            else:
                absent = np.isnan(x)
                part.write(x, out[:, place])
        if self.indicator:
            out[:, -1] = np.isnan(self._numbers(cells)) if absent is None else absent

    def _values(self, cells):
        if self.kind == "date":
            parts = parts_of(*self._moments(cells), self.reference)
            return [parts[name] for name, _ in self.parts]
        if self.kind in ("number", "duration", "time"):
            return [self._numbers(cells)] * len(self.parts)
        return [cells] * len(self.parts)

    def _numbers(self, cells):
        if self.kind == "number":
            return numbers(cells, self.name, self.parts[0][1].offset if self.parts else 0)
        if self.kind == "date":
            return np.where(np.isnat(self._moments(cells)[0]), np.nan, 0)
        return seconds(cells, self.name)

    def _moments(self, cells):
        found, zone = moments(cells, self.name)
        if (zone is None) != (self.zone is None) and not np.isnat(found).all():
            expected, given = ("none", f"{zone!r}") if self.zone is None else (f"{self.zone!r}", "none")
            raise TypeError(
                f"the dates of column {self.name!r} of X had the time zone {expected} when the network learned, now "
                f"{given}; give them the zone that they had"
            )
        return found, self.zone

    def ones(self):
        """For a row alone: a function of the cell for each raw column, or None of it where that is not so simple."""
        for name, part in self.parts:
            if self.kind in ("duration", "time"):
                yield _after(seconds_of_one, part.one)
            elif getattr(part, "offset", 0):
                yield _look_closer
            elif self.kind == "date":
                yield _after(part_of_one(name, self.reference), part.one)
            else:
                yield part.one
        if self.indicator:
            yield _is_missing


def _look_closer(value):
    return None


def _after(first, second):
    return lambda value: second(first(value))


def _is_missing(value):
    return 1.0 if value is None or value != value else 0.0


def learn_column(cells, name, rows, settings, with_names):
    """One column, from all of its cells and the rows to learn from."""
    cells = without_gaps(cells, name)
    own, kind = cells.at(rows), kind_of(cells)
    column = Column(name, kind, missing=float(kind == "missing"))
    if kind in ("category", "boolean"):
        _learn_category(column, own, settings)
    elif kind == "date":
        found, column.zone = moments(cells, name)
        found = found if rows is None else found[rows]
        _learn_numbers(column, np.where(np.isnat(found), np.nan, 0), settings)
        known = found[~np.isnat(found)]
        column.reference = int(known.min().astype("M8[us]").astype(np.int64)) if known.size else 0
        parts = {part: _learn_part(part, x) for part, x in parts_of(found, column.zone, column.reference).items()}
        column.parts = tuple((part, made) for part, made in parts.items() if made is not None)
    elif kind in ("number", "duration", "time"):
        offset = _offset(own) if kind == "number" else 0
        x = numbers(cells, name, offset) if kind == "number" else seconds(cells, name)
        x = x if rows is None else x[rows]
        _learn_numbers(column, x, settings)
        part = Number.learn(x, offset)
        column.parts = () if part is None else (("", part),)
        column.middle = None if part is None else part.centre + offset
        if settings.drop_identifiers and with_names and kind == "number" and _is_row_number(cells):
            return Column(name, "row number", note="left out: the number of the row")
    if not column.n_raw and not column.note:
        column.note = "left out: " + ("always missing" if column.missing == 1 else "always the same")
    return column


def _learn_numbers(column, x, settings):
    absent = np.isnan(x)
    column.missing = float(absent.mean())
    column.indicator = bool(settings.missing_indicator and 0 < column.missing < 1)


def _learn_part(name, x):
    return Category.learn(*count(Cells(x))) if name in OF_LEVELS else Number.learn(x)


def _learn_category(column, cells, settings):
    counted, n_missing = count(cells)
    part = Category.learn(counted, n_missing, settings.min_level_count, settings.max_levels)
    column.parts = () if part is None else (("", part),)
    column.missing = n_missing / len(cells.values)
    n_levels, n_given = len(counted), counted.total()
    are_text = part is not None and True in part.are_text
    if settings.drop_identifiers and are_text and n_given >= ENOUGH_ROWS and n_levels > NEARLY_ALL * n_given:
        column.kind, column.parts = "identifier", ()
        column.note = f"left out: {n_levels} values in {n_given} rows"


def _offset(cells):
    """An integer to take off integers that float64 cannot hold; 0 where it can."""
    values = cells.values
    if isinstance(values, np.ndarray):
        if values.dtype.kind not in "iu" or not values.size:
            return 0
        low, high = int(values.min()), int(values.max())
    elif cells.levels is None and {*map(type, values)} <= {int, type(None)}:
        low, high = (bound(value for value in values if value is not None) for bound in (min, max))
    else:
        return 0
    return low if max(abs(low), abs(high)) > 2**53 and high - low < 2**62 and abs(low) < 2**63 else 0


def _is_row_number(cells):
    """Whether integers rise by one from row to row."""
    values = np.asarray(cells.values)
    return values.dtype.kind in "iu" and len(values) >= ENOUGH_ROWS and bool((values[1:] - values[:-1] == 1).all())

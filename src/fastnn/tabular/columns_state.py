"""What columns are as plain data, by version: written, and checked whoever wrote it.

Called by `Columns.to_state` and `from_state`, which pickles and files of tabular networks hold. Levels are strings,
integers, floats and truth values, each with its type: "1" and 1 are two levels.
"""

import math
from dataclasses import fields

from fastnn.checks import check_flag, check_name, check_number
from fastnn.portable import ModelFormatError, check_entries, check_version
from fastnn.tabular.column import Column, Settings
from fastnn.tabular.moments import OF_LEVELS, PARTS, zone_of
from fastnn.tabular.parts import Category, Number, order_of

VERSION = 1

#: Kinds of columns -> the parts that they may have.
PARTS_OF = {
    "number": ("",), "duration": ("",), "time": ("",), "category": ("",), "boolean": ("",), "date": PARTS,
    "identifier": (), "row number": (), "missing": (),
}  # fmt: skip


def to_plain(names, columns, settings):
    """Return the description of columns: a dict of lists, dicts, strings, numbers and None."""
    return {
        "version": VERSION,
        "names": None if names is None else list(names),
        "settings": dict(vars(settings)),
        "columns": [
            {
                **vars(column),
                "parts": [
                    [name, {field: getattr(part, field) for field in part.fields}] for name, part in column.parts
                ],
            }
            for column in columns
        ],
    }


def from_plain(state):
    """Return names, columns and settings from their description.

    Raises
    ------
    ModelFormatError
        If it is no such description, or its entries do not fit each other.
    """
    try:
        check_version("a description of columns", state, VERSION)
        check_entries("a description of columns", state, ("version", "names", "settings", "columns"))
        check_entries("settings of columns", state["settings"], [field.name for field in fields(Settings)])
        settings, given, names = Settings(**state["settings"]), state["columns"], state["names"]
        _need(isinstance(given, list) and given, f"columns must be a list of dicts, got {given!r:.60}")
        if names is not None:
            are_names = isinstance(names, list) and all(type(name) is str for name in names)
            _need(
                are_names and len({*names}) == len(names),
                f"names must be a list of distinct strings, got {names!r:.60}",
            )
            names = tuple(names)
        labels = names or range(len(given))
        _need(len(labels) == len(given), f"there are {len(labels)} names, but {len(given)} columns")
        columns = [_column(plain, label) for plain, label in zip(given, labels, strict=True)]
        _need(any(column.n_raw for column in columns), "no column has any part")
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelFormatError(str(error)) from error
    return names, columns, settings


def _column(plain, label):
    what = f"column {label!r}"
    check_entries(what, plain, [field.name for field in fields(Column)])
    column = Column(**plain)
    _need(type(column.name) is type(label) and column.name == label, f"{what} is called {column.name!r:.60}")
    check_name("kind", column.kind, PARTS_OF)
    parts, known = column.parts, PARTS_OF[column.kind]
    are_pairs = isinstance(parts, list) and all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in parts)
    _need(are_pairs, f"parts of {what} must be a list of pairs, got {parts!r:.60}")
    places = [known.index(name) if name in known else -1 for name, _ in parts]
    _need(places == sorted({*places} - {-1}), f"a {column.kind} has no such parts: {[name for name, _ in parts]!r:.60}")
    column.parts = tuple(
        (
            name,
            _category(part, what)
            if column.kind in ("category", "boolean") or name in OF_LEVELS
            else _number(part, what),
        )
        for name, part in parts
    )
    check_flag("indicator", column.indicator)
    _need(type(column.indicator) is bool, f"indicator of {what} is {column.indicator!r:.60}")
    has_gaps = not column.indicator or column.kind in ("number", "duration", "time", "date")
    _need(has_gaps, f"a {column.kind} has no indicator")
    check_number("missing", column.missing, low=0.0)
    if column.middle is not None:
        check_number("middle", column.middle)
    _need(type(column.note) is str, f"the note of {what} is {column.note!r:.60}")
    _need(type(column.reference) is int and abs(column.reference) < 2**62, f"reference is {column.reference!r:.60}")
    if column.zone is not None:
        _need(type(column.zone) is str and column.kind == "date", f"zone of {what} is {column.zone!r:.60}")
        zone_of(column.zone)
    return column


def _number(plain, what):
    check_entries(f"a number of {what}", plain, Number.fields)
    offset = plain["offset"]
    _need(type(offset) is int and abs(offset) < 2**63, f"offset of {what} is {offset!r:.60}")
    return Number(offset, check_number("centre", plain["centre"]), check_number("factor", plain["factor"], above=0.0))


def _category(plain, what):
    check_entries(f"levels of {what}", plain, Category.fields)
    levels = plain["levels"]
    _need(isinstance(levels, list) and levels, f"levels of {what} must be a list, got {levels!r:.60}")
    for level in levels:
        are_known = type(level) in (str, bool, int) or (type(level) is float and not math.isnan(level))
        _need(are_known, f"a level of {what} is {level!r:.60}; expected a string or a number")
    in_order = sorted({*levels}, key=order_of)
    _need(len(in_order) == len(levels) and in_order == levels, f"levels of {what} are not distinct and sorted")
    return Category(levels)


def _need(holds, otherwise):
    if not holds:
        raise ValueError(f"{otherwise}; it is damaged, or of a newer fastnn: save it again")

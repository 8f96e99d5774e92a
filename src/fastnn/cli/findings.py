"""What is wrong with a table before anything learns from it: each check a function of the table, with what to do.

Called by ``doctor``. What a column would become says ``fastnn.tabular.columns``; how cells are read is ``reading``'s.
"""

import datetime
import re
import warnings

import polars as pl

from fastnn.cli.learning import numbers_of_rows, task_of, with_numbered
from fastnn.cli.options import dropping
from fastnn.tabular.column import ENOUGH_ROWS
from fastnn.tabular.columns import learn
from fastnn.tabular.split import FEWEST

#: Fewer rows than these are few: a share of right answers of 100 rows is known to a tenth.
FEW_ROWS = 100
#: A class of fewer rows is rare: a fifth of them held back is one row, or none.
FEW_OF_CLASS = 10
#: From this share on a column is mostly missing.
MOSTLY = 0.5
#: What one column tells of the target from this share on is too good to be asked for.
NEARLY_ALL = 0.99
#: A column that determines the target has at most this share of levels to rows: others do so by chance.
FEW_LEVELS = 0.1
#: Findings of text that may be something else.
AS_TEXT = ("numbers_as_text", "mixed_types", "dates_as_text")

PLAIN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
#: How a number may be written that is no number to a reader of CSV -> what to do.
WRITTEN = {
    "commas between thousands": (r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", "write 1234 in place of 1,234"),
    "a decimal comma": (r"[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+", "write 1.5 in place of 1,5"),
    "points between thousands": (r"[+-]?\d{1,3}(\.\d{3}){2,}", "write 1234567 in place of 1.234.567"),
    "blanks between thousands": (
        r"[+-]?\d{1,3}([ '\u2019\u00a0\u202f]\d{3})+([.,]\d+)?",
        "write 1234 in place of 1 234",
    ),
    "a percent sign": (r"[+-]?\d+([.,]\d+)? ?%", "write 12 in place of 12 %"),
    "a currency": (r"[€$£¥] ?[+-]?[\d.,]+|[+-]?[\d.,]+ ?[€$£¥]", "leave the currency out"),
    "a unit": (r"[+-]?\d+([.,]\d+)? ?[A-Za-zµ°]{1,4}[²³/a-z]*", "leave the unit out"),
}
DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}/\d{1,2}/\d{1,2}")


def examine(frame, target=None):
    """Return what a frame's columns would become, as `columns_` has it, and findings: what is wrong with it."""
    inputs = frame if target is None else frame.drop(target)
    numbered = numbers_of_rows(inputs, range(frame.height))
    used = frame if target is None else _with_target(frame, target)
    columns, left_out = _become(used.select(name for name in inputs.columns if name not in numbered))
    columns = with_numbered(columns, numbered)
    found = [*_of_rows(used, target)]
    for name in frame.columns:
        found += _of_column(frame[name], name == target, name in numbered)
    if target is not None:
        found += _of_target(frame, target)
        found += _leaks(used.drop(row["column"] for row in columns if row["note"]), target)
    as_text = {one["column"] for one in found if one["name"] in AS_TEXT}  # of these something need be done
    found += left_out + [_left_out(row) for row in columns if row["note"] and row["column"] not in as_text]
    return columns, found


def finding(name, message, column=None):
    """Return one thing that is wrong, of a column or of the table."""
    return {"name": name, "column": column, "message": message}


def _of_rows(frame, target):
    n = frame.height
    if n < FEW_ROWS:
        held = "none can be held back" if n < FEWEST else f"scores of {max(n // 5, 1)} rows held back are mostly chance"
        yield finding("few_rows", f"{n} rows: {held}; collect more, and trust cross-validation (fastnn compare) alone")
    n_unique = frame.n_unique()
    if n > n_unique:
        yield finding(
            "duplicate_rows",
            f"{n - n_unique:,} of {n:,} rows repeat an earlier one; unless they are different things that look alike, "
            "drop them: a row both learned from and judged by makes scores too good",
        )
    n_unlike = 0 if target is None or frame.width < 2 else n_unique - frame.drop(target).n_unique()
    if 0 < n_unlike < n / 2:  # of few categories rows are alike as ever
        yield finding(
            "contradictions",
            f"{n_unlike:,} rows are like another in all but the target: no model can tell them apart; add a "
            "column that does, if there is one",
        )
    seen = {}
    for name in frame.columns:
        series = frame[name]
        key = (series.dtype, series.null_count(), series.hash().sum())
        if key in seen and name != target and seen[key] != target and series.equals(frame[seen[key]], null_equal=True):
            yield finding("equal_columns", f"it is the same as {seen[key]!r}; drop one of them", name)
        seen.setdefault(key, name)


def _of_column(series, is_target, is_numbered):
    name, n = series.name, len(series)
    given = series.drop_nulls().alias("")  # a column of values called "count" could not be counted
    if series.dtype.is_float():
        given = given.drop_nans()
        if n_infinite := int(given.is_infinite().sum()):
            row = int(series.is_infinite().fill_null(False).arg_max()) + 1
            yield finding(
                "infinity",
                f"{n_infinite:,} {'cells are' if n_infinite > 1 else 'cell is'} infinite, the first in row {row}; "
                "leave such cells empty where they mean that nothing is known, else write a bound",
                name,
            )
    n_missing = n - len(given)
    if not is_target and n and MOSTLY <= n_missing / n < 1:
        yield finding(
            "mostly_missing", f"{n_missing / n:.0%} is missing; it says little: see whether you can do without it", name
        )
    if series.dtype == pl.String:
        yield from of_text(name, given, is_target)
    elif series.dtype in (pl.Date, pl.Datetime) and len(given):
        yield from _of_dates(name, given.cast(pl.Date))
    elif series.dtype.is_integer() and n >= ENOUGH_ROWS and not is_target | is_numbered and given.n_unique() == n:
        low, high = int(given.min()), int(given.max())
        if n > MOSTLY * (high - low + 1):
            said = f"whole numbers from {low} to {high}, each in one row; if they only name rows"
            yield finding("identifier", f"{said}, drop it: fastnn train {dropping(name)}", name)


def _of_dates(name, dates):
    today = datetime.date.today()
    if n_future := int((dates > today).sum()):
        yield finding(
            "future_dates",
            f"{n_future:,} dates are after today, up to {dates.max()}; correct them, unless they are planned dates, "
            "known when you predict",
            name,
        )


def of_text(name, given, is_target=False):
    """Say what is wrong with cells of text."""
    counts = dict(given.str.strip_chars().value_counts(sort=True).iter_rows())
    if not counts:
        return
    plain = [text for text in counts if PLAIN.fullmatch(text)]
    others = [text for text in counts if not PLAIN.fullmatch(text)]
    n_plain, n = sum(counts[text] for text in plain), len(given)
    if not others:
        if not is_target and not any(len(text) > 1 and text[0] == "0" and text.isdigit() for text in plain):
            said = f"all cells are numbers, such as {plain[0]!r}, but of the type text; make them numbers"
            yield finding("numbers_as_text", said, name)
    elif (found := _written(others)) is not None:
        how, cure = found
        said = f"numbers with {how}, such as {others[0]!r}, are text, and not learned as numbers; {cure}"
        yield finding("numbers_as_text", said, name)
    elif n_plain >= n / 2:
        shown = ", ".join(f"{text!r} ({counts[text]:,})" for text in others[:3])
        if len(others) > 3:
            shown, cure = f"{shown} and {len(others) - 3} more", "correct these cells"
        else:
            cure = f"if they mean that nothing is known, say so: {' '.join(f'--null {text!r}' for text in others)}"
        said = f"{n_plain / n:.0%} of the cells are numbers, but there are others, which make all of them text: {shown}"
        yield finding("mixed_types", f"{said}; {cure}", name)
    elif all(DATE.fullmatch(text.partition(" ")[0]) for text in counts):
        said = f"dates such as {next(iter(counts))!r} are text, as the day may be the month; write them as 2026-12-31"
        yield finding("dates_as_text", said, name)
    else:
        yield from _of_dates(name, given.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).drop_nulls())
        yield from _of_spelling(name, given)


def _written(texts):
    """How numbers are written that are none to a reader, and what to do; None if these are no numbers."""
    for how, (form, cure) in WRITTEN.items():
        if all(re.fullmatch(form, text) for text in texts):
            units = {re.sub(r"[\d.,+\- ]", "", text) for text in texts} if how == "a unit" else ()
            return None if len(units) > 3 else (how, cure)  # of more they are rather codes
    return None


def _of_spelling(name, given):
    levels = given.unique().to_list()
    if len(levels) > 10_000:
        return
    alike = {}
    for level in sorted(levels):
        alike.setdefault(" ".join(level.split()).casefold(), []).append(level)
    twice = [group for group in alike.values() if len(group) > 1]
    if twice:
        shown = " and ".join(map(repr, twice[0][:3]))
        yield finding(
            "spelling",
            f"{len(twice)} {'levels are' if len(twice) > 1 else 'level is'} written in several ways, such as {shown}, "
            "which are levels of their own; write them alike",
            name,
        )


def _of_target(frame, target):
    series = frame[target]
    given = series.drop_nans() if series.dtype.is_float() else series
    given = given.drop_nulls().alias("")
    if n_missing := len(series) - len(given):
        yield finding(
            "target_missing",
            f"{n_missing:,} of {len(series):,} rows have no target; they are left out when training",
            target,
        )
    counts = given.value_counts(sort=True)
    if counts.height == 1:
        yield finding("one_target", f"the target is always {given[0]!r}: nothing can be learned", target)
    if counts.height < 2:
        return
    if series.dtype.is_temporal():
        said = "the target holds dates or times; make it a number first, such as days since a date"
        yield finding("dated_target", said, target)
        return
    if task_of(given)[0] == "classes":
        rare = counts.filter(pl.col("count") < FEW_OF_CLASS)
        if counts.height > max(len(given) / 3, 2) and counts.height > 10:
            yield finding(
                "many_classes",
                f"{counts.height:,} classes in {len(given):,} rows: is this the target? Names and numbers of rows "
                "cannot be predicted",
                target,
            )
        elif rare.height:
            shown = ", ".join(f"{level!r} ({n})" for level, n in rare.head(5).iter_rows())
            yield finding(
                "rare_classes",
                f"{rare.height} of {counts.height} classes {'have' if rare.height > 1 else 'has'} less than "
                f"{FEW_OF_CLASS} rows: {shown}; collect more of them, put them together, or leave them out",
                target,
            )


def _with_target(frame, target):
    """The rows that ``train`` learns from; all, if none has a target."""
    y = frame[target]
    used = frame.filter(y.is_not_null() & (y.is_not_nan() if y.dtype.is_float() else True))
    return used if used.height else frame


def _leaks(frame, target):
    y = frame[target]
    if frame.height < FEWEST or y.n_unique() < 2:
        return
    told = _told_of_classes if task_of(y)[0] == "classes" else _told_of_numbers
    for name in frame.columns:
        if name == target:
            continue
        share, how = told(frame.select(x=pl.col(name), y=pl.col(target)).drop_nulls(), frame.height)
        if share >= NEARLY_ALL:
            determines = "it determines the target" if share >= 1 - 1e-9 else f"it says {share:.2%} of the target"
            yield finding(
                "leak",
                f"{determines}, {how}; if it is known only once the target is, drop it: fastnn train " + dropping(name),
                name,
            )


def _told_of_classes(pair, n):
    """The share of rows whose class a column tells by itself, beyond the most frequent class, and by what."""
    n_levels, n_classes = pair["x"].n_unique(), pair["y"].n_unique()
    if pair.height < n / 2 or n_levels < 2 or n_classes < 2:
        return 0.0, ""
    if n_levels <= max(FEW_LEVELS * pair.height, 2):
        n_right = pair.group_by("x", "y").len().group_by("x").agg(pl.col("len").max())["len"].sum()
        most = pair["y"].value_counts()["count"].max()
        how = "level by level" if n_levels == n_classes else f"each of its {n_levels} levels having one class"
        return (n_right - most) / (pair.height - most), how
    if pair["x"].dtype.is_numeric() and 2 * n_classes <= pair.height:  # a class of one row is always in a range
        ranges = pair.group_by("y").agg(low=pl.col("x").min(), high=pl.col("x").max()).sort("low")
        if (ranges["low"][1:] > ranges["high"][:-1]).all():
            return 1.0, "each class having a range of its own"
    return 0.0, ""


def _told_of_numbers(pair, n):
    """The share of a number's variance that a column tells by itself, along a line or level by level."""
    if pair.height < n / 2 or pair["x"].n_unique() < 2 or pair["y"].n_unique() < 2:
        return 0.0, ""
    if pair["x"].dtype.is_numeric():
        pair = pair.select(pl.all().cast(pl.Float64)).filter(pl.all_horizontal(pl.all().is_finite()))
        line = pair.select(pl.corr("x", "y")).item() if pair.height > 2 else 0.0
        if line is not None and line * line >= NEARLY_ALL:
            return line * line, "being the same, or times a number"
    if pair["x"].n_unique() <= max(FEW_LEVELS * pair.height, 2):
        total = pair["y"].var(ddof=0)
        within = pair.select(((pl.col("y") - pl.col("y").mean().over("x")) ** 2).mean()).item()
        return (1 - within / total if total else 0.0), "level by level"
    return 0.0, ""


def _become(frame):
    """What each column would become, and that nothing can be learned from them."""
    floats = [name for name in frame.columns if frame[name].dtype.is_float()]
    finite = frame.with_columns(pl.when(pl.col(floats).is_infinite()).then(None).otherwise(pl.col(floats)).name.keep())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that identifiers are left out, which is said here
            columns = list(learn(finite if floats else frame).table)
    except (TypeError, ValueError) as error:
        return [], [finding("unusable", str(error))]
    return columns, []


def _left_out(row):
    name = {"identifier": "identifier", "row number": "identifier"}.get(row["kind"], "constant_column")
    return finding(name, f"it would be {row['note']}; nothing need be done", row["column"])

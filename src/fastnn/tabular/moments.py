"""Dates: moments in UTC of whatever holds them, and what they are made of by the clocks of their zone.

Called by ``column``. Strings are read in the forms of ISO 8601.
"""

import datetime
import re
import zoneinfo

import numpy as np

from fastnn.tabular.kinds import KINDS, other, spans
from fastnn.tabular.tables import Cells

#: What dates are made of, in their order.
PARTS = ("days", "year", "month", "day", "weekday", "hour")

#: Those of them that are levels of a category, not numbers.
OF_LEVELS = ("month", "day", "weekday")

MICROSECOND = datetime.timedelta(microseconds=1)

#: In microseconds; clocks change at quarters of an hour, and once a day at most.
DAY, QUARTER = 86400 * 10**6, 900 * 10**6


def moments(cells, name):
    """Return dates as datetime64 in UTC, or without a zone, NaT where nothing is; and the name of their zone or None.

    Strings are read in the forms of ISO 8601.
    """
    values = cells.values
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        fine = np.datetime_data(values.dtype)[0] in ("ns", "ps", "fs", "as")
        return values.astype("M8[ns]" if fine else "M8[us]"), cells.zone
    if isinstance(values, np.ndarray) and cells.levels is None:
        raise other("dates", KINDS[values.dtype.kind] + "s", name)
    if cells.levels is not None:
        own, zone = moments(Cells([*cells.levels, None]), name)
        return own[values], zone
    zones, made = set(), [None] * len(values)
    for row, value in enumerate(values):
        if isinstance(value, str):
            try:
                value = datetime.datetime.fromisoformat(value.strip())
            except ValueError:
                raise other("dates", f"{value!r:.60} in row {row}", name) from None
        if isinstance(value, datetime.datetime):
            zones.add(None if value.tzinfo is None else _zone_name(value.tzinfo))
            if value.tzinfo is not None:
                value = _in_utc(value, row, name)
        elif not (value is None or isinstance(value, datetime.date | np.datetime64)):
            raise other("dates", f"{value!r:.60} in row {row}", name)
        made[row] = value
    if len(zones) > 1 and None in zones:
        raise ValueError(
            f"column {name!r} of X has dates with a time zone and dates without one; give all a zone, or none"
        )
    return np.array(made, "M8[us]"), "UTC" if len(zones) > 1 else zones.pop() if zones else None


def _in_utc(value, row, name):
    try:
        return value.astimezone(datetime.UTC).replace(tzinfo=None)
    except OverflowError:
        raise ValueError(
            f"X has {value} in row {row}, column {name!r}, in UTC beyond the years 1 to 9999; where it means that none "
            "is known, pass None"
        ) from None


def parts_of(moments, zone, reference):
    """Return what dates are made of, by name: float64 arrays, NaN where nothing is.

    ``days`` since the reference (microseconds since 1970), then by the clocks of the zone ``year``, ``month``, ``day``,
    ``weekday`` (0 for Monday) and ``hour`` with its fraction.
    """
    local = moments.astype("M8[us]") if zone is None else _by_the_clock(moments.astype("M8[us]"), zone)
    days, months, years = (local.astype(f"M8[{unit}]") for unit in "DMY")
    parts = {
        "days": spans(moments - np.datetime64(reference, "us")) / 86400,
        "year": years.astype(np.int64) + 1970.0,
        "month": months.astype(np.int64) % 12 + 1.0,
        "day": (days - months.astype("M8[D]")).astype(np.int64) + 1.0,
        "weekday": (days.astype(np.int64) + 3) % 7 + 0.0,
        "hour": spans(local - days) / 3600,
    }
    absent = np.isnat(moments)
    return {part: np.where(absent, np.nan, values) for part, values in parts.items()}


def moment_of_one(zone):
    """Return a function of one date, or its string: the moment without a zone, and by the clocks of the zone.

    None stays None. It raises ValueError or TypeError for what has to be looked at more closely.
    """
    clock = None if zone is None else zone_of(zone)

    def found(value):
        if value is None or value != value:
            return None
        value = datetime.datetime.fromisoformat(value.strip()) if value.__class__ is str else value
        if hasattr(value, "to_pydatetime"):  # pandas
            if value.nanosecond:
                raise ValueError
            value = value.to_pydatetime()
        elif not isinstance(value, datetime.date):  # pandas' periods, whose day is their last
            raise TypeError
        elif not isinstance(value, datetime.datetime):
            value = datetime.datetime(value.year, value.month, value.day)
        if (value.tzinfo is None) != (clock is None):
            raise ValueError
        if clock is None:
            return value, value
        return value.astimezone(datetime.UTC).replace(tzinfo=None), value.astimezone(clock)

    return found


def part_of_one(part, reference):
    """Return a function of what `moment_of_one` gives: a part of the date, in the bits of `parts_of`."""
    start = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=reference)

    def found(moment):
        if moment is None:
            return None
        utc, local = moment
        if part == "days":
            return (utc - start) // MICROSECOND / 1e6 / 86400
        if part == "hour":
            whole = (local.hour * 60 + local.minute) * 60 + local.second
            return (whole * 10**6 + local.microsecond) / 1e6 / 3600
        return float(local.weekday() if part == "weekday" else getattr(local, part))

    return found


def zone_of(name):
    """Return the time zone of a name: one of the IANA database, or an offset like UTC+02:00."""
    if found := re.fullmatch(r"(?:UTC)?([+-])(\d\d):?(\d\d)(?::?(\d\d))?", name):
        hours, minutes, more = (int(number or 0) for number in found.groups()[1:])
        span = datetime.timedelta(hours=hours, minutes=minutes, seconds=more)
        return datetime.timezone(-span if found[1] == "-" else span)
    try:
        return datetime.UTC if name == "UTC" else zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"unknown time zone {name!r}; install tzdata where the system has no zones") from error


def _by_the_clock(utc, zone):
    """Moments in UTC as the clocks of a zone show them."""
    ticks = utc.astype(np.int64)
    ticks[np.isnat(utc)] = 0
    clock = zone_of(zone)
    days, places = np.unique(ticks // DAY, return_inverse=True)
    starts, ends = _offsets(days * DAY, clock), _offsets((days + 1) * DAY, clock)
    offsets, changes = starts[places], (starts != ends)[places]
    quarters, places = np.unique(ticks[changes] // QUARTER, return_inverse=True)
    offsets[changes] = _offsets(quarters * QUARTER, clock)[places]
    return utc + offsets.astype("m8[us]")


def _offsets(ticks, zone):
    """What clocks are ahead of UTC at moments, in microseconds; 0 beyond the years that they know."""
    start, offsets = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC), np.zeros(len(ticks), np.int64)
    for place, tick in enumerate(ticks.tolist()):
        try:
            ahead = (start + datetime.timedelta(microseconds=tick)).astimezone(zone).utcoffset()
        except OverflowError:
            continue
        offsets[place] = ahead // MICROSECOND
    return offsets


def _zone_name(zone):
    return str(getattr(zone, "key", None) or getattr(zone, "zone", None) or zone)

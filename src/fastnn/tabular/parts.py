"""What a network gets of a column: a number, centred, scaled and bounded, or the code of a level. Learned, and applied.

Called by ``column`` with numbers or values of the training rows; each part writes one column of the raw matrix. Which
encoding it has in the network ``columns`` says; what cells mean is left to ``kinds``.
"""

import math
from collections import Counter
from itertools import repeat

import numpy as np

from fastnn.tabular.kinds import PLAIN, key, other

#: Beyond it, either way, z is as good as infinite: 3 after the bound, which its square must not overflow.
FAR = 1e100

#: Types of a cell that is a number, in a row alone.
OF_NUMBERS = frozenset((int, float, bool, np.float64, np.int64, np.float32, np.int32, np.bool_))


class Number:
    """A number x as z = (x - centre) factor, bounded: z / sqrt(1 + (z / 3)^2). NaN becomes 0, as the median does.

    `offset`, an integer, has been taken off x before, for integers that float64 cannot hold.
    """

    fields = "offset", "centre", "factor"

    def __init__(self, offset, centre, factor):
        self.offset, self.centre, self.factor = offset, centre, factor

    @classmethod
    def learn(cls, x, offset=0):
        """Return that of the training rows' numbers: median and quartiles; None if they are all the same."""
        x = x[~np.isnan(x)]
        if not x.size or x.min() == x.max():
            return None
        low, centre, high = np.quantile(x / 2, (0.25, 0.5, 0.75))  # of halves, whose differences cannot overflow
        half = high - low or x.max() / 4 - x.min() / 4
        return cls(offset, float(2 * centre), float(0.5 / max(half, 5e-301)))

    def write(self, x, out):
        """Fill `out`, float32, with what becomes of the numbers x, float64, which are overwritten."""
        with np.errstate(over="ignore", invalid="ignore"):
            x -= self.centre
            x *= self.factor
            np.clip(x, -FAR, FAR, out=x)
            third = x / 3
            x /= np.sqrt(1 + third * third)
        x[np.isnan(x)] = 0
        out[:] = x

    @property
    def one(self):
        """A function of one number, in the bits of `write`; it gives None for what has to be looked at more closely."""
        offset, centre, factor, sqrt = self.offset, self.centre, self.factor, math.sqrt

        def number(x):
            if x.__class__ not in OF_NUMBERS:
                return 0.0 if x is None else None
            z = (float(x - offset if offset else x) - centre) * factor
            if not -FAR < z < FAR:
                if not math.isfinite(x):
                    return 0.0 if x != x else None
                z = min(max(z, -FAR), FAR)
            third = z / 3
            return z / sqrt(1 + third * third)

        return number


class Category:
    """Codes of levels: 1, 2 ... in their order, 0 for what is missing or unknown.

    One or two levels are a number instead: -1 and 1 (a single one 1), 0 for what is missing or unknown.
    """

    fields = ("levels",)

    def __init__(self, levels):
        self.levels = levels
        values = range(1, len(levels) + 1) if len(levels) > 2 else (1.0,) if len(levels) == 1 else (-1.0, 1.0)
        self.codes = dict(zip(levels, values, strict=True))
        self.by_code = np.array([0, *values], np.float32)
        self.are_text = {isinstance(level, str) for level in levels}
        self.types = (
            {str} if self.are_text == {True} else OF_NUMBERS if self.are_text == {False} else {str, *OF_NUMBERS}
        )
        self._sorted = None
        if True not in self.are_text and max(map(abs, levels)) < 2**53:
            self._sorted = np.array(levels, np.float64)

    @classmethod
    def learn(cls, counted, n_missing, min_level_count=1, max_levels=None):
        """Return that of the most frequent levels, as `count` has them; None if there is but one, everywhere."""
        kept = [level for level, count in counted.items() if count >= min_level_count]
        kept.sort(key=lambda level: (-counted[level], *order_of(level)))
        levels = sorted(kept[:max_levels], key=order_of)
        return None if not levels or (len(counted) == 1 and not n_missing) else cls(levels)

    def write(self, cells, out, name):
        """Fill `out`, float32, with the codes of cells."""
        values = cells.values
        if cells.levels is not None:
            codes = np.empty(len(cells.levels) + 1, np.float32)
            self._write_list(cells.levels, codes[:-1], name)
            codes[-1] = 0
            out[:] = codes[values]
        elif isinstance(values, np.ndarray):
            self._write_array(values, out, name)
        else:
            self._write_list(values, out, name)

    @property
    def one(self):
        """A function of one value that gives its code; None where that has to be looked at more closely."""
        get, types = self.codes.get, self.types

        def code(value):
            found = get(value)
            if found is None and (value is None or value.__class__ in types or value != value):
                return 0.0
            return found

        return code

    def _write_list(self, values, out, name):
        if not {*map(type, values)} <= {*PLAIN, type(None)}:
            values = list(map(key, values))
        out[:] = np.fromiter(map(self.codes.get, values, repeat(0)), np.float32, len(values))
        if len(self.are_text) == 1:
            for row in np.flatnonzero(out == 0).tolist():
                value = values[row]
                if value is not None and isinstance(value, str) not in self.are_text:
                    held, given = ("text", "numbers")[:: 1 if True in self.are_text else -1]
                    raise other(held, f"{given}, such as {value!r:.60}", name)

    def _write_array(self, values, out, name):
        if self._sorted is None or values.dtype.kind not in "biuf":
            values = values.astype(object)
            self._write_list([None if value != value else value for value in values.tolist()], out, name)
            return
        places = np.searchsorted(self._sorted, values)
        places[places == len(self._sorted)] = 0
        out[:] = np.where(self._sorted[places] == values, self.by_code[places + 1], 0)


def count(cells):
    """Return how often each level is met, a Counter, and how many cells are missing."""
    values = cells.values
    if isinstance(values, np.ndarray):
        found, counts = np.unique(values, return_counts=True)
        counted = Counter()
        for level, number in zip(found.tolist(), counts.tolist(), strict=True):
            if level == level and (cells.levels is None or level >= 0):
                counted[key(level if cells.levels is None else cells.levels[level])] += number
    else:
        counted = Counter(map(key, values))
        del counted[None]
    return counted, len(values) - counted.total()


def order_of(level):
    """Return what levels are sorted by: numbers before text."""
    return isinstance(level, str), level

"""Rows to learn from, of a file that may be larger than memory: all of them, or some drawn at random.

Called by the commands that train.
"""

import os
from contextlib import suppress

import numpy as np
import polars as pl

from fastnn.cli import reading

#: The share of the memory that is free now which the cells may take; learning takes as much again and more.
SHARE = 0.25

#: Where nothing is known of the memory, in bytes.
ROOM = 2**31


def rows_of(path, max_rows=None, seed=0, room=None, **how):
    """Return the rows of a file, a `reading.Raw`, and how many it has.

    At most `max_rows` of them, or as many as `room` is for, bytes that the cells may take, None for a share of the
    memory that is free. Which are drawn is by the seed alone. `how` goes to `reading.raw_pieces`.
    """
    draws, room = np.random.default_rng(seed), room_left() if room is None else room
    kept, keys, n_rows = [], [], 0
    for raw in reading.raw_pieces(path, None, **how):
        kept.append(raw)
        keys.append(draws.random(raw.frame.height))
        n_rows += raw.frame.height
        size = sum(one.frame.estimated_size() for one in kept)
        n_kept = sum(map(len, keys))
        most = n_kept // 2 if size > room else n_kept
        most = most if max_rows is None else min(most, max_rows)
        if most < n_kept and (size > room or n_kept > 2 * max_rows):
            max_rows = most
            kept, keys = _fewest(kept, keys, most)
    if max_rows is not None and sum(map(len, keys)) > max_rows:
        kept, keys = _fewest(kept, keys, max_rows)
    return reading.joined(kept), n_rows


def room_left():
    """Return how many bytes the cells of a table may take."""
    with suppress(OSError, ValueError, StopIteration):
        with open("/proc/meminfo") as file:
            line = next(line for line in file if line.startswith("MemAvailable"))
        return int(SHARE * 1024 * int(line.split()[1]))
    with suppress(AttributeError, OSError, ValueError):
        return int(SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return ROOM


def _fewest(raws, keys, n):
    """The rows of the n smallest keys, in their order, as one piece."""
    keys, rows = np.concatenate(keys), np.concatenate([raw.numbers() for raw in raws])
    chosen = np.sort(np.argpartition(keys, n - 1)[:n])
    frame = pl.concat([raw.frame for raw in raws])[chosen]
    first = raws[0]
    return [reading.Raw(frame, first.name, 0, [], first.delimiter, rows[chosen])], [keys[chosen]]

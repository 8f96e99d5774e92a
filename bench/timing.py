"""Timing that can be trusted on a noisy machine: all ways of a case in turn, round after round, medians of the rounds.

A way that is quick is called many times a round, so that a round is long against the clock's own noise.
"""

import statistics
from math import ceil
from time import perf_counter

#: Seconds that one way should take in one round.
ROUND = 0.01


def measure(ways, n_rounds, a_round=None):
    """Return name -> seconds a call, one entry a round, of each of the callables `ways`.

    Each must have been called before: the first call pays for caches and imports. `a_round` is in place of ROUND.
    """
    first = {name: _time(way, 1) for name, way in ways.items()}
    calls = {name: ceil((a_round or ROUND) / once) for name, once in first.items()}
    # A way so slow that one call fills a round has had its first round.
    seconds = {name: [once] if calls[name] == 1 else [] for name, once in first.items()}
    while any(len(times) < n_rounds for times in seconds.values()):
        for name, way in ways.items():
            if len(seconds[name]) < n_rounds:
                seconds[name].append(_time(way, calls[name]) / calls[name])
    return seconds


def summary(seconds):
    """Return the median, the lower and the upper quartile."""
    lower, median, upper = statistics.quantiles(seconds, n=4, method="inclusive")
    return median, lower, upper


def _time(way, n):
    start = perf_counter()
    for _ in range(n):
        way()
    return perf_counter() - start

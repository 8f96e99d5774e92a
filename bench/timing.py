"""Timing that can be trusted on a noisy machine: all ways of a case in turn, round after round, medians of the rounds.

A way that is quick is called many times a round, so that a round is long against the clock's own noise.
"""

import statistics
from time import perf_counter

#: Seconds that one way should take in one round.
ROUND = 0.01


def measure(ways, n_rounds):
    """Return name -> seconds a call, one entry a round, of each of the callables `ways`.

    Each must have been called before: the first call pays for caches and imports.
    """
    calls = {name: _calls_a_round(way) for name, way in ways.items()}
    seconds = {name: [] for name in ways}
    for _ in range(n_rounds):
        for name, way in ways.items():
            seconds[name].append(_time(way, calls[name]) / calls[name])
    return seconds


def summary(seconds):
    """Return the median, the lower and the upper quartile."""
    lower, median, upper = statistics.quantiles(seconds, n=4, method="inclusive")
    return median, lower, upper


def _calls_a_round(way):
    n, spent = 1, _time(way, 1)
    while spent < ROUND and n < 100_000:
        n = max(2 * n, min(100 * n, int(n * ROUND / max(spent, 1e-9))))
        spent = _time(way, n)
    return n


def _time(way, n):
    start = perf_counter()
    for _ in range(n):
        way()
    return perf_counter() - start

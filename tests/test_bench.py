"""The benchmark shows a fast wrong answer, and counts what it says it counts."""

import numpy as np
import pytest

from bench import report, timing
from bench.cases import NAIVE, PER_SAMPLE, Case, all_cases


@pytest.mark.parametrize("wrong", [[1.0, 2.001], [1.0, np.nan], [1.0], [1.0, np.inf]])
def test_a_wrong_way_is_named(wrong):
    case = Case("case", "float64", {"right": lambda: [1.0, 2.0], "same": lambda: (1.0, 2.0), "fast": lambda: wrong})
    way, error = case.disagreement()
    assert way == "fast"
    assert not error <= 1e-10


def test_equal_ways_pass_and_every_real_case_agrees():
    assert Case("case", "float64", {"a": lambda: [1.0, 2.0], "b": lambda: [1.0, 2.0]}).disagreement() is None
    cases = list(all_cases())
    assert {case.dtype for case in cases} == {"float64", "float32"}
    for case in cases:
        if "1078 rows" not in case.name:  # the naive loops over all rows take their time; the benchmark itself checks
            assert case.disagreement() is None, case.name


def test_rounds_medians_and_ratios():
    calls = {"slow": 0, "quick": 0}

    def slow():
        calls["slow"] += 1
        total = 0
        for i in range(1_000_000):
            total += i

    def quick():
        calls["quick"] += 1

    seconds = timing.measure({NAIVE: slow, PER_SAMPLE: quick}, 4)
    assert [len(times) for times in seconds.values()] == [4, 4]
    assert calls["slow"] == 4
    assert calls["quick"] > 1000
    rows = report.rows_of(Case("case", "float64", {}), {NAIVE: [3.0, 1.0, 2.0], PER_SAMPLE: [0.5, 0.5, 0.5]})
    assert [row["median"] for row in rows] == [2.0, 0.5]
    assert [row["times_faster_than_naive"] for row in rows] == [1.0, 4.0]
    assert [row["times_faster_than_numpy"] for row in rows] == [0.25, 1.0]
    assert [report.duration(t) for t in (2.0, 0.0125, 3e-6)] == ["2 s", "12.5 ms", "3 µs"]

"""The benchmark of workers: what it measures, and what it makes of that on paper."""

import pytest

from bench.many import workers

pytest.importorskip("distributed")


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_the_table_of_workers(monkeypatch, capsys):
    small = {
        "ROWS": 600, "TEST_ROWS": 100, "HIDDEN": (3,), "PASSES": 3, "PARTITIONS": 2, "WITHIN": 9.0, "MORE_ROWS": 400,
        "MORE_HIDDEN": (3,), "FIT_ROUNDS": 1, "TURNS": 2, "FEW": 1, "MANY": 3, "UPDATES": 3,
    }  # fmt: skip
    for name, value in small.items():
        monkeypatch.setattr(workers, name, value)
    found = workers.measure(False)
    assert found["costs"]["parameters"] == 20 * 3 + 3 + 3 * 5 + 5 == found["costs"]["bytes"] / 8
    assert found["ratio"]["ratio"][0] > 0
    workers.print_table(found)
    assert "On paper, 100000 rows for each worker" in capsys.readouterr().out
    monkeypatch.setattr(workers, "WITHIN", 0.0)
    with pytest.raises(SystemExit, match="The average has a loss of"):
        workers.measure(True)


def test_on_paper_the_costs_add_up():
    costs = {"round": 0.01, "task": 0.001, "bytes": 1000.0, "parameters": 125}
    case = workers.on_paper(costs, seconds_a_row=1e-6)["100"]
    assert case["bytes"] == 2 * 100 * 1000
    assert case["seconds"] == pytest.approx(0.1 + 0.01 + 0.1 + 0.2e6 / 125e6)
    assert case["speed"] == pytest.approx(100 * 0.1 / case["seconds"])

"""The benchmark of a grid: every way is measured, and scores that differ end it with an error."""

import numpy as np
import pytest
from sklearn.model_selection import ParameterGrid

from bench.many import grid


@pytest.fixture
def small(monkeypatch):
    for name, value in (("ROWS", 200), ("FOLDS", 2), ("PASSES", 2), ("ROUNDS", 2)):
        monkeypatch.setattr(grid, name, value)
    sizes = {"hidden_layer_sizes": [(2,), (3,)], "batch_size": [50], "alpha": [0.1], "learning_rate_init": [0.01, 0.1]}
    monkeypatch.setattr(grid, "GRID", sizes)
    monkeypatch.setattr(grid, "PROCESSES", grid.THREADS)  # no processes of their own in a test
    monkeypatch.setattr(grid, "BACKEND", "threading")


def test_the_table_of_a_grid(small, capsys):
    found = grid.measure(False)
    assert found["share"] == [2, 4]
    assert found["ratios"][grid.OURS] == (1.0, 1.0, 1.0)
    assert found["seconds"][grid.THEIRS][0] > 0
    grid.print_table(found)
    assert "2 of the settings, scaled up" in " ".join(capsys.readouterr().out.split())


def test_each_pair_of_sizes_is_in_the_share_and_the_other_pairs_in_turn():
    share = grid.share_of(list(ParameterGrid(grid.GRID)))
    assert len({(one["hidden_layer_sizes"], one["batch_size"]) for one in share}) == len(share) == 12
    pairs = [(one["alpha"], one["learning_rate_init"]) for one in share]
    assert sorted(pairs) == sorted(3 * [(alpha, rate) for alpha in (1e-4, 1e-2) for rate in (1e-3, 1e-2)])


def test_scores_that_differ_end_with_an_error(small, monkeypatch):
    monkeypatch.setattr(grid.np, "abs", lambda apart: np.full(2, 0.2))
    with pytest.raises(SystemExit, match=r"up to 0\.2 apart"):
        grid.measure(True)

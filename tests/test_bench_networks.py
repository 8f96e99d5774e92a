"""The benchmark of many networks: every way is measured, and results that differ end it with an error."""

import numpy as np
import pytest

from bench.many import networks


@pytest.fixture
def little(monkeypatch):
    for name, value in (("NETWORKS", 30), ("DIGITS_NETWORKS", 20), ("PASSES", 3), ("DIGITS_PASSES", 1), ("JOBS", 1)):
        monkeypatch.setattr(networks, name, value)


def test_the_table_of_networks(little, capsys):
    found = networks.measure(True)
    assert list(found["cases"]) == ["3 of 4-8-1", "2 of 64-30-10"]
    for case in found["cases"].values():
        assert case["ratios"][networks.MANY] == (1.0, 1.0, 1.0)
        assert case["seconds"][networks.SKLEARN][0] > 0
    networks.print_table(found)
    assert "one after another" in capsys.readouterr().out


def test_weights_that_differ_end_with_an_error():
    with pytest.raises(SystemExit, match=r"JAX are up to 0\.5 apart, more than 1e-08"):
        networks.differ("JAX", np.array([1.0, 2.0]), np.array([1.0, 2.5]), 1e-8)

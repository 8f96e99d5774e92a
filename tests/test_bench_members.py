"""The benchmark of ensembles: its table has every task, and members are checked."""

import pytest

from bench import timing
from bench.many import command, members


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(timing, "ROUND", 1e-4)
    monkeypatch.setattr(members, "PASSES", 1)
    monkeypatch.setattr(members, "NETWORKS", {"4-8-3": members.NETWORKS["4-8-3"]})


def test_the_table_of_members(small, capsys):
    found = members.measure(True)
    assert "members" in command.TABLES
    assert list(found["4-8-3"]) == list(members.WORDS)
    for one in found["4-8-3"].values():
        assert one["ratio"][1] <= one["ratio"][0] <= one["ratio"][2]
    members.print_table(found)
    printed = capsys.readouterr().out
    assert printed.count("times as fast") == 4


def test_a_member_that_is_another_network_ends_it(small, monkeypatch):
    fits = members.MLPClassifier.fit

    def fit(self, X, y, **options):
        fits(self, X, y, **options)
        if self.n_members > 1:
            self.members_[1].coefs_[0][0, 0] += 1e-9
        return self

    monkeypatch.setattr(members.MLPClassifier, "fit", fit)
    with pytest.raises(AssertionError, match="a member is not the network"):
        members.measure(True)

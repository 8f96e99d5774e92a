"""tests/mutants.py takes half an hour; here is only whether each mutant has its line to break."""

import pytest
from mutants import MUTANTS, ROOT


@pytest.mark.parametrize(("path", "old", "new"), MUTANTS, ids=range(1, len(MUTANTS) + 1))
def test_the_line_is_there_once(path, old, new):
    assert (ROOT / path).read_text().count(old) == 1
    assert new != old

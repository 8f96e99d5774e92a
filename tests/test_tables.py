"""A row of csrc/tables without its case does not compile: nothing is taken for identity or squared error in silence."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from test_c import COMPILER

from fastnn import _engine
from fastnn._tables import ACTIVATIONS, LOSS_OUTPUTS

ROOT = Path(__file__).parents[1]
FLAGS = ["-std=c11", "-fsyntax-only", "-Werror=switch"]

ROWS = {
    "activations.def": ("FASTNN_ACTIVATION(swish, 1, 1)", "FASTNN_ACTIVATION_swish.* not handled in switch"),
    "optimizers.def": ("FASTNN_OPTIMIZER(adagrad, 1)", "FASTNN_OPTIMIZER_adagrad.* not handled in switch"),
    "losses.def": ("FASTNN_LOSS(hinge)", "FASTNN_LOSS_hinge.* not handled in switch"),
}
PAIRS = [(loss, output) for loss, outputs in LOSS_OUTPUTS.items() for output in ACTIVATIONS if output not in outputs]


def compiled_with(tmp_path, table, row):
    """What the compiler says of the engine with one more row in a table."""
    csrc = tmp_path / "csrc"
    if not csrc.exists():
        shutil.copytree(ROOT / "csrc", csrc)
    path = csrc / "tables" / table
    path.write_text((ROOT / "csrc" / "tables" / table).read_text() + row + "\n")
    arguments = [COMPILER, *FLAGS, f"-I{csrc}", csrc / "targets" / "baseline_float32.c"]
    done = subprocess.run(arguments, capture_output=True, text=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})
    return done.returncode, done.stderr


@pytest.mark.skipif(COMPILER is None, reason="no C compiler")
@pytest.mark.parametrize("table", ROWS)
def test_a_row_without_its_case(table, tmp_path):
    assert compiled_with(tmp_path, table, "") == (0, "")
    row, message = ROWS[table]
    code, said = compiled_with(tmp_path, table, row)
    assert code != 0
    assert re.search(message, said)


@pytest.mark.skipif(COMPILER is None, reason="no C compiler")
def test_a_pair_without_its_formula(tmp_path):
    for loss, output in PAIRS:
        code, said = compiled_with(tmp_path, "losses.def", f"FASTNN_PAIR({loss}, {output})")
        assert code != 0
        assert f"{loss} has no formula for {output}" in said


def test_the_build_has_that_flag():
    assert re.search(r'^ +"-Werror=switch",', (ROOT / "setup.py").read_text(), re.MULTILINE)


def test_an_unknown_function_is_refused():
    x = np.ones(3)
    with pytest.raises(ValueError, match="elementwise functions are exp, log, logistic and tanh, got 'sin'"):
        _engine.elementwise("sin", x, x.copy())

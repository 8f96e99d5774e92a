"""A row of csrc/tables without its case is not taken for another: the engine does not compile, the compiled loops find
no number, the naive ones raise.
"""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from test_c import COMPILER

from fastnn import _engine, _loops
from fastnn._tables import ACTIVATIONS, LOSS_OUTPUTS, LOSSES
from fastnn.activations import Activation
from fastnn.objective import Objective
from fastnn.reference import loops
from fastnn.spec import NetworkSpec

ROOT = Path(__file__).parents[1]
FLAGS = ["-std=c11", "-fsyntax-only", "-Werror=switch"]

ROWS = {
    "activations.def": (
        "FASTNN_ACTIVATION(swish, 1, 1, 1, none, 0)",
        "FASTNN_ACTIVATION_swish.* not handled in switch",
    ),
    "solvers.def": ("FASTNN_SOLVER(adagrad, 1)", "FASTNN_SOLVER_adagrad.* not handled in switch"),
    "losses.def": ("FASTNN_LOSS(cosine, any, 1, 0)", "FASTNN_LOSS_cosine.* not handled in switch"),
    "encodings.def": ("FASTNN_ENCODING(spline)", "FASTNN_ENCODING_spline.* not handled in switch"),
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
    rows = "\n".join(f"FASTNN_PAIR({loss}, {output})" for loss, output in PAIRS)
    code, said = compiled_with(tmp_path, "losses.def", rows)  # which names all, at once
    assert code != 0
    for loss, output in PAIRS:
        assert f"{loss} has no formula for {output}" in said


def test_the_compiled_loops_name_every_row():
    text = "".join(
        (ROOT / "src" / "fastnn" / name).read_text() for name in ("_elementary.pxd", "_losses.pxd", "_sample.pxd")
    )
    for kind, names in (("ACTIVATION", ACTIVATIONS), ("LOSS", LOSSES)):
        assert sorted(re.findall(rf"FASTNN_{kind}_(\w+)", text)) == sorted(names)


def test_the_compiled_loops_find_no_number_for_an_unknown_row(monkeypatch):
    x, out = np.ones((3, 2)), np.zeros((3, 2))
    monkeypatch.setitem(ACTIVATIONS, "unknown", len(ACTIVATIONS))
    _loops.activate_rows("unknown", x, out)
    assert np.isnan(out).all()
    _loops.slopes("unknown", x[0], x[0], out[0])
    assert np.isnan(out).all()
    network = NetworkSpec((2, 2), ("logistic",), np.dtype("float64"))
    parameters, gradient = np.ones(network.n_parameters), np.empty(network.n_parameters)
    monkeypatch.setitem(LOSSES, "log_loss", len(LOSSES))
    loss, _ = _loops.loss_and_gradient(network, Objective("log_loss"), parameters, x, x, np.ones(3), 0.0, gradient)
    assert np.isnan([loss, *gradient]).all()


def test_the_naive_loops_raise_for_an_unknown_row():
    with pytest.raises(ValueError, match="no loss 'cosine' of identity outputs"):
        loops.sample_loss("cosine", Activation("identity"), [1.0], [1.0], [1.0])
    with pytest.raises(ValueError, match="no delta of the loss 'cosine'"):
        loops.output_delta("cosine", Activation("identity"), [1.0], [1.0], [1.0])
    with pytest.raises(KeyError, match="swish"):
        loops.activate(Activation("swish"), [1.0])


def test_the_build_has_that_flag():
    assert re.search(r'^ +"-Werror=switch",', (ROOT / "setup.py").read_text(), re.MULTILINE)


def test_an_unknown_function_is_refused():
    x = np.ones(3)
    with pytest.raises(ValueError, match="elementwise functions are exp, log, logistic and tanh, got 'sin'"):
        _engine.elementwise("sin", x, x.copy())

"""The benchmark of models that travel: every way is measured, and wrong outputs end it with an error."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from bench import checkpoints, export, keeping, one_row, timing

pytestmark = pytest.mark.skipif(not (shutil.which("cc") or shutil.which("gcc")), reason="no C compiler")


@pytest.fixture
def options(monkeypatch, tmp_path):
    """As of the command line; everything is small and short."""
    for module, name, value in (
        (one_row, "NETWORKS", {"4-8-3": (4, 8, 3)}),
        (keeping, "SIZES", (30, 20, 10)),
        (checkpoints, "ROWS", 400),
        (checkpoints, "PASSES", 2),
        (timing, "ROUND", 1e-4),
        (export, "describe", lambda: {"cpu": "chip", "features": []}),
    ):
        monkeypatch.setattr(module, name, value)
    return SimpleNamespace(quick=True, output=tmp_path)


def test_the_tables_of_models_that_travel(options, capsys):
    export.main(options)
    printed = capsys.readouterr().out
    assert "All outputs are the same." in printed
    found = json.loads((options.output / "export.json").read_text())
    small = found["one_row"]["4-8-3"]
    assert {one_row.C_FILE, one_row.FLOOR, one_row.ENGINE, one_row.CALL} <= set(small["seconds"])
    assert small["ratios"][f"{one_row.ENGINE} / {one_row.C_FILE}"][0] > 0
    assert {"an array of 10 numbers, members: 1", "an array of 10 numbers, members: 8"} <= set(found["tables"])
    assert list(found["keeping"]["tasks"]) == list(keeping.TASKS)
    for ways in found["keeping"]["tasks"].values():
        assert {"fastnn", "joblib"} <= set(ways)
        assert ways["fastnn"]["ratio"] == [1.0, 1.0, 1.0]
    assert found["keeping"]["bytes"]["fastnn"] >= 4 * found["keeping"]["parameters"] == 4 * (31 * 20 + 21 * 10)


def test_onnx_runtime_takes_part_by_its_best_way(options, tmp_path):
    pytest.importorskip("onnxruntime")
    ways = one_row.ways_for((4, 8, 3), tmp_path)
    differences = one_row.disagreement(ways)
    assert sum(name.startswith("ONNX Runtime") for name in differences) == 3
    assert max(differences.values()) <= one_row.AGREEMENT
    seconds = one_row.seconds_a_row(ways, 3)
    medians = {name: np.median(times) for name, times in seconds.items() if name.startswith("ONNX Runtime")}
    assert medians["ONNX Runtime"] == min(medians.values())


def test_rows_of_the_c_file_are_those_of_numpy(tmp_path):
    """Each row by itself, as often as it is said to be."""
    network = one_row.network_of((5, 7, 3))
    X = np.random.default_rng(0).standard_normal((one_row.ROWS, 5)).astype(np.float32)
    predict, out = one_row.compiled(network, X, tmp_path)[one_row.C_FILE]
    predict()
    sums = np.maximum(X @ network.W[1].T + network.b[1], 0) @ network.W[2].T + network.b[2]
    exponentials = np.exp(sums - sums.max(axis=1, keepdims=True))
    np.testing.assert_allclose(out, exponentials / exponentials.sum(axis=1, keepdims=True), atol=1e-6)


def test_outputs_that_differ_end_with_an_error(options, monkeypatch):
    monkeypatch.setattr(keeping.fastnn, "load", lambda path: lambda row: np.full(10, np.nan))
    with pytest.raises(SystemExit, match="a million parameters, fastnn differs by nan"):
        export.main(options)


def test_what_is_not_installed_is_left_out_and_said(options, monkeypatch, capsys):
    def missing(*_):
        raise ModuleNotFoundError("No module named 'there'")

    monkeypatch.setattr(keeping, "by_torch", missing)
    monkeypatch.setattr(one_row, "by_onnx_runtime", missing)
    export.main(options)
    printed = capsys.readouterr().out
    assert "is left out: No module named 'there'" in printed
    assert "ONNX Runtime is left out" in printed

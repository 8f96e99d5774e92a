"""The grid of shapes: what is in it, that its loops train and predict, and that wrong numbers end it with an error."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from bench import __main__ as bench_main
from bench.shapes import command, ways
from bench.shapes.cells import CELLS, QUICK, Cell

TINY = (
    Cell(3, (4,), 3, 20, 8),
    Cell(4, (4,), 1, 20, 0, solver="sgd"),
    Cell(20, (4,), 2, 20, 8, density=0.2),
    Cell(3, (4,), 3, 20, 0, solver="lbfgs"),
    Cell(3, (4,), 2, 40, 8, early_stopping=True),
)


def options(tmp_path, cases=None):
    return SimpleNamespace(quick=True, progress=False, output=tmp_path, cases=cases)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(command, "CELLS", TINY)
    monkeypatch.setattr(command, "QUICK", TINY[:1])
    monkeypatch.setattr(command, "ROUND", 1e-3)


def test_the_table_of_the_shapes(tiny, tmp_path, capsys):
    command.main(options(tmp_path, "rows"))
    printed = capsys.readouterr().out
    assert "All of scikit-learn's losses and outputs are fastnn's." in printed
    rows = json.loads((tmp_path / "shapes.json").read_text())["rows"]
    assert [(row["name"], row["dtype"]) for row in rows] == [
        (cell.name, dtype) for cell in TINY for dtype in ("float32", "float64")
    ]
    for row in rows:
        assert row["fit"]["times_faster"]["scikit-learn"][0] > 0
        assert ("NumPy" in row["fit"]["times_faster"]) == (row["name"] in {TINY[0].name, TINY[1].name})
        assert ("NumPy" in row["predict"]["times_faster"]) == (row["cell"]["density"] is None)
    for task in ("fit", "predict"):
        of = printed.partition(f"The worst of {task}:\n")[2].partition("\n\n")[0]
        ratios = [float(ratio) for ratio in re.findall(r"^ +([\d.]+) of", of, re.MULTILINE)]
        assert len(ratios) == 10
        assert ratios == sorted(ratios, reverse=True)


def test_wrong_numbers_end_with_an_error(tiny, tmp_path, monkeypatch):
    real = ways.fit

    def fast_and_wrong(module, *arguments, **parameters):
        return real(module, *arguments, **parameters, **({"alpha": 1.0} if module is ways.fastnn else {}))

    monkeypatch.setattr(command, "fit", fast_and_wrong)
    for cell in TINY:
        with pytest.raises(SystemExit, match="fastnn and scikit-learn differ by"):
            command.main(options(tmp_path, f"^{re.escape(cell.name)}$"))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_wrong_outputs_and_another_number_of_epochs_are_differences():
    X, y = TINY[0].data("float64")
    theirs, ours, longer = (
        command.fit(module, "MLPClassifier", X, y, n, **TINY[0].parameters)
        for module, n in ((ways.sklearn.neural_network, 2), (ways.fastnn, 2), (ways.fastnn, 3))
    )
    assert command.difference_of(theirs, ours, X) < 1e-12
    assert command.difference_of(theirs, longer, X) == np.inf
    ours.predict_proba = lambda X: np.where(np.arange(3) == 1, np.nan, 0.5)
    assert not command.difference_of(theirs, ours, X) <= 1.0


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_loops_train_what_the_estimators_do():
    """All rows in one batch are the same in any order: without a penalty, NumPy's weights are fastnn's."""
    cell = Cell(3, (5, 4), 3, 20, 0)
    X, y = cell.data("float64")
    start = command.fit(ways.fastnn, cell.estimator, X, y, 1, alpha=0.0, learning_rate_init=1e-300, **cell.parameters)
    after = command.fit(ways.fastnn, cell.estimator, X, y, 3, alpha=0.0, **cell.parameters)
    peers, _ = ways.load_peers()
    fit = ways.fits(cell, X, y, 3, start, {"NumPy": peers["NumPy"]})["NumPy"]
    fit()
    (loop,) = fit.args
    for weights, expected in zip(loop.W, after.coefs_, strict=True):
        np.testing.assert_allclose(weights.T, expected, rtol=1e-9)
    predict = ways.predictions(cell, X, {"fastnn": after}, {"NumPy": peers["NumPy"]})["NumPy"]
    predict()
    np.testing.assert_allclose(predict.__self__.numbers(), after.predict_proba(X), rtol=1e-12)


def test_what_is_not_installed_is_left_out_and_said(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(ways.PEERS, "PyTorch", ("no_such_library", ""))
    command.main(options(tmp_path))
    assert "PyTorch is left out: No module named 'no_such_library'" in capsys.readouterr().out
    rows = json.loads((tmp_path / "shapes.json").read_text())["rows"]
    assert [list(row["fit"]["times_faster"]) for row in rows] == [["scikit-learn", "NumPy"]] * 2


def test_the_cells_differ_and_have_two_batches_and_all_classes():
    names = [cell.name for cell in CELLS]
    assert len(set(names)) == len(names)
    assert set(QUICK) < set(CELLS)
    for cell in CELLS:
        for some in (cell, cell.quick()):
            assert some.rows >= 2 * some.batch or some.rows == some.batch, some.name
            assert some.rows >= 2 * some.outputs, some.name
    for cell in TINY:
        X, y = cell.data("float32")
        assert X.dtype == np.float32
        assert X.shape == (cell.rows, cell.inputs)
        assert len(np.unique(y)) == (cell.rows if cell.outputs == 1 else cell.outputs)


@pytest.mark.parametrize(
    "arguments", [["--cases", "x"], ["--shapes", "--only", "numpy"], ["--shapes", "--threads", "1"]]
)
def test_options_that_would_be_left_out_are_refused(arguments, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["bench", *arguments])
    with pytest.raises(SystemExit) as ended:
        bench_main.main()
    assert ended.value.code == 2
    assert "with --peers" in capsys.readouterr().err


def test_cases_that_fit_nothing_are_an_error(tiny, tmp_path):
    with pytest.raises(SystemExit, match="fits none of"):
        command.main(options(tmp_path, "no such cell"))

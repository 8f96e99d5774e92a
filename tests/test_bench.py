"""The benchmark shows a fast wrong answer, and counts what it says it counts."""

import functools
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bench import __main__ as bench_main
from bench import estimators, report, scaling, timing
from bench.cases import NAIVE, PER_SAMPLE, Case, all_cases
from bench.peers import PEERS, cases, command, data, overview, process
from bench.peers import report as peers_report
from bench.peers import run as peers_run
from bench.peers.reference import Reference
from bench.progress import watched


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


def test_rounds_medians_and_ratios(monkeypatch):
    """By a clock that the ways themselves move: one fills a round by itself, one is called 1024 times a round."""
    now, calls = [0.0], {NAIVE: 0, PER_SAMPLE: 0}
    takes = {NAIVE: 2**-6, PER_SAMPLE: 2**-17}
    monkeypatch.setattr(timing, "perf_counter", lambda: now[0])
    monkeypatch.setattr(timing, "ROUND", 2**-7)

    def call(way):
        calls[way] += 1
        now[0] += takes[way]

    seconds = timing.measure({way: functools.partial(call, way) for way in takes}, 4)
    assert seconds == {way: [takes[way]] * 4 for way in takes}
    assert calls == {NAIVE: 4, PER_SAMPLE: 1 + 4 * 1024}
    rows = report.rows_of(Case("case", "float64", {}), {NAIVE: [3.0, 1.0, 2.0], PER_SAMPLE: [0.5, 0.5, 0.5]})
    assert [row["median"] for row in rows] == [2.0, 0.5]
    assert [row["times_faster_than_naive"] for row in rows] == [1.0, 4.0]
    assert [row["times_faster_than_numpy"] for row in rows] == [0.25, 1.0]
    assert [report.duration(t) for t in (2.0, 0.0125, 3e-6)] == ["2 s", "12.5 ms", "3 µs"]


def test_a_bar_over_the_cases(capsys):
    for wanted in (False, True):
        done = []
        for case in watched(["a", "b", "c"], wanted):
            print("row", case)
            done.append(case)
        out, err = capsys.readouterr()
        assert done == ["a", "b", "c"]
        assert out.replace("\r", "").split() == ["row", "a", "row", "b", "row", "c"]
        assert ("3/3" in err) == wanted


#: A case against peers that takes no time, and the same of prediction.
TINY = cases.Case(
    name="tiny",
    unit="epoch",
    data="clusters",
    layers=(3, 5, 4),
    hidden="relu",
    output="softmax",
    loss="log_loss",
    learning_rate=0.1,
    momentum=0.9,
    batch_size=16,
    n_epochs=2,
    n_rows=250,
    quick_rows=40,
    dtypes=("float32",),
)
TINY_PREDICTION = replace(TINY, name="tiny prediction", unit="call", loss="", batch_size=0, n_epochs=1)

WRONG_PEER = """
import numpy as np
from bench.peers import numpy_peer
from bench.peers.interface import CannotExpress
PACKAGES = ("numpy",)
class Wrong(numpy_peer.Train):
    def compute_gradient(self, H, delta, targets):
        super().compute_gradient(H, delta, targets)
        self.gradient *= 1.001
class Broken(numpy_peer.Train):
    def run(self):
        raise ValueError("no luck")
def cannot(problem):
    raise CannotExpress("no such loss")
TRAINERS = {"wrong": Wrong, "broken": Broken, "unable": cannot}
PREDICTORS = {}
"""


def test_peers_take_turns_and_a_wrong_an_absent_and_a_broken_one_are_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "wrong_peer.py").write_text(WRONG_PEER)
    (tmp_path / "absent_peer.py").write_text("import no_such_library\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    modules = {name: PEERS[name] for name in ("fastnn", "numpy")} | {"wrong": "wrong_peer", "absent": "absent_peer"}
    found = peers_report.Report({"cpu": "chip", "cores": 1, "features": [], "python": "3"}, 3)
    peers_run.measure_all([(TINY, "float32"), (TINY_PREDICTION, "float32")], modules, 3, found)
    found.print_summary()

    assert list(found.skipped) == ["absent"]
    assert "no_such_library" in found.skipped["absent"]
    rows = {(row["case"], row["way"]): row for row in found.rows}
    training, prediction = TINY.title, TINY_PREDICTION.title
    assert set(rows) == {
        *((training, way) for way in ("fastnn", "NumPy", "wrong")),
        *((prediction, way) for way in ("fastnn", "NumPy")),
    } | ({(prediction, "fastnn, predict_into")} & set(rows))
    assert [way for (_, way), row in rows.items() if row["wrong"]] == ["wrong"]
    assert rows[training, "NumPy"]["to_best_peer"] == 1.0  # the wrong one does not compete
    reasons = {entry["way"]: entry for entry in found.missing if entry["case"] == training}
    assert reasons["unable"]["reason"] == "no such loss"
    assert not reasons["unable"]["failed"]
    assert reasons["broken"]["failed"]
    assert "no luck" in reasons["broken"]["reason"]
    complaints = "\n".join(found.complaints)
    assert "wrong computes wrong numbers" in complaints
    assert "broken failed" in complaints
    assert len(found.complaints) == 2
    printed = capsys.readouterr().out
    assert "Skipped: absent" in printed
    assert "WRONG NUMBERS" in printed

    assert json.loads(found.write(tmp_path / "results").read_text())["skipped"] == found.skipped


def test_the_overview_has_the_shortest_time_of_each_library_on_one_thread(tmp_path):
    def row(library, median, dtype="float32", threads=1, wrong=False, case="a"):
        return {"case": case, "dtype": dtype, "library": library, "median": median, "threads": threads, "wrong": wrong}

    rows = [
        row("fastnn", 2.0), row("fastnn", 3.0), row("numpy", 8.0), row("torch", 12.0), row("torch", 10.0),
        row("torch", 1.0, threads=2), row("jax", 1.0, wrong=True), row("numpy", 9.0, dtype="float64"),
        row("fastnn", 1.0, dtype="float64"), row("fastnn", 4.0, dtype="float64", case="b"),
        row("numpy", 4.0, dtype="float64", case="b"), row("numpy", 4.0, case="without fastnn"),
    ]  # fmt: skip
    assert overview.ratios_of(rows) == {"a, float32": {"numpy": 4.0, "torch": 5.0}, "b, float64": {"numpy": 1.0}}
    paths = overview.write_charts(tmp_path, {"cpu": "chip"}, rows)
    assert [path.name for path in paths] == ["overview.svg", "peers.svg"]
    assert all("a, float32: PyTorch 5</title>" in path.read_text() for path in paths)
    assert overview.write_charts(tmp_path, {"cpu": "chip"}, rows[-1:]) == ()


HANGING_PEER = """
import time
from bench.peers import numpy_peer
PACKAGES = ("numpy",)
class Hangs(numpy_peer.Train):
    def run(self):
        while True:
            time.sleep(1000)
TRAINERS = {"hanging": Hangs}
PREDICTORS = {}
"""


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core")
def test_two_threads_compete_with_the_best_of_any_number_and_a_peer_that_hangs_is_left_behind(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "hanging_peer.py").write_text(HANGING_PEER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    ask = process.Process.ask

    def impatient(self, do, **fields):
        """With the one that hangs alone, when it does: the others may be slow."""
        hangs = do == "run" and "hanging_peer" in self.process.args
        monkeypatch.setattr(process, "PATIENCE", 0.5 if hangs else 1800.0)
        return ask(self, do, **fields)

    monkeypatch.setattr(process.Process, "ask", impatient)
    modules = {"fastnn": PEERS["fastnn"], "numpy": PEERS["numpy"], "hanging": "hanging_peer"}
    found = peers_report.Report({"cpu": "chip", "cores": 2, "features": [], "python": "3"}, 3)
    peers_run.measure_all([(TINY, "float32")], modules, 3, found, threads=(1, 2), short=False)
    found.print_summary()

    rows = {(row["way"], row["threads"]): row for row in found.rows}
    assert set(rows) == {(way, n) for way in ("fastnn", "NumPy") for n in (1, 2)}
    best = min(rows["NumPy", n]["median"] for n in (1, 2))
    assert rows["fastnn", 2]["to_best_peer"] == rows["fastnn", 2]["median"] / best
    assert rows["fastnn", 1]["to_best_peer"] == rows["fastnn", 1]["median"] / rows["NumPy", 1]["median"]
    assert rows["fastnn", 2]["to_one_thread"] == rows["fastnn", 2]["median"] / rows["fastnn", 1]["median"]
    assert not any(row["wrong"] for row in found.rows)
    assert [entry["threads"] for entry in found.missing] == [1, 2]
    assert all("no answer to 'run' within 0.5 s" in entry["reason"] for entry in found.missing)
    assert "fastnn, 2 threads" in capsys.readouterr().out


def test_numbers_of_threads(monkeypatch):
    monkeypatch.setattr(command.os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    assert command.thread_counts(None) == [1, 2]
    assert command.thread_counts("3,1") == [1, 3]
    for wrong in ("4", "0,1", "one", ""):
        with pytest.raises(SystemExit, match="takes numbers from 1 to 3"):
            command.thread_counts(wrong)


def test_scaling_compares_numbers_of_threads_and_their_bits(tmp_path, monkeypatch, capsys):
    for name, value in (("BATCH_SIZES", (8, 300)), ("WIDTHS", (5,)), ("QUICK_ROUND", 0.001)):
        monkeypatch.setattr(scaling, name, value)
    monkeypatch.setattr(scaling, "describe", lambda: {"cpu": "chip", "cores": 2, "features": []})
    scaling.main(SimpleNamespace(quick=True, progress=False, output=tmp_path))
    rows = json.loads((tmp_path / "scaling.json").read_text())["rows"]
    assert [(row["dtype"], row["batch_size"]) for row in rows] == [
        (dtype, n) for dtype in ("float32", "float64") for n in (8, 300)
    ]
    assert all(row["same_bits"] and row["times_faster"]["1"] == [1.0, 1.0, 1.0] for row in rows)
    assert "The same bits by any number of threads." in capsys.readouterr().out

    def differs(n_updates, n_threads):
        return 1e-3 * n_updates, bytes([n_threads])

    assert scaling.measure(differs, (1, 2), 2, 0.01)[1] is False


@pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.name)
def test_cases_are_complete_and_batches_cover_all_rows(case):
    few = case.short()
    sizes = {batch.stop - batch.start for batch in few.batches}
    assert sizes == {batch.stop - batch.start for batch in case.batches}
    assert sum(batch.stop - batch.start for batch in case.batches) == case.n_rows
    assert hasattr(data, case.data)
    assert case.flops > 0
    assert case.units >= 1


def test_a_problem_travels_and_shortens(tmp_path):
    problem = data.problem(TINY, "float32")
    problem.save(tmp_path / "problem.npz")
    loaded = cases.load(tmp_path / "problem.npz", json.loads(json.dumps(problem.description)))
    assert loaded.case == TINY
    np.testing.assert_array_equal(loaded.rows, problem.rows)
    assert [W.dtype for W in loaded.W] == [np.float32, np.float32]
    few = problem.short()
    np.testing.assert_array_equal(few.X[few.rows], problem.X[problem.rows[: few.case.n_rows]])
    reference = Reference(few, "short")
    assert not reference.error([1.0]) <= reference.tolerance
    assert not reference.error(np.full(reference.network.n_parameters, np.nan)) <= reference.tolerance


@pytest.mark.parametrize(
    "others",
    [*([f"--{other}"] for other in bench_main.OTHERS if other != "peers"), ["--manners", "--scaling"]],
)
def test_one_run_measures_one_thing(others, monkeypatch, capsys):
    """Two at once are refused: the second would be left out without a word."""
    monkeypatch.setattr("sys.argv", ["bench", "--quick", "--peers", *others])
    monkeypatch.setattr(command, "main", lambda options: None)
    with pytest.raises(SystemExit) as ended:
        bench_main.main()
    assert ended.value.code == 2
    assert "not allowed with argument --" in capsys.readouterr().err


def test_the_benchmark_uses_what_users_can():
    """No name of fastnn that begins with an underscore, in any of its programs."""
    for path in sorted(Path(estimators.__file__).parent.rglob("*.py")):
        names = re.findall(r"\bfrom fastnn(?:\.\w+)* import .*|\bfastnn(?:\.\w+)+", path.read_text())
        assert not [name for name in names if re.search(r"[\s.(,]_[a-z]", name)], path.name
    assert estimators.multiply_adds_a_second("float64") > 0


def test_the_floor_counts_forward_weights_and_hidden_gradients():
    assert replace(TINY, n_epochs=1).flops == 250 * 2 * ((15 + 20) + (15 + 20) + 20)
    assert TINY_PREDICTION.flops == 250 * 2 * (15 + 20)
    assert replace(TINY, unit="update").units == 2 * 16


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_estimators_are_timed_at_equal_loss_curves(monkeypatch):
    X, y = np.random.default_rng(0).standard_normal((40, 3)), np.arange(40) % 2
    measured, difference = estimators.measure_fit("MLPClassifier", X, y, True, hidden_layer_sizes=(4,), batch_size=10)
    assert difference < 1e-9
    assert measured["fastnn"] > 0
    assert measured["multiply_adds"] == 40 * (3 * (3 * 4 + 4) - 3 * 4)
    real = estimators.fit

    def fast_and_wrong(module, *arguments, **parameters):
        if module is estimators.fastnn:
            parameters["alpha"] = 1.0
        return real(module, *arguments, **parameters)

    monkeypatch.setattr(estimators, "fit", fast_and_wrong)
    _, difference = estimators.measure_fit("MLPClassifier", X, y, True, hidden_layer_sizes=(4,), batch_size=10)
    assert difference > max(estimators.AGREEMENT.values())


def test_the_table_of_the_estimators(monkeypatch, capsys, tmp_path):
    tiny = np.random.default_rng(0).standard_normal((30, 3))
    problems = [("a", "MLPClassifier", tiny, np.arange(30) % 3)] * 3 + [("b", "MLPRegressor", tiny, tiny[:, 0])]
    monkeypatch.setattr(estimators, "problems", lambda quick: problems)
    estimators.main(SimpleNamespace(quick=True, progress=False, output=tmp_path))
    assert "All loss curves are the same." in capsys.readouterr().out
    found = json.loads((tmp_path / "estimators.json").read_text())
    assert len(found["rows"]) == 4 * 2 * 2 * 2
    assert set(found["means"]) == {f"{d}, batch {b}" for d in ("float32", "float64") for b in ("auto", "32")}
    assert list(found["predictions"]) == ["MLPClassifier, a", "MLPRegressor, b"]
    monkeypatch.setattr(estimators, "AGREEMENT", {"float32": -1.0, "float64": -1.0})
    with pytest.raises(SystemExit, match="the loss curves differ by"):
        estimators.main(SimpleNamespace(quick=True, progress=False, output=tmp_path))

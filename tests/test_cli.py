"""The command on real tables, as a process: what is trained predicts as the estimator in Python does, to the bit; and
what it says of mistakes."""

import gzip
import io
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from command import TABLES, pl, process, write

import fastnn
from fastnn import TabularClassifier, TabularRegressor, load
from fastnn.cli import learning, main, mistakes, options, reading

SOME = ["--members", "1", "--preset", "fast"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tables")


@pytest.fixture(scope="module")
def trained(folder):
    """Target -> (path of the table, path of the model, what train said of it)."""
    made = {}

    def of(target):
        if target not in made:
            path, out = write(target, folder), folder / f"{target}.fastnn"
            code, said, notes = process("train", path, "--target", target, "--out", out, *SOME, "--json")
            assert code == 0, notes
            made[target] = path, out, json.loads(said), notes
        return made[target]

    return of


def in_python(path, target, task=None):
    """The estimator that `train` makes, made in Python of the frame without what numbers its rows; the frame, and the
    rows with a target."""
    whole = reading.read(str(path))
    frame = whole.drop(learning.numbers_of_rows(whole, range(whole.height)))
    known = frame.filter(pl.col(target).is_not_null())
    kind = TabularClassifier if known[target].dtype == pl.String or task == "classes" else TabularRegressor
    y = known[target].to_numpy().astype(str) if known[target].dtype == pl.String else known[target].to_numpy()
    model = kind(n_members=1, preset="fast", random_state=0).fit(known.drop(target), y)
    return model, whole.drop(target), known


@pytest.mark.filterwarnings("ignore:columns that only name or number the rows")
@pytest.mark.parametrize("target", TABLES)
def test_what_is_trained_predicts_as_in_python(trained, target):
    path, out, said, notes = trained(target)
    model, X, known = in_python(path, target, said["task"])
    assert said["n_rows"] == known.height
    assert said["n_without_target"] == X.height - known.height
    assert ("rows without a value in 'vote' are left out" in notes) == (target == "vote")
    assert said["task"] == ("numbers" if target == "unemploy" else "classes")
    assert f"{target!r} is taken for {said['task']}: it h" in notes
    assert said["bytes"] == out.stat().st_size
    assert [row["column"] for row in said["columns"]] == X.columns
    scores = said["held_back"]["scores"]
    name = "r2" if target == "unemploy" else "accuracy"
    assert scores[name] > said["held_back"]["constant"][name] + 0.2
    code, csv, _ = process("predict", out, path, "--probabilities" if name == "accuracy" else "--interval=0.8")
    assert code == 0
    found, used = pl.read_csv(io.StringIO(csv)), X.select(model.feature_names_in_)
    assert found["prediction"].to_list() == model.predict(used).tolist()
    if name == "accuracy":
        assert found.columns[1:] == [f"probability_{label}" for label in model.classes_]
        assert np.array_equal(found[:, 1:].to_numpy(), model.predict_proba(used))
    else:
        assert np.array_equal(found["low", "high"].to_numpy().T, model.predict_interval(used, 0.8))


def as_csv(frame, path):
    frame.write_csv(path)
    return path


@pytest.fixture(scope="module")
def awkward(folder):
    """A table of all kinds of columns, gaps among them, its model from Python, which has seen no file."""
    rng, n = np.random.default_rng(0), 300
    frame = pl.DataFrame(
        {
            "number": rng.normal(size=n),
            "digits": rng.choice(["1", "2", "30", "004"], n),
            "words": rng.choice(["NA", "?", "yes", "1"], n),
            "many": [f"town {i}" for i in rng.integers(0, 30, n)],
            "truth": rng.random(n) < 0.5,
            "day": np.datetime64("2024-01-01") + rng.integers(0, 400, n),
            "moment": np.datetime64("2024-01-01T00:00:00.5", "us") + rng.integers(0, 10**9, n) * 10**6,
            "large": 2**60 + rng.integers(0, 1000, n),
            "constant": [7] * n,
        }
    )
    y = frame["number"].to_numpy() + 2 * (frame["digits"].to_numpy() == "2") + frame["truth"].to_numpy()
    gaps = {name: pl.Series(rng.random(n) < 0.1) for name in ("number", "many", "truth", "day")}
    frame = frame.with_columns(
        [pl.when(mask).then(None).otherwise(pl.col(name)).alias(name) for name, mask in gaps.items()]
    )
    model = TabularRegressor(n_members=1, preset="fast", random_state=0).fit(frame, y)
    model.save(folder / "awkward.fastnn")
    return frame, model, folder / "awkward.fastnn"


def predictions(run, *arguments):
    code, said, notes = run("predict", *arguments)
    assert code == 0, notes
    assert "does not know" not in notes
    return pl.read_csv(io.StringIO(said))["prediction"].to_numpy()


@pytest.mark.parametrize("rows", [slice(None), slice(0, 1), slice(7, 9)], ids=["all", "one", "two"])
@pytest.mark.parametrize("written", ["csv", "semicolons", "parquet", "arrow"])
def test_cells_are_read_as_the_model_learned_them(awkward, run, tmp_path, written, rows):
    frame, model, out = awkward
    frame, path = frame[rows], tmp_path / f"table.{written}"
    {
        "csv": frame.write_csv, "parquet": frame.write_parquet, "arrow": frame.write_ipc,
        "semicolons": lambda path: frame.write_csv(path, separator=";", decimal_comma=True),
    }[written](path)  # fmt: skip
    expected = model.predict(frame)
    found = predictions(run, out, path)
    assert np.array_equal(found, expected)


def test_columns_in_any_order_others_ignored_levels_unseen(awkward, run, tmp_path):
    frame, model, out = awkward
    frame = frame.with_columns(many=pl.lit("a town of nobody's"), words=pl.lit("maybe"))
    path = as_csv(frame.select(reversed(frame.columns)).with_columns(extra=1), tmp_path / "table.csv")
    code, said, notes = run("predict", out, path)
    assert code == 0
    assert "not asked for: 'extra'" in notes
    for name in ("many", "words"):
        assert f"fastnn: {name!r}: {frame.height} words that the model does not know, taken for missing\n" in notes
    assert np.array_equal(pl.read_csv(io.StringIO(said))["prediction"].to_numpy(), model.predict(frame))


@pytest.mark.parametrize("block", [200, 3000])
def test_pieces_of_a_file_are_answered_as_the_whole(awkward, run, tmp_path, monkeypatch, block):
    frame, model, out = awkward
    late = frame.with_columns(number=pl.when(pl.int_range(pl.len()) < 200).then(1.0).otherwise("number"))
    text = late.write_csv().replace("\n1.0,", "\n1,")  # integers at first, then gaps and fractions
    path = tmp_path / "table.csv"
    path.write_text(text)
    pieces = []
    monkeypatch.setattr(reading, "BLOCK", block)
    monkeypatch.setattr(reading, "_frame_of", lambda *given, own=reading._frame_of: pieces.append(given) or own(*given))
    assert np.array_equal(predictions(run, out, path), model.predict(late))
    assert len(pieces) > 4


def test_a_model_without_names_takes_columns_by_their_places(run, tmp_path):
    rng = np.random.default_rng(0)
    X, out = rng.normal(size=(100, 3)), tmp_path / "model"
    model = TabularRegressor(n_members=1, preset="fast", random_state=0).fit(X, X.sum(axis=1))
    model.save(out)
    path = as_csv(pl.DataFrame(X, schema=["c", "b", "a"]), tmp_path / "table.csv")
    np.save(tmp_path / "array.npy", X)
    assert np.array_equal(predictions(run, out, path), model.predict(X))
    assert np.array_equal(predictions(run, out, tmp_path / "array.npy"), model.predict(X))
    mixed = np.array([[a, "xyz"[i % 3]] for i, a in enumerate(X[:, 0])], object)
    model.fit(mixed, X[:, 0]).save(out)
    path = as_csv(pl.DataFrame({"p": X[:, 0], "q": mixed[:, 1].tolist()}), path)
    assert np.array_equal(predictions(run, out, path), model.predict(mixed))
    code, _, notes = run("predict", out, tmp_path / "array.npy")
    assert code == 4
    assert "has 3 columns, and the model learned from 2 without names" in notes


def test_a_file_keeps_the_name_of_the_target_and_what_is_no_value(run, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("a,y\n" + "".join(f"{-999 if i % 5 == 0 else i},{i / 3}\n" for i in range(100)))
    out, again = tmp_path / "model", tmp_path / "again"
    code, _, _ = run("train", table, "--target", "y", "--out", out, "--null=-999", *SOME)
    assert code == 0
    model = load(out)
    assert model._table == {"target": "y", "null": ["-999"], "fastnn": fastnn.__version__}
    model.save(again)
    assert load(again)._table == model._table
    X = pl.DataFrame({"a": [None if i % 5 == 0 else float(i) for i in range(100)]})
    assert np.array_equal(predictions(run, again, table), model.predict(X))
    assert "a_missing" in model._columns.names_out


def test_the_name_of_a_target_from_python(tmp_path):
    X = pl.DataFrame({"a": np.arange(50.0)})
    y = pl.Series("price", np.arange(50.0) ** 2)
    model = TabularRegressor(n_members=1, preset="fast", random_state=0).fit(X, y)
    model.save(tmp_path / "model")
    assert load(tmp_path / "model")._table["target"] == "price"
    assert not hasattr(model.fit(X, y.to_numpy()), "_table")


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow", "json"])
def test_where_predictions_go(trained, run, tmp_path, suffix):
    path, out, _, _ = trained("target")
    expected = load(out).predict(pl.read_parquet(path).drop("target"))
    made = tmp_path / f"answers.{suffix}"
    if suffix == "json":
        code, said, _ = run("predict", out, path, "--keep", "alcohol,ash", "--json")
        plain = json.loads(said)
        assert plain["n_rows"] == len(expected)
        found = pl.DataFrame(plain["predictions"])
    else:
        code, said, _ = run("predict", out, path, "--keep", "alcohol", "--keep", "ash", "--out", made)
        assert "178 rows" in said
        found = {"csv": pl.read_csv, "parquet": pl.read_parquet, "arrow": pl.read_ipc}[suffix](made)
    assert code == 0
    assert found.columns == ["alcohol", "ash", "prediction"]
    assert found["prediction"].to_list() == expected.tolist()
    assert np.array_equal(found["ash"].to_numpy(), pl.read_parquet(path)["ash"].to_numpy())


def test_a_failure_leaves_no_file(trained, run, tmp_path):
    path, out, _, _ = trained("target")
    bad = as_csv(pl.read_parquet(path).cast(pl.String).with_columns(ash=pl.lit("much")), tmp_path / "bad.csv")
    code, said, notes = run("predict", out, bad, "--out", tmp_path / "answers.csv")
    assert (code, said) == (4, "")
    assert "line 2 of" in notes
    assert os.listdir(tmp_path) == ["bad.csv"]


def test_a_pipe_from_one_end_to_the_other(trained, folder):
    path, out, _, _ = trained("vote")
    lines = gzip.decompress(path.read_bytes())
    code, said, notes = process("predict", out, "-", given=lines)
    assert (code, len(said.splitlines())) == (0, 2701)
    assert notes == "fastnn: not asked for: 'rownames'\n"
    shell = f"{sys.executable} -m fastnn predict {out} - < {path} | head -1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {shell}"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "prediction\n", notes)


def test_a_pipe_that_nobody_reads(trained, tmp_path):
    path, out, _, _ = trained("target")
    many = tmp_path / "many.csv"
    pl.concat([pl.read_parquet(path)] * 500).write_csv(many)  # more than a pipe holds
    shell = f"{sys.executable} -m fastnn predict {out} {many} | head -2; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.startswith("prediction\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no disk that is full")
@pytest.mark.parametrize("command", [["predict"], ["predict", "--json"], ["info"], ["info", "--json"]])
def test_a_full_disk_is_told(trained, command):
    path, out, _, _ = trained("target")
    name, *more = command
    shell = f"{sys.executable} -m fastnn {name} {out} {path if name == 'predict' else ''} {' '.join(more)} > /dev/full"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=60)
    assert done.returncode == 7
    assert done.stderr == "fastnn: the result cannot be written: No space left on device\n"


def test_letters_that_the_console_lacks(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    table, out = tmp_path / "table.csv", tmp_path / "model"
    table.write_text("漢,y\n" + "".join(f"é{i % 3},{'ä' if i % 3 else 'ö'}\n" for i in range(60)), encoding="utf-8")
    code, said, notes = process("train", table, "--target", "y", "--out", out, *SOME, "--json")
    assert (code, json.loads(said)["columns"][0]["column"]) == (0, "漢"), notes
    code, said, _ = process("predict", out, table, "--keep", "漢", "--json")
    assert (code, json.loads(said)["predictions"][1]) == (0, {"漢": "é1", "prediction": "ä"})
    code, said, _ = process("info", out)
    assert (code, "\\u6f22" in said) == (0, True)


def test_a_ctrl_c_keeps_the_best_model(folder, tmp_path):
    path, out = write("vote", folder), tmp_path / "model"
    arguments = ["train", path, "--target", "vote", "--out", out, "--members", "500", "--n-jobs", "1", "--progress"]
    started = subprocess.Popen(
        [sys.executable, "-m", "fastnn", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    seen = b""
    while b"loss=" not in seen:
        seen += started.stderr.read1(1000)
        assert started.poll() is None, seen
    time.sleep(0.2)
    started.send_signal(signal.SIGINT)
    said, notes = started.communicate(timeout=30)
    assert started.returncode == 130
    assert f"interrupted: {out} has the best model by then".encode() in notes
    assert b"learned from 2,5" in said
    assert load(out).classes_.tolist() == ["A", "N", "U", "Y"]


def test_help_is_there_at_once():
    asked = (
        "import sys; from fastnn.cli import main; main(['{}']); print(len({{'polars', 'sklearn'}} & {{*sys.modules}}))"
    )
    for argument in ("--help", "--version"):
        done = subprocess.run(
            [sys.executable, "-c", asked.format(argument)], capture_output=True, text=True, timeout=60
        )
        assert done.stdout.splitlines()[-1] == "0", done.stdout + done.stderr


def test_version_help_and_completion(run):
    assert run("--version") == (0, f"fastnn {fastnn.__version__}\n", "")
    code, said, _ = run()
    assert code == 0
    assert said == run("--help")[1]
    for name in ("train", "predict"):
        assert f"\n  {name} " in said
        assert run(name, "--help")[0] == 0
    asked = f"{sys.executable} -m fastnn --show-completion; true"  # the shell is found among the parents
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, timeout=60)
    assert "_FASTNN_COMPLETE" in done.stdout


TRAIN = ["train", "{table}", "--target", "y", "--out", "{out}", *SOME]
PREDICT = ["predict", "{model}"]

#: What is done wrong -> the command, {names} of files among it; the code; words of the message.
MISTAKES = {
    "no such command": (["predikt"], 2, "No such command 'predikt'"),
    "another's command": (["fit", "{table}"], 2, "No such command 'fit'. Did you mean 'train'"),
    "another's option": ([*TRAIN, "--epochs", "5"], 2, "No such option: --epochs; .*--preset and --time-limit"),
    "an option for the table": (["train", "--data", "{table}"], 2, "--data.*; DATA stands without an option$"),
    "no such option": ([*TRAIN, "--trget", "y"], 2, "No such option: --trget"),
    "no target": (["train", "{table}", "--out", "{out}"], 2, "Missing option '--target'"),
    "no number": ([*TRAIN, "--members", "many"], 2, "'--members'.*valid integer"),
    "no network": ([*TRAIN, "--members", "0"], 2, "'--members'"),
    "sizes of layers": ([*TRAIN, "--hidden", "64x"], 2, "--hidden must be sizes of layers, .* got '64x'"),
    "no preset": ([*TRAIN, "--preset", "quick"], 2, "--preset must be fast or default or best, got 'quick'"),
    "no time": ([*TRAIN, "--time-limit", "0"], 2, "'time_limit' parameter .* Got 0.0"),
    "share of a test": ([*TRAIN, "--test", "2"], 2, "--test must be a share between 0 and 1"),
    "target dropped": ([*TRAIN, "--drop", "y"], 2, "'y' is the target"),
    "no file": (["train", "{folder}/tabel.csv", *TRAIN[2:]], 3, "tabel.csv' cannot be read: No such file"),
    "a folder": (["train", "{folder}", *TRAIN[2:]], 3, "cannot be read: Is a directory"),
    "an empty file": (["train", "{empty}", *TRAIN[2:]], 3, "empty.csv is empty"),
    "a ragged line": (["train", "{ragged}", *TRAIN[2:]], 3, "line 4 of .*ragged.csv has 2 cells"),
    "a target misspelled": (["train", "{table}", "--target", "Y1", *TRAIN[4:]], 4, "no column 'Y1'; did you mean 'y'"),
    "a column misspelled": ([*TRAIN, "--drop", "nmae"], 4, "no column 'nmae'; did you mean 'name'"),
    "one class": ([*TRAIN[:3], "one", *TRAIN[4:]], 4, "'one' is always 'a'"),
    "one number": ([*TRAIN[:3], "five", *TRAIN[4:]], 4, "'five' is always 5; a model needs rows of two values"),
    "one fraction": ([*TRAIN[:3], "half", *TRAIN[4:]], 4, "'half' is always 0.5; a model needs rows of two values"),
    "one number of asked": ([*TRAIN[:3], "five", *TRAIN[4:], "--task", "numbers"], 4, "'five' is always 5.0"),
    "too many classes": ([*TRAIN[:3], "name", *TRAIN[4:]], 4, "'name' has 60 different values in 60 rows"),
    "dates to predict": ([*TRAIN[:3], "day", *TRAIN[4:]], 4, "'day' holds dates; make it a number"),
    "words for numbers": ([*TRAIN[:3], "word", *TRAIN[4:], "--task", "numbers"], 4,
                          "line 2 of .*'word': 'u', expected numbers"),
    "a negative weight": ([*TRAIN, "--weight", "minus"], 4, "line 2 of .*: the weight 'minus' is '-1'"),
    "no group": ([*TRAIN, "--groups", "gap"], 4, "line 2 of .*: there is no group in 'gap'"),
    "infinity": (["train", "{infinite}", *TRAIN[2:]], 4, "line 3 of .*'a': inf .infinity.*--null inf"),
    "no model": (["predict", "{folder}/modle", "{table}"], 5, "modle' cannot be read: No such file"),
    "another file for a model": (["predict", "{table}", "{model}"], 5,
                                 "is no file that fastnn saved.*looks like a table: MODEL comes first"),
    "nothing for a model": (["predict", "{empty}", "{table}"], 5, "is no file that fastnn saved[^:]*$"),
    "a network": (["predict", "{network}", "{table}"], 5, "is of a Network, which takes arrays"),
    "a missing column": ([*PREDICT, "{fewer}"], 4, "lacks 'word', which the model learned from; did you mean 'worth'"),
    "a word for a number": ([*PREDICT, "{wrong}"], 4, "line 4 of .*column 'a': 'much', expected numbers"),
    "intervals of classes": (["predict", "{classes}", "{table}", "--interval", "0.9"], 2, "ask for --probabilities"),
    "probabilities of numbers": ([*PREDICT, "{table}", "--probabilities"], 2, "ask for --interval 0.9"),
    "a share of intervals": ([*PREDICT, "{table}", "--interval", "90"], 2, "share between 0 and 1, .* got 90"),
    "a column to keep": ([*PREDICT, "{table}", "--keep", "names"], 4, "no column 'names'; did you mean 'name'"),
    "a column to keep twice": ([*PREDICT, "{table}", "--keep", "name,a,name"], 2, "--keep name is there twice"),
    "lists to predict": (["train", "{cells}", *TRAIN[2:3], "lists", *TRAIN[4:]], 4, "'lists' holds List"),
    "nothing to predict": (["train", "{cells}", *TRAIN[2:3], "empty", *TRAIN[4:]], 4, "no row of .* has a value"),
    "lists to keep": ([*PREDICT, "{cells}", "--keep", "lists", "--out", "{folder}/x.csv"], 4, "no cells of List"),
    "bytes to keep": ([*PREDICT, "{cells}", "--keep", "bytes", "--out", "{folder}/x.csv"], 4, "no cells of Binary"),
    "a long name": ([*TRAIN[:5], "x" * 300, *SOME], 7, "cannot be written: .*too long"),
    "a device": ([*TRAIN[:5], os.devnull, *SOME, "--force"], 7, "is no regular file"),
    "onto the test": ([*TRAIN[:5], "{wrong}", "--test", "{wrong}", "--force"], 7, "is what is read; name another"),
    "there already": ([*PREDICT, "{table}", "--out", "{table}"], 7, "is there already; add --force"),
    "no folder": ([*PREDICT, "{table}", "--out", "{folder}/no/x.csv"], 7, "no folder"),
    "onto itself": ([*PREDICT, "{table}", "--out", "{table}", "--force"], 7, "is what is read; name another"),
    "a suffix": ([*PREDICT, "{table}", "--out", "{folder}/x.xlsx"], 2, "--out must end in .csv, .parquet"),
    "a folder for a model": ([*TRAIN[:5], "{folder}", *SOME], 7, "is a folder; name a file in it"),
}  # fmt: skip


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Names -> files to make mistakes with."""
    from fastnn import Network

    folder = tmp_path_factory.mktemp("mistakes")
    lines = ["a,word,name,day,one,minus,gap,five,half,y"]
    for i in range(60):
        word, day = f"u{'vw'[i % 2] if i else ''}", f"2024-01-{i % 28 + 1:02}"
        lines.append(f"{i},{word},n{i},{day},a,{1 if i else -1},{i or ''},5,0.5,{i * i % 7 / 4}")
    texts = {
        "table": lines, "empty": [], "ragged": ["a,b,y", "1,2,3", "1,2,3", "1,2"],
        "infinite": ["a,y", "1,2.5", "inf,1"], "fewer": ["a,worth", "1,2"], "wrong": ["a,word", "1,u", ",u", "much,u"],
    }  # fmt: skip
    for name, own in texts.items():
        (folder / f"{name}.csv").write_text("".join(line + "\n" for line in own))
    X = pl.DataFrame({"a": np.arange(60) * 7 % 60, "word": [f"u{'vw'[i % 2]}" for i in range(60)]})
    small = {"n_members": 1, "preset": "fast", "random_state": 0, "max_epochs": 2}
    TabularRegressor(**small).fit(X, np.arange(60.0)).save(folder / "model")
    TabularClassifier(**small).fit(X, np.arange(60) % 2).save(folder / "classes")
    Network([[[1.0]]], [[0.0]]).save(folder / "network")
    cells = {
        "lists": pl.Series([[i] for i in range(60)]), "bytes": pl.Series([b"b"] * 60),
        "empty": pl.Series([None] * 60, dtype=pl.Float64),
    }  # fmt: skip
    X.with_columns(**cells).write_parquet(folder / "cells")
    files = {name: str(folder / f"{name}.csv") for name in texts}
    return {
        **files,
        **{name: str(folder / name) for name in ("model", "classes", "network", "cells", "out")},
        "folder": str(folder),
    }


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_has_its_code_and_a_message_that_helps(places, run, mistake):
    import re

    command, code, words = MISTAKES[mistake]
    found, said, notes = run(*(word.format(**places) for word in command))
    assert (found, said) == (code, "")
    message = next(line for line in reversed(notes.splitlines()) if line.startswith("fastnn: "))
    assert re.search(words, message), notes
    found, said, _ = run(*(word.format(**places) for word in command), "--json")
    if mistake not in ("no such command", "another's command"):
        told = json.loads(said)["error"]
        assert (found, told["code"], f"fastnn: {told['message']}") == (code, code, message)
    assert not os.path.exists(places["out"])


def test_a_mistake_as_a_process(places):
    code, said, notes = process("predict", places["model"], places["wrong"], "--json")
    assert code == json.loads(said)["error"]["code"] == 4
    assert notes.startswith("fastnn: line 4 of ")


def test_a_fault_is_told_in_a_line_and_shown_where_it_is_asked_for(places, run, monkeypatch, capsys):
    def broken(*given, **more):
        raise RuntimeError("wheels came off")

    monkeypatch.setattr("fastnn.cli.models.load", broken)
    code, said, notes = run("predict", places["model"], places["table"])
    assert (code, said) == (1, "")
    assert "a fault of fastnn itself: RuntimeError: wheels came off" in notes
    assert "FASTNN_TRACEBACK=1" in notes
    monkeypatch.setenv("FASTNN_TRACEBACK", "1")
    assert main(["predict", places["model"], places["table"]]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_without_the_extra_it_says_what_to_install():
    hidden = "import sys; sys.modules['typer'] = None; from fastnn.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", hidden]
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, f"fastnn {fastnn.__version__}\n")
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 6
    assert "the command fastnn needs Typer, Rich, polars and scikit-learn" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("values", "task", "dtype"),
    [
        (["a", "b"], "classes", "U"), (["true", "false"], "classes", "b"), (["0", "1"], "classes", "i"),
        (["1.0", "2.0"], "classes", "i"), (["1.5", "2"], "numbers", "f"), (list(map(str, range(100))), "numbers", "f"),
    ],
)  # fmt: skip
def test_what_a_target_is(tmp_path, values, task, dtype):
    path = tmp_path / "table.csv"
    path.write_text("x,y\n" + "".join(f"{i},{values[i % len(values)]}\n" for i in range(200)) + "1,\n")
    (raw,) = reading.raw_pieces(str(path))
    lesson = learning.lesson_of(raw, "y")
    assert (lesson.task, lesson.y.dtype.kind, lesson.n_without, len(lesson.y)) == (task, dtype, 1, 200)
    assert lesson.why
    other = learning.lesson_of(raw, "y", task="classes")
    assert other.y.dtype.kind == (dtype if task == "classes" or values[0] == "0" else "U") or other.y.dtype.kind == "i"


@pytest.mark.parametrize(
    ("one", "other", "classes"),
    [
        ("1.50", "2.5", ["1.5", "2.5"]), ("1.0", "2", [1, 2]), ("007", "7", ["007", "7"]),
        ("false", "TRUE", [False, True]), (str(2**60), str(2**60 + 1), [2**60, 2**60 + 1]),
        (str(2**70), str(2**70 + 1), [str(2**70), str(2**70 + 1)]),
    ],
)  # fmt: skip
def test_classes_are_known_again_however_they_are_written(run, tmp_path, one, other, classes):
    table, out = tmp_path / "table.csv", tmp_path / "model"
    table.write_text("x,y\n" + "".join(f"{i},{one if i < 40 else other}\n" for i in range(80)))
    options = ["--task", "classes", "--test", table, "--json"]
    code, said, notes = run("train", table, "--target", "y", "--out", out, *SOME, *options)
    assert code == 0, notes
    assert json.loads(said)["classes"] == classes
    found = load(out).predict(pl.DataFrame({"x": range(80)}))
    accuracy = np.mean(found == np.repeat(classes, 40))
    assert json.loads(said)["test"]["scores"]["accuracy"] == accuracy
    code, said, notes = run("evaluate", out, table, "--json")
    assert code == 0, notes
    assert json.loads(said)["scores"]["accuracy"] == accuracy


def test_train_with_all_that_there_is(run, tmp_path):
    rng, n = np.random.default_rng(0), 400
    frame = pl.DataFrame({"a": rng.normal(size=n), "b": rng.normal(size=n), "id": np.arange(n), "g": np.arange(n) // 4})
    frame = frame.with_columns(w=pl.lit(1) + pl.col("g") % 3, y=pl.col("a").round(3))
    path, out = as_csv(frame, tmp_path / "table.csv"), tmp_path / "model"
    code, said, notes = run(
        "train", path, "--target", "y", "--out", out, "--hidden", "16x8", "--members", "2", "--preset", "fast",
        "--weight", "w", "--groups", "g", "--drop", "id", "--test", "0.25", "--importances", "--seed", "3", "--json",
    )  # fmt: skip
    assert code == 0, notes
    plain = json.loads(said)
    assert (plain["n_rows"], plain["test"]["n_rows"], plain["n_members"]) == (300, 100, 3)
    assert plain["test"]["scores"]["r2"] > 0.8
    assert plain["test"]["constant"]["r2"] < 0.1
    assert [row["column"] for row in plain["columns"]] == ["a", "b"]
    assert plain["importances"]["a"] > 0.5 > plain["importances"]["b"]
    model = load(out)
    assert [member.spec.layer_sizes[2:-1] for member in model.members_] == [(16, 8)] * 3
    test = as_csv(frame[:50], tmp_path / "test.csv")
    code, said, _ = run(
        "train", path, "--target", "y", "--out", out, *SOME, "--test", test, "--max-rows", "200", "--force"
    )
    assert code == 0
    assert "learned from 200 rows" in said
    assert "a constant" in said


def test_large_integers_zones_and_several_targets_come_back(run, tmp_path):
    n, out = 200, tmp_path / "model"
    rng = np.random.default_rng(0)
    large, hours = 2**70 + rng.integers(0, 10**6, n).astype(object), rng.integers(0, 9999, n)
    days = [f"2024-01-{i % 28 + 1:02}T{h % 24:02}:00+0{i % 3}:00" for i, h in enumerate(hours)]
    text = "id,day,y\n" + "".join(f"{i},{day},{h}.5\n" for i, day, h in zip(large, days, hours, strict=True))
    table = tmp_path / "table.csv"
    table.write_text(text)
    assert run("train", table, "--target", "y", "--out", out, *SOME)[0] == 0
    X = pl.DataFrame({"id": pl.Series(large.tolist(), dtype=pl.Int128), "day": days})
    y = hours + 0.5
    model = TabularRegressor(n_members=1, preset="fast", random_state=0).fit(X, y)
    assert [column["kind"] for column in model.columns_] == ["number", "date"]
    assert np.array_equal(predictions(run, out, table), model.predict(X))
    model.fit(X, np.c_[y, -y]).save(out)
    code, said, _ = run("predict", out, table, "--interval", "0.8")
    assert code == 0
    found = pl.read_csv(io.StringIO(said))
    assert found.columns == [f"{name}_{i}" for name in ("prediction", "low", "high") for i in (0, 1)]
    assert np.array_equal(found[:, :2].to_numpy(), model.predict(X))
    table.write_text(text.replace("T00:00", "T00:00 o'clock"))
    code, _, notes = run("predict", out, table)
    assert code == 4
    assert "column 'day'" in notes


def test_what_is_left_out_is_said_also_where_rows_have_no_target(run, tmp_path):
    lines = [
        f"{row},{row % 7 + 1}{'.250' if row % 3 else ''},{70 + row} km,{row % 5 * 1.5 if row % 9 else ''}"
        for row in range(1, 200)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["row,x,way,y", *lines]))
    command = ["train", tmp_path / "t.csv", "--target", "y", "--out", tmp_path / "m", *SOME]
    code, said, notes = run(*command)
    assert code == 0
    assert "'x': 2.250 is read as 2.25; if the point is between thousands, write numbers without it" in notes
    found = json.loads(run("doctor", tmp_path / "t.csv", "--target", "y", "--json")[1])["findings"]
    assert [one["column"] for one in found if one["name"] == "thousands"] == ["x"]
    assert "from 1 column, " in said
    assert re.search(r"scores +rows +R² +RMSE +mean absolute error +median absolute error", said)
    assert re.search("row +the number of the row", said)
    assert re.search("way +141 values in 141 rows; numbers with a unit, .*; leave the unit out", said)
    code, said, _ = run(*command, "--force", "--json")
    assert [row["column"] for row in json.loads(said)["columns"]] == ["row", "x", "way"]
    (tmp_path / "new.csv").write_text("x,way\n3,7 km\n")
    assert run("predict", tmp_path / "m", tmp_path / "new.csv")[0] == 0


@pytest.mark.parametrize("early", [False, True])
def test_a_ctrl_c_before_there_is_a_model(places, run, monkeypatch, early):
    def interrupted(*given, **more):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)

    monkeypatch.setattr(*("fastnn.cli.reading.raw_pieces",) if early else (TabularRegressor, "fit"), interrupted)
    code, said, notes = run(*(word.format(**places) for word in TRAIN))
    assert (code, said) == (130, "")
    assert "interrupted before there was a model; nothing is written" in notes
    if early:
        assert run("predict", places["model"], places["table"]) == (130, "", "fastnn: interrupted\n")
    assert not os.path.exists(places["out"])


@pytest.mark.parametrize("damage", [{"target": 3}, {"null": "x"}, {"null": [1]}])
def test_what_a_file_says_of_its_table_is_checked(places, tmp_path, damage):
    model = load(places["model"])
    model._table = damage
    model.save(tmp_path / "model")
    with pytest.raises(fastnn.ModelFormatError, match="table must have"):
        load(tmp_path / "model")


def test_an_older_reader_passes_the_table_over(places):
    from fastnn.export import container

    with open(places["model"], "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    described = json.loads(header["__metadata__"][container.DESCRIPTION])
    assert sorted(described) == ["class", "fitted", "learned", "parameters", "version"]
    assert json.loads(header["__metadata__"]["table"])["fastnn"] == fastnn.__version__


def test_names_of_several_columns_may_have_commas_in_quotes():
    assert options.names(["a, b", '"c,d",e']) == ["a", "b", "c,d", "e"]
    assert options.dropping("c,d") == "--drop '\"c,d\"'"
    assert options.dropping("in $") == "--drop 'in $'"


def test_too_little_memory_is_no_fault():
    mistake = mistakes.as_mistake(MemoryError())
    assert mistake.code == 4
    assert "--max-rows" in str(mistake)

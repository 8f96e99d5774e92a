"""The commands evaluate, compare, info, export, plot and doctor: what they say, as processes and as functions."""

import datetime
import json
import re

import numpy as np
import pytest
from command import TABLES, pl, process, write
from sklearn import metrics
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

import fastnn
from fastnn.cli import comparing, findings, learning, machine, main, models, peers, reading, scores

N = 300


def healthy(**more):
    """A table without anything to find, and what is given."""
    draws = np.random.RandomState(0)
    x, colour = draws.normal(size=N), draws.choice(["red", "green", "blue"], N)
    sold = np.datetime64("2020-01-01") + draws.randint(0, 900, N)
    y = np.where(x + draws.normal(size=N) > 0, "yes", "no")
    columns = {"x": x, "n": draws.randint(0, 40, N), "colour": colour, "sold": sold, "y": y}
    return pl.DataFrame({**columns, **more})


def repeated(*cells):
    return (list(cells) * N)[:N]


def rarely(cell, *others):
    return [cell, *repeated(*others)[1:]]


#: What a table is made to have -> the columns that make it so, and words of the message.
FINDINGS = {
    "infinity": ({"c": [1.0, np.inf, *np.linspace(0, 1, N - 2)]}, "first in row 2"),
    "mostly_missing": ({"c": rarely(2.5, 1.5, None, None, None)}, "% is missing"),
    "constant_column": ({"c": repeated(7)}, "always the same"),
    "identifier": ({"c": [f"name {row}" for row in range(N)]}, f"{N} values in {N} rows"),
    "numbers_as_text": ({"c": repeated("1,234", "12,000,000", "77")}, "write 1234 in place of 1,234"),
    "mixed_types": ({"c": rarely("unknown", *map(str, range(90)))}, "--null 'unknown'"),
    "dates_as_text": ({"c": repeated("31.12.2020", "1.2.2021", "4.5.2021")}, "2026-12-31"),
    "future_dates": ({"c": repeated(*(datetime.date(year, 1, 1) for year in (2020, 2999)))}, "2999-01-01"),
    "spelling": ({"c": repeated("Yes", "yes ", "no")}, "'Yes' and 'yes '"),
    "target_missing": ({"y": rarely(None, "yes", "no")}, "1 of 300 rows"),
    "rare_classes": ({"y": ["odd", "odd", *repeated("yes", "no")[2:]]}, "'odd' (2)"),
    "many_classes": ({"y": [f"name {row // 2}" for row in range(N)]}, "150 classes in 300 rows"),
    "one_target": ({"y": repeated("yes")}, "always 'yes'"),
}

WRITTEN = {
    "a decimal comma": ("1,5", "1.234,25", "7"),
    "points between thousands": ("1.234.567", "12.000.000", "5"),
    "blanks between thousands": ("1 234", "12 000 000", "77"),
    "a percent sign": ("12 %", "1.5%", "7"),
    "a currency": ("€ 12", "3,50 €", "7.25 €"),
    "a unit": ("12 kg", "1.5 kg", "7kg"),
}


def found(frame, target="y"):
    return {one["name"]: one for one in findings.examine(frame, target)[1]}


@pytest.mark.parametrize("target", ["y", "x", None])
def test_nothing_is_found_in_a_healthy_table(target):
    assert found(healthy(), target) == {}


@pytest.mark.parametrize("load", [load_wine, load_breast_cancer, load_diabetes])
def test_nothing_is_found_in_scikit_learns_tables(load):
    table = load()
    assert found(pl.DataFrame(table.data).with_columns(y=table.target)) == {}


@pytest.mark.parametrize("name", FINDINGS)
def test_what_a_table_was_made_to_have_is_found_alone(name):
    more, words = FINDINGS[name]
    seen = found(healthy(**more))
    assert [*seen] == [name]
    assert words in seen[name]["message"]
    assert seen[name]["column"] == next(iter(more))


@pytest.mark.parametrize("how", WRITTEN)
def test_numbers_that_are_written_as_people_do_are_told(how):
    seen = found(healthy(c=repeated(*WRITTEN[how])))
    assert [*seen] == ["numbers_as_text"]
    assert f"numbers with {how}" in seen["numbers_as_text"]["message"]


@pytest.mark.parametrize("cell", ["{} km", "1{:02},{:03}", "0.{}"])
def test_numbers_as_text_that_differ_in_each_row_are_not_left_alone(cell):
    cells = [cell.format(row, 2 * row) for row in range(100, 100 + N)]
    cells = ["unknown", *cells[1:]] if cell == "0.{}" else cells
    seen = found(healthy(c=cells))
    assert [*seen] == ["mixed_types" if cell == "0.{}" else "numbers_as_text"]


@pytest.mark.parametrize(
    "cells", [("A1", "B2", "12C"), ("01234", "20095"), ("2020-01-02", "2021-03-04"), ("a, b", "c")]
)
def test_codes_dates_of_iso_and_words_are_no_numbers(cells):
    assert found(healthy(c=repeated(*cells))) == {}


@pytest.mark.parametrize("cells", [("p", "q"), (1, 2)])
def test_a_column_may_be_called_as_what_counts_it(cells):
    table = healthy(count=repeated(*cells))
    assert found(table) == found(table, "count") == {}


def test_rows_twice_and_rows_that_differ_in_the_target_alone():
    table = healthy()
    other = table[:2].with_columns(y=pl.Series(["maybe", "maybe"]))
    seen = found(pl.concat([table, table[:5], *[other] * 10]))
    assert "23 of 325 rows" in seen["duplicate_rows"]["message"]
    assert seen["contradictions"]["message"].startswith("2 rows")
    assert found(
        pl.DataFrame({"a": repeated("u", "v"), "b": repeated(1, 2, 3), "y": repeated("p", "p", "q", "q", "p")})
    )["duplicate_rows"]


def test_targets_that_are_missing_or_dates():
    assert [*found(healthy(y=[None] * N))] == ["target_missing"]
    assert "dated_target" in found(healthy(), "sold")


def test_equal_columns():
    table = healthy()
    seen = found(table.with_columns(again=pl.col("n")))
    assert [*seen] == ["equal_columns"]
    assert seen["equal_columns"]["column"] == "again"
    assert "'n'" in seen["equal_columns"]["message"]


LEAKS = {
    "each class by a word": lambda y, x: np.where(y == "yes", "paid", "unpaid"),
    "each class by a number": lambda y, x: (y == "yes").astype(int),
    "several words a class": lambda y, x: np.where(y == "yes", np.where(x > 0, "a", "b"), "c"),
    "but for one row": lambda y, x: np.where((y == "yes") ^ (np.arange(N) == 5), 1, 0),
    "ranges of its own": lambda y, x: np.where(y == "yes", 5 + np.abs(x), -np.abs(x)),
}


@pytest.mark.parametrize("how", LEAKS)
def test_a_column_that_gives_the_class_away(how):
    table = healthy()
    seen = found(table.with_columns(after=LEAKS[how](table["y"].to_numpy(), table["x"].to_numpy())))
    assert [*seen] == ["leak"]
    assert seen["leak"]["column"] == "after"
    assert "--drop after" in seen["leak"]["message"]


@pytest.mark.parametrize("value", ["name {}".format, lambda row: datetime.date(1990, 1, 1) + datetime.timedelta(row)])
def test_no_number_gives_away_a_target_whose_rows_are_all_different(value):
    assert "leak" not in found(healthy(y=list(map(value, range(N)))))


def test_a_number_of_rows_that_is_left_out_is_no_leak_of_a_sorted_target():
    assert [*found(healthy(row=range(N)).with_columns(y=pl.col("y").sort()))] == ["identifier"]


@pytest.mark.parametrize("target", ["y", "x"])
def test_numbers_of_rows_are_those_of_the_file_whose_rows_lack_a_target(target):
    table = healthy(row=range(7, N + 7))
    table = table.with_columns(pl.when(pl.col("n") < 5).then(None).otherwise(pl.col(target)).alias(target))
    columns, seen = findings.examine(table, target)
    assert {one["name"] for one in seen} == {"target_missing", "identifier"}
    lesson = learning.lesson_of(reading.Raw(table, "table"), target)
    assert lesson.numbered == ("row",)
    assert "row" not in lesson.X.columns
    assert [row["column"] for row in columns] == [
        "row",
        *(name for name in table.columns if name not in ("row", target)),
    ]
    left_out = {row["column"]: row["note"] for row in columns if row["note"]}
    assert left_out == {"row": "left out: the number of the row"}
    told = learning.with_numbered(fastnn.tabular.columns.learn(lesson.X).table, lesson.numbered)
    assert columns == told


def test_numbers_of_rows_of_a_sample_and_where_there_is_nothing_else():
    rows = np.sort(np.random.RandomState(0).permutation(900)[:N])
    table = healthy(row=rows + 1)
    assert learning.lesson_of(reading.Raw(table, "table", rows=rows), "y").numbered == ("row",)
    assert learning.lesson_of(reading.Raw(table, "table"), "y").numbered == ()
    alone = pl.DataFrame({"row": range(N), "y": repeated("a", "b")})
    assert learning.lesson_of(reading.Raw(alone, "table"), "y").X.columns == ["row"]


@pytest.mark.parametrize(("numbers", "names"), [(range(N), ["identifier"]), (range(0, 4 * N, 4), [])])
def test_dense_numbers_in_any_order_may_name_rows(numbers, names):
    seen = found(healthy(**{"ad no": np.random.RandomState(0).permutation(numbers)}))
    assert [*seen] == names
    for one in seen.values():
        assert one["message"].endswith("if they only name rows, drop it: fastnn train --drop 'ad no'")


@pytest.mark.parametrize("after", [lambda x: 1.8 * x + 32, lambda x: -x, lambda x: x + 1e-3])
def test_a_column_that_is_the_number_in_other_units(after):
    table = healthy()
    assert [*found(table.with_columns(after=after(table["x"].to_numpy())), "x")] == ["leak"]


def test_what_to_type_is_quoted_as_a_shell_needs_it():
    table = healthy()
    seen = found(table.with_columns((pl.col("x") * 2).alias("x in $")), "x")
    assert seen["leak"]["message"].endswith("fastnn train --drop 'x in $'")


def test_few_rows_and_nothing_to_learn_from():
    assert "none can be held back" in found(healthy()[:12])["few_rows"]["message"]
    assert "mostly chance" in found(healthy()[:60])["few_rows"]["message"]
    columns, seen = findings.examine(pl.DataFrame({"one": repeated(1), "y": repeated("a", "b")}), "y")
    assert columns == []
    assert "no column of X is left" in {one["name"]: one for one in seen}["unusable"]["message"]


def test_what_columns_would_become_is_what_the_estimator_makes_of_them():
    table = healthy()
    model = fastnn.TabularClassifier(max_epochs=1, random_state=0).fit(table.drop("y"), table["y"].to_numpy())
    told = {row["column"]: (row["kind"], row["becomes"]) for row in findings.examine(table, "y")[0]}
    assert told == {row["column"]: (row["kind"], row["becomes"]) for row in model.columns_}


# -- scores -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 4])
def test_scores_of_classes_in_pieces_are_scikit_learns_of_the_whole(n_classes):
    draws = np.random.RandomState(n_classes)
    codes = np.concatenate([np.arange(n_classes), draws.randint(0, n_classes, 500)])
    probabilities = draws.dirichlet(np.ones(n_classes), len(codes))
    predicted = probabilities.argmax(axis=1)
    gathered = scores.OfClasses(np.array(list("abcd"[:n_classes])))
    for part in np.array_split(np.arange(len(codes)), 7):
        gathered.add(codes[part], predicted[part], probabilities[part])
    measured, constant, confusion = gathered.result()
    how = {} if n_classes == 2 else {"multi_class": "ovr"}
    expected = {
        "accuracy": metrics.accuracy_score(codes, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(codes, predicted),
        "log_loss": metrics.log_loss(codes, probabilities),
        "auc": metrics.roc_auc_score(codes, probabilities[:, 1] if n_classes == 2 else probabilities, **how),
    }
    assert measured == pytest.approx(expected, abs=1e-6)
    assert confusion == metrics.confusion_matrix(codes, predicted).tolist()
    shares = np.bincount(codes) / len(codes)
    rows = np.tile(shares, (len(codes), 1))
    assert constant["log_loss"] == pytest.approx(metrics.log_loss(codes, rows))
    assert constant["accuracy"] == shares.max()


def test_a_class_that_is_not_met_has_no_area_and_no_part_in_the_balance():
    gathered = scores.OfClasses(np.array(["a", "b", "c"]))
    gathered.add(np.array([0, 1, 1]), np.array([0, 1, 2]), np.eye(3)[[0, 1, 2]] * 0.9 + 1 / 30)
    measured, constant, _ = gathered.result()
    assert measured["auc"] is None
    assert measured["balanced_accuracy"] == pytest.approx((1 + 1 / 2) / 2)
    assert constant["balanced_accuracy"] == 0.5


def test_scores_of_numbers_in_pieces_are_scikit_learns_of_the_whole():
    draws = np.random.RandomState(0)
    y = draws.normal(size=301)
    predicted, width = y + draws.normal(size=301), draws.uniform(0, 3, 301)
    gathered = scores.OfNumbers()
    for part in np.array_split(np.arange(301), 4):
        bounds = predicted[part] - width[part], predicted[part] + width[part]
        gathered.add(y[part], predicted[part], bounds)
    measured, constant, intervals = gathered.result()
    assert measured == pytest.approx(
        {
            "r2": metrics.r2_score(y, predicted),
            "rmse": metrics.root_mean_squared_error(y, predicted),
            "mae": metrics.mean_absolute_error(y, predicted),
            "median_absolute_error": metrics.median_absolute_error(y, predicted),
        }
    )
    assert constant["rmse"] == pytest.approx(y.std())
    assert constant["r2"] == pytest.approx(0, abs=1e-12)
    assert intervals["coverage"] == np.mean(np.abs(y - predicted) <= width)
    assert intervals["mean_width"] == pytest.approx(2 * width.mean())


# -- comparing --------------------------------------------------------------------------------------------------------


def test_a_matrix_has_what_a_frame_has():
    frame = pl.DataFrame(
        {
            "x": [1.5, None, 2.5], "c": ["b", None, "a"], "b": [True, False, None], "id": ["p", "q", "r"],
            "d": [datetime.date(2020, 1, 2), None, datetime.date(2020, 1, 1)],
            "iso": ["2020-01-02", "2020-01-01", None],
        }
    )  # fmt: skip
    kinds = {"x": "number", "c": "category", "b": "boolean", "d": "date", "iso": "date"}
    X, categories = peers.matrix_of(frame, kinds)
    assert categories == [1, 2]
    np.testing.assert_array_equal(X[:, :3], [[1.5, 2, 2], [np.nan, np.nan, 1], [2.5, 1, np.nan]])
    assert np.isnan(X[1, 3])
    assert np.isnan(X[2, 4])
    assert X[0, 3] - X[2, 3] == 1  # days
    assert X[0, 4] - X[1, 4] == pytest.approx(24 * 3600 * 1e6)  # microseconds


@pytest.mark.parametrize("grouped", [False, True])
def test_all_methods_have_the_same_splits_and_scores_of_scikit_learn(grouped):
    from sklearn.dummy import DummyClassifier
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    table = load_wine()
    groups = np.arange(len(table.target)) // 2 if grouped else None
    ours = fastnn.TabularClassifier(max_epochs=2, n_members=1, n_jobs=1, random_state=0)
    frame = pl.DataFrame(table.data).with_columns(odd=pl.Series(["a", "b"] * 89))
    methods, verdicts = comparing.compared(frame, table.target, ours, groups=groups)
    assert [method["name"] for method in methods] == ["constant", "linear", "boosted trees", "fastnn"]
    splits = (StratifiedGroupKFold if grouped else StratifiedKFold)(3, shuffle=True, random_state=0)
    each, of_ours = [], []
    for train, test in splits.split(frame, table.target, groups):
        model = clone(ours).fit(frame[train], table.target[train], groups=None if groups is None else groups[train])
        of_ours.append(metrics.log_loss(table.target[test], model.predict_proba(frame[test])))
        constant = DummyClassifier().fit(table.data[train], table.target[train])
        each.append(metrics.log_loss(table.target[test], constant.predict_proba(table.data[test])))
    assert methods[0]["scores"]["log_loss"]["each"] == pytest.approx(each)
    assert methods[0]["scores"]["log_loss"]["std"] == pytest.approx(np.std(each, ddof=1))
    assert methods[3]["scores"]["log_loss"]["each"] == pytest.approx(of_ours)
    assert methods[1]["scores"]["accuracy"]["mean"] > 0.9
    assert methods[2]["scores"]["accuracy"]["mean"] > 0.9
    for verdict in verdicts:
        more = verdict["score"] == "accuracy"
        scores_of = {method["name"]: method["scores"][verdict["score"]] for method in methods}
        means = {name: found["mean"] for name, found in scores_of.items()}
        best = (max if more else min)(means, key=means.get)
        differences = np.subtract(scores_of[verdict["best"]]["each"], scores_of[verdict["second"]]["each"])
        assert means[verdict["best"]] == means[best]
        assert verdict["difference"] == pytest.approx(abs(differences.mean()))
        assert verdict["spread"] == pytest.approx(differences.std(ddof=1))
        assert verdict["above_spread"] == (verdict["difference"] > verdict["spread"])


def test_a_class_whose_groups_are_on_the_other_side_has_a_share_of_nothing():
    y = np.array([0, 1] * 20 + [2] * 20)
    groups = np.r_[np.arange(40), np.full(20, 99)]
    frame = pl.DataFrame({"x": np.random.RandomState(0).normal(size=60)})
    ours = fastnn.TabularClassifier(max_epochs=1, n_members=1, random_state=0)
    methods, _ = comparing.compared(frame, y, ours, n_splits=2, groups=groups)
    for method in methods:
        assert max(method["scores"]["log_loss"]["each"]) > 5  # surely wrong where it was never seen


def test_classes_with_fewer_rows_than_splits_are_left_out_and_counted():
    X, y = pl.DataFrame({"x": np.arange(12)}), np.array(["b", "a"] * 5 + ["rare", "c"])
    lesson, rare = comparing.without_rare(learning.Lesson(X, y, "classes", None, np.arange(12), 0, ""), 3)
    assert rare == {"rare": 1, "c": 1}
    assert lesson.y.tolist() == [1, 0] * 5
    assert lesson.X["x"].to_list() == lesson.groups.tolist() == list(range(10))


# -- the machine ------------------------------------------------------------------------------------------------------


def test_the_self_test_is_quick_and_sees_a_backend_that_errs(monkeypatch):
    found = machine.self_test()
    assert found["agree"]
    assert found["seconds"] < 1
    assert found["backends"] == ["python", "numpy", "cython", "simd"]
    train = fastnn.train

    def errs(*arguments, backend, **options):
        result = train(*arguments, backend=backend, **options)
        result.network.parameters[0] *= 1 + 1e-6 * (backend == "cython")
        return result

    monkeypatch.setattr(fastnn, "train", errs)
    assert not machine.self_test()["agree"]


def test_extras_are_complete_or_what_they_lack_is_named(monkeypatch):
    required = {"sklearn": ["numpy>=1.25", "no-such-package>=2", "scipy>=999", "dask[array]>=9999.1"], "cli": ["numpy"]}
    monkeypatch.setattr(machine.distribution, "requirements", lambda extra: required.get(extra, []))
    extras = machine.describe()["extras"]
    assert extras["sklearn"] == ["no-such-package>=2", "scipy>=999", "dask[array]>=9999.1"]
    assert extras["cli"] == []
    assert extras["plots"] is None


# -- the commands on real tables --------------------------------------------------------------------------------------

SOME = ["--members", "1", "--preset", "fast"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Target -> (path of its table, path of a model)."""
    folder, made = tmp_path_factory.mktemp("tables"), {}

    def of(target):
        if target not in made:
            path, out = write(target, folder), folder / f"{target}.fastnn"
            assert main(["train", str(path), "--target", target, "--out", str(out), "--importances", *SOME]) == 0
            made[target] = path, out
        return made[target]

    return of


@pytest.mark.filterwarnings("ignore:columns that only name or number the rows")
@pytest.mark.parametrize("target", TABLES)
def test_what_is_evaluated_is_what_scikit_learn_says_of_the_estimator(trained, monkeypatch, target):
    path, out = trained(target)
    code, said, _ = process("evaluate", out, path, "--json")
    assert code == 0
    said, loaded = json.loads(said), models.load(str(out))
    frame = reading.read(str(path))
    X = frame.filter(pl.col(target).is_not_null())
    y, X = X[target].to_numpy(), X.select(loaded.estimator.feature_names_in_.tolist())
    assert said["rows"] == len(y)
    assert said["without_target"] == frame.height - len(y)
    if target == "unemploy":
        predicted = loaded.estimator.predict(X)
        low, high = loaded.estimator.predict_interval(X, 0.9)
        assert said["scores"]["r2"] == pytest.approx(metrics.r2_score(y, predicted))
        assert said["scores"]["mae"] == pytest.approx(metrics.mean_absolute_error(y, predicted))
        assert said["intervals"]["coverage"] == pytest.approx(((low <= y) & (y <= high)).mean())
        return
    y = y.astype(loaded.estimator.classes_.dtype)
    probabilities = loaded.estimator.predict_proba(X)
    assert said["scores"]["accuracy"] == metrics.accuracy_score(y, loaded.estimator.predict(X))
    assert said["scores"]["log_loss"] == pytest.approx(metrics.log_loss(y, probabilities))
    assert said["scores"]["auc"] == pytest.approx(metrics.roc_auc_score(y, probabilities, multi_class="ovr"), abs=1e-6)
    expected = metrics.confusion_matrix(y, loaded.estimator.predict(X)).tolist()
    assert said["confusion"] == {"classes": loaded.estimator.classes_.tolist(), "counts": expected}


@pytest.mark.parametrize("target", TABLES)
def test_doctor_examines_real_tables(trained, target):
    path, _ = trained(target)
    code, said, notes = process("doctor", path, "--target", target, "--json")
    assert (code, notes) == (0, "")
    said = json.loads(said)
    names = {(one["name"], one["column"]) for one in said["findings"]}
    assert ("target_missing", "vote") in names or target != "vote"
    assert not [name for name, _ in names if name in ("unusable", "one_target", "few_rows", "infinity")]
    assert {row["column"] for row in said["columns"]} == set(reading.read(str(path)).columns) - {target}


@pytest.mark.parametrize("target", TABLES)
def test_what_is_exported_answers_as_the_model(trained, run, tmp_path, target):
    onnxruntime = pytest.importorskip("onnxruntime")
    _, out = trained(target)
    code, said, _ = run("export", out, "--to", "onnx", "--out", tmp_path / "model.onnx", "--json")
    assert code == 0
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    said = json.loads(said)
    assert [one["name"] for one in said["inputs"]] == [one.name for one in session.get_inputs()]
    assert [one["name"] for one in said["outputs"]] == [one.name for one in session.get_outputs()]
    assert said["bytes"] == (tmp_path / "model.onnx").stat().st_size
    code, said, notes = run("export", out, "--to", "c", "--out", tmp_path / "model.c", "--json")
    if target == "target":
        said = json.loads(said)
        assert code == 0
        assert said["function"] in (tmp_path / "model.c").read_text()
        assert len(said["inputs"]) == 13
        assert said["inputs"][0] == {
            "name": "inputs[0]",
            "type": "double",
            "takes": "alcohol: a number, NaN where missing",
        }
    else:
        assert code == 4
        assert not (tmp_path / "model.c").exists()
        assert "make them columns of numbers" in notes


@pytest.mark.parametrize("target", TABLES)
def test_info_says_what_the_model_is(trained, run, target):
    _, out = trained(target)
    code, said, _ = run("info", out, "--json")
    said, model = json.loads(said), models.load(str(out)).estimator
    assert code == 0
    assert (said["kind"], said["target"]) == (type(model).__name__, target)
    assert said["written_by"] == fastnn.__version__
    assert said["bytes"] == out.stat().st_size
    assert said["members"] == len(model.members_)
    assert said["parameters"] == sum(member.parameters.size for member in model.members_)
    assert [row["column"] for row in said["columns"]] == [row["column"] for row in model.columns_]
    assert said["settings"]["preset"] == "'fast'"
    history, best = model.history_[0], model.best_epochs_[0]
    loss = history["val_loss"][history["epoch"].index(best)]
    held = said["held_back"]
    if target == "unemploy":
        assert held["rmse"] == pytest.approx(np.sqrt(2 * loss) * np.ravel(model._scale)[0])
        assert said["range"] == pytest.approx(np.ravel(model._range))
    else:
        assert held["log_loss"] == loss
        assert said["classes"] == model.classes_.tolist()
    assert held["rows"] == len(model.held_back_)


def test_held_back_rows_of_numbers_are_answered_as_info_says(tmp_path):
    table = load_diabetes()
    model = fastnn.TabularRegressor(max_epochs=5, n_members=1, refit=False, random_state=0).fit(
        table.data, table.target
    )
    model.save(tmp_path / "model")
    from fastnn.cli.info import described

    rows = model.held_back_
    expected = metrics.root_mean_squared_error(table.target[rows], model.predict(table.data[rows]))
    assert described(tmp_path / "model")["held_back"]["rmse"] == pytest.approx(expected, rel=1e-5)


def test_info_of_everything_that_is_saved(run, tmp_path):
    X, y = load_wine(return_X_y=True)
    fastnn.train(
        [13, 4, 3], X / 100, y, 5, 0.1, loss="log_loss", activation="tanh", random_state=0, checkpoint=tmp_path
    )
    named = pl.DataFrame({"a": [0.0, 1.0, 2.0], "b": [1.0, 0.0, 3.0]})
    result = fastnn.train([2, 1], named, ["no", "yes", "yes"], 2, 0.1, loss="log_loss", random_state=0)
    result.network.save(tmp_path / "network")
    several = fastnn.MLPClassifier((5,), n_members=2, max_iter=2, random_state=0)
    with pytest.warns(UserWarning, match="converged"):
        several.fit(X, y)
    several.save(tmp_path / "several")
    found = {}
    for name in ("network", "several", next(path.name for path in tmp_path.glob("checkpoint-*"))):
        code, said, _ = run("info", tmp_path / name, "--json")
        assert code == 0
        found[json.loads(said)["kind"]] = json.loads(said)
        assert run("info", tmp_path / name)[0] == 0
    assert found["Network"]["columns"] == [{"column": "a"}, {"column": "b"}]
    assert found["Network"]["classes"] == ["no", "yes"]
    assert found["Network"]["parameters"] == 3
    assert found["MLPClassifier"]["members"] == 2
    assert found["MLPClassifier"]["parameters"] == 2 * (14 * 5 + 6 * 3)
    assert found["checkpoint"]["training"]


@pytest.mark.parametrize("kind", ["loss", "importances"])
@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_a_picture_of_a_table_s_model(trained, run, tmp_path, kind, suffix):
    pytest.importorskip("matplotlib")
    _, out = trained("vote")
    picture = tmp_path / f"picture.{suffix}"
    code, said, _ = run("plot", out, "--kind", kind, "--out", picture, "--json")
    assert (code, json.loads(said)["bytes"]) == (0, picture.stat().st_size)
    begins = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[suffix]
    assert picture.read_bytes().startswith(begins)
    if suffix == "svg":
        words = {"loss": ["training", "validation", "epoch"], "importances": ["statusquo", "education"]}[kind]
        text = picture.read_text()
        assert all(f"<!-- {word}" in text for word in words)


def test_members_are_exported_to_c_together(run, tmp_path):
    X, y = load_wine(as_frame=True, return_X_y=True)
    with pytest.warns(UserWarning, match="converged"):
        fastnn.MLPClassifier((5,), n_members=2, max_iter=2, random_state=0).fit(X, y).save(tmp_path / "several")
    code, said, _ = run("export", tmp_path / "several", "--to", "c", "--out", tmp_path / "model.c", "--json")
    assert code == 0
    assert [one["takes"] for one in json.loads(said)["inputs"]] == [f"{name}: a number" for name in X.columns]
    code, _, notes = run("export", tmp_path / "several", "--to", "c", "--out", tmp_path / "my-model.c")
    assert code == 4
    assert "such as 'model.c'" in notes


def test_a_column_s_name_is_no_formula(run, tmp_path):
    pytest.importorskip("matplotlib")
    table = healthy().select(pl.col("x").alias(r"$\foo$"), pl.col("n").alias("a$b"))
    model = fastnn.TabularRegressor(max_epochs=1, n_members=1, importances=True, random_state=0)
    model.fit(table, healthy()["x"].to_numpy()).save(tmp_path / "model")
    command = ["plot", tmp_path / "model", "--kind", "importances", "--out", tmp_path / "picture.svg"]
    assert run(*command)[0] == 0


@pytest.mark.parametrize("kind", ["weights", "diagram"])
def test_a_picture_of_a_network(run, tmp_path, kind):
    pytest.importorskip("matplotlib")
    fastnn.Network([np.ones((2, 4)), np.ones((1, 2))], [np.zeros(2), np.zeros(1)]).save(tmp_path / "network")
    code, said, notes = run("plot", tmp_path / "network", "--kind", kind, "--out", tmp_path / "picture.svg")
    assert (code, notes) == (0, "")
    assert said == f"{tmp_path / 'picture.svg'}: {kind} of {tmp_path / 'network'}\n"


def test_compare_on_a_real_table(trained, run):
    path, _ = trained("vote")
    code, said, _ = run(
        "compare", path, "--target", "vote", "--drop", "statusquo", "--splits", 2, "--max-rows", 300, *SOME
    )
    assert code == 0
    lines = said.splitlines()
    assert re.match(r"'vote' \(classes\) of 2\d\d rows, 2 splits, \d+ without a target left out", lines[0])
    assert [line.split("  ")[0] for line in lines[3:7]] == ["constant", "linear", "boosted trees", "fastnn"]
    assert lines[8].startswith("best by accuracy: ")
    assert lines[9].startswith("best by log-loss: ")


#: What is done wrong -> the command, {names} of files among it; the code; words of the message.
MISTAKES = {
    "a target that no file names": (["evaluate", "{nameless}", "{table}"], 2, "name the column: --target"),
    "a target misspelled": (["evaluate", "{model}", "{table}", "--target", "z"], 4, "no column 'z'"),
    "a class never seen": (["evaluate", "{model}", "{odd}"], 4, "'maybe' .1 row, the first line 3 of .*--skip-unseen"),
    "no answers": (["evaluate", "{model}", "{empty}"], 4, "no row of .* has an answer in 'y'"),
    "a column missing": (["evaluate", "{model}", "{fewer}"], 4, "lacks 'x'"),
    "a model for data": (["evaluate", "{table}", "{model}"], 5, "is no file that fastnn saved"),
    "too few splits": (["compare", "{table}", "--target", "y", "--splits", "1"], 2, "'--splits'"),
    "compare's target misspelled": (["compare", "{table}", "--target", "Y1"], 4, "no column 'Y1'; did you mean 'y'"),
    "classes of few rows": (["compare", "{rare}", "--target", "y"], 4, "fewer than 2 classes have the 3 rows"),
    "no file to describe": (["info", "{folder}/modle"], 5, "modle' cannot be read: No such file"),
    "a table to describe": (["info", "{table}"], 5, "is no file that fastnn saved"),
    "no such format": (["export", "{model}", "--to", "tflite", "--out", "{out}"], 2, "'tflite' is not one of 'onnx'"),
    "words in C": (["export", "{model}", "--to", "c", "--out", "{out}.c"], 4, "'word' .*make them columns of numbers"),
    "no model to export": (["export", "{folder}/no", "--to", "c", "--out", "{out}"], 5, "no' cannot be read"),
    "exported over another": (["export", "{model}", "--to", "onnx", "--out", "{table}"], 7, "add --force"),
    "exported onto itself": (["export", "{model}", "--to", "onnx", "--out", "{model}", "--force"], 7, "what is read"),
    "drawn over itself": (["plot", "{model}.svg", "--out", "{model}.svg", "--force"], 7, "is what is read"),
    "no folder for it": (["export", "{model}", "--to", "onnx", "--out", "{folder}/no/x"], 7, "there is no folder"),
    "no such picture": (["plot", "{model}", "--out", "{out}.jpeg"], 2, "suffix '.jpeg'; expected one of .svg, .png"),
    "weights of columns": (["plot", "{model}", "--kind", "weights", "--out", "{out}.svg"], 4, "--kind loss"),
    "no importances": (["plot", "{model}", "--kind", "importances", "--out", "{out}.svg"], 4, "with --importances"),
    "no table to examine": (["doctor", "{folder}/tabel.csv"], 3, "tabel.csv' cannot be read"),
    "a target of no table": (["doctor", "--target", "y"], 2, "name its file"),
    "doctor's target misspelled": (["doctor", "{table}", "--target", "wrod"], 4, "did you mean 'word'"),
}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Names -> files to make mistakes with."""
    folder = tmp_path_factory.mktemp("mistakes")
    rows = [f"{i % 7},{'uv'[i % 2]},{('yes', 'no')[i % 3 == 0]}" for i in range(60)]
    texts = {
        "table": ["x,word,y", *rows], "odd": ["x,word,y", *rows[:1], "1,u,maybe"], "empty": ["x,word,y", "1,u,"],
        "fewer": ["word,y", "u,yes"], "rare": ["x,word,y", "1,u,a", "2,u,a", "3,u,b"],
    }  # fmt: skip
    for name, lines in texts.items():
        (folder / f"{name}.csv").write_text("".join(f"{line}\n" for line in lines))
    frame = reading.read(str(folder / "table.csv"))
    model = fastnn.TabularClassifier(n_members=1, max_epochs=2, random_state=0)
    model.fit(frame.drop("y"), np.array(frame["y"].to_list())).save(folder / "nameless")
    models.save(model, folder / "model", "y", ())
    (folder / "model.svg").touch()
    files = {name: str(folder / f"{name}.csv") for name in texts}
    return files | {name: str(folder / name) for name in ("model", "nameless", "out")} | {"folder": str(folder)}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_has_its_code_and_a_message_that_helps(places, run, mistake):
    command, code, words = MISTAKES[mistake]
    command = [word.format(**places) for word in command]
    found, said, notes = run(*command)
    assert (found, said) == (code, "")
    assert re.search(words, notes), notes
    found, said, _ = run(*command, "--json")
    told = json.loads(said)["error"]
    assert (found, told["code"]) == (code, code)
    assert f"fastnn: {told['message']}" in notes


def test_rows_of_classes_never_seen_are_left_out_where_it_is_asked_for(places, run):
    code, said, _ = run("evaluate", places["model"], places["odd"], "--skip-unseen", "--json")
    said = json.loads(said)
    assert (code, said["rows"], said["unseen"]) == (0, 1, {"maybe": 1})


def test_a_picture_without_matplotlib_says_what_to_install(places, run, monkeypatch, tmp_path):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, notes = run("plot", places["model"], "--out", tmp_path / "picture.svg")
    assert code == 6
    assert "fastnn plot needs matplotlib" in notes
    assert 'pip install "matplotlib' in notes

"""The benchmark of real tables, on those that scikit-learn has."""

import json
from math import log

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

import bench.__main__
from bench.tables import chart, command, data, measures, report, run, scores, sets, worker
from bench.tables.forty import FORTY
from bench.tables.held_back import HELD_BACK
from bench.tables.levels import FewLevels
from bench.tables.methods import BASELINE, BY_NAME, METHODS, Method
from bench.tables.results import KEY, Results


def bench_tables(monkeypatch, folder, *options):
    monkeypatch.setattr("sys.argv", ["bench", "--tables", "--quick", "--output", str(folder), *options])
    bench.__main__.main()


def test_a_run_measures_and_another_one_only_what_is_missing(monkeypatch, tmp_path, capsys):
    bench_tables(monkeypatch, tmp_path, "--methods", "hgb,linear")
    rows = [json.loads(line) for line in (tmp_path / "tables.jsonl").read_text().splitlines()]
    assert [(row["table"], row["method"]) for row in rows] == [
        (name, method) for name in ("breast_cancer", "wine", "diabetes") for method in ("hgb", "linear")
    ]
    assert rows[0]["rows"] == 569
    assert 0 < rows[0]["error"] < 0.1
    assert 0.4 < rows[-1]["error"] < 0.8
    assert all(row["fit_seconds"] > 0 and row["predict_seconds"] > 0 for row in rows)
    ratio = (rows[1]["error"] + 0.01) / (rows[0]["error"] + 0.01)
    assert f"breast_cancer: linear, one-hot {ratio:.3g}</title>" in (tmp_path / "tables-quick-error.svg").read_text()
    assert (tmp_path / "tables-quick-log-loss.svg").exists()
    out = capsys.readouterr().out
    assert "Times of 6 of 6 results were taken while others computed" in out
    assert "linear, one-hot" in out
    groups = json.loads((tmp_path / "tables-quick.json").read_text())["groups"]
    assert groups["regression"]["linear"]["error"]["better"] == 1

    bench_tables(monkeypatch, tmp_path, "--methods", "hgb", "--alone")
    again = [json.loads(line) for line in (tmp_path / "tables.jsonl").read_text().splitlines()]
    assert again[:6] == rows
    assert [row["alone"] for row in again] == 6 * [False] + 3 * [True]
    assert [row["error"] for row in again[6:]] == [row["error"] for row in rows[::2]]
    monkeypatch.setattr(run, "Worker", None)  # none is needed
    bench_tables(monkeypatch, tmp_path, "--report", "--methods", "linear")
    assert "Times of 3 of 6 results" in capsys.readouterr().out


def test_a_method_that_fails_or_is_absent_is_named(monkeypatch, tmp_path, capsys):
    class Worker:
        def __init__(self, method):
            digests = {"digests": {"classes": "c", "regression": "r"}, "versions": "1"}
            self.identity = {"absent": "not there"} if method.name == "xgboost" else digests

        def measure(self, task):
            return {"failed": "ValueError: no"}

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            pass

    monkeypatch.setattr(run, "Worker", Worker)
    with pytest.raises(SystemExit, match=r"hgb on wine, split 0: ValueError: no"):
        bench_tables(monkeypatch, tmp_path, "--methods", "hgb,xgboost")
    out = capsys.readouterr().out
    assert "XGBoost: left out (not there)" in out
    assert not (tmp_path / "tables.jsonl").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--methods", "hgb,catboost"], r"no method catboost; there are fastnn, .*realmlp"),
        (["--methods", ","], r"no method ','"),
        (["--max-rows", "20"], r"at least 100.*not 20"),
    ],
)
def test_options_that_mean_nothing(options, said, monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match=said):
        bench_tables(monkeypatch, tmp_path, *options)


@pytest.mark.parametrize("text", ["a", "", "0,-1", "0,,1"])
def test_splits_are_seeds(text):
    assert command.seeds("0,1,2") == [0, 1, 2]
    with pytest.raises(SystemExit, match="seeds such as 0,1,2"):
        command.seeds(text)


def test_tables_by_name(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["bench", "--tables", "wine,iris", "--output", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"no table iris; there are keel/letter, "):
        bench.__main__.main()


def row(table="a", split=0, method="hgb", **other):
    fields = {"error": 0.1, "log_loss": 0.5, "auc": 0.9, "fit_seconds": 1.0, "predict_seconds": 0.1, "fit_bytes": 8}
    key = {"data": "t", "max_rows": 8000, "label": "", "digest": "d", "cpu": "c", "alone": True}
    return {"table": table, "split": split, "method": method} | key | fields | other


def test_ratios_wins_and_ranks_are_what_the_numbers_say(tmp_path):
    results = Results(tmp_path / "results.jsonl")
    errors = {
        "hgb": {"a": (0.1, 0.3), "b": (0.04,), "c": (0.2,)},
        "fastnn": {"a": (0.1, 0.1), "b": (0.04,), "c": (0.41,)},
    }
    for method, of_tables in errors.items():
        for table, of_splits in of_tables.items():
            for split, error in enumerate(of_splits):
                loss = None if table == "c" else error
                results.add(row(table, split, method, error=error, log_loss=loss, auc=loss))
    found = results.newest(dict.fromkeys("abc", "t"), 8000)
    groups = measures.summary(found, BASELINE, {"a": "binary", "b": "multiclass", "c": "regression"})
    ratios = [0.11 / 0.21, 1, 2]
    everywhere = groups["all"]["fastnn"]
    assert everywhere["error"]["ratio"][0] == pytest.approx(np.prod(ratios) ** (1 / 3), rel=1e-12)
    assert (everywhere["error"]["better"], everywhere["error"]["worse"]) == (1, 1)
    assert everywhere["error"]["share"][0] == pytest.approx(1 / 3)
    low, high = everywhere["error"]["ratio"][1:]
    assert min(ratios) * (1 - 1e-12) <= low < everywhere["error"]["ratio"][0] < high <= max(ratios) * (1 + 1e-12)
    assert everywhere["rank"] == pytest.approx((1 + 1.5 + 2) / 3)
    assert groups["classification"]["fastnn"]["log_loss"]["ratio"][0] == pytest.approx(0.5**0.5, rel=1e-12)
    assert groups["regression"]["fastnn"]["log_loss"] is None
    assert groups["all"]["hgb"]["fit_seconds"]["ratio"] == [1, 1, 1]


@pytest.mark.parametrize(
    ("ours", "base", "field", "expected"),
    [
        ({"log_loss": 1e-9}, {"log_loss": 0.1}, "log_loss", 0.01),
        ({"log_loss": 0.1}, {"log_loss": 1e-9}, "log_loss", 100),
        ({"fit_seconds": 3.0}, {"fit_seconds": 2.0}, "fit_seconds", 1.5),
        ({"cpu": "another"}, {}, "fit_seconds", None),
        ({"log_loss": None}, {}, "log_loss", None),
        ({"split": 1}, {}, "error", None),
    ],
)
def test_what_is_compared(ours, base, field, expected):
    ours, base = row(**ours), row(**base)
    ratio = measures.ratio_of(field, {ours["split"]: ours}, {base["split"]: base})
    assert ratio == (expected if expected is None else pytest.approx(expected))


def test_an_interval_holds_the_mean_and_narrows():
    values = np.random.default_rng(0).normal(size=400)
    mean, low, high = measures.interval(values)
    error = values.std() / 20
    assert mean == pytest.approx(values.mean())
    assert (mean - low, high - mean) == (pytest.approx(1.96 * error, rel=0.1), pytest.approx(1.96 * error, rel=0.1))


def test_results_are_kept_by_key_and_the_newest_counts(tmp_path):
    results = Results(tmp_path / "deep" / "results.jsonl")
    first = row(alone=False)
    results.add(first)
    assert results.has(first, False)
    assert not results.has(first, True)
    results.add(row(error=0.2))
    for key in KEY:
        assert not results.has(row(**{key: "other"}), False)
    results.add(row(method="fastnn", label="wide"))
    again = Results(results.path)
    assert again.rows == results.rows
    found = again.newest({"a": "t"}, 8000)
    assert list(found) == ["hgb", "fastnn@wide"]
    assert found["hgb"]["a"][0]["error"] == 0.2
    assert not again.newest({"a": "t"}, 8000, splits=[1])
    assert not again.newest({"a": "another"}, 8000)
    assert report.label_of("fastnn@wide") == "fastnn (wide)"
    with results.path.open("a") as file:
        file.write('{"table": "a"}\n')
    with pytest.raises(SystemExit, match=r"results\.jsonl, line 4 is no result"):
        Results(results.path)


def test_scores_are_those_of_the_definitions():
    y, p = np.array([0, 1, 1, 0]), np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [1.0, 0.0]])
    found = scores.scores_of("binary", y, p.argmax(axis=1), p)
    tiny = np.finfo(float).eps
    assert found["error"] == 0.25
    assert found["log_loss"] == pytest.approx(-(log(0.9) + log(0.8) + log(0.3) + log(1 - tiny)) / 4)
    assert found["auc"] == roc_auc_score(y, p[:, 1])
    three = np.random.default_rng(0).dirichlet(np.ones(3), 9).astype(np.float32)
    y = np.arange(9) % 3
    found = scores.scores_of("multiclass", y, three.argmax(axis=1), three)
    assert found["log_loss"] == pytest.approx(log_loss(y, three), rel=1e-6)
    assert scores.scores_of("multiclass", 0 * y, three.argmax(axis=1), three)["auc"] is None
    found = scores.scores_of("regression", np.array([0.0, 2.0]), np.array([1.0, 2.0]))
    assert found == {"error": 0.5, "log_loss": None, "auc": None}


@pytest.mark.parametrize("table", data.QUICK, ids=lambda table: table.name)
def test_a_split_is_a_quarter_with_its_share_of_each_class(table):
    X, y = data.load(table)
    parts = [scores.split_of(X, y, table.kind, seed) for seed in (0, 0, 1)]
    X_train, y_train, X_test, y_test = parts[0]
    assert len(X_test) == int(np.ceil(len(X) / 4))
    rows = pd.concat([X_train, X_test]).sort_values(list(X)).reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, X.sort_values(list(X)).reset_index(drop=True))
    pd.testing.assert_frame_equal(X_test, parts[1][2])
    assert not X_test.equals(parts[2][2])
    if table.kind != "regression":
        assert np.abs(np.bincount(y_train) / len(y_train) - np.bincount(y_test) / len(y_test)).max() < 0.02


def test_some_rows_of_a_table_in_their_order():
    X, y = data.load(data.QUICK[2])
    fewer, fewer_y = data.load(data.QUICK[2], 100)
    rows = np.sort(np.random.default_rng(0).permutation(len(X))[:100])
    pd.testing.assert_frame_equal(fewer, X.iloc[rows].reset_index(drop=True))
    assert (fewer_y.to_numpy() == y.to_numpy()[rows]).all()


def test_what_becomes_of_columns(monkeypatch):
    frame = pd.DataFrame(
        {
            "word": [" b", "a", None, "b "],
            "code": [1, 2, 1, 2],
            "flag": [True, False, True, True],
            "same": 4 * [7],
            "number": [1, 2, None, 4],
            "told": [0, 1, 2, 3],
            "y": ["no", "yes", "no", None],
        }
    )
    monkeypatch.setitem(data._READERS, "sklearn", lambda: frame)
    table = data.Table("t", "sklearn", (), "y", "binary", dropped=("told",), categories=("code",))
    X, y = data.whole(table)
    data.whole.cache_clear()
    assert list(X) == ["word", "code", "flag", "number"]
    assert [str(dtype) for dtype in X.dtypes] == ["category", "category", "category", "float64"]
    assert list(X["word"])[:2] == ["b", "a"]
    assert X["word"].isna().tolist() == [False, False, True]
    assert list(y) == [0, 1, 0]


def test_tables_held_back_are_others():
    assert len(FORTY) == 40
    assert len(HELD_BACK) >= 25
    names = [table.name for table in (*FORTY, *HELD_BACK)]
    places = [table.place for table in (*FORTY, *HELD_BACK)]
    assert len(set(names)) == len(names)
    assert len(set(places)) == len(places)
    kinds = {table.kind for table in HELD_BACK}
    assert kinds == {"binary", "multiclass", "regression"}
    assert all(table.target not in table.dropped for table in (*FORTY, *HELD_BACK))


@pytest.mark.parametrize("table", [*FORTY, *HELD_BACK], ids=lambda table: table.name)
def test_tables_have_rows_and_honest_columns(table):
    if not table.is_installed():
        pytest.skip(f"{table.package} is not installed")
    X, y = data.whole(table)
    assert len(X) >= 300
    assert len(X) == len(y)
    assert not set(table.dropped) & set(X)
    assert table.kind == "regression" or (y.nunique() == 2) == (table.kind == "binary")


def test_the_rarest_levels_are_one():
    words = pd.Series(["a"] * 5 + ["b"] * 3 + ["c", "d", None], dtype="category")
    X = pd.DataFrame({"word": words, "few": pd.Categorical(["x", "y"] * 5 + ["x"]), "number": range(11)})
    before = X.copy()
    found = FewLevels(3).fit(X).transform(X)
    assert found["word"].astype(object).tolist()[:10] == ["a"] * 5 + ["b"] * 3 + ["other", "other"]
    assert found["word"].isna().sum() == 1
    pd.testing.assert_frame_equal(X, before)
    pd.testing.assert_frame_equal(found[["few", "number"]], X[["few", "number"]])


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("name", ["hgb", "forest", "linear", "plain"])
def test_methods_take_categories_and_gaps(name):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"number": rng.normal(size=200), "word": pd.Categorical(rng.choice(list("abc"), 200))})
    X.loc[::7, "number"] = np.nan
    X.loc[::5, "word"] = None
    y = (X["word"] == "a").astype(int).to_numpy()
    new = X[:3].assign(word=pd.Categorical(["z", None, "a"]))
    for is_classes in (True, False):
        model = BY_NAME[name].build(is_classes).fit(X, y)
        assert np.isfinite(model.predict(new)).all()


def test_versions_and_what_is_not_installed():
    assert BY_NAME["hgb"].versions().startswith("scikit-learn ")
    assert BY_NAME["fastnn"].versions().startswith("fastnn ")
    with pytest.raises(ImportError, match="no-such-a or no-such-b is not installed"):
        Method("a", "A", ("no-such-a|no-such-b",), None).versions()


def test_digests_tell_settings_apart_and_of_ours_defaults():
    found = [worker.identity(BY_NAME[name])["digests"] for name in ("hgb", "linear", "hgb")]
    assert found[0] == found[2]
    assert len({digest for digests in found for digest in digests.values()}) == 4
    twins = [Method("a", "A", ("fastnn",), BY_NAME["hgb"].build, is_ours=is_ours) for is_ours in (True, False)]
    assert worker.identity(twins[0])["digests"] != worker.identity(twins[1])["digests"]


def test_the_chart_needs_somebody_to_compare(tmp_path):
    assert chart.write_charts(tmp_path, "none", {}, {}, "none") == []
    assert set(chart.LOOKS) | {BASELINE} == {method.name for method in METHODS}
    assert set(sets.BY_NAME) >= {table.name for table in data.QUICK}

"""Estimators for tables in pickles, files, ONNX and C: all travels, and what comes from elsewhere is checked."""

import copy
import functools
import json
import pickle
import shutil
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.base import clone

import fastnn
from fastnn import ModelFormatError, TabularClassifier, TabularRegressor
from fastnn.export.container import read, write
from fastnn.export.models import TABULAR
from fastnn.tabular import saved

pandas = pytest.importorskip("pandas")

N = 160


def frame():
    """Every kind of column, most with gaps; names that ONNX has for results, too."""
    rng = np.random.default_rng(0)
    made = {
        "size": rng.normal(3, 2, N),
        "long tail": np.exp(rng.normal(0, 3, N)),
        "label": rng.integers(0, 9, N) * 1.0,
        "gemm_5": rng.integers(-4, 5, N),
        "colour": rng.choice(["red", "green", "blue", "Ünïcode"], N).astype(object),
        "yes or no": rng.choice(["yes", "no"], N).astype(object),
        "town": rng.choice([f"town {i}" for i in range(20)], N).astype(object),
        "flag": rng.random(N) < 0.4,
        "grade": pandas.Categorical(rng.choice([1, 2, 3, 5, 8], N)),
        "since": pandas.Series(pandas.date_range("1969-11-03 05:10", periods=N, freq="41h")),
        "waited": pandas.to_timedelta(rng.integers(0, 10**5, N), unit="s"),
        "always": np.ones(N),
    }
    made = pandas.DataFrame(made)
    for place, name in enumerate(["size", "colour", "town", "since", "waited"]):
        made.loc[rng.random(N) < 0.1 + 0.02 * place, name] = None
    return made


def numeric():
    rng = np.random.default_rng(1)
    made = pandas.DataFrame(rng.normal(size=(N, 4)) * [1, 10, 1e6, 1e-3], columns=["a", "b", "c", "d"])
    made.loc[rng.random(N) < 0.2, "b"] = np.nan
    made["flag"] = rng.random(N) < 0.5
    return made


TABLES = {"all kinds": frame, "numbers": numeric, "array": lambda: numeric().to_numpy(np.float64)}


@functools.cache
def fitted(kind, table="all kinds", **options):
    X = TABLES[table]()
    rng = np.random.default_rng(2)
    options = {"max_epochs": 3, "n_members": 1, "random_state": 0, "hidden_layer_sizes": (9, 8)} | options
    if kind == "number":
        return TabularRegressor(**options).fit(X, np.exp(rng.normal(4, 1, N))), X
    if kind == "numbers":
        return TabularRegressor(**options).fit(X, rng.normal(4, 1, (N, 3)) * [1, 10, 1e5]), X
    y = rng.choice({"binary": ["no", "yes"], "words": ["a", "b", "c"], "integers": [3, 7, 9]}[kind], N)
    return TabularClassifier(**options).fit(X, y), X


KINDS = ["binary", "words", "integers", "number", "numbers"]


def answers(model, X):
    return model.predict(X) if hasattr(model, "_centre") else model.predict_proba(X)


# -- pickles and files ------------------------------------------------------------------------------------------


def by_skops(model, path):
    sio = pytest.importorskip("skops.io")
    kinds = [f"fastnn.tabular.{name.lower()}.Tabular{name}" for name in ("Classifier", "Regressor")]
    return sio.loads(sio.dumps(model), trusted=kinds)


def by_file(model, path):
    model.save(path / "model.safetensors")
    return fastnn.load(path / "model.safetensors")


WAYS = {
    "pickle": lambda model, path: pickle.loads(pickle.dumps(model)),
    "deepcopy": lambda model, path: copy.deepcopy(model),
    "copy": lambda model, path: copy.copy(model),
    "joblib": lambda model, path: joblib.load(joblib.dump(model, path / "model.joblib")[0]),
    "mapped": lambda model, path: joblib.load(joblib.dump(model, path / "model.joblib")[0], mmap_mode="r"),
    "cloudpickle": lambda model, path: pickle.loads(pytest.importorskip("cloudpickle").dumps(model)),
    "skops": by_skops,
    "file": by_file,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_estimator_arrives_as_it_was(way, kind, tmp_path):
    model, X = fitted(kind)
    arrived = WAYS[way](model, tmp_path)
    assert type(arrived) is type(model)
    assert answers(arrived, X).tobytes() == answers(model, X).tobytes()
    assert np.array_equal(arrived.predict(X), model.predict(X))
    assert arrived.predict(X).dtype == model.predict(X).dtype
    assert answers(arrived, X.iloc[[3]]).tobytes() == answers(model, X.iloc[[3]]).tobytes()
    assert arrived.get_params() == model.get_params()
    assert repr(arrived.columns_) == repr(model.columns_)
    assert arrived.feature_names_in_.tolist() == list(X.columns)
    assert arrived.n_features_in_ == model.n_features_in_ == X.shape[1]
    assert len(arrived.members_) == arrived.n_members_ == 2
    assert np.array_equal(arrived.held_back_, model.held_back_)
    assert (arrived.history_, arrived.best_epochs_, arrived.n_iter_) == (
        model.history_, model.best_epochs_, model.n_iter_,
    )  # fmt: skip
    assert arrived.predict_std(X).tobytes() == model.predict_std(X).tobytes()
    if isinstance(model, TabularRegressor):
        assert np.array_equal(arrived.predict_interval(X, 0.8), model.predict_interval(X, 0.8))
    else:
        assert arrived.temperature_ == model.temperature_


@pytest.mark.parametrize(
    "labels", [[True, False], np.array(["x", "zz"], object), [1.0, 2.0], np.uint8([3, 250])],
    ids=["bool", "object", "float", "uint8"],
)  # fmt: skip
def test_labels_of_any_kind_come_back(labels, tmp_path):
    X = numeric()
    y = np.array(labels)[np.random.default_rng(8).integers(0, 2, N)]
    model = TabularClassifier(max_epochs=1, random_state=0).fit(X, y)
    for way in ("pickle", "file"):
        arrived = WAYS[way](model, tmp_path)
        assert arrived.classes_.dtype == model.classes_.dtype
        assert np.array_equal(arrived.predict(X), model.predict(X))


def test_a_constant_target_and_the_output_that_was_set(tmp_path):
    X = numeric()
    y = np.stack([np.full(N, 7.0), np.arange(N)], axis=1)
    model = TabularRegressor(max_epochs=1, random_state=0).fit(X, y).set_output(transform="pandas")
    arrived = by_file(model, tmp_path)
    assert np.array_equal(arrived.predict(X), model.predict(X))
    assert (arrived.predict(X)[:, 0] == 7).all()
    assert arrived.transform(X).equals(model.transform(X))


def test_importances_travel(tmp_path):
    model, _ = fitted("words", "numbers", importances=True)
    for way in ("pickle", "file", "skops"):
        assert np.array_equal(WAYS[way](model, tmp_path).feature_importances_, model.feature_importances_)


def test_what_a_copy_shares_and_what_a_deep_copy_does_not():
    model, _ = fitted("words")
    assert copy.copy(model).members_ is model.members_
    assert not np.shares_memory(copy.deepcopy(model).members_[0].parameters, model.members_[0].parameters)


def test_another_process_needs_nothing_but_the_pickle(tmp_path):
    model, X = fitted("number")
    (tmp_path / "model").write_bytes(pickle.dumps((model, X)))
    program = (
        "import pickle, sys, warnings; warnings.simplefilter('error'); "
        "model, X = pickle.load(open(sys.argv[1], 'rb')); sys.stdout.write(model.predict(X).tobytes().hex())"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "model"], capture_output=True, check=True)
    assert done.stdout.decode() == model.predict(X).tobytes().hex()


def test_an_estimator_without_a_fit_and_one_of_an_array(tmp_path):
    arrived = by_file(TabularClassifier(n_members=7, hidden_layer_sizes=(3, 2)), tmp_path)
    assert (arrived.n_members, arrived.hidden_layer_sizes) == (7, (3, 2))
    assert not hasattr(arrived, "members_")
    model, X = fitted("words", "array")
    arrived = by_file(model, tmp_path)
    assert not hasattr(arrived, "feature_names_in_")
    assert answers(arrived, X).tobytes() == answers(model, X).tobytes()
    again = clone(arrived).fit(X, model.predict(X))
    assert np.array_equal(again.classes_, np.unique(model.predict(X)))


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_a_fit_leaves_is_in_files_or_follows(kind):
    model, _ = fitted(kind)
    known = saved.FITTED.keys() | saved.OTHERS | model.get_params().keys()
    assert vars(model).keys() <= known, "a row in FITTED, or in OTHERS, of fastnn.tabular.saved"


def test_a_state_of_before_a_parameter_existed():
    model, X = fitted("words")
    state = model.__getstate__()
    del state["gated"]
    old = TabularClassifier.__new__(TabularClassifier)
    old.__setstate__(state)
    assert old.gated is True
    assert np.array_equal(old.predict(X), model.predict(X))


def test_what_is_no_data_is_left_out_with_a_warning(tmp_path):
    model = copy.copy(fitted("words")[0]).set_params(random_state=np.random.default_rng(0))
    with pytest.warns(UserWarning, match="random_state, which will be None"):
        model.save(tmp_path / "model")
    assert fastnn.load(tmp_path / "model").random_state is None
    kind = type("Mine", (TabularClassifier,), {})
    with pytest.raises(TypeError, match="Mine is a class of"):
        kind().save(tmp_path / "model")


# -- what comes from elsewhere ----------------------------------------------------------------------------------


def at(*places, value):
    def change(description, arrays):
        for place in places[:-1]:
            description = description[place]
        description[places[-1]] = value

    return change


def array(name, made):
    def change(description, arrays):
        if made is None:
            del arrays[name]
        else:
            arrays[name] = made(arrays.get(name))

    return change


def in_columns(change):
    """Change the description of the columns, which JSON has as pairs."""

    def of(description, arrays):
        from fastnn.export.values import Arrays, from_json, to_json

        given = Arrays(arrays)
        columns = from_json(description["learned"]["columns"], given)
        change(columns)
        for name in [*arrays]:
            if name.startswith("columns"):
                del arrays[name]
        description["learned"]["columns"] = to_json(columns, arrays, "columns")

    return of


def fewer_levels(columns):
    next(column for column in columns["columns"] if column["name"] == "town")["parts"][0][1]["levels"].pop()


def wider(columns):
    columns["settings"]["embedding_size"] = 3


DAMAGE = {
    "version": (at("version", value=2), "version 2; this fastnn reads version 1"),
    "class": (at("class", value="MLPClassifier"), "unknown class"),
    "other class": (at("class", value="TabularRegressor"), "unknown 'calibration', 'class_weight'"),
    "parameter": (at("parameters", value={"colour": 1}), "unknown 'colour'"),
    "fitted": (at("fitted", value=3), "fitted must be a dict"),
    "unknown fitted": (at("fitted", "predict", value=3), "unknown 'predict'"),
    "no classes": (at("fitted", value={}), "classes_ of TabularClassifier are missing|nothing asks for"),
    "classes": (at("fitted", "classes_", value=3), "classes_ cannot be 3"),
    "learned": (at("learned", value=3), "members must be"),
    "nothing learned": (at("learned", value=None), "no network"),
    "many members": (at("learned", "members", value=2**60), "members must be"),
    "no members": (at("learned", "members", value=0), "members must be"),
    "more": (at("learned", "more", value=0), "unknown 'more'"),
    "network": (at("learned", "network", value=[]), "network must be a dict"),
    "layer sizes": (at("learned", "network", "layer_sizes", 2, value=2**62), "more than this machine"),
    "first layer": (at("learned", "network", "layer_sizes", 0, value=1), "are the first layer"),
    "sizes": (at("learned", "network", "layer_sizes", 2, value=10), "parameters of float32"),
    "activation": (at("learned", "network", "activations", 1, "name", value="softmax"), "softmax"),
    "output": (at("learned", "network", "activations", -1, "name", value="logistic"), "none of TabularClassifier"),
    "dtype": (at("learned", "network", "dtype", value="float16"), "dtype must be"),
    "gated": (at("learned", "network", "gated", value="no"), "gated"),
    "not gated": (at("learned", "network", "gated", value=False), "parameters of float32"),
    "columns": (at("learned", "columns", value=3), "must be a dict"),
    "fewer levels": (in_columns(fewer_levels), "parameters of float32"),
    "wider": (in_columns(wider), "are the first layer"),
    "no array": (array("members.1", None), "there is no array|members must be"),
    "short": (array("members.1", lambda given: given[:-1]), "parameters of float32"),
    "doubles": (array("members.1", lambda given: given.astype(np.float64)), "parameters of float32"),
    "one more": (array("members.2", lambda given: np.zeros(3)), "nothing asks for: 'members.2'"),
}


def damaged(model, change, path):
    model.save(path)
    _, description, arrays = read(path, TABULAR)
    description, arrays = json.loads(json.dumps(description)), {name: np.array(array) for name, array in arrays.items()}
    change(description, arrays)
    write(path, TABULAR, description, arrays)


@pytest.mark.parametrize("what", DAMAGE)
def test_files_that_are_damaged_are_refused(what, tmp_path):
    change, says = DAMAGE[what]
    damaged(fitted("words")[0], change, tmp_path / "model")
    with pytest.raises(ModelFormatError, match=says):
        fastnn.load(tmp_path / "model")


RESIDUALS = {"sizes": (3, 1), "shares": (3, 1), "slopes": (8, 1), "means": (1,)}


@pytest.mark.parametrize("name", RESIDUALS)
@pytest.mark.parametrize(
    "made",
    [np.zeros((4, 1)), np.zeros((3, 2)), np.full((3, 1), np.nan), np.full((3, 1), -1.0), np.zeros(2), None, "x"],
)
def test_residuals_are_checked(name, made):
    model, _ = fitted("number")
    state = model.__getstate__()
    arrays = {one: np.zeros(shape) for one, shape in RESIDUALS.items()}
    arrived = TabularRegressor.__new__(TabularRegressor)
    arrived.__setstate__({**state, "_residuals": arrays})
    assert np.array_equal(arrived._residuals.slopes, np.zeros((8, 1)))
    with pytest.raises((TypeError, ValueError), match="damaged"):
        arrived.__setstate__({**state, "_residuals": {**arrays, name: made}})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_residuals", 3),
        ("_importances", 3),
        ("history_", 3),
        ("best_epochs_", 3),
        ("n_iter_", -1),
        ("held_back_", 3),
        ("_centre", np.nan),
        ("_scale", 0.0),
        ("_scale", "1"),
        ("_range", [2.0, 1.0]),
        ("_range", 3.0),
        ("_centre", None),
    ],
)
def test_units_are_checked(name, value, tmp_path):
    damaged(fitted("number")[0], at("fitted", name, value=value), tmp_path / "model")
    with pytest.raises(ModelFormatError, match=f"{name} cannot be"):
        fastnn.load(tmp_path / "model")


@pytest.mark.parametrize("change", [{"members_": []}, {"classes_": np.arange(9)}, {"_learned": 3}, {"_learned": {}}])
def test_states_that_cannot_be_are_refused(change):
    state = {**fitted("words")[0].__getstate__(), **change}
    with pytest.raises((TypeError, ValueError), match=r"damaged|must be a dict|lacks"):
        TabularClassifier.__new__(TabularClassifier).__setstate__(state)


def test_parameters_that_are_not_finite_are_told(tmp_path):
    damaged(fitted("words")[0], array("members.0", lambda given: given * np.float32(np.nan)), tmp_path / "model")
    with pytest.warns(RuntimeWarning, match="not finite"):
        fastnn.load(tmp_path / "model")


# -- ONNX -------------------------------------------------------------------------------------------------------


def fed(model, session, X):
    """What inputs of a model get of a table."""
    given = {}
    for one in session.get_inputs():
        if one.name == "X":
            return {"X": np.asarray(X, np.float64)}
        column = X[one.name]
        if one.type == "tensor(string)":
            given[one.name] = column.astype(object).where(column.notna(), "").to_numpy(object)
        elif column.dtype.kind == "M":
            utc = column.dt.tz_convert("UTC").dt.tz_localize(None) if column.dt.tz is not None else column
            given[one.name] = utc.to_numpy("M8[us]").astype(np.int64)
        elif column.dtype.kind == "m":
            given[one.name] = column.dt.total_seconds().to_numpy(np.float64)
        else:
            dtype = {"tensor(int64)": np.int64, "tensor(bool)": bool, "tensor(double)": np.float64}[one.type]
            given[one.name] = column.to_numpy(dtype)
    return {name: values.reshape(-1, 1) for name, values in given.items()}


def run(model, X):
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    made = model.to_onnx()
    onnx.checker.check_model(made, full_check=True)
    session = onnxruntime.InferenceSession(made.SerializeToString())
    found = session.run(None, fed(model, session, X))
    return dict(zip([one.name for one in session.get_outputs()], found, strict=True)), session


def same_in_onnx(model, X):
    found, session = run(model, X)
    if "variable" in found:
        expected = model.predict(X)
        np.testing.assert_allclose(
            found["variable"].reshape(expected.shape), expected, atol=1e-5 * np.abs(expected).max()
        )
        return session
    expected = model.predict_proba(X)
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)
    sure = np.diff(np.sort(expected, axis=1)[:, -2:]).ravel() > 1e-4
    label = found[session.get_outputs()[0].name]
    assert np.array_equal(label[sure], model.predict(X)[sure])
    return session


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("kind", KINDS)
def test_one_graph_from_raw_columns_to_answers(kind, table):
    model, X = fitted(kind, table)
    session = same_in_onnx(model, X)
    if table == "all kinds":
        types = {one.name: one.type for one in session.get_inputs()}
        assert types == {
            "size": "tensor(double)", "long tail": "tensor(double)", "label": "tensor(double)",
            "gemm_5": "tensor(double)", "colour": "tensor(string)", "yes or no": "tensor(string)",
            "town": "tensor(string)", "flag": "tensor(bool)", "grade": "tensor(int64)", "since": "tensor(int64)",
            "waited": "tensor(double)",
        }  # fmt: skip


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_onnx_of_few_rows(rows):
    model, X = fitted("words")
    found, _ = run(model, X.iloc[:rows])
    assert found["probabilities"].shape == (rows, 3)


def test_onnx_of_cells_that_fit_never_saw():
    model, X = fitted("words")
    X = X.copy()
    X["colour"] = X["colour"].where(np.arange(N) % 3 > 0, "never seen")
    X["town"] = None
    X["grade"] = 4
    X["long tail"] = np.nan
    X["size"] *= 1e200
    X.loc[3, "since"] = pandas.Timestamp("1700-02-28 23:59:59.999999")
    X.loc[4, "since"] = pandas.Timestamp("2000-02-29")
    same_in_onnx(model, X)


@pytest.mark.parametrize("zone", [None, "UTC", "+05:30"])
def test_onnx_has_the_calendar(zone):
    rng = np.random.default_rng(3)
    days = pandas.Series(np.array(rng.integers(-(10**5), 10**5, 400), "M8[D]").astype("M8[us]"))
    days += pandas.to_timedelta(rng.integers(0, 86_400 * 10**6, 400), unit="us")
    X = pandas.DataFrame({"day": days if zone is None else days.dt.tz_localize(zone), "x": rng.normal(size=400)})
    X.loc[5, "day"] = pandas.NaT
    model = TabularRegressor(max_epochs=2, hidden_layer_sizes=(8,), random_state=0).fit(X, rng.normal(size=400))
    same_in_onnx(model, X)


def test_each_part_of_a_date_is_that_of_the_calendar():
    onnxruntime = pytest.importorskip("onnxruntime")
    from fastnn.export.onnx_graph import Graph, model_of
    from fastnn.tabular.column import Column
    from fastnn.tabular.export_onnx import _moments
    from fastnn.tabular.moments import parts_of

    rng = np.random.default_rng(7)
    every_day = 86_400 * 10**6 * np.arange(-80_000, 70_000)  # of 400 years
    x = np.r_[every_day, every_day - 1, rng.integers(-(2**56), 2**56, 3000)]
    graph, parts = Graph(np.float32, ["x"]), parts_of(x.astype("M8[us]"), None, 123)
    made = _moments(graph, "x", Column("x", "date", [(part, None) for part in parts], reference=123))
    for part, result in made.items():
        graph.rename(result, part)
    model = model_of(graph, [("x", np.int64, ["N", 1])], [(part, np.float64, ["N", 1]) for part in made], {})
    found = onnxruntime.InferenceSession(model.SerializeToString()).run([*parts], {"x": x[:, None]})
    for (part, expected), given in zip(parts.items(), found, strict=True):
        assert np.array_equal(given.ravel(), expected), part


def test_onnx_of_integers_beyond_float64():
    rng = np.random.default_rng(4)
    X = pandas.DataFrame({"id": 2**60 + rng.integers(0, 50, 100), "x": rng.normal(size=100)})
    model = TabularRegressor(max_epochs=4, random_state=0).fit(X, (X["id"] - 2**60) * 1.0)
    assert np.ptp(model.predict(X)) > 1
    session = same_in_onnx(model, X)
    assert session.get_inputs()[0].type == "tensor(int64)"


@pytest.mark.parametrize(
    ("options", "n_levels"), [({"max_embedded": 1}, 12), ({"max_one_hot": 20}, 12), ({"missing_indicator": False}, 2)]
)
def test_onnx_of_other_encodings(options, n_levels):
    rng = np.random.default_rng(5)
    X = numeric().assign(code=rng.integers(0, n_levels, N).astype(str), only=pandas.Categorical(["one"] * N))
    X.loc[3, "only"] = None
    y = rng.choice(list("ab"), N)
    same_in_onnx(TabularClassifier(max_epochs=2, random_state=0, activation="mish", **options).fit(X, y), X)


def test_onnx_of_categories_alone_and_of_floats_with_gaps():
    rng = np.random.default_rng(6)
    X = pandas.DataFrame({"a": rng.choice(list("xyz"), N), "b": pandas.Categorical(rng.choice([0.5, 1.5, 7], N))})
    X["c"] = pandas.Categorical(rng.choice([1, 2, 3], N))
    X.loc[::5, ["b", "c"]] = None
    model = TabularClassifier(max_epochs=2, random_state=0).fit(X, rng.choice(list("ab"), N))
    assert {one.type for one in same_in_onnx(model, X).get_inputs()} == {"tensor(string)", "tensor(double)"}


def test_onnx_of_text_of_which_nothing_is_a_level():
    rng = np.random.default_rng(9)
    X = pandas.DataFrame({"a": rng.choice(["", "x", "y"], N), "b": rng.normal(size=N)})
    model = TabularClassifier(max_epochs=2, random_state=0).fit(X, rng.choice(list("ab"), N))
    same_in_onnx(model, X)
    words = {one.key: one.value for one in model.to_onnx().metadata_props}
    assert json.loads(words["inputs"])["a"] == "text, of which '' is a level; what is none where missing"


def test_onnx_says_what_its_inputs_take(tmp_path):
    onnx = pytest.importorskip("onnx")
    fitted("number")[0].to_onnx(tmp_path / "model.onnx")
    words = {one.key: one.value for one in onnx.load(tmp_path / "model.onnx").metadata_props}
    assert words["fastnn_version"] == fastnn.__version__
    inputs = json.loads(words["inputs"])
    assert inputs["since"] == "microseconds since 1970 in UTC, -2**63 where missing"
    assert inputs["waited"] == "seconds, NaN where missing"
    assert inputs["town"] == "text, '' where missing"
    assert "always" not in inputs


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (pandas.date_range("2020-01-01", periods=40, freq="31h", tz="Europe/Paris"), "'odd'.*clocks of Europe/Paris"),
        ([1, "1", "a", 2] * 10, "'odd'.*levels are text and numbers"),
        (pandas.Categorical([2**60, 2**60 + 1, 3, 4] * 10), "'odd'.*beyond 2"),
    ],
    ids=["clocks", "mixed", "large"],
)
def test_what_onnx_cannot_do_is_refused_by_name(cells, says):
    pytest.importorskip("onnx")
    X = pandas.DataFrame({"odd": cells, "x": np.arange(40.0) ** 2})
    model = TabularRegressor(max_epochs=1, random_state=0).fit(X, np.arange(40.0))
    with pytest.raises(ValueError, match=says):
        model.to_onnx()


@pytest.mark.parametrize(
    "call", [TabularClassifier().to_onnx, lambda: TabularRegressor().to_c("net.h")], ids=["onnx", "c"]
)
def test_an_export_needs_a_fit(call):
    with pytest.raises(ValueError, match="not fitted"):
        call()


# -- C ----------------------------------------------------------------------------------------------------------


def ran(path, compiler="gcc", standard="c99"):
    """Whether a file's self-test passes, with what it said."""
    options = ["-x", "c" if standard.startswith("c9") else "c++", f"-std={standard}", "-O2", "-Wall", "-Wextra"]
    options += ["-pedantic", "-Werror", f"-D{path.stem.upper()}_SELF_TEST", str(path), "-lm"]
    subprocess.run([compiler, *options, "-o", str(path.with_suffix(""))], check=True)
    done = subprocess.run([str(path.with_suffix(""))], capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout


needs_gcc = pytest.mark.skipif(not shutil.which("gcc"), reason="no C compiler")


@needs_gcc
@pytest.mark.parametrize("table", ["numbers", "array"])
@pytest.mark.parametrize("kind", KINDS)
def test_c_has_what_the_estimator_predicts(kind, table, tmp_path):
    model, X = fitted(kind, table)
    exported = model.to_c(tmp_path / "model.h", self_test=X)
    passed, said = ran(exported.path)
    assert passed, said
    text = exported.path.read_text()
    assert "the mean of 2 networks" in text
    assert ('0 "a"' in text) == (table == "numbers")
    assert exported.table_bytes > 4 * sum(member.parameters.size - 30 for member in model.members_)
    assert 0 < exported.ram_bytes < 1000


@needs_gcc
@pytest.mark.parametrize(
    "options", [{"max_embedded": 1}, {"activation": "mish", "refit": False}, {"gated": False}],
    ids=lambda options: next(iter(options)),
)  # fmt: skip
def test_c_of_other_networks(options, tmp_path):
    model, X = fitted("binary", "numbers", **options)
    passed, said = ran(model.to_c(tmp_path / "net.h", self_test=X).path)
    assert passed, said


@pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler")
def test_c_is_cplusplus_too(tmp_path):
    model, X = fitted("words", "numbers")
    assert ran(model.to_c(tmp_path / "net.h", self_test=X).path, "g++", "c++11")[0]


@needs_gcc
def test_the_self_test_finds_what_is_wrong(tmp_path):
    model, X = fitted("number", "numbers")
    path = model.to_c(tmp_path / "net.h", self_test=X).path
    path.write_text(path.read_text().replace("z / 3.0", "z / 2.0"))
    passed, said = ran(path)
    assert not passed
    assert "expected" in said


@needs_gcc
def test_c_of_spans_of_gaps_and_of_columns_that_are_not_read(tmp_path):
    X = frame()[["always", "waited", "size", "flag"]]
    model = TabularRegressor(max_epochs=2, random_state=0).fit(X, np.arange(N) * 1.0)
    path = model.to_c(tmp_path / "net.h", self_test=X).path
    assert "always (not read)" in path.read_text()
    passed, said = ran(path)
    assert passed, said


def test_c_refuses_columns_that_are_no_numbers_by_name(tmp_path):
    model, _ = fitted("words")
    with pytest.raises(ValueError, match=r"'colour' \(category\).*'since' \(date\).*use to_onnx") as caught:
        model.to_c(tmp_path / "net.h")
    assert "size" not in str(caught.value)
    assert not (tmp_path / "net.h").exists()

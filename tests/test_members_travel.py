"""Ensembles in files, ONNX, C and pickles: all members travel, and what comes from elsewhere is checked."""

import copy
import json
import pickle
import shutil
import subprocess

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_members import CLASSES, FEW, KINDS, X, fitted

import fastnn
from fastnn import MLPClassifier, ModelFormatError
from fastnn.export.container import read, write
from fastnn.export.models import ESTIMATOR

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def by_skops(model):
    sio = pytest.importorskip("skops.io")
    kinds = ("estimators._classifier.MLPClassifier", "estimators._regressor.MLPRegressor", "heads.Head")
    return sio.loads(sio.dumps(model), trusted=[f"fastnn.{kind}" for kind in kinds])


def by_file(model, path, **options):
    model.save(path / "model.safetensors", **options)
    return fastnn.load(path / "model.safetensors")


def same(one, other):
    """Whether predictions have the same bits, and those of how sure they are."""
    assert len(one.members_) == len(other.members_)
    assert np.array_equal(one._outputs(X), other._outputs(X))
    assert np.array_equal(one.predict(X), other.predict(X))
    assert np.array_equal(one.predict_std(X), other.predict_std(X))
    if "_out_of_bag" in vars(one):
        assert np.array_equal(one.predict_interval(X, 0.7), other.predict_interval(X, 0.7))
    assert one.n_iter_ == other.n_iter_


# -- pickles and files ------------------------------------------------------------------------------------------

WAYS = {
    "pickle": lambda model, path: pickle.loads(pickle.dumps(model)),
    "deepcopy": lambda model, path: copy.deepcopy(model),
    "copy": lambda model, path: copy.copy(model),
    "joblib": lambda model, path: joblib.load(joblib.dump(model, path / "model.joblib")[0]),
    "skops": lambda model, path: by_skops(model),
    "file": by_file,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "hinge", "number", "means", "heads"])
def test_an_ensemble_arrives_as_it_was(way, kind, tmp_path):
    model, y = fitted(kind, bootstrap=kind in ("number", "means", "multiclass"))
    arrived = WAYS[way](model, tmp_path)
    same(model, arrived)
    assert arrived.get_params(deep=False).keys() == model.get_params(deep=False).keys()
    clone(arrived).fit(X, y)


@pytest.mark.parametrize("kind", ["multiclass", "number"])
def test_training_goes_on_with_the_same_bits(kind, tmp_path):
    model, y = fitted(kind, warm_start="solver")
    arrived = by_file(model, tmp_path, solver_state=True)
    same(model.fit(X, y), arrived.fit(X, y))
    model.set_params(warm_start=False).partial_fit(X, y)
    same(model, arrived.set_params(warm_start=False).partial_fit(X, y))


def test_names_of_columns_and_an_estimator_that_is_not_fitted(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = clone(KINDS["number"][0]).fit(frame, KINDS["number"][1])
    arrived = by_file(model, tmp_path)
    assert np.array_equal(arrived.predict(frame), model.predict(frame))
    assert arrived.members_[2].feature_names_in_.tolist() == list("abcd")
    assert by_file(MLPClassifier(n_members=7), tmp_path).get_params()["n_members"] == 7


def test_the_version_says_that_there_are_members(tmp_path):
    """An older release, which reads version 1, so refuses the file; those of one network it reads as ever."""
    by_file(fitted("number")[0], tmp_path)
    assert read(tmp_path / "model.safetensors", ESTIMATOR)[1]["version"] == 2
    by_file(fitted("number", n_members=1)[0], tmp_path)
    description = read(tmp_path / "model.safetensors", ESTIMATOR)[1]
    assert description["version"] == 1
    assert "members" not in description


def other_classes(description, arrays):
    description["members"][1]["labels"]["classes"]["values"][0] = "aaa"
    description["members"][1]["network"]["labels"]["classes"]["values"][0] = "aaa"


def other_sizes(description, arrays):
    network = description["members"][0]["network"]
    network["layer_sizes"][1] = 4
    arrays["members.0.parameters"] = np.zeros(4 * 5 + 5 * 3)


def changed(name, value):
    def change(description, arrays):
        description[name] = value

    return change


def without(name):
    def change(description, arrays):
        del arrays[name]

    return change


def nested(description, arrays):
    description["members"][0] = {**description["members"][0], "members": []}


def beside(description, arrays):
    description["network"] = description["members"][0]["network"]


def untidy(description, arrays):
    arrays["members.1.more"] = np.zeros(2)


def other_kind(description, arrays):
    description["members"][0]["class"] = "MLPRegressor"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (changed("members", []), "arrays that nothing asks for|must be fitted"),
        (changed("members", 3), "members must be a list"),
        (changed("members", [3, 4]), "must be a dict"),
        (changed("version", 1), "version 1; this fastnn reads version 2"),
        (changed("version", 3), "version 3"),
        (changed("fitted", 3), "fitted must be a dict"),
        (changed("more", 1), "unknown 'more'"),
        (without("members.1.parameters"), "there is no array 'parameters'"),
        (other_classes, "different classes"),
        (other_sizes, "must be alike|activation|hidden_layer_sizes"),
        (nested, "unknown 'members'"),
        (beside, "beside which there is no network"),
        (untidy, "nothing asks for: 'more'"),
        (other_kind, "damaged|labels|known"),
    ],
    ids=lambda value: getattr(value, "__name__", "") if callable(value) else "",
)
def test_files_that_are_damaged_are_refused(change, says, tmp_path):
    path = tmp_path / "model"
    fitted("multiclass")[0].save(path)
    _, description, arrays = read(path, ESTIMATOR)
    description, arrays = json.loads(json.dumps(description)), {name: np.array(array) for name, array in arrays.items()}
    change(description, arrays)
    write(path, ESTIMATOR, description, arrays)
    with pytest.raises(ModelFormatError, match=says):
        fastnn.load(path)


@pytest.mark.parametrize(
    "residuals", [np.zeros(3), np.array([[2.0], [1.0]]), np.array([[np.nan]]), np.zeros((0, 1)), np.zeros((2, 3))]
)
def test_residuals_are_checked(residuals, tmp_path):
    path = tmp_path / "model"
    fitted("number", bootstrap=True)[0].save(path)
    _, description, arrays = read(path, ESTIMATOR)
    write(path, ESTIMATOR, description, {**arrays, "fitted._out_of_bag": residuals})
    with pytest.raises(ModelFormatError, match=r"_out_of_bag|residuals of shape"):
        fastnn.load(path)


@pytest.mark.parametrize(
    "members", [None, [], [3, 4], [MLPClassifier(), MLPClassifier()], [KINDS["number"][0]] * 2, "fitted"]
)
def test_states_that_cannot_be_are_refused(members):
    state = fitted("multiclass")[0].__getstate__()
    state["members_"] = [fitted("multiclass")[0]] * 2 if members == "fitted" else members
    with pytest.raises(ValueError, match="members_ must be fitted MLPClassifiers of one network each"):
        MLPClassifier.__new__(MLPClassifier).__setstate__(state)


# -- ONNX and C -------------------------------------------------------------------------------------------------


def run(model, rows=X):
    pytest.importorskip("onnx").checker.check_model(model, full_check=True)
    session = pytest.importorskip("onnxruntime").InferenceSession(model.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": rows}), strict=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-12), ("float32", 1e-5)])
def test_onnx_has_the_mean_of_all_members(kind, dtype, bound):
    pytest.importorskip("onnx")
    model, _ = fitted(kind)
    found = run(model.to_onnx(dtype=dtype), X.astype(dtype))
    if hasattr(model, "classes_"):
        scores = model.decision_function(X) if kind == "hinge" else model.predict_proba(X)
        np.testing.assert_allclose(found["scores" if kind == "hinge" else "probabilities"], scores, atol=bound)
        assert np.mean(found["label"] == model.predict(X)) > 0.99
    else:
        expected = model.predict(X).reshape(60, -1)
        np.testing.assert_allclose(found["variable"], expected, atol=bound * np.abs(expected).max())
    if kind == "means":
        np.testing.assert_allclose(np.sqrt(found["variance"]), model.predict_std(X), rtol=10 * bound)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "number"])
def test_pipelines_of_skl2onnx(kind):
    skl2onnx = pytest.importorskip("skl2onnx")
    from fastnn.interop import register_skl2onnx

    register_skl2onnx()
    estimator, y = KINDS[kind]
    pipeline = make_pipeline(StandardScaler(), clone(estimator)).fit(X, y)
    found = list(run(skl2onnx.to_onnx(pipeline, X, options={} if kind == "number" else {"zipmap": False})).values())
    expected = pipeline.predict(X).reshape(60, 1) if kind == "number" else pipeline.predict_proba(X)
    np.testing.assert_allclose(found[-1], expected, atol=1e-12)


@pytest.mark.skipif(not shutil.which("gcc"), reason="no C compiler")
@pytest.mark.parametrize("dtype", ["float64", "float32", "int8"])
@pytest.mark.parametrize("kind", ["multiclass", "means", "heads"])
def test_c_tests_itself(kind, dtype, tmp_path):
    model, _ = fitted(kind, hidden_layer_sizes=(5, 4))
    exported = model.to_c(tmp_path / "model.h", dtype, self_test=X, calibration=X if dtype == "int8" else None)
    options = ["-x", "c", "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-DMODEL_SELF_TEST"]
    program = str(tmp_path / "program")
    subprocess.run(["gcc", *options, str(exported.path), "-lm", "-o", program], check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    text = exported.path.read_text()
    assert "the mean of 3 networks 4-5-4-" in text
    n_bytes = {"float64": 8, "float32": 4}.get(dtype)
    if n_bytes:
        assert exported.table_bytes == n_bytes * sum(member.network_.n_parameters for member in model.members_)
    else:
        outputs = model._outputs(X)
        assert 0 < exported.max_error < 0.1 * max(1, np.abs(outputs).max())


# -- what takes one network -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.to_sklearn(),
        lambda model: fastnn.Network.from_sklearn(model),
        lambda model: fastnn.diagnose(model, X, CLASSES),
        lambda model: fastnn.plots.NetworkDiagram(model),
    ],
    ids=["to_sklearn", "from_sklearn", "diagnose", "diagram"],
)
def test_what_takes_one_network_names_the_members(call):
    pytest.importorskip("matplotlib").use("Agg")
    with pytest.raises((AttributeError, TypeError), match="members_"):
        call(fitted("multiclass")[0])


def test_regions_are_those_of_all_members():
    pytest.importorskip("matplotlib").use("Agg")
    model = MLPClassifier(**FEW).fit(X[:, :2], CLASSES)
    display = fastnn.plots.DecisionRegionDisplay.from_estimator(model, X[:, :2], CLASSES, grid_resolution=5)
    assert display.ax_ is not None

"""Files of every released version stay loadable: what they hold predicts what NumPy computed when they were made."""

import warnings

import numpy as np
import pytest
import saved_tables
from conftest import assert_close
from saved import GOLDEN, LABELS, MANY, MODELS, NUMBERS, X, expected, parts_of, save

import fastnn

FILES = sorted(GOLDEN.glob("*/*.safetensors"))
FIRST = GOLDEN / "0.1.0"
OF_TABLES = sorted(GOLDEN.glob("*/tables/*.safetensors"))


def network_of(model):
    return model if isinstance(model, fastnn.Network) else model.network_


def test_there_are_files_of_every_kind_for_this_version():
    assert {path.stem for path in FILES if path.parent.name == fastnn.__version__} == set(MODELS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_it_predicts_what_was_computed_then(path):
    model = fastnn.load(path)
    known = np.load(path.parent / "outputs.npz")
    if path.stem not in known:
        with pytest.raises(ValueError, match="not fitted"):
            model.predict(X)
        return
    network = network_of(model)
    assert_close(network(X), known[path.stem], 1e-12 if network.dtype == "float64" else 1e-5)


def answers(model):
    return model.predict_proba(saved_tables.ASKED) if hasattr(model, "classes_") else model.predict(saved_tables.ASKED)


@pytest.mark.parametrize("path", OF_TABLES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_an_estimator_for_tables_answers_what_was_computed_then(path):
    model, known = fastnn.load(path), np.load(path.parent / "outputs.npz")[path.stem]
    assert_close(answers(model), known, 1e-5)
    if hasattr(model, "classes_"):
        assert model.classes_.tolist() == ["maybe", "no", "yes"]
        assert model.feature_importances_.shape == (4,)
    else:
        low, high = model.predict_interval(saved_tables.ASKED, coverage=0.8)
        assert_close((low + high) / 2, known, 1e-5)
    assert (model.get_params()["max_epochs"], model.n_members_) == (3, 3 if hasattr(model, "classes_") else 2)


@pytest.mark.parametrize("name", saved_tables.MODELS)
def test_an_estimator_for_tables_is_saved_today_as_it_was_then(name, tmp_path):
    saved_tables.MODELS[name]().save(tmp_path / "model")
    kind, description, arrays = parts_of(tmp_path / "model")
    then = parts_of(FIRST / "tables" / f"{name}.safetensors")
    assert (kind, description.keys(), description["learned"].keys()) == (
        then[0],
        then[1].keys(),
        then[1]["learned"].keys(),
    )
    assert description["fitted"].keys() == then[1]["fitted"].keys()
    assert {one: array.shape for one, array in arrays.items()} == {one: array.shape for one, array in then[2].items()}
    assert_close(saved_tables.expected(tmp_path / "model"), answers(fastnn.load(tmp_path / "model")), 1e-5)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "unfitted"])
def test_what_is_saved_today_is_what_was_saved_then(name, tmp_path):
    """Descriptions and arrays, but for rounding, by which instruction sets differ."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save(name, tmp_path / "model")
    kind, description, arrays = parts_of(tmp_path / "model")
    then = parts_of(FIRST / f"{name}.safetensors")
    assert (kind, description.keys()) == (then[0], then[1].keys())
    for parameter, value in then[1].get("parameters", {}).items():  # there may be new ones
        assert description["parameters"][parameter] == value
    assert {one: array.shape for one, array in arrays.items()} == {one: array.shape for one, array in then[2].items()}
    assert_close(expected(tmp_path / "model"), expected(FIRST / f"{name}.safetensors"), 1e-4)


def test_labels_come_back():
    models = {path.stem: fastnn.load(path) for path in FIRST.glob("*.safetensors")}
    assert models["multiclass"].classes.tolist() == ["maybe", "no", "yes"]
    assert models["multiclass"].feature_names == ("width", "height", "größe")
    assert models["classifier"].predict(X).dtype == LABELS.dtype
    assert models["classifier_multilabel"].predict(X).shape == MANY.shape
    assert models["binary"].classes.tolist() == [False, True]
    numbers, classes, means = models["heads"].predict(X)
    assert (numbers.shape, classes.dtype, means.shape) == ((30,), bool, (30,))


def test_the_solver_goes_on_from_what_the_file_says():
    """A pass of gradient descent with momentum, of a linear model: by hand, from the file's own numbers."""
    path = FIRST / "regressor_solver_state.safetensors"
    _, description, arrays = parts_of(path)
    parameters, velocity, y = arrays["parameters"], arrays["solver.moments"], NUMBERS[:, 0]
    error = X @ parameters[:3] + parameters[3] - y
    gradient = np.append(X.T @ error / len(X) + 0.01 / len(X) * parameters[:3], error.mean())
    rate = description["solver"]["optimizer"]["learning_rate"]
    assert rate == 0.1
    model = fastnn.load(path).partial_fit(X, y)
    assert_close(model.network_.parameters, parameters + 0.9 * velocity - rate * gradient, 1e-12)

"""What the reference's pages have beside docstrings: all methods, pictures, templates (docs/_extensions/members.py)."""

import inspect
import re
import sys
from pathlib import Path

import pytest

import fastnn

pytest.importorskip("sphinx")
pytest.importorskip("matplotlib").use("Agg")
ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs" / "_extensions"))
import members  # noqa: E402

NAMED = re.findall(r"^   ([\w.]+)$", (ROOT / "docs" / "reference.rst").read_text(), re.MULTILINE)
CLASSES = [name for name in NAMED if "dask" not in name and inspect.isclass(members.resolve(f"fastnn.{name}"))]
PICTURES = members.pictures()


@pytest.mark.parametrize("name", CLASSES)
def test_all_public_methods_are_in_the_table(name):
    cls = members.resolve(f"fastnn.{name}")
    found = members.methods_of(cls)
    for method in dir(cls):
        if not method.startswith("_") and callable(getattr(cls, method, None)):
            base = next(base for base in cls.__mro__ if method in vars(base))
            assert (method in found) is base.__module__.startswith(("fastnn", "sklearn")), method


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor", "TabularClassifier", "TabularRegressor"])
def test_estimators_have_scikit_learns_methods_apart(name):
    found = members.methods_of(getattr(fastnn, name))
    assert found["fit"]
    assert found["save"]
    assert not found["get_params"]
    assert not found["set_fit_request"]
    assert "score" in found


@pytest.mark.parametrize("name", CLASSES)
def test_a_method_has_a_line_that_can_stand_alone(name):
    cls = members.resolve(f"fastnn.{name}")
    for method, is_own in members.methods_of(cls).items():
        if is_own and method != "__call__":
            line = members.summary_of(inspect.getdoc(getattr(cls, method)))
            assert line[0].isupper()
            assert 10 < len(line) < 160, method


def test_the_call_of_networks_is_described_where_c_cannot_carry_it():
    assert fastnn.Network.__call__.__doc__ == "Call self as a function."  # else: Python's own would do
    assert members.methods_of(fastnn.Network)["__call__"]
    text = members.doc_of_call()
    assert members.summary_of(text) == "Return the network's outputs."
    assert "\nParameters\n----------\nX : array-like of shape (n_samples, n_in)" in text
    lines = ["Call self as a function."]
    members.call_of(None, "method", members.CALLED, None, None, lines)
    assert lines == text.splitlines()
    members.call_of(None, "method", "fastnn.Network.predict", None, None, lines)
    assert lines == text.splitlines()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Return a, b. And more.\n\nNotes", "Return a, b."),
        ("Return :ref:`accuracy <accuracy_score>` on\nprovided data.", "Return accuracy on provided data."),
        ("See :class:`~sklearn.base.BaseEstimator` for `it`", "See sklearn.base.BaseEstimator for `it`."),
    ],
)
def test_a_line_is_the_first_sentence_without_others_references(text, line):
    assert members.summary_of(text) == line


def test_fields_of_named_tuples_are_left_to_their_attributes():
    assert members.is_left_out(None, "class", "W", fastnn.TrainResult.W, False, None)
    assert members.is_left_out(None, "class", "predict", fastnn.TrainResult.predict, False, None) is None


def test_pictures_are_of_names_of_the_reference():
    assert {name.removeprefix("fastnn.") for name in PICTURES} <= set(NAMED)
    wanted = [n for n in NAMED if n.startswith(("plots.", "schedules.", "MLP", "Tabular")) and n != "schedules.plateau"]
    assert {f"fastnn.{name}" for name in wanted} <= PICTURES.keys()
    elementwise = {
        name
        for name in fastnn.kernels.__all__
        if fastnn.elementwise.ELEMENTWISE in str(getattr(fastnn.kernels, name).__doc__)
    }
    drawn = {name.rpartition(".")[2] for name in PICTURES if name.startswith("fastnn.kernels.")}
    assert {name for name in elementwise if not name.endswith("_derivative")} <= drawn

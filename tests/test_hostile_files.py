"""Files that are damaged, or meant to do harm: a model, or a ModelFormatError that says what is wrong."""

import io
import json
import pickle
import random
import re
import struct

import joblib
import numpy as np
import pytest
from fuzz_files import CORPUS, GOOD, mutated, outcome, put_together, taken_apart
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastnn
from fastnn import ModelFormatError

FILES = {path.stem: path.read_bytes() for path in GOOD}


def npz():
    file = io.BytesIO()
    np.savez(file, parameters=np.zeros(3))
    return file.getvalue()


def npy():
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


def joblibs(compress):
    file = io.BytesIO()
    joblib.dump(np.zeros(30), file, compress=compress)
    return file.getvalue()


@pytest.fixture
def refused(tmp_path):
    """A function that loads content, and returns what is said of it."""

    def load(content):
        (tmp_path / "model").write_bytes(content)
        with pytest.raises(ModelFormatError) as raised:
            fastnn.load(tmp_path / "model")
        assert str(tmp_path / "model") in str(raised.value)
        assert len(str(raised.value)) < 1000
        return str(raised.value)

    return load


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"\0", "header too small"),
        (b"\0" * 8, "is no file that fastnn saved"),
        (b"hello, this is a letter", "is no file that fastnn saved"),
        (pickle.dumps([1, 2]), "may be a pickle, which joblib or pickle loads, if you trust it"),
        (joblibs(0), "may be a pickle"),
        (joblibs(3), "may be compressed, as joblib does"),
        (npz(), r"may be a zip archive, such as \.npz"),
        (npy(), "may be an array of NumPy"),
        (b"\x08\x07\x12\x07pytorch:\x9a\x01", "may be ONNX"),
        (b"\x89HDF\r\n\x1a\n" + bytes(90), "may be HDF5, as Keras has it"),
        (b"\x1f\x8b\x08\0" + bytes(90), "gzip"),
    ],
    ids=lambda value: repr(value[:12]),
)
def test_files_of_others_are_named(content, said, refused):
    assert re.search(said, refused(content))


def test_safetensors_of_others_are_named(refused):
    from safetensors.numpy import save

    assert "its format is None; expected fastnn.network or fastnn.estimator" in refused(save({"W": np.zeros(3)}))
    assert "its format is 'pt'" in refused(save({"W": np.zeros(3)}, {"format": "pt"}))


@pytest.mark.parametrize("name", ["multiclass", "classifier_solver_state"])
def test_a_file_that_ends_anywhere_is_refused(name, refused):
    content = FILES[name]
    for n in {0, 1, 7, 8, 9, len(content) // 2, *range(len(content) - 9, len(content))}:
        refused(content[:n])
    refused(content + b"\0")


@pytest.mark.parametrize("length", [0, 1, 2**31, 2**32 + 8, 100_000_001, 2**63 - 1, 2**63, 2**64 - 1])
def test_headers_of_any_length(length, refused):
    refused(struct.pack("<Q", length) + FILES["multiclass"][8:])


def text_file(text, data=b""):
    text = text if isinstance(text, bytes) else text.encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe{}", b"{}", b"null", b"[]", b"3", b'{"__metadata__": null}',
        b'{"__metadata__": {}}', b'{"__metadata__": {"format": 3}}', b'{"__metadata__": {"format": "fastnn.network"}}',
        b'{"__metadata__": {"format": "fastnn.network", "fastnn": "[]"}}',
        b'{"__metadata__": {"format": "fastnn.network", "fastnn": "{}"}}',
        b'{"__metadata__": {"format": "fastnn.estimator", "fastnn": "{}"}}',
        b'{"__metadata__": {"format": "fastnn.estimator", "fastnn": "{\\"version\\": 1}"}}',
        b'{"__metadata__": {"format": "fastnn.network", "format": "fastnn.network", "fastnn": "{}"}}',
    ],
    ids=lambda text: repr(text[-50:]),
)  # fmt: skip
def test_headers_that_say_nothing(text, refused):
    refused(text_file(text))


def network_file(header=None, data=None, parameters=None, **description):
    """The golden multiclass network, 3-4-3 in float64, with something else in some place."""
    good, content = taken_apart(FILES["multiclass"])
    metadata = good["__metadata__"]
    made = {
        "__metadata__": {**metadata, "fastnn": {**metadata["fastnn"], **description}},
        "parameters": {**good["parameters"], **(parameters or {})},
        **(header or {}),
    }
    return put_together(made, content if data is None else data)


def test_the_good_one_is_good(tmp_path):
    (tmp_path / "m").write_bytes(network_file())
    assert fastnn.load(tmp_path / "m").layer_sizes == (3, 4, 3)


def classes(dtype, *values):
    return {"labels": {"kind": "multiclass", "classes": {"dtype": dtype, "values": list(values)}}}


N = 31  # parameters of 3-4-3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "version 2; this fastnn reads version 1: update it"),
        ({"version": True}, "version True"),
        ({"version": None}, "version None"),
        ({"solver": "adam"}, "has the unknown 'solver'"),
        ({"layer_sizes": [3, 4, 4]}, "a 3-4-4 network has 36 parameters"),
        ({"layer_sizes": [4, 3, 3]}, "a 4-3-3 network has 27 parameters"),
        ({"layer_sizes": [3, 4]}, r"2 activations, but 1 layer\(s\)"),
        ({"layer_sizes": [3, -4, 3]}, "must be at least 1, got -4"),
        ({"layer_sizes": [3, 4.0, 3]}, "must be an integer, got 4.0"),
        ({"layer_sizes": [3, 2**63, 3]}, "more than this machine has addresses for"),
        ({"layer_sizes": [2**64] * 3}, "more than this machine has addresses for"),
        ({"layer_sizes": [10**400, 4, 3]}, "layers of"),
        ({"dtype": "float32"}, "31 parameters of float32, its description float64"),
        ({"dtype": "int64"}, "dtype must be 'float32' or 'float64'"),
        ({"dtype": "(2,)f8"}, "dtype must be"),
        ({"backend": "gpu"}, "unknown backend 'gpu'"),
        ({"activations": [{"name": "prelu"}, {"name": "softmax"}]}, "unknown activation"),
        ({"activations": [{"name": "softmax"}, {"name": "softmax"}]}, "unknown activation"),
        ({"activations": [{"name": "elu", "alpha": float("nan")}, {"name": "softmax"}]}, "must be finite, got nan"),
        ({"feature_names": ["a"]}, "1 feature_names, but the network has 3 inputs"),
        ({"labels": {"kind": "ordinal", "classes": None}}, "unknown kind of labels 'ordinal'"),
        (classes("<U5", "a"), "3 classes, got 1"),
        (classes("<U9999999", "a", "b", "c"), "no words, or not nearly as long"),
        (classes("<U1000000000000", "a", "b", "c"), "is no dtype and a list"),
        (classes("<U40000", "a" * 40_000, *map(str, range(1000))), "no words, or not nearly as long"),
        (classes("<U400000", "a" * 400_000, *map(str, range(100_000))), "no words, or not nearly as long"),
        (classes("O", "a", "b", "c"), "is no dtype and a list"),
        (classes("<i8", "a", "b", "c"), "invalid literal"),
        (classes("|i1", 1, 2, 300), "out of bounds|are none of"),
        (classes("<i8", 1, 2, 2.5), "are none of these"),
        (classes("<U1", "a", "b", "cc"), "are none of these"),
        (classes("|O", "a", "b", ["c"]), "objects must be"),
        ({"heads": []}, "heads must be a list"),
        ({"heads": [1]}, r"heads\[0\] must be a dict"),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_descriptions_that_do_not_fit(change, said, refused):
    assert re.search(said, refused(network_file(**change)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"parameters": {"dtype": "F32", "shape": [2 * N]}}, "31 parameters of float64, its description float32"),
        ({"parameters": {"dtype": "I64"}}, "its description int64"),
        ({"parameters": {"dtype": "BF16", "shape": [4 * N]}}, "is BF16 of shape .*, which fastnn does not write"),
        ({"parameters": {"dtype": "Q7"}}, "is no file that fastnn saved"),
        ({"parameters": {"shape": [N, 1]}}, r"float64 of shape \(31, 1\)"),
        ({"parameters": {"shape": [1] * 70 + [N]}}, "which fastnn does not write"),
        ({"parameters": {"shape": [N + 1]}}, "is no file that fastnn saved"),
        ({"parameters": {"shape": [2**63, 2]}}, "is no file that fastnn saved"),
        ({"parameters": {"shape": [-N]}}, "is no file that fastnn saved"),
        ({"parameters": {"shape": [N], "data_offsets": [8, 8 + 8 * N]}}, "is no file that fastnn saved"),
        ({"parameters": {"data_offsets": [0, 2**63]}}, "is no file that fastnn saved"),
        ({"parameters": {"data_offsets": [8 * N, 0]}}, "is no file that fastnn saved"),
        ({"header": {"x": {"dtype": "F64", "shape": [0], "data_offsets": [8 * N, 8 * N]}}}, "nothing asks for: 'x'"),
        ({"header": {"x": {"dtype": "F64", "shape": [0, 2**62], "data_offsets": [8 * N, 8 * N]}}}, "does not write"),
        ({"header": {"x": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}}}, "is no file that fastnn saved"),
        ({"data": bytes(8 * N - 1)}, "is no file that fastnn saved"),
        ({"data": bytes(8 * N + 1)}, "is no file that fastnn saved"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_arrays_that_do_not_fit(change, said, refused):
    assert re.search(said, refused(network_file(**change)))


def test_an_array_that_is_absent_or_has_another_name(refused):
    header, data = taken_apart(FILES["multiclass"])
    entry = header.pop("parameters")
    assert "there is no array 'parameters'" in refused(put_together({**header, "weights": entry}, data))
    assert "there is no array 'parameters'" in refused(put_together(header, b""))


def test_parameters_beside_the_array(refused):
    header, data = taken_apart(FILES["multiclass"])
    header["__metadata__"]["fastnn"]["parameters"] = [1.0] * N
    assert "has the unknown 'parameters'" in refused(put_together(header, data))


def test_a_name_that_stands_twice(refused):
    good = FILES["multiclass"]
    length = int.from_bytes(good[:8], "little")
    header, data = good[8 : 8 + length].rstrip(), good[8 + length :]
    again = json.dumps({"parameters": json.loads(header)["parameters"]})[1:].encode()
    assert "'parameters' stands twice" in refused(text_file(header[:-1] + b", " + again, data))
    twice = header.replace(rb"{\"version\": 1", rb"{\"version\": 1, \"version\": 1")
    assert "'version' stands twice" in refused(text_file(twice, data))


@pytest.mark.parametrize(
    "text", ["[" * 10**6, '{"a":' * 10**5, "9" * 10**5, '{"version": ' + "9" * 5000 + "}", "{", "\0"]
)
def test_a_description_that_is_deep_long_or_none(text, refused):
    header, data = taken_apart(FILES["multiclass"])
    header["__metadata__"]["fastnn"] = text
    assert "description" in refused(put_together(header, data))


def schedule(name, *parameters):
    return {"schedule": name, "parameters": {"dict": list(parameters)}}


def estimator_file(path, value, name="classifier_solver_state"):
    header, data = taken_apart(FILES[name])
    part = header["__metadata__"]["fastnn"]
    *path, last = path
    for key in path:
        part = part[key]
    part[last] = value
    return put_together(header, data)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["class"], "SVC", "unknown class 'SVC'"),
        (["class"], ["MLPClassifier"], "unknown class"),
        (["version"], 2, "an estimator's description is of version 2"),
        (["parameters", "colour"], 3, "parameters has the unknown 'colour'"),
        (["parameters", "activation"], "tanh", "activation='tanh' is not that of the network"),
        (["parameters", "loss"], "absolute", "unknown loss 'absolute'"),
        (["parameters", "alpha"], {"pickle": "gASVAAA="}, "stands for nothing that is known"),
        (["parameters", "random_state"], {"array": "parameters"}, "there is no array 'parameters'"),
        (["parameters", "learning_rate_init"], schedule("eval"), "unknown schedule 'eval'"),
        (["parameters", "learning_rate_init"], schedule(["cosine"]), "unknown schedule"),
        (["parameters", "learning_rate_init"], schedule("cosine", ["rate", -1]), "cosine: rate must"),
        (["parameters", "learning_rate_init"], schedule("cosine", ["x", 1]), "cosine: .*'x'"),
        (["parameters", "class_weight"], {"dict": [[1, 2], [1, 3]]}, "a key stands twice"),
        (["parameters", "class_weight"], {"dict": [[[], 2]]}, "unhashable"),
        (["parameters", "class_weight"], {"dict": [[1, 2, 3]]}, "a dict must be a list of pairs"),
        (["fitted", "predict"], "x", "fitted has the unknown 'predict'"),
        (["fitted", "n_iter_"], -1, "n_iter_ cannot be -1"),
        (["fitted", "n_iter_"], 10**30, "n_iter_ cannot be"),
        (["fitted", "loss_curve_"], "abc", "loss_curve_ cannot be 'abc'"),
        (["fitted", "loss_curve_"], [0.5, None], "loss_curve_ cannot be"),
        (["fitted", "_tracked"], {"dict": [["score", 3]]}, "_tracked cannot be"),
        (["labels", "kind"], "ordinal", "no kind of labels"),
        (["labels", "kind"], "binary", "are not those of 3 outputs"),
        (["labels", "sparse"], 3, "sparse no truth value"),
        (["labels", "classes"], {"dtype": "<U5", "values": ["a", "b"]}, "2 labels .* are not those of 3 outputs"),
        (["labels", "classes"], [], "classes must be a list of labels"),
        (["network"], None, "no network"),
        (["network", "layer_sizes"], [3, 4, 4], "a 3-4-4 network has"),
        (["network", "activations"], [{"name": "tanh"}, {"name": "softmax"}], "is not that of the network"),
        (["solver", "optimizer", "version"], 3, "an optimizer's description is of version 3"),
        (["solver", "optimizer", "training", "solver"], "lbfgs", "0 numbers of state for this network, got 62"),
        (["solver", "optimizer", "training", "updates_per_pass"], 0, "updates_per_pass must be at least 1"),
        (["solver", "optimizer", "counters", "n_updates"], -1, "n_updates must be a count"),
        (["solver", "course"], {"dict": [["n_rows", 3], ["x", 3]]}, "unexpected keyword"),
        (["solver", "random"], 5, "come from a RandomState"),
        (["solver", "random"], "parameter", "come from a RandomState"),
        (["solver", "random", "pos"], 625, "a random state is not that of NumPy's"),
        (["solver", "random", "pos"], -1, "a random state is not that of NumPy's"),
        (["solver", "random", "gauss"], [1, "x"], "a random state is not that of NumPy's"),
        (["solver", "random", "random_state"], "solver.moments", "there is no array|is not that"),
    ],
    ids=lambda value: str(value)[:50],
)  # fmt: skip
def test_estimators_that_do_not_fit(path, value, said, refused):
    assert re.search(said, refused(estimator_file(path, value)))


def test_rows_beyond_those_that_there_were(refused):
    """Which the engine would read."""
    header, data = taken_apart(FILES["classifier_solver_state"])
    names = [name for name in header if name.startswith("solver.course")]
    name = next(name for name in names if header[name]["dtype"] == "I64")
    start, _ = header[name]["data_offsets"]
    data = data[:start] + struct.pack("<q", 10**12) + data[start + 8 :]
    assert "does not have each of them once" in refused(put_together(header, data))


# -- mutations --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_what_was_found_stays_found(path):
    assert outcome(path) in ("network", "estimator", "refused")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(FILES)), seed=st.integers(0, 2**32))
def test_a_mutated_file_is_a_model_or_refused(name, seed, tmp_path):
    (tmp_path / "model").write_bytes(mutated(FILES[name], random.Random(seed)))
    assert outcome(tmp_path / "model") in ("network", "estimator", "refused")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200), keeps=st.integers(0, 200))
def test_any_bytes_are_refused(content, keeps, tmp_path):
    (tmp_path / "model").write_bytes(FILES["binary"][:keeps] + content)
    assert outcome(tmp_path / "model") == "refused"

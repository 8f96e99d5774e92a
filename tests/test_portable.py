"""A network as plain data: what the description says, what is refused, and that skops need trust one class alone."""

import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from conftest import BACKEND_NAMES, run_program

import fastnn
from fastnn import portable
from fastnn.network import Network
from fastnn.portable import to_plain

RNG = np.random.default_rng(5)
X = RNG.standard_normal((40, 4))
CLASSES = np.arange(40) % 3
TARGETS = {
    "values": (2, RNG.random((40, 2)), "squared_error"),
    "binary": (1, np.array(["no", "yes"])[CLASSES // 2], "log_loss"),
    "multiclass": (3, CLASSES - 1, "log_loss"),
    "multilabel": (2, (RNG.random((40, 2)) > 0.5).astype(float), "log_loss"),
}


def network(kind="multiclass", **options):
    n_out, y, loss = TARGETS[kind]
    return fastnn.train([4, 5, n_out], X, y, 3, loss=loss, random_state=0, **options).network


def is_plain(value):
    """Whether this is made of what any format can hold: exact types, no classes of anybody's own."""
    if type(value) is dict:
        return all(type(key) is str and is_plain(entry) for key, entry in value.items())
    if type(value) is list:
        return all(map(is_plain, value))
    if type(value) is np.ndarray:
        return value.dtype.kind in "biufUS"
    return value is None or type(value) in (bool, int, float, str)


def from_plain(plain):
    return Network._from_plain(plain)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", BACKEND_NAMES)
@pytest.mark.parametrize("kind", TARGETS)
def test_a_network_is_described_in_full(kind, backend, dtype):
    original = network(kind, backend=backend, dtype=dtype)
    plain = to_plain(original)
    assert is_plain(plain)
    again = from_plain(plain)
    assert to_plain(again).keys() == plain.keys()
    assert again(X).tobytes() == original(X).tobytes()
    assert again.predict(X).tobytes() == original.predict(X).tobytes()
    for name in ("layer_sizes", "activations", "dtype", "backend", "feature_names"):
        assert getattr(again, name) == getattr(original, name)
    assert again._labels.kind == original._labels.kind == kind
    assert (again.classes is None) == (original.classes is None) == (kind in ("values", "multilabel"))
    assert not np.shares_memory(again.parameters, plain["parameters"])
    assert again.parameters.ctypes.data % 64 == 0


def test_what_a_description_says():
    """The one in full, from a network written down by hand."""
    made = fastnn.Network(
        [np.full((3, 2), 1.0), np.full((1, 3), 2.0)], [np.full(3, 3.0), [4.0]], activation="relu", classes=["a", "b"],
        dtype="float32", backend="cython",
    )  # fmt: skip
    plain = to_plain(made)
    assert plain.pop("parameters").tolist() == [1.0] * 6 + [2.0] * 3 + [3.0] * 3 + [4.0]
    assert plain["labels"].pop("classes").tolist() == ["a", "b"]
    assert plain == {
        "version": 1,
        "layer_sizes": [2, 3, 1],
        "activations": [{"name": "relu"}, {"name": "logistic"}],
        "dtype": "float32",
        "labels": {"kind": "binary"},
        "feature_names": None,
        "backend": "cython",
    }


def test_names_of_columns_are_described():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
    original = fastnn.train([4, 3], frame, CLASSES, 3, loss="log_loss", random_state=0).network
    assert to_plain(original)["feature_names"] == ["a", "b", "c", "d"]
    again = from_plain(to_plain(original))
    assert again.feature_names == ("a", "b", "c", "d")
    with pytest.raises(ValueError, match="another order"):
        again(frame[["b", "a", "c", "d"]])


def test_it_can_be_written_as_json():
    """All but the arrays is; these as lists of numbers, which have all bits of a float64."""
    original = network()
    text = json.dumps(to_plain(original), default=np.ndarray.tolist)
    plain = json.loads(text)
    plain["parameters"] = np.array(plain["parameters"])
    assert from_plain(plain)(X).tobytes() == original(X).tobytes()
    assert from_plain(plain).predict(X).tobytes() == original.predict(X).tobytes()


def test_numbers_of_the_other_byte_order_are_the_same_numbers():
    original = network(dtype="float32")
    plain = to_plain(original)
    plain["parameters"] = plain["parameters"].astype(plain["parameters"].dtype.newbyteorder())
    assert from_plain(plain)(X).tobytes() == original(X).tobytes()


def test_what_was_loaded_cannot_be_changed_from_outside():
    plain = to_plain(network())
    plain["labels"]["classes"] = plain["labels"]["classes"].copy()
    loaded = from_plain(plain)
    before = loaded(X).tobytes()
    plain["parameters"][:] = 0
    assert loaded(X).tobytes() == before
    assert plain["labels"]["classes"].flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        loaded.classes[0] = 5
    with pytest.raises(ValueError, match="read-only"):
        pickle.loads(pickle.dumps(loaded)).classes[0] = 5


#: What is wrong -> the change that makes it so, the error, and what is said.
DAMAGED = {
    "version": ({"version": 2}, ValueError, "version 2; this fastnn reads version 1: update it"),
    "no version": ({"version": None}, ValueError, "version None"),
    "sizes": ({"layer_sizes": [4, 5]}, ValueError, r"2 activations, but 1 layer\(s\) of weights"),
    "other sizes": (
        {"layer_sizes": [4, 6, 3]},
        ValueError,
        r"a 4-6-3 network has 51 parameters of float64, its description float64 of shape \(43,\)",
    ),
    "a size of nothing": ({"layer_sizes": [4, 0, 3]}, ValueError, r"layer_sizes\[1\] must be at least 1, got 0"),
    "sizes that are none": ({"layer_sizes": "453"}, TypeError, "layer_sizes must be a list of layer sizes"),
    "sizes beyond memory": ({"layer_sizes": [2**40, 2**40, 3]}, ValueError, "more than this machine has addresses for"),
    "dtype": ({"dtype": "int64"}, ValueError, "dtype must be 'float32' or 'float64', got 'int64'"),
    "another dtype": ({"dtype": "float32"}, ValueError, "43 parameters of float32, its description float64"),
    "no array": ({"parameters": [0.0] * 43}, ValueError, "its description a list"),
    "two dimensions": ({"parameters": np.zeros((43, 1))}, ValueError, r"float64 of shape \(43, 1\)"),
    "an activation": (
        {"activations": [{"name": "prelu"}, {"name": "softmax"}]},
        ValueError,
        r"unknown activation\[0\] 'prelu'.*expected one of",
    ),
    "an output activation": (
        {"activations": [{"name": "relu"}, {"name": "argmax"}]},
        ValueError,
        "unknown output_activation 'argmax'",
    ),
    "a parameter that nobody reads": (
        {"activations": [{"name": "relu", "slope": 0.1}, {"name": "softmax"}]},
        ValueError,
        r"activations\[0\] has the unknown 'slope'",
    ),
    "a bare name": ({"activations": ["relu", "softmax"]}, TypeError, r"activations\[0\] must be a dict.*'name'"),
    "no activations": ({"activations": None}, TypeError, "activations must be a list"),
    "labels": ({"labels": {"kind": "ordinal", "classes": None}}, ValueError, "unknown kind of labels 'ordinal'"),
    "too few classes": (
        {"labels": {"kind": "multiclass", "classes": np.arange(2)}},
        ValueError,
        "3 classes, got 2",
    ),
    "classes of values": ({"labels": {"kind": "values", "classes": np.arange(3)}}, ValueError, "0 classes, got 3"),
    "no classes": ({"labels": {"kind": "multiclass", "classes": None}}, ValueError, "3 classes, got 0"),
    "two outputs for two classes": (
        {"labels": {"kind": "binary", "classes": np.arange(2)}},
        ValueError,
        "'binary' labels need a single output, but the network has 3",
    ),
    "names": ({"feature_names": ["a", "b"]}, ValueError, "2 feature_names, but the network has 4 inputs"),
    "names that are none": ({"feature_names": [1, 2, 3, 4]}, TypeError, "feature_names must be a list of strings"),
    "backend": ({"backend": "gpu"}, ValueError, "unknown backend 'gpu': expected one of"),
    "more than there is": ({"solver": "adam"}, ValueError, "unknown 'solver'"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_description_is_refused(what):
    change, error, message = DAMAGED[what]
    with pytest.raises(error, match=message):
        from_plain({**to_plain(network()), **change})


@pytest.mark.parametrize("entry", to_plain(network()))
def test_an_incomplete_description_is_refused(entry):
    plain = to_plain(network())
    del plain[entry]
    with pytest.raises(ValueError, match=f"lacks '{entry}'"):
        from_plain(plain)


@pytest.mark.parametrize("plain", [None, [1, 2], "network", network()])
def test_what_is_no_description_is_refused(plain):
    with pytest.raises(TypeError, match=f"must be a dict.*got a {type(plain).__name__}"):
        from_plain(plain)


def test_a_pickle_of_a_version_to_come_says_so(monkeypatch):
    with monkeypatch.context() as then:
        then.setattr(portable, "VERSION", 7)
        data = pickle.dumps(network())
    with pytest.raises(ValueError, match="version 7; this fastnn reads version 1: update it"):
        pickle.loads(data)


class Named(Network):
    """A kind of network by somebody else."""


def test_a_subclass_stays_one():
    original = Named([[[7.0, 3.0]]], [[-2.0]])
    for other in (pickle.loads(pickle.dumps(original)), original.copy(), Named._from_plain(to_plain(original))):
        assert type(other) is Named
        assert other([1.0, 0.0]) == original([1.0, 0.0])


# -- skops: which types have to be trusted ------------------------------------------------------------------------


def skops_io():
    return pytest.importorskip("skops.io")


def through_skops(value, *trusted):
    sio = skops_io()
    data = sio.dumps(value)
    assert sio.get_untrusted_types(data=data) == sorted(trusted)
    return sio.loads(data, trusted=list(trusted))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", BACKEND_NAMES)
@pytest.mark.parametrize("kind", TARGETS)
def test_a_network_goes_through_skops(kind, backend, dtype):
    original = network(kind, backend=backend, dtype=dtype)
    again = through_skops(original, "fastnn.network.Network")
    assert again(X).tobytes() == original(X).tobytes()
    assert again.predict(X).tobytes() == original.predict(X).tobytes()
    assert (repr(again), again.backend) == (repr(original), original.backend)
    assert again.parameters.ctypes.data % 64 == 0


def test_skops_asks_before_it_makes_a_network():
    sio = skops_io()
    with pytest.raises(Exception, match=r"fastnn\.network\.Network"):
        sio.loads(sio.dumps(network()))


def test_a_network_of_skops_in_a_process_of_its_own(tmp_path):
    sio = skops_io()
    original = network()
    sio.dump(original, tmp_path / "network.skops")
    np.save(tmp_path / "X.npy", X)
    out = run_program(
        f"""
import numpy as np, skops.io
network = skops.io.load({str(tmp_path / "network.skops")!r}, trusted=["fastnn.network.Network"])
print(network(np.load({str(tmp_path / "X.npy")!r})).tobytes().hex())
"""
    )
    assert out.strip() == original(X).tobytes().hex()


def test_a_file_of_skops_that_was_tampered_with():
    """The description inside is checked as any other, whoever made the file."""
    sio = skops_io()
    before, after = io.BytesIO(sio.dumps(network())), io.BytesIO()
    with zipfile.ZipFile(before) as source, zipfile.ZipFile(after, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "schema.json":
                schema = json.loads(data)
                schema["content"]["content"]["layer_sizes"]["content"][1]["content"] = "500"
                data = json.dumps(schema)
            target.writestr(name, data)
    with pytest.raises(ValueError, match="4-500-3 network has 4003 parameters"):
        sio.loads(after.getvalue(), trusted=["fastnn.network.Network"])

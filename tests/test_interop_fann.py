"""FANN's files: libfann trained and saved those of tests/fann, whose make.c has written what fann_run says of rows."""

import ctypes
import ctypes.util
import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastnn
from fastnn import Network

FILES = Path(__file__).parent / "fann"

#: File -> the activations that its network has here.
NETWORKS = {
    "sigmoid": ("tanh", "tanh", "logistic"),
    "linear": ("logistic", "logistic", "identity"),
    "elliot": ("softsign", "softsign", "softsign", "identity"),
    "elliot_symmetric": ("softsign", "softsign", "tanh"),
    "piece": ("hard_sigmoid", "hard_sigmoid", "hard_sigmoid", "identity"),
    "sin": ("sin", "sin", "sin", "identity"),
    "sin_symmetric": ("sin", "sin", "sin"),
    "threshold": ("step", "step"),
}


def expected_of(name, n_in):
    table = np.loadtxt(FILES / f"{name}.txt")
    return table[:, :n_in], table[:, n_in:]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_are_those_of_libfann(name, dtype):
    network = Network.from_fann(FILES / f"{name}.net", dtype=dtype)
    X, expected = expected_of(name, 2)
    assert network.activations == NETWORKS[name]
    assert network.dtype == dtype
    np.testing.assert_allclose(network(X), expected, atol=5e-7)


def test_scales_are_folded_or_left_out_as_is_asked():
    path = FILES / "scaled.net"
    with pytest.raises(ValueError, match=r"scaled\.net.*scaled=True.*scaled=False"):
        Network.from_fann(path)
    X, expected = expected_of("scaled", 2)
    network = Network.from_fann(path, scaled=True)
    np.testing.assert_allclose(network(X), expected, rtol=1e-6)
    mean, deviation = (
        np.array([*map(float, entry(path, f"scale_{what}_in").split())]) for what in ("mean", "deviation")
    )
    bare = Network.from_fann(path, scaled=False)  # of -1 ... 1 for the inputs, and 0 ... 1 for the outputs
    mean_out, deviation_out = (
        np.array([*map(float, entry(path, f"scale_{what}_out").split())]) for what in ("mean", "deviation")
    )
    outputs = (bare((X - mean) / deviation) / 0.5 - 1) * deviation_out + mean_out
    np.testing.assert_allclose(outputs, expected, rtol=1e-5)
    with pytest.raises(fastnn.ModelFormatError, match="no scales"):
        Network.from_fann(FILES / "sigmoid.net", scaled=True)


def entry(path, name):
    return re.search(rf"^{name}=(.*)$", path.read_text(), re.MULTILINE)[1]


def test_classes():
    network = Network.from_fann(FILES / "sigmoid.net", classes=["same", "different"][::-1])
    assert set(network.predict(expected_of("sigmoid", 2)[0])) <= {"same", "different"}
    with pytest.raises(ValueError, match=r"^classes must be sorted"):
        Network.from_fann(FILES / "sigmoid.net", classes=["b", "a"])


def test_connections_in_another_order_are_the_same_network(tmp_path):
    text = (FILES / "sigmoid.net").read_text()
    start, connections = text.rsplit("=", 1)
    found = re.findall(r"\(.*?\)", connections)
    mixed = [*found[2::-1], *found[3:]]
    (tmp_path / "mixed.net").write_text(f"{start}={' '.join(mixed)}")
    other = Network.from_fann(tmp_path / "mixed.net")
    assert np.array_equal(other.parameters, Network.from_fann(FILES / "sigmoid.net").parameters)


# -- written ------------------------------------------------------------------------------------------------------


def network_of(activation, output_activation, scale=1.0):
    rng = np.random.default_rng(0)
    W, b = [scale * rng.standard_normal((4, 3)), rng.standard_normal((2, 4))], [rng.standard_normal(4), np.ones(2)]
    return Network(W, b, activation=activation, output_activation=output_activation)


@pytest.fixture(scope="module")
def libfann():
    name = ctypes.util.find_library("floatfann")
    if name is None:
        pytest.skip("libfann is not installed")
    library = ctypes.CDLL(name)
    library.fann_create_from_file.restype = ctypes.c_void_p
    library.fann_run.restype = ctypes.POINTER(ctypes.c_float)

    def run(path, X, n_out):
        ann = ctypes.c_void_p(library.fann_create_from_file(os.fsencode(path)))
        assert ann.value
        rows = [library.fann_run(ann, (ctypes.c_float * len(row))(*row))[:n_out] for row in X]
        library.fann_destroy(ann)
        return np.array(rows)

    return run


PAIRS = [("tanh", "logistic"), ("logistic", "identity"), ("softsign", "sin"), ("sin", "softsign"), ("identity", "step")]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_what_is_written_is_read_by_us(pair, tmp_path):
    network = network_of(*pair)
    network.to_fann(tmp_path / "model.net")
    again = Network.from_fann(tmp_path / "model.net")
    assert again.activations == network.activations
    assert np.array_equal(again.parameters, network.parameters)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_what_is_written_is_read_by_libfann(libfann, pair, scale, tmp_path):
    """Beyond 150 too, where libfann cuts off."""
    network = network_of(*pair, scale if "sin" not in pair else 1.0)
    network.to_fann(tmp_path / "model.net")
    X = np.random.default_rng(1).standard_normal((20, 3)).astype(np.float32)
    np.testing.assert_allclose(libfann(tmp_path / "model.net", X, 2), network(X), rtol=1e-4, atol=2e-6)


def test_libfann_still_says_what_it_said(libfann):
    for name in NETWORKS:
        X, expected = expected_of(name, 2)
        np.testing.assert_allclose(libfann(FILES / f"{name}.net", X, 1), expected, atol=1e-6)


def test_what_fann_lacks_is_named(tmp_path):
    path = tmp_path / "model.net"
    with pytest.raises(ValueError, match="no activation 'relu' and no activation 'softmax'"):
        network_of("relu", "softmax").to_fann(path)
    Y = np.zeros((4, 2))
    heads = [fastnn.Head(1), fastnn.Head(1)]
    with pytest.raises(ValueError, match="several heads"):
        fastnn.train([1, 1, 2], np.arange(4.0)[:, None], Y, 1, heads=heads, random_state=0).network.to_fann(path)
    assert not path.exists()
    with pytest.raises(FileNotFoundError):
        network_of("tanh", "tanh").to_fann(tmp_path / "nowhere" / "model.net")


# -- files from anywhere ------------------------------------------------------------------------------------------

TEXT = (FILES / "sigmoid.net").read_text()


def with_entry(name, value):
    return re.sub(rf"^{re.escape(name)}=.*$", f"{name}={value}", TEXT, count=1, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "begins with ''"),
        ("FANN_FIX_2.1\n", "fixed-point"),
        ("FANN_FLO_1.1\n", "expected 'FANN_FLO_2.1'"),
        ("\0\xff" * 9, "ascii"),
        (TEXT[: len(TEXT) // 2], "lacks"),
        (TEXT[:-10], "other entries"),
        (TEXT.replace("layer_sizes", "num_layers"), "'num_layers' stands twice"),
        (TEXT + "network_code=3\n", "'network_code=3'"),
        ((FILES / "sparse.net").read_text(), "not fully connected"),
        ((FILES / "shortcut.net").read_text(), "skip layers"),
        ((FILES / "gaussian.net").read_text(), "layer 1.*FANN_GAUSSIAN"),
        ((FILES / "stepwise.net").read_text(), "FANN_SIGMOID_STEPWISE.*FANN_SIGMOID"),
        (TEXT.replace("(3, 5,", "(3, 3,", 1), "different functions in one layer"),
        (TEXT.replace("(3, 5,", "(3, 99,"), "function 99"),
        (TEXT.replace("(3, 5,", f"(3, {'9' * 400},"), "no network of FANN"),
        (TEXT.replace("(3, 5,", "(2, 5,", 1), "2 to 3 inputs"),
        (with_entry("layer_sizes", "3 5 4"), "do not fit"),
        (with_entry("layer_sizes", "3 5 4 -2"), "do not fit"),
        (with_entry("layer_sizes", "3 5 4 999999999999999999999"), "do not fit"),
        (with_entry("layer_sizes", "3 4 5 2"), "connections"),
        (with_entry("num_layers", "9" * 5000), "no network of FANN"),
        (with_entry("num_layers", "x"), "invalid literal"),
        (with_entry("scale_included", "2"), "scale_included=2"),
        (with_entry("connections (connected_to_neuron, weight)", "(0, 1.0) "), "connections, not 1"),
        (TEXT.replace("weight)=(0, ", "weight)=(1, ", 1), "do not lead from each"),
        (re.sub(r"weight\)=\(0, \S+\)", "weight)=(0, 1e999)", TEXT), "not finite"),
        (re.sub(r"weight\)=\(0, \S+\)", "weight)=(0, nan)", TEXT), "other entries"),
        (re.sub(r"weight\)=\(0, \S+\)", "weight)=(0, 1e-+3)", TEXT), "could not convert"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(text, message, tmp_path):
    path = tmp_path / "wrong.net"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(fastnn.ModelFormatError, match=f"wrong.net.*{message}"):
        Network.from_fann(path)


def test_scales_that_are_wrong(tmp_path):
    text, path = (FILES / "scaled.net").read_text(), tmp_path / "wrong.net"
    for name, value in (("scale_deviation_in", "0 1"), ("scale_mean_in", "1"), ("scale_factor_out", "nan nan")):
        path.write_text(re.sub(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE))
        with pytest.raises(fastnn.ModelFormatError, match=f"{name} must be 2 numbers"):
            Network.from_fann(path, scaled=True)


def test_paths_that_are_no_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        Network.from_fann(tmp_path / "nowhere.net")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(fastnn.ModelFormatError, match="no regular file"):
            Network.from_fann(path)


ENDS = st.integers(0, len(TEXT))
PIECES = st.one_of(
    st.sampled_from(["", "9" * 30, "-1", "1e400", "nan", "(", ")", "=", "\n", "0", "\0", TEXT[-200:]]),
    st.text(max_size=9),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(ENDS, st.integers(0, 40), PIECES), min_size=1, max_size=4),
    st.sampled_from(["sigmoid", "scaled"]),
)
def test_a_mutated_file_is_a_network_or_a_format_error(tmp_path, mutations, name):
    text = (FILES / f"{name}.net").read_text()
    for start, length, piece in mutations:
        text = text[:start] + piece + text[start + length :]
    path = tmp_path / "mutated.net"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        network = Network.from_fann(path, scaled=name == "scaled")
    except fastnn.ModelFormatError:
        return
    assert np.isfinite(network.parameters).all()

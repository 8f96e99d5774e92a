"""`Network`: made from weights, called, copied; and `fastnn.predict`."""

import copy
import pickle
import threading
import tracemalloc
from xml.etree import ElementTree

import numpy as np
import pytest
from conftest import BACKEND_NAMES, DTYPES, assert_close

import fastnn
from fastnn import reference

RNG = np.random.default_rng(3)
W = {1: RNG.standard_normal((5, 4)), 2: RNG.standard_normal((3, 5))}
B = {1: RNG.standard_normal(5), 2: RNG.standard_normal(3)}
X = RNG.standard_normal((9, 4))


@pytest.mark.parametrize("backend", BACKEND_NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_row_and_many(dtype, backend):
    network = fastnn.Network(W, B, dtype=dtype, backend=backend)
    out = network(X)
    assert out.shape == (9, 3)
    assert out.dtype == dtype
    expected = [reference.matrix_feed_forward_calc(3, x, list(W.values()), list(B.values())) for x in X]
    assert_close(out, expected, 1e-14 if dtype == "float64" else 1e-6)
    one = network(X[0])
    assert one.shape == (3,)
    assert_close(one, out[0], 1e-6)
    into = np.empty((9, 3), dtype)
    assert network.predict_into(X.astype(dtype), into) is into
    assert into.tobytes() == out.tobytes()
    into = np.empty(3, dtype)
    assert network.predict_into(X[0].astype(dtype), into) is into
    assert into.tobytes() == one.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_way_that_checks_gives_the_bits_of_the_compiled_call(dtype):
    network = fastnn.Network(W, B, dtype=dtype, output_activation="softmax")
    rows = X.astype(dtype)
    expected = network(rows)
    for same in (rows.tolist(), np.asfortranarray(rows), rows.astype(rows.dtype.newbyteorder()), np.array(rows)[::-1]):
        out = network(same)
        assert (out[::-1] if out[0].tobytes() != expected[0].tobytes() else out).tobytes() == expected.tobytes()
    assert network(rows[0].tolist()).tobytes() == expected[0].tobytes()
    read_only = rows.copy()
    read_only.flags.writeable = False
    assert network(read_only).tobytes() == expected.tobytes()
    assert network(memoryview(rows)).tobytes() == expected.tobytes()


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_predict_into_refuses_and_writes_nothing(backend):
    network = fastnn.Network(W, B, backend=backend)
    shared = np.zeros((9, 4))
    frozen = np.full((9, 3), 7.0)
    frozen.flags.writeable = False
    bad = X.copy()
    bad[3, 2] = np.nan
    cases = [
        (X.tolist(), np.zeros((9, 3)), TypeError, "takes X as a C-contiguous float64 array, got list"),
        (X.astype("float32"), np.zeros((9, 3)), TypeError, "takes X .* got float32 of shape"),
        (np.asfortranarray(X), np.zeros((9, 3)), TypeError, "takes X .* not C-contiguous"),
        (X, [0.0] * 3, TypeError, "takes out as a C-contiguous float64 array, got list"),
        (X, np.zeros((9, 3), "float32"), TypeError, "takes out .* got float32"),
        (X, np.zeros((9, 6))[:, ::2], TypeError, "takes out .* not C-contiguous"),
        (X, np.zeros((8, 3)), ValueError, r"out must have shape \(9, 3\) for X of shape \(9, 4\), got \(8, 3\)"),
        (X, np.zeros(3), ValueError, "out must have shape"),
        (X[0], np.zeros((1, 3)), ValueError, r"out must have shape \(3,\)"),
        (X, frozen, ValueError, "out is read-only"),
        (shared, shared.reshape(-1)[:27].reshape(9, 3), ValueError, "shares memory with X"),
        (np.ma.array(X, mask=X > 0), np.zeros((9, 3)), TypeError, "masked"),
        (X[:, :3].copy(), np.zeros((9, 3)), ValueError, "3 columns"),
        (np.zeros((0, 4)), np.zeros((0, 3)), ValueError, "X"),
        (bad, np.zeros((9, 3)), ValueError, "row 3.*column 2"),
    ]
    for rows, out, error, message in cases:
        before = np.array(out)
        with pytest.raises(error, match=message):
            network.predict_into(rows, out)
        assert (np.asarray(out) == before).all()


def test_predictions_allocate_nothing_but_the_result():
    network = fastnn.Network(W, B)
    large, row = RNG.standard_normal((5000, 4)), X[0].copy()
    out, one = np.empty((5000, 3)), np.empty(3)
    network.predict_into(large, out)  # the scratch is made once
    for rows, into in ((large, out), (row, one)):
        tracemalloc.start()
        network.predict_into(rows, into)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 600  # bytes: the interpreter's own


def test_it_can_be_called_from_many_threads_at_once():
    network = fastnn.Network(
        [RNG.standard_normal((50, 30)), RNG.standard_normal((7, 50))], [np.zeros(50), np.zeros(7)], activation="tanh"
    )
    batches = [RNG.standard_normal((n, 30)) for n in (1, 3, 700, 2000, 5, 1500, 64, 999)]
    expected = [network(rows).tobytes() for rows in batches]
    wrong = []

    def predict(rows, bits):
        for _ in range(30):
            if network(rows).tobytes() != bits:
                wrong.append(rows.shape)

    threads = [threading.Thread(target=predict, args=pair) for pair in zip(batches, expected, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_change_of_the_parameters_changes_every_call():
    network = fastnn.Network(W, B)
    before = network(X), network(X[0])
    network.parameters[:] = 0
    assert (network(X) == 0.5).all()
    assert (network(X[0]) == 0.5).all()
    assert (before[0] != 0.5).all()
    assert (before[1] != 0.5).all()


def test_it_answers_in_its_own_dtype():
    assert fastnn.Network(W, B)(X.astype(np.float32)).dtype == np.float64
    assert fastnn.Network(W, B, dtype="float32")(X).dtype == np.float32


def test_the_weights_are_copied_in_and_are_views_out():
    network = fastnn.Network(W, B)
    assert not np.shares_memory(network.parameters, W[1])
    assert (network.W[2] == W[2]).all()
    network.W[2][:] = 0
    network.b[2][:] = 0
    assert (network(X) == 0.5).all()
    assert network.n_parameters == 5 * 4 + 5 + 3 * 5 + 3 == len(network.parameters)
    assert network.layer_sizes == (4, 5, 3)


def test_what_the_kernels_trust_cannot_be_replaced():
    network = fastnn.Network(W, B, classes=[1, 2, 3])
    for name in ("parameters", "backend", "W", "classes"):
        with pytest.raises(AttributeError):
            setattr(network, name, None)
    with pytest.raises(TypeError, match="assignment"):
        network.W[1] = np.zeros((5, 4))
    with pytest.raises(ValueError, match="read-only"):
        network.classes[0] = 9


def test_per_layer_activations():
    network = fastnn.Network(W, B, activation=["relu"], output_activation="softmax")
    assert network.activations == ("relu", "softmax")
    hidden = np.maximum(X @ W[1].T + B[1], 0)
    assert_close(network(X), reference.softmax(hidden @ W[2].T + B[2]), 1e-14)
    assert "relu, softmax" in repr(network)


def test_classes_are_given_back():
    network = fastnn.Network(W, B, classes=["a", "b", "c"])
    assert network.predict(X).tolist() == [["a", "b", "c"][i] for i in network(X).argmax(axis=1)]
    one = fastnn.Network({1: W[1][:1]}, {1: B[1][:1]}, classes=[10, 20])
    assert one.predict(X).tolist() == np.where(one(X)[:, 0] > 0.5, 20, 10).tolist()
    assert fastnn.Network(W, B).predict(X).tolist() == fastnn.Network(W, B)(X).tolist()


@pytest.mark.parametrize("duplicate", [fastnn.Network.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_a_copy_is_independent(duplicate):
    network = fastnn.Network(W, B, activation="tanh", dtype="float32", classes=["a", "b", "c"], backend="numpy")
    expected, labels = network(X), network.predict(X)
    other = duplicate(network)
    network.parameters[:] = 0
    assert (other(X) == expected).all()
    assert (other.predict(X) == labels).all()
    assert (other.dtype, other.activations, other.backend) == (network.dtype, network.activations, "numpy")


def test_a_half_is_the_first_class():
    assert fastnn.Network([np.zeros((1, 4))], [np.zeros(1)], classes=["n", "y"]).predict(X[0]) == "n"
    assert fastnn.predict([np.eye(1)], [np.zeros(1)], [[-1.0], [0.0], [1.0]]).tolist() == [0, 0, 1]


def test_predict_is_the_tutorials_predict_y():
    weights, biases = dict(W), dict(B)
    expected = reference.predict_y(weights, biases, X, 3)
    for n_layers in (None, 3):
        predicted = fastnn.predict(W, B, X, n_layers)
        assert predicted.tolist() == expected.tolist()
        assert predicted.dtype.kind == "i"
    hidden = np.tanh(X @ W[1].T + B[1])
    assert fastnn.predict(W, B, X, activation="tanh").tolist() == (hidden @ W[2].T + B[2]).argmax(axis=1).tolist()


def test_a_summary_counts_layers_parameters_bytes_and_multiply_adds():
    """64-30-10: (64 + 1) 30 and (30 + 1) 10 parameters, 64 · 30 and 30 · 10 multiply-adds."""
    network = fastnn.train([64, 30, 10], np.zeros((2, 64)), np.eye(10)[:2], 1, dtype="float32", init="normal").network
    summary = network.summary()
    assert [layer["units"] for layer in summary.layers] == [64, 30, 10]
    assert [layer["activation"] for layer in summary.layers] == ["", "logistic", "logistic"]
    assert [layer["parameters"] for layer in summary.layers] == [0, 1950, 310]
    assert [layer["bytes"] for layer in summary.layers] == [0, 7800, 1240]
    assert [layer["multiply-adds"] for layer in summary.layers] == [0, 1920, 300]
    assert summary.n_parameters == network.n_parameters == 2260
    assert summary.n_bytes == network.parameters.nbytes == 9040
    assert summary.multiply_adds == 2220
    lines = str(summary).splitlines()
    assert lines[0] == "Network 64-30-10, float32"
    assert [line.split() for line in lines[3:]] == [
        ["1", "logistic", "30", "1,950", "7,800", "1,920"],
        ["2", "logistic", "10", "310", "1,240", "300"],
        ["total", "40", "2,260", "9,040", "2,220"],
    ]


def test_a_notebook_shows_the_same_table():
    network = fastnn.Network([[[7.0, 3.0]]], [[-2.0]])
    table = ElementTree.fromstring(network._repr_html_())  # well-formed
    assert table.find("caption").text == "Network 2-1, float64"
    cells = [[cell.text for cell in row] for row in table.iter("tr")]
    assert cells[0] == ["layer", "activation", "units", "parameters", "bytes", "multiply-adds"]
    assert cells[2:] == [["1", "logistic", "1", "3", "24", "2"], ["total", None, "1", "3", "24", "2"]]
    assert network._repr_html_() == network.summary()._repr_html_()

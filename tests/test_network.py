"""`Network`: made from weights, called, copied; and `fastnn.predict`."""

import copy
import pickle

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

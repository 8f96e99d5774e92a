"""W and b that know which network they belong to: whoever takes them computes that network, or says that it cannot."""

import copy
import json
import pickle

import numpy as np
import pytest
from conftest import LABELS, X, Y, assert_close

import fastnn
from fastnn import kernels

NAMES = np.array(["x", "y", "z"])[LABELS]
RUNS = {
    "classes": {"y": LABELS, "activation": "tanh", "loss": "log_loss"},
    "labels": {"y": NAMES, "activation": "relu", "loss": "log_loss", "dtype": "float32", "init": "he_normal"},
    "regression": {"y": X[:, :3], "activation": "tanh"},
    "multilabel": {"y": (X[:, :3] > 0).astype(int), "loss": "log_loss"},
    "tutorial": {"y": Y},
}


def run(name):
    options = {"iter_num": 50, "alpha": 0.1, "random_state": 0, **RUNS[name]}
    return fastnn.train([4, 5, 3], X, options.pop("y"), **options)


@pytest.mark.parametrize("name", RUNS)
def test_predict_answers_as_the_network_does(name):
    result = run(name)
    expected = result.network.predict(X)
    copies = [
        (result.W, result.b),
        (result.W.copy(), result.b.copy()),
        (copy.copy(result.W), copy.deepcopy(result.b)),
        pickle.loads(pickle.dumps((result.W, result.b))),
        (result.network.W, result.network.b),
        (result.W, dict(result.b)),
        (dict(result.W), result.b),
    ]
    for W, b in copies:
        got = fastnn.predict(W, b, X, 3)
        assert got.dtype == expected.dtype
        assert (got == expected).all()
        network = fastnn.Network(W, b)
        assert (network.activations, network.dtype) == (result.network.activations, result.network.dtype)
        assert (network.predict(X) == expected).all()
        assert network(X).tobytes() == result.network(X).tobytes()
    assert (result.predict(X) == expected).all()


def test_they_stay_dicts_of_views():
    result = run("classes")
    assert isinstance(result.W, dict)
    assert dict(result.W).keys() == {1, 2}
    assert np.shares_memory(result.W[1], result.network.parameters)
    assert isinstance(copy.deepcopy(result.W), dict)
    assert isinstance(pickle.loads(pickle.dumps(result.W)), dict)
    result.W[1] = np.zeros((5, 4))  # and what is put into them counts
    assert (fastnn.predict(result.W, result.b, X) == fastnn.predict(result.W, result.b, X)[0]).all()
    with pytest.raises(TypeError):
        result.network.W[1] = np.zeros((5, 4))  # which would change a view that nobody looks at
    for same in (result.network.W.copy(), result.W | {}):
        assert fastnn.Network(same, result.b).activations == result.network.activations


def test_plain_dicts_are_the_tutorials_network():
    result = run("classes")
    plain = dict(result.W), dict(result.b)
    h = X
    for l in (1, 2):
        h = 1 / (1 + np.exp(-(h @ result.W[l].T + result.b[l])))
    assert (fastnn.predict(*plain, X) == h.argmax(axis=1)).all()
    assert_close(fastnn.Network(*plain)(X), h, 1e-14)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "relu"}, r"\('tanh', 'softmax'\), not \('relu', 'softmax'\); leave the keywords out"),
        ({"output_activation": "logistic"}, r"not \('tanh', 'logistic'\)"),
    ],
)  # fmt: skip
def test_a_contradiction_is_an_error(options, message):
    result = run("classes")
    with pytest.raises(ValueError, match=message):
        fastnn.Network(result.W, result.b, **options)
    network = fastnn.Network(dict(result.W), dict(result.b), **options)  # the way out
    assert network.n_parameters == result.network.n_parameters


def test_classes_name_what_was_only_counted():
    """One-hot targets, and outputs that are read as values, have no names."""
    names = ["a", "b", "c"]
    for options in ({"activation": "tanh", "loss": "log_loss"}, {"activation": "tanh"}):
        result = fastnn.train([4, 5, 3], X, Y, 50, 0.1, random_state=0, **options)
        network = fastnn.Network(result.W, result.b, classes=names)
        assert network.activations == result.network.activations
        assert (network.predict(X) == np.array(names)[result.network(X).argmax(axis=1)]).all()
    result = run("labels")
    with pytest.raises(ValueError, match=r"predicts \['x', 'y', 'z'\], not \['a', 'b', 'c'\]"):
        fastnn.Network(result.W, result.b, classes=names)


@pytest.mark.parametrize("low", [0.0, 0.01, 0.1])
def test_targets_near_0_and_1_are_classes_of_the_tutorials_network(low):
    many = fastnn.train([4, 5, 3], X, np.where(Y == 1, 1 - low, low), 50, random_state=0)
    assert (fastnn.predict(many.W, many.b, X, 3) == many.network(X).argmax(axis=1)).all()
    one = fastnn.train([4, 3, 1], X, np.where(X[:, 0] > 0, 1 - low, low), 50, random_state=0)
    assert (fastnn.predict(one.W, one.b, X) == (one.network(X)[:, 0] > 0.5)).all()
    values = fastnn.train([4, 3, 1], X, np.linspace(0, 1, 23), 50, random_state=0)
    assert (fastnn.predict(values.W, values.b, X) == values.network(X)[:, 0]).all()


def test_start_weights_say_where_they_belong():
    result = run("classes")
    start = result.W, result.b
    with pytest.raises(ValueError, match=r"start weights belong to .* \('tanh', 'softmax'\), not \('logistic', 'logis"):
        fastnn.train([4, 5, 3], X, Y, 1, init=start)
    again = fastnn.train([4, 5, 3], X, LABELS, 1, 1e-300, init=start, activation="tanh", loss="log_loss")
    assert_close(again.W[1], result.W[1], 1e-15)
    fastnn.train([4, 5, 3], X, Y, 1, init=(dict(result.W), dict(result.b)))  # the way out


def test_what_agrees_may_be_said():
    result = run("classes")
    network = fastnn.Network(
        result.W, result.b, activation="tanh", output_activation="softmax", classes=[0, 1, 2], dtype="float32"
    )
    assert network.dtype == np.float32
    assert (network.predict(X) == result.predict(X)).mean() > 0.9
    aliased = fastnn.Network(
        dict(result.W), dict(result.b), activation=["tanh", "sigmoid"], output_activation="logistic"
    )
    assert aliased.activations == ("tanh", "logistic")
    for activation in (network.activations, list(network.activations), iter(network.activations), ["tanh"]):
        assert fastnn.Network(result.W, result.b, activation=activation).activations == network.activations
    plain = fastnn.Network(dict(result.W), dict(result.b), activation=network.activations)
    assert plain.activations == network.activations


def test_predict_with_a_keyword():
    result, tanh = run("classes"), fastnn.train([4, 5, 3], X, X[:, :3], 5, 0.1, activation="tanh", random_state=0)
    with pytest.raises(ValueError, match="belong to a network with activations"):
        fastnn.predict(result.W, result.b, X, activation="tanh")
    expected = fastnn.Network(dict(tanh.W), dict(tanh.b), activation="tanh", output_activation="tanh")(X).argmax(axis=1)
    assert (fastnn.predict(dict(tanh.W), dict(tanh.b), X, activation="tanh") == expected).all()


def test_w_and_b_of_two_networks():
    for other in ("regression", "labels"):
        with pytest.raises(ValueError, match="W and b belong to different networks, of activations"):
            fastnn.Network(run("classes").W, run(other).b)
    result = run("classes")
    result.W[3], result.b[3] = np.zeros((2, 3)), np.zeros(2)
    with pytest.raises(ValueError, match="W has 3 layers, but belongs to a network of 2"):
        fastnn.Network(result.W, result.b)


def test_the_kernels_take_them_too():
    result = run("classes")
    assert_close(kernels.forward(result.W, result.b, X), result.network(X), 1e-14)
    gradient_W, _ = kernels.backward(result.W, result.b, X, Y, loss="log_loss")
    explicit, _ = kernels.backward(
        dict(result.W), dict(result.b), X, Y, loss="log_loss", activation="tanh", output_activation="softmax"
    )
    assert (gradient_W[1] == explicit[1]).all()
    with pytest.raises(ValueError, match="loss='squared_error' cannot be paired with output_activation='softmax'"):
        kernels.backward(result.W, result.b, X, Y)
    with pytest.raises(ValueError, match="belong to a network with activations"):
        kernels.forward(result.W, result.b, X, activation="logistic")


def test_weights_from_json():
    result = run("classes")
    parts = {name: {str(l): a.tolist() for l, a in part.items()} for name, part in (("W", result.W), ("b", result.b))}
    network = fastnn.Network(**json.loads(json.dumps(parts)), activation="tanh", output_activation="softmax")
    assert (network(X) == result.network(X)).all()
    again = fastnn.train([4, 5, 3], X, Y, 1, 1e-300, init=(parts["W"], parts["b"]))
    assert_close(again.W[1], result.W[1], 1e-15)
    with pytest.raises(ValueError, match=r"keyed 1 ... L; got \['0', 1\]"):
        fastnn.Network({"0": parts["W"]["1"], "1": parts["W"]["2"]}, parts["b"])
    with pytest.raises(ValueError, match=r"one entry per layer of weights, keyed 1 ... L"):
        fastnn.Network({1: parts["W"]["1"], "1": parts["W"]["2"]}, parts["b"])


# -- the result -------------------------------------------------------------------------------------------------------


def test_replace_keeps_what_is_known_of_the_run():
    result = fastnn.train([4, 5, 3], X, LABELS, 9, 0.1, validation_data=(X, LABELS), loss="log_loss", random_state=0)
    other = result._replace(cost=[1.0])
    assert type(other) is fastnn.TrainResult
    assert (other.cost, other.W, other.n_iter) == ([1.0], result.W, 9)
    assert other.network is result.network
    assert (other.loss_curve, other.history) == (result.loss_curve, result.history)
    assert repr(other) == repr(result)
    bare = fastnn.TrainResult._make(([], [], [1.0]))
    assert repr(bare).startswith("TrainResult(W=")
    with pytest.raises(ValueError, match="of W, b and cost alone has no network"):
        bare.predict(X)


# -- probabilities ----------------------------------------------------------------------------------------------------


def test_probabilities_of_classes():
    many, two = run("classes"), fastnn.train([4, 1], X, X[:, 0] > 0, 9, 0.1, loss="log_loss", random_state=0)
    assert (many.network.predict_proba(X) == many.network(X)).all()
    p = two.network(X)[:, 0]
    assert (two.network.predict_proba(X) == np.column_stack([1 - p, p])).all()
    assert (two.network.predict_proba(X[0]) == [1 - p[0], p[0]]).all()
    labels = run("multilabel")
    assert (labels.network.predict_proba(X) == labels.network(X)).all()


@pytest.mark.parametrize("options", [{"y": X[:, :3], "activation": "tanh"}, {"y": LABELS, "activation": "tanh"}])
def test_outputs_that_are_no_probabilities(options):
    y = options.pop("y")
    network = fastnn.train([4, 5, 3], X, y, 2, 0.1, random_state=0, **options).network
    with pytest.raises(ValueError, match="outputs are probabilities only where they are"):
        network.predict_proba(X)

"""The functional face: what `fastnn.train` takes, draws, makes of y, and returns."""

import pickle

import numpy as np
import pytest
from conftest import BACKEND_NAMES, LABELS, X, Y, assert_close, train

import fastnn
from fastnn.initial import INITS
from fastnn.labels import Labels

# -- the result ---------------------------------------------------------------------------------------------------


def test_the_result_unpacks_and_carries_more():
    result = train(5)
    W, b, cost = result
    assert isinstance(result, tuple)
    assert {l: w.shape for l, w in W.items()} == {1: (5, 4), 2: (3, 5)}
    assert {l: v.shape for l, v in b.items()} == {1: (5,), 2: (3,)}
    assert len(cost) == len(result.loss_curve) == result.n_iter == 5
    assert result.history == {}
    assert "4-5-3" in repr(result)
    assert np.shares_memory(W[1], result.network.parameters)


def test_cost_and_loss_are_those_before_the_update():
    first = train(1)
    start = fastnn.train([4, 5, 3], X, Y, 1, 1e-300, random_state=0)
    h = start.network(X)
    assert_close(first.cost[0], np.linalg.norm(Y - h, axis=1).mean(), 1e-14)
    assert_close(first.loss_curve[0], 0.5 * ((Y - h) ** 2).sum(axis=1).mean(), 1e-14)


def test_a_result_can_be_pickled():
    result = train(3, validation_data=(X, Y))
    again = pickle.loads(pickle.dumps(result))
    assert (again.network(X) == result.network(X)).all()
    assert again.history == result.history
    assert again.cost == result.cost


# -- random numbers and start weights -----------------------------------------------------------------------------


def test_random_state_forms_that_mean_the_same():
    by_int = train(3, random_state=5)
    by_state = train(3, random_state=np.random.RandomState(5))
    np.random.seed(5)
    by_global = train(3, random_state=None)
    for other in (by_state, by_global):
        assert (other.network.parameters == by_int.network.parameters).all()


def test_a_generator_is_used_as_it_is():
    generator = np.random.default_rng(3)
    result = fastnn.train([4, 3], X, Y, 1, 1e-300, random_state=generator)
    expected = np.random.default_rng(3)
    assert (result.W[1] == expected.random((3, 4))).all()
    assert (result.b[1] == expected.random(3)).all()
    assert generator.random() == expected.random()


@pytest.mark.parametrize(
    ("init", "bound", "deviation"),
    [
        ("normal", np.inf, 1),
        ("truncated_normal", 2, 0.8796),  # of N(0, 1) cut at two standard deviations
        ("glorot_uniform", np.sqrt(6 / 500), np.sqrt(2 / 500)),
        ("glorot_normal", np.inf, np.sqrt(2 / 500)),
        ("he_uniform", np.sqrt(6 / 300), np.sqrt(2 / 300)),
        ("he_normal", np.inf, np.sqrt(2 / 300)),
        ("lecun_uniform", np.sqrt(3 / 300), np.sqrt(1 / 300)),
        ("lecun_normal", np.inf, np.sqrt(1 / 300)),
    ],
)
def test_inits_have_their_moments(init, bound, deviation):
    for scale in (1.0, 0.1):
        result = fastnn.train(
            [300, 200], np.zeros((1, 300)), np.zeros((1, 200)), 1, 1e-300, init=init, init_scale=scale, random_state=1
        )
        weights = result.W[1] / scale
        assert np.abs(weights).max() <= bound
        assert abs(weights.mean()) < 4 * deviation / np.sqrt(weights.size)
        assert_close(weights.std(), deviation, 0.01)
        assert np.abs(result.b[1]).max() < 1e-290  # zero but for one step of 1e-300


def test_normal_draws_layer_by_layer_as_n_in_by_n_out():
    result = train(1, alpha=1e-300, init="normal", random_state=2)
    expected = np.random.RandomState(2)
    assert (result.W[1] == expected.standard_normal((4, 5)).T).all()
    assert (result.W[2] == expected.standard_normal((5, 3)).T).all()


def test_explicit_start_weights_are_copied_and_nothing_is_drawn():
    W, b = train(1)[:2]
    W, b = {l: w.copy() for l, w in W.items()}, {l: v.copy() for l, v in b.items()}
    before = W[1].copy()
    generator = np.random.default_rng(0)
    result = train(3, init=(W, b), random_state=generator)
    assert (W[1] == before).all()
    assert (result.W[1] != before).any()
    assert generator.random() == np.random.default_rng(0).random()
    as_lists = train(3, init=([W[1], W[2]], [b[1], b[2]]))
    assert (as_lists.network.parameters == result.network.parameters).all()


def test_init_scale_leaves_biases_as_they_are():
    one, tenth = (train(1, 1e-300, init_scale=scale) for scale in (1.0, 0.1))
    assert_close(tenth.W[1], 0.1 * one.W[1], 1e-15)
    assert (tenth.b[1] == one.b[1]).all()


def test_truncated_normal_redraws_beyond_two_standard_deviations_only():
    class Given:
        def __init__(self):
            self.first = np.array([[1.99, -1.99], [2.01, -2.01]])

        def normal(self, shape):
            return self.first.copy() if isinstance(shape, tuple) else np.full(shape, 0.5)

    assert INITS["truncated_normal"](Given(), 2, 2).tolist() == [[1.99, -1.99], [0.5, 0.5]]


# -- inputs are taken as they are ---------------------------------------------------------------------------------


def variants(array, tmp_path):
    array = np.asarray(array, dtype=np.float64)
    yield "list", array.tolist()
    yield "fortran", np.asfortranarray(array)
    wide = np.zeros((2 * len(array), 2 * array.shape[1]))
    wide[::2, ::2] = array
    yield "strided", wide[::2, ::2]
    read_only = array.copy()
    read_only.flags.writeable = False
    yield "read-only", read_only
    path = tmp_path / f"{array.shape[1]}-columns.npy"
    np.save(path, array)
    yield "memory-mapped", np.load(path, mmap_mode="r")
    yield "big-endian", array.astype(">f8")
    yield "offset", np.frombuffer(b"\0" + array.tobytes(), np.float64, offset=1).reshape(array.shape)


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_any_layout_of_memory_gives_the_same_and_stays_as_it_was(tmp_path, backend):
    expected = train(5, backend=backend)
    for name, x in variants(X, tmp_path):
        for _, y in variants(Y, tmp_path):
            before = np.array(x), np.array(y)
            result = fastnn.train([4, 5, 3], x, y, 5, random_state=0, backend=backend)
            assert result.cost == expected.cost, name
            assert (result.network(x) == expected.network(X)).all(), name
            assert (np.array(x) == before[0]).all()
            assert (np.array(y) == before[1]).all()


def test_frames_and_integers_are_taken():
    pd = pytest.importorskip("pandas")
    integers = np.random.default_rng(9).integers(-3, 4, (23, 4))
    expected = fastnn.train([4, 3], integers.astype(float), LABELS, 5, loss="log_loss", random_state=0)
    for x in (integers, integers.astype(np.int8), pd.DataFrame(integers), integers.astype(np.float32)):
        result = fastnn.train([4, 3], x, pd.Series(LABELS), 5, loss="log_loss", random_state=0)
        assert result.cost == expected.cost


@pytest.mark.parametrize(
    "names", [[0, 1, 2], [5, -1, 7], ["a", "c", "b"], [0.5, 1.5, 2.5], np.array(["x", "y", "zz"], object)]
)
def test_labels_are_encoded_in_sorted_order_and_given_back(names):
    names = np.asarray(names)
    y = names[LABELS]
    result = fastnn.train([4, 8, 3], X, y, 300, 1.0, activation="tanh", loss="log_loss", random_state=0)
    order = np.argsort(names.astype(str) if names.dtype.kind == "O" else names)
    assert result.network.classes.tolist() == names[order].tolist()
    expected = names[order][result.network(X).argmax(axis=1)]
    assert result.network.predict(X).tolist() == expected.tolist()
    one_hot = (y[:, None] == names[order]).astype(float)
    same = fastnn.train([4, 8, 3], X, one_hot, 300, 1.0, activation="tanh", loss="log_loss", random_state=0)
    assert same.cost == result.cost
    assert result.network.predict(X[0]) == result.network.predict(X)[0]


def test_two_labels_with_one_output():
    y = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]
    result = fastnn.train([4, 1], X, y, 200, 1.0, loss="log_loss", random_state=0)
    assert (result.network.predict(X) == y).mean() > 0.9
    assert (result.network.predict(X) == np.where(result.network(X)[:, 0] > 0.5, "yes", "no")).all()


def test_a_vector_is_one_column_of_targets_for_squared_error():
    y = X @ [1.0, 2.0, -1.0, 0.5]
    vector = fastnn.train([4, 1], X, y, 200, 0.1, activation="relu", random_state=0)
    column = fastnn.train([4, 1], X, y[:, None], 200, 0.1, activation="relu", random_state=0)
    assert vector.cost == column.cost
    assert vector.network.activations == ("identity",)
    assert_close(vector.network.predict(X), y, 0.1)
    assert vector.network.predict(X).shape == (23,)


def test_multilabel_targets_take_logistic_outputs_and_predict_indicators():
    y = (X[:, :3] > 0).astype(int)
    result = fastnn.train([4, 3], X, y, 500, 1.0, loss="log_loss", random_state=0, validation_data=(X, y))
    assert result.network.activations == ("logistic",)
    assert (result.network.predict(X) == (result.network(X) > 0.5)).all()
    assert result.history["val_accuracy"][-1] == (result.network.predict(X) == y).all(axis=1).mean()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ("logistic", "logistic")),
        ({"activation": "sigmoid"}, ("logistic", "logistic")),
        ({"activation": "relu"}, ("relu", "identity")),
        ({"activation": ["tanh"]}, ("tanh", "identity")),
        ({"loss": "log_loss"}, ("logistic", "softmax")),
        ({"loss": "poisson"}, ("logistic", "exp")),
        ({"loss": "perceptron"}, ("logistic", "step")),
        ({"loss": "log_loss", "output_activation": "sigmoid"}, ("logistic", "logistic")),
    ],
)
def test_the_output_activation_follows_from_the_loss(options, expected):
    assert train(1, 1e-3, **options).network.activations == expected
    if not isinstance(options.get("activation"), list):
        assert fastnn.train([4, 3], X, Y, 1, 1e-3, **options).network.activations == expected[1:]


def test_one_hidden_layer_of_another_kind_makes_the_output_linear():
    network = fastnn.train([4, 5, 5, 3], X, Y, 1, activation=["logistic", "tanh"], random_state=0).network
    assert network.activations == ("logistic", "tanh", "identity")


def test_accuracy_of_a_multilabel_row_wants_all_its_labels():
    outputs, targets = np.array([[0.9, 0.9], [0.9, 0.1], [0.5, 0.6]]), np.array([[1, 1], [1, 1], [0, 1]])
    assert Labels("multilabel").accuracy_of(targets)(outputs) == 2 / 3

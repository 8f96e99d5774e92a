"""Targets that the outputs cannot come near are refused where the output activation was implied, else warned of."""

import re
import warnings

import numpy as np
import pytest

import fastnn

SQUARE = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
COLUMN = np.arange(10.0)[:, None]


@pytest.mark.parametrize(
    ("sizes", "X", "y", "message"),
    [
        ([1, 5, 1], COLUMN, COLUMN[:, 0] ** 2, "y lies between 0 and 81, but outputs of activation 'logistic'"),
        ([1, 5, 1], COLUMN, COLUMN**2, r"are between 0 and 1: use output_activation='identity', or scale y$"),
        ([1, 5, 5, 1], COLUMN, -COLUMN / 100, "y lies between -0.09 and -0"),
        ([1, 1], COLUMN, COLUMN / 5, "which squared_error implies after logistic hidden layers"),
        ([1, 4, 2], COLUMN, np.hstack([COLUMN, COLUMN]) - 4, "y lies between -4 and 5"),
        ([2, 4, 1], SQUARE, [-1, 1, 1, -1], "; if y holds 2 classes, loss='log_loss'$"),
        ([2, 4, 1], SQUARE, [1, 2, 2, 1], "; if y holds 2 classes, loss='log_loss'$"),
        ([2, 4, 1], SQUARE[[0, 0, 1, 1, 2, 2]], [0, 0, 1, 1, 2, 2], "3 classes, loss='log_loss' and a last layer of 3"),
    ],
)  # fmt: skip
def test_implied(sizes, X, y, message):
    with pytest.raises(ValueError, match=message):
        fastnn.train(sizes, X, y, 10)


def test_the_way_out_is_right():
    """x² for x = 0 … 9, which came out as 1.0 ten times."""
    X, y = (COLUMN - 4.5) / 2.9, COLUMN[:, 0] ** 2
    result = fastnn.train(
        [1, 20, 1], X, y / 81, 20000, 0.01, output_activation="identity", init="normal", solver="adam", random_state=0
    )
    assert np.abs(81 * result.predict(X) - y).max() < 1
    labels = fastnn.train([2, 4, 1], SQUARE, [1, 2, 2, 1], 5000, 2.0, loss="log_loss", random_state=0)
    assert labels.predict(SQUARE).tolist() == [1, 2, 2, 1]


@pytest.mark.parametrize(
    ("activation", "y", "reach"),
    [
        ("logistic", [0, 1, 2, 1], "between 0 and 1"),
        ("tanh", [0, 1, 1.5, -1], "between -1 and 1"),
        ("relu", [0, 1, -0.5, 3], "at least 0"),
        ("exp", [0, 1, -0.5, 3], "greater than 0"),
    ],
)
def test_asked_for(activation, y, reach):
    text = rf"activation '{activation}' are {reach}: use output_activation='identity', or scale y"
    with pytest.warns(UserWarning, match=re.escape(text)) as caught:
        fastnn.train([2, 3, 1], SQUARE, y, 1, 1e-3, output_activation=activation, random_state=0)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("activation", "y"),
    [("logistic", [0, 1, 0.5, 1]), ("tanh", [0, -1, 1, -1]), ("relu", [0, 1, 7, 3]), ("exp", [0, 1, 7, 3])],
)
def test_within_reach_nothing_is_said(activation, y):
    """Nor where scaling to the reach went beyond it by a rounding, as a MinMaxScaler may."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fastnn.train(
            [2, 3, 1], SQUARE, np.array(y) * (1 + 4e-16), 1, 1e-3, output_activation=activation, random_state=0
        )
        fastnn.train([2, 3, 1], SQUARE, y, 1, 1e-3, output_activation=activation, random_state=0)
        fastnn.train([2, 3, 1], SQUARE, np.array(y) - 5, 1, 1e-3, output_activation="identity", random_state=0)
        fastnn.train([2, 3, 1], SQUARE, np.array(y) - 5, 1, 1e-3, activation="relu", random_state=0)

"""What the tests of the displays draw: some points, and what has learned from them, as fixtures."""

import numpy as np
import pytest

import fastnn

SQUARE, XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), [0, 1, 1, 0]
POINTS = np.random.default_rng(0).standard_normal((60, 2))
NAMES = np.array(["left", "middle", "right"])[np.digitize(POINTS[:, 0], [-0.5, 0.5])]


@pytest.fixture(scope="session")
def measured():
    """A run with validation data."""
    return fastnn.train(
        [2, 6, 3], POINTS[:40], NAMES[:40], 30, 0.1, activation="tanh", loss="log_loss", init="normal", batch_size=10,
        validation_data=(POINTS[40:], NAMES[40:]), random_state=0,
    )  # fmt: skip


@pytest.fixture(scope="session")
def classifier():
    options = {"max_iter": 300, "learning_rate_init": 0.05, "random_state": 0, "early_stopping": True}
    return fastnn.MLPClassifier((8,), **options).fit(POINTS, NAMES)


@pytest.fixture(scope="session")
def xor():
    return fastnn.train([2, 4, 1], SQUARE, XOR, 5000, 2.0, random_state=0).network


def curves(display):
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in display.lines_}


def regions_at(display, points):
    """The class that the drawn grid has next to each point."""
    boundary = display.boundary_
    x, y = boundary.xx0[0], boundary.xx1[:, 0]
    grid = np.asarray(boundary.response)
    return [int(grid[np.abs(y - b).argmin(), np.abs(x - a).argmin()]) for a, b in points]

"""What the tests of checkpoints train, and how it breaks off."""

import os

import numpy as np
import pytest

from fastnn.training import checkpoints

RNG = np.random.default_rng(0)
X = RNG.standard_normal((37, 4))
LABELS = RNG.integers(0, 3, 37)
VALUES = X @ RNG.standard_normal(4)
WEIGHT = RNG.random(37)
SIZES = [4, 6, 3]
USUAL = {"activation": "tanh", "loss": "log_loss", "alpha": 0.02, "init": "glorot_normal", "random_state": 3}
FIT = {"hidden_layer_sizes": (6, 5), "max_iter": 7, "random_state": 0, "batch_size": 8}


class StopError(Exception):
    pass


def stopper(at):
    def stop(iteration, loss, network):
        if iteration == at:
            raise StopError

    return stop


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """Power cuts are not tested here, kills are: in processes of their own, which flush."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(checkpoints, "SHARE", np.inf)

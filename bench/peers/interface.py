"""What a peer's module offers to its worker, and what several peers need.

A module has ``PACKAGES`` (whose versions are reported), ``TRAINERS`` and ``PREDICTORS``: dicts of the way's name, as
in the table, and a callable that takes a `cases.Problem` and returns a `Way`, or None where it is of no interest, or
raises `CannotExpress`.
"""

import os
from collections.abc import Iterable
from typing import Protocol

import numpy as np

#: Threads that the driver wants, for libraries that do not read it themselves.
N_THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))

#: Adam's constants: scikit-learn's, and everyone's defaults.
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


class CannotExpress(Exception):  # noqa: N818 - an answer, not an error
    """A library has no means to compute a case; the message says what it lacks."""


class Way(Protocol):
    """One way of a library to compute one problem."""

    def reset(self) -> None:
        """Go back to the start weights. Not timed; predictions have nothing to do."""

    def run(self) -> None:
        """Make all updates of all epochs, or predict all rows once. Timed."""

    def numbers(self) -> np.ndarray:
        """Return what the last run computed: `flat` parameters, or outputs."""


def flat(W: Iterable[np.ndarray], b: Iterable[np.ndarray]) -> np.ndarray:
    """Return weights (n_out, n_in) of all layers and then biases as one array, as fastnn orders them."""
    return np.concatenate([np.ravel(part) for part in (*W, *b)])


def adam_steps(learning_rate: float, first: int, n: int) -> np.ndarray:
    """Return Adam's step size for updates `first`, `first` + 1, ... (counted from 1), bias corrections included."""
    t = np.arange(first, first + n)
    return learning_rate * np.sqrt(1 - BETA_2**t) / (1 - BETA_1**t)

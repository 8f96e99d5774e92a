"""Heads of four losses, and their targets, of which some were not observed; of the tests of several heads."""

import numpy as np

from fastnn import Head

X = np.random.default_rng(11).standard_normal((40, 3))
NAN = np.nan

MIXED = [Head(1, weight=2.0), Head(3, "log_loss"), Head(2, "gaussian_nll"), Head(2, "hinge", weight=0.1)]


def mixed_targets(n_rows=40, seed=2):
    rng = np.random.default_rng(seed)
    numbers = rng.standard_normal(n_rows)
    labels = np.array(["a", "b", "c"])[np.r_[0, 1, 2, rng.integers(0, 3, n_rows - 3)]].astype(object)
    signs = rng.choice([-1.0, 1.0], (n_rows, 2))
    numbers[::4], labels[3::5], signs[rng.random((n_rows, 2)) < 0.3] = NAN, None, NAN
    return [numbers, labels, numbers + 1, signs]


OPTIONS = {"heads": MIXED, "activation": "tanh", "init": "glorot_normal", "random_state": 0, "l2": 0.01}

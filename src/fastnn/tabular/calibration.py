"""The temperature of a classifier: what its logits are divided by, so that probabilities are as sure as they are right.

Found on rows held back, once the members are trained (Guo, Pleiss, Sun and Weinberger, 2017); `uncertainty` asks for
it, and docs/decisions/0037 has what it brings.
"""

import numpy as np

#: Temperatures lie between 1 / LARGEST and LARGEST.
LARGEST = 10.0

#: Golden sections of that range: to a relative 3e-4.
SECTIONS = 20

#: Probabilities below are 0 to a network in float32.
SMALLEST = float(np.finfo(np.float32).tiny)


def temperature(probabilities, y, sample_weight=None):
    """Return the temperature by which the mean of the members has the smallest log-loss.

    One part in n_rows + 2 of each row belongs to all classes alike, as Platt (1999) has it: that none of a few rows was
    wrong is no proof that none will be, and the temperature would be as low as it can.

    Parameters
    ----------
    probabilities : (n_members, n_rows, n_classes) array
        Of the members that have not learned from these rows.
    y : (n_rows,) integers
        The class of each row.
    sample_weight : (n_rows,) array, optional

    Returns
    -------
    temperature : float
        1 where there are no rows.
    """
    if sample_weight is not None:
        known = np.flatnonzero(sample_weight)
        probabilities, y, sample_weight = probabilities[:, known], y[known], sample_weight[known]
    n_rows = len(y)
    if not n_rows:
        return 1.0
    logits = np.log(np.maximum(probabilities, SMALLEST, dtype=np.float64))
    logits -= logits.max(axis=-1, keepdims=True)
    unknown = 1.0 / (n_rows + 2.0)

    def loss(log_temperature):
        each = np.exp(logits / np.exp(log_temperature))
        each /= each.sum(axis=-1, keepdims=True)
        logs = np.log(np.maximum(each.mean(axis=0), SMALLEST))
        right = (1.0 - unknown) * logs[np.arange(n_rows), y] + unknown * logs.mean(axis=1)
        return -np.average(right, weights=sample_weight)

    found = _golden(loss, -np.log(LARGEST), np.log(LARGEST))
    return float(np.exp(found)) if loss(found) < loss(0.0) else 1.0


def _golden(function, low, high):
    """Return where a function of one valley is smallest."""
    ratio = (np.sqrt(5.0) - 1.0) / 2.0
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    of_left, of_right = function(left), function(right)
    for _ in range(SECTIONS):
        if of_left < of_right:
            high, right, of_right = right, left, of_left
            left = high - ratio * (high - low)
            of_left = function(left)
        else:
            low, left, of_left = left, right, of_right
            right = low + ratio * (high - low)
            of_right = function(right)
    return (low + high) / 2.0

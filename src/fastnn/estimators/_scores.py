"""What the rows held back are scored by: scikit-learn's ``r2_score`` and ``accuracy_score``, to the bit.

Early stopping asks once a pass, and scikit-learn's own would check the same targets each time, for several times as
long as a pass of a small network takes. Here what does not change is worked out once. Called by both estimators, with
arrays that have been checked: C-contiguous, of one float dtype, at least two rows.
"""

from functools import partial

import numpy as np

from fastnn.estimators._warnings import floating_point
from fastnn.labels import decode


def r2_of(targets, sample_weight):
    """Return a function that gives R² of outputs, its mean over the columns; see ``sklearn.metrics.r2_score``.

    Parameters
    ----------
    targets : ndarray of shape (n_samples, n_out)
    sample_weight : ndarray of shape (n_samples,), or None

    Returns
    -------
    score : callable
        Takes finite outputs (n_samples, n_out). A column whose targets are all the same has 1 if the outputs are
        these, else 0.
    """
    weight = None if sample_weight is None else sample_weight[:, None]

    def sum_of_squares(differences):
        differences *= differences
        if weight is not None:
            differences *= weight
        return differences.sum(axis=0)

    with np.errstate(over="ignore", invalid="ignore"):  # it is told below, with each score
        total = sum_of_squares(targets - np.average(targets, axis=0, weights=sample_weight))
    varies, is_in_range = total != 0, np.isfinite(total).all()

    def score(outputs):
        with np.errstate(over="ignore", invalid="ignore"):
            unexplained = sum_of_squares(targets - outputs)
            differs = unexplained != 0
            share = differs.astype(total.dtype)
            np.divide(unexplained, total, out=share, where=differs & varies)
            found = float((1 - share).mean())
        if not (is_in_range and np.isfinite(unexplained).all()):
            floating_point(
                f"The squares in the validation score are beyond the range of {targets.dtype}; scale X and y, for "
                "example with StandardScaler",
                "over",
            )
        return found

    return score


def r2_of_observed(targets, sample_weight):
    """Return a function that gives R² of outputs over the targets that are not NaN, its mean over the columns.

    Columns with fewer than two such targets do not count.

    Parameters
    ----------
    targets : ndarray of shape (n_samples, n_targets)
    sample_weight : ndarray of shape (n_samples,), or None

    Returns
    -------
    score : callable
        Takes finite outputs (n_samples, n_targets).

    Raises
    ------
    ValueError
        If no column counts.
    """
    columns = []
    for i, column in enumerate(targets.T):
        seen = ~np.isnan(column) if sample_weight is None else ~np.isnan(column) & (sample_weight > 0)
        if np.count_nonzero(seen) > 1:
            weight = None if sample_weight is None else sample_weight[seen]
            columns.append((i, seen, r2_of(np.ascontiguousarray(column[seen, None]), weight)))
    if not columns:
        raise ValueError(
            f"of the {len(targets)} rows to score by no target was observed twice; take more rows, with early_stopping "
            "by a larger validation_fraction"
        )
    return lambda outputs: float(np.mean([score(outputs[seen, i : i + 1]) for i, seen, score in columns]))


def pinball_of(objective, targets, sample_weight):
    """Return a function that gives the share of the pinball loss that outputs explain; see ``d2_pinball_score``.

    Parameters
    ----------
    objective : Objective
        Of one quantile or several.
    targets : ndarray of shape (n_samples, n_out)
        For each output.
    sample_weight : ndarray of shape (n_samples,), or None

    Returns
    -------
    score : callable
        Takes outputs (n_samples, n_out), and gives a mean over them: 1 - their loss over that of the quantile of the
        targets themselves.
    """
    from sklearn.metrics import d2_pinball_score  # late: it takes long to load

    levels = objective.quantiles or (objective.parameter,)
    score_of = [partial(d2_pinball_score, sample_weight=sample_weight, alpha=q) for q in levels]

    def score(outputs):
        columns = range(targets.shape[1])
        return float(np.mean([score_of[i % len(levels)](targets[:, i], outputs[:, i]) for i in columns]))

    return score


def accuracy_of(kind, n_labels, targets, sample_weight, threshold=0.5):
    """Return a function that gives the share of rows that are right; see ``sklearn.metrics.accuracy_score``.

    Parameters
    ----------
    kind : {"binary", "multiclass", "multilabel"}
        A row of several labels is right where all of them are.
    n_labels : int
    targets : ndarray of shape (n_samples, n_out)
    sample_weight : ndarray of shape (n_samples,), or None
    threshold : float, default 0.5
        Beyond which an output, and a target, says yes.

    Returns
    -------
    score : callable
        Takes outputs (n_samples, n_out).
    """
    numbers = np.arange(n_labels)  # labels by number, which compare quicker than words
    expected = decode(kind, targets, numbers, threshold)

    def score(outputs):
        is_right = decode(kind, outputs, numbers, threshold) == expected
        return float(np.average(is_right if is_right.ndim == 1 else is_right.all(axis=1), weights=sample_weight))

    return score

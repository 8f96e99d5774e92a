"""Rows to validate on: given to ``fit`` or held back by early stopping, and what is measured of them after each epoch.

Called by the base of both estimators. Their own scores are in `_scores`; others are scikit-learn's scorers.
"""

from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.utils import _safe_indexing

from fastnn.estimators import _held_back
from fastnn.estimators._checks import as_data, check_sample_weight
from fastnn.training.measures import Rows
from fastnn.training.passes import Validation


@dataclass
class ValidationRows:
    """Rows to validate on.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_rows, n_features)
    targets : ndarray of shape (n_rows, n_out)
        As they are learned, smoothed perhaps.
    sample_weight : ndarray of shape (n_rows,), or None
        These three C-contiguous and of the network's dtype.
    as_given : tuple
        X, y and sample_weight as the user gave them, for scorers.
    are_own : bool
        Whether they were given for it, and not held back.
    """

    X: Any
    targets: np.ndarray
    sample_weight: np.ndarray | None
    as_given: tuple
    are_own: bool


def check_together(X_val, y_val, sample_weight_val):
    """Refuse one of the arguments of ``fit`` without another; return whether there are rows to validate on."""
    if X_val is None and y_val is None:
        if sample_weight_val is not None:
            raise ValueError("sample_weight_val weighs the rows of X_val and y_val, which are missing")
        return False
    if X_val is None or y_val is None:
        given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
        raise ValueError(f"{given} was given without {missing}; validation needs both")
    return True


def check_given(estimator, X_val, y_val, sample_weight_val):
    """Check these arguments of ``fit``; return a function of a dtype that gives ValidationRows."""
    try:
        X, targets_of = estimator._check_validation(X_val, y_val)
        weight, _ = check_sample_weight(sample_weight_val, X)
    except ValueError as error:
        raise ValueError(f"X_val, y_val or sample_weight_val does not fit: {error}") from error
    as_given = X_val, y_val, _for_scorers(sample_weight_val)

    def rows(dtype):
        targets = estimator._smooth(targets_of(dtype))
        return ValidationRows(
            as_data(X, dtype), targets, None if weight is None else weight.astype(dtype), as_given, True
        )

    return rows


def hold_back(estimator, samples, course, as_given, random_state):
    """Split rows off the samples, those of an earlier fit where the course knows them; return them."""
    selected, weight, y = samples.selected, samples.sample_weight, samples.y
    if selected is not None:
        weight, y = None if weight is None else weight[selected], y[selected]
    if course.held_back is None:
        course.order, course.held_back = _held_back.split(
            samples.n_rows,
            weight,
            estimator._strata(y),
            estimator.validation_fraction,
            random_state,
            None if (part := vars(estimator).get("_part")) is None else part.draw,
        )
    samples.rows, rows = course.order, course.held_back
    if selected is not None:
        samples.rows, rows = selected[samples.rows], selected[rows]
    weight = None if samples.sample_weight is None else samples.sample_weight[rows]
    if estimator.scoring in (None, "loss"):  # who needs no more than arrays
        as_given = None, None, None
    else:
        X, y, weights = as_given
        as_given = tuple(None if one is None else _rows_of(one, rows) for one in (X, y, _for_scorers(weights)))
    return ValidationRows(samples.X[rows], samples.y[rows], weight, as_given, False)


def _for_scorers(sample_weight):
    """Weights as scikit-learn's scorers take them: a number, which is for all rows, is none."""
    return None if isinstance(sample_weight, Real) else sample_weight


def _rows_of(given, rows):
    """These rows of what the user gave; of sparse matrices, not all formats have rows to take."""
    return _safe_indexing(given.tocsr() if scipy.sparse.issparse(given) else given, rows)


def validation_of(estimator, rows, job):
    """Return the Validation of a run on these rows."""
    scoring, judges = estimator.scoring, estimator.early_stopping
    wants_loss = rows.are_own or scoring == "loss"
    wants_score = judges or scoring is not None
    by_outputs = wants_score and scoring is None
    measured = Rows(job, rows.X, rows.targets, rows.sample_weight, by_outputs)
    own = estimator._scorer(rows.targets, rows.sample_weight) if by_outputs else None
    predict = measured.predict
    if by_outputs and isinstance(rows.X, np.ndarray):  # the shortest way
        predict = partial(estimator._weights.network.predict_into, rows.X, measured.outputs)
    scorer = None if scoring in (None, "loss") else _scorer_of(estimator, rows.as_given)

    def measure():
        loss = score = None
        if wants_loss:
            loss = measured.loss()
        elif by_outputs:
            predict()
        if by_outputs:
            score = own(measured.outputs) if np.isfinite(measured.outputs).all() else np.nan
        elif scoring == "loss":
            score = -loss
        elif scorer is not None:
            score = scorer()
        return loss, score

    return Validation(measure, judges, estimator.max_time is not None and rows.are_own)


def _scorer_of(estimator, as_given):
    """A function that scores the estimator as it is in the moment, by scikit-learn's rules for `scoring`."""
    from sklearn.metrics import check_scoring  # late: it takes long to load

    X, y, weight = as_given
    scorer = check_scoring(estimator, estimator.scoring)
    weighed = {} if weight is None else {"sample_weight": weight}

    def score():
        found = scorer(estimator, X, y, **weighed)
        try:
            return float(found)
        except (TypeError, ValueError):
            raise TypeError(f"scoring must give a number, got {type(found).__name__} {found!r:.60}") from None

    return score


def measure_anew(progress, validation, parameters):
    """Measure the best parameters of earlier fits by what this one judges by, which may be something else."""
    best, last = progress.best_parameters, parameters.copy()
    if best is not None:
        parameters[:] = best
    _, score = validation.measure()
    parameters[:] = last
    if score != progress.best_score:
        progress.best_score, progress.n_stale = score, 0
    if best is None:
        progress.best_parameters = last

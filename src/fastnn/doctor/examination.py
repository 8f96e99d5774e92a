"""``diagnose``: a model and its data become a case, every check looks at it, what they find is put in order."""

import numpy as np
from numpy.typing import ArrayLike

from fastnn.doctor.case import case_of
from fastnn.doctor.curves import FEWEST, is_judged, over_fitting, rate_too_large, rate_too_small, still_falling
from fastnn.doctor.findings import Diagnosis
from fastnn.doctor.inputs import unscaled_inputs
from fastnn.doctor.targets import class_imbalance, targets_out_of_reach, unscaled_targets
from fastnn.doctor.units import dead_units, hidden_units, saturated_start, saturated_units
from fastnn.sparse import SparseMatrix
from fastnn.state import OTHER_SOLVERS


def diagnose(
    model,
    X: ArrayLike | SparseMatrix,
    y: ArrayLike,
    *,
    validation_data: tuple[ArrayLike | SparseMatrix, ArrayLike] | None = None,
) -> Diagnosis:
    """Say in words and numbers what is commonly wrong with a training.

    Looked for are inputs and targets that are not scaled, targets that the outputs cannot be, start weights that
    saturate, a learning rate that is too large or too small, dead and saturated units, rare classes that are never
    predicted, and over-fitting. Every finding is something that was measured, with the figures; thresholds and what
    they come from stand beside each other in the sources. Nothing is trained, and nothing is modified.

    Parameters
    ----------
    model : TrainResult, Network or fitted MLPClassifier or MLPRegressor
        The ``result`` of the error by which `train` says that it diverged is a TrainResult too. A Network has no loss
        curve, so that less is found.
    X : array-like or sparse matrix of shape (n_samples, n_in)
        What it learned from, as it was given to the network: of a pipeline, after its other steps.
    y : array-like of shape (n_samples,) or (n_samples, n_out)
        Class labels or targets likewise. Of several heads anything: it is not read.
    validation_data : tuple (X, y), optional
        Other rows, to see over-fitting by; not needed where ``history`` has their losses.

    Returns
    -------
    diagnosis : Diagnosis
        A tuple of findings, causes before what follows from them; empty where nothing was found. Printed it is a
        report.

    Raises
    ------
    TypeError, ValueError
        If the model is none of these or not fitted, or X or y do not fit it.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> import fastnn
    >>> X, y = load_wine(return_X_y=True)
    >>> options = {"activation": "relu", "loss": "log_loss", "init": "he_normal", "random_state": 0}
    >>> result = fastnn.train([13, 8, 3], X, y, 300, 1e-4, **options)
    >>> diagnosis = fastnn.diagnose(result, X, y)
    >>> diagnosis.names[0]
    'unscaled_inputs'
    >>> diagnosis[0].figures["columns"]
    [12, 4]

    The same on scaled rows:

    >>> X = (X - X.mean(axis=0)) / X.std(axis=0)
    >>> result = fastnn.train([13, 8, 3], X, y, 300, 0.1, **options)
    >>> fastnn.diagnose(result, X, y)
    Nothing found
    Not looked at: over-fitting; pass validation_data=(X, y) of rows that were not learned from
    """
    with np.errstate(over="ignore", invalid="ignore"):  # a training that diverged comes with such numbers
        case = case_of(model, X, y, validation_data)
        return Diagnosis(findings_of(case), unchecked(case))


def findings_of(case):
    """Return what all checks find; a cause that is known silences what only repeats it."""
    fall = still_falling(case)
    inputs = unscaled_inputs(case, fall)
    data = [inputs, targets_out_of_reach(case), unscaled_targets(case, fall)]
    start = None if inputs else saturated_start(case)  # such inputs saturate any
    training = [start, rate_too_large(case, is_unscaled=any([*data, start]))]
    if case.is_finite:
        dead, saturated = hidden_units(case.network, case.rows.X)
        training += [dead_units(case, dead), saturated_units(case, saturated)]
    by_heart = over_fitting(case)
    if not any([*data, *training, by_heart]):  # which make a slow fall themselves, or would gain nothing by more of it
        training.append(rate_too_small(case, fall, case.explained(case.rows)))
    return [finding for finding in (*data, *training, class_imbalance(case), by_heart) if finding is not None]


def unchecked(case):
    """Say what could not be looked at, and why."""
    training = case.training
    if training.solver in OTHER_SOLVERS:
        yield f"the learning rate; solver={training.solver!r} has none"
    elif len(training.losses) == 0:
        yield "the learning rate; a network alone has no loss curve: pass the TrainResult, or the estimator"
    elif not is_judged(training) and training.loss != "perceptron":
        yield (
            f"whether the learning rate is too small; the curve has {len(training.losses)} entries, one for "
            f"each {training.unit}, and {FEWEST} would do"
        )
    elif training.loss == "perceptron":
        yield "the learning rate; the objective of the perceptron rule does not measure progress"
    if case.rows.targets is None:
        yield f"targets and classes; y of several {case.labels.kind}"
    has_curve = "val_loss" in training.history and len(training.history["val_loss"]) >= FEWEST
    if case.rows.targets is not None and case.new is None and not has_curve:
        yield "over-fitting; pass validation_data=(X, y) of rows that were not learned from"

"""What curves say: whether steps were too large or too small, and whether new rows got worse while known ones improved.

A curve has an entry a pass, or an update of all rows; its level is not compared between losses.
"""

from dataclasses import dataclass

import numpy as np

from fastnn.doctor.findings import Finding, of_variance, percent
from fastnn.state import OTHER_SOLVERS

#: A curve of fewer passes is not judged: its fifths would be single entries, or none.
FEWEST = 10

#: The mean upward move of the second half of a curve, as a share of the whole fall and of the level there, beyond which
#: it jumps. 58 healthy trainings on digits, iris, wine, breast cancer and diabetes had at most 0.0073 of the fall and
#: 0.034 of the level, never both above 0.005 and 0.03; adam at 0.1 to 3 and sgd at 0.3 to 3 mostly both.
OF_FALL, OF_LEVEL = 0.005, 0.1

#: How many times what the start had, or an output that knows nothing would have, the loss was thrown up to. A start of
#: a usual size on scaled data has up to 3 times; adam at rates of 1 and more 5 to 100,000 times.
THROWN_UP = 10.0

#: A loss that falls in the last fifth by more than this share of what it fell by in the first two is still falling: an
#: exponential decay has gone on for less than 2.3 of its time constants. Healthy trainings had at most 0.14, but for
#: two that scores of few rows had ended early; adam at a tenth of its usual rate and less 0.27 and more. Those that
#: explain EXPLAINED of the variance have little left to learn.
STILL, EXPLAINED = 0.25, 0.9

#: A loss that has lost less than this share of its start has hardly moved; that counts where outputs are further from
#: the targets than their mean is, which no training ends with that went on.
HARDLY = 0.05

#: A fall counts that is this many times what its two means may differ by chance.
SURE = 3.0

#: A validation loss that is so many times its lowest, and has lost so much of its fall, has turned. Healthy trainings
#: came to 1.1 and 0.05 where they went on past it; over-fitted ones to 1.4 and 0.37.
TURNED, LOST = 1.2, 0.1

#: By how much less of the variance is explained on new rows. What is healthy on the diabetes table, which is mostly
#: noise, has 0.23; on the other tables 0.13.
GAP = 0.3

#: How many standard errors of the new rows' mean error that must be.
ERRORS = 2.0


@dataclass(frozen=True)
class Fall:
    """That a loss was still falling when the training ended, or had hardly begun.

    Parameters
    ----------
    early, late : float
        From the first fifth of the training to the second, and from the fourth to the last.
    is_steady : bool
        Whether that is what was seen; else that the loss has hardly moved.
    """

    early: float
    late: float
    is_steady: bool


def is_judged(training):
    """Whether the curve is one by which a learning rate can be judged."""
    is_objective = training.loss != "perceptron" and training.solver not in OTHER_SOLVERS
    return is_objective and len(training.losses) >= FEWEST


def still_falling(case):
    """Return the Fall of a loss that was still falling, where there is something left to learn; else None."""
    losses, explained = case.training.losses, case.explained(case.rows)
    if not is_judged(case.training) or not np.isfinite(losses).all() or (explained or 0) > EXPLAINED:
        return None
    fifths = np.array_split(losses, 5)
    first, second, _, fourth, last = (part.mean() for part in fifths)
    early, late = float(first - second), float(fourth - last)
    is_steady = late > SURE * _noise(losses) and late > STILL * early
    has_hardly_moved = explained is not None and explained < -0.01 and 0 <= first - last < HARDLY * first
    return Fall(early, late, is_steady) if is_steady or has_hardly_moved else None


def _noise(losses):
    """By how much the means of two fifths differ by chance: the steady part of a fall does not count."""
    return np.diff(losses[len(losses) // 2 :]).std() / np.sqrt(len(losses) / 5)


def rate_too_large(case, is_unscaled):
    """Find a loss that rose, jumps, was thrown up (but by large data or a large start), or is no number any more."""
    training = case.training
    losses, unit = training.losses, training.unit
    if not case.is_finite or not np.isfinite(losses).all():
        what, figures = _diverged(case)
    elif len(losses) < 2 or training.loss == "perceptron" or training.solver in OTHER_SOLVERS:
        return None
    elif (end := _risen(losses)) is not None:
        what = f"the loss rose from {losses[0]:.3g} in the first {unit} to {end:.3g}"
        figures = {"first": float(losses[0]), "last": end}
    elif not is_unscaled and losses.max() > THROWN_UP * (usual := _usual(case)):
        what = (
            f"the loss was thrown up to {losses.max():.3g} in {unit} {int(losses.argmax()) + 1}, where the start, "
            f"or an output that knows nothing, has {usual:.3g}"
        )
        figures = {"largest": float(losses.max()), "usual": usual}
    elif len(losses) >= FEWEST and (jumps := _jumps(losses)) is not None:
        half = losses[len(losses) // 2 :]
        what = (
            f"the loss jumps: in the second half of the training, {unit} by {unit}, it went up by {percent(jumps)} of "
            f"its level in the mean, between {half.min():.3g} and {half.max():.3g}"
        )
        figures = {"upward": jumps}
    else:
        return None
    return Finding("rate_too_large", f"{what}. {_advice(case)}", figures)


def _diverged(case):
    losses = case.training.losses
    parameters = case.network.parameters
    n_lost = int((~np.isfinite(parameters)).sum())
    figures = {"lost_parameters": n_lost, "n_finite": int(np.isfinite(losses).sum())}
    if n_lost:
        what = f"{n_lost:,} of {len(parameters):,} weights and biases are no finite numbers"
    else:
        what = f"outputs overflow, by weights of up to {np.abs(parameters).max():.3g}"
    if len(finite := losses[np.isfinite(losses)]):
        what += f"; the loss went from {finite[0]:.3g} to {finite[-1]:.3g} before that"
    return f"training diverged: {what}", figures


def _usual(case):
    """The loss to compare with: the start's, where the curve has it, and that of outputs that know nothing.

    Those of start weights of a usual size are about as far from 0 as 1.
    """
    training, targets = case.training, case.rows.targets
    known = [float(training.losses[0])] if training.unit == "update" else []
    if targets is not None and training.loss == "squared_error":
        known.append(float(((targets**2).mean(axis=0) + 1).sum()) / 2)
    elif targets is not None and training.loss == "log_loss":
        known.append(np.log(targets.shape[1]) if case.labels.kind == "multiclass" else targets.shape[1] * np.log(2))
    return max((loss for loss in known if loss > 0), default=np.inf)


def _risen(losses):
    """Return the mean of a curve's last fifth, of a short one the last entry, if it is above the first; else None."""
    if len(losses) < FEWEST:
        return float(losses[-1]) if losses[-1] > THROWN_UP * losses[0] > 0 else None
    end = float(np.array_split(losses, 5)[-1].mean())
    return end if end > losses[0] + SURE * _noise(losses) else None


def _jumps(losses):
    """Return the mean upward move of the second half of a curve as a share of its level, where it jumps; else None."""
    half = losses[len(losses) // 2 :]
    up, fall, level = np.maximum(np.diff(half), 0).mean(), losses[0] - losses.min(), np.median(half)
    is_positive = losses.min() >= 0  # else it has no level to be compared with
    return float(up / level) if is_positive and level > 0 and up > OF_FALL * fall and up > OF_LEVEL * level else None


def _advice(case):
    training = case.training
    if training.solver in OTHER_SOLVERS:
        return f"solver={training.solver!r} has no learning rate: scale X and y, or take another solver"
    was = "" if training.rate is None else f"; it was {training.rate:g}, try {training.rate / 10:g}"
    return f"The learning rate is too large: take a smaller {training.rate_name}{was}, or max_grad_norm=1"


def rate_too_small(case, fall, explained):
    """Find a loss that was still falling when the training ended, or had hardly begun to."""
    if fall is None:
        return None
    training, losses = case.training, case.training.losses
    course = f"{len(losses):,} {training.unit}{'es' if training.unit == 'pass' else 's'}"
    if fall.is_steady:
        what = (
            f"the loss was still falling when the training ended: by {fall.late:.3g} from the fourth fifth of its "
            f"{course} to the last, after {fall.early:.3g} from the first to the second"
        )
    else:
        what = f"the loss hardly moved, from {losses[0]:.4g} to {losses[-1]:.4g} in {course}"
    learned = "" if explained is None else f"; {of_variance(explained)} is explained"
    was = "" if training.rate is None else f" (it was {training.rate:g})"
    advice = f"Take a larger {training.rate_name}{was}, or more updates by a larger {training.length_name}"
    advice += ", with a smaller tol" if training.length_name == "max_iter" else ""
    figures = {"early": fall.early, "late": fall.late, "first": float(losses[0]), "last": float(losses[-1])}
    return Finding("rate_too_small", f"{what}{learned}. {advice}", {**figures, "explained": explained})


def over_fitting(case):
    """Find that new rows are worse off: by the validation curve, or by rows that were not learned from."""
    if case.training.keeps_best and case.new is None:
        return None
    turned = None if case.training.keeps_best else _turned(case.training.history)
    message = turned or _gap(case)
    if message is None:
        return None
    what, figures = message
    estimators = case.training.length_name == "max_iter"
    penalty = "alpha" if estimators else "l2"
    stopping = "" if case.training.keeps_best else "early_stopping=True, "
    stopping += "" if estimators or not stopping else "with validation_data, "
    advice = f"Take {stopping}a larger {penalty}, dropout, fewer hidden units, or more rows"
    return Finding("over_fitting", f"{what}. {advice}", figures)


def _turned(history):
    """Say that a validation loss rose after its lowest while the training loss fell, with the numbers; or None."""
    losses, val_losses = (np.asarray(history.get(name, []), dtype=np.float64) for name in ("loss", "val_loss"))
    if len(val_losses) < FEWEST or len(losses) != len(val_losses) or not np.isfinite(val_losses).all():
        return None
    best = int(val_losses.argmin())
    lowest, last = float(val_losses[best]), float(val_losses[-max(len(val_losses) // 10, 1) :].mean())
    has_turned = last > TURNED * lowest and last - lowest > LOST * (val_losses[0] - lowest)
    if not has_turned or losses[-1] >= losses[best]:
        return None
    where = f"at update {history['iteration'][best]}" if "iteration" in history else f"in report {best + 1}"
    return (
        f"the validation loss was lowest {where}, {lowest:.3g}, and came to {last:.3g}, while the training loss fell "
        f"from {losses[best]:.3g} to {losses[-1]:.3g}",
        {"lowest": lowest, "last": last, "best_report": best},
    )


def _gap(case):
    """Say that less of the variance is explained on new rows, with the numbers; or None."""
    known, new = case.explained(case.rows), case.explained(case.new)
    if known is None or new is None or known <= GAP or known - new <= GAP:
        return None
    errors = ((case.new.targets - case.new.predictions) ** 2).sum(axis=1)
    variance = ((case.new.targets - case.rows.targets.mean(axis=0)) ** 2).sum(axis=1).mean()
    if known - new <= ERRORS * errors.std() / np.sqrt(len(errors)) / variance:
        return None
    return (
        f"{of_variance(known)} is explained on the {case.n_rows:,} rows that were learned from, and "
        f"{percent(new) if new > 0 else 'none of it'} on the {len(errors):,} of validation_data",
        {"explained": known, "explained_new": new},
    )

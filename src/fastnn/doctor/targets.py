"""Whether the outputs can be what the targets are: in reach, of a usual size, and of each class often enough."""

import numpy as np

from fastnn.doctor.case import indicators
from fastnn.doctor.findings import Finding, of_variance, percent
from fastnn.input_scale import LARGE_TARGETS
from fastnn.labels import REACH, ROUNDING, reach_of

#: Below this root mean square of a column of y its targets are called small.
SMALL = 0.05

#: A mean error of more than this share of the targets' standard deviation has not been learned: at a minimum of the
#: squared error with an output bias it is 0. Trainings that had ended well came to 0.035.
MEAN_ERROR = 0.1

#: A class is rare with less than this share of the rows that it had if all were equally frequent (one in five rows of
#: two classes), and missed with less than this share of its own rows found.
RARE, FOUND = 0.4, 0.1

#: Of fewer rows nothing is said.
FEWEST_ROWS = 5


def targets_out_of_reach(case):
    """Find targets that the output activation cannot come near."""
    targets, activation = case.rows.targets, case.network._output_activations[0]
    if targets is None or case.labels.kind != "values":
        return None
    low, high, reach = reach_of(activation)
    beyond = (targets < low - ROUNDING) | (targets > high + ROUNDING)
    if not beyond.any():
        return None
    message = (
        f"{percent(beyond.mean())} of the targets are beyond what outputs of activation {activation!r} can be, {reach}"
        f": y lies between {targets.min():.3g} and {targets.max():.3g}. Use output_activation='identity', or scale y"
    )
    figures = {"share": float(beyond.mean()), "lowest": float(targets.min()), "highest": float(targets.max())}
    return Finding("targets_out_of_reach", message, figures)


def unscaled_targets(case, fall):
    """Find targets of an unusual size that have not been learned: large ones are far away, small ones hardly a loss."""
    rows = case.rows
    if rows.targets is None or case.labels.kind != "values" or case.network._output_activations[0] in REACH:
        return None
    size = float(np.sqrt((rows.targets**2).mean(axis=0)).max())
    spread = float(rows.targets.std(axis=0).max())
    if SMALL <= size <= LARGE_TARGETS or spread == 0:
        return None
    explained, error = case.explained(rows), np.inf
    if case.is_finite:
        error = float(np.abs((rows.targets - rows.predictions).mean(axis=0)).max() / spread)
    is_squared = case.training.loss in (None, "squared_error")
    is_learned = case.is_finite and (explained or 0) >= 0 and fall is None and not (is_squared and error > MEAN_ERROR)
    if is_learned:
        return None
    so_far = "and outputs are no finite numbers"
    if case.is_finite:
        so_far = f"and in the mean the outputs miss it by {percent(error)} of that"
    if explained is not None:
        so_far += f", with {of_variance(explained)} explained"
    message = (
        f"y has mean {float(rows.targets.mean()):.3g} and standard deviation {spread:.3g}, {so_far}. Scale y to mean 0 "
        "and standard deviation 1: TransformedTargetRegressor(model, transformer=StandardScaler()), or "
        "(y - y.mean()) / y.std()"
    )
    figures = {"mean": float(rows.targets.mean()), "std": spread, "mean_error": error, "explained": explained}
    return Finding("unscaled_targets", message, figures)


def class_imbalance(case):
    """Find rare classes that are hardly ever predicted."""
    rows, labels = case.rows, case.labels
    if rows.targets is None or not labels.are_classes or not case.is_finite:
        return None
    counts, found, names, n_classes = _by_class(case)
    n_rows = rows.X.shape[0]
    missed = (counts >= FEWEST_ROWS) & (counts < RARE * n_rows / n_classes) & (found < FOUND * counts)
    if not missed.any():
        return None
    some = [
        f"{names[k]!r}, {counts[k] / n_rows:.1%} of the rows, is predicted for {found[k]} of its {counts[k]}"
        for k in np.flatnonzero(missed)[:3]
    ]
    more = f", and {missed.sum() - 3} more" if missed.sum() > 3 else ""
    advice = "Use class_weight='balanced', or sample_weight, and measure by recall, not by accuracy"
    message = f"{'; '.join(some)}{more}. {advice}"
    figures = {"classes": [names[k] for k in np.flatnonzero(missed)], "rows": counts[missed].tolist()}
    return Finding("class_imbalance", message, {**figures, "found": found[missed].tolist()})


def _by_class(case):
    """Of each class, or each side of each label: its rows, how many of them are predicted, a name; how many compete."""
    labels, targets = case.labels, case.rows.targets == 1
    predicted = indicators(labels, case.rows.predictions) == 1
    if labels.kind == "multiclass":
        return targets.sum(axis=0), (targets & predicted).sum(axis=0), labels.classes.tolist(), targets.shape[1]
    counts = np.concatenate([(~targets).sum(axis=0), targets.sum(axis=0)])
    found = np.concatenate([(~targets & ~predicted).sum(axis=0), (targets & predicted).sum(axis=0)])
    if labels.kind == "binary":
        return counts, found, labels.classes.tolist(), 2
    numbers = range(targets.shape[1])
    return counts, found, [*(f"not label {k}" for k in numbers), *(f"label {k}" for k in numbers)], 2

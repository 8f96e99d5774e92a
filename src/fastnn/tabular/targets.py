"""What y and weights of a table are: labels as rows of one, numbers centred and scaled, a weight for each row.

Called by the estimators, which keep what is learned here; rows are named as the user has them.
"""

from numbers import Real

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from fastnn.checks import as_numbers, cast_finite, check_sample_weight
from fastnn.class_weights import row_weights
from fastnn.frames import is_absent
from fastnn.labels import Labels
from fastnn.sparse import is_sparse

#: A scale whose half is above 0.
SMALLEST = 1e-323

NO_Y = "{} requires y to be passed, but the target y is None"


def as_labels(y, argument="y"):
    """Return the labels of rows as a vector, none of them missing, all of one kind."""
    if is_sparse(y):
        raise TypeError(f"{argument} is a sparse matrix; pass a label a row, a dense vector")
    objects = y if isinstance(y, list | tuple) else None  # which NumPy makes strings of, if one is
    try:
        y = np.asarray(y)
    except ValueError as error:
        raise ValueError(f"{argument} cannot be made an array: {error}") from None
    if y.ndim == 2 and y.shape[1] > 1:
        raise ValueError(
            f"{argument} has {y.shape[1]} columns, several labels a row; fit an estimator for each column, for example "
            "by sklearn.multioutput.MultiOutputClassifier, or MLPClassifier, which takes several yes-or-no labels"
        )
    y = column_or_1d(y, warn=True)
    if y.dtype.kind == "O" or (y.dtype.kind in "US" and objects is not None):
        kinds = _kinds_of(argument, y.tolist() if y.dtype.kind == "O" else np.ravel(np.array(objects, object)).tolist())
        if y.dtype.kind == "O" and str not in kinds:
            y = np.array(y.tolist())
    elif y.dtype.kind in "fMm" and (absent := np.isnan(y) if y.dtype.kind == "f" else np.isnat(y)).any():
        _refuse_missing(argument, y[row := int(absent.argmax())], row)
    check_classification_targets(y)
    return y


def _kinds_of(argument, labels):
    """The types of labels, none of them missing and strings by themselves."""
    for row, label in enumerate(labels):
        if is_absent(label) or (isinstance(label, float) and label != label):
            _refuse_missing(argument, label, row)
    kinds = {type(label) for label in labels}
    if len(kinds) > 1 and any(issubclass(kind, str) for kind in kinds):
        named = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise TypeError(f"{argument} mixes labels of the types {named}; make them all of one, such as strings")
    return kinds


def _refuse_missing(argument, label, row):
    raise ValueError(f"Input {argument} contains NaN: {label} in row {row}; fill or drop rows without a label first")


def classes_of(y):
    """Return the labels there are, sorted, and the place of each row's."""
    if not len(y):
        raise ValueError("y has 0 sample(s), while a minimum of 1 is required")
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"y has one class alone, {classes.tolist()[0]!r}; a classifier needs samples of at least 2 classes"
        )
    return classes, codes


def codes_in(y, classes, argument):
    """Return the place of each row's label among those of y."""
    known = {label: place for place, label in enumerate(classes.tolist())}
    for row, label in enumerate(y.tolist()):
        if label not in known:
            raise ValueError(f"{argument} has the label {label!r} in row {row}, which y has not")
    return np.array([known[label] for label in y.tolist()], np.intp)


def rows_of_one(codes, n_classes):
    """Return the targets of a softmax, (n_rows, n_classes) float32."""
    return np.eye(n_classes, dtype=np.float32)[codes]


def as_groups(groups):
    """Return the group of each row by its number."""
    groups, known = np.asarray(groups), {}
    if groups.ndim != 1:
        raise ValueError(f"groups must be one label a row, got an array of shape {groups.shape}")
    for row, group in enumerate(labels := groups.tolist()):
        if is_absent(group) or group != group:
            raise ValueError(f"groups has {group} in row {row}; give each row a group, those without one their own")
    return np.array([known.setdefault(group, len(known)) for group in labels])


def as_columns(y, argument="y"):
    """Return numbers as a (n_rows, n_out) float64 array, each of them finite."""
    if getattr(getattr(y, "dtype", None), "kind", "") == "c":
        raise ValueError(f"Complex data not supported: {argument} must hold real numbers")
    try:
        y = as_numbers(argument, y)
    except TypeError as error:
        if np.asarray(y).dtype.kind not in "OSTU":
            raise
        raise TypeError(f"{error}; for classes: TabularClassifier") from None
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    if y.ndim not in (1, 2) or 0 in y.shape:
        raise ValueError(f"{argument} must be a number a row, or several in columns; got an array of shape {y.shape}")
    return cast_finite(argument, y if y.ndim == 2 else y[:, None], np.float64, lambda place: f"row {place[0]}")


def weights_of(sample_weight, n_rows, argument="sample_weight"):
    """Return a weight a row as shares of the largest, or None where all are the same; a number is for all rows."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_rows, sample_weight, np.float64)
    return check_sample_weight(sample_weight, n_rows, np.float64, argument)


def class_factors(class_weight, classes, codes, weight):
    """Return the factor of the rows of each class, (n_classes,), None for none."""
    if class_weight is None:
        return None
    labels, own = Labels("multiclass", classes), np.ones(len(codes)) if weight is None else weight
    if class_weight != "balanced":
        return row_weights(class_weight, labels, np.eye(len(classes)), None)
    weighed = row_weights(class_weight, labels, np.eye(len(classes), dtype=np.float32)[codes], own)
    total = np.bincount(codes, own, len(classes))
    return np.divide(np.bincount(codes, weighed, len(classes)), total, out=np.ones_like(total), where=total > 0)


def scale_of(y, weight):
    """Return where numbers lie, (n_out,) each: their mean, their deviation, and the lowest and highest.

    Each column is divided by a power of 2 on the way, as squares might be beyond all numbers.
    """
    exponent = np.frexp(np.abs(y).max(axis=0))[1]
    scaled = np.ldexp(y, -exponent)
    low, high = y.min(axis=0), y.max(axis=0)
    centre = np.average(scaled, axis=0, weights=weight)
    scale = np.sqrt(np.average((scaled - centre) ** 2, axis=0, weights=weight))
    scale[(low == high) | (scale == 0)] = 0.5
    return np.ldexp(centre, exponent), np.maximum(np.ldexp(scale, exponent), SMALLEST), (low, high)


def scaled(y, centre, scale):
    """Return what the network learns of numbers, (n_rows, n_out) float32; by halves, whose differences are in range."""
    return ((y / 2 - centre / 2) / (scale / 2)).astype(np.float32)

"""Weights of rows by their class: what ``class_weight`` means on both faces.

It knows classes by `fastnn.labels.Labels` and targets. Called by ``arguments`` and by the classifier; a row's weight is
then one weight, whatever it is made of.
"""

from collections.abc import Mapping

import numpy as np

from fastnn.checks import check_number


def check_class_weight(class_weight):
    """Refuse what is no class_weight: None, "balanced", or a dict of labels and their weights."""
    if class_weight is None or isinstance(class_weight, Mapping):
        return
    if class_weight != "balanced":
        raise ValueError(
            f"class_weight must be None, 'balanced' or a dict such as {{0: 1.0, 1: 10.0}}, got {class_weight!r:.60}"
        )


def row_weights(class_weight, labels, targets, sample_weight):
    """Return the weights of the rows, (n_samples,) of float64: those of their classes times their own.

    Parameters
    ----------
    class_weight : dict or "balanced"
        Label -> weight, 1 where a label is missing. As in scikit-learn a label that y has not is an error, unless all
        of y's are there: a fold may lack a rare class. "balanced", as there: with a row's own weight 1, the number of
        rows over the number of classes times that of the rows of the class (King and Zeng, 2001).
    labels : fastnn.labels.Labels
    targets : ndarray of shape (n_samples, n_out)
    sample_weight : ndarray of shape (n_samples,), or None
    """
    if labels.kind not in ("binary", "multiclass"):
        what = "several labels a row" if labels.kind == "multilabel" else "targets, and no class labels"
        raise ValueError(f"class_weight is for one class label a row, but y has {what}; use sample_weight")
    position = targets.argmax(axis=1) if labels.kind == "multiclass" else (targets[:, 0] > 0.5).astype(np.intp)
    own = np.ones(len(targets)) if sample_weight is None else sample_weight.astype(np.float64)
    if isinstance(class_weight, Mapping):
        of_class = _given(class_weight, labels.classes)
    else:
        total = np.bincount(position, own, minlength=len(labels.classes))
        of_class = np.divide(total.sum(), np.count_nonzero(total) * total, out=np.ones_like(total), where=total != 0)
    return of_class[position] * own


def _given(class_weight, classes):
    """The weight of each class. A label that is not there may be of other rows, if all those that are have a weight."""
    places = {label: place for place, label in enumerate(classes.tolist())}
    of_class = np.ones(len(classes))
    is_whole = places.keys() <= class_weight.keys()
    for label, weight in class_weight.items():
        if label in places:
            of_class[places[label]] = check_number(f"class_weight[{label!r}]", weight, low=0.0)
        elif not is_whole:
            some = ", ".join(map(repr, list(places)[:10])) + (", ..." if len(places) > 10 else "")
            raise ValueError(f"class_weight has the label {label!r}, which is not among those of y: {some}")
    return of_class

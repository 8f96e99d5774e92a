"""What ``heads`` makes of a regressor: its heads, the targets that it learns with their gaps, how outputs are read.

Called by MLPRegressor. A regressor predicts numbers: of classes, whose targets are 0 and 1, their probabilities.
"""

from dataclasses import replace

import numpy as np
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import validate_data

from fastnn.estimators._checks import check_sample_weight
from fastnn.heads import check_beside_heads, check_heads, for_gaps, objective_of
from fastnn.labels import Labels, default_output_activation, joint_labels
from fastnn.observed import HeadTargets, check_unmasked

#: That of the hidden layers does not say that of the outputs, as it does for `fastnn.train`.
HIDDEN = ("identity",)


def heads_of(estimator):
    """Return the estimator's heads, each with its output activation, or () if it has none."""
    if estimator.heads is None:
        return ()
    heads = check_heads(estimator.heads)
    own = ("loss", "output_activation", "huber_delta", "quantile")
    check_beside_heads(**{name: getattr(estimator, name) for name in own})
    for head in heads:
        if head.objective.quantiles:
            raise ValueError(
                f"{head!r} has several quantiles for a target, of which MLPRegressor predicts one number; give each "
                "quantile a head of its own, and the target a column for each; or use fastnn.train"
            )
    objective_of(heads)  # which refuses what cannot be learned
    return tuple(_with_activation(head) for head in heads)


def _with_activation(head):
    if head.output_activation is not None:
        return head
    activation = head.objective.output_activation
    activation = activation or default_output_activation(head.loss, HIDDEN, np.eye(head.n_outputs))
    return replace(head, output_activation=activation)


def check_targets(estimator, heads, X, y, incremental, reset):
    """Check X and y; return X, and a function of a dtype that gives the targets, NaN where none was observed."""
    X = validate_data(estimator, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=reset)
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None."
        )
    y = check_y(y, heads)
    check_consistent_length(X, y)
    return X, lambda dtype: HeadTargets(y, len(y), heads, HIDDEN, dtype, incremental).array


def advice_on_nan(error, y, loss):
    """Return what to do about what scikit-learn says of y, if some of its columns have gaps; else nothing."""
    n_targets = np.shape(y)[1] if np.ndim(y) == 2 else 0
    if "y contains NaN" not in str(error) or n_targets < 2:
        return ""
    return f"Fill or drop such rows, or {for_gaps(n_targets, loss)}."


def check_y(y, heads):
    """Return y as an array of numbers (n_samples, n_targets), which may be NaN."""
    n_targets = sum(head.n_targets for head in heads)
    if isinstance(y, list | tuple) and len(y) == len(heads) and any(np.size(entry) != n_targets for entry in y):
        raise ValueError(
            f"y is a {type(y).__name__} with an entry for each of {len(heads)} heads, which MLPRegressor takes "
            "side by side, in an array (n_samples, n_targets): numpy.column_stack(y)"
        )
    check_unmasked("y", y)
    y = check_array(y, ensure_2d=False, ensure_all_finite="allow-nan", dtype=(np.float64, np.float32), input_name="y")
    return y.reshape(len(y), -1)


def scored(y, values, sample_weight):
    """Return y and the weights of its rows, or None, that go with these predictions (n_samples, n_targets)."""
    check_consistent_length(values, y)
    if y.shape[1] != values.shape[1]:
        raise ValueError(
            f"y must have the {values.shape[1]} target columns of all heads side by side, its shape is {y.shape}"
        )
    weight, _ = check_sample_weight(sample_weight, y)
    if weight is not None and (weight < 0).any():
        raise ValueError(f"sample_weight[{int(np.argmax(weight < 0))}] is negative; weights must be at least 0")
    return y, weight


def labels_of(heads):
    """Return how outputs are read."""
    return Labels(
        "heads", heads=tuple((head.n_outputs, joint_labels(head.loss, 0) or Labels("values")) for head in heads)
    )


def values_of(labels, outputs):
    """Return a number for each target, (n_samples, n_targets); for targets as outputs have them, these themselves."""
    return np.column_stack(labels.decode(outputs))

"""What the estimators check of X, y and weights, and of the outputs, beyond what scikit-learn's functions do.

Called by the base of both estimators; each returns its argument as the engine takes it, or says what is wrong.
"""

import math
import re
from numbers import Integral, Real

import numpy as np
import scipy.sparse
from sklearn.base import is_classifier
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_array, column_or_1d

from fastnn.estimators._warnings import floating_point, warn
from fastnn.sparse import csr_in_order, with_entries


def as_data(X, dtype):
    """Checked X as the engine takes it: C-contiguous and aligned, or CSR, each row in the order of its columns."""
    if scipy.sparse.issparse(X):
        csr = csr_in_order("X", X)
        return with_entries(csr, np.require(csr.data, dtype, "CAE"))
    return np.require(X, dtype, "CAE")


def check_hidden_layer_sizes(sizes):
    """The units of each hidden layer, from a list of them, a number, or a string such as "64x32", as ints."""
    if isinstance(sizes, str):
        sizes = _sizes_in(sizes)
    sizes = list(sizes) if np.iterable(sizes) else [sizes]
    if not all(isinstance(size, Integral) and not isinstance(size, bool) for size in sizes):
        raise TypeError(f"hidden_layer_sizes must be integers, got {sizes}.")
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return [int(size) for size in sizes]


def _sizes_in(text):
    if not re.fullmatch(r"\s*[0-9]+\s*(x\s*[0-9]+\s*)*", text):
        raise ValueError(
            "hidden_layer_sizes as a string is the units of each hidden layer with an x between them, such as '64x32' "
            f"or '100', got {text!r:.60}; for no hidden layers pass ()"
        )
    return [int(size) for size in text.split("x")]


def as_vector(y):
    """Return y, a vector if it is a single column, of which scikit-learn warns."""
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y)
        warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of y to (n_samples, ), "
            "for example using ravel().",
            DataConversionWarning,
        )
    return y


def point_to_tables(error, estimator, X):
    """Note beside what scikit-learn says of text and gaps who takes them."""
    message = str(error)
    is_text = "could not convert string" in message
    if is_text and np.asarray(X).dtype.kind not in "OSTU":
        error.add_note("y is text; for classes: fastnn.MLPClassifier.")
    elif is_text or "Input X contains NaN" in message or "NAType" in message:
        kind = "TabularClassifier" if is_classifier(estimator) else "TabularRegressor"
        error.add_note(f"fastnn.{kind} takes text, categories, dates and gaps as they are.")


def told_of_overflow(outputs, X, network, sums_are_finite):
    """Return the outputs, with a warning if they, or their sums, are not finite though X and the weights are."""
    is_bad = ~np.isfinite(outputs).all(axis=1)
    if sums_are_finite and not is_bad.any():
        return outputs
    of_sums = not is_bad.any()  # which the activation has made 0 or 1
    inputs = X if of_sums else X[is_bad]
    if scipy.sparse.issparse(inputs):
        inputs = inputs.data
    if np.isfinite(inputs).all() and np.isfinite(network.parameters).all():
        what = f"outputs for {np.count_nonzero(is_bad)} of {len(is_bad)} rows"
        if of_sums:
            what = "sums of the last layer for some rows, whose outputs mean nothing,"
        floating_point(
            f"The {what} are beyond the range of {network.dtype}: X or the weights are too large; scale X as it was "
            "for fit",
            "over",
            "invalid",
        )
    return outputs


def too_large(hidden):
    if not hidden:
        return "not enough memory for the network and its training"
    place = int(np.argmax(hidden))
    return (
        f"not enough memory for the network and its training: it has {hidden[place]} units in "
        f"hidden_layer_sizes[{place}]; use fewer"
    )


def check_labels(labels, n):
    """The labels of a network that was built by hand: n of them, sorted."""
    labels = np.asarray(labels)
    if labels.shape != (n,) or (labels[:-1] >= labels[1:]).any():
        raise ValueError(f"classes_ must be {n} labels, sorted and distinct, for the outputs there are; got {labels!r}")
    return labels


def check_n_inputs(n_inputs, network):
    if n_inputs != network.layer_sizes[0]:
        raise ValueError(f"X has {n_inputs} features, but coefs_[0] has {network.layer_sizes[0]} rows")


def check_sample_weight(sample_weight, X):
    """One finite weight per row of X, not all of them 0, and their unit: a power of 2, so that the largest is near 1.

    A number is for all rows; None stays None.
    """
    if sample_weight is None:
        return None, 1.0
    if isinstance(sample_weight, Real):
        sample_weight = np.full(X.shape[0], sample_weight)
    weight = check_array(sample_weight, ensure_2d=False, dtype=[np.float64, np.float32], input_name="sample_weight")
    if weight.ndim != 1:
        raise ValueError(
            f"Sample weights must be 1D array or scalar, got {weight.ndim}D array. Expected either a scalar value or a "
            f"1D array of length {X.shape[0]}."
        )
    if weight.shape != (X.shape[0],):
        raise ValueError(f"sample_weight.shape == {weight.shape}, expected {(X.shape[0],)}!")
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    exponent = int(np.frexp(np.abs(weight).max())[1])
    return np.ldexp(weight.astype(np.float64), -exponent), math.ldexp(1.0, exponent)


def check_penalty(alpha, weight, unit, dtype):
    """Refuse weights so small that alpha over their sum is beyond the dtype."""
    total = float(weight.sum())
    if total and alpha / unit / abs(total) > float(np.finfo(dtype).max):
        raise ValueError(
            f"sample_weight sums to {total * unit:g}, and the penalty is alpha over that: with alpha={alpha} it is "
            f"beyond the range of {dtype}. Scale the weights so that their mean is about 1, or set alpha=0."
        )

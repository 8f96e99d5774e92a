"""How large the columns of X and y are, as a network sees them; asked by what warns of a training, and by ``doctor``.

The root mean square of a column counts, its mean included: the first layer multiplies what it gets, and a column of
years is as large to it as their number. Nothing is asked while a training goes well.
"""

import numpy as np

from fastnn.sparse import is_sparse

#: Beyond this root mean square a column is called large. One column of wine times 30 brought MLPClassifier with its
#: defaults from 0.99 of the variance explained to 0.53, times 20 to 0.93; gradient descent at 0.1 diverges at 30 to 50.
#: Pixels of 0 to 16, root mean square 13, and iris as it is, 6, are learned.
LARGE = 30.0

#: Likewise of a column of y.
LARGE_TARGETS = 10.0

#: How many rows a warning looks at.
N_ROWS = 100


def root_mean_squares(X):
    """Return the root mean square of each column of an array or of CSR rows, (n_in,), in float64."""
    if is_sparse(X):
        entries, columns = np.abs(X.data, dtype=np.float64), X.indices[: len(X.data)]
        largest = np.zeros(X.shape[1])
        np.maximum.at(largest, columns, entries)
        unit = np.where(largest > 0, largest, 1.0)  # squares of shares cannot overflow
        squares = np.bincount(columns, (entries / unit[columns]) ** 2, minlength=X.shape[1])
    else:
        largest = np.abs(X).max(axis=0).astype(np.float64)
        unit = np.where(largest > 0, largest, 1.0)
        squares = ((X / unit) ** 2).sum(axis=0)
    return unit * np.sqrt(squares / X.shape[0])


def large_columns(X):
    """Return the numbers of the columns of X that are large, the largest first, and the root mean squares of all."""
    sizes = root_mean_squares(X)
    order = np.argsort(-sizes, kind="stable")
    return order[sizes[order] > LARGE], sizes


def unscaled_in_words(X, feature_names=None, rows=None):
    """Say for a warning that X, or these rows of it, is not scaled, by some of its rows; "" where it is."""
    if rows is not None:
        X = X[rows if is_sparse(X) else rows[:: max(len(rows) // N_ROWS, 1)]]
    step = max(X.shape[0] // N_ROWS, 1)
    entries = X.data[: X.indptr[min(N_ROWS, X.shape[0])]] if is_sparse(X) else X[::step]
    if entries.size == 0 or (entries.max() <= LARGE and entries.min() >= -LARGE):
        return ""
    large, sizes = large_columns(X[::step][:N_ROWS])
    if len(large) == 0:
        return ""
    return (
        f"X is not scaled: {column_in_words(large[0], feature_names)} has a root mean square of {sizes[large[0]]:.3g}, "
        f"where {LARGE:g} is large for a network"
    )


def targets_in_words(y, rows=None):
    """Say for a warning that numbers to learn, (n_rows, n_out), are not scaled, by some of them, likewise; or ""."""
    if rows is not None:
        y = y[rows[:: max(len(rows) // N_ROWS, 1)]]
    size = root_mean_squares(y[:: max(len(y) // N_ROWS, 1)]).max()
    if not LARGE_TARGETS < size < np.inf:
        return ""
    return (
        f"y is not scaled: its root mean square is {size:.3g}, where {LARGE_TARGETS:g} is large for a network; fit "
        "TransformedTargetRegressor(model, transformer=StandardScaler())"
    )


def column_in_words(column, feature_names=None):
    """Name a column, by its number where it has no name."""
    return f"column {int(column)}" if feature_names is None else f"column {feature_names[column]!r}"

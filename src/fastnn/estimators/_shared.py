"""What is the same for several fits on one X: checked once, cast once a dtype; and rows of it, which are not copied.

``fit_many`` makes a `Shared` of X, and hands each estimator a `Chosen` in its place; whatever is not plainly so it fits
as it is, on a copy of its rows. Called by the base of the estimators, which finds in it what ``validate_data`` returns.
"""

import copy

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import validate_data

from fastnn.estimators._checks import as_data, point_to_tables
from fastnn.state import OTHER_SOLVERS
from fastnn.training.passes import Samples

DTYPES = (np.float64, np.float32)


class Shared:
    """X of several fits; a ValueError or TypeError if it is none.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features)

    Attributes
    ----------
    checked : ndarray or CSR matrix
        As ``validate_data`` returns it.
    names : ndarray of str, or None
        Of its columns.
    """

    def __init__(self, X):
        reader = BaseEstimator()
        self.given, self.checked = X, validate_data(reader, X, accept_sparse="csr", dtype=DTYPES)
        self.names = getattr(reader, "feature_names_in_", None)
        self._data, self._targets = {}, {}
        self.data(self.checked.dtype)

    def data(self, dtype):
        """X as the engine takes it."""
        if dtype not in self._data:
            self._data[dtype] = as_data(self.checked, dtype)
        return self._data[dtype]

    def targets(self, y, is_classifier, is_kept):
        """Return the `Targets` of y, which are kept for whoever has the same y; None if y is not plainly fit for X."""
        key = id(y), is_classifier
        if key in self._targets:
            return self._targets[key]
        try:
            found = Targets(y, is_classifier, self.checked.shape[0])
        except (TypeError, ValueError):
            found = None
        if is_kept:
            self._targets[key] = found
        return found


class Targets:
    """y of several fits, checked; the labels in it.

    Parameters
    ----------
    y : array-like
    is_classifier : bool
    n_rows : int
        A ValueError if y has another number.
    """

    def __init__(self, y, is_classifier, n_rows):
        self.y = validate_data(BaseEstimator(), y=y, multi_output=True, y_numeric=not is_classifier)
        if scipy.sparse.issparse(self.y) or len(self.y) != n_rows:
            raise ValueError("no rows of X, or none that can be chosen")
        self._binarizer = self._position = None
        if is_classifier and self.y.ndim == 1:
            classes, self._position = np.unique(self.y, return_inverse=True)
            if self._are_labels(classes, self.y):
                self._binarizer = LabelBinarizer().fit(self.y)

    @staticmethod
    def _are_labels(classes, y):
        """Whether scikit-learn would not warn that these look like numbers."""
        return 2 * len(classes) < len(y)

    def binarizer(self, y, rows):
        """Return what ``LabelBinarizer().fit(y)`` does, for these rows."""
        whole = self._binarizer
        if whole is not None and rows is not None:
            counts = np.bincount(self._position[rows], minlength=len(whole.classes_))
            whole = whole if counts.all() and self._are_labels(counts, rows) else None
        if whole is None:
            return LabelBinarizer().fit(y)
        own = copy.copy(whole)
        own.classes_ = whole.classes_.copy()
        return own


class Chosen:
    """X of one fit, in place of an array: the shared one, or rows of it.

    Parameters
    ----------
    shared : Shared
    targets : Targets
    rows : ndarray of intp, or None
    """

    def __init__(self, shared, targets, rows):
        self.shared, self.targets, self.rows = shared, targets, rows
        n_rows, n_features = shared.checked.shape
        self.shape, self.dtype = (n_rows if rows is None else len(rows), n_features), shared.checked.dtype

    def taken_by(self, estimator):
        """Set what ``validate_data`` sets, and return y."""
        estimator.n_features_in_ = self.shape[1]
        if self.shared.names is not None:
            estimator.feature_names_in_ = self.shared.names.copy()
        elif hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
        return self.targets.y if self.rows is None else self.targets.y[self.rows]

    def samples(self, targets, weight, unit):
        """Return the Samples of these targets and weights, which have an entry for each row that was chosen."""
        data = self.shared.data(targets.dtype)
        return Samples(data, self._spread(targets), self._spread(weight), self.rows, unit, self.rows)

    def _spread(self, values):
        """Values of the rows, each at the place of its row."""
        if self.rows is None or values is None:
            return values
        spread = np.zeros((self.shared.checked.shape[0], *values.shape[1:]), values.dtype)
        spread[self.rows] = values
        return spread


def is_plain(estimator, rows):
    """Whether a fit of an estimator would ask X for nothing but its checks and, if it learns from some, its rows."""
    methods = (type(estimator).fit, type(estimator)._train, type(estimator)._check_targets)
    is_own = all(method.__module__.startswith("fastnn.") for method in methods)
    goes_on = estimator.warm_start and hasattr(estimator, "coefs_")
    is_one = getattr(estimator, "n_members", 1) in (1, None)
    if not (is_own and is_one) or goes_on or getattr(estimator, "heads", None) is not None:
        return False
    return rows is None or not (
        estimator.solver in OTHER_SOLVERS
        or estimator.warm_start == "solver"
        or estimator.checkpoint is not None
        or estimator.track is not None
        or estimator.scoring not in (None, "loss")
        or "_skl_callbacks" in vars(estimator)
    )


def validated(estimator, X, y, reset, **options):
    """``validate_data``, or what it would find."""
    if isinstance(X, Chosen):
        return X, X.taken_by(estimator)
    options = {"accept_sparse": "csr", "multi_output": True, "dtype": DTYPES, **options}
    try:
        return validate_data(estimator, X, y, reset=reset, **options)
    except (TypeError, ValueError) as error:
        point_to_tables(error, estimator, X)
        raise


def binarizer_of(X, y):
    """Return a LabelBinarizer that knows the labels in y."""
    return X.targets.binarizer(y, X.rows) if isinstance(X, Chosen) else LabelBinarizer().fit(y)


def samples_of(X, targets, weight, unit):
    """Return the Samples of a fit."""
    if isinstance(X, Chosen):
        return X.samples(targets, weight, unit)
    return Samples(as_data(X, targets.dtype), targets, weight, weight_unit=unit)


def given_of(X):
    """Return X as the user gave it."""
    return X.shared.given if isinstance(X, Chosen) else X


def checked_of(X):
    """Return all rows of the X that was checked."""
    return X.shared.checked if isinstance(X, Chosen) else X

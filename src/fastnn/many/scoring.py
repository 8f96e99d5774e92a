"""Scores of the fits of a cross-validation, as scikit-learn's own functions would give them, on any thread.

Its accuracy looks for what kind of labels these are for longer than a small network predicts them; where that is plain,
labels are compared at once. Called by ``cross_validation``.
"""

import time
from contextlib import suppress
from traceback import format_exception

import numpy as np
from sklearn import config_context, get_config
from sklearn.base import ClassifierMixin
from sklearn.model_selection._validation import _score
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples


class Scoring:
    """Scores fits; what is the same for all of a fold, the rows to score by, is made once.

    Parameters
    ----------
    X, y : array-like
        All rows.
    splits : list of (train, test)
    scorer : callable
        One of scikit-learn's, or a user's function.
    weighed : dict
        What the scorer is handed beside the rows, of all rows.
    error_score : "raise" or float
    with_train : bool
        Whether to score by the rows that were learned from, too.
    is_own : bool
        Whether the score is the estimator's own.
    """

    def __init__(self, X, y, splits, scorer, weighed, error_score, with_train, is_own):
        self._scorer, self._error_score, self._config = scorer, error_score, get_config()
        self._is_own = is_own and not weighed
        self._parts = {"test": [_rows(X, y, weighed, test) for _, test in splits]}
        if with_train:
            self._parts["train"] = [_rows(X, y, weighed, train) for train, _ in splits]

    def __call__(self, fit):
        """Return what scikit-learn's functions call the result of a fit."""
        result = {"fit_error": None, "fit_time": fit.seconds, "score_time": 0.0}
        result["n_test_samples"] = _num_samples(self._parts["test"][fit.fold][1])
        if fit.error is not None:
            result["fit_error"] = "".join(format_exception(fit.error))
            return result | {f"{which}_scores": self._failed() for which in self._parts}
        with config_context(**self._config):  # a thread has its own
            for which, parts in self._parts.items():
                start = time.perf_counter()
                result[f"{which}_scores"] = self._score(fit, *parts[fit.fold])
                if which == "test":
                    result["score_time"] = time.perf_counter() - start
        return result

    def _score(self, fit, X, y, weighed):
        if self._is_own and _is_plain(fit.network, y):
            with suppress(Exception):  # of which scikit-learn's own way tells, or makes the error's score
                return float(np.average(fit.model.predict(X) == y))
        return _score(fit.model, X, y, self._scorer, weighed, self._error_score)

    def _failed(self):
        names = getattr(self._scorer, "_scorers", None)
        return self._error_score if names is None else dict.fromkeys(names, self._error_score)


def _rows(X, y, weighed, rows):
    taken = {name: _safe_indexing(value, rows) for name, value in weighed.items()}
    return _safe_indexing(X, rows), _safe_indexing(y, rows), taken


def _is_plain(network, y):
    """Whether its score is the share of labels that are right, and these are whole numbers or words."""
    is_accuracy = type(network).score is ClassifierMixin.score and "score" not in vars(network)
    return is_accuracy and type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in "biuU"

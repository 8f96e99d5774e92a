"""How good answers are, gathered piece by piece: of classes and of numbers, beside what a constant answer would give.

Called by ``evaluate``. Only targets and answers are kept, not the table: 8 bytes a number, 4 a class's probability.
"""

import numpy as np
from sklearn.metrics import confusion_matrix, mean_absolute_error, median_absolute_error, r2_score, roc_auc_score

#: Beyond so many probabilities, 800 MB, the area under the curve is not measured.
MOST_KEPT = 2 * 10**8
TINY = np.finfo(np.float64).eps


class OfClasses:
    """Scores of a classifier; `add` takes the number of each row's class, and the probabilities of all classes."""

    def __init__(self, classes):
        self.classes = classes
        self._codes, self._predicted, self._probabilities = [], [], []
        self._log_loss = self._n = 0

    def add(self, codes, predicted, probabilities):
        """Add rows: the places of their classes and of those predicted among `classes`, and (n, n_classes) shares."""
        own = probabilities[np.arange(len(codes)), codes]
        self._log_loss -= float(np.log(np.clip(own, TINY, 1.0)).sum())
        self._n += len(codes)
        self._codes.append(codes.astype(np.int32))
        self._predicted.append(predicted.astype(np.int32))
        if self._n * len(self.classes) <= MOST_KEPT:
            kept = probabilities[:, 1] if len(self.classes) == 2 else probabilities
            self._probabilities.append(kept.astype(np.float32))
        else:
            self._probabilities.clear()

    def result(self):
        """Return scores, those of a constant answer, and the confusions, as dicts and lists."""
        codes, predicted = np.concatenate(self._codes), np.concatenate(self._predicted)
        counts = confusion_matrix(codes, predicted, labels=np.arange(len(self.classes)))
        n_of = counts.sum(axis=1)
        met = n_of > 0
        shares = n_of[met] / n_of.sum()
        scores = {
            "accuracy": float(counts.trace() / counts.sum()),
            "balanced_accuracy": float((counts.diagonal()[met] / n_of[met]).mean()),
            "log_loss": self._log_loss / self._n,
            "auc": self._area(codes, met),
        }
        constant = {
            "accuracy": float(shares.max()), "balanced_accuracy": 1 / int(met.sum()),
            "log_loss": float(shares @ -np.log(shares)), "auc": 0.5,
        }  # fmt: skip
        return scores, constant, counts.tolist()

    def _area(self, codes, met):
        """Under the curve: of two classes, or the mean of each against the others; None where one is not met."""
        if not self._probabilities or not met.all():
            return None
        probabilities = np.concatenate(self._probabilities).astype(np.float64)
        if probabilities.ndim == 1:
            return float(roc_auc_score(codes, probabilities))
        return float(np.mean([roc_auc_score(codes == k, column) for k, column in enumerate(probabilities.T)]))


class OfNumbers:
    """Scores of a regressor; `add` takes numbers, those predicted, and the bounds of 90 % intervals, if there are."""

    def __init__(self):
        self._y, self._predicted, self._within, self._width = [], [], 0, 0.0

    def add(self, y, predicted, bounds=None):
        """Add rows, a number each."""
        self._y.append(y)
        self._predicted.append(predicted)
        if bounds is not None:
            low, high = bounds
            self._within += int(((low <= y) & (y <= high)).sum())
            self._width += float((high - low).sum())

    def result(self):
        """Return scores, those of the mean of these numbers, and the share and width of intervals (None without)."""
        y, predicted = np.concatenate(self._y), np.concatenate(self._predicted)
        intervals = None
        if self._width:
            intervals = {"asked": 0.9, "coverage": self._within / len(y), "mean_width": self._width / len(y)}
        return _of_numbers(y, predicted), _of_numbers(y, np.full(len(y), y.mean())), intervals


def _of_numbers(y, predicted):
    return {
        "r2": float(r2_score(y, predicted)) if len(y) > 1 else None,
        "rmse": float(np.sqrt(np.mean((y - predicted) ** 2))),
        "mae": float(mean_absolute_error(y, predicted)),
        "median_absolute_error": float(median_absolute_error(y, predicted)),
    }

"""What the labels of a classifier are: read off y or an estimator built by hand, as targets, and back from outputs.

The part of `MLPClassifier` that knows no X and does not train.
"""

import numpy as np
import scipy.sparse
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import LabelBinarizer

from fastnn.estimators._checks import check_labels
from fastnn.labels import Labels, decode, rows_of_one, takes_signs, threshold_of


class Labelled:
    """Its state is `classes_` and `_label_binarizer`, as scikit-learn's, of which either may be set by hand."""

    def _reading(self, n_outputs):
        """What y was, whatever the output activation is now, and the labels.

        "binary", "multiclass" or "multilabel"; of a network built by hand, what its outputs look like. The labels are
        None if it has none.
        """
        binarizer = self.__dict__.get("_label_binarizer")
        if binarizer is not None:
            return binarizer.y_type_.removesuffix("-indicator"), binarizer.classes_
        labels = getattr(self, "classes_", None)
        if n_outputs == 1:
            kind, n_labels = "binary", 2
        else:
            kind, n_labels = "multilabel" if self.out_activation_ == "logistic" else "multiclass", n_outputs
        return kind, None if labels is None else check_labels(labels, n_labels)

    def _complete_labels(self):
        """Make classes_ of _label_binarizer, or the other way round, where one of them was set by hand."""
        if not hasattr(self, "classes_"):
            if hasattr(self, "_label_binarizer"):
                self.classes_ = self._label_binarizer.classes_
        elif not hasattr(self, "_label_binarizer"):
            n_outputs = len(self.intercepts_[-1]) if hasattr(self, "intercepts_") else 1
            kind, labels = self._reading(n_outputs)
            self._label_binarizer = LabelBinarizer().fit(
                np.eye(n_outputs, dtype=int) if kind == "multilabel" else labels
            )

    def _decode(self, outputs):
        """The labels of outputs, or of targets; those of several labels a row as an array of 0 and 1."""
        kind, labels = self._reading(outputs.shape[1])
        if labels is None:
            raise NotFittedError(
                f"this {type(self).__name__} has weights, but no labels: set classes_ or _label_binarizer, or use "
                "predict_proba"
            )
        return decode(kind, outputs, labels, threshold_of(self.loss))

    def _check_classes(self, classes):
        """Training that goes on has the labels it began with: a warm start all of them, partial_fit no other."""
        if self.warm_start:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                    f"Previously got {self.classes_}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}. "
                "extend_classes=True takes them in partial_fit."
            )

    def _check_known(self, y):
        """Refuse labels that training has not, or has in another form."""
        kind = self._label_binarizer.y_type_
        is_multilabel = kind.startswith("multilabel")
        if is_multilabel != (y.ndim == 2):
            raise ValueError(f"y_val is of shape {y.shape}, but the y that is learned is {kind}")
        if is_multilabel:
            if y.shape[1] != len(self.classes_):
                raise ValueError(f"y_val has {y.shape[1]} columns, y has {len(self.classes_)}")
        elif len(unknown := np.setdiff1d(y, self.classes_)):
            raise ValueError(f"y_val has the labels {unknown}, which are not among those of y, {self.classes_}")

    def _encode(self, y, dtype):
        kind = self._label_binarizer.y_type_
        if kind.startswith("multilabel"):
            y = y.toarray() if scipy.sparse.issparse(y) else y
            return self._coded(np.ascontiguousarray(y != 0, dtype))
        classes = self._label_binarizer.classes_
        position = np.searchsorted(classes, y)
        if kind == "binary":
            return self._coded(position.astype(dtype).reshape(-1, 1))
        targets = np.zeros((len(y), len(classes)), dtype)
        targets[np.arange(len(y)), position] = 1
        return self._coded(targets)

    def _plain_targets(self, y, dtype):
        """The targets of a vector of labels that are all known; None for whatever is not plainly that."""
        classes = self.classes_
        if y.dtype != classes.dtype or y.dtype.kind not in "iubU":
            return None
        kind, position = self._label_binarizer.y_type_, classes[:-1].searchsorted(y)
        if kind not in ("binary", "multiclass") or not (classes[position] == y).all():
            return None
        if kind == "binary":
            return self._coded(position.astype(dtype).reshape(-1, 1))
        return self._coded(rows_of_one(len(classes), dtype).take(position, axis=0))

    def _coded(self, targets):
        """Indicators as the targets of the loss."""
        return 2 * targets - 1 if takes_signs(self.loss) else targets

    def _labels(self):
        n_outputs = self.n_outputs_ if hasattr(self, "n_outputs_") else len(self.intercepts_[-1])
        kind, classes = self._reading(n_outputs)
        threshold = threshold_of(self.loss)
        if classes is None:
            return Labels("values")
        if kind == "multilabel":
            return Labels(kind, threshold=threshold)
        if kind == "multiclass" or n_outputs > 1:
            return Labels("multiclass", classes, threshold)
        return Labels("binary", classes if len(classes) == 2 else classes.repeat(2), threshold)

    def _strata(self, targets):
        return self._decode(targets) if self.n_outputs_ == 1 else None

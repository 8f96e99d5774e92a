"""MLPClassifier: labels to targets and back."""

import numpy as np
import scipy.sparse
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import type_of_target, unique_labels
from sklearn.utils.validation import validate_data

from fastnn.estimators._base import MultilayerPerceptron, by_batches
from fastnn.estimators._parameters import documented
from fastnn.labels import Labels


@documented
class MLPClassifier(ClassifierMixin, MultilayerPerceptron):
    """A multi-layer perceptron classifier: scikit-learn's, many times faster.

    It minimizes the log-loss, under softmax outputs for three classes or more, a logistic output for two, and one per
    label where y is an indicator matrix. Parameters, attributes and, for the same `random_state`, the numbers are those
    of ``sklearn.neural_network.MLPClassifier``.

    Parameters
    ----------
    <parameters>

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    <attributes>

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from fastnn import MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=0)
    >>> classifier = MLPClassifier((30,), learning_rate_init=0.01, random_state=0).fit(X_train, y_train)
    >>> classifier.predict(X_test[:5])
    array([2, 8, 2, 6, 6])
    >>> classifier.score(X_test, y_test) > 0.95
    True
    """

    loss = "log_loss"

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
    ):
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
        )

    @by_batches
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Train for one pass over X and y, going on from where training is.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
        classes : array-like of shape (n_classes,), default=None
            All labels there will be; needed in the first call.

        Returns
        -------
        self

        Raises
        ------
        AttributeError
            For ``solver="lbfgs"``.
        ValueError
            If arguments do not fit, or with early stopping.
        """
        if classes is None and getattr(self, "classes_", None) is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if classes is not None:
            labels = unique_labels(classes)
            if getattr(self, "classes_", None) is None:
                self.classes_ = labels
                is_multilabel = type_of_target(y).startswith("multilabel")
                self._label_binarizer = LabelBinarizer().fit(y if is_multilabel else classes)
            elif not np.array_equal(self.classes_, labels):
                raise ValueError(
                    f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
                )
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X):
        """Return the labels of the rows of X.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,), or (n_samples, n_outputs) of 0 and 1 for several labels
        """
        outputs = self._outputs(X)
        if self.out_activation_ == "softmax":
            return self.classes_.take(outputs.argmax(axis=1))
        if outputs.shape[1] == 1:
            return self.classes_.take(outputs[:, 0] > 0.5, mode="clip")  # there may be a single class
        indicator = (outputs > 0.5).astype(int)
        is_sparse = hasattr(self, "_label_binarizer") and self._label_binarizer.sparse_input_
        return scipy.sparse.csr_matrix(indicator) if is_sparse else indicator

    def predict_proba(self, X):
        """Return the probabilities of the labels for the rows of X.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
        """
        outputs = self._outputs(X)
        return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs

    def predict_log_proba(self, X):
        """Return the logarithms of `predict_proba`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
        """
        probabilities = self.predict_proba(X)
        return np.log(probabilities, out=probabilities)

    def _check_targets(self, X, y, incremental, reset):
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._check_classes(unique_labels(y))
        return X, lambda dtype: self._encode(y, dtype)

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
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )

    def _encode(self, y, dtype):
        kind = self._label_binarizer.y_type_
        if kind.startswith("multilabel"):
            y = y.toarray() if scipy.sparse.issparse(y) else y
            return np.ascontiguousarray(y, dtype)
        position = np.searchsorted(self.classes_, y)
        if kind == "binary":
            return position.astype(dtype).reshape(-1, 1)
        targets = np.zeros((len(y), len(self.classes_)), dtype)
        targets[np.arange(len(y)), position] = 1
        return targets

    def _output_activation(self):
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    def _labels(self):
        classes = self.classes_
        if self.out_activation_ == "softmax":
            return Labels("multiclass", classes)
        if getattr(self, "n_outputs_", len(self.classes_) - 1) > 1:
            return Labels("multilabel")
        return Labels("binary", classes if len(classes) == 2 else classes.repeat(2))

    @property
    def _is_stratified(self):
        return self.n_outputs_ == 1

    def _score_outputs(self, outputs, targets, sample_weight):
        if self.out_activation_ == "softmax":
            is_right = outputs.argmax(axis=1) == targets.argmax(axis=1)
        else:
            is_right = ((outputs > 0.5) == (targets > 0.5)).all(axis=1)
        return float(np.average(is_right, weights=sample_weight))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

"""MLPClassifier: its parameters, what it predicts, and classes as weights of rows."""

from dataclasses import replace
from numbers import Real
from typing import ClassVar

import numpy as np
import scipy.sparse
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target, unique_labels

from fastnn.class_weights import row_weights
from fastnn.estimators._base import MultilayerPerceptron, by_batches
from fastnn.estimators._checks import as_vector, check_sample_weight
from fastnn.estimators._extended import extend
from fastnn.estimators._labelled import Labelled
from fastnn.estimators._parameters import CLASSIFIER_LOSSES, CONSTRAINTS, documented
from fastnn.estimators._quick import quickly
from fastnn.estimators._scores import accuracy_of
from fastnn.estimators._shared import binarizer_of, validated
from fastnn.estimators._warnings import floating_point
from fastnn.keywords import answered
from fastnn.labels import Labels, check_smoothing, smooth, takes_signs, threshold_of


def _has_margins(estimator):
    return takes_signs(estimator.loss)


def _has_probabilities(estimator):
    if takes_signs(estimator.loss):
        raise AttributeError(
            f"loss={estimator.loss!r} gives no probabilities; use decision_function, or loss='log_loss' or 'focal'"
        )
    return True


@documented
class MLPClassifier(ClassifierMixin, Labelled, MultilayerPerceptron):
    """A multi-layer perceptron classifier: scikit-learn's, many times faster.

    It minimizes the log-loss, under softmax outputs for three classes or more, a logistic output for two, and one per
    label where y is an indicator matrix; or another loss where one is asked for. Parameters, attributes and, for the
    same `random_state`, the numbers are those of ``sklearn.neural_network.MLPClassifier``.

    Parameters
    ----------
    <parameters>
    class_weight : dict or "balanced", default=None
        Weights of the labels, 1 for those that are missing, times `sample_weight`, in the score of early stopping too.
        "balanced": n_samples over the number of classes times the rows of the class. Where y has one label a row.
    label_smoothing : float, default=0.0
        With s for it, of K classes the targets are y (1 - s) + s / K; K is 2 where a label is a yes or no.
    loss : {"log_loss", "hinge", "squared_hinge", "focal"}, default="log_loss"
        "hinge" is max(0, 1 - y h) of targets -1 and 1 and an identity output, or one for each of three classes or more
        against the rest; "squared_hinge" its square. They give no probabilities, but a `decision_function`. "focal" is
        the log-loss times (1 - p) ** focal_gamma, p the probability of the true class (Lin et al., 2017).
    focal_gamma : float, default=2.0
        At least 0. Of "focal": the larger, the less rows count that are right already.
    extend_classes : bool, default=False
        Whether `partial_fit` takes labels that it has not seen, and needs no `classes` in its first call. Outputs are
        added, whose weights are drawn as those of a start, and `classes_` stays sorted; what was learned of the labels
        before stays: their probabilities keep their ratios. Where y has one class label a row.
    <members>

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

    A class that counts three times, and targets short of certainty:

    >>> classifier = MLPClassifier((30,), class_weight={8: 3.0}, label_smoothing=0.1, tol=0.01, random_state=0)
    >>> classifier.fit(X_train, y_train).score(X_test, y_test) > 0.9
    True
    """

    _parameter_constraints: ClassVar = {
        **CONSTRAINTS,
        **CLASSIFIER_LOSSES,
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "extend_classes": ["boolean"],
    }

    loss = "log_loss"  # of an estimator that an older fastnn pickled

    @answered
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
        weight_decay=None,
        l1=0.0,
        max_grad_norm=None,
        max_norm=None,
        frozen=None,
        layer_rates=None,
        mu=1e-3,
        mu_inc=10.0,
        mu_dec=0.1,
        dropout=0.0,
        input_dropout=0.0,
        bias=True,
        output_activation=None,
        scoring=None,
        max_time=None,
        track=None,
        callback=None,
        progress=False,
        checkpoint=None,
        checkpoint_every=None,
        class_weight=None,
        label_smoothing=0.0,
        loss="log_loss",
        focal_gamma=2.0,
        extend_classes=False,
        n_members=1,
        bootstrap=False,
    ):
        MultilayerPerceptron.__init__(  # by name: of a subclass of this and scikit-learn's, `super` is the latter
            self,
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
            weight_decay=weight_decay,
            l1=l1,
            max_grad_norm=max_grad_norm,
            max_norm=max_norm,
            frozen=frozen,
            layer_rates=layer_rates,
            mu=mu,
            mu_inc=mu_inc,
            mu_dec=mu_dec,
            dropout=dropout,
            input_dropout=input_dropout,
            bias=bias,
            class_weight=class_weight,
            label_smoothing=label_smoothing,
            output_activation=output_activation,
            scoring=scoring,
            max_time=max_time,
            track=track,
            callback=callback,
            progress=progress,
            checkpoint=checkpoint,
            checkpoint_every=checkpoint_every,
            loss=loss,
            focal_gamma=focal_gamma,
            extend_classes=extend_classes,
            n_members=n_members,
            bootstrap=bootstrap,
        )

    @by_batches
    @quickly
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Train for one pass over X and y, going on from where training is.

        Penalties, rules of the step, dropout and what is frozen are those of each call; solver, its constants and its
        rate those that training began with, as in scikit-learn.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
        classes : array-like of shape (n_classes,), default=None
            All labels there will be; needed in the first call, unless ``extend_classes=True``.

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
        self._complete_labels()
        if self.extend_classes:
            return self._fit_extending(X, y, sample_weight, classes)
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
        return self._train(X, y, sample_weight, incremental=True)

    def _fit_extending(self, X, y, sample_weight, classes):
        """Train for one pass, with an output for each label; what fails before the update leaves all as it was."""
        before = dict(vars(self))
        try:
            given = [labels for labels in (getattr(self, "classes_", None), classes, y) if labels is not None]
            is_multilabel = type_of_target(y).startswith("multilabel")
            if not hasattr(self, "classes_"):
                self.classes_ = unique_labels(*given)
                self._label_binarizer = LabelBinarizer().fit(y if is_multilabel else self.classes_)
            elif not is_multilabel and len(labels := unique_labels(*given)) > len(self.classes_):
                if hasattr(self, "coefs_"):
                    extend(self, labels)
                else:
                    self.classes_, self._label_binarizer = labels, LabelBinarizer().fit(labels)
            return self._train(X, y, sample_weight, incremental=True)
        except Exception:
            if getattr(self, "t_", 0) == before.get("t_", 0):
                vars(self).clear()
                vars(self).update(before)
            raise

    def predict(self, X):
        """Return the labels of the rows of X.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,), or (n_samples, n_outputs) of 0 and 1 for several labels
        """
        decoded = self._decode(self._outputs(X))
        if decoded.ndim == 2 and hasattr(self, "_label_binarizer") and self._label_binarizer.sparse_input_:
            return scipy.sparse.csr_matrix(decoded)
        return decoded

    @available_if(_has_margins)
    def decision_function(self, X):
        """Return the outputs for the rows of X, for the losses "hinge" and "squared_hinge".

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        outputs : ndarray of shape (n_samples,), or (n_samples, n_classes)
            Of two classes: greater than 0 for the second.
        """
        outputs = self._outputs(X)
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    @available_if(_has_probabilities)
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
        return np.concatenate([1 - outputs, outputs], axis=1) if outputs.shape[1] == 1 else outputs

    @available_if(_has_probabilities)
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
        is_zero = not probabilities.all()
        with np.errstate(divide="ignore"):  # its warning would name another module than scikit-learn's does
            logarithms = np.log(probabilities, out=probabilities)
        if is_zero:
            floating_point("divide by zero encountered in log", "divide")
        return logarithms

    def _check_targets(self, X, y, incremental, reset):
        X, y = validated(self, X, y, reset)
        y = as_vector(y)
        self._complete_labels()
        if "_part" in vars(self):  # a member, which knows labels that its rows may lack; the ensemble has checked them
            return X, lambda dtype: self._encode(y, dtype)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = binarizer_of(X, y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._check_classes(unique_labels(y))
        return X, lambda dtype: self._encode(y, dtype)

    def _check_validation(self, X, y):
        X, y = validated(self, X, y, False)
        y = as_vector(y)
        self._check_known(y)
        return X, lambda dtype: self._encode(y, dtype)

    def _targets_of(self, y, dtype):
        self._check_known(y)
        return self._encode(y, dtype)

    def _output_activation(self):
        if takes_signs(self.loss):
            return "identity"
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    def _as_spread(self, deviations):
        if deviations.shape[1] > 1:
            return deviations
        return deviations.ravel() if takes_signs(self.loss) else np.repeat(deviations, 2, axis=1)

    def _weigh_classes(self, X, targets, weight, unit, incremental):
        if self.class_weight is None:
            return weight, unit
        if incremental and self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs all rows, which partial_fit never sees at once; pass the weights as a "
                "dict, for example from sklearn.utils.compute_class_weight"
            )
        labels = Labels(*self._reading(targets.shape[1]))
        weight, own_unit = check_sample_weight(row_weights(self.class_weight, labels, targets, weight), X)
        return weight, unit * own_unit

    def _smooth(self, targets):
        check_smoothing(self.label_smoothing, self.loss)
        return smooth(targets, self.label_smoothing, self.out_activation_)

    def _objective(self):
        return replace(super()._objective(), has_soft_targets=self.label_smoothing > 0)

    def _scorer(self, targets, sample_weight):
        kind, labels = self._reading(targets.shape[1])
        return accuracy_of(kind, len(labels), targets, sample_weight, threshold_of(self.loss))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

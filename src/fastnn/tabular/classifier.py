"""TabularClassifier: classes from a table as it is."""

from functools import reduce
from typing import ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils._param_validation import StrOptions

from fastnn.keywords import answered
from fastnn.objective import check_objective
from fastnn.tabular import targets
from fastnn.tabular._base import TabularEstimator
from fastnn.tabular.column import Settings
from fastnn.tabular.members import MOST_MEMBERS
from fastnn.tabular.parameters import CONSTRAINTS, documented
from fastnn.tabular.recipe import CLASSES
from fastnn.tabular.split import FEWEST
from fastnn.tabular.uncertainty import Calibrated


@documented(most=MOST_MEMBERS, fewest=FEWEST)
class TabularClassifier(Calibrated, ClassifierMixin, TabularEstimator):
    """Classes from a table as it is: numbers, categories, dates and gaps, nothing to prepare, nothing to tune.

    Networks made and trained by the recipe for tables of Holzmüller, Grinsztajn and Steinwart (2024), RealMLP, in a
    size for the CPU: each column is encoded by what it holds, a part of the rows is held back to choose the best epoch
    by, and the probabilities of all members are averaged.

    Parameters
    ----------
    <parameters>
    class_weight : dict or "balanced"
        Weights of the labels, 1 for those that are missing, times `sample_weight`, of the rows held back too.
        "balanced": n_samples over the number of classes times the rows of the class.
    calibration : "temperature" or None
        Whether the logits are divided by the number that makes the log-loss of the rows held back small.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    temperature_ : float
        What the logits were divided by; above 1 where the networks were too sure.
    <attributes>

    Examples
    --------
    >>> import pandas as pd
    >>> from fastnn import TabularClassifier
    >>> df = pd.DataFrame({"weight": [3.1, None, 4.0, 30.5] * 10, "kind": ["cat", "cat", None, "dog"] * 10})
    >>> y = ["small", "small", "small", "large"] * 10
    >>> classifier = TabularClassifier(random_state=0).fit(df, y)
    >>> classifier.predict(pd.DataFrame({"weight": [2.9, None], "kind": [None, "dog"]}))
    array(['small', 'large'], dtype='<U5')
    >>> print(classifier.columns_)
    column  kind      becomes             levels  missing  median  note
    weight  number    periodic + missing            28.1%       4
    kind    category  -1 / 1                   2    25.0%
    """

    _output_activation = "softmax"
    _parameter_constraints: ClassVar = {
        **CONSTRAINTS,
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "calibration": [StrOptions({"temperature"}), None],
    }

    @answered
    def __init__(
        self,
        *,
        preset="default",
        n_members=None,
        time_limit=None,
        n_jobs=None,
        random_state=None,
        progress=False,
        verbose=False,
        scoring=None,
        validation_fraction=0.2,
        refit=True,
        importances=False,
        hidden_layer_sizes=None,
        activation=CLASSES.activation,
        gated=CLASSES.gated,
        max_epochs=None,
        batch_size=CLASSES.batch_size,
        learning_rate=CLASSES.learning_rate,
        n_cycles=CLASSES.n_cycles,
        beta_1=CLASSES.beta_1,
        beta_2=CLASSES.beta_2,
        epsilon=CLASSES.epsilon,
        weight_decay=CLASSES.weight_decay,
        dropout=CLASSES.dropout,
        scale_rate=CLASSES.scale_rate,
        bias_rate=CLASSES.bias_rate,
        gate_rate=CLASSES.gate_rate,
        frequency_scale=CLASSES.frequency_scale,
        zero_last=CLASSES.zero_last,
        missing_indicator=Settings.missing_indicator,
        drop_identifiers=Settings.drop_identifiers,
        max_one_hot=Settings.max_one_hot,
        embedding_size=Settings.embedding_size,
        min_level_count=Settings.min_level_count,
        max_levels=Settings.max_levels,
        n_frequencies=Settings.n_frequencies,
        numeric_embedding_size=Settings.numeric_embedding_size,
        numeric_embedding_rate=Settings.numeric_embedding_rate,
        max_embedded=Settings.max_embedded,
        class_weight=None,
        calibration="temperature",
    ):
        for name, value in locals().copy().items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    @answered
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, groups=None, eval_set=None):
        """Learn from a table and its classes.

        Parameters
        ----------
        X : frame, array-like or sparse matrix of shape (n_samples, n_features)
            A frame of pandas, polars or pyarrow, or rows of numbers and strings. Never modified.
        y : array-like of shape (n_samples,)
            A label a row, none of them missing.
        sample_weight : array-like of shape (n_samples,), default=None
            Rows of weight 0 are as if they were not there.
        groups : array-like of shape (n_samples,), default=None
            Rows of the same group are learned from or held back, never both.
        eval_set : tuple of (X, y) or (X, y, sample_weight), default=None
            Rows to hold back in place of those of `validation_fraction`: all of X is then learned from.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described.
        KeyboardInterrupt
            On a Ctrl-C before the first epoch is done; after it, the best so far is kept, with a warning.
        """
        return self._train(X, y, sample_weight, groups, eval_set)

    def _check_targets(self, y):
        y = targets.as_labels(y)
        self.classes_, codes = targets.classes_of(y)
        return codes

    def _check_more_targets(self, more, y, argument):
        return targets.codes_in(targets.as_labels(more, argument), self.classes_, argument)

    def _class_factors(self, y, weight):
        return targets.class_factors(self.class_weight, self.classes_, y, weight)

    def _learn_targets(self, y, rows, weight):
        return targets.rows_of_one(y, len(self.classes_))

    def _as_given(self, y):
        return self.classes_[y]

    def _objective(self):
        return check_objective("log_loss")

    def _units(self, n_out):
        return None

    def _predicted(self, outputs):
        return self.classes_[outputs.argmax(axis=1)]

    def score(self, X, y, sample_weight=None):
        """Return the accuracy: the share of the rows whose class is predicted.

        Parameters
        ----------
        X : table of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            A label a row, none of them missing.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        score : float
        """
        return super().score(X, targets.as_labels(y), sample_weight)

    def predict_proba(self, X):
        """Return the probability of each class.

        Parameters
        ----------
        X : table of shape (n_samples, n_features)
            With the columns of `fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
        """
        if (found := self._quickly(X)) is not None:
            return found
        probabilities = self._outputs(X).astype(np.float64)
        return probabilities / reduce(np.add, probabilities.T)[:, None]  # in this order, as of a few rows

    def predict_log_proba(self, X):
        """Return the logarithms of `predict_proba`.

        Parameters
        ----------
        X : table of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
        """
        return np.log(self.predict_proba(X))

    def predict(self, X):
        """Return the most probable class of each row.

        Parameters
        ----------
        X : table of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        codes = self._quickly(X, True)
        return self._predicted(self._outputs(X)) if codes is None else self.classes_[codes]

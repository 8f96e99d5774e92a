"""TabularRegressor: numbers from a table as it is."""

from typing import ClassVar

import numpy as np
from sklearn.base import RegressorMixin, _fit_context

from fastnn.keywords import answered
from fastnn.objective import check_objective
from fastnn.tabular import targets
from fastnn.tabular._base import TabularEstimator
from fastnn.tabular.column import Settings
from fastnn.tabular.members import MOST_MEMBERS
from fastnn.tabular.parameters import CONSTRAINTS, documented
from fastnn.tabular.recipe import NUMBERS
from fastnn.tabular.split import FEWEST
from fastnn.tabular.uncertainty import Intervals


@documented(most=MOST_MEMBERS, fewest=FEWEST)
class TabularRegressor(Intervals, RegressorMixin, TabularEstimator):
    """Numbers from a table as it is: columns of any kind, gaps, nothing to prepare, nothing to tune.

    Networks made and trained by the recipe for tables of Holzmüller, Grinsztajn and Steinwart (2024), RealMLP, in a
    size for the CPU: each column is encoded by what it holds, a part of the rows is held back to choose the best epoch
    by, and the outputs of all members are averaged. y is centred and scaled on the way, and what is predicted lies in
    the range of the rows that are not held back.

    Parameters
    ----------
    <parameters>

    Attributes
    ----------
    <attributes>

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from fastnn import TabularRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> regressor = TabularRegressor(random_state=0).fit(X[:300], y[:300])
    >>> regressor.score(X[300:], y[300:]) > 0.4
    True
    """

    _output_activation = "identity"
    _parameter_constraints: ClassVar = CONSTRAINTS

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
        activation=NUMBERS.activation,
        gated=NUMBERS.gated,
        max_epochs=None,
        batch_size=NUMBERS.batch_size,
        learning_rate=NUMBERS.learning_rate,
        n_cycles=NUMBERS.n_cycles,
        beta_1=NUMBERS.beta_1,
        beta_2=NUMBERS.beta_2,
        epsilon=NUMBERS.epsilon,
        weight_decay=NUMBERS.weight_decay,
        dropout=NUMBERS.dropout,
        scale_rate=NUMBERS.scale_rate,
        bias_rate=NUMBERS.bias_rate,
        gate_rate=NUMBERS.gate_rate,
        frequency_scale=NUMBERS.frequency_scale,
        zero_last=NUMBERS.zero_last,
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
    ):
        for name, value in locals().copy().items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    @answered
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, groups=None, eval_set=None):
        """Learn from a table and its numbers.

        Parameters
        ----------
        X : frame, array-like or sparse matrix of shape (n_samples, n_features)
            A frame of pandas, polars or pyarrow, or rows of numbers and strings. Never modified.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Finite numbers.
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
        return targets.as_columns(y)

    def _check_more_targets(self, more, y, argument):
        more = targets.as_columns(more, argument)
        if more.shape[1] != y.shape[1]:
            raise ValueError(f"{argument} has {more.shape[1]} columns, y has {y.shape[1]}")
        return more

    def _class_factors(self, y, weight):
        return None

    def _learn_targets(self, y, rows, weight):
        self._centre, self._scale, self._range = targets.scale_of(y[rows], None if weight is None else weight[rows])
        return targets.scaled(y, self._centre, self._scale)

    def _as_given(self, y):
        return y[:, 0] if y.shape[1] == 1 else y

    def _objective(self):
        return check_objective("squared_error")

    def _units(self, n_out):
        return np.array(
            [np.broadcast_to(unit, n_out) for unit in (self._scale, self._centre, *self._range)], np.float64
        )

    def _predicted(self, outputs):
        with np.errstate(over="ignore"):  # the range bounds infinities, too
            numbers = outputs.astype(np.float64) * self._scale + self._centre
        return self._as_given(np.clip(numbers, *self._range))

    def predict(self, X):
        """Return the number of each row.

        Parameters
        ----------
        X : table of shape (n_samples, n_features)
            With the columns of `fit`.

        Returns
        -------
        y : ndarray of shape (n_samples,), or (n_samples, n_outputs) for several
        """
        found = self._quickly(X)
        return self._predicted(self._outputs(X)) if found is None else found

"""A call of ``partial_fit`` like the one before: plain arrays, the same parameters, all rows in one update.

What the call before found out of parameters and network then holds, and scikit-learn's checks, which take a hundred
times as long as the update, would find nothing: it is made at once. Whatever is not plainly so goes the general way.
"""

from dataclasses import dataclass
from functools import wraps
from operator import is_, itemgetter
from typing import Any

import numpy as np

from fastnn.backends import BACKENDS
from fastnn.checks import all_finite, is_plain
from fastnn.estimators._hooks import HOOKS
from fastnn.estimators._parameters import parameters_of
from fastnn.estimators._warnings import warn
from fastnn.spec import TAKE_ALL_ROWS
from fastnn.state import OTHER_SOLVERS
from fastnn.training import passes

#: Types whose values do not change.
UNCHANGING = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True)
class Prepared:
    """What a call has found out, and what it holds for.

    Parameters
    ----------
    values_of : callable
        Gives the values of the constructor's parameters from the attributes, or raises KeyError.
    values : tuple
    kinds : tuple of type
        The classes that may not override hooks.
    weights : Weights
    optimizer : Optimizer
    training : TrainingSpec
    labels : tuple
        `classes_` and `_label_binarizer`.
    """

    values_of: Any
    values: tuple
    kinds: tuple
    weights: Any
    optimizer: Any
    training: Any
    labels: tuple

    @classmethod
    def by(cls, estimator):
        """That of a call that has just ended well; None if no later one can be as plain."""
        own = vars(estimator)
        names = list(parameters_of(type(estimator)))
        is_usual = (
            estimator.bias
            and estimator._optimizer.training.solver not in OTHER_SOLVERS
            and not estimator.warm_start  # of which scikit-learn wants all labels in each call
            and not (estimator.verbose or estimator.progress or estimator.track or estimator.max_time)
            and not estimator._optimizer.training.dropout
            and getattr(estimator, "class_weight", None) is None
            and not getattr(estimator, "label_smoothing", 0.0)
            and "feature_names_in_" not in own
        )
        stays = {name for name, value in own.items() if name == "random_state" or is_unchanging(value)}
        if not is_usual or not stays.issuperset(names):
            return None
        values_of, optimizer = itemgetter(*names), estimator._optimizer
        kinds = tuple(type(estimator)._kinds_without_hooks())
        return cls(values_of, values_of(own), kinds, estimator._weights, optimizer, optimizer.training, _labels_of(own))

    def holds_for(self, estimator):
        """Whether nothing has changed since."""
        own = vars(estimator)
        try:
            is_same = all(map(is_, self.values_of(own), self.values))
        except KeyError:
            return False
        optimizer = self.optimizer
        return (
            is_same
            and own.get("_weights") is self.weights
            and self.weights.are_of(estimator)
            and own.get("_optimizer") is optimizer
            and optimizer.training is self.training
            and all(map(is_, _labels_of(own), self.labels))
            and own.get("n_features_in_") == self.weights.network.layer_sizes[0]
            and "feature_names_in_" not in own
            and "_skl_callbacks" not in own
            and all(map(HOOKS.keys().isdisjoint, (own, *map(vars, self.kinds))))
        )


def _labels_of(own):
    return own.get("classes_"), own.get("_label_binarizer")


def is_unchanging(value):
    """Whether a parameter's value stays as it is, whoever holds it."""
    return type(value) in UNCHANGING or (type(value) is tuple and all(map(is_unchanging, value)))


def quickly(partial_fit):
    """Decorate ``partial_fit``: try the quick way first."""

    @wraps(partial_fit)
    def wrapper(estimator, *args, **kwargs):
        if len(args) == 2 and not kwargs and _update(estimator, *args):
            return estimator
        return partial_fit(estimator, *args, **kwargs)

    return wrapper


def _update(estimator, X, y):
    """Make the update, if the call is plain; return whether it was."""
    prepared = vars(estimator).get("_prepared")
    if prepared is None or not prepared.holds_for(estimator):
        return False
    network = prepared.weights.network
    dtype, parameters, n_features = network.dtype, network.parameters, network.layer_sizes[0]
    if not is_plain(X, dtype) or X.ndim != 2 or X.shape[1] != n_features or not _is_one_batch(estimator, len(X)):
        return False
    if type(y) is not np.ndarray or y.shape != X.shape[:1] or not parameters.flags.writeable:
        return False
    targets = estimator._plain_targets(y, dtype) if all_finite(X) else None
    if targets is None:
        return False
    progress, n_before = estimator._progress(), len(estimator.loss_curve_)
    _draw(estimator, len(X))
    limits = passes.Limits(1, estimator.tol, estimator.n_iter_no_change)
    is_made = passes.update(
        BACKENDS["simd"], prepared.optimizer, network._spec, parameters, X, targets, estimator.alpha, limits, progress
    )
    estimator._show_progress(progress)
    if not is_made:
        warn("Training interrupted by user.")
    estimator._tell_what_is_not_finite(n_before, X)
    return True


def _is_one_batch(estimator, n_rows):
    batch_size = estimator.batch_size
    if batch_size == "auto":
        return 0 < n_rows <= 200 or (n_rows > 0 and estimator.solver in TAKE_ALL_ROWS)
    return n_rows == batch_size


def _draw(estimator, n_rows):
    """Draw the order of the rows, which does not matter here, from a generator that others see; not from a seed."""
    if estimator.shuffle and not isinstance(estimator.random_state, int | np.integer):
        random_state = np.random.mtrand._rand if estimator.random_state is None else estimator.random_state
        random_state.shuffle(np.arange(n_rows))

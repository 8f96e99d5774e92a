"""The rows of one partition as they lie on a worker, and all that is computed there, by ``sums`` and ``averages``.

What has been made of rows for a training (targets, an open evaluation) stays beside them, and goes when they go: a
worker that they come to, or are computed anew on, makes it again.
"""

import copy
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.utils import check_array
from sklearn.utils.validation import _num_samples

from fastnn.dropout import Dropout
from fastnn.estimators._activations import output_activation
from fastnn.estimators._checks import as_data, check_sample_weight
from fastnn.estimators._trained import ENGINE
from fastnn.frames import column_names
from fastnn.identity import in_words
from fastnn.training import passes


@dataclass(frozen=True)
class Setting:
    """What a training is, as the workers know it.

    Parameters
    ----------
    token : str
        Of this training alone.
    estimator : MLPClassifier or MLPRegressor
        With its labels, without weights.
    dtype : ndarray dtype
    network : NetworkSpec, optional
    training : TrainingSpec, optional
    l2 : float, optional
        The penalty over all rows there are.
    """

    token: str
    estimator: Any
    dtype: np.dtype
    network: Any = None
    training: Any = None
    l2: float = 0.0


class Rows:
    """Checked rows of a partition: X as numbers, y as it was, weights or None; `facts` is what the client asks for."""

    def __init__(self, number, X, y, weight, facts):
        self.number, self.X, self.y, self.weight, self.facts = number, X, y, weight, facts
        self.lock, self.token, self.kept = Lock(), None, {}

    def __reduce__(self):
        return Rows, (self.number, self.X, self.y, self.weight, self.facts)

    def __sizeof__(self):
        X = self.X.data if scipy.sparse.issparse(self.X) else self.X
        return 1000 + 2 * sum(getattr(part, "nbytes", 0) for part in (X, self.y, self.weight))

    def once(self, setting, what, make):
        """What `make` makes, kept for as long as the training is this one."""
        if self.token != setting.token:
            self.token, self.kept = setting.token, {}
        if what not in self.kept:
            self.kept[what] = make()
        return self.kept[what]


@contextmanager
def of_partition(number):
    """Say of an error in which partition it was."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise ValueError(f"partition {number}: {error}") from None


def rows_of(number, estimator, X, y, weight):
    """Return the Rows of a partition, or say what is wrong with it."""
    with of_partition(number):
        if _num_samples(X) == 0:
            return Rows(number, None, None, None, {"n_rows": 0})
        names, estimator = column_names(X), copy.copy(estimator)
        X, _ = estimator._check_targets(X, y, False, reset=True)
        if weight is not None:
            weight = check_array(weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight").ravel()
            if len(weight) != X.shape[0] or (weight < 0).any():
                raise ValueError(f"sample_weight must be {X.shape[0]} numbers of at least 0, got {weight!r:.80}")
        y = np.asarray(y)
        is_vector = y.ndim == 1 or y.shape[1] == 1
        binarizer = getattr(estimator, "_label_binarizer", None)
        facts = {
            "n_rows": X.shape[0],
            "n_columns": X.shape[1],
            "columns": names,
            "n_targets": 1 if is_vector else y.shape[1],
            "several labels": binarizer is not None and binarizer.y_type_.startswith("multilabel"),
            "dtype": X.dtype,
            "classes": getattr(estimator, "classes_", None),
        }
        return Rows(number, X, y.ravel() if is_vector else y, weight, facts)


def facts_of(rows):
    """What the client asks for."""
    return rows.facts


def digest_of(rows):
    """Words for the data, the same where they are."""
    return in_words((rows.X, rows.y, rows.weight))


def samples_of(rows, setting):
    """The samples of rows as an estimator would learn from them, and the activation of the outputs."""

    def make():
        estimator = copy.copy(setting.estimator)
        X, targets_of = estimator._check_targets(rows.X, rows.y, True, reset=False)
        targets = targets_of(setting.dtype)
        weight, unit = None, 1.0
        if rows.weight is not None:
            weight, unit = check_sample_weight(rows.weight, X) if rows.weight.any() else (rows.weight, 1.0)
        weight, unit = estimator._weigh_classes(X, targets, weight, unit, True)
        estimator.out_activation_ = output_activation(estimator, targets)
        weight = None if weight is None else weight.astype(setting.dtype)
        samples = passes.Samples(as_data(X, setting.dtype), estimator._smooth(targets), weight, weight_unit=unit)
        return samples, estimator.out_activation_

    return rows.once(setting, "samples", make)


def weight_of(rows, setting):
    """Return what rows weigh, and the activation of the outputs."""
    with rows.lock, of_partition(rows.number):
        samples, activation = samples_of(rows, setting)
        weight = samples.sample_weight
        return (samples.n_rows if weight is None else float(weight.sum()) * samples.weight_unit), activation


def gradient_at(rows, setting, parameters):
    """Return objective, mean error norm and gradient of rows at flat parameters."""
    with rows.lock:

        def open_evaluation():
            samples, _ = samples_of(rows, setting)
            data = samples.X, samples.y, samples.sample_weight
            return ENGINE.evaluation(setting.network, setting.training.objective, *data, setting.l2, 1)

        evaluation = rows.once(setting, "evaluation", open_evaluation)
        gradient = np.empty_like(parameters)
        return evaluation.at(parameters, gradient), evaluation.cost, gradient


def trained(group, setting, began, rate, n_passes, seed):
    """Make passes over the rows of some partitions, in an order that is drawn; return what came of it.

    Parameters
    ----------
    group : list of Rows
    setting : Setting
    began : tuple of ndarray
        Parameters, the solver's moments, counters; left as they are.
    rate : float
    n_passes : int
    seed : list of int
        Of this group in this round.

    Returns
    -------
    parameters, moments, counters : ndarray
    loss : float
        The mean over the rows in the last pass.
    """
    draws, training, estimator = np.random.RandomState(seed), setting.training, setting.estimator
    if training.dropout is not None:
        training = replace(training, dropout=Dropout(training.dropout.dropped, int(draws.randint(2**31 - 1))))
    optimizer = passes.Optimizer(training, setting.network, rate)
    parameters, optimizer.moments, optimizer.counters = (part.copy() for part in began)
    for _ in range(n_passes):
        losses, weights = [], []
        for k in draws.permutation(len(group)) if estimator.shuffle else range(len(group)):
            with group[k].lock:
                (samples, _), progress = samples_of(group[k], setting), passes.Progress()
            job = passes.job_of(ENGINE, optimizer, setting.network, parameters, samples)
            job.n_threads = 1
            size = min(200, samples.n_rows) if estimator.batch_size == "auto" else estimator.batch_size
            limits = passes.Limits(1, 0.0, np.inf)
            shuffles = draws if estimator.shuffle else None
            passes.fit(job, optimizer, samples, min(size, samples.n_rows), shuffles, estimator.alpha, limits, progress)
            losses.append(progress.loss_curve[-1])
            weights.append(samples.n_rows)
    return parameters, optimizer.moments, optimizer.counters, float(np.average(losses, weights=weights))

"""``history_``: what was recorded of each epoch, in equally long lists; and what ``track`` records besides."""

from math import nan

import numpy as np

from fastnn.training.listeners import Listener
from fastnn.training.measures import Rows, tracked_columns

#: What `track` may name here alone.
TRACKED = ("score",)


def history_of(estimator):
    """Return name -> list, an entry for each epoch; NaN where something was not recorded."""
    curves = {
        "loss": getattr(estimator, "_curve" if hasattr(estimator, "_curve") else "loss_curve_", None),  # of "lbfgs"
        "val_loss": getattr(estimator, "validation_loss_curve_", None),
        "val_score": getattr(estimator, "validation_scores_", None),
        **getattr(estimator, "_tracked", {}),
    }
    curves = {name: values for name, values in curves.items() if values}
    n = max(map(len, curves.values()), default=0)
    return {"epoch": list(range(1, n + 1))} | {
        name: list(values) + [nan] * (n - len(values)) for name, values in curves.items()
    }


class Tracked(Listener):
    """Records numbers after each epoch.

    Parameters
    ----------
    every : int
    columns : dict of callables
        Name -> what gives its number at a `Moment`.
    lists : dict of lists
        Where they go.
    n_before : int
        Epochs of earlier fits.
    """

    def __init__(self, every, columns, lists, n_before):
        super().__init__(every)
        self.columns, self.lists = columns, lists
        for name in columns:
            values = lists.setdefault(name, [])
            values.extend([nan] * (n_before - len(values)))

    def hear(self, moment):
        for name, measure in self.columns.items():
            self.lists[name].append(measure(moment))
        return False


def columns_of(estimator, names, job, samples, l2):
    """Name -> what gives its number at a `Moment`, for the names of `track`."""
    columns = {"score": _score_of(estimator, job, samples)} if "score" in names else {}
    return columns | tracked_columns(names, job, l2, _learned(samples))


def _learned(samples):
    """X, targets and weights of the rows that are learned from."""
    data = samples.X, samples.y, samples.sample_weight
    if samples.rows is None:
        return data
    rows = np.sort(samples.rows)
    return tuple(None if one is None else one[rows] for one in data)


def _score_of(estimator, job, samples):
    """The estimator's own score of the rows that are learned from."""
    X, targets, weight = _learned(samples)
    rows, score_of = Rows(job, X, targets, weight, shows_outputs=True), estimator._scorer(targets, weight)

    def score(moment):
        rows.predict()
        return score_of(rows.outputs) if np.isfinite(rows.outputs).all() else nan

    return score

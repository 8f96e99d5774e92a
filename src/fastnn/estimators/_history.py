"""``history_``: what was recorded of each epoch, in equally long lists; and what ``track`` records besides."""

from math import nan

import numpy as np

from fastnn.checks import check_name
from fastnn.training.listeners import Clock, Listener
from fastnn.training.measures import GradientNorm, Rows

#: What `track` may name.
TRACKED = ("score", "learning_rate", "gradient_norm", "seconds")


def check_track(estimator):
    """Return the names in `track` as a tuple."""
    names = estimator.track
    names = () if names is None else (names,) if isinstance(names, str) else tuple(names)
    for name in names:
        check_name("track", name, TRACKED)
    if "learning_rate" in names and estimator.solver in ("lbfgs", "levenberg_marquardt"):
        raise ValueError(f"track has 'learning_rate', which solver={estimator.solver!r} has not")
    return names


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
    columns = {}
    if "score" in names:
        columns["score"] = _score_of(estimator, job, samples)
    if "learning_rate" in names:
        columns["learning_rate"] = lambda moment: float(moment.rates[-1])
    if "gradient_norm" in names:
        columns["gradient_norm"] = GradientNorm(job, l2, *_learned(samples))
    if "seconds" in names:
        columns["seconds"] = Clock()
    return columns


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

"""A constant, a linear model, boosted trees and fastnn on the same splits of a table: scores, seconds, who is best.

Called by ``compare``; who they are is ``peers``'s.
"""

import warnings
from dataclasses import replace
from time import perf_counter

import numpy as np
import polars as pl
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, r2_score
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold
from threadpoolctl import threadpool_limits

from fastnn.cli.mistakes import Code, Mistake
from fastnn.cli.peers import OURS, matrix_of, peers
from fastnn.tabular.columns import learn

#: Scores, and whether more is better.
OF_CLASSES, OF_NUMBERS = {"accuracy": True, "log_loss": False}, {"r2": True, "mae": False}


def compared(frame, y, ours, *, n_splits=3, groups=None, n_jobs=1, seed=0, tell=lambda words: None):
    """Return scores and seconds of each method, and for each score who is best, by how much.

    `y` has classes by their codes, or float64; `ours` is the estimator to clone; `tell` gets the name of who begins.
    A difference of best and second is of the same splits, its spread the standard deviation over these.
    """
    is_classes = y.dtype.kind == "i"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that identifiers are left out
        kinds = {row["column"]: row["kind"] for row in learn(frame).table if row["becomes"]}
    X, categories = matrix_of(frame, kinds)
    others = peers(is_classes, categories, X.shape[1], seed)
    splits = list(_splitter(is_classes, groups, n_splits, seed).split(X, y, groups))
    methods = []
    for name, estimator in {**others, OURS: ours}.items():
        tell(name)
        rows, own_groups = (frame, groups) if name == OURS else (X, None)
        methods.append({"name": name, **_measured(estimator, rows, y, splits, n_jobs, own_groups)})
    return methods, [_verdict(methods, score, more) for score, more in _scores(is_classes).items()]


def without_rare(lesson, n_splits):
    """Return the `Lesson` of classes that each split can have, by their codes, and how many rows each other has."""
    classes, codes, counts = np.unique(lesson.y, return_inverse=True, return_counts=True)
    kept = counts >= n_splits
    if kept.sum() < 2:
        raise Mistake(
            f"fewer than 2 classes have the {n_splits} rows that {n_splits} splits need; there are "
            f"{dict(zip(classes.tolist(), counts.tolist(), strict=True))!r:.200}",
            Code.UNFIT,
        )
    rows, groups = kept[codes], lesson.groups
    rare = dict(zip(classes[~kept].tolist(), counts[~kept].tolist(), strict=True))
    X, y = lesson.X.filter(pl.Series(rows)), (np.cumsum(kept) - 1)[codes[rows]]
    return replace(lesson, X=X, y=y, groups=None if groups is None else groups[rows]), rare


def _scores(is_classes):
    return OF_CLASSES if is_classes else OF_NUMBERS


def _splitter(is_classes, groups, n_splits, seed):
    kinds = {
        (True, False): StratifiedKFold, (True, True): StratifiedGroupKFold, (False, False): KFold,
        (False, True): GroupKFold,
    }  # fmt: skip
    return kinds[is_classes, groups is not None](n_splits, shuffle=True, random_state=seed)


def _measured(estimator, X, y, splits, n_jobs, groups=None):
    """Scores, seconds and notes of one method; `groups` are for its `fit`, which holds back whole ones."""
    from sklearn.base import clone

    each, fit, predict, notes = [], 0.0, 0.0, set()
    for train, test in splits:
        own = clone(estimator)
        with threadpool_limits(n_jobs), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            began = perf_counter()
            own.fit(X[train], y[train], **({} if groups is None else {"groups": groups[train]}))
            fitted = perf_counter()
            answers = (own.predict_proba if y.dtype.kind == "i" else own.predict)(X[test])
            fit, predict = fit + fitted - began, predict + (perf_counter() - fitted) / len(test)
        if any(issubclass(one.category, ConvergenceWarning) for one in caught):
            notes.add("stopped before it had converged")
        each.append(_of_classes(own, answers, y[test]) if y.dtype.kind == "i" else _of_numbers(answers, y[test]))
    scores = {
        name: {"mean": float(np.mean(found)), "std": float(np.std(found, ddof=1)), "each": list(found)}
        for name, found in zip(_scores(y.dtype.kind == "i"), zip(*each, strict=True), strict=True)
    }
    n = len(splits)
    return {"scores": scores, "fit_seconds": fit / n, "predict_seconds_a_row": predict / n, "notes": sorted(notes)}


def _of_classes(model, probabilities, y):
    known = list(model.classes_)
    if len(known) < max(y.max(), known[-1]) + 1:  # one of a group that is on the other side
        whole = np.zeros((len(y), max(y.max(), known[-1]) + 1))
        whole[:, known] = probabilities
        probabilities = whole
    labels = np.arange(probabilities.shape[1])
    right = float(accuracy_score(y, probabilities.argmax(axis=1)))
    return right, float(log_loss(y, probabilities, labels=labels))


def _of_numbers(predicted, y):
    return float(r2_score(y, predicted)), float(mean_absolute_error(y, predicted))


def _verdict(methods, score, more):
    ranked = sorted(methods, key=lambda method: method["scores"][score]["mean"], reverse=more)
    best, second = (np.array(method["scores"][score]["each"]) for method in ranked[:2])
    differences = best - second if more else second - best
    spread = float(differences.std(ddof=1))
    return {
        "score": score, "best": ranked[0]["name"], "second": ranked[1]["name"],
        "difference": float(differences.mean()), "spread": spread, "above_spread": bool(differences.mean() > spread),
    }  # fmt: skip

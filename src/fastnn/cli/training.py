"""The work of ``fastnn train``: rows to learn from and to test by, the fit, and what came of it as plain data."""

import warnings
from copy import copy
from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit

from fastnn.cli import findings, learning, mistakes, models, output, reading, sampling
from fastnn.cli.mistakes import Code, Mistake
from fastnn.cli.scores import OfClasses, OfNumbers


@dataclass
class Rows:
    """A lesson, how many rows its file has, what to test by (a lesson, or a `reading.Raw`), what is to be told."""

    lesson: learning.Lesson
    n_rows: int
    test: object = None
    notes: list = field(default_factory=list)


def rows_for(data, target, test, seed, max_rows, how, **given):
    """Return the `Rows` of a file; `given` goes to `learning.lesson_of`, `how` to `reading.raw_pieces`."""
    share = _share(test)
    raw, n_rows = sampling.rows_of(data, max_rows, seed, **how)
    lesson = learning.lesson_of(raw, target, **given)
    rows = Rows(lesson, n_rows)
    if raw.frame.height < n_rows:
        rows.notes.append(
            f"{data} has {n_rows:,} rows; the model learns from {raw.frame.height:,} of them, drawn by --seed {seed}"
            + (": more do not fit into memory" if max_rows is None else "")
        )
    if lesson.n_without:
        rows.notes.append(f"{lesson.n_without:,} rows without a value in {target!r} are left out")
    if lesson.why:
        other = "numbers" if lesson.task == "classes" else "classes"
        hint = f"; if they are {other}, add --task {other}" if "integers" in lesson.why else ""
        rows.notes.append(f"{target!r} is taken for {lesson.task}: {lesson.why}{hint}")
    for name, said in reading.of_thousands(raw, [target, *lesson.X.columns], given["null"]).items():
        rows.notes.append(f"{name!r}: {said}")
    if share is not None:
        rows.lesson, rows.test = _split(lesson, share, seed)
    elif test is not None:
        rows.test = reading.joined(list(reading.raw_pieces(test, None, **how)))
        for name in (target, *lesson.X.columns):
            if name not in rows.test.frame.columns:
                raise Mistake(f"{test} has {mistakes.unknown('column', name, rows.test.frame.columns)}", Code.UNFIT)
    return rows


def fit(model, lesson):
    """Train a model; return the seconds that it took."""
    began = perf_counter()
    with mistakes.of_data(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "columns that only name or number the rows")  # the summary has them
        model.fit(lesson.X, lesson.y, sample_weight=lesson.weight, groups=lesson.groups)
    return perf_counter() - began


def summary(model, rows):
    """Return what was learned of which rows, as plain data."""
    lesson = rows.lesson
    plain = {
        "task": lesson.task, "n_rows": len(lesson.y), "n_rows_of_file": rows.n_rows,
        "n_without_target": lesson.n_without,
        "columns": learning.with_numbered(_rows_of_columns(model, lesson.X), lesson.numbered),
        "n_members": model.n_members_, "n_epochs": model.n_iter_,
    }  # fmt: skip
    if lesson.task == "classes":
        plain["classes"] = model.classes_.tolist()
    held = model.held_back_
    if len(held) and "val_loss" in model.history_[0]:
        one = copy(model)
        one.members_ = model.members_[:1]  # the others have learned from these rows
        plain["held_back"] = _scored(one, lesson.X[held], lesson.y[held])
    if model.importances:
        plain["importances"] = dict(zip(lesson.X.columns, model.feature_importances_.tolist(), strict=True))
    return plain


def _rows_of_columns(model, X):
    """Those of `columns_`, and what may be wrong with text that is left out."""
    rows = [dict(row) for row in model.columns_.rows]
    for row in rows:
        if row["kind"] == "identifier":
            told = findings.of_text("", X[row["column"]].drop_nulls().cast(str))
            row["note"] = "; ".join([row["note"], *(one["message"] for one in told)])
    return rows


def tested(model, rows, target, null):
    """Return scores of the rows to test by."""
    if isinstance(rows.test, learning.Lesson):
        return _scored(model, rows.test.X, rows.test.y)
    known, raw = models.of(model, target, null), rows.test
    y = known.answers(raw)
    given = y.is_not_null()
    X = known.table(raw)
    return _scored(model, X.filter(given), np.array(y.filter(given).to_list()))


def _scored(model, X, y):
    """Scores of a model for rows, and those of a constant."""
    if hasattr(model, "classes_"):
        places = {label: place for place, label in enumerate(model.classes_.tolist())}
        known = np.array([label in places for label in y.tolist()], bool)
        if not known.any():
            raise Mistake("no row to test by is of a class that the model knows; it has been saved", Code.UNFIT)
        if not known.all():
            output.note(f"{int((~known).sum()):,} rows to test by are of classes that the model has never seen")
        X, y = X.filter(known), y[known]
        scores = OfClasses(model.classes_)
        codes = [np.array([places[label] for label in labels.tolist()]) for labels in (y, model.predict(X))]
        scores.add(*codes, model.predict_proba(X))
    else:
        scores = OfNumbers()
        scores.add(y, model.predict(X))
    found, constant, _ = scores.result()
    return {"n_rows": len(y), "scores": found, "constant": constant}


def _share(test):
    """The share of rows to test by, None where that is a file."""
    try:
        share = float(test or "x")
    except ValueError:
        return None
    if not 0 < share < 1:
        raise Mistake(f"--test must be a share between 0 and 1, such as 0.2, or a file; got {test}")
    return share


def _split(lesson, share, seed):
    """Rows to learn from and rows to test by, groups whole."""
    splitter = ShuffleSplit if lesson.groups is None else GroupShuffleSplit
    with mistakes.of_data():
        splits = splitter(1, test_size=share, random_state=seed).split(lesson.y, groups=lesson.groups)
        return [_part(lesson, np.sort(rows)) for rows in next(splits)]


def _part(lesson, rows):
    own = {
        name: None if (values := getattr(lesson, name)) is None else values[rows] for name in ("y", "weight", "groups")
    }
    return replace(lesson, X=lesson.X[rows], **own)

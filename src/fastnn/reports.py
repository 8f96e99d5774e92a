"""What listens to a run of ``train``: its arguments, checked, and the listeners that they become.

Reports, validation, early stopping, limits of time, the callback, printed lines, the progress bar. Called by
``arguments`` and ``course``; the listeners themselves stand in ``training.listeners``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from fastnn.checks import check_count, check_flag, check_name, check_number
from fastnn.observed import decode_observed
from fastnn.progress import Bar
from fastnn.schedules import plateau
from fastnn.training.listeners import (
    Callback,
    EarlyStopping,
    History,
    Lines,
    MeanObjective,
    Plateau,
    ProgressBar,
    TimeLimit,
)
from fastnn.training.measures import Rows, check_track, columns_of, tracked_columns
from fastnn.training.schedules import Constant

#: What `track` may name here alone.
TRACKED = ("loss", "accuracy")

#: What `scoring` may name, and the column that is judged by.
SCORINGS = {"loss": "val_loss", "accuracy": "val_accuracy"}


@dataclass(frozen=True)
class Reports:
    """What is to be told, measured and judged: arguments of ``train`` under their names.

    Parameters
    ----------
    track : tuple of str
    bar : Bar or None
    """

    report_every: int | None
    callback: Callable | None
    verbose: bool
    bar: Bar | None
    track: tuple[str, ...]
    early_stopping: bool
    scoring: str | Callable
    n_iter_no_change: int
    min_delta: float
    max_time: float | None

    @cached_property
    def is_silent(self):
        """Whether nothing is to be told, measured or judged, unless there are rows to validate on."""
        return (
            self.callback is None and not self.verbose and self.bar is None and not self.track
            and not self.early_stopping and self.max_time is None
        )  # fmt: skip


def check_reports(
    iter_num, solver, is_validated, *, report_every, callback, verbose, progress, track, early_stopping, scoring,
    n_iter_no_change, min_delta, max_time,
):  # fmt: skip
    """Return the Reports that these arguments of ``train`` say."""
    if report_every is not None:
        report_every = check_count("report_every", report_every, minimum=1)
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable, got {callback!r}")
    verbose = check_flag("verbose", verbose)
    bar = Bar(iter_num) if check_flag("progress", progress) else None
    early_stopping = check_flag("early_stopping", early_stopping)
    if early_stopping and not is_validated:
        raise ValueError(
            "early_stopping=True needs validation_data=(X, y), or a validation_split, to measure val_loss on"
        )
    if not callable(scoring):
        check_name("scoring", scoring, SCORINGS)
    if scoring != "loss" and not is_validated:
        raise ValueError("scoring needs validation_data=(X, y), or a validation_split, to score")
    n_iter_no_change = check_count("n_iter_no_change", n_iter_no_change, minimum=1)
    min_delta = check_number("min_delta", min_delta, low=0.0)
    if max_time is not None:
        max_time = check_number("max_time", max_time, above=0.0)
    track = check_track(track, TRACKED, solver)
    return Reports(
        report_every, callback, verbose, bar, track, early_stopping, scoring, n_iter_no_change, min_delta, max_time
    )


def check_scored(reports, labels):
    """Refuse accuracies of what has no classes."""
    for argument, names in (("track", reports.track), ("scoring", (reports.scoring,))):
        if "accuracy" in names and not labels.are_classes:
            raise ValueError(
                f"{argument} names 'accuracy', but the outputs are read as {labels.kind}, not as one class label a "
                "row; use 'loss'" + (", or a function" if argument == "scoring" else "")
            )


class Listeners:
    """Those of one run, in the order in which they hear.

    Parameters
    ----------
    reports : Reports
    job : fastnn.training.run.Job
    data : fastnn.arguments.Data
    network : Network
    n_updates : int
    every : int
        Updates between two reports.
    l2 : float
    schedule : Constant or Planned
    learning_rate : float
        For the message of divergence.

    Attributes
    ----------
    all : list of Listener
    values : dict of lists
        What was measured.
    stopping : EarlyStopping or None
    """

    def __init__(self, reports, job, data, network, n_updates, every, l2, schedule, learning_rate):
        self.all, self.values, self.stopping = [], {}, None
        if reports.is_silent and data.validation is None and type(schedule) is Constant:
            return
        columns = _columns(reports, job, data, network, l2)
        history = History(every, columns, learning_rate) if columns else None
        self.values = values = self.values if history is None else history.values
        bar, is_validated = reports.bar, data.validation is not None
        slowing = None
        if isinstance(getattr(schedule, "plan", None), plateau):
            judged = (lambda _: values["val_loss"][-1]) if is_validated else MeanObjective(every)
            slowing = Plateau(every, schedule, judged)
        if reports.early_stopping or (reports.max_time is not None and is_validated):
            patience = reports.n_iter_no_change if reports.early_stopping else float("inf")
            name = SCORINGS.get(reports.scoring, "val_score")
            judged = partial(_last_loss, values, name), partial(_loss_now, columns, name)
            self.stopping = EarlyStopping(every, job.state, *judged, patience, reports.min_delta)
        listeners = [
            None if reports.max_time is None else TimeLimit(reports.max_time),
            history,
            Lines(every, n_updates, values, print if bar is None else bar.write) if reports.verbose else None,
            None if reports.callback is None else Callback(every, reports.callback, network),
            slowing,
            self.stopping,
            None if bar is None else ProgressBar(bar, values),
        ]
        self.all = [listener for listener in listeners if listener is not None]


def _last_loss(values, name):
    """What was measured last as a loss, which is the smaller, the better."""
    return values[name][-1] if name == "val_loss" else -values[name][-1]


def _loss_now(columns, name):
    """The same, of the parameters of the moment."""
    measured = {own: [measure(None)] for own, measure in columns.items() if own in ("val_loss", name)}
    return _last_loss(measured, name)


def _columns(reports, job, data, network, l2):
    """Columns of the history, name -> callable; those of rows of training first."""
    labels, track, validation = data.labels, reports.track, data.validation
    columns = {}
    if validation is not None or not {"loss", "accuracy"}.isdisjoint(track):
        sets = {} if data.feed is not None else {"": (job.X, job.y, job.sample_weight)}
        if validation is not None:
            sets["val_"] = validation
        has_accuracy = labels.are_classes and (validation is not None or "accuracy" in track)
        for prefix, data_of_set in sets.items():
            accuracy_of = labels.accuracy_of(data_of_set[1]) if has_accuracy else None
            columns |= columns_of(Rows(job, *data_of_set, has_accuracy), accuracy_of, prefix)
        columns = {name: columns[name] for name in sorted(columns, key=lambda name: name.endswith("accuracy"))}
    if callable(reports.scoring):
        X, y, _ = validation
        y = decode_observed(labels, y)
        y = list(map(_read_only, y)) if isinstance(y, list) else _read_only(y)
        columns["val_score"] = partial(_scored, reports.scoring, network, _read_only(X), y)
    return columns | tracked_columns(track, job, l2, (job.X, job.y, job.sample_weight))


def _read_only(array):
    """A view of an array that who scores cannot change: it may be the user's own. CSR rows as they are."""
    if not isinstance(array, np.ndarray):
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def _scored(score, network, X, y, moment):
    """The user's score of the network on the validation rows."""
    found = score(network, X, y)
    try:
        return float(found)
    except (TypeError, ValueError):
        raise TypeError(f"scoring must return a number, got {type(found).__name__} {found!r:.60}") from None

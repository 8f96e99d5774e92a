"""Checkpoints of an estimator's fit: what the fit is of, what there is to keep of it, and how it is put back in place.

Called by ``_trained``; when they are written, and in what files, is ``training.checkpoints``'.
"""

from contextlib import nullcontext

import numpy as np

from fastnn.estimators._parameters import parameters_of
from fastnn.identity import in_words
from fastnn.initial import generator_state, set_generator_state
from fastnn.resuming import check_checkpoint
from fastnn.state import COUNTERS
from fastnn.training.checkpoints import Checkpoints, check_rows, put, told_as_damaged
from fastnn.training.passes import Progress

#: Parameters that change no number, are told in another way, or may become larger.
NOT_ASKED = {"verbose", "callback", "progress", "checkpoint", "checkpoint_every", "max_iter", "max_fun", "warm_start"}


def check_fits(estimator, incremental):
    """Refuse calls that checkpoints say nothing of."""
    check_checkpoint(estimator.checkpoint, estimator.checkpoint_every, estimator.solver)
    if incremental:
        raise ValueError(
            "checkpoint is for fit: partial_fit is one pass, and its caller knows which rows come next; set "
            "checkpoint=None, and save the estimator between two calls"
        )
    if estimator.warm_start:
        raise ValueError(
            f"warm_start={estimator.warm_start!r} goes on from the weights that fit finds, checkpoint from those of "
            "its folder; set one of them"
        )


def checkpoints_of(estimator, samples, given, plan):
    """Return the Checkpoints of a fit, to be opened, or what stands for none.

    Parameters
    ----------
    estimator : MultilayerPerceptron
    samples : fastnn.training.passes.Samples
    given : fastnn.estimators._trained.Given
    plan : fastnn.schedules.Schedule or None
    """
    if estimator.checkpoint is None:
        return nullcontext()
    every, most = estimator.checkpoint_every, estimator.max_iter

    def identity():
        return _identity(estimator, samples, given.validation)

    return Checkpoints(estimator.checkpoint, every, identity, "max_iter", most, plan is None)


def _identity(estimator, samples, rows):
    """What a fit is of: name -> words."""
    names = parameters_of(type(estimator)).keys() - NOT_ASKED
    return {name: in_words(getattr(estimator, name)) for name in sorted(names)} | {
        **_samples_in_words(samples),
        "X_val, y_val or sample_weight_val": in_words(rows and (rows.X, rows.targets, rows.sample_weight)),
        "classes": in_words(estimator._labels()),
        "columns": in_words(getattr(estimator, "feature_names_in_", None)),
    }


def _samples_in_words(samples):
    if samples.feed is not None:  # whose rows come by and by: the first reading has said which they are
        return {"X": samples.feed.digest}
    return {
        "X": in_words(samples.X),
        "y": in_words(samples.y),
        "sample_weight": in_words((samples.sample_weight, samples.weight_unit)),
    }


@told_as_damaged()
def take_up(found, estimator, samples, course):
    """Put what was found in place: weights, optimizer, random numbers, the rows' course; return the Progress."""
    optimizer = estimator._optimizer
    set_generator_state(estimator._random_state, found["random"])
    put("parameters", found["parameters"], estimator._weights.network.parameters)
    put("the solver's numbers", found["moments"], optimizer.moments)
    put("counters", found["counters"].view(COUNTERS), optimizer.counters)
    optimizer.learning_rate = found["learning_rate"]
    samples.rows = found["learned"]
    course.order = found["progress"]["order"]
    return Progress(**found["progress"])


@told_as_damaged()
def known_of(found, n_rows, course_class):
    """Return the course of the rows as far as it is known: of what was found, or a new one."""
    if found is None:
        return course_class(n_rows)
    order, learned = found["progress"]["order"], found["learned"]
    check_rows("rows in order", order, n_rows if learned is None else len(learned), n_rows)
    check_rows("rows learned from", learned, None, n_rows)
    check_rows("rows held back", found["held_back"], None, n_rows)
    return course_class(n_rows, found["learned"], found["held_back"], found["seed"])


class Snapshot:
    """What a fit keeps beside its listeners; called with a `Moment`.

    Parameters
    ----------
    estimator : MultilayerPerceptron
    samples : fastnn.training.passes.Samples
        Before its rows are shuffled.
    course : fastnn.estimators._course.Course
    progress : fastnn.training.passes.Progress
    """

    def __init__(self, estimator, samples, course, progress):
        self.estimator, self.course, self.progress = estimator, course, progress
        self.learned = None if samples.rows is None else samples.rows.copy()

    def __call__(self, moment):
        optimizer = self.estimator._optimizer
        return {
            "parameters": self.estimator._weights.network.parameters,
            "moments": optimizer.moments,
            "learning_rate": optimizer.learning_rate,
            "counters": optimizer.counters.view(np.uint8),
            "progress": vars(self.progress),
            "random": generator_state(self.estimator._random_state),
            "learned": self.learned,
            "held_back": self.course.held_back,
            "seed": self.course.seed,
        }

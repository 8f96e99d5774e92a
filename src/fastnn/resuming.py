"""Checkpoints of ``train``: what its runs are of, what there is to keep of them, and how it is put back in place.

Called by ``train`` where checkpoints are asked for, and by ``course``, which carries the run out. An estimator has its
own in ``estimators``.
"""

import os

import numpy as np

from fastnn.checks import check_count
from fastnn.continuation import Continuation
from fastnn.identity import in_words
from fastnn.network import Network
from fastnn.portable import ModelFormatError
from fastnn.result import TrainResult
from fastnn.schedules import Schedule
from fastnn.state import COUNTERS, aligned_zeros, n_state
from fastnn.training.checkpoints import Checkpoints, check_rows, put, told_as_damaged

#: Settings that change no number, are told in another way, or may become larger.
NOT_ASKED = {"iter_num", "callback", "verbose", "progress", "n_threads", "is_validated", "dtype"}


def check_checkpoint(checkpoint, every, solver):
    """Refuse arguments of ``train``, or parameters of an estimator, that say no checkpoints; return `every`.

    Parameters
    ----------
    checkpoint : str, os.PathLike or None
    every : int or None
    solver : str
    """
    if checkpoint is None:
        raise ValueError(f"checkpoint_every={every!r} says how often, but checkpoint, the folder, is None; name one")
    if not isinstance(checkpoint, str | os.PathLike) or not os.fspath(checkpoint):
        raise TypeError(f"checkpoint must be the path of a folder, got {checkpoint!r}")
    if solver == "lbfgs":
        raise ValueError(
            "checkpoint is not available for solver='lbfgs', whose memory of earlier steps SciPy keeps to itself; "
            "leave checkpoint out, or use another solver"
        )
    return None if every is None else check_count("checkpoint_every", every, minimum=1)


def checkpoints_of(checkpoint, every, settings, shape, course, data, given):
    """Return the Checkpoints of a run of ``train``, to be opened.

    Parameters
    ----------
    checkpoint, every
        Arguments of ``train``.
    settings : fastnn.settings.Settings
    shape : fastnn.arguments.Shape
    course : fastnn.arguments.Course
    data : fastnn.arguments.Data
        As given: nothing set aside yet.
    given : dict
        Other arguments of ``train``: init, random_state, label_smoothing, validation_split.
    """
    every = check_checkpoint(checkpoint, every, course.training.solver)
    is_constant = not isinstance(course.alpha, Schedule)

    def identity():
        return _identity(settings, shape, course, data, given)

    return Checkpoints(checkpoint, every, identity, "iter_num", course.iter_num, is_constant)


def _identity(settings, shape, course, data, given):
    """What a run is of: name -> words."""
    asked = {**settings._asdict(), **given, "nn_structure": shape.sizes, "alpha": course.alpha}
    asked = {name: in_words(value) for name, value in asked.items() if name not in NOT_ASKED}
    asked |= {"dtype": shape.dtype.name, "backend": course.compute.__name__}
    if isinstance(given["init"], TrainResult):
        before, network = given["init"]._continuation, given["init"].network
        last = network.parameters if before.parameters is None else before.parameters
        asked["init"] = f"a result of {before.n_updates} updates, {in_words((last, before.optimizer))}"
    return asked | {
        **_data_in_words(data),
        "validation_data": in_words(data.validation),
        "classes": in_words(data.labels),
        "columns": in_words(data.feature_names),
    }


def _data_in_words(data):
    """Which rows they are: name -> words; of pieces, which come by and by, the first reading has said."""
    if data.feed is not None:
        return {"X": data.feed.digest}
    return {
        "X": in_words(data.X),
        "y": in_words(data.targets),
        "sample_weight and class_weight": in_words(data.sample_weight),
    }


@told_as_damaged()
def resumed(found, course, data, backend):
    """Return the Course that goes on from what was found, and the network as of then; the draws go on, too."""
    parameters = aligned_zeros(data.spec.n_parameters, data.spec.dtype)
    put("parameters", found["parameters"], parameters)
    optimizer = aligned_zeros(n_state(course.training.solver, len(parameters)), data.spec.dtype)
    put("the solver's numbers", found["optimizer"], optimizer)
    network = Network._from_parts(data.spec, parameters, data.labels, backend, data.feature_names)
    held, split = found["held"], found["validation_split"]
    n_samples, is_fed = data.n_rows - (0 if held is None else len(held)), data.feed is not None
    size = course.batch_size
    passes = (n_samples, None, None) if size is None or size >= n_samples else (n_samples, size, course.order)
    passes = (*passes, data.feed.half) if is_fed else passes
    check_rows("rows set aside", held, None, len(data.targets))
    updates_per_pass = 1 if size is None or size >= n_samples else -(-n_samples // size)
    of_pass, n_made = found["rows"], found["n_made"]
    n_rows = n_samples if course.order in ("shuffled", "sequential") else updates_per_pass * (size or 1)
    check_rows("rows", of_pass, None if is_fed else n_rows, n_samples)  # of a stretch: it will look itself
    if not 0 <= n_made < updates_per_pass + (of_pass is None):
        raise ModelFormatError(f"{n_made} updates of a pass of {updates_per_pass}: the checkpoint is damaged")
    course.draws.resume(found["random"])
    start = Continuation(
        course.training.solver, optimizer, found["counters"].view(COUNTERS), data.known, passes, of_pass,
        n_made, found["objective_of_pass"], course.draws, found["seed"], held=held, validation_split=split,
    )  # fmt: skip
    return course.beginning(start, course.draws), network


@told_as_damaged()
def made_before(found):
    """Return objective and cost of the updates that were made, and what was wrong with the start."""
    objective, cost = found["objective"], found["cost"]
    if len(objective) != len(cost):
        raise ModelFormatError("objective and cost of the checkpoint are not equally long: it is damaged")
    return (objective, cost), found["saturated_start"]


class Snapshot:
    """What a run of ``train`` keeps beside its listeners; called with a `Moment`.

    Parameters
    ----------
    job : fastnn.training.run.Job
    source : AllRows or Ordered
    data : fastnn.arguments.Data
    draws : fastnn.initial.Draws
    seed : int or None
        Of dropout.
    n_before : int
        Updates of earlier calls.
    earlier : tuple of two ndarrays, or None
        Objective and cost of the updates of this call that an earlier process made.
    saturated_start : tuple or None
    """

    def __init__(self, job, source, data, draws, seed, n_before, earlier, saturated_start):
        self.job, self.source, self.data, self.draws, self.seed = job, source, data, draws, seed
        self.n_before, self.saturated_start = n_before, saturated_start
        self.earlier = (np.empty(0), np.empty(0)) if earlier is None else earlier

    def __call__(self, moment):
        state, source, data = self.job.state, self.source, self.data
        n_own = moment.n_done - self.n_before - len(self.earlier[0])
        objective, cost = (
            np.concatenate([before, own[:n_own]]) for before, own in zip(self.earlier, moment.curves, strict=True)
        )
        rows, n_made, of_pass = source.rows, 0, None
        if rows is not None:
            n_made = moment.n_done - source.begun if source.begun is not None else source.n_made
            of_pass = moment.objective[:n_made]
        if n_made == source.updates_per_pass:
            rows, n_made, of_pass = None, 0, None
        return {
            "n_before": self.n_before,
            "parameters": state.parameters,
            "optimizer": state.optimizer,
            "counters": state.counters.view(np.uint8),
            "rows": rows,
            "n_made": n_made,
            "objective_of_pass": of_pass,
            "objective": objective,
            "cost": cost,
            "random": self.draws.state(),
            "seed": self.seed,
            "held": data.held,
            "validation_split": data.validation_split,
            "saturated_start": self.saturated_start,
        }

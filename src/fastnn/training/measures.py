"""What is measured of rows, those of training or others, by the parameters of the moment.

Listeners ask for it at reports. One forward pass gives loss and outputs; memory is taken and arrays are checked once.
"""

import math
from functools import partial
from time import perf_counter

import numpy as np

from fastnn.checks import check_name

#: What `track` may name on both faces.
TRACKED = ("learning_rate", "gradient_norm", "seconds")


def check_track(track, own, solver):
    """Return the names in `track`, which may be None, as a tuple; `own` are those of a face alone."""
    names = () if track is None else (track,) if isinstance(track, str) else track
    if not isinstance(names, tuple | list):
        raise TypeError(f"track must be a name or a list of names, got {track!r}")
    for name in names:
        check_name("track", name, (*own, *TRACKED))
        if name == "learning_rate" and solver in ("lbfgs", "levenberg_marquardt"):
            raise ValueError(f"track has 'learning_rate', which solver={solver!r} has not")
    return tuple(names)


def tracked_columns(names, job, l2, data):
    """Columns of a history, name -> callable, of those in `TRACKED`; `data`: X, y and weights of the rows."""
    columns = {}
    if "learning_rate" in names:
        columns["learning_rate"] = lambda moment: float(moment.rates[-1])
    if "gradient_norm" in names:
        columns["gradient_norm"] = GradientNorm(job, l2, *data)
    if "seconds" in names:
        columns["seconds"] = Clock()
    return columns


class Rows:
    """Rows that are measured again and again while a network is trained.

    Parameters
    ----------
    job : fastnn.training.run.Job
        Of whose network and objective; its own rows are not read.
    X : ndarray or CSR matrix of shape (n_samples, n_in)
    y : ndarray of shape (n_samples, n_out)
    sample_weight : ndarray of shape (n_samples,), or None
    shows_outputs : bool
        Whether `outputs` are wanted beside the loss.

    Attributes
    ----------
    outputs : ndarray of shape (n_samples, n_out), or None
        As of the last measurement.
    """

    def __init__(self, job, X, y, sample_weight, shows_outputs=False):
        self.job, network, self.parameters = job, job.state.network, job.state.parameters
        self.X, self.data, self._evaluation = X, (X, y, sample_weight), None
        self.outputs = np.empty((X.shape[0], network.n_out), network.dtype) if shows_outputs else None

    def loss(self, moment=None):
        """Measure; return the mean loss, without the penalty."""
        with np.errstate(over="ignore", invalid="ignore"):  # who asks looks whether it is finite
            return self.evaluation.at(self.parameters, None, self.outputs)

    def predict(self):
        """Find the outputs alone."""
        job = self.job
        job.backend.forward(job.state.network, self.parameters, self.X, self.outputs, job.n_threads)

    @property
    def evaluation(self):
        """Opened once."""
        if self._evaluation is None:
            job = self.job
            what = job.state.network, job.training.objective
            self._evaluation = job.backend.evaluation(*what, *self.data, 0.0, job.n_threads)
        return self._evaluation


class GradientNorm:
    """The norm of the objective's gradient, of all rows and what moves, with the L2 penalty's.

    Parameters
    ----------
    job : fastnn.training.run.Job
        Of whose network and objective; its own rows are not read.
    l2 : float
    X, y, sample_weight : ndarray
        The rows.
    """

    def __init__(self, job, l2, *data):
        network, self.parameters = job.state.network, job.state.parameters
        self.evaluation = job.backend.evaluation(network, job.training.objective, *data, l2, job.n_threads)
        self.gradient = np.empty_like(self.parameters)
        self.stands_still = network.standing_still(job.training.rates)

    def __call__(self, moment=None):
        with np.errstate(over="ignore", invalid="ignore"):
            self.evaluation.at(self.parameters, self.gradient)
            if self.stands_still is not None:
                self.gradient[self.stands_still] = 0
            return math.sqrt(np.square(self.gradient, dtype=np.float64).sum())


class Clock:
    """Seconds since it was made."""

    def __init__(self):
        self.since = perf_counter()

    def __call__(self, moment=None):
        return perf_counter() - self.since


def columns_of(rows, accuracy_of, prefix=""):
    """Columns of a history, name -> callable: the loss of some `Rows`, and then their accuracy where it makes sense.

    Parameters
    ----------
    rows : Rows
    accuracy_of : callable or None
        Of their outputs.
    prefix : str
        Before the names.
    """
    columns = {f"{prefix}loss": rows.loss}
    if accuracy_of is not None:
        columns[f"{prefix}accuracy"] = partial(_of_outputs, accuracy_of, rows)
    return columns


def _of_outputs(measure, rows, moment):
    """What is measured of outputs, as the loss before has left them."""
    return measure(rows.outputs)

"""Training by passes over the data, as scikit-learn's networks count: what the estimators share.

A pass draws the order of the rows, makes its updates in one call of the backend's ``run``, and is judged by its loss,
or by a score on rows that were held back. Here are the schedules of the learning rate, early stopping and the best
weights; a face supplies data and score, and turns what came of it into its own words. ``training`` counts updates.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from fastnn._tables import SOLVERS
from fastnn.state import COUNTERS, TrainingState, aligned_zeros

#: At or below this rate "adaptive" ends the training.
SMALLEST_RATE = 1e-6


class Optimizer:
    """A solver with what it remembers, which goes on from call to call: moments, counters, the rate of the moment.

    Parameters
    ----------
    training : TrainingSpec
    network : NetworkSpec
    learning_rate_init : float
    schedule : {"constant", "invscaling", "adaptive"}
        "invscaling": the rate / (rows seen + 1) ** power_t, from the second pass on. "adaptive": a fifth of it whenever
        the run would else be over for want of progress.
    power_t : float
    """

    def __init__(self, training, network, learning_rate_init, schedule="constant", power_t=0.5):
        self.training = training
        self.learning_rate = self.learning_rate_init = float(learning_rate_init)
        self.schedule, self.power_t = schedule, power_t
        self.moments = aligned_zeros(SOLVERS[training.solver] * network.n_parameters, network.dtype)
        self.counters = np.zeros(1, COUNTERS)

    def state(self, network, parameters):
        """The state of a run that goes on from here, on these parameters of a NetworkSpec."""
        if len(self.moments) != SOLVERS[self.training.solver] * network.n_parameters:
            raise ValueError(
                f"the network has {network.n_parameters} parameters now, which are not those that the solver's "
                "moments belong to; call fit to begin anew"
            )
        self.moments = np.require(self.moments, network.dtype, "CAW")  # those of a mapped file are not to be changed
        self.counters = np.require(self.counters, requirements="W")
        return TrainingState.of(network, parameters, self.moments, self.counters)

    def pass_ends(self, n_seen):
        """Take the rate of the next pass, after so many rows since the start."""
        if self.schedule == "invscaling":
            self.learning_rate = self.learning_rate_init / (n_seen + 1) ** self.power_t

    def slow_down(self):
        """Take a smaller rate; return whether there was one."""
        if self.schedule != "adaptive" or self.learning_rate <= SMALLEST_RATE:
            return False
        self.learning_rate /= 5.0
        return True


@dataclass
class Samples:
    """What a run learns from.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_in)
    y : ndarray of shape (n_samples, n_out)
    sample_weight : ndarray of shape (n_samples,), or None
        In units of `weight_unit`. None: all weigh 1.
    rows : ndarray of intp, or None
        The rows to learn from; None: all.
    weight_unit : float
        The engine, which knows ratios alone, sees weights that its dtype can hold; penalties are over the weights
        themselves.

    Arrays are C-contiguous and of the network's dtype.
    """

    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray | None = None
    rows: np.ndarray | None = None
    weight_unit: float = 1.0

    @property
    def n_rows(self):
        """How many rows a pass has."""
        return self.X.shape[0] if self.rows is None else len(self.rows)


class Batches:
    """The rows of each pass, cut into batches of `batch_size`, the last of which may be short.

    Each order is drawn from the one of the pass before, as scikit-learn does it: permutations composed.

    Parameters
    ----------
    rows : ndarray of intp
    batch_size : int
    random_state : numpy.random.RandomState or None
        None: always in their order.
    """

    def __init__(self, rows, batch_size, random_state):
        self.rows, self.random_state = rows, random_state
        self.starts = np.append(np.arange(0, len(rows), batch_size), len(rows)).astype(np.intp)
        self.sizes = np.diff(self.starts)

    def next_pass(self):
        """Return the rows of the next pass, batch after batch."""
        if self.random_state is not None:
            self.rows = self.rows[self.random_state.permutation(len(self.rows))]
        return self.rows


@dataclass
class Progress:
    """What training has come to; a warm start goes on from it.

    Parameters
    ----------
    n_seen : int
        Rows that updates were made from, repeats counted, since the start.
    n_passes : int
        Passes of the last run.
    loss_curve, scores : list of float
        One entry a pass.
    best_loss, best_score : float
    n_stale : int
        Passes since there was progress of more than tol.
    best_parameters : ndarray or None
        Those of the best score; None: the network's own, whatever becomes of them.
    """

    n_seen: int = 0
    n_passes: int = 0
    loss_curve: list = field(default_factory=list)
    scores: list = field(default_factory=list)
    best_loss: float = math.inf
    best_score: float = -math.inf
    n_stale: int = 0
    best_parameters: np.ndarray | None = None

    def judge_loss(self, tol):
        """See whether the last pass was progress; a loss that is NaN does not count against it."""
        loss = self.loss_curve[-1]
        self.n_stale = self.n_stale + 1 if loss > self.best_loss - tol else 0
        if loss < self.best_loss:
            self.best_loss = loss

    def judge_score(self, score, parameters, tol):
        """See it by a score, and keep the parameters of the best."""
        self.scores.append(score)
        self.n_stale = self.n_stale + 1 if score < self.best_score + tol else 0
        if score > self.best_score:
            self.best_score, self.best_parameters = score, parameters.copy()


@dataclass(frozen=True)
class Limits:
    """When a run ends: after `max_iter` passes, or `n_iter_no_change` without progress of more than `tol`."""

    max_iter: int
    tol: float
    n_iter_no_change: float


#: How a run ended.
CONVERGED, REACHED_MAX_ITER, INTERRUPTED, DIVERGED = "converged", "reached max_iter", "interrupted", "diverged"


def fit(
    backend,
    optimizer: Optimizer,
    network,
    parameters,
    samples: Samples,
    batch_size: int,
    random_state,
    alpha: float,
    limits: Limits,
    progress: Progress,
    score: Callable[[], float] | None = None,
    say: Callable[[str], None] | None = None,
):
    """Train `parameters` by passes over the samples; return how the run ended.

    Parameters
    ----------
    backend : module
    optimizer : Optimizer
        Goes on from where it is.
    network : NetworkSpec
    parameters : ndarray
        Flat; changed in place.
    samples : Samples
    batch_size : int
    random_state : numpy.random.RandomState or None
        Shuffles the rows before each pass; None: they stay in their order.
    alpha : float
        Each update's L2 penalty is alpha over the weight of its batch.
    limits : Limits
    progress : Progress
        Goes on from where it is.
    score : callable, optional
        Of the parameters of the moment; the run is judged by it and ends with the parameters of the best. It also
        ends after a pass whose loss is not finite; without a better score then with the parameters that it began with.
    say : callable, optional
        Gets the lines that scikit-learn prints when it is verbose.

    Returns
    -------
    {"converged", "reached max_iter", "interrupted", "diverged"}
    """
    progress.n_passes = 0
    start = parameters.copy() if score is not None else None
    try:
        ended = _make_passes(
            _Pass(backend, optimizer, network, parameters, samples, batch_size, random_state, alpha),
            limits,
            progress,
            score,
            say,
        )
    except KeyboardInterrupt:
        ended = INTERRUPTED
    if score is not None and progress.best_parameters is not None:
        parameters[:] = progress.best_parameters
        progress.best_parameters = None
    elif ended == DIVERGED:
        parameters[:] = start
    return ended


def _make_passes(one_pass, limits, progress, score, say):
    optimizer = one_pass.optimizer
    judge = "Training loss" if score is None else "Validation score"
    for _ in range(limits.max_iter):
        loss = one_pass.make()
        progress.n_passes += 1
        progress.n_seen += one_pass.n_rows
        progress.loss_curve.append(loss)
        if say:
            say(f"Iteration {progress.n_passes}, loss = {loss:.8f}")
        if score is None:
            progress.judge_loss(limits.tol)
        else:
            progress.judge_score(score(), one_pass.state.parameters, limits.tol)
            if say:
                say(f"Validation score: {progress.scores[-1]:f}")
        optimizer.pass_ends(progress.n_seen)
        if score is not None and not math.isfinite(loss):
            return DIVERGED
        if progress.n_stale > limits.n_iter_no_change:
            slows_down = optimizer.slow_down()
            if say:
                consequence = "Stopping."
                if slows_down:
                    consequence = f"Setting learning rate to {optimizer.learning_rate:f}"
                elif optimizer.schedule == "adaptive":
                    consequence = "Learning rate too small. Stopping."
                say(
                    f"{judge} did not improve more than tol={limits.tol:f} for {limits.n_iter_no_change:d} "
                    f"consecutive epochs. {consequence}"
                )
            if not slows_down:
                return CONVERGED
            progress.n_stale = 0
    return REACHED_MAX_ITER


class _Pass:
    """One pass after the other; the arrays of a call of ``run`` are made once."""

    def __init__(self, backend, optimizer, network, parameters, samples, batch_size, random_state, alpha):
        self.backend, self.optimizer = backend, optimizer
        self.alpha = alpha / samples.weight_unit
        self.n_rows = n_rows = samples.n_rows
        self.state = optimizer.state(network, parameters)
        rows = np.arange(n_rows, dtype=np.intp) if samples.rows is None else samples.rows
        self.batches = batches = Batches(rows, batch_size, random_state)
        self.is_whole = samples.rows is None and batch_size == n_rows  # the order of the rows is only one of sums
        self.weight = samples.sample_weight
        every = np.ones(samples.X.shape[0], network.dtype) if self.weight is None else self.weight
        self.data = samples.X, samples.y, every
        self.rates, self.objective, self.cost = (np.empty(len(batches.sizes)) for _ in range(3))
        self.l2 = alpha / batches.sizes
        self.shares = batches.sizes / n_rows

    def make(self):
        """Make the updates of the next pass; return its loss, the mean of the batches' by their numbers of rows."""
        batches = self.batches
        rows, starts = batches.next_pass(), batches.starts
        if self.weight is not None:
            totals = np.add.reduceat(self.weight[rows], starts[:-1], dtype=np.float64)
            np.divide(self.alpha, totals, out=self.l2, where=totals != 0)
            self.l2[totals == 0] = 0.0  # nothing is learned from such a batch, and nothing forgotten
        self.rates.fill(self.optimizer.learning_rate)
        if self.is_whole:
            rows = starts = None
        self.backend.run(
            self.state,
            self.optimizer.training,
            *self.data,
            rows,
            starts,
            self.rates,
            self.l2,
            self.objective,
            self.cost,
        )
        return float(self.objective.dot(self.shares))

"""Training as scikit-learn's networks count: by passes, each judged by its loss or by a score on rows held back.

What the estimators share: the optimizer that goes on from call to call, what training has come to, and the judge that
listens to a run. A face supplies data and score, and turns what came of it into its own words.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastnn._engine import mean_of_batches
from fastnn.checks import is_plain
from fastnn.rates import check_length
from fastnn.schedules import plateau
from fastnn.state import COUNTERS, TrainingState, aligned_zeros, n_state
from fastnn.training.batches import Composed
from fastnn.training.listeners import Listener, Plateau
from fastnn.training.manners import GoesOn
from fastnn.training.run import Job, run
from fastnn.training.schedules import OverWeight, Planned
from fastnn.training.stretches import ComposedStretches

#: How an optimizer changes its rate between passes.
SCHEDULES = ("constant", "invscaling", "adaptive")

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
        self.moments = aligned_zeros(n_state(training.solver, network.n_parameters), network.dtype)
        self.counters = np.zeros(1, COUNTERS)

    def state(self, network, parameters):
        """The state of a run that goes on from here, on these parameters of a NetworkSpec."""
        if len(self.moments) != n_state(self.training.solver, network.n_parameters):
            raise ValueError(
                f"the network has {network.n_parameters} parameters now, which are not those that the solver's "
                "moments belong to; call fit to begin anew"
            )
        if not (is_plain(self.moments, network.dtype) and self.moments.flags.writeable):
            self.moments = np.require(self.moments, network.dtype, "CAW")  # a mapped file is not to be changed
        if not self.counters.flags.writeable:
            self.counters = self.counters.copy()
        return TrainingState.of(network, parameters, self.moments, self.counters)

    def pass_ends(self, n_seen):
        """Take the rate of the next pass, after so many rows since the start."""
        if self.schedule == "invscaling":
            self.learning_rate = self._scaled(n_seen)

    def _scaled(self, n_seen):
        return self.learning_rate_init / (n_seen + 1) ** self.power_t

    def rates_ahead(self, n_passes, n_seen, n_rows):
        """The rate of each of the passes to come, of so many rows, where no schedule but "adaptive" is another's."""
        if self.schedule == "constant":
            return np.full(n_passes, self.learning_rate)
        later = [self._scaled(n_seen + i * n_rows) for i in range(1, n_passes)]
        return np.array([self.learning_rate, *later])

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
    selected : ndarray of intp, or None
        The rows that there are for this run, in their order, before some were held back; None: all. Of the others,
        targets and weights are not read.
    feed : fastnn.pieces.feed.Feed, optional
        Whose arrays these are, where they have some rows at a time.
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
    selected: np.ndarray | None = None
    feed: Any = None

    @property
    def n_rows(self):
        """How many rows a pass has."""
        if self.feed is not None:
            return self.feed.n_rows
        return self.X.shape[0] if self.rows is None else len(self.rows)

    @property
    def seen(self):
        """X and y to look at, and which of their rows: None, all."""
        X = self.X if self.feed is None else self.feed.sample
        return X, self.y[: X.shape[0]], self.selected


@dataclass
class Progress:
    """What training has come to; a warm start goes on from it.

    Parameters
    ----------
    n_seen : int
        Rows that updates were made from, repeats counted, since the start.
    n_passes : int
        Passes of the last run.
    loss_curve, scores, validation_losses : list of float
        One entry a pass; of the last two NaN, or none yet, where nothing was measured.
    tracked : dict of lists
        Likewise, what else is measured.
    best_loss, best_score : float
    n_stale : int
        Passes since there was progress of more than tol.
    best_parameters : ndarray or None
        Those of the best score; None: the network's own, whatever becomes of them.
    order : ndarray of intp, or None
        Of the rows in the last pass, which the next is drawn from; None: their own.
    last_parameters, given_back : ndarray or None
        Those of the last update and the best ones, where these were given back.
    """

    n_seen: int = 0
    n_passes: int = 0
    loss_curve: list = field(default_factory=list)
    scores: list = field(default_factory=list)
    validation_losses: list = field(default_factory=list)
    tracked: dict = field(default_factory=dict)
    best_loss: float = math.inf
    best_score: float = -math.inf
    n_stale: int = 0
    best_parameters: np.ndarray | None = None
    order: np.ndarray | None = None
    last_parameters: np.ndarray | None = None
    given_back: np.ndarray | None = None

    def take(self, loss, n_rows):
        """Count a pass."""
        self.n_passes += 1
        self.n_seen += n_rows
        self.loss_curve.append(loss)

    def judge_loss(self, tol):
        """See whether the last pass was progress; a loss that is NaN does not count against it."""
        loss = self.loss_curve[-1]
        self.n_stale = self.n_stale + 1 if loss > self.best_loss - tol else 0
        if loss < self.best_loss:
            self.best_loss = loss

    def validate(self, validation, parameters, tol=0.0, say=None):
        """Measure other rows; where this is to be judged by, see whether there was progress, and keep the best."""
        loss, score = validation.measure()
        if loss is not None:
            self._enter(loss, self.validation_losses)
        if score is not None:
            self._enter(score, self.scores)
            if say:
                say(f"Validation score: {score:f}")
        if validation.judges:
            self.n_stale = self.n_stale + 1 if score < self.best_score + tol else 0
        if validation.judges or validation.keeps_best:
            self._keep_best(-loss if score is None else score, parameters)

    def _enter(self, value, values):
        """Append that of the last pass; passes of earlier runs that measured nothing have NaN."""
        values.extend([math.nan] * (len(self.loss_curve) - 1 - len(values)))
        values.append(value)

    def _keep_best(self, score, parameters):
        if score > self.best_score:
            self.best_score = score
            if self.best_parameters is None:
                self.best_parameters = parameters.copy()
            else:
                self.best_parameters[:] = parameters

    def give_back(self, parameters):
        """Put the best parameters in place of the last, which stay at hand, if there are any; return whether."""
        if self.best_parameters is None:
            return False
        self.last_parameters = parameters.copy()
        parameters[:] = self.given_back = self.best_parameters
        self.best_parameters = None
        return True


@dataclass(frozen=True)
class Limits:
    """When a run ends: after `max_iter` passes, or `n_iter_no_change` without progress of more than `tol`."""

    max_iter: int
    tol: float
    n_iter_no_change: float


@dataclass
class Validation:
    """What is measured of other rows after each pass.

    Parameters
    ----------
    measure : callable
        Returns the loss and the score by the parameters of the moment, None for what is not asked for.
    judges : bool
        Whether a run ends, and which parameters it ends with, by the score in place of the loss of training.
    keeps_best : bool
        Whether a run ends with the parameters of the best score, in any case.
    """

    measure: Callable[[], tuple[float | None, float | None]]
    judges: bool = False
    keeps_best: bool = False


#: How a run ended; stopped: by a listener.
CONVERGED, REACHED_MAX_ITER, INTERRUPTED = "converged", "reached max_iter", "interrupted"
DIVERGED, STOPPED = "diverged", "stopped"


def job_of(backend, optimizer, network, parameters, samples):
    """Return the Job of training the flat `parameters` of a NetworkSpec, in place, from where an Optimizer is."""
    state = optimizer.state(network, parameters)
    return Job(backend, state, optimizer.training, samples.X, samples.y, samples.sample_weight)


def fit(
    job: Job,
    optimizer: Optimizer,
    samples: Samples,
    batch_size: int,
    random_state,
    alpha: float,
    limits: Limits,
    progress: Progress,
    validation: Validation | None = None,
    plan=None,
    say: Callable[[str], None] | None = None,
    watch: Callable[[int, int], list] = lambda every, n_updates: [],
    checkpoints=None,
    snapshot: Callable[[Any], dict] | None = None,
    is_own: bool = False,
    source=None,
):
    """Train by passes over the samples; return how the run ended.

    Parameters
    ----------
    job : Job
        Of `job_of`, with this optimizer and these samples.
    optimizer : Optimizer
        Goes on from where it is.
    samples : Samples
    batch_size : int
    random_state : numpy.random.RandomState or None
        Shuffles the rows before each pass; None: they stay in their order.
    alpha : float
        Each update's L2 penalty is alpha over the weight of its batch.
    limits : Limits
    progress : Progress
        Goes on from where it is.
    validation : Validation, optional
        If it judges, a run also ends after a pass whose loss is not finite; without a better score then with the
        parameters that it began with.
    plan : fastnn.schedules.Schedule, optional
        Of the rates; None: the optimizer's.
    say : callable, optional
        Gets the lines that scikit-learn prints when it is verbose.
    watch : callable, optional
        Returns more listeners, which hear last, from the updates of a pass and of the longest run.
    checkpoints : fastnn.training.checkpoints.Checkpoints, optional
        What they have found is in place already, in progress and optimizer.
    snapshot : callable, optional
        For these.
    is_own : bool, default False
        Whether nobody else draws from `random_state` meanwhile.
    source : optional
        Of the passes, where they are not drawn here from the rows of the samples.

    Returns
    -------
    {"converged", "reached max_iter", "interrupted", "diverged", "stopped"}
    """
    found = None if checkpoints is None else checkpoints.found
    n_before = 0 if found is None else found["n_done"]
    if found is None:
        progress.n_passes = 0
    parameters = job.state.parameters
    judges = validation is not None and validation.judges
    start = parameters.copy() if judges and progress.best_parameters is None else None
    if source is None:
        source = _source_of(samples, batch_size, random_state, progress, is_own)
    schedule = OverWeight(optimizer, alpha / samples.weight_unit, source, samples.sample_weight)
    judge = Judge(source, optimizer, parameters, limits, progress, validation, say)
    n_updates, listeners = limits.max_iter * source.updates_per_pass, [judge]
    if plan is not None:
        check_length(plan, n_updates, f"{source.updates_per_pass} in each of {limits.max_iter} epochs")
        schedule = Planned(plan, n_updates, schedule)
    if isinstance(plan, plateau):
        listeners.append(Plateau(source.updates_per_pass, schedule, lambda moment: progress.loss_curve[-1]))
    listeners += watch(source.updates_per_pass, n_updates)
    n_left = n_updates - n_before
    if checkpoints is not None:
        schedule.skip(n_before)
        every = source.updates_per_pass
        checkpoints.listen(listeners, snapshot, every, every, n_before, n_updates)
        n_left = 0 if checkpoints.has_ended else n_left
    if samples.feed is not None:
        source.expects(n_left)
    outcome = run(job, source, schedule, listeners, GoesOn(), n_left, keeps_curves=False, n_before=n_before)
    ended = judge.ended if outcome.error is None else INTERRUPTED
    if ended == REACHED_MAX_ITER and n_before + outcome.n_done < n_updates:
        ended = STOPPED
    if not progress.give_back(parameters) and ended == DIVERGED:
        parameters[:] = start
    return ended


def _source_of(samples, batch_size, random_state, progress, is_own):
    """Where rows come from; the order of those that are all there goes on in `progress`."""
    if samples.feed is not None:
        return ComposedStretches(samples.feed, batch_size, random_state)
    rows = progress.order
    if rows is None:
        rows = np.arange(samples.n_rows, dtype=np.intp) if samples.rows is None else samples.rows.copy()
    progress.order = rows
    is_whole = samples.rows is samples.selected and batch_size == samples.n_rows
    return Composed(rows, batch_size, random_state, is_whole, samples.selected, is_own)


def update(backend, optimizer, network, parameters, X, y, alpha, limits, progress):
    """Make a pass that is one update of all rows, which weigh 1, as `fit` makes it; return whether it was made.

    Without the run, its listeners and sources, which are for many: of a few rows they would take most of the time.
    """
    progress.n_passes = 0
    state = optimizer.state(network, parameters)
    objective, cost = np.empty(1), np.empty(1)
    opened = backend.begin(state, optimizer.training, X, y, None, len(X))
    try:
        opened.advance(None, None, np.array([optimizer.learning_rate]), np.array([alpha / len(X)]), objective, cost)
    except KeyboardInterrupt:
        return False
    finally:
        opened.end()
    progress.take(float(objective[0]), len(X))
    progress.judge_loss(limits.tol)
    optimizer.pass_ends(progress.n_seen)
    if progress.n_stale > limits.n_iter_no_change and optimizer.slow_down():
        progress.n_stale = 0
    return True


class Judge(Listener):
    """Judges each pass by its loss, the mean of the batches' by their numbers of rows, or by a score.

    Parameters
    ----------
    source : Composed
    optimizer : Optimizer
        Takes another rate after a pass, or where there was no progress.
    parameters : ndarray
        Those of the moment.
    limits, progress, validation, say
        As for `fit`.

    Attributes
    ----------
    ended : str
        How the run ended, or will if nothing else happens.
    """

    def __init__(self, source, optimizer, parameters, limits, progress, validation, say):
        super().__init__(source.updates_per_pass)
        self.n_rows = int(source.sizes.sum())
        self.shares = source.sizes / self.n_rows
        self.optimizer, self.parameters, self.limits, self.progress = optimizer, parameters, limits, progress
        self.validation, self.say = validation, say
        self.judges = validation is not None and validation.judges
        self.ended = REACHED_MAX_ITER
        self.is_plain = validation is None and say is None

    def ends(self):
        """The engine, which has judged in its place, says that there was no progress for too long."""
        self.ended = CONVERGED

    def hear(self, moment):
        progress, limits = self.progress, self.limits
        loss = mean_of_batches(moment.objective, self.shares)
        progress.take(loss, self.n_rows)
        if self.say:
            self.say(f"Iteration {progress.n_passes}, loss = {loss:.8f}")
        if self.validation is not None:
            progress.validate(self.validation, self.parameters, limits.tol, self.say)
        if not self.judges:
            progress.judge_loss(limits.tol)
        self.optimizer.pass_ends(progress.n_seen)
        if self.judges and not math.isfinite(loss):
            self.ended = DIVERGED
            return True
        return progress.n_stale > limits.n_iter_no_change and not self._goes_on()

    def to_save(self):
        return {"ended": self.ended}

    def resume(self, saved, n_made):
        self.ended = saved["ended"]

    def _goes_on(self):
        """Whether there is a smaller rate to go on with, where there was no progress for too long."""
        optimizer, limits = self.optimizer, self.limits
        slows_down = optimizer.slow_down()
        if self.say:
            consequence = "Stopping."
            if slows_down:
                consequence = f"Setting learning rate to {optimizer.learning_rate:f}"
            elif optimizer.schedule == "adaptive":
                consequence = "Learning rate too small. Stopping."
            self.say(
                f"{'Validation score' if self.judges else 'Training loss'} did not improve more than "
                f"tol={limits.tol:f} for {limits.n_iter_no_change:d} consecutive epochs. {consequence}"
            )
        if slows_down:
            self.progress.n_stale = 0
        else:
            self.ended = CONVERGED
        return slows_down

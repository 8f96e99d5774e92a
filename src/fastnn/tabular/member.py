"""One member: a network for a table, trained by the one loop, whose best epoch on the rows held back is given back.

Who trains several of them, and how long each may take, ``members`` and ``pacing`` say.
"""

from dataclasses import dataclass, replace

import numpy as np

from fastnn.backends import BACKENDS
from fastnn.initial import Draws
from fastnn.objective import Objective
from fastnn.spec import NetworkSpec
from fastnn.state import TrainingState
from fastnn.tabular import recipe as recipes
from fastnn.training.batches import AllRows, Ordered
from fastnn.training.listeners import Listener
from fastnn.training.manners import DivergenceError, Raises, divergence
from fastnn.training.measures import Rows
from fastnn.training.run import Job, run
from fastnn.training.schedules import Constant, Planned

ENGINE = BACKENDS["simd"]

#: How often a training that diverged is begun again, and what its rate is divided by.
RETRIES, SLOWER = 3, 4


@dataclass
class Task:
    """What all members have alike: how they are trained, what they are, and what is made small."""

    recipe: recipes.Recipe
    network: NetworkSpec
    objective: Objective


@dataclass
class Trained:
    """What came of a member: its flat parameters, the epoch they are of, their score or None, an entry an epoch.

    `rate` is the learning rate, which is lower than the recipe's where training diverged by that.
    """

    parameters: np.ndarray
    best_epoch: float
    best: float | None
    history: dict
    rate: float


class Judge(Listener):
    """Scores each epoch, the smaller the better, and keeps the parameters of the best, of several the last.

    Parameters
    ----------
    every : int
        Updates of an epoch.
    state : TrainingState
    name : str
        Of the score in the history.
    measure : callable or None
        None: nothing to judge by; the last epoch is the best.
    rate : float
    hears : callable
        Gets this judge after each epoch.
    """

    def __init__(self, every, state, name, measure, rate, hears):
        super().__init__(every)
        self.state, self.name, self.measure, self.rate, self.hears = state, name, measure, rate, hears
        self.best, self.best_epoch, self.parameters = None, 0.0, None
        self.history = {"epoch": [], "loss": [], **({} if measure is None else {name: []})}

    def hear(self, moment):
        values = [moment.n_done / self.every, moment.mean()]
        if self.measure is not None:
            values.append(score := self.measure())
            if not np.isfinite(score):
                raise divergence(f"{self.name} is {score} after epoch {values[0]:g}", self.rate)
        if self.best is None or score <= self.best:
            if self.parameters is None:
                self.parameters = np.empty_like(self.state.parameters)
            self.parameters[:] = self.state.parameters
            self.best_epoch, self.best = values[0], None if self.measure is None else score
        for column, value in zip(self.history.values(), values, strict=True):
            column.append(value)
        self.hears(self)
        return False

    def trained(self):
        """Return what has come of the member so far, None if that is nothing."""
        if self.parameters is None:
            return None
        return Trained(self.parameters, self.best_epoch, self.best, self.history, self.rate)


def train(task, learned, held, seed, *, pacing=None, score=None, begins=lambda _: None, hears=lambda _: None):
    """Train one; again at a lower rate where it diverges.

    Parameters
    ----------
    task : Task
    learned, held : Learned
        Without rows held back the last epoch counts.
    seed : int
    pacing : Pacing, optional
        How many updates there is time for.
    score : callable, optional
        What the best epoch is chosen by, in place of the loss: gets that and the outputs of the rows held back.
    begins, hears : callable
        Get the `Judge`, before the first epoch and after each.

    Returns
    -------
    trained : Trained

    Raises
    ------
    DivergenceError
        If it diverges at the lowest rate, too.
    KeyboardInterrupt
        On a Ctrl-C; the judge has what there is.
    """
    recipe = task.recipe
    for _ in range(RETRIES):
        try:
            return _train(task, recipe, learned, held, seed, pacing, score, begins, hears)
        except DivergenceError:
            recipe = replace(recipe, learning_rate=recipe.learning_rate / SLOWER)
    return _train(task, recipe, learned, held, seed, pacing, score, begins, hears)


def source_of(recipe, n_rows, draws):
    """Return where the rows of each update come from."""
    size = recipes.batch_rows(recipe, n_rows)
    return Ordered(n_rows, size, "shuffled", draws, drops_last=True) if size < n_rows else AllRows(n_rows)


def updates_of_pass(task, learned):
    """Return how many updates go once through the rows."""
    return source_of(task.recipe, len(learned), None).updates_per_pass


def begun(task, recipe, learned, draws, n_updates):
    """Return a job of so many updates, on its start weights."""
    state = TrainingState(task.network, "adam")
    recipes.start(recipe, task.network, learned.X, draws, state.parameters)
    seed = int(draws.integers(2**31 - 1, ()))
    training = recipes.training_of(recipe, task.network, task.objective, n_updates, seed)
    return Job(ENGINE, state, training, learned.X, learned.y, learned.sample_weight, 1)


def _train(task, recipe, learned, held, seed, pacing, score, begins, hears):
    draws = Draws(seed)
    source = source_of(recipe, len(learned), draws)
    n_updates = recipe.max_epochs * source.updates_per_pass
    if pacing is not None:
        n_updates = pacing.plan(n_updates, source.updates_per_pass)
    job = begun(task, recipe, learned, draws, n_updates)
    schedule = Planned(recipes.rates_of(recipe), n_updates, Constant(recipe.learning_rate, 0.0))
    name = "val_loss" if score is None else "val_score"
    judge = Judge(source.updates_per_pass, job.state, name, _measure(job, held, score), recipe.learning_rate, hears)
    begins(judge)
    listeners = [judge]
    if pacing is not None:
        schedule = pacing.paced(schedule)
        listeners = [pacing, judge]
    manner = Raises(job.state, recipe.learning_rate)
    outcome = run(job, source, schedule, listeners, manner, n_updates, keeps_curves=False)
    if outcome.error is not None:
        raise outcome.error
    return judge.trained()


def _measure(job, held, score):
    """What scores an epoch, or None."""
    if not len(held):
        return None
    rows = Rows(job, held.X, held.y, held.sample_weight, score is not None)
    return rows.loss if score is None else lambda: score(rows.loss(), rows.outputs)

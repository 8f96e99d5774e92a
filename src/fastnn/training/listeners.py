"""Those that a run reports to: measurement, printed lines, the callback, early stopping, the progress bar.

A listener says by ``next_stop`` after which update the run shall pause at the latest, by ``is_due`` whether a pause is
its own, and gets the `Moment` then; what it returns says whether the run should end. All that are due hear it, in the
order in which they were handed over. A run without listeners makes no pauses.
"""

import math
import sys
from time import perf_counter

import numpy as np

from fastnn.pace import Pace
from fastnn.training.manners import divergence


class Moment:
    """Where a run is; there is one of a run, which moves on.

    Attributes
    ----------
    n_done : int
        Updates made, with those of earlier runs that this one goes on from.
    n_new : int
        Of them, those since the last pause.
    objective : ndarray
        Of the updates of the pass so far, each of its batch.
    rates : ndarray
        The learning rates of the updates since the last pause.
    sizes : ndarray
        Rows of each batch of a pass.
    is_last : bool
        Whether the run ends here, by itself or as its time is up.
    has_converged : bool
        Whether the updates say themselves that they are enough.
    wants_to_end : bool
        Whether it ends before all its updates are made, as far as those before have said.
    curves : tuple of two ndarrays
        Objective and cost, where those of the whole run are kept: this run's updates, of which the first are made.
    """

    __slots__ = (
        "curves", "has_converged", "is_last", "n_done", "n_new", "objective", "rates", "sizes", "wants_to_end",
    )  # fmt: skip

    def __init__(self, sizes):
        self.sizes = sizes

    def mean(self, n_before=0):
        """The mean objective, by rows, of the updates after `n_before`, as far as they are of this pass."""
        end = min(len(self.objective), len(self.sizes))
        n = min(self.n_done - n_before, end)
        if n == 1:
            return float(self.objective[-1])
        sizes = self.sizes[end - n : end]
        return float(self.objective[-n:].dot(sizes) / sizes.sum())


class Listener:
    """One that hears every so many updates, and at the end.

    Parameters
    ----------
    every : int
    """

    #: Whether it wants to see the solver's state, which is the backend's own while a run is open.
    reads_solver = False

    #: Whether the engine can hear each pass in its place.
    is_plain = False

    #: Of those who go by the time.
    every = math.inf

    def __init__(self, every):
        self.every = every

    def next_stop(self, n_done):
        return n_done - n_done % self.every + self.every

    def is_due(self, moment):
        return moment.is_last or moment.n_done % self.every == 0

    def hear(self, moment):
        """Hear where the run is; return whether it should end."""
        raise NotImplementedError

    def finish(self, n_done):
        """The run has ended well, after so many updates."""

    def forget(self, n_done):
        """What was heard after so many updates did not happen."""

    def to_keep(self):
        """Return what a later run goes on from, as plain data and arrays; None: nothing."""

    def go_on(self, kept):
        """Go on from what `to_keep` of one of the same class returned, before the run begins."""

    def to_save(self):
        """Return what the same run goes on from in another process, as plain data and arrays; None: nothing."""

    def resume(self, saved, n_made):
        """Go on from what `to_save` returned, or None, after so many updates."""


class History(Listener):
    """What is measured at each report, in columns.

    Parameters
    ----------
    every : int
    columns : dict of callables
        Name -> what gives its number at a `Moment`, asked in this order.
    learning_rate : float
        For the message of divergence.

    Attributes
    ----------
    values : dict of lists
    """

    def __init__(self, every, columns, learning_rate):
        super().__init__(every)
        self.columns, self.learning_rate, self.values = columns, learning_rate, {}

    def hear(self, moment):
        values = {"iteration": moment.n_done}
        values |= {name: measure(moment) for name, measure in self.columns.items()}
        for name in ("loss", "val_loss"):
            if not np.isfinite(values.get(name, 0.0)):
                raise divergence(f"{name} is {values[name]} after update {moment.n_done}", self.learning_rate)
        for name, value in values.items():
            self.values.setdefault(name, []).append(value)
        return False

    def to_save(self):
        clock = self.columns.get("seconds")
        return {"values": self.values, "seconds": 0.0 if clock is None else clock()}

    def resume(self, saved, n_made):
        self.values.update(saved["values"])
        if "seconds" in self.columns:
            self.columns["seconds"].since -= saved["seconds"]

    def forget(self, n_done):
        """Drop the reports after an iteration, and one that was not finished."""
        kept = sum(reported <= n_done for reported in self.values.get("iteration", []))
        kept = min([kept, *map(len, self.values.values())])
        for values in self.values.values():
            del values[kept:]


class Lines(Listener):
    """A printed line at each report.

    Parameters
    ----------
    every : int
    n_updates : int
        Of the whole run.
    values : dict of lists
        Of a `History`.
    write : callable
    """

    def __init__(self, every, n_updates, values, write):
        super().__init__(every)
        self.n_updates, self.values, self.write = n_updates, values, write
        self.mean_of = MeanObjective(every)

    def hear(self, moment):
        line = f"Iteration {moment.n_done} of {self.n_updates}, loss {self.mean_of(moment):.6f}"
        for name in ("val_loss", "val_accuracy", "val_score"):
            if name in self.values:
                line += f", {name} {self.values[name][-1]:.6f}"
        self.write(line)
        return False


def says_end(answer, what="run"):
    """Whether a callback's answer ends the run, or what else it is called."""
    try:
        return bool(answer)
    except ValueError:  # an array of several numbers is neither true nor false
        raise TypeError(
            f"callback must return True, to end the {what}, or None or False; "
            f"got {type(answer).__name__} {answer!r:.60}"
        ) from None


class Callback(Listener):
    """The user's function, with the number of updates, the mean objective since the last call, and the live network."""

    def __init__(self, every, function, network):
        super().__init__(every)
        self.function, self.network = function, network
        self.mean_of = MeanObjective(every)

    def hear(self, moment):
        return says_end(self.function(moment.n_done, self.mean_of(moment), self.network))


class EarlyStopping(Listener):
    """The best parameters given back, and the end after some reports without progress.

    Parameters
    ----------
    every : int
    state : TrainingState
    loss : callable
        What is judged by, as it was measured last: the smaller, the better.
    measure : callable
        The same, measured anew.
    n_iter_no_change : float
        Reports; inf: only the best parameters are kept.
    min_delta : float
        What counts as progress is smaller than the best loss by more than this.

    Attributes
    ----------
    best_iteration : int or None
        The updates after which the parameters given back stood; None before the run has ended.
    last_parameters : ndarray or None
        Those of the last update, where others were given back.
    """

    def __init__(self, every, state, loss, measure, n_iter_no_change, min_delta=0.0):
        super().__init__(every)
        self.state, self.loss, self.measure = state, loss, measure
        self.n_iter_no_change, self.min_delta = n_iter_no_change, min_delta
        self.best_loss, self.best_parameters, self.n_stale = np.inf, None, 0
        self.best_so_far, self.best_iteration = 0, None
        self.last_parameters = self.before_extra = None

    def hear(self, moment):
        if moment.n_done % self.every != 0:  # a report that a run which went on would not have made here
            self.before_extra = self.to_keep()
        loss = self.loss()
        self.n_stale = 0 if loss < self.best_loss - self.min_delta else self.n_stale + 1
        if loss < self.best_loss:
            self.best_loss, self.best_so_far = loss, moment.n_done
            if self.best_parameters is None:
                self.best_parameters = self.state.parameters.copy()
            else:
                self.best_parameters[:] = self.state.parameters
        return self.n_stale >= self.n_iter_no_change

    def finish(self, n_done):
        if self.best_parameters is not None:
            self.last_parameters = self.state.parameters.copy()
            self.state.parameters[:] = self.best_parameters
            self.best_iteration = self.best_so_far

    def to_keep(self):
        return self._now() if self.before_extra is None else self.before_extra

    def _now(self):
        best = None if self.best_parameters is None else self.best_parameters.copy()
        return {"loss": self.best_loss, "parameters": best, "n_stale": self.n_stale, "iteration": self.best_so_far}

    def go_on(self, kept):
        best = kept["parameters"]
        self.best_loss, self.n_stale, self.best_so_far = kept["loss"], kept["n_stale"], kept["iteration"]
        if best is None:
            return
        self.best_parameters, last = best.copy(), self.state.parameters.copy()
        self.state.parameters[:] = best
        try:
            self.best_loss = self.measure()
        finally:
            self.state.parameters[:] = last
        if self.best_loss != kept["loss"]:  # other rows, or another score: what was no progress by it counts no more
            self.n_stale = 0

    def to_save(self):
        return {"now": self._now(), "before_extra": self.before_extra}

    def resume(self, saved, n_made):
        self._take(saved["now"])
        self.before_extra = saved["before_extra"]

    def forget(self, n_done):
        if self.before_extra is not None:
            self._take(self.before_extra)
            self.before_extra = None

    def _take(self, kept):
        self.best_loss, self.n_stale, self.best_so_far = kept["loss"], kept["n_stale"], kept["iteration"]
        self.best_parameters = kept["parameters"]


class TimeLimit(Listener):
    """The end once the time is up; looks at the clock often enough, whatever an update takes.

    Those that are handed over after it hear of the last update.

    Parameters
    ----------
    seconds : float
    """

    #: Seconds between two looks at most, and their share of the time at most.
    INTERVAL, SHARE = 0.02, 0.01

    def __init__(self, seconds):
        self.seconds, self.ends = seconds, perf_counter() + seconds
        self.pace = Pace(min(self.INTERVAL, self.SHARE * seconds), sys.maxsize)

    def next_stop(self, n_done):
        return n_done + self.pace.stride

    def is_due(self, moment):
        return True

    def hear(self, moment):
        self.pace.is_time(moment.n_new)
        is_up = perf_counter() >= self.ends
        moment.is_last = moment.is_last or is_up
        return is_up

    def to_save(self):
        return {"elapsed": perf_counter() - self.ends + self.seconds}

    def resume(self, saved, n_made):
        self.ends -= saved["elapsed"]


class Plateau(Listener):
    """Lowers the rate when the loss has not fallen for some reports: PyTorch's ReduceLROnPlateau.

    Parameters
    ----------
    every : int
    schedule : fastnn.training.schedules.Planned
        Of a `fastnn.schedules.plateau`.
    measure : callable
        Gives the loss of a `Moment`.
    """

    def __init__(self, every, schedule, measure):
        super().__init__(every)
        self.schedule, self.plan, self.measure = schedule, schedule.plan, measure
        self.n_warm = self.plan.n_warm(schedule.n_updates)
        self.best, self.n_bad, self.n_cool = np.inf, 0, 0
        schedule.lowest = self.plan.min_lr

    def is_due(self, moment):  # not at the end of a run between two reports: one that went on would not have been
        return moment.n_done % self.every == 0

    def hear(self, moment):
        if moment.n_done <= self.n_warm:
            return False
        loss = self.measure(moment)
        if self.plan.is_better(loss, self.best):
            self.best, self.n_bad = loss, 0
        else:
            self.n_bad += 1
        if self.n_cool > 0:
            self.n_cool, self.n_bad = self.n_cool - 1, 0
        if self.n_bad > self.plan.patience:
            self.schedule.factor *= self.plan.factor
            self.n_cool, self.n_bad = self.plan.cooldown, 0
        return False

    def to_keep(self):
        factor = self.schedule.factor
        return {"plan": self.plan, "best": self.best, "n_bad": self.n_bad, "n_cool": self.n_cool, "factor": factor}

    def go_on(self, kept):
        if kept["plan"] != self.plan:  # another schedule, whose rate is meant as it is
            return
        self.best, self.n_bad, self.n_cool = kept["best"], kept["n_bad"], kept["n_cool"]
        self.schedule.factor = kept["factor"]

    def to_save(self):
        saved = self.to_keep()
        del saved["plan"]
        return saved

    def resume(self, saved, n_made):
        self.go_on({**saved, "plan": self.plan})


class MeanObjective:
    """The mean objective, by rows, of the updates since the last report, as far as they are of the same pass.

    Parameters
    ----------
    every : int
        Updates between two reports, of which an earlier run may have made the last.
    """

    def __init__(self, every):
        self.every = every

    def __call__(self, moment):
        return moment.mean((moment.n_done - 1) // self.every * self.every)


class ProgressBar(Listener):
    """Moves a bar, which has its own pace and hears of every pause.

    Parameters
    ----------
    bar : fastnn.progress.Bar
    values : dict of lists
        Of a `History`.
    """

    def __init__(self, bar, values):
        self.bar, self.values = bar, values

    def next_stop(self, n_done):
        return n_done + self.bar.stride

    def is_due(self, moment):
        return True

    def hear(self, moment):
        self.bar.move(moment.n_new, moment.mean, self.values)
        return False

    def resume(self, saved, n_made):
        self.bar.skip(n_made)

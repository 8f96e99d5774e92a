"""The time of a fit: what an update takes, how many of them a member may make, and a schedule that ends with the time.

``members`` makes a `Pacing` for each member that is to mind the time; ``member`` asks it how long to train.
"""

from dataclasses import dataclass
from time import monotonic

import numpy as np

from fastnn.initial import Draws
from fastnn.tabular import member
from fastnn.training.listeners import Listener
from fastnn.training.measures import Rows
from fastnn.training.schedules import Planned

#: The share of the time that is planned for; the share, and the seconds at most, of a look at what an update takes.
PLANNED, LOOK, LONGEST_LOOK = 0.96, 0.02, 0.05

#: How often at least the clock is looked at.
N_LOOKS = 25


@dataclass(frozen=True)
class Cost:
    """Seconds that the start of a member takes, an update, and the rows held back."""

    start: float
    update: float
    validation: float

    def of_epoch(self, n_updates):
        """Return the seconds of an epoch of so many updates, with the start."""
        return self.start + n_updates * self.update + self.validation


def cost_of(task, learned, held, seconds):
    """Measure what updates take, in some of the time, on a network that is then forgotten."""
    draws, since = Draws(0), monotonic()
    source = member.source_of(task.recipe, len(learned), draws)
    job = member.begun(task, task.recipe, learned, draws, 1 << 30)
    rows, starts, n_of_pass = source.next_pass(0)
    opened = member.ENGINE.begin(
        job.state, job.training, job.X, job.y, job.sample_weight, source.largest_batch, job.n_threads
    )
    begun, n, update = monotonic(), 1, np.inf
    try:
        while True:
            n = min(n, n_of_pass, 1024)
            curves, before = np.zeros((4, n)), monotonic()
            opened.advance(rows, None if starts is None else starts[: n + 1], *curves)  # at a rate of 0
            now = monotonic()
            update = min(update, (now - before) / n)
            if now - begun > min(LOOK * seconds, LONGEST_LOOK):
                break
            n *= 2
    finally:
        opened.end()
    validation = 0.0
    if len(held):
        measured = Rows(job, held.X, held.y, held.sample_weight)
        before = monotonic()
        measured.loss()
        validation = monotonic() - before
    return Cost(begun - since, update, validation)


class Paced(Planned):
    """Rates of a schedule that is gone through in fewer updates than planned, from some update on."""

    position, step = 0.0, 1.0

    def shorten(self, n_left):
        """Go through the rest of the schedule in so many updates."""
        self.step = (self.n_updates - self.position) / n_left

    def _next(self, n):
        rates = self.plan.rates(self.position + self.step * np.arange(n), self.n_updates)
        self.position += self.step * n
        return rates


class Pacing(Listener):
    """What a member has of the time: it plans for it, and ends with it.

    Parameters
    ----------
    ends_at : float
        Of ``time.monotonic``.
    cost : Cost
    """

    def __init__(self, ends_at, cost):
        self.ends_at, self.cost, self.n_end = ends_at, cost, 0

    def plan(self, n_updates, per_epoch):
        """Return how many updates to make, whole epochs where one fits, at least one and at most `n_updates`."""
        cost = self.cost
        left = PLANNED * (self.ends_at - monotonic()) - cost.start
        n_epochs = int(left / (per_epoch * cost.update + cost.validation))
        n = n_epochs * per_epoch if n_epochs >= 1 else max(int((left - cost.validation) / cost.update), 1)
        self.n_end = min(n, n_updates)
        self.every, self.per_epoch = max(min(per_epoch, self.n_end // N_LOOKS), 1), per_epoch
        return self.n_end

    def paced(self, schedule):
        """Return the schedule as one that can be gone through sooner, from now on."""
        self.schedule = Paced(schedule.plan, schedule.n_updates, schedule.penalties)
        self.began = monotonic()
        return self.schedule

    def next_stop(self, n_done):
        return min(super().next_stop(n_done), self.n_end)

    def is_due(self, moment):
        return super().is_due(moment) or moment.n_done >= self.n_end

    def hear(self, moment):
        now, n_done = monotonic(), moment.n_done
        if n_done < self.n_end and now < self.ends_at:
            n_fit = int((self.ends_at - self.cost.validation - now) / ((now - self.began) / n_done))
            if n_fit < self.n_end - n_done:
                n_left = n_fit - (n_done + n_fit) % self.per_epoch  # to the end of an epoch
                n_left = n_left if n_left > 0 else max(n_fit, 1)
                self.n_end = n_done + n_left
                self.schedule.shorten(n_left)
            return False
        moment.is_last = True
        return True

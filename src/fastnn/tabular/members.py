"""The members of an estimator for tables: trained side by side, within the time there is, shown as they are trained.

What a Ctrl-C leaves and what has to be told of is decided here; one member's training is left to ``member``.
"""

import threading
from contextlib import nullcontext
from math import ceil, inf, nan
from time import monotonic

from fastnn.many.crew import Crew
from fastnn.progress import Bar
from fastnn.tabular.data import MOST_HELD
from fastnn.tabular.member import train, updates_of_pass
from fastnn.tabular.pacing import PLANNED, Pacing, cost_of
from fastnn.warned import warn_user

#: What comes after the training takes so many predictions of the rows held back, of each member.
AFTER = 8

#: With a limit of time and no number of members: no more than these, of which each costs at predictions, too.
MOST_MEMBERS = 16


class Watch:
    """Those who hear of members while these are trained: the bar, the lines, and who wants to know what there is.

    Attributes
    ----------
    judges : dict
        Number of a member -> the `Judge` of its training.
    finished : set
        Numbers of those that are done.
    """

    def __init__(self, bar, n_members, time_limit, began, verbose):
        self.bar, self.n_members, self.time_limit, self.began = bar, n_members, time_limit, began
        self.verbose, self.judges, self.finished = verbose, {}, set()
        self.lock, self.n_seconds = threading.Lock(), 0

    def begins(self, number, judge):
        self.judges[number] = judge

    def hears(self, judge):
        if self.bar is None:
            return
        with self.lock:
            n_new = 1
            if self.time_limit is not None:
                elapsed = min(int(monotonic() - self.began), int(self.time_limit))
                n_new, self.n_seconds = elapsed - self.n_seconds, elapsed
            loss = judge.history["loss"][-1]
            self.bar.move(n_new, lambda: loss, judge.history)

    def ends(self, number, trained):
        self.finished.add(number)
        if not self.verbose:
            return
        of = "" if self.n_members is None else f" of {self.n_members}"
        line = f"Member {number + 1}{of}: {trained.history['epoch'][-1]:g} epochs"
        if trained.best is not None:
            name = list(trained.history)[2]
            line += f", {name} {trained.best:.6f} after epoch {trained.best_epoch:g}"
        with self.lock:
            (print if self.bar is None else self.bar.write)(line)


class Budget:
    """What members have of the time.

    Parameters
    ----------
    ends_at : float
        Of ``time.monotonic``.
    cost : Cost
    after : float
        Seconds that are kept for what comes after the training, for each member.
    n_members : int or None
        None: as many as can end.
    n_threads : int
    """

    def __init__(self, ends_at, cost, after, n_members, n_threads):
        self.cost, self.after, self.n_members, self.n_threads = cost, after, n_members, n_threads
        self.ends_at = ends_at - after * (n_members or n_threads)
        self.longest, self.were_cut = 0.0, False

    def ends(self, seconds, is_whole):
        """Hear what a member took, and whether it has had all its epochs."""
        self.longest, self.were_cut = max(self.longest, seconds), self.were_cut or not is_whole

    def share(self, number):
        """Return the seconds of a member that begins now."""
        n_rounds = 1 if self.n_members is None else ceil((self.n_members - number) / self.n_threads)
        return (self.ends_at - monotonic()) / n_rounds

    def of(self, number):
        """Return the `Pacing` of a member that is to begin, None if it could not end with all its epochs."""
        n_more, seconds = number + 1 - self.n_threads, self.share(number)
        if self.n_members is None and n_more > 0 and (self.were_cut or self.longest > seconds - self.after * n_more):
            return None
        return Pacing(monotonic() + seconds, self.cost)


def train_all(task, data, seeds, *, n_threads, n_members, limit, score_of, progress, verbose):
    """Train members, side by side.

    Parameters
    ----------
    task : Task
    data : Data
    seeds : list of int
        Of members, of which there may be fewer where there is a limit and `n_members` is None.
    n_threads : int
    n_members : int or None
    limit : tuple of float, or None
        When the time began, and the seconds there are.
    score_of : callable
        Gives, of the number of a member, what its best epoch is chosen by, or None.
    progress, verbose : bool

    Returns
    -------
    trained : dict
        Number of a member -> `Trained`, in order.
    """
    began, seconds = limit or (monotonic(), None)
    n_threads = min(n_threads, len(seeds))
    budget = None
    if limit is not None:
        cost, n_held = cost_of(task, *data.of(0), seconds), len(data.held_of(0))
        after = AFTER * cost.validation * min(1.0, MOST_HELD / max(n_held, 1))
        budget = Budget(began + PLANNED * seconds, cost, after, n_members, n_threads)
        if data.has_refit and budget.share(0) < cost.of_epoch(updates_of_pass(task, data.of(0)[0])):
            n_members, n_threads, seeds = 1, 1, seeds[:1]  # who is judged gets all of the time
            budget = Budget(began + PLANNED * seconds, cost, after, n_members, n_threads)
    total = len(seeds) * task.recipe.max_epochs if seconds is None else max(int(seconds), 1)
    bar = Bar(total, "epoch" if seconds is None else "s") if progress else None
    watch = Watch(bar, n_members, seconds, began, verbose)

    def fit(number):
        since, pacing = monotonic(), None
        if budget is not None and (pacing := budget.of(number)) is None:
            return None
        learned, held = data.of(number)
        trained = train(
            task, learned, held, seeds[number], pacing=pacing, score=score_of(number),
            begins=lambda judge: watch.begins(number, judge), hears=watch.hears,
        )  # fmt: skip
        if budget is not None:
            budget.ends(monotonic() - since, trained.history["epoch"][-1] >= task.recipe.max_epochs)
        watch.ends(number, trained)
        return trained

    with nullcontext() if bar is None else bar:
        try:
            trained = _by_crew(fit, len(seeds), n_threads) if n_threads > 1 else _by_itself(fit, len(seeds))
        except KeyboardInterrupt:
            trained = _left(watch.judges, watch.finished)
            if not trained:
                raise
            warn_user(
                "training was interrupted: the model is what there was by then, of "
                f"{len(trained)} member{'s' * (len(trained) > 1)}"
            )
    _tell(task, trained, seconds)
    return trained


def _by_itself(fit, n):
    trained = {}
    for number in range(n):
        if (one := fit(number)) is None:
            break
        trained[number] = one
    return trained


def _by_crew(fit, n, n_threads):
    crew = Crew(fit, range(n), n_threads, True, lambda number: True)
    crew.run()
    for message, category in {(str(m), category) for kept in crew.warnings.values() for m, category, _ in kept}:
        warn_user(message, category)
    if crew.errors:
        raise crew.errors[min(crew.errors)]
    return dict(sorted(crew.results.items()))


def _left(judges, finished):
    """What there is of members where a Ctrl-C came: those that were done, and of others the ones judged as good.

    Where none that was judged is done, all that were; where there is none of these, whatever there is.
    """
    trained = {number: one for number, judge in sorted(judges.items()) if (one := judge.trained()) is not None}
    scores = {number: one.best for number, one in trained.items() if one.best is not None}
    worst = max((score for number, score in scores.items() if number in finished), default=inf)
    return {
        number: one for number, one in trained.items() if number in finished or scores.get(number, nan) <= worst
    } or trained


def _tell(task, trained, seconds):
    """Warn of what was not as it was meant."""
    slower = [one.rate for one in trained.values() if one.rate < task.recipe.learning_rate]
    if slower:
        warn_user(
            f"training diverged by learning_rate={task.recipe.learning_rate:g}, and was begun again by {min(slower):g} "
            f"for {len(slower)} of {len(trained)} members; set a lower learning_rate"
        )
    passed = min(one.history["epoch"][-1] for one in trained.values())
    if seconds is not None and passed < 1:
        warn_user(
            f"time_limit={seconds:g} is less than one pass over the rows takes: the network has learned from "
            f"{passed:.0%} of them, once; give it more time"
        )

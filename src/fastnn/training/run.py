"""The one loop of training, over any backend, for all faces.

It asks a source for passes, cuts them where somebody wants to hear (or not at all), has the backend make the updates
of each piece in one call, and tells the listeners. What it does not do: draw, measure, print, judge; nor does it know
what a face calls things.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastnn._tables import CONVERGED, DIVERGED, RAN
from fastnn.encodings import check_combined
from fastnn.training import levenberg_marquardt
from fastnn.training.lbfgs import Minimization
from fastnn.training.listeners import Moment
from fastnn.training.manners import DivergenceError
from fastnn.training.unheard import Unheard


@dataclass
class Job:
    """What is trained, on what, and by whom.

    Parameters
    ----------
    backend : module
        One of `fastnn.backends.BACKENDS`.
    state : TrainingState
    training : TrainingSpec
    X, y : ndarray
        (n_samples, n_in), or CSR, and (n_samples, n_out), C-contiguous, of the network's dtype.
    sample_weight : ndarray of shape (n_samples,), or None
        Likewise. None: all weigh 1.
    n_threads : int, optional
    """

    backend: Any
    state: Any
    training: Any
    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray | None
    n_threads: int | None = None


class Outcome(NamedTuple):
    """What came of a run.

    Parameters
    ----------
    n_done : int
        Updates that count.
    objective, cost : ndarray
        One entry for each of them; where the curves are of a pass alone, those of the last one.
    error : BaseException or None
        What ended the run from outside.
    all_objective : ndarray
        With those of updates that do not count: after the last finished pass of a run that was interrupted.
    kept : dict
        Name of a listener's class -> what it has to go on from.
    """

    n_done: int
    objective: np.ndarray
    cost: np.ndarray
    error: BaseException | None
    all_objective: np.ndarray
    kept: dict


def run(job, source, schedule, listeners, manner, n_updates, keeps_curves=True, n_before=0, kept=None):
    """Make up to `n_updates` updates; return what came of them.

    Parameters
    ----------
    job : Job
    source : AllRows, Ordered or Composed
    schedule : Constant, OverWeight or Planned
    listeners : list of Listener
    manner : Raises or GoesOn
        Also says which exceptions from outside end the run and are returned; others go through.
    n_updates : int
    keeps_curves : bool, default True
        Whether objective and cost of all updates are kept, or those of one pass at a time.
    n_before : int, default 0
        Updates of earlier runs that this one goes on from; listeners hear of all.
    kept : dict, optional
        As of their `Outcome`.

    Raises
    ------
    DivergenceError
        As `manner` has it.
    ValueError
        If network, training and X are not for each other.
    """
    check_combined(job.state.network, job.training, job.X)
    n_kept = n_updates if keeps_curves else min(n_updates, source.updates_per_pass)
    curves = np.empty(n_kept), np.empty(n_kept)
    n_at_start, error = job.state.n_updates, None
    try:
        for listener in listeners:
            if kept and (own := kept.get(type(listener).__name__)) is not None:
                listener.go_on(own)
        if job.training.solver == "lbfgs":
            done = _minimize(job, source, schedule, listeners, manner, n_updates, *curves, n_before)
        else:
            opened = _begin(job, source)
            try:
                done = _advance(opened, source, schedule, listeners, manner, n_updates, *curves, keeps_curves, n_before)
            finally:
                opened.end()
        manner.ends(n_before + done)
        for listener in listeners:
            listener.finish(n_before + done)
    except manner.catches as raised:
        if isinstance(raised, DivergenceError) and not raised.has_ended_a_run:
            raised.has_ended_a_run = True
            n_made = job.state.n_updates - n_at_start
            raised.curves = tuple(curve[:n_made] for curve in curves)
            raise
        error = raised
        done = manner.recovered(job.state.n_updates - n_at_start, source.updates_per_pass, source.n_made)
        for listener in listeners:
            listener.forget(n_before + done)
    objective, cost = curves
    left = {type(listener).__name__: own for listener in listeners if (own := listener.to_keep()) is not None}
    made = objective[: job.state.n_updates - n_at_start]
    return Outcome(done, objective[:done], cost[:done], error, made, left)


def _begin(job, source):
    """Open a run of the backend, or of NumPy's own."""
    begin = levenberg_marquardt.Run if job.training.solver == "levenberg_marquardt" else job.backend.begin
    return begin(job.state, job.training, job.X, job.y, job.sample_weight, source.largest_batch, job.n_threads)


def _minimize(job, source, schedule, listeners, manner, n_updates, objective, cost, n_before):
    """Have SciPy's minimizer make the updates, all rows each; return how many."""
    _, l2 = schedule.of(0, 1)
    moment = Moment(source.sizes)
    return Minimization(job, l2[0]).drive(listeners, manner, n_updates, objective, cost, moment, n_before)


def _advance(opened, source, schedule, listeners, manner, n_updates, objectives, costs, keeps_curves, n_before):
    """Make the updates of an open run, by pieces as long as nobody wants to hear; return how many."""
    # Updates of the run: made, before this pass (less than 0: another run began it), before what is kept, at the end of
    # the pass, or of the stretch of it whose rows are there.
    done = begun = base = ends_at = 0
    stop, wants_to_end, moment = None, False, Moment(source.sizes)
    moment.curves = objectives, costs
    unheard = Unheard.of(opened, source, schedule, listeners, manner)
    while done < n_updates and stop != CONVERGED and not wants_to_end:
        n_passes, who_hears = 0, listeners
        if done == ends_at:
            if unheard is not None:
                n_passes = unheard.n_passes(n_before + done, n_updates - done)
            if n_passes == 0:
                if not source.goes_on:
                    manner.pass_begins(done)
                rows, starts, n_of_stretch = source.next_pass(n_before + done)
                begun, opened_at = source.begun - n_before, source.opened
                ends_at = begun + opened_at + n_of_stretch
                base = begun if keeps_curves else 0
        if n_passes > 0:
            of_new = (objectives[done:], costs[done:]) if keeps_curves else moment.curves
            n_new, stop, wants_to_end, rates = unheard.make(n_passes, n_before + done, *of_new, keeps_curves)
            objective, who_hears, is_whole = of_new[0], unheard.others, False
            begun, opened_at = source.begun - n_before, 0
            base = begun if keeps_curves else 0
            done = ends_at = done + n_new
        else:
            end = ends_at if ends_at < n_updates else n_updates
            for listener in listeners:
                next_stop = listener.next_stop(n_before + done) - n_before
                end = next_stop if next_stop < end else end
            first, last = done - begun, end - begun
            rates, l2 = schedule.of(first, last - first)
            is_whole = last - first == n_of_stretch
            objective, cost = objectives, costs  # where the piece is all that is kept, which takes no slices
            if last - first != len(objectives):
                objective, cost = objectives[base + first : base + last], costs[base + first : base + last]
            of_piece = starts if is_whole or starts is None else starts[first - opened_at : last - opened_at + 1]
            n_new, stop = opened.advance(rows, of_piece, rates, l2, objective, cost)
            done += n_new
        if stop == DIVERGED:
            manner.diverged(objective[n_new], n_before + done)
        if who_hears:
            moment.n_done, moment.n_new = n_before + done, n_new
            if begun < 0:
                moment.objective = np.concatenate([source.earlier, objectives[:done]])
            else:
                moment.objective = (
                    objective if is_whole and stop == RAN and not opened_at else objectives[base : base + done - begun]
                )
            moment.rates = rates[:n_new]
            moment.is_last = stop == CONVERGED or done == n_updates
            moment.has_converged = stop == CONVERGED
            moment.wants_to_end = wants_to_end or stop == CONVERGED
            for listener in who_hears:
                if listener.is_due(moment):
                    if listener.reads_solver:
                        opened.put_state()
                    if listener.hear(moment):
                        wants_to_end = moment.wants_to_end = True
    return done

"""How a run of ``train`` is carried out once its arguments are checked: start weights, schedule, listeners, result."""

from contextlib import nullcontext, suppress
from functools import partial

import numpy as np

from fastnn.arguments import check_belonging
from fastnn.continuation import Continuation, leave
from fastnn.initial import draw_weights
from fastnn.input_scale import unscaled_in_words
from fastnn.layers import LayerDict
from fastnn.reports import Listeners
from fastnn.result import HowTrained, TrainResult
from fastnn.saturation import are_zeros, warn_if_saturated
from fastnn.schedules import Schedule
from fastnn.spoiled import spoiled_in_words
from fastnn.state import OTHER_SOLVERS, TrainingState
from fastnn.training.batches import tutorial_batches
from fastnn.training.manners import DivergenceError, Raises
from fastnn.training.run import run
from fastnn.training.schedules import Constant, Planned
from fastnn.warned import warn


def start(course, data, loss, init, bias):
    """Return the state that training starts from, and what is wrong with it, as `HowTrained` has it, or None."""
    state = TrainingState(data.spec, course.training.solver)
    if isinstance(course.start[0], str):
        draw_weights(data.spec, *course.start, course.draws, state.parameters, bias)
        return state, warn_if_saturated(data.spec, state.parameters, data.sample, loss, *course.start, course.n_threads)
    check_belonging(*init, data.spec, data.feature_names)
    data.spec.flatten(*course.start, state.parameters)
    return state, None


def go_on(course, data, network, training, source):
    """Return the state that training goes on from, of the network of a result; the source finds its place."""
    passes = passes_of(course, data)
    state = course.start.state(network, passes, training.tol, training.updates_per_pass)
    course.start.find_place(source, passes)
    return state


def seeded(dropout, course, is_given):
    """Return dropout with its seed: drawn, or that of the run that this one goes on from."""
    if isinstance(course.start, Continuation):
        return course.start.seeded(dropout, course.draws, is_given)
    return dropout.seeded(course.draws.integers)


def passes_of(course, data):
    """What passes are made of: two runs in which this is the same take their rows alike."""
    n_samples, size = data.n_rows, course.batch_size
    if data.feed is not None:
        return n_samples, size, course.order, data.feed.half
    return (n_samples, None, None) if size is None or size >= n_samples else (n_samples, size, course.order)


def batches_of(course, data):
    """Return the source of the rows of each update."""
    if data.feed is not None:
        from fastnn.training.stretches import Stretches  # late: few ask for it

        return Stretches(data.feed, course.batch_size, course.order, course.draws)
    return tutorial_batches(len(data.targets), course.batch_size, course.order, course.draws)


def _schedule_of(course, n_made):
    """What gives each update its rate and penalty, the first left out, and the rate to name where training diverges."""
    if type(course.alpha) is float or not isinstance(course.alpha, Schedule):
        return Constant(course.alpha, course.l2), course.alpha
    rate = course.alpha.largest
    schedule = Planned(course.alpha, course.iter_num, Constant(rate, course.l2))
    schedule.skip(n_made)
    return schedule, rate


def carry_out(course, data, source, job, network, saturated_start=None, checkpoints=None):
    """Make the updates, and return what came of them."""
    earlier = course.start if isinstance(course.start, Continuation) else None
    n_before, kept = (0, None) if earlier is None else (earlier.n_updates, earlier.kept)
    made, n_left = None, course.iter_num
    if checkpoints is not None:
        from fastnn import resuming

        if checkpoints.found is not None:
            made, saturated_start = resuming.made_before(checkpoints.found)
            n_left -= len(made[0])
    n_after, reports = n_before + n_left, course.reports
    every = source.updates_per_pass if reports.report_every is None else reports.report_every
    schedule, rate = _schedule_of(course, course.iter_num - n_left)
    listeners = Listeners(reports, job, data, network, n_after, every, course.l2, schedule, rate)
    training = job.training
    how = HowTrained(rate, training.solver, training.objective.loss, source.updates_per_pass, saturated_start)
    result_of = partial(result_of_run, network, listeners.values, how, made=made)
    if checkpoints is not None:
        seed = job.training.dropout.seed if job.training.dropout else earlier and earlier.seed
        snapshot = resuming.Snapshot(
            job, source, data, course.draws, seed, n_after - course.iter_num, made, saturated_start
        )
        checkpoints.listen(listeners.all, snapshot, 1, every, course.iter_num - n_left, n_after)
        n_left = 0 if checkpoints.has_ended else n_left
    if data.feed is not None:
        source.expects(n_left)
    manner = Raises(job.state, rate)
    try:
        with reports.bar or nullcontext():
            outcome = run(job, source, schedule, listeners.all, manner, n_left, n_before=n_before, kept=kept)
    except DivergenceError as error:
        error.add_cause(unscaled_in_words(data.sample, data.feature_names))
        error.result = result_of(*error.curves)
        error.result.n_updates += n_after - course.iter_num
        error.result.best_iteration += n_after - course.iter_num
        raise
    stopping = listeners.stopping
    best_iteration = None if stopping is None else stopping.best_iteration
    if best_iteration is None:
        best_iteration = n_before + outcome.n_done
    passes, last = passes_of(course, data), manner.last_parameters
    if stopping is not None and stopping.last_parameters is not None:
        last = stopping.last_parameters
    left = leave(job, source, passes, data, course.draws, outcome, last, earlier)
    result = result_of(outcome.objective, outcome.cost, best_iteration, left)
    if outcome.error is not None:
        with suppress(AttributeError):  # of an exception that takes no attributes
            outcome.error.result = result
        raise outcome.error
    was_told = saturated_start is not None or (earlier is None and are_zeros(*course.start))
    if outcome.n_done and not was_told:
        try:
            _tell_if_spoiled(network, data, how)
        except UserWarning as error:  # where warnings are errors
            error.result = result
            raise
    return result


def _tell_if_spoiled(network, data, how):
    X = data.sample
    if spoiled := spoiled_in_words(network, X, data.targets[: X.shape[0]], how.loss):
        rate = "" if how.solver in OTHER_SOLVERS else f", or take another alpha (it was {how.alpha:g})"
        unscaled = unscaled_in_words(X, data.feature_names)
        warn(
            f"training has ended in {spoiled}; scale X, and y where it is numbers, to mean 0 and standard deviation 1"
            + rate
            + (f"; {unscaled}" if unscaled else ""),
            stacklevel=4,  # the caller of train
        )


def result_of_run(network, history, how, objective, cost, best_iteration=None, left=None, made=None):
    """What the parameters, as they are, and these curves, with those `made` before, are for the user."""
    if made is not None:
        objective, cost = np.concatenate([made[0], objective]), np.concatenate([made[1], cost])
    form = network._form
    weights, biases = network._spec.views(network.parameters)
    W, b = LayerDict(weights, form), LayerDict(biases, form)
    result = TrainResult(W, b, cost.tolist(), network, objective.tolist(), history, best_iteration, left)
    result._how = how
    return result

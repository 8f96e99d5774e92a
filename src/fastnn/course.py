"""How a run of ``train`` is carried out once its arguments are checked: start weights, schedule, listeners, result."""

from contextlib import nullcontext, suppress
from functools import partial

from fastnn.arguments import check_belonging
from fastnn.initial import draw_weights
from fastnn.input_scale import unscaled_in_words
from fastnn.layers import Form, LayerDict
from fastnn.result import HowTrained, TrainResult
from fastnn.saturation import warn_if_saturated
from fastnn.schedules import Schedule, plateau
from fastnn.training.listeners import (
    Callback,
    EarlyStopping,
    History,
    Lines,
    MeanObjective,
    Plateau,
    ProgressBar,
)
from fastnn.training.manners import DivergenceError, Raises
from fastnn.training.run import run
from fastnn.training.schedules import Constant, Planned


def start(course, data, loss, init, bias, state):
    """Set the parameters that training starts from; return what is wrong with them, as `HowTrained` has it, or None."""
    if isinstance(course.start[0], str):
        draw_weights(data.spec, *course.start, course.draws, state.parameters, bias)
        return warn_if_saturated(data.spec, state.parameters, data.X, loss, *course.start, course.n_threads)
    check_belonging(*init, data.spec, data.feature_names)
    data.spec.flatten(*course.start, state.parameters)
    return None


def _schedule_of(course):
    """What gives each update its rate and penalty, and the rate to name where training diverges."""
    if not isinstance(course.alpha, Schedule):
        return Constant(course.alpha, course.l2), course.alpha
    rate = course.alpha.largest
    return Planned(course.alpha, course.iter_num, Constant(rate, course.l2)), rate


def carry_out(course, data, source, job, network, saturated_start=None):
    """Make the updates, and return what came of them."""
    every = source.updates_per_pass if course.report_every is None else course.report_every
    schedule, rate = _schedule_of(course)
    history = stopping = slowing = None
    if data.validation is not None:
        history = History(every, job, data.labels, data.validation, rate)
    values = {} if history is None else history.values
    if isinstance(course.alpha, plateau):
        slowing = Plateau(every, schedule, MeanObjective() if history is None else lambda _: values["val_loss"][-1])
    if course.early_stopping:
        stopping = EarlyStopping(every, job.state, values, course.n_iter_no_change)
    bar = course.bar
    listeners = [
        history,
        Lines(every, course.iter_num, values, print if bar is None else bar.write) if course.verbose else None,
        None if course.callback is None else Callback(every, course.callback, network),
        slowing,
        stopping,
        None if bar is None else ProgressBar(bar, values),
    ]
    listeners = [listener for listener in listeners if listener is not None]
    training = job.training
    how = HowTrained(rate, training.solver, training.objective.loss, source.updates_per_pass, saturated_start)
    result_of = partial(_result, data, job, network, values, how)
    try:
        with bar or nullcontext():
            outcome = run(job, source, schedule, listeners, Raises(job.state, rate), course.iter_num)
    except DivergenceError as error:
        error.add_cause(unscaled_in_words(data.X, data.feature_names))
        error.result = result_of(*error.curves)
        raise
    best_iteration = None if stopping is None else stopping.best_iteration
    result = result_of(outcome.objective, outcome.cost, best_iteration)
    if outcome.error is not None:
        with suppress(AttributeError):  # of an exception that takes no attributes
            outcome.error.result = result
        raise outcome.error
    return result


def _result(data, job, network, history, how, objective, cost, best_iteration=None):
    """What the parameters, as they are, and these curves are for the user."""
    spec = data.spec
    form = Form(spec.activations_as_given, spec.dtype, data.labels, data.feature_names, spec.blocks)
    W, b = (LayerDict(arrays, form) for arrays in spec.views(job.state.parameters))
    result = TrainResult(W, b, cost.tolist(), network, objective.tolist(), history, best_iteration)
    result._how = how
    return result

"""How a run of ``train`` is carried out once its arguments are checked: start weights, schedule, listeners, result."""

from contextlib import nullcontext, suppress

from fastnn.arguments import check_belonging
from fastnn.initial import draw_weights
from fastnn.layers import Form, LayerDict
from fastnn.reports import Listeners
from fastnn.result import TrainResult
from fastnn.saturation import warn_if_saturated
from fastnn.schedules import Schedule
from fastnn.training.manners import Raises
from fastnn.training.run import run
from fastnn.training.schedules import Constant, Planned


def start(course, data, loss, init, bias, state):
    """Set the parameters that training starts from."""
    if isinstance(course.start[0], str):
        draw_weights(data.spec, *course.start, course.draws, state.parameters, bias)
        warn_if_saturated(data.spec, state.parameters, data.X, loss, *course.start, course.n_threads)
    else:
        check_belonging(*init, data.spec, data.feature_names)
        data.spec.flatten(*course.start, state.parameters)


def _schedule_of(course):
    """What gives each update its rate and penalty, and the rate to name where training diverges."""
    if not isinstance(course.alpha, Schedule):
        return Constant(course.alpha, course.l2), course.alpha
    rate = course.alpha.largest
    return Planned(course.alpha, course.iter_num, Constant(rate, course.l2)), rate


def carry_out(course, data, source, job, network):
    """Make the updates, and return what came of them."""
    reports = course.reports
    every = source.updates_per_pass if reports.report_every is None else reports.report_every
    schedule, rate = _schedule_of(course)
    listeners = Listeners(reports, job, data, network, course.iter_num, every, course.l2, schedule, rate)
    with reports.bar or nullcontext():
        outcome = run(job, source, schedule, listeners.all, Raises(job.state, rate), course.iter_num)
    stopping = listeners.stopping
    best_iteration = None if stopping is None else stopping.best_iteration
    spec = data.spec
    form = Form(spec.activations_as_given, spec.dtype, data.labels, data.feature_names, spec.blocks)
    W, b = (LayerDict(arrays, form) for arrays in spec.views(job.state.parameters))
    cost, loss_curve = outcome.cost.tolist(), outcome.objective.tolist()
    result = TrainResult(W, b, cost, network, loss_curve, listeners.values, best_iteration)
    if outcome.error is not None:
        with suppress(AttributeError):  # of an exception that takes no attributes
            outcome.error.result = result
        raise outcome.error
    return result

"""How a run of ``train`` is carried out once its arguments are checked: start weights, schedule, listeners, result."""

from contextlib import nullcontext, suppress

from fastnn.arguments import check_belonging
from fastnn.continuation import Continuation, leave
from fastnn.initial import draw_weights
from fastnn.layers import Form, LayerDict
from fastnn.result import TrainResult
from fastnn.saturation import warn_if_saturated
from fastnn.schedules import Schedule, plateau
from fastnn.state import TrainingState
from fastnn.training.listeners import (
    Callback,
    EarlyStopping,
    History,
    Lines,
    MeanObjective,
    Plateau,
    ProgressBar,
)
from fastnn.training.manners import Raises
from fastnn.training.run import run
from fastnn.training.schedules import Constant, Planned


def start(course, data, loss, init, bias, training, source):
    """Return the state that training starts from; a source that goes on finds its place."""
    if isinstance(course.start, Continuation):
        passes = passes_of(course, data)
        state = course.start.state(init.network, passes, training.tol, training.updates_per_pass)
        course.start.find_place(source, passes)
        return state
    state = TrainingState(data.spec, training.solver)
    if isinstance(course.start[0], str):
        draw_weights(data.spec, *course.start, course.draws, state.parameters, bias)
        warn_if_saturated(data.spec, state.parameters, data.X, loss, *course.start, course.n_threads)
    else:
        check_belonging(*init, data.spec, data.feature_names)
        data.spec.flatten(*course.start, state.parameters)
    return state


def seeded(dropout, course, is_given):
    """Return dropout with its seed: drawn, or that of the run that this one goes on from."""
    if isinstance(course.start, Continuation):
        return course.start.seeded(dropout, course.draws, is_given)
    return dropout.seeded(course.draws.integers)


def passes_of(course, data):
    """What passes are made of: two runs in which this is the same take their rows alike."""
    n_samples, size = len(data.targets), course.batch_size
    return (n_samples, None, None) if size is None or size >= n_samples else (n_samples, size, course.order)


def _schedule_of(course):
    """What gives each update its rate and penalty, and the rate to name where training diverges."""
    if type(course.alpha) is float or not isinstance(course.alpha, Schedule):
        return Constant(course.alpha, course.l2), course.alpha
    rate = course.alpha.largest
    return Planned(course.alpha, course.iter_num, Constant(rate, course.l2)), rate


def carry_out(course, data, source, job, network):
    """Make the updates, and return what came of them."""
    earlier = course.start if isinstance(course.start, Continuation) else None
    n_before, kept = (0, None) if earlier is None else (earlier.n_updates, earlier.kept)
    n_after = n_before + course.iter_num
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
        Lines(every, n_after, values, print if bar is None else bar.write) if course.verbose else None,
        None if course.callback is None else Callback(every, course.callback, network),
        slowing,
        stopping,
        None if bar is None else ProgressBar(bar, values),
    ]
    listeners = [listener for listener in listeners if listener is not None]
    with bar or nullcontext():
        manner = Raises(job.state, rate)
        outcome = run(job, source, schedule, listeners, manner, course.iter_num, n_before=n_before, kept=kept)
    best_iteration = None if stopping is None else stopping.best_iteration
    if best_iteration is None:
        best_iteration = n_before + outcome.n_done
    spec = data.spec
    form = Form(spec.activations_as_given, spec.dtype, data.labels, data.feature_names, spec.blocks)
    W, b = (LayerDict(arrays, form) for arrays in spec.views(job.state.parameters))
    cost, loss_curve = outcome.cost.tolist(), outcome.objective.tolist()
    passes, last = passes_of(course, data), manner.last_parameters
    left = leave(job, source, passes, data.known, course.draws, outcome, last, earlier)
    result = TrainResult(W, b, cost, network, loss_curve, values, best_iteration, left)
    if outcome.error is not None:
        with suppress(AttributeError):  # of an exception that takes no attributes
            outcome.error.result = result
        raise outcome.error
    return result

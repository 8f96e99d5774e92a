"""One update by ``train(init=result)`` of plain arrays, by the settings of a network that is known.

Called by ``train``. Without the run, its listeners and sources, which are for many updates: of a few rows they would
take longer than the update. What is not plainly so, or goes wrong, is left for the general way, which says what it is.
"""

from contextlib import suppress

import numpy as np

from fastnn._tables import DIVERGED, SOLVERS
from fastnn.backends import BACKENDS
from fastnn.checks import all_finite, check_matrix
from fastnn.continuation import Continuation
from fastnn.course import result_of_run
from fastnn.labels import encode_like
from fastnn.network import Network
from fastnn.result import HowTrained

ENGINE = BACKENDS["simd"]

#: Rows times weights up to which it is worth it: beyond, an update takes as long as ten runs to prepare.
MOST = 1_000_000


def one_update(shape, course, X, y, earlier, backend):
    """Make one update of all rows, which weigh 1; return its TrainResult, None for whatever is not plainly that.

    Parameters
    ----------
    shape : fastnn.arguments.Shape
    course : fastnn.arguments.Course
        It starts from the Continuation of `earlier`.
    X, y : array-like
        As the user gave them.
    earlier : TrainResult
    backend : str
    """
    before, network = course.start, earlier.network
    if shape.heads or network.heads:
        return None
    labels, classes, *_ = before.known
    training, spec, n_rows = course.training, network._spec, len(X) if type(X) is np.ndarray and X.ndim == 2 else 0
    if (
        course.compute is not ENGINE
        or course.iter_num != 1
        or type(course.alpha) is not float
        or (course.batch_size is not None and course.batch_size < n_rows)
        or not course.reports.is_silent
        or training.solver not in SOLVERS
        or before.course != (n_rows, None, None)
        or before.parameters is not None
        or n_rows * spec.n_weights > MOST
        or not _is_known(shape, earlier, classes)
    ):
        return None
    try:
        X = check_matrix("X", X, shape.dtype, n_columns=spec.n_in)
        targets = encode_like("y", y, n_rows, spec.n_out, classes, shape.loss, shape.dtype)
    except (TypeError, ValueError):
        return None
    state = before.state(network, before.course, training.tol, 1)
    objective, cost, opened, error = np.empty(1), np.empty(1), None, None
    try:
        opened = ENGINE.begin(state, training, X, targets, None, n_rows, course.n_threads)
        rate, l2 = np.array([course.alpha]), np.array([course.l2])
        _, stop = opened.advance(None, None, rate, l2, objective, cost)
    except BaseException as raised:  # as `Raises` has it: handed on with what it has come to
        error = raised
    finally:
        if opened is not None:
            opened.end()
    if error is None and (stop == DIVERGED or not (all_finite(state.parameters) and all_finite(state.optimizer))):
        return None
    n_made = 1 if error is None else state.n_updates - before.n_updates
    network = Network._from_parts(spec, state.parameters, labels, backend, network.feature_names)
    left = Continuation(
        training.solver, state.optimizer, state.counters, before.known, before.course, None, 0, None, course.draws,
        before.seed, was_interrupted=error is not None,
    )  # fmt: skip
    how = HowTrained(course.alpha, training.solver, shape.loss, 1, None)
    result = result_of_run(network, {}, how, objective[:n_made], cost[:n_made], left=left)
    result._shape = shape
    if error is not None:
        with suppress(AttributeError):  # of an exception that takes no attributes
            error.result = result
        raise error
    return result


def _is_known(shape, earlier, classes):
    """Whether a run of the same shape has found out of labels by class that network and loss go together."""
    is_same = earlier._shape is shape or earlier._shape == shape
    return is_same and classes is not None and shape.loss != "gamma"

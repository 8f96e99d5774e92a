# cython: language_level=3
"""The compiled loops over samples and updates: backend "cython", and the kernels behind ``fastnn.kernels``.

``_sample.pxd`` has one sample's forward and backward pass; here they are summed over a batch, steps are taken, and
Python's objects become typed memoryviews. Updates hold no GIL; a run allocates its work area when it begins.
"""

import numpy as np

from cython cimport floating
from libc.math cimport INFINITY, fabs
from libc.stdint cimport int64_t

from fastnn._tables import ACTIVATIONS, LOSSES
from fastnn.checks import refuse_heads, refuse_several, refuse_sklearn
from fastnn.reference.evaluation import Evaluation

from fastnn._elementary cimport LOGISTIC, RELU, TANH, slope
from fastnn._losses cimport error_norm, fastnn_layer, sample_loss
from fastnn._sample cimport (
    CHUNK,
    accumulate,
    activate,
    backward_sample,
    combine_rows,
    forward_sample,
    hidden_delta,
    transpose_weights,
)


cdef extern from "fastnn.h":
    enum:
        RAN "FASTNN_RAN"
        CONVERGED "FASTNN_CONVERGED"
        DIVERGED "FASTNN_DIVERGED"

    ctypedef struct fastnn_counters:
        int64_t n_updates
        double pass_cost
        int64_t pass_rows
        double previous_cost

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1

cdef enum:
    WORK_BETWEEN_POLLS = 20_000_000  # multiply-adds between two looks for Ctrl-C: about 20 ms


# -- a batch, and the loop over updates -------------------------------------------------------------------------


cdef int poll() except -1 with gil:
    """Let Python answer Ctrl-C: a KeyboardInterrupt leaves the parameters as of the last update."""
    return PyErr_CheckSignals()


cdef int batch_loss_and_gradient(
    const fastnn_layer[::1] layers,
    Py_ssize_t loss,
    double parameter,  # of the loss
    double l2,
    const floating[::1] parameters,     # IN
    const floating[:, ::1] X,           # IN
    const floating[:, ::1] y,           # IN
    const floating[::1] sample_weight,  # IN
    const Py_ssize_t[::1] rows,         # IN: those of the batch are n_rows from `start`; empty: all, in order
    Py_ssize_t start,
    Py_ssize_t n_rows,
    bint with_gradient,
    floating[::1] gradient,             # OUT where with_gradient
    double *objective,                  # OUT
    double *cost,                       # OUT
    Py_ssize_t *work,                   # IN and OUT: multiply-adds since the last look for Ctrl-C
    floating[::1] transposed,           # work
    floating[:, ::1] h,                 # work: (CHUNK, n_units)
    floating[:, ::1] delta,             # work: (CHUNK, n_units)
    floating[:, ::1] z,                 # work: (CHUNK, n_units)
) except -1 nogil:
    cdef Py_ssize_t p, r, s, c = 0, last = layers.shape[0] - 1
    cdef Py_ssize_t n_weights = layers[0].biases
    cdef bint is_transposed = n_rows >= CHUNK
    cdef double total_loss = 0, total_norm = 0, total_weight = 0, squares = 0
    cdef floating scale, decay = l2
    if is_transposed:
        transpose_weights(layers, parameters, transposed)
    if with_gradient:
        for p in range(gradient.shape[0]):
            gradient[p] = 0

    for r in range(n_rows):
        s = rows[start + r] if rows.shape[0] > 0 else r
        forward_sample(layers, parameters, transposed, is_transposed, X, s, z, h, c)
        total_loss += sample_weight[s] * sample_loss(loss, parameter, &layers[last], y, s, z, h, c)
        total_norm += error_norm(&layers[last], y, s, h, c)
        total_weight += sample_weight[s]
        if with_gradient:
            backward_sample(layers, loss, parameter, parameters, y, s, z, h, sample_weight[s], delta, c)
            c += 1
            if c == CHUNK or r == n_rows - 1:
                accumulate(layers, delta, h, c, gradient)
                c = 0
        work[0] += 3 * n_weights
        if work[0] > WORK_BETWEEN_POLLS:
            poll()
            work[0] = 0

    scale = 1 / total_weight if total_weight > 0 else 0
    if l2 > 0:
        for p in range(n_weights):
            squares += <double> parameters[p] * parameters[p]
    if with_gradient:
        for p in range(gradient.shape[0]):
            gradient[p] *= scale
        if l2 > 0:
            for p in range(n_weights):
                gradient[p] += decay * parameters[p]
    objective[0] = (total_loss / total_weight if total_weight > 0 else 0) + 0.5 * l2 * squares
    cost[0] = total_norm / n_rows
    return 0


cdef void update(
    floating momentum,
    bint nesterov,
    floating learning_rate,
    const floating[::1] gradient,  # IN
    floating[::1] parameters,      # IN and OUT
    floating[::1] velocity,        # IN and OUT
) noexcept nogil:
    cdef Py_ssize_t p
    for p in range(parameters.shape[0]):
        velocity[p] = momentum * velocity[p] - learning_rate * gradient[p]
        parameters[p] += momentum * velocity[p] - learning_rate * gradient[p] if nesterov else velocity[p]


cdef bint finish_update(
    fastnn_counters *counters, double tol, Py_ssize_t updates_per_pass, double cost, Py_ssize_t n_rows
) noexcept nogil:
    cdef double mean, change
    counters.n_updates += 1
    counters.pass_cost += cost * n_rows
    counters.pass_rows += n_rows
    if counters.n_updates % updates_per_pass != 0:
        return False
    mean = counters.pass_cost / counters.pass_rows
    change = fabs(mean - counters.previous_cost)
    counters.pass_cost = 0
    counters.pass_rows = 0
    counters.previous_cost = mean
    return change < tol


# -- the backend: from Python's objects to typed memoryviews ----------------------------------------------------


def _forward(
    const fastnn_layer[::1] layers,
    const floating[::1] parameters,
    const floating[:, ::1] X,
    floating[:, ::1] out,
    floating[::1] transposed,
    floating[:, ::1] h,
    floating[:, ::1] z,
):
    cdef Py_ssize_t s, i, outputs = layers[layers.shape[0] - 1].outputs, work = 0
    cdef bint is_transposed = X.shape[0] >= CHUNK
    with nogil:
        if is_transposed:
            transpose_weights(layers, parameters, transposed)
        for s in range(X.shape[0]):
            forward_sample(layers, parameters, transposed, is_transposed, X, s, z, h, 0)
            for i in range(out.shape[1]):
                out[s, i] = h[0, outputs + i]
            work += parameters.shape[0]
            if work > WORK_BETWEEN_POLLS:
                poll()
                work = 0


def _loss_and_gradient(
    const fastnn_layer[::1] layers,
    Py_ssize_t loss,
    double parameter,  # of the loss
    double l2,
    const floating[::1] parameters,
    const floating[:, ::1] X,
    const floating[:, ::1] y,
    const floating[::1] sample_weight,
    const Py_ssize_t[::1] rows,
    bint with_gradient,
    floating[::1] gradient,
    floating[::1] transposed,
    floating[:, ::1] h,
    floating[:, ::1] delta,
    floating[:, ::1] z,
):
    cdef double objective = 0, cost = 0
    cdef Py_ssize_t work = 0
    with nogil:
        batch_loss_and_gradient(
            layers, loss, parameter, l2, parameters, X, y, sample_weight, rows, 0, X.shape[0],
            with_gradient, gradient, &objective, &cost, &work, transposed, h, delta, z,
        )
    return objective, cost


def _advance(
    const fastnn_layer[::1] layers,
    Py_ssize_t loss,
    double parameter,
    double momentum,
    bint nesterov,
    double tol,
    Py_ssize_t updates_per_pass,
    floating[::1] parameters,
    floating[::1] velocity,
    fastnn_counters[::1] counters,
    const floating[:, ::1] X,
    const floating[:, ::1] y,
    const floating[::1] sample_weight,
    const Py_ssize_t[::1] rows,
    const Py_ssize_t[::1] starts,
    const double[::1] learning_rate,
    const double[::1] l2,
    double[::1] objective,
    double[::1] cost,
    floating[::1] gradient,
    floating[::1] transposed,
    floating[:, ::1] h,
    floating[:, ::1] delta,
    floating[:, ::1] z,
):
    cdef Py_ssize_t k, start = 0, n_rows = X.shape[0], n_done = learning_rate.shape[0]
    cdef Py_ssize_t work = 0
    cdef int stop = RAN
    with nogil:
        for k in range(learning_rate.shape[0]):
            if rows.shape[0] > 0:
                start, n_rows = starts[k], starts[k + 1] - starts[k]
            batch_loss_and_gradient(
                layers, loss, parameter, l2[k], parameters, X, y, sample_weight, rows, start, n_rows,
                True, gradient, &objective[k], &cost[k], &work, transposed, h, delta, z,
            )
            if not fabs(objective[k]) < INFINITY:
                n_done, stop = k, DIVERGED
                break
            update(<floating> momentum, nesterov, <floating> learning_rate[k], gradient, parameters, velocity)
            if finish_update(&counters[0], tol, updates_per_pass, cost[k], n_rows):
                n_done, stop = k + 1, CONVERGED
                break
    return n_done, stop


def _activate_rows(Py_ssize_t activation, double parameter, const floating[:, ::1] Z, floating[:, ::1] H):
    cdef Py_ssize_t s
    cdef fastnn_layer layer
    layer.activation, layer.parameter, layer.n_out, layer.outputs = activation, parameter, Z.shape[1], 0
    with nogil:
        for s in range(Z.shape[0]):
            activate(&layer, Z, H, s)


def _slopes(
    Py_ssize_t activation, double parameter, const floating[::1] z, const floating[::1] h, floating[::1] out
):
    # The commonest with their own loops, which a constant makes loops of vectors: a tenth of the time.
    cdef Py_ssize_t i
    with nogil:
        if activation == LOGISTIC:
            for i in range(h.shape[0]):
                out[i] = slope(LOGISTIC, parameter, z[i], h[i])
        elif activation == TANH:
            for i in range(h.shape[0]):
                out[i] = slope(TANH, parameter, z[i], h[i])
        elif activation == RELU:
            for i in range(h.shape[0]):
                out[i] = slope(RELU, parameter, z[i], h[i])
        else:
            for i in range(h.shape[0]):
                out[i] = slope(activation, parameter, z[i], h[i])


def _backward(
    const fastnn_layer[::1] layers,
    Py_ssize_t loss,
    double parameter,                   # of the loss
    const floating[::1] parameters,
    const floating[:, ::1] X,
    const floating[:, ::1] y,           # targets; or the deltas of the outputs where they are given
    bint are_deltas,
    const floating[::1] sample_weight,  # of the sum
    floating[::1] gradient,
    floating[:, ::1] by_inputs,
    floating[::1] transposed,
    floating[:, ::1] h,
    floating[:, ::1] delta,
    floating[:, ::1] z,
):
    cdef Py_ssize_t s, i, l, last = layers.shape[0] - 1, n_in = layers[0].n_in, work = 0
    cdef bint is_transposed = X.shape[0] >= CHUNK
    gradient[:] = 0
    with nogil:
        if is_transposed:
            transpose_weights(layers, parameters, transposed)
        for s in range(X.shape[0]):
            forward_sample(layers, parameters, transposed, is_transposed, X, s, z, h, 0)
            if are_deltas:
                for i in range(layers[last].n_out):
                    delta[0, layers[last].outputs + i] = y[s, i] * sample_weight[s]
                for l in range(last, 0, -1):
                    hidden_delta(&layers[l], &layers[l - 1], parameters, z, h, delta, 0)
            else:
                backward_sample(layers, loss, parameter, parameters, y, s, z, h, sample_weight[s], delta, 0)
            combine_rows(  # by the inputs, which have no slope
                parameters, layers[0].weights, layers[0].n_out, n_in, delta, 0, layers[0].outputs, delta, 0
            )
            for i in range(n_in):
                by_inputs[s, i] = delta[0, i]
            accumulate(layers, delta, h, 1, gradient)
            work += 4 * parameters.shape[0]
            if work > WORK_BETWEEN_POLLS:
                poll()
                work = 0


def _update(
    double momentum,
    bint nesterov,
    double learning_rate,
    const floating[::1] gradient,
    floating[::1] parameters,
    floating[::1] velocity,
):
    with nogil:
        update(<floating> momentum, nesterov, <floating> learning_rate, gradient, parameters, velocity)


#: The solvers that a run has.
SOLVERS = ("sgd",)

NO_ROWS = np.empty(0, np.intp)


def _work(network):
    """The work area of a call: transposed weights, h, delta and z."""
    n_units = sum(network.layer_sizes)
    return (
        np.empty(network.n_weights, network.dtype),
        np.empty((CHUNK, n_units), network.dtype),
        np.empty((CHUNK, n_units), network.dtype),
        np.empty((CHUNK, n_units), network.dtype),
    )


def _weights(sample_weight, X):
    """One a row of X, all 1 where none are given."""
    return np.ones(len(X), X.dtype) if sample_weight is None else sample_weight


def activate_rows(activation, Z, out, parameter=0.0):
    """Fill `out` with an activation of Z (n_rows, n), row by row."""
    _activate_rows(ACTIVATIONS[activation], parameter, Z, out)


def slopes(activation, z, h, out, parameter=0.0):
    """Fill `out` with the derivative of an elementwise activation by its inputs z (n,), from these or its outputs h."""
    _slopes(ACTIVATIONS[activation], parameter, z, h, out)


def update_parameters(training, learning_rate, gradient, parameters, velocity):
    """One step of gradient descent, plain or with momentum, in place."""
    _update(training.momentum, training.nesterov, learning_rate, gradient, parameters, velocity)


def forward(network, parameters, X, out, n_threads=None):
    """Fill `out` (n_samples, n_out) with the network's outputs for the rows of X."""
    refuse_heads(network, "cython")
    transposed, h, _, z = _work(network)
    _forward(network.layers, parameters, X, out, transposed, h, z)


def loss_and_gradient(network, objective, parameters, X, y, sample_weight, l2, gradient=None, n_threads=None):
    """Return the objective and the mean error norm; fill `gradient`, flat like the parameters, if it is given."""
    refuse_sklearn(objective, "cython")
    refuse_several(objective, "cython")
    refuse_heads(network, "cython")
    out = np.empty(0, network.dtype) if gradient is None else gradient
    return _loss_and_gradient(
        network.layers, LOSSES[objective.loss], objective.parameter, l2, parameters, X, y,
        _weights(sample_weight, X), NO_ROWS,
        gradient is not None, out, *_work(network),
    )


def backward(network, objective, parameters, X, y, sample_weight, gradient, by_inputs):
    """Fill the gradient of Σ w loss over the rows, flat like the parameters, and the derivatives by X, of its shape.

    Without an objective, None, y has the derivatives of that sum by the outputs' weighted sums.
    """
    are_deltas = objective is None
    loss, parameter = (0, 0.0) if are_deltas else (LOSSES[objective.loss], objective.parameter)
    _backward(
        network.layers, loss, parameter, parameters, X, y, are_deltas, _weights(sample_weight, X), gradient, by_inputs,
        *_work(network),
    )


class Run:
    """A run of these loops that stays open; see `fastnn.reference.descent.Run`."""

    def __init__(self, state, training, X, y, sample_weight, largest_batch, n_threads=None):
        refuse_sklearn(training.objective, "cython")
        refuse_several(training.objective, "cython")
        refuse_heads(state.network, "cython")
        self.state, self.training = state, training
        self.data = X, y, _weights(sample_weight, X)
        self.work = np.empty_like(state.parameters), *_work(state.network)

    def advance(self, rows, starts, learning_rate, l2, objective, cost):
        state, training = self.state, self.training
        if rows is None:
            rows = starts = NO_ROWS
        return _advance(
            state.network.layers, LOSSES[training.objective.loss], training.objective.parameter,
            training.momentum, training.nesterov, training.tol, training.updates_per_pass,
            state.parameters, state.optimizer, state.counters,
            *self.data, rows, starts, learning_rate, l2, objective, cost, *self.work,
        )

    def put_state(self):
        """What a run keeps, it keeps in its state."""

    end = put_state


begin = Run


def evaluation(network, objective, X, y, sample_weight, l2, n_threads=None):
    """Open an evaluation; see `fastnn.reference.evaluation.Evaluation`."""
    return Evaluation(loss_and_gradient, forward, network, objective, X, y, sample_weight, l2, n_threads)

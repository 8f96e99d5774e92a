"""A batch and the loop over updates, compiled: samples' passes summed, steps taken, none of it with the GIL.

``_sample.pxd`` has one sample's forward and backward pass; ``_loops.pyx`` hands in Python's objects. All is `inline`,
which here says what is compiled for speed (`LEVELS` in setup.py).
"""

from cython cimport floating
from libc.math cimport INFINITY, fabs
from libc.stdint cimport int64_t

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


cdef inline int poll() except -1 with gil:
    """Let Python answer Ctrl-C: a KeyboardInterrupt leaves the parameters as of the last update."""
    return PyErr_CheckSignals()


cdef inline int batch_loss_and_gradient(
    const fastnn_layer *layers,
    Py_ssize_t n_layers,
    Py_ssize_t loss,
    double parameter,               # of the loss
    double l2,
    const floating *parameters,     # IN
    const floating *X,              # IN: (..., n_in)
    const floating *y,              # IN: (..., n_out)
    const floating *sample_weight,  # IN: (...,)
    const Py_ssize_t *rows,         # IN: those of the batch; NULL: the first n_rows, in order
    Py_ssize_t n_rows,
    floating *gradient,             # OUT; NULL: not wanted
    double *objective,              # OUT
    double *cost,                   # OUT
    Py_ssize_t *work,               # IN and OUT: multiply-adds since the last look for Ctrl-C
    floating *transposed,           # work
    floating *h,                    # work: (CHUNK, n_units)
    floating *delta,                # work: (CHUNK, n_units)
    floating *z,                    # work: (CHUNK, n_units)
) except -1 nogil:
    cdef const fastnn_layer *last = &layers[n_layers - 1]
    cdef Py_ssize_t p, r, s, c = 0, n_units = last.outputs + last.n_out
    cdef Py_ssize_t n_weights = layers[0].biases, n_parameters = last.biases + last.n_out
    cdef bint is_transposed = n_rows >= CHUNK
    cdef double total_loss = 0, total_norm = 0, total_weight = 0, squares = 0
    cdef floating scale, decay = l2
    cdef const floating *target
    cdef floating *of_h
    cdef floating *of_z
    if is_transposed:
        transpose_weights(layers, n_layers, parameters, transposed)
    if gradient != NULL:
        for p in range(n_parameters):
            gradient[p] = 0

    for r in range(n_rows):
        s = rows[r] if rows != NULL else r
        target, of_h, of_z = y + s * last.n_out, h + c * n_units, z + c * n_units
        forward_sample(layers, n_layers, parameters, transposed, is_transposed, X + s * layers[0].n_in, of_z, of_h)
        total_loss += sample_weight[s] * sample_loss(loss, parameter, last, target, of_z, of_h)
        total_norm += error_norm(last, target, of_h)
        total_weight += sample_weight[s]
        if gradient != NULL:
            backward_sample(
                layers, n_layers, loss, parameter, parameters, target, of_z, of_h, sample_weight[s],
                delta + c * n_units,
            )
            c += 1
            if c == CHUNK or r == n_rows - 1:
                accumulate(layers, n_layers, delta, h, n_units, c, gradient)
                c = 0
        work[0] += 3 * n_weights
        if work[0] > WORK_BETWEEN_POLLS:
            poll()
            work[0] = 0

    scale = 1 / total_weight if total_weight > 0 else 0
    if l2 > 0:
        for p in range(n_weights):
            squares += <double> parameters[p] * parameters[p]
    if gradient != NULL:
        for p in range(n_parameters):
            gradient[p] *= scale
        if l2 > 0:
            for p in range(n_weights):
                gradient[p] += decay * parameters[p]
    objective[0] = (total_loss / total_weight if total_weight > 0 else 0) + 0.5 * l2 * squares
    cost[0] = total_norm / n_rows
    return 0


cdef inline void update(
    floating momentum,
    bint nesterov,
    floating learning_rate,
    Py_ssize_t n_parameters,
    const floating *gradient,  # IN
    floating *parameters,      # IN and OUT
    floating *velocity,        # IN and OUT
) noexcept nogil:
    cdef Py_ssize_t p
    for p in range(n_parameters):
        velocity[p] = momentum * velocity[p] - learning_rate * gradient[p]
        parameters[p] += momentum * velocity[p] - learning_rate * gradient[p] if nesterov else velocity[p]


cdef inline bint finish_update(
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


cdef inline int advance_batches(
    const fastnn_layer *layers,
    Py_ssize_t n_layers,
    Py_ssize_t loss,
    double parameter,             # of the loss
    double momentum,
    bint nesterov,
    double tol,
    Py_ssize_t updates_per_pass,
    floating *parameters,         # IN and OUT
    floating *velocity,           # IN and OUT
    fastnn_counters *counters,    # IN and OUT
    const floating *X,
    const floating *y,
    const floating *sample_weight,
    const Py_ssize_t *rows,       # IN; NULL: in each update the n_rows of X
    const Py_ssize_t *starts,     # IN: (n_updates + 1,) where the rows of each update begin
    Py_ssize_t n_rows,
    Py_ssize_t n_updates,
    const double *learning_rate,  # IN: (n_updates,)
    const double *l2,             # IN: (n_updates,)
    double *objective,            # OUT: (n_updates,)
    double *cost,                 # OUT: (n_updates,)
    floating *gradient,           # work
    floating *transposed,         # work
    floating *h,                  # work
    floating *delta,              # work
    floating *z,                  # work
    Py_ssize_t *n_done,           # OUT
) except -1 nogil:
    cdef const Py_ssize_t *of_batch = NULL
    cdef Py_ssize_t k, work = 0, n_parameters = layers[n_layers - 1].biases + layers[n_layers - 1].n_out
    n_done[0] = n_updates
    for k in range(n_updates):
        if rows != NULL:
            of_batch, n_rows = rows + starts[k], starts[k + 1] - starts[k]
        batch_loss_and_gradient(
            layers, n_layers, loss, parameter, l2[k], parameters, X, y, sample_weight, of_batch, n_rows,
            gradient, &objective[k], &cost[k], &work, transposed, h, delta, z,
        )
        if not fabs(objective[k]) < INFINITY:
            n_done[0] = k
            return DIVERGED
        update(<floating> momentum, nesterov, <floating> learning_rate[k], n_parameters, gradient, parameters, velocity)
        if finish_update(counters, tol, updates_per_pass, cost[k], n_rows):
            n_done[0] = k + 1
            return CONVERGED
    return RAN


# -- without a run: outputs, derivatives, kernels -------------------------------------------------------------


cdef inline int forward_batch(
    const fastnn_layer *layers,
    Py_ssize_t n_layers,
    const floating *parameters,
    Py_ssize_t n_rows,
    const floating *X,
    floating *out,
    floating *transposed,
    floating *h,
    floating *z,
) except -1 nogil:
    cdef const fastnn_layer *last = &layers[n_layers - 1]
    cdef Py_ssize_t s, i, work = 0
    cdef bint is_transposed = n_rows >= CHUNK
    if is_transposed:
        transpose_weights(layers, n_layers, parameters, transposed)
    for s in range(n_rows):
        forward_sample(layers, n_layers, parameters, transposed, is_transposed, X + s * layers[0].n_in, z, h)
        for i in range(last.n_out):
            out[s * last.n_out + i] = h[last.outputs + i]
        work += last.biases + last.n_out
        if work > WORK_BETWEEN_POLLS:
            poll()
            work = 0
    return 0


cdef inline int backward_batch(
    const fastnn_layer *layers,
    Py_ssize_t n_layers,
    Py_ssize_t loss,
    double parameter,               # of the loss
    const floating *parameters,
    Py_ssize_t n_rows,
    const floating *X,
    const floating *y,              # targets; or the deltas of the outputs where they are given
    bint are_deltas,
    const floating *sample_weight,  # of the sum
    floating *gradient,
    floating *by_inputs,
    floating *transposed,
    floating *h,
    floating *delta,
    floating *z,
) except -1 nogil:
    cdef const fastnn_layer *last = &layers[n_layers - 1]
    cdef Py_ssize_t s, i, l, n_in = layers[0].n_in, n_parameters = last.biases + last.n_out, work = 0
    cdef bint is_transposed = n_rows >= CHUNK
    for i in range(n_parameters):
        gradient[i] = 0
    if is_transposed:
        transpose_weights(layers, n_layers, parameters, transposed)
    for s in range(n_rows):
        forward_sample(layers, n_layers, parameters, transposed, is_transposed, X + s * n_in, z, h)
        if are_deltas:
            for i in range(last.n_out):
                delta[last.outputs + i] = y[s * last.n_out + i] * sample_weight[s]
            for l in range(n_layers - 1, 0, -1):
                hidden_delta(&layers[l], &layers[l - 1], parameters, z, h, delta)
        else:
            backward_sample(
                layers, n_layers, loss, parameter, parameters, y + s * last.n_out, z, h, sample_weight[s], delta
            )
        combine_rows(  # by the inputs, which have no slope
            parameters + layers[0].weights, layers[0].n_out, n_in, delta + layers[0].outputs, delta
        )
        for i in range(n_in):
            by_inputs[s * n_in + i] = delta[i]
        accumulate(layers, n_layers, delta, h, 0, 1, gradient)
        work += 4 * n_parameters
        if work > WORK_BETWEEN_POLLS:
            poll()
            work = 0
    return 0


cdef inline void activate_batch(
    Py_ssize_t activation, double parameter, Py_ssize_t n_rows, Py_ssize_t n, const floating *Z, floating *H
) noexcept nogil:
    cdef Py_ssize_t s
    cdef fastnn_layer layer
    layer.activation, layer.parameter, layer.n_out, layer.outputs = activation, parameter, n, 0
    for s in range(n_rows):
        activate(&layer, Z + s * n, H + s * n)


cdef inline void slopes_of(
    Py_ssize_t activation, double parameter, Py_ssize_t n, const floating *z, const floating *h, floating *out
) noexcept nogil:
    # The commonest with their own loops, which a constant makes loops of vectors: a tenth of the time.
    cdef Py_ssize_t i
    if activation == LOGISTIC:
        for i in range(n):
            out[i] = slope(LOGISTIC, parameter, z[i], h[i])
    elif activation == TANH:
        for i in range(n):
            out[i] = slope(TANH, parameter, z[i], h[i])
    elif activation == RELU:
        for i in range(n):
            out[i] = slope(RELU, parameter, z[i], h[i])
    else:
        for i in range(n):
            out[i] = slope(activation, parameter, z[i], h[i])

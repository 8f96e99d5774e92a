# cython: language_level=3, binding=False
"""The door to the compiled loops: backend "cython", and the kernels behind ``fastnn.kernels``.

``_batch.pxd`` has the loops over samples and updates; here Python's arrays become pointers, checked for dtype and
length, and a run allocates its work area when it begins. Nothing here computes: `setup.py` has this file compiled for
its size, and what is `inline` for its speed.
"""

import numpy as np

from cython cimport floating

from fastnn._tables import ACTIVATIONS, LOSSES
from fastnn.checks import refuse_encodings, refuse_heads, refuse_several, refuse_sklearn
from fastnn.reference.evaluation import Evaluation

from fastnn._batch cimport (
    activate_batch,
    advance_batches,
    backward_batch,
    batch_loss_and_gradient,
    fastnn_counters,
    forward_batch,
    slopes_of,
    update,
)
from fastnn._losses cimport fastnn_layer
from fastnn._sample cimport CHUNK

include "_buffers.pxi"

cdef extern from *:
    """
    #ifdef FASTNN_GLUE
    FASTNN_GLUE
    #endif
    """


# -- what a call or a run works on ------------------------------------------------------------------------------


cdef const char *format_of(array) except NULL:
    return b"d" if array.dtype.itemsize == 8 else b"f"


cdef class Network:
    """A network's layers, and the work area of its passes."""

    cdef Arguments arguments
    cdef const fastnn_layer *layers
    cdef Py_ssize_t n_layers, n_in, n_out, n_parameters
    cdef const char *dtype
    cdef bint is_float64
    cdef void *transposed
    cdef void *h
    cdef void *delta
    cdef void *z

    def __init__(self, network):
        refuse_heads(network, "cython")
        refuse_encodings(network, "cython")
        self.arguments = Arguments()
        self.n_layers, self.n_parameters = network.n_layers, network.n_parameters
        self.n_in, self.n_out = network.n_in, network.n_out
        self.layers = <const fastnn_layer *> self.arguments.take_structs(
            network.layers, self.n_layers * sizeof(fastnn_layer), False
        )
        self.is_float64 = network.dtype.itemsize == 8
        self.dtype = b"d" if self.is_float64 else b"f"
        n_units = sum(network.layer_sizes)
        self.transposed = self.room(network.n_weights, network.dtype)
        self.h = self.room(CHUNK * n_units, network.dtype)
        self.delta = self.room(CHUNK * n_units, network.dtype)
        self.z = self.room(CHUNK * n_units, network.dtype)

    cdef void *room(self, n, dtype) except NULL:
        return self.numbers(np.empty(n, dtype), n, True)

    cdef void *numbers(self, array, Py_ssize_t n, bint writable) except NULL:
        return self.arguments.take(array, self.dtype, n, writable)


cdef class Data(Network):
    """A network with an objective and data."""

    cdef Py_ssize_t loss, n_rows
    cdef double parameter  # of the loss
    cdef void *X
    cdef void *y
    cdef void *sample_weight

    def __init__(self, network, objective, X, y, sample_weight):
        Network.__init__(self, network)
        if objective is not None:
            refuse_sklearn(objective, "cython")
            refuse_several(objective, "cython")
            self.loss, self.parameter = LOSSES[objective.loss], objective.parameter
        self.n_rows = len(X)
        self.X = self.numbers(X, self.n_rows * self.n_in, False)
        self.y = self.numbers(y, self.n_rows * self.n_out, False)
        self.sample_weight = self.numbers(
            np.ones(self.n_rows, network.dtype) if sample_weight is None else sample_weight, self.n_rows, False
        )


# -- the backend ------------------------------------------------------------------------------------------------

#: The solvers that a run has.
SOLVERS = ("sgd",)


cdef int forward_of(Network of, floating *parameters, Py_ssize_t n_rows, void *X, void *out) except -1:
    with nogil:
        forward_batch(
            of.layers, of.n_layers, parameters, n_rows, <const floating *> X, <floating *> out,
            <floating *> of.transposed, <floating *> of.h, <floating *> of.z,
        )
    return 0


def forward(network, parameters, X, out, n_threads=None):
    """Fill `out` (n_samples, n_out) with the network's outputs for the rows of X."""
    cdef Network of = Network(network)
    cdef Py_ssize_t n_rows = len(X)
    cdef void *flat = of.numbers(parameters, of.n_parameters, False)
    cdef void *inputs = of.numbers(X, n_rows * of.n_in, False)
    cdef void *outputs = of.numbers(out, n_rows * of.n_out, True)
    if of.is_float64:
        forward_of(of, <double *> flat, n_rows, inputs, outputs)
    else:
        forward_of(of, <float *> flat, n_rows, inputs, outputs)


cdef int loss_of(Data of, floating *parameters, double l2, void *gradient, double *objective, double *cost) except -1:
    cdef Py_ssize_t work = 0
    with nogil:
        batch_loss_and_gradient(
            of.layers, of.n_layers, of.loss, of.parameter, l2, parameters, <const floating *> of.X,
            <const floating *> of.y, <const floating *> of.sample_weight, NULL, of.n_rows, <floating *> gradient,
            objective, cost, &work, <floating *> of.transposed, <floating *> of.h, <floating *> of.delta,
            <floating *> of.z,
        )
    return 0


def loss_and_gradient(network, objective, parameters, X, y, sample_weight, double l2, gradient=None, n_threads=None):
    """Return the objective and the mean error norm; fill `gradient`, flat like the parameters, if it is given."""
    cdef Data of = Data(network, objective, X, y, sample_weight)
    cdef void *flat = of.numbers(parameters, of.n_parameters, False)
    cdef void *slopes = NULL
    cdef double value = 0, cost = 0
    if gradient is not None:
        slopes = of.numbers(gradient, of.n_parameters, True)
    if of.is_float64:
        loss_of(of, <double *> flat, l2, slopes, &value, &cost)
    else:
        loss_of(of, <float *> flat, l2, slopes, &value, &cost)
    return value, cost


cdef int backward_of(Data of, floating *parameters, bint are_deltas, void *gradient, void *by_inputs) except -1:
    with nogil:
        backward_batch(
            of.layers, of.n_layers, of.loss, of.parameter, parameters, of.n_rows, <const floating *> of.X,
            <const floating *> of.y, are_deltas, <const floating *> of.sample_weight, <floating *> gradient,
            <floating *> by_inputs, <floating *> of.transposed, <floating *> of.h, <floating *> of.delta,
            <floating *> of.z,
        )
    return 0


def backward(network, objective, parameters, X, y, sample_weight, gradient, by_inputs):
    """Fill the gradient of Σ w loss over the rows, flat like the parameters, and the derivatives by X, of its shape.

    Without an objective, None, y has the derivatives of that sum by the outputs' weighted sums.
    """
    cdef Data of = Data(network, objective, X, y, sample_weight)
    cdef void *flat = of.numbers(parameters, of.n_parameters, False)
    cdef void *slopes = of.numbers(gradient, of.n_parameters, True)
    cdef void *of_inputs = of.numbers(by_inputs, of.n_rows * of.n_in, True)
    if of.is_float64:
        backward_of(of, <double *> flat, objective is None, slopes, of_inputs)
    else:
        backward_of(of, <float *> flat, objective is None, slopes, of_inputs)


cdef struct fastnn_steps:
    # What `Run.advance` is given.
    const Py_ssize_t *rows
    const Py_ssize_t *starts
    Py_ssize_t n
    const double *learning_rate
    const double *l2
    double *objective
    double *cost
    Py_ssize_t n_done
    int stop


cdef class Run(Data):
    """A run of these loops that stays open; see `fastnn.reference.descent.Run`."""

    cdef double momentum, tol
    cdef bint nesterov
    cdef Py_ssize_t updates_per_pass
    cdef void *parameters
    cdef void *velocity
    cdef void *gradient
    cdef fastnn_counters *counters

    def __init__(self, state, training, X, y, sample_weight, largest_batch, n_threads=None):
        Data.__init__(self, state.network, training.objective, X, y, sample_weight)
        self.momentum, self.nesterov, self.tol = training.momentum, training.nesterov, training.tol
        self.updates_per_pass = training.updates_per_pass
        self.parameters = self.numbers(state.parameters, self.n_parameters, True)
        self.velocity = self.numbers(state.optimizer, self.n_parameters, True)
        self.gradient = self.room(self.n_parameters, state.network.dtype)
        self.counters = <fastnn_counters *> self.arguments.take_structs(state.counters, sizeof(fastnn_counters), True)

    def advance(self, rows, starts, learning_rate, l2, objective, cost):
        cdef Arguments arguments = Arguments()
        cdef fastnn_steps steps
        steps.rows = steps.starts = NULL
        steps.n = len(learning_rate)
        if rows is not None:
            steps.starts = <const Py_ssize_t *> arguments.take(starts, INTEGERS, steps.n + 1, False)
            steps.rows = <const Py_ssize_t *> arguments.take(rows, INTEGERS, steps.starts[steps.n], False)
        steps.learning_rate = <const double *> arguments.take(learning_rate, b"d", steps.n, False)
        steps.l2 = <const double *> arguments.take(l2, b"d", steps.n, False)
        steps.objective = <double *> arguments.take(objective, b"d", steps.n, True)
        steps.cost = <double *> arguments.take(cost, b"d", steps.n, True)
        if self.is_float64:
            make(self, <double *> self.parameters, &steps)
        else:
            make(self, <float *> self.parameters, &steps)
        return steps.n_done, steps.stop

    def put_state(self):
        """What a run keeps, it keeps in its state."""

    def end(self):
        """Likewise."""


cdef int make(Run of, floating *parameters, fastnn_steps *steps) except -1:
    """Make the updates of these steps."""
    with nogil:
        steps.stop = advance_batches(
            of.layers, of.n_layers, of.loss, of.parameter, of.momentum, of.nesterov, of.tol, of.updates_per_pass,
            parameters, <floating *> of.velocity, of.counters, <const floating *> of.X, <const floating *> of.y,
            <const floating *> of.sample_weight, steps.rows, steps.starts, of.n_rows, steps.n, steps.learning_rate,
            steps.l2, steps.objective, steps.cost, <floating *> of.gradient, <floating *> of.transposed,
            <floating *> of.h, <floating *> of.delta, <floating *> of.z, &steps.n_done,
        )
    return 0


begin = Run


def evaluation(network, objective, X, y, sample_weight, l2, n_threads=None):
    """Open an evaluation; see `fastnn.reference.evaluation.Evaluation`."""
    return Evaluation(loss_and_gradient, forward, network, objective, X, y, sample_weight, l2, n_threads)


# -- single kernels ---------------------------------------------------------------------------------------------


def activate_rows(activation, Z, out, double parameter=0.0):
    """Fill `out` with an activation of Z (n_rows, n), row by row."""
    cdef Arguments arguments = Arguments()
    cdef const char *dtype = format_of(Z)
    cdef Py_ssize_t number = ACTIVATIONS[activation], n_rows = Z.shape[0], n = Z.shape[1]
    cdef void *z = arguments.take(Z, dtype, n_rows * n, False)
    cdef void *h = arguments.take(out, dtype, n_rows * n, True)
    with nogil:
        if dtype[0] == b"d"[0]:
            activate_batch(number, parameter, n_rows, n, <const double *> z, <double *> h)
        else:
            activate_batch(number, parameter, n_rows, n, <const float *> z, <float *> h)


def slopes(activation, z, h, out, double parameter=0.0):
    """Fill `out` with the derivative of an elementwise activation by its inputs z (n,), from these or its outputs h."""
    cdef Arguments arguments = Arguments()
    cdef const char *dtype = format_of(z)
    cdef Py_ssize_t number = ACTIVATIONS[activation], n = len(z)
    cdef void *of_z = arguments.take(z, dtype, n, False)
    cdef void *of_h = arguments.take(h, dtype, n, False)
    cdef void *of_out = arguments.take(out, dtype, n, True)
    with nogil:
        if dtype[0] == b"d"[0]:
            slopes_of(number, parameter, n, <const double *> of_z, <const double *> of_h, <double *> of_out)
        else:
            slopes_of(number, parameter, n, <const float *> of_z, <const float *> of_h, <float *> of_out)


def update_parameters(training, double learning_rate, gradient, parameters, velocity):
    """One step of gradient descent, plain or with momentum, in place."""
    cdef Arguments arguments = Arguments()
    cdef const char *dtype = format_of(parameters)
    cdef Py_ssize_t n = len(parameters)
    cdef double momentum = training.momentum
    cdef bint nesterov = training.nesterov
    cdef void *g = arguments.take(gradient, dtype, n, False)
    cdef void *p = arguments.take(parameters, dtype, n, True)
    cdef void *v = arguments.take(velocity, dtype, n, True)
    with nogil:
        if dtype[0] == b"d"[0]:
            update(momentum, nesterov, learning_rate, n, <const double *> g, <double *> p, <double *> v)
        else:
            update(<float> momentum, nesterov, <float> learning_rate, n, <const float *> g, <float *> p, <float *> v)

# cython: language_level=3
"""The binding to csrc, the SIMD engine: backend "simd", the compiled call of a network, and the choice of target.

Python's arrays become pointers, checked for dtype and length; the GIL is released for what takes long; codes become
exceptions. No arithmetic here. Raw buffers instead of typed memoryviews: a memoryview costs 0.2 µs an argument, a
buffer 0.05, and one small row is predicted in half a microsecond.
"""

import threading

import numpy as np

cimport cython
from libc.math cimport isfinite
from libc.stddef cimport ptrdiff_t
from libc.string cimport memset, strchr

from fastnn._tables import LOSSES, SOLVER_IDS
from fastnn._tables import SOLVERS  # `run` has all of them; `fastnn.backends` reads it here

cdef enum:
    STACK = 16384  # bytes of work area that a prediction takes from the stack
    MOST_ARRAYS = 16  # of one call
    LONG = 100_000  # multiply-adds, some 10 µs, from which on the GIL is released
    MOST_THREADS = 256  # that are ever asked for


cdef int ask_for_signals() noexcept nogil:
    """Let Python answer Ctrl-C; what it raises waits for `propagate`."""
    with gil:
        return PyErr_CheckSignals()


cdef fastnn_ask whom_to_ask() except? NULL:
    """Only the main thread answers signals: the others need not wait for the GIL to ask."""
    if threading.get_ident() == threading.main_thread().ident:
        return ask_for_signals
    return NULL


cdef int threads_allowed(n_threads) except -1:
    """A number of threads, or None for what the settings of OpenMP and the process's CPUs allow."""
    return fastnn_default_threads() if n_threads is None else min(n_threads, MOST_THREADS)


cdef int propagate() except -1:
    """Raise what `ask_for_signals` found."""
    return -1


# -- arrays as pointers -----------------------------------------------------------------------------------------


cdef class Arguments:
    """The buffers of a call's arrays, held until the call is over."""

    cdef Py_buffer views[MOST_ARRAYS]
    cdef int n

    def __dealloc__(self):
        cdef int i
        for i in range(self.n):
            PyBuffer_Release(&self.views[i])

    cdef void *take(self, array, const char *formats, Py_ssize_t n_items, bint writable) except NULL:
        """The first number of a C-contiguous array of at least n_items numbers, whose format is one of the letters."""
        cdef Py_ssize_t itemsize = 4 if formats[0] == b"f"[0] else 8 if formats[0] == b"d"[0] else sizeof(ptrdiff_t)
        cdef int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (PyBUF_WRITABLE if writable else 0)
        cdef Py_buffer *view = &self.views[self.n]
        if self.n == MOST_ARRAYS:
            raise SystemError("more arrays than room for their buffers")
        if PyObject_GetBuffer(array, view, flags) < 0:
            propagate()
        self.n += 1
        if (
            view.format[1] != 0 or strchr(formats, view.format[0]) == NULL or view.itemsize != itemsize
            or view.len < n_items * itemsize
        ):
            raise ValueError(
                f"expected at least {n_items} numbers of format {formats.decode()!r}, "
                f"got {view.len // view.itemsize} of {view.format.decode()!r}"
            )
        return view.buf


cdef const char *INTEGERS = b"lqni"  # those of them that are as long as a pointer: numpy.intp


cdef class Problem:
    """What the calls of the backend share: layers, dtype, data."""

    cdef Arguments arguments
    cdef const fastnn_layer *layers
    cdef ptrdiff_t n_layers
    cdef bint is_float64
    cdef const char *dtype
    cdef fastnn_data data
    cdef const fastnn_kernels *kernels

    def __init__(self, network, X):
        self.arguments = Arguments()
        self.n_layers = network.n_layers
        self.layers = <const fastnn_layer *> self.arguments.take(network.layers.view(np.intp), INTEGERS, 0, False)
        self.is_float64 = network.dtype.itemsize == 8
        self.dtype = b"d" if self.is_float64 else b"f"
        self.kernels = fastnn_active(self.is_float64)
        self.data.n_samples = X.shape[0]
        if X.ndim != 2 or X.shape[1] != network.n_in:
            raise ValueError(f"expected X with {network.n_in} columns, got shape {X.shape}")
        if isinstance(X, np.ndarray):
            self.data.X = self.arguments.take(X, self.dtype, X.shape[0] * network.n_in, False)
            return
        starts = np.array(X.indptr, np.intp)  # copies: nobody changes them once they have been checked
        columns = np.array(X.indices, np.intp)
        if len(columns) and not 0 <= columns.min() <= columns.max() < network.n_in or starts[0] < 0 or (
            np.diff(starts) < 0
        ).any():
            raise ValueError(f"X is not a CSR matrix of {network.n_in} columns: indices or indptr are out of range")
        self.data.csr_starts = <const ptrdiff_t *> self.arguments.take(starts, INTEGERS, X.shape[0] + 1, False)
        self.data.csr_columns = <const ptrdiff_t *> self.arguments.take(columns, INTEGERS, starts[X.shape[0]], False)
        self.data.X = self.arguments.take(X.data, self.dtype, starts[X.shape[0]], False)

    cdef int take_targets(self, y, sample_weight, Py_ssize_t n_out) except -1:
        self.data.y = self.arguments.take(y, self.dtype, self.data.n_samples * n_out, False)
        self.data.sample_weight = self.arguments.take(sample_weight, self.dtype, self.data.n_samples, False)
        return 0

    cdef void *numbers(self, array, Py_ssize_t n, bint writable) except NULL:
        return self.arguments.take(array, self.dtype, n, writable)


cdef void *allocate(size_t n) except NULL:
    cdef void *block = fastnn_allocate(n)
    if block == NULL:
        raise MemoryError(f"no {n} bytes for the work area")
    return block


# -- the backend ------------------------------------------------------------------------------------------------


def forward(network, parameters, X, out, n_threads=None):
    """Fill `out` (n_samples, n_out) with the network's outputs for the rows of X: dense, or CSR with finite entries."""
    cdef Problem problem = Problem(network, X)
    cdef void *flat = problem.numbers(parameters, network.n_parameters, False)
    cdef ptrdiff_t n_samples = problem.data.n_samples
    cdef void *outputs = problem.numbers(out, n_samples * network.n_out, True)
    cdef int most = threads_allowed(n_threads), stop
    cdef fastnn_ask ask = whom_to_ask()
    cdef void *work = allocate(problem.kernels.forward_work_size(problem.layers, problem.n_layers, n_samples, most))
    with nogil:
        stop = problem.kernels.forward(
            problem.layers, problem.n_layers, &problem.data, flat, outputs, False, most, ask, work
        )
        fastnn_free(work)
    if stop == INTERRUPTED:
        propagate()


def loss_and_gradient(
    network, loss, parameters, X, y, sample_weight, l2, gradient=None, n_threads=None, bint as_sklearn=False
):
    """Return the objective and the mean error norm; fill `gradient`, flat like the parameters, if it is given."""
    cdef Problem problem = Problem(network, X)
    cdef void *flat = problem.numbers(parameters, network.n_parameters, False)
    cdef void *slopes = NULL
    cdef int loss_id = LOSSES[loss], most = threads_allowed(n_threads), stop
    cdef fastnn_ask ask = whom_to_ask()
    cdef double penalty = l2, objective = 0, cost = 0
    cdef void *work
    problem.take_targets(y, sample_weight, network.n_out)
    if gradient is not None:
        slopes = problem.numbers(gradient, network.n_parameters, True)
    work = allocate(problem.kernels.work_size(problem.layers, problem.n_layers, 0, problem.data.n_samples, most))
    with nogil:
        stop = problem.kernels.loss_and_gradient(
            problem.layers, problem.n_layers, loss_id, as_sklearn, penalty, &problem.data, flat, slopes, &objective,
            &cost, most, ask, work,
        )
        fastnn_free(work)
    if stop == INTERRUPTED:
        propagate()
    return objective, cost


def run(state, training, X, y, sample_weight, rows, starts, learning_rate, l2, objective, cost, n_threads=None):
    """Make one update per entry of `learning_rate`; see `fastnn.reference.descent.run`. X may be CSR."""
    network = state.network
    cdef Problem problem = Problem(network, X)
    cdef Arguments arguments = problem.arguments
    cdef fastnn_training how
    cdef fastnn_run job
    cdef void *work
    cdef int stop, n_state = SOLVERS[training.solver]
    cdef Py_ssize_t n = len(learning_rate), k
    problem.take_targets(y, sample_weight, network.n_out)
    how.loss = LOSSES[training.loss]
    how.solver = SOLVER_IDS[training.solver]
    how.nesterov = training.nesterov
    how.as_sklearn = training.as_sklearn
    how.momentum = training.momentum
    how.beta_1 = training.beta_1
    how.beta_2 = training.beta_2
    how.epsilon = training.epsilon
    how.weight_decay = training.weight_decay
    how.tol = training.tol
    how.updates_per_pass = training.updates_per_pass
    job.n_layers = problem.n_layers
    job.layers = problem.layers
    job.training = &how
    job.data = problem.data
    job.rows = job.starts = NULL
    job.largest_batch = job.data.n_samples
    if rows is not None:
        job.starts = <const ptrdiff_t *> arguments.take(starts, INTEGERS, n + 1, False)
        job.rows = <const ptrdiff_t *> arguments.take(rows, INTEGERS, starts[n], False)
        job.largest_batch = 0
        for k in range(n):
            job.largest_batch = max(job.largest_batch, job.starts[k + 1] - job.starts[k])
    job.n_updates = n
    job.learning_rate = <const double *> arguments.take(learning_rate, b"d", n, False)
    job.l2 = <const double *> arguments.take(l2, b"d", n, False)
    job.parameters = problem.numbers(state.parameters, network.n_parameters, True)
    job.state = problem.numbers(state.optimizer, n_state * network.n_parameters, True)
    job.counters = <fastnn_counters *> arguments.take(state.counters.view(np.int64), INTEGERS, 0, True)
    job.objective = <double *> arguments.take(objective, b"d", n, True)
    job.cost = <double *> arguments.take(cost, b"d", n, True)
    job.n_done = 0
    job.n_threads = threads_allowed(n_threads)
    job.ask = whom_to_ask()
    work = allocate(
        problem.kernels.work_size(problem.layers, problem.n_layers, n_state, job.largest_batch, job.n_threads)
    )
    with nogil:
        stop = problem.kernels.run(&job, work)
        fastnn_free(work)
    if stop == INTERRUPTED:
        propagate()
    return job.n_done, stop


# -- a network's call -------------------------------------------------------------------------------------------


cdef class Predictor:
    """The compiled call of a network: one row or many, and no allocation but the result.

    `fastnn.Network` inherits it. What is no C-contiguous array of finite numbers of the network's dtype, and what
    another backend computes, goes to the network's own ``_outputs``, which checks, casts and explains.
    """

    cdef Arguments arguments  # hold the layers and the parameters as long as the network lives
    cdef const fastnn_layer *layers
    cdef const void *parameters_start
    cdef ptrdiff_t n_layers
    cdef ptrdiff_t n_in
    cdef ptrdiff_t n_out
    cdef double work_a_row
    cdef bint is_float64
    cdef char format
    cdef object ndarray, empty, dtype_, of_one_row
    cdef fastnn_scratch scratch

    def __cinit__(self, *args, **kwargs):
        """Take whatever `Network` takes; all fields are zeros."""

    def __dealloc__(self):
        fastnn_scratch_free(&self.scratch)

    def _bind(self, network, parameters):
        """Compute from these parameters of a NetworkSpec, which are shared, with the SIMD engine."""
        if self.parameters_start != NULL:
            raise TypeError("a network is made once; make another one")
        self.arguments = Arguments()
        self.is_float64 = network.dtype.itemsize == 8
        self.format = b"d"[0] if self.is_float64 else b"f"[0]
        cdef const void *start = self.arguments.take(
            parameters, b"d" if self.is_float64 else b"f", network.n_parameters, False
        )
        self.n_in, self.n_out, self.n_layers = network.n_in, network.n_out, network.n_layers
        self.work_a_row = network.n_weights
        self.ndarray, self.empty, self.dtype_ = np.ndarray, np.empty, network.dtype
        self.of_one_row = ((network.n_out,), network.dtype)
        self.layers = <const fastnn_layer *> self.arguments.take(network.layers.view(np.intp), INTEGERS, 0, False)
        self.parameters_start = start  # last: with it the network answers

    def __call__(self, X):
        """Return the network's outputs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_in) or (n_in,)

        Returns
        -------
        outputs : ndarray of shape (n_samples, n_out) or (n_out,)

        Raises
        ------
        TypeError, ValueError
            If X does not hold finite numbers, or has the wrong number of columns.
        """
        out = self.plain_outputs(X, False)
        return self._outputs(X) if out is None else out

    @cython.binding(False)  # a plain method of C, which is called in half the time
    def _plain_outputs(self, X):
        """The outputs of a C-contiguous array of finite numbers of the dtype and width, if they are finite too.

        None for all else.
        """
        return self.plain_outputs(X, True)

    cdef plain_outputs(self, X, bint are_finite):
        cdef Py_buffer rows, outputs
        cdef Py_ssize_t n_rows = self.take_rows(X, &rows)
        cdef int stop
        if n_rows == 0:
            return None
        try:
            out = self.empty(*self.of_one_row) if rows.ndim == 1 else self.empty((n_rows, self.n_out), self.dtype_)
            if PyObject_GetBuffer(out, &outputs, PyBUF_WRITABLE) < 0:
                propagate()
            try:
                stop = self.predict_rows(rows.buf, n_rows, outputs.buf)
                if are_finite and stop != NOT_FINITE and not self.all_finite(outputs.buf, n_rows * self.n_out):
                    stop = NOT_FINITE
            finally:
                PyBuffer_Release(&outputs)
        finally:
            PyBuffer_Release(&rows)
        if stop == INTERRUPTED:
            propagate()
        return out if stop != NOT_FINITE else None

    cdef bint all_finite(self, const void *numbers, Py_ssize_t n) noexcept:
        cdef Py_ssize_t i
        cdef const double *doubles = <const double *> numbers
        cdef const float *floats = <const float *> numbers
        if self.is_float64:
            for i in range(n):
                if not isfinite(doubles[i]):
                    return False
        else:
            for i in range(n):
                if not isfinite(floats[i]):
                    return False
        return True

    @cython.binding(False)
    def predict_into(self, X, out):
        # The signature stands first, as inspect reads it off methods of C.
        """predict_into($self, X, out)\n--\n\nWrite the network's outputs into an array, without any allocation.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_in) or (n_in,)
            C-contiguous, of the network's dtype.
        out : ndarray of shape (n_samples, n_out) or (n_out,)
            C-contiguous, writable, of the network's dtype; it must not share memory with X.

        Returns
        -------
        out : ndarray
            The same array.

        Raises
        ------
        TypeError, ValueError
            If an array is not as described, which is found before anything is written, or if X does not hold finite
            numbers, which may be found after the outputs of other rows.
        """
        cdef Py_buffer rows, outputs
        cdef Py_ssize_t n_rows
        cdef int stop = 0
        cdef bint fits
        n_rows = self.take_rows(X, &rows)
        if n_rows == 0:
            return self._outputs_into(X, out)
        try:
            if type(out) is not self.ndarray or PyObject_GetBuffer(
                out, &outputs, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE
            ) < 0:
                PyErr_Clear()
                return self._outputs_into(X, out)
            fits = (
                outputs.format[0] == self.format and outputs.format[1] == 0 and outputs.ndim == rows.ndim
                and outputs.shape[outputs.ndim - 1] == self.n_out and (outputs.ndim == 1 or outputs.shape[0] == n_rows)
                and (<char *> outputs.buf >= <char *> rows.buf + rows.len
                     or <char *> rows.buf >= <char *> outputs.buf + outputs.len)
            )
            try:
                if fits:
                    stop = self.predict_rows(rows.buf, n_rows, outputs.buf)
            finally:
                PyBuffer_Release(&outputs)
        finally:
            PyBuffer_Release(&rows)
        if stop == INTERRUPTED:
            propagate()
        return out if fits and stop != NOT_FINITE else self._outputs_into(X, out)

    cdef Py_ssize_t take_rows(self, X, Py_buffer *rows) except -1:
        """Take the buffer of X and return its number of rows, or leave it and return 0: for ``_outputs`` to see to."""
        cdef Py_ssize_t n_rows
        if self.parameters_start == NULL or type(X) is not self.ndarray:  # a subclass may mean something else: masks
            return 0
        if PyObject_GetBuffer(X, rows, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0:
            PyErr_Clear()
            return 0
        n_rows = 1 if rows.ndim == 1 else rows.shape[0] if rows.ndim == 2 else 0
        if (
            n_rows > 0 and rows.format[0] == self.format and rows.format[1] == 0
            and rows.shape[rows.ndim - 1] == self.n_in
        ):
            return n_rows
        PyBuffer_Release(rows)
        return 0

    cdef int predict_rows(self, const void *X, ptrdiff_t n_rows, void *out) except -1:
        cdef char on_stack[STACK + 64]
        cdef const fastnn_kernels *kernels = fastnn_active(self.is_float64)
        cdef fastnn_data data
        cdef bint is_long = n_rows * self.work_a_row >= LONG
        cdef int stop, most = fastnn_default_threads() if is_long else 1
        cdef fastnn_ask ask = NULL
        cdef size_t n = kernels.forward_work_size(self.layers, self.n_layers, n_rows, most)
        cdef void *work = <void *> ((<size_t> on_stack + 63) & ~(<size_t> 63))
        if is_long:
            ask = whom_to_ask()
        memset(&data, 0, sizeof(data))
        data.n_samples = n_rows
        data.X = X
        if n > STACK:
            work = fastnn_scratch_take(&self.scratch, n)
            if work == NULL:
                raise MemoryError(f"no {n} bytes for the work area")
        if not is_long:
            stop = kernels.forward(self.layers, self.n_layers, &data, self.parameters_start, out, True, 1, NULL, work)
        else:
            with nogil:
                stop = kernels.forward(
                    self.layers, self.n_layers, &data, self.parameters_start, out, True, most, ask, work
                )
        if n > STACK:
            fastnn_scratch_give_back(&self.scratch, work)
        return stop


# -- targets and yardsticks, for fastnn.simd --------------------------------------------------------------------


def targets():
    """Return the names of the instruction sets that can be used, slowest first."""
    return tuple(fastnn_target_name(i).decode() for i in range(fastnn_n_targets()))


def active():
    """Return the name of the instruction set in use, as its own kernels have it, and its bytes a vector."""
    cdef const fastnn_kernels *kernels = fastnn_active(True)
    return kernels.target.decode(), kernels.vector_bytes


def use(Py_ssize_t target):
    """Use the target of this number from now on."""
    if not 0 <= target < fastnn_n_targets():
        raise IndexError(f"there are {fastnn_n_targets()} targets, got number {target}")
    fastnn_use(target)


def threads():
    """Return whether there is OpenMP, whether this process came out of a fork, and how many threads a call may use."""
    return bool(fastnn_has_openmp()), bool(fastnn_is_forked()), fastnn_default_threads()


def multiply_adds(bint is_float64, Py_ssize_t n):
    """Run n rounds of independent multiply-adds; return how many floating-point operations that were."""
    cdef double n_operations
    with nogil:
        n_operations = fastnn_active(is_float64).multiply_adds(n)
    return n_operations


def elementwise(name, x, out):
    """Fill `out` with exp, log, logistic or tanh of the numbers x, by the vectorised function."""
    cdef bint is_float64 = x.dtype.itemsize == 8
    cdef const fastnn_kernels *kernels = fastnn_active(is_float64)
    cdef const char *dtype = b"d" if is_float64 else b"f"
    cdef Arguments arguments = Arguments()
    cdef Py_ssize_t n = x.size
    cdef const void *numbers = arguments.take(x, dtype, n, False)
    cdef void *results = arguments.take(out, dtype, n, True)
    cdef fastnn_elementwise function
    if name == "exp":
        function = kernels.exp
    elif name == "log":
        function = kernels.log
    elif name == "logistic":
        function = kernels.logistic
    elif name == "tanh":
        function = kernels.tanh
    else:
        raise ValueError(f"elementwise functions are exp, log, logistic and tanh, got {name!r}")
    with nogil:
        function(numbers, results, n)


fastnn_threads_begin()
fastnn_n_targets()  # finds them, and takes the fastest into use

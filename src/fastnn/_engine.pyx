# cython: language_level=3, binding=False
"""The binding to csrc, the SIMD engine: backend "simd", the compiled call of a network, and the choice of target.

Python's arrays become pointers, checked for dtype and length; the GIL is released for what takes long; codes become
exceptions. No arithmetic here. Raw buffers instead of typed memoryviews: a memoryview costs 0.2 µs an argument, a
buffer 0.05, and one small row is predicted in half a microsecond.
"""

import threading

import numpy as np

cimport cython
from libc.math cimport INFINITY, fabs
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport INT32_MAX, UINT32_MAX, int32_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

include "_buffers.pxi"
include "_tables.pxi"  # a run has all of SOLVERS; `fastnn.backends` reads it here


cdef enum:
    STACK = 16384  # bytes of work area that a prediction takes from the stack
    LONG = 100_000  # multiply-adds, some 10 µs, from which on the GIL is released
    MANY = 10_000  # numbers that are copied, likewise: to take it back may mean to wait for another network's Python
    MOST_THREADS = 256  # that are ever asked for


cdef int ask_for_signals() noexcept nogil:
    """Let Python answer Ctrl-C; what it raises waits for `propagate`."""
    with gil:
        return PyErr_CheckSignals()


cdef extern from *:
    """
    static _Thread_local const volatile int *fastnn_stop; /* what this thread is stopped by; NULL: nothing */
    """
    const volatile int *fastnn_stop


cdef class Stop:
    """Stops what the engine computes in the threads that watch it, with a KeyboardInterrupt."""

    cdef int is_set

    def watch(self):
        """Have the calling thread stop by this one, which must live as long as the thread."""
        global fastnn_stop
        fastnn_stop = &self.is_set

    def set(self):
        self.is_set = 1


cdef int ask_whether_to_stop() noexcept nogil:
    """Let another thread end what this one computes; the exception waits for `propagate`."""
    if fastnn_stop[0] == 0:
        return 0
    with gil:
        PyErr_SetNone(KeyboardInterrupt)
    return -1


cdef fastnn_ask whom_to_ask() except? NULL:
    """Only the main thread answers signals: the others need not wait for the GIL to ask."""
    if threading.get_ident() == threading.main_thread().ident:
        return ask_for_signals
    if fastnn_stop != NULL:
        return ask_whether_to_stop
    return NULL


cdef int threads_allowed(n_threads) except -1:
    """A number of threads, or None for what the settings of OpenMP and the process's CPUs allow."""
    return fastnn_default_threads() if n_threads is None else min(n_threads, MOST_THREADS)


include "_problem.pxi"


# -- the backend ------------------------------------------------------------------------------------------------


def forward(network, parameters, X, out, n_threads=None):
    """Fill `out` (n_samples, n_out) with the network's outputs for the rows of X: dense, or CSR with finite entries.

    Return whether the sums behind all of them are finite: an activation may make a number of what is none.
    """
    cdef Problem problem = Problem(network, X)
    cdef void *flat = problem.numbers(parameters, network.n_parameters, False)
    cdef ptrdiff_t n_samples = problem.data.n_samples
    cdef void *outputs = problem.numbers(out, n_samples * network.n_out, True)
    cdef int most = threads_allowed(n_threads), stop
    cdef fastnn_ask ask = whom_to_ask()
    cdef void *work = allocate(problem.kernels.forward_work_size(problem.layers, problem.n_layers, &problem.data, most))
    if n_samples * network.n_parameters < LONG:
        stop = problem.kernels.forward(
            problem.layers, problem.n_layers, &problem.data, flat, outputs, False, 1, NULL, work
        )
    else:
        with nogil:
            stop = problem.kernels.forward(
                problem.layers, problem.n_layers, &problem.data, flat, outputs, False, most, ask, work
            )
    fastnn_free(work)
    if stop == INTERRUPTED:
        propagate()
    return stop != OVERFLOWED


cdef fastnn_objective objective_of(objective, network, Arguments arguments) except *:
    """An `Objective` as the engine has it, for the outputs of a network; its lists are held by the arguments."""
    cdef fastnn_objective c
    cdef fastnn_head *heads
    cdef const double *quantiles
    if not network.blocks:
        return one_objective(objective, network.group, quantiles_of([objective], arguments))
    if len(objective.heads) != len(network.blocks):
        raise ValueError(f"{len(objective.heads)} heads for {len(network.blocks)} blocks of outputs")
    memset(&c, 0, sizeof(c))
    c.as_sklearn = objective.as_sklearn
    room = np.zeros((len(objective.heads), sizeof(fastnn_head) // sizeof(double)))
    c.heads = heads = <fastnn_head *> arguments.take(room, b"d", room.size, True)
    quantiles = quantiles_of([own for own, _ in objective.heads], arguments)
    for i, ((own, weight), block) in enumerate(zip(objective.heads, network.blocks)):
        heads[<int> i].objective = one_objective(own, block.group, quantiles)
        heads[<int> i].weight = weight
        quantiles += len(own.quantiles)
    return c


cdef fastnn_objective one_objective(objective, Py_ssize_t group, const double *quantiles) except *:
    """That of one loss, whose outputs go by groups of as many as it has quantiles, or of 0."""
    cdef fastnn_objective c
    memset(&c, 0, sizeof(c))
    c.loss, c.as_sklearn, c.parameter = LOSSES[objective.loss], objective.as_sklearn, objective.parameter
    c.has_soft_targets = objective.has_soft_targets
    if group:
        if len(objective.quantiles) != group:
            raise ValueError(f"{len(objective.quantiles)} quantiles for groups of {group} outputs")
        c.quantiles = quantiles
    return c


cdef const double *quantiles_of(objectives, Arguments arguments) except? NULL:
    """The quantiles of all of them, one after the other; NULL where there are none."""
    levels = [level for objective in objectives for level in objective.quantiles]
    return <const double *> arguments.take(np.array(levels), b"d", len(levels), False) if levels else NULL


cdef class Evaluation:
    """Objective and gradient at many points; see `fastnn.reference.evaluation.Evaluation`. Of one thread at a time."""

    cdef Problem problem
    cdef Arguments of_call
    cdef fastnn_objective objective
    cdef double l2
    cdef ptrdiff_t n_parameters, n_outputs
    cdef int n_threads
    cdef fastnn_ask ask
    cdef void *work
    cdef readonly double cost

    def __dealloc__(self):
        fastnn_free(self.work)

    cdef int open(self, network, objective, X, y, sample_weight, double l2, n_threads) except -1:
        cdef Problem problem = Problem(network, X)
        problem.take_targets(y, sample_weight, network.n_out)
        problem.refuse_l2(&l2, 1)
        self.problem, self.of_call = problem, Arguments()
        self.objective = objective_of(objective, network, problem.arguments)
        self.l2, self.n_parameters = l2, network.n_parameters
        self.n_outputs = problem.data.n_samples * network.n_out
        self.n_threads, self.ask = threads_allowed(n_threads), whom_to_ask()
        self.work = allocate(problem.kernels.gradient_work_size(
            problem.layers, problem.n_layers, &problem.data, self.n_threads
        ))
        return 0

    cdef double measure(self, parameters, gradient, outputs, double *cost) except? -1:
        """The objective, the mean error norm, and gradient and outputs where they are not None."""
        cdef Problem problem = self.problem
        cdef Arguments arguments = self.of_call
        cdef void *slopes = NULL
        cdef void *shown = NULL
        cdef void *flat
        cdef double value = 0
        cdef int stop
        try:
            flat = arguments.take(parameters, problem.dtype, self.n_parameters, False)
            if gradient is not None:
                slopes = arguments.take(gradient, problem.dtype, self.n_parameters, True)
            if outputs is not None:
                shown = arguments.take(outputs, problem.dtype, self.n_outputs, True)
            with nogil:
                stop = problem.kernels.loss_and_gradient(
                    problem.layers, problem.n_layers, &self.objective, self.l2, &problem.data, flat, slopes, shown,
                    &value, cost, self.n_threads, self.ask, self.work,
                )
        finally:
            arguments.release()
        if stop == INTERRUPTED:
            propagate()
        return value

    def at(self, parameters, gradient, outputs=None):
        return self.measure(parameters, gradient, outputs, &self.cost)


def evaluation(network, objective, X, y, sample_weight, l2, n_threads=None):
    """Open an evaluation; see `fastnn.reference.evaluation.Evaluation`. X may be CSR."""
    cdef Evaluation opened = Evaluation.__new__(Evaluation)
    opened.open(network, objective, X, y, sample_weight, l2, n_threads)
    return opened


def loss_and_gradient(network, objective, parameters, X, y, sample_weight, l2, gradient=None, n_threads=None):
    """Return the objective and the mean error norm; fill `gradient`, flat like the parameters, if it is given."""
    cdef Evaluation opened = evaluation(network, objective, X, y, sample_weight, l2, n_threads)
    cdef double cost = 0
    value = opened.measure(parameters, gradient, None, &cost)
    return value, cost


cdef inline double none_or(double bound) noexcept:
    """A bound as the engine has it, where 0 is none."""
    return 0 if bound == INFINITY else bound


include "_passes.pxi"


cdef class Run:
    """A run of the engine that stays open; see `fastnn.reference.descent.Run`. One thread at a time may use it."""

    cdef Problem problem
    cdef Arguments of_call
    cdef fastnn_training training
    cdef fastnn_run run
    cdef ptrdiff_t n_parameters
    cdef void *work

    def __dealloc__(self):
        fastnn_free(self.work)

    def advance(self, rows, starts, learning_rate, l2, objective, cost):
        cdef fastnn_updates updates
        cdef int stop
        if self.work == NULL:
            raise ValueError("the run has ended")
        if fastnn_stop != NULL and fastnn_stop[0]:  # short calls never ask
            raise KeyboardInterrupt
        try:
            self.take(&updates, rows, starts, learning_rate, l2, objective, cost)
            with nogil:
                stop = self.problem.kernels.advance(&self.run, &updates, self.work)
        finally:
            self.of_call.release()
        if stop == INTERRUPTED:
            propagate()
        return updates.n_done, stop

    def make_passes(self, source, Orders orders, n_before, learning_rate, l2, objective, cost, judge, kept):
        """Make whole passes, of which nobody hears before some of them are made.

        Parameters
        ----------
        source : Ordered or Composed
            Learns which pass was begun last.
        orders : Orders
            Its rows.
        n_before : int
            Updates before these.
        learning_rate, l2, objective, cost : (n,) of float64
            As for `advance`, for all updates of some passes.
        judge : fastnn.training.passes.Judge or None
            Whose progress goes on.
        kept : ndarray of shape (n_parameters,), or None
            Gets the parameters as they were at the start of the pass.

        Returns
        -------
        n_done, stop, ends : int
            As `advance`, and whether the judge ends the run. Fewer than all are made where that takes long.
        """
        cdef stretch now
        cdef int stop
        losses = None
        if self.work == NULL:
            raise ValueError("the run has ended")
        if fastnn_stop != NULL and fastnn_stop[0]:
            raise KeyboardInterrupt
        memset(&now, 0, sizeof(now))
        try:
            self.take(&now.all, None, None, learning_rate, l2, objective, cost)
            if kept is not None:
                now.n_kept = self.n_parameters * (8 if self.problem.is_float64 else 4)
                now.kept = self.of_call.take(kept, self.problem.dtype, self.n_parameters, True)
            if judge is not None:
                losses = take_judge(&now.judge, judge, now.all.n // orders.n_updates, self.of_call)
            orders.lock_own()
            try:
                with nogil:
                    stop = make_stretch(self.problem.kernels, &self.run, self.work, orders, &now)
                if stop == INTERRUPTED:
                    propagate()
            finally:
                orders.unlock_own()
                orders.draw(now.n_to_draw)
                source.rows, source.begun = orders.rows, n_before + now.begun
                if judge is not None:
                    put_judge(&now.judge, judge, losses)
        finally:
            self.of_call.release()
        return now.all.n_done, stop, now.ends

    def put_state(self):
        if self.work == NULL:
            raise ValueError("the run has ended")
        with nogil:
            self.problem.kernels.put_state(&self.run, self.work)

    def end(self):
        cdef void *work = self.work
        self.work = NULL
        if work != NULL:
            if self.n_parameters < MANY:
                self.problem.kernels.end(&self.run, work)
                fastnn_free(work)
            else:
                with nogil:
                    self.problem.kernels.end(&self.run, work)
                    fastnn_free(work)
            self.problem.arguments.release()

    cdef int begin(self, state, training, X, y, sample_weight, Py_ssize_t largest_batch, n_threads) except -1:
        network = state.network
        cdef Problem problem = Problem(network, X)
        cdef int n_state = SOLVERS[training.solver]
        self.problem, self.of_call = problem, Arguments()
        problem.take_targets(y, sample_weight, network.n_out)
        self.training.objective = objective_of(training.objective, network, problem.arguments)
        self.training.solver = SOLVER_IDS[training.solver]
        self.training.nesterov = training.nesterov
        self.training.momentum = training.momentum
        self.training.beta_1 = training.beta_1
        self.training.beta_2 = training.beta_2
        self.training.epsilon = training.epsilon
        self.training.weight_decay = training.weight_decay
        self.training.tol = training.tol
        self.training.updates_per_pass = training.updates_per_pass
        self.training.l1 = training.l1
        self.training.max_grad_norm = none_or(training.max_grad_norm)
        self.training.max_norm = none_or(training.max_norm)
        if training.dropout is not None:
            dropped = np.array(training.dropout.dropped, np.int32)
            self.training.dropped = <const int32_t *> problem.arguments.take(
                dropped, SHORT_INTEGERS, network.n_layers, False
            )
            self.training.seed = training.dropout.seed
        if training.rates:
            rates = np.array(training.rates, np.float64)
            self.training.rates = <const double *> problem.arguments.take(rates, b"d", 2 * network.n_layers, False)
        if training.decay_rates:
            decays = np.array(training.decay_rates, np.float64)
            self.training.decays = <const double *> problem.arguments.take(decays, b"d", network.n_layers, False)
        self.training.gate_rate = training.gate_rate
        if training.fade:
            self.training.fade_from, self.training.fade_until = training.fade
        self.run.n_layers, self.run.layers = problem.n_layers, problem.layers
        self.run.training = &self.training
        self.run.data = problem.data
        self.run.largest_batch = largest_batch
        self.n_parameters = network.n_parameters
        self.run.parameters = problem.numbers(state.parameters, network.n_parameters, True)
        self.run.state = problem.numbers(state.optimizer, n_state * network.n_parameters, True)
        self.run.counters = <fastnn_counters *> problem.arguments.take_structs(
            state.counters, sizeof(fastnn_counters), True
        )
        self.run.n_threads = threads_allowed(n_threads)
        self.run.ask = whom_to_ask()
        self.work = allocate(problem.kernels.run_work_size(&self.run))
        if self.n_parameters < MANY:
            self.problem.kernels.begin(&self.run, self.work)
        else:
            with nogil:
                self.problem.kernels.begin(&self.run, self.work)
        return 0

    cdef int take(self, fastnn_updates *updates, rows, starts, learning_rate, l2, objective, cost) except -1:
        cdef Arguments arguments = self.of_call
        cdef Py_ssize_t n = len(learning_rate)
        updates.rows = updates.starts = NULL
        if rows is not None:
            updates.starts = <const ptrdiff_t *> arguments.take(starts, INTEGERS, n + 1, False)
            updates.rows = <const ptrdiff_t *> arguments.take(rows, INTEGERS, updates.starts[n], False)
        updates.n = n
        updates.learning_rate = <const double *> arguments.take(learning_rate, b"d", n, False)
        updates.l2 = <const double *> arguments.take(l2, b"d", n, False)
        self.problem.refuse_l2(updates.l2, n)
        updates.objective = <double *> arguments.take(objective, b"d", n, True)
        updates.cost = <double *> arguments.take(cost, b"d", n, True)
        return 0


def begin(state, training, X, y, sample_weight, largest_batch, n_threads=None):
    """Open a run of `state`; see `fastnn.reference.descent.Run`. X may be CSR."""
    cdef Run run = Run.__new__(Run)
    run.begin(state, training, X, y, sample_weight, largest_batch, n_threads)
    return run


include "_predictor.pxi"
include "_rows.pxi"


# -- targets and yardsticks, for fastnn.simd --------------------------------------------------------------------


def targets():
    """Return the names of the instruction sets that can be used, slowest first."""
    return tuple([fastnn_target_name(i).decode() for i in range(fastnn_n_targets())])


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
    cdef const void *numbers
    cdef void *results
    if name in ("exp", "logistic", "tanh"):
        activate(name, 0, x, out)
        return
    if name != "log":
        raise ValueError(f"elementwise functions are exp, log, logistic and tanh, got {name!r}")
    numbers, results = arguments.take(x, dtype, n, False), arguments.take(out, dtype, n, True)
    with nogil:
        kernels.log(numbers, results, n)


def activate(name, double parameter, x, out, slopes=None):
    """Fill `out` with an elementwise activation of the numbers x, `slopes` with its slopes if its row keeps them."""
    cdef bint is_float64 = x.dtype.itemsize == 8
    cdef const fastnn_kernels *kernels = fastnn_active(is_float64)
    cdef const char *dtype = b"d" if is_float64 else b"f"
    cdef Arguments arguments = Arguments()
    cdef Py_ssize_t n = x.size
    cdef int activation = ACTIVATIONS[name]
    cdef const void *numbers = arguments.take(x, dtype, n, False)
    cdef void *results = arguments.take(out, dtype, n, True)
    cdef void *of_slopes = NULL if slopes is None else arguments.take(slopes, dtype, n, True)
    with nogil:
        kernels.activation(activation, parameter, numbers, results, of_slopes, n)


fastnn_threads_begin()
fastnn_n_targets()  # finds them, and takes the fastest into use

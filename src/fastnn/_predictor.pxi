"""The compiled call of a network; part of ``_engine.pyx``, whose buffers and work areas it uses."""

cdef class Predictor:
    """The compiled call of a network: one row or many, and no allocation but the result.

    `fastnn.Network` inherits it. What NumPy makes no plain array of finite numbers without a word, and what another
    backend computes, goes to the network's own ``_outputs``, which checks, casts and explains.
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
    cdef object ndarray, asarray, empty, dtype_, of_one_row
    cdef fastnn_scratch scratch

    def __cinit__(self, *args, **kwargs):
        """Take whatever `Network` takes; all fields are zeros."""

    def __dealloc__(self):
        fastnn_scratch_free(&self.scratch)

    def _bind(self, network, parameters):
        """Compute from these parameters of a NetworkSpec, which are shared, with the SIMD engine."""
        cdef Arguments arguments = Arguments()
        cdef bint is_float64 = network.dtype.itemsize == 8
        cdef const void *start = arguments.take(parameters, b"d" if is_float64 else b"f", network.n_parameters, False)
        cdef ptrdiff_t n_in = network.n_in, n_out = network.n_out, n_layers = network.n_layers
        cdef Py_ssize_t n_others = len(network.blocks) + len(network.encodings)
        cdef const void *layers = arguments.take_structs(
            network.layers, (n_layers + n_others) * sizeof(fastnn_layer), False
        )
        dtype, n_weights = network.dtype, network.n_weights
        if self.parameters_start != NULL:  # asked last: other threads ran, wherever Python did
            raise TypeError("a network is made once; make another one")
        self.ndarray, self.asarray, self.empty, self.dtype_ = np.ndarray, np.asarray, np.empty, dtype
        self.of_one_row = ((n_out,), dtype)
        self.work_a_row = n_weights
        self.is_float64, self.format = is_float64, b"d"[0] if is_float64 else b"f"[0]
        self.n_in, self.n_out, self.n_layers = n_in, n_out, n_layers
        self.arguments, self.layers = arguments, <const fastnn_layer *> layers
        self.parameters_start = start  # last: with it the network answers

    def __call__(self, X):
        """Return the network's outputs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_in) or (n_in,), or sparse matrix of shape (n_samples, n_in)

        Returns
        -------
        outputs : ndarray of shape (n_samples, n_out) or (n_out,)

        Raises
        ------
        TypeError, ValueError
            If X does not hold finite numbers, or has the wrong number of columns.
        """
        out = self.plain_outputs(X, False)
        if out is None:
            out = self.plain_outputs(self.plain_rows(X, True), False)
        return self._outputs(X) if out is None or out is False else out

    @cython.binding(False)  # a plain method of C, which is called in half the time
    def _plain_outputs(self, X):
        """The outputs of finite numbers of the right width, of a dtype that the network's holds.

        None for whatever is not plainly that; False if outputs, the sums behind them, or numbers are not finite.
        """
        out = self.plain_outputs(X, True)
        if out is None:
            out = self.plain_outputs(self.plain_rows(X, False), True)
        return out

    cdef plain_rows(self, X, bint rounds):
        """A list, a tuple or an array of real numbers as an array of the dtype; None where it may be anything else.

        Subclasses may: of masks, say. `rounds`: whether numbers that the dtype holds only nearly are taken, too.
        """
        cdef Py_ssize_t n_bytes, own = 8 if self.is_float64 else 4
        kind = type(X)
        if self.parameters_start == NULL or kind is not self.ndarray and kind is not list and kind is not tuple:
            return None
        try:
            array = X if kind is self.ndarray else self.asarray(X)
            letter, n_bytes = array.dtype.kind, array.dtype.itemsize
            holds = letter == "b" or n_bytes < own or n_bytes == own and (letter == "f" or own == 8)
            if letter not in "biuf" or not (holds or rounds):
                return None
            if holds or letter != "f":
                return array.astype(self.dtype_, "C")
            with np.errstate(over="ignore"):  # `_outputs` tells of it
                return array.astype(self.dtype_, "C")
        except Exception:  # as `_outputs` will meet and explain
            return None

    cdef plain_outputs(self, X, bint are_finite):
        """The outputs of a C-contiguous array of the dtype and width; None: it is none; False: they are not finite."""
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
                if are_finite and (stop == OVERFLOWED or not self.all_finite(outputs.buf, n_rows * self.n_out)):
                    stop = NOT_FINITE if stop != INTERRUPTED else stop
            finally:
                PyBuffer_Release(&outputs)
        finally:
            PyBuffer_Release(&rows)
        if stop == INTERRUPTED:
            propagate()
        return out if stop != NOT_FINITE else False

    cdef bint all_finite(self, const void *numbers, Py_ssize_t n) noexcept:
        # Not by isfinite, which Cython declares of long doubles.
        cdef Py_ssize_t i
        cdef const double *doubles = <const double *> numbers
        cdef const float *floats = <const float *> numbers
        if self.is_float64:
            for i in range(n):
                if not fabs(doubles[i]) < INFINITY:
                    return False
        else:
            for i in range(n):
                if not fabs(floats[i]) < INFINITY:
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

    @cython.binding(False)
    def _outputs_of_all(self, networks, X):
        """The outputs of networks of these sizes and this dtype, (n_networks, n_samples, n_out), also for one row.

        None for whatever is not plainly that; False if outputs, the sums behind them, or numbers are not finite.
        """
        cdef Py_buffer rows, outputs
        cdef Predictor network
        cdef Py_ssize_t n, n_rows = self.take_rows(X, &rows)
        cdef int stop = 0
        cdef char *out
        if n_rows == 0:
            return None
        try:
            found = self.empty((len(networks), n_rows, self.n_out), self.dtype_)
            if PyObject_GetBuffer(found, &outputs, PyBUF_WRITABLE) < 0:
                propagate()
            try:
                out, n = <char *> outputs.buf, n_rows * self.n_out
                for network in networks:
                    if (
                        network.parameters_start == NULL or network.is_float64 != self.is_float64
                        or network.n_in != self.n_in or network.n_out != self.n_out
                    ):
                        return None
                    stop = network.predict_rows(rows.buf, n_rows, out)
                    if stop == OVERFLOWED or (stop != INTERRUPTED and not self.all_finite(out, n)):
                        stop = NOT_FINITE
                    if stop == INTERRUPTED or stop == NOT_FINITE:
                        break
                    out += n * (8 if self.is_float64 else 4)
            finally:
                PyBuffer_Release(&outputs)
        finally:
            PyBuffer_Release(&rows)
        if stop == INTERRUPTED:
            propagate()
        return found if stop != NOT_FINITE else False

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
        cdef char on_stack[STACK + FASTNN_ALIGNMENT]
        cdef const fastnn_kernels *kernels = fastnn_active(self.is_float64)
        cdef fastnn_data data
        cdef bint is_long = n_rows * self.work_a_row >= LONG
        cdef int stop, most = fastnn_default_threads() if is_long else 1
        cdef fastnn_ask ask = NULL
        cdef size_t n
        cdef void *work = <void *> ((<size_t> on_stack + FASTNN_ALIGNMENT - 1) & ~(<size_t> FASTNN_ALIGNMENT - 1))
        if is_long:
            ask = whom_to_ask()
        memset(&data, 0, sizeof(data))
        data.n_samples = n_rows
        data.X = X
        n = kernels.forward_work_size(self.layers, self.n_layers, &data, most)
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

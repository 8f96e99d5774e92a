"""Arrays as pointers: buffers that are held, and what the calls share; part of ``_engine.pyx``."""

cdef class Arguments:
    """The buffers of arrays, held until the call or the run that reads them is over."""

    cdef Py_buffer views[MOST_ARRAYS]
    cdef int n

    def __dealloc__(self):
        self.release()

    cdef void release(self) noexcept:
        cdef int i
        for i in range(self.n):
            PyBuffer_Release(&self.views[i])
        self.n = 0

    cdef void *take(self, array, const char *formats, Py_ssize_t n_items, bint writable) except NULL:
        """The first number of a C-contiguous array of at least n_items numbers, whose format is one of the letters."""
        cdef Py_ssize_t itemsize = 4 if formats[0] in b"fi" else 8 if formats[0] == b"d"[0] else sizeof(ptrdiff_t)
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

    cdef void *take_structs(self, array, Py_ssize_t n_bytes, bint writable) except NULL:
        """The first struct of a C-contiguous array of at least n_bytes, whose format NumPy takes long to say."""
        cdef Py_buffer *view = &self.views[self.n]
        if self.n == MOST_ARRAYS:
            raise SystemError("more arrays than room for their buffers")
        if PyObject_GetBuffer(array, view, PyBUF_C_CONTIGUOUS | (PyBUF_WRITABLE if writable else 0)) < 0:
            propagate()
        self.n += 1
        if view.len < n_bytes:
            raise ValueError(f"expected at least {n_bytes} bytes of structs, got {view.len}")
        return view.buf


cdef const char *INTEGERS = b"lqni"  # those of them that are as long as a pointer: numpy.intp
cdef const char *SHORT_INTEGERS = b"il"  # those of 32 bits

ctypedef fused index:
    int32_t
    ptrdiff_t


cdef int take_columns(
    const index *given, const ptrdiff_t *starts, ptrdiff_t n_samples, ptrdiff_t n_in, int32_t *columns
) noexcept nogil:
    """Copy the columns of CSR rows; return 0 if one is out of range, 2 if they rise in each row, else 1."""
    cdef ptrdiff_t row, i, column, before
    cdef int found = 2
    for row in range(n_samples):
        before = -1
        for i in range(starts[row], starts[row + 1]):
            column = given[i]
            if not 0 <= column < n_in:
                return 0
            if column <= before:
                found = 1
            before = column
            columns[i] = <int32_t> column
    return found


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
        self.layers = <const fastnn_layer *> self.arguments.take_structs(
            network.layers, self.n_layers * sizeof(fastnn_layer), False
        )
        self.is_float64 = network.dtype.itemsize == 8
        self.dtype = b"d" if self.is_float64 else b"f"
        self.kernels = fastnn_active(self.is_float64)
        self.data.n_samples = X.shape[0]
        if X.ndim != 2 or X.shape[1] != network.n_in:
            raise ValueError(f"expected X with {network.n_in} columns, got shape {X.shape}")
        if isinstance(X, np.ndarray):
            self.data.X = self.arguments.take(X, self.dtype, X.shape[0] * network.n_in, False)
            return
        self.take_csr(X, network.n_in)

    cdef int take_csr(self, X, ptrdiff_t n_in) except -1:
        cdef ptrdiff_t n_samples = X.shape[0]
        starts = np.array(X.indptr, np.intp)  # copies: nobody changes them once they have been checked
        cdef const ptrdiff_t *begins = <const ptrdiff_t *> self.arguments.take(starts, INTEGERS, n_samples + 1, False)
        cdef ptrdiff_t n = begins[n_samples]
        cdef bint is_short = X.indices.dtype == np.int32
        misfit = f"X is not a CSR matrix of {n_in} columns: indices or indptr are out of range"
        if n_in > INT32_MAX:
            raise ValueError(f"CSR rows may have {INT32_MAX} columns, got {n_in}")
        if begins[0] < 0 or (np.diff(starts) < 0).any() or n > len(X.indices):
            raise ValueError(misfit)
        given = np.require(X.indices, np.int32 if is_short else np.intp, "CA")
        cdef int32_t *columns = <int32_t *> self.arguments.take(np.empty(n, np.int32), SHORT_INTEGERS, n, True)
        cdef const void *indices = self.arguments.take(given, SHORT_INTEGERS if is_short else INTEGERS, n, False)
        cdef int found
        self.data.X = self.arguments.take(X.data, self.dtype, n, False)
        if is_short:
            found = take_columns(<const int32_t *> indices, begins, n_samples, n_in, columns)
        else:
            found = take_columns(<const ptrdiff_t *> indices, begins, n_samples, n_in, columns)
        if found == 0:
            raise ValueError(misfit)
        self.data.csr_starts, self.data.csr_columns, self.data.csr_in_order = begins, columns, found == 2
        return 0

    cdef int take_targets(self, y, sample_weight, Py_ssize_t n_out) except -1:
        self.data.y = self.arguments.take(y, self.dtype, self.data.n_samples * n_out, False)
        if sample_weight is not None:
            self.data.sample_weight = self.arguments.take(sample_weight, self.dtype, self.data.n_samples, False)
        return 0

    cdef void *numbers(self, array, Py_ssize_t n, bint writable) except NULL:
        return self.arguments.take(array, self.dtype, n, writable)


cdef void *allocate(size_t n) except NULL:
    cdef void *block = fastnn_allocate(n)
    if block == NULL:
        raise MemoryError(f"no {n} bytes for the work area")
    return block

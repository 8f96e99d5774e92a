"""What the calls of the backend share, arrays and CSR rows as pointers; part of ``_engine.pyx``."""

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
            network.layers, (self.n_layers + len(network.blocks) + len(network.encodings)) * sizeof(fastnn_layer), False
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
        if network.encodings:
            raise TypeError(f"encodings take X as an array, got {type(X).__name__}; pass X.toarray()")
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

    cdef int refuse_l2(self, const double *l2, Py_ssize_t n) except -1:
        """Refuse a penalty where columns are encoded, as `fastnn.encodings` has it."""
        cdef Py_ssize_t i
        if self.layers[0].n_columns:
            for i in range(n):
                if l2[i] != 0:
                    raise ValueError("l2 is not available with encodings; leave it out, or use weight_decay")
        return 0

    cdef void *numbers(self, array, Py_ssize_t n, bint writable) except NULL:
        return self.arguments.take(array, self.dtype, n, writable)


cdef void *allocate(size_t n) except NULL:
    cdef void *block = fastnn_allocate(n)
    if block == NULL:
        raise MemoryError(f"no {n} bytes for the work area")
    return block

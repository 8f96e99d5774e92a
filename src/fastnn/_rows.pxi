"""The compiled answers of an estimator for tables to a few rows; part of ``_engine.pyx``, after ``_predictor.pxi``."""

cdef enum:
    ROOM = 2048  # numbers of the raw matrix, and outputs of all members, that are held on the stack


cdef class Rows:
    """What answers a few rows, in the bits of the whole way.

    Parameters
    ----------
    n_columns : int
        Of an array that is taken as it is; 0: none is.
    places : (n_raw,) array of intp
        Which of its columns each raw column is made of; ~ that of one which says where that is missing.
    numbers : (n_raw, 2) array of float64
        Their centres and factors.
    units : (4, n_out) array of float64, or None
        Of numbers that are predicted: scales, centres, lowest and highest; None: probabilities are.
    n_out : int
    """

    cdef Arguments arguments
    cdef const ptrdiff_t *places
    cdef const double *numbers
    cdef const double *units
    cdef Py_ssize_t n_columns, n_raw, n_out
    cdef object ndarray, empty, intp

    def __init__(self, Py_ssize_t n_columns, places, numbers, units, Py_ssize_t n_out):
        cdef Arguments arguments = Arguments()
        cdef Py_ssize_t n_raw = len(places)
        self.places = <const ptrdiff_t *> arguments.take(places, INTEGERS, n_raw, False)
        self.numbers = <const double *> arguments.take(numbers, b"d", 2 * n_raw, False)
        self.units = NULL if units is None else <const double *> arguments.take(units, b"d", 4 * n_out, False)
        self.n_columns, self.n_raw, self.n_out, self.arguments = n_columns, n_raw, n_out, arguments
        self.ndarray, self.empty, self.intp = np.ndarray, np.empty, np.intp

    def answers(self, X, members, bint is_raw, bint are_codes):
        """Return the answers of members to rows of a C-contiguous array; None where more has to be looked at.

        Parameters
        ----------
        X : (n_rows, n_columns) array of float64 or float32, or (n_rows, n_raw) of float32 if `is_raw`
        members : list of Predictor

        Returns
        -------
        answers : array
            Probabilities (n_rows, n_classes), or numbers (n_rows,) or (n_rows, n_out), float64; if `are_codes`, the
            places (n_rows,) of the most probable classes.
        """
        cdef float raw[ROOM]
        cdef Py_buffer rows
        cdef Py_ssize_t n_rows = 0, n_columns = self.n_raw if is_raw else self.n_columns
        if not n_columns or type(X) is not self.ndarray:
            return None
        if PyObject_GetBuffer(X, &rows, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0:
            PyErr_Clear()
            return None
        if (
            rows.ndim == 2 and rows.shape[1] == n_columns and rows.shape[0] <= ROOM
            and rows.shape[0] * self.n_raw <= ROOM and rows.format[1] == 0
            and (rows.format[0] == b"f"[0] or rows.format[0] == b"d"[0] and not is_raw)
        ):
            n_rows = rows.shape[0]
            if is_raw:
                memcpy(raw, rows.buf, rows.len)
            elif not fastnn_raw_rows(
                rows.buf, rows.format[0] == b"d"[0], n_rows, n_columns, self.places, self.numbers, self.n_raw, raw
            ):
                n_rows = 0
        PyBuffer_Release(&rows)
        return self.answers_to(raw, n_rows, tuple(members), are_codes)

    cdef answers_to(self, const void *raw, Py_ssize_t n_rows, tuple members, bint are_codes):
        cdef float outputs[ROOM]
        cdef Predictor network
        cdef Py_buffer view
        cdef Py_ssize_t n = n_rows * self.n_out, n_members = len(members)
        cdef float *out = outputs
        cdef int stop
        if not 0 < n_members * n <= ROOM:
            return None
        for one in members:
            if not isinstance(one, Predictor):
                return None
            network = <Predictor> one
            if (
                network.parameters_start == NULL or network.is_float64 or network.n_in != self.n_raw
                or network.n_out != self.n_out
            ):
                return None
            stop = network.predict_rows(raw, n_rows, out)
            if stop == INTERRUPTED:
                propagate()
            if stop == NOT_FINITE:
                return None
            out += n
        if are_codes:
            found = self.empty(n_rows, self.intp)
        elif self.units != NULL and self.n_out == 1:
            found = self.empty(n_rows)
        else:
            found = self.empty((n_rows, self.n_out))
        if PyObject_GetBuffer(found, &view, PyBUF_WRITABLE) < 0:
            propagate()
        are_finite = fastnn_answer(
            n_members, n_rows, self.n_out, outputs, self.units, <ptrdiff_t *> view.buf if are_codes else NULL,
            <double *> view.buf,
        )
        PyBuffer_Release(&view)
        return found if are_finite else None

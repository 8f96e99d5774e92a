"""Arrays as pointers: buffers that are held; part of ``_engine.pyx`` and of ``_loops.pyx``."""

from libc.string cimport strchr

cdef extern from "Python.h":
    ctypedef struct Py_buffer:
        void *buf
        Py_ssize_t len
        Py_ssize_t itemsize
        int readonly
        int ndim
        char *format
        Py_ssize_t *shape

    int PyBUF_C_CONTIGUOUS
    int PyBUF_FORMAT
    int PyBUF_WRITABLE
    int PyObject_GetBuffer(object obj, Py_buffer *view, int flags)  # no "except": the caller asks for the answer
    void PyBuffer_Release(Py_buffer *view)

cdef enum:
    MOST_ARRAYS = 16  # of one call


cdef int propagate() except -1:
    """Raise what C has set."""
    return -1


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

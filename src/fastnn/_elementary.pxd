"""Elementary functions of one number, compiled, and the slope of each activation: the beginning of ``_sample.pxd``."""

from cython cimport floating
from libc.math cimport exp as exp64
from libc.math cimport expf as exp32
from libc.math cimport NAN
from libc.math cimport tanh as tanh64
from libc.math cimport tanhf as tanh32


cdef extern from "fastnn.h":
    enum:
        IDENTITY "FASTNN_ACTIVATION_identity"
        LOGISTIC "FASTNN_ACTIVATION_logistic"
        TANH "FASTNN_ACTIVATION_tanh"
        RELU "FASTNN_ACTIVATION_relu"
        STEP "FASTNN_ACTIVATION_step"
        SOFTMAX "FASTNN_ACTIVATION_softmax"
        EXP "FASTNN_ACTIVATION_exp"


cdef inline floating exp(floating z) noexcept nogil:
    if floating is float:
        return exp32(z)
    else:
        return exp64(z)


cdef inline floating tanh(floating z) noexcept nogil:
    if floating is float:
        return tanh32(z)
    else:
        return tanh64(z)


cdef inline floating logistic(floating z) noexcept nogil:
    cdef floating one = 1  # typed, or Cython computes in double
    return one / (one + exp(-z))


cdef inline floating relu(floating z) noexcept nogil:
    return 0 if z <= 0 else z


cdef inline floating step(floating z) noexcept nogil:
    return 1 if z >= 0 else 0


cdef inline floating slope(Py_ssize_t activation, floating z, floating h) noexcept nogil:
    cdef floating one = 1
    if activation == IDENTITY:
        return one
    elif activation == LOGISTIC:
        return h * (one - h)
    elif activation == TANH:
        return one - h * h
    elif activation == RELU:
        return 1 if h > 0 else 0
    elif activation == EXP:
        return h
    elif activation == STEP:
        return 0
    return NAN

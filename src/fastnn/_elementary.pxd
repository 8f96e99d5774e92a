"""Elementary functions of one number, compiled, and the slope of each activation: the beginning of ``_sample.pxd``."""

from cython cimport floating
from libc.math cimport exp as exp64
from libc.math cimport expf as exp32
from libc.math cimport NAN, cos, erfc, expm1, fabs, fmax, log1p, sin, sqrt
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
        LEAKY_RELU "FASTNN_ACTIVATION_leaky_relu"
        ELU "FASTNN_ACTIVATION_elu"
        SELU "FASTNN_ACTIVATION_selu"
        GELU "FASTNN_ACTIVATION_gelu"
        SILU "FASTNN_ACTIVATION_silu"
        MISH "FASTNN_ACTIVATION_mish"
        SOFTPLUS "FASTNN_ACTIVATION_softplus"
        HARD_SIGMOID "FASTNN_ACTIVATION_hard_sigmoid"
        HARD_SWISH "FASTNN_ACTIVATION_hard_swish"
        SIN "FASTNN_ACTIVATION_sin"
        SOFTSIGN "FASTNN_ACTIVATION_softsign"
        MEAN_VARIANCE "FASTNN_ACTIVATION_mean_variance"
        INCREASING "FASTNN_ACTIVATION_increasing"


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


cdef inline double bent(Py_ssize_t activation, double parameter, double z) noexcept nogil:
    """The activations whose slope their output does not tell, in double, as their formulas want it."""
    if activation == LEAKY_RELU:
        return parameter * z if z < 0 else z
    elif activation == ELU:
        return parameter * expm1(z) if z < 0 else z
    elif activation == SELU:
        return 1.7580993408473766 * expm1(z) if z < 0 else 1.0507009873554805 * z
    elif activation == GELU:
        return 0.5 * z * erfc(-z * sqrt(0.5))
    elif activation == SILU:
        return z / (1 + exp(-z))
    elif activation == MISH:
        return z * tanh64(log1p(exp(z)))
    elif activation == SOFTPLUS:
        return fmax(z, 0) + log1p(exp(-fabs(z)))
    elif activation == HARD_SIGMOID:
        return 0 if z <= -3 else 1 if z >= 3 else (z + 3) / 6
    elif activation == HARD_SWISH:
        return 0 if z <= -3 else z if z >= 3 else z * (z + 3) / 6
    elif activation == SIN:
        return sin(z)
    elif activation == SOFTSIGN:
        return z / (1 + fabs(z))
    return NAN


cdef inline double bent_slope(Py_ssize_t activation, double parameter, double z) noexcept nogil:
    cdef double p
    if activation == LEAKY_RELU:
        return 1 if z > 0 else parameter
    elif activation == ELU:
        return 1 if z > 0 else parameter * exp(z)
    elif activation == SELU:
        return 1.0507009873554805 if z > 0 else 1.7580993408473766 * exp(z)
    elif activation == GELU:
        return 0.5 * erfc(-z * sqrt(0.5)) + z * exp(-0.5 * z * z) * 0.3989422804014327  # 1 / √(2π)
    elif activation == SILU:
        return (1 + z / (1 + exp(z))) / (1 + exp(-z))
    elif activation == MISH:
        p = tanh64(log1p(exp(z)))
        return p + z * (1 - p * p) / (1 + exp(-z))
    elif activation == SOFTPLUS:
        return 1 / (1 + exp(-z))
    elif activation == HARD_SIGMOID:
        return 1.0 / 6 if -3 < z < 3 else 0
    elif activation == HARD_SWISH:
        return z / 3 + 0.5 if -3 < z < 3 else 1 if z > 0 else 0
    elif activation == SIN:
        return cos(z)
    elif activation == SOFTSIGN:
        return 1 / ((1 + fabs(z)) * (1 + fabs(z)))
    return NAN


cdef inline floating slope(Py_ssize_t activation, double parameter, floating z, floating h) noexcept nogil:
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
    return <floating> bent_slope(activation, parameter, z)

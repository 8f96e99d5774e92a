"""The losses of one sample and their deltas, compiled: the output layer's part of ``_sample.pxd``.

Side by side with ``reference/loop_losses.py``, function by function. What is no row of the table comes out as NaN.
"""

from cython cimport floating
from libc.math cimport exp as exp64
from libc.math cimport NAN, expm1, fabs, log, log1p, pow, sqrt

from fastnn._elementary cimport LOGISTIC, MEAN_VARIANCE, SOFTMAX, exp, logistic, relu, slope


cdef extern from "fastnn.h":
    enum:
        SQUARED_ERROR "FASTNN_LOSS_squared_error"
        LOG_LOSS "FASTNN_LOSS_log_loss"
        POISSON "FASTNN_LOSS_poisson"
        PERCEPTRON "FASTNN_LOSS_perceptron"
        ABSOLUTE_ERROR "FASTNN_LOSS_absolute_error"
        HUBER "FASTNN_LOSS_huber"
        QUANTILE "FASTNN_LOSS_quantile"
        GAMMA "FASTNN_LOSS_gamma"
        HINGE "FASTNN_LOSS_hinge"
        SQUARED_HINGE "FASTNN_LOSS_squared_hinge"
        FOCAL "FASTNN_LOSS_focal"
        GAUSSIAN_NLL "FASTNN_LOSS_gaussian_nll"

    ctypedef struct fastnn_layer:
        Py_ssize_t n_in
        Py_ssize_t n_out
        Py_ssize_t weights
        Py_ssize_t biases
        Py_ssize_t inputs
        Py_ssize_t outputs
        Py_ssize_t activation
        double parameter
        Py_ssize_t n_blocks


cdef inline floating largest(const floating[:, ::1] z, Py_ssize_t c, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef floating top = z[c, start]
    for i in range(start + 1, start + n):
        if z[c, i] > top:
            top = z[c, i]
    return top


cdef inline double softplus(double z) noexcept nogil:
    """log(1 + e^z)."""
    return relu(z) + log1p(exp64(-fabs(z)))


cdef inline double log_sum_exp(
    const floating[:, ::1] z, Py_ssize_t c, Py_ssize_t start, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    cdef floating top = largest(z, c, start, n), total = 0
    for i in range(start, start + n):
        total += exp(z[c, i] - top)
    return top + log(total)


cdef inline double by_output(Py_ssize_t loss, double parameter, double y, double h) noexcept nogil:
    """The derivative by the output h of a loss whose delta has the slope of the output activation."""
    cdef double error = h - y
    if loss == HUBER:
        return max(-parameter, min(parameter, error))
    elif loss == ABSOLUTE_ERROR:
        return (error > 0) - (error < 0)
    elif loss == QUANTILE:
        return 1 - parameter if error > 0 else -parameter if error < 0 else 0
    return NAN


cdef inline double focal_term(double gamma, double z) noexcept nogil:
    """(1 - p)^gamma (-log p) of p = logistic(z)."""
    return exp64(-gamma * softplus(z)) * softplus(-z)


cdef inline double focal_slope(double gamma, double z) noexcept nogil:
    """Its derivative by z."""
    return -exp64(-gamma * softplus(z)) * (gamma * logistic(z) * softplus(-z) + logistic(-z))


cdef inline double by_logit(Py_ssize_t loss, double parameter, double y, double z) noexcept nogil:
    """The derivative by the logit z of a loss that is not of softmax and takes no slope."""
    if loss == GAMMA:
        return 1 - y * exp64(-z)
    elif loss == HINGE:
        return -y if 1 - y * z > 0 else 0
    elif loss == SQUARED_HINGE:
        return -2 * y * relu(1 - y * z)
    elif loss == FOCAL:
        return y * focal_slope(parameter, z) - (1 - y) * focal_slope(parameter, -z)
    return NAN


cdef inline double focal_share(double gamma, double y, double p, double log_p) noexcept nogil:
    """y (1 - p)^gamma (gamma p log p / (1 - p) - 1), of a softmax output."""
    cdef double rest = -expm1(log_p)
    return y * pow(rest, gamma) * (gamma * p * (log_p / rest if rest > 0 else -1) - 1)


cdef inline void softmax_focal_delta(
    double gamma,
    const fastnn_layer *layer,
    const floating[:, ::1] y,  # IN: row s
    Py_ssize_t s,
    const floating[:, ::1] z,  # IN, row c
    const floating[:, ::1] h,  # IN, row c
    floating weight,
    floating[:, ::1] delta,    # OUT at the layer's outputs, row c
    Py_ssize_t c,
) noexcept nogil:
    cdef Py_ssize_t i, out = layer.outputs
    cdef double total = 0, lse = log_sum_exp(z, c, out, layer.n_out)
    for i in range(layer.n_out):
        total += focal_share(gamma, y[s, i], h[c, out + i], z[c, out + i] - lse)
    for i in range(layer.n_out):
        delta[c, out + i] = (
            focal_share(gamma, y[s, i], h[c, out + i], z[c, out + i] - lse) - h[c, out + i] * total
        ) * weight


cdef inline void gaussian_nll_delta(
    const fastnn_layer *layer,
    const floating[:, ::1] y,  # IN: row s
    Py_ssize_t s,
    const floating[:, ::1] z,  # IN, row c
    const floating[:, ::1] h,  # IN, row c
    floating weight,
    floating[:, ::1] delta,    # OUT at the layer's outputs, row c
    Py_ssize_t c,
) noexcept nogil:
    cdef Py_ssize_t i, mean, spread, half = layer.n_out // 2
    cdef double scaled
    for i in range(half):
        mean, spread = layer.outputs + i, layer.outputs + half + i
        scaled = (h[c, mean] - y[s, i]) / <double> h[c, spread]
        delta[c, mean] = scaled * weight
        delta[c, spread] = 0.5 * (1 / <double> h[c, spread] - scaled * scaled) * logistic(z[c, spread]) * weight


cdef inline double gaussian_nll(
    const fastnn_layer *layer,
    const floating[:, ::1] y,  # IN: row s
    Py_ssize_t s,
    const floating[:, ::1] h,  # IN, row c
    Py_ssize_t c,
) noexcept nogil:
    cdef Py_ssize_t i, half = layer.n_out // 2
    cdef double error, variance, total = 0
    for i in range(half):
        error, variance = h[c, layer.outputs + i] - y[s, i], h[c, layer.outputs + half + i]
        total += 0.5 * (log(variance) + error * error / variance)
    return total


cdef inline void output_delta(
    Py_ssize_t loss,
    double parameter,
    const fastnn_layer *layer,
    const floating[:, ::1] y,  # IN: row s
    Py_ssize_t s,
    const floating[:, ::1] z,  # IN, row c
    const floating[:, ::1] h,  # IN, row c
    floating weight,
    floating[:, ::1] delta,    # OUT at the layer's outputs, row c
    Py_ssize_t c,
) noexcept nogil:
    cdef Py_ssize_t i, out = layer.outputs
    cdef floating of_output
    if loss == GAUSSIAN_NLL:
        gaussian_nll_delta(layer, y, s, z, h, weight, delta, c)
        return
    if loss == FOCAL and layer.activation == SOFTMAX:
        softmax_focal_delta(parameter, layer, y, s, z, h, weight, delta, c)
        return
    for i in range(layer.n_out):
        if loss == SQUARED_ERROR:
            of_output = slope(layer.activation, layer.parameter, z[c, out + i], h[c, out + i])
            delta[c, out + i] = -(y[s, i] - h[c, out + i]) * of_output * weight
        elif loss == ABSOLUTE_ERROR or loss == HUBER or loss == QUANTILE:
            of_output = slope(layer.activation, layer.parameter, z[c, out + i], h[c, out + i])
            delta[c, out + i] = by_output(loss, parameter, y[s, i], h[c, out + i]) * of_output * weight
        elif loss == LOG_LOSS or loss == POISSON or loss == PERCEPTRON:
            delta[c, out + i] = (h[c, out + i] - y[s, i]) * weight
        else:
            delta[c, out + i] = by_logit(loss, parameter, y[s, i], z[c, out + i]) * weight


cdef inline double sample_loss(
    Py_ssize_t loss,
    double parameter,
    const fastnn_layer *layer,
    const floating[:, ::1] y,  # IN: row s
    Py_ssize_t s,
    const floating[:, ::1] z,  # IN, row c
    const floating[:, ::1] h,  # IN, row c
    Py_ssize_t c,
) noexcept nogil:
    cdef Py_ssize_t i, out = layer.outputs
    cdef double total = 0, lse = log_sum_exp(z, c, out, layer.n_out) if layer.activation == SOFTMAX else 0
    cdef double target, by_h
    if loss == GAUSSIAN_NLL:
        return gaussian_nll(layer, y, s, h, c)
    for i in range(layer.n_out):
        target = y[s, i]
        if loss == SQUARED_ERROR:
            total += 0.5 * (target - h[c, out + i]) * (target - h[c, out + i])
        elif loss == POISSON:
            total += (target * log(target) if target > 0 else 0) - target * z[c, out + i] - target + h[c, out + i]
        elif loss == PERCEPTRON:
            total += (h[c, out + i] - target) * z[c, out + i]
        elif loss == LOG_LOSS and layer.activation == SOFTMAX:
            total += target * (lse - z[c, out + i])
        elif loss == LOG_LOSS and layer.activation == LOGISTIC:
            total += relu(z[c, out + i]) - target * z[c, out + i] + log1p(exp64(-fabs(z[c, out + i])))
        elif loss == ABSOLUTE_ERROR or loss == QUANTILE:
            total += by_output(loss, parameter, target, h[c, out + i]) * (h[c, out + i] - target)
        elif loss == HUBER:
            by_h = by_output(loss, parameter, target, h[c, out + i])
            total += by_h * (h[c, out + i] - target - 0.5 * by_h)
        elif loss == GAMMA:
            total += target * exp64(-z[c, out + i]) - 1 - (log(target) - z[c, out + i])
        elif loss == HINGE:
            total += relu(1 - target * z[c, out + i])
        elif loss == SQUARED_HINGE:
            total += relu(1 - target * z[c, out + i]) * relu(1 - target * z[c, out + i])
        elif loss == FOCAL and layer.activation == SOFTMAX:
            total += target * pow(-expm1(z[c, out + i] - lse), parameter) * (lse - z[c, out + i])
        elif loss == FOCAL and layer.activation == LOGISTIC:
            total += target * focal_term(parameter, z[c, out + i])
            total += (1 - target) * focal_term(parameter, -z[c, out + i])
        else:
            total = NAN
    return total


cdef inline double error_norm(
    const fastnn_layer *layer,
    const floating[:, ::1] y,  # IN: row s
    Py_ssize_t s,
    const floating[:, ::1] h,  # IN, row c
    Py_ssize_t c,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef double error, total = 0
    for i in range(layer.n_out // 2 if layer.activation == MEAN_VARIANCE else layer.n_out):
        error = y[s, i] - h[c, layer.outputs + i]
        total += error * error
    return sqrt(total)

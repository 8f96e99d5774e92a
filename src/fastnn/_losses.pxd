"""The losses of one sample and their deltas, compiled: the output layer's part of ``_sample.pxd``.

Side by side with ``reference/loop_losses.py``, function by function: y, z, h and delta are rows of one sample. What is
no row of the table comes out as NaN.
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
        Py_ssize_t gates
        Py_ssize_t n_columns


cdef inline floating largest(const floating *z, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef floating top = z[start]
    for i in range(start + 1, start + n):
        if z[i] > top:
            top = z[i]
    return top


cdef inline double softplus(double z) noexcept nogil:
    """log(1 + e^z)."""
    return relu(z) + log1p(exp64(-fabs(z)))


cdef inline double log_sum_exp(const floating *z, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef floating top = largest(z, start, n), total = 0
    for i in range(start, start + n):
        total += exp(z[i] - top)
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
    const floating *y,  # IN
    const floating *z,  # IN
    const floating *h,  # IN
    floating weight,
    floating *delta,    # OUT at the layer's outputs
) noexcept nogil:
    cdef Py_ssize_t i, out = layer.outputs
    cdef double total = 0, lse = log_sum_exp(z, out, layer.n_out)
    for i in range(layer.n_out):
        total += focal_share(gamma, y[i], h[out + i], z[out + i] - lse)
    for i in range(layer.n_out):
        delta[out + i] = (
            focal_share(gamma, y[i], h[out + i], z[out + i] - lse) - h[out + i] * total
        ) * weight


cdef inline void gaussian_nll_delta(
    const fastnn_layer *layer,
    const floating *y,  # IN
    const floating *z,  # IN
    const floating *h,  # IN
    floating weight,
    floating *delta,    # OUT at the layer's outputs
) noexcept nogil:
    cdef Py_ssize_t i, mean, spread, half = layer.n_out // 2
    cdef double scaled
    for i in range(half):
        mean, spread = layer.outputs + i, layer.outputs + half + i
        scaled = (h[mean] - y[i]) / <double> h[spread]
        delta[mean] = scaled * weight
        delta[spread] = 0.5 * (1 / <double> h[spread] - scaled * scaled) * logistic(z[spread]) * weight


cdef inline double gaussian_nll(
    const fastnn_layer *layer,
    const floating *y,  # IN
    const floating *h,  # IN
) noexcept nogil:
    cdef Py_ssize_t i, half = layer.n_out // 2
    cdef double error, variance, total = 0
    for i in range(half):
        error, variance = h[layer.outputs + i] - y[i], h[layer.outputs + half + i]
        total += 0.5 * (log(variance) + error * error / variance)
    return total


cdef inline void output_delta(
    Py_ssize_t loss,
    double parameter,
    const fastnn_layer *layer,
    const floating *y,  # IN
    const floating *z,  # IN
    const floating *h,  # IN
    floating weight,
    floating *delta,    # OUT at the layer's outputs
) noexcept nogil:
    cdef Py_ssize_t i, out = layer.outputs
    cdef floating of_output
    if loss == GAUSSIAN_NLL:
        gaussian_nll_delta(layer, y, z, h, weight, delta)
        return
    if loss == FOCAL and layer.activation == SOFTMAX:
        softmax_focal_delta(parameter, layer, y, z, h, weight, delta)
        return
    for i in range(layer.n_out):
        if loss == SQUARED_ERROR:
            of_output = slope(layer.activation, layer.parameter, z[out + i], h[out + i])
            delta[out + i] = -(y[i] - h[out + i]) * of_output * weight
        elif loss == ABSOLUTE_ERROR or loss == HUBER or loss == QUANTILE:
            of_output = slope(layer.activation, layer.parameter, z[out + i], h[out + i])
            delta[out + i] = by_output(loss, parameter, y[i], h[out + i]) * of_output * weight
        elif loss == LOG_LOSS or loss == POISSON or loss == PERCEPTRON:
            delta[out + i] = (h[out + i] - y[i]) * weight
        else:
            delta[out + i] = by_logit(loss, parameter, y[i], z[out + i]) * weight


cdef inline double sample_loss(
    Py_ssize_t loss,
    double parameter,
    const fastnn_layer *layer,
    const floating *y,  # IN
    const floating *z,  # IN
    const floating *h,  # IN
) noexcept nogil:
    cdef Py_ssize_t i, out = layer.outputs
    cdef double total = 0, lse = log_sum_exp(z, out, layer.n_out) if layer.activation == SOFTMAX else 0
    cdef double target, by_h
    if loss == GAUSSIAN_NLL:
        return gaussian_nll(layer, y, h)
    for i in range(layer.n_out):
        target = y[i]
        if loss == SQUARED_ERROR:
            total += 0.5 * (target - h[out + i]) * (target - h[out + i])
        elif loss == POISSON:
            total += (target * log(target) if target > 0 else 0) - target * z[out + i] - target + h[out + i]
        elif loss == PERCEPTRON:
            total += (h[out + i] - target) * z[out + i]
        elif loss == LOG_LOSS and layer.activation == SOFTMAX:
            total += target * (lse - z[out + i])
        elif loss == LOG_LOSS and layer.activation == LOGISTIC:
            total += relu(z[out + i]) - target * z[out + i] + log1p(exp64(-fabs(z[out + i])))
        elif loss == ABSOLUTE_ERROR or loss == QUANTILE:
            total += by_output(loss, parameter, target, h[out + i]) * (h[out + i] - target)
        elif loss == HUBER:
            by_h = by_output(loss, parameter, target, h[out + i])
            total += by_h * (h[out + i] - target - 0.5 * by_h)
        elif loss == GAMMA:
            total += target * exp64(-z[out + i]) - 1 - (log(target) - z[out + i])
        elif loss == HINGE:
            total += relu(1 - target * z[out + i])
        elif loss == SQUARED_HINGE:
            total += relu(1 - target * z[out + i]) * relu(1 - target * z[out + i])
        elif loss == FOCAL and layer.activation == SOFTMAX:
            total += target * pow(-expm1(z[out + i] - lse), parameter) * (lse - z[out + i])
        elif loss == FOCAL and layer.activation == LOGISTIC:
            total += target * focal_term(parameter, z[out + i])
            total += (1 - target) * focal_term(parameter, -z[out + i])
        else:
            total = NAN
    return total


cdef inline double error_norm(
    const fastnn_layer *layer,
    const floating *y,  # IN
    const floating *h,  # IN
) noexcept nogil:
    cdef Py_ssize_t i
    cdef double error, total = 0
    for i in range(layer.n_out // 2 if layer.activation == MEAN_VARIANCE else layer.n_out):
        error = y[i] - h[layer.outputs + i]
        total += error * error
    return sqrt(total)

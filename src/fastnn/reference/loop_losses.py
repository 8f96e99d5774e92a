"""The losses of one sample and their deltas by plain Python: part of backend "python".

``_losses.pxd`` is this file with types, function by function. `parameter` is that of a loss that has one.
"""

import math

from fastnn.reference.elementary import SLOPE, exp, logistic, relu, softplus


def log_sum_exp(z):
    """Log of the sum of e^z, shifted by the largest z."""
    top = max(z)
    total = 0.0
    for value in z:
        total += exp(value - top)
    return top + math.log(total)


def sign(x):
    """1, -1 or 0, as x is."""
    return float(x > 0) - float(x < 0)


def by_output(loss, parameter, y, h):
    """The derivative by the output h of a loss whose delta has the slope of the output activation."""
    error = h - y
    if loss == "absolute_error":
        return sign(error)
    if loss == "huber":
        return max(-parameter, min(parameter, error))
    return 1.0 - parameter if error > 0 else -parameter if error < 0 else 0.0  # quantile


def focal_term(exponent, z):
    """(1 - p)^exponent (-log p) of p = logistic(z)."""
    return math.exp(-exponent * softplus(z)) * softplus(-z)


def focal_slope(exponent, z):
    """Its derivative by z."""
    return -math.exp(-exponent * softplus(z)) * (exponent * logistic(z) * softplus(-z) + logistic(-z))


def focal_share(exponent, y, p, log_p):
    """The part y (1 - p)^exponent (exponent p log p / (1 - p) - 1), of a softmax output."""
    rest = -math.expm1(log_p)
    return y * rest**exponent * (exponent * p * (log_p / rest if rest > 0 else -1.0) - 1.0)


def gaussian_nll_loss(y, h):
    """½ (log variance + (y - mean)² / variance) of each mean and variance."""
    half, total = len(h) // 2, 0.0
    for i in range(half):
        total += 0.5 * (math.log(h[half + i]) + (h[i] - y[i]) * (h[i] - y[i]) / h[half + i])
    return total


def gaussian_nll_delta(y, z, h):
    """The derivative of that by each weighted sum z."""
    half = len(h) // 2
    delta = [(h[i] - y[i]) / h[half + i] for i in range(half)]
    for i in range(half):
        delta.append(0.5 * (1.0 / h[half + i] - delta[i] * delta[i]) * logistic(z[half + i]))
    return delta


def softmax_focal_delta(exponent, y, z, h):
    """The derivative of the focal loss by each weighted sum z under softmax."""
    lse = log_sum_exp(z)
    shares = [focal_share(exponent, y[i], h[i], z[i] - lse) for i in range(len(y))]
    total = 0.0
    for share in shares:
        total += share
    return [shares[i] - h[i] * total for i in range(len(y))]


def output_delta(loss, activation, y, z, h, parameter=0.0):
    """Delta of the output layer: the derivative of the loss by each weighted sum z."""
    if loss == "focal" and activation.name == "softmax":
        return softmax_focal_delta(parameter, y, z, h)
    if loss == "gaussian_nll":
        return gaussian_nll_delta(y, z, h)
    delta = []
    for i in range(len(y)):
        if loss == "squared_error":
            delta.append(-(y[i] - h[i]) * SLOPE[activation.name](z[i], h[i], *activation.parameters))
        elif loss in ("absolute_error", "huber", "quantile"):
            slope = SLOPE[activation.name](z[i], h[i], *activation.parameters)
            delta.append(by_output(loss, parameter, y[i], h[i]) * slope)
        elif loss in ("log_loss", "poisson", "perceptron"):  # of its own activation; the perceptron rule by definition
            delta.append(h[i] - y[i])
        elif loss == "gamma":
            delta.append(1.0 - y[i] * exp(-z[i]))
        elif loss == "hinge":
            delta.append(-y[i] if 1.0 - y[i] * z[i] > 0 else 0.0)
        elif loss == "squared_hinge":
            delta.append(-2.0 * y[i] * relu(1.0 - y[i] * z[i]))
        elif loss == "focal":
            delta.append(y[i] * focal_slope(parameter, z[i]) - (1.0 - y[i]) * focal_slope(parameter, -z[i]))
        else:
            raise ValueError(f"no delta of the loss {loss!r} is written here")
    return delta


def loss_of_output(loss, activation, y, z, h, lse, parameter):
    """The loss of one output; lse is log_sum_exp of all under softmax."""
    if loss == "squared_error":
        return 0.5 * (y - h) * (y - h)
    if loss == "poisson":
        return (y * math.log(y) if y > 0 else 0.0) - y * z - y + h
    if loss == "perceptron":
        return (h - y) * z
    if loss == "log_loss" and activation.name == "softmax":
        return y * (lse - z)
    if loss == "log_loss" and activation.name == "logistic":
        return relu(z) - y * z + math.log1p(math.exp(-abs(z)))
    if loss in ("absolute_error", "quantile"):
        return by_output(loss, parameter, y, h) * (h - y)
    if loss == "huber":
        slope = by_output(loss, parameter, y, h)
        return slope * (h - y - 0.5 * slope)
    if loss == "gamma":
        return y * exp(-z) - 1.0 - (math.log(y) - z)
    if loss == "hinge":
        return relu(1.0 - y * z)
    if loss == "squared_hinge":
        return relu(1.0 - y * z) ** 2
    if loss == "focal" and activation.name == "softmax":
        return y * (-math.expm1(z - lse)) ** parameter * (lse - z)
    if loss == "focal" and activation.name == "logistic":
        return y * focal_term(parameter, z) + (1.0 - y) * focal_term(parameter, -z)
    raise ValueError(f"no loss {loss!r} of {activation.name} outputs is written here")


def sample_loss(loss, activation, y, z, h, parameter=0.0):
    """The loss of one sample, from the weighted sums z of the output layer where they keep it from overflowing."""
    if loss == "gaussian_nll":
        return gaussian_nll_loss(y, h)
    total = 0.0
    lse = log_sum_exp(z) if activation.name == "softmax" else 0.0
    for i in range(len(y)):
        total += loss_of_output(loss, activation, y[i], z[i], h[i], lse, parameter)
    return total


def error_norm(y, h, n):
    """||y - h|| of the first n outputs, the tutorials' cost of one sample."""
    total = 0.0
    for i in range(n):
        total += (y[i] - h[i]) * (y[i] - h[i])
    return math.sqrt(total)

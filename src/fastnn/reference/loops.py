"""The naive Python loops: backend "python", the slow truth that a reader can follow from top to bottom.

Lists of lists and one nested loop per sum, in the tutorials' order: a forward pass for each sample, its deltas
backward, the sums of the gradient, one step. ``_elementary.pxd`` and ``_sample.pxd`` are this file with types, function
by function.
Python has one kind of float, so a float32 network is computed in float64 here and rounded after each update.
"""

import math
from functools import partial

import numpy as np

from fastnn.checks import refuse_several, refuse_sklearn
from fastnn.reference import descent
from fastnn.reference.evaluation import Evaluation

# -- elementary functions ---------------------------------------------------------------------------------------


def exp(z):
    """e^z, infinite where Python's own raises an OverflowError."""
    try:
        return math.exp(z)
    except OverflowError:
        return math.inf


def logistic(z):
    """1 / (1 + e^-z)."""
    return 1.0 / (1.0 + exp(-z))


def relu(z):
    """The positive part of z; NaN stays NaN."""
    return 0.0 if z <= 0 else z


def step(z):
    """1 for z >= 0, else 0."""
    return 1.0 if z >= 0 else 0.0


def exponential_unit(z, alpha):
    """Return z above 0, alpha (e^z - 1) below."""
    return alpha * math.expm1(z) if z < 0 else z


def normal(z):
    """P(X < z) of a standard normal X, by the complementary error function."""
    return 0.5 * math.erfc(-z * math.sqrt(0.5))


def normal_density(z):
    """Of a standard normal X at z."""
    return math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def softplus(z):
    """log(1 + e^z), from the power that cannot overflow."""
    return relu(z) + math.log1p(math.exp(-abs(z)))


def mish_slope(z):
    """Return t + z (1 - t²) logistic(z) with t = tanh(log(1 + e^z))."""
    t = math.tanh(softplus(z))
    return t + z * (1.0 - t * t) * logistic(z)


def hard_sigmoid(z):
    """Return z / 6 + ½ between 0 and 1; NaN stays NaN."""
    return 0.0 if z < -3.0 else 1.0 if z > 3.0 else (z + 3.0) / 6.0


def sine(function, z):
    """The sine or cosine of z, NaN where Python's own raises a ValueError."""
    return function(z) if math.isfinite(z) else math.nan


#: Those of selu, of Klambauer, Unterthiner, Mayr and Hochreiter (2017).
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

ELEMENTWISE = {
    "identity": float,
    "logistic": logistic,
    "tanh": math.tanh,
    "relu": relu,
    "step": step,
    "exp": exp,
    "leaky_relu": lambda z, negative_slope: negative_slope * z if z < 0 else z,
    "elu": exponential_unit,
    "selu": lambda z: SELU_SCALE * exponential_unit(z, SELU_ALPHA),
    "gelu": lambda z: z * normal(z),
    "silu": lambda z: z * logistic(z),
    "mish": lambda z: z * math.tanh(softplus(z)),
    "softplus": softplus,
    "hard_sigmoid": hard_sigmoid,
    "hard_swish": lambda z: z * hard_sigmoid(z),
    "sin": lambda z: sine(math.sin, z),
    "softsign": lambda z: z / (1.0 + abs(z)),
}

#: What gaussian_nll's variances are at least.
LEAST_VARIANCE = 1e-6

#: The derivative of each activation by its input z, from that or its output h.
SLOPE = {
    "identity": lambda z, h: 1.0,
    "logistic": lambda z, h: h * (1.0 - h),
    "tanh": lambda z, h: 1.0 - h * h,
    "relu": lambda z, h: 1.0 if h > 0 else 0.0,
    "step": lambda z, h: 0.0,
    "exp": lambda z, h: h,
    "leaky_relu": lambda z, h, negative_slope: 1.0 if z > 0 else negative_slope,
    "elu": lambda z, h, alpha: 1.0 if z > 0 else alpha * exp(z),
    "selu": lambda z, h: SELU_SCALE * (1.0 if z > 0 else SELU_ALPHA * exp(z)),
    "gelu": lambda z, h: normal(z) + z * normal_density(z),
    "silu": lambda z, h: logistic(z) * (1.0 + z * logistic(-z)),
    "mish": lambda z, h: mish_slope(z),
    "softplus": lambda z, h: logistic(z),
    "hard_sigmoid": lambda z, h: 1.0 / 6.0 if -3.0 < z < 3.0 else 0.0,
    "hard_swish": lambda z, h: z / 3.0 + 0.5 if -3.0 < z < 3.0 else 1.0 if z > 0 else 0.0,
    "sin": lambda z, h: sine(math.cos, z),
    "softsign": lambda z, h: 1.0 / (1.0 + abs(z)) ** 2,
}


# -- one sample, one layer --------------------------------------------------------------------------------------


def weighted_sums(w, b, x):
    """z[i] = sum over j of w[i][j] x[j], then + b[i]: one chain of additions per output."""
    z = []
    for i in range(len(b)):
        total = 0.0
        for j in range(len(x)):
            total += w[i][j] * x[j]
        z.append(total + b[i])
    return z


def softmax(z):
    """e^z[i] / sum of e^z, shifted by the largest z."""
    top = max(z)
    powers = [exp(value - top) for value in z]
    total = 0.0
    for power in powers:
        total += power
    return [power / total for power in powers]


def activate(activation, z):
    """The outputs of a layer from its weighted sums."""
    if activation.name == "softmax":
        return softmax(z)
    if activation.name == "mean_variance":
        half = len(z) // 2
        return z[:half] + [softplus(value) + LEAST_VARIANCE for value in z[half:]]
    if activation.name == "increasing":
        group = int(activation.parameters[0]) or len(z)
        h = []
        for i in range(len(z)):
            h.append(z[i] if i % group == 0 else h[i - 1] + softplus(z[i]))
        return h
    return [ELEMENTWISE[activation.name](value, *activation.parameters) for value in z]


def hidden_delta(w_next, delta_next, activation, z, h):
    """Delta of a hidden layer from that of the layer after it: (W^T delta) f'(z)."""
    delta = []
    for j in range(len(h)):
        total = 0.0
        for i in range(len(delta_next)):
            total += w_next[i][j] * delta_next[i]
        delta.append(total * SLOPE[activation.name](z[j], h[j], *activation.parameters))
    return delta


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


# -- one sample, all layers -------------------------------------------------------------------------------------


def forward_sample(activations, W, b, x):
    """Weighted sums z and outputs h of every layer, keyed from 1 (the inputs, h alone) as the tutorials have it."""
    z, h = {}, {1: x}
    for l in range(1, len(activations) + 1):
        z[l + 1] = weighted_sums(W[l], b[l], h[l])
        h[l + 1] = activate(activations[l - 1], z[l + 1])
    return z, h


def backward_sample(loss, activations, W, y, z, h, weight, parameter=0.0):
    """Deltas of every layer, keyed from 2, times the weight of the sample."""
    n_layers = len(activations)
    delta = {n_layers + 1: output_delta(loss, activations[-1], y, z[n_layers + 1], h[n_layers + 1], parameter)}
    for i in range(len(y)):
        delta[n_layers + 1][i] *= weight
    for l in range(n_layers, 1, -1):
        delta[l] = hidden_delta(W[l], delta[l + 1], activations[l - 2], z[l], h[l])
    return delta


def accumulate(tri_W, tri_b, delta, h):
    """Add one sample's share of the gradient: tri_W[l] += delta h^T, tri_b[l] += delta."""
    for l in tri_W:
        for i in range(len(delta[l + 1])):
            for j in range(len(h[l])):
                tri_W[l][i][j] += delta[l + 1][i] * h[l][j]
            tri_b[l][i] += delta[l + 1][i]


# -- the backend ------------------------------------------------------------------------------------------------


def forward(network, parameters, X, out, n_threads=None):
    """Fill `out` (n_samples, n_out) with the network's outputs for the rows of X."""
    W, b = _as_lists(network, parameters)
    with np.errstate(over="ignore"):  # a number beyond float32 is stored as infinite
        for s, x in enumerate(X.tolist()):
            _, h = forward_sample(network.activations, W, b, x)
            out[s] = h[network.n_layers + 1]


def loss_and_gradient(network, objective, parameters, X, y, sample_weight, l2, gradient=None, n_threads=None):
    """Return the objective and the mean error norm; fill `gradient`, flat like the parameters, if it is given."""
    refuse_sklearn(objective, "python")
    refuse_several(objective, "python")
    loss, parameter, last = objective.loss, objective.parameter, network.activations[-1]
    W, b = _as_lists(network, parameters)
    tri_W, tri_b = _as_lists(network, parameters * 0)
    total_loss = total_norm = total_weight = 0.0
    weights = [1.0] * len(X) if sample_weight is None else sample_weight.tolist()
    for x, target, weight in zip(X.tolist(), y.tolist(), weights, strict=True):
        z, h = forward_sample(network.activations, W, b, x)
        z_out, h_out = z[network.n_layers + 1], h[network.n_layers + 1]
        total_loss += weight * sample_loss(loss, last, target, z_out, h_out, parameter)
        total_norm += error_norm(target, h_out, len(target) // (2 if loss == "gaussian_nll" else 1))
        total_weight += weight
        if gradient is not None:
            delta = backward_sample(loss, network.activations, W, target, z, h, weight, parameter)
            accumulate(tri_W, tri_b, delta, h)

    scale = 1.0 / total_weight if total_weight > 0 else 0.0
    squares = 0.0
    for l in W:
        for i in range(len(W[l])):
            for j in range(len(W[l][i])):
                squares += W[l][i][j] * W[l][i][j]
                tri_W[l][i][j] = scale * tri_W[l][i][j] + l2 * W[l][i][j]
            tri_b[l][i] *= scale
    if gradient is not None:
        network.flatten(tri_W, tri_b, out=gradient)
    return scale * total_loss + 0.5 * l2 * squares, total_norm / len(X)


def update(training, learning_rate, gradient, state):
    """One step of gradient descent, plain or with momentum, in place: the state's optimizer is the velocity."""
    new_parameters, new_velocity = [], []
    for parameter, slope, v in zip(state.parameters.tolist(), gradient.tolist(), state.optimizer.tolist(), strict=True):
        v = training.momentum * v - learning_rate * slope
        change = training.momentum * v - learning_rate * slope if training.nesterov else v
        new_parameters.append(parameter + change)
        new_velocity.append(v)
    state.parameters[:] = new_parameters
    state.optimizer[:] = new_velocity


#: The solvers that a run has.
SOLVERS = ("sgd",)

#: ``begin(state, training, X, y, sample_weight, largest_batch, n_threads=None)``: opens a run.
begin = partial(descent.Run, loss_and_gradient, update)
evaluation = partial(Evaluation, loss_and_gradient)


def _as_lists(network, flat):
    """Dicts of nested lists, W[l][i][j] and b[l][i], from flat parameters."""
    weights, biases = network.views(flat)
    return {l: w.tolist() for l, w in weights.items()}, {l: b.tolist() for l, b in biases.items()}

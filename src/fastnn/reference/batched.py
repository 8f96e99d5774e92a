"""Batched NumPy: backend "numpy", the oracle. A whole batch at a time by matrix products, from the maths.

Rows are samples throughout: H[l] is (n_samples, n_units of layer l), counted from 0, the inputs.
"""

from functools import partial

import numpy as np

from fastnn.reference import descent
from fastnn.reference.evaluation import Evaluation
from fastnn.reference.solvers import UPDATE, update


def logistic(Z):
    """1 / (1 + e^-z), from the power that cannot overflow."""
    power = np.exp(-np.abs(Z))
    return np.where(Z >= 0, np.ones_like(Z), power) / (1 + power)


def softmax(Z):
    """e^z / sum of e^z along each row, shifted by the largest z."""
    powers = np.exp(Z - Z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


#: Each activation, and its derivative by its input Z, from that or its output H (softmax has no elementwise one and
#: needs none).
ACTIVATION = {
    "identity": lambda Z: Z,
    "logistic": logistic,
    "tanh": np.tanh,
    "relu": lambda Z: np.maximum(Z, 0),
    "step": lambda Z: (Z >= 0).astype(Z.dtype),
    "softmax": softmax,
    "exp": np.exp,
}
SLOPE = {
    "identity": lambda Z, H: np.ones_like(H),
    "logistic": lambda Z, H: H * (1 - H),
    "tanh": lambda Z, H: 1 - H * H,
    "relu": lambda Z, H: (H > 0).astype(H.dtype),
    "step": lambda Z, H: np.zeros_like(H),
    "exp": lambda Z, H: H,
}


def squared_error(Y, Z, H):
    """½ ||y - h||² of each row."""
    return 0.5 * ((Y - H) ** 2).sum(axis=1)


def softmax_log_loss(Y, Z, H):
    """-sum of y log h of each row, with log h = z - log sum e^z."""
    top = Z.max(axis=1, keepdims=True)
    log_sum_exp = top + np.log(np.exp(Z - top).sum(axis=1, keepdims=True))
    return (Y * (log_sum_exp - Z)).sum(axis=1)


def logistic_log_loss(Y, Z, H):
    """-sum of y log h + (1 - y) log(1 - h) of each row, which is log(1 + e^z) - y z.

    The larger part, which y z may cancel, stands apart, so that a small loss keeps its digits.
    """
    return (np.maximum(Z, 0) - Y * Z + np.log1p(np.exp(-np.abs(Z)))).sum(axis=1)


def poisson(Y, Z, H):
    """Half the Poisson deviance of each row: y log(y / h) - y + h, with log h = z."""
    y_log_y = Y * np.log(np.where(Y > 0, Y, 1))
    return (y_log_y - Y * Z - Y + H).sum(axis=1)


def perceptron(Y, Z, H):
    """Sum of (h - y) z of each row, whose derivative by z at fixed h is the perceptron rule."""
    return ((H - Y) * Z).sum(axis=1)


#: (loss, output activation) -> the loss of each row; squared_error takes any activation.
LOSS = {
    ("log_loss", "softmax"): softmax_log_loss,
    ("log_loss", "logistic"): logistic_log_loss,
    ("poisson", "exp"): poisson,
    ("perceptron", "step"): perceptron,
}


def stays_of(H, factors):
    """What a layer gets of the outputs H of the one before: all, or these times factors of dropout, 0 where dropped."""
    return H if factors is None else np.where(factors > 0, H * factors, 0)


def forward_batch(network, W, b, X, factors=None):
    """Weighted sums Z and outputs H of every layer, the inputs first: both begin with X.

    `factors` has those of dropout for the inputs of each layer, an array or None.
    """
    Z, H = [X], [X]
    for l, activation in enumerate(network.activations, start=1):
        Z.append(stays_of(H[-1], factors and factors[l - 1]) @ W[l].T + b[l])
        H.append(ACTIVATION[activation.name](Z[-1], *activation.parameters))
    return Z, H


def slopes(activation, Z, H):
    """Derivatives of the outputs H of an elementwise activation by its inputs Z."""
    return SLOPE[activation.name](Z, H, *activation.parameters)


def forward(network, parameters, X, out, n_threads=None):
    """Fill `out` (n_samples, n_out) with the network's outputs for the rows of X."""
    W, b = network.views(parameters)
    with np.errstate(over="ignore", invalid="ignore"):
        _, H = forward_batch(network, W, b, X)
    out[:] = H[-1]


def _clipped(H):
    """Probabilities as scikit-learn takes the logarithm of them."""
    eps = np.finfo(H.dtype).eps
    return H.clip(eps, 1 - eps)


#: (loss, output activation) -> the loss of each row as scikit-learn reports it, where that is another.
SKLEARN_LOSS = {
    ("log_loss", "softmax"): lambda Y, Z, H: -(Y * np.log(_clipped(H))).sum(axis=1),
    ("log_loss", "logistic"): lambda Y, Z, H: (
        -(Y * np.log(_clipped(H)) + (1 - Y) * np.log(1 - _clipped(H))).sum(axis=1)
    ),
    ("squared_error", "identity"): lambda Y, Z, H: 0.5 * ((Y - H) ** 2).mean(axis=1),
}


def loss_and_gradient(
    network, objective, parameters, X, y, sample_weight, l2, gradient=None, n_threads=None, factors=None
):  # fmt: skip
    """Return the objective and the mean error norm; fill `gradient`, flat like the parameters, if it is given.

    `factors` are those of dropout, see `forward_batch`.
    """
    W, b = network.views(parameters)
    Z, H = forward_batch(network, W, b, X, factors)
    loss, output_activation = objective.loss, network.activations[-1]
    losses_of = squared_error if loss == "squared_error" else LOSS[loss, output_activation.name]
    if objective.as_sklearn and not objective.has_soft_targets:
        losses_of = SKLEARN_LOSS.get((loss, output_activation.name), losses_of)
    losses = losses_of(y, Z[-1], H[-1])
    if sample_weight is None:
        sample_weight = np.ones(len(X), X.dtype)
    total_weight = sample_weight.sum()
    share = (sample_weight / total_weight if total_weight != 0 else sample_weight).astype(X.dtype)
    all_weights = parameters[: network.n_weights]
    value = share @ losses + 0.5 * l2 * (all_weights @ all_weights)
    cost = np.sqrt(((y - H[-1]) ** 2).sum(axis=1)).mean()

    if gradient is not None:
        gradient_W, gradient_b = network.views(gradient)
        delta = H[-1] - y
        if loss == "squared_error":
            delta = delta * slopes(output_activation, Z[-1], H[-1])
        delta = delta * share[:, None]
        for l in range(network.n_layers, 0, -1):
            gradient_W[l][:] = delta.T @ stays_of(H[l - 1], factors and factors[l - 1])
            gradient_b[l][:] = delta.sum(axis=0)
            if l > 1:
                delta = (delta @ W[l]) * slopes(network.activations[l - 2], Z[l - 1], H[l - 1])
                if factors and factors[l - 1] is not None:
                    delta = delta * factors[l - 1]
        gradient[: network.n_weights] += X.dtype.type(l2) * all_weights
    return float(value), float(cost)


#: The solvers that a run has.
SOLVERS = tuple(UPDATE)


#: ``begin(state, training, X, y, sample_weight, largest_batch, n_threads=None)``: opens a run.
begin = partial(descent.Run, loss_and_gradient, update)
evaluation = partial(Evaluation, loss_and_gradient)

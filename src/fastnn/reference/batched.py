"""Batched NumPy: backend "numpy", the oracle. A whole batch at a time by matrix products, from the maths.

Rows are samples throughout: H[l] is (n_samples, n_units of layer l), counted from 0, the inputs.
"""

import math
from functools import partial

import numpy as np

from fastnn.encodings import refuse_l2
from fastnn.reference import descent, losses
from fastnn.reference.encodings import encode, encoding_gradient
from fastnn.reference.evaluation import Evaluation
from fastnn.reference.losses import LEAST_VARIANCE, softplus
from fastnn.reference.solvers import UPDATE, update


def logistic(Z):
    """1 / (1 + e^-z), from the power that cannot overflow."""
    power = np.exp(-np.abs(Z))
    return np.where(Z >= 0, np.ones_like(Z), power) / (1 + power)


def softmax(Z):
    """e^z / sum of e^z along each row, shifted by the largest z."""
    powers = np.exp(Z - Z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def normal(Z):
    """P(X < z) of a standard normal X, by the complementary error function."""
    return np.vectorize(math.erfc, otypes=[np.float64])(-Z * math.sqrt(0.5)).astype(Z.dtype) / 2


def normal_density(Z):
    """Of a standard normal X at z."""
    return np.exp(-Z * Z / 2) / Z.dtype.type(math.sqrt(2 * math.pi))


def mean_variance(Z):
    """Means as they are, in the first half of the columns, and variances log(1 + e^z) + 1e-6 in the second."""
    half = Z.shape[1] // 2
    return np.hstack([Z[:, :half], softplus(Z[:, half:]) + Z.dtype.type(LEAST_VARIANCE)])


def increasing(Z, group):
    """Of each group of columns the first as it is, each other the one before plus log(1 + e^z); 0: all are a group."""
    steps = Z.reshape(len(Z), -1, int(group) or Z.shape[1]).copy()
    steps[:, :, 1:] = softplus(steps[:, :, 1:])
    return steps.cumsum(axis=2).reshape(Z.shape)


def hard_sigmoid(Z):
    """Return z / 6 + ½ between 0 and 1."""
    return np.clip((Z + 3) / 6, 0, 1)


def exponential_unit(Z, alpha):
    """Return z above 0, alpha (e^z - 1) below."""
    return np.where(Z < 0, Z.dtype.type(alpha) * np.expm1(np.minimum(Z, 0)), Z)


def exponential_unit_slope(Z, alpha):
    """1 above 0, alpha e^z below."""
    return np.where(Z > 0, 1, alpha * np.exp(np.minimum(Z, 0))).astype(Z.dtype)


def mish_slope(Z):
    """Return t + z (1 - t²) logistic(z) with t = tanh(log(1 + e^z))."""
    tanh = np.tanh(softplus(Z))
    return tanh + Z * (1 - tanh * tanh) * logistic(Z)


#: Those of selu, of Klambauer, Unterthiner, Mayr and Hochreiter (2017).
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

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
    "leaky_relu": lambda Z, negative_slope: np.where(Z < 0, Z.dtype.type(negative_slope) * Z, Z),
    "elu": exponential_unit,
    "selu": lambda Z: Z.dtype.type(SELU_SCALE) * exponential_unit(Z, SELU_ALPHA),
    "gelu": lambda Z: Z * normal(Z),
    "silu": lambda Z: Z * logistic(Z),
    "mish": lambda Z: Z * np.tanh(softplus(Z)),
    "softplus": softplus,
    "hard_sigmoid": hard_sigmoid,
    "hard_swish": lambda Z: Z * hard_sigmoid(Z),
    "sin": np.sin,
    "softsign": lambda Z: Z / (1 + np.abs(Z)),
    "mean_variance": mean_variance,
    "increasing": increasing,
}
SLOPE = {
    "identity": lambda Z, H: np.ones_like(H),
    "logistic": lambda Z, H: H * (1 - H),
    "tanh": lambda Z, H: 1 - H * H,
    "relu": lambda Z, H: (H > 0).astype(H.dtype),
    "step": lambda Z, H: np.zeros_like(H),
    "exp": lambda Z, H: H,
    "leaky_relu": lambda Z, H, negative_slope: np.where(Z > 0, 1, negative_slope).astype(H.dtype),
    "elu": lambda Z, H, alpha: exponential_unit_slope(Z, alpha),
    "selu": lambda Z, H: Z.dtype.type(SELU_SCALE) * exponential_unit_slope(Z, SELU_ALPHA),
    "gelu": lambda Z, H: normal(Z) + Z * normal_density(Z),
    "silu": lambda Z, H: logistic(Z) * (1 + Z * logistic(-Z)),
    "mish": lambda Z, H: mish_slope(Z),
    "softplus": lambda Z, H: logistic(Z),
    "hard_sigmoid": lambda Z, H: ((H > 0) & (H < 1)) / H.dtype.type(6),
    "hard_swish": lambda Z, H: np.where(np.abs(Z) < 3, Z / 3 + H.dtype.type(0.5), Z > 0).astype(H.dtype),
    "sin": lambda Z, H: np.cos(Z),
    "softsign": lambda Z, H: 1 / (1 + np.abs(Z)) ** 2,
}


def stays_of(H, factors):
    """What a layer gets of the outputs H of the one before: all, or these times factors of dropout, 0 where dropped."""
    return H if factors is None else np.where(factors > 0, H * factors, 0)


def forward_batch(network, W, b, X, factors=None, gates=None):
    """Weighted sums Z and outputs H of every layer, the inputs first: both begin with X.

    `factors` has those of dropout for the inputs of each layer, an array or None; `gates` the shares a, by layer, of an
    activation f in z + a (f(z) - z).
    """
    Z, H = [X], [X]
    for l, activation in enumerate(network.activations, start=1):
        if l == 1 and network.encodings:
            Z.append(encode(network.encodings, W[l], b[l], X))
        else:
            Z.append(stays_of(H[-1], factors and factors[l - 1]) @ W[l].T + b[l])
        H.append(ACTIVATION[activation.name](Z[-1], *activation.parameters))
        if gates and l in gates:
            H[l] = Z[l] + gates[l] * (H[l] - Z[l])
    if network.blocks:
        H[-1] = np.hstack(
            [
                ACTIVATION[block.activation.name](Z[-1][:, columns], *block.activation.parameters)
                for block, columns in columns_of(network.blocks)
            ]
        )
    return Z, H


def columns_of(blocks):
    """Pairs of a block of outputs and the slice of its columns."""
    ends = np.cumsum([block.n_out for block in blocks]).tolist()
    return [(block, slice(end - block.n_out, end)) for block, end in zip(blocks, ends, strict=True)]


def slopes(activation, Z, H):
    """Derivatives of the outputs H of an elementwise activation by its inputs Z."""
    return SLOPE[activation.name](Z, H, *activation.parameters)


def forward(network, parameters, X, out, n_threads=None):
    """Fill `out` (n_samples, n_out) with the network's outputs for the rows of X."""
    W, b = network.views(parameters)
    with np.errstate(over="ignore", invalid="ignore"):
        _, H = forward_batch(network, W, b, X, gates=network.gates_of(parameters))
    out[:] = H[-1]


def loss_and_gradient(
    network, objective, parameters, X, y, sample_weight, l2, gradient=None, n_threads=None, factors=None, lowest=1
):  # fmt: skip
    """Return the objective and the mean error norm; fill `gradient`, flat like the parameters, if it is given.

    `factors` are those of dropout, see `forward_batch`; below layer `lowest`, where nothing moves, only the penalty is
    found.
    """
    refuse_l2(network, l2)
    W, b = network.views(parameters)
    Z, H = forward_batch(network, W, b, X, factors, network.gates_of(parameters))
    if network.blocks:
        of_rows, delta, errors = of_heads(objective, network.blocks, y, Z[-1], H[-1])
    else:
        of_rows, delta, errors = of_outputs(objective, network.activations[-1], y, Z[-1], H[-1], gradient is not None)
    if sample_weight is None:
        sample_weight = np.ones(len(X), X.dtype)
    total_weight = sample_weight.sum()
    share = (sample_weight / total_weight if total_weight != 0 else sample_weight).astype(X.dtype)
    all_weights = parameters[: network.n_weights]
    value = share @ of_rows + 0.5 * l2 * (all_weights @ all_weights)
    cost = of_rows.mean() if errors is None else np.sqrt((errors**2).sum(axis=1)).mean()

    if gradient is not None:
        backward_batch(network, parameters, Z, H, delta * share[:, None], gradient, factors, lowest)
        gradient[: network.n_weights] += X.dtype.type(l2) * all_weights
    return float(value), float(cost)


def backward_batch(network, parameters, Z, H, delta, gradient, factors, lowest):
    """Fill the gradient from the layer `lowest` on, by the derivatives `delta` by the last layer's sums."""
    W, b = network.views(parameters)
    gradient_W, gradient_b = network.views(gradient)
    gates, gradient_gates = network.gates_of(parameters), network.gates_of(gradient)
    if lowest > 1:
        gradient[:] = 0
    for l in range(network.n_layers, lowest - 1, -1):
        if l == 1 and network.encodings:
            encoding_gradient(network.encodings, W[l], b[l], H[0], delta, gradient_W[l], gradient_b[l])
            return
        gradient_W[l][:] = delta.T @ stays_of(H[l - 1], factors and factors[l - 1])
        gradient_b[l][:] = delta.sum(axis=0)
        if l > lowest:
            activation, z, h, delta = network.activations[l - 2], Z[l - 1], H[l - 1], delta @ W[l]
            if l - 1 in gates:
                h = ACTIVATION[activation.name](z, *activation.parameters)
                stays = 1 if not factors or factors[l - 1] is None else factors[l - 1]
                gradient_gates[l - 1][:] = (delta * stays * (h - z)).sum(axis=0)
                delta = delta * (1 + gates[l - 1] * (slopes(activation, z, h) - 1))
            else:
                delta = delta * slopes(activation, z, h)
            if factors and factors[l - 1] is not None:
                delta = delta * factors[l - 1]


def of_outputs(objective, activation, y, Z, H, with_delta=True):
    """Of outputs H that have an activation and a loss together, from their sums Z: what a batch is measured by.

    Returns
    -------
    of_rows : (n_samples,)
        The losses.
    delta : (n_samples, n_out)
        Their derivatives by Z; without `with_delta` it may be anything.
    errors : (n_samples, n_columns)
        What the error norm is of; None where a user's own loss takes targets of another shape.
    """
    has_errors = y.shape == H.shape
    errors = losses.errors_of(objective, y, H) if has_errors else None
    if objective.function is not None:
        of_rows, delta = losses.ask(objective.function, y, H)
        if activation.name == "softmax":
            delta = H * (delta - (delta * H).sum(axis=1, keepdims=True))
    else:
        of_rows = losses.losses_of(objective, activation, y, Z, H)
        delta = losses.derivative_of(objective, activation, y, Z, H) if with_delta else None
    if with_delta and objective.loss in losses.BY_OUTPUT and activation.name in SLOPE:
        delta = delta * slopes(activation, Z, H)
    return of_rows, delta, errors


def of_heads(objective, blocks, y, Z, H):
    """The same of several heads, a block of the outputs each: sums of weight times loss over what is observed.

    Outputs have a loss together where their activation is no elementwise one; then all targets of a row are NaN, or
    none.
    """
    of_rows, delta, errors = np.zeros(len(y), y.dtype), np.zeros_like(H), np.zeros_like(H)
    for (own, weight), (block, columns) in zip(objective.heads, columns_of(blocks), strict=True):
        width = 1 if block.activation.name in SLOPE else block.n_out
        for start in range(columns.start, columns.stop, width):
            part = np.s_[start : start + width]
            seen = ~np.isnan(y[:, part]).any(axis=1)
            if not seen.any():
                continue
            data = y[seen, part], Z[seen, part], H[seen, part]
            of_seen, delta_of_seen, errors_of_seen = of_outputs(own, block.activation, *data)
            of_rows[seen] += weight * of_seen
            delta[seen, part] = weight * delta_of_seen
            errors[seen, start : start + errors_of_seen.shape[1]] = errors_of_seen
    return of_rows, delta, errors


#: The solvers that a run has.
SOLVERS = tuple(UPDATE)


#: ``begin(state, training, X, y, sample_weight, largest_batch, n_threads=None)``: opens a run.
begin = partial(descent.Run, loss_and_gradient, update)
evaluation = partial(Evaluation, loss_and_gradient, forward)

"""The naive Python loops: backend "python", the slow truth that a reader can follow from top to bottom.

Lists of lists and one nested loop per sum, in the tutorials' order: a forward pass for each sample, its deltas
backward, the sums of the gradient, one step. ``_sample.pxd`` is this file with types, function by function, as
``_elementary.pxd`` and ``_losses.pxd`` are ``elementary`` and ``loop_losses``.
Python has one kind of float, so a float32 network is computed in float64 here and rounded after each update.
"""

from functools import partial

import numpy as np

from fastnn.checks import refuse_encodings, refuse_heads, refuse_several, refuse_sklearn
from fastnn.reference import descent
from fastnn.reference.elementary import ELEMENTWISE, LEAST_VARIANCE, SLOPE, exp, softplus
from fastnn.reference.evaluation import Evaluation
from fastnn.reference.loop_losses import error_norm, output_delta, sample_loss

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
    refuse_heads(network, "python")
    refuse_encodings(network, "python")
    W, b = _as_lists(network, parameters)
    with np.errstate(over="ignore"):  # a number beyond float32 is stored as infinite
        for s, x in enumerate(X.tolist()):
            _, h = forward_sample(network.activations, W, b, x)
            out[s] = h[network.n_layers + 1]


def loss_and_gradient(network, objective, parameters, X, y, sample_weight, l2, gradient=None, n_threads=None):
    """Return the objective and the mean error norm; fill `gradient`, flat like the parameters, if it is given."""
    refuse_sklearn(objective, "python")
    refuse_several(objective, "python")
    refuse_heads(network, "python")
    refuse_encodings(network, "python")
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
evaluation = partial(Evaluation, loss_and_gradient, forward)


def _as_lists(network, flat):
    """Dicts of nested lists, W[l][i][j] and b[l][i], from flat parameters."""
    weights, biases = network.views(flat)
    return {l: w.tolist() for l, w in weights.items()}, {l: b.tolist() for l, b in biases.items()}

"""What happens inside of a network for rows of data: the outputs of its layers, and the derivatives of its outputs.

Called by ``inspection`` and ``kernels``. Sums and outputs are the backend's, slopes those of the compiled loops; NumPy
multiplies them, for some rows at a time.
"""

import numpy as np

from fastnn import _loops
from fastnn._tables import KEEPS_SLOPE
from fastnn.activations import Activation, Block

#: Numbers of a derivative by hidden units that are worked on together: they stay in a core's own cache.
IN_CACHE = 1 << 16

SOFTPLUS = Activation("softplus")


def layer_outputs(backend, network, parameters, X, first, last, output_activation=None):
    """Outputs of the layer of weights `last` for what the layer `first` gets; under another activation if asked for."""
    part, own = network.part(parameters, first, last, output_activation)
    out = np.empty((X.shape[0], part.n_out), part.dtype)
    backend.forward(part, own, X, out)
    return out


def hidden_outputs(backend, network, parameters, X):
    """Outputs of every hidden layer for the rows of X, a dict keyed from 1."""
    outputs = {}
    for l in range(1, network.n_layers):
        X = outputs[l] = layer_outputs(backend, network, parameters, X, l, l)
    return outputs


def output_by_input(backend, network, parameters, X):
    """Derivatives (n_samples, n_out, n_in) of the outputs by the inputs, backwards from the outputs of each row."""
    W, _ = network.views(parameters)
    out = np.empty((X.shape[0], network.n_out, network.n_in), network.dtype)
    n_together = max(1, IN_CACHE // (network.n_out * max(network.layer_sizes[1:])))
    for first in range(0, len(out), n_together):
        rows = slice(first, first + n_together)
        _fill_output_by_input(backend, network, parameters, W, X[rows], out[rows])
    return out


def _fill_output_by_input(backend, network, parameters, W, X, out):
    H, slopes = X, {}
    for l, activation in enumerate(network.activations[:-1], start=1):
        Z = None
        if activation.name in KEEPS_SLOPE:
            Z = layer_outputs(backend, network, parameters, H, l, l, "identity")
        H = layer_outputs(backend, network, parameters, H, l, l)
        slopes[l] = _slopes(activation, H if Z is None else Z, H)
    last = network.n_layers
    Z = layer_outputs(backend, network, parameters, H, last, last, "identity")
    derivative = np.empty((len(Z), *W[last].shape), network.dtype) if last > 1 else out
    for block, columns in blocks_of(network):
        derivative[:, columns] = _output_by_sum(block, Z[:, columns], W[last][columns])
    for l in range(last - 1, 0, -1):
        derivative *= slopes[l][:, None, :]
        n_in = W[l].shape[1]
        into = out if l == 1 else np.empty((*derivative.shape[:2], n_in), network.dtype)
        np.matmul(derivative.reshape(-1, len(W[l])), W[l], out=into.reshape(-1, n_in))
        derivative = into


def blocks_of(network):
    """Pairs of a block of outputs and the slice of its columns; one head is a block, too."""
    blocks = network.blocks or (Block(network.n_out, network.activations[-1]),)
    ends = np.cumsum([block.n_out for block in blocks]).tolist()
    return [(block, slice(end - block.n_out, end)) for block, end in zip(blocks, ends, strict=True)]


def delta_of_outputs(network, Z, by_output):
    """Derivatives by the last layer's sums Z (n_samples, n_out) from those by its outputs."""
    return np.hstack(
        [_delta_of_block(block, Z[:, columns], by_output[:, columns]) for block, columns in blocks_of(network)]
    )


def _output_by_sum(block, Z, by):
    """Derivatives (n_samples, n_out, n) of a block's outputs, from those of its sums Z: `by`, (n_out, n)."""
    if block.activation.name == "softmax":
        H = _activated(block.activation, Z)
        return (by - (H @ by)[:, None, :]) * H[:, :, None]
    derivative = _slopes_of_block(block, Z)[:, :, None] * by
    if block.group:
        groups = derivative.reshape(len(Z), -1, block.group, by.shape[1])
        derivative = groups.cumsum(axis=2).reshape(derivative.shape)
    return derivative


def _delta_of_block(block, Z, by_output):
    """The other way round: derivatives by a block's sums Z, from those by its outputs, both (n_samples, n_out)."""
    if block.activation.name == "softmax":
        H = _activated(block.activation, Z)
        return H * (by_output - (H * by_output).sum(axis=1, keepdims=True))
    if block.group:  # an output is the sum of the steps up to it
        groups = by_output.reshape(len(Z), -1, block.group)[:, :, ::-1]
        by_output = groups.cumsum(axis=2)[:, :, ::-1].reshape(Z.shape)
    return by_output * _slopes_of_block(block, Z)


def _slopes_of_block(block, Z):
    """The derivative of each output, or step between outputs, of a block by its own sum; not of softmax."""
    activation = block.activation
    if activation.name == "mean_variance":
        slopes, half = np.ones_like(Z), block.n_out // 2
        slopes[:, half:] = _slopes(SOFTPLUS, Z[:, half:], Z[:, half:])
        return slopes
    if block.group:
        slopes = _slopes(SOFTPLUS, Z, Z)
        slopes[:, :: block.group] = 1
        return slopes
    return _slopes(activation, Z, _activated(activation, Z))


def _activated(activation, Z):
    Z = np.ascontiguousarray(Z)
    H = np.empty_like(Z)
    _loops.activate_rows(activation.name, Z, H, *activation.parameters)
    return H


def _slopes(activation, Z, H):
    """Derivatives of the outputs H of an elementwise activation by its sums Z, of which it reads what tells them."""
    out = np.empty(Z.shape, Z.dtype)
    _loops.slopes(activation.name, Z.ravel(), H.ravel(), out.reshape(-1), *activation.parameters)
    return out

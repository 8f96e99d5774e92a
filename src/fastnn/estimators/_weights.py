"""A network's parameters as ``coefs_`` and ``intercepts_``: views, so that changing them changes the network.

The engine's matrices are (n_out, n_in), row by row, so the views of (n_in, n_out) go through memory by columns. Copies
in the other order would have to be compared, at each prediction, with what was last seen of them: 4 µs for 2,010
weights and 25 µs for 82,688, where a row is predicted in 2 and 14 (AMD EPYC, Zen 5); and ``network_`` could no longer
be changed.
"""

import sys
from copy import deepcopy
from dataclasses import replace
from functools import cached_property
from operator import is_

import numpy as np

from fastnn.activations import Block, check_hidden_activations, check_output_activation
from fastnn.network import Network
from fastnn.spec import network_spec
from fastnn.state import aligned_zeros


class Weights:
    """A network, and what an estimator shows of it.

    Parameters
    ----------
    network : Network

    Attributes
    ----------
    coefs : tuple of ndarray
        (n_in, n_out) of each layer: views of the network's parameters.
    intercepts : tuple of ndarray
        (n_out,) of each layer, likewise.
    """

    def __init__(self, network):
        self.network = network
        self.coefs = tuple(weights.T for weights in network.W.values())
        self.intercepts = tuple(network.b.values())
        *self._hidden, self._out = network.activations
        if network.heads:
            self._out = tuple(activation for _, activation in network.heads)
        self._seen = self._hidden[0] if len(set(self._hidden)) == 1 else None  # what an estimator says of them

    @classmethod
    def zeros(cls, layer_sizes, activation, out_activation, labels, dtype):
        """Of a network with no weights yet."""
        hidden = check_hidden_activations(activation, len(layer_sizes) - 2)
        blocks = ()
        if labels.heads:
            of_heads = zip(labels.heads, out_activation, strict=True)
            blocks = tuple(Block(n_out, check_output_activation(own)) for (n_out, _), own in of_heads)
        activations = (*hidden, "identity" if blocks else check_output_activation(out_activation))
        spec = network_spec(tuple(layer_sizes), activations, np.dtype(dtype), blocks)
        if spec.n_parameters > sys.maxsize // 8:  # before anything computes an offset
            raise MemoryError(f"{spec.n_parameters} parameters are more than this machine has addresses for")
        return cls(Network._from_parts(spec, aligned_zeros(spec.n_parameters, dtype), labels, "simd"))

    @classmethod
    def copied(cls, coefs, intercepts, activation, out_activation, labels, dtype):
        """Of a network with a copy of these weights."""
        coefs = [np.asarray(layer) for layer in coefs]
        intercepts = [np.asarray(layer) for layer in intercepts]
        if len(coefs) != len(intercepts) or any(layer.ndim != 2 for layer in coefs):
            raise ValueError(
                f"coefs_ must be matrices, one a layer, with an array in intercepts_ for each; their shapes are "
                f"{[layer.shape for layer in coefs]} and {[layer.shape for layer in intercepts]}"
            )
        sizes = [coefs[0].shape[0], *(layer.shape[1] for layer in coefs)]
        if not all(sizes):
            raise ValueError(f"coefs_ are of layers of {sizes} units; each has at least one")
        weights = cls.zeros(sizes, activation, out_activation, labels, dtype)
        for kind, given, own in (("coefs_", coefs, weights.coefs), ("intercepts_", intercepts, weights.intercepts)):
            for l, (layer, view) in enumerate(zip(given, own, strict=True)):
                if layer.shape != view.shape:
                    raise ValueError(
                        f"{kind}[{l}] must have shape {view.shape} in a network of {sizes} units, got {layer.shape}"
                    )
                view[:] = layer
        return weights

    def in_float64(self):
        """The network with its weights of this moment in float64, as scikit-learn computes for X of float64."""
        network, spec = self.network, self._spec_of_float64
        parameters = network.parameters.astype(spec.dtype)
        return Network._from_parts(spec, parameters, network._labels, network.backend)

    @cached_property
    def _spec_of_float64(self):
        return replace(self.network._spec, dtype=np.dtype(np.float64))

    def are_of(self, estimator):
        """Whether this is what the estimator shows now: nobody has set weights or activations by hand."""
        coefs, intercepts = estimator.coefs_, estimator.intercepts_
        return (
            len(coefs) == len(intercepts) == len(self.coefs)
            and all(map(is_, coefs, self.coefs))
            and all(map(is_, intercepts, self.intercepts))
            and (not self._hidden or self._seen == estimator.activation or self._has(estimator.activation))
            and self._out == estimator.out_activation_
        )

    def _has(self, activation):
        """Whether these words mean the hidden layers' activations; then they are known the next time."""
        try:
            has = check_hidden_activations(activation, len(self._hidden)) == tuple(self._hidden)
        except (TypeError, ValueError):
            return False
        if has:
            self._seen = deepcopy(activation)  # of a list, which may be changed
        return has

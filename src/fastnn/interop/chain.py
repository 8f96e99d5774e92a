"""A chain of dense layers, put together one by one as another library has them, and made a ``Network``.

Called by the modules of this room, which know what those layers are called. A scale, x * factor + shift a column, goes
into the dense layer before it or after it; where there is none, a layer with the unit matrix is put there, as it is
where one activation follows another. Weights are put together in float64 and cast at the end.
"""

from dataclasses import replace

import numpy as np

from fastnn._tables import HIDDEN_ACTIVATIONS
from fastnn.activations import Block, check_output_activation
from fastnn.labels import Labels
from fastnn.network import Network

#: Of the shift of inputs: beyond it fewer than 8 of the 16 digits of a float64 are left of the scaled column.
LARGEST_SHIFT = 1e8


class Chain:
    """What came so far; `where` is what messages call a layer."""

    def __init__(self):
        self._W, self._b, self._activations, self._places, self._blocks = [], [], [], [], ()
        self._factor, self._shift = 1.0, 0.0  # that no layer has yet
        self._dtypes = [np.dtype(np.float32)]

    @property
    def _is_scaled(self):
        return bool(np.any(self._factor != 1.0) or np.any(self._shift != 0.0))

    def dense(self, where, W, b=None):
        """Append a layer of weights (n_out, n_in) and biases (n_out,), of which None are zeros."""
        self._refuse_after_heads(where)
        W = np.asarray(W)
        self._dtypes.append(W.dtype)
        W = W.astype(np.float64)
        b = np.zeros(len(W)) if b is None else np.asarray(b, np.float64)
        if self._b and W.shape[1] != len(self._b[-1]):
            raise ValueError(f"{where} takes {W.shape[1]} inputs, but the layer before has {len(self._b[-1])} outputs")
        self._check_columns(where, W.shape[1], self._factor, self._shift)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is told
            b = b + W @ np.broadcast_to(self._shift, W.shape[1])
            W = W * self._factor
        _check_finite(where, W, b)
        self._W.append(W)
        self._b.append(b)
        self._activations.append("identity")
        self._places.append(where)
        self._factor, self._shift = 1.0, 0.0

    def scale(self, where, factor, shift=0.0):
        """Follow by x * factor + shift: numbers, or one a column."""
        self._refuse_after_heads(where)
        factor, shift = np.asarray(factor, np.float64), np.asarray(shift, np.float64)
        _check_finite(where, factor, shift)
        self._check_columns(where, len(self._b[-1]) if self._b else None, factor, shift)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is told
            if self._b and not self._is_scaled and self._activations[-1] == "identity":
                self._W[-1] = self._W[-1] * np.reshape(factor, (-1, 1))
                self._b[-1] = self._b[-1] * factor + shift
                _check_finite(where, self._W[-1], self._b[-1])
            else:
                self._factor, self._shift = self._factor * factor, self._shift * factor + shift

    def scale_inputs(self, where, factor, shift):
        """Likewise of the inputs, by a library that subtracts first: in float64, whose digits the difference needs."""
        self.scale(where, factor, shift)
        if (far := np.abs(self._shift)).max() > LARGEST_SHIFT:
            raise ValueError(
                f"{where} cannot be folded into the first layer: column {int(np.argmax(far))} lies {far.max():.1e} of "
                "its own units from 0, and the difference would lose its digits; scale X before the network, or "
                "subtract a constant from it"
            )
        self._dtypes.append(np.dtype(np.float64))

    def activate(self, where, activation):
        """Follow by an activation as users write it, of hidden units or outputs."""
        self._refuse_after_heads(where)
        if activation == "identity":
            return
        if not self._b:
            raise ValueError(f"{where} cannot be carried over: it comes before the first dense layer")
        self._end_in_sums()
        self._activations[-1], self._places[-1] = activation, where

    def heads(self, where, heads):
        """Follow by the activations of several heads, pairs of a number of outputs and an activation."""
        self._refuse_after_heads(where)
        if not self._b:
            raise ValueError(f"{where} cannot be carried over: it comes before the first dense layer")
        self._end_in_sums()
        self._blocks = tuple(Block(n_out, check_output_activation(activation)) for n_out, activation in heads)

    def append(self, network):
        """Append the layers of a Network."""
        for l, activation in enumerate(network.activations, start=1):
            self.dense(f"W[{l}]", network.W[l], network.b[l])
            self.activate(f"W[{l}]", activation)
        if network.heads:
            self.heads("the heads", network.heads)

    def network(self, output_activation=None, classes=None, labels=None, feature_names=None):
        """Return the Network.

        Parameters
        ----------
        output_activation : str or (str, float), optional
            Of a chain that ends without an activation.
        classes : array-like, optional
            As for `Network`.
        labels : Labels, optional
            In their place.
        feature_names : tuple of str, optional
        """
        if not self._b:
            raise ValueError("there is no dense layer, of which a network is made")
        if self._blocks and classes is not None:
            raise ValueError("classes are of a model without heads; leave them out")
        if self._is_scaled:
            self._append_unit_matrix()
        if output_activation is not None:
            if self._activations[-1] != "identity":
                raise ValueError(
                    f"output_activation={output_activation!r} is for models that end without an activation, but the "
                    f"last is {self._places[-1]}; leave it out"
                )
            self.activate("output_activation", check_output_activation(output_activation))
        *hidden, last = self._activations
        for activation, where in zip(hidden, self._places, strict=False):
            if (activation if isinstance(activation, str) else activation[0]) not in HIDDEN_ACTIVATIONS:
                raise ValueError(f"{where} cannot be carried over: {activation!r} is for the last layer alone")
        dtype = np.result_type(*self._dtypes)
        network = Network(self._W, self._b, activation=hidden, output_activation=last, dtype=dtype, classes=classes)
        spec = replace(network._spec, blocks=self._blocks)
        if labels is None:
            labels = network._labels
            if self._blocks:
                labels = Labels("heads", heads=tuple((block.n_out, Labels("values")) for block in self._blocks))
        return Network._from_parts(spec, network.parameters, labels, "auto", feature_names)

    def _end_in_sums(self):
        if self._is_scaled or self._activations[-1] != "identity":
            self._append_unit_matrix()

    def _append_unit_matrix(self):
        n = len(self._b[-1])
        self.dense(f"what follows {self._places[-1]}", np.eye(n, dtype=np.float32))

    def _check_columns(self, where, n_columns, *numbers):
        """Refuse numbers for another number of columns than there are, where that is known."""
        sizes = {np.size(array) for array in (self._factor, self._shift, *numbers)} - {1}
        if len(sizes := sizes | ({n_columns} - {None})) > 1:
            raise ValueError(
                f"{where} does not fit what is before it: one is for {min(sizes)} columns, the other for {max(sizes)}"
            )

    def _refuse_after_heads(self, where):
        if self._blocks:
            raise ValueError(f"{where} cannot be carried over: it follows the heads, which are the last")


def _check_finite(where, *arrays):
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError(
            f"{where} has numbers that are not finite, or become so when a scale is folded in: the model has diverged, "
            "or is damaged"
        )

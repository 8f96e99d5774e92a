"""Weights or biases by layer: as users give them, and as dicts that know which network they belong to.

The tutorials hand W and b about as dicts, which say nothing of activations and labels; theirs are sigmoid throughout.
What ``train`` returns and ``Network.W`` shows says it, so that ``predict``, ``Network`` and the kernels compute what
was trained. Plain dicts and lists stay the tutorials' network.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fastnn.activations import (
    ActivationLike,
    Block,
    check_hidden_activations,
    check_output_activation,
    is_one_activation,
)
from fastnn.checks import as_numbers, cast_finite, check_matrix
from fastnn.labels import Labels

LOGISTIC = "logistic"


@dataclass(frozen=True)
class Form:
    """What a network is beside its numbers.

    Parameters
    ----------
    activations : tuple of str or (str, float)
        Of each layer of weights.
    dtype : numpy.dtype
    labels : Labels
    feature_names : tuple of str or None
        Of the columns that it learned from.
    blocks : tuple of Block
        Of the outputs, where there are several heads.
    """

    activations: tuple[ActivationLike, ...]
    dtype: np.dtype
    labels: Labels
    feature_names: tuple[str, ...] | None = None
    blocks: tuple[Block, ...] = ()

    @property
    def activations_in_words(self):
        """Those of each layer; for the last those of all heads."""
        return (*self.activations[:-1], " + ".join(map(str, self.blocks)) or self.activations[-1])

    @property
    def in_words(self):
        classes = "" if self.labels.classes is None else f" of classes {self.labels.classes.tolist()}"
        return f"of activations {self.activations_in_words} in {self.dtype}{classes}"


class LayerDict(dict):
    """A dict of arrays keyed from 1, with the form of their network; copies and pickles have it too."""

    def __init__(self, arrays, form):
        super().__init__(arrays)
        self.form = form

    def copy(self):
        return LayerDict(self, self.form)

    def __or__(self, other):
        return LayerDict(super().__or__(other), self.form)

    def __reduce__(self):
        return LayerDict, (dict(self), self.form)


class LayerViews(Mapping):
    """The same to look at: arrays may be changed in place, not replaced."""

    def __init__(self, arrays, form):
        self._arrays, self.form = arrays, form

    def __getitem__(self, l):
        return self._arrays[l]

    def __iter__(self):
        return iter(self._arrays)

    def __len__(self):
        return len(self._arrays)

    def __repr__(self):
        return repr(self._arrays)

    def copy(self):
        return LayerDict(self._arrays, self.form)


def form_of(W, b):
    """Return the form that W or b knows, None if they are plain; refuse what belongs to two kinds of networks."""
    forms = [layers.form for layers in (W, b) if isinstance(layers, LayerDict | LayerViews)]
    if len(forms) == 2 and forms[0] != forms[1]:
        raise ValueError(
            f"W and b belong to different networks, {forms[0].in_words} and {forms[1].in_words}; to make one of them "
            "pass dict(W) and dict(b)"
        )
    return forms[0] if forms else None


def activations_for(form, n_layers, activation, output_activation):
    """Return the activation of each layer of weights: as asked for, as the form has it, else logistic.

    `activation` may have that of the last layer too, as ``Network.activations`` does.
    """
    known = (LOGISTIC,) * n_layers if form is None else form.activations
    if len(known) != n_layers:
        raise ValueError(f"W has {n_layers} layers, but belongs to a network of {len(known)}; pass dict(W) and dict(b)")
    output = None if output_activation is None else check_output_activation(output_activation)
    if np.iterable(activation) and not is_one_activation(activation):
        activation = tuple(activation)
        if len(activation) == n_layers and output in (None, check_output_activation(activation[-1])):
            activation, output = activation[:-1], check_output_activation(activation[-1])
    hidden = known[:-1] if activation is None else check_hidden_activations(activation, n_layers - 1)
    output = known[-1] if output is None else output
    if form is not None and (*hidden, output) != known:
        raise ValueError(
            f"W and b belong to a network with activations {known}, not {(*hidden, output)}; leave the keywords out, "
            "or pass plain dicts for another network: dict(W), dict(b)"
        )
    return (*hidden, output)


def check_weights(W, b, dtype):
    """Return weights and biases as dicts keyed from 1, in `dtype`, and the layer sizes that they make.

    Biases of None are zeros.
    """
    W, b = _keyed_from_1("W", W), None if b is None else _keyed_from_1("b", b)
    if b is not None and len(W) != len(b):
        raise ValueError(f"W has {len(W)} layers, but b has {len(b)}; they must be equally long")
    weights, biases, sizes = {}, {}, []
    for l in W:
        weights[l] = check_matrix(
            f"W[{l}]", W[l], dtype, n_columns=sizes[-1] if sizes else None, columns_are="the layer before"
        )
        if not sizes:
            sizes.append(weights[l].shape[1])
        sizes.append(weights[l].shape[0])
        bias = np.zeros(sizes[-1], dtype) if b is None else as_numbers(f"b[{l}]", b[l])
        if bias.shape != (sizes[-1],):
            raise ValueError(
                f"b[{l}] must have one entry per row of W[{l}], shape ({sizes[-1]},); its shape is {bias.shape}"
            )
        biases[l] = cast_finite(f"b[{l}]", bias, dtype)
    return weights, biases, tuple(sizes)


def _keyed_from_1(argument, layers):
    if not isinstance(layers, Mapping):
        if isinstance(layers, str | bytes) or not np.iterable(layers):
            raise TypeError(f"{argument} must be a dict keyed from 1 or a list of arrays, got {layers!r}")
        layers = dict(enumerate(layers, start=1))
    as_text = {str(l): l for l in range(1, len(layers) + 1)}  # how JSON has the keys of a dict
    n_given, layers = len(layers), {as_text.get(l, l): layer for l, layer in layers.items()}
    if not layers or set(layers) != set(range(1, n_given + 1)):
        raise ValueError(f"{argument} must have one entry per layer of weights, keyed 1 ... L; got {list(layers)}")
    return {l: layers[l] for l in range(1, len(layers) + 1)}

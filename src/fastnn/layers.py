"""Weights or biases by layer that know which network they belong to.

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

"""Which parameters move, and how fast beside the others: ``frozen`` and ``layer_rates`` as factors of the rate.

Both faces have their arguments checked here; ``TrainingSpec.rates`` takes what comes of them.
"""

import re
from collections.abc import Mapping

import numpy as np

from fastnn.checks import check_number


def check_rates(n_layers, layer_rates=None, frozen=None, bias=True):
    """Return factors of the learning rate, a pair (weights, biases) for each layer; () where all are 1.

    Parameters
    ----------
    n_layers : int
        Layers of weights.
    layer_rates : list, optional
        One entry per layer of weights: a factor, or a pair (weights, biases) of them.
    frozen : list, optional
        What does not move, whatever its factor: l for weights and biases of layer l, counted from 1, "W2" or "b2" for
        one of them.
    bias : bool, default True
        Without, no layer's biases move.
    """
    rates = [[1.0, 1.0] for _ in range(n_layers)]
    if layer_rates is not None:
        given = _as_list("layer_rates", layer_rates, "one factor per layer of weights, such as [0.1, 1.0]")
        if len(given) != n_layers:
            raise ValueError(
                f"layer_rates must have one entry per layer of weights: {n_layers} expected, {len(given)} given"
            )
        rates = [_pair(f"layer_rates[{l}]", factor) for l, factor in enumerate(given)]
    if frozen is not None:
        for name in _as_list("frozen", frozen, "layers that do not move, such as [1, 'b2']"):
            l, tensors = _tensors(name, n_layers)
            for tensor in tensors:
                rates[l][tensor] = 0.0
    if not bias:
        rates = [[weights, 0.0] for weights, _ in rates]
    if not any(factor for pair in rates for factor in pair):
        raise ValueError("nothing would be trained: every layer is frozen, or has a rate of 0")
    if all(factor == 1.0 for pair in rates for factor in pair):
        return ()
    return tuple((weights, biases) for weights, biases in rates)


def _as_list(argument, given, expected):
    if isinstance(given, str | bytes | Mapping) or not np.iterable(given):
        raise TypeError(f"{argument} must be a list of {expected}; got {given!r}")
    return list(given)


def _pair(argument, factor):
    """The factors of a layer's weights and biases."""
    if not isinstance(factor, str | bytes | Mapping) and np.iterable(factor):
        both = list(factor)
        if len(both) != 2:
            raise ValueError(f"{argument} must be a factor or a pair (weights, biases) of factors, got {factor!r}")
        return [check_number(f"{argument}[{i}]", one, low=0.0) for i, one in enumerate(both)]
    return [check_number(argument, factor, low=0.0)] * 2


def _tensors(name, n_layers):
    """The layer, counted from 0, and which of its weights (0) and biases (1) an entry of `frozen` means."""
    if isinstance(name, str):
        found = re.fullmatch(r"([Wb])(\d+)", name)
        layer, tensors = (int(found[2]), [" Wb".index(found[1]) - 1]) if found else (0, [])
    elif isinstance(name, int | np.integer) and not isinstance(name, bool):
        layer, tensors = int(name), [0, 1]
    else:
        layer, tensors = 0, []
    if not 1 <= layer <= n_layers:
        raise ValueError(
            f"frozen has {name!r}: expected a layer from 1 to {n_layers}, or its weights or biases alone, such as 'W1' "
            f"or 'b{n_layers}'"
        )
    return layer - 1, tensors

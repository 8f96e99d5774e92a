"""Outputs for labels that a classifier has not seen before, in a network that goes on learning.

Labels are sorted, so new outputs come between the old ones. What was learned of the old labels stays: of several
outputs each keeps its weights; one output z, of two labels, becomes (0, z) under softmax, which gives the probabilities
that the logistic function does, and elsewhere (-z, z). Called by `MLPClassifier.partial_fit`.
"""

import copy
import math

import numpy as np
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_random_state

from fastnn.estimators._activations import start_factors
from fastnn.estimators._moved import optimizer_from
from fastnn.estimators._weights import Weights
from fastnn.state import SIGNED_STATE
from fastnn.training import passes

#: Where an output of the larger network comes from if not from (output of the smaller one, its sign).
NOWHERE, ZERO = "drawn anew", "zeros"


def extend(estimator, classes):
    """Give a classifier outputs for these labels, sorted, among which are all that it has."""
    old = estimator._current_weights().network
    n_out = 1 if len(classes) == 2 else len(classes)
    is_joint = estimator.output_activation is None and estimator.out_activation_ == "logistic"
    becomes_softmax = old.layer_sizes[-1] == 1 < n_out and is_joint
    sources = _sources(estimator.classes_, classes, old.layer_sizes[-1], becomes_softmax)
    if becomes_softmax:
        estimator.out_activation_ = "softmax"
    estimator.classes_, estimator._label_binarizer = classes, LabelBinarizer().fit(classes)
    estimator.n_outputs_ = n_out
    sizes = [*old.layer_sizes[:-1], n_out]
    weights = Weights.zeros(sizes, estimator.activation, estimator.out_activation_, estimator._labels(), old.dtype)
    new = weights.network
    _rearrange(old._spec, old.parameters, new._spec, new.parameters, sources)
    _draw(estimator, new, [place for place, source in enumerate(sources) if source == NOWHERE])
    if (optimizer := getattr(estimator, "_optimizer", None)) is not None:
        if not isinstance(optimizer, passes.Optimizer):
            optimizer = optimizer_from(optimizer, estimator._objective(), old._spec)
        estimator._optimizer = _with_outputs(optimizer, old._spec, new._spec, sources)
    estimator._show(weights)


def _sources(old, new, n_old_out, becomes_softmax):
    """Where each new output comes from: a pair of an old output and its sign, or `NOWHERE`, or `ZERO`."""
    places = {label: place for place, label in enumerate(old.tolist())}
    if n_old_out > 1:
        of_old = {label: (place, 1) for label, place in places.items()}
    elif len(old) == 1:  # the output says that it is not this label
        of_old = {old.tolist()[0]: (0, -1)}
    else:
        first, second = old.tolist()
        of_old = {first: ZERO if becomes_softmax else (0, -1), second: (0, 1)}
    if len(new) == 2:  # one output, which says the second label
        first, second = new.tolist()
        _, sign = of_old.get(second) or of_old[first]
        return [(0, sign if second in of_old else -sign)]
    return [of_old.get(label, NOWHERE) for label in new.tolist()]


def _rearrange(old, given, new, flat, sources, is_signed=True):
    """Fill flat zeros of the larger network, laid out as its parameters, from those of the smaller one."""
    for of_old, of_new in zip(old.views(given), new.views(flat), strict=True):
        for l in range(1, old.n_layers):
            of_new[l][:] = of_old[l]
        for place, source in enumerate(sources):
            if isinstance(source, tuple):
                output, sign = source
                of_new[old.n_layers][place] = of_old[old.n_layers][output] * (sign if is_signed else 1)


def _draw(estimator, network, places):
    """Draw the weights of new outputs as the start of a network of this size draws them."""
    if not places:
        return
    spec, random_state = network._spec, check_random_state(estimator.random_state)
    n_in, n_out = spec.shapes[-1]
    bound = math.sqrt(start_factors(estimator.activation, spec)[-1] / (n_in + n_out))
    network.W[spec.n_layers][places] = random_state.uniform(-bound, bound, (n_in, len(places))).T
    if estimator.bias:
        network.b[spec.n_layers][places] = random_state.uniform(-bound, bound, len(places))


def _with_outputs(optimizer, old, new, sources):
    """The optimizer of the larger network; of new outputs it knows nothing, as at a start."""
    extended = copy.copy(optimizer)
    kinds, extended.counters = SIGNED_STATE[optimizer.training.solver], optimizer.counters.copy()
    extended.moments = np.zeros(len(kinds) * new.n_parameters, new.dtype)
    of_old, of_new = (block.reshape(len(kinds), -1) for block in (optimizer.moments, extended.moments))
    for kind, is_signed in enumerate(kinds):
        _rearrange(old, of_old[kind], new, of_new[kind], sources, is_signed)
    return extended

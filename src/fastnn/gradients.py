"""The gradient of a loss by weights and biases, as its user sees it, and by central differences beside it.

Called by ``inspection``. What a loss is and what y means to it are read here for a network that is there already;
objective and gradient are the backend's.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastnn import labels as labels_module
from fastnn.checks import as_array, check_number, check_rows, check_sample_weight
from fastnn.heads import check_beside_heads, check_heads, check_n_outputs, objective_of
from fastnn.objective import Objective, check_n_out, check_objective, check_output
from fastnn.observed import targets_by_heads

#: Output activation -> the loss that goes with it where none is named; the others' is the squared error.
LOSS_OF_OUTPUTS = {"softmax": "log_loss", "exp": "poisson", "step": "perceptron", "mean_variance": "gaussian_nll"}

#: Output activation -> what to say where several losses go with it alike.
TO_BE_NAMED = {
    "logistic": "loss='log_loss' or loss='squared_error'",
    "increasing": "loss='quantile' with quantile=[...], its quantiles",
}

#: What differences are at least compared with, as a part of the loss: they have no digits below.
LEAST_SCALE = 1e-5


class LossGradient(NamedTuple):
    """A loss, and its gradient by the weights and biases of each layer, dicts keyed from 1."""

    loss: float
    W: dict[int, np.ndarray]
    b: dict[int, np.ndarray]


class GradientError(NamedTuple):
    """How far a gradient is from central differences: the largest relative error of an array, where, and both there."""

    error: float
    index: tuple[int, ...]
    gradient: float
    difference: float


@dataclass(frozen=True)
class Measured:
    """A loss of a network for rows: what a backend's ``loss_and_gradient`` takes beside the parameters.

    Parameters
    ----------
    network : NetworkSpec
    objective : Objective
    X, y : ndarray or CSR matrix, ndarray
    sample_weight : ndarray or None
    l2 : float
    """

    network: Any
    objective: Objective
    X: Any
    y: np.ndarray
    sample_weight: np.ndarray | None
    l2: float


def check_loss_of(network, loss, loss_options, heads):
    """Return the Objective of these arguments, and the heads, for a network that is a NetworkSpec."""
    if network.blocks:
        return _objective_of_heads(network, loss, loss_options, heads)
    if heads is not None:
        raise ValueError(f"heads are for a network of several heads; this one has {network.n_out} outputs of one")
    activation = network.activations[-1]
    if loss is None and activation.name in TO_BE_NAMED:
        raise ValueError(
            f"a network does not know its loss, and outputs of activation {activation.name!r} may have several: say "
            f"{TO_BE_NAMED[activation.name]}"
        )
    loss = LOSS_OF_OUTPUTS.get(activation.name, "squared_error") if loss is None else loss
    objective = check_objective(loss, **loss_options)
    n_quantiles = len(objective.quantiles)
    if n_quantiles and network.group != n_quantiles:
        groups = f"groups of {network.group}" if network.group else "no groups"
        raise ValueError(f"quantile has {n_quantiles} entries, but the network's outputs go by {groups}")
    check_output(objective, "increasing" if n_quantiles else activation.as_given)
    return objective, ()


def _objective_of_heads(network, loss, loss_options, heads):
    if heads is None:
        blocks = ", ".join(map(str, network.blocks))
        raise ValueError(
            f"a network does not know the losses and weights of its heads ({blocks}): pass heads=[Head(...), ...] as "
            "for fastnn.train"
        )
    heads = check_heads(heads)
    check_beside_heads(loss=loss, **loss_options)
    check_n_outputs(heads, network.n_out, "the network")
    if len(heads) != len(network.blocks):
        raise ValueError(f"{len(heads)} heads given, but the network has {len(network.blocks)}")
    for h, (head, block) in enumerate(zip(heads, network.blocks, strict=True)):
        own = block.activation.as_given
        if head.n_outputs != block.n_out or head.output_activation not in (None, own):
            raise ValueError(f"heads[{h}] is {head!r}, but that head of the network has outputs of {block}")
        check_output(head.objective, own)
    return objective_of(heads), heads


def measured(network, labels, objective, heads, X, y, sample_weight, l2):
    """Return what is Measured, in the network's dtype, of X and y as users give them, which its labels read."""
    dtype = network.dtype
    X = check_rows("X", X, dtype, network.n_in)
    n_samples = X.shape[0]
    if heads:
        targets = targets_by_heads("y", y, n_samples, heads, network.blocks, labels, dtype)
    else:
        targets = _targets(network, labels, objective, y, n_samples)
    if sample_weight is not None:
        sample_weight = check_sample_weight(sample_weight, n_samples, dtype)
    return Measured(network, objective, X, targets, sample_weight, check_number("l2", l2, low=0.0))


def _targets(network, labels, objective, y, n_samples):
    if objective.function is not None:
        return labels_module.columns("y", y, n_samples, None, network.dtype)
    n_targets, loss = check_n_out(objective, network.n_out, "the network"), objective.loss
    is_vector = as_array("y", y).ndim == 1
    are_targets = labels.are_numbers and n_targets == 1 and not labels_module.takes_signs(loss)  # or come to the same
    classes = labels.classes if is_vector and not are_targets else None
    if is_vector and classes is None and n_targets > 1:
        raise ValueError(
            f"y is a vector, but the network has no classes that it could name, and {n_targets} targets a row: pass "
            f"them as an array of shape ({n_samples}, {n_targets})"
        )
    targets = labels_module.encode_like("y", y, n_samples, n_targets, classes, loss, network.dtype)
    labels_module.check_targets("y", targets, loss, network.activations[-1].as_given)
    return objective.spread(targets)


def loss_gradient(backend, parameters, of):
    """Return the LossGradient of what is Measured."""
    gradient = np.empty(of.network.n_parameters, of.network.dtype)
    loss, _ = backend.loss_and_gradient(
        of.network, of.objective, parameters, of.X, of.y, of.sample_weight, of.l2, gradient
    )
    return LossGradient(loss, *of.network.views(gradient))


def differences(backend, parameters, of):
    """Return the LossGradient of central differences, at least of the eighth digit of what is Measured in float64.

    Of each parameter, at steps of the cube root of the machine's epsilon, relative to it where it is larger than 1.
    """
    parameters, found = parameters.astype(np.float64), np.empty(of.network.n_parameters)
    evaluation = backend.evaluation(of.network, of.objective, of.X, of.y, of.sample_weight, of.l2)
    loss = evaluation.at(parameters, None)
    steps = np.cbrt(np.finfo(np.float64).eps) * np.maximum(1, np.abs(parameters))
    for p, (value, step) in enumerate(zip(parameters.tolist(), steps.tolist(), strict=True)):
        parameters[p] = upper = value + step
        above = evaluation.at(parameters, None)
        parameters[p] = lower = value - step
        found[p] = (above - evaluation.at(parameters, None)) / (upper - lower)
        parameters[p] = value
    return LossGradient(loss, *of.network.views(found))


def compare(gradient, by_differences):
    """Return the GradientError of the weights and biases of each layer, a dict with the keys "W1", "b1", "W2" …."""
    errors = {}
    for l in gradient.W:
        for kind in ("W", "b"):
            one, other = getattr(gradient, kind)[l], getattr(by_differences, kind)[l]
            errors[f"{kind}{l}"] = _largest_error(one, other, LEAST_SCALE * abs(by_differences.loss))
    return errors


def _largest_error(gradient, difference, least_scale):
    far = np.abs(gradient - difference)
    index = np.unravel_index(int(far.argmax()), far.shape)  # that of NaN, if there is one
    scale = max(np.abs(difference).max(), least_scale)
    error = far[index] / scale if far[index] != 0 else 0.0
    return GradientError(float(error), tuple(map(int, index)), float(gradient[index]), float(difference[index]))

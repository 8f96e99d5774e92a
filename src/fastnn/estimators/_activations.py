"""The estimators' activations beyond scikit-learn's: the outputs' own, and the start that goes with the hidden layers'.

Called by the base of the estimators.
"""

from fastnn.activations import check_hidden_activations, check_output_activation, is_one_activation
from fastnn.estimators._warnings import warn
from fastnn.labels import beyond_reach, check_targets
from fastnn.objective import check_output


def output_activation(estimator, targets):
    """Return the activation of the outputs: what follows from the targets, or what was asked for, if it can be."""
    if estimator.output_activation is None:
        return estimator._output_activation()
    asked = check_output(estimator._objective(), check_output_activation(estimator.output_activation))
    if asked == "softmax" and targets.shape[1] == 1:
        raise ValueError(
            "output_activation='softmax' needs an output for each class, and two classes have one; use 'logistic'"
        )
    check_targets("y", targets, estimator.loss, asked)
    if (text := beyond_reach("y", targets, asked)) is not None:
        warn(text)
    return asked


def kept_output_activation(estimator, targets):
    """Return that of a network that training goes on from: what was asked for, or what it has, if the loss takes it."""
    if estimator.output_activation is not None:
        return output_activation(estimator, targets)
    try:
        check_output(estimator._objective(), check_output_activation(estimator.out_activation_, "out_activation_"))
    except ValueError as error:
        raise ValueError(
            f"the network that training is to go on from is of another loss: {error}; set the loss as it was, or fit "
            "anew without warm_start"
        ) from None
    return estimator.out_activation_


def start_factors(activation, network):
    """Return scikit-learn's factor of Glorot's bound for each layer of weights: 2 if the units are logistic, else 6.

    A layer goes by the activation of its units, the last by that of the layer before, as in scikit-learn, where all
    hidden layers have the same.
    """
    hidden = network.activation_names[:-1]
    if not hidden and is_one_activation(activation):
        hidden = check_hidden_activations(activation, 1)
    names = (*hidden, *hidden[-1:])[: network.n_layers] or ("",)
    return [2.0 if name == "logistic" else 6.0 for name in names]

"""The compiled kernels one by one, arrays in and arrays out: to study, to test and to time.

Arrays of float32 are computed in float32, all others in float64. Inputs are never modified.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fastnn import _loops, labels
from fastnn.activations import ActivationLike
from fastnn.checks import as_numbers, check_flag, check_matrix, check_number, check_sample_weight
from fastnn.elementwise import (
    derivative,
    dtype_of,
    elu,
    exp,
    floats,
    gelu,
    hard_sigmoid,
    hard_swish,
    identity,
    leaky_relu,
    mish,
    relu,
    relu_derivative,
    selu,
    sigmoid,
    sigmoid_derivative,
    silu,
    sin,
    softmax,
    softplus,
    softsign,
    step,
    tanh,
    tanh_derivative,
)
from fastnn.layers import activations_for, check_weights, form_of
from fastnn.objective import Objective, check_objective, check_pair
from fastnn.sensitivity import delta_of_outputs, layer_outputs
from fastnn.spec import Layers, NetworkSpec, check_training

__all__ = [
    "backward",
    "derivative",
    "elu",
    "exp",
    "forward",
    "gelu",
    "hard_sigmoid",
    "hard_swish",
    "identity",
    "leaky_relu",
    "mish",
    "relu",
    "relu_derivative",
    "selu",
    "sigmoid",
    "sigmoid_derivative",
    "silu",
    "sin",
    "softmax",
    "softplus",
    "softsign",
    "step",
    "tanh",
    "tanh_derivative",
    "update",
]


def __dir__():
    return __all__


class Gradients(NamedTuple):
    """What `backward` returns in full: derivatives by weights, biases and inputs, and the objective."""

    W: dict[int, np.ndarray]
    b: dict[int, np.ndarray]
    X: np.ndarray
    loss: float | None


def forward(
    W: Layers,
    b: Layers | None,
    X: ArrayLike,
    *,
    activation: ActivationLike | Sequence[ActivationLike] | None = None,
    output_activation: ActivationLike | None = None,
) -> np.ndarray:
    """Return the outputs of a network, by the looped per-sample forward pass.

    Parameters
    ----------
    W, b : dict or list
        Weights (n_out, n_in) and biases (n_out,) of each layer, keyed from 1; b of None is zeros.
    X : array-like of shape (n_samples, n_in)
    activation : str, (str, float) or list of these, optional
        Of the hidden layers. None: as W and b know it, where they are those of a `TrainResult`, else "logistic".
    output_activation : str or (str, float), optional
        Likewise.

    Returns
    -------
    outputs : ndarray of shape (n_samples, n_out)

    Raises
    ------
    TypeError, ValueError
        If the arguments do not fit each other, or a name is unknown.

    Examples
    --------
    >>> from fastnn import kernels
    >>> kernels.forward([[[7.0, 3.0]]], [[-2.0]], [[1.0, 0.0]], output_activation="identity")
    array([[5.]])
    """
    network, parameters, X = _network(W, b, X, activation, output_activation)
    out = np.empty((len(X), network.n_out), network.dtype)
    _loops.forward(network, parameters, X, out)
    return out


def backward(
    W: Layers,
    b: Layers | None,
    X: ArrayLike,
    y: ArrayLike | None = None,
    *,
    activation: ActivationLike | Sequence[ActivationLike] | None = None,
    output_activation: ActivationLike | None = None,
    loss: str = "squared_error",
    huber_delta: float = 1.0,
    quantile: float = 0.5,
    focal_gamma: float = 2.0,
    l2: float = 0.0,
    sample_weight: ArrayLike | None = None,
    output_gradient: ArrayLike | None = None,
    full_output: bool = False,
) -> "tuple[dict[int, np.ndarray], dict[int, np.ndarray]] | Gradients":
    """Return the gradient of the objective, by the looped per-sample forward and backward passes.

    Parameters
    ----------
    W, b : dict or list
        Weights (n_out, n_in) and biases (n_out,) of each layer, keyed from 1; b of None is zeros.
    X : array-like of shape (n_samples, n_in)
    y : array-like of shape (n_samples, n_out), optional
        Targets. None: `output_gradient` stands in place of these and of a loss.
    activation : str, (str, float) or list of these, optional
        Of the hidden layers. None: as W and b know it, where they are those of a `TrainResult`, else "logistic".
    output_activation : str or (str, float), optional
        Likewise.
    loss : str, default "squared_error"
        Summed over outputs, averaged over samples: one of those of `fastnn.train`, which has the formulas.
    huber_delta, quantile, focal_gamma : float
        Of the losses huber, quantile and focal, likewise.
    l2 : float, default 0
        λ of the penalty ½ λ Σ ||W||², on the weights alone.
    sample_weight : array-like of shape (n_samples,), optional
        Of the mean over samples. None: all weigh the same.
    output_gradient : array-like of shape (n_samples, n_out), optional
        The derivatives of a function of all outputs by each of them, which are taken further backward: as they are, by
        the chain rule, without a mean. They may be those of a loss of one's own, or of what comes after the network.
    full_output : bool, default False
        Whether to return the derivatives by the inputs and the objective, too.

    Returns
    -------
    gradient_W, gradient_b : dict
        Of the shapes of W and b, keyed from 1. With `full_output` a named tuple W, b, X, loss: these two, the
        derivatives by the inputs, an array of the shape of X, and the objective, None where `output_gradient` is given.

    Raises
    ------
    TypeError, ValueError
        If the arguments do not fit each other, or a name is unknown.

    Examples
    --------
    The output is 5, the target 4; the gradient of ½ (5 - 4)² is the input:

    >>> from fastnn import kernels
    >>> gradient_W, gradient_b = kernels.backward(
    ...     [[[7.0, 3.0]]], [[-2.0]], [[1.0, 0.0]], [[4.0]], output_activation="identity"
    ... )
    >>> gradient_W[1], gradient_b[1]
    (array([[1., 0.]]), array([1.]))

    From the derivative of that by the output, 1, and as far as the inputs:

    >>> options = {"output_activation": "identity", "full_output": True}
    >>> kernels.backward([[[7.0, 3.0]]], [[-2.0]], [[1.0, 0.0]], output_gradient=[[1.0]], **options).X
    array([[7., 3.]])
    """
    network, parameters, X = _network(W, b, X, activation, output_activation)
    l2, full_output = check_number("l2", l2, low=0.0), check_flag("full_output", full_output)
    gradient, by_inputs = np.empty_like(parameters), np.empty_like(X)
    if output_gradient is not None:
        _check_alone(y, loss, sample_weight)
        by_output = _check_like_outputs("output_gradient", output_gradient, network, X)
        sums = layer_outputs(_loops, network, parameters, X, 1, network.n_layers, "identity")
        delta = delta_of_outputs(network, sums, by_output)
        _loops.backward(network, None, parameters, X, delta, None, gradient, by_inputs)
        gradient[: network.n_weights] += l2 * parameters[: network.n_weights]
        found = Gradients(*network.views(gradient), by_inputs, None)
        return found if full_output else found[:2]
    if y is None:
        raise TypeError("backward needs y, or output_gradient in its place")
    objective = check_objective(loss, huber_delta, quantile, focal_gamma)
    loss = objective.loss
    check_pair(loss, network.activation_names[-1])
    y = _check_like_outputs("y", y, network, X)
    labels.check_targets("y", y, loss, network.activation_names[-1])
    if sample_weight is not None:
        sample_weight = check_sample_weight(sample_weight, len(X), network.dtype)
    of_rows = X, y, sample_weight
    value, _ = _loops.loss_and_gradient(network, objective, parameters, *of_rows, l2, gradient)
    if not full_output:
        return network.views(gradient)
    shares = np.ones(len(X), network.dtype) if sample_weight is None else sample_weight
    shares = shares / shares.sum()
    _loops.backward(network, objective, parameters, X, y, shares, np.empty_like(gradient), by_inputs)
    return Gradients(*network.views(gradient), by_inputs, value)


def update(
    parameters: ArrayLike,
    gradient: ArrayLike,
    learning_rate: float,
    *,
    velocity: ArrayLike | None = None,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Return parameters and velocity after one step of gradient descent.

    Parameters
    ----------
    parameters, gradient : array-like of one shape
    learning_rate : float
        Greater than 0.
    velocity : array-like of the same shape, optional
        None: zero.
    momentum : float in [0, 1), default 0
    nesterov : bool, default False
        Whether the momentum is Nesterov's.

    Returns
    -------
    parameters, velocity : ndarray
        New arrays of the same shape: v = momentum v - learning_rate g, p + v; with Nesterov's momentum
        p + momentum v - learning_rate g. As scikit-learn.

    Raises
    ------
    TypeError, ValueError
        If shapes differ or a number is out of range.

    Examples
    --------
    >>> from fastnn import kernels
    >>> kernels.update([1.0, 2.0], [10.0, -10.0], 0.1)
    (array([0., 3.]), array([-1.,  1.]))
    """
    learning_rate = check_number("learning_rate", learning_rate, above=0.0)
    new = floats("parameters", parameters).copy()
    descent = {"objective": Objective("squared_error"), "solver": "sgd", "momentum": momentum, "nesterov": nesterov}
    training = check_training(**descent, dtype=new.dtype)
    gradient = _like("gradient", gradient, new)
    new_velocity = np.zeros_like(new) if velocity is None else _like("velocity", velocity, new).copy()
    _loops.update_parameters(training, learning_rate, gradient.ravel(), new.reshape(-1), new_velocity.reshape(-1))
    return new, new_velocity


def _network(W, b, X, activation, output_activation):
    dtype, form = dtype_of(as_numbers("X", X)), form_of(W, b)
    if form is not None and form.blocks:
        raise ValueError(
            "W and b belong to a network of several heads, which these kernels do not have; use result.network(X), or "
            "a head's own rows of the last W and b, as plain dicts"
        )
    weights, biases, sizes = check_weights(W, b, dtype)
    network = NetworkSpec(sizes, activations_for(form, len(sizes) - 1, activation, output_activation), dtype)
    parameters = np.empty(network.n_parameters, dtype)
    network.flatten(weights, biases, out=parameters)
    return network, parameters, check_matrix("X", X, dtype, n_columns=sizes[0], columns_are="the first layer")


def _check_like_outputs(argument, value, network, X):
    """Return an array (n_samples, n_out)."""
    array = check_matrix(argument, value, network.dtype, n_columns=network.n_out, columns_are="the last layer")
    if len(array) != len(X):
        raise ValueError(f"X has {len(X)} rows, but {argument} has {len(array)} rows; they must be equally long")
    return array


def _check_alone(y, loss, sample_weight):
    """Refuse what output_gradient stands in place of."""
    for name, is_given in (
        ("y", y is not None), ("loss", loss != "squared_error"), ("sample_weight", sample_weight is not None)
    ):  # fmt: skip
        if is_given:
            raise ValueError(f"output_gradient is in place of a loss and its targets: leave {name} out, or it")


def _like(argument, value, other):
    array = np.require(as_numbers(argument, value), other.dtype, "CA")
    if array.shape != other.shape:
        raise ValueError(f"{argument} must have the shape of parameters, {other.shape}; got {array.shape}")
    return array

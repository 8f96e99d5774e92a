"""The activations of an array, one by one, by the compiled loops: the part of ``kernels`` that knows no network.

Each is computed in float32 where the array is of that, else in float64; what comes in is never modified.
"""

from inspect import cleandoc

import numpy as np
from numpy.typing import ArrayLike

from fastnn import _loops
from fastnn._tables import ACTIVATION_PARAMETERS
from fastnn.activations import Activation, ActivationLike, check_output_activation
from fastnn.checks import as_numbers, check_number

#: What stands in the docstring of each function of one array, after what it returns.
ELEMENTWISE = """Parameters
----------
z : array-like of any shape

Returns
-------
h : ndarray of the same shape
    float32 where z is, else float64.

Raises
------
TypeError
    If z does not hold real numbers."""


def _elementwise(function):
    """Put it there, without indentation, as CPython 3.13 leaves docstrings; under -OO there is none."""
    if function.__doc__ is None:
        return function
    summary, *examples = cleandoc(function.__doc__).split("\n\n", 1)
    shared = ELEMENTWISE
    if function.__name__ in ACTIVATION_PARAMETERS:
        name, default = ACTIVATION_PARAMETERS[function.__name__]
        of_z = "z : array-like of any shape\n"
        shared = shared.replace(of_z, f"{of_z}{name} : float, default {default:g}\n")
    function.__doc__ = "\n\n".join([summary, shared, *examples])
    return function


@_elementwise
def sigmoid(z: ArrayLike) -> np.ndarray:
    """Return 1 / (1 + e^-z) of each entry.

    Examples
    --------
    >>> from fastnn import kernels
    >>> kernels.sigmoid([-1000.0, 0.0, 5.0]).round(4)
    array([0.    , 0.5   , 0.9933])
    """
    return _activation("logistic", z)


@_elementwise
def relu(z: ArrayLike) -> np.ndarray:
    """Return max(0, z) of each entry; NaN stays NaN."""
    return _activation("relu", z)


@_elementwise
def identity(z: ArrayLike) -> np.ndarray:
    """Return a copy of z."""
    return _activation("identity", z)


@_elementwise
def tanh(z: ArrayLike) -> np.ndarray:
    """Return the hyperbolic tangent of each entry."""
    return _activation("tanh", z)


@_elementwise
def exp(z: ArrayLike) -> np.ndarray:
    """Return e^z of each entry."""
    return _activation("exp", z)


@_elementwise
def step(z: ArrayLike) -> np.ndarray:
    """Return 1 where z >= 0, else 0."""
    return _activation("step", z)


@_elementwise
def leaky_relu(z: ArrayLike, negative_slope: float = 0.01) -> np.ndarray:
    """Return z of each entry, times `negative_slope` where it is negative.

    Examples
    --------
    >>> from fastnn import kernels
    >>> kernels.leaky_relu([-2.0, 3.0], negative_slope=0.25)
    array([-0.5,  3. ])
    """
    return _activation("leaky_relu", z, negative_slope)


@_elementwise
def elu(z: ArrayLike, alpha: float = 1.0) -> np.ndarray:
    """Return z of each entry, `alpha` (e^z - 1) where it is negative.

    Examples
    --------
    >>> from fastnn import kernels
    >>> kernels.elu([-1.0, 3.0], alpha=0.5).round(4)
    array([-0.3161,  3.    ])
    """
    return _activation("elu", z, alpha)


@_elementwise
def selu(z: ArrayLike) -> np.ndarray:
    """Return 1.0507 z of each entry, 1.7581 (e^z - 1) where it is negative (Klambauer et al., 2017)."""
    return _activation("selu", z)


@_elementwise
def gelu(z: ArrayLike) -> np.ndarray:
    """Return z Φ(z) of each entry, Φ the standard normal distribution: exact, not by tanh.

    Examples
    --------
    >>> from fastnn import kernels
    >>> kernels.gelu([-1.0, 0.0, 1.0]).round(4)
    array([-0.1587,  0.    ,  0.8413])
    """
    return _activation("gelu", z)


@_elementwise
def silu(z: ArrayLike) -> np.ndarray:
    """Return z / (1 + e^-z) of each entry, which others call swish."""
    return _activation("silu", z)


@_elementwise
def mish(z: ArrayLike) -> np.ndarray:
    """Return z tanh(log(1 + e^z)) of each entry."""
    return _activation("mish", z)


@_elementwise
def softplus(z: ArrayLike) -> np.ndarray:
    """Return log(1 + e^z) of each entry."""
    return _activation("softplus", z)


@_elementwise
def hard_sigmoid(z: ArrayLike) -> np.ndarray:
    """Return z / 6 + 1/2 of each entry, between 0 and 1."""
    return _activation("hard_sigmoid", z)


@_elementwise
def hard_swish(z: ArrayLike) -> np.ndarray:
    """Return z times `hard_sigmoid` of each entry."""
    return _activation("hard_swish", z)


@_elementwise
def sin(z: ArrayLike) -> np.ndarray:
    """Return the sine of each entry."""
    return _activation("sin", z)


@_elementwise
def softsign(z: ArrayLike) -> np.ndarray:
    """Return z / (1 + abs(z)) of each entry."""
    return _activation("softsign", z)


def derivative(activation: ActivationLike, z: ArrayLike) -> np.ndarray:
    """Return the derivative of any elementwise activation at each entry.

    Parameters
    ----------
    activation : str or (str, float)
        As `fastnn.train` takes it for a hidden layer, or "exp".
    z : array-like of any shape

    Returns
    -------
    slopes : ndarray of the same shape
        float32 where z is, else float64.

    Raises
    ------
    TypeError, ValueError
        If z does not hold real numbers, or the activation is unknown, or one whose outputs hang together, as softmax's.

    Examples
    --------
    >>> from fastnn import kernels
    >>> kernels.derivative(("leaky_relu", 0.25), [-2.0, 3.0])
    array([0.25, 1.  ])
    """
    given = check_output_activation(activation, "activation")
    name, *parameter = (given,) if isinstance(given, str) else given
    if name in ("softmax", "mean_variance", "increasing"):
        raise ValueError(f"{name} has no derivative by entry: its outputs depend on several of a row")
    return _derivative(name, z, *parameter)


@_elementwise
def sigmoid_derivative(z: ArrayLike) -> np.ndarray:
    """Return f(z) (1 - f(z)) of each entry, f the sigmoid."""
    return _derivative("logistic", z)


@_elementwise
def relu_derivative(z: ArrayLike) -> np.ndarray:
    """Return 1 where z > 0, else 0 (at 0 too)."""
    return _derivative("relu", z)


@_elementwise
def tanh_derivative(z: ArrayLike) -> np.ndarray:
    """Return 1 - tanh²(z) of each entry."""
    return _derivative("tanh", z)


def softmax(z: ArrayLike) -> np.ndarray:
    """Return e^z / Σ e^z along the last axis.

    Parameters
    ----------
    z : array-like of shape (..., n)

    Returns
    -------
    h : ndarray of the same shape

    Raises
    ------
    TypeError, ValueError
        If z does not hold real numbers, or is a single one.

    Examples
    --------
    >>> from fastnn import kernels
    >>> kernels.softmax([[1.0, 1.0], [1000.0, 0.0]])
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    z = floats("z", z)
    if z.ndim == 0 or z.shape[-1] == 0:
        raise ValueError(f"softmax needs rows of at least one number, got shape {z.shape}")
    out = np.empty_like(z)
    _loops.activate_rows("softmax", z.reshape(-1, z.shape[-1]), out.reshape(-1, z.shape[-1]))
    return out


def _activation(name, z, *parameter):
    (number,) = _activation_of(name, parameter).parameters or (0.0,)
    z = floats("z", z)
    out = np.empty_like(z)
    _loops.activate_rows(name, z.reshape(1, -1), out.reshape(1, -1), number)
    return out


def _derivative(name, z, *parameter):
    (number,) = _activation_of(name, parameter).parameters or (0.0,)
    z = floats("z", z)
    h = _activation(name, z, *parameter)
    out = np.empty_like(h)
    _loops.slopes(name, z.reshape(-1), h.reshape(-1), out.reshape(-1), number)
    return out


def _activation_of(name, parameter):
    checked = [check_number(ACTIVATION_PARAMETERS[name][0], number) for number in parameter]
    return Activation(name, tuple(checked))


def floats(argument, value):
    """Return a C-contiguous array of float32 or float64, of the shape of `value`."""
    array = as_numbers(argument, value)
    return np.require(array, dtype_of(array), "CA")


def dtype_of(array):
    """Return the dtype that an array is computed in: float32 for float32, else float64."""
    return np.dtype(np.float32 if array.dtype.newbyteorder("=") == np.float32 else np.float64)

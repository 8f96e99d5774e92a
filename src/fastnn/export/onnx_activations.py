"""Each activation in ONNX's standard operators, as ONNX Runtime has them in both dtypes.

In float32 there is an operator for most. In float64 ONNX Runtime has kernels of Relu, Sigmoid, Tanh, Exp, Log, Sin and
Softmax alone; the others are composed of these and of arithmetic, by forms that neither overflow nor cancel.
"""

import numpy as np

from fastnn.reference.elementary import LEAST_VARIANCE, SELU_ALPHA, SELU_SCALE


def add_activation(graph, activation, z, n_units):
    """Append an activation of the units `z` (n_samples, n_units); return the name of its results.

    Parameters
    ----------
    graph : Graph
    activation : fastnn.activations.Activation
    z : str
    n_units : int
    """
    name, parameters = activation.name, activation.parameters
    if name == "identity":
        return z
    if name in OPERATORS:
        return graph.add(OPERATORS[name], z)
    if name == "increasing":
        return _increasing(graph, z, n_units, int(parameters[0]) or n_units)
    if graph.dtype == np.float32 and name in OPERATORS_OF_FLOAT32:
        operator, parameter = OPERATORS_OF_FLOAT32[name]
        return graph.add(operator, z, **dict(zip(parameter, parameters, strict=True)))
    return COMPOSED[name](graph, z, *parameters)


def variances(graph, z):
    """Those of gaussian_nll, of the second half of its units."""
    return graph.add("Add", _softplus(graph, z), LEAST_VARIANCE)


#: Operators of both dtypes.
OPERATORS = {"logistic": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "exp": "Exp", "sin": "Sin", "softmax": "Softmax"}

#: Those of float32, and what they call the parameter.
OPERATORS_OF_FLOAT32 = {
    "leaky_relu": ("LeakyRelu", ("alpha",)),
    "elu": ("Elu", ("alpha",)),
    "selu": ("Selu", ()),
    "softplus": ("Softplus", ()),
    "softsign": ("Softsign", ()),
}


def _step(graph, z):
    is_on = graph.add("GreaterOrEqual", z, 0.0)
    return graph.add("Where", is_on, 1.0, 0.0)


def _leaky_relu(graph, z, negative_slope):
    return graph.add("Where", graph.add("Less", z, 0.0), graph.add("Mul", z, negative_slope), z)


def _elu(graph, z, alpha):
    """e^z - 1 as 2 t / (1 - t) with t = tanh(z / 2), whose digits do not cancel near 0."""
    t = graph.add("Tanh", graph.add("Mul", graph.add("Min", z, 0.0), 0.5))
    power = graph.add("Div", graph.add("Mul", t, 2.0 * alpha), graph.add("Sub", 1.0, t))
    return graph.add("Where", graph.add("Less", z, 0.0), power, z)


def _selu(graph, z):
    return graph.add("Mul", _elu(graph, z, SELU_ALPHA), SELU_SCALE)


def _softplus(graph, z):
    """max(z, 0) + log(1 + u), u = e^-abs(z); the logarithm by Kahan's correction for what 1 + u rounds off."""
    if graph.dtype == np.float32:
        return graph.add("Softplus", z)
    u = graph.add("Exp", graph.add("Neg", graph.add("Abs", z)))
    w = graph.add("Add", u, 1.0)
    rounded = graph.add("Sub", w, 1.0)
    corrected = graph.add("Div", graph.add("Mul", graph.add("Log", w), u), rounded)
    logarithm = graph.add("Where", graph.add("Equal", rounded, 0.0), u, corrected)
    return graph.add("Add", graph.add("Relu", z), logarithm)


def _mish(graph, z):
    """tanh(log(1 + n)) is n (n + 2) / (n (n + 2) + 2), n = e^z; beyond z = 20 that rounds to 1."""
    n = graph.add("Exp", graph.add("Min", z, 20.0))
    square = graph.add("Mul", n, graph.add("Add", n, 2.0))
    return graph.add("Mul", z, graph.add("Div", square, graph.add("Add", square, 2.0)))


def _gelu(graph, z):
    """Return z Φ(z), in float32 by Erf, in the form that runtimes know and fuse."""
    if graph.dtype == np.float32:
        half = graph.add("Mul", z, 0.5)
        return graph.add("Mul", half, graph.add("Add", graph.add("Erf", graph.add("Div", z, 2.0**0.5)), 1.0))
    return graph.add("Mul", z, graph.add("Mul", _erfc(graph, graph.add("Mul", z, -(0.5**0.5))), 0.5))


def _erfc(graph, x):
    """The complementary error function by the trapezoidal rule, with what its pole adds (Hunter and Regan, 1972).

    erfc(x) = (2 h x / π) e^(-x²) Σ e^(-t²) / (x² + t²) + 2 / (1 + e^(2 π x / h)), t = h / 2, 3 h / 2 …; the error is of
    the order of e^(-π² / h²), less than 1e-17 for h = 1/2, where 13 terms are all that count. The sum is a product of a
    row of terms, in one more axis, with their weights. Beyond x = π / h, where erfc(x) is less than 1e-17, the pole
    adds nothing; what it is here is smaller still.
    """
    h = 0.5
    nodes = (h * (np.arange(13) + 0.5)) ** 2
    square = graph.add("Mul", x, x)
    terms = graph.add("Reciprocal", graph.add("Add", graph.add("Unsqueeze", square, np.array([-1])), nodes))
    total = graph.add("MatMul", terms, (2 * h / np.pi * np.exp(-nodes)).reshape(-1, 1))
    total = graph.add("Squeeze", total, np.array([-1]))
    smooth = graph.add("Mul", graph.add("Mul", x, graph.add("Exp", graph.add("Neg", square))), total)
    of_pole = graph.add("Div", 2.0, graph.add("Add", graph.add("Exp", graph.add("Mul", x, 2 * np.pi / h)), 1.0))
    return graph.add("Add", smooth, of_pole)


def _silu(graph, z):
    return graph.add("Mul", z, graph.add("Sigmoid", z))


def _hard_sigmoid(graph, z):
    return graph.add("Clip", graph.add("Div", graph.add("Add", z, 3.0), 6.0), 0.0, 1.0)


def _hard_swish(graph, z):
    return graph.add("Mul", z, _hard_sigmoid(graph, z))


def _softsign(graph, z):
    return graph.add("Div", z, graph.add("Add", graph.add("Abs", z), 1.0))


COMPOSED = {
    "step": _step,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "selu": _selu,
    "gelu": _gelu,
    "silu": _silu,
    "mish": _mish,
    "softplus": _softplus,
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": _hard_swish,
    "softsign": _softsign,
}


def _increasing(graph, z, n_units, group):
    """The first of each group, and log(1 + e^z) of the others, summed up by a product with zeros and ones."""
    places = np.arange(n_units)
    steps = graph.add("Where", places % group == 0, z, _softplus(graph, z))
    same_group = places[:, None] // group == places // group
    return graph.add("MatMul", steps, np.asarray(same_group & (places[:, None] <= places), graph.dtype))

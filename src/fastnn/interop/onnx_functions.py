"""ONNX's elementwise operators in NumPy, in double precision, to see what a composition of them is."""

import math

import numpy as np

_erf = np.vectorize(math.erf, otypes=[float])


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


def _elu(z, *, alpha=1.0):
    return np.where(z < 0, alpha * np.expm1(np.minimum(z, 0)), z)


def _softplus(z):
    return np.logaddexp(0, z)


def _hard_sigmoid(z, *, alpha=0.2, beta=0.5):
    return np.clip(alpha * z + beta, 0, 1)


def _clip(z, low=-np.inf, high=np.inf, *, min=-np.inf, max=np.inf):  # noqa: A002  attributes before version 11
    return np.minimum(np.maximum(z, np.maximum(low, min)), np.minimum(high, max))


def _gelu(z, *, approximate="none"):
    inner = np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)
    return 0.5 * z * (1 + (np.tanh(inner) if approximate == "tanh" else _erf(z * np.sqrt(0.5))))


def _sum(*args):
    return sum(args[1:], start=args[0])


#: Operator -> function of its inputs, with its attributes as keywords.
FUNCTIONS = {
    "Abs": np.abs,
    "Add": np.add,
    "And": np.logical_and,
    "Cast": lambda z: z,
    "Celu": lambda z, *, alpha=1.0: np.maximum(z, 0) + np.minimum(0, alpha * np.expm1(z / alpha)),
    "Clip": _clip,
    "Div": np.divide,
    "Elu": _elu,
    "Equal": np.equal,
    "Erf": _erf,
    "Exp": np.exp,
    "Gelu": _gelu,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda z: z * _hard_sigmoid(z, alpha=1 / 6),
    "LeakyRelu": lambda z, *, alpha=0.01: np.where(z < 0, alpha * z, z),
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Log": np.log,
    "MatMul": np.matmul,
    "Max": lambda *args: np.maximum.reduce(np.broadcast_arrays(*args)),
    "Min": lambda *args: np.minimum.reduce(np.broadcast_arrays(*args)),
    "Mish": lambda z: z * np.tanh(_softplus(z)),
    "Mul": np.multiply,
    "Neg": np.negative,
    "Not": np.logical_not,
    "Or": np.logical_or,
    "Pow": np.power,
    "PRelu": lambda z, slope: np.where(z < 0, slope * z, z),
    "Reciprocal": np.reciprocal,
    "Relu": lambda z: np.maximum(z, 0),
    "Selu": lambda z, *, alpha=1.6732632423543772, gamma=1.0507009873554805: gamma * _elu(z, alpha=alpha),
    "Sigmoid": _sigmoid,
    "Sign": np.sign,
    "Sin": np.sin,
    "Softplus": _softplus,
    "Softsign": lambda z: z / (1 + np.abs(z)),
    "Sqrt": np.sqrt,
    "Squeeze": lambda z: z[..., 0],
    "Sub": np.subtract,
    "Sum": _sum,
    "Swish": lambda z, *, alpha=1.0: z * _sigmoid(alpha * z),
    "Tanh": np.tanh,
    "ThresholdedRelu": lambda z, *, alpha=1.0: np.where(z > alpha, z, 0),
    "Unsqueeze": lambda z: z[..., None],
    "Where": np.where,
}


def check_n_inputs(op, n_inputs):
    """Refuse what NumPy would take for an array to write to."""
    function = FUNCTIONS[op]
    if isinstance(function, np.ufunc) and n_inputs != function.nin:
        raise ValueError(f"it has {n_inputs} inputs, not {function.nin}")

"""The activations whose slope is kept, and their slopes, from the maths and in the dtype of what they are given.

Of float32 computed in float64, of float64 in NumPy's long double, they are what the engine's are measured by.
"""

import numpy as np
from scipy import special


def tail(a):
    """P(X < -a) of a standard normal X, a >= 0; in long double by the series of ½ - P and a continued fraction."""
    if a.dtype == np.float64:
        return special.ndtr(-a)
    near = a < 2
    small, term, total = np.where(near, a, 0), np.where(near, a, 0), np.where(near, a, 0)
    for k in range(3, 75, 2):
        term = term * small * small / k
        total = total + term
    far, below = np.where(near, 3, a), np.where(near, 3, a)
    for k in range(160, 0, -1):
        below = far + k / below
    root = np.sqrt(2 * PI)
    series = (1 - 2 * total * density(small) / root) / 2
    return np.where(near, series, density(far) / (root * below))


PI = np.longdouble("3.14159265358979323846264338327950288")


def density(a):
    """e^(-a² / 2), with the square in two parts, of which the first is exact."""
    high = a.astype(np.float32).astype(a.dtype)
    high = np.where(np.isfinite(high), high, a)
    return np.exp(-high * high / 2) * np.exp(-(a - high) * (a + high) / 2)


def logistic(z):
    power = np.exp(-np.abs(z))
    return np.where(z < 0, power, 1) / (1 + power)


def gelu(z):
    a = np.minimum(np.abs(z), 60)  # beyond which there is nothing
    phi = np.where(z < 0, tail(a), 1 - tail(a))
    root = np.sqrt(2 * (PI if z.dtype == np.longdouble else np.pi))
    return np.maximum(z, -60) * phi, phi + np.copysign(a, z) * density(a) / root


def silu(z):
    bounded = np.clip(z, -20000, 20000)
    return np.maximum(z, -20000) * logistic(z), logistic(z) * (1 + bounded * logistic(-z))


def mish(z):
    bounded = np.clip(z, -20000, 20000)
    logarithm = np.logaddexp(0, z)
    share = np.tanh(logarithm)
    cosh = np.cosh(np.minimum(logarithm, 5000 if z.dtype == np.longdouble else 300))
    return np.maximum(z, -20000) * share, share + bounded * logistic(z) / cosh**2


def exponential(z, scale, lower):
    below = np.minimum(z, 0)
    return np.where(z < 0, lower * np.expm1(below), scale * z), np.where(z > 0, scale, lower * np.exp(below))


def hard_sigmoid(z):
    return np.clip((z + 3) / 6, 0, 1), np.where(np.abs(z) < 3, 1 / z.dtype.type(6), 0)


def hard_swish(z):
    inside = np.where(z > 0, 1, 0)
    return np.maximum(z, -3) * hard_sigmoid(z)[0], np.where(np.abs(z) < 3, z / 3 + z.dtype.type(0.5), inside)


def softsign(z):
    a = np.minimum(np.abs(z), 1e100)
    return np.copysign(a / (1 + a), z), 1 / (1 + a) ** 2


SELU_SCALE, SELU_ALPHA = (
    np.longdouble("1.0507009873554804934193349852946"),
    np.longdouble("1.6732632423543772848170429916717"),
)

#: Name -> function of z and the parameter, if there is one, that returns outputs and slopes.
ACTIVATIONS = {
    "leaky_relu": lambda z, a: (np.where(z < 0, a * z, z), np.where(z > 0, z.dtype.type(1), a)),
    "elu": lambda z, alpha: exponential(z, 1, alpha),
    "selu": lambda z: exponential(z, SELU_SCALE.astype(z.dtype), (SELU_SCALE * SELU_ALPHA).astype(z.dtype)),
    "gelu": gelu,
    "silu": silu,
    "mish": mish,
    "softplus": lambda z: (np.logaddexp(0, z), logistic(z)),
    "hard_sigmoid": hard_sigmoid,
    "hard_swish": hard_swish,
    "sin": lambda z: (np.sin(z), np.cos(z)),
    "softsign": softsign,
}

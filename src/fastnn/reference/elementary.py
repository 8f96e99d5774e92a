"""Elementary functions of one number by plain Python, and the slope of each activation: part of backend "python".

``_elementary.pxd`` is this file with types. Called by ``loops`` and ``loop_losses``.
"""

import math


def exp(z):
    """e^z, infinite where Python's own raises an OverflowError."""
    try:
        return math.exp(z)
    except OverflowError:
        return math.inf


def logistic(z):
    """1 / (1 + e^-z)."""
    return 1.0 / (1.0 + exp(-z))


def relu(z):
    """The positive part of z; NaN stays NaN."""
    return 0.0 if z <= 0 else z


def step(z):
    """1 for z >= 0, else 0."""
    return 1.0 if z >= 0 else 0.0


def exponential_unit(z, alpha):
    """Return z above 0, alpha (e^z - 1) below."""
    return alpha * math.expm1(z) if z < 0 else z


def normal(z):
    """P(X < z) of a standard normal X, by the complementary error function."""
    return 0.5 * math.erfc(-z * math.sqrt(0.5))


def normal_density(z):
    """Of a standard normal X at z."""
    return math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def softplus(z):
    """log(1 + e^z), from the power that cannot overflow."""
    return relu(z) + math.log1p(math.exp(-abs(z)))


def mish_slope(z):
    """Return t + z (1 - t²) logistic(z) with t = tanh(log(1 + e^z))."""
    t = math.tanh(softplus(z))
    return t + z * (1.0 - t * t) * logistic(z)


def hard_sigmoid(z):
    """Return z / 6 + ½ between 0 and 1; NaN stays NaN."""
    return 0.0 if z < -3.0 else 1.0 if z > 3.0 else (z + 3.0) / 6.0


def sine(function, z):
    """The sine or cosine of z, NaN where Python's own raises a ValueError."""
    return function(z) if math.isfinite(z) else math.nan


#: Those of selu, of Klambauer, Unterthiner, Mayr and Hochreiter (2017).
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

ELEMENTWISE = {
    "identity": float,
    "logistic": logistic,
    "tanh": math.tanh,
    "relu": relu,
    "step": step,
    "exp": exp,
    "leaky_relu": lambda z, negative_slope: negative_slope * z if z < 0 else z,
    "elu": exponential_unit,
    "selu": lambda z: SELU_SCALE * exponential_unit(z, SELU_ALPHA),
    "gelu": lambda z: z * normal(z),
    "silu": lambda z: z * logistic(z),
    "mish": lambda z: z * math.tanh(softplus(z)),
    "softplus": softplus,
    "hard_sigmoid": hard_sigmoid,
    "hard_swish": lambda z: z * hard_sigmoid(z),
    "sin": lambda z: sine(math.sin, z),
    "softsign": lambda z: z / (1.0 + abs(z)),
}

#: What gaussian_nll's variances are at least.
LEAST_VARIANCE = 1e-6

#: The derivative of each activation by its input z, from that or its output h.
SLOPE = {
    "identity": lambda z, h: 1.0,
    "logistic": lambda z, h: h * (1.0 - h),
    "tanh": lambda z, h: 1.0 - h * h,
    "relu": lambda z, h: 1.0 if h > 0 else 0.0,
    "step": lambda z, h: 0.0,
    "exp": lambda z, h: h,
    "leaky_relu": lambda z, h, negative_slope: 1.0 if z > 0 else negative_slope,
    "elu": lambda z, h, alpha: 1.0 if z > 0 else alpha * exp(z),
    "selu": lambda z, h: SELU_SCALE * (1.0 if z > 0 else SELU_ALPHA * exp(z)),
    "gelu": lambda z, h: normal(z) + z * normal_density(z),
    "silu": lambda z, h: logistic(z) * (1.0 + z * logistic(-z)),
    "mish": lambda z, h: mish_slope(z),
    "softplus": lambda z, h: logistic(z),
    "hard_sigmoid": lambda z, h: 1.0 / 6.0 if -3.0 < z < 3.0 else 0.0,
    "hard_swish": lambda z, h: z / 3.0 + 0.5 if -3.0 < z < 3.0 else 1.0 if z > 0 else 0.0,
    "sin": lambda z, h: sine(math.cos, z),
    "softsign": lambda z, h: 1.0 / (1.0 + abs(z)) ** 2,
}

"""The losses of batched NumPy and their derivatives, from the maths: part of backend "numpy".

Y, Z and H are (n_samples, n_out): targets, weighted sums, outputs. A loss is one number a row, its derivative one an
output. A last argument is the parameter of a loss that has one. Called by ``batched``, which multiplies by slopes and
weights.
"""

import numpy as np

from fastnn.objective import CALLABLE, PARAMETERS


def squared_error(Y, Z, H):
    """½ ||y - h||² of each row."""
    return 0.5 * ((Y - H) ** 2).sum(axis=1)


def softmax_log_loss(Y, Z, H):
    """-sum of y log h of each row, with log h = z - log sum e^z."""
    top = Z.max(axis=1, keepdims=True)
    log_sum_exp = top + np.log(np.exp(Z - top).sum(axis=1, keepdims=True))
    return (Y * (log_sum_exp - Z)).sum(axis=1)


def logistic_log_loss(Y, Z, H):
    """-sum of y log h + (1 - y) log(1 - h) of each row, which is log(1 + e^z) - y z.

    The larger part, which y z may cancel, stands apart, so that a small loss keeps its digits.
    """
    return (np.maximum(Z, 0) - Y * Z + np.log1p(np.exp(-np.abs(Z)))).sum(axis=1)


def poisson(Y, Z, H):
    """Half the Poisson deviance of each row: y log(y / h) - y + h, with log h = z."""
    y_log_y = Y * np.log(np.where(Y > 0, Y, 1))
    return (y_log_y - Y * Z - Y + H).sum(axis=1)


def perceptron(Y, Z, H):
    """Sum of (h - y) z of each row, whose derivative by z at fixed h is the perceptron rule."""
    return ((H - Y) * Z).sum(axis=1)


def absolute_error(Y, Z, H):
    """Sum of |y - h| of each row."""
    return np.abs(Y - H).sum(axis=1)


def huber(Y, Z, H, delta):
    """½ (y - h)² up to an error of delta, beyond it the line that goes on from there; the sum of each row."""
    error = np.abs(Y - H)
    return np.where(error <= delta, 0.5 * error**2, delta * (error - 0.5 * delta)).sum(axis=1)


def quantile(Y, Z, H, q):
    """The pinball loss of each row: q (y - h) where y is larger, (1 - q) (h - y) where h is."""
    return np.maximum(q * (Y - H), (1 - q) * (H - Y)).sum(axis=1)


def pinball_slope(Y, Z, H, q):
    """Its derivative by h."""
    return ((H > Y) * (1 - q) - (H < Y) * q).astype(H.dtype)


def gamma(Y, Z, H):
    """Half the gamma deviance of each row: y / h - log(y / h) - 1, with log h = z."""
    return (Y * np.exp(-Z) - np.log(Y) + Z - 1).sum(axis=1)


def hinge(Y, Z, H):
    """Sum of max(0, 1 - y z) of each row."""
    return np.maximum(1 - Y * Z, 0).sum(axis=1)


def squared_hinge(Y, Z, H):
    """Sum of max(0, 1 - y z)² of each row."""
    return (np.maximum(1 - Y * Z, 0) ** 2).sum(axis=1)


def softplus(Z):
    """log(1 + e^z)."""
    return np.maximum(Z, 0) + np.log1p(np.exp(-np.abs(Z)))


def logistic_focal(Y, Z, H, exponent):
    """-sum of y (1 - h)^exponent log h + (1 - y) h^exponent log(1 - h) of each row, with log h = -softplus(-z)."""
    of_one = np.exp(-exponent * softplus(Z)) * softplus(-Z)
    of_zero = np.exp(-exponent * softplus(-Z)) * softplus(Z)
    return (Y * of_one + (1 - Y) * of_zero).sum(axis=1)


def logistic_focal_slope(Y, Z, H, exponent):
    """Its derivative by z: that of log h is 1 - h, that of log(1 - h) is -h."""
    rest = np.exp(-softplus(Z))  # 1 - h, with its digits
    of_one = np.exp(-exponent * softplus(Z)) * (exponent * H * softplus(-Z) + rest)
    of_zero = np.exp(-exponent * softplus(-Z)) * (exponent * rest * softplus(Z) + H)
    return (1 - Y) * of_zero - Y * of_one


def log_softmax(Z):
    """The logarithm of softmax, z - log sum e^z, of each row."""
    from_top = Z - Z.max(axis=1, keepdims=True)
    return from_top - np.log(np.exp(from_top).sum(axis=1, keepdims=True))


def softmax_focal(Y, Z, H, exponent):
    """-sum of y (1 - h)^exponent log h of each row."""
    log_h = log_softmax(Z)
    return -(Y * (-np.expm1(log_h)) ** exponent * log_h).sum(axis=1)


def softmax_focal_slope(Y, Z, H, exponent):
    """Its derivative by z, by way of that of each term by its own log h, which is `terms`."""
    log_h = log_softmax(Z)
    rest = -np.expm1(log_h)
    ratio = np.divide(log_h, rest, out=-np.ones_like(rest), where=rest > 0)  # -1 in the limit
    terms = Y * rest**exponent * (exponent * H * ratio - 1)
    return terms - H * terms.sum(axis=1, keepdims=True)


#: What a variance is at least, so that no error over it overflows.
LEAST_VARIANCE = 1e-6


def halves(Y, Z, H):
    """Errors of the means, sums that variances come from, and variances."""
    half = Y.shape[1] // 2
    return H[:, :half] - Y[:, :half], Z[:, half:], H[:, half:]


def gaussian_nll(Y, Z, H):
    """-log of a normal density at y, but for its constant: ½ (log variance + (y - h)² / variance)."""
    errors, _, variance = halves(Y, Z, H)
    return 0.5 * (np.log(variance) + errors**2 / variance).sum(axis=1)


def gaussian_nll_slope(Y, Z, H):
    """Its derivative by z; that of a variance log(1 + e^z) + 1e-6 is the logistic of z."""
    errors, sums, variance = halves(Y, Z, H)
    by_variance = 0.5 * (1 - errors**2 / variance) / variance
    return np.hstack([errors / variance, by_variance * np.exp(-softplus(-sums))])


def quantiles(Y, Z, H, *levels):
    """The pinball losses of each row, whose columns have the levels in turn."""
    return quantile(Y, Z, H, np.tile(np.array(levels, H.dtype), H.shape[1] // len(levels)))


def quantiles_slope(Y, Z, H, *levels):
    """Its derivative by z: each z of a group moves its own output and those after it, by its logistic but the first."""
    by_output = pinball_slope(Y, Z, H, np.tile(np.array(levels, H.dtype), H.shape[1] // len(levels)))
    groups = by_output.reshape(len(H), -1, len(levels))[:, :, ::-1].cumsum(axis=2)[:, :, ::-1].copy()
    groups[:, :, 1:] *= np.exp(-softplus(-Z)).reshape(groups.shape)[:, :, 1:]
    return groups.reshape(H.shape)


#: (loss, output activation, or None for any) -> the loss of each row.
LOSS = {
    ("squared_error", None): squared_error,
    ("log_loss", "softmax"): softmax_log_loss,
    ("log_loss", "logistic"): logistic_log_loss,
    ("poisson", "exp"): poisson,
    ("perceptron", "step"): perceptron,
    ("absolute_error", None): absolute_error,
    ("huber", None): huber,
    ("quantile", None): quantile,
    ("quantile", "increasing"): quantiles,
    ("gamma", "exp"): gamma,
    ("hinge", "identity"): hinge,
    ("squared_hinge", "identity"): squared_hinge,
    ("focal", "logistic"): logistic_focal,
    ("focal", "softmax"): softmax_focal,
    ("gaussian_nll", "mean_variance"): gaussian_nll,
}


def error(Y, Z, H):
    """The derivative by z of the losses that are an output activation's own."""
    return H - Y


#: Likewise -> the derivative of each row's loss: by the outputs H for the losses of BY_OUTPUT, else by Z.
DERIVATIVE = {
    ("squared_error", None): error,
    ("log_loss", "softmax"): error,
    ("log_loss", "logistic"): error,
    ("poisson", "exp"): error,
    ("perceptron", "step"): error,
    ("absolute_error", None): lambda Y, Z, H: np.sign(H - Y),
    ("huber", None): lambda Y, Z, H, delta: (H - Y).clip(-delta, delta),
    ("quantile", None): pinball_slope,
    ("quantile", "increasing"): quantiles_slope,
    ("gamma", "exp"): lambda Y, Z, H: 1 - Y * np.exp(-Z),
    ("hinge", "identity"): lambda Y, Z, H: -Y * (Y * Z < 1),
    ("squared_hinge", "identity"): lambda Y, Z, H: -2 * Y * np.maximum(1 - Y * Z, 0),
    ("focal", "logistic"): logistic_focal_slope,
    ("focal", "softmax"): softmax_focal_slope,
    ("gaussian_nll", "mean_variance"): gaussian_nll_slope,
}

#: Losses whose delta is that derivative times the slope of an elementwise output activation.
BY_OUTPUT = ("squared_error", "absolute_error", "huber", "quantile", CALLABLE)


def _clipped(H):
    """Probabilities as scikit-learn takes the logarithm of them."""
    eps = np.finfo(H.dtype).eps
    return H.clip(eps, 1 - eps)


#: (loss, output activation) -> the loss of each row as scikit-learn reports it, where that is another.
SKLEARN_LOSS = {
    ("log_loss", "softmax"): lambda Y, Z, H: -(Y * np.log(_clipped(H))).sum(axis=1),
    ("log_loss", "logistic"): lambda Y, Z, H: (
        -(Y * np.log(_clipped(H)) + (1 - Y) * np.log(1 - _clipped(H))).sum(axis=1)
    ),
    ("squared_error", None): lambda Y, Z, H: 0.5 * ((Y - H) ** 2).mean(axis=1),
}


def losses_of(objective, output_activation, Y, Z, H):
    """The loss of each row, as it is reported."""
    by_sklearn = objective.as_sklearn and not objective.has_soft_targets
    found = _of(SKLEARN_LOSS, objective, output_activation) if by_sklearn else None
    found = found or _of(LOSS, objective, output_activation)
    return found(Y, Z, H, *_parameters(objective))


def derivative_of(objective, output_activation, Y, Z, H):
    """The derivative of each row's loss, by what DERIVATIVE says."""
    return _of(DERIVATIVE, objective, output_activation)(Y, Z, H, *_parameters(objective))


def _of(table, objective, output_activation):
    by_pair = table.get((objective.loss, output_activation.name))
    return table.get((objective.loss, None)) if by_pair is None else by_pair


def _parameters(objective):
    return objective.quantiles or ((objective.parameter,) if objective.loss in PARAMETERS else ())


def errors_of(objective, Y, H):
    """What the error norm is of: y - h, of gaussian_nll for the means alone."""
    n = Y.shape[1] // 2 if objective.loss == "gaussian_nll" else Y.shape[1]
    return Y[:, :n] - H[:, :n]


def ask(function, Y, H):
    """What a user's function says of outputs and targets, which it cannot change: losses and derivatives by outputs.

    Raises
    ------
    TypeError, ValueError
        If these are not a pair of arrays of numbers (n_samples,) and of the outputs' shape.
    """
    outputs, targets = H.view(), Y.view()
    outputs.flags.writeable = targets.flags.writeable = False
    found = function(outputs, targets)
    if not isinstance(found, tuple | list) or len(found) != 2:
        what = f"a {type(found).__name__}" + (f" of {len(found)}" if isinstance(found, tuple | list) else "")
        raise TypeError(f"the loss must return a pair (losses, derivatives by the outputs), got {what}")
    expected = {"losses, one a row,": (len(H),), "derivatives by the outputs": H.shape}
    arrays = []
    for (what, shape), given in zip(expected.items(), found, strict=True):
        array = np.asarray(given)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"the loss returned {what} of dtype {array.dtype}; they must be real numbers")
        if array.shape != shape:
            raise ValueError(f"the loss returned {what} of shape {array.shape}; for {len(H)} rows it must be {shape}")
        arrays.append(array.astype(H.dtype))
    return arrays

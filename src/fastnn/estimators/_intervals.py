"""Intervals that hold a share of the targets: by residuals of rows out of bag, by learned variances, or quantiles.

Called by the regressor and, after a fit by draws, by `_members`.
"""

import numpy as np
from scipy.special import ndtr, ndtri

from fastnn.checks import check_number
from fastnn.ensemble import mixture, pairs_of

#: Halvings of the range in which a quantile of a mixture lies: to the last digits of a double.
HALVINGS = 60


def interval(estimator, outputs, labels, coverage):
    """Return the lower and the upper bounds of rows, from the outputs of all members (n_members, n_samples, n_out)."""
    coverage = check_number("coverage, the share of targets in the interval,", coverage, above=0.0, below=1.0)
    shares, residuals = (0.5 - coverage / 2, 0.5 + coverage / 2), vars(estimator).get("_out_of_bag")
    pairs = pairs_of(labels, outputs.shape[-1])
    if labels.kind == "quantiles":
        return _learned_quantiles(estimator, labels, mixture(outputs, pairs), shares)
    if labels.kind == "heads" or (residuals is None and not pairs):
        raise ValueError(_what_to_do(estimator, labels))
    n_targets = outputs.shape[-1] // (2 if pairs else 1)
    if residuals is not None:
        mean = mixture(outputs, pairs)
        width = _quantile_of(residuals, coverage)
        if pairs:
            width = width * np.sqrt(mean[:, n_targets:])
        bounds = mean[:, :n_targets] - width, mean[:, :n_targets] + width
    else:
        means, variances = outputs[..., :n_targets], outputs[..., n_targets:]
        bounds = [quantile_of_mixture(means, np.sqrt(variances), share) for share in shares]
    return tuple(bound.ravel() if n_targets == 1 else bound for bound in bounds)


def _what_to_do(estimator, labels):
    if labels.kind == "heads":
        return "predict_interval needs one loss for all targets, without heads; ensemble_(X) has the heads' outputs"
    return (
        f"predict_interval needs to know how far y lies from what is predicted, which this {type(estimator).__name__} "
        f"(loss={estimator.loss!r}, bootstrap={estimator.bootstrap!r}) has not learned: members that differ tell of "
        "themselves alone. Fit with n_members=10 and bootstrap=True, for intervals by the residuals of rows that "
        "members have not seen, with loss='gaussian_nll', or with loss='quantile' and quantile=[0.05, 0.5, 0.95]"
    )


def _learned_quantiles(estimator, labels, outputs, shares):
    quantiles, places = estimator._objective().quantiles, []
    for share in shares:
        place = int(np.argmin(np.abs(np.subtract(quantiles, share))))
        if abs(quantiles[place] - share) > 1e-9:
            raise ValueError(
                f"an interval of that coverage is between the quantiles {shares[0]:g} and {shares[1]:g}, and those "
                f"that were learned are {list(quantiles)}; ask for the coverage between two of these, or fit with them"
            )
        places.append(place)
    values = labels.decode(outputs)
    return tuple(values[..., place] for place in places)


def _quantile_of(residuals, coverage):
    """The residual that a new one is below, with this probability at least, if it is like those (n_rows, n_targets)."""
    n = len(residuals)
    place = int(np.ceil((n + 1) * coverage - 1e-9)) - 1
    if place >= n:
        raise ValueError(
            f"a coverage of {coverage:g} needs {int(np.ceil(coverage / (1 - coverage)))} rows out of bag or more, and "
            f"there are {n}; ask for less, or fit with more rows or members"
        )
    return residuals[place]


def quantile_of_mixture(means, deviations, share):
    """Return the quantile of mixtures of normal distributions, (n_members, ...) each, by halving."""
    each = means + ndtri(share) * deviations
    low, high = each.min(axis=0), each.max(axis=0)  # where the mixture's lies
    for _ in range(HALVINGS if len(means) > 1 else 0):
        middle = (low + high) / 2
        is_below = ndtr((middle - means) / deviations).mean(axis=0) < share
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return (low + high) / 2


def out_of_bag(members, X, y, weight, draws):
    """Return how far y is from what the members say that have not seen a row, or None where targets go together.

    The absolute residuals, (n_rows, n_targets), each column sorted; of learned variances over the deviation. Rows that
    all members have seen, and rows of weight 0, are left out.
    """
    labels, n_out = members[0]._reading_labels(), members[0].n_outputs_
    if labels.kind in ("heads", "quantiles"):
        return None
    n_rows, y = X.shape[0], np.asarray(y, np.float64).reshape(X.shape[0], -1)
    counts, sums, squares = np.zeros((n_rows, 1)), np.zeros((n_rows, n_out)), np.zeros_like(y)
    pairs = pairs_of(labels, n_out)
    for member, rows in zip(members, draws, strict=True):
        is_out = np.ones(n_rows, bool)
        is_out[rows] = False
        if not is_out.any():
            continue
        outputs = member._outputs_of_checked(X[is_out])
        counts[is_out] += 1
        sums[is_out] += outputs
        for means, _ in pairs:
            squares[is_out] += outputs[:, means].astype(np.float64) ** 2
    is_known = counts[:, 0] > 0
    if weight is not None:
        is_known &= weight > 0
    mean = sums[is_known] / counts[is_known]
    residuals = np.abs(y[is_known] - mean[:, : y.shape[1]])
    for means, variances in pairs:
        variance = mean[:, variances] + np.maximum(squares[is_known] / counts[is_known] - mean[:, means] ** 2, 0)
        residuals /= np.sqrt(variance)
    return np.sort(residuals, axis=0)

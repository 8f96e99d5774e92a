"""How far y lies from what is predicted, learned from rows held back: which residual a share of new rows stays below.

Split-conformal (Vovk, Gammerman and Shafer, 2005): the share holds whatever the model and the noise, where new rows are
like those held back. So that intervals are narrow where y is near, residuals are in units of a spread that a ridge
regression finds in the last hidden layer of the first member. `uncertainty` makes intervals of it; docs/decisions/0037
has the figures.
"""

from dataclasses import dataclass

import numpy as np

#: The spread of a row is by what the others tell, fifth by fifth.
FOLDS = 5

#: The ridge, in rows: of fewer the spread is nearly the same everywhere.
RIDGE = 1000.0

#: What is added to residuals before the logarithm, as a share of their mean.
FLOOR = 0.1

#: How far the logarithm of a spread may be from the mean.
REACH = 2.0


@dataclass
class Residuals:
    """Of t targets, from n rows and u units of the members' last hidden layers.

    Attributes
    ----------
    sizes : (n, t) float64
        Absolute residuals over the spread of their row, sorted.
    shares : (n, t) float64
        The share of new rows, at least, that each of them is not below.
    slopes, means : (u, t) and (t,) float64
        The logarithm of the spread is the hidden outputs by the slopes, less the means.
    """

    sizes: np.ndarray
    shares: np.ndarray
    slopes: np.ndarray
    means: np.ndarray

    def half_widths(self, hidden, coverage):
        """Return how far from what is predicted y stays with this probability, (n_rows, t).

        Raises
        ------
        ValueError
            If there are too few residuals for it.
        """
        places = (self.shares < coverage * (1.0 - 1e-12)).sum(axis=0)
        if (n := len(self.sizes)) <= places.max(initial=0):
            needed = int(np.ceil(coverage / (1.0 - coverage) * (1.0 - 1e-12)))
            raise ValueError(
                f"a coverage of {coverage:g} takes {needed} rows held back or more, and there are {n}; ask for less, "
                "or fit with more rows, a larger validation_fraction or an eval_set"
            )
        return self.sizes[places, np.arange(len(places))] * _spread(hidden, self.slopes, self.means)


def learn(residuals, hidden, sample_weight=None):
    """Return what rows held back tell.

    Parameters
    ----------
    residuals : (n_rows, n_targets) array
        Absolute.
    hidden : (n_rows, n_units) array
        The outputs of the last hidden layer, of all members.
    sample_weight : (n_rows,) array, optional
        Rows of weight 0 are left out; a new row weighs as much as the mean of the others.
    """
    weight = np.ones(len(residuals)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    known = weight > 0
    residuals, hidden, weight = residuals[known], hidden[known].astype(np.float64), weight[known]
    if len(residuals) >= 2 * FOLDS:
        slopes, means, spread = _regression(residuals, hidden, weight / weight.mean())
        sizes = residuals / spread
    else:
        slopes, means, sizes = np.zeros((hidden.shape[1], residuals.shape[1])), np.zeros(residuals.shape[1]), residuals
    order = np.argsort(sizes, axis=0, kind="stable")
    total = weight.sum() * (1.0 + 1.0 / max(len(weight), 1))
    return Residuals(np.take_along_axis(sizes, order, axis=0), np.cumsum(weight[order], axis=0) / total, slopes, means)


def _regression(residuals, hidden, weight):
    """The slopes and means of a ridge regression of the logarithm of residuals; the spread of rows by the other folds.

    The products of all rows are the sum of those of the folds, which are computed once.
    """
    n_rows = len(residuals)
    floor = FLOOR * weight @ residuals / n_rows
    logs = np.log(residuals + np.where(floor > 0, floor, 1.0))
    middle = weight @ hidden / n_rows
    Z = hidden - middle
    deviation = np.sqrt(weight @ Z**2 / n_rows) + 1e-6
    Z /= deviation
    ones = np.c_[Z, np.ones(n_rows)]
    weighted, folds = ones * weight[:, None], np.arange(n_rows) % FOLDS
    products = [
        (weighted[folds == k].T @ ones[folds == k], weighted[folds == k].T @ logs[folds == k]) for k in range(FOLDS)
    ]
    gram, moments = (sum(of_folds) for of_folds in zip(*products, strict=True))
    ridge = np.diag(np.r_[np.full(Z.shape[1], RIDGE), 0.0])
    spread = np.empty_like(residuals)
    for k, (own_gram, own_moments) in enumerate(products):
        found = np.linalg.solve(gram - own_gram + ridge, moments - own_moments)[:-1]
        spread[folds == k] = _spread(Z[folds == k], found, 0.0)
    slopes = np.linalg.solve(gram + ridge, moments)[:-1] / deviation[:, None]
    return slopes, middle @ slopes, spread


def _spread(hidden, slopes, means):
    return np.exp(np.clip(hidden @ slopes - means, -REACH, REACH))

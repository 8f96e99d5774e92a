"""Networks side by side, called as one: the mean of their outputs, and how far these are apart.

The estimators predict by it where they have members, and `export` writes it. How members are trained is theirs.
"""

import numpy as np

#: Numbers of a network's outputs up to which one call of NumPy adds them sooner than a call for each network.
FEW = 64


class Ensemble:
    """Networks of the same inputs and outputs, whose outputs are averaged.

    A network that learned variances gives a mean and a variance; an ensemble of these the ones of the mixture: the
    variance is the mean of the variances and the variance of the means (Lakshminarayanan et al., 2017).

    Parameters
    ----------
    networks : sequence of Network

    Attributes
    ----------
    networks : tuple of Network
    """

    def __init__(self, networks):
        self.networks = networks = tuple(networks)
        first = networks[0]
        for i, network in enumerate(networks):
            if network.layer_sizes != first.layer_sizes or network.dtype != first.dtype:
                raise ValueError(f"network {i} of an ensemble is {network!r}, the first {first!r}; they must be alike")
        self._spec, self._labels, self.dtype = first._spec, first._labels, first.dtype
        self.layer_sizes, self.feature_names = first.layer_sizes, first.feature_names
        self.n_parameters = len(networks) * first.n_parameters
        self._pairs = pairs_of(self._labels, first.layer_sizes[-1])

    def __call__(self, X):
        """Return the outputs (n_samples, n_out) for rows, or (n_out,) for one."""
        outputs = self.networks[0]._outputs_of_all(self.networks, X)
        if not isinstance(outputs, np.ndarray):
            return mixture(np.stack([network(X) for network in self.networks]), self._pairs)
        found = mixture(outputs, self._pairs)
        return found[0] if X.ndim == 1 else found

    def __len__(self):
        return len(self.networks)

    def __repr__(self):
        return f"<Ensemble of {len(self.networks)} of {self.networks[0]!r}>"


def pairs_of(labels, n_out):
    """Return the columns of means and those of their variances: a list of pairs of slices."""
    heads, pairs, first = labels.heads or ((n_out, labels),), [], 0
    for width, own in heads:
        half = width // 2
        if own.kind == "means":
            pairs.append((slice(first, first + half), slice(first + half, first + width)))
        first += width
    return pairs


def mixture(outputs, pairs):
    """Return the outputs (..., n_out) of an ensemble from those of its networks (n_networks, ..., n_out)."""
    mean = _mean(outputs)
    for means, variances in pairs:
        mean[..., variances] += _mean((outputs[..., means] - mean[..., means]) ** 2)
    return mean


def deviations(outputs, pairs):
    """Return how far each output is spread, likewise: the networks' standard deviation, or that of the mixture."""
    mean = mixture(outputs, pairs)
    spread = np.sqrt(_mean((outputs - mean) ** 2))
    for means, variances in pairs:
        spread[..., means] = spread[..., variances] = np.sqrt(mean[..., variances])
    return spread


def _mean(outputs):
    """The mean over the first axis, added in order, so that a row has the same bits alone and among others."""
    if outputs[0].size < FEW:
        return np.add.accumulate(outputs)[-1] / len(outputs)
    total = outputs[0].copy()
    for one in outputs[1:]:
        total += one
    total /= len(outputs)
    return total

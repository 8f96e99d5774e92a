"""A network in 8-bit integers: what its numbers become, and what it then computes, bit for bit as its C does.

A layer's inputs are levels q of -128 ... 127, x = low + step (q + 128). Weights are -127 ... 127 times a scale of each
output (Krishnamoorthi, 2018); sums are of 32 bits. Biases take in what does not change from row to row, and the mean
error that rounding the weights makes on the rows of the calibration. A sum becomes a level of the next layer by a
multiplier of 31 bits and a shift, which every machine computes alike; where the activation is no ReLU, the level is one
of its input, and a table of 256 has those of its output.
"""

from dataclasses import dataclass

import numpy as np

from fastnn.reference.batched import ACTIVATION

#: More inputs could carry a sum of 32 bits beyond its range, beside a bias of at most LARGEST_BIAS.
LARGEST_BIAS = 2**30
MOST_INPUTS = (2**31 - 1 - LARGEST_BIAS) // (127 * 128)

#: Ranges that are tried: shares of the way from the middle of what was seen to its least and its largest number.
SHARES = np.linspace(0.3, 1.0, 15)

#: Of how many numbers of a layer a range is found.
MOST_SEEN = 20_000

#: By how much the squared error of the first layer's sums must be less for inputs to have levels of their own.
WORTH_A_TABLE = 4

#: Levels above the lowest.
TOP = 255


@dataclass
class Levels:
    """Numbers as levels: low + step (q + 128)."""

    low: np.ndarray
    step: np.ndarray

    @classmethod
    def between(cls, low, high):
        """Of a range; one that is a point gets a width."""
        low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
        least = np.maximum(1e-5 * np.maximum(np.abs(low), np.abs(high)), 1e-30)
        return cls(low, np.maximum(high - low, least) / TOP)

    def nearest(self, x):
        """The level nearest to each number."""
        return np.clip(np.floor((x - self.low) / self.step + 0.5), 0, TOP)  # + 128

    def edge_and_rate(self, real):
        """Below what all numbers have the lowest level, and the levels in a unit, in the dtype of a file."""
        return np.asarray(self.low - self.step / 2, real), np.asarray(1 / self.step, real)

    def entered(self, X):
        """The levels of inputs of a file's dtype, as its C has them: a difference, a product, what is whole of it."""
        edge, rate = self.edge_and_rate(X.dtype)
        return np.clip(np.floor((X - edge) * rate), 0, TOP).astype(np.int64) - 128

    def value(self, level):
        """What a level, counted from 0, stands for."""
        return self.low + self.step * level


@dataclass
class Layer:
    """A layer of weights in integers, and how its sums go on: `step` a unit of each sum; the rest of hidden ones."""

    weights: np.ndarray
    biases: np.ndarray
    step: np.ndarray
    multipliers: np.ndarray | None = None
    shift: int = 0
    table: np.ndarray | None = None
    is_step: bool = False

    def sums(self, q):
        """Of rows of levels; float64 has them exactly, and BLAS makes them quickly."""
        return (q.astype(np.float64) @ self.weights.T.astype(np.float64)).astype(np.int64) + self.biases

    def levels(self, q):
        """The levels that go into the next layer."""
        sums = self.sums(q)
        if self.is_step:
            return np.where(sums >= 0, 127, -128)
        level = np.clip((np.maximum(sums, 0) * self.multipliers + (1 << (self.shift - 1))) >> self.shift, 0, TOP)
        return level - 128 if self.table is None else self.table[level]


def levels_of_inputs(X, W):
    """Levels of all inputs together, as scalars, where that is nearly as exact for the first layer; else of each.

    An input that is the same in all rows gets a width by which it counts as others do.
    """
    low, high, size = X.min(axis=0), X.max(axis=0), np.abs(W).max(axis=0)
    counts = (size * (high - low))[high > low]
    usual = (np.median(counts) if len(counts) else 0.0) / np.where(size > 0, size, 1.0)
    half = np.where(high > low, 0.0, usual / 2)
    of_each, of_all = Levels.between(low - half, high + half), Levels.between(low.min(), high.max())
    error, least = (np.mean(((levels.value(levels.nearest(X)) - X) @ W.T) ** 2) for levels in (of_all, of_each))
    return of_all if error <= WORTH_A_TABLE * least + 1e-9 * np.var(X @ W.T) else of_each


def best_levels(z, function):
    """Levels of the inputs of an activation by which its outputs change least, in the mean of the squares."""
    seen = z.ravel()[:: max(1, z.size // MOST_SEEN)]
    low, high, middle, outputs = seen.min(), seen.max(), np.median(seen), function(seen)
    if function is _relu:
        low = middle = 0.0
    errors = {}
    for below in SHARES if low < middle else (1.0,):
        for above in SHARES:
            tried = Levels.between(middle + below * (low - middle), middle + above * (high - middle))
            found = function(tried.value(np.arange(TOP + 1.0)))[tried.nearest(seen).astype(np.intp)]
            errors[below, above] = np.mean((found - outputs) ** 2), tried
    return min(errors.values(), key=lambda pair: pair[0])[1]


def _relu(z):
    return np.maximum(z, 0)


def function_of(activation):
    """An activation of an array, by the reference."""
    if activation.name == "relu":
        return _relu
    return lambda z: ACTIVATION[activation.name](z, *activation.parameters)


def quantise(weights, biases, activations, X):
    """Return the levels of the inputs, and the layers of a network.

    Parameters
    ----------
    weights, biases : list of ndarray
        (n_out, n_in) and (n_out,), a layer each, float64.
    activations : list of Activation
    X : ndarray of shape (n_samples, n_in)
        The rows of the calibration, in the dtype of the file.

    Returns
    -------
    inputs : Levels
    layers : list of Layer

    Raises
    ------
    ValueError
        If the rows do not differ, or sums overflow.
    """
    if (X[0] == X).all():
        raise ValueError(f"calibration has {len(X)} row(s) that do not differ; pass some hundred that show the ranges")
    h = X.astype(np.float64)
    inputs, layers = levels_of_inputs(h, weights[0]), []
    levels, q = inputs, inputs.entered(X)
    for l, (W, b, activation) in enumerate(zip(weights, biases, activations, strict=True)):
        z = h @ W.T + b
        if not np.isfinite(z).all():
            raise ValueError(
                f"the sums of layer {l + 1} are not finite in the rows of calibration; use dtype='float64'"
            )
        layer = _in_integers(W * levels.step, z)
        sums = z.mean(axis=0) - layer.step * (q.mean(axis=0) @ layer.weights.T)  # what the biases are to add
        if l < len(weights) - 1:
            function = function_of(activation)
            h = function(z)
            levels = _go_on(layer, activation, function, z, sums)
            q = layer.levels(q).astype(np.int64)
        else:
            layer.biases = _rounded(sums / layer.step)
        layers.append(layer)
    return inputs, layers


def _in_integers(scaled, z):
    """The weights of a layer, given in units of its inputs' levels, with a step of each output that leaves room."""
    widest = np.abs(z).max() + 128 * np.abs(scaled).sum(axis=1)
    step = np.maximum(np.abs(scaled).max(axis=1) / 127, 4 * widest / LARGEST_BIAS)
    step[step == 0] = 1.0
    return Layer(np.rint(scaled / step[:, None]).astype(np.int8), np.zeros(len(step), np.int64), step)


def _go_on(layer, activation, function, z, sums):
    """Fill in how the sums of a hidden layer become levels of the next; return these."""
    if activation.name == "step":
        layer.biases, layer.is_step = _rounded(sums / layer.step), True
        return Levels.between(0.0, 1.0)
    before = best_levels(z, function)
    before.step = np.maximum(before.step, layer.step.max() * 2.0**-20)
    layer.biases = _rounded((sums - before.low) / layer.step)
    ratio = layer.step / before.step
    layer.shift = int(np.clip(30 - np.ceil(np.log2(ratio.max())), 1, 62))
    layer.multipliers = np.minimum(np.rint(ratio * 2.0**layer.shift), 2**31 - 1).astype(np.int64)
    if activation.name in ("relu", "identity"):
        return before
    outputs = function(before.value(np.arange(TOP + 1)))
    after = Levels.between(outputs.min(), outputs.max())
    layer.table = (after.nearest(outputs) - 128).astype(np.int8)
    return after


def _rounded(biases):
    return np.clip(np.rint(biases), -LARGEST_BIAS, LARGEST_BIAS).astype(np.int64)


def sums_of(inputs, layers, X):
    """The sums of the last layer for rows of a file's dtype, as its C has them."""
    q = inputs.entered(X)
    for layer in layers[:-1]:
        q = layer.levels(q).astype(np.int64)
    return layers[-1].sums(q)

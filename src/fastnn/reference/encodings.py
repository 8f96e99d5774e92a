"""The first layer of a network whose inputs are columns of a table: forward and backward, from the maths.

Of each column the numbers that its encoding gives, side by side, are multiplied by their scales. Rows are samples.
"""

import numpy as np

from fastnn.encodings import places


def encode(encodings, own, scales, X):
    """Return what the encodings with parameters `own` give for the rows of X, (n_samples, n_out)."""
    return scales * _before_scales(encodings, own, X)


def encoding_gradient(encodings, own, scales, X, delta, gradient, of_scales):
    """Fill the flat gradient by the encodings' own parameters, and by the scales; `delta` has those by the outputs."""
    of_scales[:] = (delta * _before_scales(encodings, own, X)).sum(axis=0)
    delta, gradient[:] = delta * scales, 0
    for z, part, encoding, views, columns in _parts(encodings, own, X):
        of = encoding.views(gradient[part])
        if encoding.kind == "embedding":
            np.add.at(of["table"], _codes(encoding, z), delta[:, columns])
        if encoding.kind == "periodic":
            of_sums = delta[:, columns][:, 1:]
            angles = np.outer(z, views["frequencies"]) + views["phases"]
            of["W"][:], of["b"][:] = of_sums.T @ np.cos(angles), of_sums.sum(axis=0)
            of_angles = (of_sums @ views["W"]) * -np.sin(angles)
            of["frequencies"][:], of["phases"][:] = z @ of_angles, of_angles.sum(axis=0)


def _before_scales(encodings, own, X):
    given = []
    for z, _, encoding, views, _ in _parts(encodings, own, X):
        if encoding.kind == "plain":
            given.append(z[:, None])
        elif encoding.kind == "periodic":
            angles = np.outer(z, views["frequencies"]) + views["phases"]
            given += [z[:, None], np.cos(angles) @ views["W"].T + views["b"]]
        elif encoding.kind == "one_hot":
            given.append((_codes(encoding, z)[:, None] == np.arange(1, encoding.n + 1)).astype(X.dtype))
        else:
            given.append(views["table"][_codes(encoding, z)])
    return np.hstack(given)


def _codes(encoding, z):
    """Whole numbers from 0 to `n`; what is none of them is 0, as what is missing."""
    return np.where((z >= 1) & (z <= encoding.n), z, 0).astype(np.intp)


def _parts(encodings, own, X):
    """Of each encoding: its column of X, the slice of its parameters, itself, views of them, the slice it gives."""
    for z, encoding, (begin, first) in zip(X.T, encodings, places(encodings), strict=True):
        part = slice(begin, begin + encoding.n_parameters)
        yield z, part, encoding, encoding.views(own[part]), slice(first, first + encoding.n_out)

"""A network for a table: description and parameters, called with rows of the raw matrix; the mean of several."""

from functools import reduce

import numpy as np

from fastnn._engine import Predictor
from fastnn.backends import BACKENDS
from fastnn.encodings import check_codes


class TabularNetwork(Predictor):
    """What one member has learned.

    Parameters
    ----------
    spec : NetworkSpec
        With encodings.
    parameters : ndarray of shape (spec.n_parameters,)
        Shared.
    """

    def __init__(self, spec, parameters):
        self.spec, self.parameters = spec, parameters
        self._bind(spec, parameters)

    def __reduce__(self):
        return TabularNetwork, (self.spec, self.parameters)

    def _outputs(self, X):
        """The outputs of whatever is no plain float32 array."""
        X = np.require(X, self.spec.dtype, "CA")
        if X.ndim != 2 or X.shape[1] != self.spec.n_in or not np.isfinite(X).all():
            raise ValueError(f"expected finite rows of {self.spec.n_in} numbers, got an array of shape {X.shape}")
        check_codes(self.spec.encodings, X)
        out = np.empty((len(X), self.spec.n_out), self.spec.dtype)
        BACKENDS["simd"].forward(self.spec, self.parameters, X, out)
        return out


def mean_outputs(networks, raw):
    """Return the mean outputs of some networks, (n_rows, n_out); a row's are the same among others and alone.

    NumPy's mean would sum those of a row alone in another order.
    """
    outputs = [network(raw) for network in networks]
    return outputs[0] if len(outputs) == 1 else reduce(np.add, outputs) / np.float32(len(outputs))

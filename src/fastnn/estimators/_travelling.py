"""Estimators that leave the process or are copied: what their state is, as plain data."""

import inspect

from fastnn.estimators._plain import optimizer_from_plain, optimizer_to_plain
from fastnn.estimators._weights import Weights
from fastnn.network import Network
from fastnn.portable import to_plain
from fastnn.training import passes


class Travelling:
    """The state of an estimator holds its network and its optimizer as plain data; a copy shares what was learned."""

    def __getstate__(self):
        state = dict(super().__getstate__())
        weights = state.pop("_weights", None)
        state.pop("_prepared", None)
        if weights is not None and weights.are_of(self):
            del state["coefs_"], state["intercepts_"]
            state["_network"] = to_plain(weights.network)
        if isinstance(state.get("_optimizer"), passes.Optimizer):  # else none, or scikit-learn's of a model moved over
            state["_optimizer"] = optimizer_to_plain(state["_optimizer"])
        return state

    def __setstate__(self, state):
        state = {**self._defaults_of_new_parameters(state), **state}
        network = state.pop("_network", None)
        if isinstance(state.get("_optimizer"), dict):
            state["_optimizer"] = optimizer_from_plain(state["_optimizer"])
        super().__setstate__(state)
        if network is not None:
            self._show(Weights(Network._from_plain(network)))

    def _defaults_of_new_parameters(self, state):
        """Of parameters that did not exist when the estimator was saved."""
        known = inspect.signature(type(self).__init__).parameters.values()
        return {
            one.name: one.default for one in known if one.default is not one.empty and one.name not in state
        }  # fmt: skip

    def to_c(self, path, dtype=None, *, name=None, calibration=None, self_test=None):
        """Write one file of C that predicts without fastnn; see `Network.to_c`.

        Parameters
        ----------
        path : str or os.PathLike
        dtype : {"float64", "float32", "int8"}, default=None
            None: as the weights.
        name : str, default=None
            What all its names begin with. None: as the file is called, without its suffix.
        calibration : array-like of shape (n_samples, n_features), default=None
            Rows like those that are to be predicted, of "int8" alone, which needs them.
        self_test : array-like of shape (n_samples, n_features), default=None
            Rows that the file is to test itself by.

        Returns
        -------
        exported : ExportedC

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described, or the estimator is not fitted.
        OSError
            If the file cannot be written.
        """
        return self.network_.to_c(path, dtype, name=name, calibration=calibration, self_test=self_test)

    def __copy__(self):
        """As of any estimator, what was learned is shared: a state's would be a copy."""
        other = type(self).__new__(type(self))
        vars(other).update(vars(self))
        weights = vars(self).get("_weights")
        if weights is not None and weights.are_of(self):
            other._show(Weights(weights.network))
        return other

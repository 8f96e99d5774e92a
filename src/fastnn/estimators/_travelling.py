"""Estimators that leave the process or are copied: what their state is, as plain data."""

import inspect

from fastnn.estimators._members import check_members
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
        if "members_" in state:
            check_members(self, state["members_"])
        if network is not None:
            self._show(Weights(Network._from_plain(network)))

    def save(self, path, *, solver_state=False):
        """Save to a file that `fastnn.load` reads: data alone, no code.

        It has the parameters of the constructor, the network, labels, names of columns, and the curves. An earlier file
        of this name is replaced at once, when all is written.

        Parameters
        ----------
        path : str or os.PathLike
            Such as ``"model.safetensors"``.
        solver_state : bool, default=False
            Whether to save what training goes on from, too: the solver's state, the random numbers and the order of the
            rows. `partial_fit`, and `fit` with ``warm_start="solver"``, then have the bits of an estimator that was
            never saved. Without, they go on from the weights.

        Raises
        ------
        TypeError
            For a class of your own, or classes that are neither numbers nor strings.
        OSError
            If it cannot be written; what was there before is there still.

        Warns
        -----
        UserWarning
            If it has what is no data, such as a callback, or a function that scores. The file does not have it: a
            parameter comes back as its default.
        """
        from fastnn.estimators._saved import save

        save(self, path, solver_state)

    def _defaults_of_new_parameters(self, state):
        """Of parameters that did not exist when the estimator was saved."""
        known = inspect.signature(type(self).__init__).parameters.values()
        return {
            one.name: one.default for one in known if one.default is not one.empty and one.name not in state
        }  # fmt: skip

    def to_c(self, path, dtype=None, *, name=None, calibration=None, self_test=None):
        """Write one file of C that predicts without fastnn; see `Network.to_c`. Of members it has them all.

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
        from fastnn.export.c.file import write

        return write(self._leaving(), path, dtype, name=name, calibration=calibration, self_test=self_test)

    def to_onnx(self, path=None, *, dtype=None):
        """Return the estimator as an ONNX model, and write it to a file, if a path is given; needs ``onnx``.

        The outputs are what `predict` and `predict_proba` give, as described in `Network.to_onnx`: ``label`` and
        ``probabilities`` of a classifier, or ``scores`` where it has a `decision_function`; ``variable`` of a
        regressor, in columns; of members the means of theirs. For a pipeline see `fastnn.interop.register_skl2onnx`.

        Parameters
        ----------
        path : str or os.PathLike, default=None
            The file, which is there whole or not at all.
        dtype : {"float64", "float32"}, default=None
            What the model computes in; None: the dtype of the weights.

        Returns
        -------
        model : onnx.ModelProto

        Raises
        ------
        NotFittedError
            If there is nothing to write.
        ImportError
            If ``onnx`` is not installed.
        ValueError
            If the model would be larger than 2 GiB, or weights are beyond the range of `dtype`.
        OSError
            If the file cannot be written.
        """
        from fastnn.export.onnx import to_onnx

        return to_onnx(self._leaving(), path, dtype=dtype, heads_in_one=True)

    def _leaving(self):
        """The network, or of members all of them."""
        return self.ensemble_ if "members_" in vars(self) else self.network_

    def __copy__(self):
        """As of any estimator, what was learned is shared: a state's would be a copy."""
        other = type(self).__new__(type(self))
        vars(other).update(vars(self))
        weights = vars(self).get("_weights")
        if weights is not None and weights.are_of(self):
            other._show(Weights(weights.network))
        return other

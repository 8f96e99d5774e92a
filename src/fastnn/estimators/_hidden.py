"""What an estimator makes of rows as a transformer: the outputs of its last hidden layer, under scikit-learn's names.

Part of the base of the estimators, whose network it asks; ``Network.hidden`` is the same without scikit-learn.
"""

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fastnn.backends import BACKENDS
from fastnn.estimators._checks import as_data, check_n_inputs, told_of_overflow
from fastnn.estimators._members import members_of

ENGINE = BACKENDS["simd"]


class HiddenOutputs(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """It has `coefs_`, and the network of this moment for a dtype, from the base."""

    def transform(self, X):
        """Return the outputs of the last hidden layer for the rows of X: what the network has learned to see in them.

        In a pipeline, another estimator goes on from these; `set_output` makes frames of them, whose columns
        `get_feature_names_out` names after the class. Of the other layers: ``network_.hidden``.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        outputs : ndarray of shape (n_samples, n_units)
            Those of all members side by side.
            Of float32 if X and the weights are, else of float64.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X does not fit, or the network has no hidden layers.
        """
        check_is_fitted(self)
        members = members_of(self)
        n_units = self._n_features_out // len(members)
        X = validate_data(self, X, accept_sparse="csr", reset=False)
        of_members = [member._last_hidden(X, n_units) for member in members]
        return of_members[0] if len(members) == 1 else np.hstack(of_members)

    def _last_hidden(self, X, n_units):
        """Those of one network, once X is checked."""
        dtype = self._dtype_with(X.dtype)
        network = self._current_weights(dtype).network
        check_n_inputs(X.shape[1], network)
        X = as_data(X, dtype)
        part, parameters = network._spec.part(network.parameters, 1, len(self.coefs_) - 1)
        outputs = np.empty((X.shape[0], n_units), dtype)
        return told_of_overflow(outputs, X, network, ENGINE.forward(part, parameters, X, outputs))

    @property
    def _n_features_out(self):
        """What scikit-learn's mixin asks for."""
        members = members_of(self)
        n_hidden = len(members[0].coefs_) - 1
        if n_hidden == 0:
            raise ValueError(
                f"this {type(self).__name__} has no hidden layers, whose outputs transform would return; set "
                "hidden_layer_sizes"
            )
        return sum(len(member.intercepts_[-2]) for member in members)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

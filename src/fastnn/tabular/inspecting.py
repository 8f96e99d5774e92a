"""What can be seen of a model for tables: how much it needs each column, and what its last hidden layer has learned.

Part of the base of the estimators, which hand over the rows held back once the members are trained.
"""

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin, is_classifier
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from fastnn.backends import BACKENDS

#: How often each column is permuted.
REPEATS = 5


def last_hidden(networks, raw):
    """Return the outputs of the networks' last hidden layers side by side, float32, for rows of the raw matrix."""
    found = [_last_hidden(network.spec, network.parameters, raw) for network in networks]
    return found[0] if len(found) == 1 else np.hstack(found)


def _last_hidden(spec, parameters, raw):
    """Those of one: with gates, which the engine has in hidden layers alone, of sums and activations."""
    last, outputs = spec.n_layers - 1, []
    gates = spec.gates_of(parameters).get(last)
    for activation in (spec.activations[last - 1], *["identity"] * (gates is not None)):
        part, own = spec.part(parameters, 1, last, activation)
        outputs.append(np.empty((len(raw), part.n_out), part.dtype))
        BACKENDS["simd"].forward(part, own, raw, outputs[-1])
    return outputs[0] if gates is None else outputs[1] + gates * (outputs[0] - outputs[1])


class Inspection(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """It has `members_` and `_columns` from the base."""

    def transform(self, X):
        """Return the outputs of the last hidden layer: what the networks have learned to see in rows.

        In a pipeline another estimator goes on from these; `set_output` makes frames of them.

        Parameters
        ----------
        X : table of shape (n_samples, n_features)
            With the columns of `fit`.

        Returns
        -------
        outputs : ndarray of float32 of shape (n_samples, n_members * n_units)
            Those of all members side by side.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            If X is not as described.
        """
        check_is_fitted(self, "members_")
        return last_hidden(self.members_, self._raw(X))

    @property
    def _n_features_out(self):
        """What scikit-learn's mixin asks for."""
        return sum(network.spec.layer_sizes[-2] for network in self.members_)

    @property
    def feature_importances_(self):
        """How much worse the model is without each column: what accuracy or R² loses where its cells are permuted.

        Measured with ``importances=True``, on the rows held back, as a mean of five permutations, of the networks that
        have not learned from these: with `refit` the first alone. Of a column that was left out it is 0.
        """
        check_is_fitted(self, "members_")
        if "_importances" not in vars(self):
            raise AttributeError(
                "feature_importances_ is measured on the rows held back, while fitting, where it is asked for: set "
                "importances=True; of other rows sklearn.inspection.permutation_importance(model, X, y) measures it"
            )
        return self._importances

    def _after_training(self, held, outputs, rows):
        """Measure what is asked for on the rows held back, once the members are trained.

        Parameters
        ----------
        held : Learned
            These rows, of which there may be none.
        outputs : (n_judging, n_held, n_out) array
            Of the first members, which have not learned from these rows.
        rows : (n_held,) array of int
            Which of X they are; beyond the last those of an `eval_set`.
        """
        vars(self).pop("_importances", None)
        if not self.importances:
            return
        if len(held) < 2:
            raise ValueError(
                "importances=True measures on rows held back, and there are none; pass more rows, a "
                "validation_fraction or an eval_set"
            )
        judging = self.members_[: len(outputs)]
        draws, whole = check_random_state(self.random_state), self._score_held(judging, held, held.X)
        found, X = np.zeros(self._columns.n_columns), held.X.copy()
        for column, own in enumerate(self._columns.slices):
            if own.start == own.stop:
                continue
            for _ in range(REPEATS):
                X[:, own] = held.X[draws.permutation(len(X)), own]
                found[column] += (whole - self._score_held(judging, held, X)) / REPEATS
            X[:, own] = held.X[:, own]
        self._importances = found

    def _score_held(self, judging, held, X):
        predicted = self._predicted(np.mean([network(X) for network in judging], axis=0))
        if is_classifier(self):
            return accuracy_score(self.classes_[held.y.argmax(axis=1)], predicted, sample_weight=held.sample_weight)
        y = held.y * np.float64(self._scale) + self._centre
        return r2_score(y, predicted, sample_weight=held.sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # always float32
        return tags

"""How sure a model for tables is: how far its members are apart, calibrated probabilities, intervals that y is in.

Parts of the estimators. What is learned on the rows held back `calibration` and `conformal` find.
"""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from fastnn.checks import check_number
from fastnn.tabular import conformal
from fastnn.tabular.calibration import temperature
from fastnn.tabular.inspecting import Inspection, last_hidden
from fastnn.tabular.network import mean_outputs


class Spread(Inspection):
    """What both have."""

    def predict_std(self, X):
        """Return how far the members are apart: the standard deviation over them, by k, of what they predict.

        It says where the networks have not learned the same, as they do not far from the rows of `fit`; nothing of the
        noise in y. Of the two that there are with nothing set it is half of how far these are apart, and one of them
        has learned from fewer rows: a rough figure, which more members make a better one.

        Parameters
        ----------
        X : table of shape (n_samples, n_features)
            With the columns of `fit`.

        Returns
        -------
        std : ndarray
            Of a regressor in the shape of `predict`; of a classifier that of the probabilities, (n_samples, n_classes).

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            If X is not as described, or there is one network.
        """
        check_is_fitted(self, "members_")
        if len(self.members_) == 1:
            raise ValueError(
                f"predict_std compares members, and this {type(self).__name__} has one: fit with n_members=8"
            )
        raw = self._raw(X)
        return np.std([self._answer(network(raw)) for network in self.members_], axis=0)


class Calibrated(Spread):
    """The classifier's part."""

    def _answer(self, outputs):
        return outputs.astype(np.float64)

    def _after_training(self, held, outputs, rows):
        """Divide the logits of all members by one temperature, which goes into their last weights."""
        self.temperature_ = 1.0
        if self.calibration is not None:
            self.temperature_ = temperature(outputs, held.y.argmax(axis=1), held.sample_weight)
            for network in self.members_:
                weights, biases = network.spec.views(network.parameters)
                for last in (weights, biases):
                    last[network.spec.n_layers] /= np.float32(self.temperature_)
        super()._after_training(held, outputs, rows)


class Intervals(Spread):
    """The regressor's part."""

    def predict_interval(self, X, coverage=0.9):
        """Return bounds that y is between, with the probability `coverage` over rows like those held back.

        They are as far from the prediction as that share of the rows held back was, in units of a spread that is
        learned from how far these were and what the last hidden layer makes of them (split-conformal).

        Parameters
        ----------
        X : table of shape (n_samples, n_features)
            With the columns of `fit`.
        coverage : float, default=0.9
            Between 0 and 1; of several targets that of each.

        Returns
        -------
        low, high : ndarray
            In the shape of `predict`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            If an argument is not as described, or too few rows were held back for the coverage: 0.9 takes 9, 0.99 takes
            99.
        """
        check_is_fitted(self, "members_")
        coverage = check_number("coverage, the share of targets in the interval,", coverage, above=0.0, below=1.0)
        if self._residuals is None:
            raise ValueError(
                "predict_interval goes by rows held back, and there were none; fit with more rows, a "
                "validation_fraction or an eval_set"
            )
        raw = self._raw(X)
        y = self._predicted(mean_outputs(self.members_, raw))
        width = self._residuals.half_widths(last_hidden(self.members_[:1], raw), coverage).reshape(y.shape)
        return y - width, y + width

    def _answer(self, outputs):
        return self._predicted(outputs)

    def _after_training(self, held, outputs, rows):
        """Learn how far y is from what is predicted."""
        self._residuals = None
        if len(held):
            y = held.y * np.float64(self._scale) + self._centre
            predicted = self._predicted(outputs.mean(axis=0))
            residuals = np.abs(y - predicted.reshape(y.shape))
            self._residuals = conformal.learn(residuals, last_hidden(self.members_[:1], held.X), held.sample_weight)
        super()._after_training(held, outputs, rows)

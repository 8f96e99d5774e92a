"""MLPRegressor: numbers in, numbers out."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils.validation import check_is_fitted

from fastnn._tables import LOSS_OUTPUTS
from fastnn.checks import cast_finite, is_plain
from fastnn.estimators import _heads
from fastnn.estimators._base import MultilayerPerceptron, by_batches
from fastnn.estimators._checks import as_vector
from fastnn.estimators._intervals import interval
from fastnn.estimators._members import outputs_of
from fastnn.estimators._parameters import CONSTRAINTS, REGRESSOR_LOSSES, documented
from fastnn.estimators._quick import quickly
from fastnn.estimators._scores import pinball_of, r2_of, r2_of_observed
from fastnn.estimators._shared import validated
from fastnn.heads import objective_of
from fastnn.keywords import answered
from fastnn.labels import Labels, joint_labels

#: How outputs are read that are what is predicted.
VALUES = Labels("values")


@documented
class MLPRegressor(RegressorMixin, MultilayerPerceptron):
    """A multi-layer perceptron regressor: scikit-learn's, many times faster.

    It minimizes half the squared error, under identity outputs, or half the Poisson deviance, under exponential ones.
    Parameters, attributes and, for the same `random_state`, the numbers are those of
    ``sklearn.neural_network.MLPRegressor``.

    Parameters
    ----------
    loss : str, default="squared_error"
        "squared_error" or "poisson", which takes targets of at least 0; or one of fastnn's own, which are summed over
        outputs: "absolute_error", abs(y - h); "huber", ½ (y - h)² up to an error of `huber_delta`, beyond it a line;
        "quantile", the pinball loss; "gamma", half the gamma deviance, of targets greater than 0, under exponential
        outputs; "gaussian_nll", ½ (log v + (y - h)² / v), which learns a variance v of each target too.
    <parameters>
    huber_delta : float, default=1.0
        Of "huber", greater than 0.
    quantile : float or array-like, default=0.5
        Of "quantile": the share of targets that are to lie below the prediction, between 0 and 1. Several, which rise,
        are learned at once and do not cross.
    heads : list of Head, default=None
        Several heads, each with a loss of its own for a block of the outputs; see `fastnn.Head`. y then has the target
        columns of all side by side, NaN where a target was not observed, and `loss`, `output_activation` and the
        parameters of a loss are the heads' own. Predictions are the columns of y: of a head for classes, whose targets
        are 0 and 1, the probabilities. What is reported is the objective itself: ``loss_`` sums over outputs. The
        score, by which early stopping judges, is the mean over the columns of R² where they were observed.
    <members>

    Attributes
    ----------
    <attributes>

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from fastnn import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> X = scale(X)
    >>> regressor = MLPRegressor(
    ...     hidden_layer_sizes=(10,), activation="logistic", solver="lbfgs", alpha=100, random_state=0
    ... )
    >>> regressor.fit(X, y).score(X, y) > 0.5
    True
    >>> regressor.network_(X[0]).round()  # one row, without the estimator's checks
    array([209.])
    """

    _parameter_constraints: ClassVar = {**CONSTRAINTS, **REGRESSOR_LOSSES}

    @answered
    def __init__(
        self,
        loss="squared_error",
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        weight_decay=None,
        l1=0.0,
        max_grad_norm=None,
        max_norm=None,
        frozen=None,
        layer_rates=None,
        mu=1e-3,
        mu_inc=10.0,
        mu_dec=0.1,
        dropout=0.0,
        input_dropout=0.0,
        bias=True,
        output_activation=None,
        scoring=None,
        max_time=None,
        track=None,
        callback=None,
        progress=False,
        checkpoint=None,
        checkpoint_every=None,
        huber_delta=1.0,
        quantile=0.5,
        heads=None,
        n_members=1,
        bootstrap=False,
    ):
        MultilayerPerceptron.__init__(  # by name: of a subclass of this and scikit-learn's, `super` is the latter
            self,
            loss=loss,
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
            weight_decay=weight_decay,
            l1=l1,
            max_grad_norm=max_grad_norm,
            max_norm=max_norm,
            frozen=frozen,
            layer_rates=layer_rates,
            mu=mu,
            mu_inc=mu_inc,
            mu_dec=mu_dec,
            dropout=dropout,
            input_dropout=input_dropout,
            bias=bias,
            output_activation=output_activation,
            scoring=scoring,
            max_time=max_time,
            track=track,
            callback=callback,
            progress=progress,
            checkpoint=checkpoint,
            checkpoint_every=checkpoint_every,
            huber_delta=huber_delta,
            quantile=quantile,
            heads=heads,
            n_members=n_members,
            bootstrap=bootstrap,
        )

    @by_batches
    @quickly
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one pass over X and y, going on from where training is.

        Penalties, rules of the step, dropout and what is frozen are those of each call; solver, its constants and its
        rate those that training began with, as in scikit-learn.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self

        Raises
        ------
        AttributeError
            For ``solver="lbfgs"``.
        ValueError
            If arguments do not fit, or with early stopping.
        """
        return self._train(X, y, sample_weight, incremental=True)

    def predict(self, X, *, return_std=False):
        """Return the predictions for the rows of X.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        return_std : bool, default=False
            Whether to return the standard deviations too, for the loss "gaussian_nll".

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The means of "gaussian_nll". Of several quantiles (n_samples, n_quantiles), or for several targets
            (n_samples, n_targets, n_quantiles).
        y_std : ndarray of the same shape
            Only with `return_std`.

        Raises
        ------
        ValueError
            For ``return_std=True`` with another loss.
        """
        outputs, labels = self._outputs(X), self._reading_labels()
        if labels.heads and return_std:
            raise ValueError(
                "return_std=True needs loss='gaussian_nll' for all targets, without heads; with heads, "
                "ensemble_(X) has the variances of such a head behind its means"
            )
        if labels.heads:
            values = _heads.values_of(labels, outputs)
            return values.ravel() if values.shape[1] == 1 else values
        if return_std:
            if self.loss != "gaussian_nll":
                raise ValueError(f"return_std=True needs loss='gaussian_nll', which has a variance; got {self.loss!r}")
            half = outputs.shape[1] // 2
            means, deviations = outputs[:, :half], np.sqrt(outputs[:, half:])
            return (means.ravel(), deviations.ravel()) if half == 1 else (means, deviations)
        return labels.decode(outputs)

    def predict_interval(self, X, coverage=0.9):
        """Return bounds between which targets lie with a probability.

        With ``bootstrap=True`` the prediction and, on both sides, the residual below which the share `coverage` of the
        residuals of `fit` is, each of them by the members that had not drawn the row (conformal prediction out of bag):
        it holds on average over rows like those of `fit`, whatever their distribution. With ``loss="gaussian_nll"``
        residuals are over the predicted deviation, so that intervals are as wide as the noise; without draws its
        intervals are between quantiles of the mixture of the members' normal distributions, and hold as far as these
        do. Of several quantiles, between two that were learned.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        coverage : float, default=0.9
            The share of targets between the bounds, between 0 and 1.

        Returns
        -------
        lower, upper : ndarray of shape (n_samples,) or (n_samples, n_outputs)

        Raises
        ------
        ValueError
            If nothing was learned of how far y lies from what is predicted, or too few residuals for the coverage.
        """
        check_is_fitted(self)
        return interval(self, outputs_of(self, X), self._reading_labels(), coverage)

    def score(self, X, y, sample_weight=None):
        """Return R² of the predictions; for the loss "quantile" the share of the pinball loss that they explain.

        With several heads, the mean over the columns of y of R² over the targets that are not NaN.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        score : float
            At most 1. For "quantile" the mean, over quantiles and targets, of scikit-learn's ``d2_pinball_score``.
        """
        if self.heads is None and self.loss != "quantile":
            return super().score(X, y, sample_weight)
        if self.heads is not None:
            values = self.predict(X)
            values = values.reshape(len(values), -1)
            y, weight = _heads.scored(_heads.check_y(y, self.heads), values, sample_weight)
            return r2_of_observed(y, weight)(values)
        outputs, objective, y = self._outputs(X), self._objective(), np.asarray(y, np.float64)
        targets = objective.spread(y.reshape(-1, 1) if y.ndim < 2 else y)
        if targets.shape != outputs.shape:
            shape = len(outputs), outputs.shape[1] // objective.outputs_a_target
            raise ValueError(f"y must hold {shape[1]} targets for each of {shape[0]} rows, its shape is {y.shape}")
        return pinball_of(objective, targets, sample_weight)(outputs)

    def _check_targets(self, X, y, incremental, reset):
        if heads := _heads.heads_of(self):
            return _heads.check_targets(self, heads, X, y, incremental, reset)
        try:
            X, y = validated(self, X, y, reset, y_numeric=True)
        except ValueError as error:
            if advice := _heads.advice_on_nan(error, y, self.loss):
                raise ValueError(f"{error} {advice}") from None
            raise
        y = as_vector(y)
        self._check_range(y)
        objective = self._objective()
        return X, lambda dtype: objective.spread(_as_targets(y, dtype))

    def _check_range(self, y):
        """Refuse targets that the loss is not defined for."""
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError(
                f"Some value(s) of y are negative, the smallest {y.min()}, which is not allowed for loss='poisson'."
            )
        if self.loss == "gamma" and (y <= 0).any():
            raise ValueError(
                f"Some value(s) of y are not positive, the smallest {y.min()}, which is not allowed for loss='gamma'."
            )

    def _targets_of(self, y, dtype):
        self._check_range(y)
        return self._objective().spread(_as_targets(y, dtype))

    def _check_validation(self, X, y):
        X, targets_of = self._check_targets(X, y, incremental=True, reset=False)

        def checked(dtype):
            targets = targets_of(dtype)
            if targets.shape[1] != self.n_outputs_:
                raise ValueError(f"y_val makes {targets.shape[1]} outputs, y {self.n_outputs_}")
            return targets

        return X, checked

    def _plain_targets(self, y, dtype):
        is_usual = self.heads is None and self.n_outputs_ == 1 and self.loss not in ("poisson", "gamma")
        y = np.ascontiguousarray(y)
        return y.reshape(-1, 1) if is_usual and is_plain(y, dtype) and np.isfinite(y).all() else None

    def _objective(self):
        if heads := _heads.heads_of(self):
            return replace(objective_of(heads), as_sklearn=True)
        return super()._objective()

    def _kept_output_activation(self, network, targets):
        heads = _heads.heads_of(self)
        expected = tuple((head.n_outputs, head.output_activation) for head in heads)
        if (found := network.heads) != expected:
            raise ValueError(
                f"the network that training is to go on from has the heads {found}, not {expected}; fit anew without "
                "warm_start"
            )
        return self.out_activation_ if heads else super()._kept_output_activation(network, targets)

    def _output_activation(self):
        if heads := _heads.heads_of(self):
            return tuple(head.output_activation for head in heads)
        return self._objective().output_activation or LOSS_OUTPUTS[self.loss][0]

    def _labels(self):
        if heads := _heads.heads_of(self):
            return _heads.labels_of(heads)
        if self.loss not in ("quantile", "gaussian_nll"):
            return VALUES
        return joint_labels(self.loss, len(self._objective().quantiles)) or VALUES

    def _as_spread(self, deviations):
        labels = self._reading_labels()
        if labels.heads:
            values = _heads.values_of(labels, deviations)
            return values.ravel() if values.shape[1] == 1 else values
        return labels.decode(deviations)

    def _strata(self, targets):
        return None

    def _scorer(self, targets, sample_weight):
        if self.heads is not None:
            labels = self._labels()
            of_observed = r2_of_observed(_heads.values_of(labels, targets), sample_weight)
            return lambda outputs: of_observed(_heads.values_of(labels, outputs))
        if self.loss == "quantile":
            return pinball_of(self._objective(), targets, sample_weight)
        if self.loss != "gaussian_nll":
            return r2_of(targets, sample_weight)
        half = targets.shape[1] // 2
        score = r2_of(np.ascontiguousarray(targets[:, :half]), sample_weight)
        return lambda outputs: score(outputs[:, :half])


def _as_targets(y, dtype):
    """Return y as (n_samples, n_outputs), C-contiguous, in a dtype that holds it."""
    try:
        return cast_finite("y", y, dtype).reshape(len(y), -1)
    except ValueError as error:
        raise ValueError(f"{error}, in which X is; pass X as float64, or scale y") from None

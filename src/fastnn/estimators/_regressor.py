"""MLPRegressor: numbers in, numbers out."""

from typing import ClassVar

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils.validation import validate_data

from fastnn.checks import cast_finite
from fastnn.estimators._base import MultilayerPerceptron, by_batches
from fastnn.estimators._checks import as_vector
from fastnn.estimators._parameters import CONSTRAINTS, REGRESSOR_LOSSES, documented
from fastnn.estimators._scores import r2_of
from fastnn.labels import Labels


@documented
class MLPRegressor(RegressorMixin, MultilayerPerceptron):
    """A multi-layer perceptron regressor: scikit-learn's, many times faster.

    It minimizes half the squared error, under identity outputs, or half the Poisson deviance, under exponential ones.
    Parameters, attributes and, for the same `random_state`, the numbers are those of
    ``sklearn.neural_network.MLPRegressor``.

    Parameters
    ----------
    loss : {"squared_error", "poisson", "absolute_error", "huber", "quantile", "gamma"}, default="squared_error"
        The last four are fastnn's own: |y - h|; ½ (y - h)² up to an error of `huber_delta`, beyond it a line; the
        pinball loss of a quantile; half the gamma deviance, under exponential outputs. They are summed over outputs.
        "poisson" takes targets of at least 0, "gamma" of more than 0.
    <parameters>
    huber_delta : float, default=1.0
        Of "huber", greater than 0.
    quantile : float, default=0.5
        Of "quantile": the share of targets that are to lie below the prediction, between 0 and 1.

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
        output_activation=None,
        huber_delta=1.0,
        quantile=0.5,
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
            output_activation=output_activation,
            huber_delta=huber_delta,
            quantile=quantile,
        )

    @by_batches
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one pass over X and y, going on from where training is.

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

    def predict(self, X):
        """Return the predictions for the rows of X.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        outputs = self._outputs(X)
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    def _check_targets(self, X, y, incremental, reset):
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            y_numeric=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        y = as_vector(y)
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError(
                f"Some value(s) of y are negative, the smallest {y.min()}, which is not allowed for loss='poisson'."
            )
        if self.loss == "gamma" and (y <= 0).any():
            raise ValueError(
                f"Some value(s) of y are not positive, the smallest {y.min()}, which is not allowed for loss='gamma'."
            )
        return X, lambda dtype: _as_targets(y, dtype)

    def _output_activation(self):
        return "exp" if self.loss in ("poisson", "gamma") else "identity"

    def _labels(self):
        return Labels("values")

    def _strata(self, targets):
        return None

    def _scorer(self, targets, sample_weight):
        return r2_of(targets, sample_weight)


def _as_targets(y, dtype):
    """Return y as (n_samples, n_outputs), C-contiguous, in a dtype that holds it."""
    try:
        return cast_finite("y", y, dtype).reshape(len(y), -1)
    except ValueError as error:
        raise ValueError(f"{error}, in which X is; pass X as float64, or scale y") from None

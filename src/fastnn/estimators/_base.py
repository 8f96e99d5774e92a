"""What the classifier and the regressor share: from fit's arguments to a run, and from X to the network's outputs.

scikit-learn's checks come first and speak in its own words; then all is arrays for the engine, which trains a pass at a
time under ``fastnn.epochs``. The order of checks and draws is scikit-learn's, so that the numbers are.
"""

import warnings
from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from fastnn import epochs
from fastnn.backends import BACKENDS
from fastnn.estimators import _lbfgs
from fastnn.estimators._parameters import CONSTRAINTS
from fastnn.estimators._weights import Weights
from fastnn.initial import draw_with_biases
from fastnn.network import Network
from fastnn.spec import TrainingSpec

ENGINE = BACKENDS["simd"]


def _trains_by_batches(estimator):
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True


class MultilayerPerceptron(BaseEstimator):
    """The base of both estimators; not to be used by itself."""

    _parameter_constraints = CONSTRAINTS

    def __init__(self, **parameters):
        for name, value in parameters.items():
            setattr(self, name, value)

    # -- what an estimator brings -----------------------------------------------------------------------------

    @abstractmethod
    def _check_targets(self, X, y, incremental, reset):
        """Check X and y; return X, and a function of a dtype that gives the targets (n_samples, n_out)."""

    @abstractmethod
    def _output_activation(self):
        """The activation of the outputs, for the targets that were checked."""

    @abstractmethod
    def _labels(self):
        """How the network's own ``predict`` reads its outputs."""

    @abstractmethod
    def _score_outputs(self, outputs, targets, sample_weight):
        """The score of outputs for the rows held back."""

    # -- training ---------------------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train the network on X and y.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, or numbers for a regression.
        sample_weight : array-like of shape (n_samples,), default=None
            None: all weigh 1.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If arguments do not fit, or training ended with weights that are not finite.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    def _fit(self, X, y, sample_weight, incremental):
        hidden = self._check_hidden_layer_sizes()
        is_first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, targets_of = self._check_targets(X, y, incremental, reset=is_first)
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        dtype = np.dtype(np.float64) if self.solver == "lbfgs" else X.dtype
        if not is_first:
            dtype = self._dtype_with(dtype)
        targets = targets_of(dtype)
        if not is_first:
            self._go_on(dtype, targets.shape[1])
        self.n_outputs_ = targets.shape[1]
        self._random_state = check_random_state(self.random_state)
        if is_first:
            self._initialize([X.shape[1], *hidden, self.n_outputs_], dtype)
        samples = epochs.Samples(_as_data(X, dtype), targets, None if weight is None else weight.astype(dtype))
        if self.solver == "lbfgs":
            self._fit_lbfgs(samples)
        else:
            self._fit_stochastic(samples, incremental)
        if not np.isfinite(self._weights.network.parameters).all():
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
                f"preprocessed; or try a smaller learning_rate_init (it is {self.learning_rate_init})."
            )
        return self

    def _check_hidden_layer_sizes(self):
        sizes = self.hidden_layer_sizes
        sizes = list(sizes) if np.iterable(sizes) else [sizes]
        if not all(isinstance(size, Integral) for size in sizes):
            raise TypeError(f"hidden_layer_sizes must be integers, got {sizes}.")
        if any(size <= 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return [int(size) for size in sizes]

    def _initialize(self, layer_sizes, dtype):
        self.n_iter_ = self.t_ = 0
        self.n_layers_ = len(layer_sizes)
        self.out_activation_ = self._output_activation()
        weights = Weights.zeros(layer_sizes, self.activation, self.out_activation_, self._labels(), dtype)
        network = weights.network
        factor = 2.0 if self.activation == "logistic" else 6.0
        draw_with_biases(network._spec, factor, self._random_state, network.parameters)
        self._show(weights)
        self._progress = epochs.Progress()
        if self.early_stopping:
            self._progress.best_parameters = network.parameters.copy()

    def _go_on(self, dtype, n_outputs):
        """Take the weights as they stand, in a block of this dtype that can be written to."""
        weights = self._current_weights(dtype)
        if weights.network.layer_sizes[-1] != n_outputs:
            raise ValueError(
                f"y has {n_outputs} outputs, but the network that training is to go on from has "
                f"{weights.network.layer_sizes[-1]}"
            )
        if not weights.network.parameters.flags.writeable:
            weights = Weights(weights.network.copy())
        self._show(weights)
        if not hasattr(self, "_progress"):
            self._progress = epochs.Progress(n_seen=getattr(self, "t_", 0))

    def _show(self, weights):
        self._weights = weights
        self.coefs_, self.intercepts_ = list(weights.coefs), list(weights.intercepts)

    def _fit_lbfgs(self, samples):
        network = self._weights.network
        if samples.sample_weight is None:
            samples.sample_weight = np.ones(len(samples.y))
        self.loss_, self.n_iter_ = _lbfgs.minimize(
            ENGINE,
            self.loss,
            network._spec,
            network.parameters,
            samples,
            self.alpha,
            self.max_iter,
            self.max_fun,
            self.tol,
            self.verbose,
        )

    def _fit_stochastic(self, samples, incremental):
        network = self._weights.network
        if not incremental or not hasattr(self, "_optimizer"):
            self._optimizer = self._new_optimizer(network)
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        score = self._hold_back(samples) if self.early_stopping else None
        progress = self._progress
        ended = epochs.fit(
            ENGINE,
            self._optimizer,
            network._spec,
            network.parameters,
            samples,
            self._batch_size(samples.n_rows),
            self._random_state if self.shuffle else None,
            self.alpha,
            epochs.Limits(1 if incremental else self.max_iter, self.tol, self.n_iter_no_change),
            progress,
            score,
            print if self.verbose else None,
        )
        self.n_iter_, self.t_ = progress.n_passes, progress.n_seen
        self.loss_curve_ = progress.loss_curve
        if progress.loss_curve:
            self.loss_ = progress.loss_curve[-1]
        self.best_loss_ = None if self.early_stopping else progress.best_loss
        self.validation_scores_ = progress.scores if self.early_stopping else None
        self.best_validation_score_ = progress.best_score if self.early_stopping else None
        if ended == epochs.INTERRUPTED:
            warnings.warn("Training interrupted by user.", stacklevel=5)
        elif ended == epochs.REACHED_MAX_ITER and not incremental:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                "converged yet.",
                ConvergenceWarning,
                stacklevel=5,
            )

    def _new_optimizer(self, network):
        is_sgd = self.solver == "sgd"
        training = TrainingSpec(
            loss=self.loss,
            solver=self.solver,
            momentum=self.momentum,
            nesterov=self.nesterovs_momentum,
            as_sklearn=True,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
        )
        schedule = self.learning_rate if is_sgd else "constant"
        return epochs.Optimizer(training, network._spec, self.learning_rate_init, schedule, self.power_t)

    def _batch_size(self, n_rows):
        if self.batch_size == "auto":
            return min(200, n_rows)
        if self.batch_size > n_rows:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=6
            )
        return min(self.batch_size, n_rows)

    def _hold_back(self, samples):
        """Split rows off the samples; return a function that scores the network on them."""
        from sklearn.model_selection import train_test_split  # late: half of the time that the import takes

        stratify = np.where(samples.y[:, 0] > 0.5, "True", "False") if self._is_stratified else None
        training, held_back = train_test_split(
            np.arange(samples.n_rows, dtype=np.intp),
            random_state=self._random_state,
            test_size=self.validation_fraction,
            stratify=stratify,
        )
        if len(held_back) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        samples.rows = training
        X, targets = samples.X[held_back], samples.y[held_back]
        weight = None if samples.sample_weight is None else samples.sample_weight[held_back]
        network = self._weights.network
        outputs = np.empty_like(targets)

        def score():
            ENGINE.forward(network._spec, network.parameters, X, outputs)
            return self._score_outputs(outputs, targets, weight) if np.isfinite(outputs).all() else np.nan

        return score

    # -- prediction -------------------------------------------------------------------------------------------

    @property
    def network_(self) -> Network:
        """The network with the weights of this moment: call it, or its ``predict``, for predictions in microseconds."""
        check_is_fitted(self)
        return self._current_weights().network

    def _current_weights(self, dtype=None):
        """What ``coefs_`` and ``intercepts_`` are now, in a dtype, else in their own."""
        weights = self.__dict__.get("_weights")
        own = weights is not None and weights.are_of(self)
        if own and (dtype is None or dtype == weights.network.dtype):
            return weights
        if dtype is None:
            dtype = self._dtype_with()
        return Weights.copied(
            self.coefs_, self.intercepts_, self.activation, self.out_activation_, self._labels(), dtype
        )

    def _dtype_with(self, *others):
        """What the weights, as they are, compute in together with other dtypes: float32 or float64."""
        dtype = np.result_type(*others, *map(np.asarray, self.coefs_))
        return np.dtype(np.float32) if dtype in (np.float16, np.float32) else np.dtype(np.float64)

    def _outputs(self, X):
        """The network's outputs (n_samples, n_out)."""
        weights = self.__dict__.get("_weights")
        if (
            weights is not None
            and type(X) is np.ndarray
            and X.ndim == 2
            and "feature_names_in_" not in self.__dict__
            and weights.are_of(self)
        ):
            outputs = weights.network._plain_outputs(X)  # which finds out itself whether X is all numbers
            if outputs is not None:
                return outputs
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        dtype = self._dtype_with(X.dtype)
        network = self._current_weights(dtype).network
        if X.shape[1] != network.layer_sizes[0]:
            raise ValueError(f"X has {X.shape[1]} features, but coefs_[0] has {network.layer_sizes[0]} rows")
        outputs = np.empty((X.shape[0], network.layer_sizes[-1]), dtype)
        ENGINE.forward(network._spec, network.parameters, _as_data(X, dtype), outputs)
        return outputs

    # -- travelling -------------------------------------------------------------------------------------------

    def __getstate__(self):
        state = dict(super().__getstate__())
        weights = state.pop("_weights", None)
        if weights is not None and weights.are_of(self):
            del state["coefs_"], state["intercepts_"]
            state["_network"] = weights.network
        return state

    def __setstate__(self, state):
        network = state.pop("_network", None)
        super().__setstate__(state)
        if network is not None:
            self._show(Weights(network))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


#: Marks `partial_fit`, which only solvers that take batches have.
by_batches = available_if(_trains_by_batches)


def _as_data(X, dtype):
    """Checked X as the engine takes it: C-contiguous, or CSR."""
    if scipy.sparse.issparse(X):
        return X.tocsr().astype(dtype, copy=False)
    return np.ascontiguousarray(X, dtype)


def _check_sample_weight(sample_weight, X):
    """One finite weight per row of X, not all of them 0; a number is for all rows."""
    if isinstance(sample_weight, Real):
        sample_weight = np.full(X.shape[0], sample_weight)
    weight = check_array(sample_weight, ensure_2d=False, dtype=[np.float64, np.float32], input_name="sample_weight")
    if weight.ndim != 1:
        raise ValueError(
            f"Sample weights must be 1D array or scalar, got {weight.ndim}D array. Expected either a scalar value or a "
            f"1D array of length {X.shape[0]}."
        )
    if weight.shape != (X.shape[0],):
        raise ValueError(f"sample_weight.shape == {weight.shape}, expected {(X.shape[0],)}!")
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight

"""What the classifier and the regressor share: from fit's arguments to a run, and from X to the network's outputs.

scikit-learn's checks come first and speak in its own words; then all is arrays for the engine, which trains a pass at a
time under ``fastnn.training``. The order of checks and draws is scikit-learn's, so that the numbers are.
"""

import math
from abc import ABC, abstractmethod
from contextlib import nullcontext
from dataclasses import replace
from functools import lru_cache

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from fastnn.activations import check_hidden_activations
from fastnn.checks import all_finite
from fastnn.ensemble import mixture, pairs_of
from fastnn.estimators._activations import kept_output_activation, output_activation, start_factors
from fastnn.estimators._callbacks import CallbackSupportMixin
from fastnn.estimators._checkpoints import check_fits
from fastnn.estimators._checks import (
    as_data,
    check_hidden_layer_sizes,
    check_n_inputs,
    check_penalty,
    check_sample_weight,
    told_of_overflow,
    too_large,
)
from fastnn.estimators._hidden import HiddenOutputs
from fastnn.estimators._history import history_of
from fastnn.estimators._hooks import refuse_hooks
from fastnn.estimators._members import Members, check_kind, outputs_of, refuse_members, train
from fastnn.estimators._neighbours import Neighbours
from fastnn.estimators._parameters import CONSTRAINTS, check_parameters
from fastnn.estimators._quick import Prepared
from fastnn.estimators._shared import checked_of, given_of, samples_of
from fastnn.estimators._solvers import keeps_solver, training_of
from fastnn.estimators._trained import ENGINE, Given, Trained
from fastnn.estimators._travelling import Travelling
from fastnn.estimators._validation import check_given, check_together
from fastnn.estimators._warnings import tell_of_overflow
from fastnn.estimators._weights import Weights
from fastnn.frames import refuse_name
from fastnn.initial import draw_with_biases, seeded
from fastnn.keywords import answered, settable
from fastnn.network import Network
from fastnn.objective import PARAMETERS, check_objective
from fastnn.piecewise import is_pieces, pieces_of
from fastnn.training import passes


@lru_cache(maxsize=64, typed=True)
def _objective_of(loss, **parameter):
    return replace(check_objective(loss, **parameter), as_sklearn=True)


def _trains_by_batches(estimator):
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    if estimator.bootstrap:
        raise AttributeError(
            "partial_fit never sees all rows at once, from which bootstrap=True draws; set bootstrap=False, or call fit"
        )
    return True


class MultilayerPerceptron(
    Trained, Travelling, Members, Neighbours, HiddenOutputs, CallbackSupportMixin, BaseEstimator, ABC
):
    """The base of both estimators; not to be used by itself."""

    _parameter_constraints = CONSTRAINTS
    set_params = settable(BaseEstimator.set_params)
    _validate_params = check_parameters

    def __init__(self, **parameters):
        for name, value in parameters.items():
            setattr(self, name, value)

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        cls._refuse_hooks()

    @classmethod
    def _kinds_without_hooks(cls):
        """The classes that override something: what comes after this one does not."""
        kinds = cls.__mro__[: cls.__mro__.index(MultilayerPerceptron)]
        return [kind for kind in kinds if not kind.__module__.startswith("sklearn.")]

    @classmethod
    def _refuse_hooks(cls):
        for kind in cls._kinds_without_hooks():
            refuse_hooks(cls.__name__, vars(kind))

    # -- what an estimator brings -----------------------------------------------------------------------------

    @abstractmethod
    def _check_targets(self, X, y, incremental, reset):
        """Check X and y; return X, and a function of a dtype that gives the targets (n_samples, n_out)."""

    @abstractmethod
    def _check_validation(self, X, y):
        """Check rows to validate on; return the same."""

    @abstractmethod
    def _plain_targets(self, y, dtype):
        """The targets of a vector, a plain array, that is as usual here; else None."""

    @abstractmethod
    def _targets_of(self, y, dtype):
        """The targets of an array y of some rows, once `_check_targets` has seen what stands for all."""

    @abstractmethod
    def _output_activation(self):
        """The activation of the outputs, for the targets that were checked."""

    @abstractmethod
    def _labels(self):
        """How the network's own ``predict`` reads its outputs."""

    @abstractmethod
    def _as_spread(self, deviations):
        """Standard deviations of outputs (n_samples, n_out) as those of what is predicted."""

    @abstractmethod
    def _strata(self, targets):
        """The labels whose shares a split of the rows keeps, or None."""

    @abstractmethod
    def _scorer(self, targets, sample_weight):
        """A function that scores outputs for the rows held back, of which these are the targets; see `_scores`."""

    # -- what one may do besides ------------------------------------------------------------------------------

    def _weigh_classes(self, X, targets, weight, unit, incremental):
        """The weights of the rows and their unit, once their classes count."""
        return weight, unit

    def _smooth(self, targets):
        """The targets that are learned."""
        return targets

    # -- training ---------------------------------------------------------------------------------------------

    @answered
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train the network on X and y.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or Pieces
            Or, without `y`, data that may be more than memory holds: `Pieces`, or what these are made of.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, or numbers for a regression.
        sample_weight : array-like of shape (n_samples,), default=None
            None: all weigh 1. Their ratios count, and, as the penalty is over their sum, their scale beside `alpha`.
        X_val : array-like or sparse matrix of shape (n_validation_samples, n_features), or Pieces, default=None
            Rows that are not learned from: their loss after each epoch is in `validation_loss_curve_`, and with
            `scoring` their score in `validation_scores_`. Early stopping judges by them, in place of rows held back.
            Pieces are read into memory.
        y_val : array-like of shape (n_validation_samples,) or (n_validation_samples, n_outputs), default=None
        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            `class_weight` does not count here.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If arguments do not fit, or training ended with weights that are not finite.
        MemoryError
            If the network is too wide.

        Warns
        -----
        ConvergenceWarning
            If training ended for another reason than that it had converged, in one answer for all rows, or in answers
            beyond all of y.
        RuntimeWarning
            If a loss, or what the optimizer made of it, was not finite, unless ``numpy.errstate`` ignores it.
        """
        return self._train(X, y, sample_weight, False, X_val, y_val, sample_weight_val)

    def _train(self, X, y, sample_weight, incremental, *validation):
        pieces, X_val = pieces_of(X, y), validation[0] if validation else None
        validation = self._arrays_of(X if pieces is None else None, *validation)
        is_validated = bool(validation) and check_together(*validation)
        self.__dict__.pop("_prepared", None)  # of the call before
        refuse_name(X, y)
        if self.checkpoint is not None or self.checkpoint_every is not None:
            check_fits(self, incremental)
        self._refuse_hooks()
        refuse_hooks(f"this {type(self).__name__}", vars(self))
        goes_on = check_kind(self, incremental)
        if self.n_members > 1:
            if pieces is not None:
                raise ValueError(
                    f"X in pieces is read by one network, and n_members={self.n_members}; pass arrays, or fit "
                    "estimators of one network one after another"
                )
            return train(self, X, y, sample_weight, incremental, validation, goes_on)
        if (part := vars(self).get("_part")) is not None and part.validation:
            validation, is_validated = part.validation, True
        hidden = check_hidden_layer_sizes(self.hidden_layer_sizes)
        check_hidden_activations(self.activation, len(hidden))
        is_first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        read = None if pieces is None else self._read(pieces, sample_weight, incremental, X_val)
        X, y, sample_weight = (X, y, sample_weight) if read is None else read.arrays
        given = Given(given_of(X), y, sample_weight)
        if read is None:
            X, targets_of = self._check_targets(X, y, incremental, reset=is_first)
        else:
            X, targets_of = read.check_targets(is_first)
        weight, unit = check_sample_weight(sample_weight, X)
        dtype = np.dtype(np.float64) if self.solver == "lbfgs" else X.dtype
        if not is_first:
            dtype = self._dtype_with(dtype)
        targets = targets_of(dtype)
        weight, unit = self._weigh_classes(X, targets, weight, unit, incremental)
        training = training_of(self, [X.shape[1], *hidden, targets.shape[1]], checked_of(X))
        if weight is not None:
            check_penalty(self.alpha, weight, unit, dtype)
            weight = weight.astype(dtype)
        if not is_first:
            self._go_on(dtype, X.shape[1], targets)
        self.n_outputs_ = targets.shape[1]
        if is_first:
            self.out_activation_ = output_activation(self, targets)
        goes_on = not (is_first or incremental) and keeps_solver(self)
        if not (goes_on and hasattr(self, "_random_state")):
            seed = self.random_state
            self._random_state = seeded(seed) if type(seed) is int else check_random_state(seed)
        if read is None or read.is_held:
            samples = samples_of(X, self._smooth(targets), weight, unit)
        else:
            samples = read.samples(targets, dtype)
        if is_validated:
            with self._names_seen(X_val):
                given.validation = check_given(self, *validation)(dtype)
        try:
            if is_first:
                self._begin([X.shape[1], *hidden, self.n_outputs_], dtype)
            if self.solver == "lbfgs":
                self._train_by_lbfgs(samples, training, given)
            else:
                self._train_by_epochs(samples, training, given, is_first, incremental, goes_on)
        except MemoryError as error:
            raise MemoryError(too_large(hidden)) from error
        self._refuse_bad_weights()
        if incremental:  # each such call begins with the seed, whichever way it goes
            del self._random_state
            self._prepared = Prepared.by(self)
        return self

    def _arrays_of(self, X, *validation):
        """Rows to validate on, of which pieces are read into memory."""
        if not validation or not is_pieces(validation[0]):
            return validation
        from fastnn.estimators._pieces import validation_arrays

        return validation_arrays(self, X, *validation)

    def _names_seen(self, X_val):
        """A context in which pieces, whose names have been looked at, are arrays like any."""
        if not is_pieces(X_val):
            return nullcontext()
        from fastnn.estimators._pieces import nameless

        return nameless(self)

    def _read(self, pieces, sample_weight, incremental, X_val):
        """Pieces, read once."""
        from fastnn.estimators._pieces import Read  # late: few ask for it

        if incremental:
            raise ValueError("partial_fit learns from the rows of one piece; call it for each, or fit for all of them")
        read = Read(self, pieces, sample_weight, self.checkpoint is not None)
        read.check_columns(X_val)
        if self.early_stopping and not (read.is_held or X_val is not None):
            raise ValueError(
                "early_stopping=True holds rows of X back, but X comes in pieces, of which the buffer holds a part; "
                "pass X_val and y_val, or Pieces with a larger buffer"
            )
        return read

    def _refuse_bad_weights(self):
        if not np.isfinite(self._weights.network.parameters).all():
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
                f"preprocessed; or try a smaller learning_rate_init (it is {self.learning_rate_init!r:.60})."
            )

    def _tell_what_is_not_finite(self, n_before, X):
        """Warn of it, and refuse weights, after so many epochs of earlier calls."""
        loss = self.loss_curve_[-1] if len(self.loss_curve_) > n_before else 0.0
        parameters, moments = self._weights.network.parameters, self._optimizer.moments
        if not (math.isfinite(loss) and all_finite(parameters) and all_finite(moments)):
            tell_of_overflow(self, n_before, X)
            self._refuse_bad_weights()

    def _begin(self, layer_sizes, dtype):
        """Draw the weights that training starts from."""
        self.n_iter_ = self.t_ = 0
        self.n_layers_ = len(layer_sizes)
        weights = Weights.zeros(layer_sizes, self.activation, self.out_activation_, self._labels(), dtype)
        network = weights.network
        factors = start_factors(self.activation, network._spec)
        draw_with_biases(network._spec, factors, self._random_state, network.parameters, self.bias)
        self._show(weights)
        if self.solver != "lbfgs":
            self._show_progress(passes.Progress())

    def _go_on(self, dtype, n_inputs, targets):
        """Take the weights as they stand, in a block of this dtype that training may write to."""
        weights = self._current_weights(dtype)
        network = weights.network
        check_n_inputs(n_inputs, network)
        if network.layer_sizes[-1] != targets.shape[1]:
            raise ValueError(
                f"y has {targets.shape[1]} outputs, but the network that training is to go on from has "
                f"{network.layer_sizes[-1]}"
            )
        if not self.bias and any(layer.any() for layer in network.b.values()):
            raise ValueError("intercepts_ are not 0, but bias=False; set them to 0, or fit anew without warm_start")
        out_activation = self._kept_output_activation(network, targets)
        if out_activation != self.out_activation_:
            self.out_activation_ = out_activation
            weights = self._current_weights(dtype)
            network = weights.network
        # As in scikit-learn, arrays that were handed out before change under "sgd" and "adam", not under "lbfgs".
        if self.solver == "lbfgs" or not network.parameters.flags.writeable:
            weights = Weights(network.copy())
        self._show(weights)

    def _kept_output_activation(self, network, targets):
        return kept_output_activation(self, targets)

    def _show(self, weights):
        self._weights = weights
        self.coefs_, self.intercepts_ = list(weights.coefs), list(weights.intercepts)

    def _objective(self):
        """What is made small; a loss's parameter has its default where an older fastnn pickled the estimator."""
        keyword, default = PARAMETERS.get(self.loss, ("", 0.0))
        given = {keyword: getattr(self, keyword, default)} if keyword else {}
        try:
            return _objective_of(self.loss, **given)
        except TypeError:  # a list of quantiles is not remembered
            return _objective_of.__wrapped__(self.loss, **given)

    # -- what came of it --------------------------------------------------------------------------------------

    @property
    def history_(self):
        """What was recorded of each epoch: a dict of equally long lists."""
        check_is_fitted(self)
        refuse_members(self, "history_")
        return history_of(self)

    # -- prediction -------------------------------------------------------------------------------------------

    @property
    def network_(self) -> Network:
        """The network with the weights of this moment: call it, or its ``predict``, for quick predictions."""
        check_is_fitted(self)
        refuse_members(self, "network_")
        network = self._current_weights().network
        network._feature_names = tuple(self.feature_names_in_) if hasattr(self, "feature_names_in_") else None
        return network

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
        own = self.__dict__
        weights = own.get("_weights")
        if weights is not None and "feature_names_in_" not in own and weights.are_of(self):
            outputs = weights.network._plain_outputs(X)  # which finds out itself whether X is plain, and all finite
            may_have_more_digits = weights.network.dtype == np.float32 and type(X) in (np.ndarray, list, tuple)
            if outputs is None and may_have_more_digits:
                outputs = weights.in_float64()._plain_outputs(X)
            if isinstance(outputs, np.ndarray) and outputs.ndim == 2:
                return outputs
        check_is_fitted(self)
        if "members_" in own:
            outputs = outputs_of(self, X)
            return mixture(outputs, pairs_of(self._reading_labels(), outputs.shape[-1]))
        return self._outputs_of_checked(validate_data(self, X, accept_sparse="csr", reset=False))

    def _outputs_of_checked(self, X):
        """Likewise, once scikit-learn's checks of X are done."""
        dtype = self._dtype_with(X.dtype)
        network = self._current_weights(dtype).network
        check_n_inputs(X.shape[1], network)
        X = as_data(X, dtype)
        outputs = np.empty((X.shape[0], network.layer_sizes[-1]), dtype)
        sums_are_finite = ENGINE.forward(network._spec, network.parameters, X, outputs)
        return told_of_overflow(outputs, X, network, sums_are_finite)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


#: Marks `partial_fit`, which only solvers that take batches have.
by_batches = available_if(_trains_by_batches)

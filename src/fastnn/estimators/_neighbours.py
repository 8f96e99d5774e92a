"""Estimators that come from scikit-learn's own and go there, with what training has come to; part of their base."""

import copy
import inspect
from typing import Any

from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from fastnn.activations import check_hidden_activations
from fastnn.estimators._checks import check_hidden_layer_sizes
from fastnn.estimators._members import refuse_members
from fastnn.estimators._moved import optimizer_from, optimizer_to
from fastnn.training import passes

#: Parameters that scikit-learn's lack, and without which training is the same.
WATCHING = ("track", "callback", "progress")

#: Attributes that scikit-learn's own training needs no more, or draws anew.
LEFT_BEHIND = ("_best_coefs", "_best_intercepts", "_coef_indptr", "_intercept_indptr", "_random_state")

#: What training has come to, in the words of both.
PROGRESS = (
    "n_iter_", "t_", "loss_", "loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_",
    "_no_improvement_count", "classes_", "_label_binarizer",
)  # fmt: skip


class Neighbours:
    """`from_sklearn` and `to_sklearn`."""

    @classmethod
    def _of_sklearn(cls):
        from sklearn import neural_network  # late: few ask for it

        return neural_network.MLPClassifier if is_classifier(cls()) else neural_network.MLPRegressor

    @classmethod
    def from_sklearn(cls, model: Any):
        """Return an estimator with the parameters, the weights and the training of one of scikit-learn's.

        Training goes on from there with the numbers that scikit-learn's own would have: from the moments of the
        optimizer, the counters and the losses. Nothing is shared.

        Parameters
        ----------
        model : sklearn.neural_network.MLPClassifier or MLPRegressor
            Of this kind, fitted or not.

        Returns
        -------
        estimator : object
            Of this class.

        Raises
        ------
        TypeError
            If it is another model.
        ValueError
            If it has parameters that are not known here.
        """
        theirs = cls._of_sklearn()
        if not isinstance(model, theirs):
            advice = "; of a Pipeline hand over the last step, model[-1]" if hasattr(model, "steps") else ""
            raise TypeError(f"model is a {type(model).__name__}, expected scikit-learn's {theirs.__name__}{advice}")
        parameters = model.get_params(deep=False)
        if unknown := parameters.keys() - inspect.signature(cls).parameters.keys():
            raise ValueError(f"fastnn's {cls.__name__} has no {', '.join(sorted(unknown))}, which the model has")
        kept = {name: own for name, own in vars(model).items() if name not in (*parameters, *LEFT_BEHIND)}
        estimator = cls(**copy.deepcopy(parameters))
        vars(estimator).update(copy.deepcopy(kept))
        if "coefs_" in kept:
            estimator._show(estimator._current_weights())
            if "_optimizer" in kept:
                network = estimator._weights.network
                estimator._optimizer = optimizer_from(estimator._optimizer, estimator._objective(), network._spec)
        return estimator

    def to_sklearn(self) -> Any:
        """Return scikit-learn's own estimator with these parameters, weights and training.

        It predicts the same and goes on training with the same numbers: from the moments of the optimizer, the counters
        and the losses. `track`, `callback` and `progress`, which only watch, are left out. Nothing is shared.

        Returns
        -------
        model : sklearn.neural_network.MLPClassifier or MLPRegressor

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If scikit-learn's has no such parameter or value, or no such network.
        AttributeError
            Of an ensemble, whose `members_` have it.
        """
        from fastnn.interop.sklearn import show

        check_is_fitted(self)
        refuse_members(self, "to_sklearn()")
        theirs = self._of_sklearn()
        known = inspect.signature(theirs).parameters
        defaults = {name: one.default for name, one in inspect.signature(type(self)).parameters.items()}
        parameters = copy.deepcopy(self.get_params(deep=False))
        lacks = [
            f"{name}={value!r:.60}"
            for name, value in parameters.items()
            if name not in (*known, *WATCHING) and not _is(value, defaults[name])
        ]
        if lacks:
            raise ValueError(f"scikit-learn's {theirs.__name__} has no {', '.join(lacks)}; set_params to the default")
        network = self.network_
        hidden = check_hidden_layer_sizes(self.hidden_layer_sizes)
        activations = dict.fromkeys(check_hidden_activations(self.activation, len(hidden)))
        parameters |= {"hidden_layer_sizes": tuple(hidden)}
        if len(activations) == 1:
            (parameters["activation"],) = activations
        model = theirs(**{name: value for name, value in parameters.items() if name in known})
        show(model, network)
        model._validate_params()
        vars(model).update({name: copy.deepcopy(getattr(self, name)) for name in PROGRESS if hasattr(self, name)})
        optimizer = getattr(self, "_optimizer", None)
        if isinstance(optimizer, passes.Optimizer) and optimizer.training.solver in ("adam", "sgd"):
            model._optimizer = optimizer_to(optimizer, network._spec, model.coefs_ + model.intercepts_)
        return model


def _is(value, default):
    return type(value) is type(default) and value == default

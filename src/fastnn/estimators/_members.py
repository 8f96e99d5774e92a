"""Estimators of several members: networks with seeds, and perhaps rows, of their own, which are trained together.

What an ensemble has of its members, how these are made and trained, and what only one network has. Called by the base;
``fit_many`` does the training, ``ensemble`` the averages, and `_intervals` says how sure a regressor is.
"""

from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
import scipy.sparse
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from fastnn.ensemble import Ensemble, deviations, pairs_of
from fastnn.estimators._checks import check_sample_weight
from fastnn.estimators._intervals import out_of_bag
from fastnn.estimators._parameters import parameters_of
from fastnn.estimators._validation import check_given, check_together

#: What an ensemble shows of its members, which all have the same.
SHARED = (
    "n_features_in_", "feature_names_in_", "n_outputs_", "n_layers_", "out_activation_", "classes_", "_label_binarizer",
)  # fmt: skip

#: What one network leaves, and an ensemble takes away.
OF_ONE = (
    "coefs_", "intercepts_", "loss_", "best_loss_", "loss_curve_", "validation_scores_", "validation_loss_curve_",
    "best_validation_score_", "t_",
)  # fmt: skip
OTHERS_OF_ONE = (
    "_weights", "_optimizer", "_random_state", "_course", "_curve", "_tracked", "_no_improvement_count", "_prepared",
)  # fmt: skip

#: Parameters that members do not share.
OWN = {"n_members", "bootstrap", "random_state", "verbose", "progress", "checkpoint", "max_time"}


class OfOne:
    """An attribute that only an estimator of one network has: of an ensemble, the error names its members."""

    def __set_name__(self, owner, name):
        self.name, self.__doc__ = name, None

    def __get__(self, estimator, owner=None):
        if estimator is None:
            return self
        refuse_members(estimator, self.name)
        raise AttributeError(f"{type(estimator).__name__!r} object has no attribute {self.name!r}")


def refuse_members(estimator, name):
    """Refuse of an ensemble what only one network has."""
    if n := len(vars(estimator).get("members_", ())):
        raise AttributeError(
            f"{name} is of one network, and this {type(estimator).__name__} has {n}: ask one of members_, such as "
            f"members_[0].{name}"
        )


@dataclass(frozen=True)
class Part:
    """What a member is told, while it is trained, beside the arguments of ``fit``.

    Parameters
    ----------
    validation : tuple
        X, y and weights to validate on, or ().
    draw : ndarray of intp, or None
        The rows of the whole that it learns from, of which some stand several times.
    """

    validation: tuple = ()
    draw: np.ndarray | None = None


class Members:
    """What both estimators have where they have members."""

    for _name in OF_ONE:
        locals()[_name] = OfOne()
    del _name

    @property
    def ensemble_(self) -> Ensemble:
        """The members' networks, with the weights of this moment, called as one: without the estimator's checks."""
        check_is_fitted(self)
        return Ensemble([member.network_ for member in members_of(self)])

    def predict_std(self, X):
        """Return how far the members are apart: the standard deviation over them, by k, of what they predict.

        It says where the networks have not learned the same, as they do not far from the rows of `fit`; nothing of the
        noise in y. With ``loss="gaussian_nll"``, which learns that, it is the deviation of the mixture of all members,
        and one network has it, too.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        std : ndarray
            Of a regressor in the shape of `predict`; of a classifier that of the probabilities, (n_samples, n_classes),
            or without these of `decision_function`.

        Raises
        ------
        ValueError
            For one network, without ``loss="gaussian_nll"``.
        """
        check_is_fitted(self)
        labels, outputs = self._reading_labels(), outputs_of(self, X)
        pairs = pairs_of(labels, outputs.shape[-1])
        if len(outputs) == 1 and not (pairs and labels.kind == "means"):
            gives = "" if hasattr(self, "classes_") else ", or loss='gaussian_nll', by which one learns a variance"
            raise ValueError(
                f"predict_std compares members, and this {type(self).__name__} has one network: fit with n_members=5 "
                f"or more{gives}"
            )
        return self._as_spread(deviations(outputs, pairs))

    def _reading_labels(self):
        """How the outputs of the networks, as they were trained, are read, whatever has become of parameters since."""
        weights = members_of(self)[0].__dict__.get("_weights")
        return self._labels() if weights is None else weights.network._labels


def members_of(estimator):
    """Return the estimators of one network each: the members, or itself."""
    return vars(estimator).get("members_") or [estimator]


def outputs_of(estimator, X):
    """Return the outputs of all members, (n_members, n_samples, n_out)."""
    members = members_of(estimator)
    if len(members) == 1:
        return estimator._outputs(X)[None]
    if "feature_names_in_" not in vars(estimator):
        weights = [vars(member).get("_weights") for member in members]
        if all(one is not None and one.are_of(member) for one, member in zip(weights, members, strict=True)):
            outputs = weights[0].network._outputs_of_all([one.network for one in weights], X)
            if isinstance(outputs, np.ndarray) and X.ndim == 2:
                return outputs
    X = validate_data(estimator, X, accept_sparse="csr", reset=False)
    return np.stack([member._outputs_of_checked(X) for member in members])


def show(estimator, members):
    """Make an estimator one of these members."""
    own, first = vars(estimator), vars(members[0])
    for name in (*OF_ONE, *OTHERS_OF_ONE, *SHARED):
        own.pop(name, None)
    own.update({name: first[name] for name in SHARED if name in first})
    estimator.members_, estimator.n_iter_ = members, max(member.n_iter_ for member in members)


def check_members(estimator, members):
    """Refuse what can be no members, whoever says so."""
    kind, is_list = _kind_of(estimator), isinstance(members, list)
    if not is_list or len(members) < 2 or not all(type(one) is kind and "coefs_" in vars(one) for one in members):
        raise ValueError(f"members_ must be fitted {kind.__name__}s of one network each, got {members!r:.60}")
    labels = [one._reading_labels() for one in members]
    if any(own != labels[0] for own in labels):
        raise ValueError("members_ have different classes, or read their outputs otherwise; it is damaged")
    Ensemble([one.network_ for one in members])


def check_kind(estimator, incremental):
    """Return whether training goes on; refuse it from one network where there are to be members, or the reverse."""
    own, k = vars(estimator), estimator.n_members
    has = len(own["members_"]) if "members_" in own else int("coefs_" in own)
    goes_on = bool(has and (estimator.warm_start or incremental))
    if goes_on and has != k:
        raise ValueError(
            f"training is to go on from {has} network(s), but n_members={k}; set it as it was, or fit anew without "
            "warm_start"
        )
    if not goes_on:
        own.pop("_out_of_bag", None)
        if k == 1 and not incremental:
            own.pop("members_", None)
    if estimator.bootstrap and k == 1:
        raise ValueError("bootstrap=True draws rows for each of several members; set n_members to 2 or more")
    return goes_on


def train(estimator, X, y, sample_weight, incremental, validation, goes_on):
    """Train all members, by ``fit`` or once over the rows by ``partial_fit``; return the estimator."""
    _refuse_what_hears_of_one(estimator)
    members = estimator.members_ if goes_on else _new_members(estimator)
    for i, member in enumerate(members):
        _take_parameters(estimator, member, i)
    if incremental:
        _train_once(estimator, members, X, y, sample_weight)
    else:
        before = dict(vars(estimator))
        try:
            _fit(estimator, members, X, y, sample_weight, validation, goes_on)
        except BaseException:  # the members are those of before, whose outputs the new labels would misread
            vars(estimator).clear()
            vars(estimator).update(before)
            raise
    show(estimator, members)
    return estimator


def _refuse_what_hears_of_one(estimator):
    k = estimator.n_members
    for name, value in (("callback", estimator.callback), ("set_callbacks", vars(estimator).get("_skl_callbacks"))):
        if value:
            raise ValueError(
                f"{name} hears of the epochs of one network, and n_members={k}; leave it out, or fit estimators of one "
                "network by fastnn.fit_many"
            )
    if estimator.checkpoint is not None and not isinstance(estimator.random_state, int | np.integer):
        raise ValueError(
            "checkpoint with n_members needs an int as random_state, by which a later fit makes the same members; got "
            f"{estimator.random_state!r:.60}"
        )


def _new_members(estimator):
    kind = _kind_of(estimator)
    seeds = check_random_state(estimator.random_state).randint(np.iinfo(np.int32).max, size=estimator.n_members)
    return [kind(random_state=seed) for seed in seeds.tolist()]


def _kind_of(estimator):
    return next(base for base in type(estimator).__mro__ if base.__module__.startswith("fastnn.estimators._"))


def _take_parameters(estimator, member, i):
    """What the ensemble's parameters are now, as far as they are the member's."""
    for name in parameters_of(type(member)).keys() - OWN:
        setattr(member, name, getattr(estimator, name))
    if estimator.checkpoint is not None:
        member.checkpoint = Path(estimator.checkpoint) / f"member_{i}"
    if estimator.max_time is not None:  # an equal share for each
        from fastnn.many.crew import n_cpus

        member.max_time = estimator.max_time / ceil(estimator.n_members / n_cpus())


def _train_once(estimator, members, X, y, sample_weight):
    own = vars(estimator)
    classes = (own["classes_"],) if getattr(estimator, "extend_classes", False) and "classes_" in own else ()
    for member in members:
        if "coefs_" not in vars(member):
            vars(member).update({name: own[name] for name in ("classes_", "_label_binarizer") if name in own})
            member._train(X, y, sample_weight, True)
        elif sample_weight is None and not classes:  # the quick way
            member.partial_fit(X, y)
        else:
            member.partial_fit(X, y, sample_weight, *classes)


def _fit(estimator, members, X, y, sample_weight, validation, goes_on):
    from fastnn.many.fitting import fit_many

    X, _ = estimator._check_targets(X, y, False, reset=not goes_on)
    n_rows, labels = X.shape[0], {}
    if hasattr(estimator, "_label_binarizer"):  # of all rows, whatever a draw has of them
        labels = {"classes_": estimator.classes_, "_label_binarizer": estimator._label_binarizer}
    y = y.tocsr() if scipy.sparse.issparse(y) else np.asarray(y)
    y = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
    check_sample_weight(sample_weight, X)
    weight = None if sample_weight is None else np.broadcast_to(np.asarray(sample_weight), n_rows)
    validation = _checked(estimator, validation)
    draws = [draw(member, n_rows) if estimator.bootstrap else None for member in members]
    for member, rows in zip(members, draws, strict=True):
        vars(member).update(labels, _part=Part(validation, rows))
        vars(member).pop("feature_names_in_", None)
    try:
        fit_many(
            members, X, y, rows=draws if estimator.bootstrap else None, progress=estimator.progress,
            sample_weights=None if weight is None else [weight] * len(members),
        )  # fmt: skip
    finally:
        for member in members:
            vars(member).pop("_part", None)
            member.checkpoint = member.checkpoint_every = member.max_time = None
            if "feature_names_in_" in vars(estimator):
                member.feature_names_in_ = estimator.feature_names_in_
    if estimator.verbose:
        for i, member in enumerate(members):
            print(f"Member {i + 1} of {len(members)}: {member.n_iter_} iterations, loss = {member.loss_:.8f}")
    if estimator.bootstrap and not labels:
        vars(estimator).pop("_out_of_bag", None)
        if (found := out_of_bag(members, X, y, weight, draws)) is not None:
            estimator._out_of_bag = found


def _checked(estimator, validation):
    """The rows to validate on as members take them, whose own have no names of columns."""
    if not (validation and check_together(*validation)):
        return ()
    check_given(estimator, *validation)
    X_val, *others = validation
    X_val = validate_data(estimator, X_val, accept_sparse="csr", dtype=(np.float64, np.float32), reset=False)
    return X_val, *others


def draw(member, n_rows):
    """Return the rows that a member learns from, drawn with replacement by its seed, in their order."""
    rows = np.random.RandomState([member.random_state, 1]).randint(0, n_rows, n_rows)
    return np.sort(rows).astype(np.intp)

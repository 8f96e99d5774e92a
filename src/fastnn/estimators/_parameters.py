"""The constructor's parameters that both estimators share: what is allowed, and what they mean."""

import re
from functools import lru_cache
from inspect import Parameter, cleandoc, signature
from numbers import Integral, Real
from os import PathLike

import numpy as np
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
)

from fastnn import schedules
from fastnn._tables import HIDDEN_ACTIVATIONS, OUTPUT_ACTIVATIONS
from fastnn.checks import PLAIN
from fastnn.vocabulary import meant_by

CONSTRAINTS = {
    "hidden_layer_sizes": ["array-like", str, Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions(set(HIDDEN_ACTIVATIONS)), tuple, list],
    "solver": [
        StrOptions(
            {"lbfgs", "sgd", "adam", "adamw", "rmsprop", "nadam", "adagrad", "lion", "rprop", "levenberg_marquardt"}
        )
    ],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive", *schedules.__all__})],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither"), schedules.Schedule, callable, "array-like"],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean", StrOptions({"solver"})],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "weight_decay": [None, Interval(Real, 0, None, closed="left")],
    "l1": [Interval(Real, 0, None, closed="left")],
    "max_grad_norm": [None, Interval(Real, 0, None, closed="neither")],
    "max_norm": [None, Interval(Real, 0, None, closed="neither")],
    "frozen": [None, "array-like"],
    "layer_rates": [None, "array-like"],
    "mu": [Interval(Real, 0, None, closed="neither")],
    "mu_inc": [Interval(Real, 1, None, closed="neither")],
    "mu_dec": [Interval(Real, 0, 1, closed="neither")],
    "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
    "input_dropout": [Interval(Real, 0, 1, closed="left")],
    "bias": ["boolean"],
    "output_activation": [StrOptions(set(OUTPUT_ACTIVATIONS)), tuple, list, None],
    "scoring": [str, callable, None],
    "max_time": [None, Interval(Real, 0, None, closed="neither")],
    "track": [None, str, tuple, list],
    "callback": [None, callable],
    "progress": ["boolean"],
    "checkpoint": [None, str, PathLike],
    "checkpoint_every": [None, Interval(Integral, 1, None, closed="left")],
    "n_members": [Interval(Integral, 1, None, closed="left")],
    "bootstrap": ["boolean"],
}

#: Those of the classifier's losses, and of the regressor's.
CLASSIFIER_LOSSES = {
    "loss": [StrOptions({"log_loss", "hinge", "squared_hinge", "focal"})],
    "focal_gamma": [Interval(Real, 0, None, closed="left")],
}
REGRESSOR_LOSSES = {
    "loss": [StrOptions({"squared_error", "poisson", "absolute_error", "huber", "quantile", "gamma", "gaussian_nll"})],
    "huber_delta": [Interval(Real, 0, None, closed="neither")],
    "quantile": [Interval(Real, 0, 1, closed="neither"), "array-like"],
    "heads": [list, tuple, None],
}

#: What stands in the docstring of each estimator, under Parameters.
DOCUMENTATION = """hidden_layer_sizes : int, array-like of int, or str, default=(100,)
        Units of each hidden layer; ``()`` for none. As a string such as "64x32" where a search or a file cannot hold
        tuples.
    activation : str, (str, float) or list of these, default="relu"
        Of the hidden layers: scikit-learn's "identity", "logistic", "tanh" and "relu", and fastnn's own "leaky_relu",
        "elu", "selu", "gelu", "silu", "mish", "softplus", "hard_sigmoid", "hard_swish", "sin", "softsign" and "step";
        ``("leaky_relu", 0.2)`` and ``("elu", 0.5)`` have another parameter; a list has one per hidden layer. See
        `fastnn.train`.
    solver : str, default="adam"
        "adam" and "sgd" take a batch at a time, and compute in float32 if X is of that. "lbfgs" takes all rows at once,
        in float64, and often is the better choice for less than a thousand rows. Beyond scikit-learn's: "adamw",
        "rmsprop", "nadam", "adagrad", "lion", and of all rows in each update "rprop" and, for squared errors and at
        most some thousand parameters, "levenberg_marquardt"; their formulas are in the notes of `fastnn.train`.
    alpha : float, default=0.0001
        Strength of the L2 penalty on the weights, ½ alpha Σ w² over the weight of the batch (its number of rows).
    batch_size : int or "auto", default="auto"
        Rows of an update, clipped to those there are; "auto": min(200, n_samples), or all that "rprop" and
        "levenberg_marquardt" take. Not for "lbfgs".
    learning_rate : str, default="constant"
        "constant"; for "sgd" alone "invscaling", ``learning_rate_init / (t_ + 1) ** power_t`` after each epoch, and
        "adaptive", a fifth of it whenever training would else stop, as long as it is above 1e-6; or the name of one of
        `fastnn.schedules`, such as "cosine", from `learning_rate_init` on, over the updates of `max_iter` epochs.
        Training may stop before these, by `tol`; "plateau" has half the patience of `n_iter_no_change`, at most 10.
    learning_rate_init : float, schedule, callable or array-like, default=0.001
        For all but "lbfgs" and "levenberg_marquardt"; of "rprop" the first step size. One of `fastnn.schedules`, a
        function of the progress (the share of the updates of `max_iter` epochs that have been made), or an array with
        a rate for each of these. Not for `partial_fit`.
    power_t : float, default=0.5
        The exponent of "invscaling".
    max_iter : int, default=200
        Epochs at most; for "lbfgs", iterations.
    shuffle : bool, default=True
        Whether the rows are shuffled before each epoch.
    random_state : int, RandomState instance or None, default=None
        Of the start weights, the split of early stopping and the shuffles. An int gives the same numbers in every call.
    tol : float, default=1e-4
        What counts as progress: of the loss, or with early stopping of the validation score. For "lbfgs": the gradient
        that is small enough.
    verbose : bool or int, default=False
        Print the loss of each epoch.
    warm_start : bool or "solver", default=False
        Whether `fit` goes on from the weights it finds. "solver": and from the solver's state, its constants and rate
        (unless another `learning_rate_init` is set), the random numbers and the order of the rows, so that two fits of
        k epochs have the bits of one of 2 k, under early stopping too, whatever weights the first gave back. "lbfgs",
        which has no state, goes on from the weights; a schedule goes over the epochs of each fit.
    momentum : float, default=0.9
        Of "sgd", between 0 and 1.
    nesterovs_momentum : bool, default=True
        Whether "sgd" takes its momentum by Nesterov's rule.
    early_stopping : bool, default=False
        Whether to hold back rows, to stop once the score on them no longer improves, and to keep the best weights.
        Training also stops after an epoch whose loss is not finite.
    validation_fraction : float, default=0.1
        The share of the rows held back.
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of Adam's first and second moments, in [0, 1); "adamw", "nadam", "rmsprop" and "lion" read them too. For
        "rmsprop" the default of beta_2 stands for 0.9, for "lion" for 0.99.
    epsilon : float, default=1e-8
        What Adam adds to the root of the second moment, as do "adamw", "nadam", "rmsprop" and "adagrad".
    n_iter_no_change : int or inf, default=10
        Training stops when more epochs than this have brought no progress.
    max_fun : int, default=15000
        Calls of the loss that "lbfgs" may make.
    weight_decay : float, default=None
        The weights shrink by its product with the learning rate at each update. None: 0.01 for "adamw", else 0.
    l1 : float, default=0.0
        Strength of the penalty l1 Σ abs(w), which, unlike that of `alpha`, is not over the weight of the batch.
    max_grad_norm : float, default=None
        A gradient whose norm is larger is scaled down to it.
    max_norm : float, default=None
        After each update the weights into a unit are scaled down to this norm.
    frozen : list, default=None
        What does not move: a layer of weights and biases by its number, from 1, "W1" or "b1" for one of them.
    layer_rates : list, default=None
        A factor of the learning rate for each layer of weights, or a pair of them for weights and biases.
    mu : float, default=1e-3
        The damping of "levenberg_marquardt" at the start.
    mu_inc, mu_dec : float, default=10, 0.1
        Its factors after a step that failed, and one that succeeded.
    dropout : float or array-like of float, default=0.0
        The rate at which outputs of the hidden layers are dropped in each update, of all of them or one for each, as a
        multiple of 1 / 65536; those that stay are divided by 1 - rate. Predictions are of the whole network. Not for
        "lbfgs" and "levenberg_marquardt".
    input_dropout : float, default=0.0
        Likewise of the inputs; X must be dense.
    bias : bool, default=True
        Whether units have biases. Without, none is drawn, and ``intercepts_`` are zeros.
    output_activation : str or (str, float), default=None
        Of the outputs, as the loss allows: "softmax" or "logistic" under the log-loss, where the logistic probabilities
        of several classes need not sum to 1; under the squared error any activation of a hidden layer but "step", and
        "exp". None: as scikit-learn, see above.
    scoring : str or callable, default=None
        What early stopping judges by: the name of one of scikit-learn's scorers, a function of estimator, X and y, or
        "loss", the smallest loss without the penalty. None: the accuracy, or R². Also of the rows of `X_val` without
        early stopping.
    max_time : float, default=None
        Seconds after which training ends, as soon as the update under way is made. With `X_val` the weights are then
        those of the epoch that was best by `scoring`, else by its loss.
    track : str or list of str, default=None
        What `history_` has besides: "score" (of the rows learned from, weighed as they are there), "learning_rate",
        "gradient_norm" (of the loss over these rows, with `alpha`) and "seconds" since `fit` began. The first costs a
        forward pass over the rows in each epoch, the norm a forward and a backward pass.
    callback : callable, default=None
        ``callback(epoch, loss, network)``, after each epoch, with the number of the epoch in this fit, its loss and the
        live `Network` (copy it to keep it). Returning something true ends the fit. scikit-learn's own callbacks, from
        its release 1.9 on, are set by ``set_callbacks``. What one of these raises comes through, with the estimator as
        of the last finished epoch as its attribute ``result``.
    progress : bool, default=False
        Show a bar, in a terminal or a notebook, with loss, validation and the time left. Needs tqdm, the extra
        ``[progress]``.
    checkpoint : str or os.PathLike, default=None
        A folder, made if it is not there, in which `fit` keeps what it needs to go on, in at most three files. The same
        `fit` again, by the same parameters on the same rows, goes on from there, wherever it was killed, and ends with
        the same bits; after the end it returns at once. See `fastnn.train`. `max_iter` may become larger unless the
        rate is a schedule. Not for `partial_fit`, `warm_start` and "lbfgs".
    checkpoint_every : int, default=None
        Epochs between two checkpoints, or more, where these would take more than a hundredth of the time. None: about
        ten seconds."""

#: And as the last of them.
MEMBERS = """n_members : int, default=1
        Networks of an ensemble, each with a seed of its own from `random_state`, which are trained side by side on all
        cores. Predictions are the means of theirs: of values, of probabilities, of quantiles; of learned variances that
        of the mixture. `members_` has them, `predict_std` tells how far they are apart. Each holds back rows of its
        own for early stopping, goes on from its own weights, and has a folder in `checkpoint`; `max_time` is for all
        together. `callback` is refused.
    bootstrap : bool, default=False
        Whether each member learns from rows of its own, as many as there are, drawn with replacement. Not for
        `partial_fit`."""

#: And under Attributes.
ATTRIBUTES = """loss_ : float
        Of the last epoch; for "lbfgs" the smallest.
    best_loss_ : float or None
        The smallest of all epochs; None with early stopping. Not for "lbfgs".
    loss_curve_ : list of float
        The loss of each epoch: the mean over its batches by their numbers of rows. Not for "lbfgs".
    validation_scores_ : list of float or None
        The score on the rows held back or given as `X_val`, after each epoch, with early stopping or `scoring`; NaN
        for the epochs before, where a fit goes on that had none.
    validation_loss_curve_ : list of float or None
        Their loss, without the penalty, with `X_val` or ``scoring="loss"``; likewise.
    history_ : dict of lists
        All that was recorded, an entry for each epoch: "epoch", "loss", "val_loss", "val_score" and what `track` names,
        as far as there is any; NaN for epochs of which it was not.
    best_validation_score_ : float or None
    t_ : int
        Rows that updates were made from, repeats counted.
    coefs_ : list of ndarray of shape (n_in, n_out)
        Weights of each layer: views of the network's own matrices, which are their transposes. They may be changed in
        place or replaced. In memory they so stand by columns (Fortran order): ``w.ravel()`` is a copy, ``w.T.ravel()``
        a view, and what reads bytes (hashes, ``memoryview``, pointers) needs ``np.ascontiguousarray(w)`` for rows.
    intercepts_ : list of ndarray of shape (n_out,)
        Biases of each layer, likewise.
    network_ : Network
        The network with these weights: predicts without the estimator's checks, from any thread.
    members_ : list of estimators
        Of an ensemble, which itself has none of the attributes above: estimators with ``n_members=1``.
    ensemble_ : Ensemble
        Its networks, called as one: the outputs for rows or for one row, without the estimator's checks.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Where X had column names.
    n_iter_ : int
        Epochs, or iterations of "lbfgs", of the last call; of members the most.
    n_layers_ : int
        Layers, with the inputs.
    n_outputs_ : int
    out_activation_ : str or (str, float)
        With several heads a tuple of these."""


@lru_cache(maxsize=32)
def parameters_of(estimator_class):
    """Names of a class's parameters, each with the default that it has in this package, if it has one there."""
    own = next(base for base in estimator_class.__mro__ if base.__module__.startswith("fastnn."))
    defaults = signature(own.__init__).parameters
    names = estimator_class._get_param_names()
    return {name: defaults[name].default if name in defaults else Parameter.empty for name in names}


def check_parameters(estimator):
    """Refuse parameters as scikit-learn does; those that are this package's own defaults need no asking.

    Asking all of them, for their names first, took longer than an epoch of a few rows.
    """
    defaults = parameters_of(type(estimator)).items()
    given = {name: value for name, default in defaults if (value := getattr(estimator, name)) is not default}
    seed = given.pop("random_state", None)
    if not (type(seed) is int and 0 <= seed < 2**32):
        given["random_state"] = seed
    if all(type(value) in PLAIN or _is_sizes(value) for value in given.values()):
        _check_plain(type(estimator), tuple(given), *given.values())
    else:
        _check(type(estimator), given)


def _is_sizes(value):
    return type(value) is tuple and all(type(size) is int for size in value)


def _check(kind, given):
    try:
        validate_parameter_constraints(kind._parameter_constraints, given, kind.__name__)
    except InvalidParameterError as error:
        name = re.match(r"The '(\w+)' parameter", str(error))[1]
        raise InvalidParameterError(f"{error}{_hint(name, given[name], kind._parameter_constraints[name])}") from None


def _hint(name, value, allowed):
    """What may be meant by a value that is not allowed, if that can be told."""
    if name == "learning_rate" and isinstance(value, Real):
        return f" The rate itself is learning_rate_init={value!r}."
    known = sorted({name for one in allowed if isinstance(one, StrOptions) for name in one.options})
    meant = meant_by(value, known) if known and isinstance(value, str) else None
    return "" if meant is None else f" Did you mean {meant!r}?"


def validate(estimator):
    """Refuse parameters as scikit-learn does, with what may be meant."""
    _check(type(estimator), estimator.get_params(deep=False))


@lru_cache(maxsize=256, typed=True)
def _check_plain(kind, names, *values):
    """Likewise, once for values that do not change."""
    _check(kind, dict(zip(names, values, strict=True)))


def documented(estimator):
    """Put what is shared into an estimator's docstring; all without indentation, as CPython 3.13 leaves docstrings."""
    if estimator.__doc__ is None:  # under -OO
        return estimator
    text = cleandoc(estimator.__doc__)
    shared_texts = ("<parameters>", DOCUMENTATION), ("<members>", MEMBERS), ("<attributes>", ATTRIBUTES)
    for place, shared in shared_texts:
        text = text.replace(place, cleandoc(shared))
    estimator.__doc__ = text
    return estimator

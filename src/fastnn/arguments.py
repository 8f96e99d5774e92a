"""The arguments of ``train``, checked in their order and gathered by what they are about.

The shape of the network, the course of the training, the data: each becomes a description that ``train`` puts a run
together from. Nothing is drawn before all three are right.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn import labels as labels_module
from fastnn.activations import ActivationLike, check_hidden_activations, check_output_activation, is_one_activation
from fastnn.backends import check_has, check_keeps, check_takes, get_backend
from fastnn.checks import check_count, check_name, check_number, check_rows, check_sample_weight
from fastnn.class_weights import check_class_weight, row_weights
from fastnn.continuation import Continuation, check_goes_on
from fastnn.frames import check_column_names, column_names
from fastnn.heads import Head, check_beside_heads, check_heads, check_n_outputs, objective_of
from fastnn.initial import Draws, check_init
from fastnn.layers import check_weights, form_of
from fastnn.objective import Objective, check_n_out, check_objective, check_output
from fastnn.observed import HeadTargets
from fastnn.rates import check_length, check_rate
from fastnn.reports import Reports, check_reports
from fastnn.result import TrainResult
from fastnn.schedules import Schedule
from fastnn.spec import (
    NetworkSpec,
    TrainingSpec,
    check_batch_size,
    check_dtype,
    check_layer_sizes,
    check_training,
    network_spec,
)
from fastnn.targets import Targets
from fastnn.training.batches import ORDERS
from fastnn.training.levenberg_marquardt import check_problem


@dataclass(frozen=True)
class Shape:
    """What the network is, as far as the data do not say.

    Parameters
    ----------
    sizes : tuple of int
    dtype : numpy.dtype
    hidden : tuple of str or (str, float)
        The activations of the hidden layers.
    named : tuple of str or (str, float)
        Likewise; without hidden layers the name given still says which network is meant.
    objective : Objective
    output_activation : str, (str, float) or None
        None: it follows from the loss and the targets.
    heads : tuple of Head
        Of several heads, which have losses and output activations; else ().
    """

    sizes: tuple[int, ...]
    dtype: np.dtype
    hidden: tuple[ActivationLike, ...]
    named: tuple[ActivationLike, ...]
    objective: Objective
    output_activation: ActivationLike | None
    heads: tuple[Head, ...] = ()

    @property
    def loss(self):
        """The name of the loss."""
        return self.objective.loss

    @property
    def n_targets(self):
        """The number of targets of a row."""
        return self.sizes[-1] // self.objective.outputs_a_target


def check_shape(nn_structure, dtype, activation, loss, output_activation, loss_options, heads=None):
    """Return the Shape that these arguments of ``train`` say; `loss_options` are those of `check_objective`."""
    sizes = check_layer_sizes(nn_structure)
    dtype = check_dtype(dtype)
    hidden = check_hidden_activations(activation, len(sizes) - 2)
    named = check_hidden_activations(activation, 1) if is_one_activation(activation) else hidden
    if heads is not None:
        heads = check_heads(heads)
        check_beside_heads(loss=loss, output_activation=output_activation, **loss_options)
        check_n_outputs(heads, sizes[-1], "nn_structure")
        return Shape(sizes, dtype, hidden, named, objective_of(heads), "identity", heads)
    objective = check_objective(loss, **loss_options)
    if output_activation is not None:
        output_activation = check_output_activation(output_activation)
        output_activation = check_output(objective, output_activation)
    check_n_out(objective, sizes[-1], "nn_structure")
    return Shape(sizes, dtype, hidden, named, objective, output_activation)


@dataclass(frozen=True)
class Course:
    """How it is trained: arguments of ``train`` under their names, and what some of them became.

    Parameters
    ----------
    training : TrainingSpec
        But for its `updates_per_pass`.
    compute : module
        The backend.
    start : tuple or Continuation
        The name and scale of an init that draws, or start weights as dicts W, b; or what is gone on from.
    reports : Reports
    draws : Draws
    """

    iter_num: int
    alpha: float | Schedule
    training: TrainingSpec
    compute: Any
    start: tuple | Continuation
    l2: float
    batch_size: int | None
    order: str
    n_threads: int | None
    reports: Reports
    draws: Draws

    def beginning(self, start, draws):
        """The same with another start; `dataclasses.replace` would take 5 µs."""
        other = object.__new__(Course)
        vars(other).update(vars(self), start=start, draws=draws)
        return other


def check_course(
    shape, iter_num, alpha, solver_options, backend, init, init_scale, l2, batch_size, order, n_threads,
    report_options, is_validated, random_state, bias,
):  # fmt: skip
    """Return the Course that these arguments of ``train`` say.

    `solver_options` are those of `check_training`, `report_options` those of `check_reports`.
    """
    iter_num = check_count("iter_num", iter_num, minimum=1)
    alpha = check_rate("alpha", alpha)
    if isinstance(alpha, Schedule):
        check_length(alpha, iter_num, "iter_num")
    training = check_training(objective=shape.objective, dtype=shape.dtype, **solver_options)
    compute = get_backend(backend, training.solver)
    check_has(backend, shape.objective)
    _check_rules(backend, training, solver_options["weight_decay"], bias)
    start = check_start(shape, init, init_scale, training.solver, bias)
    l2 = check_number("l2", l2, low=0.0)
    batch_size = _check_optional_count("batch_size", batch_size)
    check_name("order", order, ORDERS)
    n_threads = _check_optional_count("n_threads", n_threads)
    reports = check_reports(iter_num, training.solver, is_validated, **report_options)
    draws = draws_for(start, random_state)
    return Course(iter_num, alpha, training, compute, start, l2, batch_size, order, n_threads, reports, draws)


def draws_for(start, random_state):
    """Return the Draws of a run: by default those of the run that it goes on from."""
    if random_state is None and isinstance(start, Continuation):
        return start.draws.going_on()
    return Draws(random_state)


@dataclass
class Data:
    """What it learns from.

    Parameters
    ----------
    spec : NetworkSpec
        Of the shape and these targets.
    X : ndarray or CSR matrix of shape (n_samples, n_in)
    targets : ndarray of shape (n_samples, n_out)
    sample_weight : ndarray of shape (n_samples,) or None
    validation : tuple of arrays or None
        X, targets, weights or None.
    labels : Labels
        How outputs are read.
    known : tuple
        What a later run has to know of y.
    feature_names : tuple of str or None
    held : ndarray of intp, or None
        Rows that `fastnn.split` has set aside.
    validation_split : float, default 0
        Their share, as it was asked for.
    feed : fastnn.pieces.feed.Feed, optional
        Whose buffer X, targets and weights are, where they have some rows at a time.
    """

    spec: NetworkSpec
    X: Any
    targets: np.ndarray
    sample_weight: np.ndarray | None
    validation: tuple | None
    labels: labels_module.Labels
    known: tuple
    feature_names: tuple[str, ...] | None
    held: np.ndarray | None = None
    validation_split: float = 0.0
    feed: Any = None

    @property
    def n_rows(self):
        """How many rows there are to learn from."""
        return len(self.targets) if self.feed is None else self.feed.n_rows

    @property
    def sample(self):
        """X, or some rows of it where it comes by and by."""
        return self.X if self.feed is None else self.feed.sample


def check_data(
    shape, X, y, sample_weight, validation_data, backend, solver, batch_size, class_weight=None, label_smoothing=0.0,
    earlier=None, known=None,
):  # fmt: skip
    """Return the Data that these arguments of ``train`` say.

    `earlier` is the TrainResult that it goes on from; `known` is what y means, where more is known than y says.
    """
    sizes, dtype, loss = shape.sizes, shape.dtype, shape.loss
    check_class_weight(class_weight)
    if shape.heads:
        check_beside_heads(class_weight, label_smoothing=label_smoothing)
    label_smoothing = check_label_smoothing(label_smoothing, loss)
    feature_names = column_names(X)
    check_takes(backend, "X", X, shape.objective)
    if solver == "levenberg_marquardt":
        check_problem(loss, sizes, X)
    X = check_rows("X", X, dtype, sizes[0])
    check_batch_size(solver, batch_size, X.shape[0])
    if earlier is not None:
        feature_names = check_is_same_network(earlier.network, shape, feature_names)
        learned = _go_on(shape, y, X.shape[0], earlier._continuation.known)
    elif shape.heads:
        learned = HeadTargets(y, X.shape[0], shape.heads, shape.named, dtype)
    else:
        learned = Targets(shape, y, X.shape[0], known)
    targets, labels, output_activation = learned.array, learned.labels, learned.output_activation
    if sample_weight is not None:
        sample_weight = check_sample_weight(sample_weight, X.shape[0], dtype if class_weight is None else np.float64)
    if class_weight is not None:
        of_rows = row_weights(class_weight, labels, targets, sample_weight)
        sample_weight = check_sample_weight(of_rows, X.shape[0], dtype, "class_weight, with sample_weight,")
    validation = None
    if validation_data is not None:
        validation = check_validation(validation_data, shape, feature_names, learned, backend)
        X_held_back, y_held_back, weight = validation
        validation = X_held_back, labels_module.smooth(y_held_back, label_smoothing, output_activation), weight
    targets = labels_module.smooth(targets, label_smoothing, output_activation)
    spec = network_spec(sizes, (*shape.hidden, output_activation), dtype, learned.blocks)
    return Data(spec, X, targets, sample_weight, validation, labels, learned.known, feature_names)


def _go_on(shape, y, n_samples, known):
    """The targets of a run that goes on, in the form that those of the first one had."""
    if shape.heads:
        return HeadTargets.going_on(y, n_samples, shape.heads, shape.dtype, known)
    return Targets(shape, y, n_samples, known)


def check_is_same_network(network, shape, feature_names):
    """Refuse to go on from a network of other activations, heads or columns; return the names of the columns."""
    activations, names = network.activations, network.feature_names
    asked = (*shape.hidden, shape.output_activation or activations[-1])
    if asked == activations and not shape.heads and feature_names == names and not network._spec.blocks:
        return names
    heads = tuple((head.n_outputs, head.output_activation) for head in shape.heads)
    are_same = len(heads) == len(network.heads) and all(
        n_out == own_n_out and activation in (None, own)
        for (n_out, activation), (own_n_out, own) in zip(heads, network.heads, strict=True)
    )
    if asked != network.activations or not are_same:
        raise ValueError(
            f"init is a result of a network with activations {network._spec.activations_in_words}, not "
            f"{asked if are_same else heads}; pass activation, output_activation and heads as they were"
        )
    if None not in (names, feature_names) and names != feature_names:
        raise ValueError(f"init is a result of columns {names}, not {feature_names}; pass X in that order")
    return feature_names if names is None else names


def check_split(validation_split, validation_data):
    """Return the share of the rows to validate on."""
    fraction = check_number("validation_split", validation_split, low=0.0, below=1.0)
    if fraction > 0 and validation_data is not None:
        raise ValueError(
            f"validation_split={fraction:g} sets rows of X aside, but validation_data has rows of its own; pass one"
        )
    return fraction


def check_belonging(W, b, spec, feature_names):
    """Refuse start weights that know that they belong to another network, or to other columns."""
    form = form_of(W, b)
    if form is None:
        return
    if form.activations != spec.activations_as_given or form.blocks != spec.blocks:
        raise ValueError(
            f"the start weights belong to a network with activations {form.activations_in_words}, not "
            f"{spec.activations_in_words}; pass activation and output_activation as it has them, or plain dicts: "
            "init=(dict(W), dict(b))"
        )
    if None not in (form.feature_names, feature_names) and form.feature_names != feature_names:
        raise ValueError(
            f"the start weights belong to columns {form.feature_names}, not {feature_names}; pass X in that order, or "
            "plain dicts: init=(dict(W), dict(b))"
        )


def check_validation(validation_data, shape, feature_names, learned, backend):
    """Return X, targets and weights or None of rows to validate on; `learned` are the targets of training."""
    sizes, dtype = shape.sizes, shape.dtype
    if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
        raise TypeError(
            f"validation_data must be a pair (X, y), or (X, y, sample_weight), got {type(validation_data).__name__}"
            + (f" of {len(validation_data)}" if isinstance(validation_data, tuple | list) else "")
        )
    X, y, *weight = validation_data
    check_column_names("validation X", X, feature_names)
    check_takes(backend, "validation X", X, shape.objective)
    X = check_rows("validation X", X, dtype, sizes[0])
    y = learned.like("validation y", y, X.shape[0])
    if not weight or weight[0] is None:
        return X, y, None
    return X, y, check_sample_weight(weight[0], X.shape[0], dtype, "validation sample_weight")


def check_label_smoothing(label_smoothing, loss):
    """Return the share that targets are mixed with."""
    amount = check_number("label_smoothing", label_smoothing, low=0.0, below=1.0)
    labels_module.check_smoothing(amount, loss)
    return amount


def _check_rules(backend, training, weight_decay, bias):
    """Refuse rules of the step that a backend named by the user does not keep; of lbfgs it computes no step."""
    for rule in ("l1", "max_grad_norm", "max_norm"):
        if getattr(training, rule) != getattr(TrainingSpec, rule):
            check_keeps(backend, rule)
    if weight_decay:
        check_keeps(backend, "weight_decay")
    if training.rates and training.solver != "lbfgs":
        check_keeps(backend, "frozen or layer_rates" if bias else "bias=False")


def check_start(shape, init, init_scale, solver, bias):
    """Return the name and scale of an init that draws, or start weights as dicts W, b, or what is gone on from."""
    sizes, dtype = shape.sizes, shape.dtype
    if isinstance(init, TrainResult):
        return check_goes_on(init, sizes, dtype, solver, bias, init_scale)
    if isinstance(init, str):
        return check_init(init, init_scale)
    if not isinstance(init, tuple | list) or len(init) != 2:
        raise TypeError(f"init must be a name or a pair (W, b) of start weights, got {init!r}")
    if check_number("init_scale", init_scale, low=0.0) != 1.0:
        raise ValueError("init_scale multiplies weights that are drawn by name; scale start weights given as (W, b)")
    weights, biases, given_sizes = check_weights(*init, dtype)
    if given_sizes != sizes:
        raise ValueError(f"the start weights are those of layers {list(given_sizes)}, not of {list(sizes)}")
    if bias and init[1] is None:
        raise ValueError("init has no biases (None), but they are to be learned; pass zeros, or bias=False")
    if not bias and (l := next((l for l, given in biases.items() if given.any()), None)) is not None:
        raise ValueError(f"init has biases that are not 0 in layer {l}, but bias=False; pass None for b")
    return weights, biases


def _check_optional_count(argument, value):
    return None if value is None else check_count(argument, value, minimum=1)

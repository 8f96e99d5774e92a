"""The functional face: ``train`` in place of a tutorial's training loop, ``predict`` in place of its predictions.

It checks what the user gave, translates names (``alpha`` is the learning rate from here down) and hands over to
``training``. Nothing is computed here.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fastnn import labels as labels_module
from fastnn.backends import get_backend
from fastnn.checks import check_count, check_flag, check_matrix, check_name, check_number, check_sample_weight
from fastnn.frames import check_column_names, column_names
from fastnn.initial import Draws, check_init, draw_weights
from fastnn.layers import Form, LayerDict, form_of
from fastnn.network import Network
from fastnn.objective import Objective, check_loss, check_pair
from fastnn.progress import Bar
from fastnn.result import TrainResult
from fastnn.saturation import warn_if_saturated
from fastnn.spec import (
    Layers,
    NetworkSpec,
    check_dtype,
    check_hidden_activations,
    check_layer_sizes,
    check_output_activation,
    check_training,
    check_weights,
)
from fastnn.state import TrainingState
from fastnn.training.batches import ORDERS, tutorial_batches
from fastnn.training.listeners import Callback, EarlyStopping, History, Lines, ProgressBar
from fastnn.training.manners import Raises
from fastnn.training.run import Job, run
from fastnn.training.schedules import Constant


def train(
    nn_structure: Sequence[int],
    X: ArrayLike,
    y: ArrayLike,
    iter_num: int = 3000,
    alpha: float = 0.25,
    *,
    activation: str | Sequence[str] = "logistic",
    output_activation: str | None = None,
    loss: str = "squared_error",
    l2: float = 0.0,
    solver: str = "sgd",
    momentum: float = 0.0,
    nesterov: bool = False,
    beta_1: float = 0.9,
    beta_2: float | None = None,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
    init: str | tuple[Layers, Layers] = "uniform",
    init_scale: float = 1.0,
    batch_size: int | None = None,
    order: str = "shuffled",
    tol: float = 0.0,
    sample_weight: ArrayLike | None = None,
    validation_data: tuple[ArrayLike, ...] | None = None,
    early_stopping: bool = False,
    n_iter_no_change: int = 10,
    report_every: int | None = None,
    callback: Callable[[int, float, Network], Any] | None = None,
    verbose: bool = False,
    progress: bool = False,
    random_state: int | np.random.RandomState | np.random.Generator | None = None,
    dtype: DTypeLike = "float64",
    backend: str = "auto",
    n_threads: int | None = None,
) -> TrainResult:
    """Train a dense neural network by gradient descent.

    With the first five arguments alone it is the tutorials' ``train_nn``: sigmoid layers, squared error, full-batch
    gradient descent, start weights from NumPy's global generator.

    Parameters
    ----------
    nn_structure : list of int
        Units of each layer, the inputs first: ``[64, 30, 10]``.
    X : array-like of shape (n_samples, n_in)
        Finite numbers. Never modified.
    y : array-like of shape (n_samples, n_out) or (n_samples,)
        Targets, one-hot or any that the outputs can come near. A vector holds class labels, encoded in sorted order,
        where there are several outputs or the loss is log_loss or perceptron (one output: two classes); otherwise it is
        one column of targets.
    iter_num : int, default 3000
        Parameter updates to make.
    alpha : float, default 0.25
        The learning rate, greater than 0.
    activation : str or list of str, default "logistic"
        Of the hidden layers: "identity", "logistic" (or "sigmoid"), "tanh", "relu" or "step"; a list has one per layer.
    output_activation : str, optional
        Any of these, "softmax" or "exp", as the loss allows. None follows from the loss: log_loss takes softmax, or
        logistic with one output or several labels a row; poisson exp; perceptron step; squared_error logistic if all
        hidden layers are logistic, else identity.
    loss : {"squared_error", "log_loss", "poisson", "perceptron"}, default "squared_error"
        Summed over outputs, averaged over samples. squared_error is ½ ||y - h||²; poisson is half the deviance,
        y log(y / h) - y + h; perceptron is the perceptron rule, delta h - y, with the objective (h - y) z.
    l2 : float, default 0
        λ of the penalty ½ λ Σ ||W||², on the weights alone; part of the gradient whatever the solver.
    solver : {"sgd", "rmsprop", "adam", "adamw"}, default "sgd"
        How a gradient becomes a step; the notes have the formulas. Constants of the other solvers are checked, then
        ignored.
    momentum : float in [0, 1), default 0
        sgd only.
    nesterov : bool, default False
        Whether the momentum is Nesterov's. sgd only.
    beta_1 : float in [0, 1), default 0.9
        Decay of the mean of the gradients. adam and adamw only.
    beta_2 : float in [0, 1), optional
        Decay of the mean of the squared gradients. None: 0.999 for adam and adamw, 0.9 for rmsprop. These three only.
    epsilon : float, default 1e-8
        Greater than 0, in `dtype` too: keeps a step from dividing by zero. rmsprop, adam and adamw only.
    weight_decay : float, default 0.01
        The weights, not the biases, shrink by its product with alpha at each update. adamw only.
    init : str or tuple (W, b), default "uniform"
        "uniform" draws weights and biases from [0, 1), the tutorials' start, which only small networks learn from;
        "pytorch_uniform" draws both within ± 1 / √n_in, "normal_with_biases" both from N(0, 1). The others draw weights
        and start from zero biases: "normal", "truncated_normal" (redrawn beyond two standard deviations),
        "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "orthogonal",
        "zeros". Or start weights, as `TrainResult` has them; they are copied.
    init_scale : float, default 1
        Multiplies the weights that a name drew.
    batch_size : int, optional
        Samples of an update. None, or at least n_samples: all samples, in their order.
    order : {"shuffled", "sequential", "wraparound", "random"}, default "shuffled"
        How batches take rows: anew without replacement each pass; from the first to the last row each pass; in order
        with wrap-around, from row ``(s * batch_size) % (n_samples - batch_size)`` at update s; with replacement. The
        last batch of a pass is short in the first two. A pass is ``ceil(n_samples / batch_size)`` updates in each.
    tol : float, default 0
        End the run after a pass whose mean cost differs from that of the pass before by less; 0 never does.
    sample_weight : array-like of shape (n_samples,), optional
        Loss and gradient of a batch are weighted means. The cost is not weighted.
    validation_data : tuple (X, y) or (X, y, sample_weight), optional
        Measured, as the training data is, at each report; see ``history`` of `TrainResult`. Weights count in the loss.
    early_stopping : bool, default False
        End the run after `n_iter_no_change` reports without a better ``val_loss``, and give the best weights back.
    n_iter_no_change : int, default 10
    report_every : int, optional
        Updates between two reports to `callback`, `verbose` and `validation_data`; None: one pass. There is one after
        the last update too.
    callback : callable, optional
        ``callback(iteration, loss, network)`` with the number of updates made, the objective of the last batch and
        the live network (copy it to keep it). Returning something true ends the run.
    verbose : bool, default False
        Print a line at each report.
    progress : bool, default False
        Show a bar, in a terminal or a notebook, with updates made and to come, loss, validation score and the time
        left. Needs tqdm, the extra ``[progress]``; costs nothing when it is off.
    random_state : None, int, RandomState or Generator
        None is NumPy's global generator, an int means ``RandomState(int)``.
    dtype : {"float64", "float32"}, default "float64"
        Of the parameters and of all arithmetic, whatever X is.
    backend : {"auto", "simd", "cython", "numpy", "python"}, default "auto"
        What computes: the SIMD engine, which is what "auto" picks, the compiled loops, batched NumPy, or naive Python
        loops. "simd" and "numpy" have every solver, "cython" and "python" have sgd.
    n_threads : int, optional
        At most so many threads of the "simd" backend, which uses them only where they pay; None: as many as
        ``OMP_NUM_THREADS``, threadpoolctl and the process's CPU affinity allow. The result has the same bits for any
        number. The other backends ignore it.

    Returns
    -------
    TrainResult
        Unpacks as ``W, b, cost``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or the backend lacks the solver; the message says what came and what was
        expected.
    ImportError
        For ``progress=True``, if tqdm is not installed.
    FloatingPointError
        If training diverges: the loss, the weights or a solver's means are no longer finite.
    KeyboardInterrupt
        On Ctrl-C, for which the engine asks some 30 times a second. Its attribute ``result`` is the `TrainResult`
        as of the last finished pass over the samples, with full batches the last update: parameters (not the best so
        far, which early stopping would give back), curves and history. Before the first pass has been finished, it
        has the start weights, and the curves are empty. What a callback, or another handler of signals, raises has it
        too.

    Warns
    -----
    UserWarning
        If y has targets that an output activation asked for cannot come near, or start weights were drawn from which
        nothing can be learned: in a layer almost all units are saturated, or all are alike.

    Notes
    -----
    Arrays that another thread changes meanwhile cannot crash it; what it learns from them then is anybody's guess.

    With the gradient g, the learning rate η and t, the number of this update, counted from 1:

    - sgd: v = μ v - η g, step v; with Nesterov's momentum the step is μ v - η g. As scikit-learn.
    - rmsprop (Tieleman and Hinton, 2012, lecture 6.5): s = β₂ s + (1 - β₂) g², step -η g / (√s + ε).
    - adam (Kingma and Ba, 2015, in the order of computation at the end of their section 2, as scikit-learn): m = β₁ m +
      (1 - β₁) g, v = β₂ v + (1 - β₂) g², step -η √(1 - β₂^t) / (1 - β₁^t) m / (√v + ε).
    - adamw (Loshchilov and Hutter, 2019, scaled by η as in PyTorch): W shrinks by η `weight_decay` W, then adam's
      step, from the gradient at W before it shrank.

    Examples
    --------
    >>> import fastnn
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1]
    >>> result = fastnn.train([2, 1], X, y, 100, 0.2, loss="perceptron", batch_size=1, order="random", random_state=0)
    >>> result.network.predict(X)
    array([0, 0, 0, 1])
    """
    # What the network is.
    sizes = check_layer_sizes(nn_structure)
    dtype = check_dtype(dtype)
    hidden_activations = check_hidden_activations(activation, len(sizes) - 2)
    # Without hidden layers a name still says which network is meant.
    named_activations = check_hidden_activations(activation, 1) if isinstance(activation, str) else hidden_activations
    loss = check_loss(loss)
    if output_activation is not None:
        output_activation = check_output_activation(output_activation)
        check_pair(loss, output_activation)

    # How it is trained.
    iter_num = check_count("iter_num", iter_num, minimum=1)
    alpha = check_number("alpha", alpha, above=0.0)
    training = check_training(
        objective=Objective(loss),
        solver=solver,
        momentum=momentum,
        nesterov=nesterov,
        dtype=dtype,
        beta_1=beta_1,
        beta_2=beta_2,
        epsilon=epsilon,
        weight_decay=weight_decay,
        tol=tol,
    )
    compute = get_backend(backend, training.solver)
    start = _check_start(sizes, init, init_scale, dtype)
    l2 = check_number("l2", l2, low=0.0)
    if batch_size is not None:
        batch_size = check_count("batch_size", batch_size, minimum=1)
    check_name("order", order, ORDERS)
    if n_threads is not None:
        n_threads = check_count("n_threads", n_threads, minimum=1)
    if report_every is not None:
        report_every = check_count("report_every", report_every, minimum=1)
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable, got {callback!r}")
    verbose = check_flag("verbose", verbose)
    bar = Bar(iter_num) if check_flag("progress", progress) else None
    early_stopping = check_flag("early_stopping", early_stopping)
    if early_stopping and validation_data is None:
        raise ValueError("early_stopping=True needs validation_data=(X, y) to measure val_loss on")
    n_iter_no_change = check_count("n_iter_no_change", n_iter_no_change, minimum=1)
    draws = Draws(random_state)

    # What it learns from.
    feature_names = column_names(X)
    X = check_matrix("X", X, dtype, n_columns=sizes[0], columns_are="the first layer")
    n_samples = len(X)
    targets, classes = labels_module.encode("y", y, n_samples, sizes[-1], loss, dtype)
    if is_implied := output_activation is None:
        output_activation = labels_module.default_output_activation(loss, named_activations, targets)
    labels_module.check_targets("y", targets, loss, output_activation)
    labels_module.check_reach("y", targets, output_activation, is_implied)
    labels = labels_module.labels_of(targets, classes, loss, output_activation)
    if sample_weight is not None:
        sample_weight = check_sample_weight(sample_weight, n_samples, dtype)
    validation = None
    if validation_data is not None:
        validation = _check_validation(validation_data, sizes, feature_names, classes, loss, output_activation, dtype)

    source = tutorial_batches(n_samples, batch_size, order, draws)
    training = replace(training, updates_per_pass=source.updates_per_pass)
    spec = NetworkSpec(sizes, (*hidden_activations, output_activation), dtype)
    state = TrainingState(spec, training.solver)
    if isinstance(start[0], str):
        draw_weights(spec, *start, draws, state.parameters)
        warn_if_saturated(spec, state.parameters, X, loss, *start, n_threads)
    else:
        _check_belonging(*init, spec, feature_names)
        spec.flatten(*start, state.parameters)
    network = Network._from_parts(spec, state.parameters, labels, backend, feature_names)
    job = Job(compute, state, training, X, targets, sample_weight, n_threads)
    every = source.updates_per_pass if report_every is None else report_every
    history = None if validation is None else History(every, job, labels, validation, alpha)
    values = {} if history is None else history.values
    stopping = EarlyStopping(every, state, values, n_iter_no_change) if early_stopping else None
    listeners = [
        history,
        Lines(every, iter_num, values, print if bar is None else bar.write) if verbose else None,
        None if callback is None else Callback(every, callback, network),
        stopping,
        None if bar is None else ProgressBar(bar, values),
    ]
    listeners = [listener for listener in listeners if listener is not None]
    with bar or nullcontext():
        outcome = run(job, source, Constant(alpha, l2), listeners, Raises(state, alpha), iter_num)
    best_iteration = None if stopping is None else stopping.best_iteration
    form = Form(spec.activation_names, dtype, labels, feature_names)
    W, b = (LayerDict(arrays, form) for arrays in spec.views(state.parameters))
    cost, loss_curve = outcome.cost.tolist(), outcome.objective.tolist()
    result = TrainResult(W, b, cost, network, loss_curve, values, best_iteration)
    if outcome.error is not None:
        with suppress(AttributeError):  # of an exception that takes no attributes
            outcome.error.result = result
        raise outcome.error
    return result


def predict(
    W: Layers, b: Layers, X: ArrayLike, n_layers: int | None = None, *, activation: str | None = None
) -> np.ndarray:
    """Return what a network predicts, from its weights: the tutorials' ``predict_y``.

    Plain dicts and lists are the tutorials' network, with one activation throughout, and give classes. W and b of a
    `TrainResult` know what network they belong to, and give what its ``network.predict`` does.

    Parameters
    ----------
    W, b : dict or list
        Weights (n_out, n_in) and biases (n_out,) of each layer, as `train` returns them.
    X : array-like of shape (n_samples, n_in)
    n_layers : int, optional
        The number of layers, the inputs counted; it must be that of W.
    activation : str, optional
        Of every layer. None: as W and b know it, else "logistic".

    Returns
    -------
    prediction : ndarray of shape (n_samples,) or (n_samples, n_out)
        From plain dicts and lists the index of the largest output, as int; with one output whether it is > 0.5.

    Raises
    ------
    TypeError, ValueError
        If the arguments do not fit each other, or W and b belong to a network of other activations.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.predict([[[7.0, 3.0]]], [[-2.0]], [[1, 0], [0, 0]])
    array([1, 0])
    """
    network = Network(W, b, activation=activation, output_activation=activation)
    sizes = network.layer_sizes
    if n_layers is not None and check_count("n_layers", n_layers, minimum=2) != len(sizes):
        raise ValueError(f"n_layers must be the number of layers of W, inputs included: {len(sizes)}, got {n_layers}")
    check_column_names("X", X, network.feature_names)
    X = check_matrix("X", X, network.dtype, n_columns=sizes[0], columns_are="the first layer")
    if form_of(W, b) is not None:
        return network.predict(X)
    outputs = network(X)
    return outputs.argmax(axis=1) if sizes[-1] > 1 else (outputs[:, 0] > 0.5).astype(np.intp)


def _check_validation(validation_data, sizes, feature_names, classes, loss, output_activation, dtype):
    if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
        raise TypeError(
            f"validation_data must be a pair (X, y), or (X, y, sample_weight), got {type(validation_data).__name__}"
            + (f" of {len(validation_data)}" if isinstance(validation_data, tuple | list) else "")
        )
    X, y, *weight = validation_data
    check_column_names("validation X", X, feature_names)
    X = check_matrix("validation X", X, dtype, n_columns=sizes[0], columns_are="the first layer")
    y = labels_module.encode_like("validation y", y, len(X), sizes[-1], classes, dtype)
    labels_module.check_targets("validation y", y, loss, output_activation)
    if not weight or weight[0] is None:
        return X, y, None
    return X, y, check_sample_weight(weight[0], len(X), dtype, "validation sample_weight")


def _check_belonging(W, b, spec, feature_names):
    """Refuse start weights that know that they belong to another network, or to other columns."""
    form = form_of(W, b)
    if form is None:
        return
    if form.activations != spec.activation_names:
        raise ValueError(
            f"the start weights belong to a network with activations {form.activations}, not {spec.activation_names}; "
            "pass activation and output_activation as it has them, or plain dicts: init=(dict(W), dict(b))"
        )
    if None not in (form.feature_names, feature_names) and form.feature_names != feature_names:
        raise ValueError(
            f"the start weights belong to columns {form.feature_names}, not {feature_names}; pass X in that order, or "
            "plain dicts: init=(dict(W), dict(b))"
        )


def _check_start(sizes, init, init_scale, dtype):
    """Return the name and scale of an init that draws, or start weights as dicts W, b."""
    if isinstance(init, str):
        return check_init(init, init_scale)
    if not isinstance(init, tuple | list) or len(init) != 2:
        raise TypeError(f"init must be a name or a pair (W, b) of start weights, got {init!r}")
    if check_number("init_scale", init_scale, low=0.0) != 1.0:
        raise ValueError("init_scale multiplies weights that are drawn by name; scale start weights given as (W, b)")
    weights, biases, given_sizes = check_weights(*init, dtype)
    if given_sizes != sizes:
        raise ValueError(f"the start weights are those of layers {list(given_sizes)}, not of {list(sizes)}")
    return weights, biases

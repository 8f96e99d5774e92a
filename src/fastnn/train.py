"""The functional face: ``train`` in place of a tutorial's training loop.

It has what the user gave checked (``arguments``), translates names (``alpha`` is the learning rate from here down) and
hands over to ``training``. Nothing is computed here.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, Never

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fastnn.activations import ActivationLike
from fastnn.arguments import check_data, check_split
from fastnn.course import batches_of, carry_out, go_on, seeded, start
from fastnn.dropout import check_drops
from fastnn.heads import Head
from fastnn.keywords import hides_unknown, refuse
from fastnn.network import Network
from fastnn.one_update import one_update
from fastnn.piecewise import is_pieces, pieces_of
from fastnn.reports import check_scored
from fastnn.result import TrainResult
from fastnn.schedules import Schedule
from fastnn.settings import Settings, check_settings
from fastnn.sparse import SparseMatrix
from fastnn.spec import Layers, check_layer_sizes
from fastnn.split import hold_back
from fastnn.state import OTHER_SOLVERS
from fastnn.training.run import Job


@hides_unknown
def train(
    nn_structure: Sequence[int],
    X: ArrayLike | SparseMatrix,
    y: ArrayLike | None = None,
    iter_num: int = 3000,
    alpha: float | Schedule | Callable[[float], float] | ArrayLike = 0.25,
    *,
    activation: ActivationLike | Sequence[ActivationLike] = "logistic",
    output_activation: ActivationLike | None = None,
    heads: Sequence[Head] | None = None,
    loss: str | Callable[[np.ndarray, np.ndarray], tuple[ArrayLike, ArrayLike]] = "squared_error",
    huber_delta: float = 1.0,
    quantile: float | Sequence[float] = 0.5,
    focal_gamma: float = 2.0,
    l2: float = 0.0,
    label_smoothing: float = 0.0,
    dropout: float | Sequence[float] = 0.0,
    input_dropout: float = 0.0,
    solver: str = "sgd",
    momentum: float = 0.0,
    nesterov: bool = False,
    beta_1: float = 0.9,
    beta_2: float | None = None,
    epsilon: float = 1e-8,
    weight_decay: float | None = None,
    l1: float = 0.0,
    max_grad_norm: float | None = None,
    max_norm: float | None = None,
    frozen: Sequence[int | str] | None = None,
    layer_rates: Sequence[float | tuple[float, float]] | None = None,
    mu: float = 1e-3,
    mu_inc: float = 10.0,
    mu_dec: float = 0.1,
    init: str | tuple[Layers, Layers | None] | TrainResult = "uniform",
    init_scale: float = 1.0,
    bias: bool = True,
    batch_size: int | None = None,
    order: str = "shuffled",
    tol: float = 0.0,
    sample_weight: ArrayLike | None = None,
    class_weight: Mapping[Any, float] | str | None = None,
    validation_data: tuple[ArrayLike | SparseMatrix, ...] | None = None,
    validation_split: float = 0.0,
    early_stopping: bool = False,
    scoring: str | Callable[[Network, Any, Any], float] = "loss",
    n_iter_no_change: int = 10,
    min_delta: float = 0.0,
    max_time: float | None = None,
    report_every: int | None = None,
    track: str | Sequence[str] | None = None,
    callback: Callable[[int, float, Network], Any] | None = None,
    verbose: bool = False,
    progress: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    random_state: int | np.random.RandomState | np.random.Generator | None = None,
    dtype: DTypeLike = "float64",
    backend: str = "auto",
    n_threads: int | None = None,
    **unknown: Never,
) -> TrainResult:
    """Train a dense neural network by gradient descent.

    With the first five arguments alone it is the tutorials' ``train_nn``: sigmoid layers, squared error, full-batch
    gradient descent, start weights from NumPy's global generator.

    Parameters
    ----------
    nn_structure : list of int
        Units of each layer, the inputs first: ``[64, 30, 10]``.
    X : array-like or sparse matrix of shape (n_samples, n_in), or Pieces
        Finite numbers. Never modified. SciPy's sparse matrices and arrays, of any format, are never made dense as a
        whole; the backend must be "auto" or "simd". Or data that may be more than memory holds, without `y`: `Pieces`,
        or what these are made of, such as a function that returns an iterator over (X, y).
    y : array-like of shape (n_samples, n_out) or (n_samples,), optional
        Targets, one-hot or any that the outputs can come near. A vector holds class labels, encoded in sorted order,
        where there are several outputs or the loss is log_loss, perceptron, hinge, squared_hinge or focal (one output:
        two classes); otherwise it is one column of targets. With `heads` a list with an entry for each of them, or one
        array with the target columns of all side by side; NaN, or None among labels, then is what was not observed.
    iter_num : int, default 3000
        Parameter updates to make.
    alpha : float, schedule, callable or array-like, default 0.25
        The learning rate, greater than 0; or how it changes from update to update: one of `fastnn.schedules`, a
        function of the progress, the share of the updates that have been made, or an array of `iter_num` rates.
    activation : str, (str, float) or list of these, default "logistic"
        Of the hidden layers: "identity", "logistic" (or "sigmoid"), "tanh", "relu", "step", "leaky_relu", "elu",
        "selu", "gelu", "silu", "mish", "softplus", "hard_sigmoid", "hard_swish", "sin" or "softsign"; the notes have
        the formulas. "leaky_relu" and "elu" have a parameter, and a pair such as ``("leaky_relu", 0.2)`` another than
        the default; a list has one per layer.
    output_activation : str or (str, float), optional
        Any of these, "softmax" or "exp", as the loss allows: squared_error all but softmax and step. None follows from
        the loss: log_loss and focal take softmax, or logistic with one output or several labels a row; poisson and
        gamma exp; perceptron step; squared_error logistic if all hidden layers are logistic, else identity; all others
        identity.
    heads : list of Head, optional
        Several blocks of outputs, each with a loss, a weight and an output activation of its own, in place of `loss`,
        its parameters, `output_activation` and `label_smoothing`; see `Head`. The objective is the sum of weight times
        loss over heads, averaged over samples. On "simd" and "numpy", and not by levenberg_marquardt.
    loss : str or callable, default "squared_error"
        "squared_error", "absolute_error", "huber", "quantile", "gaussian_nll", "poisson", "gamma", "log_loss", "focal",
        "hinge", "squared_hinge" or "perceptron"; the notes have the formulas. Summed over outputs, averaged over
        samples. Or a function of outputs (n_rows, n_out) and targets (n_rows, n_columns) of a batch, both NumPy arrays
        that it must not change, which returns the loss of each row, (n_rows,), and its derivatives by the outputs,
        (n_rows, n_out). Called at each update, by the "numpy" backend, which "auto" then is: it takes many times as
        long as a loss by name. y may then have any number of columns, holds numbers alone, and where it is not of the
        outputs' shape the cost is the mean loss; the output activation is identity unless told otherwise, and any that
        squared_error goes with, or softmax.
    huber_delta : float, default 1
        Greater than 0: the error up to which huber is half its square. huber only.
    quantile : float in (0, 1) or list of float, default 0.5
        The share of targets that are to lie below the outputs. A list, which rises, has an output for each, and the
        last layer so many units for each target: they do not cross, whatever the weights, as the first is a weighted
        sum z as it is, and each other the one before plus log(1 + e^z). Not on "cython" and "python". quantile only.
    focal_gamma : float, default 2
        At least 0: the larger, the less rows count that are right already. focal only.
    l2 : float, default 0
        λ of the penalty ½ λ Σ ||W||², on the weights alone; part of the gradient whatever the solver.
    label_smoothing : float in [0, 1), default 0
        With s for it, targets become y (1 - s) + s / K, those of validation data too: under softmax K is the number of
        outputs, under logistic outputs 2. log_loss only.
    dropout : float in [0, 1) or list of float, default 0
        The rate at which outputs of the hidden layers are dropped in each update, of all of them or one for each; those
        that stay are divided by 1 - rate (Srivastava et al., 2014). Rates are rounded to multiples of 1 / 65536. Which
        units it is follows from `random_state`. The objective of an update is the one of what stays; predictions and
        validation are of the whole network. "simd" and "numpy" only, and not lbfgs or levenberg_marquardt.
    input_dropout : float in [0, 1), default 0
        Likewise of the inputs; X must be dense.
    solver : str, default "sgd"
        How a gradient becomes a step: "sgd", "rmsprop", "adam", "adamw", "nadam", "adagrad", "lion", "rprop"; the notes
        have the formulas. Or a method for all samples at once, without a learning rate: "lbfgs" (SciPy's, the extra
        ``[sklearn]``), or "levenberg_marquardt", for least squares with at most some thousand parameters, which often
        gets many digits further. rprop and these two take full batches alone. Constants of the other solvers are
        checked, then ignored.
    momentum : float in [0, 1), default 0
        sgd only.
    nesterov : bool, default False
        Whether the momentum is Nesterov's. sgd only.
    beta_1 : float in [0, 1), default 0.9
        Decay of the mean of the gradients. adam, adamw and nadam; lion's weight of that mean in a step.
    beta_2 : float in [0, 1), optional
        Decay of the mean of the squared gradients. None: 0.999 for adam, adamw and nadam, 0.9 for rmsprop; and of the
        mean of the gradients for lion, 0.99.
    epsilon : float, default 1e-8
        Greater than 0, in `dtype` too: keeps a step from dividing by zero. rmsprop, adam, adamw, nadam and adagrad.
    weight_decay : float, optional
        The weights, not the biases, shrink by its product with alpha at each update. None: 0.01 for adamw, else 0.
    l1 : float, default 0
        λ of the penalty λ Σ abs(w), on the weights alone; part of the gradient, as λ sign w, whatever the solver. With
        it weights come near to 0 and swing around it; none stays there exactly.
    max_grad_norm : float, optional
        A gradient, of all that moves and with its penalties, whose norm is larger is scaled down to it, as by PyTorch's
        ``clip_grad_norm_``.
    max_norm : float, optional
        After each update the weights into a unit, in whatever layer, are scaled down to this norm, as by Keras'
        ``MaxNorm``.
    frozen : list, optional
        What stays as it starts, counted from 1: ``2`` for weights and biases of layer 2, "W2" or "b2" for one of them.
        No penalty, decay or bound touches it; `loss_curve` still counts the penalty of its weights.
    layer_rates : list, optional
        A factor of `alpha`, and so of the decay, for each layer of weights; or a pair of factors, for weights and
        biases. ``[0.1, 1.0]`` teaches a layer taken from elsewhere slowly. 0 is as frozen.
    mu, mu_inc, mu_dec : float, default 1e-3, 10, 0.1
        levenberg_marquardt's damping at the start, and its factors after a step that failed and one that succeeded.
    init : str or tuple (W, b), default "uniform"
        "uniform" draws weights and biases from [0, 1), the tutorials' start, which only small networks learn from;
        "pytorch_uniform" draws both within ± 1 / √n_in, "normal_with_biases" both from N(0, 1). The others draw weights
        and start from zero biases: "normal", "truncated_normal" (redrawn beyond two standard deviations),
        "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "orthogonal",
        "zeros". Or start weights, as `TrainResult` has them; they are copied. Or a `TrainResult`, whose training goes
        on; see the notes.
    init_scale : float, default 1
        Multiplies the weights that a name drew.
    bias : bool, default True
        Whether units have biases. Without, none is drawn, start weights are ``(W, None)``, and `b` of the result has
        zeros. "simd" and "numpy" only.
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
    class_weight : dict or "balanced", optional
        Where y has one class label a row: label -> weight, 1 for those that are missing. "balanced" weighs a class by
        n_samples over the number of classes times its own rows. Times `sample_weight`. Not of validation data.
    validation_data : tuple (X, y) or (X, y, sample_weight), or Pieces, optional
        Measured, as the training data is, at each report; see ``history`` of `TrainResult`. Weights count in the loss.
        Of pieces, which are read into memory. Where X comes in pieces, ``history`` has no loss of its rows.
    validation_split : float in [0, 1), default 0
        In its place: the share of the rows of X that are set aside to validate on, by `random_state`, of each class
        where a row has one class label. They are not learned from.
    early_stopping : bool, default False
        End the run after `n_iter_no_change` reports without progress in `scoring`, and give the best weights back.
    scoring : {"loss", "accuracy"} or callable, default "loss"
        What early stopping judges by on the validation rows: the smallest ``val_loss``, the largest ``val_accuracy``,
        or the largest value of ``scoring(network, X, y)``, with X as an array (or CSR matrix) of `dtype` and y as
        ``network.predict`` gives it (of heads NaN, or None among labels, where nothing was observed), which ``history``
        has as ``val_score``.
    n_iter_no_change : int, default 10
        Reports.
    min_delta : float, default 0
        What is better by no more than this is no progress.
    max_time : float, optional
        Seconds after which the run ends, as soon as the update under way is made. With validation rows the weights are
        then those of the best report, whether or not the time was up; without, those of the last update.
    report_every : int, optional
        Updates between two reports to `callback`, `verbose`, `validation_data` and `track`; None: one pass. There is
        one after the last update too.
    track : str or list of str, optional
        What ``history`` has at each report, with or without validation: "loss" and "accuracy" of all rows that are
        learned from, "learning_rate" (of the last update), "gradient_norm" (Euclidean, of the objective over all rows
        by what moves, without `l1`) and "seconds" since the start. The first two cost a forward pass over the rows, the
        norm a forward and a backward pass.
    callback : callable, optional
        ``callback(iteration, loss, network)`` with the number of updates made, the mean objective of the batches since
        the last call, as far as they are of the same pass, and the live network (copy it to keep it). Returning
        something true ends the run.
    verbose : bool, default False
        Print a line at each report, with the same mean.
    progress : bool, default False
        Show a bar, in a terminal or a notebook, with updates made and to come, loss, validation score and the time
        left. Needs tqdm, the extra ``[progress]``; costs nothing when it is off.
    checkpoint : str or os.PathLike, optional
        A folder, made if it is not there, of this training alone, in which at most three files keep all that it goes on
        from. The same call again goes on from there, wherever it was killed, and ends with the same bits; after the end
        it returns the same result at once. Not for lbfgs. See the notes.
    checkpoint_every : int, optional
        Updates between two checkpoints, or more, where these would take more than a hundredth of the time; None: about
        as many as ten seconds take. There is one after the last, too.
    random_state : None, int, RandomState or Generator
        None is NumPy's global generator, an int means ``RandomState(int)``.
    dtype : {"float64", "float32"}, default "float64"
        Of the parameters and of all arithmetic, whatever X is.
    backend : {"auto", "simd", "cython", "numpy", "python"}, default "auto"
        What computes: the SIMD engine, which is what "auto" picks, the compiled loops, batched NumPy, or naive Python
        loops. "simd" and "numpy" have every solver and rule, "cython" and "python" have sgd and lbfgs.
        levenberg_marquardt is NumPy's: "auto" or "numpy".
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
        For ``progress=True`` without tqdm, or ``solver="lbfgs"`` without SciPy.
    OSError
        If the folder of checkpoints cannot be made or written to, another training has it, or its disk is full. Files
        that were written before are whole then, and the error's ``result`` is what training had come to.
    ModelFormatError
        If there are checkpoints, but none of them is whole.
    FloatingPointError
        If training diverges: the loss, the weights or a solver's means are no longer finite. Its attribute ``result``
        is the `TrainResult` of what it came to, weights that are not finite included; `diagnose` says more of it.
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
        nothing can be learned: in a layer almost all units are saturated, or all are alike. If training has ended in
        one answer for all rows, or in answers beyond all of y. If the newest checkpoint is damaged, and training goes
        on from the one before.

    Notes
    -----
    Arrays that another thread changes meanwhile cannot crash it; what it learns from them then is anybody's guess.

    With targets y, outputs h and their weighted sums z, the loss is the sum over outputs of

    - squared_error: ½ (y - h)²; absolute_error: abs(y - h); huber (Huber, 1964): ½ (y - h)² up to an error of δ, beyond
      it δ (abs(y - h) - ½ δ).
    - quantile (Koenker and Bassett, 1978), the pinball loss of scikit-learn: q (y - h) where y is larger, else
      (1 - q) (h - y).
    - gaussian_nll (Nix and Weigend, 1994), as PyTorch's GaussianNLLLoss: ½ (log v + (y - h)² / v), of a mean h and a
      variance v for each target. The last layer has twice as many units as there are targets: the means, then as many
      that make the variances, log(1 + e^z) + 1e-6. The cost is that of the means.
    - poisson: half the deviance, y log(y / h) - y + h, of targets of at least 0; gamma: half the deviance, y / h -
      log(y / h) - 1, of targets greater than 0.
    - log_loss: the cross-entropy; focal (Lin et al., 2017): -(1 - p)^focal_gamma log p of the probability p that is
      given to the target.
    - hinge: max(0, 1 - y h), and squared_hinge its square, of targets -1 and 1, which a vector of labels becomes.
    - perceptron: the perceptron rule, delta h - y, with the objective (h - y) z.

    Where a loss has a kink, its derivative there is 0.

    With ``init=result`` training goes on: from the network's parameters, with the solver's state and counters, in the
    pass that the first run ended in and its order of rows, where rows, `batch_size` and `order` are as many and the
    same as there, and by its random numbers, dropout's seed and classes, so that two halves have the bits of one run.
    `random_state` of None is that run's generator: NumPy's global one and one that was given as they are now, one of an
    int as the run left it. `iter_num` counts further updates, and so do `cost`, `loss_curve` and `n_iter` of the second
    result; reports count all. The first result stays as it is. Settings may change, but not layers, activations, dtype
    and solver; y may lack classes, but have no others. A schedule goes over the updates of each call. lbfgs begins anew
    from the weights. Early stopping goes on, its best weights measured anew, and so does the same plateau. After early
    stopping or an interruption the run goes on from the last update, `n_updates`, not from the weights that were given
    back, or the last pass. A `validation_split` sets the same rows aside.

    A `checkpoint` has parameters, the solver's state, curves, history, the state of early stopping, plateau and time
    limit, the random numbers and the place in the data. It is written, flushed to the disk and then renamed, beside the
    training; where that is quicker than the disk, the newest waits alone. Going on takes the same data and settings,
    which it has digests of; another one is an error that names it. `callback`, `verbose`, `progress`, `n_threads` and
    `checkpoint_every` may be others; `iter_num` may be larger, unless `alpha` is a schedule, which goes over all
    updates. The callback hears once more of updates after the last checkpoint. A generator given as `random_state`, or
    NumPy's global one, is put where it was. Functions (a loss, `scoring`) are known by their names alone.

    With the gradient g, the learning rate η and t, the number of this update, counted from 1:

    - sgd: v = μ v - η g, step v; with Nesterov's momentum the step is μ v - η g. As scikit-learn.
    - rmsprop (Tieleman and Hinton, 2012, lecture 6.5): s = β₂ s + (1 - β₂) g², step -η g / (√s + ε).
    - adam (Kingma and Ba, 2015, in the order of computation at the end of their section 2, as scikit-learn): m = β₁ m +
      (1 - β₁) g, v = β₂ v + (1 - β₂) g², step -η √(1 - β₂^t) / (1 - β₁^t) m / (√v + ε).
    - adamw (Loshchilov and Hutter, 2019, scaled by η as in PyTorch): W shrinks by η `weight_decay` W, then adam's
      step, from the gradient at W before it shrank. So does decay with any other solver.
    - nadam (Dozat, 2016, with his schedule of the momentum, as PyTorch): m and v as adam's, μ_t = β₁ (1 - ½
      0.96^(0.004 t)), Π_t the product of all μ up to it, step -η ((1 - μ_t) / (1 - Π_t) g + μ_(t+1) / (1 - Π_(t+1)) m)
      / (√(v / (1 - β₂^t)) + ε).
    - adagrad (Duchi, Hazan and Singer, 2011): s = s + g², step -η g / (√s + ε).
    - lion (Chen et al., 2023): step -η sign(β₁ m + (1 - β₁) g), then m = β₂ m + (1 - β₂) g.
    - rprop (Riedmiller and Braun, 1993, as Igel and Hüsken's iRprop⁻ and PyTorch): every parameter has a step size Δ,
      at first η, which grows to 1.2 Δ, at most 50, where g has the sign of the update before, and shrinks to ½ Δ, at
      least 1e-6, where it has not; step -Δ sign g, and 0 where the sign has just changed, which is then forgotten.
    - lbfgs (SciPy's L-BFGS-B, in float64): each of its iterations is an update. It ends where it finds nothing lower; a
      change that a callback makes to the parameters does not last.
    - levenberg_marquardt (Hagan and Menhaj, 1994, as MATLAB's trainlm, in float64): with the Jacobian J of the errors e
      of all samples and outputs, weighted so that ½ eᵀe is the loss, step -(JᵀJ + `l2` + μ)⁻¹ (Jᵀe + `l2` W), by
      Cholesky's decomposition. μ becomes `mu_dec` μ after a step that makes the objective smaller; else `mu_inc` μ,
      and the step is tried again. It ends where μ passes 1e10.

    The rules come in this order: penalties into the gradient, clipping, decay, the solver's step, `max_norm`.

    With the weighted sum z of a unit, the activations beside scikit-learn's four are

    - leaky_relu: z, or `negative_slope` z where z < 0; the parameter, by default 0.01.
    - elu (Clevert, Unterthiner and Hochreiter, 2016): z, or `alpha` (e^z - 1) where z < 0; the parameter, by default 1.
    - selu (Klambauer, Unterthiner, Mayr and Hochreiter, 2017): 1.0507 times elu with alpha 1.6733.
    - gelu (Hendrycks and Gimpel, 2016): z Φ(z), Φ the standard normal distribution; exact, as PyTorch's and Keras'.
    - silu, or swish: z / (1 + e^-z). mish (Misra, 2020): z tanh(softplus(z)). softplus: log(1 + e^z).
    - hard_sigmoid: z / 6 + ½ between 0 and 1, as PyTorch's. hard_swish: z hard_sigmoid(z).
    - sin; softsign: z / (1 + abs(z)); step: 1 where z >= 0, else 0, which no gradient comes through.

    Of the starts, "he_uniform" and "he_normal" go with relu and what bends like it (leaky_relu, elu, gelu, silu, mish,
    hard_swish), "lecun_normal" with selu, "glorot_uniform" and "glorot_normal" with the others; "he_uniform" with sin,
    after a first layer whose weights are larger (Sitzmann et al., 2020).

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1]
    >>> result = fastnn.train([2, 1], X, y, 100, 0.2, loss="perceptron", batch_size=1, order="random", random_state=0)
    >>> result.network.predict(X)
    array([0, 0, 0, 1])

    >>> again = fastnn.train([2, 1], X, y, 20, 0.1, loss="perceptron", batch_size=1, order="random", init=result)
    >>> again.n_iter, again.n_updates
    (20, 120)

    A rare class that counts as much as the other, and targets of 0.05 and 0.95:

    >>> X = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> rare = {"class_weight": "balanced", "label_smoothing": 0.1}
    >>> result = fastnn.train([2, 1], X, ["no", "no", "no", "yes"], 500, loss="log_loss", random_state=0, **rare)
    >>> result.network.predict([[1, 1], [0, 1]])
    array(['yes', 'no'], dtype='<U3')
    """
    if unknown:
        refuse(train, unknown)
    pieces = pieces_of(X, y)
    if pieces is None and y is None:
        check_layer_sizes(nn_structure)  # which says so where it is X
        raise TypeError(
            f"y is missing: X is {type(X).__name__}, not in pieces that have y themselves, such as a list of (X, y), a "
            "function that returns an iterator, or fastnn.Pieces"
        )
    validation_split = check_split(validation_split, validation_data)
    is_validated = validation_data is not None or validation_split > 0
    settings = Settings(
        iter_num, alpha, activation, output_activation, heads, loss, huber_delta, quantile, focal_gamma, l2, dropout,
        input_dropout, solver, momentum, nesterov, beta_1, beta_2, epsilon, weight_decay, l1, max_grad_norm, max_norm,
        frozen, layer_rates, mu, mu_inc, mu_dec, init_scale, bias, batch_size, order, tol, is_validated, early_stopping,
        scoring, n_iter_no_change, min_delta, max_time, report_every, track, callback, verbose, progress, dtype,
        backend, n_threads,
    )  # fmt: skip
    shape, drops, course = check_settings(nn_structure, init, random_state, settings)
    check_drops(drops, course.training.solver, OTHER_SOLVERS, None if pieces else X)
    earlier = init if isinstance(init, TrainResult) else None
    is_usual = sample_weight is class_weight is None and not is_validated and type(label_smoothing) is float
    is_kept = checkpoint is not None or checkpoint_every is not None
    if earlier and is_usual and label_smoothing == 0.0 and drops is None and not (is_kept or pieces):
        result = one_update(shape, course, X, y, earlier, backend)
        if result is not None:
            return result
    rest = settings.trained_on, class_weight, label_smoothing, earlier
    if pieces is None and not is_pieces(validation_data):
        data = check_data(
            shape, X, y, sample_weight, validation_data, rest[0], course.training.solver, course.batch_size, *rest[1:]
        )
    else:
        from fastnn.pieces.learned import check_pieces

        asked = sample_weight, validation_data, *rest, validation_split, is_kept
        data = check_pieces(shape, course, pieces, X, y, *asked)
    check_scored(course.reports, data.labels)
    opened = nullcontext()
    if is_kept:
        from fastnn import resuming  # which brings more modules than all the rest

        given = {
            "init": init, "random_state": random_state, "label_smoothing": label_smoothing,
            "validation_split": validation_split,
        }  # fmt: skip
        opened = resuming.checkpoints_of(checkpoint, checkpoint_every, settings, shape, course, data, given)
    with data.feed or nullcontext(), opened as checkpoints:
        before, is_drawn_anew = earlier and earlier.network, random_state is not None
        if checkpoints is not None and checkpoints.found is not None:
            course, before = resuming.resumed(checkpoints.found, course, data, backend)
            is_drawn_anew = False
        state, saturated_start = (None, None) if before else start(course, data, shape.loss, init, bias)
        if validation_split > 0:
            data = hold_back(data, validation_split, course.draws, course.start if before else None)
        source = batches_of(course, data)
        training = course.training
        if source.updates_per_pass != training.updates_per_pass:
            training = replace(training, updates_per_pass=source.updates_per_pass)
        if before:
            state = go_on(course, data, before, training, source)
        if drops is not None:
            training = replace(training, dropout=seeded(drops, course, is_drawn_anew))
        network = Network._from_parts(data.spec, state.parameters, data.labels, backend, data.feature_names)
        job = Job(course.compute, state, training, data.X, data.targets, data.sample_weight, course.n_threads)
        result = carry_out(course, data, source, job, network, saturated_start, checkpoints)
    if shape.objective.function is None:  # a function may be none that can be pickled
        result._shape = shape
    return result

"""Whether anything can be learned from start weights, found before a run begins; called by ``train``.

A logistic or tanh unit far from zero has a slope of almost nothing, a hard_sigmoid unit none; where a whole layer is
there, no error comes through. The tutorials' start, uniform on [0, 1), does this to all but small networks. Units that
start alike stay so. ReLU has no such place; whether softmax outputs are all 0 and 1 at the start was tried as a sign
for it, and says nothing: of 8 networks so on the digits, 7 learned.
"""

import numpy as np

from fastnn.backends import BACKENDS
from fastnn.initial import INITS
from fastnn.input_scale import unscaled_in_words
from fastnn.reference.batched import SLOPE
from fastnn.reference.losses import BY_OUTPUT
from fastnn.sparse import is_sparse
from fastnn.spec import network_spec
from fastnn.warned import warn

#: Activation -> its largest slope, at zero, and the share of saturated units over some rows beyond which there is
#: a warning. Measured at 2000 full-batch updates on digits, wine, iris and breast cancer, 192 networks: the tutorials'
#: 64-30-10 has a share of 0.60, and learns; logistic networks beyond 0.75 came out at accuracies of 0.10 to 0.64 where
#: Glorot's start brought 0.94 and more; tanh below log_loss learned well up to 0.95. hard_sigmoid, 80 networks at 1500
#: updates: under squared_error 17 of 18 beyond 0.75 came out at 0.10 to 0.88, where Glorot's start brought 0.93.
LIMITS = {"logistic": (0.25, 0.75), "tanh": (1.0, 0.95), "hard_sigmoid": (1 / 6, 0.75)}

#: A unit is saturated where its slope is less than this share of the largest: beyond ±6 for logistic, ±3 for others.
SATURATED = 0.01

#: How many rows are looked at.
N_ROWS = 100


def warn_if_saturated(network, parameters, X, loss, init, init_scale=1.0, n_threads=None):
    """Warn where the start weights that were drawn by the name `init` leave a layer without slope, or all units alike.

    Parameters
    ----------
    network : NetworkSpec
    parameters : ndarray
        Flat.
    X : ndarray or CSR matrix of shape (n_samples, n_in)
    loss : str
        The slope of the last layer counts under squared_error and others whose delta has it.
    init : str
    init_scale : float
    n_threads : int, optional

    Returns
    -------
    saturated : tuple (str, int, float) or None
        Where a layer is saturated `init`, the number of the layer and the share of its units.
    """
    if network.n_layers > 1 and are_zeros(init, init_scale):
        cause = "init='zeros'" if init == "zeros" else "init_scale=0"
        warn(
            f"with {cause} all units of a hidden layer stay alike, and the network learns no more than one with a "
            "single unit in each; use init='glorot_uniform'",
            stacklevel=4,  # the caller of train
        )
    rows = X[:: max(X.shape[0] // N_ROWS, 1)][:N_ROWS]
    if not is_sparse(rows):
        rows = np.ascontiguousarray(rows)
    for l, share in _saturated_shares(network, parameters, rows, loss, n_threads):
        activation = network.activation_names[l - 1]
        if share > LIMITS[activation][1]:
            warn(
                f"the start weights of init={init!r} saturate {share:.0%} of the {activation} units of layer {l} of "
                f"{network.n_layers} on rows of X, so that training may be slow, or learn nothing; use "
                + "init='glorot_uniform', " * (init != "glorot_uniform")
                + "a smaller init_scale, or inputs scaled to mean 0 and standard deviation 1"
                + (f"; {words}" if (words := unscaled_in_words(X)) else ""),
                stacklevel=4,
            )
            return init, l, share
    return None


def are_zeros(init, init_scale):
    """Whether a start draws no weights but 0; of start weights that were given, it does not."""
    return isinstance(init, str) and init in INITS and (init == "zeros" or init_scale == 0)


def _saturated_shares(network, parameters, X, loss, n_threads):
    """Pairs of a layer, counted from 1, and the share of its units that are saturated, where its slope counts."""
    n_slopes = network.n_layers if loss in BY_OUTPUT else network.n_layers - 1
    names = network.activation_names[:n_slopes]
    if LIMITS.keys().isdisjoint(names):
        return
    for l, h in outputs_by_layer(network, parameters, X, n_slopes, n_threads):
        if names[l - 1] in LIMITS:
            yield l, float(are_saturated(names[l - 1], h).mean())


def are_saturated(activation, h):
    """Whether units with these outputs are saturated, of an activation of LIMITS; its outputs tell its slopes."""
    return SLOPE[activation](None, h) < SATURATED * LIMITS[activation][0]


def outputs_by_layer(network, parameters, X, n_layers, n_threads=None):
    """Pairs of a layer, counted from 1, and its outputs (n_samples, n_out) for X, of the first layers."""
    W, b = network.views(parameters)
    h = X
    for l, (activation, shape) in enumerate(zip(network.activations[:n_layers], network.shapes, strict=False), start=1):
        layer = network_spec(shape, (activation,), network.dtype)
        inputs, h = h, np.empty((h.shape[0], layer.n_out), network.dtype)
        BACKENDS["simd"].forward(layer, np.concatenate([W[l].ravel(), b[l]]), inputs, h, n_threads=n_threads)
        yield l, h

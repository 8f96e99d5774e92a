"""Whether units can learn: what is dead, what is saturated, and whether it was so from the start."""

import numpy as np

from fastnn.doctor.findings import Finding, of_variance, percent
from fastnn.labels import reach_of
from fastnn.reference.losses import BY_OUTPUT
from fastnn.saturation import LIMITS, are_saturated, outputs_by_layer

#: The share of a layer's relu units that are dead. Healthy trainings had at most 0.08 on scaled data, 0.29 on iris as
#: it is; those that breast cancer and wine as they are had spoiled 0.44 to 1.
MANY_DEAD = 0.4

#: The share of outputs of the last layer that are saturated and wrong by more than a half.
MANY_WRONG = 0.1

#: A start that saturates a layer has done no harm where so much of the variance is explained in the end.
LEARNED = 0.9

#: How many rows go through the layers at a time.
N_ROWS = 4096


def hidden_units(network, X):
    """Return what the units of each layer, counted from 1, do over all rows.

    Parameters
    ----------
    network : Network
    X : ndarray or CSR matrix of shape (n_samples, n_in)

    Returns
    -------
    dead : dict
        Hidden layer of relu -> which of its units are 0 for every row, but for those that a penalty brought to nothing.
    saturated : dict
        Hidden layer with an activation of LIMITS -> the share of its outputs that are saturated.
    """
    spec, n_rows = network._spec, X.shape[0]
    dead, saturated = {}, {}
    for first in range(0, n_rows, N_ROWS):
        rows = X[first : first + N_ROWS]
        for l, h in outputs_by_layer(spec, network.parameters, rows, spec.n_layers - 1):
            name = spec.activation_names[l - 1]
            if name == "relu":
                dead[l] = dead.get(l, _has_weights(network.W[l])) & (h == 0).all(axis=0)
            elif name in LIMITS:
                saturated[l] = saturated.get(l, 0.0) + float(are_saturated(name, h).sum()) / (n_rows * h.shape[1])
    return dead, saturated


def _has_weights(W):
    """Which units have weights at all: a penalty that is large brings those that it needs not to nothing."""
    norms = np.sqrt((W * W).sum(axis=1, dtype=np.float64))
    return norms > 0.01 * norms.max()


def saturated_start(case):
    """Find start weights that left a layer without slope, and from which little was learned."""
    start, explained = case.training.saturated_start, case.explained(case.rows)
    if start is None or (explained or 0) > LEARNED:
        return None
    spec, (init, l, share) = case.network._spec, start
    learned = "" if explained is None else f", and in the end {of_variance(explained)} is explained"
    message = (
        f"the start weights of init={init!r} saturated {percent(share)} of the {spec.activation_names[l - 1]} units of "
        f"layer {l} of {spec.n_layers}{learned}. Use init='glorot_uniform', or a smaller init_scale"
    )
    return Finding("saturated_start", message, {"init": init, "layer": l, "share": share, "explained": explained})


def dead_units(case, dead):
    """Find layers of relu many of whose units are 0 for every row, so that no gradient comes to their weights."""
    shares = {l: float(units.mean()) for l, units in dead.items()}
    if not shares or max(shares.values()) <= MANY_DEAD:
        return None
    l = max(shares, key=shares.get)
    message = (
        f"{dead[l].sum()} of {len(dead[l])} relu units of layer {l} are 0 for all {case.n_rows:,} rows of X: they "
        f"add nothing, and no gradient comes to their weights. Train anew {_gently(case)}, or with "
        "activation='leaky_relu'"
    )
    return Finding("dead_units", message, {"shares": shares})


def saturated_units(case, saturated):
    """Find layers with hardly any slope left: hidden ones, or a last one that is wrong and cannot leave."""
    names = case.network._spec.activation_names
    beyond = {l: share for l, share in saturated.items() if share > LIMITS[names[l - 1]][1]}
    if beyond:
        l = max(beyond, key=beyond.get)
        what, share = f"outputs of layer {l} ({names[l - 1]})", beyond[l]
    elif (share := _wrong_and_stuck(case)) > MANY_WRONG:
        l = len(names)
        what = f"outputs of the last layer ({names[-1]}) are wrong by more than a half, and"
    else:
        return None
    message = (
        f"{percent(share)} of the {what} are so near to their bounds that the slope is less than 1 % of the largest, "
        f"over all {case.n_rows:,} rows of X: hardly any gradient comes through. Train anew {_gently(case)}"
    )
    return Finding("saturated_units", message, {"layer": l, "share": float(share), "shares": saturated})


def _wrong_and_stuck(case):
    """The share of the last layer's outputs that are saturated far from their targets, where its slope counts."""
    name, rows = case.network._spec.activation_names[-1], case.rows
    if rows.targets is None or name not in LIMITS or case.training.loss not in BY_OUTPUT:
        return 0.0
    low, high, _ = reach_of(name)
    wrong = np.abs(np.clip(rows.targets, low, high) - rows.predictions) > 0.5  # what is beyond reach is no matter here
    return float((wrong & are_saturated(name, rows.predictions)).mean())


def _gently(case):
    rate = case.training.rate
    was = "" if rate is None else f" (it was {rate:g})"
    return f"with a smaller {case.training.rate_name}{was}, or from smaller start weights"

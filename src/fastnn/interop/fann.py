"""FANN's text format, ``FANN_FLO_2.1``, of layered networks that are fully connected: read with care, and written.

Called by `Network.from_fann` and `.to_fann`. Each line is a name, "=" and values; those of neurons and connections are
in brackets. A layer's last neuron is the bias of the next. A neuron's sum is multiplied by its steepness before its
function, which here goes into the weights. No count is believed before as many entries are there.
"""

import math
import os
import re
import stat
from itertools import pairwise

import numpy as np

from fastnn.export.files import replacing
from fastnn.interop.chain import Chain
from fastnn.portable import ModelFormatError
from fastnn.spec import check_dtype

VERSION = "FANN_FLO_2.1"
NEURONS = "neurons (num_inputs, activation_function, activation_steepness)"
CONNECTIONS = "connections (connected_to_neuron, weight)"
NUMBER = r"([-+.\deE]+)"

#: FANN's functions by number: name, then, where there is such, factor and shift of the sum times steepness, our
#: activation, and factor and shift of what that gives.
FUNCTIONS = (
    ("LINEAR", 1, 0, "identity", 1, 0),
    ("THRESHOLD", 1, 0, "step", 1, 0),
    ("THRESHOLD_SYMMETRIC", 1, 0, "step", 2, -1),
    ("SIGMOID", 2, 0, "logistic", 1, 0),
    ("SIGMOID_STEPWISE",),
    ("SIGMOID_SYMMETRIC", 1, 0, "tanh", 1, 0),
    ("SIGMOID_SYMMETRIC_STEPWISE",),
    ("GAUSSIAN",),
    ("GAUSSIAN_SYMMETRIC",),
    ("GAUSSIAN_STEPWISE",),
    ("ELLIOT", 1, 0, "softsign", 0.5, 0.5),
    ("ELLIOT_SYMMETRIC", 1, 0, "softsign", 1, 0),
    ("LINEAR_PIECE", 6, -3, "hard_sigmoid", 1, 0),
    ("LINEAR_PIECE_SYMMETRIC", 3, 0, "hard_sigmoid", 2, -1),
    ("SIN_SYMMETRIC", 1, 0, "sin", 1, 0),
    ("COS_SYMMETRIC", 1, math.pi / 2, "sin", 1, 0),
    ("SIN", 1, 0, "sin", 0.5, 0.5),
    ("COS", 1, math.pi / 2, "sin", 0.5, 0.5),
)

#: Names of what a network computes; others, which say how it is trained, begin like those.
READ = {"num_layers", "connection_rate", "network_type", "layer_sizes", "scale_included", NEURONS, CONNECTIONS}
SCALES = {f"scale_{what}_{side}" for what in ("mean", "deviation", "new_min", "factor") for side in ("in", "out")}
OF_TRAINING = ("learning_", "train", "cascade_", "quickprop_", "rprop_", "sarprop_", "bit_fail_limit")

#: libfann cuts a sum off at 150 over its steepness: what has no bounds of its own is written with this one.
SMALL_STEEPNESS = 2.0**-20
WRITTEN = {
    "identity": (0, SMALL_STEEPNESS),
    "step": (1, 1.0),
    "logistic": (3, 0.5),
    "tanh": (5, 1.0),
    "softsign": (11, SMALL_STEEPNESS),
    "sin": (14, SMALL_STEEPNESS),
}


#: The lines of a file that say how its network is trained, in the order that libfann reads, by its own defaults.
PREAMBLE = """\
learning_rate=0.7 connection_rate=1.0 network_type=0 learning_momentum=0.0 training_algorithm=2 train_error_function=1
train_stop_function=0 cascade_output_change_fraction=0.01 quickprop_decay=-0.0001 quickprop_mu=1.75
rprop_increase_factor=1.2 rprop_decrease_factor=0.5 rprop_delta_min=0.0 rprop_delta_max=50.0 rprop_delta_zero=0.1
cascade_output_stagnation_epochs=12 cascade_candidate_change_fraction=0.01 cascade_candidate_stagnation_epochs=12
cascade_max_out_epochs=150 cascade_min_out_epochs=50 cascade_max_cand_epochs=150 cascade_min_cand_epochs=50
cascade_num_candidate_groups=2 bit_fail_limit=0.35 cascade_candidate_limit=1000.0 cascade_weight_multiplier=0.4
cascade_activation_functions_count=1 cascade_activation_functions=3 cascade_activation_steepnesses_count=1
cascade_activation_steepnesses=0.5"""


def from_fann(path, scaled=None, dtype="float64", classes=None):
    """Return the Network of a file of FANN; see `Network`."""
    dtype, name = check_dtype(dtype), os.fspath(path)
    if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for
        raise ModelFormatError(f"{name!r} is no regular file; name one that fann_save wrote")
    with open(path, "rb") as file:
        content = file.read()
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is told
            chain, has_scales = _chain_of(_entries(content.decode("ascii")), scaled, dtype)
            network = chain.network()
    except (ValueError, OverflowError) as error:
        raise ModelFormatError(f"{name!r} is no network of FANN that can be read: {error}") from error
    if scaled is None and has_scales:
        raise ValueError(
            f"{name!r} has scales, which fann_run leaves out: say scaled=True for a network that takes and gives "
            "numbers as they are before fann_scale_input and after fann_descale_output, scaled=False for what fann_run "
            "computes"
        )
    return network if classes is None else chain.network(classes=classes)  # whose errors are not the file's


def to_fann(network, path):
    """Write the file of a Network."""
    lacks = [f"activation {name!r}" for name in dict.fromkeys(network.activations) if name not in WRITTEN]
    if lacks or network.heads:
        raise ValueError(
            f"FANN has no {' and no '.join(lacks or ['several heads'])}; of ours it has {', '.join(map(repr, WRITTEN))}"
        )
    n_in, *others = network.layer_sizes
    neurons, connections, first = [(0, 0, 0.0)] * (n_in + 1), [], 0
    for W, b, name in zip(network.W.values(), network.b.values(), network.activations, strict=True):
        function, steepness = WRITTEN[name]
        unit = 1.0 if steepness != SMALL_STEEPNESS else 1 / SMALL_STEEPNESS
        rows = np.column_stack([W, b]).astype(np.float64) * unit
        neurons += [(rows.shape[1], function, steepness)] * len(rows) + [(0, 0, 0.0)]
        connections += [pair for row in rows.tolist() for pair in enumerate(row, start=first)]
        first += rows.shape[1]
    lines = [
        VERSION,
        f"num_layers={len(others) + 1}",
        *PREAMBLE.split(),
        f"layer_sizes={' '.join(str(n + 1) for n in network.layer_sizes)} ",
        "scale_included=0",
        f"{NEURONS}={''.join(f'({n}, {function}, {steepness:.20e}) ' for n, function, steepness in neurons)}",
        f"{CONNECTIONS}={''.join(f'({place}, {weight:.20e}) ' for place, weight in connections)}",
    ]
    with replacing(path) as file:
        file.write("\n".join([*lines, ""]).encode())


def _entries(text):
    """The values of all lines, by their names."""
    first, *lines = text.splitlines() or [""]
    if first.strip() != VERSION:
        kind = " of fixed-point numbers" if first.startswith("FANN_FIX") else ""
        raise ValueError(f"it begins with {first!r:.60}{kind}, expected {VERSION!r}")
    entries = {}
    for line in filter(None, map(str.strip, lines)):
        name, separator, value = line.partition("=")
        if not separator or (name not in READ | SCALES and not name.startswith(OF_TRAINING)):
            raise ValueError(f"it has the line {line!r:.60}, which is not known")
        if name in entries:
            raise ValueError(f"{name!r:.60} stands twice")
        entries[name] = value
    missing = READ - entries.keys()
    if missing:
        raise ValueError(f"it lacks {', '.join(map(repr, sorted(missing)))}: is it cut off?")
    return entries


def _chain_of(entries, scaled, dtype):
    """The layers, with scales if they are asked for, and whether there are any."""
    if int(entries["network_type"]) != 0:
        raise ValueError("it has connections that skip layers (network_type=1), which fastnn has not")
    if float(entries["connection_rate"]) < 1:
        raise ValueError(f"it is not fully connected (connection_rate={entries['connection_rate']:.20})")
    sizes, neurons = _layers(entries)
    layers, has_scales = _weights(entries, sizes), _flag(entries, "scale_included")
    if scaled and not has_scales:
        raise ValueError("scaled=True, but it has no scales")
    chain, end = Chain(), sizes[0]
    if scaled:
        mean, deviation, new_min, factor = _scales(entries, "in", sizes[0] - 1)
        chain.scale_inputs("the scale of inputs", factor / deviation, (1 - mean / deviation) * factor + new_min)
    for l, rows in enumerate(layers, start=1):
        n_in, functions, steepness = neurons[end : end + len(rows)].T
        end += sizes[l]
        if (n_in != sizes[l - 1]).any():
            raise ValueError(f"neurons of layer {l} have {n_in.min():g} to {n_in.max():g} inputs, not {sizes[l - 1]}")
        chain.dense(f"layer {l}", rows[:, :-1].astype(dtype), rows[:, -1])
        _append_function(chain, f"layer {l}", functions, steepness)
    if scaled:
        mean, deviation, new_min, factor = _scales(entries, "out", sizes[-1] - 1)
        chain.scale("the scale of outputs", deviation / factor, mean - deviation * (1 + new_min / factor))
    return chain, has_scales


def _layers(entries):
    """The neurons of each layer, biases counted, and all of them: inputs, function and steepness."""
    sizes = [int(size) for size in entries["layer_sizes"].split()]
    neurons = _numbers(NEURONS, entries[NEURONS], rf"\((\d+), (\d+), {NUMBER}\)", 3)
    if len(sizes) != int(entries["num_layers"]) or len(sizes) < 2 or min(sizes) < 2 or sum(sizes) != len(neurons):
        raise ValueError(
            f"num_layers={entries['num_layers']:.20} and layer_sizes={entries['layer_sizes']:.60} do not fit each "
            f"other, or the {len(neurons)} neurons that are there"
        )
    return sizes, neurons


def _weights(entries, sizes):
    """Of each layer its weights, the biases as the last column, (n_out, n_in + 1)."""
    found = _numbers(CONNECTIONS, entries[CONNECTIONS], rf"\((\d+), {NUMBER}\)", 2)
    n_expected = sum((size - 1) * before for before, size in pairwise(sizes))
    if len(found) != n_expected:
        raise ValueError(
            f"layers of {sizes!r:.60} neurons, biases counted, have {n_expected} connections, not {len(found)}"
        )
    layers, first, end = [], 0, 0
    for before, size in pairwise(sizes):
        block = found[end : end + (size - 1) * before].reshape(size - 1, before, 2)
        order = block[:, :, 0].argsort(axis=1, kind="stable")
        block = np.take_along_axis(block, order[:, :, None], axis=1)
        if (block[:, :, 0] != np.arange(first, first + before)).any():
            raise ValueError("connections do not lead from each neuron of a layer to each of the next")
        layers.append(block[:, :, 1])
        first, end = first + before, end + (size - 1) * before
    return layers


def _numbers(name, value, pattern, n_columns):
    """The entries in brackets, (n, n_columns)."""
    found = re.findall(pattern, value)
    if not found or re.sub(pattern, "", value).strip():
        raise ValueError(f"{name!r} has other entries than such in brackets: {value!r:.60}")
    return np.array([[float(number) for number in entry] for entry in found]).reshape(-1, n_columns)


def _flag(entries, name):
    if entries[name].strip() not in ("0", "1"):
        raise ValueError(f"{name}={entries[name]:.20} must be 0 or 1")
    return entries[name].strip() == "1"


def _scales(entries, side, n_columns):
    names = [f"scale_{what}_{side}" for what in ("mean", "deviation", "new_min", "factor")]
    found = [np.array(entries.get(name, "").split(), np.float64) for name in names]
    for name, array in zip(names, found, strict=True):
        is_divisor = "deviation_in" in name or "factor_out" in name
        if len(array) != n_columns or not np.isfinite(array).all() or (is_divisor and not array.all()):
            raise ValueError(f"{name} must be {n_columns} numbers{', none 0' if is_divisor else ''}, got {array!r:.60}")
    return found


def _append_function(chain, where, functions, steepness):
    number, others = int(functions[0]), (functions != functions[0]).any()
    name, *how = FUNCTIONS[number] if number < len(FUNCTIONS) else (f"function {number}",)
    if others or not how:
        instead = "; train or set it with FANN_" + name.removesuffix("_STEPWISE") if "SIGMOID" in name else ""
        what = "different functions in one layer" if others else f"FANN_{name}{instead}"
        raise ValueError(f"{where} cannot be carried over: fastnn has no {what}")
    factor, shift, activation, out_factor, out_shift = how
    chain.scale(where, steepness * factor, shift)
    chain.activate(where, activation)
    chain.scale(where, out_factor, out_shift)

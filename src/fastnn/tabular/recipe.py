"""RealMLP's recipe for tables (Holzmüller, Grinsztajn and Steinwart, 2024), in a size that a CPU trains in a moment.

What a network for a table is, where it starts, and how its updates are made: everything between the raw matrix of
``columns`` and a run of ``training``. `Recipe` has the constants; docs/decisions/0035 what each of them brings.
"""

import math
from dataclasses import dataclass

import numpy as np

from fastnn import schedules
from fastnn.backends import BACKENDS
from fastnn.dropout import Dropout
from fastnn.spec import TrainingSpec, network_spec

#: Rows of a batch, by the rows to learn from: the most that each size is for.
BATCHES = ((1024, 64), (8192, 128), (30_000, 256), (100_000, 512))
LARGEST_BATCH = 1024

#: Rows that the start looks at.
START_ROWS = 1024

#: Rows of which a random mean is where a unit's sum begins at 0.
ANCHORS = 5


@dataclass(frozen=True)
class Recipe:
    """The constants; those of one estimator, whose parameters they are."""

    hidden_layer_sizes: tuple[int, ...] = (64, 64, 64)
    activation: str = "selu"
    gated: bool = True
    max_epochs: int = 32
    batch_size: int | None = None
    learning_rate: float = 0.04
    n_cycles: int = 4
    beta_1: float = 0.9
    beta_2: float = 0.95
    epsilon: float = 1e-8
    weight_decay: float = 0.02
    dropout: float = 0.15
    scale_rate: float = 6.0
    bias_rate: float = 0.1
    gate_rate: float = 0.1
    frequency_scale: float = 0.1
    zero_last: bool = False


#: That of classes, and of numbers.
CLASSES = Recipe()
NUMBERS = Recipe(activation="mish", learning_rate=0.2, frequency_scale=0.2)

#: What is chosen by one name: members, and what differs of the recipe.
PRESETS = {"fast": {"max_epochs": 16}, "default": {}, "best": {"n_members": 8}}


def batch_rows(recipe, n_rows):
    """Rows of a batch, of so many to learn from."""
    size = recipe.batch_size
    if size is None:
        size = next((batch for most, batch in BATCHES if n_rows <= most), LARGEST_BATCH)
    return min(size, n_rows)


def network_of(recipe, encodings, n_out, output_activation):
    """Return the description of a network for a table."""
    sizes = (len(encodings), sum(e.n_out for e in encodings), *recipe.hidden_layer_sizes, n_out)
    activations = ("identity", *[recipe.activation] * len(recipe.hidden_layer_sizes), output_activation)
    return network_spec(sizes, activations, np.dtype(np.float32), (), tuple(encodings), recipe.gated)


def training_of(recipe, network, objective, n_updates, seed):
    """Return how it is trained in so many updates.

    The weights are those of a network whose products are divided by the root of their number, multiplied out: a step
    is smaller by that factor, decay is not.
    """
    rates = [(1.0, recipe.scale_rate)]
    rates += [(1.0 / math.sqrt(n_in), recipe.bias_rate) for n_in, _ in network.shapes[1:]]
    dropped = [0, 0, *[round(recipe.dropout * 65536)] * len(recipe.hidden_layer_sizes)]
    return TrainingSpec(
        objective,
        "adam",
        beta_1=recipe.beta_1,
        beta_2=recipe.beta_2,
        epsilon=recipe.epsilon,
        weight_decay=recipe.weight_decay,
        rates=tuple(rates),
        decay_rates=(1.0,) * network.n_layers,
        gate_rate=recipe.gate_rate,
        fade=(n_updates // 2, max(n_updates, 1)),
        dropout=Dropout(tuple(dropped[: network.n_layers]), seed) if recipe.dropout else None,
    )


def rates_of(recipe):
    """Return the schedule of the learning rate."""
    return schedules.cycles(recipe.learning_rate, recipe.n_cycles)


def start(recipe, network, X, draws, out):
    """Draw start weights into the flat parameters `out`, by rows X of the raw matrix.

    Sums of each unit over these rows have deviation 1, and are 0 somewhere among them.
    """
    weights, biases = network.views(out)
    biases[1][:] = 1.0
    for gates in network.gates_of(out).values():
        gates[:] = 1.0
    for encoding, own in zip(network.encodings, network.encoding_views(out), strict=True):
        _start_encoding(recipe, encoding, own, draws)
    rows = X if len(X) <= START_ROWS else X[draws.permutation(len(X))[:START_ROWS]]
    for l, (n_in, n_out) in enumerate(network.shapes[1:], start=2):
        if l == network.n_layers and recipe.zero_last:
            continue
        weights[l][:] = draws.normal((n_out, n_in)) / math.sqrt(n_in)
        sums = _sums(network, out, l, rows)
        deviations = sums.std(axis=0, dtype=np.float64)
        deviations[deviations < 1e-6] = 1.0
        weights[l] /= deviations[:, None]
        shares = -np.log1p(-draws.uniform((n_out, ANCHORS)))
        anchors = sums[draws.integers(len(rows), (n_out, ANCHORS)), np.arange(n_out)[:, None]]
        biases[l][:] = -(shares * anchors).sum(axis=1) / shares.sum(axis=1) / deviations


def _start_encoding(recipe, encoding, own, draws):
    if encoding.kind == "embedding":
        own["table"][:] = draws.normal(own["table"].shape)
    elif encoding.kind == "periodic":
        bound = 1.0 / math.sqrt(encoding.n)
        own["frequencies"][:] = 2.0 * math.pi * recipe.frequency_scale * draws.normal(own["frequencies"].shape)
        own["phases"][:] = math.pi * (2.0 * draws.uniform(own["phases"].shape) - 1.0)
        for name in ("W", "b"):
            own[name][:] = bound * (2.0 * draws.uniform(own[name].shape) - 1.0)


def _sums(network, parameters, l, rows):
    """Sums of layer l, before its activation."""
    part, own = network.part(parameters, 1, l, "identity")
    sums = np.empty((len(rows), part.n_out), part.dtype)
    BACKENDS["simd"].forward(part, own, rows, sums, 1)
    return sums

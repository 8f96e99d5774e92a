"""Estimators for tables that a file may hold, golden files of them, and what these answer, by NumPy alone.

Called by ``saved``, which writes those of a version; tests/test_golden.py loads those of every release.
"""

from itertools import pairwise

import numpy as np
from saved import parts_of

from fastnn import TabularClassifier, TabularRegressor

RNG = np.random.default_rng(20)
NUMBERS = RNG.exponential(size=60).tolist()

#: Numbers, some missing; few levels and many; truth values.
ROWS = [[None if i % 7 == 0 else number, "abc"[i % 3], f"town {i % 12}", i % 5 < 2] for i, number in enumerate(NUMBERS)]

#: What `fit` has not seen, too.
ASKED = [*ROWS[:20], [-1e300, "d", None, None]]

SMALL = {"hidden_layer_sizes": (4, 3), "max_epochs": 3, "random_state": 0}

MODELS = {
    "classifier": lambda: TabularClassifier(**SMALL, n_members=2, importances=True).fit(
        ROWS, [("no", "maybe", "yes")[i % 3 + (i % 4 < 2) - (i % 3 == 2)] for i in range(60)]
    ),
    "regressor": lambda: TabularRegressor(**SMALL).fit(ROWS, np.c_[NUMBERS, 0.1 * np.arange(60)]),
}

ACTIVATIONS = {
    "selu": lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(np.minimum(z, 0))),
    "mish": lambda z: z * np.tanh(np.logaddexp(0, z)),
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True),
    "identity": lambda z: z,
}


def plain(value):
    """What JSON has as pairs, as dicts."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value["dict"]} if "dict" in value else value
    return list(map(plain, value)) if isinstance(value, list) else value


def bounded(number, part):
    """A number as it goes in: centred, scaled and smoothly bounded; 0 where there is none."""
    if number is None:
        return 0.0
    z = np.clip((number - part["centre"]) * part["factor"], -1e15, 1e15)
    return z / np.sqrt(1 + (z / 3) ** 2)


def first_layer(columns, rows, parameters):
    """What the columns become, without their scales, and how many parameters that takes."""
    settings, made, at = columns["settings"], [], 0
    n, width, size = (settings[name] for name in ("n_frequencies", "numeric_embedding_size", "embedding_size"))
    for j, column in enumerate(columns["columns"]):
        cells, part = [row[j] for row in rows], column["parts"][0][1]
        if column["kind"] == "number":
            z = np.array([[bounded(cell, part)] for cell in cells])
            frequencies, phases, W, b = np.split(
                parameters[at : at + (2 + width) * n + width], [n, 2 * n, (2 + width) * n]
            )
            at += (2 + width) * n + width
            made += [z, np.cos(z * frequencies + phases) @ W.reshape(width, n).T + b]
            if column["indicator"]:
                made.append([[float(cell is None)] for cell in cells])
            continue
        codes = np.array([part["levels"].index(cell) + 1 if cell in part["levels"] else 0 for cell in cells])
        n_levels = len(part["levels"])
        if n_levels == 2:
            made.append(np.array([0, -1, 1])[codes][:, None])
        elif n_levels <= settings["max_one_hot"]:
            made.append(codes[:, None] == np.arange(1, n_levels + 1))
        else:
            made.append(parameters[at : at + (n_levels + 1) * size].reshape(-1, size)[codes])
            at += (n_levels + 1) * size
    return np.hstack(made), at


def outputs_of(learned, columns, rows, parameters):
    """The outputs of one member, whose encodings, weights, scales and biases, and gates stand in this order."""
    network = learned["network"]
    sizes, names = network["layer_sizes"][1:], [one["name"] for one in network["activations"]]
    h, at = first_layer(columns, rows, parameters.astype(float))
    weights, biases, gates = [], [], []
    for n_in, n_out in pairwise(sizes):
        weights.append(parameters[at : at + n_in * n_out].reshape(n_out, n_in))
        at += n_in * n_out
    for numbers, lengths in ((biases, sizes), (gates, sizes[1:-1])):
        for length in lengths:
            numbers.append(parameters[at : at + length])
            at += length
    assert at == len(parameters)
    h = h * biases[0]
    for W, b, name, gate in zip(weights, biases[1:], names[1:], [*gates, 1.0], strict=True):
        z = h @ W.T.astype(float) + b
        h = z + gate * (ACTIVATIONS[name](z) - z)
    return h


def expected(path):
    """What is answered for `ASKED`: probabilities, or numbers."""
    kind, description, arrays = parts_of(path)
    assert kind == "fastnn.tabular"
    learned, fitted = description["learned"], {name: plain(one) for name, one in description["fitted"].items()}
    columns = plain(learned["columns"])
    members = [outputs_of(learned, columns, ASKED, arrays[f"members.{member}"]) for member in range(learned["members"])]
    mean = np.mean(members, axis=0)
    if "classes_" in fitted:
        return mean
    centre, scale, (low, high) = (named(fitted[name], arrays) for name in ("_centre", "_scale", "_range"))
    return np.clip(mean * scale + centre, low, high)


def named(value, arrays):
    """A value of JSON, in whose place an array may stand."""
    if isinstance(value, dict) and "tuple" in value:
        return [named(one, arrays) for one in value["tuple"]]
    return arrays[value["array"]] if isinstance(value, dict) else value


def write(folder):
    """Write the files of this version, and what they answer."""
    folder.mkdir(parents=True)
    outputs = {}
    for name, make in MODELS.items():
        make().save(folder / f"{name}.safetensors")
        outputs[name] = expected(folder / f"{name}.safetensors")
    np.savez(folder / "outputs.npz", **outputs)

"""What each rule, activation and schedule costs, and who listens: ``python -m bench --features``.

The same training with and without it takes turns, round after round, on one thread: 784-128-64-10, batches of 128,
Adam. A ratio is of the two times of one round. The runs learn other things, which is what they are for: here only the
time counts, and that all losses are finite.
"""

import json
import sys

import numpy as np

import fastnn
from bench.listening import added, print_table
from bench.machine import describe
from bench.timing import measure, summary
from fastnn import schedules

LAYERS, BATCH, ROWS, UPDATES = [784, 128, 64, 10], 128, 4096, 96
ROUNDS, QUICK_ROUNDS = 15, 3

#: What is switched on, and how many times the time of the plain training it may take; None: nobody has asked.
FEATURES = {
    "nothing": ({}, None),
    "class_weight": ({"class_weight": "balanced"}, 1.05),
    "label_smoothing": ({"label_smoothing": 0.1}, 1.05),
    "max_grad_norm": ({"max_grad_norm": 1.0}, 1.05),
    "weight_decay": ({"weight_decay": 0.01}, 1.05),
    "l1": ({"l1": 1e-5}, None),
    "max_norm": ({"max_norm": 3.0}, None),
    "frozen first layer": ({"frozen": [1]}, 1.05),
    "layer_rates": ({"layer_rates": [0.5, 1.0, 1.0]}, 1.05),
    "bias=False": ({"bias": False}, 1.05),
    "cosine schedule with warmup": ({"alpha": schedules.cosine(1e-3, warmup=0.1)}, 1.05),
    "dropout 0.5": ({"dropout": 0.5}, 1.25),
    "dropout 0.5, inputs 0.2": ({"dropout": 0.5, "input_dropout": 0.2}, None),
    "silu for relu": ({"activation": "silu"}, 1.3),
    "gelu for relu": ({"activation": "gelu"}, 1.3),
    "elu for relu": ({"activation": "elu"}, None),
    "leaky_relu for relu": ({"activation": "leaky_relu"}, None),
    "tanh for relu": ({"activation": "tanh"}, None),
    "nadam for adam": ({"solver": "nadam"}, None),
    "lion for adam": ({"solver": "lion"}, None),
}


def trainer(dtype, options):
    """Return a callable that trains with these options in place of the plain ones, and returns the loss curve."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((ROWS, LAYERS[0])).astype(dtype), rng.integers(0, LAYERS[-1], ROWS)
    plain = {
        "alpha": 1e-3, "activation": "relu", "loss": "log_loss", "init": "he_normal", "solver": "adam",
        "batch_size": BATCH, "random_state": 0, "dtype": dtype, "n_threads": 1,
    }  # fmt: skip
    return lambda: fastnn.train(LAYERS, X, y, UPDATES, **{**plain, **options}).loss_curve


def ratios_of(dtype, n_rounds):
    """Return name -> how many times the plain training's time each feature takes, median and quartiles."""
    found = {}
    for name, (options, _) in FEATURES.items():
        ways = {"plain": trainer(dtype, {}), "with it": trainer(dtype, options)}
        if not all(np.isfinite(way()).all() for way in ways.values()):
            sys.exit(f"{dtype}, {name}: a loss is not finite")
        seconds = measure(ways, n_rounds)
        found[name] = summary([b / a for a, b in zip(seconds["plain"], seconds["with it"], strict=True)])
    return found


def main(options):
    """Measure, print and write."""
    n_rounds = QUICK_ROUNDS if options.quick else ROUNDS
    machine = describe()
    print(f"CPU: {machine['cpu']}, {' '.join(machine['features'])}; one thread, {'-'.join(map(str, LAYERS))}, Adam")
    print(f"Times the time of the same training without it, median of {n_rounds} rounds in turns [quartiles]\n")
    table = {dtype: ratios_of(dtype, n_rounds) for dtype in ("float32", "float64")}
    for name, (_, most) in FEATURES.items():
        cells = [
            f"{dtype} {median:5.2f} [{low:.2f} .. {high:.2f}]"
            for dtype, (median, low, high) in ((dtype, table[dtype][name]) for dtype in table)
        ]
        print(f"{name:<30}{cells[0]:<34}{cells[1]:<34}" + (f"asked: {most}" if most else ""))
    listening = added(n_rounds)
    print_table(listening)
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "features.json"
    path.write_text(
        json.dumps({"machine": machine, "rounds": n_rounds, "ratios": table, "added": listening}, indent=1) + "\n"
    )
    print(f"\nWritten: {path}")

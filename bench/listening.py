"""What it costs to listen to a training: the second table of ``python -m bench --features``.

Both faces with and without a listener, in turns, on one thread, Adam, float32 and float64. What is added is told in the
unit in which it was promised: validation in forward passes over the rows that are measured, and a bar as a share of the
time, both of 784-128-64-10 by batches of 128; a callback in microseconds a pass of 4-8-3, which takes a few. And an
update of that by a call of its own, in microseconds.
"""

import contextlib
import io
import warnings

import numpy as np

import fastnn
from bench.timing import measure, summary

LAYERS, BATCH, ROWS, PASSES = [784, 128, 64, 10], 128, 2048, 10
SMALL, SMALL_ROWS, SMALL_PASSES = [4, 8, 3], 32, 1000

#: What a listener may add, by the unit in which it is told.
ASKED = {
    "train, validation data": 1.05,
    "fit, validation data": 1.05,
    "train, callback": 20.0,
    "fit, callback": 20.0,
    "train, progress bar": 0.01,
    "fit, progress bar": 0.01,
    "train(init=result), one update": 60.0,
    "partial_fit, one update": 60.0,
    "train, one update": None,
}


def _data(dtype, layers, n_rows):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n_rows, layers[0])).astype(dtype), np.arange(n_rows) % layers[-1]


def _faces(dtype, layers, X, y, batch, passes):
    """The two ways to train: callables that take what listens, and their options for it."""
    settings = {
        "alpha": 1e-3, "activation": "relu", "loss": "log_loss", "init": "he_normal", "solver": "adam",
        "batch_size": batch, "random_state": 0, "dtype": dtype, "n_threads": 1,
    }  # fmt: skip
    n_updates = passes * -(-len(X) // batch)

    def train(**options):
        return fastnn.train(layers, X, y, n_updates, **{**settings, **options}).network

    def fit(validation=None, **options):
        settings = {"batch_size": batch, "max_iter": passes, "random_state": 0, "n_iter_no_change": passes}
        model = fastnn.MLPClassifier(tuple(layers[1:-1]), **settings, **options)
        return model.fit(X, y, **(validation or {})).network_

    return train, fit


def _seconds(ways, n_rounds):
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")  # few passes converge
        for way in ways.values():
            way()
        return measure(ways, n_rounds)


def _added(seconds, unit):
    """How much longer a way takes than the plain one of the same round, in units."""
    return summary([(b - a) / unit for a, b in zip(seconds["plain"], seconds["with it"], strict=True)])


def _of_validation(dtype, n_rounds):
    X, y = _data(dtype, LAYERS, 2 * ROWS)
    X, y, X_val, y_val = X[:ROWS], y[:ROWS], X[ROWS:], y[ROWS:]
    train, fit = _faces(dtype, LAYERS, X, y, BATCH, PASSES)
    network, found = train(), {}
    of_train, of_fit = {"validation_data": (X_val, y_val)}, {"validation": {"X_val": X_val, "y_val": y_val}}
    for face, call, options, rows in (
        ("train", train, of_train, np.concatenate([X, X_val])), ("fit", fit, of_fit, X_val)  # what they measure
    ):  # fmt: skip
        outputs = np.empty((len(rows), LAYERS[-1]), dtype)
        ways = {
            "plain": call,
            "with it": lambda call=call, options=options: call(**options),
            "forward": lambda rows=rows, outputs=outputs: network.predict_into(rows, outputs),
        }
        seconds = _seconds(ways, n_rounds)
        found[f"{face}, validation data"] = _added(seconds, PASSES * np.median(seconds["forward"]))
    return found


def _of_listeners(dtype, n_rounds):
    found = {}
    small = _faces(dtype, SMALL, *_data(dtype, SMALL, SMALL_ROWS), SMALL_ROWS, SMALL_PASSES)
    large = _faces(dtype, LAYERS, *_data(dtype, LAYERS, ROWS), BATCH, 4 * PASSES)
    for name, faces, options in (
        ("callback", small, {"callback": lambda *_: None}), ("progress bar", large, {"progress": True})
    ):  # fmt: skip
        for face, call in zip(("train", "fit"), faces, strict=True):
            seconds = _seconds({"plain": call, "with it": lambda c=call, o=options: c(**o)}, n_rounds)
            unit = SMALL_PASSES * 1e-6 if name == "callback" else np.median(seconds["plain"])
            found[f"{face}, {name}"] = _added(seconds, unit)
    return found


def _of_updates(dtype, n_rounds):
    """One update of 4-8-3 by 32 rows, each a call of its own, in microseconds."""
    X, y = _data(dtype, SMALL, SMALL_ROWS)
    settings = {"loss": "log_loss", "activation": "relu", "init": "he_normal", "solver": "adam", "dtype": dtype}
    start = fastnn.train(SMALL, X, y, 1, 1e-3, **settings, random_state=0)
    model = fastnn.MLPClassifier((8,), random_state=0).partial_fit(X, y, classes=range(3))
    seconds = _seconds(
        {
            "train(init=result), one update": lambda: fastnn.train(SMALL, X, y, 1, 1e-3, **{**settings, "init": start}),
            "partial_fit, one update": lambda: model.partial_fit(X, y),
            "train, one update": lambda: fastnn.train(SMALL, X, y, 1, 1e-3, **settings, random_state=0),
        },
        n_rounds,
    )
    return {name: summary([1e6 * one for one in found]) for name, found in seconds.items()}


def added(n_rounds):
    """Return dtype -> what is listened to -> median and quartiles of what it adds, in its unit."""
    tables = _of_validation, _of_listeners, _of_updates
    return {
        dtype: {name: found for table in tables for name, found in table(dtype, n_rounds).items()}
        for dtype in ("float32", "float64")
    }


def unit_of(name):
    """The unit in which something is told."""
    if "validation" in name:
        return "forward passes"
    return "of the time" if "bar" in name else "µs" if "update" in name else "µs a pass"


def print_table(table):
    """Print what was found."""
    print("\nWhat listening adds, median [quartiles]\n")
    for name, most in ASKED.items():
        cells = [f"{dtype} {m:7.3g} [{low:.3g} .. {high:.3g}]" for dtype, (m, low, high) in
                 ((dtype, table[dtype][name]) for dtype in table)]  # fmt: skip
        print(f"{name:<32}{cells[0]:<36}{cells[1]:<36}{unit_of(name)}" + (f", asked: {most}" if most else ""))

"""What checkpoints cost a training: a table of ``python -m bench --export``.

784-128-64-10 by Adam, float32, batches of 200 of 10,000 rows, one checkpoint a pass, written and flushed to the disk
beside the training; with and without, in turns, of both faces. Told as a share of the time. Beside it what a training
pays once: to see whether its data are those of the checkpoints.
"""

import shutil
import tempfile
import warnings

import numpy as np

import fastnn
from bench.timing import measure, summary
from fastnn.identity import in_words

LAYERS, BATCH, ROWS, PASSES = [784, 128, 64, 10], 200, 10_000, 60

#: What a checkpoint each pass may cost, as a share of the time.
ASKED = 0.02


def _ways(X, y, folder):
    """Name of a face -> the two ways to train, without and with checkpoints."""
    settings = {
        "activation": "relu", "loss": "log_loss", "init": "he_normal", "solver": "adam", "batch_size": BATCH,
        "random_state": 0, "dtype": "float32",
    }  # fmt: skip
    per_pass = -(-len(X) // BATCH)

    def train(**kept):
        return fastnn.train(LAYERS, X, y, PASSES * per_pass, 1e-3, **settings, **kept)

    def fit(**kept):
        options = {"batch_size": BATCH, "max_iter": PASSES, "random_state": 0, "n_iter_no_change": PASSES}
        return fastnn.MLPClassifier(tuple(LAYERS[1:-1]), **options, **kept).fit(X, y)

    def kept(call, every):
        shutil.rmtree(folder, ignore_errors=True)
        return call(checkpoint=folder, checkpoint_every=every)

    return {
        "train": {"plain": train, "kept": lambda: kept(train, per_pass)},
        "fit": {"plain": fit, "kept": lambda: kept(fit, 1)},
    }


def added(n_rounds):
    """Return what -> median and quartiles: the share of the time that checkpoints add to a face, and the digest."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((ROWS, LAYERS[0])).astype(np.float32), np.arange(ROWS) % LAYERS[-1]
    found = {}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few passes converge
        for face, ways in _ways(X, y, f"{folder}/run").items():
            for way in ways.values():
                way()
            seconds = measure(ways, n_rounds)
            found[f"{face}, a checkpoint each pass"] = summary(
                [kept / plain - 1 for plain, kept in zip(seconds["plain"], seconds["kept"], strict=True)]
            )
        seconds = measure({"plain": ways["plain"], "digest": lambda: in_words(X)}, n_rounds)
        found["the digest of X, once"] = summary(
            [digest / plain for plain, digest in zip(seconds["plain"], seconds["digest"], strict=True)]
        )
    return found


def print_table(table):
    """Print what was found."""
    print(f"\nWhat checkpoints add to {PASSES} passes, as a share of the time, median [quartiles]\n")
    for name, (median, low, high) in table.items():
        asked = f", asked: {ASKED:.0%}" if "each pass" in name else ""
        print(f"{name:<32}{median:7.2%} [{low:.2%} .. {high:.2%}]{asked}")

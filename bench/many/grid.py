"""A grid of 48 settings in 5 folds of 5,000 rows: a table of ``python -m bench --many``.

By ``fastnn.cross_validate``, and by GridSearchCV over fastnn's estimator and over scikit-learn's, with two jobs. Where
scikit-learn's takes long, it tries each size of network and batch, once with each rate and penalty in turn; its time is
scaled up by that share. All settings have the same seed, and the scores must agree.
"""

import os
import sys
import warnings
from contextlib import nullcontext
from functools import partial

import numpy as np

from bench.timing import measure as measure_ways
from bench.timing import summary

ROWS, FOLDS, PASSES, JOBS, ROUNDS = 5000, 5, 20, 2, 3
GRID = {
    "hidden_layer_sizes": [(16,), (32,), (16, 16)],
    "batch_size": [32, 64, 128, 200],
    "alpha": [1e-4, 1e-2],
    "learning_rate_init": [1e-3, 1e-2],
}
OURS, THREADS, PROCESSES = "fastnn.cross_validate", "GridSearchCV, fastnn, threads", "GridSearchCV, fastnn, processes"
BACKEND = "loky"
THEIRS = "GridSearchCV, scikit-learn, processes"
#: Mean test scores of the same setting: at most so far apart; training is the same but for rounding, which grows.
APART = 0.01


def share_of(settings):
    """A dozen of the settings: each pair of sizes once, the other pairs in turn."""
    others = len(GRID["alpha"]) * len(GRID["learning_rate_init"])
    pairs = {}
    for setting in settings:
        pairs.setdefault((setting["hidden_layer_sizes"], setting["batch_size"]), []).append(setting)
    return [those[i % others] for i, those in enumerate(pairs.values())]


def ways_of(X, y, settings, share):
    """Return name -> callable, which gives the mean test scores."""
    import joblib
    from sklearn import neural_network
    from sklearn.model_selection import GridSearchCV

    import fastnn

    fixed = {"max_iter": PASSES, "random_state": 0}
    ours, theirs = fastnn.MLPClassifier(**fixed), neural_network.MLPClassifier(**fixed)

    def search(model, settings, backend=None):
        grid = [{name: [value] for name, value in setting.items()} for setting in settings]
        with joblib.parallel_backend(backend) if backend else nullcontext():
            found = GridSearchCV(model, grid, cv=FOLDS, n_jobs=JOBS, refit=False).fit(X, y)
        return found.cv_results_["mean_test_score"]

    def at_once():
        found = fastnn.cross_validate(ours, X, y, cv=FOLDS, param_grid=iter(settings), n_jobs=JOBS, refit=False)
        return found.cv_results_["mean_test_score"]

    return {
        OURS: at_once,
        THREADS: partial(search, ours, settings, "threading"),
        PROCESSES: partial(search, ours, settings, BACKEND),
        THEIRS: partial(search, theirs, share, BACKEND),
    }


def measure(is_quick):
    """Return seconds of each way, ratios to the first, and how far the scores are apart."""
    from sklearn.datasets import make_classification
    from sklearn.model_selection import ParameterGrid

    X, y = make_classification(ROWS, 20, n_informative=10, n_classes=3, random_state=0)
    settings = list(ParameterGrid(GRID))
    share = share_of(settings)
    ways = ways_of(X, y, settings, share)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few passes converge
        scores = {name: way() for name, way in ways.items()}  # worker processes have begun, too
        seconds = measure_ways(ways, 1 if is_quick else ROUNDS)
    seconds[THEIRS] = [len(settings) / len(share) * time for time in seconds[THEIRS]]
    ours = dict(zip(map(str, settings), scores[OURS], strict=True))
    apart = np.abs(scores[THEIRS] - [ours[str(setting)] for setting in share])
    same = all((scores[name] == scores[OURS]).all() for name in (THREADS, PROCESSES))
    if not same or apart.max() > APART:
        sys.exit(
            f"The scores do not agree: by scikit-learn's networks up to {apart.max():.3g} apart; same bits: {same}"
        )
    return {
        "seconds": {name: _summary(times) for name, times in seconds.items()},
        "ratios": {
            name: _summary([a / b for a, b in zip(times, seconds[OURS], strict=True)])
            for name, times in seconds.items()
        },
        "share": [len(share), len(settings)],
        "apart": float(apart.max()),
        "cores": os.cpu_count(),
    }


def _summary(values):
    return summary(values) if len(values) > 1 else tuple(values) * 3


def print_table(found):
    """Print what was found."""
    share, whole = found["share"]
    print(
        f"\nA grid of {whole} settings x {FOLDS} folds, {ROWS:,} rows, {PASSES} passes, {JOBS} jobs on "
        f"{found['cores']} cores: seconds, and how many\ntimes {OURS}'s; median [quartiles]. scikit-learn's networks: "
        f"{share} of the settings, scaled up.\nMean test scores are at most {found['apart']:.2g} apart.\n"
    )
    for name, (median, low, high) in found["seconds"].items():
        ratio = "{:6.2f} x [{:.2f} .. {:.2f}]".format(*found["ratios"][name])
        print(f"{name:<40}{median:8.2f} s [{low:.2f} .. {high:.2f}]{ratio}")

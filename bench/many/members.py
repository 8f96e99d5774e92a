"""Ensembles of eight members against eight estimators of one network: a table of ``python -m bench --many``.

Training of all, prediction of one row by the estimator and by its network or ensemble, and prediction of 1,000 rows.
The members must be the estimators that they stand beside, bit for bit, and their mean what NumPy makes of these.
"""

import warnings

import numpy as np
from sklearn.datasets import load_digits, load_iris

from bench.timing import measure as measure_ways
from bench.timing import summary
from fastnn import MLPClassifier

MEMBERS, PASSES, ROUNDS = 8, 30, 9
NETWORKS = {"4-8-3": load_iris, "64-30-10": load_digits}
WORDS = {
    "fit": "fit",
    "row": "predict_proba of one row",
    "call": "one row, ensemble_ against network_",
    "rows": "predict_proba of 1,000 rows",
}


def ways_for(name):
    """Name -> the ensemble's way and that of one network after another; and the ensemble."""
    X, y = NETWORKS[name](return_X_y=True)
    X = X / X.max()
    sizes = tuple(map(int, name.split("-")[1:-1]))
    options = {"hidden_layer_sizes": sizes, "max_iter": PASSES, "tol": 0, "n_iter_no_change": PASSES}
    ensemble = MLPClassifier(n_members=MEMBERS, random_state=0, **options).fit(X, y)
    singles = [MLPClassifier(random_state=member.random_state, **options).fit(X, y) for member in ensemble.members_]
    for member, single in zip(ensemble.members_, singles, strict=True):
        if not np.array_equal(member.network_.parameters, single.network_.parameters):
            raise AssertionError(f"{name}: a member is not the network that its seed makes")
    mean = np.mean([single.predict_proba(X) for single in singles], axis=0)
    np.testing.assert_allclose(ensemble.predict_proba(X), mean, rtol=1e-12)
    row, rows = X[:1].copy(), np.resize(X, (1000, X.shape[1]))
    call, calls, vector = ensemble.ensemble_, [single.network_ for single in singles], X[0].copy()
    return {
        "fit": (lambda: ensemble.fit(X, y), lambda: [single.fit(X, y) for single in singles]),
        "row": (lambda: ensemble.predict_proba(row), lambda: [single.predict_proba(row) for single in singles]),
        "call": (lambda: call(vector), lambda: [network(vector) for network in calls]),
        "rows": (lambda: ensemble.predict_proba(rows), lambda: [single.predict_proba(rows) for single in singles]),
    }


def measure(is_quick):
    """Return network -> task -> seconds of both ways, and the ratio as median and quartiles of the rounds."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that training did not converge
        for name in NETWORKS:
            found[name] = {}
            for task, (together, apart) in ways_for(name).items():
                seconds = measure_ways({"together": together, "apart": apart}, 3 if is_quick else ROUNDS)
                ratios = [a / b for a, b in zip(seconds["apart"], seconds["together"], strict=False)]
                found[name][task] = {way: summary(times)[0] for way, times in seconds.items()}
                found[name][task]["ratio"] = summary(ratios)
    return found


def print_table(found):
    """Print a line for each task."""
    print(f"\nEnsembles: {MEMBERS} members against {MEMBERS} estimators one after another, float64")
    for name, tasks in found.items():
        for task, one in tasks.items():
            median, lower, upper = one["ratio"]
            print(
                f"{name:9} {WORDS[task]:38} {1e6 * one['together']:12.1f} µs against {1e6 * one['apart']:12.1f}: "
                f"{median:.2f} times as fast ({lower:.2f} to {upper:.2f})"
            )

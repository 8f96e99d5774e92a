"""fastnn's estimators against scikit-learn's: ``python -m bench --estimators``, in one process, on one thread.

The two take turns, round after round, at equal epochs and parameters; their loss curves must be the same. An epoch of
fastnn, which is what a fit of twice the epochs takes longer, is compared with its floor: the multiply-adds of the
products alone, at the speed at which the chip makes them.
"""

import json
import math
import subprocess
import sys
import warnings
from itertools import pairwise, product
from statistics import geometric_mean, median
from time import perf_counter

import numpy as np
import sklearn
import sklearn.neural_network
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.preprocessing import scale
from threadpoolctl import threadpool_limits

import fastnn
from bench.machine import describe
from bench.progress import watched
from bench.report import duration
from bench.timing import measure, summary
from fastnn import simd

HIDDEN = ((100,), (64, 64))
BATCH_SIZES = ("auto", 32)
DTYPES = ("float32", "float64")
#: Seconds that scikit-learn should take for a fit, epochs at least and at most, and rounds; of a quick run.
FIT, EPOCHS, ROUNDS = 0.5, (3, 200), 5
QUICK_FIT, QUICK_EPOCHS, QUICK_ROUNDS = 0.02, (1, 5), 1
#: How far loss curves may differ.
AGREEMENT = {"float32": 1e-3, "float64": 1e-9}
#: Rows of the large data sets, of a quick run.
QUICK_ROWS = 2000

#: What a program does first: import, fit, predict.
FIRST_CALL = """
from time import perf_counter
from sklearn.datasets import load_wine
import warnings
warnings.simplefilter("ignore")
X, y = load_wine(return_X_y=True)
start = perf_counter()
from {module} import MLPClassifier
MLPClassifier(max_iter=1, random_state=0).fit(X, y).predict(X)
print(perf_counter() - start)
"""


def problems(quick):
    """Yield the name, the estimator's name, X and y of each data set."""
    for load in (load_digits, load_breast_cancer, load_wine):
        X, y = load(return_X_y=True)
        yield load.__name__.removeprefix("load_"), "MLPClassifier", scale(X), y
    X, y = load_diabetes(return_X_y=True)
    yield "diabetes", "MLPRegressor", scale(X), scale(y)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((QUICK_ROWS if quick else 20_640, 8))
    yield f"{len(X)} x 8", "MLPRegressor", X, np.tanh(X @ rng.standard_normal(8))
    X = rng.standard_normal((QUICK_ROWS if quick else 100_000, 20))
    yield f"{len(X)} x 20", "MLPClassifier", X, (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int)


def fit(module, estimator, X, y, n_epochs, **parameters):
    """Fit for exactly so many epochs; return the estimator."""
    made = getattr(module, estimator)(max_iter=n_epochs, tol=0, n_iter_no_change=n_epochs, random_state=0, **parameters)
    return made.fit(X, y)


def measure_fit(estimator, X, y, quick, **parameters):
    """Return what was measured of one case, and whether the loss curves are the same."""
    seconds_a_fit, (least, most), n_rounds = (QUICK_FIT, QUICK_EPOCHS, QUICK_ROUNDS) if quick else (FIT, EPOCHS, ROUNDS)

    def fit_for(module, n_epochs):
        return fit(module, estimator, X, y, n_epochs, **parameters)

    start = perf_counter()
    theirs = fit_for(sklearn.neural_network, 2)
    an_epoch = (perf_counter() - start) / 2
    ours = fit_for(fastnn, 2)
    difference = np.abs(np.divide(ours.loss_curve_, theirs.loss_curve_) - 1).max()
    n_epochs = min(max(math.ceil(seconds_a_fit / an_epoch), least), most)
    rows, draws = np.arange(len(X)), np.random.RandomState(0)
    of = {"scikit-learn": [], "fastnn": [], "twice": [], "shuffle": []}
    for _ in range(n_rounds):
        for name, way in (
            ("scikit-learn", lambda: fit_for(sklearn.neural_network, n_epochs)),
            ("fastnn", lambda: fit_for(fastnn, n_epochs)),
            ("twice", lambda: fit_for(fastnn, 2 * n_epochs)),
            ("shuffle", lambda: draws.shuffle(rows)),
        ):
            start = perf_counter()
            way()
            of[name].append(perf_counter() - start)
    times_faster = [theirs / ours for theirs, ours in zip(of["scikit-learn"], of["fastnn"], strict=True)]
    epoch = median((twice - once) / n_epochs for twice, once in zip(of["twice"], of["fastnn"], strict=True))
    sizes = ours.network_.layer_sizes
    products = [n_in * n_out for n_in, n_out in pairwise(sizes)]
    multiply_adds = len(X) * (3 * sum(products) - products[0])  # no gradient of the inputs
    measured = {
        "n_epochs": n_epochs,
        "scikit-learn": median(of["scikit-learn"]),
        "fastnn": median(of["fastnn"]),
        "times_faster": median(times_faster),
        "times_faster_quartiles": summary(times_faster)[1:] if n_rounds > 1 else times_faster * 2,
        "epoch": epoch,
        "shuffle": median(of["shuffle"]),
        "multiply_adds": multiply_adds,
    }
    return measured, difference


def multiply_adds_a_second(dtype):
    """What the chip can do: the best of some rounds of independent multiply-adds."""
    best = 0.0
    for _ in range(5):
        start = perf_counter()
        n_operations = simd.multiply_adds(dtype, 1_000_000)
        best = max(best, n_operations / 2 / (perf_counter() - start))
    return best


def measure_predictions(quick):
    """Yield how long one row takes: the estimator, by scikit-learn, by fastnn, and by ``network_``."""
    for name, estimator, X, y in list(problems(True))[:4:3]:
        theirs, ours = (fit(m, estimator, X, y, 3, hidden_layer_sizes=(30,)) for m in (sklearn.neural_network, fastnn))
        row, network = X[:1].copy(), ours.network_
        ways = {
            "scikit-learn": lambda theirs=theirs, row=row: theirs.predict(row),
            "fastnn": lambda ours=ours, row=row: ours.predict(row),
            "network_": lambda network=network, row=row: network(row),
        }
        yield f"{estimator}, {name}", {way: median(times) for way, times in measure(ways, 2 if quick else 9).items()}


def measure_first_call(quick):
    """Seconds from the import to the first prediction, in a process of its own."""
    seconds = {"scikit-learn": [], "fastnn": []}
    for _ in range(1 if quick else 5):
        for name, module in (("scikit-learn", "sklearn.neural_network"), ("fastnn", "fastnn")):
            command = [sys.executable, "-c", FIRST_CALL.format(module=module)]
            seconds[name].append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    return {name: median(times) for name, times in seconds.items()}


def main(options):
    """Measure and print the tables, and write them as JSON; exit with 1 if loss curves differ."""
    warnings.simplefilter("ignore")
    with threadpool_limits(1):
        _main(options)


def _predictions_and_first_call(quick):
    print("\nOne row, float64:")
    predictions = dict(measure_predictions(quick))
    for name, seconds in predictions.items():
        base = seconds["scikit-learn"]
        print(f"{name}: scikit-learn {duration(base)}", end="")
        for way in ("fastnn", "network_"):
            print(f"; {way} {duration(seconds[way])}, {base / seconds[way]:.0f} times faster", end="")
        print()
    first = measure_first_call(quick)
    print("From the import to the first prediction, wine: " + ", ".join(f"{k} {duration(v)}" for k, v in first.items()))
    return predictions, first


def _main(options):
    machine = describe()
    print(f"CPU: {machine['cpu']}, {' '.join(machine['features'])}; one thread; scikit-learn {sklearn.__version__}")
    print(
        "Fits at equal epochs and equal loss curves, median of rounds in turns. An epoch of fastnn, less the shuffle's"
    )
    print("own time and 20 µs, over the floor of its multiply-adds.\n")
    print(
        f"{'':<24}{'hidden':<10}{'batch':<6}{'epochs':>6}{'scikit-learn':>14}{'fastnn':>10}  times faster [quartiles]",
        end="",
    )
    print(f"{'an epoch':>12}{'floor':>10}{'ratio':>7}")
    rows, differ = [], []
    speeds = {dtype: multiply_adds_a_second(dtype) for dtype in DTYPES}
    for dtype, speed in speeds.items():
        print(f"{dtype}: {speed / 1e9:.1f} thousand million multiply-adds a second")
    for dtype, problem, hidden, batch_size in watched(
        product(DTYPES, problems(options.quick), HIDDEN, BATCH_SIZES), options.progress
    ):
        name, estimator, X, y = problem
        data = X.astype(dtype), y if estimator == "MLPClassifier" else y.astype(dtype)
        measured, difference = measure_fit(
            estimator, *data, options.quick, hidden_layer_sizes=hidden, batch_size=batch_size
        )
        floor = measured["multiply_adds"] / speeds[dtype]
        ratio = (measured["epoch"] - measured["shuffle"] - 20e-6) / floor
        case = {"dtype": dtype, "data": name, "hidden": hidden, "batch_size": batch_size}
        rows.append({**case, **measured, "floor": floor, "over_floor": ratio, "difference": difference})
        low, high = measured["times_faster_quartiles"]
        print(
            f"{dtype:<9}{name:<15}{hidden!s:<10}{batch_size!s:<6}{measured['n_epochs']:>6}"
            f"{duration(measured['scikit-learn']):>14}{duration(measured['fastnn']):>10}"
            f"{measured['times_faster']:>8.1f} [{low:.1f} .. {high:.1f}]".ljust(89)
            + f"{duration(measured['epoch']):>10}{duration(floor):>10}{ratio:>7.2f}",
            flush=True,
        )
        if not difference <= AGREEMENT[dtype]:
            differ.append(f"{case}: the loss curves differ by {difference:.3g}")
    means = {}
    for dtype in DTYPES:
        for batch_size in BATCH_SIZES:
            of = [r["times_faster"] for r in rows if (r["dtype"], r["batch_size"]) == (dtype, batch_size)]
            means[f"{dtype}, batch {batch_size}"] = geometric_mean(of)
            print(
                f"{dtype}, batch {batch_size}: {min(of):.1f} ... {max(of):.1f}, geometric mean {geometric_mean(of):.1f}"
            )

    predictions, first = _predictions_and_first_call(options.quick)
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "estimators.json"
    found = {"machine": machine, "rows": rows, "means": means, "predictions": predictions, "first_call": first}
    path.write_text(json.dumps(found, indent=1) + "\n")
    print(f"\nWritten: {path}")
    if differ:
        sys.exit("\n".join(differ))
    print("All loss curves are the same.")

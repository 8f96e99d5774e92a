"""What ``python -m bench --shapes`` does: choose cells, have the libraries take turns, print, write, and judge."""

import json
import math
import re
import sys
import warnings
from copy import copy
from dataclasses import asdict
from itertools import product
from statistics import median
from time import perf_counter

import numpy as np
import sklearn
from threadpoolctl import threadpool_limits

from bench.estimators import AGREEMENT, fit
from bench.machine import describe
from bench.progress import watched
from bench.shapes import report
from bench.shapes.cells import CELLS, DTYPES, QUICK
from bench.shapes.ways import ESTIMATORS, fits, load_peers, predictions
from bench.timing import measure, summary

#: Seconds that a fit of the slower estimator should take, epochs at most, rounds, and rounds if it takes longer.
FIT, EPOCHS, ROUNDS, FEW_ROUNDS = 0.2, 200, 5, 3
QUICK_FIT, QUICK_EPOCHS, QUICK_ROUNDS = 0.05, 20, 1
#: Seconds that what is quicker should take in a round, by repetition.
ROUND = 0.05
#: Epochs after which scikit-learn's numbers and fastnn's must agree: later, rounding has its say.
CHECKED_EPOCHS = 2


def difference_of(theirs, ours, X):
    """Return how far losses differ, relatively, and outputs by the same weights; infinite if numbers of epochs do.

    The weights are fastnn's, which a copy of scikit-learn's model takes over: the model itself is timed with its own.
    """
    if theirs.n_iter_ != ours.n_iter_:
        return math.inf
    curves = [getattr(model, "loss_curve_", [model.loss_]) for model in (theirs, ours)]
    taught = copy(theirs)
    taught.coefs_, taught.intercepts_ = ours.coefs_, ours.intercepts_
    outputs = [getattr(model, "predict_proba", model.predict)(X) for model in (taught, ours)]
    return float(np.max([np.abs(np.divide(*curves) - 1).max(), np.abs(np.subtract(*outputs)).max()]))


def times_faster(seconds):
    """Return name -> median and quartiles of how many times longer than fastnn each other takes, round by round."""
    ratios = {
        name: [theirs / ours for theirs, ours in zip(times, seconds["fastnn"], strict=True)]
        for name, times in seconds.items()
        if name != "fastnn"
    }
    return {name: summary(of) if len(of) > 1 else of * 3 for name, of in ratios.items()}


def measure_ways(ways, n_rounds, a_round):
    """Return the median seconds of each way, and what ``times_faster`` makes of them."""
    seconds = measure(ways, n_rounds, a_round)
    return {"seconds": {name: median(times) for name, times in seconds.items()}, "times_faster": times_faster(seconds)}


def measure_cell(cell, dtype, peers, quick):
    """Return what was measured of one cell."""
    seconds_a_fit, most, n_rounds = (QUICK_FIT, QUICK_EPOCHS, QUICK_ROUNDS) if quick else (FIT, EPOCHS, ROUNDS)
    X, y = cell.data(dtype)
    models, an_epoch = {}, 0.0
    for name, module in ESTIMATORS.items():
        start = perf_counter()
        models[name] = fit(module, cell.estimator, X, y, CHECKED_EPOCHS, **cell.parameters)
        an_epoch = max(an_epoch, (perf_counter() - start) / CHECKED_EPOCHS)
    difference = difference_of(*models.values(), X)
    n_epochs = min(math.ceil(seconds_a_fit / an_epoch), most)
    if an_epoch > seconds_a_fit:
        n_rounds = min(n_rounds, FEW_ROUNDS)
    a_round = min(ROUND, seconds_a_fit)
    by_fit = fits(cell, X, y, n_epochs, models["fastnn"], peers)
    by_prediction = predictions(cell, X, models, peers)
    for way in (*(by_fit[name] for name in by_fit if name not in ESTIMATORS), *by_prediction.values()):
        way()
    return {
        "dtype": dtype,
        "name": cell.name,
        "cell": asdict(cell),
        "n_epochs": n_epochs,
        "rounds": n_rounds,
        "fit": measure_ways(by_fit, n_rounds, a_round),
        "predict": measure_ways(by_prediction, n_rounds, a_round),
        "difference": difference,
    }


def chosen(options):
    """Return the cells that ``--cases`` fits, else all, or those of a quick run."""
    cells = QUICK if options.quick and not options.cases else CELLS
    cells = [cell for cell in cells if re.search(options.cases or "", cell.name)]
    if not cells:
        sys.exit(f"--cases {options.cases!r} fits none of:\n" + "\n".join(cell.name for cell in CELLS))
    return list(dict.fromkeys(cell.quick() for cell in cells)) if options.quick else cells


def main(options):
    """Measure and print the tables, and write them as JSON; exit with 1 if scikit-learn's numbers are not fastnn's.

    Parameters
    ----------
    options : argparse.Namespace
        quick, progress, output, cases (a regular expression or None).
    """
    warnings.simplefilter("ignore")
    cells = chosen(options)
    peers, absent = load_peers()
    machine = describe()
    report.print_header(machine, sklearn.__version__, absent)
    rows, differ = [], []
    with threadpool_limits(1):
        for cell, dtype in watched(list(product(cells, DTYPES)), options.progress):
            row = measure_cell(cell, dtype, peers, options.quick)
            report.print_row(row)
            rows.append(row)
            if not row["difference"] <= AGREEMENT[dtype]:
                differ.append(f"{dtype}, {cell.name}: fastnn and scikit-learn differ by {row['difference']:.3g}")
    means = report.print_summary(rows)
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "shapes.json"
    found = {"machine": machine, "scikit-learn": sklearn.__version__, "absent": absent, "rows": rows, "means": means}
    path.write_text(json.dumps(found, indent=1) + "\n")
    print(f"\nWritten: {path}")
    if differ:
        sys.exit("\n".join(differ))
    print("All of scikit-learn's losses and outputs are fastnn's.")

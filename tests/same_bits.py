"""Whether two checkouts train to the same bits: 200 random configurations of both faces, run by each.

``python tests/same_bits.py OTHER``, with the path of another checkout whose extensions are built in place. Run after a
change that shall change no number; what differs is printed, and ends it with exit code 1.
"""

import hashlib
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

N_CONFIGURATIONS = 200

#: Those that both have, whatever has come since.
HIDDEN = ("identity", "logistic", "tanh", "relu", "step")
LOSS_OUTPUTS = {
    "squared_error": ("identity", "logistic", "tanh", "relu", "exp"),
    "log_loss": ("logistic", "softmax"),
    "poisson": ("exp",),
    "perceptron": ("step",),
}


def digest(*parts):
    """A short hash of arrays and numbers, by their bits."""
    import numpy as np

    found = hashlib.sha1()
    for part in parts:
        found.update(np.ascontiguousarray(part).tobytes())
    return found.hexdigest()[:16]


def train_once(rng):
    """A random run of ``fastnn.train``."""
    import numpy as np

    import fastnn

    m, n_in, n_out = (int(rng.integers(*bounds)) for bounds in ((5, 300), (1, 20), (1, 6)))
    sizes = [n_in, *(int(size) for size in rng.integers(1, 40, rng.integers(0, 3))), n_out]
    loss = str(rng.choice(list(LOSS_OUTPUTS)))
    output = str(rng.choice(LOSS_OUTPUTS[loss]))
    backend = str(rng.choice(["simd", "simd", "simd", "cython", "numpy"]))
    X = rng.standard_normal((m, n_in))
    y = rng.integers(0, 2, (m, n_out)).astype(float)
    if output == "softmax":
        y = np.eye(n_out)[rng.integers(0, n_out, m)]
    options = {
        "activation": [str(rng.choice(HIDDEN)) for _ in sizes[2:]],
        "output_activation": output,
        "loss": loss,
        "solver": "sgd" if backend == "cython" else str(rng.choice(["sgd", "rmsprop", "adam", "adamw"])),
        "momentum": float(rng.choice([0, 0.9])),
        "nesterov": bool(rng.integers(2)),
        "l2": float(rng.choice([0, 0.01])),
        "init": "glorot_normal",
        "batch_size": [None, 1, 7, 32, m][rng.integers(5)],
        "order": str(rng.choice(["shuffled", "sequential", "wraparound", "random"])),
        "tol": float(rng.choice([0, 1e-3])),
        "sample_weight": rng.random(m) if rng.integers(2) else None,
        "dtype": str(rng.choice(["float32", "float64"])),
        "report_every": [None, 1, 5][rng.integers(3)],
        "random_state": int(rng.integers(1000)),
        "backend": backend,
    }
    if rng.integers(2):
        options["validation_data"] = X[::2] + 0.1, y[::2]
        options["early_stopping"] = bool(rng.integers(2))
    if rng.integers(2):
        last = int(rng.integers(5, 60))
        options["callback"] = lambda iteration, *_: iteration >= last
    result = fastnn.train(sizes, X, y, int(rng.integers(1, 60)), 0.01, **options)
    history = [result.history[name] for name in sorted(result.history)]
    return digest(result.network.parameters, result.loss_curve, result.cost, result.network(X), *history)


def fit_once(rng):
    """A random fit of an estimator, and what may follow it."""
    import fastnn

    name = str(rng.choice(["MLPClassifier", "MLPRegressor"]))
    m, n_in = int(rng.integers(30, 300)), int(rng.integers(1, 20))
    X = rng.standard_normal((m, n_in)).astype(str(rng.choice(["float32", "float64"])))
    y = rng.integers(0, int(rng.integers(2, 4)), m) if name == "MLPClassifier" else X.sum(axis=1) + rng.random(m)
    parameters = {
        "hidden_layer_sizes": tuple(int(size) for size in rng.integers(1, 30, rng.integers(1, 3))),
        "activation": str(rng.choice(["identity", "logistic", "tanh", "relu"])),
        "solver": str(rng.choice(["sgd", "adam", "adam", "lbfgs"])),
        "learning_rate": str(rng.choice(["constant", "invscaling", "adaptive"])),
        "batch_size": ["auto", 1, 17, 50][rng.integers(4)],
        "shuffle": bool(rng.integers(2)),
        "early_stopping": bool(rng.integers(2)),
        "alpha": float(rng.choice([0, 1e-3])),
        "tol": float(rng.choice([1e-4, 0.1])),
        "n_iter_no_change": int(rng.integers(1, 4)),
        "max_iter": int(rng.integers(1, 15)),
        "learning_rate_init": 0.01,
        "random_state": int(rng.integers(1000)),
        "warm_start": bool(rng.integers(2)),
    }
    estimator = getattr(fastnn, name)(**parameters)
    weight = rng.random(m) if rng.integers(2) else None
    estimator.fit(X, y, weight)
    if rng.integers(2):
        estimator.fit(X, y, weight)
    if parameters["solver"] != "lbfgs" and not parameters["early_stopping"]:
        estimator.partial_fit(X, y)
    curves = [getattr(estimator, name, None) or [] for name in ("loss_curve_", "validation_scores_")]
    return digest(*estimator.coefs_, *estimator.intercepts_, *curves, estimator.n_iter_, estimator.predict(X))


def digests():
    """One entry a configuration: a hash, or the error that it ended in."""
    import numpy as np

    warnings.simplefilter("ignore")
    found = []
    for seed in range(N_CONFIGURATIONS):
        try:
            found.append((train_once if seed % 2 else fit_once)(np.random.default_rng(seed)))
        except (ArithmeticError, ValueError) as error:
            found.append(f"{type(error).__name__}: {error}")
    return found


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--here":
        print(json.dumps(digests()))
        return
    found = []
    for checkout in (Path(__file__).parents[1], Path(sys.argv[1])):
        environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
        command = [sys.executable, __file__, "--here"]
        found.append(json.loads(subprocess.check_output(command, env=environment, text=True)))
    differ = [(seed, *pair) for seed, pair in enumerate(zip(*found, strict=True)) if pair[0] != pair[1]]
    for seed, here, there in differ:
        print(f"configuration {seed}: {here} here, {there} there")
    n_errors = sum(":" in entry for entry in found[0])
    print(f"{N_CONFIGURATIONS - len(differ)} of {N_CONFIGURATIONS} the same, {n_errors} of them the same error")
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()

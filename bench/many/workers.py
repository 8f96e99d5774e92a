"""One network by the workers of a Dask cluster of processes: a table of ``python -m bench --many``.

What averaging costs in loss against one machine, how much sooner two workers make a round than one, and what a round
costs beside the computing: seconds a round and a task, bytes a partition. From these, on paper, a round of a case by
many workers; ``docs/scaling.md`` has the formulas.
"""

import sys
import warnings
from time import perf_counter

import numpy as np

from bench.timing import summary

#: Rows to learn from and to test on, inputs and classes of both cases.
ROWS, TEST_ROWS, INPUTS, CLASSES = 100_000, 20_000, 20, 5

#: The loss: a network's size, the rate by which one machine learns most in so many passes, partitions. How much more
#: than that of one machine, in twice as many passes, is an error: two workers make half as many updates in a pass.
HIDDEN, RATE, PASSES, PARTITIONS, WITHIN = (32,), 0.003, 20, 8, 1.01

#: Two workers against one: rows, hidden units, passes of a round, rounds of a fit, fits of each in turns.
MORE_ROWS, MORE_HIDDEN, MORE_PASSES, FIT_ROUNDS, TURNS = 400_000, (128,), 10, 3, 3

#: The cost of a round: partitions of a few rows, updates of a fit.
FEW, MANY, UPDATES = 4, 64, 20

#: On paper: workers; rows a worker; bytes a second of the machine that all results come to.
WORKERS, ROWS_A_WORKER, BANDWIDTH = (1, 10, 100, 1000), 100_000, 125e6


def table(n_rows, seed=0):
    """Rows whose classes are drawn by the probabilities of a network: no other can know them better."""
    rng = np.random.default_rng(seed)
    teacher = np.random.default_rng(7)
    W, out = teacher.standard_normal((INPUTS, 16)), 2 * teacher.standard_normal((16, CLASSES))
    X = rng.standard_normal((n_rows, INPUTS))
    z = np.tanh(X @ W / 4) @ out + rng.gumbel(size=(n_rows, CLASSES))
    return X, z.argmax(axis=1)


def cluster_of(n_workers):
    """Worker processes of a thread each."""
    from distributed import LocalCluster

    return LocalCluster(n_workers=n_workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0")


def cut(X, y, n):
    """Partitions that lie on the workers, as many on each."""
    import dask
    import dask.array as da

    size = -(-len(X) // n)
    return dask.persist(da.from_array(X, chunks=(size, -1)), da.from_array(y, chunks=size))


def loss_of(model, X, y):
    """The mean log-loss."""
    return float(-np.log(model.predict_proba(X)[np.arange(len(y)), y]).mean())


def losses():
    """Loss on the test rows of one machine, and of two workers after as many passes and after twice as many."""
    from distributed import Client

    import fastnn

    X, y = table(ROWS)
    test = table(TEST_ROWS, seed=1)
    settings = {"hidden_layer_sizes": HIDDEN, "learning_rate_init": RATE, "max_iter": PASSES, "random_state": 0}
    settings |= {"tol": 0.0, "n_iter_no_change": 2 * PASSES}
    found = {"one machine": loss_of(fastnn.MLPClassifier(**settings).fit(X, y), *test)}
    with cluster_of(2) as cluster, Client(cluster):
        data = cut(X, y, PARTITIONS)
        for n in (PASSES, 2 * PASSES):
            model = fastnn.dask.MLPClassifier(**{**settings, "max_iter": n}).fit(*data)
            found[f"two workers, {n} passes"] = loss_of(model, *test)
    return found


def fitted_rounds(settings, data):
    """Fit, and return seconds of each round but the first, which makes the targets."""
    import fastnn

    ends = []
    model = fastnn.dask.MLPClassifier(callback=lambda *_: ends.append(perf_counter()), **settings).fit(*data)
    return np.diff(ends).tolist(), model


def two_against_one():
    """Seconds a round of one worker and of two, in turns."""
    from distributed import Client

    X, y = table(MORE_ROWS)
    settings = {
        "hidden_layer_sizes": MORE_HIDDEN,
        "n_passes": MORE_PASSES,
        "max_iter": FIT_ROUNDS + 1,
        "random_state": 0,
    }
    found = {1: [], 2: []}
    for _ in range(TURNS):
        for n, seconds in found.items():
            with cluster_of(n) as cluster, Client(cluster):
                rounds, _ = fitted_rounds(settings, cut(X, y, 4))
                seconds.append(float(np.median(rounds)))
    ratios = [one / two for one, two in zip(found[1], found[2], strict=True)]
    return {"seconds": {str(n): summary(seconds) for n, seconds in found.items()}, "ratio": summary(ratios)}


def costs():
    """Of exact rounds of a few rows: seconds a round and a partition, bytes a partition, and parameters."""
    from distributed import Client

    settings = {"hidden_layer_sizes": MORE_HIDDEN, "max_iter": UPDATES, "random_state": 0}
    exact = {**settings, "strategy": "exact", "solver": "rprop", "n_iter_no_change": np.inf}
    seconds, n_bytes = {}, {}
    with cluster_of(2) as cluster, Client(cluster):
        for n in (FEW, MANY):
            rounds, model = fitted_rounds(exact, cut(*table(20 * n), n))
            seconds[n], n_bytes[n] = float(np.median(rounds)), model.n_bytes_ / UPDATES
    a_task = (seconds[MANY] - seconds[FEW]) / (MANY - FEW)
    return {
        "round": seconds[FEW] - FEW * a_task,
        "task": a_task,
        "bytes": n_bytes[MANY] / MANY,
        "parameters": sum(part.size for part in (*model.coefs_, *model.intercepts_)),
    }


def on_paper(costs, seconds_a_row):
    """Workers -> seconds of a round, bytes, and the speed against one, of a case that grows with them."""
    found = {}
    for n in WORKERS:
        n_bytes = 2 * n * costs["bytes"]
        computes = ROWS_A_WORKER * seconds_a_row
        takes = computes + costs["round"] + n * costs["task"] + n_bytes / BANDWIDTH
        found[str(n)] = {"seconds": takes, "bytes": n_bytes, "speed": n * computes / takes}
    return found


def measure(is_quick):
    """Return losses, the two workers' ratio, costs, and what they come to on paper."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few passes converge
        found = {"losses": losses()}
        one, _, most = found["losses"].values()
        if most > WITHIN * one:
            sys.exit(f"The average has a loss of {most:.5f}, one machine {one:.5f}")
        if not is_quick:
            found["ratio"] = two_against_one()
            found["costs"] = costs()
            computes = found["ratio"]["seconds"]["1"][0] - found["costs"]["round"]
            found["paper"] = on_paper(found["costs"], computes / (MORE_PASSES * MORE_ROWS))
    return found


def print_table(found):
    """Print them."""
    one, two, most = found["losses"].values()
    print(
        f"\nDask: {ROWS} rows, {INPUTS}-{HIDDEN[0]}-{CLASSES}, {PASSES} passes: loss of one machine {one:.5f}, averaged"
    )
    print(f"by two workers each pass {two:.5f}, {two / one:.4f} of it; in twice as many passes {most / one:.4f}")
    if "ratio" not in found:
        return
    seconds, ratio, of = found["ratio"]["seconds"], found["ratio"]["ratio"], found["costs"]
    case = f"{MORE_ROWS} rows, {INPUTS}-{MORE_HIDDEN[0]}-{CLASSES}, {MORE_PASSES} passes a round"
    print(f"{case}: one worker {seconds['1'][0]:.3f} s, two {seconds['2'][0]:.3f} s; ", end="")
    print(f"{ratio[0]:.2f} times as fast ({ratio[1]:.2f} to {ratio[2]:.2f})")
    print(
        f"A round beside the computing: {1e3 * of['round']:.1f} ms and {1e3 * of['task']:.2f} ms a partition; ", end=""
    )
    print(f"{of['bytes']:.0f} bytes a partition back, of {of['parameters']} parameters")
    print(f"On paper, {ROWS_A_WORKER} rows for each worker, {BANDWIDTH / 1e6:.0f} MB a second:")
    for n, case in found["paper"].items():
        of_case = f"{case['seconds']:8.3f} s a round {case['bytes'] / 1e6:8.2f} MB {case['speed']:8.1f} times one"
        print(f"{n:>6} workers {of_case}")

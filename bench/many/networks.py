"""Many small networks: 1,000 of 4-8-1 and 200 of 64-30-10, a table of ``python -m bench --many``.

By ``fit_many``, one after another, by ``jax.vmap`` over a jitted ``scan`` where JAX is installed, and by scikit-learn
under joblib, which trains a share whose time is scaled up. The small ones make the same updates of all rows by all
ways, scikit-learn's from other weights. What is compiled is compiled before. Results must agree: in every bit, and with
JAX to 1e-8.
"""

import os
import warnings
from itertools import pairwise

import numpy as np

from bench.timing import measure as measure_ways
from bench.timing import summary

ROWS, PASSES, NETWORKS, DIGITS_NETWORKS, DIGITS_PASSES, JOBS, ROUNDS = 150, 100, 1000, 200, 20, 2, 5
RATE, MOMENTUM = 0.01, 0.9
MANY, ALONE, JAX, SKLEARN = "fit_many", "one after another", "jax.vmap", "scikit-learn, joblib"
ON_ONE = "one after another, one thread"


def starts_of(n, sizes, rng):
    """Start weights of n networks, as (W, b) by layers."""
    shapes = list(pairwise(sizes))
    return [
        ([rng.uniform(-0.5, 0.5, (b, a)) for a, b in shapes], [rng.uniform(-0.5, 0.5, b) for _, b in shapes])
        for _ in range(n)
    ]


def jax_way(X, y, starts):
    """Return a callable that trains all at once, and gives the last weights of the first layer."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def loss(parameters):
        (first, second), (b_first, b_second) = parameters
        outputs = jnp.tanh(X @ first.T + b_first) @ second.T + b_second
        return 0.5 * jnp.mean((outputs - y) ** 2)

    def update(carry, _):
        parameters, velocity = carry
        slopes = jax.grad(loss)(parameters)
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v - RATE * g, velocity, slopes)
        return (jax.tree.map(jnp.add, parameters, velocity), velocity), None

    def train(parameters):
        still = jax.tree.map(jnp.zeros_like, parameters)
        return jax.lax.scan(update, (parameters, still), None, length=PASSES)[0][0]

    trained = jax.jit(jax.vmap(train))
    stacked = jax.tree.map(lambda *parts: jnp.stack(parts), *starts)
    return lambda: np.asarray(jax.block_until_ready(trained(stacked))[0][0])


def sklearn_way(kind, X, y, settings, n):
    """Return a callable that trains n of scikit-learn's networks by two processes."""
    from joblib import Parallel, delayed
    from sklearn import neural_network

    def fit(seed):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(neural_network, kind)(random_state=seed, **settings).fit(X, y)

    return lambda: Parallel(JOBS)(delayed(fit)(seed) for seed in range(n))


def on_one_thread(train):
    """Return the same, without OpenMP's other threads."""
    from threadpoolctl import threadpool_limits

    def limited():
        with threadpool_limits(1):
            return train()

    return limited


def small(n, share):
    """Ways to train n of 4-8-1, and how much of them each trains; their results must agree."""
    import fastnn

    rng = np.random.default_rng(0)
    X = rng.standard_normal((ROWS, 4))
    y = np.tanh(X @ rng.standard_normal((4, 1)))
    starts = starts_of(n, (4, 8, 1), rng)
    settings = {
        "nn_structure": [4, 8, 1], "iter_num": PASSES, "alpha": RATE, "solver": "sgd", "momentum": MOMENTUM,
        "activation": "tanh", "output_activation": "identity",
    }  # fmt: skip
    models = [
        {**settings, "init": tuple(dict(enumerate(part, start=1)) for part in start)} for start in starts
    ]  # fmt: skip
    theirs = {
        "hidden_layer_sizes": (8,), "activation": "tanh", "solver": "sgd", "momentum": MOMENTUM, "alpha": 0.0,
        "nesterovs_momentum": False, "learning_rate_init": RATE, "max_iter": PASSES, "n_iter_no_change": PASSES,
    }  # fmt: skip
    ways = {
        MANY: lambda: fastnn.fit_many(models, X, y, n_jobs=JOBS),
        ALONE: lambda: [fastnn.train(X=X, y=y, n_threads=1, **model) for model in models],
        SKLEARN: sklearn_way("MLPRegressor", X, y.ravel(), theirs, share),
    }
    first = np.stack([result.W[1] for result in ways[ALONE]()])
    differ("fit_many", np.stack([result.W[1] for result in ways[MANY]()]), first, 0.0)
    try:
        ways[JAX] = jax_way(X, y, starts)
    except ImportError:
        print("jax is not installed: left out")
    else:
        differ("JAX", ways[JAX](), first, 1e-8)
    return ways, share / n


def digits(n, share):
    """Likewise 64-30-10, in the estimators' mini-batches."""
    from sklearn.datasets import load_digits

    import fastnn

    X, y = load_digits(return_X_y=True)
    X = X / 16.0
    settings = {"hidden_layer_sizes": (30,), "max_iter": DIGITS_PASSES}

    def models():
        return [fastnn.MLPClassifier(random_state=seed, **settings) for seed in range(n)]

    ways = {
        MANY: lambda: fastnn.fit_many(models(), X, y, n_jobs=JOBS),
        ALONE: lambda: [model.fit(X, y) for model in models()],
        ON_ONE: on_one_thread(lambda: [model.fit(X, y) for model in models()]),
        SKLEARN: sklearn_way("MLPClassifier", X, y, settings, share),
    }
    found, expected = ways[MANY](), ways[ALONE]()
    for one, other in zip(found, expected, strict=True):
        differ("fit_many", one.coefs_[0], other.coefs_[0], 0.0)
    return ways, share / n


def differ(what, found, expected, bound):
    """End with an error where results are further apart than they may be."""
    apart = float(np.max(np.abs(found - expected)))
    if not apart <= bound:
        raise SystemExit(f"the weights of {what} are up to {apart:g} apart, more than {bound:g}")


def measure(is_quick):
    """Return case -> seconds of each way, (median, quartiles), and how many times as fast `fit_many` is."""
    cut = 10 if is_quick else 1
    cases = {
        f"{NETWORKS // cut} of 4-8-1": lambda: small(NETWORKS // cut, max(NETWORKS // 20 // cut, JOBS)),
        f"{DIGITS_NETWORKS // cut} of 64-30-10": lambda: digits(DIGITS_NETWORKS // cut, max(10 // cut, JOBS)),
    }
    found = {"cores": min(JOBS, os.cpu_count()), "cases": {}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case, begin in cases.items():
            ways, share = begin()
            ways[SKLEARN]()  # its processes are there by now
            seconds = measure_ways(ways, 2 if is_quick else ROUNDS)
            seconds[SKLEARN] = [time / share for time in seconds[SKLEARN]]
            ratios = {
                name: summary([time / ours for time, ours in zip(times, seconds[MANY], strict=True)])
                for name, times in seconds.items()
            }
            found["cases"][case] = {
                "share": share, "seconds": {name: summary(times) for name, times in seconds.items()}, "ratios": ratios,
            }  # fmt: skip
    return found


def print_table(found):
    """Print what came of it."""
    print(f"\nMany networks, {found['cores']} at a time; scikit-learn's time is that of a share, scaled up")
    for case, of_case in found["cases"].items():
        print(f"  {case}, scikit-learn {of_case['share']:.3g} of them")
        for name, (median, lower, upper) in of_case["seconds"].items():
            ratio = of_case["ratios"][name]
            print(
                f"    {name:<30} {median:8.3f} s ({lower:.3f} to {upper:.3f})"
                f"   {ratio[0]:6.2f} x fit_many's time ({ratio[1]:.2f} to {ratio[2]:.2f})"
            )

"""What fastnn has here: version, place, instruction sets, threads, extras; and whether its backends agree.

Called by ``doctor``, which shows it.
"""

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter

import numpy as np

import fastnn
from fastnn import distribution, simd
from fastnn.backends import BACKENDS

#: What of the environment changes what is computed, or by how many threads.
VARIABLES = ("FASTNN_SIMD", "OMP_NUM_THREADS", "OMP_THREAD_LIMIT")
#: What users may want; the other extras are for who changes fastnn.
EXTRAS = ("sklearn", "cli", "progress", "plots", "onnx", "skl2onnx", "arrow", "dask")
#: Packages whose versions a report of an error needs.
PACKAGES = (
    "numpy", "scipy", "scikit-learn", "safetensors", "narwhals", "polars", "pandas", "pyarrow", "matplotlib", "onnx",
)  # fmt: skip
#: Backends agree to this after the self-test's steps.
AGREEMENT = 1e-8


def describe():
    """Return what there is as a dict of strings, numbers and dicts."""
    seen = simd.info()
    return {
        "version": fastnn.__version__,
        "place": os.fspath(distribution.FOLDER),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "machine": f"{platform.system()} {platform.machine()}",
        "instruction_set": seen["target"],
        "instruction_sets": list(seen["available"]),
        "openmp": seen["openmp"],
        "threads": seen["n_threads"],
        "cpus": os.cpu_count(),
        "environment": {name: os.environ[name] for name in VARIABLES if name in os.environ},
        "packages": {name: found for name in PACKAGES if (found := _version(name)) is not None},
        "extras": {extra: _missing(extra) for extra in EXTRAS},
        "foreign": distribution.foreign(),
    }


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _missing(extra):
    """Which packages of an extra are not there, or too old, as pip takes them; None where that is not known."""
    required = distribution.requirements(extra)
    return [one for one in required if not _is_there(one)] if required else None


def _is_there(required):
    name, least = re.match(r"([\w.-]+)(?:\[.*?\])?(?:>=([\d.]+))?", required).groups()
    found = _version(name)
    return found is not None and (least is None or _numbers(found) >= _numbers(least))


def _numbers(text):
    return [int(number) for number in re.match(r"[\d.]*\d", text)[0].split(".")]


def self_test():
    """Train a tiny network by every backend; return how far apart their weights end, and whether that is little."""
    began = perf_counter()
    draws = np.random.RandomState(0)
    X = draws.normal(size=(24, 3))
    y = (X[:, :1] > X[:, 1:2]).astype(float)
    trained = [
        fastnn.train([3, 4, 1], X, y, 20, 0.5, random_state=0, backend=name).network.parameters for name in BACKENDS
    ]
    largest = max(float(np.abs(parameters).max()) for parameters in trained)
    difference = max(float(np.abs(parameters - trained[0]).max()) for parameters in trained[1:]) / largest
    return {
        "backends": list(BACKENDS), "difference": difference, "agree": bool(difference < AGREEMENT),
        "seconds": perf_counter() - began,
    }  # fmt: skip

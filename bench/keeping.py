"""A network of a million parameters to a file and back: a table of ``python -m bench --export``.

784-1000-212-10, float32, by fastnn's own format, by joblib and by PyTorch's ``save`` of a ``state_dict``, in turns, in
one folder. fastnn writes beside the target, flushes to the disk and renames; the others leave the file to the system,
so each is measured both ways: theirs with a flush of the file behind, ours with none. What is loaded predicts a row, so
that all has been read, be it mapped or copied.
"""

import os
from pathlib import Path
from unittest import mock

import numpy as np

import fastnn
from bench.one_row import network_of
from bench.timing import measure, summary

SIZES = (784, 1000, 212, 10)

TASKS = FLUSHED, LEFT, LOAD = "save, flushed to the disk", "save, left to the system", "load and predict a row"


def flushed(path):
    """Have the file reach the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def by_fastnn(network, row, folder):
    """Return task -> name -> callable, and name -> file."""
    path = folder / "fastnn.safetensors"

    def unflushed():
        with mock.patch("os.fsync"):
            network.save(path)

    return {
        FLUSHED: {"fastnn": lambda: network.save(path)},
        LEFT: {"fastnn": unflushed},
        LOAD: {"fastnn": lambda: fastnn.load(path)(row)},
    }, {"fastnn": path}


def by_joblib(network, row, folder):
    """Likewise, of joblib."""
    import joblib

    path = folder / "network.joblib"

    def save():
        joblib.dump(network, path)
        flushed(path)

    return {
        FLUSHED: {"joblib": save},
        LEFT: {"joblib": lambda: joblib.dump(network, path)},
        LOAD: {
            "joblib": lambda: joblib.load(path)(row),
            "joblib, mapped": lambda: joblib.load(path, mmap_mode="r")(row),
        },
    }, {"joblib": path}


def by_torch(network, row, folder):
    """Likewise, of PyTorch, whose model is made before: its weights alone are loaded into it."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    path, x = folder / "network.pt", torch.from_numpy(row[None])
    layers = []
    for W, b in zip(network.W.values(), network.b.values(), strict=True):
        linear = nn.Linear(*W.shape[::-1])
        linear.load_state_dict({"weight": torch.tensor(W), "bias": torch.tensor(b)})
        layers += [linear, nn.ReLU()]
    model = nn.Sequential(*layers[:-1], nn.Softmax(1))
    state = model.state_dict()

    def save():
        torch.save(state, path)
        flushed(path)

    def load(**options):
        with torch.inference_mode():
            model.load_state_dict(torch.load(path, **options), assign=True)
            return model(x).numpy()[0]

    return {
        FLUSHED: {"torch": save},
        LEFT: {"torch": lambda: torch.save(state, path)},
        LOAD: {"torch": load, "torch, mapped": lambda: load(mmap=True)},
    }, {"torch": path}


def all_ways(network, row, folder):
    """Return task -> name -> callable, name -> file, and what is missing."""
    tasks, files, missing = {task: {} for task in TASKS}, {}, []
    for of in (by_fastnn, by_joblib, by_torch):
        try:
            ways, paths = of(network, row, folder)
        except ModuleNotFoundError as error:
            missing.append(f"{of.__name__.removeprefix('by_')} is left out: {error}")
            continue
        files |= paths
        for task, own in ways.items():
            tasks[task] |= own
    return tasks, files, missing


def table_of(n_rounds, folder):
    """Return seconds and ratios of each task, the bytes of each file, how far outputs differ, and what is missing."""
    network, row = network_of(SIZES), np.random.default_rng(0).standard_normal(SIZES[0]).astype(np.float32)
    tasks, files, missing = all_ways(network, row, Path(folder))
    found = {"tasks": {}, "bytes": {}, "differences": {}, "missing": missing, "parameters": network.n_parameters}
    for task, ways in tasks.items():  # what loads comes last: all files are there
        outputs = {name: way() for name, way in ways.items()}
        if task == LOAD:
            expected = network(row)
            found["differences"] = {name: float(np.abs(out - expected).max()) for name, out in outputs.items()}
        seconds = measure(ways, n_rounds)
        ratios = {
            name: [b / a for a, b in zip(seconds["fastnn"], times, strict=True)] for name, times in seconds.items()
        }
        found["tasks"][task] = {
            name: {"seconds": summary(times), "ratio": summary(ratios[name])} for name, times in seconds.items()
        }
    found["bytes"] = {name: path.stat().st_size for name, path in files.items()}
    return found


def print_table(found):
    """Print what was found."""
    print(f"\nA network of {found['parameters']:,} parameters, float32, to a file and back: median [quartiles]")
    for task, ways in found["tasks"].items():
        print(f"\n{task}")
        for name, of in ways.items():
            median, low, high = of["seconds"]
            spread = f"[{1e3 * low:.3f} .. {1e3 * high:.3f}]"
            print(f"  {name:<20}{1e3 * median:9.3f} ms {spread:<24}{of['ratio'][0]:8.2f} x fastnn")
    print("\nbytes: " + ", ".join(f"{name} {size:,}" for name, size in found["bytes"].items()))
    print(*found["missing"], sep="\n")

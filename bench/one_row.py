"""One row at a time, predicted by whatever a network can be exported to: a table of ``python -m bench --export``.

float32, one thread, rows that differ. The C file is compiled by the machine's compiler at -O3 -march=native and called
in a loop of C. ``predict_into``, the network's call and ONNX Runtime are called from Python, as their users call them;
ONNX Runtime by ``run``, by arrays bound once for all rows, and by inputs bound for each row beforehand, which leaves
nothing to do but to compute: the best is taken. Besides, a row of a raw table by the estimators for these.
"""

import contextlib
import ctypes
import functools
import importlib
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np

import fastnn
from bench.timing import measure, summary

NETWORKS = {"4-8-3": (4, 8, 3), "64-30-10": (64, 30, 10), "784-128-64-10": (784, 128, 64, 10)}

#: How many rows a turn has, so that none is like the one before.
ROWS = 64

#: How far outputs may differ from those of ``predict_into``.
AGREEMENT = 1e-6

C_FILE, FLOOR, ENGINE, CALL = "the C file", "its weights, read alone", "predict_into", "network(row)"
OTHER = "ONNX Runtime"

#: Two ways -> how many times as long as the second the first should take at least.
ASKED = {(OTHER, C_FILE): 10.0, (ENGINE, C_FILE): 1.0}

LOOP = """
#include "network.h"
typedef float vector __attribute__((vector_size(32)));
void read_all(const vector *numbers, float *outputs, long n_vectors, long n_times) {
    for (long t = 0; t < n_times; t++) {
        vector sums[8] = {0};
        for (long i = 0; i + 8 <= n_vectors; i += 8) {
            for (int k = 0; k < 8; k++) {
                sums[k] += numbers[i + k];
            }
        }
        for (int k = 0; k < 8; k++) {
            outputs[k] += sums[k][0];
        }
    }
}
void all_rows(const float *rows, float *outputs, long n_rows, long n_times) {
    for (long t = 0; t < n_times; t++) {
        for (long i = 0; i < n_rows; i++) {
            network_predict(rows + i * NETWORK_N_INPUTS, outputs + i * NETWORK_N_OUTPUTS);
        }
    }
}
"""

#: How often the loop of C goes over all rows in a call, which costs a microsecond itself.
TIMES = 32


def network_of(sizes):
    """Return a network with ReLU and softmax that gives its outputs, and no labels beside them."""
    X, y = np.zeros((sizes[-1], sizes[0])), np.eye(sizes[-1])
    start = fastnn.train(list(sizes), X, y, 1, 1e-9, activation="relu", init="he_normal", random_state=0)
    return fastnn.Network(dict(start.W), dict(start.b), activation="relu", output_activation="softmax", dtype="float32")


def compiled(network, X, folder):
    """Return name -> a callable that predicts all rows `TIMES` times in C, and the array that has their outputs.

    Beside it what takes at least as long, where the weights are many: to read them as often, and do nothing with them.
    """
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise FileNotFoundError("no C compiler: neither cc nor gcc nor clang is there; name one in CC")
    network.to_c(folder / "network.h")
    (folder / "loop.c").write_text(LOOP)
    library = folder / f"{'-'.join(map(str, network.layer_sizes))}.so"
    flags = ["-O3", "-march=native", "-shared", "-fPIC", "-std=c99"]
    subprocess.run([*compiler.split(), *flags, str(folder / "loop.c"), "-o", str(library), "-lm"], check=True)
    loaded, out, sums = ctypes.CDLL(library), np.empty((len(X), network.layer_sizes[-1]), np.float32), np.zeros(8, "f")
    for function in (loaded.all_rows, loaded.read_all):
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long, ctypes.c_long]
        function.restype = None
    predict = functools.partial(loaded.all_rows, X.ctypes.data, out.ctypes.data, len(X), TIMES)
    weights = network.parameters
    read = functools.partial(loaded.read_all, weights.ctypes.data, sums.ctypes.data, len(weights) // 8, len(X) * TIMES)
    return {C_FILE: (predict, out), FLOOR: (read, None)}


def by_onnx_runtime(network, X, folder):
    """Return name -> a callable that predicts all rows one by one, and the array or list that has their outputs."""
    import onnxruntime

    network.to_onnx(folder / "network.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(folder / "network.onnx", options, providers=["CPUExecutionProvider"])
    source, target = session.get_inputs()[0].name, session.get_outputs()[0].name
    rows = [np.ascontiguousarray(row[None]) for row in X]
    found = [None] * len(X)

    def run():
        for i, row in enumerate(rows):
            found[i] = session.run([target], {source: row})[0]

    def bound_to(row, out):
        binding = session.io_binding()
        binding.bind_input(source, "cpu", 0, row.dtype, row.shape, row.ctypes.data)
        binding.bind_output(target, "cpu", 0, out.dtype, out.shape, out.ctypes.data)
        return binding

    n_out = network.layer_sizes[-1]
    one_row, one_out = np.empty((1, X.shape[1]), np.float32), np.empty((1, n_out), np.float32)
    once, copied = bound_to(one_row, one_out), np.empty((len(X), n_out), np.float32)

    def bound_once():
        for i, row in enumerate(X):
            one_row[0] = row
            session.run_with_iobinding(once)
            copied[i] = one_out[0]

    outs = np.empty((len(X), 1, n_out), np.float32)
    each = [bound_to(row, out) for row, out in zip(rows, outs, strict=True)]

    def bound_each():
        for binding in each:
            session.run_with_iobinding(binding)

    return {
        "ONNX Runtime, run": (run, found),
        "ONNX Runtime, bound once": (bound_once, copied),
        "ONNX Runtime, bound for each row": (bound_each, outs),
    }


def by_fastnn(network, X):
    """Return name -> a callable that predicts all rows one by one, and the array or list that has their outputs."""
    out, found = np.empty((len(X), network.layer_sizes[-1]), np.float32), [None] * len(X)
    pairs = list(zip(X, out, strict=True))

    def predict_into(into=network.predict_into):
        for row, of_row in pairs:
            into(row, of_row)

    def call():
        for i, (row, _) in enumerate(pairs):
            found[i] = network(row)

    return {ENGINE: (predict_into, out), CALL: (call, found)}


def ways_for(sizes, folder):
    """Return name -> a callable that predicts all rows, and what has their outputs; without what is not installed."""
    network = network_of(sizes)
    X = np.random.default_rng(0).standard_normal((ROWS, sizes[0])).astype(np.float32)
    ways = {**compiled(network, X, folder), **by_fastnn(network, X)}
    with contextlib.suppress(ModuleNotFoundError):
        ways |= by_onnx_runtime(network, X, folder)
    return ways


def disagreement(ways):
    """Return how far outputs of a way are from those of ``predict_into``, at most, once each has been called."""
    for way, _ in ways.values():
        way()
    expected = np.array(ways[ENGINE][1])
    return {
        name: float(np.abs(np.reshape(found, expected.shape) - expected).max())
        for name, (_, found) in ways.items()
        if found is not None
    }


def seconds_a_row(ways, n_rounds):
    """Return name -> seconds a row, one entry a round; ONNX Runtime's is that of its best way."""
    seconds = measure({name: way for name, (way, _) in ways.items()}, n_rounds)
    per_call = {name: ROWS * (TIMES if name in (C_FILE, FLOOR) else 1) for name in ways}
    found = {name: [one / per_call[name] for one in times] for name, times in seconds.items()}
    if theirs := [name for name in found if name.startswith(OTHER)]:
        found[OTHER] = found[min(theirs, key=lambda name: summary(found[name])[0])]
    return found


def rows_of_table(n_rounds, folder):
    """Return network -> the seconds of each way, the ratios that were asked for, and how far numbers differ."""
    table = {}
    for name, sizes in NETWORKS.items():
        ways = ways_for(sizes, Path(folder))
        differences = disagreement(ways)
        seconds = seconds_a_row(ways, n_rounds)
        table[name] = {
            "seconds": {way: summary(times) for way, times in seconds.items()},
            "ratios": {
                f"{slow} / {fast}": summary([a / b for a, b in zip(seconds[slow], seconds[fast], strict=True)])
                for slow, fast in ASKED
                if slow in seconds
            },
            "differences": differences,
        }
    return table


def rows_of_raw_tables(n_rounds):
    """Return what is predicted -> seconds: one row by estimators for tables, of an array and of a frame."""
    rng = np.random.default_rng(0)
    X, word = rng.standard_normal((500, 10)), np.array(["a", "b", "c", None], object)
    y = X[:, 0] > 0
    named = {f"number {j}": column for j, column in enumerate(X.T)}
    named |= {f"word {j}": word[rng.integers(0, 4, len(X))] for j in range(5)}
    tables, ways = {"an array of 10 numbers": X}, {}
    for library in ("pandas", "polars"):
        with contextlib.suppress(ModuleNotFoundError):
            tables[f"15 mixed columns of {library}"] = importlib.import_module(library).DataFrame(named)
    for name, table in tables.items():
        for n_members in (1, 8):
            model = fastnn.TabularClassifier(n_members=n_members, refit=False, max_epochs=2, random_state=0)
            model.fit(table, y)
            ways[f"{name}, members: {n_members}"] = functools.partial(model.predict_proba, table[:1])
            ways[f"{name}, members: {n_members}"]()
    return {name: summary(times) for name, times in measure(ways, n_rounds).items()}


def print_raw_tables(found):
    """Print what `rows_of_raw_tables` found."""
    print("\nOne row by TabularClassifier.predict_proba: microseconds, median [quartiles]\n")
    for name, (median, low, high) in found.items():
        print(f"  {name:<38}{1e6 * median:9.2f} [{1e6 * low:.2f} .. {1e6 * high:.2f}]")


def print_table(table):
    """Print what was found."""
    print("\nOne row, float32, ReLU and softmax: microseconds, median [quartiles]\n")
    for name, found in table.items():
        print(name)
        if OTHER not in found["seconds"]:
            print(f"  {OTHER} is left out: onnx or onnxruntime is not installed")
        for way, (median, low, high) in found["seconds"].items():
            if way != OTHER:
                print(f"  {way:<34}{1e6 * median:9.3f} [{1e6 * low:.3f} .. {1e6 * high:.3f}]")
        for (slow, fast), most in ASKED.items():
            if ratio := found["ratios"].get(f"{slow} / {fast}"):
                times = "{:.2f} times as long [{:.2f} .. {:.2f}]".format(*ratio)
                print(f"  {slow} takes {times} as {fast}; asked: {most:g}")

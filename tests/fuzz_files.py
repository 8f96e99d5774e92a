"""Files that are damaged, or meant to do harm: nothing comes of one but a model or a ModelFormatError.

``python tests/fuzz_files.py 100000 [seed]`` mutates good files that often, by bytes and by what their JSON says, and
loads each; what loads predicts, and takes one update. ``python tests/fuzz_files.py --coverage 600`` does so for as many
seconds with atheris, which looks for new branches of the loaders. Memory is limited. The file that a run has failed or
crashed with stands in the folder that it names at its start; put it into tests/corpus, and mend the loader.
"""

import contextlib
import io
import json
import math
import random
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

if __name__ == "__main__" and sys.argv[1] == "--coverage":
    import atheris

    with atheris.instrument_imports(include=["fastnn"]):  # before anything else imports it
        import fastnn.estimators._saved

import fastnn
from fastnn import ModelFormatError

HERE = Path(__file__).parent
GOOD = sorted(HERE.glob("golden/*/*.safetensors"))
CORPUS = sorted(HERE.glob("corpus/*"))

#: Bytes beyond what the process has at its start, and seconds, that a file may take.
MOST_MEMORY, MOST_TIME = 2**29, 20

#: What JSON may say in place of something else.
HOSTILE = [
    None, True, False, 0, -1, 1, 2, 3, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63), 10**40, 0.5, -0.0, 1e308, math.nan,
    math.inf, "", "x", "\ud800", "\0", "relu", "softmax", "float32", "<U9999999", "<i8", "|O", [], {}, [[]], [None] * 9,
    [1] * 999, {"name": "relu"}, {"tuple": []}, {"dict": []}, {"dict": [[1, 2], [1, 3]]}, {"array": "parameters"},
    {"floats": "parameters"}, {"scalar": "<f8", "value": 1}, {"dtype": "<U1", "values": ["a", "b"]},
    {"head": {"dict": []}},
    {"schedule": "cosine", "parameters": {"dict": [["rate", 0.1]]}}, {"array": 1}, {"dict": [[[], 1]]},
    {"random_state": "random_state", "pos": 625, "gauss": [0, 0.0]},
]  # fmt: skip
WORDS = ["F64", "F32", "F16", "BF16", "BOOL", "U8", "I64", "U32", "F8_E4M3", "C64", "f64", ""]


# -- mutations --------------------------------------------------------------------------------------------------------


def taken_apart(content):
    """Header and data of a good file; the description as JSON, too."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"]["fastnn"] = json.loads(header["__metadata__"]["fastnn"])
    return header, content[8 + length :]


def put_together(header, data):
    """A file whose lengths are right, whatever else is not."""
    header = dict(header)
    metadata = header.get("__metadata__")
    if isinstance(metadata, dict) and not isinstance(metadata.get("fastnn", ""), str):
        header["__metadata__"] = {**metadata, "fastnn": json.dumps(metadata["fastnn"])}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def places(value, path=()):
    """All places of a value of JSON."""
    yield path
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(part, (*path, key))


def changed(header, draw):
    """The same with something else in one place."""
    header = json.loads(json.dumps(header))
    found = [path for path in places(header) if path]
    if not found:  # nothing is left
        return header
    *path, last = draw.choice(found)
    part = header
    for key in path:
        part = part[key]
    choice = draw.random()
    if choice < 0.15:
        del part[last]
    elif choice < 0.25 and isinstance(part, dict):
        part[draw.choice(["x", "version", "heads", "threshold", "group", "parameters", "solver.moments"])] = part[last]
    elif choice < 0.35 and isinstance(part, list):
        part.insert(draw.randrange(len(part) + 1), part[last])
    elif choice < 0.5 and type(part[last]) is int:
        part[last] += draw.choice([-1, 1, 8, -8, 2**32, 2**63])
    elif choice < 0.6 and type(part[last]) is str:
        part[last] = draw.choice([*WORDS, part[last] + "x", part[last][:-1]])
    elif choice < 0.7:
        other = header
        for key in draw.choice(list(places(header))):
            other = other[key]
        part[last] = json.loads(json.dumps(other))
    else:
        part[last] = draw.choice(HOSTILE)
    return header


def mutated(content, draw):
    """Content that is damaged somehow, from that of a good file."""
    if draw.random() < 0.6:
        header, data = taken_apart(content)
        for _ in range(draw.choice([1, 1, 1, 2, 3])):
            header = changed(header, draw)
        if draw.random() < 0.1:
            data = data[: draw.randrange(len(data) + 1)]
        return put_together(header, data)
    damaged = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 5, 20])):
        at, choice = draw.randrange(max(len(damaged), 1)), draw.random()
        if choice < 0.5 and damaged:
            damaged[at] ^= 1 << draw.randrange(8)
        elif choice < 0.65:
            del damaged[at:]
        elif choice < 0.75:
            del damaged[at : at + draw.randrange(1, 9)]
        elif choice < 0.85:
            damaged[at:at] = damaged[at : at + draw.randrange(1, 40)]
        else:
            damaged[at : at + 8] = draw.choice([0, 1, 2**31, 2**63, 2**64 - 1]).to_bytes(8, "little")
    return bytes(damaged)


# -- what comes of a file ---------------------------------------------------------------------------------------------


def outcome(path):
    """ "network", "estimator" or "refused"; whatever else comes of a file is raised."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            model = fastnn.load(path)
        except ModelFormatError:
            return "refused"
        if isinstance(model, fastnn.Network):
            use_network(model)
            return "network"
        if hasattr(model, "coefs_"):
            use_estimator(model)
        elif hasattr(model, "members_"):
            use_tabular(model)
        return "estimator"


def rows_for(network):
    return np.random.default_rng(0).standard_normal((5, network.layer_sizes[0]))


def use_network(network):
    rows = rows_for(network)
    for use in (network, network.predict):
        with contextlib.suppress(ValueError):  # of outputs that are not finite, say
            use(rows)
    copy = network.copy()
    copy.W[1][:] = 0
    repr(network), network.summary()


def use_estimator(model):
    rows = rows_for(model.network_)
    use_network(model.network_)
    with contextlib.suppress(ValueError):
        model.predict(rows)
    model.history_, model.get_params()
    if hasattr(model, "classes_"):
        y = np.resize(model.classes_, 5) if model.n_outputs_ != len(model.classes_) else np.eye(5, model.n_outputs_)
    else:
        y = np.zeros((5, model.n_outputs_)).squeeze()
    with contextlib.suppress(Exception):  # of parameters that nobody would train by, which are checked by then
        model.partial_fit(rows, y)
    if type(model.warm_start) is str and type(model.max_iter) is int and model.max_iter < 100:
        with contextlib.suppress(Exception):
            model.fit(np.resize(rows, (30, rows.shape[1])), np.resize(y, (30, *y.shape[1:])))


def tables():
    """Good files of estimators for tables, of more kinds of columns than the golden ones have."""
    rng = np.random.default_rng(0)
    words = [rng.choice(list(levels), 40) for levels in ("ab", "abc", "abcdefghijkl")]
    numbers = [np.where(rng.random(40) < 0.2, np.nan, rng.standard_normal(40)) for _ in range(2)]
    X = np.array(
        [*words, *numbers, np.arange(40) * np.timedelta64(30, "h") + np.datetime64("2020-01-01T00:00")], object
    ).T
    small = {"hidden_layer_sizes": (4, 3), "max_epochs": 2, "n_members": 2, "random_state": 0}
    classifier = fastnn.TabularClassifier(**small, importances=True).fit(X, words[1])
    return classifier, fastnn.TabularRegressor(**small).fit(X, np.arange(40.0))


def use_tabular(model):
    rows = np.resize(np.array(["a", "b", None, 0.5, -1e300, 3, True], object), (5, model.n_features_in_))
    for use in (model.predict, model.predict_std, model.transform, getattr(model, "predict_interval", model.predict)):
        with contextlib.suppress(TypeError, ValueError):
            use(rows)
    repr(model.columns_), model.get_params()


def limit_memory():
    with contextlib.suppress(ImportError):
        import resource

        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + MOST_MEMORY, resource.RLIM_INFINITY))


def tried(content, path):
    path.write_bytes(content)
    start = time.process_time()
    found = outcome(path)
    assert time.process_time() - start < MOST_TIME, "it takes too long"
    return found


def main(n, seed=0):
    draw, counts, contents = random.Random(seed), {}, [path.read_bytes() for path in GOOD]
    folder = Path(tempfile.mkdtemp(prefix="fastnn-fuzz-"))
    print(f"{n} files, the last of them {folder}/model", flush=True)
    for model in tables():
        model.save(folder / "model")
        contents.append((folder / "model").read_bytes())
    for content in contents:
        tried(content, folder / "model")
    limit_memory()
    for _ in range(n):
        found = tried(mutated(draw.choice(contents), draw), folder / "model")
        counts[found] = counts.get(found, 0) + 1
    print(counts)


def by_coverage(seconds, *options):
    folder = Path(tempfile.mkdtemp(prefix="fastnn-fuzz-"))
    (folder / "seeds").mkdir()
    for path in [*GOOD, *CORPUS]:
        (folder / "seeds" / path.name).write_bytes(path.read_bytes())
    print(f"crashes in {folder}", flush=True)

    def mutate(data, most, seed):
        draw = random.Random(seed)
        try:
            return mutated(data, draw)[:most] if draw.random() < 0.5 else atheris.Mutate(data, most)
        except Exception:  # it was damaged before
            return atheris.Mutate(data, most)

    atheris.Setup(
        ["fuzz", f"-max_total_time={seconds}", "-max_len=16384", "-rss_limit_mb=4000", "-timeout=20",
         f"-artifact_prefix={folder}/", *options, str(folder / "seeds")],
        lambda data: tried(data, folder / "model"), custom_mutator=mutate,
    )  # fmt: skip
    atheris.Fuzz()


if __name__ == "__main__":
    if sys.argv[1] == "--coverage":
        by_coverage(*sys.argv[2:])
    else:
        main(*map(int, sys.argv[1:]))

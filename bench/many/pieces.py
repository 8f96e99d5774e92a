"""A file that is more than memory, trained under a limit: a table of ``python -m bench --many``.

A network of 100-64-1 makes one pass over a ``.npy`` file of 8 GB, in a process that is given no more than 1 GB, against
``train`` on a part of it that is in memory. The file is pushed out of the system's cache before, and how fast the disk
gives it by itself is measured in the same run. A smaller Parquet file likewise, where pyarrow is there. What is made is
removed, whatever happens.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from bench.timing import summary

COLUMNS, HIDDEN, BATCH = 100, 64, 256
#: Bytes: of the file, of the part in memory, of the Parquet file, of the buffer; and what a process is given.
FILE, PART, PARQUET, BUFFER, LIMIT = 8 * 10**9, 2 * 10**8, 3 * 10**8, 2**28, 10**9
ROUNDS = 3
ROW = 4 * COLUMNS
SETTINGS = {
    "loss": "log_loss", "batch_size": BATCH, "random_state": 0, "activation": "relu", "init": "he_normal",
    "solver": "adam", "alpha": 1e-3, "dtype": "float32",
}  # fmt: skip


def a_block():
    """Rows that a file repeats, and their labels."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((BATCH * 512, COLUMNS), np.float32)
    return X, (X[:, 0] * X[:, 1] > 0).astype(np.int8)


def write_npy(folder, n_bytes):
    """Make X.npy and y.npy; return their rows."""
    X, y = a_block()
    n_blocks = max(1, n_bytes // X.nbytes)
    for name, block in (("X", X), ("y", y)):
        header = {"descr": block.dtype.str, "fortran_order": False, "shape": (n_blocks * len(block), *block.shape[1:])}
        with open(folder / f"{name}.npy", "wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for _ in range(n_blocks):
                block.tofile(file)
            file.flush()
            os.fsync(file.fileno())
    return n_blocks * len(X)


def write_parquet(folder, n_bytes):
    """Make X.parquet, whose last column is y, as pyarrow writes by default; return its rows."""
    import pyarrow
    from pyarrow import parquet

    n_rows = n_bytes // ROW
    X = np.random.default_rng(0).standard_normal((COLUMNS, n_rows), np.float32)
    y = (X[0] * X[1] > 0).astype(np.int8)
    parquet.write_table(
        pyarrow.table({**{f"x{k}": column for k, column in enumerate(X)}, "y": y}), folder / "X.parquet"
    )
    return n_rows


def seconds_of_decoding(path):
    """How long pyarrow alone takes to decode a Parquet file that the system has read before."""
    from pyarrow import parquet

    start = perf_counter()
    with parquet.ParquetFile(path, buffer_size=1 << 18) as file:
        for _ in file.iter_batches(1 << 14, use_threads=False):
            pass
    return perf_counter() - start


def push_out(path):
    """Have the system forget what it has of a file."""
    file = os.open(path, os.O_RDONLY)
    os.fsync(file)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


def seconds_of_disk(path, most):
    """How long the disk takes to give so many bytes of a file, and how many there were."""
    push_out(path)
    room, n_read, start = bytearray(1 << 21), 0, perf_counter()
    with open(path, "rb", buffering=0) as file:
        while n_read < most and (n := file.readinto(room)):
            n_read += n
    return perf_counter() - start, n_read


def limited(path, n_rows, buffer):
    """Train on a file in a process that is given LIMIT bytes; return what it says: seconds, and its largest memory."""
    push_out(path)
    program = [sys.executable, "-m", "bench.many.pieces", str(path), str(n_rows), str(buffer), str(LIMIT)]
    # Arrow's own allocator would reserve the whole limit beforehand.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "ARROW_DEFAULT_MEMORY_POOL": "system"}
    done = subprocess.run(program, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"training on {path} under {LIMIT} bytes failed:\n{done.stderr}")
    return json.loads(done.stdout)


def in_memory(n_bytes):
    """Seconds of a pass over rows in memory, and their number."""
    import fastnn

    X, y = a_block()
    repeats = max(1, n_bytes // X.nbytes)
    X, y = np.tile(X, (repeats, 1)), np.tile(y, repeats)
    start = perf_counter()
    fastnn.train([COLUMNS, HIDDEN, 1], X, y, len(X) // BATCH, **SETTINGS)
    return perf_counter() - start, len(X)


def compared(path, n_rows, part, n_rounds, buffer):
    """Rows a second in memory, beyond it and of the disk alone, in turn; of the disk from its own largest share."""
    found = {"memory": [], "pieces": [], "disk": []}
    peaks = []
    size = os.path.getsize(path)
    for _ in range(n_rounds):
        seconds, rows = in_memory(part)
        found["memory"].append(rows / seconds)
        seconds, n_read = seconds_of_disk(path, 10 * part)
        found["disk"].append(n_read / size * n_rows / seconds)
        own = limited(path, n_rows, buffer)
        found["pieces"].append(n_rows / own["seconds"])
        if path.suffix == ".parquet":
            found.setdefault("decoding alone", []).append(n_rows / seconds_of_decoding(path))
        peaks.append(own["peak"])
    rates = {name: summary(values) if len(values) > 1 else values * 3 for name, values in found.items()}
    bound = min(rates["memory"][0], rates["disk"][0])
    shares = [own / bound for own in found["pieces"]]
    share = summary(shares) if len(shares) > 1 else shares * 3
    return {"rows": n_rows, "bytes": size, "rows_a_second": rates, "share": share, "peak": max(peaks)}


def measure(is_quick):
    """Return what `print_table` prints."""
    file, rounds = (PART, ROUNDS) if is_quick else (FILE, 1)
    with tempfile.TemporaryDirectory(prefix="fastnn-pieces-") as name:
        folder = Path(name)
        free, needed = shutil.disk_usage(folder).free, file + PARQUET + 10**9
        if free < needed:
            raise OSError(
                f"{folder.parent} has {free / 1e9:.1f} GB left, but {needed / 1e9:.1f} are needed; set TMPDIR"
            )
        found = {"limit": LIMIT, "buffer": BUFFER, "tables": {}}
        buffer = min(BUFFER, file // 8)
        rows = write_npy(folder, file)
        found["tables"][".npy"] = compared(folder / "X.npy", rows, PART, rounds, buffer)
        (folder / "X.npy").unlink()
        try:
            rows = write_parquet(folder, PARQUET if not is_quick else PART)
        except ImportError:
            return found
        found["tables"]["Parquet"] = compared(folder / "X.parquet", rows, PART, ROUNDS, min(BUFFER, PART // 8))
        return found


def print_table(found):
    """Print rows a second, the share of what could be had, and the memory of the process."""
    print(f"\nOne pass of {COLUMNS}-{HIDDEN}-1 over a file, in a process that is given {found['limit'] / 1e9:g} GB:")
    for name, one in found["tables"].items():
        rates = ", ".join(f"{way} {rate[0]:,.0f}" for way, rate in one["rows_a_second"].items())
        share, low, high = one["share"]
        print(f"  {name}, {one['bytes'] / 1e9:.2f} GB, {one['rows']:,} rows; rows a second: {rates}")
        print(
            f"    {share:.2f} ({low:.2f} to {high:.2f}) of memory's or the disk's, whichever is less; "
            f"largest memory {one['peak'] / 1e6:,.0f} MB"
        )


def train_limited(path, n_rows, buffer, limit):
    """In a process of its own: say what a pass over the file takes, with the limit set by the system."""
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    import fastnn

    is_npy = path.endswith(".npy")
    if not is_npy:
        from pyarrow import parquet  # noqa: F401  # the clock is of reading and learning
    start = perf_counter()
    if is_npy:
        pieces = fastnn.Pieces(path, str(Path(path).with_name("y.npy")), memory=buffer)
    else:
        pieces = fastnn.Pieces(path, target="y", memory=buffer)
    fastnn.train([COLUMNS, HIDDEN, 1], pieces, iter_num=n_rows // BATCH, **SETTINGS)
    seconds = perf_counter() - start
    # Of this program alone: getrusage would count the one that started it.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(json.dumps({"seconds": seconds, "peak": 1024 * int(peak.split()[1])}))


if __name__ == "__main__":
    train_limited(sys.argv[1], *map(int, sys.argv[2:]))

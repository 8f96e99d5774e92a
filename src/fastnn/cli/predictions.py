"""Predictions as columns, and where they go: CSV or JSON on standard output, or a file, whole or not at all.

Called by ``predict``, piece by piece.
"""

import io
import json
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from fastnn.cli import mistakes
from fastnn.cli.mistakes import Code, Mistake
from fastnn.export.files import replacing

#: Suffix of a file -> how a frame is written to it, those of columns at once.
SUFFIXES = {
    ".csv": None, ".parquet": pl.DataFrame.write_parquet, ".arrow": pl.DataFrame.write_ipc,
    ".feather": pl.DataFrame.write_ipc,
}  # fmt: skip

#: Bytes of JSON that are kept in memory until all of it is known to be good.
SPOOL = 2**24


def answers(model, X, *, probabilities=False, interval=None):
    """Return what a `models.Model` predicts, as a frame: prediction, probability_…, low and high."""
    with mistakes.of_data():
        predicted = model.estimator.predict(X)
        columns = [_series("prediction", predicted)] if predicted.ndim == 1 else _several("prediction", predicted)
        if probabilities:
            shares = model.estimator.predict_proba(X)
            columns += [
                pl.Series(f"probability_{_text(label)}", shares[:, place])
                for place, label in enumerate(model.estimator.classes_.tolist())
            ]
        if interval is not None:
            for name, bound in zip(("low", "high"), model.estimator.predict_interval(X, interval), strict=True):
                columns += [pl.Series(name, bound)] if bound.ndim == 1 else _several(name, bound)
    return pl.DataFrame(columns)


def check_suffix(path):
    """Refuse a file whose suffix does not say what to write."""
    if Path(path).suffix.lower() not in SUFFIXES:
        raise Mistake(f"--out must end in {', '.join(SUFFIXES)}, which says what is written; got {path!r}")


@contextmanager
def to_file(path):
    """Yield what takes frames for a file, which is there once all are written."""
    write, kept = SUFFIXES[Path(path).suffix.lower()], []
    with mistakes.of_writing(path), replacing(path) as file:
        if write is None:
            yield _csv_to(file)
        else:
            yield kept.append
            write(pl.concat(kept), file)


@contextmanager
def to_stdout(as_json):
    """Yield what takes frames for standard output: CSV as they come, or JSON once all are there."""
    if not as_json:
        yield _csv_to(sys.stdout.buffer)
        return
    with tempfile.SpooledTemporaryFile(SPOOL) as spool:
        n_rows = 0

        def take(frame):
            nonlocal n_rows
            _refuse(frame, "JSON", pl.Binary, pl.Object)
            spool.write((("," if n_rows else "") + frame.write_json()[1:-1]).encode())
            n_rows += frame.height

        yield take
        spool.seek(0)
        print('{"predictions": [', end="", flush=True)
        shutil.copyfileobj(spool, sys.stdout.buffer)
        print(f'], "n_rows": {json.dumps(n_rows)}}}')


def _csv_to(file):
    is_first = True

    def take(frame):
        nonlocal is_first
        _refuse(frame, "CSV", pl.Binary, pl.Object, pl.Duration, pl.List, pl.Array, pl.Struct)
        text = io.BytesIO()
        frame.write_csv(text, include_header=is_first)
        file.write(text.getbuffer())
        file.flush()
        is_first = False

    return take


def _refuse(frame, form, *unwritable):
    """Name a column that was kept, of cells that a text cannot have."""
    for name, dtype in frame.schema.items():
        if isinstance(dtype, unwritable):
            raise Mistake(f"--keep {name}: {form} has no cells of {dtype}; write --out to a .parquet", Code.UNFIT)


def _series(name, values):
    return pl.Series(name, values if values.dtype.kind in "biuf" else values.tolist())


def _several(name, values):
    return [pl.Series(f"{name}_{place}", column) for place, column in enumerate(values.T)]


def _text(label):
    return str(label).lower() if isinstance(label, bool) else str(label)


def with_kept(raw, keep, made):
    """Return the columns of a `reading.Raw` to keep, as they stand there, and the predictions."""
    for name in keep:
        if keep.count(name) > 1:
            raise Mistake(f"--keep {name} is there twice; name each column once")
        if name not in raw.frame.columns:
            raise Mistake(f"{raw.name} has {mistakes.unknown('column', name, raw.frame.columns)}", Code.UNFIT)
        if name in made.columns:
            raise Mistake(f"--keep {name} would be called as the predictions are; rename the column")
    return raw.frame.select(keep).hstack(made) if keep else made

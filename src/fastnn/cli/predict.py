"""``fastnn predict``: what a model says of the rows of a table, as CSV or a file."""

from collections import Counter
from typing import Annotated

import typer

from fastnn.cli import options, output


def predict(
    model: options.ModelFile,
    data: options.Data,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write .csv, .parquet or .arrow in place of standard output.")
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Add a column for the probability of each class.")
    ] = False,
    interval: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Add low and high, between which such a share of numbers is.")
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option(metavar="COLUMNS", help="Columns of DATA to put before, such as id,name.")
    ] = None,
    delimiter: options.Delimiter = None,
    null: options.Null = None,
    encoding: options.Encoding = None,
    force: options.Force = False,
    json: options.Json = False,
):
    """Predict for each row of a table, as CSV on standard output.

    Columns may stand in any order, and there may be more. DATA is read in pieces, so it may be larger than memory.
    """
    from fastnn.cli import models, predictions, reading, writing

    if out is not None:
        predictions.check_suffix(out)
        writing.check_out(out, force, model, data)
    loaded = models.load(model)
    _check(loaded, probabilities, interval)
    keep, null, n_rows, unknown = options.names(keep), null or (), 0, Counter()
    with predictions.to_stdout(json) if out is None else predictions.to_file(out) as take:
        for raw in reading.raw_pieces(data, delimiter=delimiter, encoding=encoding):
            if not n_rows and (unused := [name for name in loaded.unused(raw) if name not in keep]):
                output.note(f"not asked for: {', '.join(map(repr, unused[:10]))}{', …' * (len(unused) > 10)}")
            X = loaded.table(raw, null)
            models.count_unknown(loaded, X, unknown)
            made = predictions.answers(loaded, X, probabilities=probabilities, interval=interval)
            take(predictions.with_kept(raw, keep, made))
            n_rows += raw.frame.height
    for name, n in (+unknown).items():
        output.note(f"{name!r}: {output.counted(n, 'word')} that the model does not know, taken for missing")
    if out is not None:
        output.show({"out": out, "n_rows": n_rows}, f"{out}: {n_rows:,} rows", json)


def _check(loaded, probabilities, interval):
    """Refuse what such a model does not have."""
    from fastnn.cli.mistakes import Mistake

    has_classes = hasattr(loaded.estimator, "classes_")
    if probabilities and not has_classes:
        raise Mistake("the model predicts numbers, which have no --probabilities; ask for --interval 0.9")
    if interval is not None and has_classes:
        raise Mistake("the model predicts classes, which have no --interval; ask for --probabilities")
    if interval is not None and not 0 < interval < 1:
        raise Mistake(f"--interval must be a share between 0 and 1, such as 0.9; got {interval:g}")

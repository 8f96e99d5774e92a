"""`fastnn plot`: a model as a picture, drawn by ``fastnn.plots``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fastnn.cli.options import Force, Json, ModelFile

SUFFIXES = (".svg", ".png", ".pdf")


class Kind(StrEnum):
    """What of a model may be drawn."""

    LOSS = "loss"
    IMPORTANCES = "importances"
    WEIGHTS = "weights"
    DIAGRAM = "diagram"


def plot(
    model: ModelFile,
    out: Annotated[Path, typer.Option(help="The picture: .svg, .png or .pdf.")],
    kind: Annotated[
        Kind | None,
        typer.Option(help="Curves of the loss, importances of columns, weights of the first layer, units and weights."),
    ] = None,
    force: Force = False,
    json: Json = False,
):
    """Draw how a model learned, which columns it needs, or a network's weights."""
    from fastnn.checks import optional
    from fastnn.cli import output
    from fastnn.cli.mistakes import Code, Mistake, of_model, of_writing
    from fastnn.cli.writing import check_out
    from fastnn.export.files import replacing
    from fastnn.export.models import load

    if out.suffix.lower() not in SUFFIXES:
        raise Mistake(f"{str(out)!r} has the suffix {out.suffix!r}; expected one of {', '.join(SUFFIXES)}")
    check_out(out, force, model)
    with optional("fastnn plot", "matplotlib", "matplotlib", extra="plots"):
        import matplotlib
    matplotlib.use("agg")
    with of_model(model):
        loaded = load(model)
    try:
        kind, figure = drawn(loaded, kind)
    except (TypeError, ValueError) as error:  # of several networks, of what has none
        raise Mistake(str(error), Code.UNFIT) from error
    with of_writing(out), replacing(out) as file:
        figure.savefig(file, format=out.suffix[1:].lower(), bbox_inches="tight")
    output.show(
        {"model": model, "kind": kind.value, "file": str(out), "bytes": out.stat().st_size},
        f"{out}: {kind.value} of {model}", json,
    )  # fmt: skip


def drawn(model, kind=None):
    """Return what was drawn of a model, the default where `kind` is None, and the figure."""
    from fastnn import plots

    is_table, learns = hasattr(model, "columns_"), hasattr(model, "fit")
    kind = kind or (Kind.LOSS if learns else Kind.DIAGRAM)
    if kind is Kind.LOSS:
        if not learns:
            raise ValueError(f"a {type(model).__name__} keeps no curve of its loss; choose another --kind")
        display = plots.LossCurveDisplay.from_estimator(model)
    elif kind is Kind.IMPORTANCES:
        return kind, _bars(model)
    elif is_table:
        raise ValueError(
            f"a {type(model).__name__} has networks that encode their columns first, which have no such picture; "
            "choose --kind loss or importances"
        )
    elif kind is Kind.WEIGHTS:
        display = plots.WeightsDisplay.from_network(model)
    else:
        display = plots.NetworkDiagram.from_network(model)
    return kind, display.figure_


def _bars(model):
    """What the model loses without each column, the most first, as bars; at most thirty."""
    from matplotlib import pyplot

    importances = getattr(model, "feature_importances_", None)
    if importances is None:
        raise ValueError("the model has no importances of columns; train one for tables with --importances")
    names = [str(row["column"]) for row in model.columns_]
    order = importances.argsort()[-30:]
    figure, ax = pyplot.subplots(figsize=(6.4, 1.2 + 0.26 * len(order)))
    ax.barh(range(len(order)), importances[order])
    ax.set_yticks(range(len(order)), [names[i] for i in order], parse_math=False)  # $ in a name is no formula
    ax.set_xlabel(f"loss of {'accuracy' if hasattr(model, 'classes_') else 'R²'} without the column")
    return figure

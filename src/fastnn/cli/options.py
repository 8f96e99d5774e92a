"""Options that several commands have, each once."""

import csv
import shlex
from typing import Annotated

import typer

from fastnn.cli.mistakes import Mistake

Data = Annotated[
    str, typer.Argument(metavar="DATA", help="CSV, compressed or not, Parquet, Arrow or NPY; - is standard input.")
]
ModelFile = Annotated[str, typer.Argument(metavar="MODEL", help="A file that fastnn saved.")]
Target = Annotated[str, typer.Option(metavar="COLUMN", help="The column to predict.")]
Task = Annotated[str | None, typer.Option(metavar="classes|numbers", help="What the target is, if not as it looks.")]
Hidden = Annotated[str | None, typer.Option(metavar="SIZES", help="Units of the hidden layers, such as 64,32.")]
Members = Annotated[int | None, typer.Option(min=1, help="Networks whose answers are averaged.")]
TimeLimit = Annotated[float | None, typer.Option(metavar="SECONDS", help="That training may take.")]
Preset = Annotated[str, typer.Option(metavar="fast|default|best", help="How much is spent on it.")]
Weight = Annotated[str | None, typer.Option(metavar="COLUMN", help="How much each row counts.")]
Groups = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Rows of one group are learned from or held back, never both.")
]
Drop = Annotated[list[str] | None, typer.Option(metavar="COLUMNS", help="To leave out, such as id,name.")]
MaxRows = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Learn from so many rows, drawn at random by --seed.")
]
Jobs = Annotated[int | None, typer.Option("--n-jobs", help="Networks trained at a time; all CPUs if not given.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of all that is drawn.")]
Progress = Annotated[
    bool | None, typer.Option("--progress/--no-progress", help="A bar on standard error; on a terminal if not given.")
]
Delimiter = Annotated[
    str | None, typer.Option(help="Between the cells of a CSV, such as ';' or 'tab'. Found by itself if not given.")
]
Null = Annotated[
    list[str] | None, typer.Option(help="Text of a cell that says nothing is there, beside NA, null, ? …; repeatable.")
]
Encoding = Annotated[str | None, typer.Option(help="Of a CSV, such as latin-1. UTF-8 and UTF-16 are found.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


def names(given):
    """Return the names of an option that takes several, between commas, with quotes as in a CSV, or each by itself."""
    return [name.strip() for line in csv.reader(given or (), skipinitialspace=True) for name in line if name.strip()]


def one_of(option, given, known):
    """Refuse what is none of the values of an option."""
    if given not in known:
        raise Mistake(f"{option} must be {' or '.join(filter(None, known))}, got {given!r}")


def dropping(name):
    """Return the option that leaves a column out, as a shell takes it."""
    return "--drop " + shlex.quote(f'"{name}"' if "," in name else name)

"""The application: its commands, and how what goes wrong in them is told. Called by `main`.

Commands import polars, scikit-learn and what stands on these when they run: help is there at once.
"""

import os
import sys
import traceback
import warnings
from contextlib import suppress
from typing import Annotated

import typer

from fastnn.cli import output
from fastnn.cli.compare import compare
from fastnn.cli.doctor import doctor
from fastnn.cli.evaluate import evaluate
from fastnn.cli.export import export
from fastnn.cli.info import info
from fastnn.cli.mistakes import Code, as_mistake
from fastnn.cli.plot import plot
from fastnn.cli.predict import predict
from fastnn.cli.train import train
from fastnn.distribution import foreign

#: In the order of the help.
COMMANDS = (train, predict, evaluate, compare, info, export, plot, doctor)

app = typer.Typer(
    name="fastnn", rich_markup_mode=None, pretty_exceptions_enable=False, context_settings={"max_content_width": 100}
)
for function in COMMANDS:
    app.command()(function)


def _version(asked):
    if asked:
        from fastnn import __version__

        print(f"fastnn {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def fastnn(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="And exit.")] = False,
):
    """Small dense neural networks for tables: train on a file, predict for another.

    Exit codes: 0 done, 1 a fault of fastnn, 2 wrong usage, 3 a data file cannot be read, 4 data do not fit, 5 a model
    file cannot be read, 6 an extra is missing, 7 the result cannot be written, 130 Ctrl-C.
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


def run(arguments):
    """Run a command; return the code to exit with, once what went wrong has been told."""
    with suppress(AttributeError):  # what tests and notebooks put in its place has none
        sys.stdout.reconfigure(errors="backslashreplace")  # of letters that a console's encoding lacks
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for category in (UserWarning, RuntimeWarning):
                warnings.simplefilter("default", category)
            warnings.showwarning = lambda message, *others: output.note(message)
            code = typer.main.get_command(app).main(arguments, prog_name="fastnn", standalone_mode=False)
            sys.stdout.flush()
    except SystemExit as error:  # Typer's own, of a pipe that nobody reads any more, too
        code = error.code
        if isinstance(error.__context__, BrokenPipeError):
            code = _silenced()
    except BrokenPipeError:
        code = _silenced()
    except Exception as error:
        is_interrupt = isinstance(error.__cause__, KeyboardInterrupt)  # which Typer makes another of
        code = 130 if is_interrupt else _tell(error, "--json" in arguments)
    if code == Code.INTERRUPTED and not isinstance(code, Code):  # else it has been told
        output.note("interrupted")
    return int(code or 0)


def _silenced():
    """Have what is still to be written go nowhere; return the code of what is done."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Code.DONE


def _tell(error, as_json):
    """Say what went wrong; return the code."""
    if os.environ.get("FASTNN_TRACEBACK"):
        traceback.print_exception(error)
    mistake = as_mistake(error)
    if mistake is None:
        code, message = Code.FAULT, f"{type(error).__name__}: {error}"
        message = f"a fault of fastnn itself: {message}; to report it, run it again with FASTNN_TRACEBACK=1"
        message = foreign() or message if isinstance(error, AttributeError) else message
    else:
        code, message = mistake.code, str(mistake)
    try:
        if as_json:
            output.show({"error": {"code": int(code), "message": message}}, None, as_json=True)
        sys.stdout.flush()
    except OSError:  # of a full disk, which is then what is told
        _silenced()
    output.note(message)
    return code

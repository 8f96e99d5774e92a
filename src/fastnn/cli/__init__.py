"""The command ``fastnn``, also ``python -m fastnn``: train on a table, predict for another, without a script.

`main` is the entry point; all commands stand in ``app``. Nothing else of fastnn imports this room.
"""

import sys

#: What the extra brings that the commands cannot do without.
PACKAGES = ("typer", "rich", "polars", "narwhals", "sklearn", "scipy")


def main(arguments=None):
    """Run the command.

    Parameters
    ----------
    arguments : list of str, optional
        Those after the name of the program; None: the process's.

    Returns
    -------
    code : int
        What the process is to exit with; see `fastnn.cli.mistakes.Code`.
    """
    from fastnn.checks import optional

    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments == ["--version"]:  # which needs no extra
        from fastnn import __version__

        print("fastnn", __version__)
        return 0
    try:
        with optional("the command fastnn", "Typer, Rich, polars and scikit-learn", *PACKAGES, extra="cli"):
            from fastnn.cli.app import run
    except ImportError as error:
        print(f"fastnn: {error}", file=sys.stderr)
        return 6
    return run(arguments)

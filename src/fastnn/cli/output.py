"""What a command says: results on stdout, for people or as one JSON object; all else on stderr.

Rich is imported when something is shown.
"""

import io
import json
import math
import sys

#: Off a terminal nothing is cut, nor broken into lines.
WIDE = 10_000

#: Scores -> their names for people.
SCORES = {"r2": "R²", "rmse": "RMSE", "mae": "mean absolute error", "log_loss": "log-loss", "auc": "AUC"}


def note(text):
    """Say something beside the result."""
    print(f"fastnn: {text}", file=sys.stderr, flush=True)


def show(plain, human, as_json=False):
    """Show a result: as JSON, where what is not finite becomes null, or texts and what Rich renders, one or a list.

    JSON is in ASCII, which every console's encoding has.
    """
    if as_json:
        print(json.dumps(finite(plain), default=as_plain))
        return
    from rich.console import Console

    is_terminal, text = sys.stdout.isatty(), io.StringIO()
    console = Console(highlight=False) if is_terminal else Console(file=text, width=WIDE, highlight=False)
    for part in human if isinstance(human, list) else [human]:
        console.print(part, markup=False)
    for line in text.getvalue().splitlines():
        print(line.rstrip())


def table(headings, rows):
    """Return a table for people: texts to the left, numbers, as `rounded` has them, to the right."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, show_header=any(headings))
    rows = [list(row) for row in rows]
    for place, heading in enumerate(headings):
        numeric = any(isinstance(row[place], int | float) for row in rows)
        made.add_column(heading, justify="right" if numeric else "left", no_wrap=not sys.stdout.isatty())
    for row in rows:
        made.add_row(*map(rounded, row))
    return made


def rounded(value):
    """Return a cell for people: a number to four digits, None as nothing."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"
    return f"{value:,}" if type(value) is int else str(value)


def counted(n, what):
    """Return a number of things in words."""
    return f"{n:,} {what}{'s' * (n != 1)}"


def score_name(score):
    """Return a score's name for people."""
    return SCORES.get(score, score.replace("_", " "))


def finite(value):
    """Return the same with null for numbers that JSON has not."""
    if isinstance(value, dict):
        return {str(key): finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_plain(value):
    """Return NumPy's numbers and arrays as Python's, anything else as text."""
    return finite(value.tolist()) if hasattr(value, "tolist") else str(value)

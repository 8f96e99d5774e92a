"""A bar over the cases of a benchmark, for ``--progress``; the table is printed above it."""

import io
import sys
from contextlib import redirect_stdout

from tqdm import tqdm


class _AboveTheBar(io.TextIOBase):
    """Standard output a whole line at a time, which the bar makes room for where both are on one terminal."""

    def __init__(self, stream):
        self.stream, self.line = stream, ""

    def write(self, text):
        *lines, self.line = (self.line + text).split("\n")
        for line in lines:
            tqdm.write(line, file=sys.stderr if self.stream.isatty() else self.stream)
        return len(text)


def watched(cases, is_wanted):
    """Yield the cases, and where it is wanted show on a bar how many are done and how long the others will take."""
    if not is_wanted:
        yield from cases
        return
    with redirect_stdout(_AboveTheBar(sys.stdout)):
        yield from tqdm(list(cases), unit="case")

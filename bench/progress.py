"""A bar over the cases of a benchmark, for ``--progress``; the table is printed above it."""

import sys
from contextlib import redirect_stdout

from tqdm import tqdm


class _AboveTheBar:
    """Standard output that keeps clear of a bar on the same terminal."""

    def __init__(self, stream):
        self.stream = stream

    def write(self, text):
        with tqdm.external_write_mode(self.stream):
            return self.stream.write(text)

    def flush(self):
        self.stream.flush()


def watched(cases, is_wanted):
    """Yield the cases, and where it is wanted show on a bar how many are done and how long the others will take."""
    if not is_wanted:
        yield from cases
        return
    with redirect_stdout(_AboveTheBar(sys.stdout)):
        yield from tqdm(list(cases), unit="case")

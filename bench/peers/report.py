"""The figures against peers as a table and as JSON; ``overview.py`` draws them.

Two ratios a row: its time over the best peer's (fastnn below 1: it is faster than all), and over the floor, the time
that the multiply-adds of the case alone would take at the peak of as many cores. On one thread the best peer is the
fastest on one; on more, the fastest on any number of threads, so that none competes below its best. Wrong numbers
compete with nobody.
"""

import json
import math

from bench.report import duration
from bench.timing import summary

OWN = "fastnn"


def rows_of(result):
    """Return one dict per way that was timed, the fastest first."""
    timed = sorted(
        ((*summary(outcome.seconds), outcome) for outcome in result.outcomes if outcome.reason is None),
        key=lambda entry: entry[0],
    )
    peers = [(median, of) for median, _, _, of in timed if of.library != OWN and not of.wrong]
    alone = {outcome.way: median for median, _, _, outcome in timed if outcome.threads == 1}
    rows = []
    for median, lower, upper, outcome in timed:
        best = next(((m, of) for m, of in peers if outcome.threads > 1 or of.threads == 1), None)
        rows.append(
            {
                "case": result.case.title,
                "dtype": result.dtype,
                "unit": result.case.unit,
                "library": outcome.library,
                "way": outcome.way,
                "threads": outcome.threads,
                "median": median,
                "lower_quartile": lower,
                "upper_quartile": upper,
                "best_peer": f"{best[1].way}{_threads(best[1].threads)}" if best else None,
                "to_best_peer": median / best[0] if best else None,
                "to_one_thread": median / alone[outcome.way] if outcome.way in alone else None,
                "to_floor": median * outcome.threads / result.floor if result.floor else None,
                "error": outcome.error if math.isfinite(outcome.error) else None,
                "wrong": outcome.wrong,
            }
        )
    return rows


class Report:
    """What was found, printed when it is and kept for the files.

    Parameters
    ----------
    machine : dict
        `bench.machine.describe`.
    n_rounds : int
    """

    def __init__(self, machine, n_rounds):
        self.machine, self.n_rounds = machine, n_rounds
        self.versions, self.skipped, self.rows, self.missing = {}, {}, [], []

    def started(self, versions, skipped):
        """Print what the figures belong to and how the table reads."""
        self.versions, self.skipped = versions, skipped
        machine = self.machine
        print(f"CPU: {machine['cpu']}, {machine['cores']} cores, {' '.join(machine['features'])}")
        print(f"Python {machine['python']}, " + ", ".join(f"{name} {version}" for name, version in versions.items()))
        for name, reason in skipped.items():
            print(f"Skipped: {name}, {reason}")
        print(f"Median of {self.n_rounds} rounds [quartiles]; the libraries take turns. 'best peer': time over that of")
        print(
            "the fastest peer (of one thread; for more threads, of any number); 'floor': time over that of the case's"
        )
        print("multiply-adds alone at the peak of as many cores.\n")

    def add(self, result):
        """Print one case at one dtype."""
        print(f"{result.case.title}, {result.dtype}, per {result.case.unit}")
        rows = rows_of(result)
        for row in rows:
            spread = f"[{duration(row['lower_quartile'])} .. {duration(row['upper_quartile'])}]"
            print(
                f"  {row['way'] + _threads(row['threads']):<34} {duration(row['median']):>10} {spread:<24}"
                f"{_ratio(row['to_best_peer'])} x best peer{_ratio(row['to_floor'])} x floor"
                f"{'  WRONG NUMBERS' if row['wrong'] else ''}"
            )
        for outcome in result.outcomes:
            if outcome.reason is not None:
                ended = "failed" if outcome.failed else "cannot"
                print(f"  {outcome.way + _threads(outcome.threads):<34} {ended}: {outcome.reason}")
                self.missing.append(
                    {
                        "case": result.case.title,
                        "dtype": result.dtype,
                        "way": outcome.way,
                        "threads": outcome.threads,
                        "failed": outcome.failed,
                        "reason": outcome.reason,
                    }
                )
        print(flush=True)
        self.rows += rows

    @property
    def complaints(self):
        """What makes the run a failure: wrong numbers, and ways that broke down."""
        wrong = [
            f"{row['case']}, {row['dtype']}: {row['way']} computes wrong numbers, error {row['error']}"
            for row in self.rows
            if row["wrong"]
        ]
        broken = [
            f"{entry['case']}, {entry['dtype']}: {entry['way']} failed: {entry['reason']}"
            for entry in self.missing
            if entry["failed"]
        ]
        return wrong + broken

    def print_summary(self):
        """Print fastnn's ratios again, together, one table for each number of threads."""
        for n_threads in sorted({row["threads"] for row in self.rows}):
            heading = (
                f"fastnn, {n_threads} thread{'s' if n_threads > 1 else ''}: time over the best peer's, over the floor"
            )
            print(heading + (", over that of one thread; and the best peer:" if n_threads > 1 else ":"))
            for row in self.rows:
                if row["library"] == OWN and row["threads"] == n_threads:
                    name = f"{row['case']}, {row['dtype']}{row['way'].removeprefix(OWN)}"
                    ratios = f"{_ratio(row['to_best_peer'])}{_ratio(row['to_floor'])}"
                    more = f"{_ratio(row['to_one_thread'])}  {row['best_peer']}" if n_threads > 1 else ""
                    print(f"  {name:<86}{ratios}{more}")

    def write(self, folder):
        """Write JSON; return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "peers.json"
        content = {
            "machine": self.machine,
            "versions": self.versions,
            "skipped": self.skipped,
            "rounds": self.n_rounds,
            "rows": self.rows,
            "missing": self.missing,
        }
        path.write_text(json.dumps(content, indent=1) + "\n")
        return path


def _threads(n):
    return f", {n} threads" if n > 1 else ""


def _ratio(value):
    return f"{'-' if value is None else format(value, '.3g'):>8}"

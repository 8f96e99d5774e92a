"""The figures against peers as a table, as JSON and as a chart.

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

#: Colours of fastnn's bars, and of the others'.
OWN_COLOUR, PEER_COLOUR = "#0072b2", "#a0a0a0"


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
        """Write JSON and chart; return their paths."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = folder / "peers.json", folder / "peers.png"
        content = {
            "machine": self.machine,
            "versions": self.versions,
            "skipped": self.skipped,
            "rounds": self.n_rounds,
            "rows": self.rows,
            "missing": self.missing,
        }
        paths[0].write_text(json.dumps(content, indent=1) + "\n")
        if self.rows:
            write_chart(paths[1], self.machine, self.rows)
        return paths


def write_chart(path, machine, rows):
    """Draw one panel a case and dtype, on logarithmic axes of one span, so that equal steps are equal ratios."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    panels = {}
    for row in rows:
        panels.setdefault((row["case"], row["dtype"], row["unit"]), []).append(row)
    span = 8 * max(max(row["median"] for row in panel) / panel[0]["median"] for panel in panels.values())
    n_columns = min(2, len(panels))
    lengths = [len(panel) for panel in panels.values()]
    lines = [max(lengths[start : start + n_columns]) for start in range(0, len(panels), n_columns)]
    figure, axes = plt.subplots(
        len(lines),
        n_columns,
        figsize=(8 * n_columns, 0.26 * sum(lines) + 0.4 * len(lines) + 0.5),
        layout="constrained",
        squeeze=False,
        height_ratios=lines,
    )
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for index, ((case, dtype, unit), panel) in enumerate(panels.items()):
        axis = axes.flat[index]
        medians = [row["median"] for row in panel]
        colours = [OWN_COLOUR if row["library"] == OWN else PEER_COLOUR for row in panel]
        bars = axis.barh([row["way"] + _threads(row["threads"]) for row in panel], medians, color=colours)
        notes = [duration(row["median"]) + (", WRONG" if row["wrong"] else "") for row in panel]
        axis.bar_label(bars, notes, padding=3, fontsize=8)
        axis.set_xscale("log")
        axis.set_xlim(medians[0] / 2, medians[0] / 2 * span)
        axis.set_ylim(lines[index // n_columns] - 0.5, -0.5)  # bars of one thickness, the fastest on top
        axis.xaxis.set_visible(False)
        axis.set_title(f"{case}, {dtype}, per {unit}", loc="left", fontsize=9)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right", "bottom"]].set_visible(False)
    figure.suptitle(f"Time (logarithmic; shorter is better) on {machine['cpu']}", fontsize=10)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _threads(n):
    return f", {n} threads" if n > 1 else ""


def _ratio(value):
    return f"{'-' if value is None else format(value, '.3g'):>8}"

"""The figures as a table, as JSON and as a chart."""

import json

from bench.cases import BATCHED, COMPILED, ENGINE, NAIVE, PER_SAMPLE
from bench.chart import dots
from bench.timing import summary

#: Way -> name, colour, marker and size on the chart, whose line at 1 is the naive loop.
LOOKS = {
    ENGINE: (ENGINE, "#0072b2", "o", 7),
    COMPILED: (COMPILED, "#56b4e9", "D", 5),
    BATCHED: (BATCHED, "#e69f00", "s", 5),
    PER_SAMPLE: (PER_SAMPLE, "#999999", "v", 5),
}


def rows_of(case, seconds):
    """Return one dict per way: its median, quartiles, and how many times faster it is than the baselines."""
    medians = {way: summary(times)[0] for way, times in seconds.items()}
    numpy = PER_SAMPLE if PER_SAMPLE in medians else BATCHED
    rows = []
    for way, times in seconds.items():
        median, lower, upper = summary(times)
        rows.append(
            {
                "case": case.name,
                "dtype": case.dtype,
                "way": way,
                "median": median,
                "lower_quartile": lower,
                "upper_quartile": upper,
                "times_faster_than_naive": medians[NAIVE] / median,
                "numpy_baseline": numpy,
                "times_faster_than_numpy": medians[numpy] / median,
            }
        )
    return rows


def print_header(machine, n_rounds):
    """Print what the figures belong to and how the table reads."""
    print(f"CPU: {machine['cpu']}, {machine['cores']} cores, {' '.join(machine['features'])}")
    print(f"Python {machine['python']}, NumPy {machine['numpy']}, fastnn {machine['fastnn']}")
    print(f"Median of {n_rounds} rounds [quartiles]; the ways of a case take turns. 'x naive': times faster than the")
    print("naive Python loop; 'x NumPy': than NumPy per sample where it is listed, else than NumPy batched.\n")


def print_rows(rows):
    """Print one case."""
    print(f"{rows[0]['case']}, {rows[0]['dtype']}")
    for row in rows:
        spread = f"[{duration(row['lower_quartile'])} .. {duration(row['upper_quartile'])}]"
        print(
            f"  {row['way']:<18} {duration(row['median']):>10} {spread:<26}"
            f"{row['times_faster_than_naive']:>9.1f} x naive {row['times_faster_than_numpy']:>8.2f} x NumPy"
        )


def duration(seconds):
    """Return seconds in the unit that suits them."""
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{1e3 * seconds:.3g} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.3g} µs"


def write_json(path, machine, n_rounds, rows, disagreements):
    """Write everything that was measured."""
    report = {"machine": machine, "rounds": n_rounds, "rows": rows, "disagreements": disagreements}
    path.write_text(json.dumps(report, indent=1) + "\n")


def draw(ratios, cpu):
    """Return case -> way -> how many times as fast as the naive loop it is as a picture, SVG."""
    title = "How many times as fast as naive loops of Python each way is"
    note = f"Times as fast as naive loops of Python, the line at 1; float64, {cpu}"
    return dots(ratios, LOOKS, title=title, note=note, ticks=(0.1, 1, 10, 100, 1000), limits=(0.1, 3000))


def write_chart(path, machine, rows):
    """Draw the cases of float64."""
    ratios = {}
    for row in rows:
        if row["dtype"] == "float64":
            ratios.setdefault(row["case"], {})[row["way"]] = row["times_faster_than_naive"]
    path.write_text(draw(ratios, machine["cpu"]), encoding="utf-8")

"""The figures as a table, as JSON and as a chart."""

import json

from bench.cases import BATCHED, COMPILED, ENGINE, NAIVE, PER_SAMPLE
from bench.timing import summary

#: Right end of the chart's axes over the shortest time.
SPAN = 5000


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


def write_chart(path, machine, rows):
    """Draw one panel a case, float64, on logarithmic axes of one scale, so that equal steps are equal ratios."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = [row for row in rows if row["dtype"] == "float64"]
    cases = list(dict.fromkeys(row["case"] for row in rows))
    colours = {NAIVE: "#c8c8c8", PER_SAMPLE: "#a0a0a0", BATCHED: "#787878", COMPILED: "#56b4e9", ENGINE: "#0072b2"}
    figure, axes = plt.subplots(len(cases), 1, figsize=(8, 1.5 * len(cases) + 0.5), layout="constrained")
    for axis, case in zip(axes, cases, strict=True):
        of_case = [row for row in rows if row["case"] == case]
        labels = [row["way"] for row in of_case]
        medians = [row["median"] for row in of_case]
        bars = axis.barh(labels, medians, color=[colours[label] for label in labels])
        axis.bar_label(bars, [duration(median) for median in medians], padding=3, fontsize=8)
        axis.set_xscale("log")
        axis.set_xlim(min(medians) / 2, min(medians) * SPAN)
        axis.xaxis.set_visible(False)
        axis.invert_yaxis()
        axis.set_title(case, loc="left", fontsize=9)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right", "bottom"]].set_visible(False)
    figure.suptitle(f"Time, float64 (logarithmic; shorter is better) on {machine['cpu']}", fontsize=9)
    figure.savefig(path, dpi=120)
    plt.close(figure)

"""Figures out of the outputs of ``--peers``, ``--estimators``, ``--shapes`` and of the tutorials' loops."""

import re

from bench.peers.overview import NAMES

#: Seconds of a unit.
UNITS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}
DURATION = r"[\d.e+]+ (?:s|ms|µs)"
#: A case. Before some of them, older outputs have a number that says nothing to a reader.
CASE = r"(?:S\d: )?(?P<case>\S.*)"
SPREAD = r"\[(?P<low>[\d.]+) \.\. (?P<high>[\d.]+)\]"


def seconds(text):
    """Return a duration such as "74.7 µs" as a number."""
    number, unit = text.split()
    return float(number) * UNITS[unit]


def matches(pattern, text):
    """Return a dict for each line that a pattern fits, whole."""
    return [found.groupdict() for found in re.finditer(f"^{pattern}$", text, re.MULTILINE)]


def under_headings(heading, line, text):
    """Return a dict for each line that a pattern fits, with what the heading above it says."""
    found, above = [], None
    for row in text.splitlines():
        if head := re.fullmatch(heading, row):
            above = head.groupdict()
        elif above and (of_line := re.fullmatch(line, row)):
            found.append(above | of_line.groupdict())
    return found


def peers(text):
    """Return a dict per way that was timed, as `bench.peers.report.rows_of` has them."""
    heading = rf"{CASE}, (?P<dtype>float\d\d), per (?P<unit>\w+)"
    line = (
        rf"  (?P<way>\S.*?)(?:, (?P<threads>\d) threads)? +(?P<time>{DURATION}) \[.*\] +"
        r"(?P<best>\S+) x best peer *(?P<floor>\S+) x floor(?P<wrong>  WRONG NUMBERS)?"
    )
    library = {called: name for name, called in (NAMES | {"fastnn": "fastnn", "numpy ": "naive Python"}).items()}
    return [
        {
            **{name: row[name] for name in ("case", "dtype", "unit", "way", "time")},
            "library": next(name.strip() for called, name in library.items() if row["way"].startswith(called)),
            "threads": int(row["threads"] or 1),
            "median": seconds(row["time"]),
            "to_best_peer": float(row["best"]),
            "to_floor": float(row["floor"]),
            "wrong": bool(row["wrong"]),
        }
        for row in under_headings(heading, line, text)
    ]


def estimators(text):
    """Return a dict per fit, and the geometric mean of each dtype and batch."""
    fits = matches(
        rf"(?P<dtype>float\d\d)  (?P<data>\S.*?) +(?P<hidden>\(.*?\)) +(?P<batch>\w+) +(?P<epochs>\d+) +"
        rf"(?P<sklearn>{DURATION}) +(?P<own>{DURATION}) +(?P<ratio>[\d.]+) {SPREAD} +"
        rf"(?P<epoch>{DURATION}) +(?P<floor>{DURATION}) +(?P<over>\S+)",
        text,
    )
    means = matches(r"(?P<dtype>float\d\d), batch (?P<batch>\w+): .*, geometric mean (?P<mean>[\d.]+)", text)
    return fits, {(row["dtype"], row["batch"]): row["mean"] for row in means}


def one_row(text):
    """Return a dict per line of a row alone: what, scikit-learn's time, ours, and by how much ours is faster."""
    return matches(
        rf"(?P<what>MLP\w+, \w+): scikit-learn (?P<sklearn>{DURATION}); fastnn (?P<own>{DURATION}), "
        rf"(?P<faster>\d+) times faster; network_ (?P<network>{DURATION}), (?P<network_faster>\d+) times faster",
        text,
    )


def shapes(text):
    """Return a dict per cell: dtype, shape, and how many times longer each library takes, by "fit" and "predict"."""
    ratio, others = r"(?P<{0}>[\d.]+) \[[\d. ]+\] +", r"(?P<{0}_NumPy>\S+) +(?P<{0}_PyTorch>\S+)"
    part = rf"{DURATION} +{DURATION} +{ratio}{others}"
    line = rf"(?P<dtype>float\d\d)  (?P<shape>\S.*?)  +\d+ +{part.format('fit')} +{part.format('predict')}"
    cells = matches(line + " *", text)
    return [
        {"dtype": cell["dtype"], "shape": cell["shape"]}
        | {
            action: {
                "scikit-learn": float(cell[action]),
                **{
                    name: float(cell[f"{action}_{name}"])
                    for name in ("NumPy", "PyTorch")
                    if cell[f"{action}_{name}"] != "-"
                },
            }
            for action in ("fit", "predict")
        }
        for cell in cells
    ]


def shapes_summary(text):
    """Return two lists: geometric means by action and library, and the worst cells of each action."""
    mean = r"  (?P<library>[\w-]+): (?P<mean>[\d.]+); (?P<slower>\d+) of (?P<cells>\d+) cells below 1\.0"
    worst = r"    (?P<ratio>[\d.]+) of (?P<library>\S+) +(?P<dtype>float\d\d) (?P<shape>.*)"
    return (
        under_headings(r"(?P<action>\w+): fastnn is not the fastest in .*", mean, text),
        under_headings(r"The worst of (?P<action>\w+):", worst, text),
    )


def tutorials(text):
    """Return case and dtype -> way -> its time, and how many times faster than the naive loop it is."""
    rows = under_headings(
        rf"{CASE}, (?P<dtype>float\d\d)",
        rf"  (?P<way>\S.*?) +(?P<time>{DURATION}) \[.*\] +(?P<naive>[\d.]+) x naive +(?P<numpy>[\d.]+) x NumPy",
        text,
    )
    found = {}
    for row in rows:
        found.setdefault((row["case"], row["dtype"]), {})[row["way"]] = (row["time"], float(row["naive"]))
    return found

"""The tables of the book, each by name as a row of headings and rows of cells, from ``docs/performance``."""

from bench.peers.report import OWN
from bench.published import more, output, read


def peers():
    """Ours at its best, and the fastest of the others, on one thread and on two."""
    by_case = {}
    for row in read.peers(output("peers")):
        if not row["wrong"]:
            by_case.setdefault((row["case"], row["dtype"]), []).append(row)
    rows = []
    for (case, dtype), ways in by_case.items():
        cells = [f"{case}, {dtype}"]
        for n_threads in (1, 2):
            mine = _fastest(way for way in ways if way["library"] == OWN and way["threads"] == n_threads)
            other = _fastest(way for way in ways if way["library"] != OWN and way["threads"] <= n_threads)
            cells += [mine["time"], f"{other['median'] / mine['median']:.3g}, {other['way']}"]
        rows.append(cells)
    return ("Case", "One thread", "next, times longer", "Two threads", "next, times longer"), rows


def _fastest(ways):
    return min(ways, key=lambda way: way["median"])


def estimators_means():
    """Geometric means of all fits."""
    _, means = read.estimators(output("estimators"))
    rows = [[dtype, *(f"{means[dtype, batch]} times" for batch in ("auto", "32"))] for dtype in ("float32", "float64")]
    return ("Geometric mean", "Default batch", "Batches of 32"), rows


def estimators():
    """Each fit: our time, how many times longer scikit-learn's is, and an epoch over its floor."""
    rows = {}
    for fit in read.estimators(output("estimators"))[0]:
        cells = rows.setdefault(f"{fit['data']} {fit['hidden']}, batch {fit['batch']}", [])
        cells += [fit["own"], fit["ratio"], fit["over"]]
    headings = [f"{dtype}{what}" for dtype in ("float32", "float64") for what in (", fit", ": faster", ": over floor")]
    return ("Data, network", *headings), [[name, *cells] for name, cells in rows.items()]


def one_row():
    """A row alone by estimators and by their network."""
    rows = [
        [
            row["what"],
            row["sklearn"],
            f"{row['own']} ({row['faster']} times faster)",
            f"{row['network']} ({row['network_faster']})",
        ]
        for row in read.one_row(output("estimators"))
    ]
    return ("One row, float64", "scikit-learn", "fastnn", "network_"), rows


def shapes(name="shapes"):
    """Geometric means over all shapes, and at how many ours is slower."""
    rows = [
        [f"{row['action']}, {row['library']}", f"{row['mean']} times", f"{row['slower']} of {row['cells']}"]
        for row in read.shapes_summary(output(name))[0]
    ]
    return ("Against", "Longer than fastnn", "Shorter"), rows


def shapes_worst(name="shapes"):
    """The shapes at which another is fastest."""
    rows = [
        [row["action"], f"{row['dtype']} {row['shape']}", f"{row['ratio']} of {row['library']}"]
        for row in read.shapes_summary(output(name))[1]
        if float(row["ratio"]) < 1
    ]
    return ("", "Shape", "Times as fast"), rows


def tutorials():
    """Times of each way."""
    ways = ("naive Python loop", "NumPy, per sample", "NumPy, batched", "fastnn cython", "fastnn simd")
    rows = [
        [f"{case}, {dtype}", *(of[way][0] if way in of else "" for way in ways)]
        for (case, dtype), of in read.tutorials(output("tutorials")).items()
    ]
    return ("Case", *ways), rows


def scaling():
    """An update on one thread, and the times faster on two."""
    rows = {}
    for row in more.scaling(output("scaling")):
        rows.setdefault((row["width"], row["batch"]), []).extend([row["time"], row["faster"]])
    headings = ("float32, one thread", "two: faster", "float64, one thread", "two: faster")
    return ("Width", "Batch", *headings), [[*key, *cells] for key, cells in rows.items()]


def export_rows():
    """One row by what was exported."""
    networks = more.export_rows(output("export"))
    ways = next(iter(networks.values()))
    return ("One row, µs", *networks), [[way, *(of[way] for of in networks.values())] for way in ways]


def export_files():
    """A large network to a file and back."""
    rows, files = {}, more.export_files(output("export"))
    for row in files:
        rows.setdefault(row["way"], {})[row["what"]] = f"{row['time']} ms ({row['ratio']})"
    whats = list(dict.fromkeys(row["what"] for row in files))
    return ("", *whats), [[way, *(of.get(what, "") for what in whats)] for way, of in rows.items()]


def many():
    """Many networks at a time."""
    rows = [[row["what"], row["way"], f"{row['time']} s", f"{row['ratio']}"] for row in more.many(output("many"))]
    return ("Networks", "Way", "Time", "over fit_many's"), rows


def features():
    """What each feature costs."""
    rows = [[row["name"], row["float32"], row["float64"]] for row in more.features(output("features"))]
    return ("Times as long with", "float32", "float64"), rows


def tables(place=0, group="all"):
    """How good the answers of each method are, and at what cost, over HistGradientBoosting's."""
    _, found, _ = more.tables(output("tables"))[place]
    classes = found["classification", "log-loss"] if group != "regression" else {}
    rows = [
        [
            method,
            _interval(error),
            f"{error['better']}, {error['worse']}",
            *([_interval(classes[method])] if classes else []),
            _interval(found[group, "CPU of fit"][method]),
        ]
        for method, error in found[group, "error"].items()
    ]
    return ("", "Error", "better, worse", *(["Log-loss of classes"] if classes else []), "CPU of fit"), rows


def _interval(row):
    return f"{row['ratio']} [{row['low']}, {row['high']}]"


#: Name -> the output it comes from, and the function.
TABLES = {
    "peers": ("peers", peers),
    "estimators-means": ("estimators", estimators_means),
    "estimators": ("estimators", estimators),
    "one-row": ("estimators", one_row),
    "shapes": ("shapes", shapes),
    "shapes-worst": ("shapes", shapes_worst),
    "shapes-avx2": ("shapes-avx2", lambda: shapes("shapes-avx2")),
    "shapes-avx2-worst": ("shapes-avx2", lambda: shapes_worst("shapes-avx2")),
    "tutorials": ("tutorials", tutorials),
    "scaling": ("scaling", scaling),
    "export-rows": ("export", export_rows),
    "export-files": ("export", export_files),
    "many": ("many", many),
    "features": ("features", features),
    "tables": ("tables", tables),
    "tables-classes": ("tables", lambda: tables(0, "classification")),
    "tables-numbers": ("tables", lambda: tables(0, "regression")),
    "tables-held-back": ("tables", lambda: tables(1)),
}

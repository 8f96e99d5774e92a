"""The charts of the book, each by name as SVG, from the outputs in ``docs/performance``."""

from bench import report
from bench.chart import dots
from bench.peers import overview
from bench.published import FOLDER, measured_on, more, output, read
from bench.tables import chart, measures
from bench.tables.methods import BASELINE, BY_NAME

BLUE, ORANGE, GREY = "#0072b2", "#e69f00", "#999999"


def few():
    """The overview, for README and front page."""
    return overview.few(overview.ratios_of(read.peers(output("peers"))), cpu("peers"))


def peers():
    """All cases against other libraries."""
    return overview.draw(overview.ratios_of(read.peers(output("peers"))), cpu("peers"))


def estimators():
    """Fits against scikit-learn's: two networks on six data sets."""
    looks = {
        ("float32", "32"): ("float32, batches of 32", BLUE, "D", 6),
        ("float32", "auto"): ("float32, default batch", BLUE, "o", 6),
        ("float64", "32"): ("float64, batches of 32", ORANGE, "D", 6),
        ("float64", "auto"): ("float64, default batch", ORANGE, "o", 6),
    }
    rows = {}
    for row in read.estimators(output("estimators"))[0]:
        rows.setdefault(f"{row['data']} {row['hidden']}", {})[row["dtype"], row["batch"]] = float(row["ratio"])
    note = f"Times as fast as scikit-learn's fit, same epochs, one thread, {cpu('estimators')}"
    title = "How many times as fast as scikit-learn's fit fastnn's is, by data set and network"
    return dots(rows, looks, title=title, note=note, ticks=(1, 2, 5, 10, 20, 50), limits=(0.9, 70), beside=165)


def shapes(name="shapes"):
    """Ratios of all shapes, as clouds."""
    cells = read.shapes(output(name))
    rows = {
        f"{action}, {library}": {library: [cell[action][library] for cell in cells if library in cell[action]]}
        for action in ("fit", "predict")
        for library in ("scikit-learn", "NumPy", "PyTorch")
    }
    called = {own: look for own, look in overview.LOOKS.items() if own in ("sklearn", "numpy", "torch")}
    looks = {overview.NAMES[own]: (overview.NAMES[own], *look, 5) for own, look in called.items()}
    fastest = "AVX-512" if "avx512f" in measured_on(name) else "AVX2"
    note = f"Times longer than fastnn, a mark a shape; one thread, {cpu(name)} with {fastest}"
    title = "How many times longer than fastnn others take, for 130 shapes"
    ticks = (0.5, 1, 2, 5, 10, 20, 50, 100)
    return dots(rows, looks, title=title, note=note, ticks=ticks, limits=(0.4, 220), beside=150)


def shapes_avx2():
    """The same where AVX2 is the fastest instruction set."""
    return shapes("shapes-avx2")


def tutorials():
    """What each way brings over the tutorials' loops, float64."""
    rows = {}
    for (case, dtype), ways in read.tutorials(output("tutorials")).items():
        if dtype == "float64":
            rows[case] = {way: faster for way, (_, faster) in ways.items()}
    return report.draw(rows, cpu("tutorials"))


def scaling():
    """What a second thread brings."""
    looks = {"float32": ("float32", BLUE, "o", 6), "float64": ("float64", ORANGE, "D", 5)}
    rows = {}
    for row in more.scaling(output("scaling")):
        label = f"width {row['width']}, batch {row['batch']}"
        rows.setdefault(label, {})[row["dtype"]] = tuple(float(row[name]) for name in ("faster", "low", "high"))
    note = f"Times as fast as on one thread, of an update of 64-W-W-10 by Adam, {cpu('scaling')}"
    title = "How many times as fast two threads are as one, by width and batch"
    return dots(rows, looks, title=title, note=note, ticks=(1, 1.2, 1.5, 2), limits=(0.9, 2.2), beside=165)


def features():
    """What each feature costs."""
    looks = {"float32": ("float32", BLUE, "o", 6), "float64": ("float64", ORANGE, "D", 5)}
    rows = {row["name"]: {dtype: float(row[dtype]) for dtype in looks} for row in more.features(output("features"))}
    note = f"Times the time of the same training without it; 784-128-64-10, Adam, one thread, {cpu('features')}"
    title = "What each feature costs, as a multiple of the time without it"
    return dots(rows, looks, title=title, note=note, ticks=(0.6, 0.8, 1, 1.2), limits=(0.5, 1.3), beside=190)


def tables():
    """Means over the forty tables, with their intervals."""
    return _means(0)


def tables_held_back():
    """The same of the tables that nobody tuned on."""
    return _means(1)


def _means(place):
    title, found, _ = more.tables(output("tables"))[place]
    series = {"error": ("all", "error"), "log-loss": ("classification", "log-loss"), "CPU": ("all", "CPU of fit")}
    looks = {
        "error": ("error", BLUE, "o", 6),
        "log-loss": ("log-loss of classes", ORANGE, "D", 5),
        "CPU": ("CPU time of fit", GREY, "s", 5),
    }
    rows = {
        method: {
            word: tuple(float(found[key][method][bound]) for bound in ("ratio", "low", "high"))
            for word, key in series.items()
        }
        for method in found["all", "error"]
    }
    note = f"Over HistGradientBoosting's, means over {title}, 95 % intervals; left is better; {cpu('tables')}"
    what = "Error, log-loss and time of fastnn and of other methods over those of HistGradientBoosting"
    ticks = (0.1, 0.2, 0.5, 1, 2, 5)
    return dots(rows, looks, title=what, note=note, ticks=ticks, limits=(0.07, 8), beside=175)


def each_table():
    """The error on each of the forty tables."""
    title, _, errors = more.tables(output("tables"))[0]
    shown = [name for name in BY_NAME if name != BASELINE and name in next(iter(errors.values()))]
    over = {name: {t: measures.over(of[name], of[BASELINE]) for t, of in errors.items()} for name in shown}
    return chart.draw(over, "Error", f"{title}, one thread, {cpu('tables')}")


def cpu(name):
    """Return the processor of an output alone."""
    return measured_on(name).partition(")")[0] + ")"


CHARTS = {
    "overview": few,
    "peers": peers,
    "estimators": estimators,
    "shapes": shapes,
    "shapes-avx2": shapes_avx2,
    "tutorials": tutorials,
    "scaling": scaling,
    "features": features,
    "tables": tables,
    "tables-held-back": tables_held_back,
    "each-table": each_table,
}


def main(_):
    """Draw the overview from what was measured; README and front page show it."""
    (FOLDER / "overview.svg").write_text(few(), encoding="utf-8")
    print(f"Written: {FOLDER / 'overview.svg'}")

"""All cases in one chart: how many times longer than fastnn each library takes, at its best on one thread."""

from bench.chart import dots
from bench.peers.report import OWN

#: Library -> colour and marker; others are grey. Okabe and Ito's colours, which the colour-blind can tell apart.
LOOKS = {
    "numpy": ("#e69f00", "s"),
    "numba": ("#009e73", "D"),
    "jax": ("#cc79a7", "^"),
    "torch": ("#d55e00", "v"),
    "sklearn": ("#56b4e9", "P"),
    "onnxruntime": ("ink", "X"),
}
NAMES = {"numpy": "NumPy", "numba": "Numba", "jax": "JAX", "torch": "PyTorch", "sklearn": "scikit-learn"}
NAMES |= {"onnxruntime": "ONNX Runtime"}
#: What a case of the overview is called there -> how its title begins. Among them are the two where others are nearest.
SHORT = {
    "Full batches, 64-30-10, 1,078 rows": "full-batch SGD",
    "Adam, batches of 32, 64-30-10, 1,078 rows": "Adam, batches of 32, 64-30-10",
    "Adam, batches of 1024, 20-64-64-1, 100,000 rows": "Adam, batches of 1024, 20-64-64-1",
    "Momentum, batches of 128, 784-128-64-10, 60,000 rows": "momentum, batches of 128, 784-128-64-10",
    "Predict 1 row, 64-30-10": "predict, 64-30-10 ReLU, softmax, 1 row",
    "Predict 10,000 rows, 784-128-64-10": "predict, 784-128-64-10",
}


def ratios_of(rows):
    """Return case -> library -> its shortest time on one thread over fastnn's; float32 where a case has it."""
    found = {}
    for row in rows:
        if row["threads"] == 1 and not row["wrong"]:
            medians = found.setdefault((row["case"], row["dtype"]), {})
            medians[row["library"]] = min(row["median"], medians.get(row["library"], row["median"]))
    single = {case for case, dtype in found if dtype == "float32"}
    return {
        f"{case}, {dtype}": {name: median / medians[OWN] for name, median in medians.items() if name != OWN}
        for (case, dtype), medians in found.items()
        if OWN in medians and (dtype == "float32" or case not in single)
    }


def draw(ratios, cpu):
    """Return the picture of cases as SVG."""
    libraries = dict.fromkeys(library for of_case in ratios.values() for library in of_case)
    looks = {
        library: (NAMES.get(library, library), *LOOKS.get(library, ("#888888", "o")), 6)
        for library in [name for name in LOOKS if name in libraries] + [name for name in libraries if name not in LOOKS]
    }
    largest = 1.3 * max(2, *(max(of_case.values(), default=1) for of_case in ratios.values()))
    return dots(
        ratios,
        looks,
        title="How many times longer than fastnn other libraries take for the same work",
        note=f"Times longer than fastnn, the line at 1; logarithmic, one thread, {cpu}",
        ticks=[tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500) if tick < largest],
        limits=(0.85, largest),
    )


def few(ratios, cpu):
    """Return the picture of the cases of `SHORT`; of all, if none of them was measured."""
    chosen = {short: of for short, start in SHORT.items() for case, of in ratios.items() if case.startswith(start)}
    return draw(chosen or ratios, cpu)


def write_charts(folder, machine, rows):
    """Draw few cases and all of them, and return the paths; () where fastnn was not measured."""
    ratios = ratios_of(rows)
    if not ratios:
        return ()
    paths = folder / "overview.svg", folder / "peers.svg"
    for path, picture in zip(paths, (few(ratios, machine["cpu"]), draw(ratios, machine["cpu"])), strict=True):
        path.write_text(picture, encoding="utf-8")
    return paths

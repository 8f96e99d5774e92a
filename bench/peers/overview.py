"""All cases in one chart: how many times longer than fastnn each library takes, at its best on one thread."""

from bench.peers.report import OWN, OWN_COLOUR

#: Library -> colour and marker; others are grey. Okabe and Ito's colours, which the colour-blind can tell apart.
LOOKS = {
    "numpy": ("#e69f00", "s"),
    "numba": ("#009e73", "D"),
    "jax": ("#cc79a7", "^"),
    "torch": ("#d55e00", "v"),
    "sklearn": ("#56b4e9", "P"),
    "onnxruntime": ("#000000", "X"),
}
NAMES = {"numpy": "NumPy", "numba": "Numba", "jax": "JAX", "torch": "PyTorch", "sklearn": "scikit-learn"}
NAMES |= {"onnxruntime": "ONNX Runtime"}


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


def write_overview(path, machine, rows):
    """Draw a line a case and a mark a library; nothing where fastnn was not measured."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    ratios = ratios_of(rows)
    if not ratios:
        return
    figure, ax = plt.subplots(figsize=(10, 0.27 * len(ratios) + 1.1), layout="constrained")
    ax.axvline(1, color=OWN_COLOUR, linewidth=3, zorder=1)
    for height, of_case in enumerate(ratios.values()):
        ax.axhline(height, color="#eeeeee", zorder=0)
        for library, ratio in of_case.items():
            colour, marker = LOOKS.get(library, ("#888888", "o"))
            ax.scatter(ratio, height, s=45, color=colour, marker=marker, edgecolors="white", linewidths=0.6, zorder=3)
    libraries = list(dict.fromkeys(library for of_case in ratios.values() for library in of_case))
    for library in [name for name in LOOKS if name in libraries] + [name for name in libraries if name not in LOOKS]:
        colour, marker = LOOKS.get(library, ("#888888", "o"))
        ax.scatter([], [], s=45, color=colour, marker=marker, label=NAMES.get(library, library))
    ax.set_xscale("log")
    ticks = [1, 2, 5, 10, 20, 50, 100, 200, 500]
    largest = max(max(of_case.values(), default=1) for of_case in ratios.values())
    ax.set_xlim(0.85, 1.3 * max(largest, 2))
    ax.set_xticks(
        [tick for tick in ticks if tick < 1.3 * largest], [str(tick) for tick in ticks if tick < 1.3 * largest]
    )
    ax.minorticks_off()
    ax.set_yticks(range(len(ratios)), ratios, fontsize=8)
    ax.set_ylim(len(ratios) - 0.5, -0.5)
    ax.set_xlabel(f"times longer than fastnn (the line at 1), logarithmic, one thread; {machine['cpu']}", fontsize=8)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    figure.legend(loc="outside upper right", ncols=len(libraries), frameon=False, fontsize=9)
    figure.savefig(path, dpi=110)
    plt.close(figure)

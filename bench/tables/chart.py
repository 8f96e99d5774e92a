"""Errors and log-losses over HistGradientBoosting's, as pictures."""

from bench.chart import dots
from bench.tables import measures
from bench.tables.methods import BASELINE
from bench.tables.report import label_of

#: Method -> colour and marker (Okabe and Ito's colours); ours are largest.
LOOKS = {
    "fastnn": ("#0072b2", "o"),
    "fastnn_8": ("#d55e00", "D"),
    "plain": ("#56b4e9", "v"),
    "forest": ("#009e73", "^"),
    "linear": ("#999999", "X"),
    "lightgbm": ("#e69f00", "s"),
    "xgboost": ("#cc79a7", "P"),
    "realmlp": ("ink", "D"),
}
#: Ends of the axis; what lies beyond is drawn at the end.
LIMITS = (0.4, 2.5)
TICKS = (0.5, 0.7, 1, 1.4, 2)


def draw(of_methods, word, title):
    """Return the picture of method -> table -> ratio as SVG, a row a table, by the first method's; None without any."""
    first = next(iter(of_methods.values()), {})
    if not first:
        return None
    looks = {
        name: (label_of(name), *LOOKS.get(name, ("#777777", "o")), 7 if place == 0 else 4.5)
        for place, name in enumerate(of_methods)
    }
    rows = {t: {name: of[t] for name, of in of_methods.items() if t in of} for t in sorted(first, key=first.get)}
    note = f"{word} over HistGradientBoosting's, logarithmic; left is better; {title}"
    called = f"{word} of fastnn and of other methods on each table, over that of HistGradientBoosting"
    return dots(rows, looks, title=called, note=note, ticks=TICKS, limits=LIMITS, beside=150)


def write_charts(folder, stem, found, tables, title):
    """Draw errors and log-losses by what was measured; return the paths."""
    paths = []
    for field, word in (("error", "Error"), ("log_loss", "Log-loss")):
        ratios = {name: measures.ratios(field, found, name, BASELINE, tables) for name in found if name != BASELINE}
        picture = draw({name: of for name, of in ratios.items() if of}, word, title)
        if picture:
            paths.append(folder / f"{stem}-{field.replace('_', '-')}.svg")
            paths[-1].write_text(picture, encoding="utf-8")
    return paths

"""The figures as tables: errors, log-losses, costs of each group, the worst tables of ours, each table's error."""

from bench.tables import measures
from bench.tables.methods import BASELINE, BY_NAME

WORST = 5


def label_of(name):
    """Return what a method, NAME or NAME@LABEL, is called."""
    method, _, label = name.partition("@")
    return f"{BY_NAME[method].label}{f' ({label})' if label else ''}"


def print_header(machine, title, n_tables, splits, max_rows):
    """Print what the figures belong to and how the tables read."""
    print(
        f"CPU: {machine['cpu']}, {' '.join(machine['features'])}; Python {machine['python']}, NumPy {machine['numpy']}"
    )
    print(
        f"{title}: {n_tables}, at most {max_rows:,} rows each, splits {', '.join(map(str, splits))} (a quarter is the "
        "test), one thread,\neverybody's defaults. Ratios are to HistGradientBoosting's, means over tables geometric; "
        "[..]: 95 % of bootstraps over\ntables. error: 1 - accuracy or 1 - R², + 0.01; log-loss at least 0.001.\n"
    )


def print_tables(groups):
    """Print each group of tables."""
    for group, of_methods in groups.items():
        if not of_methods:
            continue
        print(f"{group:<28}tables  error ratio            better worse  share better         rank")
        _print_compared(of_methods, "error", "rank")
        if group == "classification":
            print(f"\n{group:<28}tables  log-loss ratio         better worse  share better         rank    AUC")
            _print_compared(of_methods, "log_loss", "rank_log_loss", "auc")
        print(
            f"\n{group:<28}tables  CPU of fit                CPU of prediction         MB while fitting: median, most"
        )
        for name, figures in of_methods.items():
            fit, predict = figures["fit_seconds"], figures["predict_seconds"]
            middle, most = (size / 1e6 for size in figures["bytes"])
            if fit:
                costs = f"{_ratio(fit):<26}{_ratio(predict) if predict else '':<26}{middle:.1f}, {most:.1f}"
                print(f"{label_of(name):<28}{fit['tables']:>6}  {costs}")
        print()


def _print_compared(of_methods, field, rank, mean=None):
    for name, figures in of_methods.items():
        found = figures[field]
        if found is None:
            continue
        share, low, high = (100 * value for value in found["share"])
        wins = f"{found['better']:>6}{found['worse']:>6}  {share:3.0f} % [{low:.0f} .. {high:.0f}]"
        place = f"{figures[rank]:.2f}" if figures[rank] is not None else "-"
        last = f"  {figures[mean]:.4f}" if mean and figures[mean] is not None else ""
        print(f"{label_of(name):<28}{found['tables']:>6}  {_ratio(found):<23}{wins:<34}{place}{last}")


def _ratio(found):
    return "{:.3f} [{:.3f} .. {:.3f}]".format(*found["ratio"])


def print_worst(found, tables):
    """Print the tables on which ours are furthest behind HistGradientBoosting, by error and by log-loss."""
    for name in found:
        if not BY_NAME[name.partition("@")[0]].is_ours:
            continue
        for field, word in (("error", "error"), ("log_loss", "log-loss")):
            of = measures.ratios(field, found, name, BASELINE, tables)
            worst = sorted(of.items(), key=lambda pair: -pair[1])[:WORST]
            print(f"{label_of(name)}, worst {word}: " + ", ".join(f"{table} {ratio:.2f}" for table, ratio in worst))
    print()


def print_each(found, tables):
    """Print every table's error by every method, means over the splits."""
    errors = {name: measures.means("error", found, name, tables) for name in found}
    print(f"{'error':<20}" + "".join(f"{name[:13]:>14}" for name in found))
    for table in tables:
        if any(table in of for of in errors.values()):
            cells = [f"{of[table]:.4f}" if table in of else "-" for of in errors.values()]
            print(f"{table:<20}" + "".join(f"{cell:>14}" for cell in cells))


def print_shared(found):
    """Say how many times were taken while others computed."""
    shared, whole = measures.is_shared(found)
    if shared:
        print(
            f"Times of {shared} of {whole} results were taken while others computed: they are no figures (--alone).\n"
        )

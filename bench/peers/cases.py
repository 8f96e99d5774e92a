"""What is measured: the networks, the solvers and the data, made once by the driver and read by every worker.

A case is a description; at a dtype it becomes a `Problem` of arrays, which travels as a file so that all libraries
start from the same bits. Nothing here knows a library.
"""

import math
from dataclasses import asdict, dataclass, replace

import numpy as np

#: Updates and rows, at least, of the short run whose loss is compared tightly. The rows are enough for every class.
SHORT_UPDATES, SHORT_ROWS = 3, 200


@dataclass(frozen=True)
class Case:
    """One computation.

    Parameters
    ----------
    name, unit : str
        The time is given per `unit`: "update", "epoch" or "call".
    data : str
        The name of a function of `bench.peers.data`.
    layers : tuple of int
    hidden, output : str
        Activations, by fastnn's names.
    dtypes : tuple of str
    n_rows, quick_rows : int
        Rows of data, and those of a quick run.
    loss, solver, learning_rate, momentum
        Of training; loss "" is a case of prediction. solver "sgd" is v = momentum v - learning_rate g; p += v.
    batch_size : int
        0: all rows, in order.
    n_epochs : int
        Epochs of one timed run.
    rounding : float
        Relative error of the loss after a timed run that float32 may cause.
    uniform_start : bool
        Whether weights and biases start from [0, 1), as S3's do, instead of Glorot's range and zeros.
    """

    name: str
    unit: str
    data: str
    layers: tuple[int, ...]
    hidden: str
    output: str
    dtypes: tuple[str, ...]
    n_rows: int
    quick_rows: int
    loss: str = ""
    solver: str = "sgd"
    learning_rate: float = 0.0
    momentum: float = 0.0
    batch_size: int = 0
    n_epochs: int = 1
    rounding: float = 1e-3
    uniform_start: bool = False

    @property
    def title(self):
        """The name and the rows."""
        return f"{self.name}, {self.n_rows:,} row{'s' if self.n_rows > 1 else ''}"

    @property
    def activations(self):
        """The activation of each layer of weights."""
        return (self.hidden,) * (len(self.layers) - 2) + (self.output,)

    @property
    def shapes(self):
        """The pair (n_in, n_out) of each layer of weights."""
        return tuple(zip(self.layers[:-1], self.layers[1:], strict=True))

    @property
    def batches(self):
        """The slices of an epoch's rows, the last one short."""
        size = self.batch_size or self.n_rows
        return [slice(start, min(start + size, self.n_rows)) for start in range(0, self.n_rows, size)]

    @property
    def units(self):
        """How many units, updates or epochs or calls, one timed run has."""
        return self.n_epochs * (len(self.batches) if self.unit == "update" else 1)

    @property
    def flops(self):
        """The floating point operations that the products of one timed run cannot do without."""
        products = [n_in * n_out for n_in, n_out in self.shapes]
        a_row = 2 * sum(products)
        if self.loss:  # the gradient of the weights, and of the hidden units
            a_row += 2 * sum(products) + 2 * sum(products[1:])
        return a_row * self.n_rows * self.n_epochs

    def quick(self):
        """Return the case with the rows of a quick run."""
        return replace(self, n_rows=min(self.n_rows, self.quick_rows))

    def short(self):
        """Return the case with few updates, whose batches have the same sizes."""
        if not self.batch_size:
            return replace(self, n_epochs=SHORT_UPDATES)
        n_updates = max(SHORT_UPDATES, math.ceil(SHORT_ROWS / self.batch_size))
        n_rows = min(self.n_rows, n_updates * self.batch_size + self.n_rows % self.batch_size)
        return replace(self, n_rows=n_rows, n_epochs=1)


@dataclass
class Problem:
    """A case at one dtype, as arrays.

    Parameters
    ----------
    case : Case
    dtype : str
    X, y : ndarray of shape (n_rows, n_in) and (n_rows, n_out)
        y is empty in a case of prediction.
    rows : ndarray of int
        The order in which every epoch takes the rows; ``X[rows[batch]]`` for each of ``case.batches``.
    W, b : list of ndarray
        Start weights (n_out, n_in) and biases, layer by layer.
    """

    case: Case
    dtype: str
    X: np.ndarray
    y: np.ndarray
    rows: np.ndarray
    W: list[np.ndarray]
    b: list[np.ndarray]

    @property
    def labels(self):
        """Class numbers of one-hot or binary targets."""
        return self.y.argmax(axis=1) if self.y.shape[1] > 1 else self.y[:, 0].astype(np.int64)

    def short(self):
        """Return the problem with the few updates of ``case.short()``."""
        case = self.case.short()
        if case.n_rows == self.case.n_rows:
            return replace(self, case=case)
        taken = self.rows[: case.n_rows]
        rows = np.argsort(np.argsort(taken))
        taken = np.sort(taken)
        return replace(self, case=case, X=self.X[taken], y=self.y[taken], rows=rows)

    def save(self, path):
        """Write the arrays; the rest is `description`."""
        W = {f"W{l}": weights for l, weights in enumerate(self.W)}
        b = {f"b{l}": biases for l, biases in enumerate(self.b)}
        np.savez(path, X=self.X, y=self.y, rows=self.rows, **W, **b)

    @property
    def description(self):
        """What `load` needs besides the file, ready for JSON."""
        return {"case": asdict(self.case), "dtype": self.dtype}


def load(path, description):
    """Return the problem that was saved."""
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in description["case"].items()}
    with np.load(path) as arrays:
        layers = range(len(fields["layers"]) - 1)
        W, b = [arrays[f"W{l}"] for l in layers], [arrays[f"b{l}"] for l in layers]
        return Problem(Case(**fields), description["dtype"], arrays["X"], arrays["y"], arrays["rows"], W, b)


def start_weights(case, rng):
    """Return start weights and biases, float64."""
    if case.uniform_start:
        return [rng.random((n, m)) for m, n in case.shapes], [rng.random(n) for _, n in case.shapes]
    ranges = [math.sqrt(6 / (n_in + n_out)) for n_in, n_out in case.shapes]
    W = [rng.uniform(-r, r, (n_out, n_in)) for r, (n_in, n_out) in zip(ranges, case.shapes, strict=True)]
    return W, [np.zeros(n_out) for _, n_out in case.shapes]


BOTH, SINGLE, DOUBLE = ("float64", "float32"), ("float32",), ("float64",)
DIGITS = {"data": "digits", "n_rows": 1078, "quick_rows": 1078}
CLASSIFIER = {"hidden": "relu", "output": "softmax", "loss": "log_loss"}
ADAM = {"solver": "adam", "learning_rate": 1e-3}
BINARY = {
    "data": "two_classes",
    "layers": (20, 64, 64, 1),
    "hidden": "relu",
    "output": "logistic",
    "loss": "log_loss",
    "dtypes": SINGLE,
    "n_rows": 100_000,
    "quick_rows": 20_000,
    **ADAM,
}
RELU = {"data": "normal", "hidden": "relu", "output": "softmax", "dtypes": SINGLE, "unit": "call"}

CASES = (
    Case(
        name="full-batch SGD, 64-30-10 logistic, squared error",
        unit="update",
        layers=(64, 30, 10),
        hidden="logistic",
        output="logistic",
        loss="squared_error",
        learning_rate=0.25,
        n_epochs=200,
        uniform_start=True,
        dtypes=BOTH,
        **DIGITS,
    ),
    Case(
        name="Adam, batches of 32, 64-30-10 ReLU, softmax",
        unit="epoch",
        layers=(64, 30, 10),
        batch_size=32,
        n_epochs=10,
        dtypes=BOTH,
        **DIGITS,
        **CLASSIFIER,
        **ADAM,
    ),
    Case(
        name="Adam, batches of 200, 64-30-10 ReLU, softmax",
        unit="epoch",
        layers=(64, 30, 10),
        batch_size=200,
        n_epochs=20,
        dtypes=BOTH,
        **DIGITS,
        **CLASSIFIER,
        **ADAM,
    ),
    Case(
        name="Adam, batches of 32, 4-32-32-1 tanh, squared error",
        unit="epoch",
        data="regression",
        layers=(4, 32, 32, 1),
        hidden="tanh",
        output="identity",
        loss="squared_error",
        batch_size=32,
        n_rows=10_000,
        quick_rows=10_000,
        dtypes=SINGLE,
        **ADAM,
    ),
    Case(
        name="Adam, batches of 64, 20-64-64-1 ReLU, logistic",
        unit="epoch",
        batch_size=64,
        rounding=1e-2,  # 1563 updates; all libraries' float32 agrees to 1e-7, and is 2e-3 from float64
        **BINARY,
    ),
    Case(
        name="Adam, batches of 1024, 20-64-64-1 ReLU, logistic",
        unit="epoch",
        batch_size=1024,
        **BINARY,
    ),
    Case(
        name="momentum, batches of 128, 784-128-64-10 ReLU, softmax",
        unit="epoch",
        data="images",
        layers=(784, 128, 64, 10),
        learning_rate=0.01,
        momentum=0.9,
        batch_size=128,
        n_rows=60_000,
        quick_rows=10_000,
        dtypes=SINGLE,
        **CLASSIFIER,
    ),
    Case(
        name="SGD at batch 1, 64-30-10 ReLU, softmax",
        unit="update",
        layers=(64, 30, 10),
        learning_rate=0.01,
        batch_size=1,
        dtypes=BOTH,
        **DIGITS,
        **CLASSIFIER,
    ),
    Case(name="predict, 64-30-10 ReLU, softmax", layers=(64, 30, 10), n_rows=1, quick_rows=1, **RELU),
    *(
        Case(
            name=f"predict, {'-'.join(map(str, layers))} ReLU, softmax",
            layers=layers,
            n_rows=10_000,
            quick_rows=10_000,
            **RELU,
        )
        for layers in ((64, 30, 10), (100, 100, 50, 10), (784, 128, 64, 10))
    ),
    Case(
        name="predict, 100-100-50-10 logistic",
        unit="call",
        data="normal",
        layers=(100, 100, 50, 10),
        hidden="logistic",
        output="logistic",
        n_rows=1,
        quick_rows=1,
        uniform_start=True,
        dtypes=DOUBLE,
    ),
)

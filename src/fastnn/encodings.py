"""How the columns of a table go into a network: each by an encoding of its own, the first layer of a `NetworkSpec`.

What a column is ``tabular`` decides; formulas stand in the backends. Here is what each encoding takes and gives, where
its numbers lie, and what is not combined with encodings.
"""

import math
import sys
from dataclasses import astuple, dataclass
from itertools import accumulate

import numpy as np

from fastnn.checks import check_count, check_name, check_number
from fastnn.sparse import is_sparse

#: The rows of csrc/tables/encodings.def, whose ids are their places.
KINDS = ("plain", "periodic", "one_hot", "embedding")

#: Frequencies, and numbers made of them, that the engine has room for; codes that float32 tells apart.
LARGEST = {"n": 32, "width": 8}
LARGEST_CODE = 2**24

#: The entries of a `TrainingSpec` that are of networks with encodings alone.
RULES = ("decay_rates", "gate_rate", "fade")

#: Solvers that train networks with encodings.
SOLVERS = ("adam", "adamw")


@dataclass(frozen=True)
class Encoding:
    """What becomes of one column: the numbers that it gives to the network, and the parameters that make them.

    Parameters
    ----------
    kind : {"plain", "periodic", "one_hot", "embedding"}
        plain: the number z as it is. periodic: z, then the `width` numbers b + W cos(w z + c). one_hot: of a code from
        0 to `n` that column of `n` which is one, 0 being none. embedding: of such a code its row of a table.
    n : int, default 1
        Frequencies w, or the largest code.
    width : int, default 1
        Numbers of a row of the table; of periodic the rows of W.
    rate : float, default 1.0
        A factor of the learning rate of its own parameters.
    """

    kind: str
    n: int = 1
    width: int = 1
    rate: float = 1.0

    def __post_init__(self):
        check_name("kind", self.kind, KINDS)
        for name in ("n", "width"):
            object.__setattr__(self, name, check_count(name, getattr(self, name), minimum=1))
            if self.kind == "periodic" and getattr(self, name) > LARGEST[name]:
                raise ValueError(f"an encoding 'periodic' has {name} up to {LARGEST[name]}, got {getattr(self, name)}")
        object.__setattr__(self, "rate", check_number("rate", self.rate, above=0.0))
        if self.takes_codes and self.n > LARGEST_CODE:
            raise ValueError(f"an encoding {self.kind!r} has codes up to {LARGEST_CODE}, got n={self.n}")
        for name, kinds in (("n", ("plain",)), ("width", ("plain", "one_hot"))):
            if self.kind in kinds and getattr(self, name) != 1:
                raise ValueError(f"an encoding of the kind {self.kind!r} has {name} 1, got {getattr(self, name)}")

    @property
    def n_out(self):
        """How many numbers it gives."""
        return {"plain": 1, "periodic": 1 + self.width, "one_hot": self.n, "embedding": self.width}[self.kind]

    @property
    def shapes(self):
        """The shape of each of its own parameters, in their order."""
        if self.kind == "periodic":
            return {"frequencies": (self.n,), "phases": (self.n,), "W": (self.width, self.n), "b": (self.width,)}
        return {"table": (self.n + 1, self.width)} if self.kind == "embedding" else {}

    @property
    def n_parameters(self):
        """How many numbers these are."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def takes_codes(self):
        """Whether the column holds codes from 0 to `n`."""
        return self.kind in ("one_hot", "embedding")

    def views(self, own):
        """Its parameters by name, as views of the flat part that is its own."""
        ends = accumulate(math.prod(shape) for shape in self.shapes.values())
        return {
            name: own[end - math.prod(shape) : end].reshape(shape)
            for (name, shape), end in zip(self.shapes.items(), ends, strict=True)
        }


def places(encodings):
    """Where each begins: pairs of the first of its parameters and the first of the numbers that it gives."""
    weights = accumulate((encoding.n_parameters for encoding in encodings), initial=0)
    outputs = accumulate((encoding.n_out for encoding in encodings), initial=0)
    return list(zip(weights, outputs, strict=True))[:-1]


def as_tuples(encodings):
    """Encodings as plain data: kind, n, width and rate of each."""
    return tuple(map(astuple, encodings))


def check_encodings(layer_sizes, activations, blocks, encodings, gated, hidden):
    """Refuse encodings that do not fit the network whose first layer they are; `hidden` are activations with a slope.

    Raises
    ------
    ValueError
    """
    if not encodings:
        if gated:
            raise ValueError("gated=True is of networks whose first layer are encodings; give encodings, too")
        return
    n_out = sum(encoding.n_out for encoding in encodings)
    if layer_sizes[:2] != (len(encodings), n_out):
        raise ValueError(
            f"{len(encodings)} encodings that give {n_out} numbers are the first layer of a network whose layer_sizes "
            f"begin with {(len(encodings), n_out)}, got {layer_sizes}"
        )
    if len(layer_sizes) < 3:
        raise ValueError(f"encodings are followed by a layer of outputs at least, got layer_sizes {layer_sizes}")
    if activations[0].name != "identity":
        raise ValueError(f"the activation of encodings is identity, got {activations[0]}")
    if blocks:
        raise ValueError("encodings are not available with several heads; train a network for each")
    if wrong := [activation.name for activation in activations[:-1] if activation.name not in hidden]:
        raise ValueError(f"a hidden layer has an activation of one number at a time, got {wrong[0]}")
    n_parameters = sum(encoding.n_parameters for encoding in encodings)
    if n_parameters > sys.maxsize // 8:
        raise ValueError(f"encodings of {n_parameters} parameters are more than this machine has addresses for")


def refuse_l2(network, l2):
    """Refuse the penalty, which decay stands for."""
    if l2 and network.encodings:
        raise ValueError("l2 is not available with encodings; leave it out, or use weight_decay")


def check_combined(network, training, X):
    """Refuse what is not combined with encodings, and what nobody would read without them.

    Parameters
    ----------
    network : NetworkSpec
    training : TrainingSpec
    X : (n_samples, n_in)
        Rows, dense or sparse.

    Raises
    ------
    ValueError, TypeError
        By the name of what does not go together, or for a code that is none.
    """
    if not network.encodings:
        for name in RULES:
            if getattr(training, name) != getattr(type(training), name):
                raise ValueError(f"{name} is of networks whose first layer are encodings; leave it out")
        return
    if training.solver not in SOLVERS:
        raise ValueError(f"encodings are not available with solver={training.solver!r}; use 'adam' or 'adamw'")
    given = {"l1": training.l1, "tol": training.tol}
    given |= {name: math.isfinite(getattr(training, name)) for name in ("max_grad_norm", "max_norm")}
    given["a loss of several heads"] = training.objective.heads
    given["frozen, rates of 0,"] = any(0 in pair for pair in training.rates)
    for name, value in given.items():
        if value:
            raise ValueError(f"{name} is not available with encodings; leave it out")
    if is_sparse(X):
        raise TypeError(f"X is a sparse matrix ({type(X).__name__}), which encodings do not take; pass X.toarray()")
    if training.dropout is not None and any(training.dropout.dropped[:2]):
        raise ValueError("columns and what encodings give are not dropped: the first two rates of dropout must be 0")
    for name in ("rates", "decay_rates"):
        factors = getattr(training, name)
        if factors and len(factors) != network.n_layers:
            raise ValueError(f"{name} must have an entry for each of {network.n_layers} layers, got {len(factors)}")
    for l, factor in enumerate(training.decay_rates):
        check_number(f"decay_rates[{l}]", factor, low=0.0)
    check_number("gate_rate", training.gate_rate, above=0.0)
    for n_updates in training.fade:
        check_count("fade", n_updates, minimum=0)
    if training.fade and not (len(training.fade) == 2 and training.fade[0] < training.fade[1]):
        raise ValueError(f"fade must be two numbers of updates, the first below the second, got {training.fade}")
    check_codes(network.encodings, X)


def check_codes(encodings, X):
    """Refuse codes that an encoding does not have: whole numbers from 0 to its `n`.

    Parameters
    ----------
    encodings : tuple of Encoding
        One a column.
    X : (n_samples, n_columns)

    Raises
    ------
    ValueError
        With row and column.
    """
    for column, encoding in enumerate(encodings):
        if not encoding.takes_codes:
            continue
        codes = X[:, column]
        wrong = ~((codes >= 0) & (codes <= encoding.n) & (codes == np.floor(codes)))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(
                f"X[{row}, {column}] is {codes[row]}, which is no code: the encoding {encoding.kind!r} of the column "
                f"takes whole numbers from 0 to {encoding.n}"
            )

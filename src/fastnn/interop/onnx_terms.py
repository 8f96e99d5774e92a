"""What a value of an ONNX graph is: a constant, or a function of the sums of one layer's units; and which activation.

`Sum` is the weighted sum that a layer begins with, `Term` an operator on it. `close` reads off a term what of it is
weights and what an activation: the latter by its values, so that it does not matter how it is composed. Called by
``onnx_nodes``.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastnn._tables import ACTIVATION_PARAMETERS, HIDDEN_ACTIVATIONS
from fastnn.interop.onnx_functions import FUNCTIONS
from fastnn.reference.batched import ACTIVATION

#: Where functions are compared: densely where activations bend, and far out; the first two tell parameters.
PROBES = np.concatenate(
    [[-1, -40], np.outer([-1, 1], [1e-3, 20, 40, 100, 1e3, 1e4, 1e6, 1e9, 1e30]).ravel(), np.linspace(-12, 12, 961)]
)

#: How far two that are the same may be apart, by max(1, abs(value)): constants in float32 are.
SAME = 3e-7

#: More operators than any activation has.
MOST = 64

#: Operators that end a network, as they take all units of a row together.
JOINT = ("softmax", "increasing")


class NoActivationError(ValueError):
    """A function of sums that is none of the table; the message says what to do."""


@dataclass(eq=False)
class Units:
    """Outputs of a layer, or the inputs, of which there are `n`, or None as long as nobody says; `below` its own."""

    n: int | None
    below: "Units | None" = None
    W: np.ndarray | None = None
    b: np.ndarray | None = None
    activation: Any = None


@dataclass(eq=False)
class Sum:
    """W units + b, (n_samples, n); without W the inputs themselves."""

    units: Units
    W: np.ndarray | None = None
    b: np.ndarray | None = None
    rank: int = 2
    args: tuple = ()

    @property
    def root(self):
        return self

    @property
    def n(self):
        return self.units.n if self.W is None else len(self.W)


@dataclass(eq=False)
class Term:
    """An operator of terms over one sum, and of constants."""

    op: str
    args: tuple
    attributes: dict = field(default_factory=dict)
    rank: int = 2
    where: str = ""

    def __post_init__(self):
        self.root = next(arg.root for arg in self.args if not isinstance(arg, np.ndarray))

    @property
    def n(self):
        return self.root.n


def affine(term):
    """The term that this one is a multiple of, with the factors and what is added; else None."""
    terms = [arg for arg in term.args if not isinstance(arg, np.ndarray)]
    if term.op not in ("Add", "Sub", "Mul", "Div", "Neg") or len(terms) != 1 or term.rank != 2:
        return None
    if term.op == "Neg":
        return terms[0], -1.0, 0.0
    first, second = term.args
    if isinstance(second, np.ndarray):
        number = second.reshape(-1) if second.size > 1 else second.item()
        return {
            "Add": (first, 1.0, number),
            "Sub": (first, 1.0, -number),
            "Mul": (first, number, 0.0),
            "Div": (first, 1 / number, 0.0) if np.all(number) else None,
        }[term.op]
    number = first.reshape(-1) if first.size > 1 else first.item()
    own = {"Add": (second, 1.0, number), "Sub": (second, -1.0, number), "Mul": (second, number, 0.0)}
    return own.get(term.op)


def close(term):
    """Return W, b and the activation of the layer that a term is, and the factors and offsets that follow it.

    Parameters
    ----------
    term : Term or Sum
        Of a sum with weights.

    Returns
    -------
    W, b : ndarray
    activation : str or tuple
        As users write it; "variance" is softplus + 1e-6, which only outputs may have.
    scale, shift : float or ndarray

    Raises
    ------
    NoActivationError
        If it is no activation that fastnn has.
    """
    if isinstance(term, Term) and term.op in JOINT:
        W, b, activation, scale, shift = close(term.args[0])
        if activation != "identity" or np.any(np.asarray(scale) != 1) or np.any(np.asarray(shift)):
            raise NoActivationError(
                f"{term.where} cannot be carried over into a dense network: it is not of the weighted sums themselves"
            )
        return W, b, (term.op, *term.attributes.values()) if term.attributes else term.op, 1.0, 0.0
    scale, shift, whole = 1.0, 0.0, term
    candidates = folded(whole)
    while True:
        for child, weight, bias in candidates:
            if (activation := _identified(term, child)) is not None:
                return weight, bias, activation, scale, shift
        if (outer := affine(term)) is None:
            raise NoActivationError(
                f"{term.where} cannot be carried over into a dense network: by its values, what it makes of the sums "
                f"is no activation that fastnn has ({', '.join(HIDDEN_ACTIVATIONS)})"
            )
        term, factor, offset = outer
        scale, shift = scale * factor, scale * offset + shift


def folded(term):
    """Pairs of a multiple of the sum and its weights: those through which all of `term` goes, the longest first."""
    child, found = term.root, [(term.root, term.root.W, term.root.b)]
    readers, args = {}, _terms_of(term)
    for one in args:
        for arg in one.args:
            if not isinstance(arg, np.ndarray):
                readers.setdefault(id(arg), []).append(one)
    while child is not term and len({id(one) for one in readers[id(child)]}) == 1:
        child = readers[id(child)][0]
        if (own := affine(child)) is None:
            break
        _, factor, offset = own
        _, W, b = found[-1]
        if np.any(np.asarray(factor) != 1):
            W = W * (np.reshape(factor, (-1, 1)) if np.ndim(factor) else W.dtype.type(factor))
        found.append((child, W, (b * factor + offset).astype(W.dtype)))
    return found[::-1]


def is_affine(term):
    """Whether all of it can be weights."""
    return folded(term)[0][0] is term


def _terms_of(term):
    """The term and all that it is made of, each once."""
    found, waiting = {}, [term]
    while waiting:
        one = waiting.pop()
        if id(one) not in found:
            found[id(one)] = one
            waiting += [arg for arg in one.args if not isinstance(arg, np.ndarray)]
            if len(found) > MOST:
                raise NoActivationError(
                    f"{term.where} cannot be carried over into a dense network: more than {MOST} operators stand "
                    "between two layers"
                )
    return list(found.values())


def values_of(term, child, z):
    """Those of a term as a function of a part of it, or None where it differs from unit to unit."""
    known = {id(child): z}

    def value(one, depth=0):
        if isinstance(one, np.ndarray):
            return one
        if id(one) not in known:
            if isinstance(one, Sum) or depth > MOST:
                raise LookupError
            args = [value(arg, depth + 1) for arg in one.args]
            if one.rank == 2:
                args = [
                    _single(arg) if isinstance(own, np.ndarray) else arg
                    for arg, own in zip(args, one.args, strict=True)
                ]
            known[id(one)] = FUNCTIONS[one.op](*args, **one.attributes)
        return known[id(one)]

    try:
        with np.errstate(all="ignore"):
            found = np.asarray(value(term), np.float64)
    except (LookupError, TypeError, ValueError):  # the latter where inputs or attributes are not as ONNX has them
        return None
    return found if found.shape == z.shape else None


def _single(constant):
    """A constant of all units as a number, in double precision."""
    if constant.size != 1 and (constant.size == 0 or (constant != constant.flat[0]).any()):
        raise LookupError
    return constant.flat[0] if constant.dtype.kind != "f" else np.float64(constant.flat[0])


def _identified(term, child):
    """The activation that a term is as a function of a part of it, as users write it, or None."""
    if term is child:
        return "identity"
    found = values_of(term, child, PROBES[:, None])
    if found is None:
        return None
    found, is_finite = found[:, 0], np.isfinite(found[:, 0])
    if is_finite.mean() < 0.9:
        return None
    single = term.root.W.dtype == np.float32
    for name in (*HIDDEN_ACTIVATIONS, "exp", "variance"):
        given = (name,)
        if name in ACTIVATION_PARAMETERS:
            number = -float(found[0 if name == "leaky_relu" else 1])
            if not np.isfinite(number):
                continue
            number = float(str(np.float32(number))) if single else number
            given = (name,) if number == ACTIVATION_PARAMETERS[name][1] else (name, number)
        if _is_same(found, is_finite, name, ACTIVATION_PARAMETERS.get(name), given):
            return given if len(given) > 1 else name
    return None


def _is_same(found, is_finite, name, parameter, given):
    """Whether values are those of an activation, where they are finite: compositions of others may overflow."""
    numbers = () if parameter is None else (given[1:] or parameter[1:])
    with np.errstate(all="ignore"):
        own = ACTIVATION["softplus"](PROBES) + 1e-6 if name == "variance" else ACTIVATION[name](PROBES, *numbers)
        same = np.isfinite(own) & (np.abs(found - own) <= SAME * np.maximum(1, np.abs(own)))
        return bool(same[is_finite].all())

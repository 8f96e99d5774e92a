"""Constants of an ONNX graph, and operators that leave rows as they are: what exporters write around the layers.

Called by ``onnx_nodes``.
"""

import math

import numpy as np

from fastnn.interop.onnx_functions import FUNCTIONS, check_n_inputs
from fastnn.interop.onnx_terms import Sum, Term

#: Operators that change nothing in a row.
NOTHING = ("Identity", "Dropout", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "ZipMap")

#: Entries of an array that only says shapes or axes.
FEW = 16


def constant_of(attributes, tensor):
    """The array of a node Constant."""
    ((name, value),) = attributes.items()
    if name == "value":
        return tensor(value, "a Constant")
    kinds = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    if name not in kinds:
        raise NotImplementedError(f"{name} is no array of numbers")
    return np.asarray(value, kinds[name])


def constant_result(op, args, attributes):
    """What an operator makes of constants, never more than they are."""
    first, *others = args
    if op in ("Identity", "Dropout", "Cast"):
        kinds = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 11: np.float64}
        return first.astype(kinds[attributes["to"]]) if op == "Cast" else first
    if op == "Transpose":
        return first.transpose(attributes.get("perm"))
    if op == "Reshape" and np.size(others[0]) <= FEW:
        return first.reshape(others[0].tolist())
    if op in ("Unsqueeze", "Squeeze"):
        axes = others[0].ravel().tolist() if others and others[0] is not None else attributes.get("axes")
        change = np.expand_dims if op == "Unsqueeze" else np.squeeze
        return change(first, None if axes is None else tuple(axes))
    if op == "Gather" and first.size <= FEW and others[0].size <= FEW:
        return np.take(first, others[0], axis=attributes.get("axis", 0))
    if op == "Concat" and sum(arg.size for arg in args) <= FEW:
        return np.concatenate(args, axis=attributes["axis"])
    size = math.prod(np.broadcast_shapes(*(arg.shape for arg in args)))
    if op in ("Add", "Sub", "Mul", "Div", "Neg", "Sqrt", "Reciprocal", "Pow") and size <= max(arg.size for arg in args):
        check_n_inputs(op, len(args))
        return np.asarray(FUNCTIONS[op](*args)).astype(first.dtype, copy=False)  # integers are divided as such
    raise NotImplementedError("fastnn does not compute it of constants")


def unchanged(op, args, attributes):
    """The term that an operator leaves as it is, or with other axes."""
    term, *others = args
    if op == "Dropout" and len(others) > 1 and others[1] is not None and np.any(others[1]):
        raise NotImplementedError("it is as in training; export the model as for inference")
    if op in ("Identity", "Dropout", "ZipMap"):
        return term
    if not isinstance(term, Sum | Term):
        raise NotImplementedError("it is of several outputs together")
    if op in ("Squeeze", "Unsqueeze"):
        axes = np.ravel(others[0] if others else attributes.get("axes", [])).tolist()
        last = [[-1], [2]]
        if axes not in last or term.rank != (2 if op == "Unsqueeze" else 3) or term.root.W is None:
            raise NotImplementedError("it changes the axes of rows")
        return Term(op, (term,), {}, 3 if op == "Unsqueeze" else 2)
    if op == "Flatten":
        if attributes.get("axis", 1) not in (1, 1 - term.rank):
            raise NotImplementedError("it does not make one row of each sample")
    else:
        shape = np.ravel(others[0] if others else attributes.get("shape", [])).tolist()
        units = [size for size in shape[1:] if size != -1]
        fits = (
            term.n is None
            or math.prod(units) == term.n
            or (len(units) < len(shape) - 1 and term.n % math.prod(units) == 0)
        )
        if len(shape) < 2 or shape[0] not in (-1, 0) or not fits or min(units, default=1) < 1:
            raise NotImplementedError(f"it makes other rows: {shape} of {term.n} units each")
    return _flat(term)


def _flat(term):
    """The inputs, or a scaling of them, with one axis for each sample."""
    if term.rank == 2:
        return term
    if isinstance(term, Sum) and term.W is None:
        return Sum(term.units)
    raise NotImplementedError("it is of other than the inputs")

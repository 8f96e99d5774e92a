"""The nodes of an ONNX graph, one after another, as constants and terms: what each operator makes of a chain of layers.

Nothing is computed that is larger than what the file holds, and an operator that is not known here ends the reading.
Called by ``onnx``, which opens files and makes the network.
"""

import math
from dataclasses import dataclass

import numpy as np

from fastnn.interop.chain import LARGEST_SHIFT
from fastnn.interop.onnx_functions import FUNCTIONS, check_n_inputs
from fastnn.interop.onnx_shapes import FEW, NOTHING, constant_of, constant_result, unchanged
from fastnn.interop.onnx_terms import JOINT, NoActivationError, Sum, Term, Units, affine, close, folded, is_affine
from fastnn.portable import ModelFormatError


@dataclass(eq=False)
class Decision:
    """Labels: which entry of the row `term` is largest, or which are beyond `threshold`."""

    kind: str
    term: Term | Sum
    threshold: float = 0.5
    classes: np.ndarray | None = None


class Several(list):
    """Terms side by side."""


class Reader:
    """Values by their names, as far as the graph has been read.

    Parameters
    ----------
    constants : dict of str to ndarray
    inputs : dict of str to tuple of (int or None)
        Their shapes.
    """

    def __init__(self, constants, inputs):
        self.values = dict(constants)
        self.closed = {}  # term -> the units that it is, with their factors and offsets
        self.budget = 2 * sum(array.size for array in constants.values())
        for name, shape in inputs.items():
            known = None in shape[1:] or not shape[1:]
            self.values[name] = Sum(Units(None if known else math.prod(shape[1:])), rank=len(shape) or 2)

    def read(self, node, tensor):
        """Read one node; `tensor` makes an array of an attribute that holds one."""
        from onnx.helper import get_attribute_value

        where = f"ONNX node {node.name or '/'.join(node.output)!r:.200} ({node.op_type})"
        try:
            attributes = {one.name: get_attribute_value(one) for one in node.attribute}
            if node.op_type == "Constant":
                results = (constant_of(attributes, tensor),)
                self.budget += 2 * results[0].size
            else:
                args = [self.values[name] if name else None for name in node.input]
                results = self._results(node, args, attributes)
        except KeyError as error:
            raise ModelFormatError(f"{where} reads {error}, which nothing before it has made") from None
        except ModelFormatError:
            raise
        except NoActivationError as error:
            raise ModelFormatError(str(error)) from None
        except NotImplementedError as error:
            raise ModelFormatError(f"{where} cannot be carried over into a dense network: {error}") from None
        except (ArithmeticError, AttributeError, IndexError, TypeError, ValueError) as error:
            raise ModelFormatError(f"{where} is damaged, or not as ONNX has it: {error!s:.300}") from error
        for name, result in zip(node.output, results, strict=False):
            if isinstance(result, Term) and not result.where:
                result.where = where
            if name and name in self.values:
                raise ModelFormatError(f"{where} makes {name!r:.100}, which is there already")
            self.values[name] = result

    def _results(self, node, args, attributes):
        op, ml = node.op_type, node.domain == "ai.onnx.ml"
        if node.domain not in ("", "ai.onnx", "ai.onnx.ml"):
            raise NotImplementedError(f"its operators are of {node.domain!r:.60}, not ONNX's own")
        if all(isinstance(arg, np.ndarray) or arg is None for arg in args):
            return (np.asarray(constant_result(op, args, attributes)),)
        if any(isinstance(arg, Decision) for arg in args):
            return (_decided(op, args),)
        own = getattr(self, f"_{op.lower()}", None) if op in OWN else None
        if own is not None:
            found = own(args, attributes)
            return found if isinstance(found, tuple) else (found,)
        if op in NOTHING:
            return (unchanged(op, args, attributes),)
        if op not in FUNCTIONS or ml:
            raise NotImplementedError("fastnn has no such operator")
        return (self._elementwise(op, args, attributes),)

    # -- layers -----------------------------------------------------------------------------------------------------

    def _layer(self, term, W, b=None):
        """The sum that a product of a term with weights (n_out, n_in) is."""
        if not isinstance(term, Sum | Term) or not isinstance(W, np.ndarray) or W.ndim != 2:
            raise NotImplementedError("it is no product of rows with a constant matrix")
        if W.dtype not in (np.float32, np.float64):
            raise NotImplementedError(f"its weights are {W.dtype}; fastnn has float32 and float64")
        if term.rank != 2:
            raise NotImplementedError(f"what it is of has {term.rank} axes; fastnn's rows have one each")
        self._spend(W.size)
        units, scale, shift = self._units(term, W.shape[1])
        if units.n != W.shape[1]:
            raise NotImplementedError(f"there are {units.n} units before it, but it has weights for {W.shape[1]}")
        bias = np.zeros(len(W), W.dtype) if b is None else b
        if np.any(np.asarray(shift)):
            if units.W is None:
                W = _precise(W, shift)
            bias = (bias + W @ np.broadcast_to(np.asarray(shift, W.dtype), units.n)).astype(W.dtype)
        if np.any(np.asarray(scale) != 1):
            W = W * np.asarray(scale, W.dtype)
        return Sum(units, W, bias)

    def _units(self, term, n_in):
        """The units that a term is the outputs of, with their factors and offsets."""
        root = term.root
        if root.W is None:
            root.units.n = root.units.n or n_in
            return root.units, *_scaling(term)
        if term not in self.closed:
            W, b, activation, scale, shift = close(term)
            if activation in ("exp", "variance", *JOINT) or activation[0] in JOINT:
                raise NotImplementedError(f"{activation!r} ends a network, and here it goes on")
            self.closed[term] = Units(len(W), root.units, W, b, activation), scale, shift
        return self.closed[term]

    def _spend(self, n_numbers):
        self.budget -= n_numbers
        if self.budget < 0:
            raise ModelFormatError("the layers of the ONNX model have more weights than its file holds numbers")

    def _matmul(self, args, attributes):
        first, second = args
        if isinstance(first, Term) and first.rank == 3 and isinstance(second, np.ndarray) and second.ndim == 2:
            return self._elementwise("MatMul", args, attributes)  # of terms that are summed up
        if not isinstance(second, np.ndarray):
            raise NotImplementedError("it is no product of rows with a constant matrix")
        if isinstance(first, Term) and (rising := _increasing(first, second)) is not None:
            return rising
        return self._layer(first, second.T)

    def _gemm(self, args, attributes):
        first, weights, *others = args
        if attributes.get("transA") or not isinstance(weights, np.ndarray):
            raise NotImplementedError("it is no product of rows with a constant matrix")
        W = weights if attributes.get("transB") else weights.T
        W = W if attributes.get("alpha", 1.0) == 1 else W * W.dtype.type(attributes["alpha"])
        added = others[0] if others else None
        if added is not None and not isinstance(added, np.ndarray):
            raise NotImplementedError("what it adds is no constant")
        if added is None:
            return self._layer(first, W)
        if added.size not in (1, len(W)) or max(added.shape[:-1], default=1) > 1:
            raise NotImplementedError(
                f"what it adds, of shape {added.shape}, is not one number for each of {len(W)} units"
            )
        bias = np.broadcast_to(added.reshape(-1), len(W)) * W.dtype.type(attributes.get("beta", 1.0))
        return self._layer(first, W, bias)

    # -- what is done to each unit ------------------------------------------------------------------------------------

    def _elementwise(self, op, args, attributes):
        check_n_inputs(op, len(args))
        terms = [arg for arg in args if isinstance(arg, Sum | Term)]
        if any(arg is not None and not isinstance(arg, Sum | Term | np.ndarray) for arg in args):
            raise NotImplementedError("it is of several outputs together")
        if len({id(term.root) for term in terms}) > 1:
            raise NotImplementedError("it joins several layers; fastnn's are a chain")
        if any(isinstance(term, Term) and term.op in (*JOINT, "both") for term in terms):
            raise NotImplementedError("it goes on from what ends a network")
        rank, n = max(term.rank for term in terms), terms[0].n
        for arg in args if rank == 2 else ():
            if (
                isinstance(arg, np.ndarray)
                and arg.size != 1
                and (arg.size != (n or arg.size) or max(arg.shape[:-1], default=1) > 1)
            ):
                raise NotImplementedError(f"a constant of shape {arg.shape} is not one number for each of {n} units")
        if (
            rank > 2
            and terms[0].root.W is not None
            and any(np.size(a) > FEW for a in args if isinstance(a, np.ndarray))
        ):
            raise NotImplementedError("it has too many terms for an activation")
        args = [arg if isinstance(arg, Sum | Term) else _absent(op, position) if arg is None else arg
                for position, arg in enumerate(args)]  # fmt: skip
        own = {name: value.decode() if isinstance(value, bytes) else value for name, value in attributes.items()}
        return Term(op, tuple(args), {} if op in ("Cast", "MatMul") else own, rank)

    def _batchnormalization(self, args, attributes):
        term, scale, offset, mean, variance = args
        if attributes.get("training_mode"):
            raise NotImplementedError("it is as in training; export the model as for inference")
        factor = scale / np.sqrt(variance + variance.dtype.type(attributes.get("epsilon", 1e-5)))
        return self._elementwise("Add", [self._elementwise("Mul", [term, factor], {}), offset - mean * factor], {})

    def _scaler(self, args, attributes):
        """That of ai.onnx.ml."""
        offset, scale = (
            np.asarray(attributes.get(name, value), np.float32) for name, value in (("offset", 0), ("scale", 1))
        )
        return self._elementwise("Mul", [self._elementwise("Sub", [args[0], offset], {}), scale], {})

    # -- several units together ---------------------------------------------------------------------------------------

    def _softmax(self, args, attributes):
        if attributes.get("axis", -1) not in (-1, 1) or not isinstance(args[0], Sum | Term) or args[0].rank != 2:
            raise NotImplementedError("it is not of the units of each row")
        return Term("softmax", tuple(args))

    def _slice(self, args, attributes):
        term, *others = args
        names = ("starts", "ends", "axes", "steps")
        numbers = [attributes.get(name) if other is None else other
                   for name, other in zip(names, (*others, *[None] * 4), strict=False)]  # fmt: skip
        start, stop, axis, step = (None if given is None else np.ravel(given).tolist() for given in numbers)
        if len(start) != 1 or axis not in ([1], [-1]) or step not in (None, [1]):
            raise NotImplementedError("it takes other than neighbouring units of each row")
        return self._part(term, start[0], stop[0])

    def _split(self, args, attributes):
        term, *sizes = args
        n_parts = attributes.get("num_outputs")
        sizes = np.ravel(sizes[0] if sizes else attributes.get("split", [])).tolist()
        if not sizes and n_parts and term.n and n_parts <= FEW:
            whole = -(-term.n // n_parts)
            sizes = [whole] * (n_parts - 1) + [term.n - whole * (n_parts - 1)]
        if attributes.get("axis", 0) not in (1, -1) or not sizes or min(sizes) < 1 or sum(sizes) != term.n:
            raise NotImplementedError("it does not part the units of each row")
        ends = np.cumsum(sizes).tolist()
        return tuple(self._part(term, end - size, end) for size, end in zip(sizes, ends, strict=True))

    def _part(self, term, start, stop):
        if not isinstance(term, Sum | Term) or term.root.W is None or term.rank != 2 or not is_affine(term):
            raise NotImplementedError("it takes some of the units of what is no weighted sum")
        _, W, b = folded(term)[0]
        units = slice(start, stop)
        self._spend(W[units].size)
        if not len(b[units]):
            raise NotImplementedError(f"it takes none of {len(b)} units")
        return Sum(term.root.units, W[units], b[units])

    def _concat(self, args, attributes):
        if attributes.get("axis") not in (1, -1) or not all(isinstance(arg, Sum | Term) for arg in args):
            raise NotImplementedError("it does not put units of rows side by side")
        if len(args) == 2 and _is_other(*args):
            return Term("both", (args[1],), {"threshold": 0.0 if args[0].op == "Neg" else 0.5})
        return Several(args)

    def _shape(self, args, attributes):
        """Of a term any number of rows, as Reshape writes it, and its units."""
        if attributes or (args[0].rank != 2 and args[0].root.W is not None):
            raise NotImplementedError("it is asked of other than rows")
        return np.array([-1, args[0].n or -1])

    # -- labels -------------------------------------------------------------------------------------------------------

    def _argmax(self, args, attributes):
        (term,) = args
        if attributes.get("axis", 0) not in (1, -1) or attributes.get("select_last_index") or isinstance(term, Several):
            raise NotImplementedError("it does not tell the largest of each row")
        if isinstance(term, Term) and term.op == "both":
            return Decision("binary", *term.args, **term.attributes)
        return Decision("multiclass", term)

    def _binarizer(self, args, attributes):
        (term,) = args
        return Decision("binary" if term.n == 1 else "multilabel", term, attributes.get("threshold", 0.0))

    def _cast(self, args, attributes):
        (term,) = args
        is_greater = isinstance(term, Term) and term.op == "Greater" and isinstance(term.args[1], np.ndarray)
        if attributes.get("to") in (1, 11):  # TensorProto.FLOAT, DOUBLE
            return term if not is_greater else self._elementwise("Cast", args, {})
        if attributes.get("to") not in (6, 7) or not is_greater:  # INT32, INT64
            raise NotImplementedError("it makes other numbers than float32 and float64")
        if term.args[1].size != 1:
            raise NotImplementedError("its labels have a threshold each; fastnn's have one")
        return Decision("binary" if term.n == 1 else "multilabel", term.args[0], float(term.args[1].reshape(())))


#: Operators with a method of their own.
OWN = (
    "MatMul", "Gemm", "BatchNormalization", "Scaler", "Shape", "Softmax", "Slice", "Split", "Concat", "ArgMax",
    "Binarizer", "Cast",
)  # fmt: skip


def _absent(op, position):
    """An optional input that is not there: a bound of Clip."""
    if op != "Clip":
        raise ValueError(f"input {position} is not there")
    return np.array(-np.inf if position == 1 else np.inf)


def _precise(W, shift):
    """Weights of inputs from which something is subtracted first: in float64, whose digits the difference needs."""
    if (far := np.abs(shift).max()) > LARGEST_SHIFT:
        raise NotImplementedError(
            f"its inputs lie {far:.1e} of their own units from 0, and the difference would lose its digits; scale them "
            "before the network"
        )
    return W.astype(np.float64)


def _scaling(term):
    """The factors and offsets of inputs that a term is."""
    scale, shift, others = 1.0, 0.0, 0
    while not isinstance(term, Sum):
        if (own := affine(term)) is None or others > FEW:
            raise NotImplementedError(f"{term.op} is of the inputs themselves, before there is a layer")
        term, factor, offset = own
        scale, shift, others = scale * factor, scale * offset + shift, others + 1
    return scale, shift


def _is_other(first, second):
    """Whether the first is 1 minus the second, or its opposite: of two classes."""
    if not isinstance(first, Term) or first.root is not second.root:
        return False
    if first.op == "Neg":
        return first.args[0] is second
    return first.op == "Sub" and first.args[1] is second and np.all(first.args[0] == 1)


def _increasing(term, matrix):
    """The joint activation that our exporter writes as a product with zeros and ones, or None."""
    if term.op != "Where" or not isinstance(term.args[0], np.ndarray) or matrix.ndim != 2:
        return None
    is_first, z, steps = term.args
    places, n = np.flatnonzero(is_first), is_first.size
    if isinstance(z, np.ndarray) or isinstance(steps, np.ndarray) or n != term.n or n > 4096 or matrix.shape != (n, n):
        return None
    group = int(places[1]) if len(places) > 1 else n
    every = np.arange(n)
    sums = (every[:, None] // group == every // group) & (every[:, None] <= every)
    is_so = np.array_equal(every % group == 0, is_first.ravel()) and np.array_equal(sums, matrix)
    if not is_so or not is_affine(z):
        return None
    if group > 1:
        W, b, activation, scale, shift = close(steps)
        _, own_W, own_b = folded(z)[0]
        if (
            activation != "softplus"
            or (scale, shift) != (1.0, 0.0)
            or not (np.array_equal(W, own_W) and (b == own_b).all())
        ):
            return None
    return Term("increasing", (z,), {"group": float(group)} if group != n else {})


def _decided(op, args):
    """Labels as they are, or with the classes that they are of."""
    (decision,) = (arg for arg in args if isinstance(arg, Decision))
    if op in ("Identity", "Cast", "Reshape", "Squeeze", "Flatten"):
        return decision
    if op in ("Gather", "ArrayFeatureExtractor") and isinstance(args[0], np.ndarray):
        return Decision(decision.kind, decision.term, decision.threshold, args[0].ravel())
    raise NotImplementedError("it is of labels")

"""Networks from ONNX models: the file opened without trust, the chain of layers that its graph is, and its labels.

Called by ``Network.from_onnx``. The ``onnx`` package parses; what nodes mean is read by ``onnx_nodes``.
"""

import json
import math
import os
import stat
import warnings

import numpy as np

from fastnn._tables import ACTIVATION_PARAMETERS
from fastnn.checks import optional
from fastnn.interop.onnx_nodes import Decision, Reader, Several
from fastnn.interop.onnx_terms import NoActivationError, Term, close
from fastnn.portable import VERSION, ModelFormatError

#: More operators than any chain of layers has.
MOST_NODES = 10_000


def from_onnx(kind, source):
    """Return the network, of class `kind`, that an ONNX model is; see ``Network.from_onnx``."""
    with optional("from_onnx", "onnx", "onnx", "google", extra="onnx"):
        import onnx  # noqa: F401  to say here what is missing
    model = _opened(source)
    graph = model.graph
    reader = _read(graph)
    outputs = []
    for output in graph.output:
        if output.name not in reader.values:
            raise ModelFormatError(f"the ONNX graph has the output {output.name!r:.100}, which no node makes")
        outputs.append((output.name, reader.values[output.name]))
    if not outputs:
        raise ModelFormatError("the ONNX graph has no outputs")
    layers, blocks, terms = _layers(outputs)
    decisions = _decisions(outputs, terms)
    labels = [_labels(decisions.get(term), block) for term, block in zip(terms, blocks, strict=True)]
    try:
        plain = _plain(layers, blocks, labels, {prop.key: prop.value for prop in model.metadata_props})
        network = kind._from_plain(plain)
    except ModelFormatError:
        raise
    except (TypeError, ValueError) as error:
        raise ModelFormatError(f"the ONNX model does not fit together: {error}") from error
    if not np.isfinite(network.parameters).all():
        warnings.warn("the ONNX model has weights that are not finite", RuntimeWarning, stacklevel=3)
    return network


def _opened(source):
    """The ModelProto of a file, or the one that was given."""
    import onnx
    from google.protobuf.message import DecodeError

    if isinstance(source, onnx.ModelProto):
        model, name = source, "the ONNX model"
    else:
        if not isinstance(source, str | os.PathLike):
            raise TypeError(f"from_onnx takes a path or an onnx.ModelProto, got a {type(source).__name__}")
        name = repr(os.fspath(source))
        if not stat.S_ISREG(os.stat(source).st_mode):  # a pipe would be waited for
            raise ModelFormatError(f"{name} is no regular file; name an ONNX file")
        try:
            with open(source, "rb") as file:
                model = onnx.ModelProto.FromString(file.read())
        except (DecodeError, ValueError) as error:
            raise ModelFormatError(f"{name} is no ONNX file, or is damaged: {error!s:.300}") from error
    if not model.graph.node:
        raise ModelFormatError(f"{name} has no nodes: it is no ONNX file, or not a whole one")
    if len(model.graph.node) > MOST_NODES:
        raise ModelFormatError(f"{name} has {len(model.graph.node)} nodes, which no chain of dense layers has")
    return model


def _read(graph):
    """All values of a graph, by name."""
    constants = {}
    for tensor in graph.initializer:
        if tensor.name in constants:
            raise ModelFormatError(f"the ONNX graph has two initialisers {tensor.name!r:.100}")
        constants[tensor.name] = _array(tensor, f"the initialiser {tensor.name!r:.100}")
    if graph.sparse_initializer:
        raise ModelFormatError("the ONNX graph has sparse initialisers, which fastnn does not read")
    inputs = {given.name: _shape(given) for given in graph.input if given.name not in constants}
    if len(inputs) != 1:
        raise ModelFormatError(f"the ONNX graph has the inputs {[*inputs]!r:.200}; a network of fastnn has one")
    reader = Reader(constants, inputs)
    for node in graph.node:
        reader.read(node, _array)
    return reader


def _shape(given):
    dims = given.type.tensor_type.shape.dim
    return tuple(dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None for dim in dims)


def _array(tensor, what):
    """The array of a tensor, which holds as many numbers as it says."""
    from onnx import TensorProto, numpy_helper

    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise ModelFormatError(
            f"{what} of the ONNX model is in another file, which fastnn does not open; save the model as one file"
        )
    n_numbers = math.prod(tensor.dims)
    if min(tensor.dims, default=0) < 0 or n_numbers > max(tensor.ByteSize(), 1):
        raise ModelFormatError(
            f"{what} of the ONNX model has the shape {list(tensor.dims)!r:.100}, and no such numbers"
        )
    try:
        array = numpy_helper.to_array(tensor)
    except Exception as error:  # whatever damage makes of it
        raise ModelFormatError(f"{what} of the ONNX model is damaged: {error!s:.200}") from error
    return array


def _layers(outputs):
    """The closed layers below the last; the blocks (W, b, activation) of the last; and the terms that they are."""
    terms = []
    for name, value in outputs:
        for term in value if isinstance(value, Several) else [value]:
            if isinstance(term, np.ndarray):
                raise ModelFormatError(f"the output {name!r:.100} of the ONNX model is constant")
            if not isinstance(term, Decision):
                terms.append((name, term.args[0] if isinstance(term, Term) and term.op == "both" else term))
    terms = terms or [(name, value.term) for name, value in outputs]
    blocks, seen = [], []
    for name, term in terms:
        if any(term is other for other in seen):
            continue
        seen.append(term)
        if term.root.W is None:
            raise ModelFormatError(f"the output {name!r:.100} of the ONNX model comes of no layer: no MatMul, no Gemm")
        try:
            W, b, activation, scale, shift = close(term)
        except NoActivationError as error:
            raise ModelFormatError(str(error)) from None
        if np.any(np.asarray(scale) != 1) or np.any(np.asarray(shift)):
            raise ModelFormatError(
                f"the output {name!r:.100} of the ONNX model is a multiple of {activation!r}, which fastnn's are not"
            )
        blocks.append((W, b, activation))
    units = seen[0].root.units
    if any(term.root.units is not units for term in seen):
        raise ModelFormatError(
            f"the outputs {[name for name, _ in terms]!r:.200} of the ONNX model are of several layers; a network of "
            "fastnn ends in one"
        )
    below = []
    while units.W is not None:
        below.insert(0, (units.W, units.b, units.activation))
        units = units.below
    return below, *_with_variances(blocks, seen)


def _with_variances(blocks, terms):
    """Blocks and their terms, of which means and the variances after them are one."""
    found, kept = [], []
    for term, (W, b, activation) in zip(terms, blocks, strict=True):
        if activation == "variance":
            before = found.pop() if found else (W[:0], b[:0], "")
            if before[2] != "identity" or len(before[0]) != len(W):
                raise ModelFormatError("the ONNX model has variances, softplus + 1e-6, that follow no means")
            found.append((np.vstack([before[0], W]), np.concatenate([before[1], b]), "mean_variance"))
        else:
            found.append((W, b, activation))
            kept.append(term)
    return found, kept


def _decisions(outputs, terms):
    """What the graph decides of each of the terms, if anything; the largest of softmax may be told before it."""
    found, known = {}, {term.args[0]: term for term in terms if isinstance(term, Term) and term.op == "softmax"}
    for name, value in outputs:
        if isinstance(value, Decision):
            term = known.get(value.term, value.term) if value.kind == "multiclass" else value.term
            if all(term is not other for other in terms):
                raise ModelFormatError(
                    f"the output {name!r:.100} of the ONNX model has labels of other values than the outputs beside "
                    "it; export the model without these"
                )
            found[term] = value
    return found


def _labels(decision, block):
    """How a block is read, by what the graph decides of it, if anything."""
    W, _, activation = block
    if decision is None:
        return {"kind": "means" if activation == "mean_variance" else "values", "classes": None}
    classes = decision.classes
    if classes is None and decision.kind != "multilabel":
        classes = np.arange(2 if decision.kind == "binary" else len(W))
    labels = {"kind": decision.kind, "classes": _as_classes(classes)}
    return labels if decision.kind == "multiclass" else {**labels, "threshold": float(decision.threshold)}


def _as_classes(classes):
    if classes is None or classes.dtype.kind not in "OS":
        return classes
    return np.array([one.decode() if isinstance(one, bytes) else str(one) for one in classes.tolist()])


def _plain(layers, blocks, labels, said):
    """The description, as `fastnn.portable` has it."""
    one = len(blocks) == 1
    W = [W for W, _, _ in layers] + [np.concatenate([W for W, _, _ in blocks])]
    b = [b for _, b, _ in layers] + [np.concatenate([b for _, b, _ in blocks])]
    dtype = np.result_type(*W)
    own = _said(said, "labels")
    if own is not None:
        own = [own] if isinstance(own, dict) else own
        if not isinstance(own, list) or len(own) != len(blocks) or not all(isinstance(each, dict) for each in own):
            raise ModelFormatError(
                f"the ONNX model says of its labels {said['labels']:.200}, which its outputs are not"
            )
        labels = [
            {**each, "classes": None if each.get("classes") is None else np.array(each["classes"])} for each in own
        ]
    activations = [_activation(activation) for _, _, activation in layers]
    plain = {
        "version": VERSION,
        "layer_sizes": [int(W[0].shape[1]), *map(len, W)],
        "activations": [*activations, _activation(blocks[0][2] if one else "identity")],
        "dtype": dtype.name,
        "labels": labels[0] if one else {"kind": "heads", "classes": None},
        "feature_names": _said(said, "feature_names"),
        "backend": "auto",
        "parameters": np.concatenate([array.ravel() for array in (*W, *b)]).astype(dtype, copy=False),
    }
    heads = [
        {"n_outputs": len(W), "activation": _activation(activation), "labels": own}
        for (W, _, activation), own in zip(blocks, labels, strict=True)
    ]
    return plain if one else {**plain, "heads": heads}


def _said(said, entry):
    """What our exporter wrote beside the graph."""
    if "fastnn_version" not in said or entry not in said:
        return None
    try:
        return json.loads(said[entry])
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"the ONNX model's {entry!r} is no JSON: {error!s:.200}") from error


def _activation(given):
    name, *parameter = (given,) if isinstance(given, str) else given
    if name not in ACTIVATION_PARAMETERS:
        return {"name": name}
    entry, default = ACTIVATION_PARAMETERS[name]
    return {"name": name, entry: parameter[0] if parameter else default}

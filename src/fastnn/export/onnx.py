"""Networks as ONNX models: the layers, what is said of the outputs, and what the file says beside.

Called by ``Network.to_onnx`` and the estimators; ``interop.skl2onnx`` takes the graph alone. The operators of
activations are in ``onnx_activations``; reading a model is ``interop.onnx``'s.
"""

import json
import sys

import numpy as np

from fastnn.activations import Block
from fastnn.checks import cast_finite, optional
from fastnn.export.files import replacing
from fastnn.export.onnx_activations import add_activation, variances
from fastnn.export.onnx_graph import Graph, fastnn_version, model_of
from fastnn.portable import to_plain
from fastnn.spec import check_dtype

#: The name of the input, and of its first axis.
INPUT, ROWS = "X", "N"


def to_onnx(network, path=None, *, dtype=None, heads_in_one=False):
    """Return the ONNX model of a network, and write it, if a path is given.

    Parameters
    ----------
    network : Network or Ensemble
    path : str or os.PathLike, optional
    dtype : {"float64", "float32"}, optional
        What the model computes in; None: as the network.
    heads_in_one : bool, default False
        Whether the values of several heads come side by side in one output, as those of MLPRegressor.

    Returns
    -------
    model : onnx.ModelProto

    Raises
    ------
    ImportError
        If ``onnx`` is not installed.
    ValueError
        If the model would be too large for a file, or weights are beyond the range of `dtype`.
    OSError
        If the file cannot be written.
    """
    with optional("to_onnx", "onnx", "onnx", extra="onnx"):
        import onnx  # noqa: F401  to say here what is missing
    dtype = network.dtype if dtype is None else check_dtype(dtype)
    if network.n_parameters * dtype.itemsize > 2**31 - 2**20:
        raise ValueError(
            f"the network has {network.n_parameters} parameters of {dtype}, but an ONNX model is smaller than 2 GiB"
        )
    graph = Graph(dtype)
    outputs = add_network(graph, network, INPUT, heads_in_one)
    for name, result, *_ in outputs:
        graph.rename(result, name)
    described = [(name, kind, [ROWS, *shape]) for name, _, kind, shape in outputs]
    model = model_of(
        graph, [(INPUT, dtype, [ROWS, network.layer_sizes[0]])], described, _metadata(network, heads_in_one)
    )
    if path is not None:
        with replacing(path) as file:
            file.write(model.SerializeToString())
    return model


def add_network(graph, network, rows, heads_in_one=False):
    """Append all layers and what is said of the last.

    Parameters
    ----------
    graph : Graph
    network : Network or Ensemble
        Of several networks, the mean of their outputs is what is read.
    rows : str
        The name of the input (n_samples, n_in), of the dtype of the graph.
    heads_in_one : bool, default False

    Returns
    -------
    outputs : list of tuple (name, result, dtype, shape)
        Those of the model, each with a result of its own; the shape is that of one row.
    """
    spec, networks = network._spec, getattr(network, "networks", (network,))
    sums = [_add_layers(graph, one, rows, f"_{i}" if len(networks) > 1 else "") for i, one in enumerate(networks)]
    if not spec.blocks:
        outputs = _outputs(graph, sums, Block(spec.n_out, spec.activations[-1]), network._labels)
    else:
        outputs, start = [], 0
        for number, (block, (_, labels)) in enumerate(zip(spec.blocks, network._labels.heads, strict=True)):
            own = [_columns(graph, z, start, start + block.n_out) for z in sums]
            outputs += [
                (f"{name}_{number}", *others) for name, *others in _outputs(graph, own, block, labels, heads_in_one)
            ]
            start += block.n_out
    if spec.blocks and heads_in_one:
        values = [result for name, result, *_ in outputs if name.startswith(("variable", "probabilities"))]
        shape = [sum(shape[0] for name, _, _, shape in outputs if name.startswith(("variable", "probabilities")))]
        return [("variable", graph.add("Concat", *values, axis=1), graph.dtype, shape)]
    return [(name, _own(graph, result), kind, shape) for name, result, kind, shape in outputs]


def _add_layers(graph, network, rows, suffix):
    """Append the layers of one network; return the sums of the last, before its activation."""
    spec, h = network._spec, rows
    for l, (W, b, activation) in enumerate(zip(network.W.values(), network.b.values(), spec.activations, strict=True)):
        W, b = (cast_finite(f"{name}[{l + 1}]", array, graph.dtype) for name, array in (("W", W), ("b", b)))
        W, b = graph.constant(W, f"W{l + 1}{suffix}"), graph.constant(b, f"b{l + 1}{suffix}")
        z = graph.add("Gemm", h, W, b, transB=1)
        if l < spec.n_layers - 1:
            h = add_activation(graph, activation, z, spec.layer_sizes[l + 1])
    return z


def _mean(graph, values):
    """The mean of what several networks give; of one, that itself. ONNX Runtime has no Mean of float64."""
    return values[0] if len(values) == 1 else graph.add("Div", graph.add("Sum", *values), float(len(values)))


def _columns(graph, z, start, stop):
    return graph.add("Slice", z, np.array([start]), np.array([stop]), np.array([1]))


def _own(graph, result):
    """A result that may be renamed: nobody reads it, and it is no input."""
    is_read = all(result != output for *_, output, _ in graph.nodes) or any(
        result in names for _, names, *_ in graph.nodes
    )
    return graph.add("Identity", result) if is_read else result


def _outputs(graph, sums, block, labels, values_alone=False):
    """What is said of one head, or of all outputs, from the sums of its units in each network."""
    n_out, activation = block.n_out, block.activation
    if activation.name == "mean_variance":
        half = n_out // 2
        each = [_columns(graph, z, 0, half) for z in sums]
        spread = [variances(graph, _columns(graph, z, half, n_out)) for z in sums]
        mean = _mean(graph, each)
        if len(sums) > 1:
            apart = [graph.add("Sub", one, mean) for one in each]
            spread = [graph.add("Add", v, graph.add("Mul", d, d)) for v, d in zip(spread, apart, strict=True)]
        return [
            ("variable", mean, graph.dtype, [half]),
            ("variance", _mean(graph, spread), graph.dtype, [half]),
        ]  # fmt: skip
    h = _mean(graph, [add_activation(graph, activation, z, n_out) for z in sums])
    if labels.kind == "quantiles" and n_out > labels.group:
        shape = [n_out // labels.group, labels.group]
        return [("variable", graph.add("Reshape", h, np.array([-1, *shape])), graph.dtype, shape)]
    if not labels.are_classes or values_alone:
        return [("variable", h, graph.dtype, [n_out])]
    decided = label_of(graph, h, labels, n_out)
    if not labels.has_probabilities([activation.name]):
        return [decided, ("scores", h, graph.dtype, [n_out])]
    if labels.kind == "binary":
        h = graph.add("Concat", graph.add("Sub", 1.0, h), h, axis=1)
    return [decided, ("probabilities", h, graph.dtype, [n_out + (labels.kind == "binary")])]


def label_of(graph, h, labels, n_out):
    """Append the label of outputs `h`, by the rule of ``labels.decode``: return name, result, dtype, shape of a row."""
    if labels.kind == "multiclass":
        position = graph.add("ArgMax", h, axis=1, keepdims=0)
    else:
        is_yes = graph.add("Greater", h, labels.threshold)
        position = graph.add("Cast", is_yes, to=7)  # TensorProto.INT64
        if labels.kind == "multilabel":
            return "label", position, np.int64, [n_out]
        position = graph.add("Reshape", position, np.array([-1]))
    classes = as_onnx(labels.classes)
    return (
        "label",
        graph.add("Gather", classes, position, axis=0),
        "O" if classes.dtype.kind == "O" else classes.dtype,
        [],
    )


def as_onnx(classes):
    """Class labels as a constant: 64-bit integers, strings, booleans or floating-point numbers."""
    if classes.dtype.kind in "iu":
        if classes.dtype.kind == "u" and (classes > sys.maxsize).any():
            raise ValueError(f"the class {classes.max()} is beyond the integers of ONNX, which have 64 bits and a sign")
        return classes.astype(np.int64)
    if classes.dtype.kind == "f":
        return classes if classes.dtype == np.float32 else classes.astype(np.float64)
    if classes.dtype.kind == "b":
        return classes
    return np.array([one.decode() if isinstance(one, bytes) else str(one) for one in classes.tolist()], dtype=object)


def _metadata(network, heads_in_one):
    """What a network is beside its graph, as `interop.onnx` reads it: strings, of lists and dicts JSON."""
    plain = to_plain(getattr(network, "networks", (network,))[0])
    if heads_in_one and "heads" in plain:  # of which there are the values alone
        plain["heads"] = [{"labels": {"kind": "values", "classes": None}} for _ in plain["heads"]]
    of_heads = [_labels_as_json(head["labels"]) for head in plain.get("heads", ())]
    labels = of_heads or _labels_as_json(plain["labels"])
    classes = [own["classes"] for own in of_heads] if of_heads else labels["classes"]
    found = {"labels": labels, "classes": classes, "feature_names": plain["feature_names"]}
    others = {name: json.dumps(value) for name, value in found.items() if value is not None}
    return {"fastnn_version": fastnn_version(), **others}


def _labels_as_json(labels):
    classes = labels["classes"]
    return {**labels, "classes": None if classes is None else as_onnx(classes).tolist()}

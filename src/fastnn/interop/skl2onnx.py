"""The estimators in skl2onnx: what it converts pipelines with, told of ours.

The graph is that of ``export.onnx``, put into skl2onnx's container under its names. Nothing else of fastnn imports it.
"""

import numpy as np

from fastnn.checks import optional
from fastnn.export.onnx import add_network, as_onnx
from fastnn.export.onnx_graph import OPSET, Graph

#: What skl2onnx is asked for of classifiers.
OPTIONS = {"zipmap": [True, False, "columns"], "output_class_labels": [False, True], "nocl": [True, False]}


def register_skl2onnx():
    """Tell skl2onnx of `MLPClassifier` and `MLPRegressor`, so that it converts pipelines with them.

    After it ``skl2onnx.to_onnx(pipeline, X)`` works. As skl2onnx has it, the model computes in the dtype of its input:
    pass X as float32 for float32. Without the option ``zipmap=False`` probabilities come as a list of dicts. It needs
    operators of version 13 or later. To call it again does nothing new.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.

    Examples
    --------
    >>> from fastnn.interop import register_skl2onnx
    >>> register_skl2onnx()  # doctest: +SKIP
    """
    with optional("register_skl2onnx", "skl2onnx", "skl2onnx", "onnx", extra="skl2onnx"):
        from skl2onnx import update_registered_converter

    from fastnn.estimators._classifier import MLPClassifier
    from fastnn.estimators._regressor import MLPRegressor

    update_registered_converter(MLPClassifier, "FastnnMLPClassifier", _classifier_shapes, _convert, options=OPTIONS)
    update_registered_converter(MLPRegressor, "FastnnMLPRegressor", _regressor_shapes, _convert)


def _classifier_shapes(operator):
    from skl2onnx.common import data_types

    network, rows = operator.raw_operator.ensemble_, operator.inputs[0].get_first_dimension()
    n_out, labels = network.layer_sizes[-1], network._labels
    has_words = labels.kind != "multilabel" and as_onnx(labels.classes).dtype.kind == "O"
    as_type = data_types.StringTensorType if has_words else data_types.Int64TensorType
    operator.outputs[0].set_type(as_type([rows, n_out] if labels.kind == "multilabel" else [rows]))
    operator.outputs[1].set_type(_numbers(operator)([rows, 2 if labels.kind == "binary" else n_out]))


def _regressor_shapes(operator):
    outputs = _added(Graph(_dtype(operator)), operator, "X")
    operator.outputs[0].set_type(_numbers(operator)([operator.inputs[0].get_first_dimension(), *outputs[0][-1]]))


def _numbers(operator):
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    return DoubleTensorType if _dtype(operator) == np.float64 else FloatTensorType


def _dtype(operator):
    """That of the input, if it is one of ours; else float32."""
    from skl2onnx.common.data_types import DoubleTensorType

    return np.dtype(np.float64 if isinstance(operator.inputs[0].type, DoubleTensorType) else np.float32)


def _added(graph, operator, rows):
    """The outputs that skl2onnx expects: a regressor's values, a classifier's labels and numbers for each class."""
    from onnx import TensorProto

    network = operator.raw_operator.ensemble_
    label, *others = outputs = add_network(graph, network, rows, heads_in_one=True)
    if label[0] != "label":
        return outputs[:1]
    if np.dtype(label[2]).kind in "bf":  # as skl2onnx has it, whose ZipMap takes no others
        label = ("label", graph.add("Cast", label[1], to=TensorProto.INT64), np.int64, [])
    name, scores, kind, _ = others[0]
    if network._labels.kind == "binary" and name == "scores":  # of the second class
        others = [(name, graph.add("Concat", graph.add("Neg", scores), scores, axis=1), kind, [2])]
    return [label, *others]


def _convert(scope, operator, container):
    """Put the nodes of an estimator into the container."""
    from onnx import TensorProto
    from onnx.helper import np_dtype_to_tensor_dtype

    if container.target_opset < OPSET:
        raise RuntimeError(
            f"fastnn's estimators need ONNX operators of version {OPSET} or later, target_opset is "
            f"{container.target_opset}"
        )
    graph = Graph(_dtype(operator))
    rows = graph.add("Cast", operator.inputs[0].full_name, to=int(np_dtype_to_tensor_dtype(graph.dtype)))
    outputs = _added(graph, operator, rows)
    names = {operator.inputs[0].full_name: operator.inputs[0].full_name}
    names |= {result: own.full_name for (_, result, *_), own in zip(outputs, operator.outputs, strict=True)}
    for name, array in graph.constants.items():
        names[name] = scope.get_unique_variable_name(name)
        is_text = array.dtype.kind == "O"
        kind = TensorProto.STRING if is_text else int(np_dtype_to_tensor_dtype(array.dtype))
        values = [text.encode() for text in array.tolist()] if is_text else array.ravel()
        container.add_initializer(names[name], kind, list(array.shape), values)
    for op, inputs, output, own in graph.nodes:
        result = names.setdefault(output, scope.get_unique_variable_name(output))
        container.add_node(
            op,
            [names[name] for name in inputs],
            [result],
            name=scope.get_unique_operator_name(op),
            op_version=OPSET,
            **own,
        )

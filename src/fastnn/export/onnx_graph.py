"""An ONNX graph as it grows: operators and constants by name, and from them a model; knows no networks.

`Graph` needs no ``onnx``, so that skl2onnx can be handed what is in it; `model_of` does.
"""

from importlib import import_module

import numpy as np

#: The operators' version, of ONNX 1.8: old enough for ONNX Runtime 1.6, and what is used means the same to this day.
OPSET, IR_VERSION = 13, 7

#: The other standard domain, and its operators' version, of ONNX 1.6.
ML, OPSET_ML = "ai.onnx.ml", 2


class Graph:
    """Nodes in their order, and constants.

    Parameters
    ----------
    dtype : numpy.dtype
        That of numbers among the inputs of nodes.
    taken : iterable of str, default ()
        Names of inputs, which results and constants do not get.

    Attributes
    ----------
    nodes : list of tuple (op, inputs, output, attributes)
    constants : dict of str to ndarray
    """

    def __init__(self, dtype, taken=()):
        self.dtype = np.dtype(dtype)
        self.nodes = []
        self.constants = {}
        self._taken = frozenset(taken)

    def add(self, op, *inputs, **attributes):
        """Append a node, and return the name of its result; inputs are names, or numbers and arrays."""
        names = [given if isinstance(given, str) else self.constant(given) for given in inputs]
        output = self.free(f"{op.lower()}_{len(self.nodes)}")
        self.nodes.append((op, names, output, attributes))
        return output

    def constant(self, value, name=None):
        """Return the name of a constant: an array as it is, a number in the dtype of the graph."""
        array = value if isinstance(value, np.ndarray) else np.asarray(value, self.dtype)
        for known, other in self.constants.items() if array.size < 2 and name is None else ():
            if other.dtype == array.dtype and other.shape == array.shape and other.tobytes() == array.tobytes():
                return known
        name = self.free(name or f"constant_{len(self.constants)}")
        self.constants[name] = array
        return name

    def free(self, name):
        """Return a name, or one like it where an input has it."""
        while name in self._taken:
            name += "_"
        return name

    def rename(self, result, name):
        """Give a result that nobody reads yet another name."""
        self.nodes = [(op, names, name if output == result else output, own) for op, names, output, own in self.nodes]


def fastnn_version():
    """That of the package, which has been imported whole by now, but stands above."""
    return import_module("fastnn").__version__


def model_of(graph, inputs, outputs, metadata):
    """Return the ModelProto of a graph.

    Parameters
    ----------
    graph : Graph
    inputs, outputs : list of tuple (name, dtype, shape)
        Of a shape's entries a str is an axis of any length.
    metadata : dict of str to str

    Returns
    -------
    model : onnx.ModelProto
    """
    from onnx import helper, numpy_helper

    def described(name, dtype, shape):
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)

    nodes = [helper.make_node(op, names, [output], output, **own) for op, names, output, own in graph.nodes]
    constants = [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in graph.constants.items()]
    made = helper.make_graph(
        nodes, "fastnn", [described(*one) for one in inputs], [described(*one) for one in outputs], constants
    )
    opsets = {"": OPSET}
    if any(own.get("domain") == ML for *_, own in graph.nodes):
        opsets[ML] = OPSET_ML
    model = helper.make_model(
        made,
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in opsets.items()],
        ir_version=IR_VERSION,
        producer_name="fastnn",
        producer_version=fastnn_version(),
    )
    helper.set_model_props(model, metadata)
    return model

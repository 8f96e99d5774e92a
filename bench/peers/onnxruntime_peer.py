"""ONNX Runtime: prediction alone, from a graph of Gemm and activation nodes."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from bench.peers.interface import N_THREADS

PACKAGES = ("onnxruntime", "onnx")

OPERATORS = {"identity": "Identity", "logistic": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "softmax": "Softmax"}

#: Versions of the operators and of the file that any ONNX Runtime of the last years reads.
OPSET, IR_VERSION = 17, 8


def model(problem):
    """Return the network as the bytes of a model."""
    nodes, constants, below = [], [], "x"
    layers = zip(problem.W, problem.b, problem.case.activations, strict=True)
    for l, (W, b, activation) in enumerate(layers):
        constants += [numpy_helper.from_array(W, f"W{l}"), numpy_helper.from_array(b, f"b{l}")]
        nodes += [
            helper.make_node("Gemm", [below, f"W{l}", f"b{l}"], [f"z{l}"], transB=1),
            helper.make_node(OPERATORS[activation], [f"z{l}"], [f"h{l}"]),
        ]
        below = f"h{l}"
    dtype = TensorProto.FLOAT if problem.dtype == "float32" else TensorProto.DOUBLE
    n_rows, (n_in, *_, n_out) = problem.case.n_rows, problem.case.layers
    inputs = [helper.make_tensor_value_info("x", dtype, [n_rows, n_in])]
    outputs = [helper.make_tensor_value_info(below, dtype, [n_rows, n_out])]
    graph = helper.make_graph(nodes, "network", inputs, outputs, constants)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    ).SerializeToString()


class Predict:
    """``run``."""

    def __init__(self, problem):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = N_THREADS, 1
        self.session = onnxruntime.InferenceSession(model(problem), options, providers=["CPUExecutionProvider"])
        self.inputs = {"x": problem.X}

    def reset(self):
        pass

    def run(self):
        self.out = self.session.run(None, self.inputs)[0]

    def numbers(self):
        return self.out


class Bound(Predict):
    """Inputs and outputs bound to NumPy's memory."""

    def __init__(self, problem):
        super().__init__(problem)
        self.X = problem.X
        self.out = np.empty((problem.case.n_rows, problem.case.layers[-1]), problem.dtype)
        self.binding = self.session.io_binding()
        name = self.session.get_outputs()[0].name
        self.binding.bind_input("x", "cpu", 0, self.X.dtype, self.X.shape, self.X.ctypes.data)
        self.binding.bind_output(name, "cpu", 0, self.out.dtype, self.out.shape, self.out.ctypes.data)

    def run(self):
        self.session.run_with_iobinding(self.binding)


TRAINERS = {}
PREDICTORS = {"ONNX Runtime": Predict, "ONNX Runtime, bound": Bound}

"""Graphs of ONNX for the tests of `Network.from_onnx`, and ONNX Runtime to ask."""

from itertools import pairwise

import numpy as np
import pytest

from fastnn import ModelFormatError, Network

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
helper, numpy_helper = onnx.helper, onnx.numpy_helper

RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 4))
CLASSES = np.digitize(X[:, 0], [-0.5, 0.5])
NAMES = np.array(["links", "Mitte", "größer"])[CLASSES]
DTYPES = ["float64", "float32"]
W1, B1, W2, B2 = (RNG.standard_normal(shape).astype(np.float32) for shape in ((4, 6), (6,), (6, 3), (3,)))
FEW = np.float32(RNG.standard_normal(6))


def network(sizes=(4, 6, 3), **options):
    rng = np.random.default_rng(1)
    W = [rng.standard_normal((n_out, n_in)) for n_in, n_out in pairwise(sizes)]
    return Network(W, [rng.standard_normal(len(weights)) for weights in W], **options)


def same(found, expected):
    assert type(found) is type(expected)
    assert found.layer_sizes == expected.layer_sizes
    assert found.activations == expected.activations
    assert found.heads == expected.heads
    assert found.dtype == expected.dtype
    assert found.parameters.tobytes() == expected.parameters.tobytes()
    assert found._labels == expected._labels
    assert found.feature_names == expected.feature_names


def again(net, **options):
    return Network.from_onnx(net.to_onnx(**options))


def model(nodes, outputs=("y",), opset=18, shape=("N", 4), **constants):
    """A model of nodes, each (op, inputs, output, attributes), on constants by their names."""
    made = []
    for op, inputs, output, *attributes in nodes:
        own = attributes[0] if attributes else {}
        domain = "ai.onnx.ml" if op in ("Scaler", "LinearClassifier") else ""
        made.append(helper.make_node(op, inputs.split(), output.split(), f"{op}_{len(made)}", domain=domain, **own))
    graph = helper.make_graph(
        made,
        "graph",
        [helper.make_tensor_value_info("x", 1, shape)],
        [helper.make_tensor_value_info(name, 1, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    )


def layers(*between, end=(), **constants):
    """A network 4-6-3 with nodes between its layers that lead from z to h, and others from s to y."""
    last = "s" if end else "y"
    nodes = [("MatMul", "x W1", "p"), ("Add", "p b1", "z"), *between, ("Gemm", "h W2 b2", last), *end]
    return model(nodes, W1=W1, b1=B1, W2=W2, b2=B2, **{name: np.float32(value) for name, value in constants.items()})


def run(made, rows=X):
    made = onnx.ModelProto.FromString(made.SerializeToString())
    made.ir_version = 8
    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: rows.astype(np.float32)})


def check_as_onnx_runtime(made, *activations, rows=X):
    """The network has these activations, and answers as ONNX Runtime does."""
    found = Network.from_onnx(made)
    if activations:
        assert found.activations == activations
    (expected,) = run(made, rows)
    outputs = found(rows.reshape(len(rows), -1))
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def refused(made, said):
    with pytest.raises(ModelFormatError, match=said):
        Network.from_onnx(made)


KINDS = {
    "two": (1, CLASSES > 0, {"loss": "log_loss"}),
    "words": (3, NAMES, {"loss": "log_loss"}),
    "numbers": (3, CLASSES + 0.5, {"loss": "focal"}),
    "margins": (1, CLASSES > 0, {"loss": "hinge"}),
    "several margins": (2, np.where(X[:, :2] > 0, 1, -1), {"loss": "squared_hinge"}),
    "several labels": (2, (X[:, :2] > 0).astype(float), {"loss": "log_loss"}),
    "values": (2, X[:, :2], {"activation": "tanh"}),
    "variances": (4, X[:, :2], {"activation": "tanh", "loss": "gaussian_nll"}),
    "quantiles": (4, X[:, :2], {"activation": "tanh", "loss": "quantile", "quantile": [0.1, 0.9]}),
    "steps": (3, CLASSES, {"loss": "perceptron"}),
}

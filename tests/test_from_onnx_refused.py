"""ONNX models that cannot be carried over, and files that mean harm."""

import os

import numpy as np
import pytest

import fastnn
from fastnn import ModelFormatError, Network

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx_graphs import KINDS, NAMES, W1, W2, X, helper, model, network, numpy_helper, onnx, refused

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


REFUSED = {
    "Conv": ([("Conv", "x W1", "y")], r"'Conv_0' \(Conv\) .* no such operator"),
    "another domain": ([("Gelu", "x", "y")], "of 'com.microsoft', not ONNX's own"),
    "residual": ([("MatMul", "x W1", "a"), ("MatMul", "x W1", "b"), ("Add", "a b", "y")], "joins several layers"),
    "two matrices": ([("MatMul", "x W1", "a"), ("MatMul", "W3 a", "y")], "no product of rows with a constant matrix"),
    "of itself": ([("MatMul", "x x", "y")], "no product of rows with a constant matrix"),
    "shapes": ([("MatMul", "x W1", "a"), ("MatMul", "a W1", "y")], "6 units before it, but it has weights for 4"),
    "the inputs' width": ([("MatMul", "x W2", "y")], "4 units before it, but it has weights for 6"),
    "transA": ([("Gemm", "x W1", "y", {"transA": 1})], "no product of rows"),
    "integers": ([("MatMul", "x V", "y")], "its weights are int64; fastnn has float32 and float64"),
    "half precision": ([("MatMul", "x H", "y")], "its weights are float16"),
    "softmax inside": (
        [("MatMul", "x W1", "a"), ("Softmax", "a", "b"), ("MatMul", "b W2", "y")], "'softmax' ends a network",
    ),
    "exp inside": ([("MatMul", "x W1", "a"), ("Exp", "a", "b"), ("MatMul", "b W2", "y")], "'exp' ends a network"),
    "softmax of relu": (
        [("MatMul", "x W1", "a"), ("Relu", "a", "b"), ("Softmax", "b", "y")],
        r"\(Softmax\) .* not of the weighted sums",
    ),
    "after softmax": ([("MatMul", "x W1", "a"), ("Softmax", "a", "b"), ("Mul", "b two", "y")], "goes on from what"),
    "a multiple": ([("MatMul", "x W1", "a"), ("Tanh", "a", "b"), ("Mul", "b two", "y")], "is a multiple of 'tanh'"),
    "a bounded exp": ([("MatMul", "x W1", "a"), ("Min", "a most", "b"), ("Exp", "b", "y")], r"\(Exp\) .* no"),
    "inputs bent": ([("Tanh", "x", "a"), ("MatMul", "a W1", "y")], "is of the inputs themselves"),
    "training": (
        [("MatMul", "x W1", "a"), ("Dropout", "a two yes", "y")], r"\(Dropout\) .* as in training",
    ),
    "Reshape": ([("MatMul", "x W1", "a"), ("Reshape", "a shape", "y")], r"\(Reshape\) .* other rows: \[-1, 2\] of 6"),
    "Transpose": ([("MatMul", "x W1", "a"), ("Transpose", "a", "y")], r"\(Transpose\) .* no such operator"),
    "constant output": ([("Identity", "W1", "y")], "the output 'y' of the ONNX model is constant"),
    "no output": ([("MatMul", "x W1", "a")], "the output 'y', which no node makes"),
    "other layers' outputs": (
        [("MatMul", "x W1", "a"), ("Relu", "a", "u"), ("MatMul", "u W2", "y")], "are of several layers",
    ),
    "other values' labels": (
        [("MatMul", "x W1", "y"), ("Neg", "y", "a"), ("ArgMax", "a", "u", {"axis": 1})], "'u' .* of other values",
    ),
    "thresholds": (
        [("MatMul", "x W1", "y"), ("Greater", "y six", "a"), ("Cast", "a", "u", {"to": 7})], "a threshold each",
    ),
    "a far bound": ([("MatMul", "x W1", "a"), ("Min", "a high", "y")], "no activation that fastnn has"),
    "absent": ([("MatMul", "x U", "y")], r"'MatMul_0' \(MatMul\) reads 'U', which nothing before it has made"),
    "a cycle": ([("Add", "x b", "a"), ("Relu", "a", "b"), ("MatMul", "b W1", "y")], "reads 'b', which nothing"),
    "of its own": ([("Relu", "y", "y")], "reads 'y', which nothing before it has made"),
    "made twice": ([("MatMul", "x W1", "y"), ("Relu", "y", "y")], "makes 'y', which is there already"),
    "too many inputs": ([("MatMul", "x W1", "a"), ("Add", "a two two", "y")], r"\(Add\) is .* has 3 inputs, not 2"),
    "too few inputs": ([("Gemm", "x", "y")], r"'Gemm_0' \(Gemm\) is damaged, or not as ONNX has it"),
    "giant shapes": ([("ConstantOfShape", "shape", "W"), ("MatMul", "x W", "y")], "does not compute it of constants"),
    "giant sums": ([("Add", "column row", "W"), ("MatMul", "x W", "y")], "does not compute it of constants"),
    "a variance alone": (
        [("MatMul", "x W1", "a"), ("Softplus", "a", "b"), ("Add", "b tiny", "y")],
        "variances, .*, that follow no means",
    ),
    "a slice of nothing": ([("MatMul", "x W1", "a"), ("Slice", "a shape shape shape", "y")], r"\(Slice\) .* other"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_carried_over_is_refused_by_name(name):
    nodes, said = REFUSED[name]
    outputs = ("y", "u") if any(node[2] == "u" for node in nodes) else ("y",)
    made = model(
        nodes, outputs=outputs, W1=W1, W2=W2, W3=np.ones((2, 3), np.float32),
        V=np.ones((4, 2), np.int64), H=np.ones((4, 2), np.float16), two=np.float32(2), shape_=np.array([1]),
        yes=np.array(True), column=np.ones((5000, 1), np.float32), row=np.ones((1, 5000), np.float32),
        tiny=np.float32(1e-6), most=np.float32(100), six=np.arange(6, dtype=np.float32), high=np.float32(65504),
    )  # fmt: skip
    made.graph.initializer.append(numpy_helper.from_array(np.array([-1, 2]), "shape"))
    if name == "another domain":
        made.graph.node[0].domain = "com.microsoft"
    refused(made, said)


def test_a_deep_chain_without_layers_is_refused_soon():
    nodes = [("MatMul", "x W1", "a0"), *[("Mul", f"a{i} a{i}", f"a{i + 1}") for i in range(300)]]
    refused(model([*nodes, ("Relu", "a300", "y")], W1=W1), "more than 64 operators stand between two layers")
    refused(model([("Relu", "x", "y")] * 10_001, W1=W1), "10001 nodes, which no chain of dense layers has")


def test_weights_used_over_and_over_do_not_fill_the_memory():
    nodes = [("MatMul", "x V", "a0"), *[("MatMul", f"a{i} V", f"a{i + 1}") for i in range(50)]]
    refused(
        model([*nodes, ("Relu", "a50", "y")], V=np.eye(4, dtype=np.float32)), "more weights than its file holds numbers"
    )


def test_sparse_tensors_are_not_read():
    made = network(dtype="float32").to_onnx()
    made.graph.sparse_initializer.add()
    refused(made, "sparse initialisers")


def test_tensors_that_are_not_there():
    made = network(dtype="float32").to_onnx()
    made.graph.initializer[0].dims[0] = 2**40
    refused(made, r"the initialiser 'W1' of the ONNX model has the shape \[1099511627776, 4\], and no such numbers")
    made.graph.initializer[0].dims[0] = -6
    refused(made, "no such numbers")
    made.graph.initializer[0].dims[0] = 5
    refused(made, "the initialiser 'W1' of the ONNX model is damaged")
    made.graph.initializer[0].dims[0] = 6
    made.graph.initializer[0].data_type = 77
    refused(made, "the initialiser 'W1' of the ONNX model is damaged")


def test_tensors_in_other_files_are_not_opened(tmp_path):
    made = network().to_onnx()
    onnx.external_data_helper.convert_model_to_external_data(made, location="weights.bin", size_threshold=0)
    onnx.save(made, tmp_path / "model.onnx")
    refused(
        tmp_path / "model.onnx", "the initialiser 'W1' of the ONNX model is in another file, which fastnn does not open"
    )


def test_what_the_file_says_beside_is_checked():
    made = fastnn.train([4, 5, 3], X, NAMES, 3, 0.1, loss="log_loss", random_state=0).network.to_onnx()

    def saying(key, value):
        other = onnx.ModelProto.FromString(made.SerializeToString())
        for prop in other.metadata_props:
            prop.value = value if prop.key == key else prop.value
        return other

    refused(saying("labels", "{"), "the ONNX model's 'labels' is no JSON")
    refused(saying("labels", "[" * 100_000), "the ONNX model's 'labels' is no JSON")
    refused(saying("labels", "[1, 2]"), "says of its labels")
    refused(
        saying("labels", '{"kind": "multiclass", "classes": ["a"]}'), "does not fit together: .* have 3 classes, got 1"
    )
    refused(saying("labels", '{"kind": "others", "classes": null}'), "unknown kind of labels 'others'")
    refused(saying("labels", '{"kind": "multiclass", "classes": [[1], "a", {}]}'), "the ONNX model")


def test_a_graph_has_one_input_and_some_output():
    refused(model([("MatMul", "x W1", "y")], outputs=(), W1=W1), "the ONNX graph has no outputs")
    made = model([("MatMul", "x W1", "y")], W1=W1)
    made.graph.input.append(helper.make_tensor_value_info("other", 1, ("N", 4)))
    refused(made, r"the inputs \['x', 'other'\]; a network of fastnn has one")


def test_what_is_no_file_of_onnx(tmp_path):
    path = tmp_path / "model.onnx"
    for content in (b"", b"\0", b"no model", b"\xff" * 100, b'{"a": 1}' * 50):
        path.write_bytes(content)
        refused(path, "is no ONNX file|has no nodes")
    refused(tmp_path, "is no regular file")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "is no regular file")
    with pytest.raises(FileNotFoundError):
        Network.from_onnx(tmp_path / "none")
    with pytest.raises(TypeError, match=r"takes a path or an onnx.ModelProto, got a int"):
        Network.from_onnx(3)


def test_weights_that_are_not_finite_are_told():
    net = network()
    made = net.to_onnx()
    weights = net.W[1].copy()
    weights[0, 0] = np.nan
    made.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "W1"))
    with pytest.warns(RuntimeWarning, match="weights that are not finite"):
        Network.from_onnx(made)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["words", "variances"])
def test_damaged_files_are_networks_or_refused(kind, tmp_path):
    """Cut anywhere, and with bits, bytes and runs of them changed."""
    n_out, y, options = KINDS[kind]
    net = fastnn.train([4, 5, n_out], X, y, 3, 0.01, random_state=0, **{"activation": "gelu", **options}).network
    whole, path, rng = net.to_onnx().SerializeToString(), tmp_path / "model.onnx", np.random.default_rng(0)
    n_refused = 0
    for attempt in range(400):
        content = bytearray(whole)
        if attempt % 4 == 0:
            content = content[: rng.integers(len(content))]
        for _ in range(rng.integers(1, 4)):
            if len(content):
                place = rng.integers(len(content))
                content[place] = rng.integers(256) if attempt % 2 else content[place] ^ (1 << rng.integers(8))
        path.write_bytes(content)
        try:
            found = Network.from_onnx(path)
            assert np.shape(found(np.zeros((2, found.layer_sizes[0]), found.dtype))) == (2, found.layer_sizes[-1])
        except ModelFormatError:
            n_refused += 1
    assert 0 < n_refused < 400

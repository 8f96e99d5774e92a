"""Networks from ONNX models: our own, other exporters', public files, and files that mean harm."""

import glob
import io
import os
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import Head, MLPClassifier, MLPRegressor, ModelFormatError, Network
from fastnn._tables import HIDDEN_ACTIVATIONS, OUTPUT_ACTIVATIONS

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

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


# -- our own ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", HIDDEN_ACTIVATIONS)
def test_hidden_activations_come_back(name, dtype):
    net = network((4, 7, 5, 3), activation=name, output_activation="identity", dtype=dtype)
    same(again(net), net)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("given", [("leaky_relu", 0.3), ("leaky_relu", -2.0), ("elu", 0.3), ("elu", 2.5)], ids=str)
def test_parameters_come_back(given, dtype):
    net = network(activation=given, output_activation=given, dtype=dtype)
    same(again(net), net)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "name", [*OUTPUT_ACTIVATIONS, ("increasing", 1), ("increasing", 2), ("increasing", 3)], ids=str
)
def test_output_activations_come_back(name, dtype):
    net = network((4, 7, 6), activation="tanh", output_activation=name, dtype=dtype)
    same(again(net), net)


@pytest.mark.parametrize("sizes", [(1, 1), (4, 1), (1, 2, 1), (3, 1, 1, 2), (4, 3, 3, 3, 3, 3)], ids=str)
def test_small_and_deep_networks_come_back(sizes):
    net = network(sizes, activation="softplus", output_activation="hard_sigmoid")
    net.parameters[net._spec.n_weights :] = 0.25  # biases that are all the same number
    same(again(net), net)


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


@pytest.mark.parametrize("kind", KINDS)
def test_labels_come_back(kind):
    n_out, y, options = KINDS[kind]
    net = fastnn.train([4, 5, n_out], X, y, 3, 0.01, random_state=0, **options).network
    same(again(net), net)
    assert again(net, dtype="float32").dtype == np.float32


def without_what_is_said(made):
    del made.metadata_props[:]
    return made


@pytest.mark.parametrize("kind", ["two", "words", "numbers", "margins", "several margins", "several labels", "steps"])
def test_labels_are_read_off_the_graph_too(kind):
    n_out, y, options = KINDS[kind]
    net = fastnn.train([4, 5, n_out], X, y, 3, 0.01, random_state=0, **options).network
    same(Network.from_onnx(without_what_is_said(net.to_onnx())), net)


def test_several_heads_come_back():
    heads = [Head(1), Head(3, "log_loss"), Head(2, "gaussian_nll"), Head(2, "hinge"), Head(1, "poisson")]
    y = [X[:, 0], NAMES, X[:, 1], np.where(X[:, :2] > 0, 1, -1), np.abs(X[:, 3])]
    net = fastnn.train([4, 6, 9], X, y, 3, 0.01, activation="gelu", heads=heads, random_state=0).network
    same(again(net), net)
    found = Network.from_onnx(without_what_is_said(net.to_onnx()))
    assert [own.kind for _, own in found._labels.heads] == ["values", "multiclass", "means", "multilabel", "values"]
    np.testing.assert_array_equal(found(X), net(X))


def test_estimators_come_back_as_networks():
    frame = pytest.importorskip("pandas").DataFrame(X, columns=list("abcd"))
    classifier = MLPClassifier((5,), max_iter=5, random_state=0).fit(frame, NAMES)
    found = again(classifier)
    same(found, classifier.network_)
    assert (found.predict(frame) == classifier.predict(frame)).all()
    heads = [Head(1), Head(2, "gaussian_nll"), Head(2, "log_loss", output_activation="logistic")]
    y = np.hstack([X[:, :2], X[:, 2:] > 0])
    regressor = MLPRegressor(hidden_layer_sizes=(6,), max_iter=20, random_state=0, heads=heads).fit(X, y)
    np.testing.assert_array_equal(np.column_stack(again(regressor).predict(X)), regressor.predict(X))


@pytest.mark.parametrize("name", ["digits", "diabetes"])
def test_trained_networks_come_back_from_a_file(name, tmp_path):
    datasets = pytest.importorskip("sklearn.datasets")
    rows, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    kind = MLPClassifier if name == "digits" else MLPRegressor
    estimator = kind(hidden_layer_sizes=(16, 8), activation="silu", max_iter=5, random_state=0).fit(rows / 16, y)
    estimator.to_onnx(tmp_path / "model.onnx")
    found = Network.from_onnx(tmp_path / "model.onnx")
    same(found, estimator.network_)
    assert (Network.from_onnx(str(tmp_path / "model.onnx")).predict(rows / 16) == estimator.predict(rows / 16)).all()


def test_a_subclass_stays_one():
    class Own(Network):
        pass

    assert type(Own.from_onnx(network().to_onnx())) is Own


def test_the_model_is_not_modified():
    made = network(activation="gelu").to_onnx()
    before = made.SerializeToString()
    Network.from_onnx(made).parameters[:] = 0
    assert made.SerializeToString() == before


# -- activations as others compose them ---------------------------------------------------------------------------

SQUARE_ROOT = 2**0.5
COMPOSED = {
    "relu by a bound": ("relu", [("Max", "z zero", "h")], {"zero": 0}),
    "relu by Clip": ("relu", [("Clip", "z zero", "h")], {"zero": 0}),
    "logistic by Exp": (
        "logistic",
        [("Neg", "z", "a"), ("Exp", "a", "b"), ("Add", "b one", "c"), ("Reciprocal", "c", "h")],
        {"one": 1},
    ),
    "logistic by Tanh": (
        "logistic",
        [("Mul", "z half", "a"), ("Tanh", "a", "b"), ("Mul", "b half", "c"), ("Add", "c half", "h")],
        {"half": 0.5},
    ),
    "tanh by Sigmoid": (
        "tanh",
        [("Mul", "z two", "a"), ("Sigmoid", "a", "b"), ("Mul", "b two", "c"), ("Sub", "c one", "h")],
        {"one": 1, "two": 2},
    ),
    "gelu, halved last": (
        "gelu",
        [("Div", "z r", "a"), ("Erf", "a", "b"), ("Add", "b one", "c"), ("Mul", "z c", "d"), ("Mul", "d half", "h")],
        {"r": SQUARE_ROOT, "one": 1, "half": 0.5},
    ),
    "gelu, halved first": (
        "gelu",
        [("Mul", "z half", "a"), ("Mul", "z r", "b"), ("Erf", "b", "c"), ("Add", "one c", "d"), ("Mul", "a d", "h")],
        {"r": 1 / SQUARE_ROOT, "one": 1, "half": 0.5},
    ),
    "silu": ("silu", [("Sigmoid", "z", "a"), ("Mul", "z a", "h")], {}),
    "mish by Softplus": ("mish", [("Softplus", "z", "a"), ("Tanh", "a", "b"), ("Mul", "z b", "h")], {}),
    "mish by Exp, which overflows": (
        "mish",
        [("Exp", "z", "a"), ("Add", "a one", "b"), ("Log", "b", "c"), ("Tanh", "c", "d"), ("Mul", "z d", "h")],
        {"one": 1},
    ),
    "softplus by Exp, which overflows": (
        "softplus",
        [("Exp", "z", "a"), ("Add", "a one", "b"), ("Log", "b", "h")],
        {"one": 1},
    ),
    "softplus with a threshold": (
        "softplus",
        [("Softplus", "z", "a"), ("Greater", "z t", "b"), ("Where", "b z a", "h")],
        {"t": 20},
    ),
    "softsign": ("softsign", [("Abs", "z", "a"), ("Add", "a one", "b"), ("Div", "z b", "h")], {"one": 1}),
    "hard_sigmoid by relu6": (
        "hard_sigmoid",
        [("Add", "z three", "a"), ("Clip", "a zero six", "b"), ("Div", "b six", "h")],
        {"zero": 0, "three": 3, "six": 6},
    ),
    "hard_swish by HardSigmoid": (
        "hard_swish",
        [("HardSigmoid", "z", "a", {"alpha": 1 / 6}), ("Mul", "z a", "h")],
        {},
    ),
    "leaky_relu by Max": (("leaky_relu", 0.1), [("Mul", "z slope", "a"), ("Max", "z a", "h")], {"slope": 0.1}),
    "leaky_relu by PRelu": (("leaky_relu", 0.25), [("PRelu", "z slope", "h")], {"slope": [0.25] * 6}),
    "selu by Elu": ("selu", [("Elu", "z", "a", {"alpha": 1.67326324}), ("Mul", "a s", "h")], {"s": 1.05070098}),
    "celu": ("elu", [("Celu", "z", "h")], {}),
    "nothing": (
        "silu",
        [
            ("Identity", "z", "a"), ("Sigmoid", "a", "b"), ("Dropout", "b", "c"), ("Mul", "c a", "d"),
            ("Cast", "d", "e", {"to": 1}), ("Reshape", "e shape", "f"), ("Flatten", "f", "h"),
        ],
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPOSED)
def test_activations_are_recognised_by_their_values(name):
    activation, between, constants = COMPOSED[name]
    made = layers(*between, **constants)
    if name == "nothing":
        made.graph.initializer.append(numpy_helper.from_array(np.array([-1, 6]), "shape"))
    check_as_onnx_runtime(made, activation, "identity")


OTHERS = {
    "Gelu": [("Gelu", "z", "h", {"approximate": "tanh"})],
    "Clip": [("Clip", "z zero six", "h")],
    "Mul": [("Mul", "z s", "a"), ("Sigmoid", "a", "b"), ("Mul", "z b", "h")],
    "Pow": [("Relu", "z", "a"), ("Pow", "a two", "h")],
    "Log": [("Sigmoid", "z", "a"), ("Log", "a", "h")],
    "PRelu": [("PRelu", "z slopes", "h")],
    "Greater": [("Greater", "z zero", "a"), ("Cast", "a", "h", {"to": 1})],
}


@pytest.mark.parametrize("op", OTHERS)
def test_what_is_none_of_them_is_named(op):
    constants = {"zero": 0, "six": 6, "s": 1.702, "two": 2, "slopes": FEW}
    made = layers(*OTHERS[op], **constants)
    made.opset_import[0].version = 20
    with pytest.raises(
        ModelFormatError, match=rf"ONNX node '\w+' \({'Cast' if op == 'Greater' else op}\) cannot be .* by"
    ):
        Network.from_onnx(made)


@pytest.mark.parametrize("opset", [13, 18])
def test_a_softmax_on_either_axis(opset):
    for axis in (1, -1):
        made = layers(("Tanh", "z", "h"), end=[("Softmax", "s", "y", {"axis": axis})])
        made.opset_import[0].version = opset
        check_as_onnx_runtime(made, "tanh", "softmax")


# -- what becomes weights -----------------------------------------------------------------------------------------

BATCH = {
    "scale": np.abs(FEW), "offset": FEW, "mean": FEW[::-1], "var": np.abs(FEW) + 0.5,
}  # fmt: skip
NORM = ("BatchNormalization", "{} scale offset mean var", "{}", {"epsilon": 0.001})


def norm(before, after):
    op, inputs, output, attributes = NORM
    return op, inputs.format(before), output.format(after), attributes


FOLDED = {
    "before": [norm("z", "a"), ("Relu", "a", "h")],
    "after": [("Relu", "z", "a"), norm("a", "h")],
    "after, in two steps": [("Relu", "z", "a"), ("Sub", "a offset", "b"), ("Mul", "b mean", "h")],
    "both": [norm("z", "a"), ("Tanh", "a", "b"), norm("b", "h")],
    "factors": [("Mul", "z mean", "a"), ("Sub", "offset a", "b"), ("Sigmoid", "b", "c"), ("Div", "c var", "h")],
    "around gelu": [norm("z", "a"), ("Erf", "a", "b"), ("Mul", "a b", "h")],
    "the other sign": [("Neg", "z", "a"), ("Relu", "a", "b"), ("Neg", "b", "h")],
}


@pytest.mark.parametrize("name", [name for name in FOLDED if name != "around gelu"])
def test_what_is_linear_is_folded_into_weights(name):
    check_as_onnx_runtime(layers(*FOLDED[name], **BATCH))


def test_inputs_are_scaled_by_the_first_weights():
    offset, scale = [0.5, 1.0, -2.0, 0.0], [2.0, 0.5, 1.5, 1.0]
    first = [("Sub", "x offset", "a"), ("Div", "a scale", "c"), ("MatMul", "c W1", "z"), ("Tanh", "z", "y")]
    check_as_onnx_runtime(model(first, offset=np.float32(offset), scale=np.float32(scale), W1=W1), "tanh")
    first[:2] = [("Scaler", "x", "c", {"offset": offset, "scale": scale})]
    check_as_onnx_runtime(model(first, W1=W1), "tanh")


def test_inputs_far_from_0_keep_their_digits():
    scale, rows = np.float32([0.5, 1.0, 2.0, 1.0]), X + 1e5
    nodes = [("Sub", "x offset", "a"), ("Div", "a scale", "c"), ("MatMul", "c W1", "h"), ("MatMul", "h W2", "y")]
    made = model(nodes, offset=np.float32([1e5] * 4), scale=scale, W1=W1, W2=W2)
    assert Network.from_onnx(made).dtype == np.float64
    check_as_onnx_runtime(made, rows=rows.astype(np.float32))
    refused(model(nodes, offset=np.float32([1e10] * 4), scale=scale, W1=W1, W2=W2), "lose its digits")


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.5, 2.0)])
def test_gemm(transposed, alpha, beta):
    attributes = {"transB": transposed, "alpha": alpha, "beta": beta}
    for bias in (B1, B1[:1], B1.reshape(1, 6), B1[0]):
        made = model([("Gemm", "x W b", "y", attributes)], W=W1.T.copy() if transposed else W1, b=bias)
        check_as_onnx_runtime(made, "identity")
    check_as_onnx_runtime(model([("Gemm", "x W", "y", attributes)], W=W1.T.copy() if transposed else W1))


def test_layers_without_activation_and_biases_of_one_number():
    nodes = [("MatMul", "x W1", "a"), ("Add", "one a", "b"), ("MatMul", "b W2", "c"), ("Add", "c one", "y")]
    check_as_onnx_runtime(model(nodes, W1=W1, W2=W2, one=np.float32(1)), "identity", "identity")


def test_weights_that_are_made_of_constants():
    nodes = [
        ("Transpose", "V", "a", {"perm": [1, 0]}), ("Mul", "a two", "W1"), ("Identity", "W1", "W"),
        ("MatMul", "x W", "y"),
    ]  # fmt: skip
    check_as_onnx_runtime(model(nodes, V=W1.T.copy(), two=np.float32(2)), "identity")


def test_integers_are_divided_as_such():
    nodes = [
        ("Div", "seven two", "a"), ("Cast", "a", "b", {"to": 1}), ("MatMul", "x W1", "z"), ("Mul", "z b", "y"),
    ]  # fmt: skip
    check_as_onnx_runtime(model(nodes, W1=W1, seven=np.array([7]), two=np.array([2])))


def test_pictures_are_rows_after_flatten():
    rows = RNG.standard_normal((5, 1, 2, 2))
    for op, inputs in (("Flatten", "x"), ("Reshape", "x shape")):
        made = model([(op, inputs, "a"), ("MatMul", "a W1", "y")], shape=("N", 1, 2, 2), W1=W1, shape_=np.array(0))
        made.graph.initializer.append(numpy_helper.from_array(np.array([-1, 4]), "shape"))
        check_as_onnx_runtime(made, rows=rows)


def test_heads_of_matrices_of_their_own():
    nodes = [
        ("MatMul", "x W1", "z"), ("Tanh", "z", "h"), ("MatMul", "h W2", "s"), ("Softmax", "s", "y", {"axis": 1}),
        ("MatMul", "h W3", "t"), ("Exp", "t", "u"),
    ]  # fmt: skip
    made = model(nodes, outputs=("y", "u"), W1=W1, W2=W2, W3=W2[:, :1])
    found = Network.from_onnx(made)
    assert found.heads == ((3, "softmax"), (1, "exp"))
    np.testing.assert_allclose(found(X), np.hstack(run(made)), rtol=0, atol=1e-5)


def test_the_largest_may_be_told_before_softmax():
    nodes = [("MatMul", "x W1", "z"), ("ArgMax", "z", "label", {"axis": 1, "keepdims": 0}), ("Softmax", "z", "y")]
    found = Network.from_onnx(model(nodes, outputs=("label", "y"), W1=W1))
    assert (found.activations, found.classes.tolist()) == (("softmax",), [*range(6)])
    (expected,) = run(model(nodes, W1=W1))
    assert (found.predict(X) == expected.argmax(axis=1)).all()


# -- other exporters ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("y", [CLASSES, NAMES, CLASSES > 0], ids=["numbers", "words", "two"])
@pytest.mark.parametrize("scaled", [False, True])
def test_classifiers_of_scikit_learn_by_skl2onnx(y, dtype, scaled):
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = MLPClassifier((6, 5), activation="tanh", max_iter=50, random_state=0)
    classifier = make_pipeline(*[StandardScaler()] * scaled, classifier).fit(X, y)
    rows = X.astype(dtype)
    found = Network.from_onnx(skl2onnx.to_onnx(classifier, rows[:1], options={"zipmap": False}))
    assert found.classes.tolist() == [int(c) if isinstance(c, np.bool_) else c for c in classifier.classes_.tolist()]
    assert (found.predict(rows) == classifier.predict(rows)).mean() > 0.94
    expected = classifier.predict_proba(X)
    np.testing.assert_allclose(found.predict_proba(rows), expected, rtol=0, atol=1e-12 if dtype == "float64" else 1e-5)
    assert Network.from_onnx(skl2onnx.to_onnx(classifier, rows[:1].astype(np.float32))).classes is not None


def test_several_labels_and_values_of_scikit_learn_by_skl2onnx():
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    y = (X[:, :2] > 0).astype(int)
    classifier = MLPClassifier((6,), max_iter=50, random_state=0).fit(X, y)
    found = Network.from_onnx(skl2onnx.to_onnx(classifier, X[:1].astype(np.float32), options={"zipmap": False}))
    assert found._labels.kind == "multilabel"
    assert (found.predict(X) == classifier.predict(X)).all()
    regressor = MLPRegressor(hidden_layer_sizes=(6,), max_iter=50, random_state=0).fit(X, X[:, 0])
    np.testing.assert_allclose(Network.from_onnx(skl2onnx.to_onnx(regressor, X[:1])).predict(X), regressor.predict(X))


TORCH = ["ReLU", "GELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid", "Softplus", "Softsign", "SELU", "ELU", "LeakyReLU"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*TORCH, "Sigmoid", "Tanh", "PReLU"])
def test_models_that_pytorch_exports(name):
    torch = pytest.importorskip("torch")
    nn, file = torch.nn, io.BytesIO()
    torch.manual_seed(0)
    parts = [nn.Flatten(), nn.Linear(4, 6), getattr(nn, name)(), nn.Dropout(0.3), nn.BatchNorm1d(6), nn.Linear(6, 3)]
    net = nn.Sequential(*parts, nn.Softmax(-1))
    rows = torch.tensor(X, dtype=torch.float32)
    net(rows)  # for the means of the batches
    net.eval()
    axes = {"x": {0: "N"}}
    torch.onnx.export(net, (rows[:2],), file, dynamo=False, input_names=["x"], dynamic_axes=axes)
    found = Network.from_onnx(onnx.ModelProto.FromString(file.getvalue()))
    np.testing.assert_allclose(found(X), net(rows).detach().numpy(), rtol=0, atol=1e-6)


# -- public files -------------------------------------------------------------------------------------------------


def test_a_linear_layer_of_onnx_s_own_tests():
    """With the inputs and outputs that come with it."""
    for name in ("test_Linear", "test_Linear_no_bias"):
        folder = Path(onnx.__file__).parent / "backend" / "test" / "data" / "pytorch-converted" / name
        if not folder.is_dir():
            pytest.skip("this onnx has no test data")
        found = Network.from_onnx(folder / "model.onnx")
        rows, expected = (
            numpy_helper.to_array(
                onnx.TensorProto.FromString((folder / "test_data_set_0" / f"{what}_0.pb").read_bytes())
            )
            for what in ("input", "output")
        )
        np.testing.assert_allclose(found(rows), expected, rtol=0, atol=1e-6)


def test_public_files_are_read_or_refused_by_name():
    """Every model that onnx and ONNX Runtime bring: pictures, sequences, strings, one operator alone."""
    folders = [Path(onnx.__file__).parent / "backend" / "test" / "data", Path(ort.__file__).parent / "datasets"]
    paths = [path for folder in folders for path in glob.glob(f"{folder}/**/*.onnx", recursive=True)]
    read, said = [], []
    for path in paths:
        try:
            Network.from_onnx(path)
            read.append(Path(path).parent.name)
        except ModelFormatError as error:
            said.append(str(error))
    assert all(re.search("cannot be carried over|of the ONNX model|has the inputs", error) for error in said)
    assert sorted(read) == ["test_Linear", "test_Linear_no_bias"] * bool(read)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "logreg_iris",
            r"\(LinearClassifier\) cannot be carried over into a dense network: fastnn has no such operator",
        ),
        ("mul_1", r"'mul_1' \(Mul\) .* a constant of shape \(3, 2\) is not one number for each of 2 units"),
        ("sigmoid", "the output 'y' of the ONNX model comes of no layer: no MatMul, no Gemm"),
    ],
)
def test_the_examples_of_onnx_runtime_are_refused_by_name(name, said):
    path = Path(ort.__file__).parent / "datasets" / f"{name}.onnx"
    with pytest.raises(ModelFormatError, match=said):
        Network.from_onnx(path)


# -- what cannot be carried over, or means harm -------------------------------------------------------------------


def refused(made, said):
    with pytest.raises(ModelFormatError, match=said):
        Network.from_onnx(made)


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

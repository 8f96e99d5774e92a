"""Networks from ONNX models: our own, other exporters', and public files."""

import glob
import io
import re
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import Head, MLPClassifier, MLPRegressor, ModelFormatError, Network
from fastnn._tables import HIDDEN_ACTIVATIONS, OUTPUT_ACTIVATIONS

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx_graphs import (
    B1,
    CLASSES,
    DTYPES,
    FEW,
    KINDS,
    NAMES,
    RNG,
    W1,
    W2,
    X,
    again,
    check_as_onnx_runtime,
    layers,
    model,
    network,
    numpy_helper,
    onnx,
    ort,
    refused,
    run,
    same,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


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

"""Networks as ONNX models: what ONNX Runtime makes of them is what the engine, the maths and scikit-learn say."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from conftest import run_program

import fastnn
from fastnn import Head, MLPClassifier, MLPRegressor
from fastnn._tables import HIDDEN_ACTIVATIONS, LOSS_OUTPUTS, OUTPUT_ACTIVATIONS
from fastnn.reference import elementary

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 4))
CLASSES = np.digitize(X[:, 0], [-0.5, 0.5])
NAMES = np.array(["links", "Mitte", "größer"])[CLASSES]
DTYPES = ["float64", "float32"]
BOUND = {"float64": 1e-12, "float32": 1e-6}
OF_ONE = [name for name in OUTPUT_ACTIVATIONS if name not in ("softmax", "mean_variance", "increasing")]


def run(model, X=X):
    """What ONNX Runtime answers, by the name of the output; the model has passed all checks."""
    onnx.checker.check_model(model, full_check=True)
    assert {opset.domain for opset in model.opset_import} == {""}
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    dtype = {"tensor(double)": np.float64, "tensor(float)": np.float32}[session.get_inputs()[0].type]
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": np.asarray(X, dtype)}), strict=True))


def close(found, expected, dtype):
    """Equal, relative to the largest entry."""
    assert found.dtype == np.dtype(dtype)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=BOUND[str(dtype)] * max(np.abs(expected).max(), 1e-30))


def network(sizes=(4, 6, 3), seed=0, **options):
    rng = np.random.default_rng(seed)
    W = [rng.standard_normal((n_out, n_in)) for n_in, n_out in pairwise(sizes)]
    return fastnn.Network(W, [rng.standard_normal(len(weights)) for weights in W], **options)


# -- activations ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", HIDDEN_ACTIVATIONS)
def test_hidden_activations(name, dtype):
    net = network((4, 9, 7, 3), activation=name, output_activation="identity", dtype=dtype)
    close(run(net.to_onnx())["variable"], net(X), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("given", [("leaky_relu", 0.3), ("leaky_relu", -2), ("elu", 0.3)])
def test_parameters_of_activations(given, dtype):
    net = network((4, 9, 3), activation=given, output_activation=given, dtype=dtype)
    close(run(net.to_onnx())["variable"], net(X), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OUTPUT_ACTIVATIONS)
def test_output_activations(name, dtype):
    net = network((4, 9, 6), activation="tanh", output_activation=name, dtype=dtype)
    found = run(net.to_onnx())
    assert list(found) == (["variable", "variance"] if name == "mean_variance" else ["variable"])
    close(np.hstack(list(found.values())), net(X), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OF_ONE)
def test_an_activation_is_what_the_maths_says_far_out_too(name, dtype):
    """By Python's own functions, of every z by itself, out to where powers overflow."""
    z = np.concatenate([np.linspace(-12, 12, 481), [-1000, -89, -20, -3, 1e-9, -1e-9, 3, 20, 89, 700, 1000]])
    z = z[z < 80] if name == "exp" else z
    net = network((1, 1), output_activation=name, dtype=dtype)
    net.parameters[:] = [1, 0]
    found = run(net.to_onnx(), z[:, None])["variable"][:, 0]
    parameters = fastnn.activations.Activation(name).parameters
    expected = np.array([elementary.ELEMENTWISE[name](one, *parameters) for one in z.astype(dtype).tolist()])
    np.testing.assert_allclose(found, expected, rtol=BOUND[dtype], atol=BOUND[dtype])


def test_the_tail_of_gelu_is_that_of_the_normal_distribution():
    """In float64 it has its digits where 1 + erf(z) has none."""
    net = network((1, 1), output_activation="gelu")
    net.parameters[:] = [1, 0]
    z = np.linspace(-8, 0, 61)[:-1]
    expected = [one * 0.5 * math.erfc(-one / math.sqrt(2)) for one in z]
    np.testing.assert_allclose(run(net.to_onnx(), z[:, None])["variable"][:, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_of_large_sums(dtype):
    net = network((2, 2), output_activation="softmax", dtype=dtype)
    net.parameters[:] = [1, 0, 0, 1, 0, 0]
    found = run(net.to_onnx(), [[1000, -1000], [-1000, -1000]])["variable"]
    np.testing.assert_array_equal(found, [[1, 0], [0.5, 0.5]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("group", [0, 1, 2, 3])
def test_groups_that_increase(group, dtype):
    net = network((4, 6), output_activation=("increasing", group), dtype=dtype)
    close(run(net.to_onnx())["variable"], net(X), dtype)


# -- labels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("n_out", "y", "loss"),
    [
        (1, CLASSES > 1, "log_loss"),
        (1, np.where(CLASSES > 0, "ja", "nein"), "focal"),
        (3, CLASSES, "log_loss"),
        (3, NAMES, "focal"),
        (3, CLASSES + 0.5, "log_loss"),
        (3, CLASSES, "squared_error"),
    ],
)
def test_labels_and_probabilities(n_out, y, loss, dtype):
    net = fastnn.train([4, 5, n_out], X, y, 300, 1.0, init="normal", loss=loss, dtype=dtype, random_state=0).network
    found = run(net.to_onnx())
    if loss == "squared_error":
        assert list(found) == ["label", "probabilities"]  # of logistic outputs
    assert (found["label"] == net.predict(X)).all()
    assert len(set(found["label"].tolist())) > 1
    close(found["probabilities"], net.predict_proba(X), dtype)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge", "perceptron"])
@pytest.mark.parametrize("n_out", [1, 3])
def test_scores_where_there_are_no_probabilities(n_out, loss):
    y = CLASSES if n_out == 3 else CLASSES > 1
    net = fastnn.train([4, 5, n_out], X, y, 200, 0.3, init="normal", loss=loss, random_state=0).network
    found = run(net.to_onnx())
    assert list(found) == ["label", "scores"]
    assert (found["label"] == net.predict(X)).all()
    assert len(set(found["label"].tolist())) > 1
    close(found["scores"], net(X), "float64")


@pytest.mark.parametrize("loss", ["log_loss", "hinge"])
def test_several_labels_a_row(loss):
    y = np.column_stack([X[:, 0] > 0, X[:, 1] > 0, X[:, 2] > -1]).astype(float)
    y = 2 * y - 1 if loss == "hinge" else y
    net = fastnn.train([4, 5, 3], X, y, 100, 0.3, loss=loss, random_state=0).network
    found = run(net.to_onnx())
    assert found["label"].dtype == np.int64
    assert (found["label"] == net.predict(X)).all()
    assert 0 < found["label"].mean() < 1


@pytest.mark.parametrize("loss", ["poisson", "gamma", "absolute_error", "huber", "squared_error"])
def test_losses_of_a_regression(loss):
    y = np.abs(X[:, :2]) + 0.1
    net = fastnn.train([4, 5, 2], X, y, 20, 0.01, activation="silu", loss=loss, random_state=0).network
    close(run(net.to_onnx())["variable"], net.predict(X), "float64")


def test_quantiles_have_an_axis_of_their_own_as_predict_has_it():
    net = fastnn.train(
        [4, 5, 6], X, X[:, :2], 20, 0.01, activation="relu", loss="quantile", quantile=[0.1, 0.5, 0.9], random_state=0
    ).network
    close(run(net.to_onnx())["variable"], net.predict(X), "float64")
    assert net.predict(X).shape == (20, 2, 3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_several_heads_have_outputs_with_a_number_each(dtype):
    heads = [Head(1), Head(3, "log_loss"), Head(2, "gaussian_nll"), Head(2, "hinge"), Head(1, "poisson")]
    y = [X[:, 0], NAMES, X[:, 1], np.where(X[:, :2] > 0, 1, -1), np.abs(X[:, 3])]
    net = fastnn.train([4, 6, 9], X, y, 50, 0.05, activation="tanh", heads=heads, dtype=dtype, random_state=0).network
    found, expected = run(net.to_onnx()), net.predict(X)
    assert list(found) == [
        "variable_0", "label_1", "probabilities_1", "variable_2", "variance_2", "label_3", "scores_3", "variable_4",
    ]  # fmt: skip
    close(found["variable_0"][:, 0], expected[0], dtype)
    assert (found["label_1"] == expected[1]).all()
    close(found["probabilities_1"], net.predict_proba(X)[1], dtype)
    close(found["variable_2"][:, 0], expected[2], dtype)
    close(found["variance_2"][:, 0], net(X)[:, 5], dtype)
    assert (found["label_3"] == expected[3]).all()
    close(found["variable_4"][:, 0], expected[4], dtype)


def test_every_loss_has_an_output_activation_that_is_tested():
    assert {name for outputs in LOSS_OUTPUTS.values() for name in outputs} <= set(OUTPUT_ACTIVATIONS)


# -- estimators -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [CLASSES, NAMES, CLASSES > 1, np.eye(3, dtype=int)[CLASSES]], ids="csbm")
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_classifier(y, dtype):
    rows = X.astype(dtype)
    classifier = MLPClassifier((6,), max_iter=100, learning_rate_init=0.05, random_state=0).fit(rows, y)
    found = run(classifier.to_onnx())
    assert (found["label"] == classifier.predict(rows)).all()
    close(found["probabilities"], classifier.predict_proba(rows), dtype)


def test_a_classifier_with_margins():
    classifier = MLPClassifier((6,), loss="hinge", max_iter=100, random_state=0).fit(X, CLASSES)
    found = run(classifier.to_onnx())
    assert (found["label"] == classifier.predict(X)).all()
    close(found["scores"], classifier.decision_function(X), "float64")


@pytest.mark.parametrize(
    ("options", "y"),
    [
        ({}, X[:, 0]),
        ({}, X[:, :2]),
        ({"loss": "poisson"}, np.abs(X[:, 0])),
        ({"loss": "gaussian_nll"}, X[:, :2]),
        ({"loss": "quantile", "quantile": [0.1, 0.9]}, X[:, 0]),
        (
            {"heads": [Head(1), Head(2, "gaussian_nll"), Head(2, "log_loss", output_activation="logistic")]},
            np.hstack([X[:, :2], X[:, 2:] > 0]),
        ),
    ],
)
def test_a_regressor(options, y):
    regressor = MLPRegressor(hidden_layer_sizes=(6,), max_iter=20, random_state=0, **options).fit(X, y)
    found, expected = run(regressor.to_onnx()), regressor.predict(X)
    close(found["variable"], expected.reshape(20, *found["variable"].shape[1:]), "float64")
    if "loss" in options and options["loss"] == "gaussian_nll":
        close(np.sqrt(found["variance"]), regressor.predict(X, return_std=True)[1], "float64")


def test_weights_of_this_moment_are_written():
    regressor = MLPRegressor(hidden_layer_sizes=(6,), max_iter=5, random_state=0).fit(X, X[:, 0])
    regressor.coefs_[0] = regressor.coefs_[0] * 2
    close(run(regressor.to_onnx())["variable"][:, 0], regressor.predict(X), "float64")


@pytest.mark.parametrize("dtype", DTYPES)
def test_digits(dtype):
    datasets = pytest.importorskip("sklearn.datasets")
    rows, y = datasets.load_digits(return_X_y=True)
    rows = (rows / 16).astype(dtype)
    classifier = MLPClassifier((32,), max_iter=15, learning_rate_init=0.01, random_state=0).fit(rows, y)
    found = run(classifier.to_onnx(), rows)
    assert classifier.score(rows, y) > 0.95
    assert (found["label"] == classifier.predict(rows)).all()
    close(found["probabilities"], classifier.predict_proba(rows), dtype)


# -- the file ---------------------------------------------------------------------------------------------------


def test_what_the_file_says_beside():
    frame = pytest.importorskip("pandas").DataFrame(X, columns=list("abcd"))
    model = MLPClassifier((5,), max_iter=2, random_state=0).fit(frame, NAMES).to_onnx()
    said = {prop.key: prop.value for prop in model.metadata_props}
    assert said["fastnn_version"] == model.producer_version == fastnn.__version__
    assert json.loads(said["feature_names"]) == list("abcd")
    assert json.loads(said["classes"]) == sorted(set(NAMES.tolist()))
    assert json.loads(said["labels"]) == {"kind": "multiclass", "classes": json.loads(said["classes"])}


def test_any_number_of_rows():
    net = network(activation="gelu")
    model = net.to_onnx()
    for n_rows in (1, 7, 1000):
        rows = np.random.default_rng(1).standard_normal((n_rows, 4))
        close(run(model, rows)["variable"], net(rows), "float64")


@pytest.mark.parametrize("name", ["gelu", "softplus", "elu"])
def test_a_model_in_the_other_dtype(name):
    net = network(activation=name, output_activation="softmax")
    close(run(net.to_onnx(dtype="float32"))["variable"], net(X).astype(np.float32), "float32")
    weights = {tensor.data_type for tensor in net.to_onnx(dtype="float32").graph.initializer}
    assert weights == {onnx.TensorProto.FLOAT}


def test_only_operators_of_the_default_domain_of_version_13():
    for name in OUTPUT_ACTIVATIONS:
        model = network((4, 5, 6), output_activation=name).to_onnx()
        assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 13)]
        assert model.ir_version == 7
        assert all(node.domain == "" for node in model.graph.node)


def test_a_file_is_written_whole(tmp_path):
    net, path = network(), tmp_path / "model.onnx"
    path.write_bytes(b"before")
    model = net.to_onnx(path)
    assert onnx.load(path) == model
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(IsADirectoryError):
        net.to_onnx(tmp_path)
    with pytest.raises(FileNotFoundError):
        net.to_onnx(tmp_path / "no" / "model.onnx")


def test_what_cannot_be_written_is_refused():
    net = network()
    net.parameters[0] = 1e300
    with pytest.raises(
        ValueError, match=r"W\[1\] has 1e\+300 in row 0, column 0, which is beyond the range of float32"
    ):
        net.to_onnx(dtype="float32")
    with pytest.raises(ValueError, match="dtype must be 'float32' or 'float64', got 'int8'"):
        network().to_onnx(dtype="int8")
    net.parameters[0] = np.nan
    with pytest.raises(ValueError, match=r"W\[1\] has nan"):
        net.to_onnx()


def test_without_onnx_it_says_what_to_install():
    program = """
        import sys, fastnn
        sys.modules["onnx"] = None
        try:
            fastnn.Network([[[1.0]]], [[0.0]]).to_onnx()
        except ImportError as error:
            print(error)
    """
    assert run_program(program) == 'to_onnx needs onnx; install it: python -m pip install "onnx>=1.16"\n'

"""Activations beyond scikit-learn's four, and their parameters: how they are written, and what knows them."""

import copy
import json
import pickle

import numpy as np
import pytest
from conftest import BACKEND_NAMES, DTYPES, LABELS, X, Y, assert_close, train
from sklearn.base import clone
from sklearn.metrics import log_loss

import fastnn
from fastnn import kernels
from fastnn._tables import HIDDEN_ACTIVATIONS
from fastnn.activations import Activation
from fastnn.backends import get_backend
from fastnn.objective import Objective
from fastnn.portable import from_plain, to_plain
from fastnn.spec import NetworkSpec

#: What PyTorch prints of -1, 0.5 and 4, for its modules of these names with their defaults.
TORCH = {
    "leaky_relu": (-0.01, 0.5, 4.0),
    "elu": (-0.6321205588, 0.5, 4.0),
    "selu": (-1.1113307378, 0.5253504937, 4.2028039494),
    "gelu": (-0.1586552539, 0.3457312306, 3.9998733150),
    "silu": (-0.2689414214, 0.3112296657, 3.9280551602),
    "mish": (-0.3034014614, 0.3752452113, 3.9974128070),
    "softplus": (0.3132616875, 0.9740769842, 4.0181499279),
    "hard_sigmoid": (0.3333333333, 0.5833333333, 1.0),
    "hard_swish": (-0.3333333333, 0.2916666667, 4.0),
    "sin": (-0.8414709848, 0.4794255386, -0.7568024953),
    "softsign": (-0.5, 0.3333333333, 0.8),
}
PAIRS = [("leaky_relu", 0.2), ("leaky_relu", -1.0), ("elu", 0.5), ("elu", 2.0)]
WRITTEN = [
    "leaky_relu",
    ("leaky_relu", 0.01),
    ["leaky_relu", 0.01],
    ("leaky_relu", np.float32(0.25)),
    ("elu", 1),
    "gelu",
]
MEANT = ["leaky_relu", "leaky_relu", "leaky_relu", ("leaky_relu", 0.25), "elu", "gelu"]


def gradient_of(backend, activations, dtype="float64", scale=1.0):
    rng = np.random.default_rng(0)
    spec = NetworkSpec((4, 6, 5, 2), tuple(activations), np.dtype(dtype))
    parameters = (scale * rng.standard_normal(spec.n_parameters)).astype(dtype)
    rows, y = rng.standard_normal((23, 4)).astype(dtype), rng.random((23, 2)).astype(dtype)
    gradient = np.empty_like(parameters)
    value, cost = get_backend(backend).loss_and_gradient(
        spec, Objective("squared_error"), parameters, rows, y, None, 0.1, gradient
    )
    return gradient, value, cost


@pytest.mark.parametrize("name", TORCH)
@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_the_digits_of_pytorch(backend, name):
    network = fastnn.Network([[[1.0]]], [[0.0]], output_activation=name, backend=backend)
    assert_close(network([[-1.0], [0.5], [4.0]])[:, 0], TORCH[name], 2e-10)


def test_all_of_them_are_here():
    assert {*TORCH, "identity", "logistic", "tanh", "relu", "step"} == set(HIDDEN_ACTIVATIONS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", PAIRS)
@pytest.mark.parametrize("backend", [name for name in BACKEND_NAMES if name != "numpy"])
def test_the_backends_agree_with_parameters(backend, activation, dtype):
    activations = (activation, "tanh", activation)
    tolerance = 1e-12 if dtype == "float64" else 1e-4
    actual, expected = gradient_of(backend, activations, dtype), gradient_of("numpy", activations, dtype)
    for of_actual, of_expected in zip(actual, expected, strict=True):
        assert_close(of_actual, of_expected, tolerance)


@pytest.mark.parametrize("backend", BACKEND_NAMES)
@pytest.mark.parametrize(
    ("bent", "plain"), [(("leaky_relu", 0), "relu"), (("elu", 0), "relu"), (("leaky_relu", 1), "identity")]
)
def test_parameters_at_which_it_is_another(backend, bent, plain):
    options = {"init": "he_normal", "loss": "log_loss", "backend": backend}
    actual, expected = train(50, 0.1, activation=bent, **options), train(50, 0.1, activation=plain, **options)
    assert_close(actual.network.parameters, expected.network.parameters, 1e-12)
    assert_close(actual.loss_curve, expected.loss_curve, 1e-12)


@pytest.mark.parametrize("activation", sorted(TORCH))
@pytest.mark.parametrize("scale", [100.0, 1e6, 1e30])
def test_large_sums_leave_slopes_finite(activation, scale):
    gradient, value, _ = gradient_of("simd", (activation, activation, "hard_sigmoid"), scale=scale)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("activation", ["gelu", "softplus", ("elu", 0.5)])
def test_the_bits_do_not_depend_on_threads(activation):
    rng = np.random.default_rng(0)
    rows, y = rng.standard_normal((2000, 50)), rng.integers(0, 4, 2000)
    runs = [
        fastnn.train(
            [50, 100, 40, 4], rows, y, 12, 0.1, activation=activation, loss="log_loss", init="he_normal",
            batch_size=500, random_state=0, n_threads=n_threads,
        )
        for n_threads in (1, 2)
    ]  # fmt: skip
    assert runs[0].network.parameters.tobytes() == runs[1].network.parameters.tobytes()


# -- how they are written ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("written", "meant"), list(zip(WRITTEN, MEANT, strict=True)))
def test_one_activation_is_a_name_or_a_pair(written, meant):
    for given in (written, [written]):
        result = train(3, activation=given, output_activation=written, init="normal")
        assert result.network.activations == (meant, meant)
        assert result.W.form.activations == (meant, meant)


def test_what_knows_the_parameters():
    mixed = ["gelu", ("leaky_relu", 0.2)]
    result = fastnn.train([4, 6, 5, 3], X, LABELS, 20, 0.1, activation=mixed, loss="log_loss", random_state=0)
    network, known = result.network, ("gelu", ("leaky_relu", 0.2), "softmax")
    assert network.activations == known
    assert repr(network) == "<Network 4-6-5-3, gelu, leaky_relu(0.2), softmax, float64, 83 parameters>"
    assert [layer["activation"] for layer in network.summary().layers] == ["", "gelu", "leaky_relu(0.2)", "softmax"]
    expected = network(X)
    others = [
        copy.deepcopy(network),
        pickle.loads(pickle.dumps(network)),
        fastnn.Network(result.W, result.b),
        fastnn.Network(dict(result.W), dict(result.b), activation=known),
        fastnn.Network(dict(result.W), dict(result.b), activation=mixed, output_activation="softmax"),
        fastnn.Network(*pickle.loads(pickle.dumps((result.W, result.b)))),
    ]
    for other in others:
        assert other.activations == known
        assert (other(X) == expected).all()
    assert (fastnn.predict(result.W, result.b, X) == network.predict(X)).all()
    assert_close(kernels.forward(result.W, result.b, X), expected, 1e-12)
    gone_on = fastnn.train(
        [4, 6, 5, 3], X, LABELS, 1, 1e-300, activation=mixed, loss="log_loss", init=(result.W, result.b)
    )
    assert (gone_on.network(X) == expected).all()
    with pytest.raises(
        ValueError, match=r"the start weights belong to a network with activations \('gelu', \('leaky_r"
    ):
        fastnn.train([4, 6, 5, 3], X, LABELS, 1, activation="gelu", loss="log_loss", init=(result.W, result.b))
    with pytest.raises(
        ValueError, match=r"belong to a network with activations .* not \('gelu', 'leaky_relu', 'softmax"
    ):
        fastnn.Network(result.W, result.b, activation=["gelu", "leaky_relu"])


def test_a_pair_for_the_layers_of_plain_weights():
    """Which for two layers is as long as a list of their activations."""
    W, b = [np.eye(3), np.eye(3)], [np.zeros(3)] * 2
    rows = np.random.default_rng(0).standard_normal((5, 3))
    network = fastnn.Network(W, b, activation=("leaky_relu", 0.5), output_activation="identity")
    assert network.activations == (("leaky_relu", 0.5), "identity")
    assert_close(network(rows), np.where(rows > 0, rows, 0.5 * rows), 1e-15)
    assert (fastnn.predict(W, b, rows, activation=("elu", 0.5)) == rows.argmax(axis=1)).all()


def test_plain_data_has_the_parameter_by_its_name():
    network = fastnn.Network(
        [np.eye(2), np.eye(2)], [np.zeros(2)] * 2, activation=("elu", 0.5), output_activation="elu"
    )
    plain = to_plain(network)
    assert plain["activations"] == [{"name": "elu", "alpha": 0.5}, {"name": "elu", "alpha": 1.0}]
    assert plain["version"] == 1
    turned = [dict(reversed(entry.items())) for entry in json.loads(json.dumps(plain["activations"]))]
    spec, *_ = from_plain(plain | {"activations": turned})
    assert spec.activations_as_given == network.activations
    for wrong, error, message in [
        ({"name": "elu"}, ValueError, r"activations\[0\] lacks 'alpha'"),
        ({"name": "gelu", "alpha": 1.0}, ValueError, r"activations\[0\] has the unknown 'alpha'"),
        ({"name": "elu", "alpha": "1"}, TypeError, r"activation\[0\] must be one of"),
        ({"name": "elu", "alpha": np.nan}, ValueError, r"the alpha of activation\[0\] 'elu' must be finite"),
        ({"name": ["elu"]}, TypeError, r"activation\[0\] must be one of"),
    ]:
        with pytest.raises(error, match=message):
            from_plain(plain | {"activations": [wrong, turned[1]]})


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (
            ("relu", 0.2),
            ValueError,
            r"activation 'relu' takes no parameter, got 0.2; write the name alone \('leaky_relu' and",
        ),
        (("leaky_relu", np.inf), ValueError, "the negative_slope of activation 'leaky_relu' must be finite, got inf"),
        (("elu", True), TypeError, "the alpha of activation 'elu' must be a number, got True"),
        ([("elu", np.nan)], ValueError, r"the alpha of activation\[0\] 'elu' must be finite, got nan"),
        (("leaky_relu", "0.2"), ValueError, "one name per hidden layer: 1 expected, 2 given"),
        ([("leaky_relu", "0.2")], TypeError, r"activation\[0\] must be one of .* got \('leaky_relu', '0.2'\)"),
        (("lekay_relu", 0.2), ValueError, "unknown activation 'lekay_relu': .*did you mean 'leaky_relu'"),
        (
            [("leaky_relu", 0.2), ("elu", 2)],
            ValueError,
            r"1 expected, 2 given; that of the last layer is output_activation",
        ),
        (3, TypeError, r"activation must be a name or a list of names, .* a pair such as \('leaky_relu', 0.2\), got 3"),
        (("softmax", 1.0), ValueError, "for the last layer it is output_activation='softmax'"),
    ],
)
def test_bad_activations(given, error, message):
    with pytest.raises(error, match=message):
        train(1, activation=given)


def test_a_parameter_beyond_float32():
    with pytest.raises(ValueError, match=r"the parameter of elu\(1e\+300\) is beyond the range of float32"):
        train(1, activation=("elu", 1e300), dtype="float32")
    with pytest.raises(ValueError, match=r"cannot be paired with output_activation=\('leaky_relu', 0.5\)"):
        train(1, output_activation=("leaky_relu", 0.5), loss="log_loss")
    with pytest.raises(ValueError, match="activation 'relu' takes no parameters"):
        NetworkSpec((1, 1), (Activation("relu", (1.0,)),), np.dtype("float64"))


@pytest.mark.parametrize(
    ("output", "reach"),
    [("hard_sigmoid", "between 0 and 1"), (("elu", 0.5), "greater than -0.5"), (("elu", -1), "at least 0"),
     ("softsign", "between -1 and 1"), ("gelu", "at least -0.17"), ("selu", "greater than -1.7581")],
)  # fmt: skip
def test_targets_beyond_the_outputs_are_warned_of(output, reach):
    with pytest.warns(UserWarning, match=f"outputs of activation .* are {reach}"):
        fastnn.train([4, 3], X, 100 * X[:, :3], 1, 1e-6, activation="tanh", output_activation=output)


def test_the_diagram_names_the_parameter():
    pytest.importorskip("matplotlib")
    from fastnn.plots import NetworkDiagram

    display = NetworkDiagram(train(3, activation=("leaky_relu", 0.2)).network).plot()
    assert "5\nleaky_relu(0.2)" in [text.get_text() for text in display.ax_.texts]


# -- the estimators ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", [*sorted(TORCH), ("leaky_relu", 0.2), ["gelu", ("elu", 0.5)]])
def test_the_estimators_take_them(activation, digits):
    X_train, X_test, y_train, y_test = digits
    sizes = (20, 20) if isinstance(activation, list) else (30,)
    classifier = fastnn.MLPClassifier(sizes, activation, max_iter=40, learning_rate_init=0.01, random_state=0, tol=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        classifier.fit(X_train, y_train)
    assert classifier.score(X_test, y_test) > 0.9
    expected = activation if isinstance(activation, list) else [activation]
    assert classifier.network_.activations == (*expected, "softmax")
    assert clone(classifier).get_params()["activation"] == activation
    again = pickle.loads(pickle.dumps(classifier))
    assert again.activation == activation
    assert (again.predict_proba(X_test) == classifier.predict_proba(X_test)).all()


def test_a_list_of_the_same_is_the_name():
    options = {"max_iter": 5, "random_state": 0, "tol": 0}
    for name in ("tanh", "logistic"):
        fits = [
            fastnn.MLPRegressor(hidden_layer_sizes=(6, 5), activation=given, **options)
            for given in (name, [name, name], (name, name))
        ]
        for fit in fits:
            with pytest.warns(UserWarning, match="Maximum iterations"):
                fit.fit(X, Y)
        assert len({fit.network_.parameters.tobytes() for fit in fits}) == 1


def test_an_estimator_trains_as_the_function_does():
    """From the estimator's own start, with the same activations: full batches of plain descent."""
    options = {"solver": "sgd", "momentum": 0, "alpha": 0, "batch_size": len(X), "shuffle": False, "tol": 0}
    start = fastnn.MLPRegressor(
        hidden_layer_sizes=(6, 5), activation=["mish", ("leaky_relu", 0.3)], output_activation="softplus", max_iter=1,
        learning_rate_init=1e-300, random_state=0, **options,
    )  # fmt: skip
    with pytest.warns(UserWarning, match="Maximum iterations"):
        start.fit(X, Y)
    trained = clone(start).set_params(max_iter=30, learning_rate_init=0.1)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        trained.fit(X, Y)
    network = start.network_
    result = fastnn.train(
        [4, 6, 5, 3], X, Y, 30, 0.1, activation=["mish", ("leaky_relu", 0.3)], output_activation="softplus",
        init=(network.W, network.b), backend="numpy",
    )  # fmt: skip
    assert_close(trained.network_.parameters, result.network.parameters, 1e-12)
    assert_close(np.array(trained.loss_curve_) * 3, result.loss_curve, 1e-12)  # scikit-learn's is the mean over outputs


def test_changed_activations_change_predictions():
    classifier = fastnn.MLPClassifier((6, 5), ["gelu", "tanh"], max_iter=3, random_state=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        classifier.fit(X, LABELS)
    before = classifier.predict_proba(X)
    classifier.activation[1] = "silu"
    assert classifier.network_.activations == ("gelu", "silu", "softmax")
    assert not np.allclose(classifier.predict_proba(X), before)
    classifier.activation[1] = "tanh"
    assert (classifier.predict_proba(X) == before).all()
    classifier.set_params(activation=["gelu"])
    with pytest.raises(ValueError, match="one name per hidden layer: 2 expected, 1 given"):
        classifier.predict(X)
    with pytest.raises(ValueError, match="one name per hidden layer: 2 expected, 1 given"):
        classifier.fit(X, LABELS)


def test_output_activation_of_the_regressor():
    options = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0, "tol": 0}
    plain, named = fastnn.MLPRegressor(**options), fastnn.MLPRegressor(**options, output_activation="identity")
    bounded = fastnn.MLPRegressor(**options, output_activation="logistic")
    for regressor in (plain, named, bounded):
        with pytest.warns(UserWarning, match="Maximum iterations"):
            regressor.fit(X, Y)
    assert (plain.network_.parameters == named.network_.parameters).all()
    assert bounded.out_activation_ == "logistic"
    assert ((bounded.predict(X) > 0) & (bounded.predict(X) < 1)).all()
    with pytest.warns(UserWarning, match="outputs of activation 'tanh' are between -1 and 1"):
        fastnn.MLPRegressor("squared_error", (4,), solver="lbfgs", random_state=3, output_activation="tanh").fit(
            X, 5 * Y
        )
    for loss, output, message in [
        ("poisson", "identity", "loss='poisson' cannot be paired with output_activation='identity'"),
        ("squared_error", "softmax", "loss='squared_error' cannot be paired with output_activation='softmax'"),
        ("squared_error", ("tanh", 2), "output_activation 'tanh' takes no parameter, got 2"),
        ("squared_error", "sinus", "'output_activation' parameter of MLPRegressor must be a str among"),
    ]:
        with pytest.raises(ValueError, match=message):
            fastnn.MLPRegressor(loss, output_activation=output).fit(X, Y)


def test_output_activation_of_the_classifier():
    options = {"hidden_layer_sizes": (6,), "max_iter": 1, "batch_size": len(X), "alpha": 0, "random_state": 0}
    one_by_one = fastnn.MLPClassifier(**options, output_activation="logistic", learning_rate_init=1e-300)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        one_by_one.fit(X, LABELS)
    probabilities = one_by_one.predict_proba(X)
    assert not np.allclose(probabilities.sum(axis=1), 1)
    expected = sum(log_loss(label == LABELS, probabilities[:, label]) for label in range(3))
    assert_close(one_by_one.loss_, expected, 1e-12)
    assert (one_by_one.predict(X) == probabilities.argmax(axis=1)).all()
    for y, message in [
        (LABELS == 0, "output_activation='softmax' needs an output for each class, and two classes have one"),
        ([[1, 1, 0], [0, 1, 0]] * 10 + [[0, 0, 1]] * 3, "y sums to 2 in row 0; under softmax"),
    ]:
        with pytest.raises(ValueError, match=message):
            fastnn.MLPClassifier(output_activation="softmax").fit(X, y)
    with pytest.raises(ValueError, match="loss='log_loss' cannot be paired with output_activation='gelu'"):
        fastnn.MLPClassifier(output_activation="gelu").fit(X, LABELS)


def test_a_warm_start_takes_another_output_activation():
    regressor = fastnn.MLPRegressor(hidden_layer_sizes=(6,), max_iter=3, random_state=0, warm_start=True)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        regressor.fit(X, Y)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        regressor.set_params(output_activation="logistic").fit(X, Y)
    assert regressor.network_.activations == ("relu", "logistic")

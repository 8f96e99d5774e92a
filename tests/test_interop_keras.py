"""Keras' models as networks: Keras' own predictions are what is expected."""

import os

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

import fastnn

os.environ.setdefault("KERAS_BACKEND", "torch")
backend = pytest.importorskip(os.environ["KERAS_BACKEND"])
if backend.__name__ == "torch":
    backend.set_num_threads(1)  # of a machine that has other things to do, more wait for each other
keras = pytest.importorskip("keras")
layers = keras.layers
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

X = np.random.default_rng(0).standard_normal((40, 6))


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(0)


def built(*own, n_in=6, **options):
    return keras.Sequential([layers.Input((n_in,), **options), *own])


def same(network, model, X=X, tolerance=2e-6):
    expected = model.predict(X, verbose=0)
    rows = X.reshape(len(X), -1)
    np.testing.assert_allclose(network(rows), expected, rtol=0, atol=tolerance * np.abs(expected).max())


FUNCTIONS = {
    "linear": "identity",
    "relu": "relu",
    "sigmoid": "logistic",
    "tanh": "tanh",
    "leaky_relu": ("leaky_relu", 0.2),
    "elu": "elu",
    "selu": "selu",
    "gelu": "gelu",
    "silu": "silu",
    "swish": "silu",
    "mish": "mish",
    "softplus": "softplus",
    "hard_sigmoid": "hard_sigmoid",
    "hard_silu": "hard_swish",
    "softsign": "softsign",
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_activation_by_name(name):
    model = built(layers.Dense(5, activation=name), layers.Dense(3), layers.Activation(name))
    network = fastnn.Network.from_keras(model)
    assert network.activations == (FUNCTIONS[name],) * 2
    assert network.dtype == "float32"
    same(network, model)
    same(network, model, 8 * X)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: layers.LeakyReLU(), ("leaky_relu", 0.3)),
        (lambda: layers.LeakyReLU(negative_slope=0.1), ("leaky_relu", 0.1)),
        (lambda: layers.ELU(0.5), ("elu", 0.5)),
        (lambda: layers.ReLU(), "relu"),
        (lambda: layers.ReLU(negative_slope=0.2), ("leaky_relu", 0.2)),
        (lambda: layers.Activation("exponential"), "exp"),
        (lambda: layers.Softmax(), "softmax"),
        (lambda: layers.Activation(layers.ELU(0.5)), ("elu", 0.5)),
    ],
)
def test_each_activation_as_a_layer_and_in_a_dense_one(make, expected):
    for model in (built(layers.Dense(5), make()), built(layers.Dense(5, activation=make()))):
        network = fastnn.Network.from_keras(model)
        assert network.activations == (expected,)
        same(network, model)


def with_statistics(model):
    """Weights and statistics of norms that are not those of a start."""
    rng = np.random.default_rng(3)
    model.set_weights([rng.uniform(0.2, 1.0, own.shape) for own in model.get_weights()])
    return model


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}, {"epsilon": 0.1}], ids=str)
def test_norms_before_between_and_after(options):
    norm = lambda: layers.BatchNormalization(**options)  # noqa: E731
    model = built(norm(), layers.Dense(5, use_bias=False), norm(), layers.ReLU(), norm(), layers.Dense(3), norm())
    network = fastnn.Network.from_keras(with_statistics(model))
    assert network.layer_sizes == (6, 5, 3)
    same(network, model)
    model = with_statistics(built(layers.Dense(3, activation="tanh"), norm()))
    same(fastnn.Network.from_keras(model), model)


def test_digits_as_images_from_a_functional_model(tmp_path):
    data = load_digits()
    images, y = data.images, data.target
    inputs = keras.Input((8, 8))
    hidden = layers.Flatten()(layers.Rescaling(1 / 16, offset=-0.5)(inputs))
    hidden = layers.Dropout(0.1)(layers.BatchNormalization()(layers.Dense(32, activation="gelu")(hidden)))
    hidden = built(layers.Dense(16), layers.LeakyReLU(), n_in=32)(hidden)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(hidden))
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(images, y, epochs=12, batch_size=128, verbose=0)
    network = fastnn.Network.from_keras(model, classes=range(10))
    assert network.layer_sizes == (64, 32, 16, 10)
    same(network, model, images)
    assert (network.predict(data.data) == y).mean() > 0.9
    model.save(tmp_path / "digits.keras")
    again = fastnn.Network.from_keras(tmp_path / "digits.keras", classes=range(10))
    assert again.parameters.tobytes() == network.parameters.tobytes()


def test_diabetes_with_a_normalization_that_is_folded_in_float64():
    X, y = load_diabetes(return_X_y=True)
    X = 1000 + 50 * X
    scale = layers.Normalization()
    scale.adapt(X)
    model = built(scale, layers.Dense(8, activation="tanh"), layers.Dense(1), n_in=10)
    model.compile(keras.optimizers.Adam(0.01), "mse")
    model.fit(X, y, epochs=2, verbose=0)
    network = fastnn.Network.from_keras(model)
    assert network.dtype == "float64"
    same(network, model, X, 1e-4)  # Keras itself computes in float32, in which X is
    mean, scale = (np.float64(own).ravel() for own in (scale.mean, np.sqrt(np.float64(scale.variance))))
    W, b, w, c = (np.float64(own) for own in model.get_weights()[-4:])
    np.testing.assert_allclose(network(X), np.tanh((X - mean) / scale @ W + b) @ w + c, rtol=1e-10)
    inverted = layers.Normalization(mean=mean, variance=scale**2, invert=True)
    model = built(inverted, layers.Dense(3), n_in=10)
    same(fastnn.Network.from_keras(model), model, y[:10].reshape(1, 10) / 100)


def test_two_classes_of_breast_cancer_by_logits():
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(0)) / X.std(0)
    model = built(layers.Dense(8, activation="hard_sigmoid"), layers.Dense(1), n_in=30)
    model.compile(keras.optimizers.Adam(0.05), keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(X, y, epochs=3, verbose=0)
    network = fastnn.Network.from_keras(model, "logistic", [False, True])
    expected = 1 / (1 + np.exp(-np.float64(model.predict(X, verbose=0))))
    np.testing.assert_allclose(network(X), expected, atol=2e-6)
    assert (network.predict(X) == (expected.ravel() > 0.5)).all()


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_other_dtypes(dtype):
    model = built(layers.Dense(5, activation="tanh", dtype=dtype), layers.Dense(2, dtype=dtype), dtype=dtype)
    network = fastnn.Network.from_keras(model)
    assert network.dtype == ("float64" if dtype == "float64" else "float32")
    if dtype == "float64":
        W, b, w, c = model.get_weights()  # of which Keras itself makes float32 outputs
        np.testing.assert_allclose(network(X), np.tanh(X @ W + b) @ w + c, rtol=1e-12)
    weights = np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(model.layers[0].kernel, "float64")))
    assert np.array_equal(network.W[1], weights.T)


class Doubled(layers.Dense):
    def call(self, inputs):
        return 2 * super().call(inputs)


class Twice(keras.Sequential):
    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training, mask)


def two_ways():
    inputs = keras.Input((6,))
    hidden = layers.Dense(6, name="first")(inputs)
    return keras.Model(inputs, layers.Add(name="sum")([hidden, inputs]))


def two_outputs():
    inputs = keras.Input((6,))
    return keras.Model(inputs, [layers.Dense(1)(inputs), layers.Dense(2)(inputs)])


def arithmetic():
    inputs = keras.Input((6,))
    return keras.Model(inputs, layers.Dense(1)(inputs) * 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: built(layers.Dense(3, name="a", activation="relu6")), r"layer 'a' \(Dense\).*'relu6'"),
        (lambda: built(layers.Dense(3), layers.ReLU(6.0, name="a")), r"layer 'a' \(ReLU\)"),
        (lambda: built(layers.Dense(3), layers.PReLU(name="a")), r"layer 'a' \(PReLU\)"),
        (lambda: built(layers.LayerNormalization(name="a"), layers.Dense(3)), r"layer 'a' \(LayerNormalization\)"),
        (lambda: built(layers.Dense(3), layers.Lambda(lambda x: x, name="a")), r"layer 'a' \(Lambda\)"),
        (lambda: built(layers.Dense(3, activation=lambda x: x, name="a")), r"layer 'a' \(Dense\).*lambda"),
        (lambda: built(Doubled(3, name="a")), r"layer 'a' \(Doubled\)"),
        (lambda: built(layers.Dense(3, activation="softmax", name="a"), layers.Dense(2)), "'a'.*last layer alone"),
        (lambda: keras.Sequential([layers.Input((4, 6)), layers.Dense(3, name="a")]), "'a'.*3 dimensions"),
        (lambda: keras.Sequential([layers.Dense(3)]), "not built"),
        (
            lambda: keras.Sequential(
                [
                    layers.Input((2, 3, 4)),
                    layers.Flatten(data_format="channels_first", name="a"),
                    layers.Dense(3),
                ]
            ),
            r"layer 'a' \(Flatten\).*changes the order",
        ),
        (lambda: Twice([layers.Input((6,)), layers.Dense(3)]), "call may do anything"),
        (two_ways, r"layer 'sum' \(Add\).*2 arrays"),
        (two_outputs, "2 outputs"),
        (arithmetic, r"\(Multiply\)"),
    ],
)
def test_what_cannot_be_carried_over_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        fastnn.Network.from_keras(make())


def test_other_arguments(tmp_path):
    with pytest.raises(TypeError, match="Keras 3, got a int"):
        fastnn.Network.from_keras(3)
    with pytest.raises(FileNotFoundError):
        fastnn.Network.from_keras("/nowhere/model.keras")
    for name in ("model.keras", "model.h5"):
        (tmp_path / name).write_bytes(b"PK\3\4 damaged")
        with pytest.raises(fastnn.ModelFormatError, match=name):
            fastnn.Network.from_keras(tmp_path / name)
    with pytest.raises(fastnn.ModelFormatError, match=r"no \.keras file"):
        fastnn.Network.from_keras(tmp_path)


def test_code_in_a_file_is_not_run(tmp_path):
    model = built(layers.Dense(3), layers.Lambda(lambda x: x))
    model.save(tmp_path / "lambda.keras")
    with pytest.raises(fastnn.ModelFormatError, match="safe mode"):
        fastnn.Network.from_keras(tmp_path / "lambda.keras")

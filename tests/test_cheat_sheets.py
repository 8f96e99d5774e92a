"""What from-pytorch.md and from-keras.md say of terms: the same training there and here ends at the same parameters.

Networks 5-6-3 in float64, from the same start weights, full batches or batches in order. Left out where PyTorch or
Keras is missing.
"""

import inspect
import os
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import fastnn

ROOT = Path(__file__).parents[1]
SIZES = [5, 6, 3]
N_UPDATES = 24
#: So small that it does not matter where it is added.
TINY = 1e-30


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(48, 5))
    return X, rng.normal(size=(48, 3)), np.abs(X[:, :3]).argmax(axis=1)


@pytest.fixture(scope="module")
def start():
    rng = np.random.default_rng(1)
    return [rng.normal(size=(n_out, n_in)) / 2 for n_in, n_out in pairwise(SIZES)], [np.zeros(n) for n in SIZES[1:]]


def train(rows, start, rate, loss="log_loss", batch_size=None, **options):
    X, numbers, labels = rows
    y = labels if loss == "log_loss" else numbers
    options = {"activation": "tanh", "order": "sequential", "init": start, "batch_size": batch_size, **options}
    return fastnn.train(SIZES, X, y, N_UPDATES, rate, loss=loss, **options)


def assert_same(result, weights, rtol=1e-9):
    """Compare with the weights of another library, each (n_out, n_in)."""
    for layer, expected in enumerate(weights, 1):
        np.testing.assert_allclose(result.W[layer], expected, rtol=0, atol=rtol * np.abs(expected).max())


# -- PyTorch ------------------------------------------------------------------------------------------------------


def by_torch(rows, start, optimizer, rate, loss=None, batch_size=48, clip=None, **options):
    """Train by PyTorch's loop; `weight_decay` is of the weights alone."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # of a machine that has other things to do, more wait for each other
    X, numbers, labels = (torch.tensor(part) for part in rows)
    model = torch.nn.Sequential(torch.nn.Linear(5, 6), torch.nn.Tanh(), torch.nn.Linear(6, 3)).double()
    layers = model[0], model[2]
    with torch.no_grad():
        for layer, W, b in zip(layers, *start, strict=True):
            layer.weight.copy_(torch.tensor(W))
            layer.bias.copy_(torch.tensor(b))
    decay = options.pop("weight_decay", 0.0)
    groups = [{"params": [layer.weight for layer in layers], **({"weight_decay": decay} if decay else {})}]
    groups.append({"params": [layer.bias for layer in layers], **({"weight_decay": 0.0} if decay else {})})
    optimizer = getattr(torch.optim, optimizer)(groups, lr=rate, **options)
    loss, y = (torch.nn.CrossEntropyLoss(), labels) if loss is None else (loss(torch), numbers)
    if isinstance(loss, torch.nn.CrossEntropyLoss):
        y = labels
    for update in range(N_UPDATES):
        at = update * batch_size % len(X)
        optimizer.zero_grad()
        loss(model(X[at : at + batch_size]), y[at : at + batch_size]).backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
    return [layer.weight.detach().numpy() for layer in layers]


ADAM = {"solver": "adam", "epsilon": TINY}
OPTIMIZERS = {
    "SGD": ("SGD", {}, {"solver": "sgd"}, 0.2),
    "momentum": ("SGD", {"momentum": 0.9}, {"momentum": 0.9}, 0.1),
    "Nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}, {"momentum": 0.9, "nesterov": True}, 0.1),
    "weight_decay": ("SGD", {"weight_decay": 0.1}, {"l2": 0.1}, 0.2),
    "Adam": ("Adam", {"eps": TINY}, ADAM, 0.01),
    "AdamW": ("AdamW", {"eps": TINY, "weight_decay": 0.1}, {**ADAM, "solver": "adamw", "weight_decay": 0.1}, 0.01),
    "RMSprop": ("RMSprop", {}, {"solver": "rmsprop", "beta_2": 0.99}, 0.01),
    "NAdam": ("NAdam", {}, {"solver": "nadam"}, 0.002),
    "Adagrad": ("Adagrad", {}, {"solver": "adagrad", "epsilon": 1e-10}, 0.01),
    "Rprop": ("Rprop", {}, {"solver": "rprop"}, 0.01),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_of_pytorch(name, rows, start):
    optimizer, there, here, rate = OPTIMIZERS[name]
    batch_size = 48 if name == "Rprop" else 16
    expected = by_torch(rows, start, optimizer, rate, batch_size=batch_size, **there)
    assert_same(train(rows, start, rate, batch_size=batch_size, **here), expected)


LOSSES = {
    "MSELoss": (lambda torch: torch.nn.MSELoss(), "squared_error", {}, 2 / 3),
    "L1Loss": (lambda torch: torch.nn.L1Loss(), "absolute_error", {}, 1 / 3),
    "HuberLoss": (lambda torch: torch.nn.HuberLoss(delta=0.7), "huber", {"huber_delta": 0.7}, 1 / 3),
    "label_smoothing": (
        lambda torch: torch.nn.CrossEntropyLoss(label_smoothing=0.1), "log_loss", {"label_smoothing": 0.1}, 1,
    ),
    "weight": (
        lambda torch: torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0, 2.0]).double()), "log_loss",
        {"class_weight": {0: 1, 1: 5, 2: 2}}, 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_pytorch(name, rows, start):
    """Means over outputs there, sums here: a rate there is so many times that rate here."""
    there, loss, options, factor = LOSSES[name]
    expected = by_torch(rows, start, "SGD", 0.2, there)
    assert_same(train(rows, start, 0.2 * factor, loss, **options), expected)


def test_clipping_of_pytorch(rows, start):
    expected = by_torch(rows, start, "SGD", 0.5, clip=0.1)
    assert_same(train(rows, start, 0.5, max_grad_norm=0.1), expected, rtol=1e-4)  # it adds 1e-6 to the norm


# -- Keras --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keras():
    pytest.importorskip("torch").set_num_threads(1)
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    yield keras
    keras.config.set_floatx(before)


def by_keras(keras, rows, start, optimizer, loss="sparse_categorical_crossentropy", dense=None, **fit):
    """Train for as many epochs of one batch."""
    X, numbers, labels = rows
    is_of_classes = loss == "sparse_categorical_crossentropy"
    dense = {} if dense is None else dense(keras)
    hidden = keras.layers.Dense(6, "tanh", **dense)
    output = keras.layers.Dense(3, "softmax" if is_of_classes else None, **dense)
    model = keras.Sequential([keras.Input((5,)), hidden, output])
    for layer, W, b in zip((hidden, output), *start, strict=True):
        layer.set_weights([W.T, b])
    model.compile(optimizer(keras), loss)
    y = labels if is_of_classes else numbers
    model.fit(X, y, epochs=N_UPDATES, batch_size=len(X), shuffle=False, verbose=0, **fit)
    return [layer.get_weights()[0].T for layer in (hidden, output)]


KERAS = {
    "SGD": (lambda keras: keras.optimizers.SGD(0.2), {}, {}, 0.2),
    "Nesterov": (
        lambda keras: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True), {},
        {"momentum": 0.9, "nesterov": True}, 0.1,
    ),
    "Adam": (lambda keras: keras.optimizers.Adam(0.01), {}, {"solver": "adam", "epsilon": 1e-7}, 0.01),
    "RMSprop": (
        lambda keras: keras.optimizers.RMSprop(0.01, epsilon=TINY), {}, {"solver": "rmsprop", "epsilon": TINY}, 0.01,
    ),
    "Lion": (lambda keras: keras.optimizers.Lion(0.01), {}, {"solver": "lion"}, 0.01),
    "clipping": (lambda keras: keras.optimizers.SGD(0.5, global_clipnorm=0.1), {}, {"max_grad_norm": 0.1}, 0.5),
    "L2": (
        lambda keras: keras.optimizers.SGD(0.2),
        {"dense": lambda keras: {"kernel_regularizer": keras.regularizers.L2(0.05)}}, {"l2": 0.1}, 0.2,
    ),
    "MaxNorm": (
        lambda keras: keras.optimizers.SGD(0.2),
        {"dense": lambda keras: {"kernel_constraint": keras.constraints.MaxNorm(0.8)}}, {"max_norm": 0.8}, 0.2,
    ),
    "mse": (lambda keras: keras.optimizers.SGD(0.2), {"loss": "mse"}, {"loss": "squared_error"}, 0.2 * 2 / 3),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", KERAS)
def test_terms_of_keras(name, keras, rows, start):
    optimizer, there, here, rate = KERAS[name]
    expected = by_keras(keras, rows, start, optimizer, **there)
    assert_same(train(rows, start, rate, **here), expected, rtol=1e-5)


# -- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["from-keras", "from-pytorch"])
def test_the_arguments_that_a_page_names_are_those_of_train_and_of_the_estimators(page):
    """Each ``name=`` of the second and third column, in a row of the tables."""
    text = (ROOT / "docs" / f"{page}.md").read_text()
    table = [line.split(" | ") for line in text.partition("## Term by term")[2].splitlines() if line.startswith("| `")]
    of_estimators = {name for kind in (fastnn.MLPClassifier, fastnn.MLPRegressor) for name in kind().get_params()}
    of_estimators |= {"X_val", "y_val", "solver_state"}
    of_train = {*inspect.signature(fastnn.train).parameters, "iter_num"}
    assert len(table) > 25
    for row in table:
        for cell, known in ((row[1], of_train), (row[2], of_estimators)):
            assert set(re.findall(r"\b(\w+)=", cell)) <= known, row

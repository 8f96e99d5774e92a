"""Models of every kind that a file may hold, and the golden files of a release; what their outputs are, by NumPy alone.

``python tests/saved.py`` writes the files of this version to ``tests/golden/VERSION``, which are kept for ever after:
tests/test_golden.py loads those of every release. It refuses to write over some that are there.
"""

import json
import sys
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np

import fastnn
from fastnn import Head, MLPClassifier, MLPRegressor, schedules

GOLDEN = Path(__file__).parent / "golden"
RNG = np.random.default_rng(18)
X = RNG.standard_normal((30, 3))
NUMBERS = RNG.standard_normal((30, 2))
LABELS = np.array(["no", "maybe", "yes"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0)]
MANY = (RNG.random((30, 3)) > 0.5).astype(int)
HEADS = [Head(1, "huber", huber_delta=2.0), Head(2, "log_loss", weight=0.5), Head(2, "gaussian_nll")]


def of_heads():
    y = [NUMBERS[:, 0], LABELS == "yes", NUMBERS[:, 1]]
    return fastnn.train([3, 4, 5], X, y, 5, 0.1, heads=HEADS, activation="softplus", random_state=0).network


def network(sizes, y, loss, activation="tanh", **options):
    return fastnn.train(sizes, X, y, 5, 0.1, loss=loss, activation=activation, random_state=0, **options).network


def named():
    """With names of columns, without pandas."""
    made = network([3, 4, 3], LABELS, "log_loss", "relu")
    made._feature_names = ("width", "height", "größe")
    return made


MODELS = {
    "values_float32": lambda: network(
        [3, 4, 5, 2], NUMBERS, "squared_error", [("leaky_relu", 0.2), ("elu", 0.5)], dtype="float32"
    ),
    "binary": lambda: network([3, 2, 1], X[:, 0] > 0, "log_loss", backend="numpy"),
    "multiclass": named,
    "multilabel_float32": lambda: network([3, 4, 3], MANY.astype(float), "log_loss", dtype="float32"),
    "means": lambda: network([3, 4, 4], NUMBERS, "gaussian_nll"),
    "quantiles": lambda: network([3, 4, 6], NUMBERS, "quantile", quantile=[0.1, 0.5, 0.9]),
    "heads": of_heads,
    "hinge": lambda: network([3, 4, 1], LABELS == "yes", "hinge"),
    "classifier": lambda: MLPClassifier((4, 3), "tanh", max_iter=3, random_state=0).fit(X.astype("f"), LABELS),
    "classifier_multilabel": lambda: MLPClassifier((4,), max_iter=3, random_state=0).fit(X, MANY),
    "classifier_solver_state": lambda: MLPClassifier(
        (4,),
        max_iter=4,
        random_state=0,
        warm_start="solver",
        early_stopping=True,
        validation_fraction=0.2,
        dropout=0.25,
        track=["score"],
        class_weight={"no": 2.0},
        learning_rate_init=schedules.cosine(0.1, warmup=0.25),
    ).fit(X, LABELS),
    "regressor": lambda: MLPRegressor(
        hidden_layer_sizes=(4,), activation=("elu", 0.5), solver="lbfgs", max_iter=3, random_state=0
    ).fit(X, NUMBERS),
    "regressor_heads": lambda: MLPRegressor(
        hidden_layer_sizes=(4,),
        activation="softplus",
        heads=[Head(1), Head(2, "gaussian_nll")],
        max_iter=3,
        random_state=0,
    ).fit(X, NUMBERS),
    "regressor_solver_state": lambda: MLPRegressor(
        hidden_layer_sizes=(),
        solver="sgd",
        nesterovs_momentum=False,
        alpha=0.01,
        learning_rate_init=0.1,
        max_iter=3,
        random_state=0,
    ).fit(X, NUMBERS[:, 0]),
    "unfitted": lambda: MLPClassifier(
        (4,), random_state=np.random.RandomState(5), frozen=["W1"], batch_size=np.int64(7)
    ),
}


def save(name, path):
    model = MODELS[name]()
    options = {"solver_state": True} if name.endswith("solver_state") else {}
    model.save(path, **options)
    return model


# -- what they compute, from the formulas -----------------------------------------------------------------------------


def softplus(Z):
    return np.logaddexp(0, Z)


def softmax(Z):
    powers = np.exp(Z - Z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def increasing(Z, group):
    Z = Z.reshape(len(Z), -1, int(group)).copy()
    Z[:, :, 1:] = softplus(Z[:, :, 1:])
    return Z.cumsum(axis=2).reshape(len(Z), -1)


FORMULAS = {
    "identity": lambda Z: Z,
    "tanh": np.tanh,
    "relu": lambda Z: np.maximum(Z, 0),
    "logistic": lambda Z: 1 / (1 + np.exp(-Z)),
    "softplus": softplus,
    "leaky_relu": lambda Z, slope: np.where(Z > 0, Z, slope * Z),
    "elu": lambda Z, alpha: np.where(Z > 0, Z, alpha * np.expm1(Z)),
    "softmax": softmax,
    "mean_variance": lambda Z: np.hstack([Z[:, : Z.shape[1] // 2], softplus(Z[:, Z.shape[1] // 2 :]) + 1e-6]),
    "increasing": increasing,
}


def computed(description, parameters, rows):
    """The outputs for rows, from a network's description in JSON and its array: nothing of fastnn's is asked."""
    sizes, W, b, at = description["layer_sizes"], [], [], 0
    for n_in, n_out in pairwise(sizes):
        W.append(parameters[at : at + n_in * n_out].reshape(n_out, n_in))
        at += n_in * n_out
    for n_out in sizes[1:]:
        b.append(parameters[at : at + n_out])
        at += n_out
    H = rows
    for weights, biases, activation in zip(W, b, description["activations"], strict=True):
        H = activated(H @ weights.T.astype(float) + biases, activation)
    if "heads" not in description:
        return H
    ends = np.cumsum([head["n_outputs"] for head in description["heads"]])
    parts = zip(np.split(H, ends[:-1], axis=1), description["heads"], strict=True)
    return np.hstack([activated(part, head["activation"]) for part, head in parts])


def activated(Z, activation):
    return FORMULAS[activation["name"]](Z, *(value for key, value in activation.items() if key != "name"))


def parts_of(path):
    """Format, description and arrays of a file, read by hand."""
    content = Path(path).read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    metadata, data = header.pop("__metadata__"), content[8 + length :]
    dtypes = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "U32": "<u4"}
    arrays = {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], dtypes[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items()
    }
    return metadata["format"], json.loads(metadata["fastnn"]), arrays


def expected(path):
    """The outputs for X of what a file holds; None of an estimator that was not fitted."""
    kind, description, arrays = parts_of(path)
    network = description if kind == "fastnn.network" else description["network"]
    return None if network is None else computed(network, arrays["parameters"], X)


def main():
    folder = GOLDEN / fastnn.__version__
    if folder.exists():
        sys.exit(f"{folder} is there: the files of a release do not change; a new one has another fastnn.__version__")
    folder.mkdir(parents=True)
    outputs = {}
    for name in MODELS:
        path = folder / f"{name}.safetensors"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            save(name, path)
        if (one := expected(path)) is not None:
            outputs[name] = one
    np.savez(folder / "outputs.npz", **outputs)
    import saved_tables  # which needs what is above

    saved_tables.write(folder / "tables")


if __name__ == "__main__":
    main()

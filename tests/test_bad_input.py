"""Bad input: an error that says what came and what was expected, before anything is computed or drawn."""

import numpy as np
import pytest
from scipy import sparse

import fastnn
from fastnn import _loops
from fastnn.backends import BACKENDS

X = np.random.default_rng(0).standard_normal((6, 4))
Y = np.eye(3)[[0, 1, 2, 0, 1, 2]]
W = {1: np.ones((5, 4)), 2: np.ones((3, 5))}
B = {1: np.ones(5), 2: np.ones(3)}


def with_entry(array, place, value):
    array = np.array(array, dtype=object if isinstance(value, str) else float)
    array[place] = value
    return array


def masked():
    return np.ma.masked_array(X, mask=X > 1)


CASES = [
    # layers
    (([4, 5, 3], X[:, :3], Y), {}, ValueError, "X has 3 columns, but the first layer has 4"),
    (([4, 5, 2], X, Y), {}, ValueError, "y has 3 columns, but the last layer has 2"),
    (([4], X, Y), {}, ValueError, "at least two layers"),
    (([], X, Y), {}, ValueError, "at least two layers"),
    (([4, 0, 3], X, Y), {}, ValueError, r"nn_structure\[1\] must be at least 1, got 0"),
    (([4, -5, 3], X, Y), {}, ValueError, r"nn_structure\[1\] must be at least 1, got -5"),
    (([4, 5.0, 3], X, Y), {}, TypeError, r"nn_structure\[1\] must be an integer, got 5.0"),
    (([4, True, 3], X, Y), {}, TypeError, r"nn_structure\[1\] must be an integer, got True"),
    ((4, X, Y), {}, TypeError, "must be a list of layer sizes"),
    (("4-3", X, Y), {}, TypeError, "must be a list of layer sizes"),
    # X
    (([4, 3], X[0], Y), {}, ValueError, r"X must have 2 dimensions, got 1 .*reshape\(1, -1\)"),
    (([4, 3], X[None], Y), {}, ValueError, "X must have 2 dimensions, got 3"),
    (([4, 3], X[:0], Y[:0]), {}, ValueError, r"X is empty: its shape is \(0, 4\)"),
    (([4, 3], X[:, :0], Y), {}, ValueError, "X is empty"),
    (([4, 3], with_entry(X, (2, 3), np.nan), Y), {}, ValueError, "X has nan in row 2, column 3"),
    (([4, 3], with_entry(X, (5, 0), np.inf), Y), {}, ValueError, "X has inf in row 5, column 0"),
    (
        ([4, 3], with_entry(X, (1, 1), 1e300), Y),
        {"dtype": "float32"},
        ValueError,
        "1e.300 .* beyond the range of float32",
    ),
    (([4, 3], with_entry(X, (1, 1), "a"), Y), {}, TypeError, "X must hold real numbers, got an array of dtype object"),
    (([4, 3], X.astype(str), Y), {}, TypeError, "X must hold real numbers, got an array of dtype <U"),
    (([4, 3], X.astype(complex), Y), {}, TypeError, "X must hold real numbers, got an array of dtype complex"),
    (([4, 3], X.astype("M8[s]"), Y), {}, TypeError, "X must hold real numbers, got an array of dtype datetime"),
    (([4, 3], [[1, 2, 3, 4], [1, 2]], Y[:2]), {}, ValueError, "X cannot be made an array"),
    (([4, 3], masked(), Y), {}, TypeError, "X has masked entries"),
    (([4, 3], None, Y), {}, TypeError, "X must hold real numbers, got None"),
    (([4, 3], (row for row in X), Y), {}, TypeError, r"X is a generator, which can be read only once; .* list\(X\)"),
    (([4, 3], map(list, X), Y), {}, TypeError, r"X is a map, which can be read only once"),
    (([4, 3], {"a": 1}, Y), {}, TypeError, r"X must hold real numbers, got \{'a': 1\}"),
    # y
    (([4, 3], X, Y[:5]), {}, ValueError, "X has 6 rows, but y has 5 rows"),
    (([4, 3], X, 1.0), {}, ValueError, "y is a single number"),
    (([4, 3], X, Y[None]), {}, ValueError, "X has 6 rows, but y has 1 rows"),
    (([4, 3], X, with_entry(Y, (4, 1), np.nan)), {}, ValueError, "y has nan in row 4, column 1"),
    (([4, 3], X, Y.astype(str)), {}, TypeError, "y must hold real numbers"),
    (([4, 3], X, sparse.csr_matrix(Y)), {}, TypeError, "y is a sparse matrix"),
    (([4, 3], X, [0, 1, 0, 1, 0, 1]), {}, ValueError, r"y has 2 distinct labels \(0, 1\), but the last layer of 3"),
    (([4, 1], X, [0, 1, 2, 0, 1, 2]), {"loss": "log_loss"}, ValueError, "the last layer of 1 tells 2 classes apart"),
    (([4, 3], X, [0, 1, np.nan, 0, 1, 2]), {}, ValueError, "y has nan in row 2"),
    (([4, 3], X, [0, 1, None, 0, 1, 2]), {}, TypeError, "the labels in y must be numbers or strings"),
    (
        (X, Y, None),
        {},
        TypeError,
        r"layer sizes such as \[64, 30, 10\], got a ndarray of shape \(6, 4\); the layers come f",
    ),
    ((X, Y, 100), {}, TypeError, r"got a ndarray of shape \(6, 4\); the layers come first, then X and y"),
    (([4, 3], X, None), {}, TypeError, "y is missing: X is ndarray, not in pieces"),
    (([4, 3], X, [[0], [1], [2]] * 2), {}, ValueError, r"y has 1 column, but the last layer has 3; .*: y.ravel\(\)"),
    (([4, 3], X, 2 * Y), {"loss": "log_loss"}, ValueError, "y has 2.0 in row 0, column 0; loss='log_loss' takes"),
    (([4, 3], X, Y - 1), {"loss": "poisson"}, ValueError, "y has -1.0 in row 0, column 1; loss='poisson' takes"),
    (([4, 3], X, 0.5 * Y), {"loss": "perceptron"}, ValueError, "y has 0.5 in row 0, .* takes targets 0 or 1"),
    (([4, 3], X, 0.5 * Y), {"loss": "log_loss"}, ValueError, "y sums to 0.5 in row 0; under softmax"),
    (
        ([4, 3], X, np.ones((6, 3))),
        {"loss": "log_loss", "output_activation": "softmax"},
        ValueError,
        "y sums to 3 in row 0; under softmax .*output_activation='logistic'",
    ),
    # names
    (([4, 5, 3], X, Y), {"activation": "rleu"}, ValueError, "unknown activation 'rleu': .*did you mean 'relu'"),
    (([4, 3], X, Y), {"activation": "rleu"}, ValueError, "unknown activation 'rleu'"),
    (
        ([4, 5, 3], X, Y),
        {"activation": "softmax"},
        ValueError,
        "unknown activation 'softmax': expected one of 'identity'",
    ),
    (([4, 5, 3], X, Y), {"activation": ["relu"] * 2}, ValueError, "one name per hidden layer: 1 expected, 2 given"),
    (([4, 5, 3], X, Y), {"activation": [3]}, TypeError, r"activation\[0\] must be one of"),
    (([4, 5, 3], X, Y), {"activation": 3}, TypeError, "activation must be a name or a list"),
    (([4, 5, 3], X, Y), {"output_activation": "soft"}, ValueError, "unknown output_activation 'soft'.*mean 'softmax'"),
    (([4, 5, 3], X, Y), {"output_activation": "softmax"}, ValueError, "loss='squared_error' cannot be paired with"),
    (([4, 5, 3], X, Y), {"loss": "logloss"}, ValueError, "unknown loss 'logloss'.*mean 'log_loss'"),
    (([4, 5, 3], X, Y), {"solver": "adm"}, ValueError, "unknown solver 'adm': expected one of 'sgd'.*mean 'adam'"),
    (([4, 5, 3], X, Y), {"solver": None}, TypeError, "solver must be one of 'sgd', 'rmsprop', 'adam', 'adamw'"),
    (([4, 5, 3], X, Y), {"backend": "numpi"}, ValueError, "unknown backend 'numpi'.*mean 'numpy'"),
    *(
        (
            ([4, 5, 3], X, Y),
            {"solver": solver, "backend": backend},
            ValueError,
            f"solver='{solver}' is not available on backend='{backend}'; use .*backend='numpy' or backend='auto'",
        )
        for solver in ("rmsprop", "adam", "adamw")
        for backend in ("cython", "python")
    ),
    (([4, 5, 3], X, Y), {"init": "he"}, ValueError, "unknown init 'he': expected one of 'uniform'"),
    (([4, 5, 3], X, Y), {"order": "shufled"}, ValueError, "unknown order 'shufled'.*mean 'shuffled'"),
    (([4, 5, 3], X, Y), {"dtype": "float16"}, ValueError, "dtype must be 'float32' or 'float64', got 'float16'"),
    (([4, 5, 3], X, Y), {"dtype": "flat"}, ValueError, "dtype must be"),
    # numbers
    (([4, 3], X, Y, 0), {}, ValueError, "iter_num must be at least 1, got 0"),
    (([4, 3], X, Y, 10.0), {}, TypeError, "iter_num must be an integer, got 10.0"),
    (([4, 3], X, Y, 10, 0.0), {}, ValueError, "alpha must be finite and greater than 0.0, got 0.0"),
    (([4, 3], X, Y, 10, -1), {}, ValueError, "alpha must be finite and greater than 0.0, got -1"),
    (([4, 3], X, Y, 10, np.nan), {}, ValueError, "alpha must be finite"),
    (([4, 3], X, Y, 10, "0.1"), {}, TypeError, "alpha must be a number, got '0.1'"),
    (([4, 3], X, Y), {"l2": -0.1}, ValueError, "l2 must be finite and at least 0.0, got -0.1"),
    (([4, 3], X, Y), {"momentum": 1.0}, ValueError, "momentum must be finite and at least 0.0 and less than 1.0"),
    (([4, 3], X, Y), {"beta_1": 1.0}, ValueError, "beta_1 must be finite and at least 0.0 and less than 1.0, got 1.0"),
    (([4, 3], X, Y), {"beta_1": None}, TypeError, "beta_1 must be a number, got None"),
    (([4, 3], X, Y), {"beta_2": -0.1}, ValueError, "beta_2 must be finite and at least 0.0 and less than 1.0"),
    (([4, 3], X, Y), {"beta_2": 1, "solver": "adam"}, ValueError, "beta_2 must be .* less than 1.0, got 1"),
    (([4, 3], X, Y), {"beta_2": np.nan, "solver": "rmsprop"}, ValueError, "beta_2 must be finite"),
    (([4, 3], X, Y), {"beta_2": "0.9"}, TypeError, "beta_2 must be a number, got '0.9'"),
    (([4, 3], X, Y), {"epsilon": 0.0}, ValueError, "epsilon must be finite and greater than 0.0, got 0.0"),
    (
        ([4, 3], X, Y),
        {"epsilon": 1e-60, "dtype": "float32"},
        ValueError,
        r"epsilon=1e-60 is 0.0 in float32; use one nearer to 1e-8, or dtype='float64'",
    ),
    (([4, 3], X, Y), {"epsilon": 1e60, "dtype": "float32"}, ValueError, r"epsilon=1e\+60 is inf in float32"),
    (([4, 3], X, Y), {"weight_decay": -0.01}, ValueError, "weight_decay must be finite and at least 0.0, got -0.01"),
    (([4, 3], X, Y), {"weight_decay": np.inf, "solver": "adamw"}, ValueError, "weight_decay must be finite"),
    (([4, 3], X, Y), {"tol": -1.0}, ValueError, "tol must be"),
    (([4, 3], X, Y), {"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
    (([4, 3], X, Y), {"report_every": 0}, ValueError, "report_every must be at least 1"),
    (([4, 3], X, Y), {"n_iter_no_change": 0}, ValueError, "n_iter_no_change must be at least 1"),
    (([4, 3], X, Y), {"n_threads": 0}, ValueError, "n_threads must be at least 1"),
    (([4, 3], X, Y), {"init_scale": -1}, ValueError, "init_scale must be"),
    (([4, 3], X, Y), {"random_state": -1}, ValueError, "random_state must lie in"),
    (([4, 3], X, Y), {"random_state": "seed"}, TypeError, "random_state must be None, an integer"),
    # weights of samples, start weights, validation
    (([4, 3], X, Y), {"sample_weight": np.ones(5)}, ValueError, r"one entry per row of X, shape \(6,\); got \(5,\)"),
    (([4, 3], X, Y), {"sample_weight": -np.ones(6)}, ValueError, r"sample_weight\[0\] is negative"),
    (([4, 3], X, Y), {"sample_weight": np.zeros(6)}, ValueError, "zero for every row"),
    (([4, 3], X, Y), {"sample_weight": [1, 1, np.nan, 1, 1, 1]}, ValueError, "sample_weight has nan in row 2"),
    (([4, 5, 3], X, Y), {"init": (W,)}, TypeError, r"init must be a name or a pair \(W, b\)"),
    (([4, 6, 3], X, Y), {"init": (W, B)}, ValueError, r"those of layers \[4, 5, 3\], not of \[4, 6, 3\]"),
    (([4, 5, 3], X, Y), {"init": (W, {1: B[1]})}, ValueError, "W has 2 layers, but b has 1"),
    (([4, 5, 3], X, Y), {"init": ({0: W[1], 1: W[2]}, B)}, ValueError, "keyed 1 ... L"),
    (
        ([4, 5, 3], X, Y),
        {"init": ({1: W[1], 2: W[1]}, B)},
        ValueError,
        r"W\[2\] has 4 columns, but the layer before has 5",
    ),
    (([4, 5, 3], X, Y), {"init": (W, {1: B[2], 2: B[1]})}, ValueError, r"b\[1\] must have one entry per row of W\[1\]"),
    (
        ([4, 5, 3], X, Y),
        {"init": (W, B), "init_scale": 2.0},
        ValueError,
        "init_scale multiplies weights that are drawn",
    ),
    (([4, 3], X, Y), {"early_stopping": True}, ValueError, "early_stopping=True needs validation_data"),
    (([4, 3], X, Y), {"validation_data": X}, TypeError, r"validation_data must be a pair \(X, y\), or .* got ndarray"),
    (([4, 3], X, Y), {"validation_data": (X,)}, TypeError, r"validation_data must be a pair .* got tuple of 1"),
    (
        ([4, 3], X, Y),
        {"validation_data": (X, Y, Y)},
        ValueError,
        "validation sample_weight must have one entry per row",
    ),
    (
        ([4, 3], X, Y),
        {"validation_data": (X, Y, -np.ones(6))},
        ValueError,
        r"validation sample_weight\[0\] is negative",
    ),
    (([4, 3], X, Y), {"validation_data": (X[:, :2], Y)}, ValueError, "validation X has 2 columns"),
    (([4, 3], X, Y), {"validation_data": (X, Y[:2])}, ValueError, "X has 6 rows, but validation y has 2"),
    (
        ([4, 3], X, ["a", "b", "c"] * 2),
        {"validation_data": (X, ["a", "b", "d"] * 2)},
        ValueError,
        "validation y has the label 'd' in row 2, which is not among the training labels",
    ),
    (([4, 3], X, [0, 1, 2] * 2), {"validation_data": (X[:2], [0, 7])}, ValueError, "has the label 7 in row 1"),
    (([4, 3], X, ["a", "b", "c"] * 2), {"validation_data": (X, Y)}, ValueError, "must be a vector of class labels"),
    (([4, 3], X, Y), {"validation_data": (X, [0, 1, 2, 0, 1, 2])}, ValueError, r"must be of shape \(6, 3\), as y is"),
    (([4, 1], X, ["a", "b"] * 3), {}, TypeError, "for class labels use loss='log_loss'"),
    (
        ([4, 1], X, [["a"], ["b"]] * 3),
        {"loss": "log_loss"},
        TypeError,
        r"y holds words, in an array of shape \(6, 1\); class labels are a vector, y.ravel\(\), with a loss",
    ),
    (([4, 1], X, np.array([["a"], ["b"]] * 3, object)), {"loss": "hinge"}, TypeError, r"a vector, y.ravel\(\), with"),
    (([4, 1], X, [[1], [2]] * 3), {"loss": "log_loss"}, ValueError, r"between 0 and 1; class labels are a vector: y.r"),
    (([4, 1], X, [[0], [1]] * 3), {"loss": "hinge"}, ValueError, r"takes targets -1 or 1; class labels are a vector"),
    (([4, 3], X, Y), {"nesterov": "no"}, TypeError, "nesterov must be True or False, got 'no'"),
    (([4, 3], X, Y), {"verbose": "yes"}, TypeError, "verbose must be True or False, got 'yes'"),
    (([4, 3], X, Y, 10, np.complex128(0.1)), {}, TypeError, "alpha must be a number"),
    (([4, 3], X, Y, 10, 10**400), {}, ValueError, "alpha must be finite"),
    (({4, 3}, X, Y), {}, TypeError, "must be a list of layer sizes"),
    (([4, 5, 3], X, Y), {"init": (W, B), "init_scale": np.ones(2)}, TypeError, "init_scale must be a number"),
    (([4, 3], X, Y), {"callback": 3}, TypeError, "callback must be callable, got 3"),
]


@pytest.mark.parametrize(("args", "options", "error", "message"), CASES, ids=[case[3][:60] for case in CASES])
def test_train(args, options, error, message, monkeypatch):
    for backend in BACKENDS.values():  # nothing is computed before the error
        monkeypatch.setattr(backend, "begin", lambda *_: pytest.fail("the run began"))
    np.random.seed(0)
    with pytest.raises(error, match=message):
        fastnn.train(*args, **options)
    assert np.random.random_sample() == np.random.RandomState(0).random_sample()  # and nothing is drawn


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda n: n(X[:, :3]), ValueError, "X has 3 columns, but the first layer has 4"),
        (lambda n: n(X[0, :3]), ValueError, "X is one row of 3 numbers, but the first layer has 4"),
        (lambda n: n(3.0), ValueError, r"X must have 2 dimensions, got 0 .*; for one row of one number use \[\[X\]\]"),
        (
            lambda n: fastnn.Network([[[1.0]]], [[0.0]])([0.1, 0.2, 0.3]),
            ValueError,
            r"X is one row of 3 numbers, but the first layer has 1; for one number a row use X.reshape\(-1, 1\)",
        ),
        (lambda n: n(with_entry(X, (1, 2), -np.inf)), ValueError, "X has -inf in row 1, column 2"),
        (lambda n: n(X[:0]), ValueError, "X is empty"),
        (lambda n: n.predict("text"), TypeError, "X must hold real numbers"),
        (lambda n: fastnn.Network(W, B, classes=[1, 2]), ValueError, "classes has 2 distinct labels"),
        (lambda n: fastnn.Network(W, B, classes=[2, 1, 3]), ValueError, "classes must be sorted"),
        (lambda n: fastnn.Network(W, B, classes=[[1, 2, 3]]), ValueError, "classes must be one-dimensional"),
        (lambda n: fastnn.Network(W, B, backend="x"), ValueError, "unknown backend 'x'"),
        (lambda n: fastnn.Network(3, B), TypeError, "W must be a dict keyed from 1 or a list"),
        (lambda n: fastnn.Network({}, {}), ValueError, "W must have one entry per layer"),
        (lambda n: fastnn.Network([[1.0]], [[1.0]]), ValueError, r"W\[1\] must have 2 dimensions"),
        (lambda n: fastnn.predict(W, B, X, 2), ValueError, "n_layers must be the number of layers of W.*: 3, got 2"),
        (lambda n: fastnn.predict(W, B, X[:, :3]), ValueError, "X has 3 columns"),
        (lambda n: fastnn.predict(W, B, X[0]), ValueError, "X must have 2 dimensions"),
    ],
)
def test_network_and_predict(call, error, message):
    with pytest.raises(error, match=message):
        call(fastnn.Network(W, B))


def test_the_compiled_module_refuses_what_does_not_fit_its_types():
    with pytest.raises((TypeError, ValueError)):
        _loops.activate_rows("relu", np.zeros((2, 2), int), np.zeros((2, 2), int))

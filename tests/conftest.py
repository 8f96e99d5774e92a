"""What the tests share: the data of the tutorials, how numbers are compared, and programs of their own."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from drawn import classifier, measured, xor  # noqa: F401  fixtures

import fastnn

try:
    from fastnn._tables import HIDDEN_ACTIVATIONS, LOSS_OUTPUTS, SOLVERS
    from fastnn.backends import BACKENDS, backends_with
except ModuleNotFoundError as error:
    raise pytest.UsageError(
        f"{error}: {fastnn.__file__} is not this project's, which pip knows as fastnn-mlp. Remove the other, "
        "then install this checkout: python -m pip uninstall fastnn, and python -m pip install ."
    ) from error


@pytest.fixture(autouse=True)
def close_figures():
    """Leave no figure of pyplot's to the next test, whichever it is: it warns of more than twenty."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


#: Every allowed pair of a loss and an output activation.
PAIRS = [
    (loss, output)
    for loss, outputs in LOSS_OUTPUTS.items()
    for output in outputs
    if output not in ("mean_variance", "increasing")  # which take outputs by groups: tests/test_joint.py
]
HIDDEN = HIDDEN_ACTIVATIONS
#: Every pair with each of the hidden activations whose slope is not kept, and the others, which differ from each other
#: in their own formula alone, once as an output and with two losses as a hidden layer.
NOT_KEPT = ("identity", "logistic", "tanh", "relu", "step")
COMBINATIONS = [
    (loss, output, hidden)
    for loss, output in PAIRS
    for hidden in HIDDEN
    if (hidden in NOT_KEPT if output in (*NOT_KEPT, "softmax", "exp") else hidden == "tanh")
    or (loss, output) in (("squared_error", "identity"), ("log_loss", "softmax"))
]
DTYPES = ["float64", "float32"]
BACKEND_NAMES = list(BACKENDS)
#: Every solver with every backend that has it, as the registry tells.
SOLVERS_ON_BACKENDS = [(solver, backend) for solver in SOLVERS for backend in reversed(backends_with(solver))]

#: Layer and batch sizes around the widths of vector registers.
AWKWARD_SIZES = [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97]


#: A small problem: three classes of rows that cannot be told apart perfectly.
X = np.random.default_rng(7).standard_normal((23, 4))
LABELS = np.random.default_rng(8).integers(0, 3, 23)
Y = np.eye(3)[LABELS]


def train(*args, **options):
    """Train a 4-5-3 network on the small problem, with `random_state=0` unless told otherwise."""
    return fastnn.train([4, 5, 3], X, Y, *args, **{"random_state": 0, **options})


def make_updates(backend, state, training, data, rows, starts, *arrays, n_threads=None):
    """One whole run of a backend: begun, advanced once, ended; the data are X, y and weights."""
    opened = backend.begin(state, training, *data, len(data[1]), n_threads)
    try:
        return opened.advance(rows, starts, *arrays)
    finally:
        opened.end()


def assert_close(actual, expected, tolerance):
    """Compare two arrays relative to the largest entry of the expected one."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape
    scale = max(np.abs(expected).max(), np.finfo(np.float64).tiny)
    error = np.abs(actual - expected).max() / scale
    assert error <= tolerance, f"relative error {error:.3g} > {tolerance:g}"


def run_program(program, **environment):
    """Run Python source in a process of its own, which must end well; return what it printed.

    OpenMP and threadpoolctl start anew there. An environment variable of None is unset.
    """
    variables = {**os.environ, **environment}
    for name in ("OMP_NUM_THREADS", *environment):
        if environment.get(name) is None:
            variables.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=900,  # for one that hangs; a slow machine has its time
        env=variables,
        cwd="/",
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def targets_for(loss, output_activation, n_samples, n_out, rng):
    """Random targets that the loss and output activation allow."""
    if loss == "perceptron":
        return rng.integers(0, 2, (n_samples, n_out)).astype(float)
    if output_activation == "softmax":
        return np.eye(n_out)[rng.integers(0, n_out, n_samples)]
    if loss == "poisson":
        return rng.poisson(1.5, (n_samples, n_out)).astype(float)
    if loss == "gamma":
        return rng.gamma(2.0, 0.5, (n_samples, n_out))
    if loss in ("hinge", "squared_hinge"):
        return rng.choice([-1.0, 1.0], (n_samples, n_out))
    return rng.random((n_samples, n_out))


@pytest.fixture
def run(capsys, monkeypatch):
    """The command, in this process: (code, stdout, stderr) of its arguments."""
    from fastnn.cli import main

    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments):
        capsys.readouterr()
        code = main(list(map(str, arguments)))
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return run


@pytest.fixture(scope="session")
def digits():
    """S3: the digits, scaled and split as the tutorial does; X_train, X_test, y_train, y_test."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    data = load_digits()
    X = StandardScaler().fit_transform(data.data)
    return train_test_split(X, data.target, test_size=0.4, random_state=7)


@pytest.fixture(scope="session")
def clusters():
    """S7: the three Gaussian clusters; X_train, X_test, Y_train, Y_test, and the generator's state after the data."""
    from sklearn.model_selection import train_test_split

    np.random.seed(12)
    n = 5000
    parts = [
        np.random.multivariate_normal([0, 0], [[2, 0.75], [0.75, 2]], n),
        np.random.multivariate_normal([1, 4], [[1, 0.75], [0.75, 1]], n),
    ]
    with pytest.warns(RuntimeWarning, match="not symmetric positive-semidefinite"):
        parts.append(np.random.multivariate_normal([2, 8], [[0, 0.75], [0.75, 0]], n))
    state = np.random.get_state()
    X = np.vstack(parts).astype(np.float32)
    Y = np.eye(3)[np.repeat([0, 1, 2], n)]
    X_train, X_test, Y_train, Y_test = train_test_split(X, Y, test_size=0.1, random_state=12)
    return X_train, X_test, Y_train, Y_test, state

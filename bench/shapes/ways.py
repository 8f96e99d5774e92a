"""How each library fits and predicts a cell: the two estimators, and the loops of ``bench.peers`` where they apply.

These loops do less than a fit of the estimators: they take the rows in one order for all epochs, have no penalty and
no curve of losses, and their predictions end with probabilities. To be faster than they are is to have no excuse.
"""

import importlib
from functools import partial

import numpy as np
import sklearn.neural_network
from sklearn.neural_network import MLPClassifier

import fastnn
from bench.estimators import fit
from bench.peers.cases import Case, Problem

ESTIMATORS = {"scikit-learn": sklearn.neural_network, "fastnn": fastnn}
#: Name -> the module, and the name of the way there.
PEERS = {"NumPy": ("bench.peers.numpy_peer", "NumPy"), "PyTorch": ("bench.peers.torch_peer", "PyTorch, eager")}
DEFAULTS = MLPClassifier().get_params()


def load_peers():
    """Return name -> (trainer, predictor) of what is installed, and name -> why not of the others."""
    peers, absent = {}, {}
    for name, (module, way) in PEERS.items():
        try:
            found = importlib.import_module(module)
        except ImportError as error:
            absent[name] = str(error)
            continue
        peers[name] = found.TRAINERS[way], found.PREDICTORS[way]
    if "PyTorch" in peers:  # whatever the environment says
        importlib.import_module("torch").set_num_threads(1)
    return peers, absent


def fits(cell, X, y, n_epochs, model, peers):
    """Return name -> a callable that fits for so many epochs; `model` gives the peers their start weights."""
    ways = {
        name: partial(fit, module, cell.estimator, X, y, n_epochs, **cell.parameters)
        for name, module in ESTIMATORS.items()
    }
    if cell.density is None and cell.solver != "lbfgs" and not cell.early_stopping:
        problem = _problem(cell, X, y, n_epochs, model)
        ways |= {name: partial(_train, train(problem)) for name, (train, _) in peers.items()}
    return ways


def predictions(cell, X, models, peers):
    """Return name -> a callable that predicts all rows by the fitted `models`."""
    ways = {name: partial(model.predict, X) for name, model in models.items()}
    if cell.density is None:
        problem = _problem(cell, X, None, 0, models["fastnn"])
        ways |= {name: predict(problem).run for name, (_, predict) in peers.items()}
    return ways


def _train(way):
    way.reset()
    way.run()


def _problem(cell, X, y, n_epochs, model):
    """Return what the loops of ``bench.peers`` read: of training, or without epochs of prediction."""
    is_training = n_epochs > 0
    output = {1: "identity", 2: "logistic"}.get(cell.outputs, "softmax")
    loss = "squared_error" if cell.outputs == 1 else "log_loss"
    dtype = model.coefs_[0].dtype  # float64 after lbfgs, whatever X is
    case = Case(
        name=cell.name,
        unit="epoch",
        data="",
        layers=cell.layers,
        hidden="relu",
        output=output,
        dtypes=(dtype.name,),
        n_rows=cell.rows,
        quick_rows=cell.rows,
        loss=loss if is_training else "",
        solver=cell.solver,
        learning_rate=DEFAULTS["learning_rate_init"],
        momentum=DEFAULTS["momentum"],
        batch_size=cell.batch if is_training else 0,
        n_epochs=n_epochs,
    )
    if not is_training:
        targets = np.empty((0, cell.layers[-1]), dtype)
    elif output == "softmax":
        targets = np.eye(cell.outputs, dtype=dtype)[y]
    else:
        targets = y[:, None].astype(dtype)
    W = [np.ascontiguousarray(weights.T, dtype) for weights in model.coefs_]
    b = [np.array(biases, dtype) for biases in model.intercepts_]
    rows = np.random.default_rng(0).permutation(cell.rows)
    return Problem(case, dtype.name, X.astype(dtype, copy=False), targets, rows, W, b)

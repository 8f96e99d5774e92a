"""scikit-learn: MLPClassifier and MLPRegressor from given start weights, on rows put in order beforehand.

A warm start's ``fit`` goes on from the weights it finds and starts its solver anew: just what a timed run is.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from bench.peers.interface import BETA_1, BETA_2, EPSILON, CannotExpress, flat

PACKAGES = ("scikit-learn", "scipy")

warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is given

ADAM = {"beta_1": BETA_1, "beta_2": BETA_2, "epsilon": EPSILON}


def fitted(problem, kind, targets, **options):
    """Return a model that has seen a few rows, so that it has all its attributes, with the start weights set."""
    model = kind(
        hidden_layer_sizes=problem.case.layers[1:-1],
        activation=problem.case.hidden,
        alpha=0.0,
        max_iter=1,
        shuffle=False,
        **options,
    )
    rows = problem.X.repeat(len(targets), axis=0)[: len(targets)]
    model.fit(rows, targets)
    model.coefs_ = [weights.T.copy() for weights in problem.W]
    model.intercepts_ = [biases.copy() for biases in problem.b]
    return model


class Train:
    """A warm start's ``fit``, over all epochs."""

    def __init__(self, problem):
        case = problem.case
        if case.loss == "squared_error" and case.output != "identity":
            raise CannotExpress(f"squared error goes with identity outputs, not {case.output}")
        self.problem = problem
        self.X = np.ascontiguousarray(problem.X[problem.rows])
        if case.loss == "squared_error":
            kind, self.y, some = MLPRegressor, problem.y[problem.rows, 0], np.zeros(2, problem.dtype)
        else:
            kind, self.y = MLPClassifier, problem.labels[problem.rows]
            some = np.unique(self.y)
        solver = ADAM if case.solver == "adam" else {"momentum": case.momentum, "nesterovs_momentum": False}
        options = {"solver": case.solver, "learning_rate_init": case.learning_rate, "warm_start": True, **solver}
        self.model = fitted(problem, kind, some, batch_size=1, **options)
        self.model.set_params(
            batch_size=case.batch_size,
            max_iter=case.n_epochs,
            tol=0.0,
            n_iter_no_change=case.n_epochs + 1,
        )

    def reset(self):
        self.model.coefs_ = [weights.T.copy() for weights in self.problem.W]
        self.model.intercepts_ = [biases.copy() for biases in self.problem.b]

    def run(self):
        self.model.fit(self.X, self.y)

    def numbers(self):
        return flat([weights.T for weights in self.model.coefs_], self.model.intercepts_)


class Predict:
    """``predict_proba``: softmax outputs for one class of many, logistic ones for labels that are independent."""

    def __init__(self, problem):
        labels = np.arange(problem.case.layers[-1])
        targets = labels if problem.case.output == "softmax" else np.eye(len(labels), dtype=int)
        self.model = fitted(problem, MLPClassifier, targets, batch_size=1, solver="sgd")
        self.X = problem.X

    def reset(self):
        pass

    def run(self):
        self.out = self.model.predict_proba(self.X)

    def numbers(self):
        return self.out


TRAINERS = {"scikit-learn": Train}
PREDICTORS = {"scikit-learn": Predict}

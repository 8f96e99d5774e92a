"""fastnn: training by the backend "auto", a pass at a time, as `fastnn.training` does; prediction by `Network`."""

import numpy as np

import fastnn
from bench.peers.interface import BETA_1, BETA_2, EPSILON, flat
from fastnn.backends import get_backend
from fastnn.distribution import NAME
from fastnn.objective import Objective
from fastnn.spec import NetworkSpec, TrainingSpec
from fastnn.state import TrainingState

PACKAGES = (NAME,)


class Train:
    """A run of the backend."""

    def __init__(self, problem):
        case = problem.case
        adam = {"beta_1": BETA_1, "beta_2": BETA_2, "epsilon": EPSILON} if case.solver == "adam" else {}
        self.problem = problem
        self.network = NetworkSpec(case.layers, case.activations, np.dtype(problem.dtype))
        self.training = TrainingSpec(Objective(case.loss), solver=case.solver, momentum=case.momentum, **adam)
        self.start = flat(problem.W, problem.b)
        if case.batch_size:
            self.rows = problem.rows.astype(np.intp)
            self.starts = np.array([0, *(batch.stop for batch in case.batches)], np.intp)
            self.n_calls, n = case.n_epochs, len(case.batches)
        else:
            self.rows, self.starts = None, None
            self.n_calls, n = 1, case.n_epochs
        self.learning_rate, self.l2 = np.full(n, case.learning_rate), np.zeros(n)
        self.curves = np.empty(n), np.empty(n)
        self.backend = get_backend("auto")

    def reset(self):
        self.state = TrainingState(self.network, self.training.solver)
        self.state.parameters[:] = self.start

    def run(self):
        case = self.problem.case
        data = self.problem.X, self.problem.y, None
        opened = self.backend.begin(self.state, self.training, *data, case.batch_size or case.n_rows)
        for _ in range(self.n_calls):
            opened.advance(self.rows, self.starts, self.learning_rate, self.l2, *self.curves)
        opened.end()

    def numbers(self):
        return self.state.parameters


class Predict:
    """``network(X)``."""

    def __init__(self, problem):
        case = problem.case
        self.network = fastnn.Network(
            problem.W,
            problem.b,
            activation=case.hidden,
            output_activation=case.output,
            dtype=problem.dtype,
        )
        self.X = problem.X if case.n_rows > 1 else problem.X[0]

    def reset(self):
        pass

    def run(self):
        self.out = self.network(self.X)

    def numbers(self):
        return self.out.reshape(-1, self.network.layer_sizes[-1])


class PredictInto(Predict):
    """``network.predict_into(X, out)``."""

    def __init__(self, problem):
        super().__init__(problem)
        self.out = self.network(self.X)
        self.out.fill(0)

    def run(self):
        self.network.predict_into(self.X, self.out)


TRAINERS = {"fastnn": Train}
PREDICTORS = {"fastnn": Predict, "fastnn, predict_into": PredictInto}

"""Whatever is done to a network in whatever order, on whatever instruction set, by however many threads, in a forked
child or after a journey in a pickle: it computes what the NumPy reference computes."""

import copy
import os
import pickle

import numpy as np
import pytest
from conftest import assert_close
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import fastnn
from fastnn import simd

#: Large enough for teams of threads, once work has gone on for a while.
ROWS = 2000
RNG = np.random.default_rng(3)
X = RNG.standard_normal((ROWS, 30))
LABELS = RNG.integers(0, 4, ROWS)
STARTED_WITH = simd.active()


class AnyOrder(RuleBasedStateMachine):
    """The same trainings by the engine and by the reference, side by side."""

    @initialize(hidden=st.sampled_from([(), (7,), (64, 33)]), seed=st.integers(0, 99))
    def start(self, hidden, seed):
        self.sizes = [30, *hidden, 4]
        self.train(seed, 1, None, "sgd", 1)

    @rule(
        seed=st.integers(0, 99),
        n=st.integers(1, 6),
        batch_size=st.sampled_from([None, 1, 64, 700]),
        solver=st.sampled_from(["sgd", "adam"]),
        n_threads=st.sampled_from([None, 1, 2, 3, 4]),
    )
    def train(self, seed, n, batch_size, solver, n_threads):
        options = {"activation": "tanh", "loss": "log_loss", "solver": solver, "init": "glorot_normal"}
        options |= {"batch_size": batch_size, "random_state": seed, "epsilon": 0.1}
        expected = fastnn.train(self.sizes, X, LABELS, n, 0.1, backend="numpy", **options)
        result = fastnn.train(self.sizes, X, LABELS, n, 0.1, backend="simd", n_threads=n_threads, **options)
        self.network, self.reference = result.network, expected.network
        assert_close(result.network.parameters, expected.network.parameters, 1e-10)
        assert_close(result.loss_curve, expected.loss_curve, 1e-10)

    @rule(name=st.sampled_from(simd.available()))
    def use(self, name):
        simd.use(name)

    @rule(first=st.integers(0, ROWS - 1), n=st.sampled_from([1, 2, 5, 100, ROWS]))
    def predict(self, first, n):
        rows = X[first : first + n]
        outputs = self.network(rows)
        assert_close(outputs, self.reference(rows), 1e-10)
        assert self.network.predict_into(rows, np.empty_like(outputs)).tobytes() == outputs.tobytes()
        assert self.network(rows[0]).tobytes() == outputs[0].tobytes()
        assert (self.network.predict(rows) == outputs.argmax(axis=1)).all()

    @rule(travel=st.sampled_from([copy.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))]))
    def travel(self, travel):
        before = self.network
        self.network = travel(before)
        assert self.network(X).tobytes() == before(X).tobytes()

    @precondition(lambda self: hasattr(os, "fork"))
    @rule(n=st.sampled_from([1, ROWS]))
    def fork(self, n):
        expected = self.network(X[:n]).tobytes()
        child = os.fork()
        if child == 0:
            os._exit(self.network(X[:n]).tobytes() != expected)
        assert os.waitpid(child, 0)[1] == 0

    def teardown(self):
        simd.use(STARTED_WITH)


TestAnyOrder = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")(AnyOrder.TestCase)
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=12, deadline=None)

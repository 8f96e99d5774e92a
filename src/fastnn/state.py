"""The memory of a training run: parameters, optimizer state and counters, which a run advances in place.

A face makes it and sets the start weights, a backend's run advances it, early stopping may set the best weights
back. As bytes it can be kept and gone on with.
"""

import numpy as np

from fastnn._tables import ALIGNMENT, SOLVERS

#: Solvers that are no rows of the table -> the numbers of state that each keeps in all.
OTHER_SOLVERS = {"lbfgs": 0, "levenberg_marquardt": 1}

#: Solver of the table -> for each number that it keeps a parameter, whether that changes its sign with the gradient.
SIGNED_STATE = {
    "sgd": (True,), "rmsprop": (False,), "adam": (True, False), "adamw": (True, False), "nadam": (True, False),
    "adagrad": (False,), "lion": (True,), "rprop": (True, False),
}  # fmt: skip

#: The struct ``fastnn_counters`` of csrc/fastnn.h.
COUNTERS = np.dtype(
    [("n_updates", np.int64), ("pass_cost", np.float64), ("pass_rows", np.int64), ("previous_cost", np.float64)]
)


def aligned_zeros(n, dtype):
    """Return n zeros in a block that is aligned as the engine's are."""
    dtype = np.dtype(dtype)
    block = np.zeros(n * dtype.itemsize + ALIGNMENT, np.uint8)
    start = -block.__array_interface__["data"][0] % ALIGNMENT
    return block[start : start + n * dtype.itemsize].view(dtype)


def n_state(solver, n_parameters):
    """Return how many numbers of state a solver keeps."""
    return OTHER_SOLVERS[solver] if solver in OTHER_SOLVERS else SOLVERS[solver] * n_parameters


class TrainingState:
    """Parameters, optimizer state and counters of one training run.

    The optimizer state is flat: for each number that the solver keeps a parameter, an array laid out like the
    parameters. That is the velocity for sgd, the mean of the squared gradients for rmsprop, for adam, adamw and nadam
    the first moments, then the second moments, for adagrad the sum of the squared gradients, for lion the mean of the
    gradients, for rprop the last gradients, then the step sizes. levenberg_marquardt keeps its damping alone, lbfgs
    nothing.

    Parameters
    ----------
    network : NetworkSpec
    solver : str
        Decides how many numbers of state there are a parameter.
    """

    def __init__(self, network, solver):
        self.network = network
        self.parameters = aligned_zeros(network.n_parameters, network.dtype)
        self.optimizer = aligned_zeros(n_state(solver, network.n_parameters), network.dtype)
        self.counters = np.zeros(1, COUNTERS)
        self.counters["previous_cost"] = np.inf

    @classmethod
    def of(cls, network, parameters, optimizer, counters):
        """The state that these arrays are, which are shared."""
        state = cls.__new__(cls)
        state.network, state.parameters, state.optimizer, state.counters = network, parameters, optimizer, counters
        return state

    @property
    def n_updates(self):
        """The number of updates made since the start."""
        return int(self.counters["n_updates"][0])

    def to_bytes(self):
        """Return all that training needs to go on, as bytes; not of an open run, which has the solver's."""
        return self.parameters.tobytes() + self.optimizer.tobytes() + self.counters.tobytes()

    def restore(self, data):
        """Take back what `to_bytes` of a state of the same network and solver returned."""
        parts = (self.parameters, self.optimizer, self.counters)
        expected = sum(part.nbytes for part in parts)
        if len(data) != expected:
            raise ValueError(f"a state of this network and solver has {expected} bytes, got {len(data)}")
        start = 0
        for part in parts:
            part[:] = np.frombuffer(data, part.dtype, part.size, start)
            start += part.nbytes

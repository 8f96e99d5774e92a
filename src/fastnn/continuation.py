"""What a run of ``train`` leaves behind to be gone on from, beside the network; kept by its `TrainResult`.

The optimizer's state, counters, the pass that the run ended in, its random numbers, and what y was. Nothing is copied
before a second run begins; that has copies, so that one result may be gone on from more than once.
"""

from dataclasses import dataclass, field

import numpy as np

from fastnn.dropout import Dropout
from fastnn.initial import Draws
from fastnn.state import TrainingState, aligned_zeros


@dataclass
class Continuation:
    """What a second run goes on from; plain data, arrays and a generator, all of which can be pickled.

    Parameters
    ----------
    solver : str
    optimizer, counters : ndarray
        As of a `TrainingState`.
    known : tuple
        What y was, see `fastnn.targets.Targets`.
    course : tuple
        Number of rows, rows of a batch and their order: what passes are made of.
    rows : ndarray of intp, or None
        Of the pass that the run ended in, if that was in the middle of it.
    n_made : int
        Updates of that pass that were made.
    objective : ndarray of shape (n_made,), or None
        Of each of them.
    draws : Draws
    seed : int or None
        Of dropout, if there has been any.
    parameters : ndarray or None
        Those that the optimizer's state belongs to, where they are not the network's: after an interruption, or where
        the best ones were given back.
    kept : dict
        Of listeners, see ``fastnn.training.run``.
    held : ndarray of intp, or None
        Rows that were set aside to validate on.
    validation_split : float, default 0
        Their share, as it was asked for.
    was_interrupted : bool
        Whether the run was ended from outside.
    """

    solver: str
    optimizer: np.ndarray
    counters: np.ndarray
    known: tuple
    course: tuple
    rows: np.ndarray | None
    n_made: int
    objective: np.ndarray | None
    draws: Draws
    seed: int | None
    parameters: np.ndarray | None = None
    kept: dict = field(default_factory=dict)
    held: np.ndarray | None = None
    validation_split: float = 0.0
    was_interrupted: bool = False

    @property
    def n_updates(self):
        """Updates made since the very start."""
        return int(self.counters["n_updates"][0])

    def state(self, network, course, tol, updates_per_pass):
        """Return a TrainingState that goes on from here, on copies; passes of another course begin anew.

        Parameters
        ----------
        network : Network
            Of the result.
        course : tuple
        tol : float
        updates_per_pass : int
        """
        parameters = aligned_zeros(network.n_parameters, network.dtype)
        parameters[:] = network.parameters if self.parameters is None else self.parameters
        state = TrainingState.of(network._spec, parameters, self.optimizer.copy(), self.counters.copy())
        if course != self.course:
            if tol > 0 and self.n_updates % updates_per_pass:
                raise ValueError(
                    f"tol={tol} compares passes, which cannot begin after update {self.n_updates} where one has "
                    f"{updates_per_pass} updates; go on with the rows, batch_size and order of the first run, or tol=0"
                )
            state.counters["pass_cost"], state.counters["pass_rows"], state.counters["previous_cost"] = 0, 0, np.inf
        return state

    def find_place(self, source, course):
        """Have a source begin in the middle of the pass that the first run ended in, if its passes are made alike."""
        if self.rows is not None and course == self.course:
            source.go_on(self.rows, self.n_made, self.objective)

    def seeded(self, dropout, draws, is_given):
        """Return dropout with the seed that there was; a new one if there was none, or other draws were given."""
        if self.seed is None or is_given:
            return dropout.seeded(draws.integers)
        return Dropout(dropout.dropped, self.seed)


def leave(job, source, course, data, draws, outcome, last_parameters, earlier):
    """Return the Continuation of a run that has ended.

    Parameters
    ----------
    job : fastnn.training.run.Job
    source : AllRows or Ordered
    course : tuple
    data : fastnn.arguments.Data
    draws : Draws
    outcome : fastnn.training.run.Outcome
    last_parameters : ndarray or None
    earlier : Continuation or None
        That the run went on from.
    """
    state, training, own = job.state, job.training, outcome.all_objective
    rows, n_made, objective = source.rows, 0, None
    if rows is not None:
        begun = -source.n_made if source.begun is None else source.begun - state.n_updates + len(own)
        n_made = len(own) - begun
        objective = own[begun:] if begun >= 0 else np.concatenate([source.earlier, own])
    if n_made == source.updates_per_pass:
        rows, n_made, objective = None, 0, None
    seed = None if earlier is None else earlier.seed
    if training.dropout is not None:
        seed = training.dropout.seed
    return Continuation(
        training.solver, state.optimizer, state.counters, data.known, course, rows, n_made, objective, draws, seed,
        last_parameters, outcome.kept, data.held, data.validation_split, outcome.error is not None,
    )  # fmt: skip


def check_goes_on(result, sizes, dtype, solver, bias, init_scale):
    """Return the Continuation of a result, if a run of this shape and solver can go on from it."""
    found, network = vars(result).get("_continuation"), result.network
    if found is None or network is None:
        raise ValueError(
            "init is a result that does not know how it was trained (made of W, b and cost alone, of a training "
            "that diverged, or by an older fastnn); pass init=(result.W, result.b) to begin from its weights"
        )
    anew = "pass init=(result.W, result.b) to begin anew from its weights"
    if network.layer_sizes != sizes:
        raise ValueError(
            f"init is a result of layers {list(network.layer_sizes)}, but nn_structure is {list(sizes)}; training can "
            "only go on with the same layers"
        )
    if network.dtype != dtype:
        raise ValueError(f"init is a result of dtype {network.dtype}, got dtype={dtype.name!r}; go on in the same")
    if found.solver != solver:
        raise ValueError(
            f"init is a result of solver={found.solver!r}, whose state solver={solver!r} cannot go on from; pass "
            f"solver={found.solver!r}, or {anew}"
        )
    if init_scale != 1.0:
        raise ValueError("init_scale multiplies weights that are drawn by name; those of a result are gone on from")
    if not bias and (l := next((l for l, given in network.b.items() if given.any()), None)) is not None:
        raise ValueError(f"init has biases that are not 0 in layer {l}, but bias=False")
    return found

"""What a run of ``train`` gives back: W, b and cost, as the tutorials have them, and what else is known of it."""

from collections import namedtuple
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from fastnn.network import Network
from fastnn.sparse import SparseMatrix


class HowTrained(NamedTuple):
    """What a diagnosis reads of a run beside its curves.

    Parameters
    ----------
    alpha : float
        The learning rate, or the largest of a schedule's.
    solver, loss : str
    updates_per_pass : int
    saturated_start : tuple (str, int, float) or None
        What was warned of: init, the number of the layer, the share of its units.
    """

    alpha: float
    solver: str
    loss: str
    updates_per_pass: int
    saturated_start: tuple[str, int, float] | None


class TrainResult(namedtuple("TrainResult", ["W", "b", "cost"])):
    """What `train` returns: unpacks as ``W, b, cost``, and carries more.

    Attributes
    ----------
    W, b : dict
        Weights (n_out, n_in) and biases (n_out,) of each layer, keyed from 1; views of the network's parameters. They,
        their copies and pickles know what network they belong to: `predict`, `Network` and `kernels` compute that one.
    cost : list of float
        The mean error norm ||y - h|| of each update's batch, before the update.
    network : Network
    loss_curve : list of float
        The objective, penalty included, of each update's batch, before the update.
    history : dict of lists
        One entry per report: ``iteration``; with validation rows ``loss``, ``val_loss``, for classes ``accuracy`` and
        ``val_accuracy``, and with a function for `scoring` ``val_score``; and what `track` names. Empty if nothing is
        measured. Losses are means without the penalty, so that rows that were learned from compare with others.
    n_iter : int
        The number of updates made, in this run.
    n_updates : int
        Those of earlier runs counted too, which it went on from by ``init=result``, and those that an interruption has
        taken from the curves.
    best_iteration : int
        The number of updates after which the weights were what they are, counted as reports count them: `n_iter` and
        those before it, or less where early stopping gave the best ones back. `loss_curve` and `cost` go on.
    """

    W: dict[int, np.ndarray]
    b: dict[int, np.ndarray]
    cost: list[float]
    network: Network
    loss_curve: list[float]
    history: dict[str, list]
    n_iter: int
    n_updates: int
    best_iteration: int

    _how: HowTrained | None = None
    _shape = None  # the Shape of the run, by which the next one knows its own

    @property
    def _has_best(self):
        """Whether early stopping gave the weights of an earlier update back."""
        was_interrupted = self._continuation is not None and self._continuation.was_interrupted
        return self.best_iteration < self.n_updates and not was_interrupted

    def __new__(
        cls, W, b, cost, network=None, loss_curve=None, history=None, best_iteration=None, continuation=None
    ):  # fmt: skip
        result = super().__new__(cls, W, b, cost)
        result.network = network
        result.loss_curve = loss_curve
        result.history = history
        result.n_iter = len(cost)
        result.n_updates = result.n_iter if continuation is None else continuation.n_updates
        result.best_iteration = result.n_updates if best_iteration is None else best_iteration
        result._continuation = continuation
        return result

    def _replace(self, **changes) -> Self:
        """Return a copy with other W, b or cost; what is known of the run, and its network, stay."""
        result = super()._replace(**changes)
        vars(result).update(vars(self))
        return result

    @classmethod
    def _make(cls, values) -> Self:
        """Return a result of W, b and cost alone."""
        return cls(*values)

    def predict(self, X: ArrayLike | SparseMatrix) -> np.ndarray | list[np.ndarray]:
        """Return what ``network.predict`` does: class labels for a classifier, values for a regression.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_in) or (n_in,), or sparse matrix of shape (n_samples, n_in)

        Returns
        -------
        prediction : ndarray of shape (n_samples,) or (n_samples, n_out); without the first axis for a single row
            A list of these, one a head, where there are several.

        Raises
        ------
        TypeError, ValueError
            If X does not hold finite numbers, or has the wrong number of columns.
        """
        if self.network is None:
            raise ValueError("a result of W, b and cost alone has no network; use fastnn.predict(W, b, X)")
        return self.network.predict(X)

    def __repr__(self):
        if self.network is None:  # made by _make: W, b and cost alone
            return super().__repr__()
        last = f", last loss {self.loss_curve[-1]:.6g}" if self.loss_curve else ""  # empty: interrupted at once
        if self._has_best:
            last += f"; the weights are those after {self.best_iteration}"
        return f"<TrainResult of {self.network!r}: {self.n_iter} updates{last}>"

"""The data of a fit: raw matrix, targets and weights of all rows, and which of them each member learns from.

Made by the base of the estimators, asked by ``members``; how rows are drawn is left to ``split``.
"""

from dataclasses import dataclass

import numpy as np

#: Of more rows held back what is learned after the training goes by so many: a share of 0.9 is then known to 0.004.
MOST_HELD = 5000


@dataclass
class Learned:
    """Rows that a member learns from, or is judged by: the raw matrix, targets and weights, or None."""

    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray | None = None

    def __len__(self):
        return len(self.X)


class Data:
    """All rows, and which of them each member learns from.

    Parameters
    ----------
    raw : (n_rows, n_raw) float32 array
    targets : (n_rows, n_out) float32 array
    weight : (n_rows,) array, or None
    splits : list of (train, held)
        Rows of the first member, of the second ...; the last pair is of all that follow, too.
    """

    def __init__(self, raw, targets, weight, splits):
        self.raw, self.targets, self.weight, self.splits = raw, targets, weight, splits
        self._parts = [tuple(map(self.part, split)) for split in splits]

    def part(self, rows):
        """Return some rows."""
        weight = None
        if self.weight is not None and len(rows):
            weight = self.weight[rows]
            weight = (weight / weight.max()).astype(np.float32)
        if len(rows) == len(self.raw):  # in order, each once
            return Learned(self.raw, self.targets, weight)
        return Learned(self.raw[rows], self.targets[rows], weight)

    def of(self, number):
        """Return the rows that a member learns from, and those held back."""
        return self._parts[min(number, len(self.splits) - 1)]

    @property
    def has_refit(self):
        """Whether there are members that learn from all rows."""
        return len(self.splits) > 1

    def held_of(self, number):
        """Return which rows are held back from a member."""
        return self.splits[min(number, len(self.splits) - 1)][1]

    def held(self, networks):
        """Return rows held back, of many some, and the outputs for them of the members that have not learned from them.

        Parameters
        ----------
        networks : dict
            Number of a member -> its network.

        Returns
        -------
        part : Learned
        outputs : (n_judging, n_held, n_out) float32 array
            Of the first members: of all, or of one where the others were fitted on all rows.
        rows : (n_held,) array of int
        """
        rows = self.splits[0][1]
        if len(rows) > MOST_HELD:
            rows = np.sort(np.random.RandomState(0).permutation(rows)[:MOST_HELD])
        part = self.part(rows)
        judging = [network for number, network in networks.items() if len(self.held_of(number)) or not len(rows)]
        if not judging:  # a Ctrl-C came before the first of them had an epoch
            part, rows, judging = self.part(rows[:0]), rows[:0], list(networks.values())
        return part, np.array([network(part.X) if len(rows) else self.targets[:0] for network in judging]), rows

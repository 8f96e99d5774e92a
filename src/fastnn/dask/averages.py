"""``strategy="average"``: groups of partitions train by themselves for some passes, then their networks are averaged.

To ``training`` a backend, each of whose updates is a round. Where a group is trained makes no difference to its bits:
its seed is that of its number and of the round.
"""

import numpy as np

from fastnn import _tables
from fastnn.dask.rows import trained
from fastnn.spec import TAKE_ALL_ROWS

#: What batches can be trained by.
SOLVERS = tuple(name for name in _tables.SOLVERS if name not in TAKE_ALL_ROWS)


class Averages:
    """A backend over groups of partitions.

    Parameters
    ----------
    partitions : fastnn.dask.partitions.Partitions
    setting : fastnn.dask.rows.Setting
    weights : list of float
        Of each partition.
    n_groups : int
    n_passes : int
        Of a round.
    seed : int
    """

    def __init__(self, partitions, setting, weights, n_groups, n_passes, seed):
        self.partitions, self.setting, self.n_passes, self.seed = partitions, setting, n_passes, seed
        groups = [part for part in np.array_split(np.arange(len(weights)), n_groups) if len(part)]
        self.groups = [[partitions.rows[i] for i in part] for part in groups]
        of_groups = np.array([sum(weights[i] for i in part) for part in groups])
        self.shares = of_groups / of_groups.sum()

    def begin(self, state, training, X, y, sample_weight, largest_batch, n_threads=None):
        return Rounds(self, state)


class Rounds:
    """A run of rounds; see `fastnn.reference.descent.Run`."""

    def __init__(self, averages, state):
        self.averages, self.state = averages, state

    def advance(self, rows, starts, learning_rate, l2, objective, cost):
        for k, rate in enumerate(learning_rate):
            objective[k] = cost[k] = self.make(float(rate))
        return len(learning_rate), _tables.RAN

    def make(self, rate):
        """Make a round; return the mean loss of its last passes."""
        of, state = self.averages, self.state
        client, places = of.partitions.client, (state.parameters, state.optimizer, state.counters)
        began = client.submit(tuple, [np.array(place) for place in places], pure=False)
        futures = [
            client.submit(
                trained, group, of.setting, began, rate, of.n_passes, [of.seed, state.n_updates % 2**32, g], pure=False
            )
            for g, group in enumerate(of.groups)
        ]
        found = client.gather(futures)
        for place, *parts in zip(places[:2], *(one[:2] for one in found), strict=True):
            place[:] = sum_in_order(of.shares, parts)
            of.partitions.n_bytes += sum(part.nbytes for part in parts)
        state.counters["n_updates"] = max(one[2]["n_updates"][0] for one in found)
        return sum_in_order(of.shares, [one[3] for one in found])

    def put_state(self):
        """Nothing is kept elsewhere between two rounds."""

    def end(self):
        """Likewise."""


def sum_in_order(shares, parts):
    """The sum of parts, each times its share, in their order."""
    total = 0.0
    for share, part in zip(shares, parts, strict=True):
        total = total + (part.dtype.type(share) if isinstance(part, np.ndarray) else share) * part
    return total

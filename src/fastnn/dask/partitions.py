"""Dask collections as futures of `Rows`, side by side, and what the client knows of them: it never has the rows.

A partition whose worker is lost is computed anew by the scheduler, from the graph of the collections.
"""

from contextlib import suppress

import dask
import numpy as np
from distributed import get_client

from fastnn.dask.rows import digest_of, facts_of, rows_of


def client_of(client):
    """Return the client that was given, or the current one."""
    if client is None:
        with suppress(ValueError):
            client = get_client()
    if client is None or client.status != "running":
        raise ValueError(
            "fastnn.dask needs a client of a Dask cluster: make one, for example distributed.Client(), or pass client="
        )
    return client


def blocks_of(name, collection, sizes=None):
    """Return the blocks of rows of a collection as a list of delayed values."""
    if isinstance(collection, list | tuple):
        return list(collection)
    if not hasattr(collection, "to_delayed"):
        raise TypeError(
            f"{name} must be a dask array, dataframe or series, or a list of delayed partitions, got a "
            f"{type(collection).__name__}; make one, for example by dask.array.from_array({name}, chunks=(10000, -1))"
        )
    if hasattr(collection, "chunks"):
        widths = dict.fromkeys(range(1, collection.ndim), -1)
        known = sizes is not None and not np.isnan([*sizes, *collection.chunks[0]]).any()
        if known and sum(sizes) == collection.shape[0]:
            widths[0] = sizes
        collection = collection.rechunk(widths)
    return list(np.ravel(collection.to_delayed()))


class Partitions:
    """The partitions of X, y and weights on the workers of a client, in their order, without those that are empty.

    Parameters
    ----------
    client : distributed.Client
    estimator : MLPClassifier or MLPRegressor
        Without weights or labels, which checks the rows.
    X, y, sample_weight
        As for `fit`.
    workers : list of str, optional
        Where neighbouring partitions shall be, as many on each; None: where they are.

    Attributes
    ----------
    rows : list of Future
    facts : list of dict
    n_bytes : int
        Of the arrays that workers have sent here.
    """

    def __init__(self, client, estimator, X, y, sample_weight=None, workers=None):
        self.client, self.n_bytes = client, 0
        sizes = X.chunks[0] if hasattr(X, "chunks") else None
        X = blocks_of("X", X)
        others = [
            [None] * len(X) if value is None else blocks_of(name, value, sizes)
            for name, value in (("y", y), ("sample_weight", sample_weight))
        ]
        for name, blocks in zip(("y", "sample_weight"), others, strict=True):
            if len(blocks) != len(X):
                raise ValueError(
                    f"X has {len(X)} partitions, {name} {len(blocks)}; repartition one of them like the other"
                )
        checked = dask.delayed(rows_of, pure=False)
        made = [checked(i, estimator, *parts) for i, parts in enumerate(zip(X, *others, strict=True))]
        if workers is None:
            self.rows = client.compute(made)
        else:
            self.rows = [
                client.compute(one, workers=[workers[g]], allow_other_workers=True)
                for g, numbers in enumerate(np.array_split(np.arange(len(made)), len(workers)))
                for one in (made[i] for i in numbers)
            ]
        facts = self.each(facts_of)
        kept = [i for i, of_one in enumerate(facts) if of_one["n_rows"]]
        if not kept:
            raise ValueError(f"X has no rows: its {len(facts)} partitions are empty")
        self.rows, self.facts, self.numbers = [self.rows[i] for i in kept], [facts[i] for i in kept], kept
        for name in ("n_columns", "columns", "n_targets", "several labels"):
            for of_one, i in zip(self.facts, kept, strict=True):
                if of_one[name] != self.facts[0][name]:
                    raise ValueError(
                        f"{name} of partition {kept[0]}: {self.facts[0][name]}, but of partition {i}: {of_one[name]}; "
                        "all must have the same"
                    )

    @property
    def n_rows(self):
        return sum(of_one["n_rows"] for of_one in self.facts)

    def each(self, function, *of_each, **same):
        """What a function of the rows of a partition returns, for all of them, in their order."""
        return self.client.gather(self.client.map(function, self.rows, *of_each, pure=False, **same))

    def digests(self):
        return self.each(digest_of)

"""``fit_many`` by the workers of a cluster: the data are scattered once, models go out in batches and come back fitted.

What happens to each batch on a worker is ``fastnn.fit_many``'s own doing. A batch whose worker is lost goes to another,
and where the data were lost with it, they are scattered once more from here.
"""

import copy
import time
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial

import numpy as np
from distributed import CancelledError, as_completed
from distributed.scheduler import KilledWorker

from fastnn.checks import check_name, check_number
from fastnn.dask.partitions import client_of
from fastnn.many import fitting
from fastnn.many.models import check_draws, check_list, check_models
from fastnn.progress import Bar

#: Batches for each thread of the workers: more share out better, fewer send less.
BATCHES_A_THREAD = 4

#: How often data and batches that were lost are sent anew.
ATTEMPTS = 10


def fit_many(
    client, models, X, y=None, *, rows=None, targets=None, sample_weights=None, errors="raise", progress=False,
    max_time=None,
):  # fmt: skip
    """Train many networks by the workers of a cluster, each on one thread; see `fastnn.fit_many`.

    Parameters
    ----------
    client : distributed.Client
        None: the current one.
    models, X, y, rows, targets, sample_weights, errors, progress, max_time : as of `fastnn.fit_many`
        The arrays are in the client's memory, and sent to each worker once. What models warn of is in the workers'
        logs.

    Returns
    -------
    results : list
        In the order of the models, as of `fastnn.fit_many`.

    Raises
    ------
    ValueError
        Without a client.
    ConnectionError
        If workers are lost again and again.

    Examples
    --------
    >>> from distributed import Client
    >>> import fastnn
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1]
    >>> settings = [{"nn_structure": [2, 1], "loss": "log_loss", "random_state": seed} for seed in range(3)]
    >>> with Client(processes=False, n_workers=1, dashboard_address="127.0.0.1:0") as client:  # doctest: +SKIP
    ...     results = fastnn.dask.fit_many(client, settings, X, y)
    """
    client = client_of(client)
    end = None if max_time is None else time.time() + check_number("max_time", max_time, low=0.0)
    models = check_models(models)
    check_name("errors", errors, ("raise", "collect"))
    lists = {"rows": rows, "targets": targets, "sample_weights": sample_weights}
    each = {
        name: None if of_each is None else check_list(name, of_each, len(models)) for name, of_each in lists.items()
    }
    sent = [_seeded(model, seed) for model, seed in zip(models, check_draws(models), strict=True)]
    n_batches = min(len(models), BATCHES_A_THREAD * max(sum(client.nthreads().values()), 1))
    left = [list(part) for part in np.array_split(np.arange(len(models)), n_batches)] if n_batches else []
    results = [None] * len(models)
    with Bar(len(models), "model") if progress else nullcontext() as bar:
        for _ in range(ATTEMPTS):
            left = _some(client, models, sent, (X, y), each, errors, end, left, results, bar)
            if not left:
                return results
    raise ConnectionError(
        f"the workers of {client.scheduler.address} died again and again; {len(left)} batches are left"
    )


def _some(client, models, sent, data, each, errors, end, batches, results, bar):
    """Put in place the results of batches; return those whose data were lost."""
    data, left = client.scatter(list(data), broadcast=True, hash=False), []
    waiting = {}
    for batch in batches:
        own = {name: None if of_each is None else [of_each[i] for i in batch] for name, of_each in each.items()}
        waiting[client.submit(_fitted, [sent[i] for i in batch], data, own, end, pure=False)] = batch
    for future in as_completed(waiting):
        batch = waiting[future]
        try:
            found = future.result()
        except (CancelledError, KilledWorker):
            if client.status != "running":
                raise
            left.append(batch)
            continue
        for i, result in zip(batch, found, strict=True):
            if isinstance(result, Exception):
                result.__notes__ = [f"This was models[{i}] of fit_many."]  # not of its batch
                if errors == "raise":
                    raise result
            results[i] = _in_place(models[i], result)
        if bar is not None:
            bar.move(len(batch), partial(fitting.loss_of, result), {})
    return left


def _fitted(models, data, each, end):
    """On a worker."""
    if each["rows"] is not None:  # what has come through a network may not be aligned
        each = {**each, "rows": [None if rows is None else np.array(rows) for rows in each["rows"]]}
    rest = None if end is None else max(end - time.time(), 1e-3)
    return fitting.fit_many(models, *data, **each, n_jobs=1, errors="collect", max_time=rest)


def _seeded(model, seed):
    """A model as it is sent: with the seed that was drawn here, where it has none of its own."""
    if seed is None:
        return model
    if isinstance(model, Mapping):
        return {**model, "random_state": seed}
    model = copy.copy(model)
    model.random_state = seed
    return model


def _in_place(model, result):
    """The estimator that was given, now as it came back; or what came of settings."""
    if isinstance(model, Mapping) or type(result) is not type(model):
        return result
    own = model.random_state
    vars(model).clear()
    vars(model).update(vars(result), random_state=own)
    return model

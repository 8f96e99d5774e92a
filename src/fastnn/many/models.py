"""What ``fit_many`` is given: lists with an entry for each model, models of a kind that it knows, rows, random numbers.

All of it is checked before the first model is trained; messages name a model by its number. Called by ``fitting``.
"""

import os
import sys
from collections.abc import Mapping
from itertools import pairwise
from numbers import Real

import numpy as np

from fastnn.frames import is_frame
from fastnn.initial import Draws
from fastnn.result import TrainResult
from fastnn.sparse import is_sparse

#: What `fit_many` gives to all itself.
OF_ALL = {"X": "X of fit_many", "y": "y or targets of fit_many", "sample_weight": "sample_weights of fit_many"}


def check_models(models):
    """Return the models as a list."""
    if isinstance(models, str | Mapping) or hasattr(models, "fit") or not hasattr(models, "__iter__"):
        raise TypeError(
            f"models must be a list of estimators, or of dicts of arguments of fastnn.train, got {_in_words(models)}; "
            "for one model pass [model]"
        )
    models, places = list(models), {}
    for i, model in enumerate(models):
        if isinstance(model, Mapping):
            for name in OF_ALL.keys() & model.keys():
                raise ValueError(f"models[{i}] has {name!r}, which comes from {OF_ALL[name]}; leave it out of the dict")
            continue
        if not is_estimator(model):
            raise TypeError(
                f"models[{i}] is {_in_words(model)}; fit_many takes MLPClassifier and MLPRegressor of fastnn and dicts "
                "of arguments of fastnn.train. For pipelines and others use scikit-learn's own tools with n_jobs"
            )
        if id(model) in places:
            raise ValueError(
                f"models[{places[id(model)]}] and models[{i}] are the same object, which can be fitted but once; pass "
                "sklearn.base.clone(model)"
            )
        places[id(model)] = i
    return models


def is_estimator(model):
    """Whether this is one of fastnn's estimators, of which there are none before their module has been imported."""
    base = sys.modules.get("fastnn.estimators._base")
    return base is not None and isinstance(model, base.MultilayerPerceptron)


def check_list(argument, values, n_models, default=None):
    """Return a list with an entry for each model; None: the default for all."""
    if values is None:
        return [default] * n_models
    if isinstance(values, str | Mapping) or not hasattr(values, "__iter__"):
        raise TypeError(f"{argument} must be a list with an entry for each model, got {_in_words(values)}")
    values = list(values)
    if len(values) != n_models:
        raise ValueError(f"{argument} must have an entry for each of {n_models} models, got {len(values)}")
    return [default if value is None else value for value in values]


def check_rows(rows, n_samples):
    """Return each entry as an array of intp, or None; one object that stands in several places is checked once."""
    checked = {}
    if n_samples is None and any(given is not None for given in rows):
        raise TypeError("rows chooses among the rows of an array, a table or a sparse matrix; X is none of these")
    for i, given in enumerate(rows):
        if id(given) not in checked:
            checked[id(given)] = None if given is None else _check_rows(f"rows[{i}]", given, n_samples)
    return [checked[id(given)] for given in rows]


def _check_rows(argument, given, n_samples):
    array = np.asarray(given)
    if array.ndim != 1 or (len(array) and array.dtype.kind not in "biu"):
        raise TypeError(
            f"{argument} must be a vector of numbers of rows, or of n_samples booleans, got an array of dtype "
            f"{array.dtype} and shape {array.shape}"
        )
    if array.dtype.kind == "b":
        if len(array) != n_samples:
            raise ValueError(f"{argument} has {len(array)} booleans, X has {n_samples} rows")
        array = np.flatnonzero(array)
    if len(array) == 0:
        raise ValueError(f"{argument} has no rows to learn from; pass None for all")
    is_beyond = (array < 0) | (array >= n_samples)
    if is_beyond.any():
        raise ValueError(
            f"{argument} has {array[is_beyond][0]}, but rows of X are 0 to {n_samples - 1}; negative numbers do not "
            "count from the end"
        )
    return np.ascontiguousarray(array, np.intp)


def n_rows_of(given):
    """How many rows X, y or weights have; None where it cannot be told."""
    if isinstance(given, str):
        return None
    shape = getattr(given, "shape", None)
    if isinstance(shape, tuple) and shape:
        return shape[0] if isinstance(shape[0], int) else None
    return len(given) if hasattr(given, "__len__") else None


def check_lengths(argument, given, n_samples):
    """Refuse what has not a row for each of X."""
    n = n_rows_of(given)
    if n is not None and n != n_samples:
        raise ValueError(f"{argument} has {n} rows, X has {n_samples}; rows chooses among those of X")


def rows_of(given, rows):
    """Return these rows of what a user gave, as what it is; a number is for all rows."""
    if rows is None or given is None or isinstance(given, Real):
        return given
    if is_sparse(given):
        return given.tocsr()[rows]
    if hasattr(given, "iloc"):
        return given.iloc[rows]
    if is_frame(given) or hasattr(given, "take"):  # polars' and Arrow's
        return given[rows] if hasattr(given, "__getitem__") and not hasattr(given, "schema_arrow") else given.take(rows)
    if isinstance(given, list | tuple) and not isinstance(given[0], list | tuple | np.ndarray):
        return np.asarray(given)[rows]
    return [given[row] for row in rows] if isinstance(given, list | tuple) else np.asarray(given)[rows]


def check_draws(models):
    """Refuse generators that several models would draw from at the same time; return a seed, or None, for each.

    One without a random_state gets a seed from NumPy's global generator, drawn here, in the order of the models.
    """
    places, seeds = {}, [None] * len(models)
    for i, model in enumerate(models):
        source = _source_of(model)
        if source is None:
            seeds[i] = int(np.random.mtrand._rand.randint(2**32, dtype=np.uint64))
        elif isinstance(source, np.random.RandomState | np.random.Generator):
            bits, _ = Draws(source).bit_generator()  # which several generators may have
            places.setdefault(id(bits), []).append(i)
    for shared in places.values():
        if len(shared) > 1:
            raise ValueError(
                f"models[{shared[0]}] and models[{shared[1]}] draw from one generator, side by side and so in any "
                "order; give each its own seed, for example random_state=i"
            )
    return seeds


def check_checkpoints(models, seeds):
    """Refuse checkpoints of a training whose random numbers would be others the next time, and of two in one folder."""
    places = {}
    for i, model in enumerate(models):
        folder = model.get("checkpoint") if isinstance(model, Mapping) else model.checkpoint
        if folder is not None and seeds[i] is not None:
            raise ValueError(f"models[{i}] has a checkpoint, but random_state=None; give it a seed to go on by")
        if folder is not None and (other := places.setdefault(os.path.realpath(folder), i)) != i:
            raise ValueError(
                f"models[{other}] and models[{i}] have the same checkpoint {folder!r:.60}; give each its own"
            )


def heads_of(model, y):
    """Whether y is a list with an entry for each of several heads."""
    heads = model.get("heads") if isinstance(model, Mapping) else None
    return heads is not None and isinstance(y, list | tuple) and len(y) == len(heads) and np.ndim(y[0]) > 0


def _source_of(model):
    """What a model draws from: a generator, a seed or None."""
    if not isinstance(model, Mapping):
        goes_on = model.warm_start == "solver" and hasattr(model, "_optimizer")
        return getattr(model, "_random_state", model.random_state) if goes_on else model.random_state
    source, init = model.get("random_state"), model.get("init")
    if source is None and isinstance(init, TrainResult):  # its own, which are copied, or the user's
        draws = getattr(vars(init).get("_continuation"), "draws", None)
        return 0 if draws is None or draws._is_own else draws._source
    return source


def work_of(model, n_in, n_rows):
    """About how many multiply-adds a training may take; 0 where its settings are not right, or of no use here."""
    try:
        if isinstance(model, Mapping):
            sizes, n_passes = model["nn_structure"], model.get("iter_num", 3000)
            n_rows = model.get("batch_size") or n_rows
        else:
            hidden = model.hidden_layer_sizes
            hidden = hidden.split("x") if isinstance(hidden, str) else np.atleast_1d(hidden)
            sizes, n_passes = [n_in, *map(int, hidden), 1], model.max_iter
        return float(sum(a * b for a, b in pairwise(sizes)) * n_passes * n_rows)
    except (KeyError, TypeError, ValueError):
        return 0.0


def _in_words(value):
    return f"{type(value).__name__} {value!r:.60}"

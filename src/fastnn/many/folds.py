"""The fits of a cross-validation: each network on the rows of its fold, all of them by few calls of ``fit_many``.

A network alone learns from rows of X as they are. In a pipeline each fold has X of its own, which the steps before the
network make, fitted on the fold's rows alone: once a fold and setting of these steps, whatever many networks learn from
it. Those of several folds are laid end to end: no core waits at the end of each. Called by ``cross_validation``.
"""

import copy
import time
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from fastnn.estimators._base import MultilayerPerceptron
from fastnn.estimators._quick import is_unchanging
from fastnn.many.fitting import fit_many

#: Bytes of the folds' own X that are laid end to end, and of networks that are fitted before they are scored, about;
#: what is more waits for these.
END_TO_END = FITTED = 1 << 28


@dataclass
class Fit:
    """One network to be fitted: a setting in a fold.

    Parameters
    ----------
    model : estimator
        The network, or the pipeline whose last step it is.
    fold : int
    stage : object
        Equal for those of a fold that learn from the same X; None: from X as it is.
    error : Exception, optional
        Why it could not be fitted.
    seconds : float
        What the fit took, and of what the steps before the network took the share of one.
    found : dict
        What scikit-learn's functions call the result of a fit.
    """

    model: Any
    fold: int
    stage: Any = None
    error: BaseException | None = None
    seconds: float = 0.0
    found: dict = field(default_factory=dict)

    @property
    def network(self):
        return self.model[-1] if isinstance(self.model, Pipeline) else self.model


def fits_of(model, candidates, n_folds):
    """Return the fits, all folds of a setting after one another.

    Raises
    ------
    TypeError
        If what is to be fitted is none of fastnn's estimators, nor a pipeline that ends in one.
    """
    fits = []
    for parameters in candidates:
        one = clone(model).set_params(**clone(parameters, safe=False))
        check_model(one)
        stage = None
        if isinstance(one, Pipeline) and len(one.steps) > 1:
            last = f"{one.steps[-1][0]}__"  # values of one grid are the same objects in all of its settings
            stage = tuple((name, id(value)) for name, value in parameters.items() if not name.startswith(last))
        fits += [Fit(again(one), fold, stage) for fold in range(n_folds)]
    return fits


def check_model(model):
    """Refuse what is none of fastnn's estimators, nor a pipeline that ends in one."""
    network = model[-1] if isinstance(model, Pipeline) else model
    if not isinstance(network, MultilayerPerceptron):
        raise TypeError(
            f"model is a {type(model).__name__}"
            + (f" that ends in a {type(network).__name__}" if network is not model else "")
            + ", expected fastnn's MLPClassifier or MLPRegressor, or a Pipeline that ends in one; for others take "
            "scikit-learn's cross_validate or GridSearchCV with n_jobs"
        )


def again(model):
    """Return a clone of a clone, sooner where no parameter of the network can change."""
    copied = copy.copy(model)
    if type(model) is Pipeline:
        copied.steps = [(name, again(step)) for name, step in model.steps]
        return copied
    is_plain = isinstance(model, MultilayerPerceptron) and all(map(is_unchanging, vars(model).values()))
    return copied if is_plain else clone(model, safe=False)


def fit_all(fits, data, splits, errors, max_time, **how):
    """Fit all; where one fails, it has the error. Yield some at a time, as soon as they are fitted.

    Parameters
    ----------
    fits : list of Fit
    data : tuple
        X, y and the weights of its rows, or None.
    splits : list of (ndarray of int)
        For each fold, the rows to learn from.
    errors : {"raise", "collect"}
    max_time : float or None
        Seconds for all.
    **how
        Further arguments of `fit_many`.
    """
    end = None if max_time is None else time.monotonic() + max_time
    failed = []
    for share, of, rows in _shares(fits, data, splits, errors, failed):
        n_bytes = np.cumsum([_bytes_of(fit.network, of[0]) for fit in share])
        starts = [0, *np.flatnonzero(np.diff(n_bytes // FITTED)) + 1, len(share)]
        for start, stop in pairwise(starts):
            left = None if end is None else max(0.0, end - time.monotonic())
            _fit(share[start:stop], of, rows[start:stop], errors=errors, max_time=left, **how)
            yield share[start:stop]
    yield failed


def _bytes_of(network, X):
    """What a fitted network takes, about: parameters, gradient and moments; 0 where its sizes are not right."""
    try:
        sizes = [X.shape[1], *map(int, np.atleast_1d(network.hidden_layer_sizes)), 1]
    except (TypeError, ValueError):
        return 0
    return 32 * network.n_members * sum(a * b for a, b in pairwise(sizes))


def _fit(fits, data, rows, **how):
    X, y, weight = data
    weights = None if weight is None else [weight] * len(fits)
    for fit in fits:
        _time(fit)
    results = fit_many([fit.network for fit in fits], X, y, rows=rows, sample_weights=weights, **how)
    for fit, result in zip(fits, results, strict=True):
        fit.seconds += vars(fit.network).pop("_seconds", 0.0)
        vars(fit.network).pop("fit", None)
        if result is None:
            fit.error = TimeoutError("max_time was over before this fit began")
        elif isinstance(result, BaseException):
            vars(result).pop("__notes__", None)  # its number, by which errors that are the same would differ
            fit.error = result


def _time(fit):
    """Have the next fit of a network tell its seconds."""
    network = fit.network

    def timed(*args, **kwargs):
        del network.fit
        start = time.perf_counter()
        try:
            return network.fit(*args, **kwargs)
        finally:
            network._seconds = time.perf_counter() - start  # on the network, which may come back from a worker

    network.fit = timed


def _shares(fits, data, splits, errors, failed):
    """Yield what is fitted together: the fits, their data and the rows of each; leave out those that fail before."""
    plain = [fit for fit in fits if fit.stage is None]
    if plain:
        yield plain, data, [splits[fit.fold] for fit in plain]
    groups = {}
    for fit in fits:
        if fit.stage is not None:
            groups.setdefault((fit.fold, fit.stage), []).append(fit)
    ready = []
    for (fold, _), group in groups.items():
        made = _staged(group, data, splits[fold], errors)
        if made is None:
            failed += group
            continue
        if ready and not _fits_behind(ready, made[0]):
            yield _joined(ready)
            ready = []
        ready.append((group, made))
    if ready:
        yield _joined(ready)


def _staged(group, data, rows, errors):
    """Fit the steps before the networks on a fold's rows, for all of a group; return X, y and weights."""
    X, y, weight = (None if part is None else _rows(part, rows) for part in data)
    steps, start = group[0].model[:-1], time.perf_counter()
    try:
        X = steps.fit_transform(X, y)
    except Exception as error:
        if errors == "raise":
            raise
        for fit in group:
            fit.error = error
        return None
    for fit in group:
        fit.model.steps[:-1] = steps.steps
        fit.seconds = (time.perf_counter() - start) / len(group)
    return X, y, weight


def _rows(part, rows):
    return part.iloc[rows] if hasattr(part, "iloc") else part[rows]


def _fits_behind(ready, X):
    """Whether the X of one more fold can be laid behind those that are ready."""
    others = [made[0] for _, made in ready]
    return (
        type(X) is type(others[0]) is np.ndarray
        and X.dtype == others[0].dtype
        and X.shape[1:] == others[0].shape[1:]
        and X.nbytes + sum(other.nbytes for other in others) <= END_TO_END
    )


def _joined(ready):
    """Lay the folds' own data end to end; those of one fold alone stay where they are."""
    fits = [fit for group, _ in ready for fit in group]
    if len(ready) == 1:
        return fits, ready[0][1], [None] * len(fits)
    made = [of for _, of in ready]
    data = tuple(None if parts[0] is None else _end_to_end(parts) for parts in zip(*made, strict=True))
    ends = np.cumsum([len(X) for X, *_ in made])
    starts = ends - [len(X) for X, *_ in made]
    rows = [np.arange(*of) for *of, (group, _) in zip(starts, ends, ready, strict=True) for _ in group]
    return fits, data, rows


def _end_to_end(parts):
    return scipy.sparse.vstack(parts, "csr") if scipy.sparse.issparse(parts[0]) else np.concatenate(parts)

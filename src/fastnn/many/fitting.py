"""``fit_many``: estimators or settings of ``train`` on the same data, a core each.

It has what the user gave checked (``models``), trains each model in one of the threads of ``crew``, and hands back what
came of all: results, exceptions and warnings, in the order of the models.
"""

import copy
import re
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from numbers import Integral

import numpy as np

from fastnn import warned
from fastnn.checks import check_name, check_number
from fastnn.keywords import hides_unknown, refuse
from fastnn.many.crew import Crew, n_cpus
from fastnn.many.models import (
    check_checkpoints,
    check_draws,
    check_lengths,
    check_list,
    check_models,
    check_rows,
    heads_of,
    n_rows_of,
    rows_of,
    work_of,
)
from fastnn.progress import Bar
from fastnn.state import OTHER_SOLVERS
from fastnn.train import train

#: What an estimator says that was stopped.
INTERRUPTED = "Training interrupted by user."


@hides_unknown
def fit_many(
    models, X, y=None, *, rows=None, targets=None, sample_weights=None, n_jobs=None, errors="raise", progress=False,
    max_time=None, client=None, **unknown,
):  # fmt: skip
    """Train many networks on the same data, side by side, a core each.

    Each has the same bits as by its own ``fit``, or by `train`, on the rows that it is given.

    Parameters
    ----------
    models : list
        `MLPClassifier` and `MLPRegressor`, which are fitted in place, and dicts of arguments of `train`, the data
        aside; each with its own seed and settings. An estimator may stand in it once.
    X : array-like or sparse matrix of shape (n_samples, n_in)
        Estimators have it checked, and cast, once for all. Never modified.
    y : array-like of shape (n_samples,) or (n_samples, n_out), optional
        Those of all models without `targets` of their own.
    rows : list of (array of int or bool, or None), optional
        For each model the rows of X, y and weights that it learns from, in this order; a row may come more than once.
        None: all. Estimators do not copy them, but for lbfgs, levenberg_marquardt, a warm start, heads, checkpoints,
        `track`, or `scoring` by a scorer, which, as `train` does, take a copy while the model is trained.
    targets : list of (array-like or None), optional
        In place of `y`, for each model.
    sample_weights : list of (array-like of shape (n_samples,) or None), optional
        For each model.
    n_jobs : int, optional
        Networks that are trained at a time, each in a thread. None: as many as the process has CPUs, or fewer where
        OMP_NUM_THREADS or threadpoolctl say so. -1: as many as that, too, and -2 one less.
    errors : {"raise", "collect"}, default "raise"
        What becomes of an exception of one model. "raise": no more begin, and the first that failed, by its number, has
        its exception raised. "collect": it stands in the model's place among the results. A note of it has the number.
    progress : bool, default False
        Show a bar over all models. Needs tqdm, the extra ``[progress]``.
    max_time : float, optional
        Seconds after which no more begin, in the order given, and those under way end, each as by its own `max_time`
        with what it has come to. None stands in the place of the others, and a warning counts them.
    client : distributed.Client, optional
        Train them by the workers of a Dask cluster, as `fastnn.dask.fit_many`; `n_jobs` is not asked.

    Returns
    -------
    results : list
        In the order of the models: the estimators, and a `TrainResult` for each dict.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or two models draw from one generator, before anything is trained.
    ImportError
        For ``progress=True`` without tqdm.
    KeyboardInterrupt
        On Ctrl-C, once those under way have ended, about 0.1 s later. Its attribute ``result`` has the results of those
        that were done by then, and None for others; estimators among these are as they were. Exceptions that are raised
        have it too.

    Warns
    -----
    UserWarning
        If `max_time` was over before all were trained. What models warn of, once for each kind, naming the models.

    Notes
    -----
    Models with ``random_state=None`` get seeds from NumPy's global generator, in the order given, before the first
    begins: ``numpy.random.seed`` makes all of them repeatable. Larger networks begin first, unless there is a
    `max_time`. Callbacks are called in the models' threads.

    Examples
    --------
    >>> import fastnn
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1]
    >>> settings = [{"nn_structure": [2, 1], "loss": "log_loss", "random_state": seed} for seed in range(3)]
    >>> [result.network.predict([1, 1]) for result in fastnn.fit_many(settings, X, y)]
    [np.int64(1), np.int64(1), np.int64(1)]
    """
    if unknown:
        refuse(fit_many, unknown)
    if client is not None:
        from fastnn.dask.many import fit_many as fit_many_on

        each = {"rows": rows, "targets": targets, "sample_weights": sample_weights}
        return fit_many_on(client, models, X, y, **each, errors=errors, progress=progress, max_time=max_time)
    models, n_threads = check_models(models), check_n_jobs(n_jobs)
    check_name("errors", errors, ("raise", "collect"))
    ends_at = None if max_time is None else time.monotonic() + check_number("max_time", max_time, low=0.0)
    targets = check_list("targets", targets, len(models), y)
    weights = check_list("sample_weights", sample_weights, len(models))
    n_samples = n_rows_of(X)
    rows = check_rows(check_list("rows", rows, len(models)), n_samples)
    seeds = check_draws(models)
    check_checkpoints(models, seeds)
    bar = Bar(len(models), "model") if progress else nullcontext()
    if not models:
        return []
    fits = Fits(models, X, targets, weights, rows, seeds, ends_at)
    order = range(len(models))
    if ends_at is None:
        n_in = X.shape[1] if np.ndim(X) == 2 and hasattr(X, "shape") else 1
        work = [work_of(model, n_in, n_samples) for model in models]
        order = sorted(order, key=lambda i: -work[i])
    crew = Crew(fits.fit, order, n_threads, errors == "raise", lambda i: _needs_limit(models[i]))

    def hear(i):
        fits.before.pop(i, None)
        if progress:
            bar.move(1, lambda: loss_of(crew.results.get(i)), {})

    try:
        with bar:
            crew.run(ends_at, hear)
    except BaseException as error:
        fits.put_back({*crew.results, *crew.errors})
        _hand_over(error, crew, len(models))
        raise
    fits.put_back({*crew.results, *crew.errors})
    of = "members_[{}]" if hasattr(models[0], "_part") else "models[{}] of fit_many"  # of an estimator, or the user's
    return _results(crew, len(models), errors, max_time, fits.ended_early, of)


class Fits:
    """The trainings, by the numbers of their models.

    Attributes
    ----------
    before : dict
        Number -> what an estimator was, while it is trained and until `hear` has heard of it.
    ended_early : set
        Numbers of those that had the rest of the time as their `max_time`, and ended after it.
    """

    def __init__(self, models, X, targets, weights, rows, seeds, ends_at):
        self.models, self.X, self.targets, self.weights, self.rows = models, X, targets, weights, rows
        self.seeds, self.ends_at = seeds, ends_at
        self.before, self.ended_early, self._shared = {}, set(), None
        self._uses = Counter(map(id, targets))
        for i, chosen in enumerate(rows):
            if chosen is not None:
                self._check_lengths(i)
        if any(not isinstance(model, Mapping) for model in models):
            from fastnn.estimators import _shared as shared

            self._module = shared
            with suppress(TypeError, ValueError):  # each fit says what is wrong with X
                self._shared = shared.Shared(X)

    def _check_lengths(self, i):
        n_samples, y = n_rows_of(self.X), self.targets[i]
        check_lengths(f"sample_weights[{i}]", self.weights[i], n_samples)
        several = heads_of(self.models[i], y)
        for part in y if several else [y]:
            check_lengths("y" if self._uses[id(y)] > 1 else f"targets[{i}]", part, n_samples)

    def fit(self, i):
        """Train one; return what came of it."""
        model, given = self.models[i], {}
        if self.seeds[i] is not None:
            given["random_state"] = self.seeds[i]
        if self.ends_at is not None and _needs_limit(model):
            left, own = self.ends_at - time.monotonic(), _setting(model, "max_time")
            given["max_time"] = max(left if own is None else min(left, own), 1e-6)
        try:
            if isinstance(model, Mapping):
                X, y, weight = self._copied(i)
                return train(**{**model, **given}, X=X, y=y, sample_weight=weight)
            self.before[i] = _state_of(model)
            return self._fit(i, model, given)
        finally:
            if "max_time" in given and time.monotonic() >= self.ends_at:
                self.ended_early.add(i)

    def _fit(self, i, model, given):
        own = {name: getattr(model, name) for name in given}
        X, y, weight = self._chosen(i, model) or self._copied(i)
        vars(model).update(given)
        try:
            model.fit(X, y, **({} if weight is None else {"sample_weight": weight}))
            return model  # whatever a class of the user's returns
        finally:
            vars(model).update(own)

    def _chosen(self, i, model):
        """X that was checked, y and weights for a fit that takes no copies; None for another one."""
        rows, y = self.rows[i], self.targets[i]
        if self._shared is None or y is None or not self._module.is_plain(model, rows):
            return None
        found = self._shared.targets(y, hasattr(model, "extend_classes"), self._uses[id(y)] > 1)
        if found is None:
            return None
        return self._module.Chosen(self._shared, found, rows), y, rows_of(self.weights[i], rows)

    def _copied(self, i):
        rows, y = self.rows[i], self.targets[i]
        several = rows is not None and heads_of(self.models[i], y)
        y = [rows_of(part, rows) for part in y] if several else rows_of(y, rows)
        return rows_of(self.X, rows), y, rows_of(self.weights[i], rows)

    def put_back(self, done):
        """Make of estimators that were not done what they were."""
        for i, state in self.before.items():
            if i not in done:
                vars(self.models[i]).clear()
                vars(self.models[i]).update(state)


def check_n_jobs(n_jobs):
    """Return how many networks are trained at a time."""
    if n_jobs is None:
        return n_cpus()
    if not isinstance(n_jobs, Integral) or isinstance(n_jobs, bool) or n_jobs == 0:
        raise ValueError(
            f"n_jobs must be the number of networks that are trained at a time, -1 or None, got {n_jobs!r}"
        )
    return int(n_jobs) if n_jobs > 0 else max(n_cpus() + 1 + int(n_jobs), 1)


def _setting(model, name, default=None):
    return model.get(name, default) if isinstance(model, Mapping) else getattr(model, name, default)


def _needs_limit(model):
    """Whether a training is not ended by the engine alone, or with other weights than by `max_time`."""
    others = _setting(model, "solver") in OTHER_SOLVERS or callable(_setting(model, "loss"))
    is_validated = isinstance(model, Mapping) and ("validation_data" in model or model.get("validation_split"))
    has_members = _setting(model, "n_members", 1) not in (1, None)  # which other threads train
    return others or is_validated or has_members or _setting(model, "backend", "auto") not in ("auto", "simd")


def _state_of(estimator):
    """The attributes of an estimator, on its own arrays where a fit changes those that there are."""
    state = dict(vars(estimator))
    if estimator.warm_start and "coefs_" in state:
        names = {*estimator._get_param_names()}
        state |= {name: value for name, value in vars(copy.deepcopy(estimator)).items() if name not in names}
    return state


def loss_of(result):
    """The last loss of what came of a model, for the bar."""
    curve = getattr(result, "loss_curve", None) or getattr(result, "loss_curve_", None)
    return curve[-1] if curve else getattr(result, "loss_", np.nan)


def _hand_over(error, crew, n_models):
    with suppress(AttributeError):  # of an exception that takes no attributes
        error.result = [crew.results.get(i) for i in range(n_models)]


def _results(crew, n_models, errors, max_time, ended_early, of):
    """The list of results, once the warnings have been told; or an exception."""
    for i, error in crew.errors.items():
        error.add_note(f"This was {of.format(i)}.")
    try:
        _tell(crew, n_models, max_time, ended_early, of)
    except Warning as warning:
        if errors == "collect" or not crew.errors:
            _hand_over(warning, crew, n_models)
            raise
    if errors == "raise" and crew.errors:
        error = crew.errors[min(crew.errors)]
        _hand_over(error, crew, n_models)
        raise error
    return [crew.results.get(i, crew.errors.get(i)) for i in range(n_models)]


def _tell(crew, n_models, max_time, ended_early, of):
    """Warn of what models have warned of, each kind once."""
    kinds, cut = {}, crew.ended_early | ended_early
    for i in sorted(crew.warnings):
        for message, category, warn in crew.warnings[i]:
            if crew.is_late and message == INTERRUPTED:
                cut.add(i)
                continue
            kind = category, warn, re.sub(r"[-+\d.e]*\d", "0", str(message))
            kinds.setdefault(kind, (message, []))[1].append(i)
    for (category, warn, _), (message, numbers) in kinds.items():
        text = f"{message} ({of.format(_listed(dict.fromkeys(numbers)))})"
        if warn is warned.warn:
            warn(text, category, stacklevel=4)
        else:
            warn(text, category)
    n_missing = n_models - len(crew.results) - len(crew.errors)
    if crew.is_late and (n_missing or cut):
        ended = f"; models[{_listed(sorted(cut))}] ended early" if cut else ""
        warned.warn(
            f"max_time={max_time:g} is over: {n_missing} of {n_models} models were not begun, and are None{ended}",
            stacklevel=4,
        )


def _listed(numbers):
    numbers = list(numbers)
    more = f" and {len(numbers) - 10} more" if len(numbers) > 10 else ""
    return ", ".join(map(str, numbers[:10])) + more

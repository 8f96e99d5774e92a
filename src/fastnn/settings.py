"""The settings of ``train`` as a whole: all arguments but the data, checked in their order by ``arguments``.

Settings that are plain words and numbers mean the same in every call, and are checked once: to check some forty of them
takes longer than an update of a small network, and who goes on update by update gives the same each time.
"""

from functools import lru_cache
from operator import is_
from typing import Any, NamedTuple

from fastnn.arguments import check_course, check_shape, check_start, draws_for
from fastnn.backends import check_keeps
from fastnn.checks import PLAIN, check_flag
from fastnn.dropout import check_dropout
from fastnn.step_rules import check_rates


class Settings(NamedTuple):
    """Arguments of ``train`` under their names."""

    iter_num: Any
    alpha: Any
    activation: Any
    output_activation: Any
    heads: Any
    loss: Any
    huber_delta: Any
    quantile: Any
    focal_gamma: Any
    l2: Any
    dropout: Any
    input_dropout: Any
    solver: Any
    momentum: Any
    nesterov: Any
    beta_1: Any
    beta_2: Any
    epsilon: Any
    weight_decay: Any
    l1: Any
    max_grad_norm: Any
    max_norm: Any
    frozen: Any
    layer_rates: Any
    mu: Any
    mu_inc: Any
    mu_dec: Any
    init_scale: Any
    bias: Any
    batch_size: Any
    order: Any
    tol: Any
    is_validated: bool
    early_stopping: Any
    scoring: Any
    n_iter_no_change: Any
    min_delta: Any
    max_time: Any
    report_every: Any
    track: Any
    callback: Any
    verbose: Any
    progress: Any
    dtype: Any
    backend: Any
    n_threads: Any

    @property
    def trained_on(self):
        """The name of the backend; a loss that is a function has but one."""
        return "numpy" if callable(self.loss) and self.backend == "auto" else self.backend


def check_settings(nn_structure, init, random_state, settings):
    """Return the Shape, the Dropout or None, and the Course that settings say; the latter with its start and draws."""
    try:
        found = _found(nn_structure, settings)
    except (TypeError, ValueError):
        found = None  # so that errors come in their order
    if found is None:
        return _check(nn_structure, init, random_state, settings)
    shape, drops, course = found
    start = check_start(shape, init, settings.init_scale, course.training.solver, settings.bias)
    return shape, drops, course.beginning(start, draws_for(start, random_state))


def _found(nn_structure, settings):
    """What settings that are plain say; None for others."""
    sizes = tuple(nn_structure) if type(nn_structure) in (list, tuple) else ()
    asked = *sizes, *settings
    asked_last, found = _LAST[0]
    if len(asked) == len(asked_last) and all(map(is_, asked, asked_last)):
        return found
    are_plain = all(type(size) is int for size in sizes) and PLAIN.issuperset(map(type, settings))
    if not (sizes and are_plain) or settings.progress:  # a bar moves
        return None
    found = _check_plain(sizes, *settings)
    _LAST[0] = asked, found
    return found


#: The plain arguments of the call before, and what they say: to see that they are the same objects takes a quarter of
#: the time of a look into the cache.
_LAST = [((), None)]


@lru_cache(maxsize=64, typed=True)
def _check_plain(sizes, *settings):
    return _check(sizes, "zeros", None, Settings(*settings))


def _check(nn_structure, init, random_state, settings):
    of_loss = {name: getattr(settings, name) for name in ("huber_delta", "quantile", "focal_gamma")}
    shape = check_shape(
        nn_structure, settings.dtype, settings.activation, settings.loss, settings.output_activation, of_loss,
        settings.heads,
    )  # fmt: skip
    names = (
        "solver", "momentum", "nesterov", "beta_1", "beta_2", "epsilon", "weight_decay", "tol", "l1", "max_grad_norm",
        "max_norm", "mu", "mu_inc", "mu_dec",
    )  # fmt: skip
    of_solver = {name: getattr(settings, name) for name in names}
    bias = check_flag("bias", settings.bias)
    of_solver["rates"] = check_rates(len(shape.sizes) - 1, settings.layer_rates, settings.frozen, bias)
    drops = check_dropout(len(shape.hidden), settings.dropout, settings.input_dropout)
    if drops is not None:
        check_keeps(settings.backend, "dropout")
    names = (
        "report_every", "callback", "verbose", "progress", "track", "early_stopping", "scoring", "n_iter_no_change",
        "min_delta", "max_time",
    )  # fmt: skip
    of_reports = {name: getattr(settings, name) for name in names}
    course = check_course(
        shape, settings.iter_num, settings.alpha, of_solver, settings.trained_on, init, settings.init_scale,
        settings.l2, settings.batch_size, settings.order, settings.n_threads, of_reports, settings.is_validated,
        random_state, settings.bias,
    )  # fmt: skip
    return shape, drops, course

"""An estimator's optimizer as plain data, by version: what training goes on from, beside ``portable``'s network.

Called by the base of the estimators, whose state so holds no class that a loader would have to be told to trust.
"""

from dataclasses import asdict, fields, replace
from numbers import Integral, Real

import numpy as np

from fastnn._tables import SOLVERS
from fastnn.checks import check_count, check_name
from fastnn.encodings import RULES
from fastnn.objective import PARAMETERS, SEVERAL, Objective, check_loss, check_objective
from fastnn.portable import check_entries, check_version
from fastnn.spec import TrainingSpec
from fastnn.state import COUNTERS, OTHER_SOLVERS
from fastnn.training.passes import SCHEDULES, Optimizer

#: Of what `optimizer_to_plain` writes; it grows by one whenever an older fastnn would read that wrongly.
VERSION = 2

ENTRIES = (
    "version", "training", "schedule", "power_t", "learning_rate_init", "learning_rate", "counters", "moments",
)  # fmt: skip


def optimizer_to_plain(optimizer):
    """Return the description of an Optimizer: a dict of numbers, strings, dicts and its own array of moments."""
    return {
        "version": VERSION,
        "training": {name: _plain(value) for name, value in _training_to_plain(optimizer.training).items()},
        "schedule": optimizer.schedule,
        "power_t": _plain(optimizer.power_t),
        "learning_rate_init": _plain(optimizer.learning_rate_init),
        "learning_rate": _plain(optimizer.learning_rate),
        "counters": {name: optimizer.counters[name].item() for name in COUNTERS.names},
        "moments": optimizer.moments,
    }


def optimizer_from_plain(plain):
    """Return the Optimizer of a description, on its own array; raise what says what is wrong with it."""
    what = "an optimizer's description"
    plain = _as_of_now(plain)
    check_version(what, plain, VERSION)
    check_entries(what, plain, ENTRIES)
    rate, rate_init, power_t = (_number(name, plain) for name in ("learning_rate", "learning_rate_init", "power_t"))
    schedule = check_name("schedule", plain["schedule"], SCHEDULES)
    optimizer = Optimizer.__new__(Optimizer)
    vars(optimizer).update(
        training=_training(plain["training"]),
        schedule=schedule,
        power_t=power_t,
        learning_rate_init=rate_init,
        learning_rate=rate,
        counters=_counters(plain["counters"]),
        moments=_moments(plain["moments"]),
    )
    return optimizer


def _as_of_now(plain):
    """A description of version 1, whose solvers knew no rules and did not read the decay that they had, as of today."""
    if not isinstance(plain, dict) or plain.get("version") != 1 or not isinstance(plain.get("training"), dict):
        return plain
    defaults = {field.name: field.default for field in fields(TrainingSpec)}
    new = {name: defaults[name] for name in _own() if name not in plain["training"]}
    return {**plain, "version": VERSION, "training": {**plain["training"], **new, "weight_decay": 0.0}}


def _plain(value):
    """NumPy's numbers, which parameters may be, as Python's; tuples as lists."""
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def _training_to_plain(training):
    """A TrainingSpec with the entries of its objective among its own, the parameter where the loss has one."""
    every = asdict(training)
    objective, own = every["objective"], {name: every[name] for name in _own()}
    own = {**_loss_to_plain(objective), **own, "as_sklearn": objective["as_sklearn"]}
    heads = [{**_loss_to_plain(of_head), "weight": weight} for of_head, weight in objective["heads"]]
    return {**own, "heads": heads} if heads else own


def _own():
    """The entries but the objective, dropout, whose seed is drawn anew in each call, and what no estimator has."""
    others = ("objective", "dropout", *RULES)
    return [field.name for field in fields(TrainingSpec) if field.name not in others]


def _loss_to_plain(objective):
    parameter = {"loss_parameter": objective["parameter"]} if objective["loss"] in PARAMETERS else {}
    if objective["quantiles"]:
        parameter["quantiles"] = list(objective["quantiles"])
    return {"loss": objective["loss"], **parameter}


def _training(plain):
    own, others = _own(), ["heads"] if isinstance(plain, dict) and "heads" in plain else []
    check_entries("training", plain, [*_loss_entries(plain), *others, *own, "as_sklearn"])
    check_name("solver", plain["solver"], (*SOLVERS, *OTHER_SOLVERS))
    for name in plain.keys() - {"loss", "solver", "rates", "quantiles", "heads"}:
        _number(name, plain)
    check_count("updates_per_pass", plain["updates_per_pass"], minimum=1)  # the engine divides by it
    objective = replace(_heads(plain["heads"]) if others else _loss(plain), as_sklearn=plain["as_sklearn"])
    given = {name: plain[name] for name in own} | {"rates": _rates(plain["rates"])}
    return TrainingSpec(objective, **given)


def _loss_entries(plain):
    others = ["loss_parameter"] if isinstance(plain, dict) and plain.get("loss") in PARAMETERS else []
    return ["loss", *others, *(["quantiles"] if isinstance(plain, dict) and "quantiles" in plain else [])]


def _loss(plain):
    check_loss(plain["loss"])
    if "quantiles" in plain:
        return check_objective("quantile", quantile=plain["quantiles"])
    return Objective(plain["loss"], parameter=plain.get("loss_parameter"))


def _heads(plain):
    if not isinstance(plain, list) or not plain:
        raise TypeError(f"heads must be a list of losses, got {plain!r:.60}: the description is damaged")
    for h, head in enumerate(plain):
        check_entries(f"heads[{h}]", head, [*_loss_entries(head), "weight"])
        for name in head.keys() - {"loss", "quantiles"}:
            _number(name, head)
    return Objective(SEVERAL, heads=tuple((_loss(head), head["weight"]) for head in plain))


def _rates(rates):
    are_pairs = isinstance(rates, list | tuple) and all(isinstance(p, list | tuple) and len(p) == 2 for p in rates)
    if not are_pairs or not all(isinstance(factor, Real) for pair in rates for factor in pair):
        raise TypeError(f"rates must be a list of pairs of numbers, got {rates!r:.60}: the description is damaged")
    return tuple((weights, biases) for weights, biases in rates)


def _counters(plain):
    check_entries("counters", plain, COUNTERS.names)
    counters = np.zeros(1, COUNTERS)
    for name in COUNTERS.names:
        number = _number(name, plain)
        if COUNTERS[name].kind == "i" and not (isinstance(number, Integral) and 0 <= number < 2**62):
            raise ValueError(f"{name} must be a count, got {number!r:.60}: the description is damaged")
        counters[name] = number
    return counters


def _moments(moments):
    is_array = isinstance(moments, np.ndarray)
    if is_array and moments.ndim == 1 and moments.dtype.kind == "f":
        return moments
    given = f"{moments.dtype} of shape {moments.shape}" if is_array else f"a {type(moments).__name__}"
    raise ValueError(f"moments must be a flat array of floats, got {given}: the description is damaged")


def _number(name, plain):
    """The number of this name, which may be inf: a rate, and what it led to, are kept as they were."""
    if not isinstance(plain[name], Real):
        raise TypeError(f"{name} must be a number, got {plain[name]!r}: the description is damaged")
    return plain[name]

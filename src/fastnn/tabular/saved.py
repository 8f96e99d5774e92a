"""Estimators for tables as plain data, and in fastnn's files: written, and made again whoever wrote them.

`to_plain` and `from_plain` are what pickles and files share: columns, networks, and nothing that follows from these.
Called by the methods of ``travelling`` and by `fastnn.load`.
"""

import warnings
from dataclasses import fields
from importlib import import_module
from inspect import signature
from numbers import Real

import numpy as np

from fastnn.checks import check_flag
from fastnn.export.container import write
from fastnn.export.models import TABULAR
from fastnn.export.values import from_json, to_json, values_from_json, values_to_json
from fastnn.portable import (
    ModelFormatError,
    activation_to_plain,
    activations_from_plain,
    check_entries,
    check_parameters,
    check_version,
)
from fastnn.spec import check_dtype, check_layer_sizes, network_spec
from fastnn.tabular.columns import Columns
from fastnn.tabular.conformal import Residuals
from fastnn.tabular.network import TabularNetwork

#: Of what `to_plain` and `save` write; it grows by one whenever an older fastnn would read that wrongly.
VERSION = 1

ENTRIES = ("version", "class", "parameters", "learned", "fitted")

#: Of files, beside these: what the estimator's table was called, its ``_table``, and by which fastnn it is.
TABLE = "table"


def _numbers(least=-np.inf):
    """What tells whether a value is a number beyond another, or one for each of the outputs; all finite."""

    def test(value, n_out):
        array = np.asarray(value)
        is_alike = array.dtype.kind in "iuf" and array.shape in ((), (n_out,))
        return is_alike and bool((np.isfinite(array) & (array > least)).all())

    return test


def _is_range(value, n_out):
    is_pair = isinstance(value, tuple | list) and len(value) == 2 and all(_numbers()(end, n_out) for end in value)
    return is_pair and bool((np.asarray(value[0]) <= np.asarray(value[1])).all())


def _are_classes(value, n_out):
    is_list = type(value) in (np.ndarray, np.memmap) and value.shape == (n_out,)
    return is_list and len({*value.tolist()}) == n_out


def _is_history(value, n_out):
    return isinstance(value, list) and all(
        isinstance(one, dict)
        and all(isinstance(name, str) and isinstance(curve, list) for name, curve in one.items())
        and all(isinstance(number, Real) for curve in one.values() for number in curve)
        for one in value
    )


def _are_epochs(value, n_out):
    return isinstance(value, list) and all(one is None or isinstance(one, Real) for one in value)


def _are_rows(value, n_out):
    return isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind == "i" and bool((value >= 0).all())


def _is_array(value, n_dimensions=1):
    is_real = isinstance(value, np.ndarray) and value.dtype == np.float64 and value.ndim == n_dimensions
    return is_real and bool(np.isfinite(value).all())


def _are_residuals(value, n_out):
    """Those of `Residuals`, by name."""
    if value is None:
        return True
    names = {field.name for field in fields(Residuals)}
    if (
        not isinstance(value, dict)
        or value.keys() != names
        or not all(_is_array(value[n], 2) for n in names - {"means"})
    ):
        return False
    sizes, shares = value["sizes"], value["shares"]
    fit = sizes.shape == shares.shape == (len(sizes), n_out) and value["slopes"].shape[1] == n_out
    rise = all(bool((np.diff(array, axis=0, prepend=0.0) >= 0).all()) for array in (sizes, shares))  # from 0 on
    return fit and rise and _is_array(value["means"]) and value["means"].shape == (n_out,)


def _is_output_config(value, n_out):
    return isinstance(value, dict) and all(
        one is None or isinstance(one, str) for pair in value.items() for one in pair
    )


#: What a fit leaves beside columns and networks -> what tells, given the number of outputs, that it may be that.
FITTED = {
    "classes_": _are_classes,
    "temperature_": _numbers(0.0),
    "_centre": _numbers(),
    "_scale": _numbers(0.0),
    "_range": _is_range,
    "_residuals": _are_residuals,
    "_importances": lambda value, n_out: _is_array(value),
    "n_iter_": lambda value, n_out: type(value) is int and value >= 0,
    "best_epochs_": _are_epochs,
    "history_": _is_history,
    "held_back_": _are_rows,
    "_sklearn_output_config": _is_output_config,
}

#: What follows from columns and networks.
OTHERS = {"members_", "n_members_", "_columns", "n_features_in_", "feature_names_in_", "_rows"}

#: What an estimator does not answer without.
NEEDED = {"softmax": ("classes_",), "identity": ("_centre", "_scale", "_range", "_residuals")}


def to_plain(estimator):
    """Return what a fit has learned as a dict of numbers, strings, lists, dicts and arrays; None before a fit."""
    if "members_" not in vars(estimator):
        return None
    spec = estimator.members_[0].spec
    return {
        "version": VERSION,
        "columns": estimator._columns.to_state(),
        "network": {
            "layer_sizes": list(spec.layer_sizes),
            "activations": list(map(activation_to_plain, spec.activations)),
            "dtype": spec.dtype.name,
            "gated": spec.gated,
        },
        "members": [member.parameters for member in estimator.members_],
    }


def fitted_of(state):
    """Return attributes by name as plain data: those of `FITTED`, and others as they are."""
    return {name: vars(value) if isinstance(value, Residuals) else value for name, value in state.items()}


def from_plain(plain):
    """Return columns and members of what `to_plain` makes; arrays stay those of the description.

    Raises
    ------
    TypeError, ValueError
        If it is no such description, or its entries do not fit each other.
    """
    check_version("what a table's estimator learned", plain, VERSION)
    check_entries("what a table's estimator learned", plain, ("version", "columns", "network", "members"))
    columns, network, members = Columns.from_state(plain["columns"]), plain["network"], plain["members"]
    check_entries("a table's network", network, ("layer_sizes", "activations", "dtype", "gated"))
    sizes = check_layer_sizes(network["layer_sizes"], "layer_sizes")
    activations = activations_from_plain(network["activations"], len(sizes) - 1)
    gated = check_flag("gated", network["gated"])
    spec = network_spec(sizes, activations, check_dtype(network["dtype"]), (), columns.encodings, gated)
    if not isinstance(members, list) or not members:
        raise ValueError(f"members must be a list of parameters, got {members!r:.60}: it is damaged")
    for parameters in members:
        check_parameters(parameters, spec)
    return columns, [TabularNetwork(spec, parameters) for parameters in members]


def take(estimator, plain):
    """Have an estimator answer by what `to_plain` made, beside which its other attributes stand already; check all.

    Raises
    ------
    TypeError, ValueError
    """
    columns, members = from_plain(plain)
    spec, own = members[0].spec, vars(estimator)
    if spec.activations[-1].name != type(estimator)._output_activation:
        raise ValueError(f"outputs by {spec.activations[-1]} are none of {type(estimator).__name__}: it is damaged")
    if missing := [name for name in NEEDED[spec.activations[-1].name] if name not in own]:
        raise ValueError(f"{', '.join(missing)} of {type(estimator).__name__} are missing: it is damaged")
    for name in FITTED.keys() & own.keys():
        if not FITTED[name](own[name], spec.n_out):
            raise ValueError(f"{name} cannot be {own[name]!r:.60}; it is damaged")
    if own.get("_residuals") is not None:
        estimator._residuals = Residuals(**own["_residuals"])
    for name, given, expected in (
        ("the slopes of _residuals", getattr(own.get("_residuals"), "slopes", None), spec.layer_sizes[-2]),
        ("_importances", own.get("_importances"), columns.n_columns),
    ):
        if given is not None and len(given) != expected:
            raise ValueError(f"{name} have {len(given)} entries, expected {expected}: it is damaged")
    estimator._columns, estimator.members_ = columns, members
    estimator.n_members_, estimator.n_features_in_ = len(members), columns.n_columns
    if columns.names is not None:
        estimator.feature_names_in_ = np.array(columns.names, object)
    estimator._bind_rows()


def save(estimator, path):
    """Write an estimator; see its ``save``."""
    name, own = type(estimator).__name__, vars(estimator)
    if type(estimator) is not getattr(import_module("fastnn"), name, None):
        raise TypeError(
            f"{name} is a class of {type(estimator).__module__}, which a file cannot bring back: it holds "
            "TabularClassifier and TabularRegressor alone; use joblib"
        )
    arrays, left_out, learned = {}, [], to_plain(estimator)
    given, defaults = estimator.get_params(deep=False), defaults_of(type(estimator))
    parameters = values_to_json(given, arrays, "parameters", left_out)
    if learned is not None:
        for i, member in enumerate(learned["members"]):
            arrays[f"members.{i}"] = member
        learned = {**learned, "columns": to_json(learned["columns"], arrays, "columns"), "members": i + 1}
    plain = fitted_of(own)
    fitted = {one: to_json(plain[one], arrays, f"fitted.{one}") for one in FITTED if one in plain}
    others = sorted(own.keys() - given.keys() - FITTED.keys() - OTHERS - {"_table"})
    if left_out or others:
        come_back = [f"{one}, which will be {defaults[one]!r}" for one in left_out]
        warnings.warn(f"{name}.save leaves out what is no data: {'; '.join([*come_back, *others])}", stacklevel=3)
    described = (VERSION, name, parameters, learned, fitted)
    table = own.get("_table", {}) | {"fastnn": import_module("fastnn").__version__}
    write(path, TABULAR, dict(zip(ENTRIES, described, strict=True)) | {TABLE: table}, arrays)


def estimator_from_json(description, arrays):
    """Return the estimator of a description and its arrays, and its networks."""
    what, table = "a table's estimator", description.pop(TABLE, None)
    check_version(what, description, VERSION)
    check_entries(what, description, ENTRIES)
    if description["class"] not in ("TabularClassifier", "TabularRegressor"):
        raise ModelFormatError(f"unknown class {description['class']!r:.60}: expected TabularClassifier or -Regressor")
    kind, learned = getattr(import_module("fastnn"), description["class"]), description["learned"]
    estimator = kind(**values_from_json("parameters", description["parameters"], defaults_of(kind), arrays))
    vars(estimator).update(values_from_json("fitted", description["fitted"], FITTED, arrays))
    if learned is None:
        if description["fitted"]:
            raise ModelFormatError("there is something fitted, but no network; it is damaged")
        return estimator, []
    if not isinstance(learned, dict) or type(n := learned.get("members")) is not int or not 0 < n <= len(arrays):
        raise ModelFormatError(f"members must be the number of those that the file has, got {learned!r:.60}")
    members = [arrays.take(f"members.{i}") for i in range(n)]
    take(estimator, {**learned, "columns": from_json(learned.get("columns"), arrays), "members": members})
    if table is not None:
        estimator._table = _table(table)
    return estimator, estimator.members_


def _table(plain):
    """What a table was called, checked: "target", its column; "null", what said in it that nothing is there."""
    target, null = plain.get("target"), plain.get("null", [])
    if not isinstance(target, str | None) or not isinstance(null, list) or not all(type(one) is str for one in null):
        raise ModelFormatError(f"table must have a name as target and strings as null, got {plain!r:.60}")
    return plain


def defaults_of(kind):
    """The parameters of a class, by name, and their defaults."""
    return {name: signature(kind).parameters[name].default for name in kind._get_param_names()}

"""Estimators in fastnn's files: which of their attributes are written, and how they are made of a file again.

The network is ``export.models``', the optimizer's description `_plain`'s. What follows from these is not written.
Called by ``save`` of the estimators and by `fastnn.load`.
"""

import warnings
from importlib import import_module
from numbers import Real

import numpy as np
from sklearn.preprocessing import LabelBinarizer

from fastnn.estimators._course import Course
from fastnn.estimators._members import check_members, show
from fastnn.estimators._moved import optimizer_from
from fastnn.estimators._parameters import parameters_of
from fastnn.estimators._plain import optimizer_from_plain, optimizer_to_plain
from fastnn.estimators._weights import Weights
from fastnn.export.container import write
from fastnn.export.models import ESTIMATOR, network_from_json, network_to_json
from fastnn.export.values import Arrays, from_json, to_json, values_from_json, values_to_json
from fastnn.portable import ModelFormatError, check_entries, check_version
from fastnn.state import n_state
from fastnn.training.passes import Optimizer

#: Of what `save` writes; it grows by one whenever an older fastnn would read that wrongly.
VERSION = 1

#: Of what it writes of an ensemble, which an older fastnn would not read as one.
VERSION_OF_MEMBERS = 2

ENTRIES = ("version", "class", "parameters", "network", "fitted", "labels", "solver")


def _is_count(value):
    return type(value) is int and 0 <= value < 2**63


def _is_number(value):
    return isinstance(value, Real)


def _is_curve(value):
    return isinstance(value, list) and all(isinstance(number, Real) for number in value)


def _is_none_or(test):
    return lambda value: value is None or test(value)


def _is_dict_of(test):
    return lambda value: isinstance(value, dict) and all(isinstance(k, str) and test(v) for k, v in value.items())


def _is_sorted_table(value):
    return isinstance(value, np.ndarray) and value.ndim == 2 and value.dtype == np.float64 and _rises(value)


def _rises(value):
    return bool(np.isfinite(value).all() and (value >= 0).all() and (np.diff(value, axis=0) >= 0).all())


#: What a fit leaves beside network, labels and solver -> what tells that it may be that.
FITTED = {
    "n_iter_": _is_count,
    "t_": _is_count,
    "loss_": _is_number,
    "best_loss_": _is_none_or(_is_number),
    "best_validation_score_": _is_none_or(_is_number),
    "_no_improvement_count": _is_count,
    "loss_curve_": _is_curve,
    "validation_scores_": _is_none_or(_is_curve),
    "validation_loss_curve_": _is_none_or(_is_curve),
    "_curve": _is_curve,
    "_tracked": _is_dict_of(_is_curve),
    "_out_of_bag": _is_sorted_table,
    "_sklearn_output_config": _is_dict_of(lambda value: value is None or isinstance(value, str)),
}

#: Parameters that name places of a machine: a file from elsewhere shall not say where a fit writes.
PLACES = {"checkpoint"}

#: What is written otherwise, follows from what is, or is nobody's to keep.
OTHERS = {
    "coefs_", "intercepts_", "_weights", "_prepared", "n_features_in_", "feature_names_in_", "n_outputs_", "n_layers_",
    "out_activation_", "classes_", "_label_binarizer", "_optimizer", "_course", "_random_state", "_best_coefs",
    "_best_intercepts", "members_",
}  # fmt: skip


def save(estimator, path, solver_state):
    """Write an estimator; see its ``save``."""
    name = type(estimator).__name__
    if type(estimator) is not getattr(import_module("fastnn"), name, None):
        raise TypeError(
            f"{name} is a class of {type(estimator).__module__}, which a file cannot bring back: it holds "
            "MLPClassifier and MLPRegressor alone; use joblib, or save its network_"
        )
    arrays = {}
    description, left_out, others = _described(estimator, solver_state, arrays)
    if left_out or others:
        defaults = parameters_of(type(estimator))
        come_back = [f"{one}, which will be {defaults[one]!r}" for one in left_out]
        warnings.warn(
            f"{name}.save leaves out what is no data: {'; '.join([*come_back, *sorted(others)])}", stacklevel=3
        )
    write(path, ESTIMATOR, description, arrays)


def _described(estimator, solver_state, arrays):
    """Return what a file says of an estimator, and the parameters and attributes that it leaves out."""
    left_out = []
    given = estimator.get_params(deep=False)
    left_out += [name for name in PLACES if given[name] is not None]
    kept = {name: value for name, value in given.items() if name not in left_out}
    parameters = values_to_json(kept, arrays, "parameters", left_out)
    others = vars(estimator).keys() - parameters.keys() - FITTED.keys() - OTHERS - set(left_out)
    own, is_fitted, members = vars(estimator), "coefs_" in vars(estimator), []
    network = estimator.network_ if is_fitted else None
    for i, member in enumerate(own.get("members_", ())):
        arrays_of_one = {}
        members.append(_described(member, solver_state, arrays_of_one)[0])
        arrays.update({f"members.{i}.{one}": array for one, array in arrays_of_one.items()})
    description = {
        "version": VERSION_OF_MEMBERS if members else VERSION,
        "class": type(estimator).__name__,
        "parameters": parameters,
        "network": network_to_json(network, arrays) if is_fitted else None,
        "fitted": {
            one: to_json(own[one], arrays, f"fitted.{one}") for one in FITTED if (members or is_fitted) and one in own
        },
        "labels": _labels(estimator, arrays),
        "solver": _solver(estimator, network, arrays) if is_fitted and solver_state else None,
        **({"members": members} if members else {}),
    }  # fmt: skip
    return description, left_out, others


def _labels(estimator, arrays):
    """Those of a classifier: what LabelBinarizer knows, and `classes_` where somebody has set others."""
    own = vars(estimator)
    binarizer, classes = own.get("_label_binarizer"), own.get("classes_")
    if binarizer is None:
        return None if classes is None else {"classes": to_json(np.asarray(classes), arrays, "classes")}
    labels = {
        "kind": str(binarizer.y_type_),
        "sparse": bool(binarizer.sparse_input_),
        "classes": to_json(binarizer.classes_, arrays, "classes"),
    }
    if classes is not None and not np.array_equal(classes, binarizer.classes_):
        raise ValueError("classes_ are not those of _label_binarizer; set both, or fit anew, before it is saved")
    return labels


def _solver(estimator, network, arrays):
    optimizer, solver = getattr(estimator, "_optimizer", None), {"optimizer": None, "course": None, "random": None}
    if optimizer is not None:
        if not isinstance(optimizer, Optimizer):
            optimizer = optimizer_from(optimizer, estimator._objective(), network._spec)
        plain = optimizer_to_plain(optimizer)
        arrays["solver.moments"] = plain.pop("moments")
        solver["optimizer"] = plain
    if (course := getattr(estimator, "_course", None)) is not None:
        solver["course"] = to_json(course, arrays, "solver.course")
    if (random := getattr(estimator, "_random_state", None)) is not None:
        is_parameter = random is estimator.random_state
        solver["random"] = "parameter" if is_parameter else to_json(random, arrays, "solver.random")
    return solver


def estimator_from_json(description, arrays):
    """Return the estimator of a description and its arrays, and its networks: one, none, or those of its members."""
    if not isinstance(description, dict) or "members" not in description:
        return _one_from_json(description, arrays)
    what, members = "an ensemble's description", description["members"]
    check_version(what, description, VERSION_OF_MEMBERS)
    if not isinstance(members, list) or description.get("network") is not None:
        raise ModelFormatError(f"members must be a list, beside which there is no network, got {members!r:.60}")
    found = []
    for i, member in enumerate(members):
        prefix = f"members.{i}."
        own = Arrays({name.removeprefix(prefix): arrays.pop(name) for name in [*arrays] if name.startswith(prefix)})
        found.append(_one_from_json(member, own)[0])
        own.check_all_taken()
    fitted = _fitted(description.get("fitted"), arrays)
    one = {name: value for name, value in description.items() if name != "members"}
    estimator, _ = _one_from_json({**one, "version": VERSION, "fitted": {}}, arrays)
    check_members(estimator, found)
    residuals = fitted.get("_out_of_bag", np.zeros((1, 1)))
    vars(estimator).update(fitted)
    show(estimator, found)
    if residuals.shape[1] not in (1, found[0].n_outputs_, found[0].n_outputs_ // 2) or not len(residuals):
        raise ModelFormatError(f"residuals of shape {residuals.shape} are not of {found[0].n_outputs_} outputs")
    return estimator, [member.network_ for member in found]


def _one_from_json(description, arrays):
    what = "an estimator's description"
    check_version(what, description, VERSION)
    check_entries(what, description, ENTRIES)
    if description["class"] not in ("MLPClassifier", "MLPRegressor"):
        raise ModelFormatError(f"unknown class {description['class']!r:.60}: expected MLPClassifier or MLPRegressor")
    kind = getattr(import_module("fastnn"), description["class"])
    parameters = values_from_json("parameters", description["parameters"], parameters_of(kind), arrays)
    if places := [name for name in PLACES if parameters.get(name) is not None]:
        raise ModelFormatError(f"it names places to write to, which no file of fastnn does: {', '.join(places)}")
    estimator = kind(**parameters)
    if description["network"] is None:
        if description["fitted"] or description["solver"] is not None:
            raise ModelFormatError("there are curves or a solver's state, but no network; it is damaged")
        _take_labels(estimator, description["labels"], arrays)
        return estimator, []
    fitted = _fitted(description["fitted"], arrays)
    network = network_from_json(description["network"], arrays)
    weights = Weights(network)
    vars(estimator).update(fitted)
    estimator.out_activation_ = weights._out
    estimator.n_features_in_, estimator.n_outputs_ = network.layer_sizes[0], network.layer_sizes[-1]
    estimator.n_layers_ = len(network.layer_sizes)
    if network.feature_names is not None:
        estimator.feature_names_in_ = np.array(network.feature_names, object)
    _take_labels(estimator, description["labels"], arrays)
    estimator._show(weights)
    _check(estimator, weights)
    if description["solver"] is not None:
        _take_solver(estimator, network, description["solver"], arrays)
    return estimator, [network]


def _fitted(plain, arrays):
    fitted = values_from_json("fitted", plain, FITTED, arrays)
    for name, value in fitted.items():
        if not FITTED[name](value):
            raise ModelFormatError(f"{name} cannot be {value!r:.60}; it is damaged")
    return fitted


def _take_labels(estimator, labels, arrays):
    if labels is None:
        return
    if not isinstance(labels, dict) or not hasattr(estimator, "_reading"):
        raise ModelFormatError(f"labels of this estimator cannot be {labels!r:.60}; it is damaged")
    check_entries("labels", labels, ("kind", "sparse", "classes") if "kind" in labels else ("classes",))
    classes = from_json(labels["classes"], arrays)
    if not isinstance(classes, np.ndarray) or classes.ndim != 1 or not len(classes):
        raise ModelFormatError(f"classes must be a list of labels, got {classes!r:.60}")
    estimator.classes_ = classes
    if "kind" in labels:
        if labels["kind"] not in ("binary", "multiclass", "multilabel-indicator") or type(labels["sparse"]) is not bool:
            raise ModelFormatError(f"{labels['kind']!r:.60} is no kind of labels, or sparse no truth value")
        binarizer = estimator._label_binarizer = LabelBinarizer()
        binarizer.y_type_, binarizer.sparse_input_, binarizer.classes_ = labels["kind"], labels["sparse"], classes


def _check(estimator, weights):
    """Refuse what would predict by another network than the file's, or labels that its outputs do not have."""
    if not weights.are_of(estimator):
        raise ModelFormatError(f"activation={estimator.activation!r:.60} is not that of the network; it is damaged")
    estimator._objective()
    n_out = estimator.n_outputs_
    if hasattr(estimator, "classes_"):
        kind, labels = estimator._reading(n_out)
        expected = 1 if kind == "binary" else len(labels)
        if n_out != expected or (kind == "binary" and len(labels) > 2):
            raise ModelFormatError(f"{len(labels)} labels ({kind}) are not those of {n_out} outputs; it is damaged")
    estimator._labels()


def _take_solver(estimator, network, solver, arrays):
    check_entries("solver", solver, ("optimizer", "course", "random"))
    if solver["optimizer"] is not None:
        if not isinstance(solver["optimizer"], dict):
            raise ModelFormatError(f"an optimizer's description must be a dict, got {solver['optimizer']!r:.60}")
        moments = arrays.take("solver.moments")
        optimizer = optimizer_from_plain({**solver["optimizer"], "moments": moments})
        n_moments = n_state(optimizer.training.solver, network.n_parameters)
        if len(moments) != n_moments:
            raise ModelFormatError(f"the solver has {n_moments} numbers of state for this network, got {len(moments)}")
        estimator._optimizer = optimizer
    if solver["course"] is not None:
        course = from_json(solver["course"], arrays)
        if not isinstance(course, dict):
            raise ModelFormatError(f"course must be a dict, got {course!r:.60}")
        estimator._course = Course(**course).checked().to_plain()
    if solver["random"] is not None:
        is_parameter = solver["random"] == "parameter"
        random = estimator.random_state if is_parameter else from_json(solver["random"], arrays)
        if not isinstance(random, np.random.RandomState):
            raise ModelFormatError(f"a solver's random numbers come from a RandomState, got {random!r:.60}")
        estimator._random_state = random

"""`fastnn info`: what is in one of fastnn's files."""

import os
from pathlib import Path

from fastnn.cli.options import Json, ModelFile


def info(model: ModelFile, json: Json = False):
    """Say what a model file holds: task, target, columns, sizes, and how well rows held back were answered."""
    from fastnn.cli import output
    from fastnn.cli.mistakes import of_model

    with of_model(model):
        plain = described(model)
    output.show(plain, list(_for_people(plain)), json)


def described(path):
    """Return what a file holds as a dict of strings, numbers, lists and dicts."""
    from fastnn.export import checkpoints, models
    from fastnn.export.container import read

    kinds = (models.NETWORK, models.ESTIMATOR, models.TABULAR, checkpoints.KIND)
    kind, description, _ = read(path, *kinds)
    file = {"file": os.fspath(path), "bytes": Path(path).stat().st_size, "format": kind}
    file["format_version"] = description.get("version")
    if kind == checkpoints.KIND:
        return {**file, "kind": "checkpoint", "training": description.get("identity")}
    model = models.load(path)
    what = {models.NETWORK: _network, models.ESTIMATOR: _estimator, models.TABULAR: _tabular}[kind]
    return {**file, "kind": type(model).__name__, **what(model)}


def _tabular(model):
    """What a `TabularClassifier` or `TabularRegressor` is."""
    import numpy as np

    classes = hasattr(model, "classes_")
    if "members_" not in vars(model):
        return {"fitted": False}
    spec = model.members_[0].spec
    return {
        "task": "classes" if classes else "numbers",
        "target": (table := vars(model).get("_table", {})).get("target"),
        "written_by": table.get("fastnn"),
        **({"classes": model.classes_.tolist()} if classes else {"range": _plain(np.ravel(model._range))}),
        "members": model.n_members_,
        "layer_sizes": list(spec.layer_sizes),
        "activations": list(spec.activations_in_words),
        "parameters": sum(member.parameters.size for member in model.members_),
        "dtype": spec.dtype.name,
        "epochs": model.n_iter_,
        "held_back": _held_back(model),
        "columns": list(model.columns_),
        "settings": _settings(model),
    }


def _held_back(model):
    """How the first member answered the rows that it was judged by, after its best epoch; None if there were none."""
    history = model.history_[0] if model.history_ else {}
    name = next((name for name in ("val_score", "val_loss") if name in history), None)
    if name is None or model.best_epochs_[0] not in history["epoch"]:
        return None
    value = history[name][history["epoch"].index(model.best_epochs_[0])]
    found = {"rows": len(model.held_back_), "epoch": model.best_epochs_[0]}
    if name == "val_score":
        return {**found, "score": -value}
    if hasattr(model, "classes_"):
        return {**found, "log_loss": value}
    scale = _plain(model._scale)
    if isinstance(scale, list) and len(scale) > 1:
        return {**found, "loss": value}
    return {**found, "rmse": (2 * value) ** 0.5 * (scale[0] if isinstance(scale, list) else scale)}  # half the square


def _estimator(model):
    """What an `MLPClassifier` or `MLPRegressor` is."""
    own = vars(model)
    if "coefs_" not in own and "members_" not in own:
        return {"fitted": False}
    networks = [member.network_ for member in own.get("members_") or [model]]
    held = {name.strip("_"): own[name] for name in ("best_validation_score_", "loss_") if own.get(name) is not None}
    return {
        "task": "classes" if hasattr(model, "classes_") else "numbers",
        **_network(networks[0]),
        "members": len(networks),
        "parameters": sum(network.n_parameters for network in networks),
        "epochs": getattr(model, "n_iter_", None),
        **held,
        "settings": _settings(model),
    }


def _network(network):
    """What a `Network` is."""
    classes = network.classes
    return {
        "classes": classes.tolist() if hasattr(classes, "tolist") else _plain(classes),
        "columns": None if network.feature_names is None else [{"column": name} for name in network.feature_names],
        "layer_sizes": list(network.layer_sizes),
        "activations": [row["activation"] for row in network.summary().layers[1:]],
        "parameters": network.n_parameters,
        "dtype": network.dtype.name,
    }


def _settings(model):
    """Parameters that are not the defaults."""
    defaults = type(model)().get_params(deep=False)
    given = model.get_params(deep=False)
    return {
        name: repr(value) for name, value in given.items() if value is not defaults[name] and value != defaults[name]
    }


def _plain(value):
    if isinstance(value, list):
        return list(map(_plain, value))
    return value.tolist() if hasattr(value, "tolist") else value


def _for_people(plain):
    from fastnn.cli.output import rounded, table

    columns = plain.get("columns") or []
    rows = []
    for name, value in plain.items():
        if name == "columns" or value is None or value == {}:
            continue
        if isinstance(value, dict):
            value = ", ".join(f"{key} {rounded(one)}" for key, one in value.items())
        elif isinstance(value, list):
            shown = ", ".join(map(rounded, value[:12])) + (f", … ({len(value)})" if len(value) > 12 else "")
            value = " - ".join(map(str, value)) if name == "layer_sizes" else shown
        rows.append((name.replace("_", " "), rounded(value)))
    yield table(("", ""), rows)
    if columns and len(columns[0]) > 1:
        yield ""
        yield table(
            ("column", "kind", "becomes", "levels", "missing", "median", "note"),
            [
                [value if name != "missing" else f"{value:.1%}" if value else "" for name, value in row.items()]
                for row in columns
            ],
        )
    elif columns:
        yield "columns: " + ", ".join(row["column"] for row in columns)

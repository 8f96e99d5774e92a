"""A network as plain data, by version: what pickles, the estimators' state and files have in common.

A description is a dict of numbers, strings, lists, dicts and NumPy arrays, which any format can hold and no loader must
be told to trust. `to_plain` makes it of a ``Network``; `from_plain` checks it, whoever wrote it, and returns the parts
that ``Network`` puts together. It knows neither backends, whose names it passes on, nor where the arrays are to live.
"""

import numpy as np

from fastnn._tables import ACTIVATION_PARAMETERS
from fastnn.activations import Block, check_hidden_activations, check_output_activation
from fastnn.checks import check_count, check_name, check_number
from fastnn.labels import Labels
from fastnn.spec import NetworkSpec, check_dtype, check_layer_sizes

#: Of what `to_plain` writes; it grows by one whenever an older fastnn would read that wrongly.
VERSION = 1

ENTRIES = ("version", "layer_sizes", "activations", "dtype", "labels", "feature_names", "backend", "parameters")

#: What only a network of several heads has besides.
HEADS = "heads"


class ModelFormatError(ValueError):
    """What is to be loaded is no model that fastnn wrote, or is damaged; the message says what is wrong, and where.

    Examples
    --------
    >>> import fastnn
    >>> try:
    ...     fastnn.load(".")
    ... except fastnn.ModelFormatError as error:
    ...     print(error)
    '.' is a folder; name a file that was saved by fastnn
    """


def to_plain(network):
    """Return the description of a network.

    Parameters
    ----------
    network : Network

    Returns
    -------
    plain : dict
        ``version`` (int); ``layer_sizes`` (list of int); ``activations`` (list of dict, one a layer of weights:
        ``{"name": "relu"}``, and beside the name its parameter, if it has one: ``{"name": "elu", "alpha": 1.0}``);
        ``dtype`` ("float64" or "float32"); ``labels`` (``{"kind": "multiclass", "classes": ndarray}``, and
        ``threshold`` where an output says yes beyond another number than 0.5, ``group`` where there are several
        quantiles of a target); ``feature_names`` (list of str, or None); ``backend`` (str); ``parameters`` (the flat
        array: weights layer by layer, each (n_out, n_in) row by row, then the biases). The arrays are the network's
        own, not copies. Where there are several heads, ``heads`` (list of dict, one each: ``n_outputs``, and
        ``activation`` and ``labels`` as above); then ``labels`` are ``{"kind": "heads", "classes": None}``.
    """
    plain = {
        "version": VERSION,
        "layer_sizes": list(network.layer_sizes),
        "activations": [activation_to_plain(activation) for activation in network._spec.activations],
        "dtype": network.dtype.name,
        "labels": _labels_to_plain(network._labels),
        "feature_names": None if network.feature_names is None else list(network.feature_names),
        "backend": network.backend,
        "parameters": network.parameters,
    }
    blocks = zip(network._spec.blocks, network._labels.heads, strict=True)
    heads = [
        {
            "n_outputs": block.n_out,
            "activation": activation_to_plain(block.activation),
            "labels": _labels_to_plain(labels),
        }
        for block, (_, labels) in blocks
    ]
    return {**plain, HEADS: heads} if heads else plain


def from_plain(plain):
    """Return what a network is made of, from its description.

    Parameters
    ----------
    plain : dict
        As `to_plain` makes it.

    Returns
    -------
    spec : NetworkSpec
    parameters : ndarray
        The array of the description itself.
    labels : Labels
    backend : str
    feature_names : tuple of str, or None

    Raises
    ------
    TypeError, ValueError
        If it is no description, of a version that is not known, or its entries do not fit each other.
    """
    check_version("a network's description", plain, VERSION)
    check_entries("a network's description", plain, (*ENTRIES, HEADS) if HEADS in plain else ENTRIES)
    sizes = check_layer_sizes(plain["layer_sizes"], "layer_sizes")
    activations = activations_from_plain(plain["activations"], len(sizes) - 1)
    blocks, of_heads = _heads(plain[HEADS]) if HEADS in plain else ((), ())
    spec = NetworkSpec(sizes, activations, check_dtype(plain["dtype"]), blocks)
    check_parameters(plain["parameters"], spec)
    if of_heads and (not isinstance(own := plain["labels"], dict) or own.get("kind") != "heads"):
        raise ValueError(f"labels beside heads must be of the kind 'heads', got {own!r:.60}: it is damaged")
    labels = Labels("heads", heads=of_heads) if of_heads else _labels(plain["labels"], spec.n_out)
    return spec, plain["parameters"], labels, plain["backend"], _feature_names(plain["feature_names"], spec.n_in)


def check_version(what, plain, version):
    """Refuse what is no dict of plain data of this version."""
    if not isinstance(plain, dict):
        raise TypeError(f"{what} must be a dict, as fastnn.portable makes it, got a {type(plain).__name__}")
    given = plain.get("version", version)  # where it is missing, check_entries says so
    if type(given) is not int or given != version:
        raise ValueError(
            f"{what} is of version {given!r}; this fastnn reads version {version}: update it, or save anew with it"
        )


def check_entries(what, plain, entries):
    """Refuse what is no dict of exactly these entries."""
    if not isinstance(plain, dict):
        raise TypeError(f"{what} must be a dict with the entries {_listed(entries)}, got {plain!r:.60}")
    for problem, names in (
        ("lacks", [name for name in entries if name not in plain]),
        ("has the unknown", [name for name in plain if name not in entries]),
    ):
        if names:
            raise ValueError(f"{what} {problem} {_listed(names)}; it is damaged, or of a newer fastnn: save it again")


def activation_to_plain(activation):
    """Return an activation as a dict of its name and its parameter, if it has one."""
    plain = {"name": activation.name}
    if activation.name in ACTIVATION_PARAMETERS:
        (plain[ACTIVATION_PARAMETERS[activation.name][0]],) = activation.parameters
    return plain


def _activation(name, *parameter):
    return (name, *parameter) if parameter else name


def activations_from_plain(plain, n_layers):
    """Return the activations that a list of such dicts says, one a layer of weights, checked."""
    if not isinstance(plain, list):
        raise TypeError(f"activations must be a list of dicts, one a layer of weights, got {plain!r:.60}")
    given = [_activation_from_plain(f"activations[{l}]", activation) for l, activation in enumerate(plain)]
    if len(plain) != n_layers:
        raise ValueError(f"there are {len(plain)} activations, but {n_layers} layer(s) of weights: it is damaged")
    return (*check_hidden_activations(given[:-1], n_layers - 1), check_output_activation(given[-1]))


def _activation_from_plain(what, plain):
    """An activation as users write it, still to be checked."""
    name = plain.get("name") if isinstance(plain, dict) else None
    parameter = ACTIVATION_PARAMETERS.get(name) if isinstance(name, str) else None
    check_entries(what, plain, ("name",) if parameter is None else ("name", parameter[0]))
    return _activation(plain["name"], *(plain[entry] for entry in plain if entry != "name"))


def _heads(plain):
    """The blocks of outputs, and pairs of their number and how they are read."""
    if not isinstance(plain, list) or not plain:
        raise TypeError(f"heads must be a list of dicts, got {plain!r:.60}")
    blocks, labels = [], []
    for h, head in enumerate(plain):
        check_entries(f"heads[{h}]", head, ("n_outputs", "activation", "labels"))
        n_out = check_count(f"n_outputs of heads[{h}]", head["n_outputs"], minimum=1)
        activation = _activation_from_plain(f"activation of heads[{h}]", head["activation"])
        blocks.append(Block(n_out, check_output_activation(activation)))
        labels.append((n_out, _labels(head["labels"], n_out)))
    return tuple(blocks), tuple(labels)


def check_parameters(parameters, spec):
    """Refuse what is no flat array of the parameters of a NetworkSpec."""
    is_array = type(parameters) in (np.ndarray, np.memmap)  # others may mean something else by their numbers: masks
    if is_array and parameters.dtype.newbyteorder("=") == spec.dtype and parameters.shape == (spec.n_parameters,):
        return
    given = f"{parameters.dtype} of shape {parameters.shape}" if is_array else f"a {type(parameters).__name__}"
    sizes = "-".join(map(str, spec.layer_sizes))
    raise ValueError(
        f"a {sizes} network has {spec.n_parameters} parameters of {spec.dtype}, its description {given}: it is damaged"
    )


def _labels_to_plain(labels):
    plain = {"kind": labels.kind, "classes": labels.classes}
    own = {"threshold": (labels.threshold, 0.5), "group": (labels.group, 0)}
    return {**plain, **{name: value for name, (value, default) in own.items() if value != default}}


def _labels(plain, n_out):
    others = [name for name in ("threshold", "group") if isinstance(plain, dict) and name in plain]
    check_entries("labels", plain, ("kind", "classes", *others))
    expected = {"means": 0, "quantiles": 0, "values": 0, "binary": 2, "multiclass": n_out, "multilabel": 0}
    kind, classes = check_name("kind of labels", plain["kind"], expected), plain["classes"]
    if kind == "binary" and n_out != 1:
        raise ValueError(f"'binary' labels need a single output, but the network has {n_out}: it is damaged")
    classes = None if classes is None else np.asarray(classes).view()
    n_classes = 0 if classes is None else len(classes) if classes.ndim == 1 else classes.shape
    if n_classes != expected[kind]:
        raise ValueError(
            f"{kind!r} labels of a network with {n_out} output(s) have {expected[kind]} classes, got {n_classes}: it "
            "is damaged"
        )
    if classes is not None:
        classes.flags.writeable = False  # networks hand it out
    if kind == "means" and n_out % 2:
        raise ValueError(f"{n_out} output(s) are no means and as many variances: it is damaged")
    threshold = check_number("threshold of labels", plain.get("threshold", 0.5))
    group = plain.get("group", 0)
    if kind == "quantiles" and (type(group) is not int or group < 1 or n_out % group):
        raise ValueError(f"{n_out} outputs are no groups of {group!r} quantiles: it is damaged")
    return Labels(kind, classes, threshold, group)


def _feature_names(plain, n_in):
    if plain is None:
        return None
    if not isinstance(plain, list) or not all(isinstance(name, str) for name in plain):
        raise TypeError(f"feature_names must be a list of strings, or None, got {plain!r:.60}")
    if len(plain) != n_in:
        raise ValueError(f"there are {len(plain)} feature_names, but the network has {n_in} inputs: it is damaged")
    return tuple(plain)


def _listed(names):
    return ", ".join(map(repr, names))

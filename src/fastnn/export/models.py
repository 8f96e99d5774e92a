"""Networks and estimators in files of their own: written as safetensors, and read whoever wrote them.

What a file says is the plain-data description of `fastnn.portable`, of an estimator also what ``estimators._saved``
makes; which arrays stand beside it is decided here. `load` is the one door for both.
"""

import os
import warnings

import numpy as np

from fastnn.checks import optional
from fastnn.export.container import read, write
from fastnn.export.values import Arrays, array_listed, listed
from fastnn.network import Network
from fastnn.portable import HEADS, ModelFormatError, to_plain

NETWORK, ESTIMATOR, TABULAR = "fastnn.network", "fastnn.estimator", "fastnn.tabular"

#: The array that holds all weights, then all biases.
PARAMETERS = "parameters"


def save(network, path):
    """Write a network; see `Network.save`."""
    arrays = {}
    description = network_to_json(network, arrays)
    write(path, NETWORK, description, arrays)


def load(path):
    """Load a network or an estimator that was saved to a file.

    Nothing in a file is code, and nothing of it is taken on trust: sizes, names and arrays are checked before anything
    is made of them, so that files from anywhere can be opened.

    Parameters
    ----------
    path : str or os.PathLike
        Of a file that `Network.save` or the ``save`` of an estimator wrote, in this or an earlier release.

    Returns
    -------
    model : Network, MLPClassifier, MLPRegressor, TabularClassifier or TabularRegressor
        Whichever was saved. Its parameters are the file, mapped and read-only: processes that load the same file share
        its memory. ``network.copy()`` is one to write to; `partial_fit` and `fit` copy what they change.

    Raises
    ------
    ModelFormatError
        If it is no file of these, is damaged, or of a newer fastnn; the message says what is wrong, and where.
    OSError
        If there is no such file, or it is not to be read.
    ImportError
        If it holds an estimator, and scikit-learn is not installed.

    Warns
    -----
    RuntimeWarning
        If parameters are not finite.

    Examples
    --------
    >>> import os, tempfile
    >>> import fastnn
    >>> neuron = fastnn.Network([[[7.0, 3.0]]], [[-2.0]], classes=["no", "yes"])
    >>> path = os.path.join(tempfile.mkdtemp(), "neuron.safetensors")
    >>> neuron.save(path)
    >>> fastnn.load(path).predict([1.0, 0.0])
    np.str_('yes')
    """
    kind, description, arrays = read(path, NETWORK, ESTIMATOR, TABULAR)
    arrays = Arrays(arrays)
    try:
        if kind == NETWORK:
            model = network_from_json(description, arrays)
            networks = [model]
        else:
            with optional("this file's estimator", "scikit-learn 1.7 or newer", "sklearn", "scipy", extra="sklearn"):
                if kind == TABULAR:
                    from fastnn.tabular.saved import estimator_from_json
                else:
                    from fastnn.estimators._saved import estimator_from_json

            model, networks = estimator_from_json(description, arrays)
        arrays.check_all_taken()
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise ModelFormatError(f"{os.fspath(path)!r} cannot be loaded: {error!s:.500}") from error
    for network in networks:
        _warn_of_what_is_not_finite(path, network.parameters)
    return model


def network_to_json(network, arrays):
    """Return a network's description as JSON can hold it; its parameters go into `arrays`."""
    plain = to_plain(network)
    arrays[PARAMETERS] = plain.pop("parameters")
    heads = [{**head, "labels": _labels_to_json(head["labels"])} for head in plain.get(HEADS, ())]
    plain = {**plain, "labels": _labels_to_json(plain["labels"])}
    return {**plain, HEADS: heads} if heads else plain


def network_from_json(description, arrays):
    """Return the network of such a description."""
    plain = dict(description)
    if "parameters" in plain:
        raise ModelFormatError("a network's description has the unknown 'parameters', which are an array")
    if isinstance(plain.get(HEADS), list):
        plain[HEADS] = list(map(_with_labels, plain[HEADS]))
    return Network._from_plain({**_with_labels(plain), "parameters": arrays.take(PARAMETERS)})


def _labels_to_json(labels):
    classes = labels["classes"]
    try:
        return {**labels, "classes": None if classes is None else listed(classes)}
    except TypeError as error:
        raise TypeError(f"the classes cannot be saved: {error}; name them by numbers or strings") from None


def _with_labels(plain):
    """The description of a network, or of a head, with its classes as an array."""
    labels = plain.get("labels") if isinstance(plain, dict) else None
    if not isinstance(labels, dict) or labels.get("classes") is None:
        return plain
    return {**plain, "labels": {**labels, "classes": array_listed(labels["classes"])}}


def _warn_of_what_is_not_finite(path, parameters):
    if not (np.isfinite(parameters.min()) and np.isfinite(parameters.max())):  # in place of an array of truth values
        place = int(np.argmin(np.isfinite(parameters)))
        warnings.warn(
            f"{os.fspath(path)!r} has parameters that are not finite, the first of them number {place}, "
            f"{parameters[place]}: the training that it comes from diverged, or it is damaged",
            RuntimeWarning,
            stacklevel=3,
        )

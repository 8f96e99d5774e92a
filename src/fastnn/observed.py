"""The targets of several heads, which may have gaps: NaN in the array that is learned; and how the outputs are read.

Called by ``arguments``. Each head's targets are filled with what was observed, read by ``labels`` as those of a head
alone, and opened again.
"""

from dataclasses import dataclass, replace

import numpy as np

from fastnn import labels as labels_module
from fastnn._tables import LABEL_LOSSES
from fastnn.activations import Block
from fastnn.checks import as_array
from fastnn.frames import is_absent
from fastnn.labels import Labels
from fastnn.objective import check_output

#: Activations of outputs that have a loss together, so that their targets are observed together.
TOGETHER = ("softmax", "mean_variance", "increasing")


class HeadTargets:
    """The targets of several heads: as `fastnn.targets.Targets`, smoothed, and NaN where nothing was observed.

    Parameters
    ----------
    y : list or array-like
        As the user gave it: an entry for each head, or all target columns side by side.
    n_samples : int
    heads : tuple of Head
    hidden : tuple of str or (str, float)
        Activations that a default output activation follows from.
    dtype : numpy.dtype
    may_lack : bool, default False
        Whether a head may have no observed target, as in some of many small batches; the output activations are given.
    """

    output_activation = "identity"  # of the last layer, from which the blocks go on

    def __init__(self, y, n_samples, heads, hidden, dtype, may_lack=False):
        self.heads, self.dtype = heads, dtype
        self.known_heads = [
            _encode_head(name, entry, n_samples, head, hidden, dtype, may_lack)
            for name, entry, head in _by_heads("y", y, heads)
        ]
        self.array = np.hstack([known.targets for known in self.known_heads])
        self._describe()

    @classmethod
    def going_on(cls, y, n_samples, heads, dtype, known):
        """The targets of a run that goes on, in the form that the `known` of the first one had."""
        for head, one in zip(heads, known, strict=True):
            check_reads_alike(head.objective, one.labels, one.block.activation.as_given)
        targets = cls.__new__(cls)
        targets.heads, targets.dtype, targets.known_heads = heads, dtype, known
        targets._describe()
        targets.array = targets.like("y", y, n_samples)
        for h, (_, block) in enumerate(targets.labels.blocks_of(targets.array)):
            observed = block[~np.isnan(block)].reshape(-1, 1)
            if len(observed):
                activation, is_implied = known[h].block.activation.as_given, heads[h].output_activation is None
                labels_module.check_reach(f"y[{h}]", observed, activation, is_implied, stacklevel=6)
        return targets

    @property
    def known(self):
        """What a later run goes on from: each head with one of its targets."""
        return tuple(replace(known, targets=_one_of(known.targets)) for known in self.known_heads)

    def _describe(self):
        self.blocks = tuple(known.block for known in self.known_heads)
        self.labels = Labels("heads", heads=tuple((known.block.n_out, known.labels) for known in self.known_heads))

    def like(self, argument, y, n_samples):
        """Return targets for y in the form that training had, for rows that are only measured."""
        return np.hstack(
            [
                _encode_head_like(name, entry, n_samples, head, known, self.dtype)
                for (name, entry, head), known in zip(_by_heads(argument, y, self.heads), self.known_heads, strict=True)
            ]
        )


def targets_by_heads(argument, y, n_samples, heads, blocks, labels, dtype):
    """Return targets for y of a network that is there, by its blocks of outputs and by how it reads them."""
    columns = []
    for (name, entry, head), block, (_, own) in zip(_by_heads(argument, y, heads), blocks, labels.heads, strict=True):
        classes = own.classes if np.ndim(entry) == 1 else None
        known = OneHead(np.zeros((1, 1), dtype), block, own, classes)
        columns.append(_encode_head_like(name, entry, n_samples, head, known, dtype))
    return np.hstack(columns)


def check_reads_alike(objective, labels, output_activation):
    """Refuse a loss to go on by that does not take the outputs there are, or means classes otherwise."""
    check_output(objective, output_activation)
    if labels.are_classes and labels.threshold != labels_module.threshold_of(objective.loss):
        raise ValueError(
            f"the first run learned classes by another kind of loss than loss={objective.loss!r}: one with targets "
            f"{'-1 and 1' if labels.threshold == 0 else '0 and 1'}; go on by such a loss"
        )


def decode_observed(labels, targets):
    """What targets mean, as ``labels.decode`` has it of outputs; NaN, or None among labels: it was not observed."""
    if labels.kind != "heads":
        return labels.decode(targets)
    return [_with_gaps_again(own, block) for own, block in labels.blocks_of(targets)]


def _with_gaps_again(labels, targets):
    """What the targets of one head mean."""
    decoded, is_missing = labels.decode(targets), np.isnan(targets)
    if not (labels.are_classes and is_missing.any()):  # of values they are NaN already
        return decoded
    if decoded.ndim == 2:
        return np.where(is_missing, np.nan, decoded)
    decoded = decoded.astype(object)
    decoded[is_missing.any(axis=1)] = None
    return decoded


@dataclass(frozen=True)
class OneHead:
    """The targets of one of them.

    Parameters
    ----------
    targets : ndarray of shape (n_samples, n_outputs)
    block : Block
    labels : Labels
    classes : ndarray or None
        Where they were a vector of labels.
    """

    targets: np.ndarray
    block: Block
    labels: Labels
    classes: np.ndarray | None


def _one_of(targets):
    """The first row in which something was observed, at least nothing at all."""
    return targets[[int(np.argmax(~np.isnan(targets).all(axis=1)))]]


def _by_heads(argument, y, heads):
    """Triples of a name, an entry of y and its head: of a list with an entry a head, or of columns side by side."""
    if isinstance(y, list | tuple):
        if len(y) != len(heads):
            raise ValueError(
                f"{argument} is a {type(y).__name__} of {len(y)}, but there are {len(heads)} heads; a list has one "
                f"entry a head, all target columns side by side are an array: np.asarray({argument.split()[-1]})"
            )
        return [(f"{argument}[{h}]", entry, head) for h, (entry, head) in enumerate(zip(y, heads, strict=True))]
    check_unmasked(argument, y)
    array = as_array(argument, y)
    n_columns = sum(head.n_targets for head in heads)
    if array.ndim != 2 or array.shape[1] != n_columns:
        raise ValueError(
            f"{argument} must be a list with an entry for each of the {len(heads)} heads, or an array of all their "
            f"{n_columns} target columns side by side; its shape is {array.shape}"
            + ("; a vector is an entry of the list: [y]" if array.ndim == 1 and len(heads) == 1 else "")
        )
    found, begin = [], 0
    for head in heads:
        end = begin + head.n_targets
        found.append((f"{argument}[:, {begin}:{end}]", array[:, begin:end], head))
        begin = end
    return found


def check_unmasked(argument, y):
    """Refuse a masked array: what it holds below its mask is not what was observed, and its own filling is 1e20."""
    if isinstance(y, np.ma.MaskedArray) and np.ma.getmaskarray(y).any():
        raise TypeError(
            f"{argument} has masked entries; targets that were not observed are NaN, or None among labels: "
            "y.astype(float).filled(numpy.nan), or y.astype(object).filled(None)"
        )


def _encode_head(argument, y, n_samples, head, hidden, dtype, may_lack):
    array, is_missing = _with_gaps(argument, y, n_samples)
    if is_missing.all() and may_lack:
        nothing = np.full((n_samples, head.n_outputs), np.nan, dtype)
        return OneHead(nothing, Block(head.n_outputs, head.output_activation), Labels("values"), None)
    if is_missing.all():
        raise ValueError(f"{argument} has no observed target: all {is_missing.size} are NaN; leave the head out")
    filled, loss, objective = _filled(array, is_missing), head.loss, head.objective
    targets, classes = labels_module.encode(argument, filled, n_samples, head.n_targets, loss, dtype)
    is_missing = _as_columns(is_missing, targets)
    has_partly = _has_partly(is_missing)
    activation = head.output_activation or objective.output_activation
    is_implied = activation is None
    if is_implied:
        activation = labels_module.default_output_activation(loss, hidden, targets, has_partly)
    block = Block(head.n_outputs, activation)
    _check_together(argument, is_missing, block, loss)
    labels_module.check_targets(argument, targets, loss, activation)
    labels_module.check_reach(argument, targets, activation, is_implied, stacklevel=7)
    labels = labels_module.joint_labels(loss, len(objective.quantiles))
    if labels is None and has_partly:  # so that a row has several labels, if any
        threshold = labels_module.threshold_of(loss)
        labels = Labels("multilabel", threshold=threshold) if loss in LABEL_LOSSES else Labels("values")
    labels = labels or labels_module.labels_of(targets, classes, loss, activation)
    return OneHead(_opened(targets, is_missing, head, activation), block, labels, classes)


def _encode_head_like(argument, y, n_samples, head, known, dtype):
    """Targets of one head, all of which may be missing: of rows that are only measured."""
    array, is_missing = _with_gaps(argument, y, n_samples)
    if is_missing.all():
        observed = known.classes if known.classes is not None else known.targets[~np.isnan(known.targets)]
        filled = np.full(array.shape, observed[0])
    else:
        filled = _filled(array, is_missing)
    targets = labels_module.encode_like(argument, filled, n_samples, head.n_targets, known.classes, head.loss, dtype)
    is_missing = _as_columns(is_missing, targets)
    activation = known.block.activation.as_given
    _check_together(argument, is_missing, known.block, head.loss)
    if not is_missing.all():
        labels_module.check_targets(argument, targets, head.loss, activation)
    return _opened(targets, is_missing, head, activation)


def _with_gaps(argument, y, n_samples):
    """Return an array, and where it has NaN, None or pandas' NA; a list of words and NaN is no list of words."""
    if isinstance(y, list | tuple) and any(isinstance(label, str) for label in y):
        y = np.array(y, object)
    check_unmasked(argument, y)
    array = as_array(argument, y)
    labels_module.check_length(argument, array, n_samples)
    if array.dtype.kind == "f":
        return array, np.isnan(array)
    if array.dtype.kind != "O":
        return array, np.zeros(array.shape, bool)
    return array, np.frompyfunc(_is_gap, 1, 1)(array).astype(bool)


def _is_gap(value):
    return is_absent(value) or (isinstance(value, float | np.floating) and value != value)


def _filled(array, is_missing):
    """Return the array with what was observed in its gaps: whole rows with a whole row, else of the same column."""
    if not is_missing.any():
        return array
    if array.ndim != 2:
        return np.where(is_missing, array[~is_missing][:1], array)
    is_whole = ~is_missing.any(axis=1)
    row = array[np.argmax(is_whole)].copy()
    if not is_whole.any():
        for column, gaps in enumerate(is_missing.T):
            row[column] = array[:, column][np.argmin(gaps)] if not gaps.all() else array[~is_missing][0]
    return np.where(is_missing, row, array)


def _as_columns(is_missing, targets):
    """The gaps of the targets: of a vector of labels in all columns."""
    return np.broadcast_to(is_missing.reshape(len(targets), -1), targets.shape)


def _has_partly(is_missing):
    return bool((is_missing.any(axis=1) & ~is_missing.all(axis=1)).any())


def _check_together(argument, is_missing, block, loss):
    if block.activation.name in TOGETHER and _has_partly(is_missing):
        row = int(np.argmax(is_missing.any(axis=1) & ~is_missing.all(axis=1)))
        raise ValueError(
            f"{argument} has some targets of row {row}, and NaN for others, but outputs of activation "
            f"{block.activation.name!r} have the loss {loss!r} together: fill the row, or make all of it NaN; targets "
            "that are observed one by one need a head each"
            + (", or output_activation='logistic'" if block.activation.name == "softmax" else "")
        )


def _opened(targets, is_missing, head, activation):
    """The targets that are learned, with their gaps."""
    targets = labels_module.smooth(targets, head.label_smoothing, activation)
    targets = np.where(is_missing, targets.dtype.type(np.nan), targets)
    return head.objective.spread(targets)

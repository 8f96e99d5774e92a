"""What y means: from a user's targets or class labels to the array that a network learns, and back.

It owns `Labels`, how any network's outputs are read, and how ``train`` encodes y; the estimators encode theirs by
scikit-learn's rules. It knows losses and output activations by the targets that they allow, not what they compute.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fastnn._tables import LABEL_LOSSES, LOSS_OUTPUTS, LOSS_TARGETS
from fastnn.checks import as_array, cast_finite, check_matrix
from fastnn.warned import warn

#: What losses take -> (test of an array of targets, in words).
TARGETS = {
    "any": (None, ""),
    "fractions": (lambda y: (y >= 0) & (y <= 1), "between 0 and 1"),
    "nonnegative": (lambda y: y >= 0, "at least 0"),
    "positive": (lambda y: y > 0, "greater than 0"),
    "signs": (lambda y: (y == -1) | (y == 1), "-1 or 1"),
    "indicators": (lambda y: (y == 0) | (y == 1), "0 or 1"),
}

#: output activation -> (the least and the largest number that its outputs come near, in words); the others give any.
REACH = {
    "logistic": (0, 1, "between 0 and 1"),
    "tanh": (-1, 1, "between -1 and 1"),
    "relu": (0, np.inf, "at least 0"),
    "exp": (0, np.inf, "greater than 0"),
    "selu": (-1.7581, np.inf, "greater than -1.7581"),
    "gelu": (-0.17, np.inf, "at least -0.17"),
    "silu": (-0.2785, np.inf, "at least -0.2785"),
    "mish": (-0.3089, np.inf, "at least -0.3089"),
    "softplus": (0, np.inf, "greater than 0"),
    "hard_sigmoid": (0, 1, "between 0 and 1"),
    "hard_swish": (-0.375, np.inf, "at least -0.375"),
    "sin": (-1, 1, "between -1 and 1"),
    "softsign": (-1, 1, "between -1 and 1"),
}

#: How far beyond the reach rounding puts targets that were scaled to it.
ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Labels:
    """How a network's outputs are to be read.

    Parameters
    ----------
    kind : {"values", "binary", "multiclass", "multilabel", "means", "quantiles", "heads"}
        "means": the first half of the outputs; "quantiles": groups of them, one a target; "heads": blocks of them, each
        read by labels of its own.
    classes : ndarray or None
        The labels in sorted order, for "binary" and "multiclass".
    threshold : float, default 0.5
        Beyond which an output says yes, for "binary" and "multilabel".
    group : int, default 0
        How many quantiles there are of a target.
    heads : tuple of pairs (int, Labels)
        Of each head how many outputs it has, and how they are read.
    """

    kind: str
    classes: np.ndarray | None = None
    threshold: float = 0.5
    group: int = 0
    heads: tuple[tuple[int, "Labels"], ...] = ()

    def __eq__(self, other):
        if not isinstance(other, Labels):
            return False
        if any(getattr(self, name) != getattr(other, name) for name in ("kind", "threshold", "group", "heads")):
            return False
        return np.array_equal(self.classes, other.classes)

    __hash__ = None

    @property
    def are_numbers(self):
        """Whether the classes are 0, 1, 2 …, which may only count what has other names."""
        return self.classes is not None and np.array_equal(self.classes, np.arange(len(self.classes)))

    @property
    def are_classes(self):
        """Whether an accuracy makes sense."""
        return self.kind in ("binary", "multiclass", "multilabel")

    def blocks_of(self, outputs):
        """Pairs of a head's labels and its block of the last axis of `outputs`."""
        ends = np.cumsum([n_out for n_out, _ in self.heads]).tolist()
        return [(own, outputs[..., end - n_out : end]) for (n_out, own), end in zip(self.heads, ends, strict=True)]

    def decode(self, outputs):
        """Labels (or values) of the rows of `outputs` (n_samples, n_out); of heads a list, one entry each."""
        if self.kind == "heads":
            return [own.decode(block) for own, block in self.blocks_of(outputs)]
        if self.kind == "quantiles":
            groups = outputs.reshape(len(outputs), -1, self.group)
            return groups[:, 0] if groups.shape[1] == 1 else groups
        if self.kind == "means":
            outputs = outputs[:, : outputs.shape[1] // 2]
        if not self.are_classes:
            return outputs[:, 0] if outputs.shape[1] == 1 else outputs
        return decode(self.kind, outputs, self.classes, self.threshold)

    def has_probabilities(self, activations):
        """Whether outputs of these activations, one a head, are probabilities of classes, or those of some head."""
        if self.kind == "heads":
            return any(own.has_probabilities([a]) for (_, own), a in zip(self.heads, activations, strict=True))
        return self.are_classes and activations[0] in ("softmax", "logistic")

    def probabilities(self, outputs, activations):
        """The probabilities of all classes; of heads a list, None for those that have none."""
        if self.kind == "heads":
            blocks = zip(self.blocks_of(outputs), activations, strict=True)
            return [own.probabilities(part, [a]) if own.has_probabilities([a]) else None for (own, part), a in blocks]
        return np.concatenate([1 - outputs, outputs], axis=-1) if self.kind == "binary" else outputs

    def accuracy_of(self, targets):
        """A function of outputs: the fraction of rows whose label is right; of several labels a row, all of them."""
        numbers = None if self.classes is None else np.arange(len(self.classes))  # which compare quicker than words
        expected = decode(self.kind, targets, numbers, self.threshold)

        def accuracy(outputs):
            right = decode(self.kind, outputs, numbers, self.threshold) == expected
            return float(right.all(axis=1).mean() if right.ndim == 2 else right.mean())

        return accuracy


def decode(kind, outputs, classes, threshold=0.5):
    """Return the labels of the rows of `outputs` (n_samples, n_out): the one rule of all faces.

    "binary": the second class where the (last) output is > threshold; "multiclass": the class of the largest;
    "multilabel": 1 where an output is > threshold, else 0.
    """
    if kind == "multilabel":
        return (outputs > threshold).astype(np.intp)
    if kind == "multiclass":
        return classes.take(outputs.argmax(axis=1))
    return classes.take(outputs[:, -1] > threshold, mode="clip")  # there may be a single class


def columns(argument, y, n_samples, n_columns, dtype):
    """Return targets for a loss that is a function: numbers, a vector or as many columns as it has; None: any."""
    array = as_array(argument, y)
    check_length(argument, array, n_samples)
    array = array.reshape(-1, 1) if array.ndim == 1 else array
    return check_matrix(argument, array, dtype, n_columns=n_columns, columns_are="y")


def takes_signs(loss):
    """Whether the targets of a loss are -1 and 1, and its outputs so are labels by their sign."""
    return LOSS_TARGETS.get(loss) == "signs"


def threshold_of(loss):
    """Return beyond which an output says yes."""
    return 0.0 if takes_signs(loss) else 0.5


def encode(argument, y, n_samples, n_out, loss, dtype):
    """Return targets (n_samples, n_out) of `dtype`, and the classes if y was a vector of labels, else None.

    A vector holds class labels where there are several outputs or the loss is one of LABEL_LOSSES; otherwise it is
    one column of targets.
    """
    array = as_array(argument, y)
    check_length(argument, array, n_samples)
    if array.ndim == 1 and (n_out > 1 or loss in LABEL_LOSSES):
        classes = find_classes(argument, array, n_out)
        return _coded(argument, array, classes, n_out, loss, dtype), classes
    return _as_targets(argument, array, n_out, dtype), None


def encode_like(argument, y, n_samples, n_out, classes, loss, dtype, example="y is"):
    """Return targets for y in the form that training had: labels among `classes`, or, with None, targets.

    `example` says in messages whose form that is.
    """
    array = as_array(argument, y)
    check_length(argument, array, n_samples)
    if classes is None:
        if array.ndim == 1 and n_out > 1:
            raise ValueError(
                f"{argument} must be of shape ({n_samples}, {n_out}), as {example}; its shape is {array.shape}"
            )
        return _as_targets(argument, array, n_out, dtype)
    if array.ndim != 1:
        advice = f"; use {_as_written(argument)}.ravel()" if array.ndim == 2 and array.shape[1] == 1 else ""
        raise ValueError(
            f"{argument} must be a vector of class labels, as {example}; its shape is {array.shape}{advice}"
        )
    if example != "y is":
        return _coded(argument, array, classes, n_out, loss, dtype, refuse_new)
    return _coded(argument, array, classes, n_out, loss, dtype)


def _refuse_unknown(argument, labels, is_unknown, classes):
    row = int(np.argmax(is_unknown))
    raise ValueError(
        f"{argument} has the label {labels[row].item()!r} in row {row}, which is not among the training labels"
    )


def _coded(argument, labels, classes, n_out, loss, dtype, refuse=_refuse_unknown):
    """Labels as the targets of a loss: 1 for yes, and 0 or -1 for no."""
    targets = one_hot(argument, labels, classes, n_out, dtype, refuse)
    return 2 * targets - 1 if takes_signs(loss) else targets


def refuse_new(argument, labels, is_new, classes):
    """Refuse labels that the network has no output for, where training goes on."""
    row, some = int(np.argmax(is_new)), ", ".join(map(repr, classes[:10].tolist()))
    raise ValueError(
        f"{argument} has the label {labels[row].item()!r} in row {row}, which training did not begin with: {some}"
        f"{', ...' if len(classes) > 10 else ''}; MLPClassifier(extend_classes=True) takes new labels in partial_fit, "
        "or train anew with all of them"
    )


def find_classes(argument, labels, n_out):
    """Return the sorted labels, one per output (one output: two)."""
    labels = _as_labels(argument, labels)
    classes = np.unique(labels)
    expected = n_out if n_out > 1 else 2
    if len(classes) != expected:
        some = ", ".join(map(repr, classes[:10].tolist())) + (", ..." if len(classes) > 10 else "")
        raise ValueError(
            f"{argument} has {len(classes)} distinct labels ({some}), but the last layer of {n_out} tells "
            f"{expected} classes apart; change its size, or pass targets as an array (n_samples, n_out)"
        )
    classes.flags.writeable = False  # networks hand it out
    return classes


def one_hot(argument, labels, classes, n_out, dtype, refuse=_refuse_unknown):
    """Return targets (n_samples, n_out) for labels; one output: 0 for the first class, 1 for the second."""
    labels = _as_labels(argument, labels)
    position = classes[:-1].searchsorted(labels)  # beyond all others: the last, or unknown
    is_unknown = classes[position] != labels
    if b"\1" in is_unknown.tobytes():  # of a few in a tenth of the time that `any` takes
        refuse(argument, labels, is_unknown, classes)
    if n_out == 1:
        return position.astype(dtype).reshape(-1, 1)
    return rows_of_one(n_out, dtype).take(position, axis=0)


@lru_cache(maxsize=32)
def rows_of_one(n, dtype):
    """The identity matrix."""
    return np.eye(n, dtype=dtype)


def is_indicator(targets):
    """Whether all targets are 0 or 1."""
    return bool(((targets == 0) | (targets == 1)).all())


def says_yes_or_no(targets):
    """Whether targets have two values, on either side of a half, such as 0 and 1, or 0.01 and 0.99."""
    low, high = targets.min(), targets.max()
    return bool(low < 0.5 < high and ((targets == low) | (targets == high)).all())


def sums_to_1(targets):
    """Whether each row sums to 1 as far as its dtype can tell."""
    return np.abs(targets.sum(axis=1, dtype=np.float64) - 1) <= 1e-5


def check_smoothing(amount, loss):
    """Refuse to smooth the targets of a loss that compares no probabilities, or has its own way with them."""
    if amount > 0 and loss != "log_loss":
        raise ValueError(f"label_smoothing={amount} needs loss='log_loss', got loss={loss!r}")


def smooth(targets, amount, output_activation):
    """Return targets that mix each with the mean over its classes, y (1 - amount) + amount / K (Szegedy et al., 2016).

    Under softmax these are the K outputs; each logistic output has two. As in Keras.
    """
    if amount == 0.0:
        return targets
    n_classes = targets.shape[1] if output_activation == "softmax" else 2
    return (targets * (1.0 - amount) + amount / n_classes).astype(targets.dtype, copy=False)


def check_targets(argument, targets, loss, output_activation):
    """Refuse targets that the loss is not defined for."""
    test, expected = TARGETS[LOSS_TARGETS.get(loss, "any")]  # any: of a function
    if test is not None and not (fits := test(targets)).all():
        row, column = map(int, np.argwhere(~fits)[0])
        advice = f"; class labels are a vector: {_as_written(argument)}.ravel()" if targets.shape[1] == 1 else ""
        raise ValueError(
            f"{argument} has {targets[row, column]} in row {row}, column {column}; "
            f"loss={loss!r} takes targets {expected}" + (advice if loss in LABEL_LOSSES else "")
        )
    if output_activation == "softmax" and not (fits := sums_to_1(targets)).all():
        row = int(np.argmin(fits))
        raise ValueError(
            f"{argument} sums to {targets[row].sum():g} in row {row}; under softmax the targets of a row must sum to 1 "
            "(for several labels a row use output_activation='logistic')"
        )


def check_reach(argument, targets, output_activation, was_implied, stacklevel=5):  # the caller of train, by Targets
    """Refuse targets that the output activation cannot come near, or warn where it was asked for by name."""
    text = beyond_reach(argument, targets, output_activation, was_implied)
    if text is None:
        return
    if was_implied:
        raise ValueError(text)
    warn(text, stacklevel=stacklevel)


def reach_of(output_activation):
    """Return the least and the largest number that outputs of an activation, a name or a pair, come near, in words."""
    name, *parameter = (output_activation,) if isinstance(output_activation, str) else output_activation
    if name == "elu":
        (alpha,) = parameter or (1.0,)
        return (-alpha, np.inf, f"greater than {-alpha:g}") if alpha > 0 else (0, np.inf, "at least 0")
    return REACH.get(name, (-np.inf, np.inf, ""))


def beyond_reach(argument, targets, output_activation, was_implied=False):
    """Say which targets an output activation, a name or a pair of this and its parameter, cannot come near, or None."""
    low, high, reach = reach_of(output_activation)
    if low - ROUNDING <= targets.min() and targets.max() <= high + ROUNDING:
        return None
    from_where = " (which squared_error implies after logistic hidden layers)" if was_implied else ""
    advice = "use output_activation='identity', or scale y"
    n_classes = _classes_it_looks_like(targets[:, 0]) if targets.shape[1] == 1 else 0
    if n_classes:
        advice += f"; if y holds {n_classes} classes, loss='log_loss'"
        advice += f" and a last layer of {n_classes}" if n_classes > 2 else ""
    return (
        f"{argument} lies between {targets.min():g} and {targets.max():g}, but outputs of activation "
        f"{output_activation!r}{from_where} are {reach}: {advice}"
    )


def _classes_it_looks_like(y):
    """The number of values of a column, if they are few and whole; else 0."""
    values = np.unique(y)
    are_few = len(values) <= 20 and 2 * len(values) <= len(y)
    return len(values) if are_few and (values == np.round(values)).all() else 0


def default_output_activation(loss, hidden_activations, targets, has_gaps=False):
    """Return the output activation that follows from the loss, and for log_loss and focal from the targets.

    `has_gaps`: of some rows not all targets were observed, so that a row may have several labels.
    """
    if loss in ("log_loss", "focal"):
        is_multilabel = has_gaps or (is_indicator(targets) and not sums_to_1(targets).all())
        return "logistic" if targets.shape[1] == 1 or is_multilabel else "softmax"
    if loss == "squared_error":
        return "logistic" if all(name == "logistic" for name in hidden_activations) else "identity"
    return LOSS_OUTPUTS.get(loss, ("identity",))[0]


def joint_labels(loss, n_quantiles):
    """Return how outputs are read that have a target together, or None."""
    if n_quantiles:
        return Labels("quantiles", group=n_quantiles)
    return Labels("means") if loss == "gaussian_nll" else None


def labels_of(targets, classes, loss, output_activation):
    """Return how outputs are to be read, from the training targets and, where y was a vector of labels, its classes."""
    n_out, threshold = targets.shape[1], threshold_of(loss)
    if classes is None:
        reads_as_class = output_activation == "logistic" and (is_indicator(targets) or says_yes_or_no(targets))
        if loss not in LABEL_LOSSES and not reads_as_class:
            return Labels("values")
        counts = reads_as_class or takes_signs(loss)
        is_one_of_n = sums_to_1(targets) | ((targets > threshold).sum(axis=1) == 1 if counts else False)
        if n_out > 1 and not is_one_of_n.all():
            return Labels("multilabel", threshold=threshold)
        classes = np.array([-1, 1]) if n_out == 1 and takes_signs(loss) else np.arange(max(n_out, 2))
        classes.flags.writeable = False
    return Labels("binary" if n_out == 1 else "multiclass", classes, threshold)


def _as_targets(argument, array, n_out, dtype):
    if array.ndim == 1 and n_out == 1:
        if array.dtype.kind not in "biuf":
            raise TypeError(
                f"{argument} must hold real numbers for a regression, got an array of dtype {array.dtype}; for class "
                "labels use loss='log_loss'"
            )
        array = array.reshape(-1, 1)
    if array.ndim == 2 and array.shape[1] == 1 < n_out:
        raise ValueError(
            f"{argument} has 1 column, but the last layer has {n_out}; class labels are a vector: {argument}.ravel()"
        )
    if array.ndim == 2 and array.shape[1] == 1 and _holds_words(array):
        raise TypeError(
            f"{argument} holds words, in an array of shape {array.shape}; class labels are a vector, "
            f"{argument}.ravel(), with a loss that takes them, such as 'log_loss'"
        )
    return check_matrix(argument, array, dtype, n_columns=n_out, columns_are="the last layer")


def _as_written(argument):
    """The expression that an argument's name is, without what it is of: "validation y[:, 0:1]" is y[:, 0:1]."""
    return argument.removeprefix("validation ")


def _holds_words(array):
    return array.dtype.kind in "TUS" or (array.dtype.kind == "O" and all(isinstance(word, str) for word in array.flat))


def _as_labels(argument, array):
    """Labels as an array that can be sorted: numbers, booleans or strings."""
    if array.dtype.kind != "S" and _holds_words(array):
        array = array.astype(str)
    if array.dtype.kind not in "biufUS":
        raise TypeError(f"the labels in {argument} must be numbers or strings, got an array of dtype {array.dtype}")
    if array.dtype.kind == "f":
        cast_finite(argument, array, array.dtype)
    return array


def check_length(argument, y, n_samples):
    """Refuse targets that are not as many as the rows of X."""
    if y.ndim == 0 or len(y) != n_samples:
        found = "is a single number" if y.ndim == 0 else f"has {len(y)} rows"
        raise ValueError(f"X has {n_samples} rows, but {argument} {found}; they must be equally long")

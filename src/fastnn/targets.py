"""What y of ``train`` becomes under one loss: the targets, how outputs are read, and other targets of the same form.

Called by ``arguments``. Several heads have the same of ``observed``.
"""

import numpy as np

from fastnn import labels as labels_module
from fastnn.checks import as_array
from fastnn.frames import missing_in
from fastnn.heads import for_gaps
from fastnn.observed import check_reads_alike

#: What y is compared with where training goes on.
ONE_IN_THE_FIRST_RUN = "that of the first run was"


class Targets:
    """The targets of one loss.

    Parameters
    ----------
    shape : fastnn.arguments.Shape
    y : array-like
        As the user gave it.
    n_samples : int
    known : tuple of Labels, classes or None, and an output activation, optional
        Of the y that an earlier run learned from, whose form this one has.

    Attributes
    ----------
    array : ndarray of shape (n_samples, n_out)
        Not smoothed.
    labels : Labels
    output_activation : str or (str, float)
    blocks : tuple
        (): there is one head.
    """

    blocks = ()

    def __init__(self, shape, y, n_samples, known=None):
        self.shape, objective, loss = shape, shape.objective, shape.loss
        if known is not None:
            self._go_on(y, n_samples, *known)
            return
        if objective.function is not None:
            targets, self.classes = labels_module.columns("y", y, n_samples, None, shape.dtype), None
        else:
            targets, self.classes = _encode(y, n_samples, shape)
        output_activation, is_implied = shape.output_activation, shape.output_activation is None
        if is_implied:
            output_activation = objective.output_activation
            output_activation = output_activation or labels_module.default_output_activation(loss, shape.named, targets)
        labels_module.check_targets("y", targets, loss, output_activation)
        labels_module.check_reach("y", targets, output_activation, is_implied)
        labels = labels_module.joint_labels(loss, len(objective.quantiles))
        labels = labels_module.Labels("values") if objective.function is not None else labels
        self.labels = labels or labels_module.labels_of(targets, self.classes, loss, output_activation)
        self.output_activation = output_activation
        self.array = objective.spread(targets)

    def _go_on(self, y, n_samples, labels, classes, output_activation):
        """Take what y means from an earlier run."""
        shape = self.shape
        check_reads_alike(shape.objective, labels, output_activation)
        self.labels, self.classes, self.output_activation = labels, classes, output_activation
        if shape.objective.function is not None:
            targets = labels_module.columns("y", y, n_samples, None, shape.dtype)
        else:
            like = n_samples, shape.n_targets, classes, shape.loss, shape.dtype
            targets = labels_module.encode_like("y", y, *like, ONE_IN_THE_FIRST_RUN)
        if classes is None or shape.loss == "gamma":  # else indicators, which all other losses and activations take
            labels_module.check_targets("y", targets, shape.loss, output_activation)
            labels_module.check_reach("y", targets, output_activation, shape.output_activation is None, stacklevel=7)
        self.array = shape.objective.spread(targets)

    @property
    def known(self):
        """What a later run goes on from."""
        return self.labels, self.classes, self.output_activation

    def like(self, argument, y, n_samples):
        """Return targets for y in the form that training had, for rows that are only measured."""
        shape, n_columns = self.shape, self.array.shape[1]
        if shape.objective.function is not None:
            y = labels_module.columns(argument, y, n_samples, n_columns, shape.dtype)
        else:
            like = n_samples, shape.n_targets, self.classes, shape.loss, shape.dtype
            y = labels_module.encode_like(argument, y, *like)
        labels_module.check_targets(argument, y, shape.loss, self.output_activation)
        return shape.objective.spread(y)


def _encode(y, n_samples, shape):
    """Targets and classes; where some of several columns have gaps, which one loss does not take, heads are named."""
    try:
        return labels_module.encode("y", y, n_samples, shape.n_targets, shape.loss, shape.dtype)
    except ValueError as error:
        array, names_a_gap = as_array("y", y), str(error).endswith("fill or drop such rows first")
        has_several = array.ndim == 2 and shape.n_targets > 1 and not shape.objective.quantiles
        if not (has_several and names_a_gap and _has_gaps(array)):
            raise
        raise ValueError(f"{error}; or {for_gaps(shape.n_targets, shape.loss)}") from None


def _has_gaps(array):
    if array.dtype.kind == "f":
        return bool(np.isnan(array).any())
    return missing_in(array) is not None

"""Pieces as the X of an estimator's ``fit``: arrays, if the buffer holds all of them, else samples that come by and by.

Called by the base of both estimators. What is checked of arrays is checked of a few rows that stand for all; each
block is, when it is read.
"""

import math
from contextlib import contextmanager

import numpy as np

from fastnn.estimators._checks import check_penalty
from fastnn.estimators._shared import validated
from fastnn.estimators._solvers import batch_size_of
from fastnn.frames import column_names
from fastnn.identity import in_words
from fastnn.labels import Labels
from fastnn.pieces.block import numbers_of
from fastnn.pieces.feed import Feed
from fastnn.pieces.learned import check_columns, check_is_fed, row_bytes_of, weigher
from fastnn.pieces.reading import read, y_of
from fastnn.piecewise import is_pieces
from fastnn.training.passes import Samples


class Read:
    """Pieces that were read once.

    Parameters
    ----------
    estimator : MultilayerPerceptron
    pieces : Pieces
    sample_weight : object
        As it was given to ``fit``: None.
    with_inputs : bool
        Whether X is read in any case.

    Attributes
    ----------
    arrays : tuple
        X, y and weights or None: of all rows, or of some that stand for them.
    is_held : bool
        Whether it is all rows.
    """

    def __init__(self, estimator, pieces, sample_weight=None, with_inputs=False):
        if sample_weight is not None:
            raise ValueError("pieces have their weights themselves, as (X, y, sample_weight); pass no other")
        if getattr(estimator, "heads", None) is not None:
            raise ValueError("heads are not learned from pieces; pass arrays")
        self.estimator, self.pieces = estimator, pieces
        n_in = pieces._source.n_in or _columns_of(pieces)
        is_balanced = getattr(estimator, "class_weight", None) == "balanced"
        most = pieces._rows_of_half(row_bytes_of(n_in, 1, np.dtype(np.float32)), 1)
        self.reading = reading = read(pieces, n_in, most, self._are_labels, with_inputs, is_balanced)
        self.dtype = np.dtype(np.float32 if self._dtype() in (np.float32, np.float16) else np.float64)
        of_y = (
            len(reading.y) if reading.y.ndim == 1 and hasattr(estimator, "_encode") else math.prod(reading.y.shape[1:])
        )
        self.row_bytes = row_bytes_of(n_in, of_y, self.dtype)
        self.is_held = reading.held is not None and reading.n_rows <= pieces._rows_of_half(self.row_bytes, 1)
        self.arrays = reading.held
        if not self.is_held:
            reading.held = None
            self.arrays = np.zeros((len(reading.y), n_in), self.dtype), reading.y, None

    def check_columns(self, validated):
        """Refuse pieces to validate on that have other columns."""
        check_columns(validated, self.reading.names)

    def _are_labels(self, y):
        return hasattr(self.estimator, "_encode") and (y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1))

    def _dtype(self):
        return self.reading.dtype or self.pieces._source.dtype

    def check_targets(self, is_first):
        """Return what `_check_targets` does; `Pieces` may say of classes that the rows lack."""
        estimator, (X, y, _), labels = self.estimator, self.arrays, self.reading.y
        with self._named(is_first):
            if self.pieces.classes is None or not (self.is_held and self._are_labels(labels)):
                return estimator._check_targets(X, y, False, reset=is_first)
            estimator._check_targets(np.zeros((len(labels), X.shape[1])), labels, False, reset=is_first)
            X, y = validated(estimator, X, y, False)
            return X, lambda dtype: estimator._targets_of(y, dtype)

    @contextmanager
    def _named(self, is_first):
        """Columns by name: of a fit that goes on those that were seen; of a first one they are set."""
        own, names = vars(self.estimator), self.reading.names
        before = None if is_first else own.pop("feature_names_in_", None)
        try:
            if before is not None and names is not None and tuple(before) != names:
                raise ValueError(f"the pieces have the columns {names}, but training began with {tuple(before)}")
            yield
        finally:
            if before is not None:
                own["feature_names_in_"] = before
        if is_first and names is not None:
            own["feature_names_in_"] = np.array(names, dtype=object)

    def samples(self, targets, dtype):
        """Return Samples with a feed; `targets` are those of the rows that stand for all, in the network's dtype."""
        estimator, reading = self.estimator, self.reading
        size = batch_size_of(estimator, reading.n_rows)
        row_bytes = row_bytes_of(self.arrays[0].shape[1], targets.shape[1], dtype)
        half = self.pieces._rows_of_half(row_bytes, size)
        check_is_fed(reading.n_rows, half, estimator.solver, size)
        self._check_asked()
        weigh, unit = self._weigher(targets)
        if reading.weights is not None:
            check_penalty(estimator.alpha, np.array([reading.weights[2] / unit]), unit, dtype)

        def targets_of(block, n_rows):
            return estimator._smooth(estimator._targets_of(y_of(block, self._are_labels), dtype))

        feed = Feed(self.pieces, reading, half, self.arrays[0].shape[1], targets.shape[1], dtype, targets_of, weigh)
        feed.digest = f"{reading.digest}, {half} rows at a time, {in_words(getattr(estimator, 'class_weight', None))}"
        return Samples(feed.X, feed.y, feed.weight, weight_unit=unit, feed=feed)

    def _check_asked(self):
        """Refuse what needs all rows at once."""
        track = self.estimator.track or ()
        if {"score", "gradient_norm"}.intersection([track] if isinstance(track, str) else track):
            raise ValueError(
                f"track={self.estimator.track!r} measures all rows, but X comes in pieces, of which the buffer holds a "
                "part; pass X_val and y_val, which are measured, or a larger buffer"
            )

    def _weigher(self, targets):
        """What gives the weights of rows in units of a power of 2, and the unit; None and 1: all weigh 1."""
        estimator, reading = self.estimator, self.reading
        class_weight = getattr(estimator, "class_weight", None)
        if reading.weights is None and class_weight is None:
            return None, 1.0
        labels = Labels(*estimator._reading(targets.shape[1])) if class_weight is not None else None
        return weigher(reading, class_weight, labels, targets, _power_of_2)


def _power_of_2(number):
    return math.ldexp(1.0, math.frexp(number)[1])


def _columns_of(pieces):
    """How many columns the first piece has."""
    blocks = pieces._source.blocks()
    try:
        for block in blocks:
            return numbers_of(block, None).shape[1]
    finally:
        blocks.close()
    raise ValueError("the pieces are none: what they come from gives nothing")


@contextmanager
def nameless(estimator):
    """The estimator as if X had had no names."""
    names = vars(estimator).pop("feature_names_in_", None)
    try:
        yield
    finally:
        if names is not None:
            estimator.feature_names_in_ = names


def validation_arrays(estimator, X, X_val, y_val, sample_weight_val):
    """Return rows to validate on as arrays, where they came as pieces; X is what is learned from, if no pieces."""
    if not is_pieces(X_val):
        return X_val, y_val, sample_weight_val
    if y_val is not None:
        raise ValueError("Pieces have y themselves; pass no y_val beside X_val=Pieces(...)")
    found = Read(estimator, X_val, sample_weight_val, True)
    if not found.is_held:
        raise ValueError(
            f"the pieces to validate on have {found.reading.n_rows} rows, more than half their buffer holds; they are "
            "kept in memory: pass fewer, or Pieces with a larger buffer"
        )
    check_columns(X_val, column_names(X))
    return found.arrays

"""What ``train`` learns from where X is `Pieces`: arrays, if the buffer holds all of them, else a feed.

Called by ``train`` in place of ``arguments.check_data``, which has the rest.
"""

from dataclasses import replace

from fastnn import labels as labels_module
from fastnn._tables import LABEL_LOSSES
from fastnn.arguments import Data, check_data, check_is_same_network, check_label_smoothing, check_validation
from fastnn.class_weights import check_class_weight, row_weights
from fastnn.frames import column_names
from fastnn.identity import in_words
from fastnn.pieces.feed import Feed
from fastnn.pieces.reading import read
from fastnn.pieces.source import Pieces
from fastnn.spec import network_spec
from fastnn.state import OTHER_SOLVERS
from fastnn.targets import Targets

#: Solvers that take all rows in each update.
TAKE_ALL_ROWS = (*OTHER_SOLVERS, "rprop")


def check_pieces(
    shape, course, pieces, X, y, sample_weight, validation_data, backend, class_weight, label_smoothing, earlier,
    validation_split, is_kept,
):  # fmt: skip
    """Return the Data that these arguments of ``train`` say; its feed, if it has one, has not begun.

    `pieces` of None: X and y are arrays, and pieces are what is validated on. `is_kept` says whether there will be
    checkpoints, which know the data by what the first reading has seen.
    """
    if pieces is not None and sample_weight is not None:
        raise ValueError("pieces have their weights themselves, as (X, y, sample_weight); pass no other sample_weight")
    check_class_weight(class_weight)
    solver, size = course.training.solver, course.batch_size
    row_bytes = row_bytes_of(shape.sizes[0], shape.sizes[-1], shape.dtype)

    def are_labels(y):
        takes_labels = shape.n_targets > 1 or shape.loss in LABEL_LOSSES
        return y.ndim == 1 and takes_labels and shape.objective.function is None and not shape.heads

    rest = backend, solver, size, class_weight, label_smoothing, earlier
    validated, validation_data = validation_data, gathered_pair(validation_data, shape.sizes[0], row_bytes, are_labels)
    if pieces is None:
        check_columns(validated, column_names(X))
        return check_data(shape, X, y, sample_weight, validation_data, *rest)
    most = pieces._rows_of_half(row_bytes, 1)
    reading = read(pieces, shape.sizes[0], most, are_labels, is_kept, class_weight == "balanced")
    check_columns(validated, reading.names)
    if reading.held is not None:
        has_more = pieces.classes is not None and not shape.heads and are_labels(reading.y)
        known = Targets(shape, reading.y, len(reading.y)).known if has_more else None
        data = check_data(shape, *reading.held, validation_data, *rest, known)
        return data if reading.names is None else replace(data, feature_names=reading.names)
    half = pieces._rows_of_half(row_bytes, size or 1)
    check_is_fed(reading.n_rows, half, solver, size)
    _check_course(shape, course, validation_split)
    return _fed(shape, pieces, reading, half, validation_data, backend, class_weight, label_smoothing, earlier)


def row_bytes_of(n_in, n_out, dtype):
    """Bytes of a row in the buffer, with its weight and its place in the order."""
    return (n_in + n_out + 1) * dtype.itemsize + 8


def check_is_fed(n_rows, half, solver, batch_size):
    """Refuse updates that take more rows than half the buffer has."""
    held = f"X has {n_rows} rows, of which half the buffer holds {half}"
    cure = "or pass Pieces with a larger buffer, by memory or buffer_rows"
    if solver in TAKE_ALL_ROWS:
        raise ValueError(
            f"{held}, but solver={solver!r} takes all rows in each update; use one that takes batches, {cure}"
        )
    if batch_size is None or batch_size > half:
        what = f"batch_size={batch_size} " + ("takes all rows in each update" if batch_size is None else "is more")
        raise ValueError(f"{held}, but {what}; pass a batch_size of at most {half}, {cure}")


def _check_course(shape, course, validation_split):
    """Refuse what needs all rows at once."""
    for is_asked, what, cure in (
        (validation_split > 0, f"validation_split={validation_split:g} sets rows aside", "pass validation_data=(X, y)"),
        (course.order not in ("shuffled", "sequential"), f"order={course.order!r} takes rows from all of X", "use "
         "order='shuffled' or 'sequential'"),
        (bool(shape.heads), "heads need all of y", "pass one loss"),
        ({"loss", "accuracy", "gradient_norm"} & set(course.reports.track), f"track={list(course.reports.track)} "
         "measures all rows", "pass validation_data=(X, y), which is measured"),
    ):  # fmt: skip
        if is_asked:
            raise ValueError(
                f"{what}, but X comes in pieces, of which the buffer holds a part; {cure}, or a larger buffer"
            )


def gathered_pair(data, n_in, row_bytes, are_labels):
    """Return rows to validate on as arrays, where they came as pieces; they are measured again and again."""
    if not isinstance(data, Pieces):
        return data
    reading = read(data, n_in, data._rows_of_half(row_bytes, 1), are_labels, True)
    if reading.held is None:
        raise ValueError(
            f"the pieces to validate on have {reading.n_rows} rows, more than half their buffer holds; they are kept "
            "in memory: pass fewer, or Pieces with a larger buffer"
        )
    return reading.held


def check_columns(validated, names):
    """Refuse pieces to validate on, once read, whose columns are others than those of training, or in another order."""
    own = validated._source.names if isinstance(validated, Pieces) else None
    if None not in (own, names) and own != names:
        raise ValueError(
            f"the pieces to validate on have the columns {own}, but those to learn from {names}; pass "
            f"Pieces(..., columns={list(names)})"
        )


def _fed(shape, pieces, reading, half, validation_data, backend, class_weight, label_smoothing, earlier):
    """Data whose rows come by and by."""
    sizes, dtype, names = shape.sizes, shape.dtype, reading.names
    smoothing = check_label_smoothing(label_smoothing, shape.loss)
    known = None
    if earlier is not None:
        names, known = check_is_same_network(earlier.network, shape, names), earlier._continuation.known
    learned = Targets(shape, reading.y, len(reading.y), known)
    labels, activation = learned.labels, learned.output_activation
    validation = None
    if validation_data is not None:
        X, y, weight = check_validation(validation_data, shape, names, learned, backend)
        validation = X, labels_module.smooth(y, smoothing, activation), weight

    def targets_of(block, n_rows):
        return labels_module.smooth(learned.like(f"y of {block.name}", block.y, n_rows), smoothing, activation)

    weigh = None
    if class_weight is not None or (reading.weights is not None and reading.weights[0] != reading.weights[1]):
        weigh, _ = weigher(reading, class_weight, labels, learned.array)
    spec = network_spec(sizes, (*shape.hidden, activation), dtype, learned.blocks)
    feed = Feed(pieces, reading, half, sizes[0], learned.array.shape[1], dtype, targets_of, weigh)
    feed.digest = f"{reading.digest}, {half} rows at a time, class_weight {in_words(class_weight)}"
    return Data(spec, feed.X, feed.y, feed.weight, validation, labels, learned.known, names, feed=feed)


def weigher(reading, class_weight, labels, targets, unit_of=float):
    """Return a function of targets and weights (n_rows,) or None that weighs rows, in some unit, and the unit.

    Parameters
    ----------
    reading : fastnn.pieces.reading.Reading
    class_weight : dict, "balanced" or None
    labels : fastnn.labels.Labels
    targets : ndarray
        Some that have all classes.
    unit_of : callable
        Of the largest weight that there may be, as floats.
    """
    largest = 1.0 if reading.weights is None else float(reading.weights[1])
    if class_weight == "balanced":
        n, of_classes = len(reading.of_classes), reading.of_classes
        total = sum(of_classes.values())
        class_weight = {label: total / (n * own) if own else 1.0 for label, own in of_classes.items()}
    if class_weight is None:
        unit = unit_of(largest)
        return lambda targets, weight: weight / unit, unit
    largest *= row_weights(class_weight, labels, targets, None).max()
    if largest == 0:
        raise ValueError("class_weight is zero for all classes that y has, so there is nothing to learn from")
    unit = unit_of(largest)
    return lambda targets, weight: row_weights(class_weight, labels, targets, weight) / unit, unit

"""What is examined: a network, its data, and what is known of its training, whoever it came from.

Made once by ``diagnose``; the checks only read it. An estimator is known by its attributes: scikit-learn is not
imported. The targets of classes are indicators, of whatever loss.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn import labels as labels_module
from fastnn.checks import as_array, check_matrix, check_rows
from fastnn.frames import check_column_names
from fastnn.network import Network
from fastnn.result import TrainResult


@dataclass(frozen=True)
class Training:
    """What is known of a training.

    Parameters
    ----------
    losses : ndarray
        What was made small, one entry an update of all rows or a pass over them; empty if nothing is known.
    history : dict of lists
        ``loss`` and ``val_loss``, one entry a report, or empty.
    solver, loss : str or None
    rate : float or None
    rate_name, length_name : str
        What the user calls the rate, and the number of updates or passes.
    unit : str
        Of what `losses` has an entry each.
    saturated_start : tuple (str, int, float) or None
        See `fastnn.result.HowTrained`.
    keeps_best : bool
        Whether the weights are those of the best validation score.
    """

    losses: np.ndarray
    history: dict
    solver: str | None = None
    loss: str | None = None
    rate: float | None = None
    rate_name: str = "alpha"
    length_name: str = "iter_num"
    unit: str = "update"
    saturated_start: tuple[str, int, float] | None = None
    keeps_best: bool = False


@dataclass(frozen=True)
class Rows:
    """Rows with what is known of them.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_in)
    targets : ndarray of shape (n_samples, n_targets) or None
        In float64; None for several heads and several quantiles, of which no check knows what to expect.
    predictions : ndarray of shape (n_samples, n_targets) or None
        What is to come near the targets: outputs, but of losses without probabilities the classes that they mean.
    """

    X: Any
    targets: np.ndarray | None
    predictions: np.ndarray | None


@dataclass(frozen=True)
class Case:
    """Everything that a check may look at.

    Parameters
    ----------
    network : Network
    training : Training
    rows : Rows
        Those that were learned from.
    new : Rows or None
        Others.
    """

    network: Network
    training: Training
    rows: Rows
    new: Rows | None

    @property
    def labels(self):
        """How outputs are read."""
        return self.network._labels

    @property
    def n_rows(self):
        """The number of rows that were learned from."""
        return self.rows.X.shape[0]

    @property
    def is_finite(self):
        """Whether weights are, and outputs and their squares."""
        predictions = 0.0 if self.rows.predictions is None else self.rows.predictions
        return bool(np.isfinite(self.network.parameters).all() and np.isfinite(np.square(predictions).sum()))

    def explained(self, rows):
        """Return the share of the targets' variance that predictions explain: R², of indicators for classes.

        The variance is about the mean of the rows that were learned from. None if there is none, or nothing to
        compare, or squares overflow.
        """
        if rows is None or rows.targets is None or not self.is_finite:
            return None
        total = ((rows.targets - self.rows.targets.mean(axis=0)) ** 2).sum()
        left = ((rows.targets - rows.predictions) ** 2).sum()
        return float(1 - left / total) if total > 0 and np.isfinite(total) and np.isfinite(left) else None


def case_of(model, X, y, validation_data):
    """Return the Case of what the user gave; raise a TypeError or ValueError that says what is wrong with it."""
    network, training = network_of(model), training_of(model)
    rows = _rows(network, "X", X, "y", y)
    new = None
    if validation_data is not None:
        if not isinstance(validation_data, tuple | list) or len(validation_data) != 2:
            size = f" of {len(validation_data)}" if isinstance(validation_data, tuple | list) else ""
            raise TypeError(f"validation_data must be a pair (X, y), got {type(validation_data).__name__}{size}")
        new = _rows(network, "validation X", validation_data[0], "validation y", validation_data[1])
    return Case(network, training, rows, new)


def network_of(model):
    """Return the network of a TrainResult, a Network or a fitted estimator."""
    network = model if isinstance(model, Network) else getattr(model, "network", None)
    if hasattr(type(model), "columns_"):
        raise TypeError(
            f"diagnose does not look at models for tables, got {type(model).__name__}; its columns_, and the command "
            "fastnn doctor, say what was found in the table"
        )
    if n := len(getattr(model, "members_", ())):
        raise TypeError(f"the {type(model).__name__} has {n} networks: diagnose one of members_, such as members_[0]")
    if network is None and hasattr(model, "coefs_"):
        network = getattr(model, "network_", None)
    if isinstance(network, Network):
        return network
    advice = ""
    if isinstance(model, TrainResult):
        advice = "; a result of W, b and cost alone has no network: diagnose fastnn.Network(W, b)"
    elif hasattr(model, "steps"):
        advice = "; of a pipeline diagnose the last step, model[-1], with what it learned from, model[:-1].transform(X)"
    elif hasattr(model, "coefs_"):
        advice = ", not scikit-learn's own; fastnn.MLPClassifier and fastnn.MLPRegressor fit the same"
    elif hasattr(model, "hidden_layer_sizes"):
        advice = ", which is not fitted: call its fit first"
    raise TypeError(
        "expected a TrainResult, a Network, or a fitted MLPClassifier or MLPRegressor of fastnn; got "
        f"{type(model).__name__}{advice}"
    )


def training_of(model):
    """Return what is known of a training."""
    if isinstance(model, TrainResult):
        how = model._how
        losses = np.asarray(model.loss_curve or [], dtype=np.float64)
        if how is None:
            return Training(losses, model.history or {}, keeps_best=model._has_best)
        unit = "update"
        if how.updates_per_pass > 1 and len(losses) >= how.updates_per_pass:
            n_passes = len(losses) // how.updates_per_pass
            losses = losses[: n_passes * how.updates_per_pass].reshape(n_passes, -1).mean(axis=1)
            unit = "pass"
        return Training(
            losses, model.history or {}, how.solver, how.loss, how.alpha, unit=unit,
            saturated_start=how.saturated_start, keeps_best=model._has_best,
        )  # fmt: skip
    if isinstance(model, Network):
        return Training(np.empty(0), {})
    rate = model.learning_rate_init
    return Training(
        np.asarray(getattr(model, "loss_curve_", []), dtype=np.float64),
        history_of(model),
        model.solver,
        model.loss,
        float(rate) if isinstance(rate, float | int) else None,
        rate_name="learning_rate_init",
        length_name="max_iter",
        unit="epoch",
        keeps_best=bool(model.early_stopping),
    )


def history_of(estimator):
    """Return the losses of an estimator's passes and of its validation rows as a TrainResult's history has them."""
    history = getattr(estimator, "history_", None)
    return history if isinstance(history, dict) and {"loss", "val_loss"} <= history.keys() else {}


def _rows(network, X_is, X, y_is, y):
    check_column_names(X_is, X, network.feature_names)
    X = check_rows(X_is, X, network.dtype, network.layer_sizes[0])
    labels = network._labels
    if labels.kind in ("heads", "quantiles"):
        return Rows(X, None, None)
    targets = _targets(y_is, y, X.shape[0], network)
    outputs = np.asarray(network(X), np.float64)
    if labels.kind == "means":
        outputs = outputs[:, : outputs.shape[1] // 2]
    elif labels.are_classes and not labels.has_probabilities(network._output_activations):
        outputs = indicators(labels, outputs)
    return Rows(X, targets, outputs)


def indicators(labels, outputs):
    """Return as 0 and 1, in the outputs' shape, what labels they mean."""
    if labels.kind == "multiclass":
        return np.eye(outputs.shape[1])[outputs.argmax(axis=1)]
    return (outputs > labels.threshold).astype(np.float64)


def _targets(argument, y, n_samples, network):
    """Targets in float64, (n_samples, n_targets); of class labels indicators."""
    labels, n_out = network._labels, network.layer_sizes[-1]
    array = as_array(argument, y)
    labels_module.check_length(argument, array, n_samples)
    if array.ndim == 1 and labels.kind in ("binary", "multiclass"):
        known = labels.classes
        return labels_module.one_hot(argument, array, known, n_out, np.float64)
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    n_columns = n_out // 2 if labels.kind == "means" else n_out
    targets = check_matrix(argument, array, np.float64, n_columns=n_columns, columns_are="the network's last layer")
    return indicators(labels, targets) if labels.are_classes else targets

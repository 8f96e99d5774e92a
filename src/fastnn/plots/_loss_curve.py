"""LossCurveDisplay: how loss, cost or accuracy went while a network learned."""

from typing import Any

import numpy as np

from fastnn.checks import check_name
from fastnn.plots._common import COLOURS, axes_of, inside, name_of, options_of
from fastnn.result import TrainResult

#: Metric of a TrainResult -> label of the vertical axis.
OF_RESULT = {"loss": "loss", "cost": "mean error norm", "accuracy": "accuracy"}
#: Label of what each update's batch had, beside curves of all rows.
BATCH = "batch objective"
#: In the label of a curve, which no legend shows, before the number of a member that is not the first.
BESIDE = " of member "
#: Metric of an estimator -> label of the vertical axis, and of each curve the attribute and what a history calls it.
OF_ESTIMATOR = {
    "loss": ("loss", {"training": ("loss_curve_", "loss"), "validation": ("validation_loss_curve_", "val_loss")}),
    "score": ("validation score", {"validation": ("validation_scores_", "val_score")}),
}


class LossCurveDisplay:
    """Curves over the updates or epochs of a training run.

    Use `from_result` or `from_estimator` to make one.

    Parameters
    ----------
    curves : dict
        Label -> pair of sequences, where on the horizontal axis and what there.
    xlabel, ylabel : str
        Labels of the axes.
    best : dict, optional
        Label -> place in its sequences of the point that gets a dot.

    Attributes
    ----------
    lines_ : list of matplotlib.lines.Line2D
        One a curve.
    best_ : list of matplotlib.lines.Line2D
        The dots; of what was measured on other rows than those learned from, where early stopping goes back to.
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure
    """

    def __init__(self, curves: dict, *, xlabel: str, ylabel: str, best: dict | None = None) -> None:
        self.curves, self.xlabel, self.ylabel, self.best = curves, xlabel, ylabel, best or {}

    @classmethod
    def from_result(
        cls, result: TrainResult, *, metric: str = "loss", ax: Any = None, curve_kwargs: dict | None = None
    ) -> "LossCurveDisplay":
        """Draw the curves of a run of `fastnn.train`.

        Parameters
        ----------
        result : TrainResult
            Or whatever `from_estimator` takes.
        metric : {"loss", "cost", "accuracy"}, default "loss"
            "loss": the objective, of each update's batch, penalty included; and where the run had ``validation_data``,
            the mean loss of all training and of all validation rows at each report, without the penalty. "cost": the
            mean error norm of each update's batch, which the tutorials plot. "accuracy": fractions of all training and
            validation rows, for classes with ``validation_data``.
        ax : matplotlib.axes.Axes, optional
            None: new ones.
        curve_kwargs : dict, optional
            Keywords of ``Axes.plot``, for all curves.

        Returns
        -------
        display : LossCurveDisplay

        Raises
        ------
        TypeError
            If `result` is neither a TrainResult nor an estimator.
        ValueError
            If the metric is unknown, or was not measured.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> import fastnn
        >>> from fastnn.plots import LossCurveDisplay
        >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
        >>> result = fastnn.train([2, 4, 1], X, [[0], [1], [1], [0]], 5000, 2.0, random_state=0)
        >>> display = LossCurveDisplay.from_result(result)
        >>> display.ax_.get_ylabel()
        'loss'
        """
        if not isinstance(result, TrainResult):
            return cls.from_estimator(result, metric=metric, ax=ax, curve_kwargs=curve_kwargs)
        check_name("metric", metric, OF_RESULT)
        history = result.history or {}
        if metric == "accuracy" and "accuracy" not in history:
            raise ValueError("accuracy was not measured: train with classes, and with validation_data=(X, y)")
        curves, best = {}, {}
        if metric != "accuracy":
            values = result.loss_curve if metric == "loss" else result.cost
            curves[BATCH if metric in history else "training"] = range(len(values)), values
        if metric in history:
            curves["training"] = history["iteration"], history[metric]
            curves["validation"] = history["iteration"], history[f"val_{metric}"]
            best["validation"] = _best(history[f"val_{metric}"], metric == "accuracy")
        display = cls(curves, xlabel="update", ylabel=OF_RESULT[metric], best=best)
        return display.plot(ax, curve_kwargs=curve_kwargs)

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, metric: str = "loss", ax: Any = None, curve_kwargs: dict | None = None
    ) -> "LossCurveDisplay":
        """Draw the curves of a fitted MLPClassifier or MLPRegressor, scikit-learn's own too, or estimator of tables.

        Parameters
        ----------
        estimator : estimator
            Fitted by "sgd" or "adam"; or the pipeline or search around one, or a TrainResult, for `from_result`.
        metric : {"loss", "score"}, default "loss"
            Its ``loss_curve_``, with ``validation_loss_curve_`` if it has one, or its ``validation_scores_``, which
            early stopping brings; of an estimator of tables those in its ``history_``. Of members of all.
        ax : matplotlib.axes.Axes, optional
            None: new ones.
        curve_kwargs : dict, optional
            Keywords of ``Axes.plot``.

        Returns
        -------
        display : LossCurveDisplay

        Raises
        ------
        TypeError
            If `estimator` is no estimator, or has several.
        ValueError
            If the metric is unknown, or the estimator has no such curve.
        ImportError
            If matplotlib is not installed.
        """
        if isinstance(estimator, TrainResult):
            return cls.from_result(estimator, metric=metric, ax=ax, curve_kwargs=curve_kwargs)
        if not hasattr(estimator, "fit"):
            raise TypeError(f"expected a fitted estimator or the TrainResult of train, got {name_of(estimator)}")
        check_name("metric", metric, OF_ESTIMATOR)
        ylabel, entries = OF_ESTIMATOR[metric]
        inner = inside(estimator, of_members=True)
        curves = _curves_of(inner, entries)
        if not curves:
            missing = "loss_curve_" if metric == "loss" else "validation_scores_"
            how = "solver='sgd' or 'adam'" if metric == "loss" else "early_stopping=True and solver='sgd' or 'adam'"
            if not hasattr(inner, "solver"):
                missing, how = "history_" if metric == "loss" else "val_score", "scoring= for scores"
            raise ValueError(f"{name_of(estimator)} has no {missing}; fit it, with {how}")
        is_of_tables = hasattr(inner, "best_epochs_")  # of whose scores the smaller is the better, of equals the last
        best = {
            label: _best(values, metric == "score" and not is_of_tables, -1 if is_of_tables else 0)
            for label, (_, values) in curves.items()
            if "validation" in label
        }
        display = cls(curves, xlabel="epoch", ylabel=ylabel, best=best)
        return display.plot(ax, curve_kwargs=curve_kwargs)

    def plot(self, ax: Any = None, *, curve_kwargs: dict | None = None) -> "LossCurveDisplay":
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            None: new ones.
        curve_kwargs : dict, optional
            Keywords of ``Axes.plot``, for all curves.

        Returns
        -------
        display : LossCurveDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes_of(self, ax)
        from matplotlib.lines import Line2D

        self.lines_, self.best_ = [], []
        colours = {BATCH: "#BBBBBB", "training": COLOURS[0], "validation": COLOURS[5]}
        for label, (x, y) in self.curves.items():
            kind, _, beside = label.lstrip("_").partition(BESIDE)
            width = 0.8 if kind == BATCH or beside else 1.8
            defaults = {"color": colours.get(kind), "label": label, "linewidth": width}
            self.lines_ += ax.plot(x, y, **options_of(Line2D, defaults, curve_kwargs))
            if (best := self.best.get(label)) is not None:
                self.best_ += ax.plot(x[best], y[best], "o", color=self.lines_[-1].get_color(), label="_best")
        ax.set(xlabel=self.xlabel, ylabel=self.ylabel)
        if len(self.curves) > 1:
            ax.legend(loc="best")
        return self


def _best(values, greater_is_better, of_equals=0):
    """Return where the best of some values is, or None if none is finite."""
    values = np.asarray(values, float)
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    return np.flatnonzero(values == (finite.max() if greater_is_better else finite.min()))[of_equals]


def _curves_of(model, entries):
    """Return the curves that a model has, those of its members if it has several; a legend names those of the first."""
    curves = {}
    is_of_tables = hasattr(model, "best_epochs_")
    for number, one in enumerate(model.history_ if is_of_tables else getattr(model, "members_", [model]), start=1):
        for label, (attribute, entry) in entries.items():
            values = one.get(entry) if is_of_tables else getattr(one, attribute, None)
            if values is not None:
                epochs = one["epoch"] if is_of_tables else range(1, len(values) + 1)
                curves[label if number == 1 else f"_{label}{BESIDE}{number}"] = epochs, values
    return curves

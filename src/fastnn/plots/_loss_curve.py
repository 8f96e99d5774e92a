"""LossCurveDisplay: how loss, cost or accuracy went while a network learned."""

from typing import Any

from fastnn.checks import check_name
from fastnn.plots._common import COLOURS, axes_of, inside, name_of, options_of
from fastnn.result import TrainResult

#: Metric of a TrainResult -> label of the vertical axis.
OF_RESULT = {"loss": "loss", "cost": "mean error norm", "accuracy": "accuracy"}
#: Label of what each update's batch had, beside curves of all rows.
BATCH = "batch objective"
#: Metric of an estimator -> its attribute, and the labels of the curve and of the axis.
OF_ESTIMATOR = {
    "loss": ("loss_curve_", "training", "loss"),
    "score": ("validation_scores_", "validation", "validation score"),
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

    Attributes
    ----------
    lines_ : list of matplotlib.lines.Line2D
        One a curve.
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure
    """

    def __init__(self, curves: dict, *, xlabel: str, ylabel: str) -> None:
        self.curves, self.xlabel, self.ylabel = curves, xlabel, ylabel

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
        curves = {}
        if metric != "accuracy":
            values = result.loss_curve if metric == "loss" else result.cost
            curves[BATCH if metric in history else "training"] = range(len(values)), values
        if metric in history:
            curves["training"] = history["iteration"], history[metric]
            curves["validation"] = history["iteration"], history[f"val_{metric}"]
        return cls(curves, xlabel="update", ylabel=OF_RESULT[metric]).plot(ax, curve_kwargs=curve_kwargs)

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, metric: str = "loss", ax: Any = None, curve_kwargs: dict | None = None
    ) -> "LossCurveDisplay":
        """Draw the curve of a fitted MLPClassifier or MLPRegressor, scikit-learn's own too.

        Parameters
        ----------
        estimator : estimator
            Fitted by "sgd" or "adam"; or the pipeline or search around one, or a TrainResult, for `from_result`.
        metric : {"loss", "score"}, default "loss"
            Its ``loss_curve_``, or its ``validation_scores_``, which early stopping brings.
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
        attribute, label, ylabel = OF_ESTIMATOR[metric]
        values = getattr(inside(estimator), attribute, None)
        if values is None:
            how = "solver='sgd' or 'adam'" if metric == "loss" else "early_stopping=True and solver='sgd' or 'adam'"
            raise ValueError(f"{name_of(estimator)} has no {attribute}; fit it, with {how}")
        curves = {label: (range(1, len(values) + 1), values)}
        return cls(curves, xlabel="epoch", ylabel=ylabel).plot(ax, curve_kwargs=curve_kwargs)

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

        self.lines_ = []
        colours = {BATCH: "#BBBBBB", "training": COLOURS[0], "validation": COLOURS[5]}
        for label, (x, y) in self.curves.items():
            defaults = {"color": colours.get(label), "label": label, "linewidth": 0.8 if label == BATCH else 1.8}
            self.lines_ += ax.plot(x, y, **options_of(Line2D, defaults, curve_kwargs))
        ax.set(xlabel=self.xlabel, ylabel=self.ylabel)
        if len(self.curves) > 1:
            ax.legend(loc="best")
        return self

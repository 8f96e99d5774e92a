"""DecisionRegionDisplay: which class a network gives each point of a plane, by scikit-learn's boundary display."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastnn.checks import check_flag, check_matrix, optional
from fastnn.network import Network
from fastnn.plots._common import COLOURS, RIGHT, WRONG, axes_for, network_of, options_of
from fastnn.result import TrainResult

#: How the boundary display draws its grid.
REGIONS = {"plot_method": "pcolormesh", "alpha": 0.25, "rasterized": True}


class DecisionRegionDisplay:
    """The regions of a plane in which a classifier gives each class, with points on top.

    Use `from_network` or `from_estimator` to make one.

    Parameters
    ----------
    boundary : sklearn.inspection.DecisionBoundaryDisplay
        The class of each point of a grid, counted from 0.
    classes : ndarray of shape (n_classes,)
        The labels.
    X : ndarray of shape (n_samples, 2)
        Points to draw.
    y : ndarray of shape (n_samples,), optional
        Their labels. None: no points are drawn.
    is_right : ndarray of bool, shape (n_samples,), optional
        Colours the points, grey where they were predicted rightly and red elsewhere, and not by label.

    Attributes
    ----------
    boundary_ : sklearn.inspection.DecisionBoundaryDisplay
    points_ : matplotlib.collections.PathCollection or None
        The points in the order of the rows, so that no class lies over another; the wrong ones over the right ones.
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure
    """

    def __init__(
        self,
        boundary: Any,
        classes: np.ndarray,
        X: np.ndarray,
        y: np.ndarray | None = None,
        is_right: np.ndarray | None = None,
    ) -> None:
        self.boundary_, self.classes, self.X, self.y, self.is_right = boundary, classes, X, y, is_right

    @classmethod
    def from_network(
        cls,
        network: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        mark_errors: bool = False,
        grid_resolution: int = 400,
        eps: float = 0.5,
        ax: Any = None,
        scatter_kwargs: dict | None = None,
    ) -> "DecisionRegionDisplay":
        """Draw the regions of a network of two inputs.

        Parameters
        ----------
        network : Network, TrainResult or classifier
            A Network without ``classes`` gives 0 or 1, as its output is > 0.5, or the index of its largest output.
        X : array-like of shape (n_samples, 2)
            The regions reach as far as these rows.
        y : array-like of shape (n_samples,), optional
            Labels; None draws no points.
        mark_errors : bool, default False
            Colour the points, grey where the network is right and red elsewhere, and not by label.
        grid_resolution : int, default 400
            Points of the grid in each direction.
        eps : float, default 0.5
            How far the regions reach beyond X.
        ax : matplotlib.axes.Axes, optional
            None: new ones.
        scatter_kwargs : dict, optional
            Keywords of ``Axes.scatter``.

        Returns
        -------
        display : DecisionRegionDisplay

        Raises
        ------
        TypeError, ValueError
            If arguments are not as described, or do not fit each other.
        ImportError
            If matplotlib or scikit-learn is not installed.

        Examples
        --------
        >>> import fastnn
        >>> from fastnn.plots import DecisionRegionDisplay
        >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
        >>> network = fastnn.train([2, 4, 1], X, y, 5000, 2.0, random_state=0).network
        >>> display = DecisionRegionDisplay.from_network(network, X, y)
        >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
        ['0', '1']
        """
        return cls.from_estimator(
            network,
            X,
            y,
            mark_errors=mark_errors,
            grid_resolution=grid_resolution,
            eps=eps,
            ax=ax,
            scatter_kwargs=scatter_kwargs,
        )

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        mark_errors: bool = False,
        grid_resolution: int = 400,
        eps: float = 0.5,
        ax: Any = None,
        scatter_kwargs: dict | None = None,
    ) -> "DecisionRegionDisplay":
        """Draw the regions of any fitted classifier of two features.

        Parameters
        ----------
        estimator : classifier
            Fitted; a pipeline or search as a whole. Or a Network or TrainResult.
        X, y, mark_errors, grid_resolution, eps, ax, scatter_kwargs : as for `from_network`

        Returns
        -------
        display : DecisionRegionDisplay

        Raises
        ------
        TypeError, ValueError
            If arguments are not as described, or do not fit each other.
        ImportError
            If matplotlib or scikit-learn is not installed.
        """
        with optional(cls.__name__, "scikit-learn 1.7 or newer", "sklearn", "scipy", extra="sklearn"):
            from sklearn.inspection import DecisionBoundaryDisplay

            from fastnn.plots._classifier import NetworkClassifier

        if isinstance(estimator, Network | TrainResult):
            estimator = NetworkClassifier(network_of(estimator))
        given, X = X, check_matrix("X", X, np.dtype(np.float64))
        if X.shape[1] != 2:
            raise ValueError(f"X must have two columns, to be drawn in a plane; it has {X.shape[1]}")
        has_names = hasattr(given, "columns")  # which a classifier that learned from a frame asks for again
        given, names = (given, given.columns) if has_names else (X, ("x1", "x2"))
        if check_flag("mark_errors", mark_errors) and y is None:
            raise ValueError("mark_errors=True needs y, the labels of the rows of X")
        if not hasattr(estimator, "classes_"):
            raise TypeError(f"{estimator!r} has no classes_: fit it first; a regressor has no regions")
        classes = np.asarray(estimator.classes_)
        is_right = None
        if y is not None:
            y = np.asarray(y)
            if y.shape != (len(X),):
                raise ValueError(
                    f"y must be a vector of {len(X)} labels, one for each row of X; its shape is {y.shape}"
                )
            if not np.isin(y, classes).all():
                raise ValueError(f"y has labels that the classifier does not know; it has {classes.tolist()}")
            is_right = estimator.predict(given) == y if mark_errors else None
        boundary = DecisionBoundaryDisplay.from_estimator(
            estimator,
            given,
            grid_resolution=grid_resolution,
            eps=eps,
            response_method="predict",
            xlabel=names[0],
            ylabel=names[1],
            **REGIONS,
            ax=axes_for(cls, ax),
        )
        return cls(boundary, classes, X, y, is_right)._finish(boundary.ax_, scatter_kwargs)

    def plot(self, ax: Any = None, *, scatter_kwargs: dict | None = None) -> "DecisionRegionDisplay":
        """Draw the regions and the points.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            None: new ones.
        scatter_kwargs : dict, optional
            Keywords of ``Axes.scatter``.

        Returns
        -------
        display : DecisionRegionDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.boundary_.plot(ax=axes_for(type(self), ax), **REGIONS)
        return self._finish(self.boundary_.ax_, scatter_kwargs)

    def _finish(self, ax, scatter_kwargs):
        """Colour the regions that were drawn on these axes, and draw the points on top."""
        self.ax_, self.figure_ = ax, ax.figure
        self._colour_regions()
        self._draw_points(scatter_kwargs)
        return self

    def _colour_regions(self):
        """Give each class its colour; scikit-learn's own arguments for it depend on its release and on their number."""
        from matplotlib.colors import ListedColormap

        n = len(self.classes)
        surface = self.boundary_.surface_
        surface.set_cmap(ListedColormap([COLOURS[i % len(COLOURS)] for i in range(n)]))
        surface.set_clim(-0.5, n - 0.5)

    def _draw_points(self, scatter_kwargs):
        from matplotlib.collections import PathCollection
        from matplotlib.lines import Line2D

        self.points_ = None
        if self.y is None:
            return
        if self.is_right is None:
            order, which = slice(None), (self.y[:, None] == self.classes).argmax(axis=1)
            groups = [(str(label), COLOURS[i % len(COLOURS)]) for i, label in enumerate(self.classes)]
        else:
            order = np.argsort(~self.is_right, kind="stable")
            which, groups = (~self.is_right[order]).astype(int), [("right", RIGHT), ("wrong", WRONG)]
        colours = [groups[i][1] for i in which]
        defaults = {"c": colours, "edgecolors": "white", "linewidths": 0.5, "s": 28}
        options = options_of(PathCollection, defaults, scatter_kwargs)
        self.points_ = self.ax_.scatter(*self.X[order].T, **options)
        if options.get("c") is not colours:
            return  # of colours of the caller's own, which mean what only the caller knows
        style = {"marker": options.get("marker", "o"), "linestyle": "none"}
        handles = [Line2D([], [], color=colour, label=label, **style) for label, colour in groups]
        self.ax_.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)

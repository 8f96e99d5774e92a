"""NetworkDiagram: a network as units with their biases, and the weights between them."""

from typing import Any

import numpy as np

from fastnn.checks import check_count
from fastnn.plots._common import DIVERGING, axes_of, network_of


class NetworkDiagram:
    """A network drawn as columns of units, coloured by their biases, with lines for the weights, coloured by theirs.

    Use `from_network` or `from_estimator` to make one.

    Parameters
    ----------
    network : Network, TrainResult or estimator
        As for `from_network`.
    max_units : int, default 10
        Of a layer that has more, the first and the last units are drawn, and dots between them. At least 3.

    Attributes
    ----------
    network : Network
    units_ : list of matplotlib.collections.PathCollection
        The units of each layer, but for the inputs with their biases.
    weights_ : list of matplotlib.collections.LineCollection
        The weights between drawn units, a collection a layer of weights.
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Raises
    ------
    TypeError
        If there is no network in `network`.
    ValueError
        If `max_units` is below 3.
    """

    def __init__(self, network: Any, *, max_units: int = 10) -> None:
        self.network = network_of(network)
        self.max_units = check_count("max_units", max_units, minimum=3)

    @classmethod
    def from_network(cls, network: Any, *, max_units: int = 10, ax: Any = None) -> "NetworkDiagram":
        """Draw a network.

        Parameters
        ----------
        network : Network, TrainResult or estimator
            Or the fitted pipeline or search around an estimator.
        max_units : int, default 10
            Of a layer that has more, the first and the last units are drawn, and dots between them. At least 3.
        ax : matplotlib.axes.Axes, optional
            None: new ones.

        Returns
        -------
        display : NetworkDiagram

        Raises
        ------
        TypeError
            If there is no network in `network`.
        ValueError
            If `max_units` is below 3.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> import fastnn
        >>> from fastnn.plots import NetworkDiagram
        >>> diagram = NetworkDiagram.from_network(fastnn.Network([[[7.0, 3.0]]], [[-2.0]]))
        >>> [len(units.get_offsets()) for units in diagram.units_]
        [2, 1]
        """
        return cls(network, max_units=max_units).plot(ax)

    @classmethod
    def from_estimator(cls, estimator: Any, *, max_units: int = 10, ax: Any = None) -> "NetworkDiagram":
        """Draw the network of a fitted MLPClassifier or MLPRegressor, scikit-learn's own too.

        Parameters
        ----------
        estimator : estimator
            Fitted; or the pipeline or search around one, or whatever else `from_network` takes.
        max_units, ax : as for `from_network`

        Returns
        -------
        display : NetworkDiagram

        Raises
        ------
        TypeError
            If the estimator has no network, or is not fitted.
        ValueError
            If `max_units` is below 3.
        ImportError
            If matplotlib is not installed.
        """
        return cls.from_network(estimator, max_units=max_units, ax=ax)

    def plot(self, ax: Any = None) -> "NetworkDiagram":
        """Draw the network.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            None: new ones.

        Returns
        -------
        display : NetworkDiagram
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes_of(self, ax)
        sizes = self.network.layer_sizes
        drawn = [self._drawn_units(size) for size in sizes]
        heights = [self._heights(size) for size in sizes]
        half = max(min(size, self.max_units) for size in sizes) / 2
        parameters = [*self.network.W.values(), *self.network.b.values()]
        largest = max(float(np.abs(values).max()) for values in parameters) or 1.0
        self.units_, self.weights_ = [], []
        for l, weights in self.network.W.items():
            shown = weights[np.ix_(drawn[l], drawn[l - 1])]
            self.weights_.append(self._draw_weights(ax, l, heights[l - 1], heights[l], shown, largest))
        for l, (size, units) in enumerate(zip(sizes, heights, strict=True)):
            biases = self.network.b[l][drawn[l]] if l else None
            self.units_.append(self._draw_units(ax, l, units, biases, largest))
            if len(units) < size:
                ax.text(l, self.max_units % 2 / 2 - 0.5, "⋮", ha="center", va="center", fontsize=16)
            name = "inputs" if l == 0 else self.network._spec.activations_in_words[l - 1]
            ax.text(l, 0, f"{size}\n{name}", transform=ax.get_xaxis_transform(), ha="center", va="bottom")
        ax.set_xlim(-0.4, len(sizes) - 0.6)
        ax.set_ylim(-1.5 * half - 0.3, half)
        ax.set_axis_off()
        bar = self.figure_.colorbar(self.weights_[0], ax=ax, label="weight of a line, bias of a unit", shrink=0.9)
        bar.outline.set_visible(False)
        return self

    def _drawn_units(self, size):
        """Which units of a layer are drawn: all, or the first and the last ones."""
        if size <= self.max_units:
            return np.arange(size)
        n_first = self.max_units // 2
        n_last = self.max_units - 1 - n_first
        return np.r_[:n_first, size - n_last : size]

    def _heights(self, size):
        """Where the drawn units stand, from the top; dots take the place of one unit."""
        n_places = min(size, self.max_units)
        heights = (n_places - 1) / 2 - np.arange(n_places, dtype=float)
        return heights if size <= self.max_units else np.delete(heights, self.max_units // 2)

    @staticmethod
    def _draw_units(ax, l, heights, biases, largest):
        colours = {"color": "white"} if biases is None else {"c": biases, "cmap": DIVERGING}
        units = ax.scatter([l] * len(heights), heights, s=220, edgecolors="black", linewidths=1.2, zorder=3, **colours)
        units.set_clim(-largest, largest)
        return units

    @staticmethod
    def _draw_weights(ax, l, left, right, weights, largest):
        from matplotlib.collections import LineCollection

        lines = [[(l - 1, y_left), (l, y_right)] for y_right in right for y_left in left]
        strengths = np.abs(weights.ravel()) / largest
        collection = LineCollection(lines, linewidths=0.4 + 2.0 * strengths, cmap=DIVERGING, zorder=1)
        collection.set_array(weights.ravel())
        collection.set_clim(-largest, largest)
        return ax.add_collection(collection)

"""WeightsDisplay: the weights of a network's first layer, a table by features, or an image a hidden unit."""

from math import ceil, isqrt, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastnn.checks import check_count, check_matrix
from fastnn.plots._common import DIVERGING, axes_of, feature_names_of, network_of, options_of

#: Inputs without a name are taken for pixels where they make a square of this side, the digits', or more.
SMALLEST = 8
#: Of so many features each row has its name.
MOST_NAMES = 60


class WeightsDisplay:
    """Weights that lead to each unit of a layer: a table of features by units, or images side by side.

    Use `from_network` or `from_estimator` to make one.

    Parameters
    ----------
    weights : array-like of shape (n_units, n_in)
        Of a unit a row.
    image_shape : tuple of int, optional
        Rows and columns of an image. None: with `n_columns`, or of inputs without names that make a square of 8 x 8 or
        more, square images; else a table.
    n_columns : int, optional
        Images side by side. None: as many as make the whole about square.
    feature_names : array-like of str, of shape (n_in,), optional
        Of the inputs, for a table. None: x0, x1, ...

    Attributes
    ----------
    mosaic : ndarray
        What is drawn: the table (n_in, n_units), or all images in one, NaN between them.
    feature_names : list of str or None
        None of images.
    image_ : matplotlib.image.AxesImage
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If shape or names do not fit the inputs.
    """

    def __init__(
        self,
        weights: ArrayLike,
        *,
        image_shape: tuple[int, int] | None = None,
        n_columns: int | None = None,
        feature_names: ArrayLike | None = None,
    ) -> None:
        weights = check_matrix("weights", weights, np.dtype(np.float64))
        n_in, side = weights.shape[1], isqrt(weights.shape[1])
        are_images = image_shape is not None or n_columns is not None
        if feature_names is not None:
            if are_images:
                raise ValueError("feature_names are of a table, image_shape and n_columns of images: give either")
            feature_names = [str(name) for name in feature_names]
            if len(feature_names) != n_in:
                raise ValueError(f"feature_names has {len(feature_names)} names, but there are {n_in} inputs")
        elif not are_images and (side < SMALLEST or side**2 != n_in):
            feature_names = [f"x{j}" for j in range(n_in)]
        self.feature_names = feature_names
        self.mosaic = weights.T if feature_names is not None else _mosaic(weights, image_shape, n_columns)

    @classmethod
    def from_network(
        cls,
        network: Any,
        *,
        image_shape: tuple[int, int] | None = None,
        n_columns: int | None = None,
        feature_names: ArrayLike | None = None,
        ax: Any = None,
        im_kwargs: dict | None = None,
    ) -> "WeightsDisplay":
        """Draw the first layer of a network.

        Parameters
        ----------
        network : Network, TrainResult or estimator
            Or the fitted pipeline or search around an estimator.
        image_shape, n_columns : as for the class
        feature_names : array-like of str, of shape (n_in,), optional
            For a table. None: as the model has learned them, or the steps before it in a pipeline give them.
        ax : matplotlib.axes.Axes, optional
            None: new ones.
        im_kwargs : dict, optional
            Keywords of ``Axes.imshow``.

        Returns
        -------
        display : WeightsDisplay

        Raises
        ------
        TypeError
            If there is no network in `network`.
        ValueError
            If shape or names do not fit the inputs.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> import fastnn
        >>> from fastnn.plots import WeightsDisplay
        >>> network = fastnn.Network([[[0.5, -0.5, 0.25, 1.0]] * 3], [[0.0] * 3])
        >>> WeightsDisplay.from_network(network).mosaic.shape  # four features by three units
        (4, 3)
        >>> WeightsDisplay.from_network(network, image_shape=(2, 2)).mosaic.shape  # three images, two side by side
        (5, 5)
        """
        weights = network_of(network).W[1]
        if feature_names is None and image_shape is None and n_columns is None:
            names = feature_names_of(network)
            feature_names = names if names is not None and len(names) == weights.shape[1] else None
        display = cls(weights, image_shape=image_shape, n_columns=n_columns, feature_names=feature_names)
        return display.plot(ax, im_kwargs=im_kwargs)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        image_shape: tuple[int, int] | None = None,
        n_columns: int | None = None,
        feature_names: ArrayLike | None = None,
        ax: Any = None,
        im_kwargs: dict | None = None,
    ) -> "WeightsDisplay":
        """Draw the first layer of a fitted MLPClassifier or MLPRegressor, scikit-learn's own too.

        Parameters
        ----------
        estimator : estimator
            Fitted; or the pipeline or search around one, or whatever else `from_network` takes.
        image_shape, n_columns, feature_names, ax, im_kwargs : as for `from_network`

        Returns
        -------
        display : WeightsDisplay

        Raises
        ------
        TypeError
            If the estimator has no network, or is not fitted.
        ValueError
            If shape or names do not fit the inputs.
        ImportError
            If matplotlib is not installed.
        """
        shown = {"image_shape": image_shape, "n_columns": n_columns, "feature_names": feature_names}
        return cls.from_network(estimator, **shown, ax=ax, im_kwargs=im_kwargs)

    def plot(self, ax: Any = None, *, im_kwargs: dict | None = None) -> "WeightsDisplay":
        """Draw table or images, and a bar of colours beside them: blue is negative, red positive.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            None: new ones.
        im_kwargs : dict, optional
            Keywords of ``Axes.imshow``.

        Returns
        -------
        display : WeightsDisplay
            Itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        is_own, ax = ax is None, axes_of(self, ax)
        largest = float(np.nanmax(np.abs(self.mosaic))) or 1.0
        from matplotlib.image import AxesImage

        defaults = {"cmap": DIVERGING, "vmin": -largest, "vmax": largest, "interpolation": "nearest"}
        defaults["aspect"] = "equal" if self.feature_names is None else "auto"
        self.image_ = ax.imshow(self.mosaic, **options_of(AxesImage, defaults, im_kwargs))
        ax.spines[:].set_visible(False)
        if self.feature_names is None:
            ax.set(xticks=[], yticks=[])
        else:
            self._name_features(is_own)
        self.figure_.colorbar(self.image_, ax=ax, label="weight", shrink=0.8)
        return self

    def _name_features(self, is_own):
        """Write the names beside the rows, of very many every so many; axes of our own become high enough for them."""
        n_in = len(self.feature_names)
        shown = range(0, n_in, ceil(n_in / MOST_NAMES))
        if is_own:
            self.figure_.set_figheight(max(self.figure_.get_figheight(), 0.22 * len(shown) + 0.8))
        self.ax_.set_yticks(shown, [self.feature_names[j] for j in shown])
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        self.ax_.tick_params(length=0)
        self.ax_.set_xlabel("hidden unit")


def _mosaic(weights, image_shape, n_columns):
    """Return all images in one, NaN between them."""
    n_units, n_in = weights.shape
    if image_shape is None:
        image_shape = (isqrt(n_in),) * 2
        if image_shape[0] ** 2 != n_in:
            raise ValueError(f"the first layer has {n_in} inputs, which make no square: give image_shape")
    if not isinstance(image_shape, tuple | list) or len(image_shape) != 2:
        raise TypeError(f"image_shape must be a pair of rows and columns, got {image_shape!r}")
    height, width = (check_count("image_shape", side, minimum=1) for side in image_shape)
    if height * width != n_in:
        raise ValueError(f"images of {height} x {width} have {height * width} pixels, but there are {n_in} inputs")
    if n_columns is None:
        n_columns = ceil(sqrt(n_units * height / width))
    n_columns = min(check_count("n_columns", n_columns, minimum=1), n_units)
    mosaic = np.full((ceil(n_units / n_columns) * (height + 1) - 1, n_columns * (width + 1) - 1), np.nan)
    for unit, row in enumerate(weights):
        top, left = (height + 1) * (unit // n_columns), (width + 1) * (unit % n_columns)
        mosaic[top : top + height, left : left + width] = row.reshape(height, width)
    return mosaic

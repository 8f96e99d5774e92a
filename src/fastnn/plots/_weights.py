"""WeightsDisplay: the weights of a network's first layer, an image a hidden unit."""

from math import ceil, isqrt, sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastnn.checks import check_count, check_matrix
from fastnn.plots._common import DIVERGING, axes_of, network_of, options_of


class WeightsDisplay:
    """Weights that lead to each unit of a layer, as images side by side.

    Use `from_network` or `from_estimator` to make one.

    Parameters
    ----------
    weights : array-like of shape (n_units, n_in)
        An image a row.
    image_shape : tuple of int, optional
        Rows and columns of an image. None: a square, which n_in must be.
    n_columns : int, optional
        Images side by side. None: as many as make the whole about square.

    Attributes
    ----------
    mosaic : ndarray
        All images in one, NaN between them.
    image_ : matplotlib.image.AxesImage
    ax_ : matplotlib.axes.Axes
    figure_ : matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the images are not square and no shape, or one of another size, is given.
    """

    def __init__(
        self, weights: ArrayLike, *, image_shape: tuple[int, int] | None = None, n_columns: int | None = None
    ) -> None:
        weights = check_matrix("weights", weights, np.dtype(np.float64))
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
        self.mosaic = np.full((ceil(n_units / n_columns) * (height + 1) - 1, n_columns * (width + 1) - 1), np.nan)
        for unit, row in enumerate(weights):
            top, left = (height + 1) * (unit // n_columns), (width + 1) * (unit % n_columns)
            self.mosaic[top : top + height, left : left + width] = row.reshape(height, width)

    @classmethod
    def from_network(
        cls,
        network: Any,
        *,
        image_shape: tuple[int, int] | None = None,
        n_columns: int | None = None,
        ax: Any = None,
        im_kwargs: dict | None = None,
    ) -> "WeightsDisplay":
        """Draw the first layer of a network.

        Parameters
        ----------
        network : Network, TrainResult or estimator
            Or the fitted pipeline or search around an estimator.
        image_shape : tuple of int, optional
            Rows and columns of an image. None: a square, which the number of inputs must be.
        n_columns : int, optional
            Images side by side. None: as many as make the whole about square.
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
            If the images are not square and no shape, or one of another size, is given.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> import fastnn
        >>> from fastnn.plots import WeightsDisplay
        >>> network = fastnn.Network([[[0.5, -0.5, 0.25, 1.0]] * 3], [[0.0] * 3])
        >>> WeightsDisplay.from_network(network).mosaic.shape  # three images of 2 x 2, two of them side by side
        (5, 5)
        """
        weights = network_of(network).W[1]
        return cls(weights, image_shape=image_shape, n_columns=n_columns).plot(ax, im_kwargs=im_kwargs)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        image_shape: tuple[int, int] | None = None,
        n_columns: int | None = None,
        ax: Any = None,
        im_kwargs: dict | None = None,
    ) -> "WeightsDisplay":
        """Draw the first layer of a fitted MLPClassifier or MLPRegressor, scikit-learn's own too.

        Parameters
        ----------
        estimator : estimator
            Fitted; or the pipeline or search around one, or whatever else `from_network` takes.
        image_shape, n_columns, ax, im_kwargs : as for `from_network`

        Returns
        -------
        display : WeightsDisplay

        Raises
        ------
        TypeError
            If the estimator has no network, or is not fitted.
        ValueError
            If the images are not square and no shape, or one of another size, is given.
        ImportError
            If matplotlib is not installed.
        """
        return cls.from_network(estimator, image_shape=image_shape, n_columns=n_columns, ax=ax, im_kwargs=im_kwargs)

    def plot(self, ax: Any = None, *, im_kwargs: dict | None = None) -> "WeightsDisplay":
        """Draw the images, and a bar of colours beside them: blue is negative, red positive.

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
        ax = axes_of(self, ax)
        largest = float(np.nanmax(np.abs(self.mosaic))) or 1.0
        from matplotlib.image import AxesImage

        defaults = {"cmap": DIVERGING, "vmin": -largest, "vmax": largest, "interpolation": "nearest"}
        self.image_ = ax.imshow(self.mosaic, **options_of(AxesImage, defaults, im_kwargs))
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        self.figure_.colorbar(self.image_, ax=ax, label="weight", shrink=0.8)
        return self

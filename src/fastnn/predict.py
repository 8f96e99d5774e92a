"""The functional face's ``predict``: the tutorials' predictions, from weights alone.

It makes the network that W and b belong to; that computes.
"""

import numpy as np
from numpy.typing import ArrayLike

from fastnn.activations import ActivationLike
from fastnn.checks import check_count, check_rows
from fastnn.frames import check_column_names
from fastnn.labels import decode
from fastnn.layers import form_of
from fastnn.network import Network
from fastnn.sparse import SparseMatrix
from fastnn.spec import Layers


def predict(
    W: Layers,
    b: Layers | None,
    X: ArrayLike | SparseMatrix,
    n_layers: int | None = None,
    *,
    activation: ActivationLike | None = None,
) -> np.ndarray | list[np.ndarray]:
    """Return what a network predicts, from its weights: the tutorials' ``predict_y``.

    Plain dicts and lists are the tutorials' network, with one activation throughout, and give classes. W and b of a
    `TrainResult` know what network they belong to, and give what its ``network.predict`` does.

    Parameters
    ----------
    W, b : dict or list
        Weights (n_out, n_in) and biases (n_out,) of each layer, as `train` returns them; b of None is zeros.
    X : array-like or sparse matrix of shape (n_samples, n_in)
    n_layers : int, optional
        The number of layers, the inputs counted; it must be that of W.
    activation : str or (str, float), optional
        Of every layer. None: as W and b know it, else "logistic".

    Returns
    -------
    prediction : ndarray of shape (n_samples,) or (n_samples, n_out)
        From plain dicts and lists the index of the largest output, as int; with one output whether it is > 0.5. Of a
        network of several heads a list.

    Raises
    ------
    TypeError, ValueError
        If the arguments do not fit each other, or W and b belong to a network of other activations.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.predict([[[7.0, 3.0]]], [[-2.0]], [[1, 0], [0, 0]])
    array([1, 0])
    """
    network = Network(W, b, activation=activation, output_activation=activation)
    sizes = network.layer_sizes
    if n_layers is not None and check_count("n_layers", n_layers, minimum=2) != len(sizes):
        raise ValueError(f"n_layers must be the number of layers of W, inputs included: {len(sizes)}, got {n_layers}")
    check_column_names("X", X, network.feature_names)
    X = check_rows("X", X, network.dtype, sizes[0])
    if form_of(W, b) is not None:
        return network.predict(X)
    outputs = network(X)
    return decode("multiclass" if sizes[-1] > 1 else "binary", outputs, np.arange(max(sizes[-1], 2), dtype=np.intp))

"""The part of a `Network` that looks inside: hidden outputs, derivatives, the gradient of a loss, and its check.

`Network` inherits it, and so do its users; what is computed stands in ``sensitivity`` and ``gradients``.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from fastnn import gradients, sensitivity
from fastnn.backends import check_has, check_takes, get_backend
from fastnn.checks import check_count
from fastnn.frames import check_column_names
from fastnn.gradients import GradientError, LossGradient
from fastnn.heads import Head
from fastnn.sparse import SparseMatrix


class Inspection:
    """What `Network` inherits to be looked into."""

    def hidden(
        self, X: ArrayLike | SparseMatrix, layer: int | None = None
    ) -> np.ndarray | dict[int, np.ndarray]:  # fmt: skip
        """Return the outputs of the hidden layers, to the bit as the network computes its own outputs from them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_in) or (n_in,), or sparse matrix of shape (n_samples, n_in)
        layer : int, optional
            One of them: counted from 1, as W and b are, or from the last hidden layer, which is -1. None: all.

        Returns
        -------
        outputs : ndarray of shape (n_samples, n_units), or dict of these
            Of one layer, without the first axis for a single row; of all a dict with their numbers as keys, so that
            ``W[l]`` and ``b[l]`` lead to ``hidden(X)[l]``. It is empty where there are no hidden layers.

        Raises
        ------
        TypeError, ValueError
            As for the call; and if there is no such layer.

        Examples
        --------
        >>> import fastnn
        >>> network = fastnn.Network([[[1.0, 2.0]], [[3.0]]], [[0.5], [0.0]], activation="relu")
        >>> network.hidden([1.0, 1.0])
        {1: array([3.5])}
        >>> network.hidden([[1.0, 1.0], [-1.0, 0.0]], layer=-1)
        array([[3.5],
               [0. ]])
        """
        n_hidden = self._spec.n_layers - 1
        number = None if layer is None else _check_layer(layer, n_hidden)
        rows, is_one_row = self._check_rows(X)
        inside = get_backend(self.backend), self._spec, self.parameters, rows
        if number is not None:
            found = sensitivity.layer_outputs(*inside, 1, number)
            return found[0] if is_one_row else found
        outputs = sensitivity.hidden_outputs(*inside)
        return {l: found[0] for l, found in outputs.items()} if is_one_row else outputs

    def gradient(self, X: ArrayLike | SparseMatrix) -> np.ndarray:
        """Return the derivative of each output by each input, at the rows of X.

        At a kink it is what training takes there, as `fastnn.kernels.derivative` has it: 0 for relu at 0. Outputs of
        "step" have derivatives of 0 everywhere. Those of several heads follow one another, as in the call.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_in) or (n_in,), or sparse matrix of shape (n_samples, n_in)

        Returns
        -------
        derivatives : ndarray of shape (n_samples, n_out, n_in), without the first axis for a single row

        Raises
        ------
        TypeError, ValueError
            As for the call.

        Examples
        --------
        >>> import fastnn
        >>> neuron = fastnn.Network([[[7.0, 3.0]]], [[-2.0]], output_activation="tanh")
        >>> neuron.gradient([0.2, 0.2])
        array([[7., 3.]])
        """
        rows, is_one_row = self._check_rows(X)
        found = sensitivity.output_by_input(get_backend(self.backend), self._spec, self.parameters, rows)
        return found[0] if is_one_row else found

    def loss_gradient(
        self,
        X: ArrayLike | SparseMatrix,
        y: ArrayLike,
        *,
        loss: str | Callable[[np.ndarray, np.ndarray], tuple[ArrayLike, ArrayLike]] | None = None,
        huber_delta: float = 1.0,
        quantile: float | Sequence[float] = 0.5,
        focal_gamma: float = 2.0,
        heads: Sequence[Head] | None = None,
        sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
    ) -> LossGradient:
        """Return a loss and its gradient by the weights and biases, as training computes them.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_in)
        y : array-like of shape (n_samples,) or (n_samples, n_out)
            Class labels, where the network has such, or targets.
        loss : str or callable, optional
            As for `fastnn.train`. A network does not know what it was trained by. None: "log_loss" after softmax
            outputs, "poisson" after exp, "perceptron" after step, "gaussian_nll" after mean_variance, and else
            "squared_error"; logistic and increasing outputs, which several losses go with, want one by its name.
        huber_delta, quantile, focal_gamma : float
            Those of the loss, as for `fastnn.train`; `quantile` may be a list.
        heads : list of Head, optional
            Of a network of several heads, and then needed: their losses and weights, in place of a loss. y is as for
            `fastnn.train`, and may have gaps.
        sample_weight : array-like of shape (n_samples,), optional
            Of the mean over rows. None: all weigh the same.
        l2 : float, default 0
            λ of the penalty ½ λ Σ ||W||², which is part of the loss, on the weights alone.

        Returns
        -------
        loss, W, b : float, dict, dict
            A named tuple: the mean over rows, penalty included, and its derivatives, of the shapes of the network's own
            `W` and `b` and keyed like these.

        Raises
        ------
        TypeError, ValueError
            If the arguments do not fit each other or the network.

        Examples
        --------
        The output is 5, the target 4; the gradient of ½ (5 - 4)² is the input:

        >>> import fastnn
        >>> neuron = fastnn.Network([[[7.0, 3.0]]], [[-2.0]], output_activation="identity")
        >>> neuron.loss_gradient([[1.0, 0.0]], [4.0])
        LossGradient(loss=0.5, W={1: array([[1., 0.]])}, b={1: array([1.])})
        """
        options = {"huber_delta": huber_delta, "quantile": quantile, "focal_gamma": focal_gamma}
        backend, objective, heads = self._check_loss(X, loss, options, heads)
        of = gradients.measured(self._spec, self._labels, objective, heads, X, y, sample_weight, l2)
        return gradients.loss_gradient(backend, self.parameters, of)

    def check_gradients(
        self,
        X: ArrayLike | SparseMatrix,
        y: ArrayLike,
        *,
        loss: str | Callable[[np.ndarray, np.ndarray], tuple[ArrayLike, ArrayLike]] | None = None,
        huber_delta: float = 1.0,
        quantile: float | Sequence[float] = 0.5,
        focal_gamma: float = 2.0,
        heads: Sequence[Head] | None = None,
        sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
    ) -> dict[str, GradientError]:
        """Compare the gradient of `loss_gradient` with central differences of the loss.

        The loss is computed twice for each parameter, in float64 whatever the network is in: take few rows of X for a
        large network. A loss that is a function of one's own is checked with it. Across a kink, of relu or of a loss,
        differences are no derivatives.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_in)
        y : array-like of shape (n_samples,) or (n_samples, n_out)
        loss : str or callable, optional
            This and all others as for `loss_gradient`.
        huber_delta, quantile, focal_gamma : float
        heads : list of Head, optional
        sample_weight : array-like of shape (n_samples,), optional
        l2 : float, default 0

        Returns
        -------
        errors : dict of named tuples
            For the weights and the biases of each layer, "W1", "b1", "W2" …: the largest `error`, relative to the
            largest difference of the array, or to a hundred-thousandth of the loss where that is larger; its `index`
            in the array; and `gradient` and `difference` there. About 1e-9 is right for float64, 1e-6 for float32.

        Raises
        ------
        TypeError, ValueError
            As for `loss_gradient`.

        Examples
        --------
        >>> import fastnn
        >>> neuron = fastnn.Network([[[7.0, 3.0]]], [[-2.0]], output_activation="identity")
        >>> errors = neuron.check_gradients([[1.0, 0.0]], [4.0])
        >>> errors["W1"].error < 1e-8, errors["W1"].gradient
        (True, 1.0)
        """
        options = {"huber_delta": huber_delta, "quantile": quantile, "focal_gamma": focal_gamma}
        backend, objective, heads = self._check_loss(X, loss, options, heads)
        arguments = objective, heads, X, y, sample_weight, l2
        of = gradients.measured(self._spec, self._labels, *arguments)
        in_float64 = replace(self._spec, dtype=np.dtype(np.float64))
        by_differences = gradients.differences(
            backend, self.parameters, gradients.measured(in_float64, self._labels, *arguments)
        )
        return gradients.compare(gradients.loss_gradient(backend, self.parameters, of), by_differences)

    def _check_loss(self, X, loss, options, heads):
        """Return the backend that has a loss, which takes this X, and the loss as an Objective, with its heads."""
        objective, heads = gradients.check_loss_of(self._spec, loss, options, heads)
        name = "numpy" if objective.function is not None and self.backend == "auto" else self.backend
        check_has(name, objective)
        check_takes(name, "X", X, objective)
        check_column_names("X", X, self.feature_names)
        return get_backend(name), objective, heads


def _check_layer(layer, n_hidden):
    """Return the number of a hidden layer, counted from 1."""
    number = check_count("layer", layer, minimum=-sys.maxsize)
    number = number + n_hidden + 1 if number < 0 else number
    if not 1 <= number <= n_hidden:
        counted = f"counted from 1 to {n_hidden}, or from -1" if n_hidden else "of which it has none"
        raise ValueError(f"layer must be the number of a hidden layer of the network, {counted}; got {layer!r}")
    return number

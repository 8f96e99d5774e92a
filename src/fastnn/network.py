"""The network: sizes, activations and parameters; call it to predict.

It owns what a user does with a trained network: outputs, labels, copies, pickles. ``train`` and the estimators make it
on the parameters that they train, users on weights of their own. How it is trained is ``training``'s, how rows are
computed the backends'; the call itself is inherited from the compiled ``_engine.Predictor``, what looks inside of it
from ``inspection``, and the ways out of the process and into it from ``exchange``.
"""

import copyreg
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fastnn import labels as labels_module
from fastnn._engine import Predictor
from fastnn.activations import ActivationLike
from fastnn.backends import BACKENDS, check_takes, get_backend
from fastnn.checks import as_numbers, cast_finite, check_rows
from fastnn.exchange import Exchange
from fastnn.frames import check_column_names
from fastnn.inspection import Inspection
from fastnn.layers import Form, LayerViews, activations_for, check_weights, form_of
from fastnn.portable import from_plain, to_plain
from fastnn.sparse import SparseMatrix, is_sparse
from fastnn.spec import Layers, NetworkSpec, check_dtype
from fastnn.state import aligned_zeros
from fastnn.summary import Summary


class Network(Inspection, Exchange, Predictor):
    """A dense neural network with its parameters; call it to predict.

    Parameters
    ----------
    W, b : dict or list
        Weights and biases of each layer, ``W[l]`` (n_out, n_in) and ``b[l]`` (n_out,): dicts keyed from 1, or lists
        from the first layer on; b of None is zeros. They are copied. Those of a `TrainResult` and of a network know
        activations, dtype and classes, which need not be told again, and must not be contradicted; ``dict(W)`` is a
        plain dict.
    activation : str, (str, float) or list of these, optional
        Of the hidden layers: a name for all, or one per hidden layer; or one per layer, as `activations` has them; in
        place of a name a pair of it and its parameter, see `fastnn.train`. None: as W and b know it, else "logistic".
    output_activation : str or (str, float), optional
        None: as W and b know it, else "logistic".
    dtype : {"float64", "float32"}, optional
        The dtype of the parameters; inputs are cast to it and outputs are of it. None: as W and b know it, else
        "float64".
    classes : array-like, optional
        The class labels, sorted, one per output (one output: two); `predict` gives them back. None: as W and b know
        it, else `predict` returns the outputs themselves.
    backend : {"auto", "simd", "cython", "numpy", "python"}, default "auto"
        What computes predictions.

    Attributes
    ----------
    layer_sizes : tuple of int
        Units of each layer, the inputs first.
    activations : tuple of str or (str, float)
        The activation of each layer but the inputs; with its parameter where that is not the default. Of several heads
        the last is "identity", from which each head goes on; `heads` has theirs.
    heads : tuple of pairs (int, str or (str, float))
        The number of outputs of each of several heads, and its output activation; () if there is one.
    dtype : numpy.dtype
    parameters : ndarray
        All weights, layer by layer, then all biases, in one flat array.
    W, b : mapping
        Views of `parameters`, keyed from 1: ``network.W[1][:] = ...`` changes the network.
    classes : ndarray or None; of several heads a list of these
    feature_names : tuple of str or None
        Names of the columns that it learned from, where these were a frame's; a frame to predict must have the same, in
        the same order.
    n_parameters : int
    backend : str

    Raises
    ------
    TypeError, ValueError
        If shapes do not fit each other, numbers are not finite, a name is unknown, or W and b belong to another network
        than the keywords say.

    Notes
    -----
    Pickles, joblib's files and those of skops hold the network as plain data, of a version that is checked when it is
    loaded. skops must be told to trust ``"fastnn.network.Network"``, and no other type. Parameters that joblib maps
    from a file (``mmap_mode="r"``) stay mapped.

    Examples
    --------
    The single neuron with inputs (1, 0), weights (7, 3) and bias -2:

    >>> import fastnn
    >>> neuron = fastnn.Network([[[7.0, 3.0]]], [[-2.0]])
    >>> neuron([1.0, 0.0]).round(4)
    array([0.9933])
    """

    def __init__(
        self,
        W: Layers,
        b: Layers | None,
        *,
        activation: ActivationLike | Sequence[ActivationLike] | None = None,
        output_activation: ActivationLike | None = None,
        dtype: DTypeLike | None = None,
        classes: ArrayLike | None = None,
        backend: str = "auto",
    ) -> None:
        form = form_of(W, b)
        if dtype is None:
            dtype = "float64" if form is None else form.dtype
        dtype = check_dtype(dtype)
        weights, biases, sizes = check_weights(W, b, dtype)
        blocks = () if form is None else form.blocks
        spec = NetworkSpec(sizes, activations_for(form, len(sizes) - 1, activation, output_activation), dtype, blocks)
        parameters = aligned_zeros(spec.n_parameters, dtype)
        spec.flatten(weights, biases, out=parameters)
        labels = _labels_for(form, classes, spec.n_out)
        self._set(spec, parameters, labels, backend, None if form is None else form.feature_names)

    @classmethod
    def _from_parts(cls, spec, parameters, labels, backend, feature_names=None):
        """Return a network on top of these parameters, which are shared, not copied."""
        network = cls.__new__(cls)
        network._set(spec, parameters, labels, backend, feature_names)
        return network

    @classmethod
    def _from_plain(cls, plain):
        """Return the network that a description of `fastnn.portable` describes."""
        network = cls.__new__(cls)
        network.__setstate__(plain)
        return network

    def _set(self, spec, parameters, labels, backend, feature_names):
        if "_spec" in vars(self):  # its views, and the engine, would go on with the parameters that it had
            raise TypeError("a network is made once; make another one")
        if get_backend(backend) is BACKENDS["simd"]:
            self._bind(spec, parameters)
        self._spec = spec
        self._labels = labels
        self._parameters = parameters
        self._backend = backend
        self._feature_names = feature_names

    @property
    def parameters(self) -> np.ndarray:
        return self._parameters

    @property
    def backend(self) -> str:
        return self._backend

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        return self._spec.layer_sizes

    @property
    def activations(self) -> tuple[ActivationLike, ...]:
        return self._spec.activations_as_given

    @property
    def dtype(self) -> np.dtype:
        return self._spec.dtype

    @property
    def n_parameters(self) -> int:
        return self._spec.n_parameters

    @property
    def W(self) -> Mapping[int, np.ndarray]:
        return LayerViews(self._spec.views(self._parameters)[0], self._form)

    @property
    def b(self) -> Mapping[int, np.ndarray]:
        return LayerViews(self._spec.views(self._parameters)[1], self._form)

    @property
    def heads(self) -> tuple[tuple[int, ActivationLike], ...]:
        return tuple((block.n_out, block.activation.as_given) for block in self._spec.blocks)

    @property
    def classes(self) -> np.ndarray | list[np.ndarray | None] | None:
        return [own.classes for _, own in self._labels.heads] if self._labels.heads else self._labels.classes

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        return self._feature_names

    @property
    def _output_activations(self):
        return [activation for _, activation in self.heads] or [self.activations[-1]]

    @property
    def _form(self):
        spec = self._spec
        return Form(spec.activations_as_given, spec.dtype, self._labels, self._feature_names, spec.blocks)

    def _outputs(self, X):
        """The call, for whatever needs checking or explaining, or another backend to compute."""
        rows, is_one_row = self._check_rows(X)
        out = np.empty((rows.shape[0], self._spec.n_out), self._spec.dtype)
        get_backend(self.backend).forward(self._spec, self.parameters, rows, out)
        return out[0] if is_one_row else out

    def _outputs_into(self, X, out):
        """``predict_into``, for whatever needs explaining, or another backend to compute."""
        dtype, n_out = self.dtype, self._spec.n_out
        for name, array in (("X", X), ("out", out)):
            if not isinstance(array, np.ndarray) or array.dtype != dtype or not array.flags.c_contiguous:
                raise TypeError(f"predict_into takes {name} as a C-contiguous {dtype} array, got {_describe(array)}")
        rows, is_one_row = self._check_rows(X)
        expected = (n_out,) if is_one_row else (len(rows), n_out)
        if out.shape != expected:
            raise ValueError(f"out must have shape {expected} for X of shape {X.shape}, got {out.shape}")
        if not out.flags.writeable:
            raise ValueError("out is read-only")
        if np.may_share_memory(X, out):
            raise ValueError("out shares memory with X, which is still read when the first outputs are written")
        get_backend(self.backend).forward(self._spec, self.parameters, rows, out.reshape(len(rows), n_out))
        return out

    def predict(self, X: ArrayLike | SparseMatrix) -> np.ndarray | list[np.ndarray]:
        """Return class labels for a classifier, values for a regression.

        With one output the second class is where it is > 0.5 (> 0 after hinge and squared_hinge), with several the
        class is that of the largest output; a multi-label network gives an array of 0 and 1. A regression with one
        output gives a vector. After gaussian_nll it gives the means; the call has them in the first half of its
        columns, and the variances in the second. After several quantiles it gives these in the last axis, in their
        order, which they keep in each row. A network of several heads gives a list, with all of this for each head; the
        call has the outputs of all heads side by side in one array.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_in) or (n_in,), or sparse matrix of shape (n_samples, n_in)

        Returns
        -------
        prediction : ndarray of shape (n_samples,) or (n_samples, n_out); without the first axis for a single row
            A list of these, one a head, where there are several.

        Raises
        ------
        TypeError, ValueError
            As for the call.
        """
        outputs = self(X)
        if outputs.ndim > 1:
            return self._labels.decode(outputs)
        decoded = self._labels.decode(outputs[None, :])
        return [of_head[0] for of_head in decoded] if self._labels.heads else decoded[0]

    def predict_proba(self, X: ArrayLike | SparseMatrix) -> np.ndarray | list[np.ndarray | None]:
        """Return the probability of each class, or of each label where a row may have several.

        These are the outputs as they are; with one output, those of both classes. Softmax outputs sum to 1; several
        logistic ones, trained for classes by squared_error, need not. A network of several heads gives a list, with
        None for heads that have no probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_in) or (n_in,), or sparse matrix of shape (n_samples, n_in)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes); without the first axis for a single row
            A list of these, one a head, where there are several.

        Raises
        ------
        ValueError
            If the outputs are no probabilities: of a regression, or of activations other than softmax and logistic.
        TypeError, ValueError
            As for the call.

        Examples
        --------
        >>> import fastnn
        >>> neuron = fastnn.Network([[[7.0, 3.0]]], [[-2.0]], classes=["no", "yes"])
        >>> neuron.predict_proba([1.0, 0.0]).round(4)
        array([0.0067, 0.9933])
        """
        if not self._labels.has_probabilities(self._output_activations):
            what = "a classifier's" if not self._labels.are_classes else "softmax or logistic"
            raise ValueError(f"outputs are probabilities only where they are {what}; {self!r} is none")
        return self._labels.probabilities(self(X), self._output_activations)

    def summary(self) -> Summary:
        """Return the layers with their activations, parameters, bytes and multiply-adds: a table, when it is shown.

        Returns
        -------
        summary : Summary
            Its attributes have the same as numbers.

        Examples
        --------
        >>> import fastnn
        >>> network = fastnn.Network([[[0.0] * 64] * 30, [[0.0] * 30] * 10], [[0.0] * 30, [0.0] * 10])
        >>> network.summary()
        Network 64-30-10, float64
        layer  activation  units  parameters   bytes  multiply-adds
        0                     64           0       0              0
        1      logistic       30       1,950  15,600          1,920
        2      logistic       10         310   2,480            300
        total                 40       2,260  18,080          2,220
        >>> network.summary().n_parameters
        2260
        """
        return Summary(self._spec)

    def copy(self) -> "Network":
        """Return an independent copy, for example to keep what a callback of `fastnn.train` sees.

        Returns
        -------
        copy : Network
        """
        parameters = _aligned_copy(self.parameters, self.dtype)
        return self._from_parts(self._spec, parameters, self._labels, self.backend, self.feature_names)

    def __copy__(self) -> "Network":
        return self.copy()

    def __deepcopy__(self, memo: dict) -> "Network":
        return self.copy()

    def __reduce__(self):
        return copyreg.__newobj__, (type(self),), self.__getstate__()

    def __getstate__(self) -> dict:
        return to_plain(self)

    def __setstate__(self, state: dict) -> None:
        """Become the network of a description: on a mapped file's array as it is, so that it is shared; else on a copy.

        joblib keeps arrays beside the pickle, and with ``mmap_mode="r"``, or in its workers, gives them back mapped.
        """
        spec, parameters, *others = from_plain(state)
        flags = parameters.flags
        if isinstance(parameters, np.memmap) and flags.c_contiguous and flags.aligned and parameters.dtype.isnative:
            self._set(spec, parameters.view(np.ndarray), *others)
        else:
            self._set(spec, _aligned_copy(parameters, spec.dtype), *others)

    def __repr__(self):
        sizes = "-".join(map(str, self.layer_sizes))
        activations = ", ".join(self._spec.activations_in_words)
        return f"<Network {sizes}, {activations}, {self.dtype}, {self.n_parameters} parameters>"

    def _repr_html_(self):
        return self.summary()._repr_html_()

    def _check_rows(self, X):
        check_takes(self.backend, "X", X)
        check_column_names("X", X, self.feature_names)
        array = X if is_sparse(X) else as_numbers("X", X)
        if is_sparse(X) or array.ndim != 1:
            return check_rows("X", array, self.dtype, self._spec.n_in), False
        if array.shape != (self._spec.n_in,):
            advice = "; for one number a row use X.reshape(-1, 1)" if self._spec.n_in == 1 else ""
            raise ValueError(f"X is one row of {len(array)} numbers, but the first layer has {self._spec.n_in}{advice}")
        return cast_finite("X", array.reshape(1, -1), self.dtype), True


def _labels_for(form, classes, n_out):
    """How outputs are read: as the classes say, which may name what the form only counts; else as the form does."""
    if classes is None:
        return labels_module.Labels("values") if form is None else form.labels
    labels = _labels_from_classes(classes, n_out)
    if form is not None:
        labels = replace(labels, threshold=form.labels.threshold)
    if form is None or form.labels.kind == "values" or form.labels.are_numbers or labels == form.labels:
        return labels
    known = form.labels.kind if form.labels.classes is None else form.labels.classes.tolist()
    raise ValueError(
        f"W and b belong to a network that predicts {known}, not {labels.classes.tolist()}; leave classes out, or set "
        "activations and classes of plain dicts: dict(W), dict(b)"
    )


def _labels_from_classes(classes, n_out):
    given = np.asarray(classes)
    if given.ndim != 1:
        raise ValueError(f"classes must be one-dimensional, got shape {given.shape}")
    found = labels_module.find_classes("classes", given, n_out)
    if len(found) != len(given) or (found != given).any():
        raise ValueError(f"classes must be sorted and distinct, got {given.tolist()}")
    return labels_module.Labels("binary" if n_out == 1 else "multiclass", found)


def _aligned_copy(parameters, dtype):
    block = aligned_zeros(len(parameters), dtype)
    block[:] = parameters
    return block


def _describe(array):
    if not isinstance(array, np.ndarray):
        return type(array).__name__
    return f"{array.dtype} of shape {array.shape}{'' if array.flags.c_contiguous else ', not C-contiguous'}"

"""The methods of ``Network`` by which it leaves the process and comes from elsewhere: each hands over to a room above.

What is written and read is ``export``'s and ``interop``'s, which are imported when one of them is called.
"""

import os
from typing import TYPE_CHECKING

from numpy.typing import DTypeLike

if TYPE_CHECKING:
    import onnx


class Exchange:
    """Ways out of the process and into it."""

    def to_onnx(self, path: str | os.PathLike | None = None, *, dtype: DTypeLike | None = None) -> "onnx.ModelProto":
        """Return the network as an ONNX model, and write it to a file, if a path is given; needs ``onnx``.

        The model has standard operators alone, of version 13, which ONNX Runtime knows from 1.6 on, and takes any
        number of rows. Its input is ``X``; its outputs are named as skl2onnx names them: ``variable`` for values; for
        classes ``label`` and ``probabilities``, or ``scores`` where the outputs are no probabilities; after
        gaussian_nll ``variable`` for the means, and ``variance``. Several heads have these with a number each, as
        ``label_0``. `feature_names`, classes and fastnn's version are in ``metadata_props``.

        Parameters
        ----------
        path : str or os.PathLike, optional
            The file, which is there whole or not at all. None: nothing is written.
        dtype : {"float64", "float32"}, optional
            What the model computes in. None: as the network.

        Returns
        -------
        model : onnx.ModelProto

        Raises
        ------
        ImportError
            If ``onnx`` is not installed.
        ValueError
            If the model would be larger than 2 GiB, or weights are beyond the range of `dtype`.
        OSError
            If the file cannot be written.
        """
        from fastnn.export.onnx import to_onnx

        return to_onnx(self, path, dtype=dtype)

    @classmethod
    def from_onnx(cls, model: "str | os.PathLike | onnx.ModelProto") -> "Exchange":
        """Return the network that an ONNX model is, where that is a chain of dense layers; needs ``onnx``.

        Layers are MatMul and Gemm, with Add, Mul, BatchNormalization and the like folded into their weights.
        Activations are recognised by their values, however they are composed. Outputs may be several heads, and
        labels by the operators that `to_onnx` and skl2onnx write; what classes, names of columns and kinds of labels
        `to_onnx` wrote beside the graph is read too.

        Parameters
        ----------
        model : str, os.PathLike or onnx.ModelProto
            A file, or what ``onnx.load`` makes of it.

        Returns
        -------
        network : Network
            Of the dtype of the weights.

        Raises
        ------
        ModelFormatError
            If it is no ONNX model, is damaged, or is no such chain; the message names the node that cannot be carried
            over.
        ImportError
            If ``onnx`` is not installed.
        OSError
            If the file cannot be read.

        Examples
        --------
        >>> import fastnn
        >>> neuron = fastnn.Network([[[7.0, 3.0]]], [[-2.0]], classes=["no", "yes"])
        >>> model = neuron.to_onnx()  # doctest: +SKIP
        >>> fastnn.Network.from_onnx(model).predict([1.0, 0.0])  # doctest: +SKIP
        np.str_('yes')
        """
        from fastnn.interop.onnx import from_onnx

        return from_onnx(cls, model)

"""The methods of ``Network`` by which it leaves the process and comes from elsewhere: each hands over to a room above.

What is written and read is ``export``'s and ``interop``'s, which are imported when one of them is called.
"""

import os
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike, DTypeLike

if TYPE_CHECKING:
    import onnx

    from fastnn.export.c.file import ExportedC


class Exchange:
    """Ways out of the process and into it."""

    def save(self, path: str | os.PathLike) -> None:
        """Save to a file that `fastnn.load` reads: data alone, no code.

        The file is in the format of safetensors: the array "parameters" has all weights, layer by layer, each
        (n_out, n_in) row by row, then all biases; the metadata says the rest, in JSON. An earlier file of this name is
        replaced at once, when all is written: whoever reads meanwhile, and networks that were loaded from it, have the
        old one.

        Parameters
        ----------
        path : str or os.PathLike
            Such as ``"model.safetensors"``.

        Raises
        ------
        TypeError
            For classes that are neither numbers nor strings.
        OSError
            If it cannot be written; what was there before is there still.

        Examples
        --------
        >>> import os, tempfile
        >>> import fastnn
        >>> path = os.path.join(tempfile.mkdtemp(), "neuron.safetensors")
        >>> fastnn.Network([[[7.0, 3.0]]], [[-2.0]]).save(path)
        >>> fastnn.load(path)([1.0, 0.0]).round(4)
        array([0.9933])
        """
        from fastnn.export.models import save

        save(self, path)

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

    def to_c(
        self,
        path: str | os.PathLike,
        dtype: str | None = None,
        *,
        name: str | None = None,
        calibration: ArrayLike | None = None,
        self_test: ArrayLike | None = None,
    ) -> "ExportedC":
        """Write one file of C99, which is C++11 too, that predicts without fastnn: for devices, and for other programs.

        It allocates nothing, changes nothing but what it is given, and needs no library but ``<math.h>``: the weights
        are ``const`` tables. ``name_predict`` gives the outputs of a row; of a classifier ``name_predict_class`` the
        place of its class in ``name_classes``, several labels a row come from ``name_predict_labels``, and of several
        heads each has its own, ``name_head0_predict_class``. The comment at its head says how it is used, and what the
        inputs are called.

        Parameters
        ----------
        path : str or os.PathLike
            Such as ``"model.h"``. A file that is there is replaced once the new one is whole.
        dtype : {"float64", "float32", "int8"}, optional
            What it computes in. None: as the network. With "int8" weights and what goes from layer to layer take a byte
            each, a fourth of float32; inputs and outputs are numbers of the network's dtype.
        name : str, optional
            What all its names begin with; macros have it in capitals. None: as the file is called, without its suffix.
        calibration : array-like of shape (n_samples, n_in), optional
            Of "int8" alone, which needs it: rows like those that are to be predicted, some hundred of them. What goes
            beyond their ranges counts as the end of these.
        self_test : array-like of shape (n_samples, n_in), optional
            Rows that are stored in the file, with their outputs: compiled with ``-DNAME_SELF_TEST`` it is a program that
            predicts them, prints what differs, and ends with 0 if nothing does.

        Returns
        -------
        exported : ExportedC
            The bytes of the tables and of the stack, and of "int8" how far outputs are from the network's.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described, a name none of C, or weights are not finite in this dtype.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import os, tempfile
        >>> import fastnn
        >>> neuron = fastnn.Network([[[7.0, 3.0]]], [[-2.0]], classes=["no", "yes"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     exported = neuron.to_c(os.path.join(folder, "neuron.h"))
        >>> exported.table_bytes, exported.ram_bytes
        (24, 0)
        """
        from fastnn.export.c.file import write

        return write(self, path, dtype, name=name, calibration=calibration, self_test=self_test)

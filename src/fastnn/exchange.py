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

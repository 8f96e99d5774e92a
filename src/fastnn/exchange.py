"""The methods of ``Network`` by which it leaves the process and comes from elsewhere: each hands over to a room above.

What is written and read is ``export``'s and ``interop``'s, which are imported when one of them is called.
"""

import os


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

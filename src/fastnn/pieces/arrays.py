"""Arrays in memory, mapped files and ``.npy`` files as blocks of rows; made by ``source``.

Files are read, not mapped: pages of a mapping count as memory of the process. Those of a mapping that the user has
made are given back once they have been read.
"""

import math
import mmap
import os

import numpy as np

from fastnn.pieces.block import Block, rows_a_block


class File:
    """An array in a ``.npy`` file, read front to back.

    Parameters
    ----------
    path : str or os.PathLike
    """

    def __init__(self, path):
        self.path, self.scratch = path, None
        with open(path, "rb") as file:
            try:
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                self.shape, is_fortran, self.dtype = read(file)
            except ValueError as error:
                raise ValueError(f"{os.fspath(path)!r} is no .npy file that can be read: {error}") from error
            self.offset = file.tell()
        if self.dtype.hasobject or (is_fortran and len(self.shape) > 1):
            what = "objects" if self.dtype.hasobject else "an array that lies column by column"
            raise ValueError(
                f"{os.fspath(path)!r} holds {what}, which cannot be read by rows; save np.ascontiguousarray(array) of "
                "numbers or strings"
            )
        self.row_bytes = math.prod(self.shape[1:]) * self.dtype.itemsize
        expected = self.offset + self.row_bytes * (self.shape[0] if self.shape else 1)
        if os.path.getsize(path) < expected:
            raise ValueError(f"{os.fspath(path)!r} is shorter than its header says: it was not written to its end")

    def __len__(self):
        return self.shape[0]

    def parts(self, n_rows):
        """Yield array after array of so many rows, in one place of memory."""
        scratch = np.empty((min(n_rows, len(self)), *self.shape[1:]), self.dtype)
        with open(self.path, "rb", buffering=0) as file:
            file.seek(self.offset)
            for first in range(0, len(self), n_rows):
                part = scratch[: len(self) - first]
                room = memoryview(part.reshape(-1).view(np.uint8))
                while room and (n_read := file.readinto(room)):
                    room = room[n_read:]
                if room:
                    raise ValueError(f"{os.fspath(self.path)!r} has become shorter since it was opened")
                yield part


class InMemory:
    """An array, a list or a mapped file.

    Parameters
    ----------
    array : ndarray or list
    """

    def __init__(self, array):
        self.array = array if isinstance(array, np.ndarray) else np.asarray(array)
        self.shape, self.dtype = self.array.shape, self.array.dtype
        self.row_bytes = math.prod(self.shape[1:]) * self.dtype.itemsize

    def __len__(self):
        return self.shape[0]

    def parts(self, n_rows):
        mapping = _mapping_of(self.array)
        for first in range(0, len(self), n_rows):
            part = self.array[first : first + n_rows]
            yield np.asarray(part)
            if mapping is not None:
                _give_back(mapping, part)


def _mapping_of(array):
    """The mapping of a file that an array lies in, if its pages can be given back without a loss."""
    if not isinstance(array, np.memmap) or array.mode == "c" or not hasattr(mmap, "MADV_DONTNEED"):
        return None
    base = array
    while base is not None and not isinstance(base, mmap.mmap):
        base = getattr(base, "base", None)
    return base


def _give_back(mapping, part):
    """Have the system take back the pages that lie in a part alone; the file, or its cache, has them still."""
    begin = part.__array_interface__["data"][0] - np.frombuffer(mapping, np.uint8).__array_interface__["data"][0]
    first, last = -(-begin // mmap.PAGESIZE), (begin + part.nbytes) // mmap.PAGESIZE
    if part.flags.c_contiguous and last > first:
        mapping.madvise(mmap.MADV_DONTNEED, first * mmap.PAGESIZE, (last - first) * mmap.PAGESIZE)


class Arrays:
    """Rows of arrays that lie side by side, one file or array after the other.

    Parameters
    ----------
    X, y : list of File or InMemory
        As many.
    weight : list likewise, or None
    """

    #: Whether y and weights can be read without X.
    reads_y_alone = True
    names = None

    def __init__(self, X, y, weight):
        self.parts = list(zip(X, y, [None] * len(X) if weight is None else weight, strict=True))
        for place, (inputs, of_y, of_weight) in enumerate(self.parts):
            if len(inputs.shape) != 2:
                raise ValueError(f"X must have rows and columns, but {self._name(place)} is of shape {inputs.shape}")
            for name, other in (("y", of_y), ("sample_weight", of_weight)):
                if other is not None and (not other.shape or len(other) != len(inputs)):
                    raise ValueError(
                        f"{self._name(place)} has {len(inputs)} rows, but its {name} is of shape {other.shape}"
                    )

    @property
    def n_in(self):
        """Columns of X."""
        return self.parts[0][0].shape[1]

    @property
    def dtype(self):
        """That all of X goes into."""
        return np.result_type(*(inputs.dtype for inputs, *_ in self.parts))

    def _name(self, place):
        inputs = self.parts[place][0]
        if isinstance(inputs, File):
            return repr(os.fspath(inputs.path))
        return "the array" if len(self.parts) == 1 else f"array {place}"

    def blocks(self, with_inputs=True):
        """Yield Block after Block."""
        for place, (inputs, *others) in enumerate(self.parts):
            n_rows, first = rows_a_block(inputs.row_bytes), 0
            read = [None if one is None else one.parts(n_rows) for one in (inputs if with_inputs else None, *others)]
            try:
                for _ in range(-(-len(inputs) // n_rows)):
                    X, y, weight = (None if one is None else next(one) for one in read)
                    yield Block(self._name(place), first, X, y, weight)
                    first += len(y)
            finally:
                for one in read:
                    if one is not None:
                        one.close()

"""fastnn's own files: arrays and a description in JSON, as safetensors; no code, nothing to trust.

The format is that of the ``safetensors`` package, which writes the files and checks their headers: eight bytes with the
length of a header, the header in JSON (each array's dtype, shape and place), the arrays. The description stands in the
header's metadata. What it says is checked by those who read it; here it is known only that it is JSON.
"""

import json
import os
import stat
from pathlib import Path

import numpy as np

from fastnn.export.files import replacing
from fastnn.portable import ModelFormatError

#: The entry of the metadata that holds the description, and the one that says what the file is of.
DESCRIPTION, KIND = "fastnn", "format"

#: What safetensors calls a dtype.
DTYPES = {
    "BOOL": "?", "U8": "<u1", "I8": "<i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip


def write(path, kind, description, arrays):
    """Write a file, in place of one that may be there.

    Parameters
    ----------
    path : str or os.PathLike
    kind : str
        What the file is of, such as ``"fastnn.network"``.
    description : dict
        What JSON can hold: strings, finite or infinite numbers, lists, dicts with strings for keys.
    arrays : dict of str to ndarray
        Of numbers.

    Raises
    ------
    OSError
        If it cannot be written; what was there before is there still.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    metadata = {KIND: kind, DESCRIPTION: json.dumps(description)}
    from safetensors.numpy import save

    content = save(arrays, metadata)
    with replacing(path) as file:
        file.write(content)


def read(path, *kinds):
    """Return kind, description and arrays of a file; the arrays are mapped, and cannot be written to.

    Parameters
    ----------
    path : str or os.PathLike
    *kinds : str
        Those that will do.

    Returns
    -------
    kind : str
    description : dict
    arrays : dict of str to numpy.memmap

    Raises
    ------
    ModelFormatError
        If it is none of these files, or is damaged.
    OSError
        If there is no such file, or it is not to be read.
    """
    name = os.fspath(path)
    if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for
        what = "a folder" if Path(path).is_dir() else "no regular file"
        raise ModelFormatError(f"{name!r} is {what}; name a file that was saved by fastnn")
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as opened:  # which checks that all arrays are there, one after another
            metadata = opened.metadata() or {}
    except SafetensorError as error:
        raise ModelFormatError(f"{name!r} is no safetensors file, or is damaged: {error}") from error
    kind = metadata.get(KIND)
    if kind not in kinds:
        raise ModelFormatError(
            f"{name!r} says {kind!r:.60} where a file of fastnn says what it is of; expected {' or '.join(kinds)}"
        )
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = _json(name, "header", file.read(length))
    description = _json(name, "description", metadata.get(DESCRIPTION, ""))
    return kind, description, {
        array: _mapped(path, 8 + length, entry) for array, entry in header.items() if array != "__metadata__"
    }  # fmt: skip


def _json(name, what, text):
    """The dict that a part of a file says, in which no name stands twice."""
    try:
        found = json.loads(text, object_pairs_hook=_no_name_twice)
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"the {what} of {name!r} is no JSON that fastnn writes: {error}") from error
    if not isinstance(found, dict):
        raise ModelFormatError(f"the {what} of {name!r} must be a JSON object, got {found!r:.60}")
    return found


def _no_name_twice(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r:.60} stands twice")
    return found


def _mapped(path, start, entry):
    """The array of an entry of the header, which safetensors has checked."""
    if entry["dtype"] not in DTYPES:
        raise ModelFormatError(f"an array of {os.fspath(path)!r} has the dtype {entry['dtype']!r}, which is not known")
    dtype, shape = np.dtype(DTYPES[entry["dtype"]]), tuple(entry["shape"])
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, "r", start + entry["data_offsets"][0], shape)

"""fastnn's own files: arrays and a description in JSON, as safetensors; no code, nothing to trust.

The format is that of the ``safetensors`` package, which checks the headers of what is read: eight bytes with the length
of a header, the header in JSON (each array's dtype, shape and place), the arrays. It is written here, from where the
arrays lie: the package would copy them first, which takes as long as writing. The description stands in the header's
metadata. What it says is checked by those who read it; here it is known only that it is JSON.
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

#: Entries of descriptions that stand beside these: who does not know them reads the rest.
BESIDE = ("table",)

#: What safetensors calls a dtype.
DTYPES = {
    "BOOL": "?", "U8": "<u1", "I8": "<i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip

#: The other way round.
NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}

#: How files of others begin.
OTHERS = {
    b"\x80": "a pickle, which joblib or pickle loads, if you trust it",
    b"PK": "a zip archive, such as .npz, .keras, skops' or PyTorch's",
    b"\x93NUMPY": "an array of NumPy",
    b"\x89HDF": "HDF5, as Keras has it",
    b"\x08": "ONNX, or what else is of protocol buffers",
    b"\x1f\x8b": "gzip's",
    b"x": "compressed, as joblib does",
}


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
    beside = {name: json.dumps(description[name]) for name in BESIDE if name in description}
    description = {name: value for name, value in description.items() if name not in beside}
    header, at, parts = {"__metadata__": {KIND: kind, DESCRIPTION: json.dumps(description), **beside}}, 0, []
    for name, array in sorted(arrays.items(), key=lambda pair: (-pair[1].itemsize, pair[0])):  # so that all are aligned
        part = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
        place = [at, at + part.nbytes]
        header[name] = {"dtype": NAMES[part.dtype], "shape": list(part.shape), "data_offsets": place}
        parts.append(part)
        at += part.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with replacing(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for part in parts:
            file.write(part.data)  # as it lies in memory: the package would copy all of it


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
    with _opened(path) as file:
        length = int.from_bytes(file.read(8), "little")
        header = _json(name, "header", file.read(length))
        metadata = header.pop("__metadata__", None) or {}
        kind = metadata.get(KIND)
        if kind not in kinds:
            raise ModelFormatError(
                f"{name!r} is of safetensors, but its format is {kind!r:.60}; expected {' or '.join(kinds)}"
            )
        description = _json(name, "description", metadata.get(DESCRIPTION, ""))
        description |= {one: _json(name, one, metadata[one]) for one in BESIDE if one in metadata}
        return kind, description, {one: _mapped(file, name, one, 8 + length, entry) for one, entry in header.items()}


def _opened(path):
    """The file, open, once safetensors has found it whole."""
    from safetensors import SafetensorError, safe_open

    while True:
        file = open(path, "rb")  # noqa: SIM115  it is the caller's
        try:
            start = file.read(8)
            file.seek(0)
            if not start:
                raise SafetensorError("it is empty")
            with safe_open(path, framework="numpy"):  # all arrays are there, one after another, and nothing else
                pass
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):  # else another has taken its place meanwhile
                return file
        except SafetensorError as error:
            file.close()
            hint = next((f"; this may be {what}" for magic, what in OTHERS.items() if start.startswith(magic)), "")
            raise ModelFormatError(
                f"{os.fspath(path)!r} is no file that fastnn saved, or is damaged{hint} ({error})"
            ) from error
        except BaseException:
            file.close()
            raise
        file.close()


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
    found = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r:.60} stands twice")
        found[name] = value
    return found


def _mapped(file, name, array, start, entry):
    """The array of an entry of the header, which safetensors has checked."""
    try:
        dtype, shape = np.dtype(DTYPES[entry["dtype"]]), tuple(entry["shape"])
        if 0 in shape:
            return np.empty(shape, dtype)
        return np.memmap(file, dtype, "r", start + entry["data_offsets"][0], shape)
    except (KeyError, ValueError, OverflowError) as error:
        what = f"{entry['dtype']} of shape {entry['shape']}"
        raise ModelFormatError(f"{array!r:.60} of {name!r} is {what:.80}, which fastnn does not write") from error

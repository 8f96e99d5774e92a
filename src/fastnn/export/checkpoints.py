"""The files of one training in a folder of its own: the newest three, each whole, and which one to go on from.

What is in them is plain data: dicts, lists, numbers, strings and arrays; no pickle. Called by ``training.checkpoints``.
"""

import os
import re
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from fastnn.export.container import read, write
from fastnn.export.values import Arrays, from_json, to_json
from fastnn.portable import ModelFormatError
from fastnn.warned import warn

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None

KIND, VERSION = "fastnn.checkpoint", 1

#: Files that are kept, and their names.
N_KEPT, NAME, IS_NAME = 3, "checkpoint-{}.safetensors", re.compile(r"checkpoint-(\d+)\.safetensors")


class Folder:
    """A folder, made if it is not there, that belongs to one training while it is open; other files are left alone.

    Parameters
    ----------
    path : str or os.PathLike

    Raises
    ------
    OSError
        If it cannot be made or written to, or another training has it open.
    """

    def __init__(self, path):
        self.path, self.name, self.own = Path(path).absolute(), os.fspath(path), set()  # wherever a callback goes
        self.path.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=self.path):  # now, not after an hour
            pass
        self._lock = self._locked()
        for left in self.path.glob(f".{NAME.format('*')}.*.part"):  # by one that was killed
            with suppress(OSError):
                left.unlink()

    def _locked(self):
        """A descriptor of the folder, by which it is ours; it is given back with the process, however that ends."""
        if fcntl is None:
            return None
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise BlockingIOError(
                f"another training keeps its checkpoints in {self.name!r} just now; use a folder for each"
            ) from None
        except OSError:  # a file system without locks
            pass
        return descriptor

    def close(self):
        """Let others have it."""
        if self._lock is not None:
            with suppress(OSError):
                fcntl.flock(self._lock, fcntl.LOCK_UN)  # children that were forked have the descriptor too
            os.close(self._lock)
            self._lock = None

    def numbers(self):
        """The updates after which checkpoints are there, the newest first."""
        found = (IS_NAME.fullmatch(name) for name in os.listdir(self.path))
        return sorted((int(match[1]) for match in found if match), reverse=True)

    def newest(self):
        """Return the plain data of the newest file that is whole, with its identity; None if there is none at all.

        Raises
        ------
        ModelFormatError
            If there are files, but none of them is whole.

        Warns
        -----
        UserWarning
            Of those that are not.
        """
        numbers, damaged = self.numbers(), []
        for number in numbers:
            try:
                found = _read(self.path / NAME.format(number))
            except (TypeError, ValueError, OSError) as error:
                damaged.append(str(error))
                continue
            if damaged:
                warn(f"training goes on from update {number}: {'; '.join(damaged)}", stacklevel=2)
            return found
        if damaged:
            raise ModelFormatError(
                f"there are checkpoints in {self.name!r}, but none is whole: {'; '.join(damaged)}; remove them, or use "
                "another folder"
            )
        return None

    def write(self, number, identity, content, arrays):
        """Remove what is older than the newest two, and write a checkpoint.

        Parameters
        ----------
        number : int
            The updates after which it stands.
        identity : dict of str to str
            What the training is of.
        content, arrays
            As of `flattened`.

        Raises
        ------
        OSError
            If it cannot be written; the newest before it are there still.
        """
        description = {"identity": identity, "content": content}
        description = {"version": VERSION, "digest": _digest(description, arrays), **description}
        for old in [one for one in self.numbers() if one < number][N_KEPT - 1 :]:
            self._remove(self.path / NAME.format(old))
        path = self.path / NAME.format(number)
        try:
            write(path, KIND, description, arrays)
        except OSError as error:
            said = f"{error.strerror}: the checkpoint was not written, and those before it are as they were"
            raise type(error)(error.errno, said, str(path)) from error
        self.own.add(path)

    def _remove(self, path):
        """Remove a file, if it is a checkpoint of ours."""
        with suppress(OSError, ModelFormatError):
            if path not in self.own:
                read(path, KIND)
            path.unlink()


def flattened(plain):
    """Return plain data as what JSON can hold, and a dict of arrays; these are copies."""
    arrays = {}
    description = to_json(plain, arrays, "")
    return description, {name: array.copy() for name, array in arrays.items()}


def _read(path):
    _, description, arrays = read(path, KIND)
    if description.get("version") != VERSION:
        raise ModelFormatError(
            f"{os.fspath(path)!r} is a checkpoint of version {description.get('version')!r:.20}; this fastnn knows "
            f"version {VERSION}"
        )
    arrays = {name: np.array(array) for name, array in arrays.items()}
    digest = description.get("digest")
    described = {name: description.get(name) for name in ("identity", "content")}
    if digest != _digest(described, arrays):
        raise ModelFormatError(f"{os.fspath(path)!r} is damaged: its digest is not that of what is in it")
    return {**from_json(described["content"], Arrays(arrays)), "identity": described["identity"]}


def _digest(description, arrays):
    """Of JSON, which comes back with the same words, and of arrays."""
    found = sha256(repr(description).encode())
    for name in sorted(arrays):
        found.update(name.encode())
        found.update(np.ascontiguousarray(arrays[name]).data)
    return found.hexdigest()

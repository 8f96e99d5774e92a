"""Files that are there whole, or not at all; called by whoever writes one."""

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile


@contextmanager
def replacing(path):
    """Open a file to write bytes to, that takes the place of the one at `path` once all has been written.

    It is written beside the target, flushed to disk and renamed: whatever happens meanwhile, a reader of `path` finds
    the old file or the new one. After an exception the old one is there, and nothing beside it.

    Parameters
    ----------
    path : str or os.PathLike

    Yields
    ------
    file : binary file

    Raises
    ------
    OSError
        If the folder is not there, is not to be written to, or the disk is full.
    """
    path = Path(path)
    path = path.resolve() if path.is_symlink() else path  # what a link points to is replaced, not the link
    if path.is_dir():
        raise IsADirectoryError(f"{os.fspath(path)!r} is a folder; name a file in it")
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False) as file:
        try:
            yield file
            file.flush()
            os.fchmod(file.fileno(), _mode(path))
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(file.name)
            raise
    _flush_folder(path.parent)


def _mode(path):
    """The permissions of the file that is there, or those that a new one would have."""
    with suppress(OSError):
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _flush_folder(folder):
    """Have the name reach the disk too, where a folder can be flushed."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

"""Files that are there whole, or not at all; called by whoever writes one."""

import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex


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
        If the folder is not there, is not to be written to, or the disk is full; or what is at `path` is no file.
    """
    path = Path(path)
    path = path.resolve() if path.is_symlink() else path  # what a link points to is replaced, not the link
    mode = _mode(path)
    beside = path.with_name(f".{path.name}.{token_hex(4)}.part")
    try:
        file = open(beside, "xb")  # noqa: SIM115  by the permissions of any new file
    except OSError as error:  # of a name that nobody has given
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from None
    try:
        with file:
            if mode is not None:
                os.chmod(beside, mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)  # once it is closed: on Windows none is renamed before
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
    _flush_folder(path.parent)


def _mode(path):
    """The permissions of the file that is there, or None; what is no file, such as a device, is not to be replaced."""
    try:
        found = path.stat().st_mode
    except OSError:  # opening another beside it says what is wrong, if anything is
        return None
    if stat.S_ISDIR(found):
        raise IsADirectoryError(f"{os.fspath(path)!r} is a folder; name a file in it")
    if not stat.S_ISREG(found):
        raise OSError(f"{os.fspath(path)!r} is no regular file, such as a pipe or a device; name another")
    return stat.S_IMODE(found)


def _flush_folder(folder):
    """Have the name reach the disk too, where a folder can be flushed."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

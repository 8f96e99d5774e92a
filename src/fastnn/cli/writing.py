"""Whether a result can be written where it is to go, asked before the work is done for it."""

import os
from contextlib import suppress
from pathlib import Path

from fastnn.cli.mistakes import Code, Mistake, of_writing


def check_out(path, force=False, *read):
    """Raise a `Mistake` if a file cannot be written: no such folder, not to be written to, or there already.

    With `force` it may be there, but be a file, and none of those that are `read`.
    """
    path = Path(path)
    with of_writing(path), suppress(FileNotFoundError, NotADirectoryError):
        os.stat(path)  # whose name may be too long
    if path.is_dir():
        raise Mistake(f"{str(path)!r} is a folder; name a file in it by --out", Code.UNWRITTEN)
    if not path.parent.is_dir():
        raise Mistake(
            f"there is no folder {str(path.parent)!r} to write {path.name!r} to; make it, or name another by --out",
            Code.UNWRITTEN,
        )
    if path.exists() and not force:
        raise Mistake(
            f"{str(path)!r} is there already; add --force to replace it, or name another file by --out", Code.UNWRITTEN
        )
    if path.exists() and not path.is_file():
        raise Mistake(f"{str(path)!r} is no regular file; name another by --out", Code.UNWRITTEN)
    if path.exists() and any(os.path.exists(one) and path.samefile(one) for one in read):
        raise Mistake(f"{str(path)!r} is what is read; name another file by --out", Code.UNWRITTEN)
    if not os.access(path.parent, os.W_OK):
        raise Mistake(f"{str(path.parent)!r} is not to be written to; name another folder by --out", Code.UNWRITTEN)

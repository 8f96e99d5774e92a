"""What goes wrong with a command, in words, and the code that the process exits with.

Raised by all of the room, told by ``app``: a `Mistake` is the user's to mend and has no traceback; what is none is a
fault of fastnn.
"""

from contextlib import contextmanager
from enum import IntEnum


class Code(IntEnum):
    """Exit codes."""

    DONE = 0
    FAULT = 1
    USAGE = 2
    UNREADABLE = 3
    UNFIT = 4
    NO_MODEL = 5
    MISSING = 6
    UNWRITTEN = 7
    INTERRUPTED = 130


class Mistake(Exception):  # noqa: N818  the user's
    """Says what came, what was expected and what to do; `code` is the process's."""

    def __init__(self, message, code=Code.USAGE):
        super().__init__(message)
        self.code = Code(code)


@contextmanager
def of_data(code=Code.UNFIT):
    """Have a TypeError or ValueError inside, by which the library refuses data or settings, be a mistake."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise Mistake(str(error), code) from error


@contextmanager
def of_writing(path):
    """Have an OSError inside be a mistake: the result cannot be written."""
    try:
        yield
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        reason = error.strerror or error
        raise Mistake(
            f"{str(path)!r} cannot be written: {reason}; name another file by --out", Code.UNWRITTEN
        ) from error


@contextmanager
def of_model(path):
    """Have an OSError inside be a mistake: the model's file cannot be read."""
    try:
        yield
    except OSError as error:
        raise Mistake(f"{str(path)!r} cannot be read: {error.strerror or error}", Code.NO_MODEL) from error


#: What others call a command, or an option -> what is said of it.
OURS = {
    "fit": " Did you mean 'train'?", "test": " Did you mean 'evaluate'?", "score": " Did you mean 'evaluate'?",
    "--epochs": "; --preset and --time-limit say how long", "--data": "; DATA stands without an option",
}  # fmt: skip


def as_mistake(error):
    """Return the mistake that an exception stands for, None where it is a fault of fastnn."""
    from fastnn.portable import ModelFormatError

    if isinstance(error, Mistake):
        return error
    if hasattr(error, "exit_code") and hasattr(error, "format_message"):  # Typer's, of options
        message = error.format_message()
        word = message.partition(" (P")[0].split()[-1].strip("'.")  # before: Possible options
        return Mistake(message + OURS.get(word, ""), error.exit_code)
    if isinstance(error, ModelFormatError):
        return Mistake(str(error), Code.NO_MODEL)
    if isinstance(error, ImportError):
        return Mistake(str(error), Code.MISSING)
    if isinstance(error, MemoryError):
        said = "there is not enough memory for it; learn from fewer rows by --max-rows, or with fewer units by --hidden"
        return Mistake(said, Code.UNFIT)
    if isinstance(error, OSError) and error.filename is None:  # standard output's: all others are of a path
        return Mistake(f"the result cannot be written: {error.strerror or error}", Code.UNWRITTEN)
    return None


def unknown(what, name, known):
    """Return the words for a name that is not there: what there is, and the nearest."""
    import difflib

    near = difflib.get_close_matches(name.lower(), {one.lower(): one for one in known}, n=1, cutoff=0.6)
    meant = f"; did you mean {next(one for one in known if one.lower() == near[0])!r}?" if near else ""
    listed = ", ".join(map(repr, list(known)[:10])) + (", …" if len(known) > 10 else "")
    return f"no {what} {name!r}{meant or f'; there are {listed}'}"

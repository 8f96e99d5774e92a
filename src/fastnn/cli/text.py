"""Files of text as blocks of whole records: what compressed them, their encoding, their delimiter, their header.

Called by ``reading``. A record ends at a line's end outside of quotes. What cells mean is left to ``cells``.
"""

import bz2
import codecs
import csv
import gzip
import io
import lzma
import re
import zlib
from functools import cached_property

import numpy as np
import polars as pl

from fastnn.cli.mistakes import Code, Mistake

DELIMITERS = ",;\t|"

NAMED = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}

#: How files begin that are no tables, or none that are read.
OTHERS = {b"PK": "a spreadsheet or another archive", b"{": "JSON", b"[": "JSON"}

#: Bytes that are looked at for the delimiter, and that are read at a time.
SAMPLE, BLOCK = 2**16, 2**24


def unreadable(message):
    """Return the mistake of a file that is no table."""
    return Mistake(message, Code.UNREADABLE)


class Block:
    """Some records of a file: their bytes, and how many lines are before them."""

    def __init__(self, data, line):
        self.data, self.line = data if data.endswith(b"\n") else data + b"\n", line
        self._kept = None  # the numbers of records that are no blank lines

    @cached_property
    def _bytes(self):
        return np.frombuffer(self.data, np.uint8)

    def _outside(self, character):
        """Where a character stands outside of quotes."""
        places = np.flatnonzero(self._bytes == ord(character))
        if b'"' not in self.data:
            return places
        return places[np.searchsorted(np.flatnonzero(self._bytes == ord('"')), places) % 2 == 0]

    @cached_property
    def ends(self):
        """Where each record ends, behind its line's end; the last with the data, in quotes or not."""
        ends = self._outside("\n") + 1
        return ends if ends[-1:].tolist() == [len(self.data)] else np.append(ends, len(self.data))

    @property
    def starts(self):
        return np.concatenate([[0], self.ends[:-1]])

    def line_of(self, row):
        """The line, from 1 on, in which a record begins, of those that were kept."""
        start = self.starts[row if self._kept is None else self._kept[row]]
        return self.line + 1 + self.data.count(b"\n", 0, start)

    def n_cells(self, delimiter):
        """How many cells each record has, 0 for a blank line."""
        counts = np.diff(np.searchsorted(self._outside(delimiter), self.ends), prepend=0) + 1
        first = self._bytes[self.starts]
        return np.where((self.ends - self.starts <= 2) & ((first == ord("\n")) | (first == ord("\r"))), 0, counts)

    def without_blank_lines(self, counts):
        """The bytes of all records that have cells, given their `n_cells`."""
        if counts.all():
            return self.data
        self._kept = np.flatnonzero(counts)
        return self._bytes[np.repeat(counts > 0, self.ends - self.starts)].tobytes()

    def lines(self):
        """Return `line_of`: without the bytes, where each record is a line."""
        if self._kept is not None or len(self.ends) < self.data.count(b"\n"):
            return self.line_of
        return (self.line + 1).__add__


class Text:
    """A file of text, opened: `names` of the columns, `delimiter`, and `blocks` of the records beneath the header."""

    def __init__(self, stream, name, delimiter=None, encoding=None):
        self.name = name
        self._stream = _decoded(stream, name, encoding)
        head = self._head()
        if not head.strip():
            raise unreadable(f"{name} is empty; a table needs a line of names, and lines of cells beneath")
        if found := next((what for start, what in OTHERS.items() if head.lstrip().startswith(start)), None):
            raise unreadable(f"{name} looks like {found}; save the table as CSV, Parquet or Arrow")
        if b"\0" in head:
            raise unreadable(f"{name} is no text, nor Parquet, Arrow or NPY; save the table as one of these")
        self.delimiter = _delimiter(delimiter) or found_delimiter(head)
        self.names, self._line, self._rest = self._header(head)

    def blocks(self, size=BLOCK):
        """Blocks of about so many bytes."""
        rest, line, more = b"", self._line, b"-"
        while more:
            more, self._rest = self._rest[:size], self._rest[size:]
            more = more or _read(self._stream, size, self.name)
            rest += more
            cut = _last_end(rest) if more else len(rest)
            if cut:
                data, rest = rest[:cut], rest[cut:]
                _check_utf8(data, self.name, line)
                yield Block(data, line)
                line += data.count(b"\n")

    def _head(self):
        """The first bytes, a whole record at least."""
        head = _read(self._stream, SAMPLE, self.name)
        while not _last_end(head) and (more := _read(self._stream, SAMPLE, self.name)):
            head += more
        return head

    def _header(self, head):
        start = len(head) - len(head.lstrip(b"\r\n"))
        end = start + Block(head[start:], 0).ends[0]
        _check_utf8(head[:end], self.name, 0)
        try:
            (names,) = csv.reader([head[start:end].decode("utf-8-sig")], delimiter=self.delimiter)
        except csv.Error as error:
            said = "its lines end in \\r alone; write them with \\n" if b"\r" in head[start:end].rstrip() else error
            raise unreadable(f"the first line of {self.name} cannot be read as names of columns: {said}") from None
        names = [name.strip() or f"column_{place}" for place, name in enumerate(names, 1)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            places = [place for place, name in enumerate(names, 1) if name == twice[0]]
            raise unreadable(
                f"columns {' and '.join(map(str, places))} of {self.name} are both called {twice[0]!r}; rename one"
            )
        if _are_numbers(names):
            raise unreadable(
                f"the first line of {self.name} has numbers, such as {names[0]!r}, where names of columns are "
                "expected; put a line of names above it"
            )
        return names, head[:end].count(b"\n"), head[end:]


def found_delimiter(head):
    """Return the delimiter by which most lines of a sample have as many cells as the first, the more the better."""
    lines = head.decode(errors="replace").splitlines(keepends=True)
    lines = [line for line in (lines[:-1] if len(lines) > 1 else lines)[:200] if line.strip()] or lines

    def fit(delimiter):
        try:
            counts = [len(cells) for cells in csv.reader(lines, delimiter=delimiter) if cells]
        except csv.Error:
            return 0.0, 0
        return (counts.count(counts[0]) / len(counts), counts[0]) if counts and counts[0] > 1 else (0.0, 0)

    return max(DELIMITERS, key=fit)


def _delimiter(given):
    if given is None:
        return None
    delimiter = NAMED.get(given, given)
    if len(delimiter) != 1 or ord(delimiter) > 127 or delimiter in '"\n\r':
        raise Mistake(f"--delimiter must be one character, such as ';', or the word tab; got {given!r}")
    return delimiter


def _are_numbers(names):
    """Whether names are numbers, and not those of their places."""
    if not all(re.fullmatch(r"[+-]?\d*\.?\d+(e[+-]?\d+)?", name, re.IGNORECASE) for name in names):
        return False
    return names not in ([str(place + start) for place in range(len(names))] for start in (0, 1))


class Zstandard:
    """The text that zstd compressed, by polars: Python has nothing for it before 3.14."""

    def __init__(self, stream):
        source = stream.name if isinstance(stream.name, str) and stream.seekable() else io.BytesIO(stream.read())
        lines = pl.scan_csv(
            source, has_header=False, separator="\0", quote_char=None, schema={"line": pl.String}, glob=False
        )
        self._frames = lines.collect_batches(chunk_size=2**17)

    def read(self, n):
        frame = next(self._frames, None)
        return b"" if frame is None else "".join(line + "\n" for line in frame["line"].fill_null("")).encode()


#: How a compressed file begins -> what opens it.
OPENERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open, b"\x28\xb5\x2f\xfd": Zstandard}


#: What reading raises of a file that is damaged, or in another encoding.
UNREAD = (OSError, EOFError, UnicodeError, lzma.LZMAError, zlib.error, pl.exceptions.PolarsError)


class Recoded:
    """Reads in UTF-8 what is in another encoding."""

    def __init__(self, stream, encoding):
        self._text = codecs.getreader(encoding)(stream)

    def read(self, n):
        return self._text.read(n).encode()


def _decoded(stream, name, encoding):
    """A stream without compression, in UTF-8."""
    start = stream.peek(6)[:6]
    stream = next((opens(stream) for magic, opens in OPENERS.items() if start.startswith(magic)), stream)
    try:
        if encoding is not None:
            " ".encode(encoding)  # refuses, as codecs do not, what is none of text, such as hex
        if encoding is None and hasattr(stream, "peek") and stream.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff"):
            encoding = "utf-16"
        return stream if encoding is None else Recoded(stream, encoding)
    except LookupError:
        raise Mistake(f"unknown --encoding {encoding!r}; expected a name such as latin-1 or utf-16") from None
    except UNREAD as error:
        raise unreadable(f"{name} cannot be read: {error}") from error


def _read(stream, n, name):
    try:
        return stream.read(n)
    except UNREAD as error:
        raise unreadable(f"{name} cannot be read: {error!s:.200}") from error


def _last_end(data):
    """Where the last whole record of the data ends, 0 for none."""
    end = data.rfind(b"\n") + 1
    n_quotes = data.count(b'"', 0, end)
    while end and n_quotes % 2:
        before = data.rfind(b"\n", 0, end - 1) + 1
        n_quotes -= data.count(b'"', before, end)
        end = before
    return end


def _check_utf8(data, name, line):
    try:
        data.decode()
    except UnicodeDecodeError as error:
        at = line + 1 + data.count(b"\n", 0, error.start)
        raise unreadable(
            f"line {at} of {name} is not in UTF-8 (byte {data[error.start]:#04x}); say what it is in, such as "
            "--encoding latin-1"
        ) from None

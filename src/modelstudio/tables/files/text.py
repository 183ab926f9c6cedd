"""The text of a CSV file, as UTF-8 whatever it is stored as.

A file may be packed with gzip. Its text is UTF-8 (with or without a byte order mark), UTF-16, or,
if it is neither, Windows-1252, which spreadsheets write in the West. Looking at all of the file
tells which; so a letter in the last line decides as one in the first does.
"""

from __future__ import annotations

import codecs
import contextlib
import gzip
import re
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any, Final, cast

import pyarrow as pa

from modelstudio.tables.files.problems import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK: Final = 1 << 20
_HEAD_BYTES: Final = 1 << 22
_TAIL_BYTES: Final = 1 << 14
#: As a share of all bytes. Where every value is a NUL byte it is a quarter.
_LEAST_ZEROS: Final = 0.35
_GZIP: Final = b"\x1f\x8b"
_BOMS: Final = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
#: What the user is told of the encodings that are worth telling.
ENCODINGS: Final = {
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32-le": "UTF-32",
    "cp1252": "Windows-1252",
}
_UTF8_LETTER: Final = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_HIGH: Final = bytes(range(128, 256))
_CONTROLS: Final = frozenset(range(32)) - frozenset(b"\t\n\r\f")
_ESCAPED: Final = re.compile(rb'\\([\\"])')
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_DAMAGED_GZIP: Final = "It is a damaged gzip file."


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file and how its bytes become UTF-8.

    Attributes
    ----------
    skipped
        How many bytes of a byte order mark come before the text.
    quotes
        Whether there is any double quote in it.
    backslashes
        Whether quotes are escaped with a backslash. The text is given with them doubled.
    size
        How many bytes of text there are, if quotes are not escaped.
    tail
        The last of them.
    """

    path: Path
    gzipped: bool
    encoding: str
    skipped: int
    quotes: bool = False
    backslashes: bool = False
    size: int = 0
    tail: bytes = b""

    def escaped(self) -> TextFile:
        """Return the same file, read as one whose quotes are escaped with a backslash."""
        return replace(self, backslashes=True, size=0, tail=b"")

    def blocks(self) -> Iterator[bytes]:
        """Yield the text in pieces of about a megabyte.

        Raises
        ------
        Unreadable
            For a damaged gzip file.
        """
        pieces = self._pieces()
        return _doubled(pieces) if self.backslashes else pieces

    def head(self) -> tuple[str, bool]:
        """Return the first four megabytes of the text, and whether that is all of it."""
        found = b""
        for block in self.blocks():
            found += block
            if len(found) >= _HEAD_BYTES:
                return codecs.getincrementaldecoder("utf-8")().decode(found), False
        return found.decode(), True

    def line_of(self, offset: int) -> int:
        """Return the number of the line in which the byte at an offset of the text is."""
        before, seen, last = 1, 0, b""
        for block in self.blocks():
            part = block[: offset - seen]
            # A line end that two pieces share is one.
            before += len(_LINE_END.findall(part)) - (last == b"\r" and part[:1] == b"\n")
            seen, last = seen + len(block), block[-1:]
            if seen >= offset:
                break
        return before

    @contextmanager
    def opened(self, offset: int, end: int | None = None) -> Iterator[Any]:
        """Open the text from an offset to another (None: all that follows), for Arrow."""
        if self.backslashes:
            raw = pa.PythonFile(_Joined(self.blocks()), mode="r")
        else:
            raw = pa.OSFile(str(self.path))
            raw = pa.CompressedInputStream(raw, "gzip") if self.gzipped else raw
            _skip(raw, self.skipped)
            if self.encoding != "utf-8":
                raw = pa.transcoding_input_stream(raw, self.encoding, "utf-8")
        with raw:
            _skip(raw, offset)
            if end is None:
                yield raw
            else:
                with pa.PythonFile(_Part(raw, end - offset), mode="r") as part:
                    yield part

    def _pieces(self) -> Iterator[bytes]:
        decoder = None
        if self.encoding != "utf-8":
            decoder = codecs.getincrementaldecoder(self.encoding)()
        for raw in _raw_pieces(self.path, gzipped=self.gzipped, skipped=self.skipped):
            piece = raw if decoder is None else decoder.decode(raw).encode()
            if piece:
                yield piece
        if decoder is not None and (rest := decoder.decode(b"", final=True)):
            yield rest.encode()


def examined(path: Path) -> TextFile:
    """Look at all of a file, for how it is stored.

    Raises
    ------
    Unreadable
        When it is no text; the message names the line.
    """
    with path.open("rb") as file:
        gzipped = file.read(len(_GZIP)) == _GZIP
    start = next(_raw_pieces(path, gzipped=gzipped, skipped=0), b"")
    encoding, skipped = _announced(start)
    text = TextFile(path, gzipped, encoding, skipped)
    try:
        return _checked(text)
    except UnicodeDecodeError:
        if skipped and encoding != "utf-8":
            raise Unreadable(f"It is not the {ENCODINGS[encoding]} text that it seems.") from None
        if encoding != "utf-8":  # only its first bytes looked so
            text = replace(text, encoding="utf-8")
            with contextlib.suppress(UnicodeDecodeError):
                return _checked(text)
        return _checked(_without_unicode(text))


def _announced(start: bytes) -> tuple[str, int]:
    """Return the encoding that a file's start tells, and the bytes that do nothing else."""
    for mark, encoding in _BOMS:
        if start.startswith(mark):
            return encoding, len(mark)
    sample = start[:4096]
    if len(sample) > 1:  # of text in a Latin script in UTF-16, each second byte is zero
        evens, odds = sample[::2].count(0), sample[1::2].count(0)
        least = len(sample) * _LEAST_ZEROS
        if odds > least and not evens:
            return "utf-16-le", 0
        if evens > least and not odds:
            return "utf-16-be", 0
    return "utf-8", 0


def _checked(text: TextFile) -> TextFile:
    decoder = codecs.getincrementaldecoder("utf-8")()
    quotes, seen, tail = False, 0, b""
    for block in text.blocks():
        if not block.isascii() or decoder.getstate()[0]:
            decoder.decode(block)
        if b"\0" in block:
            line = text.line_of(seen + block.index(b"\0"))
            raise Unreadable(f"Line {line} has a NUL byte.")
        quotes = quotes or b'"' in block
        seen += len(block)
        tail = (tail + block[-_TAIL_BYTES:])[-_TAIL_BYTES:]
    decoder.decode(b"", final=True)
    return replace(text, quotes=quotes, size=seen, tail=tail)


def _without_unicode(text: TextFile) -> TextFile:
    """Return a file that is not UTF-8 as Windows-1252.

    A file that is UTF-8 but for a few bytes is a damaged one: read so, all its letters were wrong.
    """
    proper = odd = 0
    wrong, seen = None, 0
    for block in text.blocks():
        letters = _UTF8_LETTER.findall(block)
        high = len(block) - len(block.translate(None, _HIGH))
        stray = high - sum(map(len, letters))
        if stray and wrong is None:
            wrong = seen + _first_stray(block)
        proper, odd = proper + len(letters), odd + stray
        seen += len(block)
    line = text.line_of(wrong or 0)
    if proper > odd:
        raise Unreadable(f"Line {line} is not UTF-8 text, unlike the rest; save the file as UTF-8.")
    western = replace(text, encoding="cp1252")
    try:
        for block in western.blocks():
            if _CONTROLS & set(block):
                raise Unreadable(f"Line {line} is no text; save the file as UTF-8.")
    except UnicodeDecodeError:
        raise Unreadable(f"Line {line} is not UTF-8 text; save the file as UTF-8.") from None
    return western


def _first_stray(block: bytes) -> int:
    blanked = _UTF8_LETTER.sub(lambda found: b" " * len(found[0]), block)
    return next(index for index, byte in enumerate(blanked) if byte in _HIGH)


def _raw_pieces(path: Path, *, gzipped: bool, skipped: int) -> Iterator[bytes]:
    try:
        with cast("IO[bytes]", gzip.open(path)) if gzipped else path.open("rb") as file:
            file.read(skipped)
            while piece := file.read(_CHUNK):
                yield piece
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Unreadable(_DAMAGED_GZIP) from error


def _doubled(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Write a quote behind a backslash as two quotes, and two backslashes as one."""
    held = b""
    for piece in pieces:
        block = held + piece
        open_ = (len(block) - len(block.rstrip(b"\\"))) % 2
        held = block[len(block) - open_ :]
        yield _ESCAPED.sub(_unescaped, block[: len(block) - open_])
    if held:
        yield held


def _unescaped(found: re.Match[bytes]) -> bytes:
    return b'""' if found[1] == b'"' else b"\\"


class _Joined:
    """Pieces as a file that Arrow can read."""

    closed = False

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._left) < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._left += piece
        end = len(self._left) if size < 0 else size
        found, self._left = self._left[:end], self._left[end:]
        return found

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


class _Part:
    """The first bytes of a stream as a file that Arrow can read."""

    closed = False

    def __init__(self, stream: Any, size: int) -> None:
        self._stream = stream
        self._left = size

    def read(self, size: int = -1) -> bytes:
        found: bytes = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(found)
        return found

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


def _skip(stream: Any, count: int) -> None:
    while count > 0 and (skipped := stream.read(min(count, _CHUNK))):
        count -= len(skipped)

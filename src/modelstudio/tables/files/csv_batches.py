"""The rows of a CSV file, block by block, in the file's order.

Arrow parses; what it would take without a word (a quote that is not closed, a NUL byte) was
refused before. Blank lines are no rows, and neither is a line that begins with ``#`` unless it has
as many values as a row.
"""

from __future__ import annotations

import contextlib
import csv
import io
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from pyarrow import csv as parsing

from modelstudio.tables.files import heads, quotes
from modelstudio.tables.files.heads import MAX_LINE_BYTES
from modelstudio.tables.files.problems import Unreadable
from modelstudio.tables.files.text import TextFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from modelstudio.tables.files.heads import Head

arrow_csv: Any = parsing  # mypy sees nothing of it
_TOO_LONG: Final = ("straddling", "block size")
_CONVERSION: Final = "In CSV column"
_LEAST_BLOCK_BYTES: Final = 1 << 22
_MOST_BLOCK_BYTES: Final = 1 << 24


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written; plain values.

    Attributes
    ----------
    start
        The offset in the text, in bytes, of the first row.
    width
        How many values a row has.
    newlines
        Whether quoted values have line ends in them.
    names
        How many names the header has.
    """

    delimiter: str
    gzipped: bool
    encoding: str
    skipped: int
    quotes: bool
    backslashes: bool
    start: int
    width: int
    newlines: bool
    names: int

    @classmethod
    def of(cls, text: TextFile, head: Head) -> Dialect:
        """Return the dialect of a file, of which a way to begin is known.

        Raises
        ------
        Unreadable
            When a quote is not where quotes may be.
        """
        newlines = _newlines(text, head.delimiter) if text.quotes else False
        return cls(
            head.delimiter,
            text.gzipped,
            text.encoding,
            text.skipped,
            text.quotes,
            text.backslashes,
            head.start,
            head.width,
            newlines,
            len(head.names),
        )

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Dialect:
        return cls(**state)

    def state(self) -> dict[str, Any]:
        return asdict(self)

    def text(self, path: Path) -> TextFile:
        return TextFile(
            path, self.gzipped, self.encoding, self.skipped, self.quotes, self.backslashes
        )


def _newlines(text: TextFile, delimiter: str) -> bool:
    found = quotes.examined(text.blocks(), delimiter)
    if found.wrong is None:
        return found.newlines
    line = text.line_of(found.wrong)
    raise Unreadable(f"Line {line} has a quote that is not closed, or closed too early.")


@dataclass(frozen=True, slots=True)
class Parsing:
    """What is parsed, and how.

    Attributes
    ----------
    types
        As what columns are parsed, by position; None for all of them as text.
    nulls
        Texts that are missing values where no text is parsed; where one is, an empty text is.
    done
        How many rows to leave out.
    comments
        Takes the lines that are comments.
    """

    types: Mapping[int, pa.DataType] | None = None
    nulls: Sequence[str] = ()
    done: int = 0
    comments: list[str] = field(default_factory=list)


def read(path: Path, dialect: Dialect, how: Parsing) -> Iterator[pa.RecordBatch]:
    """Yield the file's rows in batches of the columns ``c0``, ``c1`` ...

    Raises
    ------
    Unreadable
        When a row has more or fewer values than the others; the message has its line.
    pyarrow.ArrowInvalid
        When a value is not what its column is parsed as.
    """
    text = dialect.text(path)
    done, size = how.done, min(_MOST_BLOCK_BYTES, max(_LEAST_BLOCK_BYTES, dialect.width << 11))
    while True:
        try:
            for batch in _batches(text, dialect, how, size, done):
                done += batch.num_rows
                yield batch
        except pa.ArrowInvalid as error:
            size = _larger(error, text, dialect, size)
            how.comments.clear()
        else:
            return


def _larger(error: Exception, text: TextFile, dialect: Dialect, size: int) -> int:
    """Return how much to parse at a time when a line is longer; raise any other error's reason."""
    if _CONVERSION in str(error):
        raise error
    if not any(sign in str(error) for sign in _TOO_LONG):
        raise _odd_row(text, dialect) from error
    if size >= MAX_LINE_BYTES:
        raise Unreadable(f"A line is longer than {MAX_LINE_BYTES} bytes.") from error
    return MAX_LINE_BYTES


def _batches(
    text: TextFile, dialect: Dialect, how: Parsing, size: int, skipped: int
) -> Iterator[pa.RecordBatch]:
    """Yield the rows behind the first ones, parsed in blocks of that size."""

    def skipping(row: Any) -> str:
        if heads.is_comment(row.text or ""):
            how.comments.append(row.text)
            return "skip"
        return "error" if (row.text or "").strip() else "skip"

    # Threads would cost a third more of CPU, and read thirty blocks ahead.
    reading = arrow_csv.ReadOptions(
        column_names=[f"c{position}" for position in range(dialect.width)],
        block_size=size,
        use_threads=False,
    )
    parse = arrow_csv.ParseOptions(
        delimiter=dialect.delimiter,
        quote_char='"' if dialect.quotes else False,
        newlines_in_values=dialect.newlines,
        invalid_row_handler=skipping,
    )
    left = skipped
    with text.opened(dialect.start) as stream:
        try:
            for batch in arrow_csv.open_csv(stream, reading, parse, _conversion(dialect, how)):
                if left < batch.num_rows:
                    yield batch.slice(left)
                left = max(0, left - batch.num_rows)
        except pa.ArrowInvalid as error:
            if "Empty CSV file" not in str(error):
                raise


def _conversion(dialect: Dialect, how: Parsing) -> Any:
    every = range(dialect.width if how.types is None else 1)
    wanted = how.types or dict.fromkeys(every, pa.string())
    return arrow_csv.ConvertOptions(
        column_types={f"c{position}": type_ for position, type_ in wanted.items()},
        include_columns=[f"c{position}" for position in wanted],
        null_values=["", *how.nulls],
        # What is no value elsewhere is a text in a column of texts.
        strings_can_be_null=not how.nulls,
        check_utf8=False,  # it was
    )


def _odd_row(text: TextFile, dialect: Dialect) -> Unreadable:
    """Find the first row that has more or fewer values than it should."""
    before = text.line_of(dialect.start) - 1
    with text.opened(dialect.start) as stream:
        lines = io.TextIOWrapper(stream, "utf-8", newline="")
        rows = csv.reader(
            lines,
            delimiter=dialect.delimiter,
            quoting=csv.QUOTE_MINIMAL if dialect.quotes else csv.QUOTE_NONE,
        )
        line = 1
        with contextlib.suppress(csv.Error):  # a value that is too long
            for row in rows:
                if len(row) != dialect.width and not (
                    heads.is_blank(row) or heads.is_comment(row[0])
                ):
                    return Unreadable(_count_problem(before + line, len(row), dialect))
                line = rows.line_num + 1
    return Unreadable("It cannot be read as CSV.")


def _count_problem(line: int, found: int, dialect: Dialect) -> str:
    values = "1 value" if found == 1 else f"{found} values"
    names = "1 column" if dialect.names == 1 else f"{dialect.names} columns"
    if dialect.width == dialect.names:
        return f"Line {line} has {values}, but the first line names {names}."
    return f"Line {line} has {values}, but the rows before it have {dialect.width}."

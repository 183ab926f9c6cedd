"""What goes over the pipes between a predictor's process and whoever asks it.

A message is a line of JSON, an object whose ``size`` says how many bytes follow the line. Tables
are such bytes: Arrow's stream format, so that whoever asks need not read them. Notes are
sentences about the answer, such as how many values did not fit.

    {"op": "predict", "size": N} + table     {"notes": [...], "size": N} + table
    {"op": "row", "row": {...}}              {"row": {...}, "notes": [...]}
    anything                                 {"problem": "...", "missingColumn": "..."}
"""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Head = dict[str, Any]


def write(file: IO[bytes], head: Mapping[str, Any], body: bytes | memoryview = b"") -> None:
    """Write one message and flush it."""
    size = memoryview(body).nbytes
    file.write(json.dumps({**head, "size": size}, allow_nan=False).encode() + b"\n")
    if size:
        file.write(body)
    file.flush()


def read(file: IO[bytes]) -> tuple[Head, bytes] | None:
    """Return the next message and its bytes, None when the other side is gone."""
    line = file.readline()
    if not line.endswith(b"\n"):
        return None
    head: Head = json.loads(line)
    size = head["size"]
    body = file.read(size) if size else b""
    return None if len(body) < size else (head, body)

"""Hands what the training process reports to the server, in order and while it happens."""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING, BinaryIO, Final, NoReturn

from modelstudio.worker.job_server import ServerRefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from modelstudio.worker.job_server import JobServer

_log = logging.getLogger("modelstudio.worker")

_PAUSE_SECONDS: Final = 0.3
_BATCH_EVENTS: Final = 1000
_BATCH_BYTES: Final = 1 << 20


class EventForwarder:
    """Reads ``events.jsonl`` as it grows; the file keeps what the server has yet to get."""

    def __init__(self, server: JobServer, attempt: int, file: Path) -> None:
        self._server = server
        self._attempt = attempt
        self._file = file
        self._next_sequence = 0
        self._finishing = threading.Event()

    def run(self) -> None:
        """Forward until ``finish`` was called and everything is handed over."""
        with self._file.open("rb") as source:
            while True:
                finishing = self._finishing.is_set()
                while batch := _next_batch(source):
                    self._hand_over(batch)
                if finishing:
                    return
                self._finishing.wait(_PAUSE_SECONDS)

    def finish(self) -> None:
        """Say that the file does not grow any more."""
        self._finishing.set()

    def _hand_over(self, lines: list[bytes]) -> None:
        events = [line for line in lines if _is_event(line)]
        if len(events) < len(lines):
            _log.error("Left out %d malformed events", len(lines) - len(events))
        if not events:
            return
        try:
            self._server.events(self._attempt, self._next_sequence, events)
        except ServerRefusedError as refusal:
            # Reports are not worth a training run, and repeating them would not help.
            _log.error("Lost %d events: %s", len(events), refusal)
        self._next_sequence += len(events)


def _next_batch(source: BinaryIO) -> list[bytes]:
    """Read complete lines; one that is still being written is left for the next time."""
    lines: list[bytes] = []
    size = 0
    while len(lines) < _BATCH_EVENTS and size < _BATCH_BYTES:
        start = source.tell()
        line = source.readline()
        if not line.endswith(b"\n"):
            source.seek(start)
            break
        lines.append(line.rstrip(b"\n"))
        size += len(line)
    return lines


def _is_event(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line, parse_constant=_refuse), dict)
    except ValueError:
        return False


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")

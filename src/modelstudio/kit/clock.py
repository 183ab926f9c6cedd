"""Time and identifiers, passed to whoever needs them so that tests are exact."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now_millis(self) -> int:
        """Milliseconds since the epoch, UTC."""
        ...


class SystemClock:
    def now_millis(self) -> int:
        return time.time_ns() // 1_000_000


class IdSource(Protocol):
    def uuid(self) -> str: ...


class RandomIds:
    def uuid(self) -> str:
        return str(uuid.uuid4())


def iso_time(millis: int) -> str:
    """Render epoch milliseconds as the wire does: ISO 8601, UTC, milliseconds, ``Z``."""
    seconds, rest = divmod(millis, 1000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"

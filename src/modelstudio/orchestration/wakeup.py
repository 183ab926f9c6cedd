"""Wakes the dispatcher as soon as there is work for it, and not before it can be seen."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.pool import ConnectionPoolEntry

_MARK: Final = "modelstudio.orchestration.wake"


class Wakeup:
    """An event that is set once the transactions that asked for it have ended.

    SQLAlchemy tells of a commit just before it happens; a connection that returns to its pool has
    its transaction behind it.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._event = threading.Event()
        sa.event.listen(engine, "checkin", self._on_checkin)

    def after(self, tx: sa.Connection) -> None:
        """Wake when this transaction has ended, however it ends."""
        tx.info[_MARK] = True

    def now(self) -> None:
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Return once woken since the last call, or after this time; say which it was."""
        woken = self._event.wait(seconds)
        self._event.clear()
        return woken

    def _on_checkin(self, _connection: Any, record: ConnectionPoolEntry) -> None:
        if record.info.pop(_MARK, False):
            self._event.set()

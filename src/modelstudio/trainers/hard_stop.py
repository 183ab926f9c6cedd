"""Ends a part of a fit that runs past its time, from within, so that the rest goes on."""

from __future__ import annotations

import math
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import FrameType, TracebackType

_RETRY_SECONDS = 0.1


class HardStop:
    """Raises an error in the main thread once a deadline has passed.

    Libraries ask models to keep to their time limit, and not all do. Signals reach the main thread
    only, so in another thread there is no hard stop.
    """

    def __init__(self, seconds: float, within: str, error: type[Exception]) -> None:
        """Raise ``error``, after that many seconds, inside a function of the name ``within``.

        Only there does the library take it for the failure of one model.
        """
        self._deadline = time.monotonic() + seconds
        self._within = within
        self._error = error
        self._possible = threading.current_thread() is threading.main_thread()
        self._previous: Any = None
        self._armed = False

    def __enter__(self) -> Self:
        if self._possible:
            self._previous = signal.signal(signal.SIGALRM, self._on_alarm)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._possible:
            self.disarm()
            signal.signal(signal.SIGALRM, self._previous)

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self._deadline

    def arm(self, at_most: float = math.inf) -> None:
        """Stop what follows at the deadline, or that many seconds from now if this is sooner."""
        if self._possible:
            self._armed = True
            seconds = min(self._deadline - time.monotonic(), at_most)
            signal.setitimer(signal.ITIMER_REAL, max(seconds, _RETRY_SECONDS))

    def disarm(self) -> None:
        # An alarm that is on its way must not set another, which might come when the handler is
        # gone and then end the process.
        self._armed = False
        if self._possible:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _on_alarm(self, _number: int, frame: FrameType | None) -> None:
        if not self._armed:
            return
        while frame is not None:
            if frame.f_code.co_name == self._within:
                raise self._error
            frame = frame.f_back
        signal.setitimer(signal.ITIMER_REAL, _RETRY_SECONDS)

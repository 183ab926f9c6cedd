"""Holds a fit to its limits of time and memory."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Self

import catboost
from autogluon.core.utils.exceptions import TimeLimitExceeded

from modelstudio.trainers.hard_stop import HardStop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType, TracebackType


_AGAIN_SECONDS = 1.0


class ModelStop(HardStop):
    """Ends the fit of a model that runs past a deadline, as if its time limit had been reached.

    The signal is handled when native code comes back to Python, which the boosters do after each
    round.

    Parameters
    ----------
    seconds
        Until the deadline.
    grace
        Seconds more that an ensemble of fitted models may take.

    Attributes
    ----------
    ended
        How many models were ended.
    """

    def __init__(self, seconds: float, grace: float = 0.0) -> None:
        # Only inside this function does AutoGluon take an exception for a model that has failed.
        super().__init__(seconds, within="_train_single", error=TimeLimitExceeded)
        self._grace = grace
        self._restore = ExitStack()
        self.ended = 0

    def __enter__(self) -> Self:
        # CatBoost asks for signals while it is in native code, and makes a KeyboardInterrupt of
        # what a handler raises.
        for model in (catboost.CatBoostClassifier, catboost.CatBoostRegressor):
            self._restore.callback(setattr, model, "fit", model.fit)
            model.fit = self._without_interrupt(model.fit)
        return super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        self._restore.close()

    def arm_ensemble(self) -> None:
        """Stop what follows when the grace is over, too."""
        deadline = self._deadline
        self._deadline += self._grace
        try:
            self.arm()
        finally:
            self._deadline = deadline

    def _without_interrupt(self, fit: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            ended = self.ended
            try:
                return fit(*args, **kwargs)
            except KeyboardInterrupt:
                if self.ended == ended:
                    raise
                raise TimeLimitExceeded from None

        return call

    def _on_alarm(self, number: int, frame: FrameType | None) -> None:
        try:
            super()._on_alarm(number, frame)
        except TimeLimitExceeded:
            self.ended += 1
            # CatBoost may lose what is raised while one of its callbacks runs.
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)
            raise


@contextmanager
def memory_limit_restored() -> Iterator[None]:
    """Undo that AutoGluon keeps its memory limit in the environment."""
    name = "AG_MEMORY_LIMIT_IN_GB"
    before = os.environ.get(name)
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before

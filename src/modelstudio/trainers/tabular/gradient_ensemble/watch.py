"""Stops boosting early, in time, or to begin again with a learning rate that fits the time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from modelstudio.trainers.tabular.gradient_ensemble.problem import Pace

Verdict = Literal["go on", "enough", "cut", "faster"]

_PROBED_ROUNDS = 8
_PROBED_SHARE = 0.15
#: Beginning again costs the rounds so far, so small misfits are left.
_TOLERANCE = 1.3
#: A higher rate costs more than the rounds that it saves are worth: rather the fit is cut.
FASTEST = 0.15


class Watch:
    """Follows the loss on the valid rows round by round.

    A round's step is proportional to the learning rate, so that about ``need / rate`` rounds are
    needed. After some rounds the time that a round takes is known; when the rounds needed would
    take more than the pace allows, a higher rate is asked for.
    """

    def __init__(self, pace: Pace, rate: float, need: float, patience: int, *, fixed: bool) -> None:
        self._pace = pace
        self._rate = rate
        self._need = need
        self._patience = patience
        self._probing = not fixed and pace.seconds is not None
        self._first_round = 0.0
        self.started = time.monotonic()
        self.best_rounds = 0
        self.best_loss = float("inf")
        self.was_cut = False
        self.faster: float | None = None
        self.curve: list[tuple[int, float]] = []

    def see(self, rounds: int, loss: float, shown: float) -> Verdict:
        """Take in the loss after so many rounds and say how to go on."""
        self.curve.append((rounds, shown))
        settled = self._pace.rounds is not None
        if settled or loss < self.best_loss or not self.best_rounds:
            self.best_loss, self.best_rounds = loss, rounds
        now = time.monotonic()
        if rounds == 1:
            self._first_round = now
        if now >= self._pace.deadline:
            self.was_cut = True
            return "cut"
        if rounds - self.best_rounds >= self._patience:
            return "enough"
        return self._probe(rounds, now)

    def _probe(self, rounds: int, now: float) -> Verdict:
        if not self._probing or self._pace.seconds is None or rounds < 3:  # noqa: PLR2004
            return "go on"
        spent = now - self.started
        if rounds < _PROBED_ROUNDS and spent < _PROBED_SHARE * self._pace.seconds:
            return "go on"
        self._probing = False
        per_round = (now - self._first_round) / (rounds - 1)
        possible = max((self._pace.seconds - spent) / max(per_round, 1e-9), 1)
        wanted = min(self._need / possible, FASTEST)
        if wanted <= self._rate * _TOLERANCE:
            return "go on"
        self.faster = wanted
        return "faster"


def patience_of(rate: float) -> int:
    """Return the rounds without a gain after which boosting ends."""
    return int(min(max(4 / rate, 20), 250))

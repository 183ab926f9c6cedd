"""How a trainer learns how long it may, and how a part of it is ended that takes too long."""

from __future__ import annotations

import math
import signal
import time
from pathlib import Path

import pytest

from modelstudio.trainers.base import TrainingTask
from modelstudio.trainers.hard_stop import HardStop


def task(**times: float) -> TrainingTask:
    folder = Path()
    return TrainingTask({}, {}, 1, 10**9, output_dir=folder, scratch_dir=folder, **times)


def test_the_time_left_counts_from_the_start_of_the_run_and_ends_at_zero() -> None:
    assert task().time_left() == math.inf
    left = task(wall_seconds=60).time_left()
    assert 59 < left <= 60
    assert 29 < task(wall_seconds=60, started=time.monotonic() - 30).time_left() <= 30
    assert task(wall_seconds=60, started=time.monotonic() - 100).time_left() == 0


class TooLong(Exception):
    pass


def fits_one(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


@pytest.mark.parametrize(("deadline", "at_most"), [(0.2, math.inf), (60, 0.2)])
def test_a_part_is_ended_at_the_deadline_or_after_its_own_share(
    deadline: float, at_most: float
) -> None:
    started = time.monotonic()
    with HardStop(deadline, within="fits_one", error=TooLong) as stop:
        stop.arm(at_most)
        with pytest.raises(TooLong):
            fits_one(30)
    assert 0.15 < time.monotonic() - started < 10


def test_nothing_is_ended_outside_the_part_nor_once_it_is_disarmed() -> None:
    with HardStop(0.05, within="fits_one", error=TooLong) as stop:
        stop.arm()
        until = time.monotonic() + 0.4
        while time.monotonic() < until:
            pass
        assert stop.passed
        stop.disarm()
        fits_one(0.3)


def test_an_alarm_that_comes_while_it_is_disarmed_sets_no_new_one() -> None:
    """A new one would end the whole process, once the handler is gone."""
    with HardStop(60, within="fits_one", error=TooLong) as stop:
        stop.arm()
        stop.disarm()
        signal.raise_signal(signal.SIGALRM)
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)

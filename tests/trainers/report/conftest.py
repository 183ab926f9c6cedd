"""Runs a report and keeps what it says."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from modelstudio.trainers.tabular.report import Subject, write
from report_data import formula

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Report:
    metrics: dict[str, float]
    tables: dict[str, pd.DataFrame]
    lines: list[tuple[str, str]]
    cpu_seconds: float

    @property
    def codes(self) -> list[str]:
        return list(self.tables["warnings"]["code"])


@dataclass
class _Recorder:
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    lines: list[tuple[str, str]] = field(default_factory=list)

    def table(self, name: str, frame: pd.DataFrame, description: str) -> None:
        assert description
        self.tables[name] = frame

    def log(self, message: str, level: str = "INFO") -> None:
        self.lines.append((level, message))


@pytest.fixture
def report() -> Callable[..., Report]:
    def run(subject: Subject, seconds: float = 60) -> Report:
        recorder, started = _Recorder(), time.process_time()
        metrics = write(subject, recorder, time.monotonic() + seconds)  # type: ignore[arg-type]
        return Report(metrics, recorder.tables, recorder.lines, time.process_time() - started)

    return run


@pytest.fixture
def mixed() -> pd.DataFrame:
    """600 rows of ``y`` = size + colour + hour, with noise and a column that says nothing."""
    random = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "size": random.normal(50, 10, 600),
            "colour": random.choice(["red", "green", "blue", None], 600),
            "at": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(random.integers(0, 24 * 90, 600), unit="h"),
            "noise": random.normal(size=600),
        }
    )
    return frame.assign(y=formula(frame) + random.normal(size=600))

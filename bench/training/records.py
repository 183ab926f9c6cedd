"""The results, one JSON object a line; a later line of the same fit stands for the earlier."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass, fields
from functools import cache as once
from pathlib import Path
from typing import Any

import psutil
from bench.training import cache


@dataclass(frozen=True, slots=True)
class Result:
    """What one fit gave.

    Attributes
    ----------
    budget
        Seconds that the engine was told; 0 for an engine that takes no budget.
    error
        Lower is better; None when there is no model that predicts every test row.
    constant_error
        Of predicting the same for every row.
    fit_seconds, predict_seconds
        Elapsed, without imports; ``predict_seconds`` for the whole test set.
    row_ms
        CPU milliseconds for a single row, median of several.
    peak_bytes
        Resident memory of the fitting process at its highest.
    failure
        Why there is no error; None when there is one.
    """

    set: str
    engine: str
    version: str
    budget: int
    seed: int
    metric: str
    error: float | None = None
    constant_error: float | None = None
    train_rows: int | None = None
    fit_seconds: float | None = None
    predict_seconds: float | None = None
    row_ms: float | None = None
    size_bytes: int | None = None
    peak_bytes: int | None = None
    failure: str | None = None
    machine: str = ""
    measured: str = ""

    @property
    def key(self) -> tuple[str, str, int, int]:
        return self.set, self.engine, self.budget, self.seed


def results_file() -> Path:
    return cache.folder() / "training-results.jsonl"


def append(path: Path, result: Result) -> None:
    """Add a result; the write is one call, so that parallel runs do not mix their lines."""
    with path.open("ab", buffering=0) as file:
        file.write(json.dumps(asdict(result)).encode() + b"\n")


def read(path: Path) -> dict[tuple[str, str, int, int], Result]:
    """Return the newest result of each fit; a line cut by an interruption is left out."""
    found: dict[tuple[str, str, int, int], Result] = {}
    if not path.exists():
        return found
    known = {field.name for field in fields(Result)}
    for line in path.read_bytes().splitlines():
        try:
            values: dict[str, Any] = json.loads(line)
        except ValueError:
            continue
        result = Result(**{name: value for name, value in values.items() if name in known})
        found[result.key] = result
    return found


@once
def machine() -> str:
    """Return what results must have in common to be compared."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{_cpu_model()}, {psutil.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.machine()}"
    )


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()

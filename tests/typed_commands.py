"""The command line as an operator types it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from support import MODELSTUDIO


@dataclass(frozen=True)
class Done:
    """How a command has ended."""

    returncode: int
    stdout: str
    stderr: str


def command(*arguments: str | Path, data_dir: Path) -> list[str]:
    return [*MODELSTUDIO, *map(str, arguments), "--data-dir", str(data_dir)]


def variables(**environment: str) -> dict[str, str]:
    """Return our variables without settings, with which the tests' own predictors are found."""
    kept = {name: value for name, value in os.environ.items() if "MODELSTUDIO_" not in name}
    paths = [str(Path(__file__).parent), kept.get("PYTHONPATH", "")]
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **environment}

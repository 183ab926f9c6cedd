"""The Python that a predictor runs in."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelstudio.trainers.environments import process_environment

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter and the environment of trainers that it stands for.

    Attributes
    ----------
    source
        A folder that may be made for an environment's own view of our source.
    environment
        None for the server's own.
    """

    source: Path
    executable: str = sys.executable
    environment: str | None = None

    def variables(self) -> dict[str, str]:
        """Return variables for a process: ours without settings, secrets among them."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("MODELSTUDIO_")}
        # Nothing in the directory that the command is called from may pass for a module.
        kept["PYTHONSAFEPATH"] = "1"
        return process_environment(kept, self.environment, self.source)

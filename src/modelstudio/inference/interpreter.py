"""The Python that a predictor runs in."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelstudio.trainers.environments import INHERITED, process_environment

if TYPE_CHECKING:
    from pathlib import Path


#: A predictor's libraries also find the GPUs that they may use, and models downloaded for them.
_INHERITED: Final = (
    *INHERITED,
    "CUDA_VISIBLE_DEVICES",
    "HF_HOME",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "TMPDIR",
)


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
        """Return variables for a process: those of ours that it needs, and no secret."""
        kept = {k: v for k, v in os.environ.items() if k in _INHERITED}
        # Nothing in the directory that the command is called from may pass for a module.
        kept["PYTHONSAFEPATH"] = "1"
        return process_environment(kept, self.environment, self.source)

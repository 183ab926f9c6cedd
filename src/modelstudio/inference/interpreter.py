"""The Python that a predictor runs in."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelstudio.trainers.environments import process_environment

if TYPE_CHECKING:
    from pathlib import Path


#: Of our environment; the rest may be secret. A predictor's libraries need what training's do, and
#: to find the GPUs that they may use and models that were downloaded for them.
_INHERITED: Final = frozenset(
    {
        "CUDA_VISIBLE_DEVICES",
        "HF_HOME",
        "HIP_VISIBLE_DEVICES",
        "HOME",
        "LANG",
        "LC_ALL",
        "LD_LIBRARY_PATH",
        "PATH",
        "PYTHONPATH",
        "ROCR_VISIBLE_DEVICES",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TMPDIR",
        "TZ",
        "USER",
    }
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

"""Virtual environments of the benchmark's own, for what must not touch the project's."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from typing import TYPE_CHECKING

from bench.training import cache

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def interpreter(name: str, requirements: Sequence[str]) -> Path:
    """Return the Python of an environment with these requirements, built when there is none.

    Dependencies that are not pinned are those that pip chose when the environment was built.
    """
    digest = hashlib.sha256("\n".join(requirements).encode()).hexdigest()[:10]
    target = cache.folder("environments") / f"{name}-{digest}"
    python = target / "bin" / "python"
    with cache.locked(f"environment-{name}"):
        if not (target / "complete").exists():
            venv.create(target, with_pip=True, clear=True)
            install = [str(python), "-m", "pip", "install", "--quiet", *requirements]
            subprocess.run([*install, "--disable-pip-version-check"], check=True, stdout=sys.stderr)
            (target / "complete").touch()
    return python

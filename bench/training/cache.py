"""Where the benchmark keeps what it fetched, built and measured; nothing of it is committed."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


def folder(*parts: str) -> Path:
    """Return a folder of the cache, made when it is missing.

    ``MODELSTUDIO_BENCH_CACHE`` moves the cache out of ``bench/.cache``.
    """
    default = ROOT / "bench" / ".cache"
    found = Path(os.environ.get("MODELSTUDIO_BENCH_CACHE") or default).resolve().joinpath(*parts)
    found.mkdir(parents=True, exist_ok=True)
    return found


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Let one process at a time make a thing in the cache."""
    with (folder("locks") / name.replace("/", "_")).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

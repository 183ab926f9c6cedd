"""A GPU for one run at a time, held by a lock that ends with the process that has it."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU of this machine.

    Attributes
    ----------
    type
        As a configuration names it, such as ``T4`` or ``A100``.
    identity
        What ``CUDA_VISIBLE_DEVICES`` takes for it.
    """

    type: str
    identity: str


def to_text(gpus: Sequence[Gpu]) -> str:
    return ",".join(f"{gpu.type}={gpu.identity}" for gpu in gpus)


def from_text(text: str) -> tuple[Gpu, ...]:
    pairs = (part.partition("=") for part in text.split(",") if part)
    return tuple(Gpu(kind, identity) for kind, _, identity in pairs)


def visible(identity: str) -> dict[str, str]:
    """Return the variables that show a process one GPU, or none; each vendor reads its own."""
    return dict.fromkeys(
        ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"), identity
    )


@contextmanager
def held(gpus: Sequence[Gpu], locks: Path, on_wait: Callable[[bool], None]) -> Iterator[Gpu]:
    """Wait for one of the GPUs and hold it.

    Parameters
    ----------
    locks
        The folder of the lock files, the same for all workers of the machine.
    on_wait
        Called again and again while all are taken, first with True; may raise to give up.
    """
    descriptor, gpu = _wait(gpus, locks, on_wait)
    try:
        yield gpu
    finally:
        os.close(descriptor)


def _wait(gpus: Sequence[Gpu], locks: Path, on_wait: Callable[[bool], None]) -> tuple[int, Gpu]:
    locks.mkdir(mode=0o700, parents=True, exist_ok=True)
    is_first = True
    while True:
        for gpu in gpus:
            descriptor = _lock(locks / f"{gpu.identity}.lock")
            if descriptor is not None:
                return descriptor, gpu
        on_wait(is_first)
        is_first = False
        time.sleep(_PAUSE_SECONDS)


def _lock(path: Path) -> int | None:
    import fcntl  # noqa: PLC0415 - not on every system

    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor

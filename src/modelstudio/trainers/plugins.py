"""Trainers of other packages, found by their entry points in the group ``modelstudio.trainers``.

An entry point names a ``TrainerSpecification``, several of them, or a function without arguments
that returns one or several. Loading one runs a stranger's code, so the server never does: it asks a
short process of the interpreter that the trainer would run in, see ``probe``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from typing import TYPE_CHECKING, Final

from modelstudio.trainers.base import TrainerSpecification

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUP: Final = "modelstudio.trainers"


@dataclass(frozen=True, slots=True)
class Plugin:
    """What one entry point gives: specifications, or the problem why there are none."""

    specifications: Sequence[TrainerSpecification] = field(default_factory=list)
    problem: str | None = None


def found() -> list[EntryPoint]:
    """Return the entry points of this interpreter, in an order that does not change."""
    return sorted(entry_points(group=GROUP), key=source_of)


def source_of(point: EntryPoint) -> str:
    """Return the distribution and the entry point, as the operator would look for them."""
    distribution = "unknown" if point.dist is None else point.dist.name
    return f"{distribution}: {point.name} = {point.value}"


def load(point: EntryPoint) -> Plugin:
    """Load one; if it is broken, that is its problem and no error."""
    try:
        return Plugin(_specifications(point.load()))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is a stranger's code
        return Plugin(problem=f"{type(error).__name__}: {error}")


def _specifications(loaded: object) -> list[TrainerSpecification]:
    given = loaded() if callable(loaded) else loaded
    several = given if isinstance(given, Iterable) else [given]
    return [_checked(one) for one in several]


def _checked(one: object) -> TrainerSpecification:
    if not isinstance(one, TrainerSpecification):
        raise TypeError(f"{type(one).__name__} is no TrainerSpecification")
    return one


def missing(specification: TrainerSpecification) -> list[str]:
    """Return the distributions that a trainer requires and this interpreter has not."""
    return [name for name in specification.requires if not _is_installed(name)]


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True

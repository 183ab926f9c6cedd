"""Looks for what can spoil a model's use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelstudio.trainers.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelstudio.trainers.tabular.report.measured import Measured


def findings(measured: Measured) -> list[Finding]:
    """Return what was found, the worst first."""
    return [*_unknown_classes(measured)]


def _unknown_classes(measured: Measured) -> Iterator[Finding]:
    outcome = measured.outcome
    unknown = int((outcome.actual >= outcome.known).sum()) if outcome.labels else 0
    if unknown:
        count = len(outcome.labels) - outcome.known
        yield Finding(
            "classes_not_learned",
            f"{unknown} held-out rows are of {count} classes that the model has not learned; they "
            "count as errors",
            "Add rows of these classes to the training data, or leave them out of the test data",
        )

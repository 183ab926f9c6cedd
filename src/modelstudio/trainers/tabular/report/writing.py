"""Writes the report: the most important things first, each with its share of the time left."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelstudio.trainers.findings import report_findings
from modelstudio.trainers.tabular.report import checks, curves, residuals, scores
from modelstudio.trainers.tabular.report.importance import permutation_importance
from modelstudio.trainers.tabular.report.measured import Measured

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from modelstudio.trainers.base import Reporter
    from modelstudio.trainers.tabular.report.subject import Subject

_logger = logging.getLogger(__name__)


def write(subject: Subject, reporter: Reporter, deadline: float) -> dict[str, float]:
    """Report a model's quality on held-out rows and what it does; return the summary metrics.

    The metrics and what follows from them are computed in any case; the parts that predict more
    rows stop at ``deadline``, a moment of ``time.monotonic()``. A part that fails or has no time
    left is named in the log, and the others go on. The same subject gives the same report, unless
    the deadline cut a part short.

    Raises
    ------
    Exception
        What the model raises when it cannot predict the held-out rows.
    """
    writer = _Writer(Measured.of(subject), reporter, deadline)
    metrics = writer.summary()
    writer.parts()
    return metrics


@dataclass(frozen=True, slots=True)
class _Part:
    """A table or more; ``share`` is its part of the time left, 0 for what takes next to none."""

    title: str
    make: Callable[[float], None]
    share: float = 0


class _Writer:
    def __init__(self, measured: Measured, reporter: Reporter, deadline: float) -> None:
        self._measured = measured
        self._subject = measured.subject
        self._outcome = measured.outcome
        self._reporter = reporter
        self._deadline = deadline

    def summary(self) -> dict[str, float]:
        measured = self._measured
        found = scores.summary(self._outcome, self._subject.objective)
        base = measured.metric(measured.baseline)
        skill = measured.metric.skill(measured.metric(self._outcome), base)
        if skill == skill:  # noqa: PLR0124 - not NaN
            found["skill"] = skill
        for name, value in found.items():
            self._reporter.log(f"Held-out {name}: {value:.5g}")
        return found

    def parts(self) -> None:
        """Make each part, with its share of the time that those before it have left."""
        parts = self._all_parts()
        skipped = []
        for position, part in enumerate(parts):
            now = time.monotonic()
            if part.share and now >= self._deadline:
                skipped.append(part.title)
                continue
            shares = sum(other.share for other in parts[position:])
            until = now + (self._deadline - now) * part.share / shares if shares else now
            self._make(part, until)
        if skipped:
            self._reporter.log(f"Left out of the report for lack of time: {', '.join(skipped)}")

    def _make(self, part: _Part, until: float) -> None:
        try:
            part.make(until)
        except Exception:
            _logger.exception("A part of the report failed: %s", part.title)
            self._reporter.log(
                f"The {part.title} could not be made; the model is not affected", "WARNING"
            )

    def _all_parts(self) -> list[_Part]:
        if self._subject.objective == "regression":
            tables = self._regression_parts()
        else:
            tables = self._classification_parts()
        return [
            *tables,
            _Part("feature importance", self._importance, 10),
            _Part("warnings", self._warnings),
        ]

    def _regression_parts(self) -> list[_Part]:
        seed = self._subject.seed
        return [
            self._table(
                "residuals",
                lambda outcome: residuals.residuals(outcome, seed),
                "Actual and predicted values of held-out rows, and what separates them.",
            ),
            self._table(
                "residuals_by_prediction",
                residuals.residuals_by_prediction,
                "Errors in tenths of the held-out rows, from the lowest predictions to the "
                "highest.",
            ),
            self._table(
                "predicted_and_actual",
                residuals.predicted_and_actual,
                "Number of held-out rows by predicted and actual value.",
            ),
        ]

    def _classification_parts(self) -> list[_Part]:
        parts = [
            self._table(
                "confusion_matrix",
                curves.confusion_matrix,
                "Number of held-out rows by actual and predicted class.",
            ),
            self._table(
                "class_metrics",
                curves.class_metrics,
                "Held-out metrics of each class against the rest.",
            ),
        ]
        if self._outcome.scores is None:
            return parts
        return parts + self._curves()

    def _curves(self) -> list[_Part]:
        parts = [
            self._table(
                "roc_curve",
                curves.roc_curve,
                "Share of the other rows against share of the class's rows that a threshold takes.",
            ),
            self._table(
                "precision_recall_curve",
                curves.precision_recall_curve,
                "Precision against recall of a class as its threshold rises.",
            ),
            self._table(
                "calibration",
                curves.calibration,
                "How often what was predicted with a probability came true, with 95 % interval.",
            ),
        ]
        if self._outcome.binary:
            parts.append(
                self._table(
                    "thresholds",
                    curves.thresholds,
                    "What each probability gives as the limit for the positive class.",
                )
            )
        return parts

    def _table(self, name: str, make: Callable[..., pd.DataFrame], description: str) -> _Part:
        def write_table(_: float) -> None:
            self._report(name, make(self._outcome), description)

        return _Part(f"table {name}", write_table)

    def _report(self, name: str, frame: pd.DataFrame, description: str) -> None:
        if len(frame):
            self._reporter.table(name, frame, description)

    def _importance(self, until: float) -> None:
        table = permutation_importance(self._measured, self._subject.used_columns, until)
        self._report(
            "feature_importance",
            table,
            f"How much the held-out {self._measured.metric.name} worsens when a column's values "
            "are shuffled between rows.",
        )

    def _warnings(self, _: float) -> None:
        report_findings(checks.findings(self._measured), self._reporter)

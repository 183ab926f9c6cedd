"""Writes the report: the most important things first, each with its share of the time left."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from modelstudio.trainers.findings import Finding, report_findings
from modelstudio.trainers.tabular.report import scores
from modelstudio.trainers.tabular.report.alone import skill_alone
from modelstudio.trainers.tabular.report.checks import checks
from modelstudio.trainers.tabular.report.dependence import partial_dependence
from modelstudio.trainers.tabular.report.drift import drift
from modelstudio.trainers.tabular.report.evidence import Evidence
from modelstudio.trainers.tabular.report.features import Features
from modelstudio.trainers.tabular.report.importance import permutation_importance
from modelstudio.trainers.tabular.report.intervals import metric_intervals
from modelstudio.trainers.tabular.report.measured import Measured, sample
from modelstudio.trainers.tabular.report.related import most_related
from modelstudio.trainers.tabular.report.repeats import repeats
from modelstudio.trainers.tabular.report.segments import errors_by_segment
from modelstudio.trainers.tabular.report.subject import Outcome
from modelstudio.trainers.tabular.report.tables import (
    all_metrics,
    better_threshold,
    outcome_tables,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from modelstudio.trainers.base import Reporter
    from modelstudio.trainers.tabular.report.checks import Check
    from modelstudio.trainers.tabular.report.subject import Subject
    from modelstudio.trainers.tabular.report.tables import Table

_logger = logging.getLogger(__name__)
_TRAINING_ROWS = 2_000
_FEWEST_TRAINING_ROWS = 100
_NAMED_COLUMNS = 5
# A report that is begun late has this long all the same, enough for small samples.
_LEAST_SECONDS = 0.5
# So much of all time every part has, also when others were slower than thought: the largest of
# them, and the others by their share.
_LEAST_SHARE = 0.05
_MOST_SHARE = 8


def write(subject: Subject, reporter: Reporter, deadline: float) -> dict[str, float]:
    """Report a model's quality on held-out rows and what it does; return the summary metrics.

    The metrics come from all held-out rows when these can be predicted in most of the time until
    ``deadline``, a moment of ``time.monotonic()``, else from a sample, and the log says so. What
    follows from these predictions is computed in any case; the parts that predict more rows take as
    many as there is time for, and stop at the deadline. A part that fails or has no time left is
    named in the log, and the others go on. The same subject gives the same report, unless the
    deadline cut a part short.

    Raises
    ------
    TrainingError
        When the model gives no number for any of the held-out rows.
    Exception
        What the model raises when it cannot predict them.
    """
    started = time.monotonic()
    deadline = max(deadline, started + _LEAST_SECONDS)
    measured = Measured.of(subject, deadline)
    rows, total = len(measured.outcome), len(subject.holdout.labels)
    _logger.debug("Report: predicting %d rows took %.2f s", rows, time.monotonic() - started)
    if rows < total:
        reporter.log(
            f"The model is measured on {rows} of {total} held-out rows, chosen at random: "
            "predicting all would take too long"
        )
    return _Writer(Evidence(measured), reporter).write(started, deadline)


@dataclass(frozen=True, slots=True)
class _Part:
    """Something to make until a moment; its ``share`` of the time left is 0 if it is quick."""

    title: str
    make: Callable[[float], None]
    share: float = 0


class _Writer:
    def __init__(self, evidence: Evidence, reporter: Reporter) -> None:
        self._evidence = evidence
        self._measured = evidence.measured
        self._reporter = reporter

    def write(self, started: float, deadline: float) -> dict[str, float]:
        least = _LEAST_SHARE * (deadline - started)
        metrics = self._summary()
        skipped = []
        parts = self._parts()
        for position, part in enumerate(parts):
            now = time.monotonic()
            if part.share and now >= deadline + least:
                skipped.append(part.title)
                continue
            shares = sum(other.share for other in parts[position:])
            until = now + (deadline - now) * part.share / shares if part.share else deadline
            until = max(until, now + least * part.share / _MOST_SHARE)
            self._attempt(part.title, partial(part.make, until))
            _logger.debug("Report: %s took %.2f s", part.title, time.monotonic() - now)
        if skipped:
            self._reporter.log(f"Left out of the report for lack of time: {', '.join(skipped)}")
        self._warn()
        return metrics

    def _summary(self) -> dict[str, float]:
        measured = self._measured
        found = scores.summary(measured.outcome, measured.subject.objective)
        self._evidence.summary = dict(found)
        if math.isfinite(self._evidence.skill):
            found["skill"] = self._evidence.skill
        for name, value in found.items():
            self._reporter.log(f"Held-out {name}: {value:.5g}")
        return found

    def _parts(self) -> list[_Part]:
        tables = [
            _Part(table[0], partial(self._outcome_table, table))
            for table in outcome_tables(self._evidence)
        ]
        return [
            *tables,
            _Part("metrics", self._metrics, 0.5),
            _Part("metric_intervals", self._intervals, 1),
            _Part("look at the data", self._look_at_data, 1.5),
            # These predict nothing and cost little, so that what comes after loses next to nothing.
            _Part("errors_by_segment", self._segments, 0.5),
            _Part("drift", self._drift, 0.5),
            _Part("search for repeated rows", self._repeats, 0.5),
            _Part("feature_importance", self._importance, _MOST_SHARE),
            _Part("partial_dependence", self._dependence, 5),
        ]

    def _attempt(self, title: str, make: Callable[[], None]) -> None:
        try:
            make()
        except Exception:
            _logger.exception("A part of the report failed: %s", title)
            self._reporter.log(
                f"The part {title!r} of the report could not be made; the model is not affected",
                "WARNING",
            )

    def _table(self, name: str, frame: pd.DataFrame, description: str) -> None:
        if len(frame):
            self._reporter.table(name, frame, description)

    def _outcome_table(self, table: Table, _: float) -> None:
        name, make, description = table
        frame = make(self._measured.outcome)
        self._table(name, frame, description)
        if name == "thresholds" and (hint := better_threshold(self._measured.outcome, frame)):
            self._reporter.log(hint)

    def _look_at_data(self, until: float) -> None:
        self._evidence.features = Features.of(self._measured, until - time.monotonic())
        self._evidence.skills = skill_alone(self._measured, self._evidence.features)

    def _importance(self, until: float) -> None:
        skills = self._evidence.skills
        # When time is short, the columns that say most by themselves come first.
        columns = sorted(
            self._measured.subject.used_columns, key=lambda name: -skills.get(name, 0.0)
        )
        table = permutation_importance(self._measured, columns, until)
        table["skill_alone"] = table["column"].map(skills)
        related = most_related(self._evidence.features) if self._evidence.features else {}
        table["related_column"] = [related.get(name, (None, 0))[0] for name in table["column"]]
        table["relation"] = [related.get(name, (None, math.nan))[1] for name in table["column"]]
        self._evidence.importance = table
        self._table(
            "feature_importance",
            table,
            f"How much the held-out {self._measured.metric.name} worsens when a column's values "
            "are shuffled between rows. Columns that are related share their importance.",
        )
        strongest = ", ".join(
            f"{row['column']!r} ({row['importance']:.3g})"
            for _, row in table[table["importance"] > 0].head(_NAMED_COLUMNS).iterrows()
        )
        if strongest:
            self._reporter.log(f"Strongest columns: {strongest}")
        if missing := len(columns) - len(table):
            self._reporter.log(f"{missing} columns were not shuffled for lack of time")

    def _metrics(self, until: float) -> None:
        training, seed = self._measured.subject.training, self._measured.subject.seed
        most = self._measured.affordable_rows(until - time.monotonic(), _FEWEST_TRAINING_ROWS)
        most = min(most, _TRAINING_ROWS)
        rows = training.take(sample(len(training.labels), most, [seed, 1]))
        predictions = self._measured.predict(rows.features)
        self._evidence.learned = Outcome.of(self._measured.subject, rows.labels, predictions)
        self._table(
            "metrics",
            all_metrics(self._evidence),
            "Metrics on held-out rows, on rows learned from, and of always giving the same answer.",
        )

    def _intervals(self, until: float) -> None:
        seconds = until - time.monotonic()
        self._evidence.intervals = metric_intervals(self._measured, seconds)
        self._table(
            "metric_intervals",
            self._evidence.intervals,
            "Held-out metrics with their 95 % bootstrap interval.",
        )

    def _segments(self, until: float) -> None:
        if self._evidence.features is None:
            return
        self._table(
            "errors_by_segment",
            errors_by_segment(self._measured, self._evidence.features, until),
            "Errors by range or category of each column, the most harmful first.",
        )

    def _drift(self, _: float) -> None:
        if self._evidence.features is None:
            return
        self._evidence.drift = drift(self._measured, self._evidence.features)
        self._table(
            "drift",
            self._evidence.drift,
            "How columns and target differ between training and held-out rows.",
        )

    def _repeats(self, until: float) -> None:
        self._evidence.repeats = repeats(self._measured, until - time.monotonic())

    def _dependence(self, until: float) -> None:
        features = self._evidence.features
        if features is None or self._evidence.importance is None:
            return
        # A column without importance has a flat curve at best.
        table = self._evidence.importance
        columns = list(table.loc[table["importance"] > 0, "column"])
        self._table(
            "partial_dependence",
            partial_dependence(self._measured, features, columns, until),
            "Mean prediction for values of the strongest columns, and its spread over rows.",
        )

    def _warn(self) -> None:
        found = list(self._measured.subject.findings)
        for check in checks():
            self._attempt("warnings", partial(self._check, check, found))
        report_findings(found, self._reporter)

    def _check(self, check: Check, found: list[Finding]) -> None:
        found.extend(check(self._evidence))

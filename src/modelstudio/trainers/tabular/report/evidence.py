"""What the parts of a report have found out, for the checks that end it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from modelstudio.trainers.tabular.report.features import Features
    from modelstudio.trainers.tabular.report.measured import Measured
    from modelstudio.trainers.tabular.report.repeats import Repeats
    from modelstudio.trainers.tabular.report.subject import Outcome


@dataclass(slots=True)
class Evidence:
    """Results by the table that they are in; None where a part failed or had no time.

    Attributes
    ----------
    summary
        The summary metrics on held-out rows.
    learned
        The outcome on a sample of training rows.
    skills
        Column to how well it predicts the target alone, 0 to 1.
    """

    measured: Measured
    features: Features | None = None
    summary: Mapping[str, float] = field(default_factory=dict)
    learned: Outcome | None = None
    skills: Mapping[str, float] = field(default_factory=dict)
    importance: pd.DataFrame | None = None
    intervals: pd.DataFrame | None = None
    drift: pd.DataFrame | None = None
    repeats: Repeats | None = None

    @property
    def skill(self) -> float:
        """The model's skill on held-out rows by the evaluation metric."""
        return self.skill_of(self.measured.outcome)

    def skill_of(self, outcome: Outcome) -> float:
        measured = self.measured
        base = measured.metric(measured.baseline)
        return measured.metric.skill(measured.metric(outcome), base)

    def interval(self) -> tuple[float, float] | None:
        """Return the 95 % interval of the evaluation metric."""
        if self.intervals is None:
            return None
        found = self.intervals[self.intervals["metric"] == self.measured.metric.name]
        return (
            None if found.empty else (float(found["lower"].iloc[0]), float(found["upper"].iloc[0]))
        )

"""The tables that follow from the held-out predictions alone, which cost next to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from modelstudio.trainers.tabular.report import curves, residuals, scores

_CLEARLY = 0.02

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelstudio.trainers.tabular.report.evidence import Evidence
    from modelstudio.trainers.tabular.report.subject import Outcome

    Table = tuple[str, Callable[[Outcome], pd.DataFrame], str]


def outcome_tables(evidence: Evidence) -> list[Table]:
    """Return name, function and description of each table that the subject has."""
    measured = evidence.measured
    if measured.subject.objective == "regression":
        return _regression(measured.subject.seed)
    tables = [*_CLASSES]
    if measured.outcome.scores is not None:
        tables += _CURVES
        if measured.outcome.binary:
            tables += _TWO_CLASSES
    return tables


def all_metrics(evidence: Evidence) -> pd.DataFrame:
    """Return each summary metric on held-out rows, on training rows, and of the baseline."""
    measured = evidence.measured
    rows = []
    for name, metric in scores.METRICS[measured.subject.objective].items():
        if name in evidence.summary:
            rows.append(
                {
                    "metric": name,
                    "holdout": evidence.summary[name],
                    "training": np.nan if evidence.learned is None else metric(evidence.learned),
                    "baseline": metric(measured.baseline),
                    "better": "higher" if metric.greater_is_better else "lower",
                    "meaning": metric.meaning,
                }
            )
    return pd.DataFrame(rows)


def better_threshold(outcome: Outcome, thresholds: pd.DataFrame) -> str | None:
    """Say which threshold would give a clearly better F1 than the model's own, if any does."""
    usual = scores.METRICS["classification"]["f1"](outcome)
    # A threshold that takes every row is no advice.
    useful = thresholds["f1"].where(thresholds["true_negatives"] > 0, 0.0).fillna(0.0)
    best = thresholds.loc[useful.idxmax()]
    if not useful.max() >= usual + _CLEARLY:
        return None
    return (
        f"Predicting the positive class from a probability of {best['threshold']:.2g} would raise "
        f"held-out F1 from {usual:.3g} to {best['f1']:.3g}; see the table thresholds"
    )


_CLASSES: list[Table] = [
    (
        "confusion_matrix",
        curves.confusion_matrix,
        "Number of held-out rows by actual and predicted class.",
    ),
    (
        "class_metrics",
        curves.class_metrics,
        "Held-out metrics of each class against the rest.",
    ),
]
_CURVES: list[Table] = [
    (
        "roc_curve",
        curves.roc_curve,
        "Share of a class's rows that a threshold finds, and share of the others that it takes.",
    ),
    (
        "precision_recall_curve",
        curves.precision_recall_curve,
        "Precision against recall of a class as its threshold rises.",
    ),
    (
        "calibration",
        curves.calibration,
        "How often what was predicted with a probability came true, with 95 % interval.",
    ),
]
_TWO_CLASSES: list[Table] = [
    (
        "thresholds",
        curves.thresholds,
        "What each probability gives as the limit for the positive class.",
    ),
]


def _regression(seed: int) -> list[Table]:
    return [
        (
            "residuals",
            lambda outcome: residuals.residuals(outcome, seed),
            "Actual and predicted values of held-out rows, and what separates them.",
        ),
        (
            "residuals_by_prediction",
            residuals.residuals_by_prediction,
            "Errors in tenths of the held-out rows, from the lowest predictions to the highest.",
        ),
        (
            "predicted_and_actual",
            residuals.predicted_and_actual,
            "Number of held-out rows by predicted and actual value.",
        ),
    ]

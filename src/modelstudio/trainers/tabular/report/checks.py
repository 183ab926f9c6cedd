"""Looks for what can spoil a model's use, in what the parts of the report have found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from modelstudio.trainers.findings import Finding, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from modelstudio.trainers.tabular.report.evidence import Evidence

    Check = Callable[[Evidence], Iterator[Finding]]

# A column that says this much of the target alone is suspected to be known only afterwards.
LEAK_SKILL = 0.98
_LEAK_ROWS = 50
_DWARFS = 20
_REPEATED_SHARE = 0.02
_REPEATED_AGREEMENT = 0.95
_SMALL_CLASS_ROWS = 10
_IMBALANCED = 0.9
_VERY_RARE = 0.01
_CONSTANT = 0.9
_SMALL_HOLDOUT_ROWS = 100
_SMALL_HOLDOUT_POSITIVES = 10
_WIDE_INTERVAL = 0.3
_DRIFT_INDEX = 0.2
_DRIFT_P_VALUE = 0.01
_MANY_MISSING = 0.5
_NEWLY_MISSING = 0.05
_OVERFIT_TRAINING_SKILL = 0.5
_OVERFIT_RATIO = 0.2
_VALIDATION_GAP = 0.1
_CALIBRATION_GAP = 0.1
_CALIBRATION_ROWS = 500


def checks() -> list[Check]:
    """Return the checks, the one whose findings matter most first."""
    return [
        _leaks,
        _dwarfed,
        _repeated_rows,
        _not_answered,
        _no_skill,
        _unknown_classes,
        _small_classes,
        _imbalanced,
        _nearly_constant,
        _small_holdout,
        _drifted,
        _newly_missing,
        _overfit,
        _chosen_by_luck,
        _calibration,
        _many_missing,
    ]


def _leaks(evidence: Evidence) -> Iterator[Finding]:
    if len(evidence.measured.outcome) < _LEAK_ROWS:
        return
    for name, skill in sorted(evidence.skills.items(), key=lambda item: -item[1]):
        if skill >= LEAK_SKILL:
            yield Finding(
                "leak_suspected",
                f"The column {name!r} alone predicts the target almost perfectly "
                f"({skill:.1%} of what can be known)",
                "If its value is known only after the outcome, or made from it, ignore the column",
                name,
            )


def _dwarfed(evidence: Evidence) -> Iterator[Finding]:
    table = evidence.importance
    if table is None or len(table) < 2 or evidence.skill < LEAK_SKILL:  # noqa: PLR2004
        return
    name, first, second = table["column"][0], table["importance"][0], table["importance"][1]
    if first > _DWARFS * max(second, 0) and evidence.skills.get(name, 0) < LEAK_SKILL:
        yield Finding(
            "leak_suspected",
            f"The model is almost perfect and stands on the column {name!r} alone",
            "If its value is known only after the outcome, or made from it, ignore the column",
            name,
        )


def _repeated_rows(evidence: Evidence) -> Iterator[Finding]:
    found = evidence.repeats
    if found is None:
        return
    enough = found.agreeing >= max(2, _REPEATED_SHARE * found.rows)
    if enough and found.agreement >= _REPEATED_AGREEMENT:
        yield Finding(
            "rows_repeated",
            f"{found.agreeing} of {found.rows} held-out rows are also among the training rows, "
            "with the same target; if they are copies, the held-out metrics are too good",
            "Remove the copies, or give a test dataset without them",
        )


def _not_answered(evidence: Evidence) -> Iterator[Finding]:
    measured = evidence.measured
    if measured.unanswered:
        usual = "the mean" if measured.subject.objective == "regression" else "the classes' shares"
        yield Finding(
            "not_answered",
            f"The model gives no number for {measured.unanswered} of {len(measured.outcome)} "
            f"held-out rows; in the metrics they count as if it had answered {usual}",
            "Look for values in these rows that are far beyond all that the model has learned from",
        )


def _no_skill(evidence: Evidence) -> Iterator[Finding]:
    measured, interval = evidence.measured, evidence.interval()
    base = measured.metric(measured.baseline)
    value = measured.metric(measured.outcome)
    better = 1 if measured.metric.greater_is_better else -1
    worst = value
    if interval and len(measured.outcome) >= _SMALL_HOLDOUT_ROWS:
        worst = interval[0] if better > 0 else interval[1]
    if better * (worst - base) > 0 or not np.isfinite(base):
        return
    usual = "the mean" if measured.subject.objective == "regression" else "the most common class"
    yield Finding(
        "no_better_than_baseline",
        f"The model is not measurably better than always predicting {usual}: held-out "
        f"{measured.metric.name} {value:.4g} against {base:.4g}",
        "Add columns that say something about the target, or rows; do not rely on this model",
    )


def _unknown_classes(evidence: Evidence) -> Iterator[Finding]:
    outcome = evidence.measured.outcome
    unknown = int((outcome.actual >= outcome.known).sum()) if outcome.labels else 0
    if unknown:
        count = len(outcome.labels) - outcome.known
        yield Finding(
            "classes_not_learned",
            f"{unknown} held-out rows are of {count} classes that the model has not learned; they "
            "count as errors",
            "Add rows of these classes to the training data, or leave them out of the test data",
        )


def _small_classes(evidence: Evidence) -> Iterator[Finding]:
    subject = evidence.measured.subject
    if subject.objective == "regression":
        return
    counts = subject.training.labels.value_counts()
    small = counts[counts < _SMALL_CLASS_ROWS]
    if len(small):
        yield Finding(
            "classes_too_small",
            f"{len(small)} of {len(counts)} classes have fewer than {_SMALL_CLASS_ROWS} training "
            f"rows: {listed(list(small.index))}",
            "Add rows of these classes, or join them to others; the model hardly knows them",
        )


def _imbalanced(evidence: Evidence) -> Iterator[Finding]:
    measured = evidence.measured
    if measured.subject.objective == "regression":
        return
    shares = measured.subject.training.labels.value_counts(normalize=True)
    misled = shares.iloc[0] >= _IMBALANCED and measured.metric.name == "accuracy"
    if misled:
        yield Finding(
            "target_imbalanced",
            f"{shares.iloc[0]:.1%} of the training rows are of the class {str(shares.index[0])!r}, "
            "so always predicting it already has that accuracy",
            "Choose another evaluation metric: average_precision or roc_auc to rank, f1 or "
            "balanced_accuracy to decide, log_loss for probabilities",
        )
    elif len(shares) == 2 and shares.iloc[1] < _VERY_RARE:  # noqa: PLR2004
        yield Finding(
            "target_imbalanced",
            f"Only {shares.iloc[1]:.2%} of the training rows are of the class "
            f"{str(shares.index[1])!r}",
            "Look at average_precision and the table thresholds rather than at accuracy",
        )


def _nearly_constant(evidence: Evidence) -> Iterator[Finding]:
    subject = evidence.measured.subject
    if subject.objective != "regression":
        return
    labels = subject.training.labels
    counts = labels.value_counts()
    share = counts.iloc[0] / len(labels)
    if share >= _CONSTANT:
        yield Finding(
            "target_nearly_constant",
            f"{share:.1%} of the training rows have the target {counts.index[0]:.6g}",
            "Consider predicting first whether the target has this value, with classification",
        )


def _small_holdout(evidence: Evidence) -> Iterator[Finding]:
    measured, interval = evidence.measured, evidence.interval()
    rows, outcome = len(measured.outcome), measured.outcome
    text = f"The held-out metrics come from {rows} rows"
    few = rows < _SMALL_HOLDOUT_ROWS
    if outcome.binary:
        rarer = min(int((outcome.actual == 1).sum()), int((outcome.actual == 0).sum()))
        if rarer < _SMALL_HOLDOUT_POSITIVES:
            few, text = True, f"{text}, {rarer} of them of the rarer class"
    if interval:
        base = measured.metric(measured.baseline)
        width = abs(
            measured.metric.skill(interval[1], base) - measured.metric.skill(interval[0], base)
        )
        few = few or width > _WIDE_INTERVAL
        name, low, high = measured.metric.name, *interval
        text += f"; {name} is {low:.4g} to {high:.4g} with 95 % confidence"
    if few:
        yield Finding(
            "holdout_too_small",
            text,
            "Do not choose between models by small differences; add rows or a test dataset",
        )


def _drifted(evidence: Evidence) -> Iterator[Finding]:
    if evidence.drift is None:
        return
    table = evidence.drift
    changed = table[
        (table["population_stability_index"] >= _DRIFT_INDEX)
        & (table["adjusted_p_value"] < _DRIFT_P_VALUE)
    ]
    for _, row in changed[changed["role"] == "target"].iterrows():
        yield Finding(
            "target_drifted",
            f"The target differs between training and held-out rows ({row['change']})",
            "Train on rows that are like those to predict",
            str(row["column"]),
        )
    columns = changed[changed["role"] == "feature"]
    if len(columns):
        some = "; ".join(f"{row['column']!r}: {row['change']}" for _, row in columns[:5].iterrows())
        yield Finding(
            "test_drifted",
            f"{len(columns)} of {len(table) - 1} columns differ between training and held-out rows "
            f"({some})",
            "See the table drift; train on newer rows, or ignore columns that only tell the time",
            str(columns["column"].iloc[0]) if len(columns) == 1 else "",
        )


def _newly_missing(evidence: Evidence) -> Iterator[Finding]:
    if evidence.drift is None:
        return
    table = evidence.drift
    found = table[(table["missing_training"] == 0) & (table["missing_holdout"] >= _NEWLY_MISSING)]
    if len(found):
        yield Finding(
            "missing_only_in_test",
            f"Columns that are complete in the training rows lack values in held-out rows: "
            f"{listed(list(found['column']))}",
            "Check how the test data was made; the model has not learned what missing means, and "
            "answers as if it were the column's usual value",
            str(found["column"].iloc[0]) if len(found) == 1 else "",
        )


def _many_missing(evidence: Evidence) -> Iterator[Finding]:
    if evidence.features is None:
        return
    shares = {name: values.missing.mean() for name, values in evidence.features.training.items()}
    found = [name for name, share in shares.items() if share >= _MANY_MISSING]
    if found:
        yield Finding(
            "many_missing",
            f"More than half of the values are missing in {listed(found)}",
            "Check that they will be filled as often when the model is used",
            found[0] if len(found) == 1 else "",
        )


def _overfit(evidence: Evidence) -> Iterator[Finding]:
    if evidence.learned is None:
        return
    before, after = evidence.skill_of(evidence.learned), evidence.skill
    if before >= _OVERFIT_TRAINING_SKILL and after < _OVERFIT_RATIO * before:
        metric, measured = evidence.measured.metric, evidence.measured
        yield Finding(
            "overfit",
            f"The model knows its training rows by heart but little beyond: {metric.name} is "
            f"{metric(evidence.learned):.4g} on training and {metric(measured.outcome):.4g} on "
            "held-out rows",
            "Add rows, or leave out columns that tell single rows apart",
        )


def _chosen_by_luck(evidence: Evidence) -> Iterator[Finding]:
    measured, interval = evidence.measured, evidence.interval()
    validated = measured.subject.validation_score
    if validated is None or interval is None:
        return
    base, metric = measured.metric(measured.baseline), measured.metric
    value = metric(measured.outcome)
    outside = validated > interval[1] if metric.greater_is_better else validated < interval[0]
    if outside and metric.skill(validated, base) - metric.skill(value, base) > _VALIDATION_GAP:
        yield Finding(
            "validation_gap",
            f"Validation promised more than held-out rows show: {metric.name} {validated:.4g} "
            f"against {value:.4g}",
            "Rows may belong together (same customer, same day) or change over time; expect the "
            "held-out value, or a worse one",
        )


def _calibration(evidence: Evidence) -> Iterator[Finding]:
    outcome = evidence.measured.outcome
    if not outcome.labels or outcome.scores is None or len(outcome) < _CALIBRATION_ROWS:
        return
    from modelstudio.trainers.tabular.report import scores

    gap = scores.METRICS["classification"]["expected_calibration_error"](outcome)
    if gap > _CALIBRATION_GAP:
        yield Finding(
            "probabilities_off",
            f"Predicted probabilities are off by {gap:.1%} on average",
            "Use them to rank only, or choose the evaluation metric log_loss; see the table "
            "calibration",
        )

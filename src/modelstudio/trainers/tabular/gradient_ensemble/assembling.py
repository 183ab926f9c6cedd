"""Makes the model that is delivered, and the one that is measured, from a search's members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from modelstudio.trainers.tabular.gradient_ensemble.calibration import (
    Calibration,
    calibrate,
    tuned_multipliers,
)
from modelstudio.trainers.tabular.gradient_ensemble.ensemble import blend
from modelstudio.trainers.tabular.gradient_ensemble.limits import keep_small
from modelstudio.trainers.tabular.gradient_ensemble.members import out_of_fold
from modelstudio.trainers.tabular.gradient_ensemble.model import EnsembleModel, ServedMember

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from modelstudio.trainers.tabular.gradient_ensemble.members import Member
    from modelstudio.trainers.tabular.gradient_ensemble.problem import Fold, Problem

    Array = np.ndarray[Any, Any]

MEASURED = 0


@dataclass(frozen=True, slots=True)
class Assembled:
    """Attributes
    ----------
    delivered
        All models that are kept.
    measured
        Those of them that have not learned from the rows held out for the report.
    validation_loss
        Of the weighted mean on rows that its models have not learned from.
    """  # noqa: D205

    delivered: EnsembleModel
    measured: EnsembleModel
    validation_loss: float


def assemble(
    problem: Problem, members: Sequence[Member], folds: Mapping[int, Fold], *, calibrates: bool
) -> Assembled:
    """Weigh, calibrate and cut down the members of a search."""
    kept = keep_small(members, problem.preparing)
    chosen = [member for member in members if member.candidate.name in kept]
    shares = np.array([member.weight for member in chosen])
    shares = shares / shares.sum()
    common = [
        fold
        for number, fold in folds.items()
        if number != MEASURED and all(number in member.fits for member in chosen)
    ]
    parts = [out_of_fold(problem, member, common) for member in chosen]
    rows, blended = parts[0][0], blend([each for _, each in parts], shares)
    labels = problem.labels[rows]
    calibration, multipliers = _tuned(problem, labels, blended, calibrates=calibrates)

    def model(used: Mapping[str, Collection[int]]) -> EnsembleModel:
        named = [
            (member, share)
            for member, share in zip(chosen, shares, strict=True)
            if used[member.candidate.name]
        ]
        total = sum(share for _, share in named)
        return EnsembleModel(
            [_served(m, share / total, used[m.candidate.name]) for m, share in named],
            problem.classes,
            problem.inputs.categories,
            problem.inputs.encoder,
            calibration,
            multipliers,
        )

    unseen = {name: [MEASURED] if MEASURED in numbers else [] for name, numbers in kept.items()}
    delivered = model(kept)
    measured = model(unseen) if any(unseen.values()) else delivered
    return Assembled(delivered, measured, problem.metric.loss(labels, blended))


def _tuned(
    problem: Problem, labels: Array, blended: Array, *, calibrates: bool
) -> tuple[Calibration, Array | None]:
    if problem.kind == "regression":
        return Calibration(), None
    calibration = calibrate(labels, blended) if calibrates else Calibration()
    scores = calibration.apply(blended)
    if scores.ndim == 1:
        scores = np.column_stack([1 - scores, scores])
    return calibration, tuned_multipliers(labels, scores, problem.metric.name)


def _served(member: Member, weight: float, numbers: Collection[int]) -> ServedMember:
    models = [member.fits[number].model for number in sorted(numbers)]
    return ServedMember(member.candidate.name, member.candidate.family, float(weight), models)

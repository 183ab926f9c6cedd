"""Reports what a search fits, while it goes on and as a leaderboard at the end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from modelstudio.trainers.tabular.gradient_ensemble.members import score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.trainers.base import Reporter
    from modelstudio.trainers.tabular.gradient_ensemble.members import Member
    from modelstudio.trainers.tabular.gradient_ensemble.problem import Fitted, Fold, Problem

_DRAWN_MODELS = 30


class SearchProgress:
    """Sends a point for each model tried, its learning curve, and a line to the log."""

    def __init__(self, problem: Problem, reporter: Reporter) -> None:
        self._problem = problem
        self._reporter = reporter
        self._tried = 0
        self._best = float("inf")

    def fitted(self, member: Member, fit: Fitted, loss: float) -> None:
        if len(member.fits) > 1:
            return
        metric = self._problem.metric
        self._tried += 1
        self._best = min(self._best, loss)
        name, shown = member.candidate.name, metric.shown(loss)
        self._reporter.metric(f"validation/{metric.criterion}", shown, self._tried)
        self._reporter.metric(
            f"validation/best_{metric.criterion}", metric.shown(self._best), self._tried
        )
        if self._tried <= _DRAWN_MODELS:
            for step, value in fit.curve:
                self._reporter.metric(f"train/{name}/{fit.curve_metric}", value, step)
        self._reporter.log(
            f"{name}: {metric.criterion} {shown:.5g} on the first fold, {fit.rounds} rounds, "
            f"{fit.seconds:.1f} s"
        )

    def failed(self, member: Member, error: Exception) -> None:
        self._reporter.log(f"{member.candidate.name} could not be fitted: {error}", "WARNING")


def leaderboard(
    problem: Problem, members: Sequence[Member], folds: Mapping[int, Fold]
) -> pd.DataFrame:
    """Return every model tried with its score on rows that it has not learned from, best first."""
    rows: list[dict[str, Any]] = []
    for member in members:
        judged = [folds[number] for number in member.fits if number in folds]
        if not judged:
            continue
        loss = score(problem, member, judged)
        candidate = member.candidate
        parameters = dict(candidate.parameters)
        if candidate.logarithm:
            parameters["target"] = "logarithm"
        rows.append(
            {
                "model": candidate.name,
                "model_type": candidate.family,
                "parameters": json.dumps(parameters),
                "eval_metric": problem.metric.criterion,
                "score_validation": problem.metric.shown(loss),
                "weight": member.weight,
                "folds": len(member.fits),
                "rounds": int(sum(fit.rounds for fit in member.fits.values()) / len(member.fits)),
                "learning_rate": next(iter(member.fits.values())).rate,
                "fit_seconds": member.total_seconds,
                "loss": loss,
            }
        )
    table = pd.DataFrame(rows).sort_values("loss", kind="stable")
    return table.drop(columns="loss").reset_index(drop=True)

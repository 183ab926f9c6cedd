"""What a run says about itself besides its models: parameters, and how the search went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelstudio.trainers import provenance
from modelstudio.trainers.tabular import data
from modelstudio.trainers.tabular.specification import TEST_INPUT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.base import Reporter, TrainingTask
    from modelstudio.trainers.tabular.gradient_ensemble.problem import Problem
    from modelstudio.trainers.tabular.gradient_ensemble.rows import Rows
    from modelstudio.trainers.tabular.gradient_ensemble.search import Search


def report_parameters(task: TrainingTask, rows: Rows, problem: Problem, reporter: Reporter) -> None:
    config = task.config
    parameters: dict[str, Any] = {
        "problem_type": problem.kind,
        "eval_metric": problem.metric.name,
        "target_column": str(rows.learned.labels.name),
        "feature_columns": len(rows.learned.column_types),
        "prepared_features": problem.inputs.matrix.shape[1],
        "train_rows": len(rows.training.labels),
        "holdout_rows": len(rows.holdout.labels),
        "rows_without_target": rows.learned.left_out,
    }
    if TEST_INPUT not in task.inputs:
        parameters["holdout_fraction"] = data.HOLDOUT_FRACTION
        parameters["refit_full"] = config["refit_full"]
    for name in ("time_limit", "max_models", "num_folds", "calibrate"):
        if config.get(name) is not None:
            parameters[name] = config[name]
    if problem.kind != "regression":
        parameters["classes"] = problem.classes
    for model_type, values in config["hyperparameters"].items():
        parameters.update({f"{model_type}.{name}": str(value) for name, value in values.items()})
    provenance.report(task, reporter)
    for name, value in parameters.items():
        reporter.parameter(name, value)


def report_search(search: Search, config: Mapping[str, Any], reporter: Reporter) -> None:
    chosen = [member for member in search.members if member.weight > 0]
    named = ", ".join(f"{each.candidate.name} {each.weight:.2f}" for each in chosen)
    reporter.log(f"Tried {len(search.members)} models; weights: {named}")
    reporter.parameter("models", ", ".join(member.candidate.name for member in chosen))
    if config["max_models"] is not None and search.was_cut:
        reporter.log(
            "The time limit cut the search short, so that the run cannot be repeated exactly",
            "WARNING",
        )

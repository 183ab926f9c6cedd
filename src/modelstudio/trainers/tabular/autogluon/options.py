"""Turns a configuration into the arguments of AutoGluon's ``fit``."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autogluon.tabular.configs.hyperparameter_configs import get_hyperparameter_config

from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.tabular.autogluon.schema import MODEL_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.base import TrainingTask

_PORTFOLIOS = {
    "best_quality": "zeroshot",
    "high_quality": "zeroshot",
    "good_quality": "light",
    "medium_quality": "default",
}
_REFITTED_PRESETS = frozenset({"high_quality", "good_quality"})
_SEED_PARAMETERS = {
    "GBM": "seed",
    "CAT": "random_seed",
    "XGB": "seed",
    "RF": "random_state",
    "XT": "random_state",
    "LR": "random_state",
}
# LightGBM picks the faster of two histogram layouts by a timing, and they round differently.
_REPEATABLE = {"GBM": {"deterministic": True, "force_col_wise": True}}

# A third of AutoGluon's own number: about as accurate, and a row takes a third of the time.
_PORTFOLIO_PARAMETERS = {"RF": {"n_estimators": 100}, "XT": {"n_estimators": 100}}

_MULTICLASS_METRICS = {
    "roc_auc": "roc_auc_ovr_macro",
    "f1": "f1_macro",
    "precision": "precision_macro",
    "recall": "recall_macro",
}


@dataclass(frozen=True, slots=True)
class FitOptions:
    """What is asked of AutoGluon.

    Attributes
    ----------
    problem_type
        AutoGluon's name: ``binary``, ``multiclass`` or ``regression``.
    models
        Model type to the configurations to fit.
    refits
        Whether the preset replaces fold ensembles by refitted models.
    """

    problem_type: str
    eval_metric: str
    models: Mapping[str, list[dict[str, Any]]]
    refits: bool
    config: Mapping[str, Any]

    @classmethod
    def of(cls, config: Mapping[str, Any], problem_type: str) -> FitOptions:
        """Read a validated configuration.

        Raises
        ------
        TrainingError
            When its options contradict each other or the data.
        """
        options = cls(
            problem_type=problem_type,
            eval_metric=_eval_metric(config, problem_type),
            models=_models(config),
            # A model that is refitted on all data at the end must not be a refit itself.
            refits=config["presets"] in _REFITTED_PRESETS and not config["refit_full"],
            config=config,
        )
        if config["num_stack_levels"] and not options._bags():
            raise TrainingError(
                "Stacking levels need bagging: choose a number of folds or another preset"
            )
        return options

    def fit_arguments(self, task: TrainingTask, cpu: int, seconds: float) -> dict[str, Any]:
        """Return the keyword arguments of ``TabularPredictor.fit`` for so many seconds."""
        config = self.config
        arguments: dict[str, Any] = {
            "presets": config["presets"],
            "hyperparameters": copy.deepcopy(dict(self.models)),
            "time_limit": seconds,
            "infer_limit": config["infer_limit"],
            "num_cpus": cpu,
            "num_gpus": 0,
            "memory_limit": task.memory_bytes / 1024**3,
            "fit_weighted_ensemble": config["fit_weighted_ensemble"],
            "num_stack_levels": config["num_stack_levels"],
            # It spends the time limit on fits of its own, and short runs then raise.
            "dynamic_stacking": False,
            # Done afterwards, since here it would have no limit and no way back.
            "refit_full": False,
            "set_best_to_refit_full": False,
            "save_bag_folds": True,
            "ag_args_ensemble": {"fold_fitting_strategy": "sequential_local"},
            "raise_on_no_models_fitted": False,
        }
        arguments.update(
            {
                name: config[name]
                for name in ("auto_stack", "num_bag_folds")
                if config[name] is not None
            }
        )
        return arguments

    def _bags(self) -> bool:
        if self.config["num_bag_folds"] is not None:
            return bool(self.config["num_bag_folds"])
        if self.config["auto_stack"] is not None:
            return bool(self.config["auto_stack"])
        return bool(self.config["presets"] != "medium_quality")


def _eval_metric(config: Mapping[str, Any], problem_type: str) -> str:
    metric = str(config["eval_metric"])
    if metric == "auto" and problem_type == "regression":
        return "root_mean_squared_error"
    if metric == "auto":
        return "log_loss" if config["predict_probabilities"] else "accuracy"
    if problem_type != "multiclass":
        return metric
    if metric == "average_precision":
        raise TrainingError("The evaluation metric average_precision needs a target of two classes")
    return _MULTICLASS_METRICS.get(metric, metric)


def _models(config: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    portfolio = get_hyperparameter_config(_PORTFOLIOS[config["presets"]])
    models: dict[str, list[dict[str, Any]]] = {}
    for model_type in MODEL_TYPES:
        if model_type in config["excluded_model_types"]:
            continue
        usual: Mapping[str, Any] = {}
        if model_type in config["hyperparameters"]:
            configurations = [config["hyperparameters"][model_type]]
        else:
            configurations = portfolio.get(model_type, {})  # the portfolios have no linear model
            usual = _PORTFOLIO_PARAMETERS.get(model_type, {})
        if isinstance(configurations, dict):
            configurations = [configurations]
        fixed = {_SEED_PARAMETERS[model_type]: config["seed"], **_REPEATABLE.get(model_type, {})}
        models[model_type] = [{**usual, **each, **fixed} for each in configurations]
    return models

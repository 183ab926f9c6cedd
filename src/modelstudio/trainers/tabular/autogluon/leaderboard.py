"""Lists the models that AutoGluon tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping


def leaderboard(predictor: Any, data: pd.DataFrame, types: Mapping[str, str]) -> pd.DataFrame:
    """Return each model with its held-out and validation score, in the metric's own direction.

    A score is missing where a model cannot be measured: one that exists only to be refitted has no
    held-out score, a refitted one no validation score.
    """
    board = predictor.leaderboard(data)
    metric = predictor.eval_metric
    return pd.DataFrame(
        {
            "model": board["model"],
            "model_type": board["model"].map(types),
            "eval_metric": metric.name,
            "score_holdout": metric.convert_score_to_original(board["score_test"]),
            "score_validation": metric.convert_score_to_original(board["score_val"]),
            "fit_seconds": board["fit_time"],
            "predict_seconds": board["pred_time_test"],
            "stack_level": board["stack_level"],
        }
    )

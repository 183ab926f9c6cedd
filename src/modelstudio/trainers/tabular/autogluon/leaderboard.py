"""Lists the models that AutoGluon tried."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping


_MOST_ROWS = 10_000
_LEAST_ROWS = 200


def affordable_rows(predictor: Any, seconds: float) -> int:
    """Return how many rows all models can predict in about so many seconds, 200 to 10,000.

    By how long they took for their validation rows, which each fold of a bagged model predicts one
    part of; of other rows each predicts all.
    """
    trainer = predictor._trainer  # noqa: SLF001 - public in no other place
    board = predictor.leaderboard()
    folds = trainer.k_fold if trainer.bagged_mode else 1
    taken = float(board["pred_time_val_marginal"].sum()) * max(folds, 1)
    rows = seconds * trainer.num_rows_val_for_calibration / max(taken, 1e-9)
    return int(min(max(rows, _LEAST_ROWS), _MOST_ROWS))


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


def validation_score(predictor: Any) -> float | None:
    """Return the best model's validation score, in the metric's own direction, if it has one."""
    board = predictor.leaderboard().set_index("model")
    score = predictor.eval_metric.convert_score_to_original(board["score_val"])
    found = float(score.loc[predictor.model_best])
    return found if math.isfinite(found) else None

"""The tables that show a classifier's and a regression's errors."""

from __future__ import annotations

import numpy as np
import pandas as pd

from modelstudio.trainers.tabular.report.curves import confusion_matrix
from modelstudio.trainers.tabular.report.residuals import RESIDUAL_ROWS, residuals
from modelstudio.trainers.tabular.report.subject import Outcome, Predictions


def test_the_confusion_matrix_lists_the_pairs_that_occur():
    outcome = Outcome.of_classes(
        pd.Series(["a", "a", "b"]), Predictions(np.array(["a", "b", "b"])), ["a", "b"]
    )
    assert confusion_matrix(outcome).to_dict("list") == {
        "actual": ["a", "a", "b"],
        "predicted": ["a", "b", "b"],
        "count": [1, 1, 1],
    }


def test_residuals_are_sampled_when_there_are_many():
    actual = pd.Series(np.arange(RESIDUAL_ROWS + 500, dtype=float))
    outcome = Outcome.of_values(actual, actual.to_numpy() - 1)
    found = residuals(outcome, seed=3)
    assert len(found) == RESIDUAL_ROWS
    assert (found["residual"] == 1).all()
    assert found.equals(residuals(outcome, seed=3))

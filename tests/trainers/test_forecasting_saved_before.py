"""Forecasting models saved before columns had readings answer as they did."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from modelstudio.trainers.forecasting.predictor import ForecastingModel
from rules.project_files import ROOT

if TYPE_CHECKING:
    from pathlib import Path

#: Packages and answers of version 1.0.0 of the trainer; made once, never again.
SAVED = ROOT / "tests" / "fixtures" / "models_before_readings"
ANSWERS = json.loads((SAVED / "forecasting_answers.json").read_text())
CASES = [(model, question) for model, asked in ANSWERS.items() for question in asked]


@pytest.mark.parametrize(("model", "question"), CASES)
def test_a_model_saved_before_answers_as_it_did(model: str, question: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(SAVED / f"forecasting_{model}.zip") as archive:
        archive.extractall(tmp_path)
    case = ANSWERS[model][question]
    found = ForecastingModel.load(tmp_path).predict(pd.DataFrame(case["rows"] or {}))
    wanted = pd.DataFrame(case["answer"])
    wanted["day"] = pd.to_datetime(wanted["day"]).astype(found["day"].dtype)
    pd.testing.assert_frame_equal(found, wanted, rtol=1e-9, atol=1e-9)

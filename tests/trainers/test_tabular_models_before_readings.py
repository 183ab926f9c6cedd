"""Models that were trained before columns had readings answer as they did then.

The fixtures are the model directories of the gradient ensemble trainers of that time, with rows and
what ``predict_row`` said of them: every treatment of that preparation is in them, and values that
the training rows did not have.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from modelstudio.inference.process import load
from modelstudio.trainers.tabular.preparation import Preparation

FIXTURES = Path(__file__).parents[1] / "fixtures" / "models_before_readings"
#: The linear model of the classifier multiplies matrices, whose last bits are the machine's.
CLOSE = {"tabular_regression": 0.0, "tabular_classification": 1e-6}


@pytest.fixture(params=sorted(CLOSE))
def before(request, tmp_path):
    """What was said then, the model's directory, and how close an answer has to be."""
    with zipfile.ZipFile(FIXTURES / f"{request.param}.zip") as package:
        package.extractall(tmp_path)
    said = json.loads((FIXTURES / f"{request.param}.json").read_text(encoding="utf-8"))
    return said, tmp_path, CLOSE[request.param]


def assert_same(answer, expected, close):
    assert list(answer) == list(expected)
    for name, value in expected.items():
        known = pytest.approx(value, rel=close) if close and isinstance(value, float) else value
        assert answer[name] == known, name


def test_rows_and_tables_are_answered_as_then(before):
    said, directory, close = before
    predictor = load(said["predictor"], directory)
    for row, expected in zip(said["rows"], said["answers"], strict=True):
        assert_same(predictor.predict_row(row), expected, close)
    table = predictor.predict(pd.DataFrame(said["rows"], dtype=object))
    for found, expected in zip(table.to_dict("records"), said["answers"], strict=True):
        assert_same(found, expected, close)


def test_their_preparation_makes_the_same_features_and_still_does_when_it_is_saved_again(before):
    said, directory, _ = before
    preparation = Preparation.load(directory / "preparation.json")
    assert [feature.name for feature in preparation.features] == said["features"]
    preparation.save(directory / "again.json")
    again = Preparation.load(directory / "again.json")
    for row, expected in zip(said["rows"], said["prepared"], strict=True):
        for made in (preparation.row(row), again.row(row)):
            hexes = [None if number != number else float(number).hex() for number in made]  # noqa: PLR0124
            assert hexes == expected


def test_their_required_columns_and_types_are_refused_as_then(before):
    said, directory, _ = before
    predictor = load(said["predictor"], directory)
    row = said["rows"][0]
    with pytest.raises(KeyError, match="ratio"):
        predictor.predict_row({name: row[name] for name in row if name != "ratio"})
    with pytest.raises(ValueError, match="Column 'account'"):
        predictor.predict_row({**row, "account": "many"})

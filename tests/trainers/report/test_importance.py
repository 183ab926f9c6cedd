"""Permutation importance and partial dependence of models whose formula is known."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from modelstudio.trainers.tabular.report import importance
from modelstudio.trainers.tabular.report.dependence import partial_dependence
from modelstudio.trainers.tabular.report.importance import permutation_importance
from modelstudio.trainers.tabular.report.related import most_related
from patience import allowed
from report_data import classification, formula, looked_at, regression


def in_time():
    return time.monotonic() + 60


def test_a_column_that_the_model_does_not_use_has_no_importance(mixed):
    measured, _ = looked_at(regression(mixed, formula))
    table = permutation_importance(measured, list(mixed)[:-1], in_time()).set_index("column")
    assert table.loc["noise", ["importance", "stddev"]].tolist() == [0, 0]
    assert table.loc["noise", "p_value"] == 1
    assert (table.loc[["size", "colour", "at"], "p_value"] < 0.001).all()
    assert (table["shuffles"] == 10).all()
    assert (table["lower"] <= table["importance"]).all()
    # Shuffling a column of variance v raises the squared error by 2 v.
    spread = np.sqrt(2 * mixed["size"].var() + 1) - 1
    assert table.loc["size", "importance"] == pytest.approx(spread, rel=0.15)


def test_importance_is_the_same_for_the_same_seed(mixed):
    measured, _ = looked_at(regression(mixed, formula))
    first, again = (permutation_importance(measured, ["size", "at"], in_time()) for _ in range(2))
    assert first.equals(again)


def test_importance_of_accuracy_is_what_accuracy_loses(mixed):
    frame = mixed.assign(y=np.where(mixed["size"] > 50, "yes", "no"))
    subject = classification(
        frame, lambda rows: (rows["size"] > 50).astype(float), eval_metric="accuracy"
    )
    measured, _ = looked_at(subject)
    table = permutation_importance(measured, ["size", "colour"], in_time()).set_index("column")
    assert table.loc["size", "importance"] == pytest.approx(0.5, abs=0.05)
    assert table.loc["colour", "importance"] == 0


def test_a_slow_model_gets_fewer_rows_and_stops_in_time(mixed):
    def slowly(rows):
        time.sleep(len(rows) * 2e-4)
        return formula(rows)

    frame = pd.concat([mixed] * 10, ignore_index=True)
    measured, _ = looked_at(regression(frame, slowly))
    started = time.monotonic()
    table = permutation_importance(measured, list(mixed)[:-1], started + 0.4)
    assert time.monotonic() - started < allowed(5), "ten rounds of 2,000 rows would take 16 s"
    assert table["shuffles"].between(1, 3).all()


def test_what_a_late_prediction_found_is_kept(mixed):
    measured, _ = looked_at(regression(mixed, formula))
    table = permutation_importance(measured, list(mixed)[:-1], time.monotonic())
    assert set(table["column"]) == set(mixed) - {"y"}
    assert table["shuffles"].tolist() == [1] * 4
    assert table["p_value"].isna().all()


def test_importance_does_not_depend_on_how_many_columns_are_predicted_at_a_time(mixed, monkeypatch):
    measured, _ = looked_at(regression(mixed, formula))
    together = permutation_importance(measured, list(mixed)[:-1], in_time())
    monkeypatch.setattr(importance, "_BATCH_ROWS", 1)
    assert permutation_importance(measured, list(mixed)[:-1], in_time()).equals(together)


def test_related_columns_are_named(mixed):
    frame = mixed.assign(
        area=-(mixed["size"] ** 3), shade=mixed["colour"].map({"red": "a", "blue": "b"})
    )
    _, features = looked_at(regression(frame, formula))
    related = most_related(features)
    assert related["size"] == ("area", pytest.approx(-1))
    assert related["shade"] == ("colour", pytest.approx(1, abs=0.02))
    # Two of the four colours are without a shade, so the shade says less of the colour.
    assert related["colour"] == ("shade", pytest.approx(0.75, abs=0.05))
    assert "noise" not in related
    assert "at" not in related


def test_partial_dependence_is_the_formula_of_the_column(mixed):
    measured, features = looked_at(regression(mixed, formula))
    table = partial_dependence(measured, features, ["size", "colour", "at"], in_time())
    size = table[table["column"] == "size"]
    assert len(size) == 20
    assert np.allclose(np.diff(size["prediction"]), np.diff(size["number"]))
    assert size["number"].is_monotonic_increasing
    assert (size["p10"] < size["p50"]).all()
    colour = table[table["column"] == "colour"].set_index("value")["prediction"]
    assert set(colour.index) == {"red", "green", "blue", "(missing)"}
    assert colour["red"] - colour["blue"] == pytest.approx(40)
    assert colour["green"] - colour["(missing)"] == pytest.approx(5)
    moments = table[table["column"] == "at"]
    assert set(moments["part"]) == {"time", "hour", "weekday", "month"}
    hours = moments[moments["part"] == "hour"]
    assert hours["number"].tolist() == list(range(24))
    assert np.allclose(np.diff(hours["prediction"]), 1)
    days = moments[moments["part"] == "weekday"]
    assert days["value"].tolist()[::6] == ["Monday", "Sunday"]
    assert days["prediction"].std() < 1.5, "the weekday has no part in the formula"
    periods = pd.to_datetime(moments.loc[moments["part"] == "time", "value"])
    assert periods.is_monotonic_increasing
    assert len(periods) == 12


def test_partial_dependence_of_classes_is_their_probability(mixed):
    classes = ("a", "b", "c")
    frame = mixed.assign(y=np.tile(classes, 200))

    def chances(rows):
        first = rows["size"].rank(pct=True) / 2
        return np.column_stack([first, np.full(len(rows), 0.25), 0.75 - first])

    measured, features = looked_at(classification(frame, chances, classes=classes))
    table = partial_dependence(measured, features, ["noise"], in_time())
    assert set(table["class"]) == set(classes)
    by_value = table.groupby("position")["prediction"].sum()
    assert np.allclose(by_value, 1)
    assert np.allclose(table.loc[table["class"] == "b", "prediction"], 0.25)


def test_a_column_of_values_that_occur_once_has_no_curve(mixed):
    frame = mixed.assign(name=[f"n{number}" for number in range(600)], same=1.0)
    measured, features = looked_at(regression(frame, formula))
    table = partial_dependence(measured, features, ["name", "same", "size"], in_time())
    assert set(table["column"]) == {"size"}

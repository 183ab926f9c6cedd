"""What spoils a model is found, said with what to do about it, and not said without reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from modelstudio.trainers.findings import Finding, report_findings
from report_data import classification, formula, regression


def noisy(rows=1000, seed=1, share=0.5):
    """A binary target of which ``x`` says something."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": random.normal(size=rows), "z": random.normal(size=rows)})
    limit = np.quantile(frame["x"], 1 - share)
    positive = frame["x"] + random.normal(size=rows) / 2 > limit
    return frame.assign(y=np.where(positive, "yes", "no"))


def sensible(rows):
    return 1 / (1 + np.exp(-3 * rows["x"]))


def test_a_sound_model_of_sound_data_has_no_warnings(report):
    found = report(classification(noisy(3000), sensible))
    assert found.tables["warnings"].empty
    assert list(found.tables["warnings"]) == ["code", "column", "message", "advice"]
    assert not [line for line in found.lines if line[0] == "WARNING"]


def test_a_column_that_gives_the_target_away_is_named(report):
    frame = noisy()
    frame["paid"] = np.where(frame["y"] == "yes", 10.0, 20.0)
    found = report(classification(frame, lambda rows: (rows["paid"] < 15) * 0.98 + 0.01))
    assert found.codes == ["leak_suspected"]
    assert found.tables["warnings"]["column"].tolist() == ["paid"]
    assert ("WARNING", found.tables["warnings"]["message"][0]) in [
        (level, line.split(". ")[0]) for level, line in found.lines
    ]
    assert found.tables["feature_importance"].set_index("column").loc["paid", "skill_alone"] > 0.98


@pytest.mark.parametrize("transform", [lambda y: 1.19 * y, lambda y: np.exp(-y / 50), np.cbrt])
def test_a_column_made_from_a_numeric_target_is_named(mixed, report, transform):
    frame = mixed.assign(leak=transform(mixed["y"]))
    found = report(regression(frame, formula))
    assert "leak_suspected" in found.codes


def test_a_leak_into_one_of_many_classes_is_found(report):
    random = np.random.default_rng(4)
    names = random.choice(["a", "b", "c"], 900, p=[0.8, 0.15, 0.05])
    frame = pd.DataFrame({"code": pd.Series(names) + "1", "x": random.random(900), "y": names})
    identity = lambda rows: np.eye(3)[rows["code"].map({"a1": 0, "b1": 1, "c1": 2})]  # noqa: E731
    found = report(classification(frame, identity, classes=("a", "b", "c")))
    assert "leak_suspected" in found.codes


def test_rows_in_both_tables_are_counted(mixed, report):
    test = pd.concat([mixed.head(30), mixed.tail(200)], ignore_index=True)
    found = report(regression(mixed.head(400), formula, test=test))
    assert "rows_repeated" in found.codes
    assert "30 of 230 held-out rows" in found.tables["warnings"]["message"].str.cat()


def test_rows_that_are_alike_by_chance_are_no_repeats(report):
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"a": random.choice(list("xyz"), 2000), "b": random.integers(0, 3, 2000)})
    chance = 0.2 + 0.3 * (frame["a"] == "x") + 0.1 * frame["b"]
    frame["y"] = np.where(random.random(2000) < chance, "yes", "no")
    model = lambda rows: 0.2 + 0.3 * (rows["a"] == "x") + 0.1 * rows["b"]  # noqa: E731
    assert "rows_repeated" not in report(classification(frame, model)).codes


def test_a_model_no_better_than_the_commonest_class(report):
    frame = noisy(1000, share=0.2).assign(x=lambda table: table["z"])
    found = report(classification(frame, lambda rows: 0.2 + 0.01 * rows["x"]))
    assert "no_better_than_baseline" in found.codes


def test_a_rare_class_measured_by_accuracy(report):
    found = report(
        classification(noisy(4000, share=0.04), lambda r: sensible(r) / 3, eval_metric="accuracy")
    )
    assert "target_imbalanced" in found.codes
    assert "average_precision" in found.tables["warnings"]["advice"].str.cat()


def test_classes_with_few_rows_are_listed(report):
    names = ["a"] * 500 + ["b"] * 400 + ["c"] * 6
    frame = pd.DataFrame({"x": np.arange(906.0), "y": names}).sample(frac=1, random_state=1)
    chances = lambda rows: np.tile([0.5, 0.4, 0.1], (len(rows), 1))  # noqa: E731
    found = report(classification(frame, chances, classes=("a", "b", "c")))
    assert "classes_too_small" in found.codes
    assert "'c'" in found.tables["warnings"]["message"].str.cat()


def test_a_target_that_is_nearly_always_the_same(mixed, report):
    frame = mixed.assign(y=mixed["y"].where(mixed["noise"] > 1.8, 0.0))
    assert "target_nearly_constant" in report(regression(frame, formula)).codes


def test_few_held_out_rows_come_with_their_interval(report):
    found = report(classification(noisy(200), sensible))
    message = found.tables["warnings"].set_index("code").loc["holdout_too_small", "message"]
    assert message.startswith("The held-out metrics come from 40 rows")
    assert "with 95 % confidence" in message


def test_test_data_of_another_kind(mixed, report):
    test = mixed.assign(size=mixed["size"] + 20, noise=np.nan, y=mixed["y"] + 20)
    found = report(regression(mixed, formula, test=test))
    assert {"target_drifted", "test_drifted", "missing_only_in_test"} <= set(found.codes)
    warnings = found.tables["warnings"].set_index("code")
    assert warnings.loc["missing_only_in_test", "column"] == "noise"


def test_a_model_that_knows_its_rows_by_heart(mixed, report):
    known = dict(zip(mixed["size"][:480], mixed["y"][:480], strict=True))
    heart = lambda rows: rows["size"].map(known).fillna(mixed["y"].mean())  # noqa: E731
    assert "overfit" in report(regression(mixed, heart)).codes


def test_a_validation_score_that_held_out_rows_do_not_bear_out(mixed, report):
    frame = pd.concat([mixed] * 3, ignore_index=True).assign(
        size=lambda table: table["size"] + np.random.default_rng(0).normal(size=len(table))
    )
    wrong = lambda rows: formula(rows) + 8 * (rows["noise"] > 0)  # noqa: E731
    assert "validation_gap" in report(regression(frame, wrong, validation_score=1.0)).codes
    assert "validation_gap" not in report(regression(frame, wrong, validation_score=6.0)).codes


def test_probabilities_that_are_too_sure(report):
    sure = lambda rows: np.where(rows["z"] > 0, 0.97, 0.03)  # noqa: E731
    assert "probabilities_off" in report(classification(noisy(4000), sure)).codes


def test_columns_that_are_mostly_missing_are_one_warning(mixed, report):
    frame = mixed.assign(
        first=mixed["noise"].where(mixed["noise"] > 1),
        second=mixed["size"].where(mixed["size"] > 60),
    )
    found = report(regression(frame, formula))
    assert found.codes.count("many_missing") == 1
    assert "'first', 'second'" in found.tables["warnings"]["message"].str.cat()


def test_many_findings_do_not_flood_the_log(recorder):
    findings = [Finding("some", f"number {number}", "do something") for number in range(50)]
    report_findings(findings, recorder)
    assert len(recorder.tables["warnings"]) == 50
    assert len(recorder.lines) == 31
    assert recorder.lines[-1][1] == "20 more warnings are in the table warnings"

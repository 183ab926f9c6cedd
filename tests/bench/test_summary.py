"""The arithmetic of the trainers' benchmark."""

from __future__ import annotations

import math

import pytest
from bench.training import page, summary
from bench.training.records import Result
from hypothesis import given
from hypothesis import strategies as st

VALUES = st.dictionaries(
    st.text(min_size=1, max_size=3), st.floats(1e-6, 1e6), min_size=1, max_size=6
)


def result(engine: str, error: float | None, **more: object) -> Result:
    fields = {"set": "ames", "version": "1", "budget": 30, "seed": 0, "metric": "rmse"}
    return Result(**{**fields, "constant_error": 100.0, "engine": engine, "error": error, **more})


@given(VALUES)
def test_ranks_share_out_the_places(values: dict[str, float]) -> None:
    found = summary.ranks(values)
    count = len(values)
    assert sum(found.values()) == pytest.approx(count * (count + 1) / 2)
    for one, other in zip(values, reversed(values), strict=True):
        assert (values[one] < values[other]) == (found[one] < found[other])


@given(VALUES)
def test_normalised_errors_keep_the_order_and_their_bounds(values: dict[str, float]) -> None:
    best = min(values, key=values.__getitem__)
    ratios, shares = summary.ratios(values), summary.min_max(values)
    assert ratios[best] == 1
    assert shares[best] == 0
    assert all(value >= 1 for value in ratios.values())
    assert all(0 <= value <= 1 for value in shares.values())


def test_equal_errors_share_a_rank() -> None:
    assert summary.ranks({"a": 2.0, "b": 1.0, "c": 2.0}) == {"a": 2.5, "b": 1.0, "c": 2.5}


def test_a_cell_counts_only_when_every_engine_has_been_measured_on_it() -> None:
    results = [result("a", 1.0), result("b", 2.0), result("a", 1.0, seed=1)]
    assert list(summary.cells(results, ["a", "b"], 30)) == [("ames", 0)]
    assert not summary.cells(results, ["a", "b"], 120)


def test_a_fit_without_a_budget_stands_for_every_budget() -> None:
    results = [result("a", 1.0), result("a", 0.5, budget=120), result("b", 2.0, budget=0)]
    for budget, ours in ((30, 1.0), (120, 0.5)):
        (cell,) = summary.cells(results, ["a", "b"], budget).values()
        assert summary.errors(cell) == {"a": ours, "b": 2.0}


def test_an_engine_that_left_no_model_counts_as_the_constant_prediction() -> None:
    killed = result("b", None, constant_error=None, failure="was stopped")
    cell = {"a": result("a", 3.0), "b": killed}
    assert summary.errors(cell) == {"a": 3.0, "b": 100.0}
    standing = summary.standings({("ames", 0): cell})["b"]
    assert (standing.rank, standing.ratio, standing.failures) == (2, 100 / 3, 1)


def test_errors_near_nothing_are_equal() -> None:
    cell = {"a": result("a", 0.0), "b": result("b", 0.01)}
    assert summary.ranks(summary.errors(cell)) == {"a": 1.5, "b": 1.5}


def test_every_set_weighs_the_same_whatever_its_number_of_seeds() -> None:
    cells = {
        ("ames", seed): {"a": result("a", 1.0), "b": result("b", 2.0)} for seed in range(3)
    } | {("wine", 0): {"a": result("a", 4.0), "b": result("b", 1.0)}}
    found = summary.standings(cells)
    assert found["a"].ratio == (1 + 4) / 2
    assert found["b"].ratio == (2 + 1) / 2
    assert (found["a"].wins, found["b"].wins) == (1, 1)


def test_our_error_is_held_against_the_best_of_the_others_worst_first() -> None:
    cells = {
        ("ames", 0): {"us": result("us", 1.0), "a": result("a", 2.0), "b": result("b", 4.0)},
        ("wine", 0): {"us": result("us", 3.0), "a": result("a", 2.0), "b": result("b", 1.0)},
    }
    found = summary.against_best_other(cells, "us")
    assert list(found.items()) == [("wine", ("b", 3.0)), ("ames", ("a", 0.5))]


def test_costs_are_medians_and_tell_overruns() -> None:
    fits = [result("a", 1.0, seed=seed, fit_seconds=s) for seed, s in enumerate([29.0, 33.5, 90.0])]
    found = summary.costs({("ames", it.seed): {"a": it} for it in fits}, "a", 30)
    assert (found.fit_seconds, found.longest, found.over, found.measured) == (33.5, 90.0, 2, 3)
    assert math.isnan(found.row_ms)


def test_the_page_tells_losses_failures_and_what_was_not_measured() -> None:
    results = [
        result("gradient_ensemble", 2.1, fit_seconds=30.0, row_ms=0.2, size_bytes=5_000_000),
        result("lightgbm", 2.0, budget=0, fit_seconds=1.0),
        result("gradient_ensemble", None, set="wine", failure="ValueError: no"),
        result("lightgbm", 0.5, set="wine", budget=0),
    ]
    text = page.body(results, ["gradient_ensemble", "lightgbm"], [30])
    assert "| ames | lightgbm | 1.050 |" in text
    assert "more than 2 % worse than the best of the others on 2: wine, ames" in text
    assert "- wine, gradient_ensemble, 30 s, seed 0: ValueError: no" in text
    assert "- 30 s, lightgbm, seeds 1, 2: wine, ames\n" in text


def test_an_engine_alone_has_a_page_without_losses() -> None:
    text = page.body([result("gradient_ensemble", 2.0)], ["gradient_ensemble"], [30])
    assert "| ames |" in text
    assert "worse than the best" not in text

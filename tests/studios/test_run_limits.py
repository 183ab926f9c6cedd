"""How long a run may take and what it may write, from what an operator allows and a user asks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from foundry_sdk.v2.models.models import CreateConfigValidationFailureReason
from pydantic import TypeAdapter

from modelstudio.studios.limits import RunLimits
from modelstudio.trainers.tabular.autogluon.specification import REGRESSION

_REASON: Any = TypeAdapter(CreateConfigValidationFailureReason)
WITHOUT_TIME_LIMIT = replace(REGRESSION, config_schema={"properties": {}})


@pytest.mark.parametrize(
    ("config", "wall"), [({"time_limit": 10}, 315), ({"time_limit": 1000}, 1800), ({}, 1200)]
)
def test_a_run_is_ended_soon_after_its_time_limit(config: dict[str, Any], wall: float) -> None:
    assert RunLimits().for_worker(REGRESSION, config) == {"wallSeconds": wall}


def test_an_operator_may_allow_less() -> None:
    limits = RunLimits(longest_seconds=400, disk_bytes=5)
    assert limits.for_worker(REGRESSION, {"time_limit": 300}) == {
        "wallSeconds": 400,
        "diskBytes": 5,
    }
    assert limits.for_worker(REGRESSION, {"time_limit": 10})["wallSeconds"] == 315


def test_a_trainer_that_counts_no_time_is_limited_by_the_operator_alone() -> None:
    assert RunLimits().for_worker(WITHOUT_TIME_LIMIT, {}) == {}
    assert RunLimits().for_worker(None, {"time_limit": 10}) == {}
    assert RunLimits(longest_seconds=60).for_worker(WITHOUT_TIME_LIMIT, {}) == {"wallSeconds": 60}
    assert RunLimits(longest_seconds=60).failures(WITHOUT_TIME_LIMIT, {}) == []


@pytest.mark.parametrize("config", [{"time_limit": 401}, {}, {"time_limit": 10_000}])
def test_a_time_limit_that_leaves_no_time_for_the_rest_is_refused(config: dict[str, Any]) -> None:
    [failure] = RunLimits(longest_seconds=501).failures(REGRESSION, config)
    assert failure["field"] == "time_limit"
    assert failure["message"] == (
        "A run may take at most 501 seconds on this server, of which time_limit may be 400."
    )
    _REASON.validate_python(failure)


def test_a_time_limit_that_fits_is_accepted() -> None:
    assert RunLimits(longest_seconds=501).failures(REGRESSION, {"time_limit": 400}) == []
    assert RunLimits().failures(REGRESSION, {"time_limit": 604_800}) == []


def test_a_time_limit_of_another_type_is_for_the_schema_to_refuse() -> None:
    assert RunLimits(longest_seconds=501).failures(REGRESSION, {"time_limit": "long"}) == []

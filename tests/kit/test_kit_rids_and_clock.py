"""Resource identifiers and times."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelstudio.kit import rids
from modelstudio.kit.clock import RandomIds, SystemClock, iso_time

KINDS = [value for name, value in vars(rids).items() if isinstance(value, str) and name.isupper()]


@given(st.sampled_from(KINDS), st.uuids())
def test_a_kind_and_a_uuid_make_a_rid(kind: str, locator: uuid.UUID) -> None:
    rid = f"{kind}{locator}"
    assert rids.is_rid(rid)
    assert rids.locator(rid) == str(locator)


def test_the_instance_may_be_empty_and_the_locator_may_have_dots() -> None:
    rid = "ri.models..trainer.autogluon_tabular_regression"
    assert rids.is_rid(rid)
    assert rids.locator(rid) == "autogluon_tabular_regression"
    assert rids.locator("ri.a.b.c.d.e") == "d.e"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ri",
        "ri.models.main.model",
        "ri.models.main.model.",
        "RI.models.main.model.x",
        "ri..main.model.x",
        "ri.models.main..x",
        "ri.models.main.model.x y",
        "ri.models.main.model.x\n",
        "ri.models.main.model.x/y",
        "ri.models.main.model.\u00e9",
        "ri.models.main.model." + "x" * 600,
        " ri.models.main.model.x",
    ],
)
def test_a_malformed_rid_is_none(text: str) -> None:
    assert not rids.is_rid(text)


@given(st.text(max_size=60))
def test_any_text_is_judged_without_an_error(text: str) -> None:
    assert rids.is_rid(text) in {True, False}
    assert rids.is_uuid(text) in {True, False}


def test_a_uuid_is_told_from_other_texts() -> None:
    assert rids.is_uuid(RandomIds().uuid())
    assert not rids.is_uuid(RandomIds().uuid() + "\n")
    assert not rids.is_uuid(uuid.uuid4().hex)


def test_a_time_has_milliseconds_and_a_z() -> None:
    assert iso_time(0) == "1970-01-01T00:00:00.000Z"
    assert iso_time(1_052_225_796_789) == "2003-05-06T12:56:36.789Z"
    assert iso_time(-1) == "1969-12-31T23:59:59.999Z"


@given(st.integers(-2_000_000_000_000, 250_000_000_000_000))
def test_a_time_is_read_back_exactly(millis: int) -> None:
    read = datetime.fromisoformat(iso_time(millis))
    assert read - datetime(1970, 1, 1, tzinfo=UTC) == timedelta(milliseconds=millis)


def test_the_clock_counts_milliseconds_of_utc() -> None:
    before = datetime.now(UTC).timestamp() * 1000
    now = SystemClock().now_millis()
    assert before - 1 <= now <= datetime.now(UTC).timestamp() * 1000 + 1

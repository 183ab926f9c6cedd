"""How written values are taken, decided on all values of a column."""

from __future__ import annotations

import datetime as dt
import json
import math
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelstudio.tables.readings import (
    UNFIT,
    Decision,
    Evidence,
    MomentReading,
    NumberReading,
    UnknownReadingError,
    decide,
    named,
    of_state,
    text_of,
)

TODAY = dt.date(2026, 11, 28)


def decided(*texts: str | None, hint: str = "", **options: Any) -> Decision:
    evidence = Evidence.of(texts)
    return decide({"x": evidence}, hints={"x": hint}, today=TODAY, **options)["x"]


@pytest.mark.parametrize(
    ("texts", "name", "field_type"),
    [
        (["1", "-2", "300"], "whole number 1234", "LONG"),
        (["1.5", "2"], "number 1234.5", "DOUBLE"),
        (["5,125", "5,0"], "number 1.234,5", "DOUBLE"),
        (["1.033,25", "1.000,00"], "number 1.234,5", "DOUBLE"),
        (["1,234", "5,678", "12,345,678"], "whole number 1,234", "LONG"),
        (["1,00,000", "99"], "whole number 1,234", "LONG"),
        (["1 234,50", "2,5"], "number 1 234,5", "DOUBLE"),
        (["1'234.5", "7"], "number 1 234.5", "DOUBLE"),
        (["1.627", "339", "1.230"], "whole number 1.234", "LONG"),
        (["1.627", "1234"], "number 1234.5", "DOUBLE"),
        (["0.123", "1.234"], "number 1234.5", "DOUBLE"),
        (["12 %", "5%"], "whole number 1234 %", "LONG"),
        (["$5", "7"], "whole number 1234 $", "LONG"),
        (["(5)", "7-"], "whole number 1234", "LONG"),
        (["9007199254740993", "5"], "whole number 1234", "LONG"),
        (["inf", "5"], "number 1234.5", "DOUBLE"),
        (["01.01.2018", "01.02.2018"], "date dd.mm.yyyy", "DATE"),
        (["13/02/2018", "01/02/2018"], "date dd/mm/yyyy", "DATE"),
        (["02/13/2018", "01/02/2018"], "date mm/dd/yyyy", "DATE"),
        (["05/05/2018", "06/06/2018"], "date dd/mm/yyyy", "DATE"),
        (["01.02.55", "31.04.13", "30.04.13"], "text", "STRING"),
        (["01.02.55", "30.04.13"], "date dd.mm.yy (1937 to 2036)", "DATE"),
        (["2024-01-31 24:00"], "timestamp yyyy-mm-dd", "TIMESTAMP"),
        (["2024-01-31T0930"], "timestamp yyyy-mm-dd", "TIMESTAMP"),
        (["20240131T0930"], "timestamp yyyymmdd", "TIMESTAMP"),
        (["2023-06-01 00:00:00", "2023-06-02"], "date yyyy-mm-dd", "DATE"),
        (["Mon, 5 Jan 2024 10:00 EST"], "timestamp dd/mm/yyyy", "TIMESTAMP"),
        (["10/Oct/2000:13:55:36 -0700"], "timestamp dd/mm/yyyy", "TIMESTAMP"),
        (["5. März 2024"], "date dd.mm.yyyy", "DATE"),
        (["January 5, 2024"], "date dd/mm/yyyy", "DATE"),
        (["Jan-20", "Feb-20"], "month mmm-yy (1937 to 2036)", "DATE"),
        (["2020Q1", "2020Q2"], "quarter yyyyQq", "DATE"),
        (["Q1 2020"], "quarter yyyyQq", "DATE"),
        (["2024-W05", "2024-W06"], "week yyyy-Www", "DATE"),
        (["08:30", "17:45"], "time of day hh:mm", "STRING"),
        (["75:30", "12:10"], "duration mm:ss", "DOUBLE"),
        (["yes", "No"], "boolean yes/no", "BOOLEAN"),
        (["true", "FALSE"], "boolean true/false", "BOOLEAN"),
        (["yes", "yes"], "text", "STRING"),
        (["007", "12"], "text", "STRING"),
        (["99999999999999999999", "5"], "text", "STRING"),
        (["1.2.13", "2.3.14"], "text", "STRING"),
        (["192.168.100.200", "192.168.100.201"], "text", "STRING"),
        (["12%", "5"], "text", "STRING"),
        (["$5", "€7"], "text", "STRING"),
        (["1e400", "5"], "text", "STRING"),
        (["2024-02-30", "2024-01-01"], "text", "STRING"),
        (["2024-01-31 10:00 XYZ"], "text", "STRING"),
        (["NA", "?", ".", "5"], "whole number 1234", "LONG"),
        ([None, ""], "text", "STRING"),
    ],
)  # fmt: skip
def test_a_column_is_read_as_all_of_its_values_say(
    texts: list[str | None], name: str, field_type: str
) -> None:
    found = decided(*texts)
    assert (found.reading.name, found.reading.field_type) == (name, field_type)
    assert not found.question


@pytest.mark.parametrize(
    ("texts", "possible"),
    [
        (["1.627", "339"], ("number 1234.5", "number 1.234,5")),
        (["1,234", "5,678"], ("number 1,234.5", "number 1.234,5")),
        (["01/02/2018", "03/02/2018"], ("date dd/mm/yyyy", "date mm/dd/yyyy")),
        (["01/02/2020 3:15 PM"], ("timestamp dd/mm/yyyy", "timestamp mm/dd/yyyy")),
        (
            ["25-12-17", "24-11-16"],
            ("date dd/mm/yy (1937 to 2036)", "date yy-mm-dd (1937 to 2036)"),
        ),
    ],
)
def test_a_column_with_two_readings_is_asked_about(
    texts: list[str], possible: tuple[str, ...]
) -> None:
    found = decided(*texts)
    assert found.question
    assert found.reading.name == "text"
    assert found.possible == possible
    assert set(found.examples) <= set(texts)
    for name in possible:  # each answer is understood
        answered = decided(*texts, hint=name)
        assert (answered.fitted, answered.unfit, answered.question) == (len(texts), 0, False)


def test_the_century_of_two_digit_years_stays_what_it_was_taken_for() -> None:
    taken = decided("13.02.40", "31.12.36").reading.name
    assert taken == "date dd.mm.yy (1937 to 2036)"
    later = Evidence.of(["13.02.40", "31.12.36"])
    again = decide({"x": later}, hints={"x": taken}, today=dt.date(2046, 1, 1))["x"].reading
    assert again.name == taken
    told = decided("13.02.40", hint="date dd.mm.yy (1900 to 1999)").reading
    assert told.column(pa.array(["13.02.40", "1.3.05"])).values.to_pylist() == [
        dt.date(1940, 2, 13),
        dt.date(1905, 3, 1),
    ]


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (["202401", "202413"], "text"),
        (["202401", "202402"], "month yyyymm"),
        (["1960", "1961"], "year yyyy"),
        (["240131"], "date yymmdd (1937 to 2036)"),
        (["20240131"], "date yyyymmdd"),
        (["31012024"], "date ddmmyyyy"),
        (["1706700000"], "timestamp seconds since 1970"),
        (["1706700000000"], "timestamp milliseconds since 1970"),
        (["1.2.13", "2.13.14"], "date mm.dd.yy (1937 to 2036)"),
    ],
)
def test_whole_numbers_are_moments_where_moments_are_wanted(texts: list[str], name: str) -> None:
    assert decided(*texts, hint="moment").reading.name == name


def test_other_columns_tell_how_a_table_is_written() -> None:
    columns = {
        "area": Evidence.of(["30,000", "31,500"]),
        "price": Evidence.of(["1.033,25", "1.000,00"]),
        "from": Evidence.of(["01/02/2018", "02/03/2018"]),
        "to": Evidence.of(["13/02/2018", "02/03/2018"]),
    }
    found = decide(columns, today=TODAY)
    assert found["area"].reading == NumberReading("1.234,5")
    assert found["area"].possible == ("number 1,234.5",)
    assert found["from"].reading.name == "date dd/mm/yyyy"
    columns["rate"] = Evidence.of(["0.5", "1.25"])  # now they disagree
    assert decide(columns, today=TODAY)["area"].question


def test_values_that_do_not_fit_are_counted_with_examples() -> None:
    texts = [str(number) for number in range(100)] + ["12o"]
    found = decided(*texts)
    assert (found.reading.name, found.possible) == ("text", ("whole number 1234",))
    assert found.examples == ("12o",)
    loose = decided(*texts, least_share=0.98)
    assert (loose.reading.name, loose.fitted, loose.unfit) == ("whole number 1234", 100, 1)


VALUES = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(str),
    st.floats(-1e6, 1e6).map(lambda value: f"{value:,.2f}"),
    st.floats(-1e6, 1e6).map(lambda value: f"{value:,.2f}".translate(str.maketrans(",.", ".,"))),
    st.datetimes(dt.datetime(1000, 1, 1)).map(str),  # noqa: DTZ001
    st.dates(dt.date(1000, 1, 1)).map(lambda day: f"{day:%d.%m.%Y}"),
    st.dates().map(lambda day: f"{day.day}/{day.month}/{day.year}"),
    st.sampled_from(["", " ", "NA", "?", "true", "No", "1e400", "1.234", "08:30", "inf", "5 "]),
    st.text(max_size=8),
)
NAMES = (
    "number 1234.5", "number 1,234.5", "number 1.234,5", "number 1 234,5", "whole number 1234",
    "whole number 1.234", "date yyyy-mm-dd", "timestamp yyyy-mm-dd", "date dd/mm/yyyy",
    "timestamp mm/dd/yyyy", "boolean yes/no", "text", "text, missing: NA", "duration mm:ss",
)  # fmt: skip


@settings(max_examples=300)
@given(st.sampled_from(NAMES), st.lists(VALUES, max_size=20))
def test_a_column_and_a_single_value_are_read_alike(name: str, texts: list[str]) -> None:
    reading = of_state(json.loads(json.dumps(named(name).state())))
    if name.startswith("whole"):
        reading = NumberReading(reading.notation, whole=True)
    read = reading.column(pa.array(texts, pa.string()))
    for text, value, unfit in zip(texts, read.values, read.unfit.to_pylist(), strict=True):
        alone = reading.read(text)
        if name.startswith("whole") and isinstance(alone, float) and unfit:
            continue  # a fraction beside whole numbers that floats would round
        assert unfit == (alone is UNFIT)
        if alone is None or unfit:
            assert not value.is_valid
        elif isinstance(reading, MomentReading) and name.startswith("duration"):
            assert value.as_py() == alone / 1e6
        elif isinstance(reading, MomentReading):
            assert value.cast(pa.timestamp("us")).value == (
                alone if reading.timed else alone // 86_400_000_000 * 86_400_000_000
            )
        else:
            assert value.as_py() == alone
            if isinstance(alone, float):
                assert math.copysign(1, value.as_py()) == math.copysign(1, alone)


@settings(max_examples=200)
@given(st.lists(VALUES, max_size=40), st.integers(0, 40))
def test_evidence_of_parts_in_any_order_is_that_of_the_whole(texts: list[str], cut: int) -> None:
    whole = Evidence.of(texts)
    shuffled = random.Random(1).sample(texts, len(texts))
    parts = Evidence.of(shuffled[:cut])
    parts.merge(Evidence.of_state(json.loads(json.dumps(Evidence.of(shuffled[cut:]).state()))))
    assert parts.state() == whole.state()
    observed = Evidence()
    observed.observe(pa.array(texts, pa.string()))
    for hint in ("", "number", "moment"):
        want, have = (
            decide({"x": one}, hints={"x": hint}, today=TODAY)["x"] for one in (whole, observed)
        )
        assert (have.reading, have.fitted, have.unfit) == (want.reading, want.fitted, want.unfit)


def test_offsets_are_kept_so_that_the_clock_as_written_can_be_had_again() -> None:
    days = [f"2024-{month:02}-01T00:00:00+0{1 + (4 <= month <= 10)}:00" for month in range(1, 13)]
    reading = decided(*days).reading
    assert isinstance(reading, MomentReading)
    assert reading.zone == "+01:00"
    micros = np.array([reading.read(day) for day in days], dtype="int64")
    local = reading.local(micros).astype("datetime64[us]")
    assert [str(one) for one in local] == [f"{day[:19]}.000000" for day in days]


def test_offsets_that_do_not_follow_one_another_say_no_zone() -> None:
    found = decided("2024-01-01T00:00+01:00", "2024-01-02T00:00+05:00", "2024-01-03T00:00+01:00")
    assert isinstance(found.reading, MomentReading)
    many = decided("2024-01-01T00:00+01:00", "2023-12-31T23:00+00:00")
    assert isinstance(many.reading, MomentReading)
    assert many.reading.runs == ()


@pytest.mark.parametrize(
    ("value", "text"),
    [(101, "101"), (101.0, "101"), (np.float64(101), "101"), (True, "true"), (None, None),
     (np.int64(2**53 + 1), "9007199254740993"), (1.5, "1.5"), ("x", "x"),
     (np.bool_(False), "false")],
)  # fmt: skip
def test_a_value_of_any_type_has_one_text(value: Any, text: str | None) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize("name", ["date dd mm", "number 1;2", "boolean a/b", "", "texts"])
def test_an_unknown_reading_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(UnknownReadingError, match="is no reading"):
        named(name)


@pytest.mark.parametrize("name", [*NAMES, "date dd.mm.yy (1937 to 2036)", "month yyyymm"])
def test_the_name_of_a_reading_is_understood(name: str) -> None:
    assert named(named(name).name) == named(name)

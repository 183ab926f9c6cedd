"""Values as programs, spreadsheets and offices write them: what each column is taken for."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from modelstudio.tables.readings import Decision, Evidence, decide, named

TODAY = dt.date(2026, 11, 28)


def decided(texts: list[str], hint: str = "") -> Decision:
    evidence = Evidence()
    evidence.observe(pa.array(texts, pa.string()))
    return decide({"x": evidence}, hints={"x": hint}, today=TODAY)["x"]


def values(decision: Decision, texts: list[str]) -> list[Any]:
    read = decision.reading.column(pa.array(texts, pa.string()))
    assert read.unfit.true_count == decision.unfit == 0
    found: list[Any] = read.values.to_pylist()
    alone = [decision.reading.read(text) for text in texts]
    if isinstance(found[0], int | float):
        assert alone == found
    return found


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["5,-", "12,50", "7,--"], [5, 12.5, 7]),
        (["CHF 5.-", "CHF 12.50"], [5, 12.5]),
        ([" $ 1,234.00 ", " $ -   ", " $ (56.50)", "$(1.00)"], [1234, 0, -56.5, -1]),
        (["1.234,00 €", "-   €", "-56,50 €", "3,75- €"][:3], [1234, 0, -56.5]),
        (["R$ 1.234,56", "-R$ 8,10"], [1234.56, -8.1]),
        (["1 234,50 Kč", "7,00 Kč"], [1234.5, 7]),
        (["SEK 1 234,50", "SEK 12,00"], [1234.5, 12]),
        (["1.234,56-", "78,90"], [-1234.56, 78.9]),
    ],
)
def test_amounts_as_accounts_write_them(texts: list[str], found: list[float]) -> None:
    assert values(decided(texts), texts) == found


def test_amounts_of_different_currencies_are_not_one_column_of_numbers() -> None:
    decision = decided(["CHF 5", "NOK 7", "CHF 6"])
    assert decision.reading.name == "text"
    assert named("number 1.234,5 other currency").read("5,5 kr") == 5.5  # as stored before


@pytest.mark.parametrize(
    "mark",
    [
        "#NV", "#WERT!", "#N/D", "#¡VALOR!", "#VALEUR!", "#LICZBA!", "1.#IND", "-1.#QNAN",
        "\u2013", "\u2014", "\u2026", "...", ":", "n/d", "n.d.", "k. A.",
    ],
)  # fmt: skip
def test_marks_of_spreadsheets_and_offices_are_no_values(mark: str) -> None:
    assert values(decided(["1,5", mark, "2,25"]), ["1,5", mark]) == [1.5, None]


@pytest.mark.parametrize("date", ["00.00.0000", "0000-00-00", "0001-01-01"])
def test_the_empty_date_of_a_database_is_no_value(date: str) -> None:
    texts = ["31.01.2024", date]
    assert values(decided(texts), texts) == [dt.date(2024, 1, 31), None]


@pytest.mark.parametrize("text", ["10²²", "²³⁴⁵", "2024²", "①②③④⑤⑥⑦⑧"])
def test_digits_that_are_no_decimal_ones_are_text(text: str) -> None:
    for hint in ("", "number", "moment"):
        assert decided([text, "5"], hint).reading.name == "text"


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (["1706700000.0", "1706800000.0"], "timestamp seconds since 1970"),
        (["999999999", "1000000001"], "timestamp seconds since 1970"),
        (["202401.0", "202402.0"], "month yyyymm"),
    ],
)
def test_moments_in_digits_of_a_table_with_gaps(texts: list[str], name: str) -> None:
    many = texts * 500
    assert decided(texts, "moment").reading.name == name
    assert decided(many, "moment").reading.name == name


JANUARY, FEBRUARY = dt.date(2024, 1, 31), dt.date(2024, 2, 1)


@pytest.mark.parametrize(
    "texts",
    [
        ["31JAN2024", "01FEB2024"],  # SAS
        ["31jan2024", "1feb2024"],  # Stata
        ["31-JAN-24", "01-FEB-24"],  # Oracle
        ["Mi, 31.01.2024", "Do, 01.02.2024"],
        ["mercredi 31 janvier 2024", "jeudi 1er février 2024"],
        ["miércoles, 31 de enero de 2024", "jueves, 1 de febrero de 2024"],
        ["31 stycznia 2024", "1 lutego 2024"],
        ["onsdag 31 januari 2024", "torsdag 1 februari 2024"],
        ["2024-01-31", "01.02.2024"],  # a spreadsheet in which one date is a text
        ["2024-01-31 00:00:00", "01.02.2024"],
    ],
)
def test_dates_as_tools_and_people_write_them(texts: list[str]) -> None:
    assert values(decided(texts), texts) == [JANUARY, FEBRUARY]


NOON, EVENING = dt.datetime(2024, 1, 31, 12), dt.datetime(2024, 2, 1, 20, 30)  # noqa: DTZ001


@pytest.mark.parametrize(
    "texts",
    [
        ["31JAN2024:12:00:00", "01FEB2024:20:30:00"],
        ["31-JAN-24 12.00.00.000000 PM", "01-FEB-24 08.30.00.000000 PM"],
        ["2024-01-31-12.00.00.000000", "2024-02-01-20.30.00.000000"],
        ["31.01.2024 12:00 Uhr", "01.02.2024 20:30 Uhr"],
        ["31.1.2024 klo 12.00", "1.2.2024 klo 20.30"],
        ["31/01/2024 12:00:00 p. m.", "01/02/2024 08:30:00 p. m."],
    ],
)
def test_times_as_tools_and_people_write_them(texts: list[str]) -> None:
    assert values(decided(texts), texts) == [NOON, EVENING]


def test_java_names_the_zone_behind_the_offset() -> None:
    texts = ["2024-01-31T12:00+01:00[Europe/Berlin]", "2024-07-01T12:00+02:00[Europe/Berlin]"]
    found = values(decided(texts), texts)
    assert [one.hour for one in found] == [11, 10]


@pytest.mark.parametrize(
    ("texts", "name"),
    [(["2024m1", "2024m12"], "month yyyy-mm"), (["2024w1", "2024w12"], "week yyyy-Www")],
)
def test_months_and_weeks_of_stata(texts: list[str], name: str) -> None:
    assert decided(texts, "moment").reading.name == name


@pytest.mark.parametrize(
    "texts",
    [["2024-01-31", "01/02/2024"], ["2024-01-31", "2024-03-05", "03/04/2024"]],
)
def test_dates_beside_iso_are_asked_about_when_the_day_is_not_told(texts: list[str]) -> None:
    decision = decided(texts)
    assert decision.question
    assert set(decision.possible) == {"date dd/mm/yyyy", "date mm/dd/yyyy"}


@pytest.mark.parametrize(
    "texts",
    [["12.30", "11.45"], ["2024-12", "2024-13"], ["31ABC2024", "01XYZ2024"], ["m1", "w2"]],
)
def test_what_looks_like_a_date_of_a_tool_and_is_none(texts: list[str]) -> None:
    assert decided(texts).reading.kind in {"text", "number"}


def test_a_question_shows_three_different_values_though_they_repeat() -> None:
    texts = ["48.137"] * 9 + ["11.576"] * 9 + ["7.251", "5"]
    decision = decided(texts)
    assert decision.question
    assert decision.examples == ("7.251", "11.576", "48.137")

"""Values as programs, spreadsheets and offices write them: what each column is taken for."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from modelstudio.tables.readings import Decision, Evidence, decide

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

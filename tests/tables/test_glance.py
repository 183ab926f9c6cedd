"""A glance at a column's bytes tells what a close look at each text tells."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelstudio.tables.readings import Evidence, NumberReading, bits
from modelstudio.tables.readings.base import UNFIT
from modelstudio.tables.readings.glance import glance

if TYPE_CHECKING:
    from collections.abc import Iterable

DIGITS = st.text("0123456789", max_size=5)
TEXTS = st.one_of(
    st.builds("{}{}".format, st.sampled_from(["", "-"]), DIGITS),
    st.builds("{}{}{}{}".format, st.sampled_from(["", "-"]), DIGITS, st.just("."), DIGITS),
    st.builds("{}{}{}{}".format, st.sampled_from(["", "-"]), DIGITS, st.just(","), DIGITS),
    st.builds(
        "{:04}-{:02}-{:02}".format, st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32)
    ),
    st.text("0123456789.,-/", max_size=8),
)
KINDS = ["[0-9]{1,6}", r"-?[0-9]{1,4}\.[0-9]{1,4}", r"-?[0-9]{1,4},[0-9]{1,4}", "[01]"]
ALIKE = st.sampled_from(KINDS).flatmap(
    lambda kind: st.lists(st.from_regex(f"^{kind}$"), min_size=1)
)


OF_NUMBERS = (1 << bits.FIRST_BOOLEAN) - 1


def counts(shapes: Iterable[tuple[int, int]]) -> Counter[int]:
    """Return how many values have each shape; what else a number may be does not count."""
    found: Counter[int] = Counter()
    for shape, count in shapes:
        found[shape & OF_NUMBERS if shape & bits.NUMBER else shape] += count
    return found


@settings(max_examples=400, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=8) | ALIKE)
def test_shapes_are_those_of_each_text(texts: list[str]) -> None:
    texts = [text.strip() for text in texts]
    seen = glance(pa.array(texts))
    if seen is not None:
        closely = Evidence()
        closely.add(Counter(texts))
        assert not closely.marks
        expected = counts((shape, count) for shape, (count, _) in closely.shapes.items())
        assert counts((shape, count) for shape, count, _ in seen) == expected, texts
        assert all(example in texts for _, _, examples in seen for example in examples)


@pytest.mark.parametrize(
    "texts",
    [
        ["1", "22", "-333", "4444", "123456789012345"],
        ["0.5", "-1.25", "1.234", "1.230", "0.123", "1234.567", "7", "12345", ".5", "5."],
        ["0,5", "-1,25", "1,234", "1,230", "7"],
        ["2024-01-31", "1999-12-01"],
        ["0", "1", "1"],
        ["1234567", "1234568"],
    ],
)
def test_what_programs_write_is_told_by_a_glance(texts: list[str]) -> None:
    assert glance(pa.array(texts)) is not None
    assert glance(pa.array(["x", *texts])[1:]) is not None


@pytest.mark.parametrize(
    "texts", [["0", "1", "1"], ["1.0", "0.0"], ["1", "1"], ["2023.0", "2024.0"], ["2023", "2024"]]
)
def test_numbers_that_may_be_words_or_years_are_both(texts: list[str]) -> None:
    glanced, closely = Evidence(), Evidence()
    glanced.observe(pa.array(texts))
    closely.add(Counter(texts))
    assert glanced.state() == closely.state()


@pytest.mark.parametrize(
    "texts", [["007"], ["1", ""], ["1-2"], ["1.2.3"], ["2024-02-30"], ["2024"], ["-"], ["1/2"]]
)
def test_what_is_to_be_looked_at_closely_is_not_told(texts: list[str]) -> None:
    assert glance(pa.array(texts)) is None


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        TEXTS | st.sampled_from(["1e5", "0x1F", "inf", "+1", "NA", "1e400", " 7 "]), min_size=1
    )
    | ALIKE,
    st.sampled_from(["1234.5", "1,234.5", "1.234,5", "1 234.5", "1 234,5"]),
)
def test_a_column_of_numbers_is_read_as_each_of_its_values(texts: list[str], notation: str) -> None:
    reading = NumberReading(notation)
    read = reading.column(pa.array(texts))
    one_by_one: list[Any] = [reading.read(text) for text in texts]
    assert read.unfit.to_pylist() == [value is UNFIT for value in one_by_one]
    assert read.values.to_pylist() == [None if value is UNFIT else value for value in one_by_one]

"""Numbers that single precision cannot tell apart are kept apart, exactly and the same in a row."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelstudio.trainers.tabular.preparation import Preparation
from modelstudio.trainers.tabular.preparation.precision import Precision, choose

RANDOM = np.random.default_rng(3)


def fitted(values, field_type="LONG"):
    frame = pd.DataFrame({"x": values})
    return frame, Preparation.fit(frame, {"x": field_type}, ["y"])


@pytest.mark.parametrize(
    ("values", "field_type", "parts"),
    [
        (4_000_000_000 + RANDOM.integers(0, 50, 300), "LONG", ["value"]),
        (np.repeat(RANDOM.integers(0, 5_000_000_000, 100), 3) + [0, 1, 2] * 100, "LONG",
         ["value", "rest"]),
        (RANDOM.choice(2**62 + np.arange(20) * 3, 300), "LONG", ["value"]),
        (RANDOM.choice([2**62 + 2**30 + 1, 2**62 + 2**30 + 2, -(2**60) + 5, 17, 18], 300), "LONG",
         ["value", "rest", "last"]),
        (1_600_000_000 + RANDOM.integers(0, 10_000, 300) / 4, "DOUBLE", ["value"]),
        ([str(4_111_111_111_111_100 + n % 40) for n in range(300)], "STRING",
         ["value", "frequency", "number"]),
        (pd.array([4_000_000_000 + n % 70 if n % 9 else None for n in range(300)], "Int64"), "LONG",
         ["value", "missing"]),
        ([Decimal(10**12 + n % 50) for n in range(300)], "DECIMAL", ["value"]),
    ],
)  # fmt: skip
def test_distinct_numbers_stay_distinct_in_single_precision(values, field_type, parts):
    frame, preparation = fitted(values, field_type)
    assert [feature.part for feature in preparation.features] == parts
    matrix = preparation.matrix(frame)
    single = matrix.astype("float32")
    exact = [place for place, part in enumerate(parts) if part != "frequency"]
    assert np.array_equal(single.astype("float64")[:, exact], matrix[:, exact], equal_nan=True)
    known = frame["x"].notna().to_numpy()
    assert len(np.unique(single[known], axis=0)) == frame["x"].nunique()
    for place in range(0, 300, 7):
        value = frame["x"].iloc[place]
        for one in (value, str(value)) if known[place] else (None, pd.NA):
            assert preparation.row({"x": one}).tobytes() == matrix[place].tobytes()


@pytest.mark.parametrize(
    "values",
    [
        RANDOM.integers(0, 90, 300),
        RANDOM.normal(size=100_000),
        RANDOM.random(100_000) * 1e9,
        np.round(RANDOM.lognormal(3, 1, 5_000), 2),
        RANDOM.integers(0, 2**24, 5_000),
    ],
)
def test_ordinary_numbers_are_left_as_they_are(values):
    assert choose(np.asarray(values)) is None


@settings(max_examples=200, deadline=None)
@given(
    st.integers(-(2**55), 2**55),
    st.integers(0, 2),
    st.lists(st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**26), 2**26)), min_size=1),
)
def test_integers_of_any_size_have_the_same_parts_alone_and_in_a_column(offset, rests, numbers):
    precision = Precision(offset // 8 * 8, rests)
    column = np.column_stack(precision.of_numbers(np.array(numbers, dtype="int64")))
    for place, number in enumerate(numbers):
        assert np.array(precision.of_number(number)).tobytes() == column[place].tobytes()


@settings(max_examples=200, deadline=None)
@given(
    st.integers(-(2**52), 2**52),
    st.integers(0, 2),
    st.lists(st.floats(-3e38, 3e38, allow_nan=False), min_size=1),
)
def test_floats_of_any_size_have_the_same_parts_alone_and_in_a_column(offset, rests, numbers):
    precision = Precision(offset, rests)
    column = np.column_stack(precision.of_numbers(np.array(numbers, dtype="float64")))
    for place, number in enumerate(numbers):
        assert np.array(precision.of_number(number)).tobytes() == column[place].tobytes()


def test_a_column_without_gaps_in_training_is_prepared_alike_when_a_gap_made_it_floats():
    values = 4_000_000_000 + RANDOM.integers(0, 50, 300)
    frame, preparation = fitted(values)
    as_floats = pd.DataFrame({"x": [*values.astype("float64"), np.nan]})
    matrix = preparation.matrix(as_floats)
    assert matrix[:-1].tobytes() == preparation.matrix(frame).tobytes()
    assert preparation.row({"x": None}).tobytes() == matrix[-1].tobytes()

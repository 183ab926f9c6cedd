"""Columns that come in another type or way of writing than those that were learned from."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from modelstudio.trainers.tabular.preparation import Counts, Preparation

ROWS = 300
RANDOM = np.random.default_rng(5)


def fitted(values, field_type, name="x"):
    target = pd.Series(RANDOM.normal(size=len(values)))
    return Preparation.fit(
        pd.DataFrame({name: values}), {name: field_type}, reserved=["target"], seed=0, target=target
    )


def test_decimals_beyond_what_a_float_holds_stay_apart():
    ids = 2**53 + 1 + np.arange(ROWS) % 6
    decimals = pd.Series([Decimal(int(one)) for one in ids], dtype=object)
    preparation = fitted(decimals, "DECIMAL")
    made = preparation.matrix(pd.DataFrame({"x": decimals}))
    assert len(np.unique(made.astype("float32"), axis=0)) == 6
    for same in (ids, ids.astype(str), pd.array(ids, dtype="Int64")):
        assert np.array_equal(preparation.matrix(pd.DataFrame({"x": same})), made)
    for place in range(6):
        for value in (decimals[place], int(ids[place]), str(ids[place])):
            assert preparation.row({"x": value}).ravel().tolist() == made[place].tolist()


@pytest.mark.parametrize(
    "given", ["1612569600", 1612569600, 20210206], ids=["seconds in text", "seconds", "a date"]
)
def test_milliseconds_since_1970_are_not_taken_for_other_numbers(given):
    learned = 1_577_836_800_000 + RANDOM.permutation(ROWS) * 86_400_000
    preparation = fitted(learned, "LONG", "created_at")
    assert preparation.taken_for("created_at") == "dates"
    counts = Counts()
    made = preparation.matrix(pd.DataFrame({"created_at": [given] * ROWS}), counts)
    assert list(counts.unreadable()) == ["created_at"]
    missing = preparation.row({"created_at": None})
    assert np.array_equal(made[:1], missing.reshape(1, -1), equal_nan=True)
    row = preparation.row({"created_at": given})
    assert np.array_equal(row, missing, equal_nan=True)


@pytest.mark.parametrize(("prefix", "told"), [("A-", False), ("a-", True), ("B-", True)])
def test_categories_of_which_hardly_any_is_known_are_told(prefix, told):
    codes = RANDOM.integers(0, 60, ROWS)
    preparation = fitted(pd.Series([f"A-{one}" for one in codes], dtype=object), "STRING")
    counts = Counts()
    given = pd.DataFrame({"x": [f"{prefix}{one}" for one in codes]})
    preparation.matrix(given, counts)
    notes = [note for note in counts.notes() if "none that training had often" in note]
    assert bool(notes) == told

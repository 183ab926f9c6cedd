"""Which treatment a column gets, decided from all of its values."""

from __future__ import annotations

import time
import uuid

import numpy as np
import pandas as pd
import pytest

from modelstudio.trainers.tabular.preparation import Preparation
from preparation_data import fit, parts, treatment

ROWS = 400
RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1,234.5", "12", "-3,000"], [1234.5, 12, -3000]),
        (["1.234,5", "12", "-3.000,25"], [1234.5, 12, -3000.25]),
        (["1 234,5", "12", "-3\u00a0000,25"], [1234.5, 12, -3000.25]),
        (["12 %", "5.5%", "-3%"], [12, 5.5, -3]),
        (["$5", "-$1,234.50", "$ 7"], [5, -1234.5, 7]),
        (["5 €", "1.234,50 €", "7,25 €"], [5, 1234.5, 7.25]),
        (["(5.5)", "7.0", "(1,000.0)"], [-5.5, 7, -1000]),
        (["1e-3", "2.5E+4", ".5"], [0.001, 25000, 0.5]),
    ],
)
def test_numbers_in_strings(texts, numbers):
    preparation = fit(x=texts * 10)
    assert treatment(preparation) == "numbers"
    assert [preparation.row({"x": text})[0] for text in texts] == numbers


@pytest.mark.parametrize("marker", ["?", "NA", "n/a", "-", "", "  ", "#N/A", "null"])
def test_marks_for_missing_values_among_numbers(marker):
    preparation = fit(x=[f"{place}.5" for place in range(40)] + [marker] * 10)
    assert treatment(preparation) == "numbers"
    assert np.isnan(preparation.row({"x": marker})[0])
    assert parts(preparation) == {"value", "missing"}
    assert preparation.row({"x": marker})[1] == 1.0


def test_codes_with_leading_zeros_and_few_codes_are_no_numbers():
    codes = [f"{RANDOM.integers(0, 99999):05}" for _ in range(100)]
    assert treatment(fit(x=RANDOM.choice(codes, ROWS))) == "categories"
    assert treatment(fit(x=["1", "2", "3"] * 20)) == "categories"
    digits = fit(x=[str(place % 50) for place in range(ROWS)])
    assert treatment(digits) == "categories and numbers"
    assert [(each.name, each.kind) for each in digits.features] == [
        ("x", "category"),
        ("x.frequency", "number"),
        ("x.number", "number"),
    ]
    assert treatment(fit(x=[str(place * 7) for place in range(ROWS)] + ["1", "2"])) == (
        "numbers"
    ), "they do not repeat"


def test_postal_codes_that_have_become_numbers_are_found_again():
    preparation = fit(x=["01234", "01099", "80331"] * 20)
    for code in ("01234", 1234, 1234.0, "1234", "1234.0"):
        assert preparation.row({"x": code}) == preparation.row({"x": "01234"})
    assert np.isnan(preparation.row({"x": "1235"})[0])
    of_any_length = fit(x=["007", "7", "0815"] * 20)
    assert of_any_length.row({"x": 7}) == of_any_length.row({"x": "7"})
    assert np.isnan(of_any_length.row({"x": "815"})[0])


def test_words_among_numbers_keep_them_categories():
    assert treatment(fit(x=[*(str(place) for place in range(20)), "many", "few"] * 5)) == (
        "categories"
    )


@pytest.mark.parametrize("words", [("Yes", "No"), ("TRUE", "false"), ("y", "N"), ("1", "0")])
def test_flags_by_any_name(words):
    preparation = fit(x=words * 20)
    assert treatment(preparation) == "booleans"
    assert [preparation.row({"x": word})[0] for word in words] == [1.0, 0.0]
    assert preparation.row({"x": "perhaps"})[0] == 0.0, "the usual value stands in"
    some = fit(x=[*words * 20, None, None, None])
    assert np.isnan(some.row({"x": "perhaps"})[0])


def test_levels_are_in_order_of_frequency_and_an_unknown_one_is_missing():
    preparation = fit(x=["a"] * 3 + ["b"] * 9 + ["c"] * 5)
    assert preparation.features[0].levels == ("b", "c", "a")
    assert preparation.row({"x": "a"}).tolist() == [2.0]
    assert np.isnan(preparation.row({"x": "d"})[0])
    assert len(preparation.features) == 1


def test_rare_levels_are_one_and_an_unknown_one_is_too():
    common = [f"level{chr(97 + place)}" for place in range(20)]
    rare = [f"once{chr(97 + place)}" for place in range(26)]
    preparation = fit(x=[*(common * 20), *rare])
    value, frequency = preparation.features
    assert value.kind == "category"
    assert set(value.levels) == {*common, "(other)"}
    assert (frequency.part, frequency.kind) == ("frequency", "number")
    other = float(value.levels.index("(other)"))
    assert preparation.row({"x": "oncea"}).tolist() == preparation.row({"x": "new"}).tolist()
    assert preparation.row({"x": "new"}).tolist() == [other, 1 / 426]
    assert preparation.row({"x": "levela"})[1] == 20 / 426
    assert preparation.row({"x": None}).tolist() == [other, 1 / 426], "the rare ones are the most"


def test_a_level_that_is_called_like_the_one_for_rare_ones():
    common = [f"w{chr(97 + n % 26)}{n // 26 * 'x'}" for n in range(60)]
    rare = [f"once{chr(97 + place)}" for place in range(26)]
    preparation = fit(x=["(other)"] * 5 + common * 3 + rare)
    levels = preparation.features[0].levels
    assert levels.index("(other)") == preparation.row({"x": "(other)"})[0]
    assert levels.index("(other)_") == preparation.row({"x": "unseen"})[0]


def sentences(rows=ROWS):
    topics = [["sun", "warm", "bright", "summer"], ["snow", "cold", "dark", "winter"]]
    texts = []
    for place in range(rows):
        words = (
            RANDOM.choice(topics[place % 2], 5).tolist()
            + RANDOM.choice([f"filler{chr(97 + n)}" for n in range(26)], 4).tolist()
        )
        texts.append(" ".join(words))
    return texts


def test_text_becomes_numbers_that_tell_topics_apart():
    texts = sentences()
    preparation = fit(x=texts)
    assert treatment(preparation) == "texts"
    features = preparation.matrix(pd.DataFrame({"x": texts}))
    topic = np.arange(ROWS) % 2
    correlations = [abs(np.corrcoef(features[:, place], topic)[0, 1]) for place in range(5)]
    assert max(correlations) > 0.9
    assert {"characters", "words"} <= parts(preparation)
    assert preparation.row({"x": "sun warm"})[-1] == 2.0
    assert not np.isnan(preparation.row({"x": "entirely unknown"})).any()
    assert not np.isnan(preparation.row({"x": None})).any(), "the usual numbers stand in"


def test_the_same_seed_gives_the_same_text_features():
    texts = sentences()
    first, again = fit(x=texts, seed=3), fit(x=texts, seed=3)
    frame = pd.DataFrame({"x": texts})
    assert first.matrix(frame).tobytes() == again.matrix(frame).tobytes()


def test_names_are_a_category_and_a_text():
    names = [f"{one} {two}" for one in ("Ann", "Bob", "Cid", "Dan") for two in (
        "Ash", "Birch", "Cedar", "Elm", "Fir", "Hazel", "Larch", "Maple", "Oak", "Pine",
        "Rowan", "Spruce", "Walnut", "Willow", "Yew")]  # fmt: skip
    preparation = fit(x=RANDOM.choice(names, ROWS))
    assert treatment(preparation) == "categories and texts"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("x", [str(uuid.UUID(int=n * 7919**9)) for n in range(ROWS)]),
        ("x", [f"row {n}" for n in range(ROWS)]),
        ("x", [f"{n * 7919 % 9999:04}-QXZRA" for n in range(ROWS)]),
        ("customerID", [f"{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(ROWS)]),
        ("x", range(ROWS)),
        ("x", RANDOM.permutation(ROWS) + 1000),
        ("x", [str(n) for n in range(ROWS)]),
        ("user_id", RANDOM.choice(10**9, ROWS, replace=False)),
        ("Unnamed: 0", RANDOM.permutation(60)),
        ("Unnamed: 0.1", [str(n) for n in range(60)]),
        ("...1", range(1, 13)),
    ],
)
def test_identifiers_are_left_out(name, values):
    y = RANDOM.normal(size=len(values))
    preparation = fit(**{name: values, "measured": y})
    assert preparation.dropped[name] in {
        "it identifies rows",
        "it numbers the rows",
        "it is an index that counts the rows",
    }
    assert [column.name for column in preparation.columns] == ["measured"]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("x", RANDOM.normal(size=ROWS)),
        ("seconds", 1_500_000_000 + np.cumsum(RANDOM.integers(1, 5000, ROWS))),
        ("x", 1_500_000_000 + np.cumsum(RANDOM.integers(1, 5000, ROWS))),
        ("year", range(1900, 1960)),
        ("x", RANDOM.integers(0, 10**6, ROWS)),
        ("store_id", RANDOM.integers(0, 9, ROWS)),
        ("x", pd.date_range("2020-01-01", periods=ROWS)),
        ("x", [f"{n % 37} x {n % 53} cm" for n in range(ROWS)]),
    ],
)
def test_what_differs_in_each_row_and_still_means_something_is_kept(name, values):
    assert [column.name for column in fit(**{name: values}).columns] == [name]


def test_identifiers_beyond_what_floats_hold_are_told_apart():
    unique = 2**61 + RANDOM.permutation(ROWS) * 3
    users = 2**61 + RANDOM.integers(0, 40, ROWS)
    frame = pd.DataFrame({"user_id": users, "order_id": unique, "x": RANDOM.normal(size=ROWS)})
    effect = RANDOM.normal(size=40)[users - 2**61]
    target = pd.Series(effect + RANDOM.normal(0, 0.1, ROWS))
    types = {"user_id": "LONG", "order_id": "LONG", "x": "DOUBLE"}
    preparation = Preparation.fit(frame, types, ["y"], target=target)
    assert preparation.dropped == {"order_id": "it identifies rows"}
    assert [feature.part for feature in preparation.features] == [
        "value", "level", "frequency", "value",
    ]  # fmt: skip
    assert str(2**61 + 7) in preparation.features[1].levels


def test_row_numbers_are_kept_when_there_is_nothing_else():
    preparation = fit(x=range(ROWS))
    assert preparation.row({"x": 7}).tolist() == [7.0]
    assert preparation.dropped == {}


def test_a_column_that_says_the_same_as_another_is_left_out():
    words = RANDOM.choice(["a", "b", "c"], ROWS)
    preparation = fit(
        x=words, same=words, code=[{"a": "A1", "b": "B1", "c": "C1"}[word] for word in words],
        number=RANDOM.normal(size=ROWS),
    )  # fmt: skip
    assert preparation.dropped == {
        "same": "it says the same as column 'x'",
        "code": "it says the same as column 'x'",
    }


def test_being_missing_is_a_feature_once_for_each_pattern():
    gone, other = RANDOM.random(ROWS) < 0.3, RANDOM.random(ROWS) < 0.3
    values = {name: RANDOM.normal(size=ROWS) for name in ("a", "b", "c", "d")}
    values["a"][gone] = values["b"][gone] = values["c"][other] = values["d"][0] = np.nan
    preparation = fit(**values)
    flags = [feature.name for feature in preparation.features if feature.part == "missing"]
    assert flags == ["a.missing", "c.missing"]
    assert preparation.row({"a": None, "b": 1, "c": 1, "d": 1}).tolist()[1] == 1.0
    assert preparation.row({}).tolist()[1] == 1.0, "all may be absent"


def test_values_too_large_for_single_precision_are_its_largest():
    preparation = fit(x=[1e300, -1e300, 1.0, 2.0])
    largest = float(np.finfo(np.float32).max)
    assert preparation.row({"x": 10**400}).tolist()[0] != largest, "as good as infinite"
    assert [preparation.row({"x": value})[0] for value in (1e300, -1e300)] == [largest, -largest]


@pytest.mark.parametrize(
    "texts", [["10/02/2018 3:04 PM", "10/13/2018 12:30 AM"], ["1,234.5", "12"], ["a b c", "d e f"]]
)
def test_a_long_text_that_nearly_fits_is_read_in_no_time(texts):
    preparation = fit(x=texts * 10)
    started = time.process_time()
    for text in (texts[0] + " " * 20_000 + "x", "1" * 20_000 + "x", "(" * 20_000):
        preparation.row({"x": text})
    assert time.process_time() - started < 1


def test_a_row_of_forty_columns_is_prepared_in_a_fraction_of_a_millisecond():
    columns = {f"n{place}": RANDOM.normal(size=ROWS) for place in range(25)}
    columns |= {f"c{place}": RANDOM.choice(list("abcdef"), ROWS) for place in range(12)}
    columns |= {f"d{place}": [f"{1 + n % 12:02}/{1 + n % 28:02}/2024" for n in range(ROWS)]
                for place in range(3)}  # fmt: skip
    preparation = fit(**columns)
    values = {name: next(iter(column)) for name, column in columns.items()}

    def seconds():
        started = time.process_time()
        for _ in range(100):
            preparation.row(values)
        return (time.process_time() - started) / 100

    assert min(seconds() for _ in range(10)) < 0.15e-3


def test_what_was_done_is_a_table():
    preparation = fit(
        amount=[f"${n * 7 % 1000 + 0.5:.2f}" for n in range(ROWS)],
        empty=[None] * ROWS,
        word=["a", "b", "b", None] * (ROWS // 4),
    )
    table = preparation.actions()
    assert table.to_dict("records") == [
        {"column": "amount", "type": "STRING", "treatment": "numbers", "features": 1,
         "missing_share": 0.0, "distinct_values": ROWS, "notes": "text, number 1234.5 $"},
        {"column": "empty", "type": "STRING", "treatment": "left out", "features": 0,
         "missing_share": 1.0, "distinct_values": 0, "notes": "it has no value"},
        {"column": "word", "type": "STRING", "treatment": "categories", "features": 1,
         "missing_share": 0.25, "distinct_values": 2, "notes": ""},
    ]  # fmt: skip


def test_sparse_numbers_named_id_are_kept_when_they_tell_of_the_target():
    random = np.random.default_rng(1)
    ids = np.sort(random.choice(100_000, 600, replace=False))
    frame = pd.DataFrame(
        {"id": ids, "customer_id": random.permutation(ids), "x": random.random(600)}
    )
    frame["copy"] = frame["id"].astype(str)
    types = {"id": "LONG", "customer_id": "LONG", "x": "DOUBLE", "copy": "STRING"}
    years = pd.Series(ids / 10_000 + random.normal(0, 1, 600))
    grades = pd.Series(np.where(years > 5, "new", "old"))
    for target in (years, grades):
        preparation = Preparation.fit(frame, types, ["y"], target=target)
        assert "id" not in preparation.dropped
        assert preparation.dropped["customer_id"] == "it identifies rows"
    assert Preparation.fit(frame, types, ["y"]).dropped["id"] == "it identifies rows"


def test_the_hour_of_the_week_is_a_part_where_both_hour_and_weekday_vary():
    hours = pd.Series(pd.date_range("2024-01-01", periods=400, freq="h"))
    days = pd.Series(pd.date_range("2024-01-01", periods=400, freq="D"))
    frame = pd.DataFrame({"at": hours, "on": days})
    preparation = Preparation.fit(frame, {"at": "TIMESTAMP", "on": "TIMESTAMP"}, ["y"])
    names = [feature.name for feature in preparation.features]
    assert "at.weekhour" in names
    assert "on.weekhour" not in names
    values = preparation.matrix(frame)[:, names.index("at.weekhour")]
    assert values[:3].tolist() == [0, 1, 2]  # a Monday
    assert values.max() == 167

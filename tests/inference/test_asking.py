"""What stands between callers' values and a predictor, in exports and in its process."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from modelstudio.tables import readings
from modelstudio.trainers import kept_readings
from modelstudio.trainers.asking.given import InputError
from modelstudio.trainers.asking.model import Model
from published import columns, model_api

if TYPE_CHECKING:
    from pathlib import Path

API = model_api(
    columns(
        size="double",
        rooms="long",
        sold="boolean?",
        day="date?",
        seen="timestamp?",
        colour="string?",
        photo="any?",
    ),
    columns(price="double", label="long", flag="boolean", at="timestamp", word="string"),
)
MOMENT = dt.datetime(2024, 5, 31, 10, 30)  # noqa: DTZ001 - what predictors get is UTC, unsaid
ROW: dict[str, Any] = {"size": 1.5, "rooms": 3}


class Recording:
    """Keeps what it was given."""

    row_wise: ClassVar[bool] = True

    def __init__(self) -> None:
        self.given: Any = None
        self.secret = "known"
        self.notes: list[str] = []

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        self.given = frame
        self.notes = ["one note"] if len(frame) > 2 else []
        return pd.DataFrame({"price": np.zeros(len(frame))}, index=frame.index)


class Quick(Recording):
    def predict_row(self, row: Any) -> dict[str, Any]:
        self.given = row
        return {"price": 0.0}


class Forecasting(Recording):
    row_wise = False


def asked(predictor: Recording | None = None) -> tuple[Model, Recording]:
    predictor = predictor or Recording()
    return Model(predictor, API), predictor


def column(name: str, values: Any) -> pd.Series:
    """Return what a predictor gets for a column of these values."""
    model, predictor = asked()
    frame = pd.DataFrame({name: values})
    rest = {"size": 1.5, "rooms": 3}
    model.predict(frame.assign(**{one: rest[one] for one in rest if one != name}))
    return predictor.given[name]


def value(name: str, given: Any) -> Any:
    """Return what a predictor with a fast way for rows gets for one value."""
    model, quick = asked(Quick())
    model.predict_row({**ROW, name: given})
    return quick.given[name]


@pytest.mark.parametrize(
    ("name", "given", "means"),
    [
        ("size", 2, 2),
        ("size", "2.5", 2.5),
        ("size", " -1e3 ", -1000.0),
        ("size", Decimal("0.1"), 0.1),
        ("size", np.float32(0.5), 0.5),
        ("size", "NaN", None),
        ("size", "", None),
        ("size", "n/a", None),
        ("size", "Infinity", float("inf")),
        ("size", True, 1),
        ("rooms", 3.0, 3),
        ("rooms", "3", 3),
        ("rooms", "3.0", 3),
        ("rooms", 1.9, 1.9),
        ("rooms", 2**53 + 1, 2**53 + 1),
        ("rooms", str(2**53 + 1), 2**53 + 1),
        ("rooms", Decimal(2**53 + 1), 2**53 + 1),
        ("rooms", np.int64(2**53 + 1), 2**53 + 1),
        ("sold", True, True),
        ("sold", "true", True),
        ("sold", "No", False),
        ("sold", 1, True),
        ("sold", 0.0, False),
        ("sold", None, None),
        ("sold", "", None),
        ("seen", "2024-05-31T10:30:00", MOMENT),
        ("seen", "2024-05-31 10:30", MOMENT),
        ("seen", "2024-05-31T10:30:00Z", MOMENT),
        ("seen", "2024-05-31T12:30:00+02:00", MOMENT),
        ("seen", pd.Timestamp("2024-05-31T12:30:00+02:00"), MOMENT),
        ("seen", np.datetime64("2024-05-31T10:30:00"), MOMENT),
        ("seen", dt.date(2024, 5, 31), MOMENT.replace(hour=0, minute=0)),
        ("seen", "9999-12-31", dt.datetime(9999, 12, 31)),  # noqa: DTZ001
        ("seen", pd.NaT, None),
        ("day", "2024-05-31", MOMENT.replace(hour=0, minute=0)),
        ("day", "2024-05-31T00:00:00", MOMENT.replace(hour=0, minute=0)),
        ("day", "2024-05-31T00:00:00+02:00", MOMENT.replace(hour=0, minute=0)),
        ("colour", "007", "007"),
        ("colour", None, None),
    ],
)
def test_a_value_is_read_by_the_rules_of_its_column(name: str, given: Any, means: Any) -> None:
    assert value(name, given) == means
    alone = column(name, pd.Series([given], dtype=object))
    beside = column(name, pd.Series([given, None], dtype=object))
    for series in (alone, beside):
        found = series.iloc[0]
        if means is None:
            assert pd.isna(found)
        else:
            assert found == means
            assert type(found) is not str or name == "colour"
    assert pd.isna(beside.iloc[1])


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("size", "wide", "Column 'size' has a value that is not a number: 'wide'"),
        ("size", [1], "Column 'size' has a value that is not a number: [1]"),
        ("size", MOMENT, "Column 'size' has a value that is not a number: datetime"),
        ("rooms", "1e", "Column 'rooms' has a value that is not a number: '1e'"),
        ("rooms", 2**63, "Column 'rooms' has a value that is not a number: 9223372036854775808"),
        ("sold", "maybe", "Column 'sold' has a value that is neither true nor false: 'maybe'"),
        ("sold", 2, "Column 'sold' has a value that is neither true nor false: 2"),
        ("seen", "tomorrow", "Column 'seen' has a value that is not an ISO time: 'tomorrow'"),
        ("seen", "2024-02-30", "Column 'seen' has a value that is not an ISO time: '2024-02-30'"),
        ("seen", 1717151400000, "Column 'seen' has the number 1717151400000, which is not an ISO"),
        ("seen", 1717151400.5, "Column 'seen' has the number 1717151400.5, which is not an ISO"),
        (
            "day",
            "2024-05-31T10:30",
            "Column 'day' has a value that is not an ISO date: '2024-05-31T",
        ),
        ("day", MOMENT, "Column 'day' has a value that is not an ISO date: datetime.datetime(2024"),
        ("day", 19874, "Column 'day' has the number 19874, which is not an ISO date"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(name: str, given: Any, message: str) -> None:
    with pytest.raises(InputError, match=r"^" + re.escape(message)):
        value(name, given)
    with pytest.raises(InputError, match=r"^" + re.escape(message)):
        column(name, pd.Series([given], dtype=object))


def test_numbers_are_no_moments_even_where_other_values_are() -> None:
    for values in (["2024-05-31", 1717151400000], [19874, 19875]):
        with pytest.raises(InputError, match=r"^Column 'seen' has the number"):
            column("seen", values)
    assert column("seen", [np.nan, np.nan]).isna().all()


def test_values_that_do_not_fit_are_missing_and_counted_where_others_fit() -> None:
    model, predictor = asked()
    unfit = "values are not a number and count as missing"
    rooms = ["3", "many", None, "4.5", "few", "many", "some", "lots"]
    model.predict(pd.DataFrame({"size": 1.0, "rooms": rooms}))
    assert predictor.given["rooms"].dropna().tolist() == [3.0, 4.5]
    assert predictor.given["rooms"].isna().sum() == 6
    absent = model.notes[0]
    assert absent.endswith("missing: columns 'sold', 'day', 'seen', 'colour', 'photo'")
    assert model.notes[1:] == [
        f"Column 'rooms': 5 of 8 {unfit}, such as 'many', 'few', 'some'",
        "one note",
    ]
    model.predict(pd.DataFrame({"size": [1.0], "rooms": [3]}))
    assert model.notes == [absent]


def test_ids_that_a_float_has_rounded_are_refused() -> None:
    model, predictor = asked(Forecasting())
    with pytest.raises(InputError, match="'rooms' has a value that is not a number"):
        model.predict(pd.DataFrame({"size": [1.5], "rooms": [float(2**53 + 1)]}))
    model.predict(pd.DataFrame({"size": [1.5, 2.5], "rooms": [2**53 + 1, 2**53 + 2]}))
    assert predictor.given["rooms"].tolist() == [2**53 + 1, 2**53 + 2]
    model.predict(pd.DataFrame({"size": [1.5, 2.5], "rooms": [3.0, 4.0]}))
    assert predictor.given["rooms"].tolist() == [3, 4]
    assert not model.notes  # nor are columns told that a forecast can do without


def test_a_forecast_refuses_a_column_that_it_needs_and_cannot_read_whole() -> None:
    model, _ = asked(Forecasting())
    unfit = "neither true nor false"
    frame = pd.DataFrame({"size": ["1.5", "wide"], "rooms": [1, 2], "sold": ["yes", "perhaps"]})
    with pytest.raises(
        InputError, match=r"^Column 'size' has a value that is not a number: 'wide'"
    ):
        model.predict(frame)
    with pytest.raises(InputError, match=r"^Column 'rooms' has a value that is not a number: 1\.5"):
        model.predict(frame.assign(size=1.5, rooms=pd.Series([1, 1.5], dtype=object)))
    model.predict(frame.assign(size=1.5))
    assert model.notes == [
        f"Column 'sold': 1 of 2 values are {unfit} and count as missing, such as 'perhaps'"
    ]


def test_columns_of_the_right_type_stay_as_they_are() -> None:
    model, predictor = asked()
    frame = pd.DataFrame(
        {
            "size": [1.5, np.nan],
            "rooms": pd.array([2**60, None], dtype="Int64"),
            "sold": [True, False],
            "seen": pd.to_datetime(["2024-05-31T10:30:00", None]),
            "colour": pd.Categorical(["red", None]),
        },
        index=[7, 7],
    )
    model.predict(frame)
    pd.testing.assert_frame_equal(predictor.given, frame)
    # Some predictors answer in the zone that they are asked in.
    aware = frame.assign(seen=frame["seen"].dt.tz_localize("Europe/Berlin"))
    answer = model.predict(aware)
    pd.testing.assert_frame_equal(predictor.given, aware)
    assert list(answer.index) == [7, 7]


def test_a_frame_that_lacks_a_column_is_refused_with_what_is_missing_and_needed() -> None:
    for name in ("frame", "row"):
        model, predictor = asked(Quick())
        ask = model.predict if name == "frame" else model.predict_row
        given: Any = {"Size": 1.0, "colour": "red"}
        with pytest.raises(InputError) as raised:
            ask(pd.DataFrame([given]) if name == "frame" else given)
        assert str(raised.value) == (
            f"The {name} has no columns 'size', 'rooms', which the model needs; it has 'Size', "
            "'colour'. Needed are 'size', 'rooms'."
        )
        assert raised.value.missing == ("size", "rooms")
        assert not isinstance(raised.value, KeyError)
        assert predictor.given is None


def test_a_frame_of_other_columns_is_refused_though_none_is_needed() -> None:
    api = model_api(columns(size="double?"), columns(price="double"))
    model = Model(Recording(), api)
    with pytest.raises(InputError, match="none of the columns that the model takes, which are"):
        model.predict(pd.DataFrame({"Size": [1.0]}))
    with pytest.raises(InputError, match=r"^The row has none of the columns"):
        model.predict_row({})


def test_a_column_that_stands_there_twice_is_named() -> None:
    model, predictor = asked()
    frame = pd.DataFrame([[1.0, 2.0, 3]], columns=["size", "size", "rooms"])
    with pytest.raises(InputError, match=r"^There are several columns 'size'$"):
        model.predict(frame)
    model.predict(pd.DataFrame([[1.0, 2, 3, 4]], columns=["size", "rooms", "x", "x"]))
    assert predictor.given["rooms"].tolist() == [2]


@pytest.mark.parametrize("given", [pd.DataFrame(), pd.DataFrame({"size": [], "rooms": []})])
def test_no_rows_are_answered_with_no_rows(given: pd.DataFrame) -> None:
    model, predictor = asked()
    answer = model.predict(given)
    assert answer.dtypes.astype(str).to_dict() == {
        "price": "float64",
        "label": "int64",
        "flag": "bool",
        "at": "datetime64[us]",
        "word": "object",
    }
    assert len(answer) == 0
    assert predictor.given is None


def test_a_header_that_lacks_a_column_is_refused_too() -> None:
    model, _ = asked()
    with pytest.raises(InputError, match="has no column 'rooms'"):
        model.predict(pd.DataFrame({"size": []}))


def test_no_rows_ask_a_forecast_to_go_on() -> None:
    model, predictor = asked(Forecasting())
    for given in (pd.DataFrame(), pd.DataFrame({"size": []})):
        model.predict(given)
        assert predictor.given is given
    with pytest.raises(InputError, match="has no column 'rooms'"):
        model.predict(pd.DataFrame({"size": [1.0]}))


@pytest.mark.parametrize("given", [[ROW], ROW, pd.Series([1.5]), np.zeros((1, 2)), None])
def test_what_is_no_frame_is_refused_by_what_it_is(given: Any) -> None:
    model, _ = asked()
    kind = type(given).__name__
    with pytest.raises(TypeError, match=f"^predict takes a pandas DataFrame, and this is a {kind}"):
        model.predict(given)


def test_a_row_is_predicted_also_by_a_predictor_of_frames() -> None:
    model, predictor = asked()
    found = model.predict_row({"size": "1.5", "rooms": 3, "photo": [1, 2], "seen": None, "x": "y"})
    assert found == {"price": 0.0}
    assert predictor.given.dtypes.astype(str).to_dict() == {
        "size": "float64",
        "rooms": "int64",
        "photo": "object",
        "seen": "datetime64[us]",
        "x": "object",
    }
    assert predictor.given["photo"].iloc[0] == [1, 2]


WRITTEN = {
    "size": readings.named("number 1.234,5").state(),
    "rooms": readings.NumberReading("1.234,5", whole=True).state(),
    "sold": readings.named("boolean ja/nein").state(),
    "day": readings.named("date dd.mm.yyyy").state(),
    "seen": readings.named("timestamp dd/mm/yyyy").state(),
}


@pytest.mark.parametrize(
    ("name", "given", "means"),
    [
        ("size", "1,5", 1.5),
        ("size", "1.234,5", 1234.5),
        ("size", 1.5, 1.5),
        ("rooms", "1.234", 1234),
        ("rooms", 1234, 1234),
        ("sold", "Ja", True),
        ("sold", "true", True),
        ("day", "31.05.2024", MOMENT.replace(hour=0, minute=0)),
        ("day", "2024-05-31", MOMENT.replace(hour=0, minute=0)),
        ("seen", "31/05/2024 10:30", MOMENT),
        ("seen", "2024-05-31T10:30:00Z", MOMENT),
    ],
)
def test_a_value_is_read_as_the_column_was_written_in_training(
    name: str, given: Any, means: Any
) -> None:
    german = Quick()
    model = Model(german, API, WRITTEN)
    model.predict_row({**ROW, name: given})
    assert german.given[name] == means
    model.predict(pd.DataFrame([{**ROW, name: given}]))
    assert german.given[name].iloc[0] == means


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("size", "1,234.5", "has a value that is not a number such as 1.234,5: '1,234.5'"),
        ("day", "05/31/2024", "has a value that is not a date dd.mm.yyyy: '05/31/2024'"),
    ],
)
def test_what_is_written_otherwise_is_refused_with_how_it_should_be(
    name: str, given: str, message: str
) -> None:
    model = Model(Quick(), API, WRITTEN)
    with pytest.raises(InputError, match=re.escape(message)):
        model.predict_row({**ROW, name: given})


def test_what_the_predictor_has_is_had_through_the_model() -> None:
    model, _ = asked()
    assert model.secret == "known"
    assert model.row_wise
    with pytest.raises(AttributeError):
        _ = model.unheard_of
    assert repr(model).startswith("<Recording of ['size', 'rooms', ")


def test_what_lies_beside_the_model_says_how_its_columns_are_written(tmp_path: Path) -> None:
    kept_readings.write(tmp_path, WRITTEN)
    model = Model.load("inference_predictors:Echo", tmp_path, API)
    row = {"size": "1.234,5", "rooms": "2.000"}
    assert model.predict_row(row) == {"total": 3234.5, "shown": "1234.5|2000"}
    (tmp_path / "column_readings.json").unlink()  # as a model of before has none
    model = Model.load("inference_predictors:Echo", tmp_path, API)
    with pytest.raises(InputError, match=r"^Column 'size' has a value that is not a number: '1\."):
        model.predict_row(row)

"""A row gets the same answer, bit for bit, by whatever way it comes to a model."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelstudio.inference import values
from modelstudio.trainers.asking.model import Model
from modelstudio.trainers.tabular.gradient_ensemble.specification import REGRESSION
from trained import train_on

if TYPE_CHECKING:
    from pathlib import Path

    from published import Shelf
    from trained import Trained

pytestmark = pytest.mark.training

SCHEMA = pa.schema(
    [
        ("size", pa.float64()),
        ("rooms", pa.int64()),
        ("account", pa.int64()),
        ("sold", pa.bool_()),
        ("colour", pa.string()),
        ("seen", pa.timestamp("us")),
        ("day", pa.date32()),
    ]
)
LARGE = 2**53


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    random = np.random.default_rng(2)
    rows = 240
    hours = pd.to_timedelta(random.integers(0, 9000, rows), unit="h")
    days = pd.to_timedelta(random.integers(0, 400, rows), unit="D")
    frame = pd.DataFrame(
        {
            "size": random.normal(50, 10, rows),
            "rooms": pd.array(random.integers(1, 9, rows), dtype="Int64"),
            "account": pd.array(LARGE + random.integers(0, 6, rows), dtype="Int64"),
            "sold": pd.array(random.random(rows) < 0.5, dtype="boolean"),
            "colour": random.choice(["red", "green", "007", "1.0"], rows),
            "seen": pd.Timestamp("2024-01-01") + hours,
            "day": [(pd.Timestamp("2023-01-01") + one).date() for one in days],
        }
    )
    for place, name in enumerate(SCHEMA.names):
        frame.loc[place :: 11 + place, name] = None
    noise = random.normal(0, 2, rows)
    frame["price"] = (
        frame["size"].fillna(50)
        + 5 * frame["rooms"].fillna(0).astype(float)
        + 3 * frame["sold"].fillna(False).astype(float)
        + 4 * (frame["colour"] == "red")
        + noise
    )
    return train_on(
        frame,
        "price",
        tmp_path_factory.mktemp("trained"),
        trainer=REGRESSION,
        config={"time_limit": 10},
    )


@pytest.fixture(scope="module")
def model(trained: Trained) -> Model:
    return Model(trained.predictor(), trained.model.model_api)


def optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


ROWS = st.fixed_dictionaries(
    {
        "size": optional(
            st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 99).map(float)
        ),
        "rooms": optional(
            st.integers(-(2**31), 2**31) | st.integers(0, 9) | st.sampled_from([0.5, 3.0, 150.5])
        ),
        "account": optional(st.integers(LARGE - 2, LARGE + 9) | st.integers(-9, 9)),
        "sold": optional(st.booleans()),
        "colour": optional(st.sampled_from(["red", "007", "7", "1", "1.0", "blue", "null", "a,b"])),
        "seen": optional(
            st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1))  # noqa: DTZ001
        ),
        "day": optional(st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1))),
    }
)


def as_json(row: dict[str, Any], form: int) -> dict[str, Any]:
    """Return a row as it comes in JSON, its values in one of the forms that people send."""
    made = {
        name: value.isoformat() if isinstance(value, dt.date) else value
        for name, value in row.items()
    }
    if form:
        seen, day = row["seen"], row["day"]
        made["seen"] = seen and seen.isoformat() + ("Z" if form == 1 else "+00:00")
        made["day"] = day and f"{day.isoformat()}T00:00:00" + ("" if form == 1 else "+02:00")
        for name in ("size", "rooms", "account"):
            made[name] = None if made[name] is None else repr(made[name])
        made["sold"] = {True: "true" if form == 1 else 1, False: "No" if form == 1 else 0}.get(
            made["sold"]
        )
    if form == 2 and row["rooms"] is not None:
        made["rooms"] = float(row["rooms"])
    back: dict[str, Any] = json.loads(json.dumps(made))
    return back


WRITTEN = [
    {"size": "50.5", "rooms": "150.5", "sold": "Yes", "seen": "2024-05-31T10:30:00Z"},
    {"size": "5e1", "rooms": "3.0", "sold": "0", "seen": "2024-05-31 12:30+02:00"},
    {"size": "", "rooms": "n/a", "sold": "", "seen": "", "day": "NULL", "colour": ""},
    {"size": "1e3", "rooms": "1e1", "account": str(LARGE + 1), "day": "2024-05-31"},
    {"size": "-0.25", "account": f"{LARGE + 3}.0", "day": "2024-05-31T00:00:00", "colour": "007"},
    {"size": "Infinity", "sold": "TRUE", "day": "2024-05-31T00:00+02:00", "colour": "1.0"},
]


def test_what_is_written_means_the_same_in_a_file_and_in_json(
    run: Any, shelf: Shelf, trained: Trained, model: Model, tmp_path: Path
) -> None:
    version = published(shelf, trained)
    rows, output = tmp_path / "rows.csv", tmp_path / "out.parquet"
    pd.DataFrame(WRITTEN, columns=SCHEMA.names).to_csv(rows, index=False)
    done = run("predict", "--model-version", version, "--input", rows, "--output", output)
    assert done.returncode == 0, done.stderr
    found = pq.read_table(output)["price"].to_pylist()
    whole = [dict.fromkeys(SCHEMA.names) | row for row in WRITTEN]
    assert [model.predict_row(row)["price"] for row in whole] == found
    assert model.predict(pd.DataFrame(WRITTEN, columns=SCHEMA.names))["price"].tolist() == found
    typed: dict[str, Any] = {"size": 50.5, "rooms": 150.5, "sold": True}
    typed["seen"] = pd.Timestamp("2024-05-31T10:30:00")
    assert model.predict_row({**whole[0], **typed})["price"] == found[0]


def published(shelf: Shelf, trained: Trained) -> str:
    made = trained.model
    return shelf.publish(trained.directory, made.predictor, dict(made.model_api), made.requirements)


def arrow(rows: list[dict[str, Any]]) -> pa.Table:
    if any(isinstance(row["rooms"], float) for row in rows):  # as a file of such rows is read
        fractions = [{**row, "rooms": row["rooms"] and float(row["rooms"])} for row in rows]
        return pa.Table.from_pylist(fractions, SCHEMA.set(1, pa.field("rooms", pa.float64())))
    return pa.Table.from_pylist(rows, SCHEMA)


def frame_of(table: pa.Table) -> pd.DataFrame:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return values.frame_of(sink.getvalue())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(ROWS, min_size=1, max_size=6))
def test_a_frame_a_row_and_json_are_answered_alike(model: Model, rows: list[Any]) -> None:
    expected = model.predict(frame_of(arrow(rows)))["price"].tolist()
    assert model.predict(pd.DataFrame(rows, dtype=object))["price"].tolist() == expected
    for row, answer in zip(rows, expected, strict=True):
        assert model.predict_row(row) == {"price": answer}
        for form in range(3):
            assert model.predict_row(as_json(row, form)) == {"price": answer}, form
            sent = pd.DataFrame([as_json(row, form)])
            assert model.predict(sent)["price"].tolist() == [answer]


def test_files_are_answered_as_frames_and_rows_are(
    run: Any, shelf: Shelf, trained: Trained, model: Model, tmp_path: Path
) -> None:
    version = published(shelf, trained)
    random = np.random.default_rng(3)
    learned = arrow(pa.Table.from_pandas(trained.frame[SCHEMA.names]).to_pylist())
    order = random.permutation(len(learned))
    # Values that training never saw, each beside values of other rows.
    unseen = pa.table(
        {
            "size": pa.array([1e9, -0.0, None, 3.0], pa.float64()),
            "rooms": pa.array([10**12, None, -1, 3], pa.int64()),
            "account": pa.array([LARGE + 99, None, 7, LARGE + 1], pa.int64()),
            "sold": pa.array([None, True, False, None], pa.bool_()),
            "colour": pa.array(["violet", None, "7", "1.0"], pa.string()),
            "seen": pa.array([None, 0, 10**15, 1_700_000_000_123_456], pa.timestamp("us")),
            "day": pa.array([0, None, 20_000, 19_000], pa.date32()),
        }
    )
    table = pa.concat_tables([learned.take(pa.array(order)), unseen])
    expected = model.predict(frame_of(table))["price"].tolist()
    assert [model.predict_row(row)["price"] for row in table.to_pylist()] == expected
    pc.write_csv(table, tmp_path / "rows.csv")
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=50)
    for name in ("rows.csv", "rows.parquet"):
        output = tmp_path / f"{name}.out.parquet"
        rows = tmp_path / name
        done = run("predict", "--model-version", version, "--input", rows, "--output", output)
        assert done.returncode == 0, done.stderr
        assert pq.read_table(output)["price"].to_pylist() == expected, name

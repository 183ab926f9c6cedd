"""A run reads columns of text as its configuration says, and its test data as its training data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelstudio.tables.readings import MomentReading, NumberReading, named
from modelstudio.trainers.base import InputTable, TrainingError
from modelstudio.worker.inputs import input_tables
from trainers.conftest import Recorder

if TYPE_CHECKING:
    from pathlib import Path

ROLES = {"input_df": "TRAINING", "test_df": "TEST"}
TYPES = {pa.string(): "STRING", pa.float64(): "DOUBLE", pa.int64(): "LONG", pa.date32(): "DATE"}


def task_table(path: Path, columns: dict[str, Any], **readings: Any) -> dict[str, Any]:
    table = pa.table(columns)
    pq.write_table(table, path)
    return {
        "path": str(path),
        "columnMapping": {},
        "selectColumns": [],
        "ignoreColumns": [],
        "schema": [{"name": field.name, "type": TYPES[field.type]} for field in table.schema],
        "readings": readings,
    }


def read(told: dict[str, str], **tables: Any) -> tuple[dict[str, InputTable], Recorder]:
    recorder = Recorder()
    return input_tables(tables, ROLES, told, recorder), recorder


def values(table: InputTable) -> dict[str, list[Any]]:
    return pq.read_table(table.path).to_pydict()


def test_a_column_is_read_as_the_configuration_says(tmp_path: Path) -> None:
    given = task_table(
        tmp_path / "a.parquet", {"x": ["1,234", "5,678", "oops"], "k": ["a", "b", "c"]}
    )
    tables, recorder = read({"x": "number 1.234,5", "k": "text"}, input_df=given)
    table = tables["input_df"]
    assert values(table) == {"x": [1.234, 5.678, None], "k": ["a", "b", "c"]}
    assert table.column_types == {"x": "DOUBLE", "k": "STRING"}
    assert table.readings["x"]["seen"] == {
        "fitted": 2, "unfit": 1, "examples": ["oops"], "possible": []
    }  # fmt: skip
    assert any("1 values of the column 'x'" in message for _, message in recorder.lines)


def test_a_column_none_of_whose_values_fit_fails_the_run_by_name(tmp_path: Path) -> None:
    given = task_table(tmp_path / "a.parquet", {"x": ["1,234", "5,678"]})
    with pytest.raises(TrainingError, match=r"No value of the column 'x'.*'1,234', '5,678'"):
        read({"x": "date dd/mm/yyyy"}, input_df=given)


def test_test_data_that_leaves_doubt_is_read_as_the_training_data(tmp_path: Path) -> None:
    state = named("date dd/mm/yyyy").state()
    days = pa.array([0, 1], pa.int32()).cast(pa.date32())
    training = task_table(tmp_path / "a.parquet", {"day": days}, day=state)
    test = task_table(tmp_path / "b.parquet", {"day": ["01/06/2024", "02/06/2024"]})
    tables, _ = read({}, test_df=test, input_df=training)
    assert list(tables) == ["test_df", "input_df"]
    assert [str(day) for day in values(tables["test_df"])["day"]] == ["2024-06-01", "2024-06-02"]
    assert tables["test_df"].column_types == {"day": "DATE"}


def test_test_data_with_a_fraction_among_whole_numbers_is_read_but_for_that(tmp_path: Path) -> None:
    state = NumberReading("1.234,5", whole=True).state()
    training = task_table(tmp_path / "a.parquet", {"x": [1234, 5678]}, x=state)
    test = task_table(tmp_path / "b.parquet", {"x": ["1.234", "5,5", "7"]})
    tables, recorder = read({}, input_df=training, test_df=test)
    assert values(tables["test_df"]) == {"x": [1234, None, 7]}
    assert any("1 values of the column 'x'" in message for _, message in recorder.lines)


def test_test_data_read_in_another_way_than_it_may_be_meant_is_refused(tmp_path: Path) -> None:
    numbers = pa.array([1.234, 5.678])
    other = {**NumberReading().state(), "seen": {"possible": ["number 1.234,5"]}}
    training = task_table(
        tmp_path / "a.parquet", {"x": numbers}, x=NumberReading("1.234,5").state()
    )
    test = task_table(tmp_path / "b.parquet", {"x": numbers}, x=other)
    with pytest.raises(TrainingError, match=r"'x' of test_df was read as 'number 1234.5'"):
        read({}, input_df=training, test_df=test)


def test_a_reading_is_told_the_offsets_that_it_needs(tmp_path: Path) -> None:
    given = task_table(
        tmp_path / "a.parquet", {"at": ["01/06/2024 00:00 +02:00", "01/12/2024 00:00 +01:00"]}
    )
    tables, _ = read({"at": "timestamp dd/mm/yyyy"}, input_df=given)
    reading = MomentReading.of_state(tables["input_df"].readings["at"])
    assert (reading.timed, reading.zone, len(reading.runs)) == (True, "+01:00", 2)


def test_a_label_that_stands_for_no_value_is_missing_in_every_table(tmp_path: Path) -> None:
    training = task_table(tmp_path / "a.parquet", {"k": ["NA", "DE", ""]})
    test = task_table(tmp_path / "b.parquet", {"k": ["FR", "NA"]})
    tables, _ = read({"k": "text, missing: NA"}, input_df=training, test_df=test)
    assert values(tables["input_df"]) == {"k": [None, "DE", None]}
    assert values(tables["test_df"]) == {"k": ["FR", None]}

"""What `modelstudio predict` makes of tables as people have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.spreadsheets import spreadsheet
from modelstudio.tables.readings import named
from modelstudio.trainers import kept_readings
from published import Shelf, columns, model_api

if TYPE_CHECKING:
    from pathlib import Path


def test_values_that_do_not_fit_are_missing_and_said(
    run: Any, versions: dict[str, str], tmp_path: Path
) -> None:
    houses, output = tmp_path / "houses.csv", tmp_path / "out.csv"
    houses.write_text("rooms,area\n3,0.5\n150.5,1.5\nmany,2.5\n,3.5\n")
    done = run(
        "predict", "--model-version", versions["Echo"], "--input", houses, "--output", output
    )
    said = (
        "note: 1 value of column 'rooms' cannot be read as a whole number and counts as missing: "
        "'many'\n"
    )
    assert (done.returncode, said in done.stderr) == (0, True), done.stderr
    # A model that takes rows one by one has learned from numbers: 150.5 is one.
    shown = ["3.5,3.0|0.5", "152,150.5|1.5", "2.5,|2.5", "3.5,|3.5"]
    assert output.read_text().splitlines()[1:] == shown


@pytest.mark.parametrize("name", ["houses.csv", "houses.parquet"])
def test_a_table_without_rows_has_predictions_without_rows(
    run: Any, versions: dict[str, str], tmp_path: Path, name: str
) -> None:
    if name.endswith("csv"):
        (tmp_path / name).write_text("id,rooms,area,street\n")
    else:
        rows = pa.table({"id": pa.array([], pa.string()), "rooms": [], "area": [], "street": []})
        pq.write_table(rows, tmp_path / name)
    output, binary = tmp_path / "out.csv", tmp_path / "out.parquet"
    arguments = ["--model-version", versions["Echo"], "--input", tmp_path / name]
    assert run("predict", *arguments, "--output", output).returncode == 0
    assert output.read_text() == "total,shown\n"
    done = run("predict", *arguments, "--output", binary, "--keep-columns")
    assert (done.returncode, done.stderr) == (0, f"0 rows in {binary}\n")
    assert pq.read_table(binary).schema.names == ["id", "rooms", "area", "street", "total", "shown"]


def test_a_spreadsheet_is_predicted_like_a_csv_file(
    run: Any, versions: dict[str, str], tmp_path: Path
) -> None:
    table, output = tmp_path / "houses.xlsx", tmp_path / "out.csv"
    rows = [["id", "rooms", "area", "street"], ["007", 3, 0.5, "Elm"], ["008", None, 1.5, None]]
    table.write_bytes(spreadsheet({"Houses": rows}))
    arguments = ["--model-version", versions["Echo"], "--input", table, "--output", output]
    assert run("predict", *arguments, "--keep-columns").returncode == 0
    assert output.read_text() == (
        "id,rooms,area,street,total,shown\n007,3,0.5,Elm,3.5,3.0|0.5|Elm\n008,,1.5,,1.5,|1.5|\n"
    )


def test_columns_are_read_as_the_training_data_was(run: Any, shelf: Shelf, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    names = {"price": "number 1.234,5", "day": "date dd.mm.yyyy"}
    kept_readings.write(model, {name: named(words).state() for name, words in names.items()})
    api = model_api(columns(price="double", day="date"), columns(total="double", shown="string"))
    version = shelf.publish(model, "inference_predictors:Echo", api)
    table, output = tmp_path / "rows.csv", tmp_path / "out.csv"
    table.write_text("price;day\n1.234,5;01.02.2024\n2,5;2024-02-03\n1234.56;31.31.2024\n")
    done = run("predict", "--model-version", version, "--input", table, "--output", output)
    assert done.returncode == 0, done.stderr
    assert output.read_text().splitlines()[1:] == [
        "1234.5,1234.5|2024-02-01 00:00:00",
        "2.5,2.5|2024-02-03 00:00:00",
        ",|",
    ]
    for note in (
        "1 value of column 'price' cannot be read as a number and counts as missing: '1234.56'",
        "1 value of column 'day' cannot be read as a date and counts as missing: '31.31.2024'",
    ):
        assert f"note: {note}\n" in done.stderr

"""What `modelstudio predict` makes of tables as people have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

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
        "note: 1 value of column 'rooms' cannot be read as a whole number and count as missing: "
        "'many'\n"
    )
    assert (done.returncode, said in done.stderr) == (0, True), done.stderr
    assert output.read_text().splitlines()[1:] == [
        "3.5,3.0|0.5",
        "152,150.5|1.5",  # a number as any other, though those learned from were whole
        "2.5,|2.5",
        "3.5,|3.5",
    ]


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

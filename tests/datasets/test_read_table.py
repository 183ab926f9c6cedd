"""Reading a dataset as a table, and declaring what it is, through the official client."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import httpx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from foundry_sdk import BadRequestError
from foundry_sdk.v2.core import errors as core_errors
from foundry_sdk.v2.datasets import errors
from pyarrow import csv as arrow_csv

from datasets.tables_in_process import column, parquet
from support import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from foundry_sdk import FoundryClient

    from support import RunningServer

NO_TRANSACTION = "ri.foundry.main.transaction.00000000-0000-0000-0000-00000000dead"
CSV = (
    "id,name,price,day,at,flag\n"
    '1,"Zoë, the ""first""",1.5,2024-02-29,2024-02-29T10:00:00Z,true\n'
    "2,日本語,NA,,2024-03-01T00:00:00.250Z,\n"
    '3,"two\nlines",-inf,2024-03-02,,false\n'
).encode()


@pytest.fixture
def dataset(client: FoundryClient, project: str) -> str:
    return client.datasets.Dataset.create(name="table", parent_folder_rid=project).rid


@pytest.fixture
def datasets(client: FoundryClient) -> Any:
    return client.datasets.Dataset


def declared(*columns: dict[str, Any]) -> dict[str, Any]:
    return {"fieldSchemaList": list(columns)}


def test_arrow_is_what_another_reader_reads(datasets: Any, dataset: str) -> None:
    datasets.File.upload(dataset, "t.csv", CSV)
    table = datasets.read_table(dataset, format="ARROW").to_pyarrow()
    options = arrow_csv.ConvertOptions(
        null_values=["", "NA"],
        strings_can_be_null=True,
        column_types={"at": pa.timestamp("us", "UTC"), "day": pa.date32()},
    )
    parsing = arrow_csv.ParseOptions(newlines_in_values=True)
    expected = arrow_csv.read_csv(io.BytesIO(CSV), parse_options=parsing, convert_options=options)
    assert table.schema.equals(expected.schema)
    assert table.equals(expected)


def test_pandas_gets_nulls_and_times(datasets: Any, dataset: str) -> None:
    datasets.File.upload(dataset, "t.csv", CSV)
    frame = datasets.read_table(dataset, format="ARROW").to_pandas()
    assert list(frame.columns) == ["id", "name", "price", "day", "at", "flag"]
    assert frame["price"].isna().tolist() == [False, True, False]
    assert frame["price"][2] == -math.inf
    assert frame["at"][1] == pd.Timestamp("2024-03-01T00:00:00.250", tz="UTC")
    assert frame["name"].tolist() == ['Zoë, the "first"', "日本語", "two\nlines"]


def test_csv_can_be_uploaded_again(datasets: Any, dataset: str, project: str) -> None:
    datasets.File.upload(dataset, "t.csv", CSV)
    text = bytes(datasets.read_table(dataset, format="CSV"))
    assert text.decode().splitlines()[0] == "id,name,price,day,at,flag"
    again = datasets.create(name="again", parent_folder_rid=project).rid
    datasets.File.upload(again, "t.csv", text)
    one = datasets.read_table(dataset, format="ARROW").to_pyarrow()
    assert datasets.read_table(again, format="ARROW").to_pyarrow().equals(one)


def test_nan_in_parquet_stays_nan_in_both_forms(datasets: Any, dataset: str) -> None:
    source = pa.table({"x": [math.nan, None, 1.5], "t": ["", None, "NaN"]})
    datasets.File.upload(dataset, "t.parquet", parquet(source))
    table = datasets.read_table(dataset, format="ARROW").to_pyarrow()
    assert str(table.to_pydict()) == str(source.to_pydict())
    assert bytes(datasets.read_table(dataset, format="CSV")) == b'x,t\nnan,""\n,\n1.5,NaN\n'


def test_nested_columns_are_read_as_arrow_and_not_as_csv(datasets: Any, dataset: str) -> None:
    source = pa.table({"id": [1], "tags": [["a", "b"]], "point": [{"x": 1, "y": None}]})
    datasets.File.upload(dataset, "t.parquet", parquet(source))
    assert datasets.read_table(dataset, format="ARROW").to_pyarrow().to_pydict() == (
        source.to_pydict()
    )
    with pytest.raises(errors.ColumnTypesNotSupported) as caught:
        datasets.read_table(dataset, format="CSV")
    assert caught.value.parameters == {"datasetRid": dataset}
    assert bytes(datasets.read_table(dataset, format="CSV", columns=["id"])) == b"id\n1\n"


def test_columns_and_rows_are_chosen(datasets: Any, dataset: str) -> None:
    datasets.File.upload(dataset, "t.csv", CSV)
    for form in ("ARROW", "CSV"):
        got = datasets.read_table(dataset, format=form, columns=["flag", "id"], row_limit=2)
        table = got.to_pyarrow() if form == "ARROW" else arrow_csv.read_csv(io.BytesIO(got))
        assert table.schema.names == ["flag", "id"]
        assert table["id"].to_pylist() == [1, 2]
    assert datasets.read_table(dataset, format="ARROW", row_limit=0).to_pyarrow().num_rows == 0
    for parameters in ({"columns": ["nope"]}, {"row_limit": -1}):
        with pytest.raises(BadRequestError, match="InvalidArgument"):
            datasets.read_table(dataset, format="ARROW", **parameters)


def test_views_are_read_by_transaction(datasets: Any, dataset: str) -> None:
    first = datasets.File.upload(dataset, "1.csv", b"n\n1\n").transaction_rid
    second = datasets.File.upload(dataset, "2.csv", b"n\n2\n").transaction_rid

    def rows(**which: str) -> list[int]:
        table = datasets.read_table(dataset, format="ARROW", **which).to_pyarrow()
        return list(table["n"].to_pylist())

    assert rows() == rows(branch_name="master") == [1, 2]
    assert rows(end_transaction_rid=first) == [1]
    assert rows(branch_name="master", end_transaction_rid=first) == [1]
    assert rows(start_transaction_rid=second, end_transaction_rid=second) == [2]
    with pytest.raises(core_errors.InvalidParameterCombination):
        rows(start_transaction_rid=first)
    with pytest.raises(Exception, match="TransactionNotFound"):
        rows(end_transaction_rid=NO_TRANSACTION)
    with pytest.raises(Exception, match="BranchNotFound"):
        rows(branch_name="other")
    with pytest.raises(BadRequestError):
        rows(start_transaction_rid=second, end_transaction_rid=first)


def test_what_has_no_schema_cannot_be_read(datasets: Any, dataset: str) -> None:
    for upload in (None, ("photo.png", b"\x89PNG"), ("empty.csv", b"")):
        if upload is not None:
            datasets.File.upload(dataset, *upload, transaction_type="SNAPSHOT")
        with pytest.raises(errors.SchemaNotFound):
            datasets.read_table(dataset, format="ARROW")


def test_a_format_that_is_none_is_refused(server: RunningServer, dataset: str) -> None:
    for query in ("", "?format=XLSX"):
        answer = httpx.get(
            f"{server.url}/api/v2/datasets/{dataset}/readTable{query}",
            headers={"Authorization": f"Bearer {server.admin_token}"},
        )
        assert answer.status_code == 400
        assert answer.json()["errorName"] == "Default:InvalidArgument"


# declared schemas -------------------------------------------------------------------------------


def test_a_declared_schema_is_what_is_read(datasets: Any, dataset: str) -> None:
    rid = datasets.File.upload(dataset, "t.csv", b"zip,n,extra\n01234,1,x\n").transaction_rid
    before = datasets.get_schema(dataset)
    wanted = declared(
        column("n", "DOUBLE", customMetadata={"unit": "m"}),
        column("zip", "INTEGER"),
    )
    # the client's default reader is PARQUET; what the file is, it says itself
    put = datasets.put_schema(dataset, schema=wanted)
    assert (put.branch_name, put.end_transaction_rid) == ("master", rid)
    assert datasets.get_schema(dataset) == put
    assert put.schema_.field_schema_list[0].custom_metadata == {"unit": "m"}
    table = datasets.read_table(dataset, format="ARROW").to_pyarrow()
    assert table.schema.equals(pa.schema([("n", pa.float64()), ("zip", pa.int32())]))
    assert table.to_pylist() == [{"n": 1.0, "zip": 1234}]
    assert datasets.get_schema(dataset, version_id=before.version_id) == before


def test_data_that_is_not_as_declared_is_told(datasets: Any, dataset: str) -> None:
    datasets.File.upload(dataset, "t.csv", b"n\n1\nmany\n")
    with pytest.raises(core_errors.InvalidSchema) as by_values:
        datasets.put_schema(dataset, schema=declared(column("n", "LONG")), dataframe_reader="CSV")
    told = "Column 'n' is not LONG: it has the value 'many'."
    assert by_values.value.parameters["message"] == told
    datasets.put_schema(dataset, schema=declared(column("m", "LONG")))
    with pytest.raises(errors.ReadTableError) as by_name:
        datasets.read_table(dataset, format="ARROW")
    assert by_name.value.parameters["message"] == "t.csv has no column 'm'."
    datasets.File.upload(dataset, "t.csv", b"m\n300\n")
    datasets.put_schema(dataset, schema=declared(column("m", "BYTE")))
    with pytest.raises(errors.ReadTableError) as by_value:
        datasets.read_table(dataset, format="CSV")
    told = "t.csv: Column 'm' has the value '300', which is not BYTE."
    assert by_value.value.parameters["message"] == told


def test_a_schema_can_be_declared_before_the_commit(datasets: Any, dataset: str) -> None:
    rid = datasets.Transaction.create(dataset, transaction_type="SNAPSHOT").rid
    with pytest.raises(errors.DatasetViewNotFound):
        datasets.put_schema(dataset, schema=declared(column("n", "STRING")))
    put = datasets.put_schema(
        dataset, schema=declared(column("n", "STRING")), end_transaction_rid=rid
    )
    datasets.File.upload(dataset, "t.csv", b"n\n1\n", transaction_rid=rid)
    datasets.Transaction.commit(dataset, rid)
    assert datasets.get_schema(dataset) == put
    assert datasets.read_table(dataset, format="ARROW").to_pyarrow().to_pydict() == {"n": ["1"]}


def test_a_table_of_no_files_has_the_declared_columns(datasets: Any, dataset: str) -> None:
    rid = datasets.Transaction.create(dataset, transaction_type="SNAPSHOT").rid
    wanted = declared(column("at", "TIMESTAMP"), column("n", "DECIMAL", precision=5, scale=1))
    datasets.put_schema(dataset, schema=wanted, end_transaction_rid=rid)
    datasets.Transaction.commit(dataset, rid)
    table = datasets.read_table(dataset, format="ARROW").to_pyarrow()
    assert table.num_rows == 0
    assert table.schema.types == [pa.timestamp("us"), pa.decimal128(5, 1)]


@pytest.mark.parametrize("schema", [declared(), declared(column("a", "LONG"), column("a", "LONG"))])
def test_a_schema_that_means_nothing_is_refused(
    datasets: Any, dataset: str, schema: dict[str, Any]
) -> None:
    datasets.File.upload(dataset, "t.csv", b"a\n1\n")
    with pytest.raises(core_errors.InvalidSchema) as caught:
        datasets.put_schema(dataset, schema=schema)
    assert set(caught.value.parameters) == {"errorType", "message"}


def test_a_schema_nested_without_end_is_refused(server: RunningServer, dataset: str) -> None:
    field: dict[str, Any] = column("a", "LONG")
    for _ in range(300):
        field = column("a", "ARRAY", arraySubtype=field)
    answer = httpx.put(
        f"{server.url}/api/v2/datasets/{dataset}/putSchema",
        json={"schema": declared(field)},
        headers={"Authorization": f"Bearer {server.admin_token}"},
    )
    assert answer.status_code == 400


# limits -----------------------------------------------------------------------------------------


def test_a_table_that_takes_too_long_is_given_up(
    start_server: Callable[..., RunningServer],
) -> None:
    server = start_server(MODELSTUDIO_TABLE_TIMEOUT_SECONDS="0.05")
    datasets = server.client().datasets.Dataset
    home = server.client().filesystem.Resource.get_by_path(path="/Main/Home").rid
    dataset = datasets.create(name="d", parent_folder_rid=home).rid
    rid = datasets.File.upload(
        dataset, "t.csv", b"n\n1\n"
    ).transaction_rid  # committed all the same
    with pytest.raises(errors.SchemaNotFound):
        datasets.get_schema(dataset)
    datasets.put_schema(dataset, schema=declared(column("n", "LONG")), end_transaction_rid=rid)
    with pytest.raises(errors.ReadTableTimeout) as caught:
        datasets.read_table(dataset, format="ARROW")
    assert caught.value.parameters == {"datasetRid": dataset}
    assert datasets.get(dataset).rid == dataset


def test_a_result_is_gone_from_the_disk_even_if_nobody_reads_it_to_its_end(
    server: RunningServer, datasets: Any, dataset: str
) -> None:
    large = pa.table({"n": range(2_000_000), "t": ["x" * 10] * 2_000_000})
    datasets.File.upload(dataset, "t.parquet", parquet(large))
    url = f"{server.url}/api/v2/datasets/{dataset}/readTable?format=ARROW"
    headers = {"Authorization": f"Bearer {server.admin_token}"}
    with httpx.stream("GET", url, headers=headers, timeout=60) as answer:
        assert int(answer.headers["content-length"]) > 30_000_000
        next(answer.iter_bytes(1000))
    work = server.data_dir / "work"
    wait_for(lambda: not list(work.iterdir()), seconds=5)
    whole = datasets.read_table(dataset, format="ARROW").to_pyarrow()
    assert whole.equals(large)


def test_a_table_whose_file_is_lost_is_made_again(
    start_server: Callable[..., RunningServer],
) -> None:
    server = start_server()
    datasets = server.client().datasets.Dataset
    home = server.client().filesystem.Resource.get_by_path(path="/Main/Home").rid
    dataset = datasets.create(name="d", parent_folder_rid=home).rid
    datasets.File.upload(dataset, "t.csv", b"n\n1\n")
    for _ in range(2):
        assert datasets.read_table(dataset, format="ARROW").to_pyarrow().num_rows == 1
        (made,) = (path for path in server.data_dir.rglob("blobs/tables/*/*") if path.is_file())
        assert pq.read_table(made).to_pydict() == {"n": [1]}
        made.unlink()

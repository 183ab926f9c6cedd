"""How the columns of a view follow from its files, and what a declared schema must be."""

from __future__ import annotations

from typing import Any

import pytest

from datasets.tables_in_process import column
from modelstudio.datasets.declared import check_fields, check_reader
from modelstudio.datasets.errors import InvalidSchema
from modelstudio.datasets.schemas import Kind, infer, is_data, may_be_table, misfit, type_of


def csv_profile(**kinds: Kind) -> dict[str, Any]:
    columns = [{"name": name, "kinds": int(kind)} for name, kind in kinds.items()]
    return {"format": "CSV", "delimiter": ",", "escape": '"', "gzip": False, "columns": columns}


def parquet_profile(**types: str) -> dict[str, Any]:
    columns = [
        {"name": name, "field": {"type": type_, "nullable": True}, "zoned": False}
        for name, type_ in types.items()
    ]
    return {"format": "PARQUET", "columns": columns}


def inferred(*profiles: dict[str, Any]) -> list[str] | str:
    fields, reason = infer([(f"{index}.csv", known) for index, known in enumerate(profiles)])
    if fields is None:
        assert reason is not None
        return reason
    return [field["type"] for field in fields]


@pytest.mark.parametrize(
    ("kinds", "type_"),
    [
        (Kind(0), "STRING"),
        (Kind.LONG, "LONG"),
        (Kind.LONG | Kind.DOUBLE, "DOUBLE"),
        (Kind.LONG | Kind.HUGE, "STRING"),
        (Kind.LONG | Kind.HUGE | Kind.DOUBLE, "DOUBLE"),
        (Kind.LONG | Kind.PADDED, "STRING"),
        (Kind.BOOLEAN, "BOOLEAN"),
        (Kind.BOOLEAN | Kind.LONG, "STRING"),
        (Kind.DATE, "DATE"),
        (Kind.DATE | Kind.LOCAL_TIME, "TIMESTAMP"),
        (Kind.ZONED_TIME, "TIMESTAMP"),
        (Kind.DATE | Kind.LONG, "STRING"),
        (Kind.TEXT | Kind.LONG, "STRING"),
    ],
)
def test_a_type_holds_every_kind_of_value_in_the_column(kinds: Kind, type_: str) -> None:
    assert type_of(kinds) == type_


def test_all_files_decide_together() -> None:
    assert inferred(csv_profile(a=Kind.LONG), csv_profile(a=Kind.DOUBLE)) == ["DOUBLE"]
    assert inferred(csv_profile(a=Kind(0)), csv_profile(a=Kind.DATE)) == ["DATE"]
    assert inferred(parquet_profile(a="SHORT"), parquet_profile(a="LONG")) == ["LONG"]
    assert inferred(parquet_profile(a="LONG"), parquet_profile(a="FLOAT")) == ["DOUBLE"]
    assert inferred(parquet_profile(a="DATE"), parquet_profile(a="TIMESTAMP")) == ["TIMESTAMP"]


def test_files_that_make_no_table_are_told() -> None:
    one = csv_profile(a=Kind.LONG, b=Kind.LONG)
    assert inferred() == "The view has no data files."
    assert inferred(one, csv_profile(a=Kind.LONG, c=Kind.LONG)) == (
        "0.csv and 1.csv have different columns: 'b', 'c'."
    )
    assert inferred(one, parquet_profile(a="LONG", b="LONG")) == (
        "The files have different formats: 0.csv is CSV, but 1.csv is PARQUET."
    )
    assert inferred(parquet_profile(a="LONG"), parquet_profile(a="STRING")) == (
        "Column 'a' has different types: LONG in 0.csv, STRING in 1.csv."
    )
    assert inferred(one, {"format": "CSV", "problem": "It is empty."}) == "1.csv: It is empty."
    assert infer([("a.csv", None), ("photo.png", None)])[1] is not None


def test_a_file_that_is_no_table_by_its_name_is_the_reason() -> None:
    fields, reason = infer([("a.png", None), ("b.csv", csv_profile(a=Kind.LONG))])
    assert fields is None
    assert reason == "a.png is neither CSV nor Parquet by its name."


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.csv", True),
        ("deep/er.x/A.CSV.GZ", True),
        ("part-0000", True),
        ("part.0001", True),
        ("x.snappy.parquet", True),
        ("a.json", False),
        ("a.xlsx", False),
        ("a.parquet.gz", False),
    ],
)
def test_names_tell_what_may_be_a_table(path: str, expected: bool) -> None:
    assert may_be_table(path) is expected


def test_hidden_files_are_no_data() -> None:
    assert is_data("a/b.csv")
    assert not is_data("_SUCCESS")
    assert not is_data("a/.b.csv")
    assert not is_data("_temporary/b.csv")


@pytest.mark.parametrize(
    ("type_", "kinds", "fits"),
    [
        ("LONG", Kind.PADDED, True),
        ("LONG", Kind.DOUBLE, False),
        ("DOUBLE", Kind.HUGE | Kind.LONG, True),
        ("STRING", Kind.TEXT, True),
        ("TIMESTAMP", Kind.DATE | Kind.ZONED_TIME, True),
        ("DATE", Kind.LOCAL_TIME, False),
        ("BOOLEAN", Kind.LONG, True),
        ("BOOLEAN", Kind.TEXT, False),
    ],
)
def test_kinds_tell_whether_a_file_fits_a_declared_type(
    type_: str, kinds: Kind, fits: bool
) -> None:
    assert (misfit([column("a", type_)], [("a.csv", csv_profile(a=kinds))]) is None) is fits


@pytest.mark.parametrize(
    ("found", "declared", "fits"),
    [
        ("LONG", "DOUBLE", True),
        ("LONG", "INTEGER", True),
        ("DOUBLE", "LONG", False),
        ("DOUBLE", "FLOAT", True),
        ("LONG", "STRING", True),
        ("STRING", "DATE", True),
        ("DATE", "TIMESTAMP", True),
        ("TIMESTAMP", "DATE", False),
        ("BOOLEAN", "LONG", False),
    ],
)
def test_types_tell_whether_a_parquet_file_fits(found: str, declared: str, fits: bool) -> None:
    reason = misfit([column("a", declared)], [("a.parquet", parquet_profile(a=found))])
    assert (reason is None) is fits


def test_a_missing_column_does_not_fit_and_a_surplus_one_does() -> None:
    files = [("a.csv", csv_profile(a=Kind.LONG, b=Kind.TEXT))]
    assert misfit([column("a", "LONG")], files) is None
    assert misfit([column("c", "LONG")], files) == "a.csv has no column 'c'."


DEEP: dict[str, Any] = column("a", "LONG")
for _ in range(20):
    DEEP = {**column("a", "ARRAY"), "arraySubtype": DEEP}


@pytest.mark.parametrize(
    ("fields", "error_type"),
    [
        ([], "NO_COLUMNS"),
        ([column("a", "LONG"), column("a", "STRING")], "DUPLICATE_NAME"),
        ([column("a", "LONG"), column("A", "STRING")], "DUPLICATE_NAME"),
        ([{"type": "LONG", "nullable": True}], "MISSING_NAME"),
        ([column(" ", "LONG")], "MISSING_NAME"),
        ([column("a" * 2000, "LONG")], "INVALID_NAME"),
        ([column("a", "ARRAY")], "MISSING_SUBTYPE"),
        ([column("a", "MAP", mapKeyType={"type": "LONG", "nullable": True})], "MISSING_SUBTYPE"),
        ([column("a", "STRUCT")], "MISSING_SUBTYPE"),
        ([column("a", "STRUCT", subSchemas=[{"type": "LONG", "nullable": True}])], "MISSING_NAME"),
        ([column("a", "ARRAY", arraySubtype={"type": "MAP", "nullable": True})], "MISSING_SUBTYPE"),
        ([column("a", "DECIMAL", precision=39)], "INVALID_DECIMAL"),
        ([column("a", "DECIMAL", precision=4, scale=5)], "INVALID_DECIMAL"),
        ([DEEP], "NESTED_TOO_DEEPLY"),
        ([column(f"c{index}", "LONG") for index in range(10_001)], "TOO_MANY_COLUMNS"),
    ],
)
def test_a_schema_that_means_nothing_is_refused(
    fields: list[dict[str, Any]], error_type: str
) -> None:
    with pytest.raises(InvalidSchema) as caught:
        check_fields(fields)
    assert caught.value.parameters["errorType"] == error_type
    assert caught.value.parameters["message"]


def test_a_decimal_without_numbers_gets_them() -> None:
    fields = [column("a", "DECIMAL"), column("b", "ARRAY", arraySubtype=column("", "DECIMAL"))]
    checked = check_fields(fields)
    assert checked[0] == column("a", "DECIMAL", precision=38, scale=18)
    assert checked[1]["arraySubtype"]["scale"] == 18
    assert check_fields([column("a", "DECIMAL", precision=5)])[0]["scale"] == 0


def test_a_reader_of_other_formats_is_refused() -> None:
    for reader in (None, "CSV", "PARQUET"):
        check_reader(reader)
    for reader in ("AVRO", "DATASOURCE"):
        with pytest.raises(InvalidSchema):
            check_reader(reader)

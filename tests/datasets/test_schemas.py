"""How the columns of a view follow from its files, and what a declared schema must be."""

from __future__ import annotations

from typing import Any

import pytest

from datasets.tables_in_process import column
from modelstudio.datasets.declared import check_fields, check_reader
from modelstudio.datasets.errors import InvalidSchema
from modelstudio.datasets.schemas import (
    PROFILE_VERSION,
    infer,
    is_data,
    may_be_table,
    misfit,
    readings_of,
)
from modelstudio.tables.readings import Evidence, of_state


def csv_profile(delimiter: str = ",", **texts: str) -> dict[str, Any]:
    """Each column's values are separated by bars."""
    columns = [
        {"name": name, "position": place, "evidence": Evidence.of(values.split("|")).state()}
        for place, (name, values) in enumerate(texts.items())
    ]
    return {
        "version": PROFILE_VERSION,
        "format": "CSV",
        "dialect": {"delimiter": delimiter},
        "columns": columns,
        "notes": [],
    }


def parquet_profile(**types: str) -> dict[str, Any]:
    columns = [
        {"name": name, "field": {"type": type_, "nullable": True}, "zone": None, "empty": False}
        for name, type_ in types.items()
    ]
    return {"version": PROFILE_VERSION, "format": "PARQUET", "columns": columns, "notes": []}


def decimal_profile(precision: int, scale: int) -> dict[str, Any]:
    known = parquet_profile(a="DECIMAL")
    known["columns"][0]["field"].update(precision=precision, scale=scale)
    return known


def inferred(*profiles: dict[str, Any]) -> list[str] | str:
    fields, reason = infer([(f"{index}.csv", known) for index, known in enumerate(profiles)])
    if fields is None:
        assert reason is not None
        return reason
    return [field["type"] for field in fields]


@pytest.mark.parametrize(
    ("texts", "type_", "metadata"),
    [
        ("", "STRING", None),
        ("1|2", "LONG", None),
        ("1|2.5", "DOUBLE", None),
        ("1|99999999999999999999", "STRING", None),
        ("1.5|99999999999999999999", "DOUBLE", None),
        ("1|007", "STRING", None),
        ("true|FALSE", "BOOLEAN", None),
        ("yes|no", "STRING", None),
        ("true|1", "STRING", None),
        ("2024-01-31|2024-02-01", "DATE", None),
        ("2024-01-31|2024-02-01 10:00", "TIMESTAMP", None),
        ("2024-02-01T10:00Z", "TIMESTAMP", None),
        ("2024-01-31|5", "STRING", None),
        ("1|a", "STRING", None),
        ("1.234,5|2,0", "DOUBLE", {"reading": "number 1.234,5"}),
        ("31.01.2024|01.02.2024", "DATE", {"reading": "date dd.mm.yyyy"}),
        ("Q1 2024|Q2 2024", "STRING", None),
        ("08:30|09:30", "STRING", None),
        (
            "01/02/2024|03/04/2024",
            "STRING",
            {
                "reading": "text",
                "possible": ["date dd/mm/yyyy", "date mm/dd/yyyy"],
                "examples": ["01/02/2024", "03/04/2024"],
            },
        ),
        (
            "NA|DE|FR",
            "STRING",
            {"reading": "text", "possible": ["text, missing: NA"], "examples": ["NA"]},
        ),
    ],
)
def test_a_type_holds_every_value_of_the_column(
    texts: str, type_: str, metadata: dict[str, Any] | None
) -> None:
    fields, _ = infer([("a.csv", csv_profile(a=texts))])
    assert fields is not None
    assert (fields[0]["type"], fields[0].get("customMetadata")) == (type_, metadata)


@pytest.mark.parametrize("texts", ["30,000|31,500", "1.627|339", "01/02/2024|03/04/2024"])
def test_a_schema_that_says_the_reading_answers_the_question(texts: str) -> None:
    files = [("a.csv", csv_profile(a=texts))]
    fields, _ = infer(files)
    assert fields is not None
    for name in fields[0]["customMetadata"]["possible"]:
        reading = {"customMetadata": {"reading": name}}
        type_ = "DATE" if name.startswith("date") else "DOUBLE"
        declared = {**column("a", type_), **reading}
        assert misfit([declared], files) is None
        for state in readings_of([declared], [files[0][1]]).values():
            assert of_state(state).field_type in {type_, "LONG"}
    problem = misfit([column("a", type_)], files)
    assert problem is not None
    assert "may be read as" in problem


def test_offsets_are_remembered_and_zones_of_parquet_too() -> None:
    written = csv_profile(a="2024-06-01T00:00+02:00|2024-12-01T00:00+01:00")
    assert readings_of([column("a", "TIMESTAMP")], [written])["a"]["zoned"]
    typed = parquet_profile(a="TIMESTAMP")
    typed["columns"][0]["zone"] = "Europe/Berlin"
    state = readings_of([column("a", "TIMESTAMP")], [typed])["a"]
    assert (state["zone"], state["zoned"]) == ("Europe/Berlin", True)


def test_all_files_decide_together() -> None:
    assert inferred(csv_profile(a="1"), csv_profile(a="1.5")) == ["DOUBLE"]
    assert inferred(csv_profile(a=""), csv_profile(a="2024-01-01")) == ["DATE"]
    assert inferred(parquet_profile(a="SHORT"), parquet_profile(a="LONG")) == ["LONG"]
    assert inferred(parquet_profile(a="LONG"), parquet_profile(a="FLOAT")) == ["DOUBLE"]
    assert inferred(decimal_profile(5, 2), decimal_profile(6, 4)) == ["DECIMAL"]
    assert inferred(parquet_profile(a="DATE"), parquet_profile(a="TIMESTAMP")) == ["TIMESTAMP"]


def test_files_that_make_no_table_are_told() -> None:
    one = csv_profile(a="1", b="1")
    assert inferred() == "The view has no data files."
    assert inferred(one, csv_profile(a="1", c="1")) == (
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
    fields, reason = infer([("a.png", None), ("b.csv", csv_profile(a="1"))])
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
        ("a.xlsx", True),
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
    ("type_", "texts", "fits"),
    [
        ("LONG", "007|1", True),
        ("LONG", "1.5|2", False),
        ("DOUBLE", "99999999999999999999|1", True),
        ("DOUBLE", "1.234,5|2,0", True),
        ("STRING", "a|b", True),
        ("TIMESTAMP", "2024-01-01|2024-01-01T10:00Z", True),
        ("DATE", "2024-01-01 10:00", False),
        ("DATE", "20240131", True),
        ("DATE", "a|2024-01-01", False),
        ("BOOLEAN", "1|0", True),
        ("BOOLEAN", "a|true", False),
        ("DOUBLE", "", True),
    ],
)
def test_values_tell_whether_a_file_fits_a_declared_type(
    type_: str, texts: str, fits: bool
) -> None:
    assert (misfit([column("a", type_)], [("a.csv", csv_profile(a=texts))]) is None) is fits


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
    files = [("a.csv", csv_profile(a="1", b="x"))]
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
        ([column("a", "DATE", customMetadata={"reading": "dd"})], "UNKNOWN_READING"),
        (
            [column("a", "DATE", customMetadata={"reading": "number 1.234,5"})],
            "READING_OF_ANOTHER_TYPE",
        ),
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


def test_a_file_with_nothing_in_it_is_left_out_beside_others() -> None:
    one, empty = csv_profile(a="1"), {"format": "CSV", "problem": "It is empty.", "empty": True}
    assert inferred(one, empty) == ["LONG"]
    assert inferred(empty, one) == ["LONG"]
    assert inferred(empty) == "0.csv: It is empty."
    assert misfit([column("a", "LONG")], [("a.csv", one), ("b.csv", empty)]) is None

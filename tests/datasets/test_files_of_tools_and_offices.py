"""Files as offices publish them and programs write them: read as they are meant, or refused."""

from __future__ import annotations

import gzip
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from datasets.spreadsheets import spreadsheet
from datasets.tables_in_process import column, parquet, problem, profiles, read, read_csv
from modelstudio.datasets.schemas import infer, misfit


@pytest.mark.parametrize(
    "data",
    [
        b"city,price\nA,1,234\nB,2,345\nA,3,456\n",  # two rows of one name are no names of rows
        b"area,rooms\n71,5,2\n83,5,3\n40,2,1\n",  # numbers of rows do not jump
    ],
)
def test_a_comma_within_numbers_without_quotes_is_no_index(data: bytes) -> None:
    assert problem(t__csv=data) == "t.csv: Line 2 has 3 values, but the first line names 2 columns."


@pytest.mark.parametrize(
    "data",
    [
        b'"x","y"\n"1",2.5,3\n"2",3.5,4\n',
        b"x,y\nMazda RX4,2.5,3\nDatsun 710,3.5,4\n",
        b'"x","y"\n"17",2.5,3\n"18",3.5,4\n',
    ],
)
def test_the_names_of_rows_in_r_are_an_index(data: bytes) -> None:
    ((_, profile),) = profiles({"t.csv": data})
    assert "counts as an index" in profile["notes"][0]
    assert read_csv(data).to_pydict() == {"x": [2.5, 3.5], "y": [3, 4]}


@pytest.mark.parametrize("typed", [False, True])
def test_a_folder_of_codes_keeps_their_zeros(typed: bool) -> None:
    one = parquet(pa.table({"x": [1]})) if typed else b"x\n1\n"
    name = "t.parquet" if typed else "t.csv"
    files = {f"zip=01234/month=01/{name}": one, f"zip=12345/month=12/{name}": one}
    assert read(files).to_pydict() == {"x": [1, 1], "zip": ["01234", "12345"], "month": [1, 12]}


def test_moments_with_and_without_an_offset_are_asked_about() -> None:
    data = b"t\n2024-01-31T12:00:00\n2024-07-31T12:00:00Z\n2024-07-31T13:00:00Z\n"
    fields, _ = infer(profiles({"t.csv": data}))
    assert fields is not None
    (field,) = fields
    assert field["type"] == "STRING"
    assert field["customMetadata"] == {
        "reading": "text",
        "possible": ["timestamp yyyy-mm-dd"],
        "examples": ["2024-01-31T12:00:00", "2024-07-31T12:00:00Z", "2024-07-31T13:00:00Z"],
    }
    declared = column("t", "TIMESTAMP")
    reason = misfit([declared], profiles({"t.csv": data}))
    assert reason is not None
    assert "'timestamp yyyy-mm-dd' or as 'text'" in reason
    answered = {**declared, "customMetadata": {"reading": "timestamp yyyy-mm-dd"}}
    assert misfit([answered], profiles({"t.csv": data})) is None


def test_files_with_and_without_a_zone_are_no_one_table() -> None:
    files = {
        "a.parquet": parquet(pa.table({"t": pa.array([1], pa.timestamp("us", "UTC"))})),
        "b.parquet": parquet(pa.table({"t": pa.array([1], pa.timestamp("us"))})),
    }
    _, reason = infer(profiles(files))
    assert reason == (
        "Column 't' has different types: TIMESTAMP with a zone in a.parquet, "
        "TIMESTAMP without a zone in b.parquet."
    )


def notes(data: bytes) -> list[str]:
    ((_, profile),) = profiles({"t.csv": data})
    found: list[str] = profile["notes"]
    return found


TITLED = {"monat": ["2024-01", "2024-02"], "index": [114.3, 115.2], "rate": [8.7, None]}


@pytest.mark.parametrize(
    "data",
    [
        b"Prices\nAs of 2024-03-01\n\nmonat,index,rate\n2024-01,114.3,8.7\n2024-02,115.2,\n",
        b"Prices,,\n,,\nmonat,index,rate\n2024-01,114.3,8.7\n2024-02,115.2,\n",
        (
            b"Preise;;\nmonat;index;rate\n2024-01;114,3;8,7\n2024-02;115,2;...\n"
            b"__________;;\n\xc2\xa9 Amt;;\n"
        ),
        b"monat,index,rate\n2024-01,114.3,8.7\n2024-02,115.2,\nSource: the office\n",
        b"monat,index,rate\n2024-01,114.3,8.7\n2024-02,115.2,\n\n(2 rows affected)\n",
        b"monat|index|rate\r\n2024-01|114.3|8.7\r\n2024-02|115.2|\r\n* provisional\r\n\r\n",
        b"monat,index,rate\n-------,-----,----\n2024-01,114.3,8.7\n2024-02,115.2,\n",
    ],
)
def test_titles_above_a_table_and_notes_below_it_are_no_rows(data: bytes) -> None:
    assert read_csv(data).to_pydict() == TITLED
    assert notes(data)[0].endswith("left out.")


@pytest.mark.parametrize(
    "data",
    [
        b"t,v\n1,2\n3,4\n5\n",  # the line is cut off
        b"t,v\n1,2\n3,4\nBerl\n",
        b"text\nHello, world\nfoo, bar\nbaz, qux\n",
        b"a,b,c\nx,y\nx,y,z\nx,y,z\nx,y,z\n",
    ],
)
def test_a_line_with_fewer_values_is_refused_unless_it_is_a_title_or_a_note(data: bytes) -> None:
    assert "t.csv: Line" in problem(t__csv=data)


def test_a_last_row_with_only_its_first_value_is_a_row() -> None:
    assert read_csv(b"id,x,y\na,1,2\nb,3,4\n(c),,\n").num_rows == 3


UNITS = {"t": [1, 2, 3, 4], "m": [2.5, 3.5, 4.5, 5.5]}
BELOW = b"1,2.5\n2,3.5\n3,4.5\n4,5.5\n"


@pytest.mark.parametrize("line", [b"s,kg\n", b",kg\n", b"seconds,kg/m3\nraw,raw\n"])
def test_units_below_the_names_of_columns_are_no_row(line: bytes) -> None:
    data = b"t,m\n" + line + BELOW
    assert read_csv(data).to_pydict() == UNITS
    assert notes(data)[0].startswith("A line below the names of columns")


@pytest.mark.parametrize("line", [b"<1,>5\n", b"n/a,n/a\n", b"1,kg\n", b"NA,5\n"])
def test_a_first_row_with_values_below_is_a_row(line: bytes) -> None:
    assert read_csv(b"t,m\n" + line + BELOW).num_rows == 5


def test_a_first_line_of_values_and_a_last_line_of_sums_are_said() -> None:
    (note,) = notes(b"5.1,3.5,setosa\n4.9,3.0,setosa\n")
    assert "looks like values" in note
    assert notes(b"country,2019,2020\nA,1,2\n") == []
    (note,) = notes(b"name,x\nA,1\nB,2\nTotal,3\n")
    assert note == "The last row begins with 'Total'; it counts as a row like the others."


def test_columns_of_several_levels_as_pandas_writes_them_are_numbers() -> None:
    levels = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "x")], names=["l", "m"])
    frame = pd.DataFrame(np.arange(12).reshape(4, 3) * 1.5, columns=levels)
    found = read_csv(frame.rename_axis("id").to_csv().encode()).to_pandas()
    assert found.iloc[:, 1:].to_numpy().tolist() == frame.to_numpy().tolist()


def test_a_spreadsheet_with_a_text_before_its_table_and_units_below_the_names() -> None:
    sheets = {
        "Read me": [["This file has sales."], ["Write to sales@example.com."]],
        "Data": [["t", "m"], ["s", "kg"], [1, 2.5], [2, 3.5], [3, 4.5], [4, 5.5]],
    }
    assert read({"t.xlsx": spreadsheet(sheets)}).to_pydict() == UNITS


def test_long_ids_in_one_file_are_not_rounded_for_the_floats_of_another() -> None:
    ids = parquet(pa.table({"id": [2**53 + 1, 2**53]}))
    floats = parquet(pa.table({"id": [1.0, None]}))
    _, reason = infer(profiles({"a.parquet": ids, "b.parquet": floats}))
    assert reason == "Column 'id' has different types: LONG in a.parquet, DOUBLE in b.parquet."
    small = parquet(pa.table({"id": [2**53 - 1, 5]}))
    assert read({"a.parquet": small, "b.parquet": floats}).column("id").to_pylist()[:2] == [
        float(2**53 - 1),
        5.0,
    ]


def test_a_nul_byte_in_every_row_does_not_make_a_file_utf_16() -> None:
    assert problem(t__csv=b"a,b\n" + b"1,\0\n" * 100) == "t.csv: Line 2 has a NUL byte."


def test_more_columns_than_a_table_can_have_are_refused_at_once() -> None:
    data = b",".join(b"c%d" % place for place in range(100_001)) + b"\n"
    assert problem(t__csv=data) == "t.csv: It has more than 100,000 columns."


def test_rows_picked_out_of_a_table_in_r_keep_their_places() -> None:
    data = b'"x","y"\n"3",2.5,3\n"170",3.5,4\n"2042",4.5,5\n'
    assert read_csv(data).to_pydict() == {"x": [2.5, 3.5, 4.5], "y": [3, 4, 5]}


@pytest.mark.parametrize("packed", [False, True])
def test_a_note_below_many_rows_is_left_out_and_their_order_stays(packed: bool) -> None:
    rows = b"".join(b"%d,%s\n" % (row, b"x" * (row % 40)) for row in range(400_000))
    data = b"n,t\n" + rows + b"\nSource: the office\n"
    found = read_csv(gzip.compress(data) if packed else data)
    assert found.column("n").to_pylist() == list(range(400_000))


@pytest.mark.parametrize(
    "text",
    [b" " * 400_000, b"0.25 " * 80_000 + b"nan, nan", b"1," * 200_000 + b"x"],
    ids=["spaces", "numbers", "commas"],
)
def test_a_long_text_takes_no_time_to_tell_what_it_is(text: bytes) -> None:
    data = b"a;b\n" + (text + b";2\n") * 5
    before = time.process_time()
    assert read_csv(data).num_rows == 5
    assert time.process_time() - before < 10

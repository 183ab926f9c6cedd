"""Files that every tool writes, read as they are meant, with what was done in a note."""

# ruff: noqa: ISC004

from __future__ import annotations

import datetime as dt
import gzip
from typing import Any

import pytest

from datasets.spreadsheets import spreadsheet
from datasets.tables_in_process import problem, profiles, read, rows, types
from modelstudio.datasets.schemas import infer, notes_of


def notes(data: bytes, name: str = "t.csv") -> list[str]:
    return notes_of([profile for _, profile in profiles({name: data})])


AB = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


@pytest.mark.parametrize(
    "data",
    [
        b"a;b\n1;x\n2;y\n",
        b"sep=;\na;b\n1;x\n2;y\n",
        b'"sep=;"\r\na;b\r\n1;x\r\n2;y\r\n',
        b"sep=\\t\na\tb\n1\tx\n2\ty\n",
        b"\xef\xbb\xbfsep=,\na,b\n1,x\n2,y\n",
        b"\n\na,b\n\n1,x\n   \n2,y\n\n\n",
        b"# written by a tool, 2024\n# more\na,b\n1,x\n2,y\n",
        b"a,b\n1,x\n# a remark\n2,y\n# the end, at last, of it\n",
        b'# it isn\'t "odd"\na,b\n1,x\n2,y\n',
        b"a,b\r\n1,x\n2,y\r\n",
        b"a,b\r1,x\r2,y",
        b"a,b\r\n1,x\r2,y\n",
        b"a,b,\n1,x,\n2,y,\n",
        b"a,b,,\n1,x,,\n2,y,,\n",
        b"a,b\n1,x,\n2,y,\n",
        b"a,b,\n1,x\n2,y\n",
        b",a,b\n0,1,x\n1,2,y\n",
        b'"","a","b"\n"1",1,"x"\n"2",2,"y"\n',
        b'"a","b"\n"1",1,"x"\n"2",2,"y"\n',
        b'"a","b"\n"one",1,"x"\n"two",2,"y"\n',
        b"Unnamed: 0,a,b\n0,1,x\n1,2,y\n",
        b",Unnamed: 0,a,b\n0,0,1,x\n1,1,2,y\n",
        "a,b\n1,x\n2,y\n".encode("utf-16"),
        "a,b\n1,x\n2,y\n".encode("utf-16-le"),
        b"\xfe\xff" + "a,b\n1,x\n2,y\n".encode("utf-16-be"),
        gzip.compress("sep=;\r\na;b\r\n1;x\r\n2;y\r\n".encode("utf-16")),
    ],
)
def test_the_same_table_is_read_however_a_tool_wrote_it(data: bytes) -> None:
    assert rows(data) == AB


def test_header_and_rows_may_have_as_many_commas_as_semicolons() -> None:
    data = "Umsatz, netto;Datum;Menge, kg\n1,5;2024-01-01;3,1\n2,5;2024-01-02;3,2\n"
    assert rows(data.encode()) == [
        {"Umsatz, netto": 1.5, "Datum": dt.date(2024, 1, 1), "Menge, kg": 3.1},
        {"Umsatz, netto": 2.5, "Datum": dt.date(2024, 1, 2), "Menge, kg": 3.2},
    ]


def test_semicolons_in_one_text_do_not_make_a_comma_file_one_of_semicolons() -> None:
    data = b"id,tags;list\n1,a;b\n2,c\n"
    assert rows(data) == [{"id": 1, "tags;list": "a;b"}, {"id": 2, "tags;list": "c"}]


def test_a_header_may_begin_with_a_number_sign() -> None:
    assert rows(b"#id,day\n1,2024-01-01\n2,2024-01-02\n")[0] == {
        "#id": 1,
        "day": dt.date(2024, 1, 1),
    }
    assert rows(b"#n\n1\n2\n") == [{"#n": 1}, {"#n": 2}]


def test_a_value_that_begins_with_a_number_sign_is_a_value() -> None:
    assert rows(b"tag,n\n#a,1\n#b,2\n") == [{"tag": "#a", "n": 1}, {"tag": "#b", "n": 2}]


def test_letters_of_windows_are_read_and_said() -> None:
    data = "größe,preis\n1,5 €\n2,„teuer“\n".encode("cp1252")
    assert rows(data) == [{"größe": 1, "preis": "5 €"}, {"größe": 2, "preis": "„teuer“"}]
    assert notes(data) == ["The file is Windows-1252 text."]


def test_a_letter_of_windows_far_down_decides_as_one_above_does() -> None:
    data = b"a,b\n" + b"1,plain\n" * 300_000 + b"2,\xfcber\n"
    assert rows(data)[-1] == {"a": 2, "b": "über"}


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (b",a,b\n0,1,x\n1,2,y\n", "The first column numbers the rows and counts as an index: left"
         " out."),
        (b"Unnamed: 0,a,b\n0,1,x\n1,2,y\n", "The first column ('Unnamed: 0') numbers the rows and"
         " counts as an index: left out."),
        (b'"a","b"\n"1",1,"x"\n', "The first value of each row has no name and counts as an index:"
         " left out."),
        (b"sep=;\na;b\n1;x\n", "The first line says that ';' separates values."),
        (b"# x\n# y\na,b\n1,x\n", "2 lines are comments above the header: left out."),
        (b"a,b\n1,x\n# y\n", "1 line is a comment: left out."),
        (b"a,b\n1,x,\n", "Each row ends with a delimiter, which begins no column."),
        (b"a,,b\n1,,x\n", "Column 2 has neither a name nor values: left out."),
        ("a,b\n1,x\n".encode("utf-16"), "The file is UTF-16 text."),
        (b"a,a\n1,2\n", "Another column 'a' stands before column 2: 'a (2)'."),
        (b'"a\nb",c\n1,2\n', "The line end in the name of column 1 is a space: 'a b'."),
    ],
)  # fmt: skip
def test_what_was_done_is_said(data: bytes, note: str) -> None:
    assert notes(data) == [note]


def test_an_ordinary_file_needs_no_note() -> None:
    assert notes(b"id,b\n0,x\n1,y\n") == []


def test_a_first_column_without_a_name_that_says_something_is_kept() -> None:
    day = dt.date(2024, 1, 1)
    assert rows(b",y\n2024-01-01,5\n2024-01-02,6\n")[0] == {"Unnamed: 0": day, "y": 5}
    assert list(rows(b",y\n1960,5\n1961,6\n1962,7\n")[0]) == ["Unnamed: 0", "y"]
    assert notes(b",y\n1960,5\n") == ["The first column has no name; it is called 'Unnamed: 0'."]


@pytest.mark.parametrize(
    "index", [[0, 1, 0, 1, 2], [7, 2, 9, 4, 1], [5000, 5001, 5002, 5003, 5004], [1, 2, 3, 4, 5]]
)
def test_indexes_of_tables_put_together_cut_or_shuffled_are_left_out(index: list[int]) -> None:
    data = ",y\n" + "".join(f"{number},a\n" for number in index)
    assert rows(data.encode()) == [{"y": "a"}] * 5


def test_names_that_stand_twice_or_differ_in_case_get_a_number() -> None:
    assert rows(b"price,Price,PRICE (2),price\n1,2,3,4\n") == [
        {"price": 1, "Price (3)": 2, "PRICE (2)": 3, "price (4)": 4}
    ]


def test_an_unnamed_column_with_values_in_the_last_row_alone_is_no_trailing_delimiter() -> None:
    data = b"a,b,\n" + b"1,x,\n" * 200_000 + b"2,y,z\n"
    assert problem(t__csv=data) == "t.csv: Column 3 has no name."


def test_letters_within_quotes_are_no_delimiters_comments_or_line_ends() -> None:
    data = b'a,b\n"# 1, 2\n# 3","x"\n"y",12" pipe\n"","5\'10"""\n'
    assert rows(data) == [
        {"a": "# 1, 2\n# 3", "b": "x"},
        {"a": "y", "b": '12" pipe'},
        {"a": None, "b": "5'10\""},
    ]


def test_a_line_of_megabytes_is_read() -> None:
    long = "x" * 9_000_000
    data = f"a,b\n1,short\n2,{long}\n3,end\n".encode()
    assert [len(row["b"]) for row in rows(data)] == [5, 9_000_000, 3]


def test_a_line_that_is_too_long_is_refused() -> None:
    data = b"a,b\n1,x\n2," + b"x" * 40_000_000 + b"\n"
    assert problem(t__csv=data) == "t.csv: A line is longer than 16777216 bytes."


@pytest.mark.parametrize(("extra", "at"), [(b"", 0), (b"\n", 4), (b"\n\n", 8), (b"# note\n", 8)])
def test_a_blank_line_or_a_comment_changes_nothing(extra: bytes, at: int) -> None:
    data = b"a,b\n1,x\n2,y\n"
    assert rows(data[:at] + extra + data[at:]) == AB


# spreadsheets -----------------------------------------------------------------------------------

DAY, NOON = dt.date(2024, 2, 29), dt.datetime.fromisoformat("2024-02-29 12:30:00")
SHEET: list[list[Any]] = [
    ["id", "part", "day", "at", "flag", "text", "typed"],
    [1, 1.234, DAY, NOON, True, "é", "1,5"],
    [2, 339, DAY, NOON, False, None, "2,5"],
    [None] * 7,
    [3, None, None, None, None, "x", "3,5"],
]


def sheet_table(sheets: dict[str, list[list[Any]]]) -> Any:
    return read({"t.xlsx": spreadsheet(sheets)})


def test_the_cells_of_a_spreadsheet_keep_their_types() -> None:
    found = sheet_table({"Data": SHEET})
    assert found.to_pydict() == {
        "id": [1, 2, 3],
        "part": [1.234, 339.0, None],
        "day": [DAY, DAY, None],
        "at": [NOON, NOON, None],
        "flag": [True, False, None],
        "text": ["é", None, "x"],
        "typed": [1.5, 2.5, 3.5],
    }


def test_the_first_sheet_with_something_in_it_is_read_and_named() -> None:
    sheets = {"Empty": [], "Data": SHEET, "Notes": [["hello"]]}
    assert sheet_table(sheets)["id"].to_pylist() == [1, 2, 3]
    (note,) = notes(spreadsheet(sheets), "t.xlsx")
    assert note == "The sheet 'Data' was read, and not 'Empty', 'Notes'."


def test_a_title_above_the_table_and_an_index_beside_it_are_left_out() -> None:
    table = [["Sales 2024"], [None], [None, "a", "b"], [0, 1, "x"], [1, 2, "y"]]
    assert sheet_table({"S": table}).to_pylist() == AB


def test_a_spreadsheet_that_is_none_is_told() -> None:
    damaged = "t.xlsx: It is not a spreadsheet (.xlsx), or a damaged one."
    assert problem(t__xlsx=b"a,b\n1,2\n") == damaged
    assert problem(t__xlsx=spreadsheet({"S": SHEET})[:-300]) == damaged
    assert problem(t__xlsx=spreadsheet({"S": []})) == "t.xlsx: It is empty."


# several files ----------------------------------------------------------------------------------


def test_folders_of_hive_give_a_column() -> None:
    files = {
        "year=2023/month=01/part.csv": b"a\n1\n2\n",
        "year=2024/month=12/part.csv": b"a\n3\n",
        "year=__HIVE_DEFAULT_PARTITION__/month=2/part.csv": b"a\n4\n",
    }
    assert read(files).to_pydict() == {
        "a": [1, 2, 3, 4],
        "year": [2023, 2023, 2024, None],
        "month": [1, 1, 12, 2],
    }


def test_a_files_own_column_comes_before_its_folders() -> None:
    files = {"day=2024-01-01/name=a%20b/p.csv": b"Day,x\n7,1\n"}
    assert read(files).to_pylist() == [{"Day": 7, "x": 1, "name": "a b"}]


def test_midnights_join_dates() -> None:
    files = {"a.csv": b"d\n2023-05-31\n", "b.csv": b"d\n2023-06-01 00:00:00\n"}
    assert read(files).to_pydict() == {"d": [dt.date(2023, 5, 31), dt.date(2023, 6, 1)]}


def test_files_of_one_table_may_be_written_in_different_ways() -> None:
    files = {
        "a.csv": b",x,y\n0,1,a\n",
        "b.csv": b"sep=;\nx;y;\n2;b;\n",
        "c.csv": "y\tx\nü\t3\n".encode("cp1252"),
        "d.xlsx": spreadsheet({"S": [["x", "y"], [4, "d"]]}),
    }
    assert read(files).to_pydict() == {"x": [1, 2, 3, 4], "y": ["a", "b", "ü", "d"]}


def test_a_number_beyond_all_numbers_is_no_infinity() -> None:
    assert types(b"a,b\n1e400,x\n1.5,y\n") == {"a": "STRING", "b": "STRING"}
    fields, _ = infer(profiles({"t.csv": b"a,b\n1e400,x\n1.5,y\n"}))
    assert fields is not None
    assert rows(b"a,b\n1e400,x\n1.5,y\n")[0]["a"] == "1e400"

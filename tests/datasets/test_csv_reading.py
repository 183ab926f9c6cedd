"""What a CSV file is read as."""

# ruff: noqa: ISC004

from __future__ import annotations

import gzip
import random
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from datasets.tables_in_process import column, problem, read, read_csv, rows, types
from modelstudio.tables.files.problems import Unreadable


def test_quotes_may_hold_delimiters_line_ends_and_quotes() -> None:
    data = b'a,b\r\n"x, y","say ""hi"""\r\n"two\nlines","two\r\nlines"\r\n'
    assert rows(data) == [
        {"a": "x, y", "b": 'say "hi"'},
        {"a": "two\nlines", "b": "two\r\nlines"},
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    assert rows(b'\xef\xbb\xbf"a",b\n1,\xc3\xa9\n') == [{"a": 1, "b": "é"}]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    data = f"id{delimiter}price{delimiter}note\n1{delimiter}2.5{delimiter}x\n".encode()
    assert rows(data) == [{"id": 1, "price": 2.5, "note": "x"}]


def test_commas_in_values_do_not_hide_a_semicolon() -> None:
    assert rows(b"id;price\n1;2,5\n2;3,5\n") == [
        {"id": 1, "price": 2.5},
        {"id": 2, "price": 3.5},
    ]


def test_a_single_column_may_hold_any_delimiter() -> None:
    assert rows(b'text\n"a,b;c"\nplain\n') == [{"text": "a,b;c"}, {"text": "plain"}]


def test_quotes_escaped_with_a_backslash_are_read() -> None:
    assert rows(b'a,b\n"say \\"hi\\"",1\n') == [{"a": 'say "hi"', "b": 1}]


def test_a_gzip_file_is_read() -> None:
    packed = gzip.compress(b"a,b\n1,x\n")
    assert read({"t.csv.gz": packed}).to_pylist() == [{"a": 1, "b": "x"}]


def test_types_follow_from_all_values() -> None:
    data = (
        b"whole,part,flag,day,local,zoned,mixed,code,huge,text,nothing\n"
        b"1,1,TRUE,2024-02-29,2024-02-29 10:00,2024-02-29T10:00:00Z,2024-02-29,007,1,x,\n"
        b"-2,2.5e3,false,2024-3-1,2024-03-01T10:00:01.5,2024-03-01 10:00+02:00,"
        b"2024-03-01 10:00,7,99999999999999999999,2,\n"
    )
    assert types(data) == {
        "whole": "LONG",
        "part": "DOUBLE",
        "flag": "BOOLEAN",
        "day": "DATE",
        "local": "TIMESTAMP",
        "zoned": "TIMESTAMP",
        "mixed": "TIMESTAMP",
        "code": "STRING",
        "huge": "STRING",
        "text": "STRING",
        "nothing": "STRING",
    }
    table = read_csv(data)
    assert table.schema.field("local").type == pa.timestamp("us")
    assert table.schema.field("zoned").type == pa.timestamp("us", "UTC")
    assert table.to_pylist()[1] == {
        "whole": -2,
        "part": 2500.0,
        "flag": False,
        "day": date(2024, 3, 1),
        "local": datetime.fromisoformat("2024-03-01T10:00:01.500"),
        "zoned": datetime(2024, 3, 1, 8, tzinfo=UTC),
        "mixed": datetime.fromisoformat("2024-03-01T10:00"),
        "code": "7",
        "huge": "99999999999999999999",
        "text": "2",
        "nothing": None,
    }


def test_a_value_after_any_sample_still_decides_the_type() -> None:
    data = b"a,b\n" + b"1,x\n" * 100_000 + b"1.5,x\n"
    assert types(data) == {"a": "DOUBLE", "b": "STRING"}


def test_what_is_no_date_stays_text() -> None:
    assert types(b"a,b,c\n2023-02-29,20230228,2023-02-28 25:00\n") == {
        "a": "STRING",
        "b": "LONG",
        "c": "STRING",
    }


def test_texts_for_missing_values_are_nulls_beside_numbers_and_values_beside_texts() -> None:
    data = b"n,d,country,garage\nNA,,NA,None\n1,2024-01-01,DE,Attached\nnull, NaN ,,\n"
    assert types(data) == {"n": "LONG", "d": "DATE", "country": "STRING", "garage": "STRING"}
    table = read_csv(data).to_pydict()
    assert table["n"] == [None, 1, None]
    assert table["d"] == [None, date(2024, 1, 1), None]
    assert table["country"] == ["NA", "DE", None]
    assert table["garage"] == ["None", "Attached", None]


def test_nan_is_a_missing_number_and_infinity_is_a_number() -> None:
    assert rows(b"a,b\n1.5,x\nnan,x\n-inf,x\nInfinity,x\n") == [
        {"a": 1.5, "b": "x"},
        {"a": None, "b": "x"},
        {"a": float("-inf"), "b": "x"},
        {"a": float("inf"), "b": "x"},
    ]


def test_spaces_around_numbers_do_not_matter_and_around_texts_they_stay() -> None:
    assert rows(b"a,b\n 1 , x \n2,y\n") == [{"a": 1, "b": " x "}, {"a": 2, "b": "y"}]


@pytest.mark.parametrize("number", ["9223372036854775807", "-9223372036854775808"])
def test_the_largest_integers_are_exact(number: str) -> None:
    assert rows(f"a,b\n{number},x\n".encode()) == [{"a": int(number), "b": "x"}]


def test_two_hundred_columns_are_read() -> None:
    names = [f"column {index}" for index in range(200)]
    data = ",".join(names) + "\n" + ",".join(map(str, range(200))) + "\n"
    assert rows(data.encode()) == [dict(zip(names, range(200), strict=True))]


def test_thousands_of_columns_are_read() -> None:
    names = [f"c{index}" for index in range(4000)]
    data = ",".join(names) + "\n" + ",".join(["1.5"] * 4000) + "\n"
    assert set(types(data.encode()).values()) == {"DOUBLE"}


def test_a_header_alone_is_a_table_without_rows() -> None:
    table = read_csv(b"a,b\n")
    assert table.num_rows == 0
    assert table.schema.names == ["a", "b"]


def test_rows_keep_their_order() -> None:
    shuffled = list(range(300_000))
    random.Random(7).shuffle(shuffled)
    data = "n,text\n" + "".join(f"{n},t{n % 10}\n" for n in shuffled)
    assert read_csv(data.encode())["n"].to_pylist() == shuffled


def test_files_follow_each_other_in_the_order_of_their_names() -> None:
    large = "".join(f"{n},x\n" for n in range(150_000))
    files = {
        "a.csv": f"n,t\n{large}".encode(),
        "b.csv": b"t,n\ny,150000\n",
        "c.csv": b"n;t\n150001.5;z\n",
    }
    table = read(files)
    assert table["n"].to_pylist() == [*range(150_001), 150001.5]
    assert table["t"].to_pylist()[-2:] == ["y", "z"]


PROBLEMS = [
    (b"", "t.csv: It is empty."),
    (b" \n\n", "t.csv: It is empty."),
    (b"\xef\xbb\xbf", "t.csv: It is empty."),
    (b"a\n1,2\n", "t.csv: Line 2 has 2 values, but the first line names 1 column."),
    (b"a,b\n1,2\n3\n", "t.csv: Line 3 has 1 value, but the first line names 2 columns."),
    (b"\n# x\na,b\n1,2\n\n3\n", "t.csv: Line 6 has 1 value, but the first line names 2 columns."),
    (b'a,b\n"1\n2",3\n4,5,6\n', "t.csv: Line 4 has 3 values, but the first line names 2 columns."),
    (b"a,b\n1,2,3\n4,5\n", "t.csv: Line 2 has 3 values, but the first line names 2 columns."),
    (b'a,b\n1,2\n3,"4\n', "t.csv: Line 3 has a quote that is not closed, or closed too early."),
    (b'a,b\n1,"2"x\n', "t.csv: Line 2 has a quote that is not closed, or closed too early."),
    (b"a,b\n1,2\n3,\0\n", "t.csv: Line 3 has a NUL byte."),
    (b"a\0,b\n1,2\n", "t.csv: Line 1 has a NUL byte."),
    ("ä,ö\n1,ü\né,".encode() + b"\xe4\n", "t.csv: Line 3 is not UTF-8 text, unlike the rest; save"
     " the file as UTF-8."),
    (b"a,b\n1,\x81\n", "t.csv: Line 2 is not UTF-8 text; save the file as UTF-8."),
    (b"a,b\n\x01\x02,\xe4\n", "t.csv: Line 2 is no text; save the file as UTF-8."),
    (b"\xff\xfea\0,\0b\0\n\0\0\xd8x", "t.csv: It is not the UTF-16 text that it seems."),
    (b"a" * 200_000 + b",b\n1,2\n", "t.csv: The name of column 1 is too long."),
    (b"a,,c\n1,2,3\n", "t.csv: Column 2 has no name."),
    (gzip.compress(b""), "t.csv: It is empty."),
]  # fmt: skip


@pytest.mark.parametrize(("data", "reason"), PROBLEMS)
def test_a_broken_file_is_told_with_its_line(data: bytes, reason: str) -> None:
    assert problem(t__csv=data) == reason


def test_a_broken_row_far_into_a_file_is_told_with_its_line() -> None:
    data = b"a,b\n" + b'1,"x\ny"\n' * 200_000 + b"1,2,3\n" + b"1,2\n" * 200_000
    expected = "t.csv: Line 400002 has 3 values, but the first line names 2 columns."
    assert problem(t__csv=data) == expected


@pytest.mark.parametrize("damage", ["cut", "trailer cut", "flipped", "checksum"])
def test_a_damaged_gzip_file_is_told(damage: str) -> None:
    noise = random.Random(1).randbytes(200_000).hex()
    packed = bytearray(gzip.compress(f"a,b\n1,{noise}\n2,x\n".encode()))
    if damage == "cut":
        del packed[len(packed) // 2 :]
    elif damage == "trailer cut":
        del packed[-2:]
    else:
        packed[-6 if damage == "checksum" else len(packed) // 2] ^= 255
    assert problem(t__csv__gz=bytes(packed)) == "t.csv.gz: It is a damaged gzip file."


def test_gzip_files_put_together_are_one() -> None:
    packed = gzip.compress(b"a,b\n1,x\n") + gzip.compress(b"2,y\n")
    assert read({"t.csv.gz": packed})["a"].to_pylist() == [1, 2]


def test_declared_types_replace_the_inferred_ones() -> None:
    fields = [
        column("zip", "LONG"),
        column("price", "DECIMAL", precision=9, scale=2),
        column("n", "STRING"),
        column("list", "ARRAY", arraySubtype={"type": "INTEGER", "nullable": True}),
    ]
    table = read_csv(b'n,zip,price,list,unused\n1,01234,2.50,"[1, 2]",x\nNA,NA,,,\n', fields)
    assert table.schema.names == ["zip", "price", "n", "list"]
    assert table["zip"].to_pylist() == [1234, None]
    assert [str(value) for value in table["price"].to_pylist()] == ["2.50", "None"]
    assert table["n"].to_pylist() == ["1", "NA"]
    assert table["list"].to_pylist() == [[1, 2], None]


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("LONG", "1.7"),
        ("BYTE", "300"),
        ("BOOLEAN", "perhaps"),
        ("DATE", "2024-01-01 10:00"),
        ("TIMESTAMP", "yesterday"),
        ("DOUBLE", "1.5."),
    ],
)
def test_a_value_that_is_not_of_the_declared_type_is_told(type_: str, value: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_csv(f'a;b\n;x\n{value};"y"\n'.encode(), [column("a", type_)])
    assert str(caught.value) == f"t.csv: Column 'a' has the value '{value}', which is not {type_}."


def test_many_declared_columns_fit_the_memory_limit() -> None:
    names = [f"c{index}" for index in range(1000)]
    line = ",".join(["7"] * 1000) + "\n"
    data = (",".join(names) + "\n" + line * 2100).encode()
    table = read_csv(data, [column(name, "INTEGER") for name in names])
    assert table.num_rows == 2100
    assert table["c999"].to_pylist() == [7] * 2100

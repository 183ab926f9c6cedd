"""A file of rows to predict, read as the columns that a model takes."""

# Moments have no zone, as models take and give them.
# ruff: noqa: DTZ001, ISC004

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.rows_in_process import file, read, read_with_misfits, wanted, write_parquet
from modelstudio.tables.files.model_rows import RowsFile
from modelstudio.tables.files.problems import Unreadable

if TYPE_CHECKING:
    from pathlib import Path

    from modelstudio.tables.files.model_columns import Wanted

HOUSES = "rooms,area,street,garden,built,seen\n"


ALL = wanted(
    rooms="long", area="double", street="string", garden="boolean", built="date", seen="timestamp"
)


def test_a_csv_file_is_read_as_the_columns_types_say(tmp_path: Path) -> None:
    text = (
        HOUSES + "3,55.5,Elm,true,1970-05-01,2024-01-31T12:30:00\n"
        '+4,1e2,"Oak, ""North""",F,1971-1-2,2024-01-31 12:30:00.250+02:00\n'
    )
    assert read(file(tmp_path, text), ALL) == {
        "rooms": [3, 4],
        "area": [55.5, 100.0],
        "street": ["Elm", 'Oak, "North"'],
        "garden": [True, False],
        "built": [dt.date(1970, 5, 1), dt.date(1971, 1, 2)],
        "seen": [
            dt.datetime(2024, 1, 31, 12, 30),
            dt.datetime(2024, 1, 31, 10, 30, 0, 250_000),
        ],
    }


def test_nothing_between_two_commas_is_a_missing_value_of_any_type(tmp_path: Path) -> None:
    found = read(file(tmp_path, HOUSES + ',,,,,\n"","","","","",""\nNA,nan,NA,null,,N/A\n'), ALL)
    assert found.pop("street") == [None, None, "NA"]  # in text it may be Namibia
    assert found == {key: [None, None, None] for key in found}


def test_whole_numbers_may_be_written_as_pandas_does_when_some_are_missing(
    tmp_path: Path,
) -> None:
    assert read(file(tmp_path, "rooms,x\n3.0,\n,\n4.,\n"), wanted(rooms="long")) == {
        "rooms": [3, None, 4]
    }


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("rooms;area\n3;1.5\n4;2.5\n", "houses.csv"),
        ("rooms\tarea\n3\t1.5\n4\t2.5\n", "houses.csv"),
        ("\ufeffrooms|area\r\n3|1.5\r\n4|2.5\r\n", "HOUSES.CSV"),
        (gzip.compress(b"rooms,area\n3,1.5\n4,2.5\n"), "houses.csv.gz"),
        ("note,rooms,area\nnew,3,1.5\n,4,2.5\n", "houses [1] *.csv"),
        ('"note, rooms",rooms,area\n"a ""b""",3,1.5\nc,4,2.5\n', "houses.csv"),
        ('note,rooms,area\n"a \\"b\\"",3,1.5\nc,4,2.5\n', "houses.csv"),
        (",rooms,area\n0,3,1.5\n1,4,2.5\n", "pandas index.csv"),
    ],
)
def test_every_dialect_of_the_datasets_is_read(
    tmp_path: Path, text: str | bytes, name: str
) -> None:
    found = read(file(tmp_path, text, name), wanted(rooms="long", area="double"))
    assert found == {"rooms": [3, 4], "area": [1.5, 2.5]}


def test_columns_come_in_the_models_order_and_the_rest_is_left_out(tmp_path: Path) -> None:
    path = file(tmp_path, "c,b,a\n1,2,3\n")
    assert list(read(path, wanted(a="long", c="long", d="long?"))) == ["a", "c"]
    assert RowsFile(path, wanted(a="long", d="long?")).absent == ["d"]


@pytest.mark.parametrize(
    ("columns", "text", "message"),
    [
        (
            wanted(a="long", area="double"),
            "a,b\n1,2\n",
            "houses.csv has no column 'area', which the model needs",
        ),
        (
            wanted(x="long", y="long", z="long"),
            "a\n1\n",
            "houses.csv has no column 'x', which the model needs (and 2 more that it needs)",
        ),
        (wanted(a="long"), "a,a\n1,2\n", "houses.csv has several columns named 'a'"),
        (wanted(a="array"), "a\n1\n", "column 'a' of houses.csv is text, but the model takes array;"
         " give the table as Parquet"),
        (
            wanted(a="long"),
            "a,b\n1,2\n3\n",
            "houses.csv: Line 3 has 1 value, but the first line names 2 columns.",
        ),
        (wanted(a="long"), "", "houses.csv: It is empty."),
        (wanted(a="string"), b"a,b\n\x81,1\n", "houses.csv: Line 2 is not UTF-8 text; save the file"
         " as UTF-8."),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_exactly(
    tmp_path: Path, columns: list[Wanted], text: str, message: str
) -> None:
    with pytest.raises(Unreadable) as raised:
        read(file(tmp_path, text), columns)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("kind", "text", "values", "misfits"),
    [
        ("long", "1\nmany\n", [1, None], (1, ["many"])),
        ("long", "1.5\n2\n150.5\n1.5\n", [None, 2, None, None], (3, ["1.5", "150.5"])),
        ("integer", "3000000000\n1\n", [None, 1], (1, ["3000000000"])),
        ("double", "1\n1_000\n", [1.0, None], (1, ["1_000"])),
        ("date", "31.1.2024\n", [None], (1, ["31.1.2024"])),
        ("timestamp", "2024-01-31T99:00:00\n", [None], (1, ["2024-01-31T99:00:00"])),
        ("long", "a\nb\nc\nd\n5\n", [None] * 4 + [5], (4, ["a", "b", "c"])),
    ],
)
def test_a_value_that_does_not_fit_is_missing_and_counted(
    tmp_path: Path, kind: str, text: str, values: list[Any], misfits: tuple[int, list[str]]
) -> None:
    found = read_with_misfits(file(tmp_path, "x\n" + text), wanted(x=kind))
    assert found == ({"x": values}, {"x": misfits})


@pytest.mark.parametrize(
    ("kind", "texts", "values", "misfits"),
    [
        ("long", ["1.5", "2", "many"], [1.5, 2.0, None], (1, ["many"])),
        ("long", ["3.0", "2", None], [3, 2, None], (0, [])),
        ("long", [str(2**53 + 1), "3.0", "1e3"], [2**53 + 1, 3, 1000], (0, [])),
        ("long", [str(2**53 + 1), "3.5"], [2**53 + 1, None], (1, ["3.5"])),
        ("integer", ["3000000000"], [3_000_000_000], (0, [])),
        ("long", [1.5, None, 2.0], [1.5, None, 2.0], (0, [])),
        ("long", [3.0, None], [3, None], (0, [])),
        ("long", [Decimal("1.5"), Decimal("2.0")], [1.5, 2.0], (0, [])),
        ("long", [Decimal(2**53 + 1)], [2**53 + 1], (0, [])),
        ("long", [True, None], [1, None], (0, [])),
    ],
)
def test_a_number_with_a_fraction_is_one_to_a_model_of_rows(
    tmp_path: Path, kind: str, texts: list[Any], values: list[Any], misfits: tuple[int, list[str]]
) -> None:
    pq.write_table(pa.table({"x": texts}), tmp_path / "rows.parquet")
    columns = [replace(one, exact=False) for one in wanted(x=kind)]
    found = read_with_misfits(tmp_path / "rows.parquet", columns)
    assert found == ({"x": values}, {"x": misfits} if misfits[0] else {})


def test_a_value_is_counted_behind_many_rows(tmp_path: Path) -> None:
    rows = "".join(f"{number},x\n" for number in range(400_000))
    path = file(tmp_path, f"a,b\n{rows}no,x\n")
    assert read_with_misfits(path, wanted(a="long"))[1] == {"a": (1, ["no"])}


def test_rows_keep_their_order(tmp_path: Path) -> None:
    rows = 300_000
    text = file(tmp_path, "a\n" + "".join(f"{number}\n" for number in range(rows)))
    binary = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"a": range(rows)}), binary, row_group_size=10_000)
    for path in (text, binary):
        assert read(path, wanted(a="long"))["a"] == list(range(rows))
        assert RowsFile(path, wanted(a="long")).rows == pytest.approx(rows, rel=0.1)


def test_a_csv_file_is_kept_as_it_is_written(tmp_path: Path) -> None:
    path = file(tmp_path, 'id,rooms,note\n007,3.0,"a, b"\n008,,NA\n')
    assert read(path, wanted(rooms="long"), keep=True) == {
        "id": ["007", "008"],
        "rooms": ["3.0", None],
        "note": ["a, b", "NA"],
    }


_READ = """
import resource, sys
from pathlib import Path
from modelstudio.tables.files.model_columns import Wanted
from modelstudio.tables.files.model_rows import RowsFile
most = int(sys.argv[2]) * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (most, most))
rows, held = 0, []
table = RowsFile(Path(sys.argv[1]), [Wanted("a", "long", True)])
for piece in table.pieces(table.layouts[0], keep=True, as_text=True):
    rows += piece.taken.num_rows
    if sys.argv[3] == "hold":
        held.append(piece)
print(rows)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's data")
def test_a_file_larger_than_memory_is_read_in_pieces(tmp_path: Path) -> None:
    line = "7," + "x" * 250 + "\n"
    path = file(tmp_path, "a,b\n" + line * 2_000_000)

    def read_alone(how: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", _READ, str(path), "700", how],
            env={**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"},
            capture_output=True,
            text=True,
            check=False,
        )

    assert path.stat().st_size > 500_000_000
    in_pieces = read_alone("pass on")
    assert (in_pieces.returncode, in_pieces.stdout) == (0, "2000000\n"), in_pieces.stderr
    whole = read_alone("hold")  # the limit is one that all of the rows do not fit in
    assert whole.returncode != 0
    path.unlink()


def test_a_table_without_rows_gives_no_piece(tmp_path: Path) -> None:
    assert read(file(tmp_path, "a,b\n"), wanted(a="long")) == {}
    assert read(write_parquet(tmp_path, a=pa.array([], pa.int64())), wanted(a="long")) == {}


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=8)
_ROW = st.fixed_dictionaries(
    {
        "rooms": st.none() | st.integers(-(2**63), 2**63 - 1),
        "area": st.none() | st.floats(allow_nan=False),
        "street": st.none() | _TEXT,
        "garden": st.none() | st.booleans(),
        "built": st.none() | st.dates(dt.date(1000, 1, 1), dt.date(2999, 12, 31)),
        "seen": st.none() | st.datetimes(dt.datetime(1000, 1, 1), dt.datetime(2999, 12, 31)),
    }
)
_ARROW = pa.schema(
    [
        ("rooms", pa.int64()),
        ("area", pa.float64()),
        ("street", pa.string()),
        ("garden", pa.bool_()),
        ("built", pa.date32()),
        ("seen", pa.timestamp("us")),
    ]
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(_ROW, min_size=1, max_size=6))
def test_the_same_table_reads_alike_from_csv_and_from_parquet(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(_ARROW.names)
    for row in rows:
        values = [row[name] for name in _ARROW.names]
        writer.writerow(["" if value is None else value for value in values])
    table = pa.Table.from_pylist(rows, _ARROW)
    binary = tmp_path / "t.parquet"
    pq.write_table(table, binary)
    assert read(file(tmp_path, text.getvalue()), ALL) == table.to_pydict()
    assert read(binary, ALL) == table.to_pydict()


@pytest.mark.parametrize("keep", [False, True])
def test_the_rows_of_a_large_file_stand_in_its_order(tmp_path: Path, keep: bool) -> None:
    """A test for a missing value may become a join, which does not keep the order of rows."""
    rows = 600_000
    lines = "\n".join(f"{row},{row}.5,street {row},true" for row in range(rows))
    path = file(tmp_path, f"rooms,area,street,garden\n{lines}\n")
    columns = wanted(rooms="long", area="double", street="string", garden="boolean")

    found = read(path, columns, keep=keep, as_text=False)

    assert [int(room) for room in found["rooms"]] == list(range(rows))


def test_lines_around_the_rows_are_left_out_and_said(tmp_path: Path) -> None:
    text = "Prices\n\nx,y,z\nm,s,kg\n1,2,3\n2,3,4\n3,4,5\n(3 rows)\n"
    path = file(tmp_path, text)
    assert read(path, wanted(x="double")) == {"x": [1, 2, 3]}
    assert len(RowsFile(path, wanted(x="double")).layouts[0].notes) == 3

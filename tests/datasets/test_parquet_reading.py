"""What a Parquet file is read as, and what a hostile one does."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from datasets.tables_in_process import column, parquet, problem, profiles, read
from modelstudio.datasets.schemas import infer
from modelstudio.tables.files.problems import Unreadable


def fields_of(table: pa.Table) -> dict[str, dict[str, object]]:
    fields, reason = infer(profiles({"t.parquet": parquet(table)}))
    assert fields is not None, reason
    return {field["name"]: field for field in fields}


FLAT = pa.table(
    {
        "byte": pa.array([1, None], pa.int8()),
        "short": pa.array([1, None], pa.int16()),
        "integer": pa.array([1, None], pa.int32()),
        "long": pa.array([2**63 - 1, None], pa.int64()),
        "float": pa.array([0.5, None], pa.float32()),
        "double": pa.array([float("nan"), None], pa.float64()),
        "decimal": pa.array([Decimal("12.50"), None], pa.decimal128(9, 2)),
        "flag": pa.array([True, None]),
        "text": pa.array(["é, \n", None]),
        "bytes": pa.array([b"\x00\xff", None]),
        "day": pa.array([date(2024, 2, 29), None]),
        "local": pa.array([datetime.fromisoformat("2024-01-01T10:00"), None], pa.timestamp("us")),
        "zoned": pa.array([datetime(2024, 1, 1, 10, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
    }
)
TYPES = {
    "byte": "BYTE",
    "short": "SHORT",
    "integer": "INTEGER",
    "long": "LONG",
    "float": "FLOAT",
    "double": "DOUBLE",
    "decimal": "DECIMAL",
    "flag": "BOOLEAN",
    "text": "STRING",
    "bytes": "BINARY",
    "day": "DATE",
    "local": "TIMESTAMP",
    "zoned": "TIMESTAMP",
}


def test_every_type_keeps_its_values() -> None:
    found = fields_of(FLAT)
    assert {name: field["type"] for name, field in found.items()} == TYPES
    assert found["decimal"] == column("decimal", "DECIMAL", precision=9, scale=2)
    table = read({"t.parquet": parquet(FLAT)})
    assert table.schema.types == FLAT.schema.types
    # as text, because NaN is not equal to itself
    assert str(table.to_pydict()) == str(FLAT.to_pydict())


def test_times_with_a_zone_in_nanoseconds_are_read_as_microseconds() -> None:
    at = datetime(2024, 1, 1, 10, tzinfo=UTC)
    table = pa.table({"at": pa.array([at, None], pa.timestamp("ns", "Asia/Tokyo"))})
    assert fields_of(table)["at"]["type"] == "TIMESTAMP"
    found = read({"t.parquet": parquet(table)})
    assert found.schema.types == [pa.timestamp("us", "UTC")]
    assert found.to_pydict() == {"at": [at, None]}


def test_nested_types_keep_their_values() -> None:
    nested = pa.table(
        {
            "tags": [["a", None], None],
            "point": [{"x": 1.5, "of": {"name": "p"}}, None],
            "counts": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32())),
        }
    )
    found = fields_of(nested)
    assert found["tags"]["arraySubtype"] == {"type": "STRING", "nullable": True}
    assert found["point"]["subSchemas"] == [
        column("x", "DOUBLE"),
        column("of", "STRUCT", subSchemas=[column("name", "STRING")]),
    ]
    assert found["counts"]["mapKeyType"] == {"type": "STRING", "nullable": True}
    assert found["counts"]["mapValueType"] == {"type": "INTEGER", "nullable": True}
    assert read({"t.parquet": parquet(nested)}).to_pydict() == nested.to_pydict()


def test_types_without_a_name_on_the_wire_become_the_nearest_with_one() -> None:
    table = pa.table(
        {
            "u8": pa.array([255], pa.uint8()),
            "u32": pa.array([2**32 - 1], pa.uint32()),
            "u64": pa.array([2**64 - 1], pa.uint64()),
            "nanos": pa.array([1_400], pa.timestamp("ns")),
            "clock": pa.array([time(10, 30)], pa.time64("us")),
            "id": pa.array([uuid.UUID(int=7).bytes], pa.uuid()),
            "category": pa.array(["x"]).dictionary_encode(),
        }
    )
    types = {name: field["type"] for name, field in fields_of(table).items()}
    assert types == {
        "u8": "SHORT",
        "u32": "LONG",
        "u64": "DECIMAL",
        "nanos": "TIMESTAMP",
        "clock": "STRING",
        "id": "STRING",
        "category": "STRING",
    }
    assert read({"t.parquet": parquet(table)}).to_pylist() == [
        {
            "u8": 255,
            "u32": 2**32 - 1,
            "u64": Decimal(2**64 - 1),
            "nanos": datetime.fromisoformat("1970-01-01T00:00:00.000001"),
            "clock": "10:30:00",
            "id": str(uuid.UUID(int=7)),
            "category": "x",
        }
    ]


def test_files_of_several_row_groups_and_codecs_are_one_table() -> None:
    first = pa.table({"n": range(1000)})
    second = pa.table({"n": range(1000, 1500)})
    files = {
        "1.parquet": parquet(first, row_group_size=100, compression="snappy"),
        "2.pq": parquet(second, compression="gzip"),
        "3": parquet(pa.table({"n": pa.array([7], pa.int16())}), compression="none"),
    }
    assert read(files)["n"].to_pylist() == [*range(1500), 7]


def test_files_with_and_without_nulls_are_one_table() -> None:
    files = {
        "1.parquet": parquet(pa.table({"n": [1], "t": ["x"], "l": [[1]]})),
        "2.parquet": parquet(pa.table({"n": [None, 2], "t": [None, "y"], "l": [None, [2]]})),
        "3.parquet": parquet(pa.table({"n": pa.nulls(1), "t": ["z"], "l": pa.nulls(1)})),
    }
    table = read(files)
    assert table.to_pydict() == {
        "n": [1, None, 2, None],
        "t": ["x", None, "y", "z"],
        "l": [[1], None, [2], None],
    }
    assert all(field.nullable for field in table.schema)
    alone = read({"1.parquet": files["1.parquet"]})
    assert alone.schema.equals(table.schema)


def test_a_column_without_values_is_text() -> None:
    table = pa.table({"a": pa.nulls(2), "s": [{"x": 1, "y": None}] * 2})
    assert read({"t.parquet": parquet(table)}).to_pydict() == table.to_pydict()


def test_columns_and_rows_can_be_chosen() -> None:
    table = pa.table({"a": range(100_000), "b.c": ["x"] * 100_000, "b": [{"c": 1}] * 100_000})
    found = read({"t.parquet": parquet(table)}, columns=["b.c", "a"], limit=70_000)
    assert found.schema.names == ["b.c", "a"]
    assert found["a"].to_pylist() == list(range(70_000))
    assert read({"t.parquet": parquet(table)}, columns=["a"], limit=0).num_rows == 0


def test_texts_in_a_parquet_file_can_be_declared_as_what_they_say() -> None:
    table = pa.table({"n": ["1", "NA"], "d": ["2024-01-01", None]})
    declared = [column("n", "LONG"), column("d", "DATE")]
    found = read({"t.parquet": parquet(table)}, declared).to_pydict()
    assert found == {"n": [1, None], "d": [date(2024, 1, 1), None]}
    with pytest.raises(Unreadable, match="has the value 'x', which is not LONG"):
        read({"t.parquet": parquet(pa.table({"n": ["x"]}))}, [column("n", "LONG")])


def test_a_number_too_large_for_the_declared_type_is_told() -> None:
    data = parquet(pa.table({"n": [1, 1000]}))
    with pytest.raises(Unreadable, match=r"t.parquet: A value .*not of the type in the schema"):
        read({"t.parquet": data}, [column("n", "BYTE")])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "t.parquet: It is empty."),
        (b"PAR1", "t.parquet: It is not a Parquet file, or a damaged one."),
        (b"a,b\n1,2\n", "t.parquet: It is not a Parquet file, or a damaged one."),
        (
            b"PAR1" + b"\xff" * 500 + b"PAR1",
            "t.parquet: It is not a Parquet file, or a damaged one.",
        ),
        (parquet(FLAT)[:-200], "t.parquet: It is not a Parquet file, or a damaged one."),
        (parquet(pa.table({"": [1]})), "t.parquet: Column 1 has no name."),
    ],
)
def test_a_file_that_is_no_table_is_told(data: bytes, reason: str) -> None:
    assert problem(t__parquet=data) == reason


def test_parquet_is_known_by_its_content_whatever_its_name() -> None:
    assert read({"data.csv": parquet(pa.table({"a": [1]}))}).to_pylist() == [{"a": 1}]


def outcome(data: bytes) -> str:
    fields, reason = infer(profiles({"t.parquet": data}))
    if fields is None:
        return str(reason)
    try:
        read({"t.parquet": data})
    except Unreadable as error:
        return str(error)
    return ""


def test_bytes_turned_over_give_a_table_or_a_reason() -> None:
    whole = parquet(pa.table({"n": range(500), "t": [f"text {n}" for n in range(500)]}))
    chance = random.Random(3)
    outcomes = []
    for _ in range(40):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 20)):
            data[chance.randrange(4, len(data))] = chance.randrange(256)
        outcomes.append(outcome(bytes(data)))
    refused = [reason for reason in outcomes if reason]
    assert refused
    assert all(reason.startswith("t.parquet: ") for reason in refused)


def test_an_index_that_pandas_stored_without_a_name_is_left_out() -> None:
    frame = pd.DataFrame({"a": [1, 2, 3]}, index=[5, 3, 9])
    (stored,) = profiles({"t.parquet": parquet(pa.Table.from_pandas(frame))})
    assert stored[1]["notes"] == ["The column '__index_level_0__' is an index of pandas: left out."]
    assert read({"t.parquet": parquet(pa.Table.from_pandas(frame))}).to_pydict() == {"a": [1, 2, 3]}
    named = pa.Table.from_pandas(frame.rename_axis("id"))
    assert read({"t.parquet": parquet(named)}).to_pydict() == {"a": [1, 2, 3], "id": [5, 3, 9]}
    ranged = pa.Table.from_pandas(frame.reset_index(drop=True))
    assert profiles({"t.parquet": parquet(ranged)})[0][1]["notes"] == []


def test_names_that_stand_twice_or_differ_in_case_get_a_number() -> None:
    table = pa.Table.from_arrays([pa.array([n]) for n in range(4)], names=["a", "a", "A", "b\nc"])
    assert read({"t.parquet": parquet(table)}).to_pylist() == [
        {"a": 0, "a (2)": 1, "A (3)": 2, "b c": 3}
    ]


FAR = datetime.fromisoformat("9999-12-31T23:59:59")


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_moments_that_nanoseconds_cannot_hold_stay_what_they_are(unit: str) -> None:
    table = pa.table({"at": pa.array([FAR, None], pa.timestamp(unit))})
    assert read({"t.parquet": parquet(table)}).to_pydict() == {"at": [FAR, None]}


def test_moments_of_the_oldest_form_stay_what_they_are() -> None:
    at = [datetime.fromisoformat("2024-01-31T10:00:00"), FAR]
    table = pa.table({"at": pa.array(at, pa.timestamp("us"))})
    data = parquet(table, use_deprecated_int96_timestamps=True)
    assert read({"t.parquet": data}).to_pydict() == {"at": at}


def test_a_moment_beyond_all_years_is_refused_by_its_column() -> None:
    data = parquet(pa.table({"at": pa.array([2**62], pa.timestamp("ms"))}))
    with pytest.raises(Unreadable, match=r"^t.parquet: Column 'at' has a value that timestamp"):
        read({"t.parquet": data})


def test_decimals_of_many_digits_are_exact_or_refused() -> None:
    exact = Decimal("1234567890123456789012345678.123456789")
    table = pa.table({"d": pa.array([exact], pa.decimal256(60, 9))})
    assert fields_of(table)["d"] == column("d", "DECIMAL", precision=38, scale=9)
    assert read({"t.parquet": parquet(table)}).to_pydict() == {"d": [exact]}
    for more in (
        pa.array([exact * 100], pa.decimal256(60, 9)),
        pa.array([1], pa.decimal256(60, 40)),
    ):
        reason = problem(t__parquet=parquet(pa.table({"d": more})))
        assert reason.startswith("t.parquet: Column 'd' has decimals of 60 digits")


def test_decimals_of_different_scales_join_to_the_wider() -> None:
    files = {
        "1.parquet": parquet(pa.table({"d": pa.array([Decimal("1.5")], pa.decimal128(5, 1))})),
        "2.parquet": parquet(pa.table({"d": pa.array([Decimal("0.125")], pa.decimal128(4, 3))})),
    }
    table = read(files)
    assert table.schema.types == [pa.decimal128(7, 3)]
    assert table["d"].to_pylist() == [Decimal("1.500"), Decimal("0.125")]


def test_folders_of_hive_give_a_column() -> None:
    one = parquet(pa.table({"x": [1, 2]}))
    files = {"year=2023/a.parquet": one, "year=2024/a.parquet": one}
    assert read(files).to_pydict() == {"x": [1, 2, 1, 2], "year": [2023, 2023, 2024, 2024]}


@pytest.mark.parametrize(
    ("values", "declared", "expected"),
    [
        (["01.02.2024"], column("v", "DATE", customMetadata={"reading": "date dd.mm.yyyy"}),
         [date(2024, 2, 1)]),
        (["0.1", "1e-3"], column("v", "DECIMAL", precision=20, scale=3),
         [Decimal("0.100"), Decimal("0.001")]),
        (["12345678901234567890123456.78"], column("v", "DECIMAL", precision=38, scale=2),
         [Decimal("12345678901234567890123456.78")]),
        ([1, 2], column("v", "DECIMAL", precision=38, scale=30), [Decimal(1), Decimal(2)]),
        ([Decimal("1.25")], column("v", "DECIMAL", precision=3, scale=1), [Decimal("1.2")]),
        ([2**60 + 1], column("v", "DOUBLE"), [float(2**60)]),
        ([1.0, 2.5], column("v", "STRING"), ["1.0", "2.5"]),
        ([date(2024, 2, 1)], column("v", "TIMESTAMP"), [datetime.fromisoformat("2024-02-01")]),
    ],
)  # fmt: skip
def test_values_become_those_of_the_declared_type(
    values: list[object], declared: dict[str, object], expected: list[object]
) -> None:
    found = read({"t.parquet": parquet(pa.table({"v": values}))}, [declared])
    assert found["v"].to_pylist() == expected


@pytest.mark.parametrize(
    "index",
    [
        pd.date_range("2024-01-01", periods=3),
        pd.Index(["a", "b", "c"]),
        pd.Index([7, 7, 8]),
        pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)]),
    ],
)
def test_an_index_without_a_name_that_says_something_is_kept(index: pd.Index) -> None:
    frame = pd.DataFrame({"a": [1, 2, 3]}, index=index)
    found = read({"t.parquet": parquet(pa.Table.from_pandas(frame))}).to_pandas()
    kept = ["__index_level_0__", "__index_level_1__"][: index.nlevels]
    assert list(found.columns) == ["a", *kept]
    first = [str(one) for one in found["__index_level_0__"]]
    assert [one[:10] for one in first] == [str(one)[:10] for one in index.get_level_values(0)]

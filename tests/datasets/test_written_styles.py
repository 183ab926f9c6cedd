"""A table is the same however it was written, shuffled, split or spaced."""

# Moments have no zone here, as tables give them.

from __future__ import annotations

import csv
import datetime as dt
import io
import random
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets import tables_in_process
from modelstudio.datasets.schemas import PROFILE_VERSION
from modelstudio.tables.files import table_files

SLOW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@dataclass(frozen=True)
class Style:
    """How a program writes tables."""

    delimiter: str = ","
    decimal: str = "."
    group: str = ""
    day: str = "%Y-%m-%d"
    words: tuple[str, str] = ("true", "false")
    missing: str = ""
    encoding: str = "utf-8"
    end: str = "\n"
    quoting: Any = csv.QUOTE_MINIMAL

    def text(self, value: Any) -> str:
        if value is None:
            return self.missing
        if isinstance(value, bool):
            return self.words[not value]
        if isinstance(value, float):
            written = f"{value:,.2f}" if self.group else f"{value:.2f}"
            return written.translate(str.maketrans({",": self.group, ".": self.decimal}))
        if isinstance(value, dt.date):
            return value.strftime(self.day)
        return str(value)

    def file(self, rows: list[tuple[Any, ...]]) -> bytes:
        text = io.StringIO()
        writer = csv.writer(
            text, delimiter=self.delimiter, lineterminator=self.end, quoting=self.quoting
        )
        writer.writerow(["count", "price", "day", "sold", "note"])
        for row in rows:
            writer.writerow([self.text(value) for value in row])
        return text.getvalue().encode(self.encoding)


STYLES = {
    "program": Style(),
    "excel in Germany": Style(";", ",", ".", "%d.%m.%Y", ("TRUE", "FALSE"), "", "cp1252", "\r\n"),
    "R in France": Style(";", ",", "\u00a0", "%d/%m/%Y", missing="NA"),
    "excel in the USA": Style(",", ".", ",", "%m/%d/%Y", missing="#N/A", end="\r\n"),
    "Switzerland": Style("\t", ".", "'", "%d.%m.%Y", missing="-"),
    "quoted": Style("|", quoting=csv.QUOTE_ALL, missing="null", encoding="utf-8-sig"),
    "utf-16": Style("\t", encoding="utf-16", day="%Y/%m/%d"),
}
ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-(2**60), 2**60)),
        st.one_of(st.none(), st.integers(-(10**9), 10**9).map(lambda cents: cents / 100)),
        st.one_of(st.none(), st.dates(dt.date(1950, 1, 1), dt.date(2030, 12, 31))),
        st.one_of(st.none(), st.booleans()),
        st.sampled_from(["a", "b, c", 'the "d"', "é;|", "x\ty"]),
    ),
    max_size=20,
)
#: Rows that leave no doubt about any column, whatever the others are.
SURE = [
    (7, 1234.5, dt.date(2024, 1, 31), True, "sure"),
    (8, 0.25, dt.date(2024, 2, 29), False, "sure"),
    (-9, -1234567.89, dt.date(2023, 12, 25), None, "sure"),
]


def table(files: dict[str, bytes]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in tables_in_process.read(files).to_pylist()]


@SLOW
@given(ROWS, st.sampled_from(sorted(STYLES)))
def test_a_table_in_any_style_is_its_typed_table(rows: list[Any], style: str) -> None:
    everything = [*rows, *SURE]
    data = STYLES[style].file(everything)
    assert tables_in_process.types(data) == {
        "count": "LONG",
        "price": "DOUBLE",
        "day": "DATE",
        "sold": "BOOLEAN",
        "note": "STRING",
    }
    assert table({"t.csv": data}) == everything


@SLOW
@given(ROWS, st.sampled_from(sorted(STYLES)), st.integers(0, 23), st.integers())
def test_shuffling_splitting_and_blank_lines_change_no_value(
    rows: list[Any], style: str, cut: int, seed: int
) -> None:
    everything = [*rows, *SURE]
    random.Random(seed).shuffle(everything)
    written = STYLES[style]
    parts = {"a.csv": written.file(everything[:cut]), "b.csv": written.file(everything[cut:])}
    if written.encoding != "utf-16":
        parts["b.csv"] += written.end.encode()
    fields, reason = tables_in_process.schemas.infer(tables_in_process.profiles(parts))
    assert fields is not None, reason
    whole = tables_in_process.profiles({"t.csv": written.file([*rows, *SURE])})
    assert fields == tables_in_process.schemas.infer(whole)[0]
    assert table(parts) == everything


def test_profiles_are_made_and_asked_for_in_one_version() -> None:
    assert table_files.VERSION == PROFILE_VERSION


@pytest.mark.parametrize("blocks", [1, 2, 20])
def test_rows_stand_in_the_order_of_the_file(blocks: int) -> None:
    note = "x" * 1000  # a block has 16 MB
    count = 16_000 * blocks
    lines = (f"{row},{note}" for row in range(count))
    data = ("row,note\n" + "\n".join(lines)).encode()
    found = tables_in_process.read({"t.csv": data}, columns=["row"])
    assert found.column("row").to_pylist() == list(range(count))

"""Rows stay in the order of their file, proven by a number in each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from commands.rows_in_process import wanted
from datasets.spreadsheets import spreadsheet
from datasets.tables_in_process import parquet, read
from modelstudio.tables.files import csv_batches
from modelstudio.tables.files.model_rows import RowsFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Of rows with a number and some text.
ROWS = {1: 8_000, 2: 20_000, 20: 300_000}
BLOCK_BYTES = 1 << 18
TEXTS = ["NA", "", '"a, b"', "x" * 20, "null", "?"]


@pytest.fixture(params=[1, 2, 8])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = pa.cpu_count()
    pa.set_cpu_count(request.param)
    yield request.param
    pa.set_cpu_count(before)


@pytest.fixture(autouse=True)
def blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in blocks so small that a file of a few megabytes has twenty."""
    monkeypatch.setattr(csv_batches, "_MOST_BLOCK_BYTES", BLOCK_BYTES)


def numbers(count: int) -> np.ndarray:
    """Numbers that are in no order."""
    return np.random.default_rng(count).permutation(count)


def written(order: np.ndarray) -> bytes:
    lines = (f"{number},{TEXTS[number % len(TEXTS)]},{number}.5" for number in order)
    return ("n,t,x\n" + "\n".join(lines) + "\n").encode()


def stored(order: np.ndarray, groups: int) -> bytes:
    table = pa.table({"n": order, "t": order.astype(str), "x": order + 0.5})
    return parquet(table, row_group_size=-(-len(order) // groups))


@pytest.mark.parametrize("count", ROWS)
@pytest.mark.usefixtures("threads")
def test_an_uploaded_file_keeps_its_order(count: int) -> None:
    order = numbers(ROWS[count])
    data = written(order)
    assert len(data) > (count - 1) * BLOCK_BYTES
    for files in ({"t.csv": data}, {"t.parquet": stored(order, count)}):
        table = read(files)
        assert (table["n"].to_numpy() == order).all()
        assert (table["x"].to_numpy() == order + 0.5).all()


@pytest.mark.usefixtures("threads")
def test_several_files_follow_one_another() -> None:
    order = numbers(300_000)
    parts = [order[:10], order[10:200_000], order[200_000:]]
    for name, made in (("csv", written), ("parquet", lambda part: stored(part, 3))):
        files = {f"{number}.{name}": made(part) for number, part in enumerate(parts)}
        assert (read(files)["n"].to_numpy() == order).all()


@pytest.mark.usefixtures("threads")
def test_an_exported_table_keeps_its_order() -> None:
    order = numbers(300_000)
    data = {"t.parquet": stored(order, 20)}
    assert (read(data, columns=["n"])["n"].to_numpy() == order).all()
    lines = read(data, form="CSV", columns=["n"]).splitlines()
    assert (np.array(lines[1:], dtype=int) == order).all()
    assert lines[1:] == [str(number) for number in order]
    assert read(data, form="CSV", columns=["n"], limit=7).splitlines() == lines[:8]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("count", ROWS)
@pytest.mark.usefixtures("threads")
def test_a_file_to_predict_keeps_its_order(tmp_path: Path, count: int, *, keep: bool) -> None:
    order = numbers(ROWS[count])
    for name, data in (("t.csv", written(order)), ("t.parquet", stored(order, count))):
        (tmp_path / name).write_bytes(data)
        table = RowsFile(tmp_path / name, wanted(n="long", x="double", t="string"))
        pieces = list(table.pieces(table.layouts[0], keep=keep, as_text=True))
        taken = pa.Table.from_batches([piece.taken for piece in pieces])
        assert (taken["n"].to_numpy() == order).all()
        assert (taken["x"].to_numpy() == order + 0.5).all()
        if keep:
            kept = pa.Table.from_batches([piece.kept for piece in pieces])
            assert kept["n"].to_pylist() == [str(number) for number in order]


def test_a_spreadsheet_keeps_its_order() -> None:
    order = numbers(40_000)
    data = spreadsheet({"S": [["n"], *([int(number)] for number in order)]})
    assert (read({"t.xlsx": data})["n"].to_numpy() == order).all()

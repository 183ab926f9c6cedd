"""How much CPU a dataset's table costs, beside pandas and DuckDB doing the same work.

    make bench-files, or python -m bench.files [ROWS]

A wide CSV file (10,000 columns of 100 rows) beside pandas' `read_csv` and `to_parquet`, beyond what
the same takes for ten columns; a long one (ROWS, 5 million, of ten columns) beside DuckDB's `COPY`,
if DuckDB is there: it is no dependency. Looking at a file and writing its table are two tasks of
the table process, measured as the server runs them, the start of the process included.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from modelstudio.datasets import schemas

_MEMORY_BYTES = 2 << 30
_PANDAS = """
import resource, sys, pandas
def used():
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime
pandas.DataFrame({"a": [1.5]}).to_parquet(sys.argv[2])
before = used()
pandas.read_csv(sys.argv[1]).to_parquet(sys.argv[2])
print(used() - before)
"""
_DUCKDB = """
import resource, sys, duckdb
duckdb.execute("SET threads = 2")
def used():
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime
before = used()
table = f"read_csv('{sys.argv[1]}')"
duckdb.execute(f"COPY (SELECT * FROM {table}) TO '{sys.argv[2]}' (FORMAT parquet)")
print(used() - before)
"""


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        narrow = _ours(_wide(folder / "narrow.csv", 10))
        ours = _ours(_wide(folder / "wide.csv", 10_000))
        beside = _theirs(_PANDAS, folder / "wide.csv", folder / "out.parquet")
        beyond = sum(ours) - sum(narrow)
        _say("10,000 columns x 100 rows", ours)
        print(f"  beyond ten columns {beyond:.2f} s; pandas {beside:.2f} s: {beyond / beside:.2f}")
        long = _ours(_long(folder / "long.csv", rows))
        _say(f"{rows:,} rows x 10 columns", long)
        try:
            beside = _theirs(_DUCKDB, folder / "long.csv", folder / "out.parquet")
        except subprocess.CalledProcessError:
            print("  DuckDB is not installed")
            return
        print(
            f"  DuckDB's COPY {beside:.2f} s: writing {long[1] / beside:.2f}, with looking "
            f"{sum(long) / beside:.2f}"
        )


def _say(what: str, spent: tuple[float, float]) -> None:
    print(f"{what}: looking {spent[0]:.2f} s of CPU, writing {spent[1]:.2f} s")


def _wide(path: Path, columns: int) -> Path:
    values = np.random.default_rng(0).normal(size=(100, columns)).round(4)
    header = ",".join(f"c{place}" for place in range(columns))
    np.savetxt(path, values, "%.4f", ",", header=header, comments="")
    return path


def _long(path: Path, rows: int) -> Path:
    chance = np.random.default_rng(0)
    days = np.datetime64("2020-01-01") + chance.integers(0, 1000, rows).astype("timedelta64[D]")
    codes = np.char.add("c", np.arange(5000).astype(str))
    table = pa.table(
        {
            "id": np.arange(rows),
            "normal": chance.normal(size=rows),
            "rounded": chance.normal(size=rows).round(3),
            "small": chance.integers(0, 1000, rows),
            "large": chance.integers(0, 10**9, rows),
            "day": days,
            "colour": np.array(["red", "green", "blue"])[chance.integers(0, 3, rows)],
            "code": codes[chance.integers(0, 5000, rows)],
            "share": chance.uniform(size=rows).round(2),
            "flag": chance.integers(0, 2, rows),
        }
    )
    csv.write_csv(table, path)
    return path


def _ours(path: Path) -> tuple[float, float]:
    """Return the CPU of looking at a file, and of writing it as a table."""
    names = [path.name]
    with tempfile.TemporaryDirectory() as made:
        (Path(made) / "input").mkdir()
        (Path(made) / "input" / "0").symlink_to(path)
        (profile,), looking = _task(made, "profile", {"names": names})
        fields, problem = schemas.infer([(path.name, profile)])
        assert fields is not None, problem
        readings = schemas.readings_of(fields, [profile])
        arguments = {"names": names, "profiles": [profile], "fields": fields, "readings": readings}
        _, writing = _task(made, "materialise", arguments)
    return looking, writing


def _task(directory: str, task: str, arguments: dict[str, Any]) -> tuple[Any, float]:
    request = {"task": task, "arguments": arguments, "memoryBytes": _MEMORY_BYTES}
    before = _children()
    with subprocess.Popen(
        [sys.executable, "-P", "-s", "-m", "modelstudio.datasets.table_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=directory,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.read())
    return answer["result"], _children() - before


def _children() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _theirs(program: str, source: Path, target: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-c", program, str(source), str(target)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000)

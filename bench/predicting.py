"""How fast `modelstudio predict` is, and how much memory it takes.

    python -m bench.predicting [ROWS]

A small gradient ensemble predicts CSV and Parquet files of six columns. Then its process is asked
for one row after the other, as a serving replica asks it.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from modelstudio.inference.client import Predictable, PredictorProcess
from modelstudio.inference.interpreter import Interpreter
from modelstudio.trainers.tabular.gradient_ensemble.specification import REGRESSION
from published import Shelf, open_shelf
from support import MODELSTUDIO
from trained import Trained, train_on

_SINGLE_ROWS = 2000


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        trained = _train(folder)
        with open_shelf(folder / "data") as shelf:
            version = _publish(shelf, trained)
        for suffix in ("csv", "parquet"):
            table = folder / f"rows.{suffix}"
            frame = _table(rows)
            frame.to_csv(table, index=False) if suffix == "csv" else frame.to_parquet(table)
            _predict_file(folder, version, table, rows)
        _predict_rows(trained)


def _table(rows: int) -> pd.DataFrame:
    number = np.arange(rows)
    rooms = pd.Series(1 + number % 8, dtype="Int64")
    return pd.DataFrame(
        {
            "size": 50 + 10 * np.random.default_rng(0).random(rows),
            "colour": np.array(["red", "green", "blue"])[number % 3],
            "seen": pd.Timestamp("2024-01-01") + pd.to_timedelta(number % 2000, unit="h"),
            "sold": number % 2 == 0,
            "rooms": rooms.mask(number % 7 == 0),
            "id": number,
        }
    )


def _train(folder: Path) -> Trained:
    frame = _table(3000).drop(columns="id")
    noise = np.random.default_rng(1).normal(0, 2, len(frame))
    frame["price"] = frame["size"] + 5 * frame["rooms"].fillna(0) + frame["seen"].dt.hour + noise
    return train_on(frame, "price", folder, trainer=REGRESSION, config={"time_limit": 20})


def _publish(shelf: Shelf, trained: Trained) -> str:
    model = trained.model
    return shelf.publish(
        trained.directory, model.predictor, dict(model.model_api), model.requirements
    )


def _predict_file(folder: Path, version: str, table: Path, rows: int) -> None:
    output = folder / f"out-{table.name}"
    arguments = ["--data-dir", folder / "data", "--model-version", version]
    arguments += ["--input", table, "--output", output]
    started = time.monotonic()
    running = psutil.Popen([*MODELSTUDIO, "predict", *map(str, arguments)])
    peak: dict[int, int] = {}
    cpu: dict[int, float] = {}
    while running.poll() is None:
        _look(running, peak, cpu)
        time.sleep(0.05)
    assert running.returncode == 0
    wall = time.monotonic() - started
    used = sum(cpu.values())
    memory = " + ".join(f"{size / 1e6:.0f}" for size in peak.values())
    print(
        f"{table.name}: {table.stat().st_size / 1e6:.0f} MB, {rows:,} rows in {wall:.1f} s, "
        f"{used:.1f} s of CPU ({rows / used:,.0f} rows a second of CPU), peak {memory} MB"
    )


def _look(running: psutil.Popen, peak: dict[int, int], cpu: dict[int, float]) -> None:
    for process in [running, *running.children(recursive=True)]:
        try:
            times = process.cpu_times()
            peak[process.pid] = max(peak.get(process.pid, 0), process.memory_info().rss)
            cpu[process.pid] = times.user + times.system
        except psutil.Error:
            continue


def _predict_rows(trained: Trained) -> None:
    row = _plain(trained.frame.drop(columns="price").iloc[0].to_dict())
    interpreter = Interpreter(trained.directory / "source")
    what = Predictable(
        trained.directory, trained.model.predictor, trained.model.model_api, interpreter, cpu=1
    )
    with PredictorProcess.start(what, sys.stderr.buffer) as process:
        child = psutil.Process(process.pid)
        before, ours = child.cpu_times(), time.process_time()
        took = []
        for _ in range(_SINGLE_ROWS):
            started = time.perf_counter()
            process.predict_row(row)
            took.append(time.perf_counter() - started)
        after = child.cpu_times()
    used = after.user + after.system - before.user - before.system
    print(
        f"one row: median {statistics.median(took) * 1e3:.2f} ms over the pipe; CPU "
        f"{used / _SINGLE_ROWS * 1e3:.2f} ms of the predictor and "
        f"{(time.process_time() - ours) / _SINGLE_ROWS * 1e3:.2f} ms of whoever asks"
    )


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat()
        if hasattr(value, "isoformat")
        else getattr(value, "item", lambda v=value: v)()
        for name, value in row.items()
        if value is not None and value == value  # noqa: PLR0124 - NaN is not equal to itself
    }


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)

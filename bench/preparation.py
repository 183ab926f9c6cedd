"""What preparing columns costs: CPU seconds for a table, milliseconds for a row.

python -m bench.preparation [ROWS]
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd

from modelstudio.trainers.tabular.preparation import Preparation

_TRIED_ROWS = 200
_ROUNDS = 20


def table(rows: int) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return 40 ordinary columns of every kind but free text, and their field types."""
    random = np.random.default_rng(0)
    columns: dict[str, tuple[str, object]] = {}
    for place in range(20):
        columns[f"number{place}"] = ("DOUBLE", random.normal(size=rows))
    for place in range(5):
        columns[f"count{place}"] = ("LONG", random.integers(0, 50, rows))
    for place in range(8):
        levels = np.array([f"level{code}" for code in range(10 * 4 ** min(place, 4))], dtype=object)
        columns[f"category{place}"] = ("STRING", random.choice(levels, rows))
    for place in range(2):
        columns[f"flag{place}"] = ("BOOLEAN", random.random(rows) < 0.5)
        moments = pd.to_datetime(random.integers(10**9, 2 * 10**9, rows), unit="s")
        columns[f"moment{place}"] = ("TIMESTAMP", moments)
    dates = pd.Series(pd.to_datetime(random.integers(10**9, 2 * 10**9, rows), unit="s"))
    columns["date"] = ("STRING", dates.dt.strftime("%m/%d/%Y %I:%M %p").to_numpy(dtype=object))
    amounts = [f"{amount:,.2f}" for amount in random.normal(5000, 3000, rows)]
    columns["amount"] = ("STRING", np.array(amounts, dtype=object))
    gaps = np.where(random.random(rows) < 0.1, np.nan, random.normal(size=rows))
    columns["gaps"] = ("DOUBLE", gaps)
    frame = pd.DataFrame({name: values for name, (_, values) in columns.items()})
    return frame, {name: kind for name, (kind, _) in columns.items()}


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    frame, types = table(rows)
    started = time.process_time()
    preparation = Preparation.fit(frame, types, reserved=[])
    fitted = time.process_time()
    preparation.matrix(frame)
    made = time.process_time()
    records = frame.head(_TRIED_ROWS).to_dict("records")
    values = [
        {
            name: value.isoformat() if isinstance(value, pd.Timestamp) else value
            for name, value in record.items()
        }
        for record in records
    ]
    best = min(_seconds(preparation, values) for _ in range(_ROUNDS))
    print(f"{rows} rows, {len(types)} columns, {len(preparation.features)} features")
    print(f"fit {fitted - started:.2f} s, matrix {made - fitted:.2f} s of CPU")
    print(f"row {1000 * best:.4f} ms of CPU")


def _seconds(preparation: Preparation, values: list[dict[str, object]]) -> float:
    started = time.process_time()
    for record in values:
        preparation.row(record)
    return (time.process_time() - started) / len(values)


if __name__ == "__main__":
    main()

"""Writes the results as tables in Markdown."""

from __future__ import annotations

from typing import Any

import pandas as pd

_OTHERS = {"studio": "Model Studio", "autogluon_timeseries": "AutoGluon", "lightgbm": "LightGBM"}


def written(results: list[dict[str, Any]]) -> str:
    """Return a table a metric: mean over the origins, a row an engine, a column a set."""
    frame = pd.DataFrame(results).drop_duplicates(["set", "origin", "engine", "limit"], keep="last")
    everything = frame
    # Only origins that every engine has been tried from, so that all are asked the same.
    tried = frame.groupby(["set", "origin"])["engine"].transform("nunique")
    frame = frame[tried == frame["engine"].nunique()]
    counts = frame.groupby("set")["origin"].nunique()
    compared = ", ".join(f"{name} {count}" for name, count in counts.items())
    parts = [
        f"Origins that every engine has forecast from: {compared}.",
        *(_table(frame, metric) for metric in ("MASE", "WQL", "coverage_0.8", "seconds")),
    ]
    return "\n\n".join([*parts, _each(everything)]) + "\n"


def _table(frame: pd.DataFrame, metric: str) -> str:
    table = frame.pivot_table(
        index="engine",
        columns="set",
        values=metric,
        # A set counts only for an engine that forecast it from every origin.
        aggfunc=lambda values: values.mean() if values.notna().all() else float("nan"),
        dropna=False,
    )
    table["mean"] = table.mean(axis=1, skipna=False)
    if metric in {"MASE", "WQL"}:
        single = table.drop(index=list(_OTHERS), errors="ignore").drop(columns="mean")
        best = single.min()
        best["mean"] = best.mean()
        table.loc["best single statistical, of each set"] = best
    table = table.sort_values("mean").rename(index=_OTHERS)
    names = list(table.columns)
    lines = [f"| {metric} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for engine, row in table.iterrows():
        cells = ["" if pd.isna(value) else f"{value:.4g}" for value in row]
        lines.append(f"| {engine} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _each(frame: pd.DataFrame) -> str:
    lines = ["| set | origin | engine | MASE | WQL | coverage_0.8 | seconds |", "|---" * 7 + "|"]
    for _, row in frame.sort_values(["set", "origin", "MASE"]).iterrows():
        cells = [row[name] for name in ("MASE", "WQL", "coverage_0.8", "seconds")]
        shown = ["" if pd.isna(cell) else f"{cell:.4g}" for cell in cells]
        engine = _OTHERS.get(row["engine"], row["engine"])
        lines.append(f"| {row['set']} | {row['origin']} | {engine} | {' | '.join(shown)} |")
    return "\n".join(lines)

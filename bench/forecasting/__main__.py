"""Compares forecasters on real series: ``python -m bench.forecasting``.

Every engine sees the same histories, one core and the same time limit, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from bench.forecasting import origins, page, scoring
from bench.training import cache, environments

#: Single statistical models; the best one is picked with hindsight.
STATISTICAL = (
    "SeasonalNaive", "LongSeasonalNaive", "AutoETS", "DynamicOptimizedTheta", "AutoCES",
    "AutoARIMA", "MSTL",
)  # fmt: skip
AUTOGLUON = ("torch==2.13.0", "autogluon.timeseries==1.6.3")
ENGINES = ("studio", "autogluon_timeseries", "lightgbm", "statistical")
_ENGINES_FOLDER = Path(__file__).parent / "engines"


def command(engine: str, folder: Path, autogluon: str | None) -> list[str]:
    """Return the process that fits an engine on the files of a folder."""
    if engine == "autogluon_timeseries":
        python = autogluon or environments.interpreter("autogluon-timeseries", AUTOGLUON)
        return [str(python), str(_ENGINES_FOLDER / "autogluon_timeseries.py"), str(folder)]
    module = "bench.forecasting.engines."
    if engine == "statistical":
        return [sys.executable, "-m", f"{module}statistical", str(folder), *STATISTICAL]
    only = ["DirectLightGBM"] if engine == "lightgbm" else []
    return [sys.executable, "-m", f"{module}studio", str(folder), *only]


def measured(
    name: str, origin: int, engine: str, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Fit one engine once and score it; a failure is a result."""
    part = origins.split(name, origin)
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        origins.write(part, folder, options.limit)
        _run(
            engine, folder, cache.folder("logs") / f"forecast-{name}-{origin}-{engine}.log", options
        )
        about = {"set": name, "origin": origin, "limit": options.limit}
        timing = folder / "seconds"
        seconds = float(timing.read_text()) if timing.exists() else None
        if engine != "statistical":
            return [
                {**about, "engine": engine, **_scored(part, folder / "forecast.parquet", seconds)}
            ]
        each = folder / "each.json"
        times = json.loads(each.read_text()) if each.exists() else {}
        return [
            {**about, "engine": model}
            | _scored(part, folder / f"forecast-{model}.parquet", times.get(model))
            for model in STATISTICAL
        ]


def _run(engine: str, folder: Path, log: Path, options: argparse.Namespace) -> None:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    # The clock starts within the wrapper, which may wait for its turn.
    timed = [*shlex.split(options.wrap), sys.executable, "-c", _TIMED, str(folder), engine]
    wanted = [*timed, *command(engine, folder, options.autogluon_python)]
    with log.open("w") as out:
        subprocess.run(
            wanted, stdout=out, stderr=subprocess.STDOUT, check=False, env={**os.environ, **threads}
        )


def _scored(part: origins.Split, file: Path, seconds: float | None) -> dict[str, Any]:
    try:
        return {"seconds": seconds, **scoring.scores(part, pd.read_parquet(file))}
    except (OSError, ValueError) as error:
        return {"seconds": seconds, "failure": f"{type(error).__name__}: {error}"[:200]}


#: Runs a command, ends it after three times the limit, and writes how long it took.
_TIMED = """
import json, pathlib, subprocess, sys, time
folder = pathlib.Path(sys.argv[1])
limit = json.loads((folder / "task.json").read_text())["limit"]
allowed = None if sys.argv[2] == "statistical" else 3 * limit
started = time.monotonic()
try:
    subprocess.run(sys.argv[3:], timeout=allowed)
except subprocess.TimeoutExpired:
    pass
(folder / "seconds").write_text(str(time.monotonic() - started))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", nargs="*", default=list(origins.BACK))
    parser.add_argument("--engines", nargs="*", default=list(ENGINES))
    parser.add_argument("--origins", type=int, default=3)
    parser.add_argument("--limit", type=int, default=60, help="seconds a fit may take")
    parser.add_argument("--wrap", default="", help="a command to put before each fit")
    parser.add_argument("--autogluon-python", help="an environment that has autogluon.timeseries")
    parser.add_argument("--again", action="store_true", help="measure what has a result already")
    parser.add_argument("--results", type=Path, help="where results are kept, a line each")
    parser.add_argument("--page", type=Path, help="write the table of all results to a page")
    options = parser.parse_args()
    file = options.results or cache.folder("results") / "forecasting.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    results = {_key(one): one for one in map(json.loads, lines)}
    for name in options.sets:
        for origin in range(options.origins):
            for engine in options.engines:
                first = STATISTICAL[0] if engine == "statistical" else engine
                if (name, origin, first, options.limit) in results and not options.again:
                    continue
                for result in measured(name, origin, engine, options):
                    results[_key(result)] = result
                    with file.open("a") as out:
                        out.write(json.dumps(result) + "\n")
                    print(result, flush=True)
    text = page.written(list(results.values()))
    print(text)
    if options.page is not None:
        options.page.write_text(text)


def _key(result: dict[str, Any]) -> tuple[Any, ...]:
    return result["set"], result["origin"], result["engine"], result["limit"]


if __name__ == "__main__":
    main()

"""``python -m bench.training.measure``: one fit in this process, on one core; the harness calls it.

Writes what it measured as JSON to the file it is given. A process that runs far over its budget is
killed by its own alarm, counted from when it starts and not from when it was queued.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from bench.training.engines import Engine, Problem

_ROWS = 200
_ROW_SECONDS = 2.0
_LONGEST_FAILURE = 400


def hard_stop(budget: int) -> int:
    """Return the seconds after which a fit that goes on counts as a failure."""
    return budget * 8 + 120


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("set", "engine", "output"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("budget", "seed"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(hard_stop(options.budget))
    _one_core()
    found: dict[str, Any] = {}
    try:
        _measure(options, found)
    except Exception as error:  # noqa: BLE001 - whatever an engine raises is its result
        traceback.print_exc()
        text = " ".join(str(error).split())[:_LONGEST_FAILURE]
        found["failure"] = f"{type(error).__name__}: {text}"
    Path(options.output).write_text(json.dumps(found), encoding="utf-8")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # pools that an engine left behind hold nothing up


def _one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _measure(options: argparse.Namespace, found: dict[str, Any]) -> None:
    from bench.training import engines, scoring

    with tempfile.TemporaryDirectory(prefix="bench-fit-") as scratch:
        problem = _problem(options, Path(scratch))
        found["train_rows"] = len(problem.train)
        labels = problem.test[problem.target]
        found["constant_error"] = scoring.constant_error(
            problem.task, problem.train[problem.target], labels, problem.classes
        )
        engine = engines.make(options.engine)
        found["version"] = engine.version
        features = problem.test.drop(columns=problem.target)
        predicted = _fit_and_predict(engine, problem, features, found)
        found["error"] = scoring.error(problem.task, labels, predicted, problem.classes)
        found["size_bytes"] = engine.size_bytes()
        found["row_ms"] = _row_ms(engine.one_row(features.head(_ROWS)), min(_ROWS, len(features)))


def _problem(options: argparse.Namespace, scratch: Path) -> Problem:
    from bench.training import scoring
    from bench.training.datasets import SETS, load
    from bench.training.engines import Problem
    from bench.training.sets import TabularSet

    wanted = SETS[options.set]
    if not isinstance(wanted, TabularSet):
        raise TypeError(f"{options.set} is no tabular set")
    train, test = scoring.split(load(wanted.name), wanted.target, wanted.task, options.seed)
    classes = [] if wanted.task == "regression" else sorted(train[wanted.target].unique().tolist())
    budget, seed = options.budget, options.seed
    return Problem(wanted.task, wanted.target, train, test, classes, budget, seed, scratch)


def _fit_and_predict(
    engine: Engine, problem: Problem, features: pd.DataFrame, found: dict[str, Any]
) -> Any:
    started = time.perf_counter()
    try:
        engine.fit(problem)
    finally:
        found["fit_seconds"] = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found["peak_bytes"] = peak if sys.platform == "darwin" else peak * 1024
    started = time.perf_counter()
    predicted = engine.predict(features)
    found["predict_seconds"] = time.perf_counter() - started
    return predicted


def _row_ms(predict_row: Callable[[int], object] | None, rows: int) -> float | None:
    """Return the median CPU time of predicting a row, after the first ones have warmed up."""
    if predict_row is None:
        return None
    times = []
    end = time.perf_counter() + _ROW_SECONDS
    for row in range(rows):
        started = time.process_time_ns()
        predict_row(row)
        times.append((time.process_time_ns() - started) / 1e6)
        if time.perf_counter() > end and row > 2:
            break
    return median(times[2:] or times)


if __name__ == "__main__":
    main()

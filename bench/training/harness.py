"""Runs engines on sets, each fit in a process of its own on one core, and keeps the results."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.training import cache, environments, records
from bench.training.datasets import SETS
from bench.training.engines import ENGINES
from bench.training.sets import TabularSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
_SHOWN_LOG = 400


@dataclass(frozen=True, slots=True)
class Fit:
    set: str
    engine: str
    budget: int
    seed: int

    @property
    def key(self) -> tuple[str, str, int, int]:
        return self.set, self.engine, self.budget, self.seed

    @property
    def label(self) -> str:
        return f"{self.set}-{self.engine}-{self.budget}-{self.seed}"


def fits(
    engines: Sequence[str], sets: Sequence[str], budgets: Sequence[int], seeds: Sequence[int]
) -> Iterator[Fit]:
    """Yield the fits, all engines on a set one after the other; each fit once."""
    seen = set()
    for budget, seed, name, engine in itertools.product(budgets, seeds, sets, engines):
        fit = Fit(name, engine, budget if ENGINES[engine].uses_budget else 0, seed)
        if fit not in seen:
            seen.add(fit)
            yield fit


def run(wanted: Sequence[Fit], results: Path, wrap: str, *, again: bool) -> None:
    """Measure the fits that have no result yet; with ``again``, all of them."""
    done = set() if again else set(records.read(results))
    todo = [fit for fit in wanted if fit.key not in done]
    print(f"{len(todo)} of {len(wanted)} fits to measure; results in {results}", flush=True)
    for number, fit in enumerate(todo, 1):
        if not again and fit.key in records.read(results):
            continue  # another run has measured it meanwhile
        result = measured(fit, wrap)
        records.append(results, result)
        print(f"[{number}/{len(todo)}] {_line(result)}", flush=True)


def measured(fit: Fit, wrap: str) -> records.Result:
    """Measure one fit; a process that dies is a result like any other."""
    python = _python(fit.engine)
    log = cache.folder("logs") / f"{fit.label}.log"
    with tempfile.TemporaryDirectory(prefix="bench-result-") as scratch, log.open("wb") as out:
        output = Path(scratch) / "result.json"
        command = [*shlex.split(wrap), python, "-m", "bench.training.measure"]
        for name in ("set", "engine", "budget", "seed"):
            command += [f"--{name}", str(getattr(fit, name))]
        process = subprocess.Popen(
            [*command, "--output", str(output)],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=_environment(scratch),
            cwd=cache.ROOT,
            start_new_session=True,
        )
        try:
            process.wait()
        finally:
            _end(process)
        found = _found(output, process.returncode, log)
    wanted = SETS[fit.set]
    assert isinstance(wanted, TabularSet)
    return records.Result(
        fit.set,
        fit.engine,
        found.pop("version", ""),
        fit.budget,
        fit.seed,
        wanted.metric,
        machine=records.machine(),
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        **found,
    )


def _python(engine: str) -> str:
    requirements = ENGINES[engine].requirements
    return str(environments.interpreter(engine, requirements)) if requirements else sys.executable


def _environment(scratch: str) -> Mapping[str, str]:
    source = os.pathsep.join([str(cache.ROOT), str(cache.ROOT / "src")])
    threads = dict.fromkeys(_ONE_THREAD, "1")
    return {
        **os.environ,
        **threads,
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONPATH": source,
        "PYTHONHASHSEED": "0",
        "TMPDIR": scratch,
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what a fit left behind; it has a session of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _found(output: Path, returncode: int, log: Path) -> dict[str, Any]:
    if output.exists():
        found: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
        return found
    # A shell or flock in between says 128 + n for a process that a signal ended.
    if returncode in {-signal.SIGALRM, 128 + signal.SIGALRM}:
        return {"failure": "was stopped: it ran far over its budget"}
    tail = " ".join(log.read_text(errors="replace")[-_SHOWN_LOG:].split())
    return {"failure": f"the process ended with {returncode}: {tail}"}


def _line(result: records.Result) -> str:
    head = f"{result.set:14} {result.engine:18} {result.budget:>3} s seed {result.seed}"
    fitted = f", fit {result.fit_seconds:.1f} s" if result.fit_seconds is not None else ""
    if result.error is None:
        return f"{head}: {result.failure}{fitted}"
    return f"{head}: {result.metric} error {result.error:.5g}{fitted}"

"""How the run list answers while training keeps every core of the machine busy.

    python -m bench.while_training [--threads 2] [--niceness 0 5 10 19]

The training is a process under the limits of a real one, with threads that multiply matrices, as
many as there are cores. Rounds with and without it take turns, so that noise hits all alike. To
measure on a machine that does other things too, bind it to cores of its own: everything started
here stays on the cores that this process may use.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.load import Connection, cpu_nanos
from bench.runs_list import running_server, seeded, token_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROUNDS = 5
_REQUESTS = 150
#: Between two requests of one user's clicks, or of a page that refreshes itself.
_PAUSE_SECONDS = 0.01
_RUNS = 20_000
_TRAINING = """
import json, sys, threading
from modelstudio.worker.confinement import confine, thread_variables
import os
task = json.loads(sys.argv[1])
os.environ.update(thread_variables(1))
confine(task)
import numpy
def work(seed):
    matrix = numpy.random.default_rng(seed).random((400, 400))
    while True:
        matrix = matrix @ matrix
        matrix /= matrix.max()
threads = [threading.Thread(target=work, args=(seed,)) for seed in range(task["cpu"])]
[thread.start() for thread in threads]
print("ready", flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--threads", type=int, default=len(os.sched_getaffinity(0)), help="of the training"
    )
    parser.add_argument("--niceness", type=int, nargs="*", default=[0, 5, 10, 19])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        data_dir = Path(directory)
        studio = seeded(data_dir, "", _RUNS)
        with running_server(data_dir, "") as (port, pid):
            path = f"/api/v2/models/modelStudios/{studio}/runs?preview=true&pageSize=100"
            connection = Connection(port, token_of(data_dir, ""))
            rounds = _measure(connection, pid, path, options)
    print("| training | median ms | 95 % ms | CPU µs | to idle: median | 95 % | CPU |")
    print("|---|---|---|---|---|---|---|")
    idle = [median(column) for column in zip(*rounds[None], strict=True)]
    for niceness, measured in rounds.items():
        name = "none" if niceness is None else f"niceness {niceness}"
        here = [median(column) for column in zip(*measured, strict=True)]
        ratios = [a / b for a, b in zip(here, idle, strict=True)]
        print(
            f"| {name} | {here[0]:.2f} | {here[1]:.2f} | {here[2]:.0f} | "
            + " | ".join(f"{ratio:.2f}" for ratio in ratios)
            + " |"
        )


def _measure(
    connection: Connection, pid: int, path: str, options: argparse.Namespace
) -> dict[int | None, list[tuple[float, float, float]]]:
    """Return the median and 95 % latency in ms and the CPU in µs a request, of each round."""
    found: dict[int | None, list[tuple[float, float, float]]] = defaultdict(list)
    for _ in range(_ROUNDS):
        for niceness in (None, *options.niceness):
            with _training(options.threads, niceness):
                found[niceness].append(_one_round(connection, pid, path))
    return found


def _one_round(connection: Connection, pid: int, path: str) -> tuple[float, float, float]:
    took, before = [], cpu_nanos(pid)
    for _ in range(_REQUESTS):
        begun = time.perf_counter()
        connection.get(path)
        took.append(time.perf_counter() - begun)
        time.sleep(_PAUSE_SECONDS)
    spent = (cpu_nanos(pid) - before) / _REQUESTS / 1e3
    took.sort()
    return median(took) * 1e3, took[round(0.95 * len(took))] * 1e3, spent


@contextmanager
def _training(threads: int, niceness: int | None) -> Iterator[None]:
    if niceness is None:
        yield
        return
    task = {
        "cpu": threads,
        "cores": [],
        "niceness": niceness,
        "memoryBytes": 10**9,
        "diskBytes": None,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _TRAINING, json.dumps(task)], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    main()

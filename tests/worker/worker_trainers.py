"""Tiny trainers that do one thing each; loaded by the training process under test."""

# Each has the signature of the protocol, whether it needs the arguments or not.
# ruff: noqa: ARG002

from __future__ import annotations

import json
import mmap
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

from modelstudio.trainers.base import TrainedModel, TrainingError

MODEL = TrainedModel(
    model_api={"inputs": [], "outputs": []},
    predictor="worker_trainers:Nothing",
    requirements=["python=3.11"],
    summary_metrics={"rmse": 0.5, "broken": float("nan")},
)


class Good:
    """Reports a little of everything and leaves a model."""

    def fit(self, task, reporter):
        import pandas as pd

        reporter.log("ready")
        reporter.log("half a pair \ud800 and a \0", "WARNING")
        reporter.parameter("seed", 7)
        reporter.parameter("rate", 0.25)
        reporter.parameter("shuffle", True)
        for step in range(task.config.get("steps", 3)):
            reporter.metric("train/loss", 1 / (step + 1), step)
        reporter.metric("train/loss", float("nan"), 99)
        reporter.metric("train/loss", float("inf"), 100)
        frame = pd.DataFrame({"feature": ["a", "b"], "importance": [0.75, 0.25]})
        reporter.table("importance", frame, "What mattered & how much")
        (task.output_dir / "weights").mkdir()
        (task.output_dir / "weights" / "b.bin").write_bytes(b"b" * 1000)
        (task.output_dir / "a.txt").write_text("first")
        print("printed by a library")  # noqa: T201 - goes to the training log
        return MODEL


class Inspecting:
    """Leaves in its model what it was given."""

    def fit(self, task, reporter):
        import pyarrow.parquet as pq

        about = {
            "environment": dict(os.environ),
            "arguments": sys.argv,
            "config": dict(task.config),
            "cpu": task.cpu,
            "memory": task.memory_bytes,
            "cwd": str(Path.cwd()),
            "inputs": {
                alias: {
                    "types": dict(table.column_types),
                    "mapping": dict(table.column_mapping),
                    "data": pq.read_table(table.path).to_pydict(),
                }
                for alias, table in task.inputs.items()
            },
        }
        (task.output_dir / "about.json").write_text(json.dumps(about))
        return MODEL


class Refusing:
    def fit(self, task, reporter):
        reporter.log("looking at the data")
        raise TrainingError("The target column 'y' has one value only.")


class Unspeakable:
    """Fails with a text that no database could store."""

    def fit(self, task, reporter):
        raise TrainingError("The class 'a\0b\ud800' is odd. " + "x" * 100_000)


class Described:
    """Describes a table with what a broken CSV file holds."""

    def fit(self, task, reporter):
        import pandas as pd

        reporter.table("one", pd.DataFrame({"a": [1]}), "half a pair \ud800")
        return MODEL


class Broken:
    def fit(self, task, reporter):
        hidden = f"{task.scratch_dir}/secret"
        raise ValueError(f"no such thing as {hidden} " + "x" * 10_000)


class Exiting:
    def fit(self, task, reporter):
        reporter.log("leaving")
        os._exit(3)


class Asking:
    """Calls ``sys.exit``, as a library may."""

    def fit(self, task, reporter):
        sys.exit("go away")


class Killed:
    def fit(self, task, reporter):
        reporter.log("last words")
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)


class Crashing:
    def fit(self, task, reporter):
        os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(60)


class Greedy:
    """Asks for far too much at once."""

    def fit(self, task, reporter):
        return bytearray(8 * 10**9)


class Hoarding:
    """Takes a little more and a little more, in several processes if asked."""

    def fit(self, task, reporter):
        kept = []
        if task.config.get("child"):
            subprocess.Popen([sys.executable, "-c", _HOARD])
        while True:
            if not task.config.get("child"):
                kept.append(b"x" * 10**7)
            time.sleep(0.01)


_HOARD = "import time\nk=[]\nwhile True: k.append(b'x' * 10**7); time.sleep(0.01)"


class Mapping:
    """Reads a mapped file that is larger than the memory it may use."""

    def fit(self, task, reporter):
        path = task.scratch_dir / "large"
        with path.open("wb+") as file:
            file.truncate(600_000_000)
            with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
                sum(mapped[start] for start in range(0, len(mapped), mmap.PAGESIZE))
                resident = psutil.Process().memory_info().rss
                time.sleep(1.2)
        assert resident > task.memory_bytes
        return MODEL


class Waiting:
    """Never ends by itself; says which processes it consists of."""

    def fit(self, task, reporter):
        pids = [os.getpid()]
        if task.config.get("stubborn"):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for session in (False, True):
            child = subprocess.Popen(
                [sys.executable, "-c", _STUBBORN],
                start_new_session=session,
                stdout=subprocess.PIPE,
                text=True,
            )
            pids += [child.pid, int(child.stdout.readline())]
        reporter.log("pids " + json.dumps(pids))
        time.sleep(600)


# Ignores SIGTERM, and so does its own child.
_STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


class Steady:
    """Logs its steps, one every tenth of a second."""

    def fit(self, task, reporter):
        for step in range(task.config["steps"]):
            reporter.metric("steady", float(step), step)
            time.sleep(0.1)
        return MODEL


class Lingering:
    """Ends while a thread and a process of its own go on."""

    def fit(self, task, reporter):
        threading.Thread(target=time.sleep, args=(600,)).start()
        child = subprocess.Popen([sys.executable, "-c", _STUBBORN])
        while not psutil.Process(child.pid).children():
            time.sleep(0.01)
        reporter.log("pids " + json.dumps([child.pid]))
        return MODEL


class Linking:
    """Puts a link into its model."""

    def fit(self, task, reporter):
        (task.output_dir / "link").symlink_to("/etc/hostname")
        return MODEL


class Nothing:
    def fit(self, task, reporter):
        return None

"""Tiny trainers that do one thing each; loaded by the training process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

from modelstudio.trainers.base import TrainedModel, TrainingError

_MODEL = TrainedModel(
    model_api={"inputs": [], "outputs": []},
    predictor="orchestration_trainers:Quick",
    requirements=["python=3.11"],
    summary_metrics={"rmse": 0.5},
)

# Ignores SIGTERM, and so does its own child, which has a session of its own.
_STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
child = subprocess.Popen(sleep, start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


class Quick:
    """Reports a little and succeeds."""

    def fit(self, task, reporter):
        reporter.log("fitting")
        reporter.parameter("seed", 7)
        for step in range(3):
            reporter.metric("train/loss", 1.0 / (step + 1), step)
        (task.output_dir / "weights.bin").write_bytes(b"w" * 1000)
        return _MODEL


class Steady:
    """Reports a step every tenth of a second."""

    def fit(self, task, reporter):
        for step in range(task.config["steps"]):
            reporter.metric("steady", float(step), step)
            time.sleep(0.1)
        return _MODEL


class Endless:
    """Never ends by itself, nor do its children; says which processes it consists of."""

    def fit(self, _task, reporter):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen(
            [sys.executable, "-c", _STUBBORN], stdout=subprocess.PIPE, text=True
        )
        pids = [os.getpid(), os.getppid(), child.pid, int(child.stdout.readline())]
        reporter.log("pids " + json.dumps(pids))
        time.sleep(600)


class Refusing:
    def fit(self, _task, _reporter):
        sys.stdout.write("printed before the end\n")
        raise TrainingError("The target has one value only.")

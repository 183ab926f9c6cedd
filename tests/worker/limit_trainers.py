"""Trainers that go to a limit or beyond it, each in a way of its own."""

# Each has the signature of the protocol, whether it needs the arguments or not.
# ruff: noqa: ARG002

from __future__ import annotations

import json
import mmap
import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

from worker_trainers import MODEL

MEGABYTE = 10**6
_ASK = """
import json, os
print(json.dumps({"cores": sorted(os.sched_getaffinity(0)), "niceness": os.nice(0)}))
"""


class Counting:
    """Leaves in its model how many cores there are for it and for its children."""

    def fit(self, task, reporter):
        child = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, check=True)
        about = {
            "cpu": task.cpu,
            "cpu_count": os.cpu_count(),
            "multiprocessing": multiprocessing.cpu_count(),
            "cores": sorted(os.sched_getaffinity(0)),
            "niceness": os.nice(0),
            "child": json.loads(child.stdout),
            "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
        }
        (task.output_dir / "about.json").write_text(json.dumps(about))
        reporter.log("on cores " + json.dumps(about["cores"]))
        time.sleep(task.config.get("seconds", 0))
        return MODEL


class Busy:
    """Uses a known amount of everything."""

    def fit(self, task, reporter):
        kept = b"x" * (100 * MEGABYTE)
        (task.scratch_dir / "file").write_bytes(kept[: 50 * MEGABYTE])
        until = time.process_time() + 0.5
        while time.process_time() < until:
            pass
        subprocess.run([sys.executable, "-c", _SPIN], check=True)
        time.sleep(1.0)
        return MODEL


_SPIN = "import time\nwhile time.process_time() < 0.4: pass"


class SharedMemoryHoarding:
    """Fills shared memory, which the limit on a process's own data does not count."""

    def fit(self, task, reporter):
        segments = []
        while True:
            segment = SharedMemory(create=True, size=20 * MEGABYTE)
            segment.buf[:] = b"x" * len(segment.buf)
            segments.append(segment)
            reporter.log(f"segment {segment.name}")
            time.sleep(0.05)


class AnonymousSharing:
    """Fills memory that is shared without a name."""

    def fit(self, task, reporter):
        kept = []
        while True:
            kept.append(mmap.mmap(-1, 20 * MEGABYTE))
            kept[-1].write(b"x" * (20 * MEGABYTE))
            time.sleep(0.05)


class TmpfsWriting:
    """Writes files into memory without ever mapping them, and closes each."""

    def fit(self, task, reporter):
        for number in range(1000):
            with Path(f"/dev/shm/{task.config['prefix']}{number}").open("wb", 0) as file:
                for _ in range(20):
                    file.write(b"x" * (5 * MEGABYTE))
                    time.sleep(0.05)


class Forking:
    """Has children that share all of its memory and use hardly any of their own."""

    def fit(self, task, reporter):
        kept = bytearray(b"x") * (150 * MEGABYTE)
        children = []
        for _ in range(4):
            pid = os.fork()
            if pid == 0:
                time.sleep(1.5)
                os._exit(0)
            children.append(pid)
        for pid in children:
            os.waitpid(pid, 0)
        assert len(kept) > 0
        return MODEL


class Sudden:
    """Starts children that fill memory as fast as they can, after a quiet time."""

    def fit(self, task, reporter):
        time.sleep(task.config["quiet"])
        for _ in range(task.config["children"]):
            subprocess.Popen([sys.executable, "-c", _SUDDEN])
        time.sleep(60)


_SUDDEN = """
import mmap, time
begun = time.monotonic()
kept = []
for step in range(1, 100):
    kept.append(mmap.mmap(-1, 50_000_000))
    kept[-1].write(b"x" * 50_000_000)
    time.sleep(max(0.0, begun + 0.05 * step - time.monotonic()))
"""


class ManyFiles:
    """Fills its scratch folder with one file after another."""

    def fit(self, task, reporter):
        for number in range(10_000):
            (task.scratch_dir / str(number)).write_bytes(b"x" * (5 * MEGABYTE))
            time.sleep(0.02)


class HiddenFile:
    """Writes to files that have no name any more."""

    def fit(self, task, reporter):
        files = [(task.scratch_dir / str(number)).open("wb", 0) for number in range(4)]
        for number in range(4):
            (task.scratch_dir / str(number)).unlink()
        while True:
            for file in files:
                file.write(b"x" * MEGABYTE)
            time.sleep(0.02)


class OneFile:
    """Writes one file that is larger than all that it may write."""

    def fit(self, task, reporter):
        with (task.scratch_dir / "large").open("wb", 0) as file:
            while True:
                file.write(b"x" * (200 * MEGABYTE))


class Sparse:
    """Makes a huge file with nothing in it, a link to a real one, and a copy by another name."""

    def fit(self, task, reporter):
        with (task.scratch_dir / "sparse").open("wb") as file:
            file.truncate(90 * MEGABYTE)
        (task.scratch_dir / "real").write_bytes(b"x" * (60 * MEGABYTE))
        os.link(task.scratch_dir / "real", task.scratch_dir / "again")
        (task.scratch_dir / "link").symlink_to("real")
        time.sleep(2.5)
        return MODEL


class FullDisk:
    def fit(self, task, reporter):
        raise OSError(28, "No space left on device")


class Threads:
    """Keeps all of its cores busy, as training does."""

    def fit(self, task, reporter):
        import numpy as np

        def work(seed):
            matrix = np.random.default_rng(seed).random((300, 300))
            until = time.monotonic() + task.config["seconds"]
            while time.monotonic() < until:
                matrix = matrix @ matrix
                matrix /= matrix.max()

        with ThreadPoolExecutor(task.cpu) as pool:
            list(pool.map(work, range(task.cpu)))
        return MODEL

"""What a run has used, for its log and its experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from modelstudio.worker.wording import in_same_unit, size

if TYPE_CHECKING:
    from modelstudio.trainers.base import Reporter
    from modelstudio.worker.specification import JobSpecification


@dataclass
class RunUsage:
    """What a run uses now and has used at most, as far as it was looked at; bytes and seconds."""

    memory_bytes: int = 0
    peak_memory_bytes: int = 0
    peak_disk_bytes: int = 0
    training_seconds: float = 0.0

    def note_memory(self, used: int) -> None:
        self.memory_bytes = used
        self.peak_memory_bytes = max(self.peak_memory_bytes, used)

    def note_disk(self, used: int) -> None:
        self.peak_disk_bytes = max(self.peak_disk_bytes, used)

    def report(self, job: JobSpecification, reporter: Reporter) -> None:
        """Write what was used to the log and the parameters, once the processes are reaped."""
        times = psutil.Process().cpu_times()
        cpu_seconds = times.children_user + times.children_system
        memory = " of ".join(in_same_unit(self.peak_memory_bytes, job.memory_bytes))
        disk = size(self.peak_disk_bytes)
        if job.disk_bytes is not None:
            disk = " of ".join(in_same_unit(self.peak_disk_bytes, job.disk_bytes))
        reporter.log(
            f"Used {cpu_seconds:.1f} s of CPU in {self.training_seconds:.1f} s, at most {memory} "
            f"of memory and {disk} of disk."
        )
        reporter.parameter("usage/peak_memory_bytes", self.peak_memory_bytes)
        reporter.parameter("usage/peak_disk_bytes", self.peak_disk_bytes)
        reporter.parameter("usage/cpu_seconds", round(cpu_seconds, 2))
        reporter.parameter("usage/training_seconds", round(self.training_seconds, 2))

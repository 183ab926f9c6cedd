"""Runs one attempt of one job: fetches its data, trains, reports, hands over the result.

The main thread waits for the attempt to end and then ends every process below it. The others do
the work: one the steps of the job, one the heartbeats, one the events. None of them holds anything
that would have to be saved, so the process may exit under them at any time.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import queue
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from modelstudio.worker import training_process
from modelstudio.worker.forwarder import EventForwarder
from modelstudio.worker.gpus import held
from modelstudio.worker.job_server import (
    AttemptOverError,
    ServerRefusedError,
    ServerUnreachableError,
)
from modelstudio.worker.package import UnpackableModelError, pack
from modelstudio.worker.processes import descendants, reap, terminate
from modelstudio.worker.reporter import FileReporter
from modelstudio.worker.specification import JobSpecification
from modelstudio.worker.usage import RunUsage
from modelstudio.worker.watchdog import RunFailedError, Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from modelstudio.trainers.environments import TrainerEnvironments
    from modelstudio.worker.job_server import JobServer
    from modelstudio.worker.layout import WorkDir
    from modelstudio.worker.settings import Place

_log = logging.getLogger("modelstudio.worker")

_GRACE_SECONDS: Final = 1.5
#: A stop reaches all processes of the session at once; ours may notice after the training's end.
_SETTLE_SECONDS: Final = 1.0
#: How long the remains of a killed process may take to be gone.
_END_SECONDS: Final = 1.0
_TOO_LARGE: Final = 413


@dataclass(frozen=True, slots=True)
class Ending:
    """Why there is nothing left to do, and the exit status that says so."""

    why: str
    exit_status: int = 0


class Supervisor:
    """One attempt of one job, from its specification to its result."""

    def __init__(
        self,
        server: JobServer,
        work_dir: WorkDir,
        place: Place,
        environments: TrainerEnvironments,
    ) -> None:
        self._server = server
        self._work_dir = work_dir
        self._place = place
        self._environments = environments
        self._usage = RunUsage()
        self._endings: queue.SimpleQueue[Ending] = queue.SimpleQueue()
        # Reentrant, because a signal's handler runs between any two steps of the main thread.
        self._lock = threading.RLock()
        self._ended = False

    def run(self) -> int:
        """Run the attempt to its end and return the exit status of the worker."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._in_background("work", self._work)
        ending = self._endings.get()
        _log.info("%s", ending.why)
        if not terminate(descendants, _GRACE_SECONDS):
            _log.error("Some processes of the run could not be ended")
        self._work_dir.clear()
        return ending.exit_status

    def _on_signal(self, number: int, _frame: object) -> None:
        self._end(Ending(f"Told to stop by {signal.Signals(number).name}"))

    def _end(self, ending: Ending) -> None:
        with self._lock:
            if not self._ended:
                self._ended = True
                self._endings.put(ending)

    def _check_not_ended(self) -> None:
        if self._ended:
            raise AttemptOverError("The attempt is over")

    def _in_background(self, name: str, target: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=self._guard, args=(name, target), name=name, daemon=True)
        thread.start()
        return thread

    def _guard(self, name: str, target: Callable[[], None]) -> None:
        try:
            target()
        except AttemptOverError as over:
            self._end(Ending(str(over)))
        except ServerUnreachableError as unreachable:
            self._end(Ending(str(unreachable), exit_status=1))
        except Exception:  # noqa: BLE001 - logged; there is no one above to tell
            _log.exception("The worker's %s thread failed", name)
            self._end(Ending("Giving up", exit_status=1))

    def _work(self) -> None:
        job = JobSpecification.parse(self._server.specification())
        _log.info("Attempt %d has started", job.attempt)
        self._in_background("heartbeat", lambda: self._send_heartbeats(job))
        reason = self._attempt(job)
        self._check_not_ended()
        if reason is None:
            self._end(Ending("The job has succeeded"))
        else:
            _log.info("The job fails: %s", reason)
            self._server.fail(job.attempt, reason)
            self._end(Ending("The job has failed, and the server knows why"))

    def _send_heartbeats(self, job: JobSpecification) -> None:
        while not self._is_cancelled(job):
            time.sleep(job.heartbeat_seconds)
        self._end(Ending("The job was cancelled"))

    def _is_cancelled(self, job: JobSpecification) -> bool:
        try:
            return self._server.heartbeat(job.attempt, self._usage.memory_bytes)
        except ServerRefusedError as refusal:
            # Perhaps a gateway in front of a server that is just restarting.
            _log.warning("%s", refusal)
            return False

    def _attempt(self, job: JobSpecification) -> str | None:
        """Run the job and return the reason of its failure, if any."""
        try:
            self._deliver(job, self._train(job))
        except (RunFailedError, UnpackableModelError) as failure:
            return str(failure)
        except ServerRefusedError as refusal:
            _log.error("%s", refusal)
            return _refused(refusal)
        except (AttemptOverError, ServerUnreachableError):
            raise
        except Exception as error:  # noqa: BLE001 - logged; the job must still be answered
            _log.exception("The worker failed")
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                return "Out of disk: the machine that ran the training has no space left on it."
            return "The worker failed unexpectedly; the operator finds the cause in its log."
        return None

    def _train(self, job: JobSpecification) -> Mapping[str, Any]:
        self._work_dir.prepare()
        for number, alias in enumerate(job.inputs):
            self._server.download_input(alias, self._work_dir.input(number))
        forwarder = EventForwarder(self._server, job.attempt, self._work_dir.events)
        forwarding = self._in_background("events", forwarder.run)
        try:
            with self._gpu_for(job) as gpu:
                return self._train_on(gpu, job)
        finally:
            forwarder.finish()
            forwarding.join()

    @contextmanager
    def _gpu_for(self, job: JobSpecification) -> Iterator[str]:
        """Hold a GPU of the type that the job needs and yield its identity; empty for none."""
        if job.gpu is None:
            yield ""
            return
        suitable = [gpu for gpu in self._place.gpus if gpu.type == job.gpu]
        if not suitable:
            raise RunFailedError(f"The machine that ran the training has no GPU of type {job.gpu}.")

        def on_wait(is_first: bool) -> None:
            self._check_not_ended()
            if is_first:
                FileReporter(self._work_dir).log(f"Waiting for a GPU of type {job.gpu}.")

        with held(suitable, self._place.gpu_locks, on_wait) as gpu:
            yield gpu.identity

    def _train_on(self, gpu: str, job: JobSpecification) -> Mapping[str, Any]:
        watchdog = Watchdog(job, self._work_dir, self._usage, self._place.least_free_bytes)
        process = self._start(job, gpu)
        try:
            exit_status = watchdog.watch(process)
        finally:
            self._wind_up(job, process, watchdog)
        if exit_status == -signal.SIGTERM:
            time.sleep(_SETTLE_SECONDS)
        self._check_not_ended()
        killed = watchdog.kernel_has_killed
        return training_process.outcome(self._work_dir, exit_status, kernel_has_killed=killed)

    def _wind_up(
        self, job: JobSpecification, process: subprocess.Popen[bytes], watchdog: Watchdog
    ) -> None:
        """Leave no process of the run and none of its shared memory, and report what it used."""
        terminate(descendants, 0)
        self._usage.memory_bytes = 0
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
        reap()
        watchdog.files.delete_shared_memory()
        with contextlib.suppress(OSError):  # a full disk must not hide why the run failed
            self._work_dir.end_last_event()
            self._usage.report(job, FileReporter(self._work_dir))

    def _start(self, job: JobSpecification, gpu: str) -> subprocess.Popen[bytes]:
        with self._lock:
            # Once ended, the main thread looks for processes to end; none may come after that.
            self._check_not_ended()
            return training_process.start(self._work_dir, job, self._place, self._environments, gpu)

    def _deliver(self, job: JobSpecification, result: Mapping[str, Any]) -> None:
        for table in result["tables"]:
            self._server.upload_table(
                job.attempt,
                table["name"],
                table["description"],
                table["rowCount"],
                self._work_dir.table(table["name"]),
            )
        pack(self._work_dir.model, self._work_dir.package)
        self._server.upload_model(job.attempt, self._work_dir.package)
        outcome = {
            name: result[name]
            for name in ("modelApi", "condaRequirements", "predictor", "summaryMetrics")
        }
        self._server.complete(job.attempt, outcome)


def _refused(refusal: ServerRefusedError) -> str:
    reason = f"The server refused {refusal.what} of this run"
    if refusal.status == _TOO_LARGE:
        return f"{reason}: it is larger than the server takes (MODELSTUDIO_MAX_MODEL_BYTES)."
    return f"{reason}."

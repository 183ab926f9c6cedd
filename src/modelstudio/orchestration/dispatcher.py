"""Starts workers for waiting jobs and looks after those that run.

One thread decides, a few others do what takes time. All it knows is in the database, so that a
server that was killed goes on where it stopped. Each pass reads the workers and the head of the
queue, and acts on what it finds:

    a job waits and fits       claim it, start a worker, note the worker's handle
    ... but the disk is full   say so in the job's log; it goes on waiting
    claimed, but no handle     the server died in between: the job waits again
    cancel requested           stop the worker, then the job is CANCELED
    worker ended, job runs     the job FAILED, or has another attempt
    no heartbeat for too long  stop the worker, then as above
    job over, worker ended     save its logs if it failed, delete what it left
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from modelstudio.compute.base import Capacity, StartRequest, WorkerStartError
from modelstudio.orchestration.instance import Instance, url_file, write_url
from modelstudio.orchestration.remains import log_tails
from modelstudio.orchestration.store import LogLine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from modelstudio.compute.base import Compute, WorkerHandle
    from modelstudio.kit.blobs import BlobStore
    from modelstudio.kit.clock import Clock, IdSource
    from modelstudio.kit.database import Database
    from modelstudio.kit.metrics import Metrics
    from modelstudio.orchestration.lifecycle import Claim, JobLifecycle
    from modelstudio.orchestration.store import OrchestrationStore, Waiting, Worker
    from modelstudio.orchestration.wakeup import Wakeup

_log = structlog.get_logger("modelstudio.orchestration")

#: Between two looks at the queue, which another server may have filled, when nothing runs here.
_IDLE_SECONDS: Final = 1.0
_BUSY_SECONDS: Final = 0.25
#: A worker that is told to stop tells its training process to; both may take a moment.
_STOP_GRACE_SECONDS: Final = 2.0
#: How long a worker whose job is over may take to leave by itself.
_LEAVE_SECONDS: Final = 5.0
#: A server cancels its own jobs in less. After this time it must be gone.
_FOREIGN_CANCEL_SECONDS: Final = 15.0
_RETRY_SECONDS: Final = 10.0
#: Between two lines about one failure that lasts.
_SAME_FAILURE_SECONDS: Final = 60.0
#: A worker whose heartbeat was refused tries again within this time.
_PROOF_SECONDS: Final = 10.0
_HELPERS: Final = 8
#: Sums of fractions of a core are not exact.
_CPU_TOLERANCE: Final = 1e-6
_SILENT: Final = "The worker stopped answering."

_Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class DispatcherSettings:
    """What of the server's settings the dispatcher needs."""

    data_dir: Path
    server_url: str
    heartbeat_timeout_seconds: float
    worker_patience_seconds: float


class Dispatcher:
    def __init__(
        self,
        database: Database,
        store: OrchestrationStore,
        lifecycle: JobLifecycle,
        compute: Compute,
        blobs: BlobStore,
        clock: Clock,
        ids: IdSource,
        metrics: Metrics,
        wakeup: Wakeup,
        settings: DispatcherSettings,
    ) -> None:
        self._database = database
        self._store = store
        self._lifecycle = lifecycle
        self._compute = compute
        self._blobs = blobs
        self._clock = clock
        self._metrics = metrics
        self._wakeup = wakeup
        self._settings = settings
        self._instance = Instance(settings.data_dir, ids)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._helpers = ThreadPoolExecutor(_HELPERS, thread_name_prefix="dispatcher")
        self._in_work: set[_Key] = set()
        self._not_before: dict[_Key, float] = {}
        self._leaving_since: dict[_Key, float] = {}
        self._silent_since: dict[_Key, float] = {}
        self._warned = False
        self._told_of: str | None = ""
        self._failure: tuple[str, float] = ("", 0.0)
        self._last_pass = 0
        self._listening_since = 0

    def start(self) -> None:
        """Begin to dispatch, once no other process does so on the same data directory."""
        self._thread.start()

    def stop(self) -> None:
        """Stop dispatching; the workers go on and wait for the next server."""
        self._stopped.set()
        self._wakeup.now()
        self._thread.join()
        self._helpers.shutdown(cancel_futures=True)
        self._compute.leave()
        self._instance.release()

    # the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        owner: str | None = None
        while not self._stopped.is_set():
            pause = _IDLE_SECONDS
            try:
                owner = owner or self._become_owner()
                if owner is not None and self._pass(owner):
                    pause = _BUSY_SECONDS
            except Exception as error:  # noqa: BLE001 - it must go on, whatever happened
                self._log_failure(error)
            self._wakeup.wait(pause)

    def _log_failure(self, error: Exception) -> None:
        """Log what happened, but not each second again while it lasts: the disk may be full."""
        text, now = repr(error), time.monotonic()
        if self._failure[0] != text or now - self._failure[1] > _SAME_FAILURE_SECONDS:
            _log.exception("the dispatcher failed and tries again")
            self._failure = (text, now)

    def _become_owner(self) -> str | None:
        try:
            owner = self._instance.acquire()
            if owner is not None:
                # Only the owner's: workers would follow the address of a server that then ends.
                write_url(self._settings.data_dir, self._settings.server_url)
        except OSError as error:
            self._instance.release()  # who cannot be found by workers must not keep others out
            self._note_unusable(error)
            return None
        if owner is None and not self._warned:
            _log.warning("another server process runs the jobs of this data directory")
            self._warned = True
        return owner

    def _note_unusable(self, error: OSError) -> None:
        """Tell the operator and the job that waits first, until the directory can be used."""
        with self._database.read() as tx:
            head = self._store.next_waiting(tx, self._compute.capacity())
        reason = f"The server cannot write to its data directory: {error.strerror or error}."
        self._note_obstacle(head.rid if head is not None else None, reason)

    def _pass(self, owner: str) -> bool:
        """Look at everything once; return whether this server has any worker."""
        with self._database.read() as tx:
            counts = self._store.counts(tx)
            workers = self._store.all_workers(tx)
            head = self._store.next_waiting(tx, self._compute.capacity())
        self._note_absence()  # only now: while the database was away, no one could be heard
        mine = [worker for worker in workers if worker.owner == owner]
        for status, count in counts.items():
            self._metrics.jobs.labels(status).set(count)
        self._metrics.workers_memory.set(sum(worker.rss_bytes for worker in mine))
        for worker in workers:
            self._attend(worker, self._mine if worker.owner == owner else self._foreign)
        handles = [worker.handle for worker in mine if worker.handle is not None]
        return self._start_what_fits(owner, head, self._free(mine), handles) or bool(mine)

    def _note_absence(self) -> None:
        """Give workers time to be heard after this server could not listen.

        It was not running, or suspended, or its database was away.
        """
        now = self._clock.now_millis()
        if now - self._last_pass > self._timeout_millis / 2:
            self._listening_since = now
        self._last_pass = now

    @property
    def _timeout_millis(self) -> float:
        return self._settings.heartbeat_timeout_seconds * 1000

    # starting ---------------------------------------------------------------------------------

    def _free(self, mine: list[Worker]) -> Capacity:
        """Return what is left; a worker that has not left yet still counts."""
        total = self._compute.capacity()
        return Capacity(
            cpu=total.cpu - sum(worker.cpu for worker in mine),
            memory_bytes=total.memory_bytes - sum(worker.memory_bytes for worker in mine),
        )

    def _start_what_fits(
        self, owner: str, head: Waiting | None, free: Capacity, neighbours: list[WorkerHandle]
    ) -> bool:
        """Start workers, strictly in the order of the queue; return whether there were any."""
        started = False
        while head is not None and not self._stopped.is_set() and _fits(head, free):
            if (obstacle := self._compute.obstacle()) is not None:
                self._note_obstacle(head.rid, obstacle)
                break
            with self._database.write() as tx:
                claim = self._lifecycle.claim(tx, head.rid, owner)
            if claim is not None:
                self._start(claim, neighbours)
                started = True
                free = Capacity(free.cpu - head.cpu, free.memory_bytes - head.memory_bytes)
            with self._database.read() as tx:
                head = self._store.next_waiting(tx, self._compute.capacity())
        return started

    def _note_obstacle(self, job_rid: str | None, obstacle: str) -> None:
        """Tell a waiting job's readers, once, why it does not start although there is room."""
        if self._told_of != job_rid:
            _log.error("no job can start", job_rid=job_rid, reason=obstacle)
            if job_rid is not None:
                with self._database.write() as tx:
                    line = LogLine(self._clock.now_millis(), "WARNING", f"Waiting. {obstacle}")
                    self._store.add_logs(tx, job_rid, [line])
            self._told_of = job_rid

    def _start(self, claim: Claim, neighbours: list[WorkerHandle]) -> None:
        """Start a worker and add it to its neighbours."""
        job = claim.job
        request = StartRequest(
            job_rid=job.rid,
            attempt=job.attempt,
            token=claim.token,
            server_url=self._settings.server_url,
            server_url_file=url_file(self._settings.data_dir),
            patience_seconds=self._settings.worker_patience_seconds,
            cpu=job.cpu,
            memory_bytes=job.memory_bytes,
            neighbours=tuple(neighbours),
        )
        try:
            handle = self._compute.start(request)
        except WorkerStartError:
            _log.exception("a worker could not be started", job_rid=job.rid)
            with self._database.write() as tx:
                self._lifecycle.fail(tx, job.rid, job.attempt, "The worker could not be started.")
            return
        try:
            with self._database.write() as tx:
                self._store.update_worker(tx, job.rid, job.attempt, handle=handle)
        except Exception:
            # No one would find it again. Without a handle the job is queued again.
            self._compute.stop(handle, 0)
            raise
        neighbours.append(handle)
        _log.info("started a worker", job_rid=job.rid, attempt=job.attempt)

    # looking after ----------------------------------------------------------------------------

    def _attend(
        self, worker: Worker, choose: Callable[[Worker], Callable[[], None] | None]
    ) -> None:
        key = (worker.job_rid, worker.attempt)
        if key in self._in_work or self._not_before.get(key, 0) > time.monotonic():
            return
        task = choose(worker)
        if task is not None:
            self._in_work.add(key)
            try:
                self._helpers.submit(self._perform, key, task)
            except BaseException:  # no thread can be started: the next pass tries again
                self._in_work.discard(key)
                raise

    def _perform(self, key: _Key, task: Callable[[], None]) -> None:
        try:
            task()
            self._not_before.pop(key, None)
        except Exception:  # noqa: BLE001 - logged here, and tried again later
            self._not_before[key] = time.monotonic() + _RETRY_SECONDS
            _log.exception("looking after a worker failed", job_rid=key[0], attempt=key[1])
        finally:
            self._in_work.discard(key)
            self._wakeup.now()

    def _mine(self, worker: Worker) -> Callable[[], None] | None:
        """Choose what to do about a worker of this server, if anything."""
        handle = worker.handle
        if not worker.is_wanted:
            return self._parting(worker)
        if handle is None:
            return lambda: self._requeue(worker)
        if worker.cancel_requested_at is not None:
            # The worker hears of it with its heartbeat too; this is for one that does not listen.
            return lambda: self._stop_and_fail(worker, handle, "The build was cancelled.")
        if not self._compute.is_alive(handle):
            reason = self._compute.exit_reason(handle) or "The worker ended unexpectedly."
            return lambda: self._stop_and_fail(worker, handle, reason)
        heard = max(worker.last_sign_of_life, self._listening_since)
        if self._clock.now_millis() - heard > self._timeout_millis:
            return lambda: self._end_silent(worker, handle)
        self._silent_since.pop((worker.job_rid, worker.attempt), None)
        return None

    def _foreign(self, worker: Worker) -> Callable[[], None] | None:
        """Choose what to do about a worker of another server, which may be gone for ever."""
        if not worker.is_wanted:
            return None
        now = self._clock.now_millis()
        # By then the worker has given up too.
        patience = self._settings.worker_patience_seconds * 1000 + self._timeout_millis
        is_lost = now - worker.last_sign_of_life > patience
        cancel = worker.cancel_requested_at
        is_ignored = cancel is not None and now - cancel > _FOREIGN_CANCEL_SECONDS * 1000
        return (lambda: self._fail(worker, _SILENT)) if is_lost or is_ignored else None

    def _parting(self, worker: Worker) -> Callable[[], None] | None:
        handle, key = worker.handle, (worker.job_rid, worker.attempt)
        if handle is not None and self._compute.is_alive(handle):
            since = self._leaving_since.setdefault(key, time.monotonic())
            if time.monotonic() - since < _LEAVE_SECONDS:
                return None
        self._leaving_since.pop(key, None)
        return lambda: self._clear_away(worker)

    # what takes time --------------------------------------------------------------------------

    def _requeue(self, worker: Worker) -> None:
        with self._database.write() as tx:
            self._lifecycle.requeue_unstarted(tx, worker.job_rid, worker.attempt)

    def _stop_and_fail(self, worker: Worker, handle: WorkerHandle, reason: str) -> None:
        """Leave no process of the worker, then end the attempt."""
        self._compute.stop(handle, _STOP_GRACE_SECONDS)
        self._fail(worker, reason)

    def _end_silent(self, worker: Worker, handle: WorkerHandle) -> None:
        """End an attempt that is not heard, once it is sure that this server could have heard it.

        On a full disk the heartbeats come but cannot be stored; then neither can this.
        """
        with self._database.write() as tx:
            self._store.update_worker(tx, worker.job_rid, worker.attempt, handle=handle)
        since = self._silent_since.setdefault((worker.job_rid, worker.attempt), time.monotonic())
        if time.monotonic() - since >= min(_PROOF_SECONDS, self._timeout_millis / 2000):
            self._stop_and_fail(worker, handle, _SILENT)

    def _fail(self, worker: Worker, reason: str) -> None:
        with self._database.write() as tx:
            if self._lifecycle.fail(tx, worker.job_rid, worker.attempt, reason):
                _log.warning(
                    "ended a job", job_rid=worker.job_rid, attempt=worker.attempt, reason=reason
                )

    def _clear_away(self, worker: Worker) -> None:
        """Delete what a worker left, but for a published model and the logs of a failure."""
        with self._database.read() as tx:
            job = self._store.job(tx, worker.job_rid)
        is_last = job is not None and job.attempt == worker.attempt
        has_succeeded = job is not None and is_last and job.status == "SUCCEEDED"
        was_cancelled = job is not None and is_last and job.status == "CANCELED"
        if worker.handle is not None:
            self._compute.stop(worker.handle, _STOP_GRACE_SECONDS)
        if worker.model_blob is not None and not has_succeeded:
            self._blobs.delete(worker.model_blob)
        lines = []
        if worker.handle is not None and not has_succeeded and not was_cancelled:
            lines = log_tails(worker.handle, self._clock.now_millis())
        with self._database.write() as tx:
            self._store.add_logs(tx, worker.job_rid, lines)
            self._store.remove_worker(tx, worker.job_rid, worker.attempt)
        if worker.handle is not None:
            self._compute.discard(worker.handle)


def _fits(waiting: Waiting, free: Capacity) -> bool:
    return waiting.cpu <= free.cpu + _CPU_TOLERANCE and waiting.memory_bytes <= free.memory_bytes

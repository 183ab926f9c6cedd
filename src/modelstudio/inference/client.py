"""A predictor's process as those see it who ask it: start it, ask it, end it.

Nothing here imports a library for tables or machine learning, so a server may use it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, Self

from modelstudio.inference import messages
from modelstudio.inference.notes import Notes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from modelstudio.inference.interpreter import Interpreter

_THREAD_VARIABLES: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "POLARS_MAX_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
_END_SECONDS: Final = 5.0


class PredictionError(Exception):
    """There is no prediction; the message is for the user.

    Attributes
    ----------
    missing_column
        The column that the predictor asked for in vain, if that is the reason.
    """

    def __init__(self, message: str, *, missing_column: str | None = None) -> None:
        super().__init__(message)
        self.missing_column = missing_column


class PredictorDiedError(PredictionError):
    """The process has ended, or was ended because it took too long; start another."""


@dataclass(frozen=True, slots=True)
class Predictable:
    """What a process loads and what it may use.

    Attributes
    ----------
    predictor
        ``module:Class`` of the Predictor.
    model_api
        The wire's ``ModelApi``; says of which types the answers are.
    cpu
        Threads that the libraries may use; None leaves it to them.
    memory_bytes
        What the process may allocate, about; None for no limit.
    """

    model_dir: Path
    predictor: str
    model_api: Mapping[str, Any]
    interpreter: Interpreter
    cpu: int | None = None
    memory_bytes: int | None = None


class PredictorProcess:
    """A predictor in a process of its own; for one thread at a time.

    Attributes
    ----------
    pid
        The process's number, for whoever measures it.
    row_wise
        Whether a table may be predicted in pieces, see ``trainers.base.Predictor``.
    predicts_rows
        Whether it has a fast way for one row.
    notes
        What the predictor says of the last answer; of ``predict_all``, of all its answers, each
        sentence once and counts added up.
    """

    def __init__(self, process: subprocess.Popen[bytes], about: Mapping[str, Any]) -> None:
        self._process = process
        self.pid = process.pid
        self.row_wise: bool = about["rowWise"]
        self.predicts_rows: bool = about["predictsRows"]
        self._notes = Notes()

    @classmethod
    def start(cls, what: Predictable, log: IO[bytes], *, timeout_seconds: float = 600) -> Self:
        """Start a process and wait until it has loaded the model.

        ``log`` takes what the predictor and its libraries print.

        Raises
        ------
        PredictionError
            When the model cannot be loaded, or not in time.
        """
        setup = {
            "parentPid": os.getpid(),
            "modelDir": str(what.model_dir.absolute()),
            "predictor": what.predictor,
            "modelApi": what.model_api,
            "memoryBytes": what.memory_bytes,
        }
        process = _spawn(what, log)
        try:
            with _deadline(process, timeout_seconds) as passed:
                about, _ = _exchange(process, setup, b"", passed)
            return cls(process, about)
        except BaseException:
            _end(process)
            raise

    def predict(self, table: bytes, *, timeout_seconds: float | None = None) -> bytes:
        """Predict a table; both are in Arrow's stream format.

        Raises
        ------
        PredictionError
            When the predictor refuses the table, or fails.
        PredictorDiedError
            When its process ended, or did not answer in time and was killed.
        """
        self._notes = Notes()
        with _deadline(self._process, timeout_seconds) as passed:
            head, body = _exchange(self._process, {"op": "predict"}, table, passed)
        self._notes.add(head["notes"])
        return body

    def predict_row(
        self, row: Mapping[str, Any], *, timeout_seconds: float | None = None
    ) -> dict[str, Any]:
        """Predict one row of plain values (numbers, strings, booleans, ISO moments).

        Raises
        ------
        PredictionError, PredictorDiedError
            As for ``predict``.
        """
        self._notes = Notes()
        with _deadline(self._process, timeout_seconds) as passed:
            head, _ = _exchange(self._process, {"op": "row", "row": dict(row)}, b"", passed)
        self._notes.add(head["notes"])
        answer: dict[str, Any] = head["row"]
        return answer

    def predict_all(self, tables: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the answer to each table; the next one is prepared while one is predicted.

        Raises
        ------
        PredictionError, PredictorDiedError
            As for ``predict``; also whatever ``tables`` raises.
        """
        self._notes = Notes()
        feeder = _Feeder(self._process, tables)
        feeder.start()
        try:
            while feeder.expects_answer():
                head, body = _answer(self._process, threading.Event())
                self._notes.add(head["notes"])
                yield body
            feeder.raise_problem()
        finally:
            feeder.stop()

    @property
    def notes(self) -> list[str]:
        return self._notes.lines()

    def close(self) -> None:
        """End the process."""
        _end(self._process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _spawn(what: Predictable, log: IO[bytes]) -> subprocess.Popen[bytes]:
    executable = what.interpreter.executable
    try:
        return subprocess.Popen(  # noqa: S603 - the command is ours
            [executable, "-m", "modelstudio.inference.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=_environment(what),
            start_new_session=True,  # so that all that it starts can be ended with it
        )
    except OSError as error:
        raise PredictionError(
            f"The interpreter {executable} cannot be started: {error.strerror}."
        ) from error


class _Feeder(threading.Thread):
    """Sends tables, each as soon as the pipe takes it."""

    def __init__(self, process: subprocess.Popen[bytes], tables: Iterable[bytes]) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._tables = tables
        self._sent = threading.Semaphore(0)
        self._stopped = threading.Event()
        self._count = 0
        self._answered = 0
        self._problem: BaseException | None = None
        self._done = False

    def run(self) -> None:
        try:
            for table in self._tables:
                if self._stopped.is_set():
                    break
                self._count += 1
                self._sent.release()
                _send(self._process, {"op": "predict"}, table)
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            self._problem = error
        finally:
            self._done = True
            self._sent.release()

    def expects_answer(self) -> bool:
        """Wait for the next table to be on its way; False when there is none any more."""
        self._sent.acquire()
        if self._answered < self._count:
            self._answered += 1
            return True
        return False

    def raise_problem(self) -> None:
        if self._problem is not None:
            raise self._problem

    def stop(self) -> None:
        """Leave nothing running; a process that still has tables to answer is of no more use."""
        self._stopped.set()
        if not self._done:
            _kill(self._process)
            self.join()


def _exchange(
    process: subprocess.Popen[bytes],
    head: Mapping[str, Any],
    body: bytes,
    passed: threading.Event,
) -> tuple[messages.Head, bytes]:
    # A process that is gone says why on its other pipe, or by its exit code.
    with contextlib.suppress(BrokenPipeError):
        _send(process, head, body)
    return _answer(process, passed)


def _send(process: subprocess.Popen[bytes], head: Mapping[str, Any], body: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 - opened with a pipe
    messages.write(process.stdin, head, body)


def _answer(
    process: subprocess.Popen[bytes], passed: threading.Event
) -> tuple[messages.Head, bytes]:
    assert process.stdout is not None  # noqa: S101 - opened with a pipe
    message = messages.read(process.stdout)
    if message is None:
        raise PredictorDiedError(_how_it_died(process, passed))
    if "problem" in message[0]:
        head = message[0]
        raise PredictionError(head["problem"], missing_column=head.get("missingColumn"))
    return message


@contextlib.contextmanager
def _deadline(
    process: subprocess.Popen[bytes], timeout_seconds: float | None
) -> Iterator[threading.Event]:
    """Kill the process when the block takes longer; the event says whether that happened."""
    passed = threading.Event()
    if timeout_seconds is None:
        yield passed
        return

    def give_up() -> None:
        passed.set()
        _kill(process)

    timer = threading.Timer(timeout_seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield passed
    finally:
        timer.cancel()


def _how_it_died(process: subprocess.Popen[bytes], passed: threading.Event) -> str:
    if passed.is_set():
        return "The predictor took too long."
    try:
        status = process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        return "The predictor stopped answering."
    if status == -signal.SIGKILL:
        return "The predictor was killed, most likely because the machine ran out of memory."
    if status < 0:
        return f"The predictor crashed (signal {-status})."
    return f"The predictor ended unexpectedly (exit code {status})."


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it has started in its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes]) -> None:
    _kill(process)  # it keeps nothing that would have to be put in order
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what it was sent last has nobody to go to
            if pipe is not None:
                pipe.close()


def _environment(what: Predictable) -> dict[str, str]:
    threads = {} if what.cpu is None else dict.fromkeys(_THREAD_VARIABLES, str(what.cpu))
    return {
        **what.interpreter.variables(),
        **threads,
        # Idle threads of a pool would spin, which costs others their time.
        "OMP_WAIT_POLICY": "PASSIVE",
        # Arrow's own allocator reserves 1 GiB, which would count against the limit on memory.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
    }

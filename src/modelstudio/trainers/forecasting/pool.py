"""Processes that fit statistical models, and are ended when a model takes too long.

A fit inside a native library cannot be interrupted from within its process.
"""

from __future__ import annotations

import multiprocessing
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from modelstudio.trainers.forecasting.local import forecast_series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from multiprocessing.connection import Connection

    from modelstudio.trainers.forecasting.panel import Floats

_CHUNK: Final = 16
#: A model whose first series say that it will take this much longer than it may is given up.
_HOPELESS: Final = 1.5
_LOOKED_AT: Final = 0.25
_START_SECONDS: Final = 60.0


class TooSlow(Exception):
    """A model was not done by its deadline."""


@dataclass
class _Worker:
    process: Any
    link: Connection
    chunk: int | None = None
    ready: bool = False


class LocalPool:
    """Fits local models over many series on several cores."""

    def __init__(self, cpu: int, seasons: Sequence[int], horizon: int) -> None:
        self._cpu, self._seasons, self._horizon = cpu, tuple(seasons), horizon
        # Children of a server process that has these libraries loaded but has started no thread.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["statsforecast.models", __name__])
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_error: object) -> None:
        while self._workers:
            self._end(self._workers[-1])

    def forecast(
        self,
        name: str,
        series: Sequence[Floats],
        parameters: Mapping[str, Any],
        seconds: float,
    ) -> Floats:
        """Return the forecasts of one model for many series, series by horizon.

        Raises
        ------
        TooSlow
            When it takes, or clearly will take, longer than ``seconds``.
        """
        size = max(1, min(_CHUNK, len(series) // (4 * self._cpu)))
        chunks = [series[begin : begin + size] for begin in range(0, len(series), size)]
        found: dict[int, Floats] = {}
        waiting = list(range(len(chunks)))[::-1]
        self._start()
        self._wait_until_ready()
        started = time.monotonic()
        try:
            while len(found) < len(chunks):
                self._hand_out(name, chunks, parameters, waiting)
                self._collect(found, started + seconds)
                _check(len(found) / len(chunks), time.monotonic() - started, seconds)
        finally:
            for worker in [worker for worker in self._workers if worker.chunk is not None]:
                self._end(worker)
        return np.concatenate([found[number] for number in range(len(chunks))])

    def _start(self) -> None:
        while len(self._workers) < self._cpu:
            ours, theirs = self._context.Pipe()
            arguments = (theirs, self._seasons, self._horizon)
            process = self._context.Process(target=_serve, args=arguments, daemon=True)
            process.start()
            theirs.close()
            self._workers.append(_Worker(process, ours))

    def _wait_until_ready(self) -> None:
        """Wait for the processes' imports, which are no model's fault."""
        for worker in self._workers:
            if not worker.ready:
                if not worker.link.poll(_START_SECONDS):
                    raise TooSlow
                worker.ready = bool(worker.link.recv())

    def _hand_out(
        self,
        name: str,
        chunks: Sequence[Sequence[Floats]],
        parameters: Mapping[str, Any],
        waiting: list[int],
    ) -> None:
        for worker in self._workers:
            if worker.chunk is None and waiting:
                worker.chunk = waiting.pop()
                worker.link.send((name, list(chunks[worker.chunk]), dict(parameters)))

    def _collect(self, found: dict[int, Floats], deadline: float) -> None:
        busy = {worker.link: worker for worker in self._workers if worker.chunk is not None}
        ready = connection.wait(list(busy), max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TooSlow
        for link in ready:
            worker = busy[link]  # type: ignore[index]
            assert worker.chunk is not None  # noqa: S101
            try:
                found[worker.chunk] = worker.link.recv()
            except (EOFError, OSError) as error:  # it died, out of memory for one
                raise TooSlow from error
            worker.chunk = None

    def _end(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.process.kill()
        worker.process.join()
        worker.link.close()


def _check(share: float, spent: float, seconds: float) -> None:
    """Give a model up whose pace is hopeless."""
    if spent > _LOOKED_AT * seconds and spent / max(share, 1e-9) > _HOPELESS * seconds:
        raise TooSlow


def _serve(link: Connection, seasons: tuple[int, ...], horizon: int) -> None:
    """Answer chunks of series until the other end is closed."""
    with suppress(EOFError, OSError):
        link.send(True)  # ready
        while True:
            name, series, parameters = link.recv()
            link.send(
                np.array([forecast_series(name, y, seasons, horizon, parameters) for y in series])
            )

"""Processes that fit statistical models, and are ended when a model takes too long.

A fit inside a native library cannot be interrupted from within its process.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
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
_LOOKED_AT: Final = 0.1
_CHUNKS_SEEN: Final = 2
_START_SECONDS: Final = 60.0
#: Children that a nursery can have, one after the other, before another takes its place.
_CHILDREN: Final = 12


class TooSlow(Exception):
    """A model was not done by its deadline."""


@dataclass
class _Worker:
    """A nursery process, and the link to the child that it has forked last.

    A nursery has the libraries loaded and starts no thread. It forks a child, which fits models
    over a link of its own; when the child is killed, it forks the next. So a new child costs
    milliseconds, and what a killed one had half written is closed with its link.
    """

    nursery: Any
    control: Connection
    links: list[Connection]
    child: int | None = None
    chunk: int | None = None

    @property
    def link(self) -> Connection:
        return self.links[0]


class LocalPool:
    """Fits local models over many series on several cores."""

    def __init__(self, cpu: int, seasons: Sequence[int], horizon: int) -> None:
        self._cpu, self._seasons, self._horizon = cpu, tuple(seasons), horizon
        # Not a fork of this process, whose libraries have threads; and not multiprocessing's fork
        # server, whose socket needs a shorter path than a run's temporary directory may have.
        self._context = multiprocessing.get_context("spawn")
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
                if len(found) >= _CHUNKS_SEEN * self._cpu:
                    _check(len(found) / len(chunks), time.monotonic() - started, seconds)
        finally:
            for worker in [worker for worker in self._workers if worker.chunk is not None]:
                self._stop(worker)
        return np.concatenate([found[number] for number in range(len(chunks))])

    def _start(self) -> None:
        while len(self._workers) < self._cpu:
            control, told = self._context.Pipe()
            pairs = [self._context.Pipe() for _ in range(_CHILDREN)]
            theirs = [pair[1] for pair in pairs]
            arguments = (told, theirs, self._seasons, self._horizon)
            nursery = self._context.Process(target=_nursery, args=arguments, daemon=True)
            nursery.start()
            for end in (told, *theirs):
                end.close()
            self._workers.append(_Worker(nursery, control, [pair[0] for pair in pairs]))

    def _wait_until_ready(self) -> None:
        """Wait for the processes' imports, which are no model's fault."""
        for worker in self._workers:
            if worker.child is None:
                try:
                    if not worker.control.poll(_START_SECONDS):
                        raise TooSlow
                    worker.child = int(worker.control.recv())
                except (EOFError, OSError) as error:
                    self._end(worker)
                    raise TooSlow from error

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

    def _stop(self, worker: _Worker) -> None:
        """Kill a worker's child; the nursery forks the next one."""
        if worker.child is not None:
            with suppress(ProcessLookupError):
                os.kill(worker.child, signal.SIGKILL)
        worker.links.pop(0).close()
        worker.child = worker.chunk = None
        if not worker.links:
            self._end(worker)

    def _end(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.nursery.kill()  # first, or it would fork another child
        worker.nursery.join()
        if worker.child is not None:
            with suppress(ProcessLookupError):
                os.kill(worker.child, signal.SIGKILL)
        for end in (worker.control, *worker.links):
            end.close()


def _check(share: float, spent: float, seconds: float) -> None:
    """Give a model up whose pace is hopeless."""
    if spent > _LOOKED_AT * seconds and spent / share > _HOPELESS * seconds:
        raise TooSlow


def _nursery(
    control: Connection, links: list[Connection], seasons: tuple[int, ...], horizon: int
) -> None:
    """Fork a child for each link, the next when the one before has ended."""
    import statsforecast.models  # noqa: F401 - so that no child has to

    for link in links:
        child = os.fork()
        if child == 0:
            try:
                control.close()
                _serve(link, seasons, horizon)
            finally:
                os._exit(0)
        link.close()
        with suppress(OSError):
            control.send(child)
        os.waitpid(child, 0)


def _serve(link: Connection, seasons: tuple[int, ...], horizon: int) -> None:
    """Answer chunks of series until the other end is closed."""
    with suppress(EOFError, OSError):
        while True:
            name, series, parameters = link.recv()
            link.send(
                np.array([forecast_series(name, y, seasons, horizon, parameters) for y in series])
            )

"""Runs the server process."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import socket
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TextIO, cast

import structlog
import uvicorn

from modelstudio.app import create_app
from modelstudio.bootstrap import named_obstacles, open_prepared
from modelstudio.errors import ConfigurationError
from modelstudio.kit.connections import PlainHttp

if TYPE_CHECKING:
    from types import FrameType

    from modelstudio.settings import Settings

_BACKLOG: Final = 2048
#: How long requests may take that run when the server is told to stop, and the closing then.
_ANSWER_SECONDS: Final = 10
_CLOSE_SECONDS: Final = 5


def run(settings: Settings) -> None:
    """Prepare the data directory and serve until told to stop.

    Raises
    ------
    ConfigurationError
        When the address, the data directory or the database cannot be used.
    """
    configure_logging(settings)
    # Before anything else: a second server on the same address must not touch the data.
    listener = _listen(settings.host, settings.port)
    foundation = open_prepared(replace(settings, port=listener.getsockname()[1]))
    with named_obstacles(settings):
        app = create_app(foundation)
    config = uvicorn.Config(
        app,
        http=PlainHttp,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_ANSWER_SECONDS,
    )
    structlog.get_logger("modelstudio.server").info(
        "serving", url=_url(settings.host, listener), data_dir=str(settings.data_dir.resolve())
    )
    _Server(config).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Ends when it is told to, also when something in it does not.

    What may hold it up is a write that waits for its turn, or a disk that does not answer. Nothing
    is lost: the workers outlive the server, and what it has answered is in the database.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = threading.Event()
        threading.Thread(target=self._insist, name="end", daemon=True).start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._told.set()

    def _insist(self) -> None:
        self._told.wait()
        time.sleep(_ANSWER_SECONDS + _CLOSE_SECONDS)
        structlog.get_logger("modelstudio.server").warning("ended before everything was closed")
        os._exit(1)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except socket.gaierror as error:
        raise ConfigurationError(f"cannot listen on {host}: {error.strerror}") from error
    except OSError as error:
        # not the error's own text, which names the address again
        reason = os.strerror(error.errno or 0)
        raise ConfigurationError(f"cannot listen on {host} port {port}: {reason}") from error


def _url(host: str, listener: socket.socket) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"


def configure_logging(settings: Settings) -> None:
    """Log to stderr, as text for people or JSON lines for collectors.

    A stack trace shows no values of variables: they hold tokens and the data of users.
    """
    level = logging.getLevelNamesMapping()[settings.log_level]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendered = _rendered(settings.log_format)
    structlog.configure(
        processors=[*shared, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Unfailing(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)  # what libraries log, in the same form
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # It names each of its own parts whenever it is loaded.
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)


class _Unfailing(io.TextIOBase):
    """A log whose lines are lost when they cannot be written.

    A full disk or a reader that is gone is no reason to end what wanted to say something.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


def _rendered(log_format: str) -> list[structlog.typing.Processor]:
    if log_format == "json":
        traces = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [
            structlog.processors.ExceptionRenderer(traces),
            structlog.processors.JSONRenderer(),
        ]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]

"""The server as one worker sees it: the requests of ``docs/worker-protocol.md``, and retries."""

from __future__ import annotations

import json
import logging
import random
import ssl
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

import httpx

from modelstudio import __version__
from modelstudio.worker.wording import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from modelstudio.worker.settings import WorkerSettings

T = TypeVar("T")

_log = logging.getLogger("modelstudio.worker")

_FIRST_DELAY_SECONDS: Final = 0.1
_LONGEST_DELAY_SECONDS: Final = 5.0
_ATTEMPT_OVER: Final = frozenset({401, 403, 410})
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500
_QUICK: Final = httpx.Timeout(10.0, connect=5.0)
#: An upload is answered only when the server has stored it.
_SLOW: Final = httpx.Timeout(60.0, connect=5.0, read=600.0)


class AttemptOverError(Exception):
    """The server has given this attempt up; nothing it does counts any more."""


class ServerUnreachableError(Exception):
    """The server did not answer for as long as the worker's patience lasts."""


class ServerRefusedError(Exception):
    """The server answered that the request is wrong; repeating it would not help."""

    def __init__(self, what: str, status: int) -> None:
        super().__init__(f"The server refused {what} with status {status}.")
        self.what = what
        self.status = status


class _TryAgainError(Exception):
    """The server answered, but not as it should."""


class JobServer:
    """One job's requests; safe to use from several threads.

    Every method repeats its request until it is answered, and raises ``AttemptOverError``,
    ``ServerUnreachableError`` or ``ServerRefusedError``.
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self._url = settings.server_url.rstrip("/")
        self._url_file = settings.server_url_file
        self._path = f"/worker/v1/jobs/{quote(settings.job_rid, safe='')}"
        self._patience = settings.patience_seconds
        self._client = httpx.Client(
            headers={
                "Authorization": f"Bearer {settings.token}",
                "User-Agent": f"modelstudio-worker/{__version__}",
                "Accept-Encoding": "identity",
            },
            # OpenSSL's own variables name other authorities; a proxy never stands between.
            verify=ssl.create_default_context(),
            trust_env=False,
        )

    def specification(self) -> dict[str, Any]:
        answer: dict[str, Any] = self._ask("the request for its specification", "GET", "/")
        return answer

    def heartbeat(self, attempt: int, rss_bytes: int) -> bool:
        """Say that the worker lives; return whether its job is to be cancelled."""
        body = _encode({"attempt": attempt, "rssBytes": rss_bytes})
        return bool(self._ask("a heartbeat", "POST", "/heartbeat", body)["cancelRequested"])

    def events(self, attempt: int, first_sequence: int, events: Sequence[bytes]) -> None:
        """Hand over events, each one JSON object."""
        head = f'{{"attempt":{attempt},"firstSequence":{first_sequence},"events":['.encode()
        self._send("events", "/events", head + b",".join(events) + b"]}", _SLOW)

    def complete(self, attempt: int, result: Mapping[str, Any]) -> None:
        self._send("the result", "/complete", _encode({"attempt": attempt, **result}), _SLOW)

    def fail(self, attempt: int, reason: str) -> None:
        body = _encode({"attempt": attempt, "reason": clean(reason)})
        self._send("the reason of the failure", "/fail", body)

    def upload_table(
        self, attempt: int, name: str, description: str, row_count: int, file: Path
    ) -> None:
        query: dict[str, str | int] = {
            "attempt": attempt,
            "description": description,
            "rowCount": row_count,
        }
        self._upload(f"the table {name!r}", f"/tables/{quote(name, safe='')}", query, file)

    def upload_model(self, attempt: int, file: Path) -> None:
        self._upload("the trained model", "/model", {"attempt": attempt}, file)

    def download_input(self, alias: str, file: Path) -> None:
        """Stream an input table to a file, which appears only when all of it has arrived."""
        part = file.with_name(file.name + ".part")
        what = f"the request for the input {alias!r}"

        def once(url: str) -> None:
            target = f"{url}/inputs/{quote(alias, safe='')}"
            with self._client.stream("GET", target, timeout=_SLOW) as response:
                _check(what, response)
                with part.open("wb") as sink:
                    for chunk in response.iter_bytes(1 << 20):
                        sink.write(chunk)

        self._until_answered(what, once)
        part.replace(file)

    def _upload(self, what: str, path: str, query: dict[str, str | int], file: Path) -> None:
        headers = {"Content-Type": "application/octet-stream"}

        def once(url: str) -> None:
            with file.open("rb") as body:
                response = self._client.put(
                    url + path, params=query, content=body, headers=headers, timeout=_SLOW
                )
            _check(what, response)

        self._until_answered(what, once)

    def _send(self, what: str, path: str, body: bytes, timeout: httpx.Timeout = _QUICK) -> None:
        self._until_answered(what, lambda url: self._once(what, "POST", url + path, body, timeout))

    def _ask(self, what: str, method: str, path: str, body: bytes | None = None) -> Any:
        def once(url: str) -> Any:
            response = self._once(what, method, url + path, body, _QUICK)
            try:
                return response.json()
            except ValueError:
                raise _TryAgainError("the answer is not JSON") from None

        return self._until_answered(what, once)

    def _once(
        self, what: str, method: str, url: str, body: bytes | None, timeout: httpx.Timeout
    ) -> httpx.Response:
        headers = {} if body is None else {"Content-Type": "application/json"}
        response = self._client.request(method, url, content=body, headers=headers, timeout=timeout)
        _check(what, response)
        return response

    def _until_answered(self, what: str, once: Callable[[str], T]) -> T:
        give_up = time.monotonic() + self._patience
        delay = _FIRST_DELAY_SECONDS
        while True:
            try:
                return once(self._server_url() + self._path)
            except (httpx.RequestError, httpx.InvalidURL, _TryAgainError) as error:
                if time.monotonic() + delay > give_up:
                    raise ServerUnreachableError(
                        f"The server did not answer {what} for {self._patience:g} s"
                    ) from error
                trouble = str(error) or type(error).__name__
            _log.warning("%s failed, trying again in %.1f s: %s", what, delay, trouble)
            time.sleep(delay * random.uniform(0.8, 1.0))
            delay = min(2 * delay, _LONGEST_DELAY_SECONDS)

    def _server_url(self) -> str:
        """Return where the server is now; a restarted one may have another port."""
        if self._url_file is not None:
            try:
                text = self._url_file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                text = ""
            if text.startswith(("http://", "https://")):
                self._url = text.rstrip("/")
        return self._url


def _encode(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False).encode()


def _check(what: str, response: httpx.Response) -> None:
    status = response.status_code
    if response.is_success:
        return
    if status in _ATTEMPT_OVER:
        raise AttemptOverError(f"The server answered {what} with status {status}")
    if status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS:
        raise _TryAgainError(f"status {status}")
    raise ServerRefusedError(what, status)

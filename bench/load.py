"""Load on one server over one kept-alive connection, and the CPU it costs that server."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """Of one kind of request.

    Attributes
    ----------
    cpu_micros
        User and system time of the server process, microseconds a request.
    per_second
        Requests answered a second, one at a time.
    """

    cpu_micros: float
    per_second: float


class Connection:
    """A minimal HTTP/1.1 client, so that the client does not slow the server down."""

    def __init__(self, port: int, token: str = "") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f" HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"

    def get(self, path: str) -> bytes:
        self._socket.sendall(f"GET {path}{self._head}".encode())
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, _, body = received.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{path}: {received!r}")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += self._more()
        return body

    def _more(self) -> bytes:
        received = self._socket.recv(1 << 16)
        if not received:
            raise ConnectionError("the server closed the connection")
        return received

    def close(self) -> None:
        self._socket.close()


def measure(connection: Connection, pid: int, path: str, *, requests: int) -> Measured:
    """Send the same request many times; the server must be idle otherwise."""
    before, begun = cpu_nanos(pid), time.perf_counter()
    for _ in range(requests):
        connection.get(path)
    seconds, spent = time.perf_counter() - begun, cpu_nanos(pid) - before
    return Measured(spent / requests / 1e3, requests / seconds)


def cpu_nanos(pid: int) -> int:
    """Time on a processor of all threads; the kernel's scheduler counts it in nanoseconds."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)

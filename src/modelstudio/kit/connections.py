"""How bytes of a connection become requests, where uvicorn's own way would lose some.

A client may ask for another protocol beside its request (`Connection: Upgrade`): Java's HttpClient
does so with its first, `curl --http2` too. A server that knows none ignores that and answers the
request as it is (RFC 9110, 7.8). llhttp, uvicorn's fast parser, takes such a request to end with
its head, whatever it announces of a body: the body would be lost, and its bytes read as the next
request. uvicorn's other parser has no such fault, but a page of the run list costs half as much
again with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_INVALID = "Invalid HTTP request received."
_NO_TUNNEL = "This server makes no tunnels."


class PlainHttp(HttpToolsProtocol):
    """Speaks HTTP/1.1 and nothing else: who asks for another protocol is answered in this one.

    The parser stops behind the head of a request that asks. The head is then given to it once
    more, without the field `Upgrade`, and what follows after it. All others pay nothing.
    """

    def _should_upgrade(self) -> bool:
        # Asked only of a request that the parser will stop at: no answer is begun for it.
        return True

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        rest: bytes | memoryview = data
        while True:
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as stop:
                if not self._begin_again():
                    return
                # a view: many small requests in one segment are not copied over and over
                rest = memoryview(rest)[stop.args[0] :]
            except httptools.HttpParserError:
                self._refuse(_INVALID)
                return
            else:
                return

    def _begin_again(self) -> bool:
        """Give a new parser the head that the old one stopped behind; say whether it took it.

        A new one, for the old has done with a connection that shall not be kept.
        """
        if self.parser.get_method() == b"CONNECT":  # what follows is for someone else
            self._refuse(_NO_TUNNEL)
            return False
        head = b"".join(self._plain_head())
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        try:
            self.parser.feed_data(head)
        except httptools.HttpParserError:
            self._refuse(_INVALID)
            return False
        return True

    def _plain_head(self) -> Iterator[bytes]:
        version = self.parser.get_http_version().encode()
        yield b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, version)
        for name, value in self.headers:
            if name != b"upgrade":
                yield b"%b: %b\r\n" % (name, value)
        yield b"\r\n"

    def _refuse(self, reason: str) -> None:
        self.logger.warning(reason)
        self.send_400_response(reason)

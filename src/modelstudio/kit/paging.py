"""Keyset paging: page sizes, and tokens that only their maker can write.

A token is ``v1.<base64url(key || mac)>``. The key is the last row's sort key as JSON. The mac is
HMAC-SHA256, cut to 16 bytes, over the listing's context (operation, resource, filters) and the
key, so that a token is refused when it is damaged, forged, or used with another listing; the
context itself need not travel.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, Any, Final

import orjson

from modelstudio.errors import InvalidPageSize, InvalidPageToken

if TYPE_CHECKING:
    from collections.abc import Sequence

_PREFIX: Final = "v1."
_MAC_BYTES: Final = 16
# The longest key holds a display name: 700 characters of up to 4 bytes, before base64.
_MAX_TOKEN_LENGTH: Final = 4096


def page_size(asked: int | None, *, default: int, maximum: int | None = None) -> int:
    """Return the size of the page to make; a wish above the maximum is cut to it.

    Raises
    ------
    InvalidPageSize
        For zero and negative sizes.
    """
    if asked is None:
        return default
    if asked <= 0:
        raise InvalidPageSize(asked)
    return min(asked, default if maximum is None else maximum)


class PageTokens:
    """Makes and reads page tokens with the server's secret key."""

    def __init__(self, key: bytes) -> None:
        self._hmac = hmac.new(key, digestmod=hashlib.sha256)

    def make(self, context: str, key: Sequence[Any]) -> str:
        """Return the token of the page after the row whose sort key is given."""
        payload = orjson.dumps(key)
        raw = payload + self._mac(context, payload)
        return _PREFIX + base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")

    def read(self, context: str, token: str) -> list[Any]:
        """Return the sort key in a token made for the same context.

        Raises
        ------
        InvalidPageToken
            When the token is damaged, forged or was made for another listing.
        """
        payload = self._verified(context, token)
        if payload is None:
            raise InvalidPageToken(token[:_MAX_TOKEN_LENGTH])
        key = orjson.loads(payload)
        assert isinstance(key, list)  # noqa: S101 - only make() can have written it
        return key

    def _verified(self, context: str, token: str) -> bytes | None:
        if not token.startswith(_PREFIX) or len(token) > _MAX_TOKEN_LENGTH:
            return None
        body = token[len(_PREFIX) :]
        try:
            raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        # base64 ignores the spare bits of the last character; without this several texts would
        # be the same token.
        if base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != body:
            return None
        payload, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(context, payload)):
            return None
        return payload

    def _mac(self, context: str, payload: bytes) -> bytes:
        signer = self._hmac.copy()
        signer.update(context.encode())
        signer.update(b"\0")
        signer.update(payload)
        return signer.digest()[:_MAC_BYTES]

"""The official asynchronous client, for event loops that end with a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foundry_sdk import AsyncFoundryClient, Config, UserTokenAuth

if TYPE_CHECKING:
    from support import RunningServer


def one_shot_client(server: RunningServer) -> AsyncFoundryClient:
    """Return a client that keeps no connection open between two calls.

    The client's pool is shared by all clients of a process and outlives the event loop; a
    connection kept in it would be used again from the next loop, where it is dead.
    """
    return AsyncFoundryClient(
        auth=UserTokenAuth(server.admin_token),
        hostname=server.hostname,
        config=Config(scheme="http", timeout=60, default_headers={"Connection": "close"}),
        preview=True,
    )

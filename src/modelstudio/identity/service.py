"""Who may call: users, their tokens, and the check of a request's Authorization header."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Final

from modelstudio.errors import Unauthorized
from modelstudio.identity.store import IdentityStore, User
from modelstudio.kit.routing import Caller, bearer_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from modelstudio.kit.clock import Clock, IdSource
    from modelstudio.kit.database import DirectReader

ADMIN_NAME: Final = "admin"
_TOKEN_BYTES: Final = 32

#: Every scope that an operation of this server asks for.
SCOPES: Final = (
    "api:datasets-read",
    "api:datasets-write",
    "api:filesystem-read",
    "api:filesystem-write",
    "api:models-execute",
    "api:models-read",
    "api:models-write",
    "api:orchestration-read",
    "api:orchestration-write",
)


class IdentityService:
    def __init__(self, store: IdentityStore, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    def user(self, tx: sa.Connection, username: str) -> User:
        """Return the user of that name, made now if there was none."""
        found = self._store.user_by_name(tx, username)
        if found is not None:
            return found
        user = User(self._ids.uuid(), username, is_admin=username == ADMIN_NAME)
        if not self._store.add_user(tx, user, self._clock.now_millis()):
            return self.user(tx, username)  # another process was faster
        return user

    def unknown_users(self, tx: sa.Connection, ids: set[str]) -> set[str]:
        return ids - self._store.users_exist(tx, ids)

    def create_token(
        self,
        tx: sa.Connection,
        user_id: str,
        *,
        scopes: Sequence[str] | None = None,
        ttl_seconds: float | None = None,
        job_rid: str | None = None,
    ) -> str:
        """Return a new token; this is the only time it can be seen."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        now = self._clock.now_millis()
        self._store.add_token(
            tx,
            token_hash=_hash(token),
            user_id=user_id,
            scopes=None if scopes is None else " ".join(sorted(scopes)),
            job_rid=job_rid,
            created_at=now,
            expires_at=None if ttl_seconds is None else now + int(ttl_seconds * 1000),
        )
        return token

    def knows_token(self, tx: sa.Connection, token: str) -> bool:
        """Whether the token was made for this database, still good or not."""
        return self._store.token_exists(tx, _hash(token))

    def revoke_job_tokens(self, tx: sa.Connection, job_rid: str) -> None:
        self._store.revoke_job_tokens(tx, job_rid, self._clock.now_millis())

    def secret(self, tx: sa.Connection, name: str) -> bytes:
        """Return a random secret of the server, made now if there was none."""
        value = self._store.secret(tx, name)
        if value is None:
            value = secrets.token_bytes(_TOKEN_BYTES)
            if not self._store.add_secret(tx, name, value):
                return self.secret(tx, name)  # another process was faster
        return value


class TokenAuthenticator:
    """Looks a token up at every request, so that a revoked one stops at once."""

    def __init__(self, reader: DirectReader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock
        self.blocking = reader.blocking
        self._find = reader.statement(
            "SELECT t.user_id, u.is_admin, t.scopes, t.job_rid, t.expires_at, t.revoked_at"
            " FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.hash = ?"
        )

    def authenticate(self, authorization: str | None) -> Caller:
        rows = self._reader.rows(self._find, (_hash(bearer_token(authorization)),))
        if not rows:
            raise Unauthorized
        user_id, is_admin, scopes, job_rid, expires_at, revoked_at = rows[0]
        if revoked_at is not None:
            raise Unauthorized
        if expires_at is not None and expires_at <= self._clock.now_millis():
            raise Unauthorized
        held = None if scopes is None else frozenset(scopes.split())
        return Caller(user_id, bool(is_admin), held, job_rid)


def _hash(token: str) -> str:
    # The token has 256 random bits, so a plain hash cannot be searched.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

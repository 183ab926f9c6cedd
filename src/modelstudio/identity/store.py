"""Users, tokens and the server's own secrets, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from modelstudio.kit.database import metadata

_BATCH: Final = 1000

users: Final = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("username", sa.String(200), nullable=False, unique=True),
    sa.Column("is_admin", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

tokens: Final = sa.Table(
    "tokens",
    metadata,
    # Only the hash is kept: who reads the database cannot call the server with it.
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("scopes", sa.Text),  # space-separated; null: all
    sa.Column("job_rid", sa.String(128), index=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger),
    sa.Column("revoked_at", sa.BigInteger),
)

secrets: Final = sa.Table(
    "server_secrets",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True)
class User:
    id: str
    username: str
    is_admin: bool


class IdentityStore:
    """Runs in the caller's transaction."""

    def user_by_name(self, tx: sa.Connection, username: str) -> User | None:
        row = tx.execute(
            sa.select(users.c.id, users.c.username, users.c.is_admin).where(
                users.c.username == username
            )
        ).first()
        return None if row is None else User(*row)

    def users_exist(self, tx: sa.Connection, ids: set[str]) -> set[str]:
        """Return those of the ids that are users."""
        wanted = sorted(ids)
        found: set[str] = set()
        for start in range(0, len(wanted), _BATCH):  # databases limit a statement's parameters
            batch = wanted[start : start + _BATCH]
            found |= set(tx.scalars(sa.select(users.c.id).where(users.c.id.in_(batch))))
        return found

    def add_user(self, tx: sa.Connection, user: User, created_at: int) -> bool:
        """Insert a user; return whether the name was free."""
        return _inserted(
            tx,
            users.insert().values(
                id=user.id,
                username=user.username,
                is_admin=user.is_admin,
                created_at=created_at,
            ),
        )

    def add_token(
        self,
        tx: sa.Connection,
        *,
        token_hash: str,
        user_id: str,
        scopes: str | None,
        job_rid: str | None,
        created_at: int,
        expires_at: int | None,
    ) -> None:
        tx.execute(
            tokens.insert().values(
                hash=token_hash,
                user_id=user_id,
                scopes=scopes,
                job_rid=job_rid,
                created_at=created_at,
                expires_at=expires_at,
            )
        )

    def token_exists(self, tx: sa.Connection, token_hash: str) -> bool:
        query = sa.select(sa.exists().where(tokens.c.hash == token_hash))
        return bool(tx.scalar(query))

    def revoke_job_tokens(self, tx: sa.Connection, job_rid: str, at: int) -> None:
        tx.execute(
            tokens.update()
            .where(tokens.c.job_rid == job_rid, tokens.c.revoked_at.is_(None))
            .values(revoked_at=at)
        )

    def secret(self, tx: sa.Connection, name: str) -> bytes | None:
        value = tx.scalar(sa.select(secrets.c.value).where(secrets.c.name == name))
        return None if value is None else bytes(value)

    def add_secret(self, tx: sa.Connection, name: str, value: bytes) -> bool:
        """Insert a secret; return whether there was none of that name."""
        return _inserted(tx, secrets.insert().values(name=name, value=value))


def _inserted(tx: sa.Connection, statement: sa.Insert) -> bool:
    """Insert a row; return False when another process has inserted it meanwhile."""
    try:
        with tx.begin_nested():
            tx.execute(statement)
    except IntegrityError:
        return False
    return True

"""The tree of resources and the roles granted on it, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from modelstudio.kit.database import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Principal of a grant to every user.
EVERYONE: Final = "everyone"

resources: Final = sa.Table(
    "resources",
    metadata,
    sa.Column("rid", sa.String(128), primary_key=True),
    # SPACE, PROJECT, FOLDER, or the wire's resource type (FOUNDRY_DATASET, MODELS_MODEL, ...)
    sa.Column("kind", sa.String(64), nullable=False),
    # compared by code point on every database, whatever its locale
    sa.Column(
        "display_name",
        sa.String(700).with_variant(sa.String(700, collation="C"), "postgresql"),
        nullable=False,
    ),
    sa.Column("description", sa.Text),
    sa.Column("parent_rid", sa.ForeignKey("resources.rid"), index=True),
    sa.Column("project_rid", sa.ForeignKey("resources.rid")),
    sa.Column("space_rid", sa.ForeignKey("resources.rid"), nullable=False),
    sa.Column("created_by", sa.String(36), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("updated_by", sa.String(36), nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    sa.Column("trashed_at", sa.BigInteger),
)

# Siblings have different names; what is in the trash does not hold its name. An entry of a
# PostgreSQL index holds 2704 bytes, less than the longest name, so there it holds a digest.
sa.Index(
    "uq_resources_parent_rid_display_name",
    resources.c.parent_rid,
    resources.c.display_name,
    unique=True,
    sqlite_where=resources.c.trashed_at.is_(None),
).ddl_if(dialect="sqlite")
sa.Index(
    "uq_resources_parent_rid_md5_display_name",
    resources.c.parent_rid,
    sa.func.md5(resources.c.display_name),
    unique=True,
    postgresql_where=resources.c.trashed_at.is_(None),
).ddl_if(dialect="postgresql")

role_grants: Final = sa.Table(
    "role_grants",
    metadata,
    sa.Column("resource_rid", sa.ForeignKey("resources.rid"), primary_key=True),
    sa.Column("principal_id", sa.String(36), primary_key=True),
    sa.Column("role", sa.String(20), primary_key=True),
)


@dataclass(frozen=True, slots=True)
class Resource:
    """A node of the tree, as stored."""

    rid: str
    kind: str
    display_name: str
    description: str | None
    parent_rid: str | None
    project_rid: str | None
    space_rid: str
    created_by: str
    created_at: int
    updated_by: str
    updated_at: int
    trashed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """One step from a resource towards its space, with the roles granted there to a principal."""

    resource: Resource
    roles: tuple[str, ...]


_RESOURCE_COLUMNS: Final = tuple(resources.c)


def _children(
    parent_rid: str, after: Sequence[str] | None, limit: int
) -> sa.Select[tuple[Any, ...]]:
    query = (
        sa.select(*_RESOURCE_COLUMNS)
        .where(resources.c.parent_rid == parent_rid, resources.c.trashed_at.is_(None))
        .order_by(resources.c.display_name, resources.c.rid)
        .limit(limit)
    )
    if after is None:
        return query
    key = sa.tuple_(resources.c.display_name, resources.c.rid)
    return query.where(key > sa.tuple_(*after))


def _granted(rid: sa.ColumnElement[str], principal_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        role_grants.c.resource_rid == rid,
        role_grants.c.principal_id.in_([principal_id, EVERYONE]),
    )


class FilesystemStore:
    """Runs in the caller's transaction."""

    def chain(self, tx: sa.Connection, rid: str, principal_id: str) -> list[Link]:
        """Return the resource, its parent, ... up to its space; empty when there is none."""
        start = (
            sa.select(*_RESOURCE_COLUMNS, sa.literal(0).label("depth"))
            .where(resources.c.rid == rid)
            .cte("chain", recursive=True)
        )
        chain = start.union_all(
            sa.select(*_RESOURCE_COLUMNS, start.c.depth + 1).where(
                resources.c.rid == start.c.parent_rid
            )
        )
        rows = tx.execute(
            sa.select(chain, role_grants.c.role)
            .select_from(chain.outerjoin(role_grants, _granted(chain.c.rid, principal_id)))
            .order_by(chain.c.depth)
        ).all()
        found: dict[int, tuple[Resource, list[str]]] = {}
        for *columns, depth, role in rows:
            _, roles = found.setdefault(depth, (Resource(*columns), []))
            if role is not None:
                roles.append(role)
        return [Link(resource, tuple(roles)) for resource, roles in found.values()]

    def child_named(self, tx: sa.Connection, parent_rid: str | None, name: str) -> Resource | None:
        row = tx.execute(
            sa.select(*_RESOURCE_COLUMNS).where(
                resources.c.parent_rid == parent_rid
                if parent_rid is not None
                else resources.c.parent_rid.is_(None),
                resources.c.display_name == name,
                resources.c.trashed_at.is_(None),
            )
        ).first()
        return None if row is None else Resource(*row)

    def children(
        self, tx: sa.Connection, parent_rid: str, *, after: Sequence[str] | None, limit: int
    ) -> list[Resource]:
        """Return children that are not in the trash, by name, after a (name, rid) key."""
        query = _children(parent_rid, after, limit)
        return [Resource(*row) for row in tx.execute(query)]

    def children_with_roles(
        self,
        tx: sa.Connection,
        parent_rid: str,
        principal_id: str,
        *,
        after: Sequence[str] | None,
        limit: int,
    ) -> list[Link]:
        """Return the same children, each with the roles granted on it to a principal."""
        page = _children(parent_rid, after, limit).subquery()
        rows = tx.execute(
            sa.select(page, role_grants.c.role)
            .select_from(page.outerjoin(role_grants, _granted(page.c.rid, principal_id)))
            .order_by(page.c.display_name, page.c.rid)
        )
        found: dict[str, tuple[Resource, list[str]]] = {}
        for *columns, role in rows:
            child = Resource(*columns)
            _, roles = found.setdefault(child.rid, (child, []))
            if role is not None:
                roles.append(role)
        return [Link(child, tuple(roles)) for child, roles in found.values()]

    def spaces(self, tx: sa.Connection) -> list[Resource]:
        rows = tx.execute(
            sa.select(*_RESOURCE_COLUMNS)
            .where(resources.c.kind == "SPACE", resources.c.trashed_at.is_(None))
            .order_by(resources.c.created_at, resources.c.rid)
        )
        return [Resource(*row) for row in rows]

    def add(self, tx: sa.Connection, resource: Resource) -> None:
        """Insert a resource.

        Raises
        ------
        sqlalchemy.exc.IntegrityError
            When a sibling has its name.
        """
        values = {column.name: getattr(resource, column.name) for column in _RESOURCE_COLUMNS}
        tx.execute(resources.insert().values(values))

    def touch(self, tx: sa.Connection, rid: str, *, by: str, at: int) -> None:
        """Note a change below a folder, on it and the folders above it.

        Projects and spaces are left alone: writes in one project would wait for each other.
        """
        above: str | None = rid
        while above is not None:
            above = tx.scalar(
                resources.update()
                .where(resources.c.rid == above, resources.c.kind == "FOLDER")
                .values(updated_by=by, updated_at=at)
                .returning(resources.c.parent_rid)
            )

    def grant(
        self, tx: sa.Connection, resource_rid: str, grants: Iterable[tuple[str, str]]
    ) -> None:
        """Grant roles; each grant is (principal id, role)."""
        rows = [
            {"resource_rid": resource_rid, "principal_id": principal, "role": role}
            for principal, role in dict.fromkeys(grants)
        ]
        if rows:
            tx.execute(role_grants.insert(), rows)

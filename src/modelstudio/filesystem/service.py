"""The tree of spaces, projects, folders and resources, and who may do what in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import IntegrityError

from modelstudio.filesystem.errors import (
    CreateFolderOutsideProjectNotSupported,
    FolderNotFound,
    InvalidDisplayName,
    InvalidFolder,
    InvalidPath,
    PathNotFound,
    ResourceNameAlreadyExists,
    ResourceNotFound,
)
from modelstudio.filesystem.store import EVERYONE, FilesystemStore, Link, Resource
from modelstudio.kit import rids

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import sqlalchemy as sa

    from modelstudio.errors import ApiError
    from modelstudio.kit.clock import Clock, IdSource
    from modelstudio.kit.routing import Caller

ROOT_FOLDER: Final = rids.FOLDER + "0"
SPACE: Final = "SPACE"
PROJECT: Final = "PROJECT"
FOLDER: Final = "FOLDER"
CONTAINERS: Final = frozenset({SPACE, PROJECT, FOLDER})
MAX_NAME_LENGTH: Final = 700
_BATCH: Final = 500


class Role(IntEnum):
    """What a principal may do; each role includes those below it."""

    DISCOVERER = 1
    VIEWER = 2
    EDITOR = 3
    OWNER = 4

    @property
    def id(self) -> str:
        return self.name.lower()


ROLE_IDS: Final = {role.id: role for role in Role}


@dataclass(frozen=True, slots=True)
class Located:
    """A resource with what follows from its place in the tree."""

    resource: Resource
    path: str
    trash_status: str
    role: Role

    @property
    def rid(self) -> str:
        return self.resource.rid

    @property
    def in_trash(self) -> bool:
        return self.trash_status != "NOT_TRASHED"


class FilesystemService:
    """Used by every domain: a dataset, a model and a studio are resources first."""

    def __init__(self, store: FilesystemStore, clock: Clock, ids: IdSource) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    # finding and checking -------------------------------------------------------------------

    def find(self, tx: sa.Connection, caller: Caller, rid: str) -> Located | None:
        """Return the resource if it exists and the caller may know of it."""
        located = self._locate(self._store.chain(tx, rid, caller.user_id), caller)
        return located if located is not None and located.role >= Role.VIEWER else None

    def require(
        self,
        tx: sa.Connection,
        caller: Caller,
        rid: str,
        *,
        kind: str,
        missing: ApiError,
        role: Role = Role.VIEWER,
        denied: ApiError | None = None,
    ) -> Located:
        """Return a resource of that kind on which the caller has that role.

        Raises
        ------
        ApiError
            ``missing`` when there is no such resource, it is in the trash, or the caller may not
            see it; ``denied`` when the caller sees it but has a lesser role than asked.
        """
        located = self.find(tx, caller, rid)
        if located is None or located.resource.kind != kind or located.in_trash:
            raise missing
        if located.role < role:
            raise denied or missing
        return located

    def require_parent(
        self, tx: sa.Connection, caller: Caller, parent_rid: str, *, denied: ApiError
    ) -> Located:
        """Return the folder or project in which the caller is about to create something.

        Raises
        ------
        FolderNotFound, InvalidFolder, CreateFolderOutsideProjectNotSupported
        ApiError
            ``denied`` when the caller may not write there.
        """
        if parent_rid == ROOT_FOLDER:
            raise CreateFolderOutsideProjectNotSupported(parent_rid)
        parent = self.find(tx, caller, parent_rid)
        if parent is None or parent.in_trash:
            raise FolderNotFound(parent_rid)
        if parent.resource.kind not in CONTAINERS:
            raise InvalidFolder(parent_rid)
        if parent.resource.kind == SPACE:
            raise CreateFolderOutsideProjectNotSupported(parent_rid)
        if parent.role < Role.EDITOR:
            raise denied
        return parent

    def by_path(self, tx: sa.Connection, caller: Caller, path: str) -> Located:
        """Return the resource at ``/Space/Project/...``; the leading slash is optional.

        Raises
        ------
        InvalidPath, PathNotFound
        """
        names = path.removeprefix("/").split("/")
        if not all(names):
            raise InvalidPath(path)
        parent_rid: str | None = None
        for name in names:
            child = self._store.child_named(tx, parent_rid, name)
            if child is None:
                raise PathNotFound(path)
            parent_rid = child.rid
        located = self.find(tx, caller, str(parent_rid))
        if located is None:
            raise PathNotFound(path)
        return located

    def children(
        self,
        tx: sa.Connection,
        caller: Caller,
        folder_rid: str,
        *,
        after: Sequence[str] | None,
        limit: int,
    ) -> list[Located]:
        """Return the children that the caller may see, by name."""
        folder = self.find(tx, caller, folder_rid)
        if folder is None:
            raise FolderNotFound(folder_rid)
        if folder.resource.kind not in CONTAINERS:
            raise InvalidFolder(folder_rid)
        if folder.resource.kind != SPACE:
            # Roles only grow on the way down, so who sees a folder sees what is in it.
            found = self._store.children(tx, folder_rid, after=after, limit=limit)
            return [self._below(folder, child) for child in found]
        return self._projects_of(tx, caller, folder_rid, after=after, limit=limit)

    def spaces(self, tx: sa.Connection, caller: Caller) -> list[Located]:
        found = (self.find(tx, caller, space.rid) for space in self._store.spaces(tx))
        return [space for space in found if space is not None]

    # creating ---------------------------------------------------------------------------------

    def create(
        self,
        tx: sa.Connection,
        caller: Caller,
        *,
        parent: Located,
        name: str,
        rid_prefix: str,
        kind: str,
        description: str | None = None,
    ) -> Located:
        """Create a resource in a folder or project.

        Raises
        ------
        InvalidDisplayName, ResourceNameAlreadyExists
        """
        rid = rid_prefix + self._ids.uuid()
        resource = self._new(caller.user_id, rid, kind, name, parent.resource, description)
        self._add(tx, resource)
        self._store.touch(tx, parent.rid, by=caller.user_id, at=resource.created_at)
        return self._below(parent, resource)

    def create_project(
        self,
        tx: sa.Connection,
        caller: Caller,
        *,
        space: Located,
        name: str,
        description: str | None,
        grants: Iterable[tuple[str, str]],
    ) -> Located:
        """Create a project; each grant is (principal id, role id)."""
        rid = rids.FOLDER + self._ids.uuid()
        project = self._new(caller.user_id, rid, PROJECT, name, space.resource, description)
        self._add(tx, project)
        self._store.grant(tx, rid, grants)
        located = self.find(tx, caller, rid)
        return located or Located(project, f"{space.path}/{name}", "NOT_TRASHED", Role.OWNER)

    def create_space(self, tx: sa.Connection, name: str, *, owner_id: str) -> Resource:
        """Create a space that every user can see."""
        rid = rids.FOLDER + self._ids.uuid()
        space = self._new(owner_id, rid, SPACE, name, None, None)
        self._add(tx, space)
        self._store.grant(tx, rid, [(owner_id, Role.OWNER.id), (EVERYONE, Role.DISCOVERER.id)])
        return space

    # inside -----------------------------------------------------------------------------------

    def _projects_of(
        self,
        tx: sa.Connection,
        caller: Caller,
        space_rid: str,
        *,
        after: Sequence[str] | None,
        limit: int,
    ) -> list[Located]:
        space = self._store.chain(tx, space_rid, caller.user_id)
        size = max(limit, _BATCH)  # many projects may be hidden from the caller
        visible: list[Located] = []
        while len(visible) < limit:
            batch = self._store.children_with_roles(
                tx, space_rid, caller.user_id, after=after, limit=size
            )
            located = (self._locate([project, *space], caller) for project in batch)
            visible += [one for one in located if one is not None and one.role >= Role.VIEWER]
            if len(batch) < size:
                break
            last = batch[-1].resource
            after = (last.display_name, last.rid)
        return visible[:limit]

    def _new(
        self,
        user_id: str,
        rid: str,
        kind: str,
        name: str,
        parent: Resource | None,
        description: str | None,
    ) -> Resource:
        now = self._clock.now_millis()
        project_rid = rid if kind == PROJECT else parent.project_rid if parent else None
        return Resource(
            rid=rid,
            kind=kind,
            display_name=checked_name(name),
            description=description,
            parent_rid=parent.rid if parent else None,
            project_rid=project_rid,
            space_rid=parent.space_rid if parent else rid,
            created_by=user_id,
            created_at=now,
            updated_by=user_id,
            updated_at=now,
        )

    def _add(self, tx: sa.Connection, resource: Resource) -> None:
        try:
            with tx.begin_nested():
                self._store.add(tx, resource)
        except IntegrityError:
            raise ResourceNameAlreadyExists(
                resource.parent_rid or ROOT_FOLDER, resource.display_name
            ) from None

    def _below(self, parent: Located, child: Resource) -> Located:
        return Located(
            child, f"{parent.path}/{child.display_name}", parent.trash_status, parent.role
        )

    def _locate(self, chain: list[Link], caller: Caller) -> Located | None:
        if not chain:
            return None
        names = [link.resource.display_name for link in reversed(chain)]
        granted = [ROLE_IDS[role] for link in chain for role in link.roles]
        resource = chain[0].resource
        if resource.kind == SPACE and granted:
            granted.append(Role.VIEWER)  # a space shows its own name to whoever may enter it
        if caller.is_admin:
            granted.append(Role.OWNER)
        if not granted:
            return None
        if resource.trashed_at is not None:
            status = "DIRECTLY_TRASHED"
        elif any(link.resource.trashed_at is not None for link in chain):
            status = "ANCESTOR_TRASHED"
        else:
            status = "NOT_TRASHED"
        return Located(resource, "/" + "/".join(names), status, max(granted))


def checked_name(name: str) -> str:
    """Return a display name that may be used.

    Raises
    ------
    InvalidDisplayName
        For an empty name, ``.``, ``..``, one with a slash or control characters, or one of more
        than 700 characters.
    """
    too_long = len(name) > MAX_NAME_LENGTH
    unprintable = any(ord(character) < ord(" ") for character in name)
    if not name.strip() or name in {".", ".."} or "/" in name or too_long or unprintable:
        raise InvalidDisplayName(name[:MAX_NAME_LENGTH])
    return name


def require_resource(
    service: FilesystemService, tx: sa.Connection, caller: Caller, rid: str
) -> Located:
    """Return any resource by its RID.

    Raises
    ------
    ResourceNotFound
    """
    located = service.find(tx, caller, rid)
    if located is None:
        raise ResourceNotFound(rid)
    return located

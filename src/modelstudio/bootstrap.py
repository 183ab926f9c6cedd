"""The first start: schema, the space /Main, the project /Main/Home, and an administrator."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from modelstudio import migrations
from modelstudio.app import open_foundation
from modelstudio.errors import ConfigurationError
from modelstudio.filesystem.service import Located, Role
from modelstudio.filesystem.store import EVERYONE
from modelstudio.identity.service import ADMIN_NAME
from modelstudio.kit.database import parse_url
from modelstudio.kit.routing import Caller

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelstudio.app import Foundation
    from modelstudio.kit.database import Database
    from modelstudio.settings import Settings

SPACE_NAME: Final = "Main"
PROJECT_NAME: Final = "Home"
#: With less, SQLite cannot open a database that it has to write to.
_LEAST_FREE_BYTES: Final = 1 << 20
TOKEN_FILE: Final = "admin-token"  # noqa: S105 - a file's name


def open_prepared(settings: Settings) -> Foundation:
    """Open the data directory and the database, ready to serve.

    Raises
    ------
    ConfigurationError
        When one of them cannot be used.
    """
    with named_obstacles(settings):
        foundation = open_foundation(settings)
        prepare(foundation)
    return foundation


@contextmanager
def named_obstacles(settings: Settings) -> Iterator[None]:
    """Say of what is in the way while a server is put together that it is the operator's to mend.

    Raises
    ------
    ConfigurationError
        When the data directory or the database cannot be used.
    """
    try:
        yield
    except OSError as error:
        full = "" if error.errno == errno.ENOSPC else _full_disk(settings.data_dir)
        raise ConfigurationError(f"the data directory cannot be used: {error}{full}") from error
    except sa.exc.DatabaseError as error:
        url = parse_url(settings.database)
        is_file = url.get_backend_name() == "sqlite"
        full = _full_disk(Path(str(url.database)).parent) if is_file else ""
        raise ConfigurationError(f"the database cannot be used: {error.orig}{full}") from error


def _full_disk(folder: Path) -> str:
    """Say that the folder's disk is full, if it is: SQLite calls it an I/O error, if not worse."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return ""
    return f" (there is no space left on the disk of {folder})" if free < _LEAST_FREE_BYTES else ""


def open_existing(settings: Settings) -> Foundation:
    """Open the data directory and the database of a server as they are; changes neither.

    Raises
    ------
    ConfigurationError
        When there are none, or they are of another version than this one.
    """
    if not (settings.data_dir / "blobs").is_dir():
        raise ConfigurationError(f"{settings.data_dir} is not the data directory of a server")
    file = parse_url(settings.database)
    if file.get_backend_name() == "sqlite" and not Path(str(file.database)).is_file():
        raise ConfigurationError(f"there is no database {file.database}")
    foundation = open_foundation(settings)
    try:
        revision = migrations.current_revision(foundation.database)
    except sa.exc.DatabaseError as error:
        raise ConfigurationError(f"the database cannot be used: {error.orig}") from error
    _refuse_unknown_revision(foundation.database)
    if revision != migrations.HEAD:
        raise ConfigurationError(
            "the database is not of this version; bring it up with `modelstudio db upgrade`"
        )
    return foundation


def prepare(foundation: Foundation) -> None:
    """Make an empty database ready to serve; does nothing to one that is."""
    with foundation.database.alone():
        _refuse_unknown_revision(foundation.database)
        migrations.upgrade(foundation.database)
        _first_resources(foundation)


def _refuse_unknown_revision(database: Database) -> None:
    revision = migrations.current_revision(database)
    known = Path(migrations.__file__).parent.glob("versions/*.py")
    if revision is not None and revision not in {path.name.split("_")[0] for path in known}:
        raise ConfigurationError(
            f"the database is at revision {revision}, which this version does not know;"
            " a newer version has used it"
        )


def _first_resources(foundation: Foundation) -> None:
    token_file = foundation.settings.data_dir / TOKEN_FILE
    with foundation.database.write() as tx:
        filesystem, identity = foundation.filesystem, foundation.identity
        admin = identity.user(tx, ADMIN_NAME)
        caller = Caller(admin.id, is_admin=True)
        if not filesystem.spaces(tx, caller):
            space = filesystem.create_space(tx, SPACE_NAME, owner_id=admin.id)
            filesystem.create_project(
                tx,
                caller,
                space=Located(space, f"/{SPACE_NAME}", "NOT_TRASHED", Role.OWNER),
                name=PROJECT_NAME,
                description="A project that every user of this server may work in.",
                grants=[(admin.id, Role.OWNER.id), (EVERYONE, Role.EDITOR.id)],
            )
        # A file without a token of this database is left from another database.
        kept = token_file.read_text().strip() if token_file.exists() else ""
        if not identity.knows_token(tx, kept):
            _write_private(token_file, identity.create_token(tx, admin.id))


def _write_private(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".part")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
    partial.replace(path)

"""The first start: schema, the space /Main, the project /Main/Home, and an administrator."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from modelstudio import migrations
from modelstudio.filesystem.service import Located, Role
from modelstudio.filesystem.store import EVERYONE
from modelstudio.identity.service import ADMIN_NAME
from modelstudio.kit.routing import Caller

if TYPE_CHECKING:
    from pathlib import Path

    from modelstudio.app import Foundation

SPACE_NAME: Final = "Main"
PROJECT_NAME: Final = "Home"
TOKEN_FILE: Final = "admin-token"  # noqa: S105 - a file's name


def prepare(foundation: Foundation) -> None:
    """Make an empty database ready to serve; does nothing to one that is."""
    migrations.upgrade(foundation.database)
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
        if not token_file.exists():
            _write_private(token_file, identity.create_token(tx, admin.id))


def _write_private(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".part")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
    partial.replace(path)

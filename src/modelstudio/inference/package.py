"""Unpacks the zip file that a training run has left, whatever is in it."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_BUFFER_BYTES: Final = 1 << 20
#: What stays free on the disk, whatever an archive says it holds.
_SPARE_BYTES: Final = 64 << 20
#: What a worker uses; others raise errors of their own.
_COMPRESSIONS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_LONGEST_NAME_BYTES: Final = 255


class BadPackageError(Exception):
    """The package is not what a worker packs; nothing of it should be used."""


def unpack(package: Path, target: Path) -> None:
    """Unpack a model into a directory that is made now, closed to other users.

    Raises
    ------
    BadPackageError
        When the package is damaged, would write outside of ``target``, holds anything but files
        and folders, or is larger than the disk's free space.
    """
    target.mkdir(mode=0o700)
    try:
        with zipfile.ZipFile(package) as archive:
            entries = archive.infolist()
            _check_size(entries, target)
            if any(entry.compress_type not in _COMPRESSIONS for entry in entries):
                raise BadPackageError("The model's package is damaged.")
            for entry in entries:
                _unpack_entry(archive, entry, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise BadPackageError("The model's package is damaged.") from error
    except RuntimeError as error:  # so zipfile says that an entry is encrypted
        raise BadPackageError("The model's package is encrypted.") from error


def _check_size(entries: Iterable[zipfile.ZipInfo], target: Path) -> None:
    needed = sum(entry.file_size for entry in entries)  # zipfile reads no more than that
    free = shutil.disk_usage(target).free - _SPARE_BYTES
    if needed > free:
        raise BadPackageError(
            f"The model takes {needed / 1e9:.1f} GB, but {target.parent} has {free / 1e9:.1f} GB "
            "left."
        )


def _unpack_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    path = target.joinpath(*_parts(entry))
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise BadPackageError(
            f"The model's package holds {entry.filename!r}, which is neither a file nor a folder."
        )
    try:
        if entry.is_dir():
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except (FileExistsError, NotADirectoryError):
        raise BadPackageError(f"The model's package holds {entry.filename!r} twice.") from None
    with os.fdopen(descriptor, "wb") as file, archive.open(entry) as source:
        shutil.copyfileobj(source, file, _BUFFER_BYTES)
        if file.tell() != entry.file_size:
            raise BadPackageError("The model's package is damaged.")


def _parts(entry: zipfile.ZipInfo) -> tuple[str, ...]:
    """Return the folders and the name of an entry, all of them below the target."""
    name = entry.filename
    parts = PurePosixPath(name).parts
    inside = parts and not name.startswith("/") and ".." not in parts
    is_long = any(len(os.fsencode(part)) > _LONGEST_NAME_BYTES for part in parts)
    if not inside or is_long or "\\" in name or ":" in parts[0] or "\0" in entry.orig_filename:
        raise BadPackageError(
            f"The model's package holds {name!r}, which is no path inside a model."
        )
    return parts

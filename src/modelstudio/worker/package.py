"""The model directory as one zip file."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_CREATED_ON_UNIX: Final = 3
_FASTEST: Final = 1
_BUFFER_BYTES: Final = 1 << 20
_SAMPLE_BYTES: Final = 1 << 16
_WORTHWHILE_SHARE: Final = 0.9


class UnpackableModelError(Exception):
    """The model directory has something in it that cannot be a model's; for the user."""


def pack(model_dir: Path, package: Path) -> None:
    """Zip a model directory; the same files give the same bytes.

    Raises
    ------
    UnpackableModelError
        For a symbolic link, a socket and the like, and for a name that could not be unpacked.
    """
    descriptor = os.open(package, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with (
        os.fdopen(descriptor, "wb") as sink,
        zipfile.ZipFile(sink, "w") as archive,
    ):
        for path in _sorted_tree(model_dir):
            _add(archive, path, path.relative_to(model_dir).as_posix())


def _sorted_tree(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _sorted_tree(path)


def _check_name(name: str) -> None:
    """Refuse what `inference.package` would refuse, when no one could mend it any more."""
    is_text = name.encode("utf-8", "replace").decode() == name
    if not is_text or "\\" in name or ":" in name.partition("/")[0]:
        raise UnpackableModelError(
            f"The trainer left {name!r} in the model, a name that not every system can have."
        )


def _add(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    _check_name(name)
    status = path.lstat()
    if stat.S_ISDIR(status.st_mode):
        archive.writestr(_entry(name + "/", stat.S_IFDIR | 0o700), b"")
    elif stat.S_ISREG(status.st_mode):
        entry = _entry(name, stat.S_IFREG | 0o600)
        # The only way to give a streamed entry with a fixed date a level before Python 3.13.
        entry._compresslevel = _FASTEST  # type: ignore[attr-defined]  # noqa: SLF001
        entry.file_size = status.st_size  # decides whether the entry needs 64-bit sizes
        with path.open("rb") as source:
            entry.compress_type = _compression_for(source.read(_SAMPLE_BYTES))
            source.seek(0)
            with archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target, _BUFFER_BYTES)
    else:
        raise UnpackableModelError(
            f"The trainer left {name!r} in the model, which is neither a file nor a folder."
        )


def _compression_for(sample: bytes) -> int:
    """Store what hardly shrinks, such as a neural network's weights: it is far faster."""
    is_worth_it = len(zlib.compress(sample, _FASTEST)) < _WORTHWHILE_SHARE * len(sample)
    return zipfile.ZIP_DEFLATED if is_worth_it else zipfile.ZIP_STORED


def _entry(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = _CREATED_ON_UNIX
    entry.external_attr = mode << 16
    return entry

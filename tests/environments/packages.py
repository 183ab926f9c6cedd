"""Packages of model versions, asked as whoever serves them does: in their own interpreters."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelstudio.trainers.environments import process_environment

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Package:
    """A published version's package, its predictor, and the environment that it needs."""

    file: Path
    predictor: str
    environment: str | None

    def ask(self, interpreter: str, scratch: Path, code: str) -> str:
        """Return what ``code`` prints; it has the loaded predictor as ``model``, and json."""
        folder = scratch / self.file.name
        with zipfile.ZipFile(self.file) as archive:
            archive.extractall(folder)
        module, _, name = self.predictor.partition(":")
        loaded = (
            f"import json, pathlib, {module} as m\n"
            f"model = m.{name}.load(pathlib.Path({str(folder)!r}))"
        )
        done = subprocess.run(
            [interpreter, "-c", f"{loaded}\n{code}"],
            env=process_environment(os.environ, self.environment, scratch / "source"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def newest_package(data_dir: Path) -> Package:
    database = sqlite3.connect(data_dir / "modelstudio.db")
    key, predictor, environment = database.execute(
        "SELECT blob_key, predictor, environment FROM model_versions ORDER BY published_at DESC"
    ).fetchone()
    database.close()
    return Package(data_dir / "blobs" / key, predictor, environment)

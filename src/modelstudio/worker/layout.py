"""Where the two processes of a worker leave things for each other in the work directory."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

_TABLE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}")


@dataclass(frozen=True, slots=True)
class WorkDir:
    """The work directory of one attempt.

    Everything below it is made by the two processes of the worker and closed to other users.
    """

    root: Path

    @property
    def task(self) -> Path:
        return self.root / "task.json"

    @property
    def events(self) -> Path:
        return self.root / "events.jsonl"

    @property
    def result(self) -> Path:
        return self.root / "result.json"

    @property
    def training_log(self) -> Path:
        """What the training process and its libraries print."""
        return self.root / "training.log"

    @property
    def inputs(self) -> Path:
        return self.root / "inputs"

    @property
    def tables(self) -> Path:
        return self.root / "tables"

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def scratch(self) -> Path:
        """Working directory and temporary directory of the training process."""
        return self.root / "scratch"

    @property
    def source(self) -> Path:
        """Our source and nothing else, for a trainer in an environment of its own."""
        return self.root / "source"

    @property
    def package(self) -> Path:
        return self.root / "model.zip"

    def table(self, name: str) -> Path:
        """Return the file of an artifact table.

        Raises
        ------
        ValueError
            When the name cannot be a file name.
        """
        if _TABLE_NAME.fullmatch(name) is None:
            raise ValueError(
                f"{name!r} is no table name: it starts with a letter or digit and has at most 100 "
                "letters, digits, spaces, '.', '_' and '-'"
            )
        return self.tables / f"{name}.parquet"

    def input(self, number: int) -> Path:
        """Return the file of the job's first, second, ... input, counted from 0."""
        return self.inputs / f"{number}.parquet"

    def prepare(self) -> None:
        """Make the folders and the empty list of events."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in self._folders():
            folder.mkdir(mode=0o700)
        os.close(os.open(self.events, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    def end_last_event(self) -> None:
        """End the line that a killed process left unfinished, so that another can follow."""
        with self.events.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
                if file.read(1) != b"\n":
                    file.write(b"\n")

    def clear(self) -> None:
        """Delete data and results; the logs and the task stay for the operator."""
        for folder in (*self._folders(), self.source):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (self.events, self.result, self.package):
            file.unlink(missing_ok=True)

    def _folders(self) -> tuple[Path, ...]:
        return (self.inputs, self.tables, self.model, self.scratch)


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees all of it or nothing."""
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(value, file, allow_nan=False)
    part.replace(path)

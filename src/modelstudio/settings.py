"""Everything an operator can set; each is an environment variable, see `docs/settings.md`."""

from __future__ import annotations

import math
import os
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from modelstudio.errors import ConfigurationError
from modelstudio.kit.database import sqlite_url
from modelstudio.trainers.environments import InvalidEnvironmentsError, TrainerEnvironments

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "MODELSTUDIO_"
_MEBIBYTE: Final = 1 << 20
_MAY_BE_ZERO: Final = frozenset(
    {
        "port",
        "cpu",
        "memory_bytes",
        "training_niceness",
        "max_run_seconds",
        "run_disk_bytes",
        "disk_reserve_bytes",
    }
)


@dataclass(frozen=True, slots=True)
class Settings:
    """One server's settings; a field ``x_y`` is the variable ``MODELSTUDIO_X_Y``."""

    host: str = "127.0.0.1"
    port: int = 8080
    data_dir: Path = field(default_factory=lambda: Path("data"))
    database_url: str = ""
    preview_gating: Literal["strict", "relaxed"] = "strict"
    max_upload_bytes: int = 1024 * _MEBIBYTE
    max_json_bytes: int = 16 * _MEBIBYTE
    max_model_bytes: int = 8 * 1024 * _MEBIBYTE
    cpu: float = 0.0
    memory_bytes: int = 0
    training_niceness: int = 5
    max_run_seconds: float = 0.0
    run_disk_bytes: int = 20 * 1024 * _MEBIBYTE
    disk_reserve_bytes: int = 1024 * _MEBIBYTE
    heartbeat_seconds: float = 2.0
    heartbeat_timeout_seconds: float = 30.0
    worker_patience_seconds: float = 3600.0
    table_timeout_seconds: float = 600.0
    table_memory_bytes: int = 2048 * _MEBIBYTE
    trainer_envs: str = ""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"

    @property
    def database(self) -> str:
        """The database URL; a file in the data directory unless one is set."""
        return self.database_url or sqlite_url(self.data_dir.resolve() / "modelstudio.db")

    @property
    def environments(self) -> TrainerEnvironments:
        """The interpreters of trainers that have one of their own.

        Raises
        ------
        ConfigurationError
            When the setting is malformed or an interpreter is not there.
        """
        try:
            return TrainerEnvironments.parse(self.trainer_envs)
        except InvalidEnvironmentsError as error:
            raise ConfigurationError(f"{PREFIX}TRAINER_ENVS: {error}") from None

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str] | None = None,
        overrides: Mapping[str, object] | None = None,
    ) -> Settings:
        """Read the settings; an override that is None counts as not given.

        Raises
        ------
        ConfigurationError
            When a variable's text does not fit; the message names the variable.
        """
        source = os.environ if environment is None else environment
        values: dict[str, object] = {}
        for one in fields(cls):
            text = source.get(PREFIX + one.name.upper())
            if text is not None:
                values[one.name] = _parse(one.name, str(one.type), text)
        values |= {name: value for name, value in (overrides or {}).items() if value is not None}
        return cls(**values)  # type: ignore[arg-type]


def _parse(name: str, kind: str, text: str) -> object:
    if kind in {"int", "float"}:
        return _number(name, kind, text)
    if kind == "Path":
        return Path(text)
    if kind.startswith("Literal"):
        choices = [part.strip().strip("\"'") for part in kind[8:-1].split(",")]
        if text not in choices:
            raise ConfigurationError(
                f"{PREFIX}{name.upper()}={text!r} is none of {', '.join(choices)}"
            )
    return text


def _number(name: str, kind: str, text: str) -> float:
    try:
        number = int(text) if kind == "int" else float(text)
    except ValueError:
        number = math.nan
    at_least = 0 if name in _MAY_BE_ZERO else sys.float_info.min
    if not at_least <= number < math.inf:
        wanted = "a whole number" if kind == "int" else "a number"
        sign = "not negative" if name in _MAY_BE_ZERO else "above zero"
        raise ConfigurationError(f"{PREFIX}{name.upper()}={text!r} is not {wanted}, {sign}")
    return number

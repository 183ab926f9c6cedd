"""What a worker is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from modelstudio.trainers.environments import (
    VARIABLE,
    InvalidEnvironmentsError,
    TrainerEnvironments,
)

if TYPE_CHECKING:
    from collections.abc import MutableMapping

JOB_RID: Final = "MODELSTUDIO_JOB_RID"
JOB_TOKEN: Final = "MODELSTUDIO_JOB_TOKEN"  # noqa: S105 - the name of a variable
SERVER_URL: Final = "MODELSTUDIO_SERVER_URL"
SERVER_URL_FILE: Final = "MODELSTUDIO_SERVER_URL_FILE"
PATIENCE: Final = "MODELSTUDIO_WORKER_PATIENCE"
WORK_DIR: Final = "MODELSTUDIO_WORK_DIR"

DEFAULT_PATIENCE_SECONDS: Final = 3600.0


class WorkerSettingsError(Exception):
    """A variable of the worker's environment is missing or cannot be read."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker is told when it starts, see ``docs/worker-protocol.md``."""

    job_rid: str
    token: str = field(repr=False)
    server_url: str
    server_url_file: Path | None
    patience_seconds: float
    work_dir: Path
    trainer_envs: TrainerEnvironments = field(default_factory=TrainerEnvironments)

    @classmethod
    def take_from(cls, environment: MutableMapping[str, str]) -> Self:
        """Read the settings and remove the token, so that no child process inherits it.

        Raises
        ------
        WorkerSettingsError
            When one is missing or malformed; the message names it, never its value.
        """
        token = environment.pop(JOB_TOKEN, "")
        if not token:
            raise WorkerSettingsError(f"{JOB_TOKEN} is not set")
        url_file = environment.get(SERVER_URL_FILE)
        server_url = environment.get(SERVER_URL, "")
        if not server_url and not url_file:
            raise WorkerSettingsError(f"{SERVER_URL} is not set")
        try:
            patience = float(environment.get(PATIENCE) or DEFAULT_PATIENCE_SECONDS)
        except ValueError:
            raise WorkerSettingsError(f"{PATIENCE} is not a number of seconds") from None
        try:
            trainer_envs = TrainerEnvironments.parse(environment.get(VARIABLE, ""))
        except InvalidEnvironmentsError as error:
            raise WorkerSettingsError(f"{VARIABLE}: {error}") from None
        for name in (JOB_RID, WORK_DIR):
            if not environment.get(name):
                raise WorkerSettingsError(f"{name} is not set")
        return cls(
            job_rid=environment[JOB_RID],
            token=token,
            server_url=server_url,
            server_url_file=Path(url_file) if url_file else None,
            patience_seconds=patience,
            work_dir=Path(environment[WORK_DIR]).absolute(),
            trainer_envs=trainer_envs,
        )

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
from modelstudio.worker import gpus
from modelstudio.worker.gpus import Gpu  # noqa: TC001

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

JOB_RID: Final = "MODELSTUDIO_JOB_RID"
JOB_TOKEN: Final = "MODELSTUDIO_JOB_TOKEN"  # noqa: S105 - the name of a variable
SERVER_URL: Final = "MODELSTUDIO_SERVER_URL"
SERVER_URL_FILE: Final = "MODELSTUDIO_SERVER_URL_FILE"
PATIENCE: Final = "MODELSTUDIO_WORKER_PATIENCE"
WORK_DIR: Final = "MODELSTUDIO_WORK_DIR"
CORES: Final = "MODELSTUDIO_WORKER_CORES"
NICENESS: Final = "MODELSTUDIO_WORKER_NICENESS"
GPUS: Final = "MODELSTUDIO_WORKER_GPUS"
GPU_LOCKS: Final = "MODELSTUDIO_WORKER_GPU_LOCKS"
LEAST_FREE: Final = "MODELSTUDIO_WORKER_DISK_RESERVE_BYTES"

DEFAULT_PATIENCE_SECONDS: Final = 3600.0


class WorkerSettingsError(Exception):
    """A variable of the worker's environment is missing or cannot be read."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where on this machine the training runs; chosen by whoever starts the worker.

    Attributes
    ----------
    cores
        The numbers of the cores that it stays on; empty for any.
    niceness
        How far it stands back behind other processes, 0 to 19.
    least_free_bytes
        The run is ended when less than this is left on the disk.
    gpus, gpu_locks
        The machine's GPUs, and the folder where each one's lock is.
    """

    cores: tuple[int, ...] = ()
    niceness: int = 0
    least_free_bytes: int = 0
    gpus: tuple[Gpu, ...] = ()
    gpu_locks: Path = Path("gpus")

    @classmethod
    def read_from(cls, environment: Mapping[str, str]) -> Self:
        """Read the variables; ``ValueError`` when one is no number."""
        return cls(
            cores=tuple(int(core) for core in environment.get(CORES, "").split(",") if core),
            niceness=int(environment.get(NICENESS) or 0),
            least_free_bytes=int(environment.get(LEAST_FREE) or 0),
            gpus=gpus.from_text(environment.get(GPUS, "")),
            gpu_locks=Path(environment.get(GPU_LOCKS) or "gpus").absolute(),
        )


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker is told when it starts, see ``docs/worker-protocol.md``."""

    job_rid: str
    token: str = field(repr=False)
    server_url: str
    server_url_file: Path | None
    patience_seconds: float
    work_dir: Path
    place: Place = field(default_factory=Place)
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
            place = Place.read_from(environment)
        except ValueError as error:
            raise WorkerSettingsError(f"The worker's place is malformed: {error}") from None
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
            place=place,
            trainer_envs=_trainer_envs(environment),
        )


def _trainer_envs(environment: Mapping[str, str]) -> TrainerEnvironments:
    try:
        return TrainerEnvironments.parse(environment.get(VARIABLE, ""), must_exist=False)
    except InvalidEnvironmentsError as error:
        raise WorkerSettingsError(f"{VARIABLE}: {error}") from None

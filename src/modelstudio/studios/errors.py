"""Typed errors of Model Studios."""

from __future__ import annotations

from typing import Any

from modelstudio.errors import InvalidArgument, NotFound, PermissionDenied


class ModelStudioNotFound(NotFound):
    def __init__(self, studio_rid: str) -> None:
        super().__init__(studioRid=studio_rid, modelStudioRid=studio_rid)


class ModelStudioConfigVersionNotFound(NotFound):
    def __init__(self, studio_rid: str, version: int, description: str | None = None) -> None:
        super().__init__(
            description,
            studioRid=studio_rid,
            configVersion=version,
            modelStudioConfigVersionVersion=version,
            modelStudioRid=studio_rid,
        )


class TrainerNotFound(NotFound):
    def __init__(self, trainer_id: str) -> None:
        super().__init__(trainerId=trainer_id)


class ModelStudioTrainerNotFound(NotFound):
    def __init__(self, trainer_id: str) -> None:
        super().__init__(modelStudioTrainerTrainerId=trainer_id, trainerId=trainer_id)


class InvalidModelStudioCreateRequest(InvalidArgument):
    def __init__(self, description: str) -> None:
        super().__init__(description)


class CreateModelStudioPermissionDenied(PermissionDenied):
    def __init__(self) -> None:
        super().__init__()


class CreateModelStudioConfigVersionPermissionDenied(PermissionDenied):
    def __init__(self, studio_rid: str) -> None:
        super().__init__(modelStudioRid=studio_rid)


class LaunchModelStudioPermissionDenied(PermissionDenied):
    def __init__(self, studio_rid: str, description: str | None = None) -> None:
        super().__init__(description, studioRid=studio_rid, modelStudioRid=studio_rid)


class CreateConfigValidationError(InvalidArgument):
    """Lists every failure of every kind at once."""

    def __init__(self, studio_rid: str, failures: list[dict[str, Any]]) -> None:
        super().__init__(studioRid=studio_rid, validationFailures=failures)

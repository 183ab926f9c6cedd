"""Typed errors of models and their versions."""

from __future__ import annotations

from modelstudio.errors import InvalidArgument, NotFound, PermissionDenied


class ModelNotFound(NotFound):
    def __init__(self, model_rid: str) -> None:
        super().__init__(modelRid=model_rid)


class ModelVersionNotFound(NotFound):
    def __init__(self, model_rid: str, version_rid: str) -> None:
        super().__init__(modelRid=model_rid, modelVersionRid=version_rid)


class CreateModelPermissionDenied(PermissionDenied):
    def __init__(self) -> None:
        super().__init__()


class InvalidModelApi(InvalidArgument):
    """What a model takes and gives is not described as the wire describes it."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message, errorType=error_type, message=message)

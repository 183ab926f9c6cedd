"""Errors that a caller can get, and the one place that turns them into an answer.

    ApiError                     errorCode, status
    |-- InvalidArgument          INVALID_ARGUMENT, 400
    |   |-- InvalidPageSize, InvalidPageToken, InvalidParameterCombination, MissingPostBody
    |   |-- ApiFeaturePreviewUsageOnly
    |   |-- UnprocessableEntity  422
    |   `-- UnsupportedMediaType 415
    |-- Unauthorized             UNAUTHORIZED, 401
    |   `-- MissingCredentials
    |-- PermissionDenied         PERMISSION_DENIED, 403
    |   `-- ApiUsageDenied
    |-- NotFound                 NOT_FOUND, 404        (domains add theirs)
    |-- Conflict                 CONFLICT, 409         (domains add theirs)
    |-- RequestEntityTooLarge    REQUEST_ENTITY_TOO_LARGE, 413
    |-- Gone                     410, only to workers
    `-- InternalError            INTERNAL, 500

A subclass's name is the wire's ``errorName`` unless it sets ``name``. Its constructor takes the
parameters the wire promises, so that a raise without one of them does not type-check.
"""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

import orjson


class ConfigurationError(ValueError):
    """The server cannot start as it is set up; the message is for its operator, not for callers."""


class ApiError(Exception):
    """An error with a place on the wire."""

    code: ClassVar[str] = "INTERNAL"
    status: ClassVar[int] = 500
    name: ClassVar[str] = "Default:Internal"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__

    def __init__(self, description: str | None = None, **parameters: Any) -> None:
        super().__init__(description or self.name)
        self.description = description
        self.parameters = parameters
        self.instance_id = str(uuid.uuid4())

    def envelope(self) -> bytes:
        """Return the JSON body that every client knows how to read."""
        body = {
            "errorCode": self.code,
            "errorName": self.name,
            "errorInstanceId": self.instance_id,
            "parameters": self.parameters,
        }
        if self.description is not None:
            body["errorDescription"] = self.description
        return orjson.dumps(body)


class InvalidArgument(ApiError):
    """A malformed RID, integer, JSON body or a missing field."""

    code = "INVALID_ARGUMENT"
    status = 400
    name = "Default:InvalidArgument"


class InvalidPageSize(InvalidArgument):
    def __init__(self, page_size: int) -> None:
        super().__init__(pageSize=page_size)


class InvalidPageToken(InvalidArgument):
    def __init__(self, page_token: str) -> None:
        super().__init__(pageToken=page_token)


class InvalidParameterCombination(InvalidArgument):
    def __init__(self, valid: list[list[str]], provided: list[str]) -> None:
        super().__init__(validCombinations=valid, providedParameters=provided)


class MissingPostBody(InvalidArgument):
    pass


class ApiFeaturePreviewUsageOnly(InvalidArgument):
    def __init__(self) -> None:
        super().__init__("This operation is in preview; call it with preview=true.")


class UnprocessableEntity(InvalidArgument):
    status = 422
    name = "Conjure:UnprocessableEntity"


class UnsupportedMediaType(InvalidArgument):
    status = 415
    name = "Conjure:UnsupportedMediaType"


class Unauthorized(ApiError):
    """The token is malformed, unknown, expired or revoked."""

    code = "UNAUTHORIZED"
    status = 401
    name = "Default:Unauthorized"


class MissingCredentials(Unauthorized):
    pass


class PermissionDenied(ApiError):
    code = "PERMISSION_DENIED"
    status = 403
    name = "Default:PermissionDenied"


class ApiUsageDenied(PermissionDenied):
    def __init__(self, missing_scope: str) -> None:
        super().__init__(missingScope=missing_scope)


class NotFound(ApiError):
    code = "NOT_FOUND"
    status = 404
    name = "Default:NotFound"


class Conflict(ApiError):
    code = "CONFLICT"
    status = 409
    name = "Default:Conflict"


class RequestEntityTooLarge(ApiError):
    code = "REQUEST_ENTITY_TOO_LARGE"
    status = 413
    name = "Default:RequestEntityTooLarge"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"The request body is larger than {limit_bytes} bytes.", maximumSizeBytes=limit_bytes
        )


class Gone(ApiError):
    """A worker's attempt is over; it must stop."""

    code = "INVALID_ARGUMENT"
    status = 410
    name = "ModelStudio:AttemptOver"


class InternalError(ApiError):
    """A fault of the server; the instance id finds its stack trace in the log."""

    name = "Default:Internal"

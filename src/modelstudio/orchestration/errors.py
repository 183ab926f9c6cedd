"""Typed errors of the ``orchestration`` namespace."""

from __future__ import annotations

from modelstudio.errors import NotFound, PermissionDenied


class BuildNotFound(NotFound):
    def __init__(self, build_rid: str) -> None:
        super().__init__(buildRid=build_rid)


class JobNotFound(NotFound):
    def __init__(self, job_rid: str) -> None:
        super().__init__(jobRid=job_rid)


class CancelBuildPermissionDenied(PermissionDenied):
    def __init__(self, build_rid: str) -> None:
        super().__init__(buildRid=build_rid)

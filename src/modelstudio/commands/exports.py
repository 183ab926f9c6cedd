"""Exports a stored model version."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from modelstudio.commands import versions
from modelstudio.commands.options import CommandError
from modelstudio.exporting import directory
from modelstudio.exporting.native import Exportable
from modelstudio.exporting.requirements import ExportError

if TYPE_CHECKING:
    from pathlib import Path

    from modelstudio.app import Foundation
    from modelstudio.commands.versions import StoredVersion
    from modelstudio.exporting.directory import Form


def export(
    foundation: Foundation, version_rid: str, to: Path, form: Form, *, replace: bool
) -> list[str]:
    """Write a version to a directory; return what the operator should know.

    Raises
    ------
    CommandError
        When that is impossible; the directory is as it was then.
    """
    stored = versions.find(foundation, version_rid)
    try:
        with versions.interpreter(foundation, stored) as interpreter:
            return directory.export(
                _exportable(foundation, stored),
                stored.version.conda_requirements,
                interpreter,
                to,
                form,
                replace=replace,
            )
    except ExportError as error:
        raise CommandError(str(error)) from error


def _exportable(foundation: Foundation, stored: StoredVersion) -> Exportable:
    version, trainer = stored.version, stored.trainer
    created = datetime.fromtimestamp(version.published_at / 1000, UTC)
    return Exportable(
        version_rid=version.rid,
        model_rid=version.model_rid,
        branch=version.branch,
        created=created.isoformat(timespec="milliseconds"),
        experiment_rid=version.experiment_rid,
        model_api=version.model_api,
        predictor=stored.package.predictor,
        trainer=None if trainer is None else {"id": trainer[0], "version": trainer[1]},
        data=stored.inputs,
        metrics=stored.metrics,
        unpack=lambda target: versions.unpack_to(foundation, stored, target),
    )

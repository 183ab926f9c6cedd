"""HTTP operations of experiments, their series and their artifact tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import structlog
from fastapi import Path, Query, Response
from fastapi.responses import StreamingResponse

from modelstudio.experiments import errors, tables, wire
from modelstudio.experiments.events import MAX_METRIC_VALUES
from modelstudio.kit.http import path_text
from modelstudio.kit.paging import page_size
from modelstudio.kit.routing import CurrentCaller, operation
from modelstudio.kit.wire import PageSize, RidPath, reply, reply_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelstudio.experiments.series import Point
    from modelstudio.experiments.service import ExperimentService
    from modelstudio.kit.blobs import BlobStore
    from modelstudio.kit.database import Database
    from modelstudio.kit.routing import Caller

T = TypeVar("T")

_log = structlog.get_logger("modelstudio.experiments")
_EXPERIMENT: Final = "/api/v2/models/{model_rid}/experiments/{experiment_rid}"
_SERIES: Final = _EXPERIMENT + "/series/{series_name}"
_TABLE: Final = _EXPERIMENT + "/artifactTables/{table_name}"
_READ: Final = ("api:models-read",)
_BINARY: Final = "application/octet-stream"

Offset = Annotated[int, Query(ge=0)]
NamePath = Annotated[str, Path()]


class ExperimentRoutes:
    def __init__(self, database: Database, experiments: ExperimentService) -> None:
        self._database = database
        self._experiments = experiments

    @operation(
        "GET",
        _EXPERIMENT,
        scopes=_READ,
        preview=True,
        response=wire.Experiment,
        errors=(errors.ExperimentNotFound, errors.ModelExperimentNotFound),
    )
    def get(self, model_rid: RidPath, experiment_rid: RidPath, caller: CurrentCaller) -> Response:
        unknown = errors.ExperimentNotFound(model_rid, experiment_rid)
        with self._database.read() as tx:
            found = self._experiments.require(
                tx, caller, model_rid, experiment_rid, unknown=unknown
            )
            contents = self._experiments.contents(tx, experiment_rid)
        return reply(wire.experiment(found, contents))


class ExperimentSeriesRoutes:
    def __init__(self, database: Database, experiments: ExperimentService) -> None:
        self._database = database
        self._experiments = experiments

    @operation(
        "GET",
        f"{_SERIES}/json",
        scopes=_READ,
        preview=True,
        response=wire.DoubleSeries,
        errors=(errors.ExperimentSeriesNotFound, errors.ModelExperimentNotFound),
    )
    def json(
        self,
        model_rid: RidPath,
        experiment_rid: RidPath,
        series_name: NamePath,
        caller: CurrentCaller,
        offset: Offset = 0,
        size: PageSize = None,
    ) -> Response:
        limit = page_size(size, default=200, maximum=1000)
        page = self._points(caller, model_rid, experiment_rid, series_name, offset, limit)
        return reply_json(wire.points(page))

    @operation(
        "GET",
        f"{_SERIES}/parquet",
        scopes=_READ,
        preview=True,
        errors=(errors.ExperimentSeriesNotFound, errors.ModelExperimentNotFound),
    )
    def parquet(
        self,
        model_rid: RidPath,
        experiment_rid: RidPath,
        series_name: NamePath,
        caller: CurrentCaller,
    ) -> Response:
        found = self._points(caller, model_rid, experiment_rid, series_name, 0, MAX_METRIC_VALUES)
        return Response(tables.points_parquet(found), media_type=_BINARY)

    def _points(
        self,
        caller: Caller,
        model_rid: str,
        experiment_rid: str,
        segment: str,
        offset: int,
        limit: int,
    ) -> list[Point]:
        name = path_text(segment)
        with self._database.read() as tx:
            self._experiments.require(tx, caller, model_rid, experiment_rid)
            found = self._experiments.points(tx, experiment_rid, name, offset=offset, limit=limit)
        if found is None:
            raise errors.ExperimentSeriesNotFound(model_rid, experiment_rid, name)
        return found


class ExperimentArtifactTableRoutes:
    def __init__(
        self, database: Database, experiments: ExperimentService, blobs: BlobStore
    ) -> None:
        self._database = database
        self._experiments = experiments
        self._blobs = blobs

    @operation(
        "GET",
        f"{_TABLE}/json",
        scopes=_READ,
        preview=True,
        errors=(errors.ExperimentArtifactNotFound, errors.ModelExperimentNotFound),
    )
    def json(
        self,
        model_rid: RidPath,
        experiment_rid: RidPath,
        table_name: NamePath,
        caller: CurrentCaller,
        offset: Offset = 0,
        size: PageSize = None,
    ) -> Response:
        limit = page_size(size, default=10, maximum=100)

        def read(blob_key: str) -> bytes:
            with self._blobs.local_copy(blob_key) as path:
                return tables.rows_json(path, offset, limit)

        try:
            body = self._with_blob(caller, model_rid, experiment_rid, table_name, read)
        except tables.UnreadableTableError as error:
            _log.warning("unreadable table", experiment=experiment_rid, exc_info=error)
            raise errors.ExperimentArtifactNotFound(
                model_rid,
                experiment_rid,
                path_text(table_name),
                "The table's file cannot be shown as rows.",
            ) from None
        return Response(body, media_type=_BINARY)

    @operation(
        "GET",
        f"{_TABLE}/parquet",
        scopes=_READ,
        preview=True,
        errors=(errors.ExperimentArtifactNotFound, errors.ModelExperimentNotFound),
    )
    def parquet(
        self,
        model_rid: RidPath,
        experiment_rid: RidPath,
        table_name: NamePath,
        caller: CurrentCaller,
    ) -> Response:
        chunks = self._with_blob(caller, model_rid, experiment_rid, table_name, self._blobs.read)
        return StreamingResponse(chunks, media_type=_BINARY)

    def _with_blob(
        self,
        caller: Caller,
        model_rid: str,
        experiment_rid: str,
        segment: str,
        use: Callable[[str], T],
    ) -> T:
        """Return what ``use`` makes of the table's blob.

        A run may replace a table, and its old blob goes, between the look-up and the use; then
        the new one is used.
        """
        location = (model_rid, experiment_rid, path_text(segment))
        key = self._blob_key(caller, *location)
        while True:
            try:
                return use(key)
            except FileNotFoundError:
                missing, key = key, self._blob_key(caller, *location)
                if key == missing:
                    raise

    def _blob_key(self, caller: Caller, model_rid: str, experiment_rid: str, name: str) -> str:
        with self._database.read() as tx:
            self._experiments.require(tx, caller, model_rid, experiment_rid)
            table = self._experiments.table(tx, experiment_rid, name)
        if table is None:
            raise errors.ExperimentArtifactNotFound(model_rid, experiment_rid, name)
        return table.blob_key

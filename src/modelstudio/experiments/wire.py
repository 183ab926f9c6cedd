"""Wire types of experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from modelstudio.kit.wire import Long, Time, WireModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelstudio.experiments import events, series, store
    from modelstudio.experiments.service import Contents


class BooleanParameter(WireModel):
    type: Literal["boolean"] = "boolean"
    value: bool


class IntegerParameter(WireModel):
    type: Literal["integer"] = "integer"
    value: Long


class DoubleParameter(WireModel):
    type: Literal["double"] = "double"
    value: float


class StringParameter(WireModel):
    type: Literal["string"] = "string"
    value: str


class DatetimeParameter(WireModel):
    type: Literal["datetime"] = "datetime"
    value: Annotated[str, Field(json_schema_extra={"format": "date-time"})]


ParameterValue = Annotated[
    BooleanParameter | IntegerParameter | DoubleParameter | StringParameter | DatetimeParameter,
    Field(discriminator="type"),
]


class Parameter(WireModel):
    name: str
    value: ParameterValue


class DoubleSeriesAggregations(WireModel):
    type: Literal["double"] = "double"
    min: float
    max: float
    last: float


class SeriesAggregations(WireModel):
    name: str
    length: Long
    value: DoubleSeriesAggregations


class SummaryMetric(WireModel):
    series_name: str
    aggregation: Literal["MIN", "MAX", "LAST"]
    value: float


class TableArtifactDetails(WireModel):
    type: Literal["table"] = "table"
    row_count: Long


class ArtifactMetadata(WireModel):
    name: str
    description: str | None = None
    size_bytes: Long
    details: TableArtifactDetails


class SdkSource(WireModel):
    type: Literal["sdk"] = "sdk"


class Experiment(WireModel):
    rid: str
    model_rid: str
    created_time: Time
    created_by: str
    source: SdkSource = SdkSource()
    status: Literal["RUNNING", "SUCCEEDED", "FAILED"]
    status_message: str | None = None
    branch: str
    parameters: list[Parameter]
    series: list[SeriesAggregations]
    summary_metrics: list[SummaryMetric]
    artifacts: dict[str, ArtifactMetadata]
    tags: list[str]
    linked_model_version: str | None = None
    job_rid: str


class DoubleSeriesValue(WireModel):
    value: float
    timestamp: Long
    step: Long


class DoubleSeries(WireModel):
    type: Literal["doubleV1"] = "doubleV1"
    series: list[DoubleSeriesValue]


METRICS_TRUNCATED: Final = "metrics-truncated"
PARAMETERS_TRUNCATED: Final = "parameters-truncated"


def experiment(stored: store.Experiment, contents: Contents) -> Experiment:
    tags = {
        METRICS_TRUNCATED: stored.metrics_truncated,
        PARAMETERS_TRUNCATED: stored.parameters_truncated,
    }
    return Experiment(
        rid=stored.rid,
        model_rid=stored.model_rid,
        created_time=stored.created_at,
        created_by=stored.created_by,
        status=stored.status,
        status_message=stored.status_message,
        branch=stored.branch,
        parameters=[_parameter(one) for one in contents.parameters],
        series=[_aggregations(one) for one in contents.series],
        summary_metrics=[
            SummaryMetric(series_name=name, aggregation="LAST", value=value)
            for name, value in contents.summary_metrics.items()
        ],
        artifacts={table.name: _artifact(table) for table in contents.tables},
        tags=[tag for tag, applies in tags.items() if applies],
        linked_model_version=stored.version_rid if stored.status == "SUCCEEDED" else None,
        job_rid=stored.job_rid,
    )


def points(page: Sequence[series.Point]) -> dict[str, Any]:
    """Return a page of points as wire JSON, see `DoubleSeries`."""
    values = [
        {"value": value, "timestamp": str(time), "step": str(step)} for time, step, value in page
    ]
    return {"type": "doubleV1", "series": values}


def _parameter(stored: events.Parameter) -> Parameter:
    # pydantic reads "true", "7" and "0.5" as the value's own type.
    value = {"type": stored.type, "value": stored.value}
    return Parameter.model_validate({"name": stored.name, "value": value})


def _aggregations(stored: series.Series) -> SeriesAggregations:
    value = DoubleSeriesAggregations(min=stored.min, max=stored.max, last=stored.last)
    return SeriesAggregations(name=stored.name, length=stored.length, value=value)


def _artifact(stored: store.ArtifactTable) -> ArtifactMetadata:
    return ArtifactMetadata(
        name=stored.name,
        description=stored.description or None,
        size_bytes=stored.size_bytes,
        details=TableArtifactDetails(row_count=stored.row_count),
    )

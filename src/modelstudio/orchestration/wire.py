"""Wire types of the ``orchestration`` namespace and of the worker protocol."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

from modelstudio.kit.wire import Time, WireModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelstudio.orchestration import store

BuildStatus = Literal["RUNNING", "SUCCEEDED", "FAILED", "CANCELED"]
JobStatus = Literal["WAITING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED", "DID_NOT_RUN"]

MAX_EVENTS: Final = 1000
_MAX_TEXT: Final = 10_000
_MAX_NAME: Final = 1000
_MAX_LONG: Final = 2**63 - 1
_MAX_MILLIS: Final = 253_402_300_799_999  # the end of the year 9999, the last that ISO 8601 has


class Duration(WireModel):
    value: int
    unit: Literal["SECONDS"] = "SECONDS"


class Build(WireModel):
    rid: str
    branch_name: str
    created_time: Time
    created_by: str
    fallback_branches: list[str]
    job_rids: list[str]
    retry_count: int
    retry_backoff_duration: Duration
    abort_on_failure: bool
    status: BuildStatus
    finished_time: Time | None = None


class Job(WireModel):
    rid: str
    build_rid: str
    started_time: Time
    latest_attempt_start_time: Time | None = None
    finished_time: Time | None = None
    job_status: JobStatus
    # Of what the wire has types for, datasets and media sets, no job here makes any.
    outputs: list[dict[str, Any]]


class Jobs(WireModel):
    data: list[Job]
    next_page_token: str | None = None


class LogLine(WireModel):
    time: Time
    level: str
    message: str


class LogLines(WireModel):
    data: list[LogLine]
    next_page_token: str | None = None


def build(stored: store.Build, job_rids: list[str]) -> Build:
    return Build(
        rid=stored.rid,
        branch_name=stored.branch,
        created_time=stored.created_at,
        created_by=stored.created_by,
        fallback_branches=[],
        job_rids=job_rids,
        retry_count=stored.retry_count,
        retry_backoff_duration=Duration(value=0),
        abort_on_failure=False,
        status=stored.status,  # type: ignore[arg-type]  # the column holds nothing else
        finished_time=stored.finished_at,
    )


def job(stored: store.Job) -> Job:
    return Job(
        rid=stored.rid,
        build_rid=stored.build_rid,
        started_time=stored.created_at,
        latest_attempt_start_time=stored.attempt_started_at,
        finished_time=stored.finished_at,
        job_status=stored.status,  # type: ignore[arg-type]  # the column holds nothing else
        outputs=[],
    )


# the worker protocol -------------------------------------------------------------------------


class Heartbeat(WireModel):
    attempt: int
    rss_bytes: Annotated[int, Field(ge=0, le=_MAX_LONG)]


class Events(WireModel):
    attempt: int
    first_sequence: Annotated[int, Field(ge=0, le=2**62)]
    events: Annotated[list[Any], Field(max_length=MAX_EVENTS)]


class Complete(WireModel):
    attempt: int
    model_api: dict[str, Any]
    conda_requirements: list[str]
    predictor: str
    summary_metrics: dict[str, FiniteFloat]


class Fail(WireModel):
    attempt: int
    reason: str


class _Strict(WireModel):
    model_config = ConfigDict(strict=True)


def _iso_8601(text: str) -> str:
    datetime.fromisoformat(text)
    return text


_Millis = Annotated[int, Field(ge=0, le=_MAX_MILLIS)]
_Name = Annotated[str, Field(min_length=1, max_length=_MAX_NAME)]
_Long = Annotated[int, Field(ge=-_MAX_LONG - 1, le=_MAX_LONG)]


class LogEvent(_Strict):
    type: Literal["log"]
    time: _Millis
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    message: str


class MetricEvent(_Strict):
    type: Literal["metric"]
    time: _Millis
    series: _Name
    value: FiniteFloat
    step: _Long


class BooleanValue(_Strict):
    type: Literal["boolean"]
    value: bool


class IntegerValue(_Strict):
    type: Literal["integer"]
    value: _Long


class DoubleValue(_Strict):
    type: Literal["double"]
    value: FiniteFloat


class StringValue(_Strict):
    type: Literal["string"]
    value: Annotated[str, Field(max_length=2 * _MAX_TEXT)]


class DatetimeValue(_Strict):
    type: Literal["datetime"]
    value: Annotated[str, AfterValidator(_iso_8601)]


class ParameterEvent(_Strict):
    type: Literal["parameter"]
    name: _Name
    value: Annotated[
        BooleanValue | IntegerValue | DoubleValue | StringValue | DatetimeValue,
        Field(discriminator="type"),
    ]


_EVENT: Final[TypeAdapter[LogEvent | MetricEvent | ParameterEvent]] = TypeAdapter(
    Annotated[LogEvent | MetricEvent | ParameterEvent, Field(discriminator="type")]
)


def sort_events(
    events: Sequence[Any],
) -> tuple[list[LogEvent], list[dict[str, Any]], int]:
    """Return the lines of the log, the metrics and parameters, and how many were malformed."""
    lines: list[LogEvent] = []
    reports: list[dict[str, Any]] = []
    for raw in events:
        try:
            event = _EVENT.validate_python(raw)
        except ValidationError:
            continue
        if isinstance(event, LogEvent):
            lines.append(event)
        else:
            reports.append(raw)
    return lines, reports, len(events) - len(lines) - len(reports)


def shortened(text: str) -> str:
    """Return the text without what goes beyond the length of a line of the log."""
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + " ..."

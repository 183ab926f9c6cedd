"""JSON on the wire: camelCase names, absent instead of null, 64-bit integers as strings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
from fastapi import Path, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from modelstudio.kit import rids
from modelstudio.kit.clock import iso_time

if TYPE_CHECKING:
    from collections.abc import Mapping


class WireModel(BaseModel):
    """A wire type. Unknown fields are tolerated: clients newer than the server exist."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True
    )


def _rid(value: str) -> str:
    if not rids.is_rid(value):
        raise ValueError("not a resource identifier")
    return value


Rid = Annotated[str, AfterValidator(_rid), WithJsonSchema({"type": "string", "format": "rid"})]

Long = Annotated[
    int,
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "format": "int64"}),
]

#: Epoch milliseconds inside, an ISO 8601 text on the wire.
Time = Annotated[
    int,
    PlainSerializer(iso_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]

RidPath = Annotated[Rid, Path()]
_MAX_INTEGER: Final = 2**63 - 1
PageSize = Annotated[int | None, Query(alias="pageSize", ge=-_MAX_INTEGER, le=_MAX_INTEGER)]
PageToken = Annotated[str | None, Query(alias="pageToken")]


def reply(model: BaseModel) -> Response:
    """Answer 200 with a wire type."""
    return json_bytes(model.model_dump_json(by_alias=True, exclude_none=True).encode())


def reply_json(value: Mapping[str, Any]) -> Response:
    """Answer 200 with a value that is wire JSON already."""
    return json_bytes(orjson.dumps(value))


def json_bytes(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def no_content() -> Response:
    return Response(status_code=204)

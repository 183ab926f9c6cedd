"""Wire types of models and their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from modelstudio.kit.wire import Rid, Time, WireModel

if TYPE_CHECKING:
    from modelstudio.models.store import ModelVersion as StoredVersion


class CreateModelRequest(WireModel):
    name: str
    parent_folder_rid: Rid


class Model(WireModel):
    rid: str


class ModelApiSimpleType(WireModel):
    type: Literal[
        "any", "boolean", "date", "double", "float", "integer", "long", "string", "timestamp"
    ]


class ModelApiUnsupportedType(WireModel):
    type: Literal["unsupported"]
    unsupported_type: str
    params: dict[str, str]


class ModelApiArrayType(WireModel):
    type: Literal["array"]
    item_type: ModelApiDataType


class ModelApiMapType(WireModel):
    type: Literal["map"]
    key_type: ModelApiDataType
    value_type: ModelApiDataType


ModelApiDataType = Annotated[
    ModelApiSimpleType | ModelApiUnsupportedType | ModelApiArrayType | ModelApiMapType,
    Field(discriminator="type"),
]


class ModelApiColumn(WireModel):
    name: str
    required: bool | None = None
    data_type: ModelApiDataType


class ModelApiTabularType(WireModel):
    type: Literal["tabular"]
    name: str
    required: bool | None = None
    columns: list[ModelApiColumn]
    format: Literal["PANDAS", "SPARK"] | None = None


class ModelApiParameterType(WireModel):
    type: Literal["parameter"]
    name: str
    required: bool | None = None
    data_type: ModelApiDataType


ModelApiField = Annotated[
    ModelApiTabularType | ModelApiParameterType | ModelApiUnsupportedType,
    Field(discriminator="type"),
]


class ModelApi(WireModel):
    """What a model takes and what it gives."""

    inputs: list[ModelApiField]
    outputs: list[ModelApiField]


class ModelVersion(WireModel):
    rid: str
    model_api: ModelApi
    conda_requirements: list[str]
    backing_repositories: list[str]
    created_time: Time
    source: dict[str, Any] | None = None
    linked_experiment: str | None = None


class ModelVersions(WireModel):
    data: list[ModelVersion]
    next_page_token: str | None = None


def model_version(stored: StoredVersion) -> ModelVersion:
    return ModelVersion.model_validate(
        {
            "rid": stored.rid,
            "model_api": stored.model_api,
            "conda_requirements": stored.conda_requirements,
            "backing_repositories": [],
            "created_time": stored.published_at,
            "source": stored.source,
            "linked_experiment": stored.experiment_rid,
        }
    )

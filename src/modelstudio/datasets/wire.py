"""Wire types of the ``datasets`` namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from modelstudio.filesystem.service import ROOT_FOLDER
from modelstudio.kit.wire import Long, Rid, Time, WireModel

if TYPE_CHECKING:
    from modelstudio.datasets import schemas, store
    from modelstudio.filesystem.service import Located

TransactionType = Literal["APPEND", "UPDATE", "SNAPSHOT", "DELETE"]
TableFormat = Literal["ARROW", "CSV"]
FieldType = Literal[
    "ARRAY", "BINARY", "BOOLEAN", "BYTE", "DATE", "DECIMAL", "DOUBLE", "FLOAT", "INTEGER",
    "LONG", "MAP", "SHORT", "STRING", "STRUCT", "TIMESTAMP",
]  # fmt: skip


class CreateDatasetRequest(WireModel):
    parent_folder_rid: Rid
    name: str


class CreateTransactionRequest(WireModel):
    transaction_type: TransactionType


class Dataset(WireModel):
    rid: str
    name: str
    parent_folder_rid: str


class Branch(WireModel):
    name: str
    transaction_rid: str | None = None


class Branches(WireModel):
    data: list[Branch]
    next_page_token: str | None = None


class Transaction(WireModel):
    rid: str
    transaction_type: TransactionType
    status: Literal["ABORTED", "COMMITTED", "OPEN"]
    created_time: Time
    closed_time: Time | None = None


class File(WireModel):
    path: str
    transaction_rid: str
    size_bytes: Long
    updated_time: Time


class Files(WireModel):
    data: list[File]
    next_page_token: str | None = None


class DatasetField(WireModel):
    type: FieldType
    name: str | None = None
    nullable: bool
    user_defined_type_class: str | None = None
    custom_metadata: dict[str, Any] | None = None
    array_subtype: DatasetField | None = None
    precision: int | None = None
    scale: int | None = None
    map_key_type: DatasetField | None = None
    map_value_type: DatasetField | None = None
    sub_schemas: list[DatasetField] | None = None


class DatasetSchema(WireModel):
    field_schema_list: list[DatasetField]


class PutSchemaRequest(WireModel):
    branch_name: str | None = None
    dataframe_reader: Literal["AVRO", "CSV", "PARQUET", "DATASOURCE"] | None = None
    end_transaction_rid: Rid | None = None
    columns: DatasetSchema = Field(alias="schema")


class SchemaResponse(WireModel):
    branch_name: str
    end_transaction_rid: str
    columns: DatasetSchema = Field(alias="schema")
    version_id: str


def dataset(located: Located) -> Dataset:
    resource = located.resource
    return Dataset(
        rid=resource.rid,
        name=resource.display_name,
        parent_folder_rid=resource.parent_rid or ROOT_FOLDER,
    )


def branch(stored: store.Branch) -> Branch:
    return Branch(name=stored.name, transaction_rid=stored.transaction_rid)


def transaction(stored: store.Transaction) -> Transaction:
    return Transaction.model_validate(
        {
            "rid": stored.rid,
            "transaction_type": stored.type,
            "status": stored.status,
            "created_time": stored.created_at,
            "closed_time": stored.closed_at,
        }
    )


def file(stored: store.File) -> File:
    return File(
        path=stored.path,
        transaction_rid=stored.transaction_rid,
        size_bytes=stored.size_bytes,
        updated_time=stored.updated_at,
    )


def schema(stored: schemas.Schema, *, branch_name: str, end_rid: str) -> SchemaResponse:
    return SchemaResponse.model_validate(
        {
            "branch_name": branch_name,
            "end_transaction_rid": end_rid,
            "columns": {"field_schema_list": stored.fields},
            "version_id": stored.version_id,
        }
    )


def fields(declared: DatasetSchema) -> list[schemas.WireField]:
    """Return the columns as they are stored."""
    return [
        field.model_dump(by_alias=True, exclude_none=True) for field in declared.field_schema_list
    ]

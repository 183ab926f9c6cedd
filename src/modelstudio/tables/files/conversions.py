"""Arrow's many types made into those few that the wire has, without changing a value."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from pyarrow import compute, lib

from modelstudio.tables.files.problems import Unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

pc: Any = compute
#: Types that `plain_type` gives, by id, as the wire calls them.
SIMPLE: Final[Mapping[int, str]] = {
    lib.Type_BINARY: "BINARY",
    lib.Type_BOOL: "BOOLEAN",
    lib.Type_DATE32: "DATE",
    lib.Type_DOUBLE: "DOUBLE",
    lib.Type_FLOAT: "FLOAT",
    lib.Type_INT8: "BYTE",
    lib.Type_INT16: "SHORT",
    lib.Type_INT32: "INTEGER",
    lib.Type_INT64: "LONG",
    lib.Type_NA: "STRING",
    lib.Type_STRING: "STRING",
    lib.Type_TIMESTAMP: "TIMESTAMP",
}

_PLAIN: Final[Mapping[int, Any]] = {
    lib.Type_BINARY_VIEW: pa.binary(),
    lib.Type_DATE64: pa.date32(),
    lib.Type_DURATION: pa.int64(),
    lib.Type_FIXED_SIZE_BINARY: pa.binary(),
    lib.Type_HALF_FLOAT: pa.float32(),
    lib.Type_LARGE_BINARY: pa.binary(),
    lib.Type_LARGE_STRING: pa.string(),
    lib.Type_STRING_VIEW: pa.string(),
    lib.Type_TIME32: pa.string(),
    lib.Type_TIME64: pa.string(),
    lib.Type_UINT8: pa.int16(),
    lib.Type_UINT16: pa.int32(),
    lib.Type_UINT32: pa.int64(),
}
_OUT_OF_TYPE: Final = "A value of column {name!r} is not of the type in the schema."


def plain_type(type_: Any) -> Any:  # noqa: PLR0911 - one for each kind
    """Return the type that `normal` gives values of a type."""
    types = pa.types
    if isinstance(type_, pa.BaseExtensionType):
        return pa.string() if _is_uuid(type_) else plain_type(type_.storage_type)
    if types.is_dictionary(type_) or types.is_run_end_encoded(type_):
        return plain_type(type_.value_type)
    if types.is_map(type_):
        return pa.map_(plain_type(type_.key_type), plain_type(type_.item_type))
    if types.is_struct(type_):
        return pa.struct([(sub.name, plain_type(sub.type)) for sub in type_])
    if hasattr(type_, "value_type"):  # a list of any kind
        return pa.list_(plain_type(type_.value_type))
    if types.is_timestamp(type_):
        return pa.timestamp("us", type_.tz and "UTC")
    return _PLAIN.get(type_.id, type_)


def normal(array: pa.Array, name: str) -> pa.Array:
    """Return a column's values as their plain type.

    Moments are cut off at microseconds.

    Raises
    ------
    Unreadable
        For a moment that microseconds cannot hold.
    """
    if isinstance(array.type, pa.BaseExtensionType):
        return _texts_of_uuids(array) if _is_uuid(array.type) else normal(array.storage, name)
    if pa.types.is_dictionary(array.type):
        return normal(array.dictionary_decode(), name)
    if pa.types.is_run_end_encoded(array.type):
        return normal(pc.run_end_decode(array), name)
    target = plain_type(array.type)
    if array.type.equals(target):
        return array
    if pa.types.is_time(array.type):
        return _without_zeros(array.cast(target))
    cuts = pa.types.is_timestamp(array.type) and array.type.unit == "ns"
    try:
        return array.cast(target, safe=not (cuts or pa.types.is_nested(array.type)))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Unreadable(f"Column {name!r} has a value that {target} cannot hold.") from error


def as_type(array: pa.Array, type_: pa.DataType, name: str) -> pa.Array:
    """Return values of a plain type as those of a column's type.

    Raises
    ------
    Unreadable
        For a value that the type cannot hold.
    """
    if array.type.equals(type_):
        return array
    try:
        return cast(array, type_)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Unreadable(_OUT_OF_TYPE.format(name=name)) from error


def as_texts(array: pa.Array) -> pa.Array:
    """Return values of a plain type as they are written."""
    kind = array.type
    texts = array.cast(pa.string())
    if pa.types.is_timestamp(kind):
        return _without_zeros(texts)
    if pa.types.is_floating(kind):  # 5 would be a whole number
        whole = pc.match_substring_regex(texts, "^-?[0-9]+$")
        return pc.if_else(whole, pc.binary_join_element_wise(texts, "0", "."), texts)
    return texts


def cast(array: pa.Array, type_: Any) -> pa.Array:
    """Return values of a plain type as another; raises Arrow's errors."""
    types = pa.types
    if types.is_null(array.type):
        return pa.nulls(len(array), type_)
    if types.is_string(type_) and not types.is_nested(array.type):
        return as_texts(array)
    if types.is_floating(type_) and types.is_integer(array.type):
        return array.cast(type_, safe=False)  # the nearest there is
    if types.is_decimal(type_) and types.is_integer(array.type):
        wide = array.cast(pa.decimal128(20, 0)).cast(pa.decimal256(76, type_.scale))
        return wide.cast(type_)
    if types.is_decimal(type_) and types.is_decimal(array.type) and array.type.scale > type_.scale:
        return pc.round(array, type_.scale).cast(type_)
    return array.cast(type_)


def _without_zeros(texts: pa.Array) -> pa.Array:
    """Leave out the end of a fraction of a second that says nothing."""
    shorter = pc.replace_substring_regex(texts, r"(\.[0-9]*[1-9])0+(Z?)$", r"\1\2")
    return pc.replace_substring_regex(shorter, r"\.0+(Z?)$", r"\1")


def _is_uuid(type_: Any) -> bool:
    return bool(type_.extension_name == "arrow.uuid")


def _texts_of_uuids(array: Any) -> pa.Array:
    known = [
        None if one is None else str(uuid.UUID(bytes=one)) for one in array.storage.to_pylist()
    ]
    return pa.array(known, pa.string())


def wire_name(type_: Any) -> str:
    """Return what the wire calls a plain type."""
    types = pa.types
    for is_kind, name in (
        (types.is_decimal, "DECIMAL"),
        (types.is_map, "MAP"),
        (types.is_struct, "STRUCT"),
        (types.is_list, "ARRAY"),
    ):
        if is_kind(type_):
            return name
    return SIMPLE.get(type_.id, str(type_))

"""The field types of the wire, once: what each is in Arrow, in a model API, and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

Group = Literal["NUMERIC", "STRING", "BOOLEAN", "TEMPORAL", "NESTED"]


@dataclass(frozen=True, slots=True)
class FieldType:
    """A type that a column can have.

    Attributes
    ----------
    name
        On the wire of datasets, such as ``LONG``.
    arrow
        Name of Arrow's type, None where it needs more than a name (``DECIMAL``, nested types).
    model
        Its name in a model API; None for types that no model takes or gives.
    meaning
        What a value of it is, in words.
    """

    name: str
    group: Group
    arrow: str | None
    model: str | None
    meaning: str


_ALL: Final = (
    FieldType("BYTE", "NUMERIC", "int8", "integer", "a whole number of 8 bits"),
    FieldType("SHORT", "NUMERIC", "int16", "integer", "a whole number of 16 bits"),
    FieldType("INTEGER", "NUMERIC", "int32", "integer", "a whole number of 32 bits"),
    FieldType("LONG", "NUMERIC", "int64", "long", "a whole number"),
    FieldType("DECIMAL", "NUMERIC", None, "double", "a number"),
    FieldType("FLOAT", "NUMERIC", "float32", "float", "a number"),
    FieldType("DOUBLE", "NUMERIC", "float64", "double", "a number"),
    FieldType("STRING", "STRING", "string", "string", "text"),
    FieldType("BOOLEAN", "BOOLEAN", "bool_", "boolean", "true or false"),
    FieldType("DATE", "TEMPORAL", "date32", "date", "a date"),
    FieldType("TIMESTAMP", "TEMPORAL", "timestamp", "timestamp", "a date or time"),
    FieldType("BINARY", "NESTED", "binary", None, "bytes"),
    FieldType("ARRAY", "NESTED", None, None, "a list"),
    FieldType("MAP", "NESTED", None, None, "a map"),
    FieldType("STRUCT", "NESTED", None, None, "a struct"),
)
#: By their names on the wire.
FIELD_TYPES: Final[Mapping[str, FieldType]] = {one.name: one for one in _ALL}
#: Names of the whole numbers, the narrowest first.
INTEGERS: Final = ("BYTE", "SHORT", "INTEGER", "LONG")
#: Numbers with a fraction.
FRACTIONS: Final = ("DECIMAL", "FLOAT", "DOUBLE")
NUMBERS: Final = (*INTEGERS, *FRACTIONS)
MOMENTS: Final = ("DATE", "TIMESTAMP")
#: Digits that a DECIMAL can have.
MAX_PRECISION: Final = 38
#: Field type of a model API's type; ``integer`` is a whole number of 32 bits there.
OF_MODEL: Final[Mapping[str, str]] = {
    "boolean": "BOOLEAN",
    "date": "DATE",
    "double": "DOUBLE",
    "float": "FLOAT",
    "integer": "INTEGER",
    "long": "LONG",
    "string": "STRING",
    "timestamp": "TIMESTAMP",
}


def group_of(name: str) -> Group:
    """Return the group of a field type."""
    return FIELD_TYPES[name].group


def names_of(group: Group) -> frozenset[str]:
    """Return the field types of a group."""
    return frozenset(one.name for one in _ALL if one.group == group)


def arrow_type(field: Mapping[str, Any], *, zone: str | None = None) -> pa.DataType:
    """Return Arrow's type of a wire field, moments in microseconds; ``zone`` is a TIMESTAMP's."""
    import pyarrow as pa  # noqa: PLC0415 - the server imports this module, and no table library

    name = field["type"]
    if name == "TIMESTAMP":
        return pa.timestamp("us", zone)
    if name == "DECIMAL":
        return pa.decimal128(field["precision"], field["scale"])
    if name == "ARRAY":
        return pa.list_(arrow_type(field["arraySubtype"]))
    if name == "MAP":
        return pa.map_(arrow_type(field["mapKeyType"]), arrow_type(field["mapValueType"]))
    if name == "STRUCT":
        return pa.struct([(sub["name"], arrow_type(sub)) for sub in field["subSchemas"]])
    found: pa.DataType = getattr(pa, str(FIELD_TYPES[name].arrow))()
    return found


def castable(found: str, wanted: str) -> bool:
    """Whether values of one type can be read as another without changing them.

    Whether each value is within a narrower type's range shows when it is read.
    """
    if found == wanted or "STRING" in {found, wanted}:
        return True
    if found in INTEGERS:
        return wanted in NUMBERS
    if found in FRACTIONS:
        return wanted in FRACTIONS
    return found == "DATE" and wanted == "TIMESTAMP"


def wider(one: str, other: str) -> str | None:
    """Return the type that holds the values of both, None when there is none."""
    types = {one, other}
    if len(types) == 1:
        return one
    if types <= set(INTEGERS):
        return max(types, key=INTEGERS.index)
    if types <= {*INTEGERS, "FLOAT", "DOUBLE"}:
        return "DOUBLE"
    return "TIMESTAMP" if types == {"DATE", "TIMESTAMP"} else None

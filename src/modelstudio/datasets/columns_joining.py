"""What a column is whose values are in several files, in each with a type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelstudio.tables import types

if TYPE_CHECKING:
    from collections.abc import Mapping


def joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the column that holds the values of both, None when there is none."""
    if one.get("empty") or other.get("empty"):
        return dict(other if one.get("empty") else one)
    both = one["field"], other["field"]
    if bool(one["zone"]) != bool(other["zone"]):
        return None  # moments without a zone may be of any
    more = {"zone": one["zone"] if one["zone"] == other["zone"] else "UTC"}
    precise = bool(one.get("precise") or other.get("precise"))
    if precise:
        more["precise"] = True
    if both[0] == both[1]:
        return {**one, **more}
    if {field["type"] for field in both} == {"DECIMAL"}:
        return {**one, "field": _wider_decimal(*both)}
    wider = types.wider(both[0]["type"], both[1]["type"])
    if wider is None and "partition" in one and "partition" in other:
        wider = "STRING"  # zip=01234 beside zip=12345
    if wider is None or (precise and wider == "DOUBLE"):  # it would round identifiers
        return None
    return {**one, "field": {**one["field"], "type": wider}, **more}


def type_name(column: Mapping[str, Any]) -> str:
    """Return what a column's type is called where it differs from another's."""
    type_: str = column["field"]["type"]
    if type_ != "TIMESTAMP":
        return type_
    return f"{type_} with a zone" if column["zone"] else f"{type_} without a zone"


def _wider_decimal(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return the DECIMAL with room for the digits of both, before and behind the point."""
    scale = max(one["scale"], other["scale"])
    before = max(field["precision"] - field["scale"] for field in (one, other))
    precision = min(before + scale, types.MAX_PRECISION)
    return {**one, "precision": precision, "scale": scale}

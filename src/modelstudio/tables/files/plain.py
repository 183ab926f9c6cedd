"""How the texts of a column are read as a type: the kinds of values there are, and the values."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from pyarrow import compute

from modelstudio.tables.files.problems import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

pc: Any = compute
NULL_TEXTS: Final = (
    "", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "Null", "null", "None", "\\N",
)  # fmt: skip
_BOOLEAN, _LONG, _HUGE, _DOUBLE, _DATE_KIND, _LOCAL, _ZONED, _TEXT, _PADDED = (
    1, 2, 4, 8, 16, 32, 64, 128, 256,
)  # fmt: skip
_DATE: Final = "[12][0-9]{3}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_TIME: Final = r"[ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
_ZONE: Final = "(Z| ?UTC|[+-][0-9]{2}(:?[0-9]{2})?)"
_EXPONENT: Final = "([eE][+-]?[0-9]+)?"
_INFINITY: Final = "[+-]?(?i:inf|infinity)"
_NUMBER: Final = rf"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+){_EXPONENT}|{_INFINITY}"
_MOMENT: Final = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?"
    r"\s*(Z|UTC|([+-])(\d{2}):?(\d{2})?)?"
)
_WHOLE: Final = {"BYTE": pa.int8(), "SHORT": pa.int16(), "INTEGER": pa.int32(), "LONG": pa.int64()}
_FLOAT: Final = {"FLOAT": pa.float32(), "DOUBLE": pa.float64()}
_KINDS: Final = (
    ("[+-]?(0|[1-9][0-9]*)", _LONG),
    ("[+-]?0[0-9]+", _PADDED),
    (rf"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+){_EXPONENT}|{_INFINITY}", _DOUBLE),
    ("(?i:true|false)", _BOOLEAN),
    (_DATE, _DATE_KIND),
    (_DATE + _TIME, _LOCAL),
    (_DATE + _TIME + _ZONE, _ZONED),
)
_STRICT: Final = "[+-]?[0-9]+"
_LOOSE: Final = r"[+-]?[0-9]+(\.0*)?"
_MAX_SHOWN: Final = 100


def kinds(texts: pa.Array) -> int:
    """Return the kinds of values in a column, as bits."""
    left = _bare(pc.unique(texts))
    found = 0
    for pattern, kind in _KINDS:
        mask = pc.match_substring_regex(left, f"^(?:{pattern})$")
        matching, left = left.filter(mask), left.filter(pc.invert(mask))
        if len(matching):
            found |= _checked(matching, kind)
    return found | (_TEXT if len(left) else 0)


def _checked(texts: pa.Array, kind: int) -> int:
    if kind == _LONG:
        fits = [-(2**63) <= int(one) < 2**63 for one in texts.to_pylist()]
        return (_LONG if any(fits) else 0) | (0 if all(fits) else _HUGE)
    if kind in {_DATE_KIND, _LOCAL, _ZONED}:
        fits = [_moment(one) is not None for one in texts.to_pylist()]
        return (kind if any(fits) else 0) | (0 if all(fits) else _TEXT)
    return kind


def _bare(texts: pa.Array) -> pa.Array:
    bare = pc.utf8_trim(texts, " ")
    missing = pc.or_kleene(pc.is_null(bare), pc.is_in(bare, pa.array(NULL_TEXTS)))
    return bare.filter(pc.invert(missing))


def values(texts: pa.Array, field: Mapping[str, Any], type_: pa.DataType) -> pa.Array:
    """Return a column's texts as values of its type.

    Raises
    ------
    Unreadable
        For a text that is not of the type.
    """
    found, unfit = fitting(texts, field["type"], type_)
    if unfit is not None:
        shown = texts[pc.index(unfit, True).as_py()].as_py()[:_MAX_SHOWN]
        raise Unreadable(
            f"Column {field['name']!r} has the value {shown!r}, which is not {field['type']}."
        )
    return found


def fitting(
    texts: pa.Array, kind: str, type_: pa.DataType, *, loosely: bool = False
) -> tuple[pa.Array, pa.Array | None]:
    """Return texts as values of a type, and which of them do not fit; None if all do.

    Those are missing. ``loosely`` also reads ``3.0`` as a whole number, as many tools write whole
    numbers when some are missing.
    """
    if kind == "STRING":
        return texts, None
    if kind == "BINARY":
        return texts.cast(type_), None
    encoded = pc.utf8_trim(texts, " ").dictionary_encode()
    read = _reader(kind, type_, _LOOSE if loosely else _STRICT)
    known, unfit = [], []
    for text in encoded.dictionary.to_pylist():
        value = None if text in NULL_TEXTS else read(text)
        unfit.append(value is None and text not in NULL_TEXTS)
        known.append(value)
    found = pa.array(known, type_).take(encoded.indices)
    if not any(unfit):
        return found, None
    return found, pc.fill_null(pa.array(unfit, pa.bool_()).take(encoded.indices), False)


def _reader(kind: str, type_: pa.DataType, whole: str) -> Callable[[str], Any]:
    if kind in _WHOLE:
        return lambda text: _fitting(text, whole, type_)
    if kind in _FLOAT:
        return lambda text: float(text) if re.fullmatch(_NUMBER, text) else None
    if kind == "DECIMAL":
        return lambda text: _fitting(text, _NUMBER, type_)
    if kind == "BOOLEAN":
        words = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
        return lambda text: words.get(text.lower())
    if kind == "DATE":
        return lambda text: _day(text)
    if kind == "TIMESTAMP":
        return lambda text: _moment(text)
    return lambda text: _nested(text, type_)


def _nested(text: str, type_: pa.DataType) -> Any:
    try:
        return pa.array([json.loads(text)], type_)[0].as_py()
    except (ValueError, TypeError, pa.ArrowException):
        return None


def _fitting(text: str, pattern: str, type_: pa.DataType) -> Any:
    if not re.fullmatch(pattern, text):
        return None
    try:
        bare = text.lstrip("+").partition(".")[0] if pa.types.is_integer(type_) else text
        return pa.array([bare]).cast(type_)[0].as_py()
    except pa.ArrowInvalid:
        return None


def _day(text: str) -> date | None:
    moment = _moment(text) if re.fullmatch(_DATE, text) else None
    return None if moment is None else moment.date()


def _moment(text: str) -> datetime | None:
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, part, zone, sign, hours, minutes = found.groups()
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
            int((part or "0")[:6].ljust(6, "0")), tzinfo=UTC,
        )  # fmt: skip
    except ValueError:
        return None
    if zone and sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        moment = moment - offset if sign == "+" else moment + offset
    return moment

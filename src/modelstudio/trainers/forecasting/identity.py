"""Names of series: one text for the values of one or several columns, and back again.

A value's text does not depend on those beside it, nor on how a table holds it: 7, 7.0, "7" of a
column of numbers and a decimal 7.00 are one series. No whole number goes through a float.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import pandas as pd

from modelstudio.tables import types
from modelstudio.tables.identity import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from modelstudio.trainers.forecasting.columns import Columns
    from modelstudio.trainers.forecasting.panel import Flags, Ints
    from modelstudio.trainers.model_api import WireType

#: The id of the only series when the data has no column that tells series apart.
ONLY_ITEM: Final = "series"
INTEGERS: Final = frozenset(types.INTEGERS)
_NUMBERS: Final = types.names_of("NUMERIC")
_MOMENTS: Final = frozenset(types.MOMENTS)
#: Within a value a slash is written twice, so that a single one always parts two columns.
_SEPARATOR: Final = " / "


def keys_of(frame: pd.DataFrame, columns: Columns, named: Sequence[str] = ()) -> tuple[Any, Flags]:
    """Return the name of each row's series, and where there is one.

    Parameters
    ----------
    named
        Columns of the frame that hold the ids when they are called otherwise there.
    """
    if not columns.items:
        return np.full(len(frame), ONLY_ITEM, dtype=object), np.ones(len(frame), dtype=bool)
    given = np.ones(len(frame), dtype=bool)
    combined, _count, parts = np.zeros(len(frame), dtype="int64"), 1, []
    for column, name in zip(columns.items, named or columns.items, strict=True):
        codes, texts = _coded(frame[name], _reader(columns, column))
        given &= codes >= 0
        _, combined = np.unique(combined * max(len(texts), 1) + codes, return_inverse=True)
        parts.append((codes, texts))
    keys = np.full(len(frame), None, dtype=object)
    known = np.flatnonzero(given)
    if len(known):
        _, first, inverse = np.unique(combined[known], return_index=True, return_inverse=True)
        names = [_joined([texts[codes[row]] for codes, texts in parts]) for row in known[first]]
        keys[known] = np.array(names, dtype=object)[inverse]
    return keys, given


def place(moment: Any, key: str) -> str:
    """Return the words for a moment of a series; of the only one there is, the moment alone."""
    stamp = str(pd.Timestamp(moment))
    return stamp if key == ONLY_ITEM else f"{stamp} in series {key!r}"


def matched(keys: Any, known: Iterable[str], columns: Columns) -> Any:
    """Return names of series, those as training had them where only the way of writing differs.

    A column of ids such as ``101`` is written ``101.0`` by programs that hold it as floats.
    """
    if not columns.items or not columns.exact_ids:
        return keys
    exact = set(known)
    codes, distinct = pd.factorize(keys)
    if exact.issuperset(distinct):
        return keys
    count = len(columns.items)
    same = unambiguous((_plain(key, count), key) for key in exact)
    names = [key if key in exact else same.get(_plain(key, count), key) for key in distinct]
    return np.array([*names, None], dtype=object)[codes]


def unambiguous(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return a mapping of those pairs that no other has the first part of."""
    found: dict[str, Any] = {}
    twice = set()
    for key, value in pairs:
        if key in found:
            twice.add(key)
        found[key] = value
    return {key: value for key, value in found.items() if key not in twice}


def answered(keys: Sequence[str], columns: Columns) -> dict[str, pd.Series]:
    """Return the columns of ids that these series are named by, each of its own type.

    Raises
    ------
    ValueError
        When an id is not of the type that was trained on; the message names it.
    """
    if not columns.items:
        return {}
    parts = [_parted(key, len(columns.items)) for key in keys]
    return {
        name: _typed([part[number] for part in parts], _answer_type(columns, name))
        for number, name in enumerate(columns.items)
    }


def wire_type(columns: Columns, name: str) -> WireType:
    """Return the type in which a column of ids is answered, as the model API has it."""
    kind = _answer_type(columns, name)
    names = {"BOOLEAN": "boolean", "LONG": "long", "DOUBLE": "double"}
    return cast("WireType", names.get(kind, "string"))


def texts_of(values: pd.Series) -> pd.Series:
    """Return values as strings; missing ones stay missing.

    A value's string does not depend on those beside it: pandas reads whole numbers with a gap as
    floats.
    """
    codes, texts = _coded(values, _text)
    found = np.array([*texts, None], dtype=object)[codes]
    return pd.Series(found, index=values.index, dtype=object, name=values.name)


def _coded(values: pd.Series, read: Callable[[Any], str]) -> tuple[Ints, list[str]]:
    """Return each value's number among the texts; -1 for a missing one."""
    codes, distinct = pd.factorize(values.astype(object) if _mixed(values) else values)
    texts = [read(value) for value in distinct]
    return np.asarray(codes, dtype="int64"), texts


def _mixed(values: pd.Series) -> bool:
    return isinstance(values.dtype, pd.CategoricalDtype)


def _text(value: object) -> str:
    whole = isinstance(value, float | Decimal) and value == value // 1
    return str(int(value)) if whole else str(value)  # type: ignore[call-overload]


def _number(value: object) -> str:
    """Return a number's one text, however it is written; what is none stays as it is."""
    if isinstance(value, str | float | Decimal):
        try:
            number = Decimal(str(value).strip())
        except InvalidOperation:
            return str(value)
        if number.is_finite():
            whole = number == number.to_integral_value()
            return str(int(number)) if whole else f"{number.normalize():f}"
    return _text(value)


def _boolean(value: object) -> str:
    text = _text(value).strip().lower()
    return {"1": "true", "0": "false"}.get(text, text)


def _moment(value: object) -> str:
    """Return a moment's one text; what is none stays as it is."""
    text = _text(value).strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return str(moment).removesuffix(" 00:00:00")


def _reader(columns: Columns, name: str) -> Callable[[Any], str]:
    kind = columns.types.get(name, "STRING")
    if not columns.exact_ids:
        return _text
    if kind == "BOOLEAN":
        return _boolean
    if kind in _MOMENTS:
        return _moment
    return _number if kind in _NUMBERS else _text


def _answer_type(columns: Columns, name: str) -> str:
    kind = columns.types.get(name, "STRING")
    if kind in INTEGERS:
        return "LONG"
    if not columns.exact_ids:  # models saved before answer all others as texts
        return "STRING"
    return {"FLOAT": "DOUBLE"}.get(kind, kind)


def _joined(parts: Sequence[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return _SEPARATOR.join(part.replace("/", "//") for part in parts)


def _parted(key: str, count: int) -> list[str]:
    return [key] if count == 1 else [part.replace("//", "/") for part in key.split(_SEPARATOR)]


def _plain(key: str, count: int) -> str:
    return _joined([plain(part) for part in _parted(key, count)])


def _typed(texts: list[str], kind: str) -> pd.Series:
    ids = pd.Series(texts, dtype=object)
    if kind == "LONG":
        try:
            return ids.astype("int64")
        except (ValueError, OverflowError) as error:
            wrong = next(text for text in texts if not text.lstrip("-").isdecimal())
            raise ValueError(
                f"The item {wrong!r} is no whole number as those trained on are"
            ) from error
    if kind == "DOUBLE":
        try:
            return ids.astype("float64")
        except ValueError as error:
            raise ValueError(f"An item is no number as those trained on are: {error}") from error
    if kind == "BOOLEAN":
        strange = [text for text in texts if text not in {"true", "false"}]
        if strange:
            raise ValueError(f"The item {strange[0]!r} is neither true nor false")
        return ids == "true"
    return ids

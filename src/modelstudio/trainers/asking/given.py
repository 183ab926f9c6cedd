"""Reads what callers give a predictor, frames and single rows, as the columns that it takes.

Column by column, by the rules of the column, so that a value means the same whether it comes in a
file, a frame or a row of JSON. What does not fit is missing and counted; it is refused where no
value of a column fits, or where nothing could be meant by it. Exports carry this module: it needs
pandas and nothing of a server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from modelstudio.tables.readings import UNFIT
from modelstudio.trainers.asking import rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.trainers.asking.rules import Rule

#: So many values that do not fit are shown.
_EXAMPLES: Final = 3
_NAMES: Final = 20


class InputError(ValueError):
    """What was given cannot be predicted; the message is for whoever gave it.

    Attributes
    ----------
    missing
        The columns that are needed and absent, if that is the reason.
    """

    def __init__(self, message: str, missing: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.missing = tuple(missing)


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a predictor takes.

    Attributes
    ----------
    kind
        Its type on the wire, such as ``double``.
    required
        Whether it must be there; it may have missing values even so.
    rule
        How its values are read.
    """

    name: str
    kind: str
    required: bool
    rule: Rule


class Given:
    """The columns of a model, and how callers' values become theirs.

    Parameters
    ----------
    fields
        The inputs of the wire's ``ModelApi``.
    readings
        Column to how its values are written, where that is not the standard way.
    whole
        Whether values of required columns must all fit, as those that name a series or a moment.
    """

    def __init__(
        self,
        fields: Sequence[Mapping[str, Any]],
        readings: Mapping[str, Any] | None = None,
        *,
        whole: bool = False,
    ) -> None:
        known = readings or {}
        self.columns = tuple(_column(one, known, whole=whole) for one in table_columns(fields))
        self._whole = whole
        self._readers = [(one.name, one.rule) for one in self.columns]

    def check(self, names: Sequence[Any], what: str) -> None:
        """Refuse a table or row with these columns when it lacks what the model needs.

        Raises
        ------
        InputError
        """
        there = set(names)
        needed = [one.name for one in self.columns if one.required]
        absent = [name for name in needed if name not in there]
        if absent:
            has = f"it has {_listed(list(names))}" if len(names) else "it has no columns"
            raise InputError(
                f"The {what} has no {_columns(absent)}, which the model needs; {has}. "
                f"Needed {'is' if len(needed) == 1 else 'are'} {_listed(needed)}.",
                absent,
            )
        if self.columns and there.isdisjoint(one.name for one in self.columns):
            raise InputError(
                f"The {what} has none of the columns that the model takes, which are "
                f"{_listed([one.name for one in self.columns])}"
            )

    def frame(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
        """Return the frame with each column that the model takes as it takes it, and notes.

        Columns of the right type stay as they are, and so do those that the model does not know.

        Raises
        ------
        InputError
            When a column stands there several times, or cannot be read; the message names it.
        """
        notes: list[str] = []
        names = frame.columns
        twice = set(names[names.duplicated()])
        changed: dict[str, pd.Series] = {}
        absent = [one.name for one in self.columns if one.name not in names]
        if absent and not self._whole:
            notes.append(f"Absent, so that all values count as missing: {_columns(absent)}")
        for column in self.columns:
            if column.name in twice:
                raise InputError(f"There are several columns {column.name!r}")
            if column.name in names:
                series = frame[column.name]
                read = self._column(series, column, notes)
                if read is not series:
                    changed[column.name] = read
        if not changed:
            return frame, notes
        frame = frame.copy(deep=False)
        for name, series in changed.items():
            frame[name] = series
        return frame, notes

    def row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return one row of plain values, such as JSON has, as the model takes them.

        Raises
        ------
        InputError
            When a value cannot be read as its column's; the message names the column.
        """
        made = dict(row)
        for name, rule in self._readers:
            if name in made:
                value = made[name]
                if value is not None and value.__class__ is not rule.plain:
                    made[name] = self._value(value, name, rule)
        return made

    def frame_of_row(self, row: Mapping[str, Any]) -> pd.DataFrame:
        """Return a frame of one row; raises as ``row`` does."""
        frame = pd.DataFrame({name: pd.Series([row[name]], dtype=object) for name in row})
        known = {one.name for one in self.columns}
        for name in frame.columns.difference(list(known)):
            frame[name] = frame[name].infer_objects()
        return self.frame(frame)[0]

    def _value(self, value: Any, name: str, rule: Rule) -> Any:
        read = rule.read(value)
        if read is UNFIT:
            raise InputError(f"Column {name!r} has a value that is {rule.unfit}: {value!r:.100}")
        if read is rules.EPOCH:
            raise _epoch(name, value, rule)
        return read

    def _column(self, series: pd.Series, column: Column, notes: list[str]) -> pd.Series:
        native = column.rule.native(series)
        if native is not None:
            return native
        values, unfit = _read(series, column)
        if unfit:
            count, examples = len(unfit), _examples(unfit)
            must = self._whole and column.required
            if must or not any(value is not None for value in values):
                more = f" and {count - 1} more" if count > 1 else ""
                raise InputError(
                    f"Column {column.name!r} has a value that is {column.rule.unfit}: "
                    f"{unfit[0]!r:.100}{more}"
                )
            notes.append(
                f"Column {column.name!r}: {count} of {len(series)} values are {column.rule.unfit} "
                f"and count as missing, such as {examples}"
            )
        return pd.Series(column.rule.array(values), index=series.index, name=series.name)


def _column(field: Mapping[str, Any], readings: Mapping[str, Any], *, whole: bool) -> Column:
    name, kind = field["name"], field["dataType"]["type"]
    required = field.get("required") is not False
    rule = rules.rule(kind, readings.get(name), exact=whole and required)
    return Column(name, kind, required, rule)


def table_columns(fields: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the columns of the first table among a model API's inputs or outputs."""
    for field in fields:
        if field["type"] == "tabular":
            return list(field["columns"])
    return []


def nothing(fields: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return an answer without rows, of a model API's outputs."""
    return pd.DataFrame(
        {
            one["name"]: pd.Series([], dtype=rules.DTYPES.get(one["dataType"]["type"], object))
            for one in table_columns(fields)
        }
    )


def _read(series: pd.Series, column: Column) -> tuple[list[Any], list[Any]]:
    """Return a column's values, None for missing ones, and those that do not fit."""
    read = column.rule.read
    objects = series.to_numpy(dtype=object)
    if pd.api.types.infer_dtype(objects, skipna=True) == "string":
        codes, distinct = pd.factorize(objects)
        of_each = [read(text) for text in distinct]
        made = [None if code < 0 else of_each[code] for code in codes]
    else:
        made = [read(value) for value in objects]
    wrong = [place for place, value in enumerate(made) if value is UNFIT or value is rules.EPOCH]
    for place in wrong:
        if made[place] is rules.EPOCH:
            raise _epoch(column.name, objects[place], column.rule)
        made[place] = None
    return made, [objects[place] for place in wrong]


def _epoch(name: str, value: Any, rule: Rule) -> InputError:
    return InputError(
        f"Column {name!r} has the number {value!r}, which is {rule.unfit}: whether it counts "
        "seconds, milliseconds or days, and from when, nothing says. Write the date or time itself"
    )


def _examples(values: Sequence[Any]) -> str:
    shown = list(dict.fromkeys(f"{value!r:.50}" for value in values))
    return ", ".join(shown[:_EXAMPLES])


def _columns(names: Sequence[str]) -> str:
    return f"column {names[0]!r}" if len(names) == 1 else f"columns {_listed(names)}"


def _listed(names: Sequence[Any]) -> str:
    shown = ", ".join(repr(name) for name in names[:_NAMES])
    return shown + (f" and {len(names) - _NAMES} more" if len(names) > _NAMES else "")

"""What a configuration says of how columns are read, and what it has to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from modelstudio.tables.readings import UnknownReadingError, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from modelstudio.studios.wire import DatasetInput
    from modelstudio.tables.readings import Reading

_PROPERTY: Final = "customConfig.readings"
#: Columns besides the target that cannot be left undecided: they order and name the rows.
_SETTLED: Final = frozenset({"timestamp_column", "item_id_column"})


@dataclass(frozen=True, slots=True)
class Question:
    """A column that its values do not settle.

    Attributes
    ----------
    possible
        Names of the readings that its values allow; of a single one, text is the other.
    examples
        Up to three of the values.
    """

    possible: Sequence[str]
    examples: Sequence[str]

    @property
    def names(self) -> Sequence[str]:
        return self.possible if len(self.possible) > 1 else ("text", *self.possible)


def unsettled(
    given: DatasetInput,
    specs: Mapping[str, Any],
    asked: Mapping[str, Question],
    told: Mapping[str, str],
) -> list[str]:
    """Return a question for each mapped column that must be settled and is not."""
    return [
        _question(column, given.rid, asked[column])
        for spec_id, spec in specs.items()
        if spec["isTarget"] or spec_id in _SETTLED
        for column in given.column_mapping.get(spec_id, [])
        if column in asked and column not in told
    ]


def _question(column: str, rid: str, question: Question) -> str:
    first, *others = map(repr, question.names)
    shown = ", ".join(map(repr, question.examples))
    return (
        f"The column {column!r} of {rid} may be read as {first} or as {' or as '.join(others)}; it "
        f"has the values {shown}. Say which in {_PROPERTY}, such as {{{column!r}: {others[-1]}}}, "
        "or in the dataset's schema."
    )


def impossible(schemas: Iterable[Mapping[str, str]], told: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the readings of a configuration.

    ``schemas`` are the column types of all inputs.
    """
    known: dict[str, set[str]] = {}
    for schema in schemas:
        for name, type_ in schema.items():
            known.setdefault(name, set()).add(type_)
    found = []
    for column, name in told.items():
        try:
            reading = named(name)
        except UnknownReadingError as error:
            found.append(f"{_PROPERTY}.{column}: {error}")
            continue
        if column not in known:
            found.append(f"{_PROPERTY} names {column!r}, which is no column of an input.")
        elif "STRING" not in known[column] and reading.kind != "text":
            found.append(_typed_already(column, name, known[column]))
    return found


def _typed_already(column: str, name: str, types: Iterable[str]) -> str:
    typed = " and ".join(sorted(types))
    return (
        f"{_PROPERTY} says that {column!r} is {name!r}, but it is {typed} already. Put another "
        "schema on the dataset to have its values read so."
    )


def as_told(schema: Mapping[str, str], told: Mapping[str, str]) -> Mapping[str, str]:
    """Return the types of columns once those of text are read as the configuration says."""
    types = dict(schema)
    for column, name in told.items():
        if types.get(column) == "STRING":
            types[column] = _type_of(name)
    return types


def _type_of(name: str) -> str:
    try:
        reading: Reading = named(name)
    except UnknownReadingError:  # which is a failure of its own
        return "STRING"
    return reading.field_type

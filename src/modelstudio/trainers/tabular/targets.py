"""Reads the target column of a table: numbers to predict, or labels that are kept as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from modelstudio.tables import types
from modelstudio.tables.readings import Evidence, NumberReading, TextReading, decide, named
from modelstudio.tables.readings.base import ASKED_MARKS
from modelstudio.trainers.base import TrainingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.tables.readings import Decision
    from modelstudio.trainers.base import Reporter

Task = Literal["classification", "regression"]

NUMERIC: Final = types.names_of("NUMERIC")
_FRACTIONAL: Final = frozenset(types.FRACTIONS)
_LABEL_TYPES: Final[Mapping[Task, frozenset[str]]] = {
    "classification": NUMERIC | {"STRING", "BOOLEAN"},
    "regression": NUMERIC | {"STRING"},
}
_LONGEST: Final = 40
_EXACT: Final = 2**53  # beyond, floats round whole numbers


@dataclass(frozen=True, slots=True)
class Target:
    """A target column; ``role`` names its table in messages."""

    name: str
    field_type: str
    role: str

    def read(self, column: pa.ChunkedArray, task: Task, told: str, reporter: Reporter) -> Any:
        """Return the labels as an Arrow column, null where a row has none.

        ``told`` is the name of the reading that the user asks for, empty for none.

        Raises
        ------
        TrainingError
            When the task cannot predict such values.
        """
        if self.field_type not in _LABEL_TYPES[task]:
            raise TrainingError(
                f"The target column {self.name!r} of the {self.role} dataset has type "
                f"{self.field_type}, which {task} cannot predict"
            )
        if self.field_type == "STRING" and task == "regression":
            return self._numbers(column, told)
        if self.field_type == "STRING":
            return self._labels(column, told, reporter)
        if self.field_type not in _FRACTIONAL:
            return column
        labels = self._floats(column, task)
        finite = pc.is_finite(labels)  # type: ignore[attr-defined]
        return pc.if_else(finite, labels, pa.scalar(None, pa.float64()))  # type: ignore[attr-defined]

    def _floats(self, column: pa.ChunkedArray, task: Task) -> Any:
        labels = column.cast(pa.float64())
        if task == "classification" and self.field_type == "DECIMAL":
            distinct = [value for value in column.unique().to_pylist() if value is not None]
            floats = {float(value) for value in distinct}
            beyond = any(abs(value) > _EXACT and int(float(value)) != value for value in distinct)
            if beyond or len(floats) < len(distinct):
                raise TrainingError(
                    f"The target column {self.name!r} of the {self.role} dataset has decimals that "
                    "differ beyond what a floating-point number holds; give it the type STRING"
                )
        return labels

    def _numbers(self, column: pa.ChunkedArray, told: str) -> Any:
        """Read numbers that are written as text; all of them must be."""
        seen = Evidence()
        seen.observe(column)
        decision = decide({self.name: seen}, hints={self.name: told or "number"})[self.name]
        if not isinstance(decision.reading, NumberReading) or decision.unfit:
            raise TrainingError(self._why_no_numbers(decision, seen))
        return decision.reading.column(column).values.cast(pa.float64())

    def _why_no_numbers(self, decision: Decision, seen: Evidence) -> str:
        column = f"The target column {self.name!r} of the {self.role} dataset"
        examples = ", ".join(repr(text[:_LONGEST]) for text in decision.examples)
        if decision.question:
            return (
                f"{column} may be read as {' or as '.join(map(repr, decision.possible))}, such as "
                f"{examples}; say which in the setting 'readings'"
            )
        if not examples:
            examples = ", ".join(repr(text[:_LONGEST]) for text in seen.examples())
        return f"{column} has type STRING and values that are no numbers, such as {examples}"

    def _labels(self, column: pa.ChunkedArray, told: str, reporter: Reporter) -> Any:
        """Keep texts as they are, but for those that the user says stand for no value."""
        reading = named(told) if told else TextReading()
        if not isinstance(reading, TextReading):
            reading = TextReading()
        labels = reading.column(column).values
        counts = {one["values"]: one["counts"] for one in labels.value_counts().to_pylist()}
        marks = sorted(text for text in counts if text and text.strip().casefold() in ASKED_MARKS)
        if marks:
            rows = sum(counts[mark] for mark in marks)
            reporter.log(
                f"{rows} rows of the {self.role} dataset have {', '.join(map(repr, marks))} in the "
                f"target column {self.name!r}, which is taken as a class. If it stands for no "
                f"value, say 'text, missing: {' '.join(marks)}' for it in the setting 'readings'",
                "WARNING",
            )
        return labels

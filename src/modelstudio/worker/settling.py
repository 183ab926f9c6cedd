"""Reads columns of text as the configuration says, and other tables as the training data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from modelstudio.tables import types
from modelstudio.tables.readings import Evidence, TextReading, decide, named, of_state
from modelstudio.trainers import kept_readings
from modelstudio.trainers.base import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from modelstudio.tables.readings import Reading
    from modelstudio.trainers.base import InputTable, Reporter

_BATCH_ROWS: Final = 65_536
_EXAMPLES: Final = 3


def settle(table: InputTable, told: Mapping[str, str], reporter: Reporter, role: str) -> InputTable:
    """Read columns of text as they are said to be; their types follow.

    Raises
    ------
    TrainingError
        When no value can be read so.
    """
    columns = [
        name
        for name in told
        if table.column_types.get(name) == "STRING" and _changes(named(told[name]))
    ]
    if not columns:
        return table
    evidence = {name: Evidence() for name in columns}
    for batch in _batches(table, columns):
        for name, seen in evidence.items():
            seen.observe(batch[name])
    decisions = decide(evidence, hints={name: told[name] for name in columns})
    readings = {name: one.reading for name, one in decisions.items()}
    return _read(table, readings, reporter, role)


def follow(
    table: InputTable,
    learned: Mapping[str, Mapping[str, Any]],
    reporter: Reporter,
    role: str,
) -> InputTable:
    """Read columns of text as the training data was read.

    Raises
    ------
    TrainingError
        When no value can be read so, or a column was read in another way although it allowed the
        training data's.
    """
    readings: dict[str, Reading] = {}
    for name, state in learned.items():
        if name not in table.column_types:
            continue
        reading = of_state(state)
        if table.column_types[name] == "STRING" and _changes(reading):
            readings[name] = reading
            continue
        other = table.readings.get(name)
        if other is not None and reading.name in other.get("seen", {}).get("possible", ()):
            raise TrainingError(
                f"The column {name!r} of {role} was read as {of_state(other).name!r}, that of the "
                f"training data as {reading.name!r}. Put the schema of the dataset with the "
                "reading that is meant."
            )
    return _read(table, readings, reporter, role) if readings else table


def _changes(reading: Reading) -> bool:
    """Whether texts are something else once they are read."""
    return reading.field_type != "STRING" or (
        isinstance(reading, TextReading) and bool(reading.missing)
    )


def keep(
    tables: Mapping[str, InputTable],
    roles: Mapping[str, str],
    model: Path,
    model_api: Mapping[str, Any],
) -> None:
    """Write how the training data's columns were read beside the model; see `kept_readings`.

    What a model takes as text it reads itself, as stamps of which the offset counts.
    """
    training = [one for alias, one in tables.items() if roles.get(alias) == "TRAINING"]
    as_text = {
        column["name"]
        for field in model_api["inputs"]
        for column in field.get("columns", ())
        if column["dataType"]["type"] == "string"
    }
    readings = {
        name: state
        for table in training
        for name, state in table.readings.items()
        if name not in as_text or of_state(state).field_type == "STRING"
    }
    if readings:
        kept_readings.write(model, readings)


def _read(
    table: InputTable, readings: Mapping[str, Reading], reporter: Reporter, role: str
) -> InputTable:
    """Write the table again with these columns read."""
    import pyarrow as pa  # noqa: PLC0415 - only where there is a column to read
    import pyarrow.parquet as pq  # noqa: PLC0415

    target = table.path.with_suffix(".read.parquet")
    counts = {name: _Count() for name in readings}
    column_types = {
        name: readings[name].field_type if name in readings else type_
        for name, type_ in table.column_types.items()
    }
    with pq.ParquetFile(table.path) as file:  # type: ignore[no-untyped-call]
        schema = file.schema_arrow
        for name in readings:
            arrow = types.arrow_type({"type": column_types[name]})
            schema = schema.set(schema.get_field_index(name), pa.field(name, arrow))
    with pq.ParquetWriter(target, schema) as writer:  # type: ignore[no-untyped-call]
        for batch in _batches(table, list(table.column_types)):
            arrays = dict(batch)
            for name, reading in readings.items():
                arrays[name] = counts[name].read(reading, batch[name], schema.field(name).type)
            made = [arrays[name] for name in schema.names]
            writer.write_batch(pa.RecordBatch.from_arrays(made, schema=schema))
    states = {
        name: _told(name, reading, counts[name], reporter, role)
        for name, reading in readings.items()
    }
    return replace(
        table, path=target, column_types=column_types, readings={**table.readings, **states}
    )


class _Count:
    """How many values of a column were read."""

    def __init__(self) -> None:
        self.fitted = 0
        self.unfit = 0
        self.examples: list[str] = []

    def read(self, reading: Reading, texts: Any, arrow: Any) -> Any:
        import pyarrow as pa  # noqa: PLC0415 - only where there is a column to read

        from modelstudio.tables.files.columns import within  # noqa: PLC0415

        read = reading.column(texts)
        values, beyond = within(read.values, arrow)
        wrong = texts.filter(read.unfit)
        if beyond is not None:  # a fraction among whole numbers
            wrong = pa.concat_arrays([wrong, texts.filter(beyond)])
        self.unfit += len(wrong)
        self.fitted += len(values) - values.null_count
        self.examples += wrong.unique()[: _EXAMPLES - len(self.examples)].to_pylist()
        return values


def _told(
    name: str, reading: Reading, count: _Count, reporter: Reporter, role: str
) -> dict[str, Any]:
    shown = ", ".join(repr(one[:60]) for one in count.examples)
    if count.unfit and not count.fitted:
        raise TrainingError(
            f"No value of the column {name!r} of {role} is {reading.name!r}; it has {shown}."
        )
    if count.unfit:
        reporter.log(
            f"{count.unfit} values of the column {name!r} of {role} are not {reading.name!r} and "
            f"count as missing, such as {shown}",
            "WARNING",
        )
    seen = {
        "fitted": count.fitted,
        "unfit": count.unfit,
        "examples": count.examples,
        "possible": [],
    }
    return {**reading.state(), "seen": seen}


def _batches(table: InputTable, columns: list[str]) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq  # noqa: PLC0415

    with pq.ParquetFile(table.path) as file:  # type: ignore[no-untyped-call]
        for batch in file.iter_batches(_BATCH_ROWS, columns=columns):
            yield {name: batch.column(name) for name in columns}

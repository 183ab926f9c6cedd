"""Builds a trainer's inputs: tables with the chosen columns, and a full configuration."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelstudio.trainers.base import InputTable
from modelstudio.worker import settling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.trainers.base import Reporter

_BATCH_ROWS: Final = 65_536


def input_tables(
    tables: Mapping[str, Mapping[str, Any]],
    roles: Mapping[str, str],
    told: Mapping[str, str],
    reporter: Reporter,
) -> dict[str, InputTable]:
    """Return the inputs of the task, every column read as in the training data.

    Parameters
    ----------
    tables
        Alias to the path, schema, mapping and readings of a table.
    roles
        Alias to the role that the trainer gives a table; those of ``TRAINING`` come first.
    told
        Column to the name of the reading that the configuration says.

    Raises
    ------
    TrainingError
        When the values of a column cannot be read so.
    """
    made: dict[str, InputTable] = {}
    learned: dict[str, Mapping[str, Any]] = {}
    for alias in sorted(tables, key=lambda one: roles.get(one) != "TRAINING"):
        table = input_table(tables[alias])
        for note in tables[alias].get("notes", ()):
            reporter.log(f"{alias}: {note}")
        if roles.get(alias) == "TRAINING" or not learned:
            table = settling.settle(table, told, reporter, alias)
            learned.update(table.readings)
        else:
            table = settling.follow(table, learned, reporter, alias)
        made[alias] = table
    return {alias: made[alias] for alias in tables}


def input_table(table: Mapping[str, Any]) -> InputTable:
    """Return one input of the task; without the columns that the trainer is not to see.

    Mapped columns stay whether they are selected or ignored. The file is rewritten, a batch at a
    time, only when a column goes.
    """
    path = Path(table["path"])
    mapping: dict[str, list[str]] = table["columnMapping"]
    column_types = {field["name"]: field["type"] for field in table["schema"]}
    mapped = {column for columns in mapping.values() for column in columns}
    selected = set(table["selectColumns"]) or set(column_types)
    wanted = (selected - set(table["ignoreColumns"])) | mapped
    kept = [name for name in column_types if name in wanted]
    if len(kept) < len(column_types):
        path = _project(path, kept)
    readings = {name: one for name, one in table.get("readings", {}).items() if name in kept}
    return InputTable(path, {name: column_types[name] for name in kept}, mapping, readings)


def _project(source: Path, columns: Sequence[str]) -> Path:
    import pyarrow as pa  # noqa: PLC0415 - only when there is a column to leave out
    import pyarrow.parquet as pq  # noqa: PLC0415

    target = source.with_suffix(".projected.parquet")
    with pq.ParquetFile(source) as file:  # type: ignore[no-untyped-call]
        schema = pa.schema([file.schema_arrow.field(name) for name in columns])
        writer = pq.ParquetWriter(target, schema)  # type: ignore[no-untyped-call]
        with writer:
            for batch in file.iter_batches(_BATCH_ROWS, columns=list(columns)):
                # Asked for "a", Arrow also reads a column named "a.b".
                kept = batch.select(list(columns))
                writer.write_batch(kept)  # type: ignore[no-untyped-call]
    return target


def with_defaults(config: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration with the schema's default for every property it lacks."""
    return _fill(config, schema, schema.get("$defs", {}))


def _fill(
    config: Mapping[str, Any], schema: Mapping[str, Any], definitions: Mapping[str, Any]
) -> dict[str, Any]:
    filled = dict(config)
    for name, declared in schema.get("properties", {}).items():
        if name not in filled and "default" in declared:
            filled[name] = copy.deepcopy(declared["default"])
        if isinstance(filled.get(name), dict):
            reference = declared.get("$ref", "").removeprefix("#/$defs/")
            inner = definitions.get(reference, declared)
            filled[name] = _fill(filled[name], inner, definitions)
    return filled

"""Prepares a run's training table and says what was done with its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from modelstudio.trainers.base import TrainingError
from modelstudio.trainers.findings import Finding
from modelstudio.trainers.tabular.preparation import Preparation
from modelstudio.trainers.tabular.preparation.counting import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelstudio.trainers.base import Reporter
    from modelstudio.trainers.tabular.data import LabelledTable
    from modelstudio.trainers.tabular.preparation.fitting import Seen

_LISTED_COLUMNS = 100


def prepare(table: LabelledTable, seed: int) -> Preparation:
    """Fit the preparation of a training table.

    Raises
    ------
    TrainingError
        When no column is left to learn from.
    """
    preparation = Preparation.fit(
        table.features,
        table.column_types,
        [str(table.labels.name)],
        seed,
        table.labels,
        table.readings,
    )
    if not preparation.columns:
        raise TrainingError("No column is left to learn from: " + listed(_reasons(preparation)))
    return preparation


def report_columns(preparation: Preparation, reporter: Reporter) -> None:
    """Say which columns are used and how they are read; leave it as artifact tables."""
    used = [repr(column.name) for column in preparation.columns]
    reporter.log(f"Columns used ({len(used)}): {listed(used)}")
    dropped = _reasons(preparation)
    if dropped:
        reporter.log(f"Columns left out ({len(dropped)}): {listed(dropped)}")
    reporter.table(
        "preparation",
        preparation.actions(),
        "What was done with each column of the training table.",
    )
    reporter.table(
        "reading",
        pd.DataFrame([_reading_row(seen) for seen in preparation.seen]),
        "How the values of each column of the training table were read, how many were so, and how "
        "else they may be read.",
    )


def findings(preparation: Preparation) -> list[Finding]:
    """Return what a user should know of how columns were read."""
    used = {column.name for column in preparation.columns}
    return [
        finding
        for seen in preparation.seen
        if seen.name in used
        for finding in _findings_of(seen, counts_rows="it numbers the rows" in seen.note)
    ]


def _findings_of(seen: Seen, *, counts_rows: bool) -> Iterator[Finding]:
    column, examples = f"The column {seen.name!r}", shown(list(seen.examples))
    possible = " or as ".join(repr(name) for name in seen.possible)
    if seen.question:
        yield Finding(
            "reading_undecided",
            f"{column} may be read as {possible}, such as {examples}; the values do not tell "
            "which, so they are categories",
            "Say which is meant in the setting 'readings', or put the dataset's schema with it",
            seen.name,
        )
    elif seen.unfit:
        yield Finding(
            "values_unfit",
            f"{seen.unfit} of {seen.fitted + seen.unfit} values of column {seen.name!r} are not "
            f"{seen.taken_for!r} and count as missing, such as {examples}",
            "Correct them, or say in the setting 'readings' what the column is",
            seen.name,
        )
    elif seen.possible and seen.examples:
        yield Finding(
            "reading_undecided",
            f"{column} may be meant as {possible}, but values such as {examples} are not, so all "
            f"are taken as {seen.taken_for!r}",
            "Correct them, or say in the setting 'readings' what the column is",
            seen.name,
        )
    if counts_rows:
        yield Finding(
            "row_number_kept",
            f"{column} counts the rows: {seen.note}",
            "If it only says where a row stands in its file, ignore the column",
            seen.name,
        )


def _reading_row(seen: Seen) -> dict[str, object]:
    return {
        "column": seen.name,
        "taken_for": seen.taken_for,
        "fitted": seen.fitted,
        "did_not_fit": seen.unfit,
        "examples": shown(list(seen.examples)),
        "also_possible": ", ".join(seen.possible),
    }


def _reasons(preparation: Preparation) -> list[str]:
    return [f"{name!r} ({why})" for name, why in preparation.dropped.items()]


def listed(items: list[str]) -> str:
    """Return items as a text of bearable length."""
    more = len(items) - _LISTED_COLUMNS
    return ", ".join(items[:_LISTED_COLUMNS]) + (f" and {more} more" if more > 0 else "")

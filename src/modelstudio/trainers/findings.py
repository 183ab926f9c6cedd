"""What a user should know about the data or the model, and what to do about it.

A trainer of any kind collects findings and reports them once, at its end: each is a WARNING line of
the job's log and a row of the table ``warnings``. The table is left in any case, so that a program
can tell "nothing found" from "not looked".
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelstudio.trainers.base import Reporter

MOST_LINES = 30
_LISTED = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the data or the model that can spoil its use.

    Attributes
    ----------
    code
        What kind of finding it is, for programs: ``leak_suspected``, ``target_imbalanced``, ...
    column
        The column that it is about, empty when it is about none or several.
    message
        What was found, with its numbers, as a plain sentence without a full stop.
    advice
        What to do about it, the same way.
    """

    code: str
    message: str
    advice: str
    column: str = ""


def report_findings(findings: Sequence[Finding], reporter: Reporter) -> None:
    """Write the findings, in their order, to the log and the table ``warnings``."""
    import pandas as pd

    names = [field.name for field in fields(Finding)]
    order = ["code", "column", *(name for name in names if name not in {"code", "column"})]
    table = pd.DataFrame([asdict(finding) for finding in findings], columns=order, dtype=object)
    for finding in findings[:MOST_LINES]:
        reporter.log(f"{finding.message}. {finding.advice}.", "WARNING")
    more = len(findings) - MOST_LINES
    if more > 0:
        reporter.log(f"{more} more warnings are in the table warnings", "WARNING")
    reporter.table("warnings", table, "What can spoil the model's use, and what to do about it.")


def listed(names: Sequence[object]) -> str:
    """Return names as a text of bearable length: ``'a', 'b' and 3 more``."""
    shown = ", ".join(repr(str(name)) for name in names[:_LISTED])
    more = len(names) - _LISTED
    return f"{shown} and {more} more" if more > 0 else shown

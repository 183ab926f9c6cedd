"""What a worker reports of a run, read with the limits of an experiment.

A report is never worth a training run: what is malformed or too much is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from modelstudio.experiments.series import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MAX_METRIC_VALUES: Final = 100_000
MAX_PARAMETERS: Final = 500
MAX_NAME_LENGTH: Final = 500
MAX_TEXT_LENGTH: Final = 20_000
_LONG: Final = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter's value as text, and the wire's type of it.

    A ``boolean`` is ``true`` or ``false``, a ``datetime`` is ISO 8601 in UTC.
    """

    name: str
    type: str
    value: str


@dataclass(slots=True)
class Report:
    """The metric points and parameters in some events, and what was left out.

    Attributes
    ----------
    points
        Of each series, in the order of the events.
    parameters
        The last value of each.
    metrics_cut
        A point was left out for a limit.
    malformed
        How many events say nothing that can be understood.
    """

    points: dict[str, list[Point]] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    metrics_cut: bool = False
    parameters_cut: bool = False
    malformed: int = 0


def read_events(events: Iterable[Mapping[str, Any]], *, room: int) -> Report:
    """Read metric and parameter events; takes at most ``room`` points, and passes over others."""
    report = Report()
    for event in events:
        if event.get("type") == "metric":
            room -= _take_metric(report, event, room)
        elif event.get("type") == "parameter":
            _take_parameter(report, event)
    return report


def finite(value: object) -> float | None:
    """Return a JSON number as a float; None for anything else and for what is not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _take_metric(report: Report, event: Mapping[str, Any], room: int) -> int:
    """Return how many points were taken."""
    name, value = event.get("series"), finite(event.get("value"))
    time, step = _long(event.get("time")), _long(event.get("step"))
    if not (isinstance(name, str) and name) or value is None or time is None or step is None:
        report.malformed += 1
        return 0
    if room <= 0 or len(name) > MAX_NAME_LENGTH:
        report.metrics_cut = True
        return 0
    report.points.setdefault(name, []).append(Point(time, step, value))
    return 1


def _take_parameter(report: Report, event: Mapping[str, Any]) -> None:
    name, typed = event.get("name"), event.get("value")
    kind, text = _kind_and_text(typed) if isinstance(typed, dict) else ("", None)
    if not (isinstance(name, str) and name) or text is None:
        report.malformed += 1
        return
    if len(name) > MAX_NAME_LENGTH:
        report.parameters_cut = True
        return
    report.parameters_cut |= len(text) > MAX_TEXT_LENGTH
    report.parameters[name] = Parameter(name, kind, text[:MAX_TEXT_LENGTH])


def _kind_and_text(typed: Mapping[str, Any]) -> tuple[str, str | None]:
    kind = str(typed.get("type"))
    write = _WRITERS.get(kind)
    return kind, None if write is None else write(typed.get("value"))


def _long(value: object) -> int | None:
    return value if type(value) is int and value in _LONG else None


def _boolean_text(value: object) -> str | None:
    return str(value).lower() if isinstance(value, bool) else None


def _integer_text(value: object) -> str | None:
    number = _long(value)
    return None if number is None else str(number)


def _double_text(value: object) -> str | None:
    number = finite(value)
    return None if number is None else repr(number)


def _string_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _datetime_text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        aware = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return aware.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_WRITERS: Final[dict[str, Callable[[object], str | None]]] = {
    "boolean": _boolean_text,
    "integer": _integer_text,
    "double": _double_text,
    "string": _string_text,
    "datetime": _datetime_text,
}

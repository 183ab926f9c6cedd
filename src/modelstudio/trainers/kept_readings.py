"""How the columns of a model's training data were read, in a file beside the model.

Only columns that are typed and were not written as programs write them are in it: what a trainer
makes of text, it keeps itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FILE: Final = "column_readings.json"


def write(model: Path, readings: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the states of readings by column."""
    (model / _FILE).write_text(json.dumps(readings), encoding="utf-8")


def read(model: Path) -> dict[str, Any]:
    """Return the states of readings by column, none for a model that was made without."""
    path = model / _FILE
    if not path.is_file():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found

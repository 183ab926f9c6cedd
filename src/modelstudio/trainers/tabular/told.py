"""What a preparation tells those who read values for its model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelstudio.trainers.tabular.preparation import Preparation


def readings_of(preparation: Preparation) -> Mapping[str, Any]:
    """Return column to the state of its reading, of those that had a type in training.

    Columns of text are none of them: they stay text until the preparation reads them.
    """
    found = {}
    for column in preparation.columns:
        reading = getattr(column.treatments[0], "reading", None)
        if reading is not None and column.field_type != "STRING":
            found[column.name] = reading.state()
    return found

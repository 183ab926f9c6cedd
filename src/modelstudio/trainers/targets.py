"""What every trainer asks of a numeric target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from modelstudio.trainers.base import TrainingError

if TYPE_CHECKING:
    Floats = np.ndarray[Any, np.dtype[np.float64]]

#: Learners compute with numbers of single precision, and with their squares.
_LARGEST: Final = 1e37


def beyond_computing(values: Floats) -> float | None:
    """Return a target value that is too large to compute with, if there is one."""
    huge = values[np.abs(values) > _LARGEST]
    return float(huge[0]) if len(huge) else None


def refuse_beyond_computing(values: Floats, column: str, role: str) -> None:
    """Raise a ``TrainingError`` when the target of the training or test dataset is too large."""
    huge = beyond_computing(values)
    if huge is not None:
        raise TrainingError(
            f"The target column {column!r} of the {role} dataset has the value {huge:g}, too large "
            "to compute with; leave such rows out, or divide all by a constant"
        )

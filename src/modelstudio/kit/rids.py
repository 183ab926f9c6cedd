"""Resource identifiers: ``ri.<service>.<instance>.<type>.<locator>``."""

from __future__ import annotations

import re
from typing import Final

_RID: Final = re.compile(
    r"ri\.[a-z][a-z0-9-]*\.(?:[a-z0-9][a-z0-9\-]*)?\.[a-z][a-z0-9-]*\.[a-zA-Z0-9._-]+"
)
_UUID: Final = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
)
MAX_LENGTH: Final = 512

FOLDER: Final = "ri.compass.main.folder."
DATASET: Final = "ri.foundry.main.dataset."
TRANSACTION: Final = "ri.foundry.main.transaction."
MODEL: Final = "ri.models.main.model."
MODEL_VERSION: Final = "ri.models.main.model-version."
MODEL_STUDIO: Final = "ri.models.main.model-studio."
EXPERIMENT: Final = "ri.models.main.experiment."
BUILD: Final = "ri.foundry-build.main.build."
JOB: Final = "ri.foundry-build.main.job."
TRAINER: Final = "ri.models..trainer."


def is_rid(text: str) -> bool:
    """Whether the text is a well-formed RID of any type."""
    return len(text) <= MAX_LENGTH and _RID.fullmatch(text) is not None


def is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


def locator(rid: str) -> str:
    """Return the last part, usually a UUID."""
    return rid.split(".", 4)[4]

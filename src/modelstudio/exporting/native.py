"""A model version as a directory that needs no server.

manifest.json      what the model is and where it comes from
requirements.txt   what it needs, pinned
load.py            loads it
model/             the files that its trainer left
code/              the modules of ours that its predictor is made of
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import modelstudio
from modelstudio.exporting import load
from modelstudio.inference.installed import CARRIED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modelstudio.exporting.requirements import Requirements

FORMAT: Final = "modelstudio-export"
FORMAT_VERSION: Final = 1
MANIFEST: Final = "manifest.json"
_README: Final = """\
# {version}

A model of Model Studio. It needs Python {python} and what `requirements.txt` lists:

    python -m pip install -r requirements.txt
    python -c "from load import load; print(load())"

`load.py` says how to use it, `manifest.json` what it takes, what it gives and where it comes from.
Loading runs code from `model/`: load only what you trust.

`code/` is part of Model Studio, under the Apache License, Version 2.0.
"""


@dataclass(frozen=True, slots=True)
class Exportable:
    """What an export says of a model version; the fields are as the wire names them.

    Attributes
    ----------
    created
        ISO 8601.
    trainer
        ``id`` and ``version``, None when nobody knows.
    data
        ``alias``, ``datasetRid`` and ``transactionRid`` of each dataset it was trained on.
    unpack
        Writes the model's files to a new directory.
    """

    version_rid: str
    model_rid: str
    branch: str
    created: str
    experiment_rid: str | None
    model_api: Mapping[str, Any]
    predictor: str
    trainer: Mapping[str, str] | None
    data: Sequence[Mapping[str, str]]
    unpack: Callable[[Path], None]
    metrics: Mapping[str, float] = field(default_factory=dict)


def write(model: Exportable, requirements: Requirements, directory: Path) -> None:
    """Write an export into an empty directory."""
    manifest = manifest_of(model, requirements)
    (directory / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    (directory / "requirements.txt").write_text(requirements.text, encoding="utf-8")
    readme = _README.format(version=model.version_rid, python=_minor(requirements.python))
    (directory / "README.md").write_text(readme, encoding="utf-8")
    shutil.copyfile(load.__file__, directory / "load.py")
    model.unpack(directory / "model")
    _copy_code(directory / "code")


def manifest_of(model: Exportable, requirements: Requirements) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "formatVersion": FORMAT_VERSION,
        "exportedBy": f"modelstudio {modelstudio.__version__}",
        "modelVersionRid": model.version_rid,
        "modelRid": model.model_rid,
        "branch": model.branch,
        "created": model.created,
        "experimentRid": model.experiment_rid,
        "trainer": model.trainer,
        "data": list(model.data),
        "metrics": dict(model.metrics),
        "predictor": model.predictor,
        "python": requirements.python,
        "modelApi": model.model_api,
    }


def is_export(directory: Path) -> bool:
    """Whether a directory is one that was written here, in either form."""
    try:
        found = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("format") == FORMAT


def _copy_code(code: Path) -> None:
    """Copy all trainers and what they read values with, since a pickle may name any class there."""
    ours = Path(str(modelstudio.__file__)).parent
    for package in CARRIED:
        if (ours / package).is_dir():
            shutil.copytree(
                ours / package,
                code / "modelstudio" / package,
                ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
            )
    shutil.copyfile(ours / "__init__.py", code / "modelstudio" / "__init__.py")


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])

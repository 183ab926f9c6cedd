"""Virtual environments for tests: bare ones, with nothing in them but what a test writes."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def make_environment(folder: Path) -> Path:
    """Make an environment without any package; return its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / "bin" / "python"


def site_packages(folder: Path) -> Path:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return folder / "lib" / version / "site-packages"


def install_module(folder: Path, name: str, code: str) -> None:
    (site_packages(folder) / f"{name}.py").write_text(code)


def install_entry_points(folder: Path, distribution: str, points: dict[str, str]) -> None:
    """Write the metadata of a distribution that has trainers; its modules are put in apart."""
    about = site_packages(folder) / f"{distribution}-1.0.dist-info"
    about.mkdir()
    about.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
    )
    lines = [f"{name} = {value}" for name, value in points.items()]
    about.joinpath("entry_points.txt").write_text("\n".join(["[modelstudio.trainers]", *lines]))


#: A specification as code, complete but for its last member.
SPECIFICATION = """
from modelstudio.trainers.base import TrainerSpecification

SPECIFICATION = TrainerSpecification(
    trainer_id="ri.models..trainer.{name}",
    version="1.0",
    name="{name}",
    type="GENERIC",
    description="For a test.",
    config_schema={{
        "type": "object",
        "additionalProperties": False,
        "properties": {{
            "size": {{"title": "Size", "description": "Bytes.", "default": 1, "type": "integer"}}
        }},
    }},
    inputs={{
        "input_df": {{
            "name": "Data",
            "description": "Texts",
            "optional": False,
            "type": {{
                "type": "dataset", "dataset": {{"role": "TRAINING", "columnsTypeSpecs": {{}}}}
            }},
        }}
    }},
    outputs={{
        "model": {{
            "name": "Model",
            "description": "Model",
            "optional": False,
            "type": {{"type": "model", "model": {{"modelApiAliases": []}}}},
        }}
    }},
    implementation="{name}:Trainer",
    {more}
)
"""


def specification_code(name: str, more: str = "") -> str:
    return SPECIFICATION.format(name=name, more=more)

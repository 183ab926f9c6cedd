"""docs/trainers.md lists every parameter of the tabular trainers."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from modelstudio.trainers.tabular.autogluon import specification as autogluon
from modelstudio.trainers.tabular.gradient_ensemble import specification as gradient_ensemble
from rules.project_files import ROOT

PAGE = ROOT / "docs" / "trainers.md"
TRAINERS = {"": autogluon, " of the gradient ensemble": gradient_ensemble}


def _rows(properties: dict[str, Any], common: set[str]) -> list[str]:
    rows = []
    for name, schema in properties.items():
        only = "" if name in common else " Classification only."
        default = json.dumps(schema["default"])
        rows.append(f"| `{name}` | `{default}` | {schema['description']}{only} |")
    return rows


@pytest.mark.parametrize("whose", TRAINERS)
def test_the_page_lists_every_parameter_with_its_default(whose: str) -> None:
    """Rewrite the page with MODELSTUDIO_WRITE_DOCS=1 after changing a trainer's schema."""
    begin, end = f"<!-- parameters{whose}: begin -->\n", f"<!-- parameters{whose}: end -->"
    specification: Any = TRAINERS[whose]
    common = set(specification.REGRESSION.config_schema["properties"])
    properties = specification.CLASSIFICATION.config_schema["properties"]
    assert common <= set(properties)
    rows = _rows(properties, common)
    table = "\n".join(["| parameter | default | meaning |", "|---|---|---|", *rows]) + "\n"
    before, rest = PAGE.read_text().split(begin)
    wanted = f"{before}{begin}{table}{end}{rest.split(end)[1]}"
    if os.environ.get("MODELSTUDIO_WRITE_DOCS"):
        PAGE.write_text(wanted)
    assert PAGE.read_text() == wanted

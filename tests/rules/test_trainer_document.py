"""docs/trainers.md lists every parameter of the tabular trainers."""

from __future__ import annotations

import json
import os
from typing import Any

from modelstudio.trainers.tabular.autogluon.specification import CLASSIFICATION, REGRESSION
from rules.project_files import ROOT

PAGE = ROOT / "docs" / "trainers.md"
_BEGIN, _END = "<!-- parameters: begin -->\n", "<!-- parameters: end -->"


def _rows(properties: dict[str, Any], common: set[str]) -> list[str]:
    rows = []
    for name, schema in properties.items():
        only = "" if name in common else " Classification only."
        default = json.dumps(schema["default"])
        rows.append(f"| `{name}` | `{default}` | {schema['description']}{only} |")
    return rows


def test_the_page_lists_every_parameter_with_its_default() -> None:
    """Rewrite the page with MODELSTUDIO_WRITE_DOCS=1 after changing a trainer's schema."""
    common = set(REGRESSION.config_schema["properties"])
    rows = _rows(CLASSIFICATION.config_schema["properties"], common)
    assert common <= set(CLASSIFICATION.config_schema["properties"])
    table = "\n".join(["| parameter | default | meaning |", "|---|---|---|", *rows]) + "\n"
    before, rest = PAGE.read_text().split(_BEGIN)
    wanted = f"{before}{_BEGIN}{table}{_END}{rest.split(_END)[1]}"
    if os.environ.get("MODELSTUDIO_WRITE_DOCS"):
        PAGE.write_text(wanted)
    assert PAGE.read_text() == wanted

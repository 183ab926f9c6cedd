"""docs/api-compatibility.md says exactly which operations answer."""

from __future__ import annotations

import os
import re
from typing import Any

from rules.project_files import ROOT

PAGE = ROOT / "docs" / "api-compatibility.md"
_BEGIN, _END = "<!-- operations: begin -->\n", "<!-- operations: end -->"


def _table(facts: dict[Any, Any], answered: set[Any]) -> str:
    lines = ["| operation | method and path | answers |", "|---|---|---|"]
    for key, fact in facts.items():
        path = fact["path"].removeprefix("/api/v2")
        answers = "yes" if key in answered else "not yet"
        lines.append(f"| {fact['name']} | {fact['method']} {path} | {answers} |")
    return "\n".join(lines) + "\n"


def test_the_page_lists_what_answers(facts: dict[Any, Any], mounted: dict[Any, Any]) -> None:
    """Rewrite the page with MODELSTUDIO_WRITE_DOCS=1 after mounting an operation."""
    answered = set(facts) & set(mounted)
    text = PAGE.read_text()
    before, rest = text.split(_BEGIN)
    _, after = rest.split(_END)
    wanted = f"{before}{_BEGIN}{_table(facts, answered)}{_END}{after}"
    wanted = re.sub(r"\d+ of \d+ operations", f"{len(answered)} of {len(facts)} operations", wanted)
    if os.environ.get("MODELSTUDIO_WRITE_DOCS"):
        PAGE.write_text(wanted)
    assert PAGE.read_text() == wanted

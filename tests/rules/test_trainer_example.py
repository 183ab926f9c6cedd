"""docs/writing-a-trainer.md shows the files of the example as they are."""

from __future__ import annotations

import os
import re

from rules.project_files import ROOT

PAGE = ROOT / "docs" / "writing-a-trainer.md"
EXAMPLE = ROOT / "examples" / "gaussian_trainer"
SHOWN = re.compile(r"^`([\w./]+)`\n\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_shows_every_file_of_the_example_as_it_is() -> None:
    """Rewrite the page with MODELSTUDIO_WRITE_DOCS=1 after changing the example."""
    text = PAGE.read_text()
    wanted = SHOWN.sub(
        lambda found: f"`{found[1]}`\n\n```{found[2]}\n{(EXAMPLE / found[1]).read_text()}```", text
    )
    if os.environ.get("MODELSTUDIO_WRITE_DOCS"):
        PAGE.write_text(wanted)
    assert PAGE.read_text() == wanted
    shown = {found[1] for found in SHOWN.finditer(text)}
    files = [path for path in EXAMPLE.rglob("*") if path.suffix in {".py", ".toml"}]
    with_code = {str(path.relative_to(EXAMPLE)) for path in files if path.name != "__init__.py"}
    assert shown == with_code
    assert len(shown) == 3

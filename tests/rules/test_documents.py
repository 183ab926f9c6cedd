"""What a user can set, type or read is written down, and says nothing about one machine."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import typer.main

from modelstudio.cli import app
from modelstudio.settings import PREFIX, Settings
from rules.project_files import ROOT, relative

PUBLIC = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "Makefile",
    ROOT / "pyproject.toml",
    ROOT / "constraints.txt",
]


def commands(group: Any, prefix: str) -> dict[str, Any]:
    """Return every command, also those of groups within the group, by its full name."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found |= commands(command, f"{prefix} {name}")
        else:
            found[f"{prefix} {name}"] = command
    return found


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    documented = set(re.findall(r"^\| `(MODELSTUDIO_[A-Z_]+)`", text, re.MULTILINE))
    declared = {PREFIX + field.name.upper() for field in dataclasses.fields(Settings)}
    assert declared <= documented
    assert len(declared) > 10


def test_every_command_and_each_of_its_options_is_documented() -> None:
    text = (ROOT / "docs" / "command-line.md").read_text()
    sections = dict(
        zip(
            re.findall(r"^## `(.*)`$", text, re.MULTILINE),
            re.split(r"^## `.*`$", text, flags=re.MULTILINE)[1:],
            strict=True,
        )
    )
    found = commands(typer.main.get_command(app), "modelstudio")
    assert set(found) == set(sections)
    for name, command in found.items():
        for parameter in command.params:
            for option in parameter.opts:
                assert f"`{option}" in sections[name], f"{name} {option}"


def test_public_files_name_no_machine() -> None:
    for path in PUBLIC:
        text = path.read_text()
        addresses = set(re.findall(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", text))
        assert addresses <= {"127.0.0.1"}, relative(path)
        assert not re.findall(r"(?<![\w.])/(?:work|root|home|farm|tmp)/\S*", text), relative(path)
        assert "index-url" not in text, relative(path)

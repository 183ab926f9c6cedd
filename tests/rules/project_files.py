"""What the rules look at: the project's files and their syntax trees."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "modelstudio"


def python_files(*folders: str) -> list[Path]:
    """Return the project's own Python files below the folders, in a stable order."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def operation_key(method: str, path: str) -> tuple[str, str]:
    """Tell operations apart whatever the names of their path parameters."""
    return method, re.sub(r"{\w+}", "{}", path)


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path: Path, known: set[str]) -> set[str]:
    """Return the modules of ours that a file imports, in any way and at any place in it.

    ``from package import module`` counts as the module, ``from module import name`` as the
    module that has the name.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}: relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else str(node.module) for name in names}
    return {name for name in found if name.split(".")[0] == "modelstudio"}

"""Modules and functions stay small enough to read."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from rules.project_files import ROOT, python_files, relative

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 40


def code(*folders: str) -> Iterator[Path]:
    """Return files that people read; a migration is a list of tables that never changes."""
    return (path for path in python_files(*folders) if "versions" not in path.parts)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_modules_are_short() -> None:
    lengths = {
        relative(path): len(path.read_text().splitlines()) for path in code("src", "tests", "bench")
    }
    assert lengths
    assert not {name: lines for name, lines in lengths.items() if lines > MAX_MODULE_LINES}


def test_functions_are_short() -> None:
    lengths = {
        f"{relative(path)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in code("src", "tests", "bench")
        for node in functions(path)
        if node.end_lineno is not None
    }
    assert lengths
    assert not {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION_LINES}


def test_every_test_file_has_a_test() -> None:
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    empty = [
        relative(path)
        for path in files
        if not any(node.name.startswith("test_") for node in functions(path))
    ]
    assert files
    assert not empty

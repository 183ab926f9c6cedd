"""Which package may import which. The rules are those of docs/architecture.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rules.project_files import imported_modules, module_name, python_files

if TYPE_CHECKING:
    from pathlib import Path

#: Outside the domains: what each of these may import of ours, besides itself.
FOUNDATION = {
    "errors": (),
    "exporting": ("inference", "tables", "trainers"),
    "inference": ("tables", "trainers"),
    "kit": ("errors",),
    "migrations": ("kit",),
    "settings": ("errors", "kit", "trainers"),
    "tables": (),
    "trainers": ("tables",),
    "worker": ("tables", "trainers"),
}
#: They put the parts together, so they may import every part; no part imports them.
WIRING = {"app", "bootstrap", "cli", "commands", "demo", "health", "server"}
#: What a domain shows to other domains.
PUBLIC = {"base", "errors", "handler", "service"}
#: Roles within a domain: what a module of that name must not import from its own domain.
BACKWARDS = {
    "store": {"service", "routes", "wire"},
    "service": {"routes"},
    "errors": {"store", "service", "routes", "wire"},
}

FILES = {module_name(path): path for path in python_files("src")}
DOMAINS = (
    {
        name.split(".")[1]
        for name, path in FILES.items()
        if path.name == "__init__.py" and name.count(".") == 1
    }
    - set(FOUNDATION)
    - WIRING
)


def imports(name: str) -> set[str]:
    return imported_modules(FILES[name], set(FILES)) - {"modelstudio"}


def part(name: str) -> str:
    """`modelstudio.kit.paging` is of the part `kit`."""
    return name.split(".")[1]


@pytest.mark.parametrize("package", sorted(FOUNDATION))
def test_what_everything_stands_on_imports_nothing_that_stands_on_it(package: str) -> None:
    allowed = {package, *FOUNDATION[package]}
    wrong = {
        (name, imported)
        for name in FILES
        if name != "modelstudio" and part(name) == package
        for imported in imports(name)
        if part(imported) not in allowed
    }
    assert not wrong


@pytest.mark.parametrize("domain", sorted(DOMAINS))
def test_a_domain_uses_another_only_through_what_it_shows(domain: str) -> None:
    wrong = {
        (name, imported)
        for name in FILES
        if name.startswith(f"modelstudio.{domain}.")
        for imported in imports(name)
        if part(imported) in DOMAINS - {domain} and imported.split(".")[2] not in PUBLIC
    }
    assert not wrong


def test_no_part_imports_the_wiring() -> None:
    wrong = {
        (name, imported)
        for name in FILES
        if name != "modelstudio" and part(name) not in WIRING
        for imported in imports(name)
        if part(imported) in WIRING
    }
    assert not wrong


def test_within_a_domain_routes_use_services_and_services_use_stores() -> None:
    wrong = {
        (name, imported)
        for name in FILES
        if name.count(".") == 2 and part(name) in DOMAINS
        for imported in imports(name)
        if part(imported) == part(name)
        and imported.split(".")[-1] in BACKWARDS.get(name.split(".")[2], set())
    }
    assert not wrong


def test_what_runs_outside_of_a_server_knows_no_database_and_no_web_framework() -> None:
    server_only = ("fastapi", "starlette", "sqlalchemy", "alembic", "uvicorn", "psycopg")
    for name, path in FILES.items():
        if name.split(".")[1:2] in (
            ["worker"],
            ["tables"],
            ["trainers"],
            ["inference"],
            ["exporting"],
        ):
            text = path.read_text()
            found = [word for word in server_only if f"import {word}" in text]
            found += [word for word in server_only if f"from {word}" in text]
            assert not found, name


def test_the_rules_see_every_form_of_import(tmp_path: Path) -> None:
    file = tmp_path / "sample.py"
    file.write_text(
        "import modelstudio.kit.rids\n"
        "from modelstudio.filesystem import store\n"
        "def late():\n"
        "    from modelstudio.filesystem.service import Role\n"
    )
    assert imported_modules(file, set(FILES)) == {
        "modelstudio.kit.rids",
        "modelstudio.filesystem.store",
        "modelstudio.filesystem.service",
    }

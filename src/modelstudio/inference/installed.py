"""``python -m modelstudio.inference.installed``: what a predictor needs of its environment.

It runs in the interpreter that the predictor runs in and imports neither the predictor nor its
libraries. It reads ``{"predictor": "module:Class", "pins": {name: version}, "always": [name]}``
from standard input and answers with what ``describe`` returns, or with ``{"problem": text}``.
"""

from __future__ import annotations

import ast
import json
import platform
import re
import sys
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

#: Packages of ours that an export carries whole.
CARRIED: Final = ("tables", "trainers")
_OURSELVES: Final = "modelstudio"
#: The one from which a predictor may come.
_OWN: Final = f"{_OURSELVES}.trainers."
_FOLLOWED: Final = tuple(f"{_OURSELVES}.{package}" for package in CARRIED)


class AbsentError(Exception):
    """The environment lacks something; the message is for the user."""


def main() -> None:
    asked = json.loads(sys.stdin.read())
    try:
        answer = describe(asked["predictor"], asked["pins"], asked["always"])
    except AbsentError as error:
        answer = {"problem": str(error)}
    sys.stdout.write(json.dumps(answer))


def describe(predictor: str, pins: Mapping[str, str], always: Sequence[str]) -> dict[str, Any]:
    """Say what a predictor needs; ``always`` are distributions that every one does.

    Returns
    -------
    dict
        ``python``, its version; ``own``, whether the predictor is one of ours; ``distributions``,
        name to version of what is pinned and what the predictor imports; ``required``, the same
        of all that those require in turn, if ``closed``, that is if what is installed is what is
        pinned: else the versions here would say nothing.

    Raises
    ------
    AbsentError
        When the predictor's module is not there, or belongs to no distribution that could be
        named.
    """
    module = predictor.partition(":")[0]
    own = module.startswith(_OWN)
    imported = _third_party_imports(module) if own else {module.partition(".")[0]}
    if _source_of(module) is None:
        raise AbsentError(f"The predictor's module {module!r} is not installed.")
    found = dict(pins)
    pinned = {_canonical(name) for name in pins}
    for name in [*always, *_distributions_of(imported, must_be_known=not own)]:
        if _canonical(name) not in pinned:
            found.setdefault(name, _version(name) or "")
    required = _required(found) if _are_installed(pins) else None
    return {
        "python": platform.python_version(),
        "own": own,
        "distributions": found,
        "required": required or {},
        "closed": required is not None,
    }


def _are_installed(pins: Mapping[str, str]) -> bool:
    return all(_version(name) == version for name, version in pins.items())


def _required(roots: Mapping[str, str]) -> dict[str, str] | None:
    """Return what the distributions require in turn, None where ``packaging`` is not there."""
    try:
        reached = _closure(roots)
    except ModuleNotFoundError:
        return None
    known = {_canonical(name) for name in roots}
    return {name: version for name, version in reached if _canonical(name) not in known}


def _third_party_imports(module: str) -> set[str]:
    """Return the top-level modules that importing a module of ours is sure to import."""
    seen: set[str] = set()
    outside: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _source_of(name)
        if name in seen or path is None:
            continue
        seen.add(name)
        for imported in _imports(path):
            if imported.startswith(_FOLLOWED):
                waiting.append(imported)
            elif imported.partition(".")[0] not in sys.stdlib_module_names:
                outside.add(imported.partition(".")[0])
    return outside - {_OURSELVES}


def _imports(path: Path) -> Iterator[str]:
    """Yield what a module imports when it is imported itself, names within packages too."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _source_of(module: str) -> Path | None:
    """Find a module's file without importing the packages above it."""
    search: list[str] | None = None
    found = None
    parts = module.split(".")
    for depth in range(len(parts)):
        found = PathFinder.find_spec(".".join(parts[: depth + 1]), search)
        if found is None:
            return None
        search = list(found.submodule_search_locations or [])
    return Path(found.origin) if found is not None and found.origin else None


def _distributions_of(modules: Iterable[str], *, must_be_known: bool) -> Iterator[str]:
    owners = metadata.packages_distributions()
    for module in sorted(modules):
        names = owners.get(module)
        if names:
            yield from sorted(set(names))[:1] if len(set(names)) == 1 else _sure(module, names)
        elif must_be_known:
            raise AbsentError(
                f"The predictor's module {module!r} belongs to no installed package, so the "
                "export could not name what it needs."
            )


def _sure(module: str, names: Iterable[str]) -> Iterator[str]:
    """Of several distributions that share a namespace, leave the choice to the model's pins."""
    yield from (name for name in sorted(set(names)) if _canonical(name) == _canonical(module))


def _closure(roots: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return all that the distributions require in turn, without extras."""
    from packaging.requirements import Requirement  # noqa: PLC0415 - comes with nearly everything

    seen: dict[str, tuple[str, str]] = {}
    waiting = list(roots)
    while waiting:
        try:
            distribution = metadata.distribution(waiting.pop())
        except metadata.PackageNotFoundError:
            continue
        name = distribution.metadata["Name"]
        if _canonical(name) in seen or _canonical(name) == _OURSELVES:
            continue
        seen[_canonical(name)] = (name, distribution.version)
        for text in distribution.requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return sorted(seen.values(), key=lambda one: one[0].lower())


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()

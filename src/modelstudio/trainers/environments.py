"""Interpreters of their own for trainers that cannot share the server's.

A trainer names an environment, the operator says which Python interpreter that is. What runs there
finds Model Studio's source through ``PYTHONPATH``; nothing else of the server's installation is
visible to it, and nothing needs to be installed there but the trainer's own libraries. So
everything that may run there imports the standard library alone until a trainer is loaded.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import modelstudio

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The setting of servers and workers.
VARIABLE: Final = "MODELSTUDIO_TRAINER_ENVS"
#: The oldest Python that can run what a worker runs.
OLDEST_PYTHON: Final = (3, 11)

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
#: They say where the server's interpreter finds its packages, which another must not see.
_OF_THE_SERVER: Final = frozenset(
    {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
)


class InvalidEnvironmentsError(ValueError):
    """The setting is malformed or names an interpreter that cannot be; for the operator."""


class UnknownEnvironmentError(LookupError):
    """No interpreter is set for an environment; the message is for the user."""


#: Of our variables, what processes of trainers and models need; the rest may be secret.
INHERITED: Final = (
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PATH",
    "PYTHONPATH",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TZ",
    "USER",
)


@dataclass(frozen=True, slots=True)
class TrainerEnvironments:
    """The interpreter of each environment that the operator has set up."""

    interpreters: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str, *, must_exist: bool = True) -> Self:
        """Read ``name=/path/to/python,other=/path``; a virtual environment's folder will do too.

        Parameters
        ----------
        must_exist
            Whether each interpreter has to be there already. A worker needs one at most, and the
            others may have been removed since the server has started.

        Raises
        ------
        InvalidEnvironmentsError
            When it is malformed, or an interpreter is missing or may not be executed.
        """
        interpreters: dict[str, Path] = {}
        for entry in filter(None, map(str.strip, text.split(","))):
            name, equals, path = (part.strip() for part in entry.partition("="))
            if not equals or not path or _NAME.fullmatch(name) is None:
                raise InvalidEnvironmentsError(
                    f"{entry!r} is not NAME=INTERPRETER, such as llm=/opt/llm/bin/python"
                )
            if name in interpreters:
                raise InvalidEnvironmentsError(f"the environment {name} is named twice")
            interpreters[name] = _located(name, Path(path))
            if must_exist:
                _check(name, interpreters[name])
        return cls(interpreters)

    def interpreter_for(self, environment: str | None) -> str:
        """Return the interpreter of an environment, this process's own for None.

        Raises
        ------
        UnknownEnvironmentError
            When none is set, or it is no longer there.
        """
        if environment is None:
            return sys.executable
        if environment not in self.interpreters:
            raise UnknownEnvironmentError(
                f"The environment {environment!r} is not set up where this runs; "
                f"{VARIABLE} says which interpreter it is."
            )
        try:
            _check(environment, self.interpreters[environment])
        except InvalidEnvironmentsError:
            raise UnknownEnvironmentError(
                f"The environment {environment!r} cannot be used where this runs: its interpreter "
                f"is gone, or may not be executed ({VARIABLE})."
            ) from None
        return str(self.interpreters[environment])


def interpreter_in(folder: Path) -> Path:
    """Return where the interpreter of a virtual environment is."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _located(name: str, path: Path) -> Path:
    """Return the interpreter; not resolved, for a virtual environment's is a link to another."""
    if not path.is_absolute():
        raise InvalidEnvironmentsError(f"the interpreter of {name}, {path}, is no absolute path")
    return interpreter_in(path) if path.is_dir() else path


def _check(name: str, path: Path) -> None:
    if not path.is_file():
        raise InvalidEnvironmentsError(f"the interpreter of {name}, {path}, does not exist")
    if not os.access(path, os.X_OK):
        raise InvalidEnvironmentsError(f"the interpreter of {name}, {path}, may not be executed")


def expose_source(folder: Path) -> Path:
    """Make ``folder`` one on ``PYTHONPATH`` that has Model Studio's source and nothing else."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    link = folder / "modelstudio"
    if not link.is_symlink():
        link.symlink_to(Path(modelstudio.__file__).resolve().parent, target_is_directory=True)
    return folder


def process_environment(
    inherited: Mapping[str, str], environment: str | None, source: Path
) -> dict[str, str]:
    """Return the variables for a process that runs in an environment.

    Parameters
    ----------
    inherited
        Variables to start from; unchanged for the server's own environment, None.
    source
        A folder that ``expose_source`` makes.
    """
    if environment is None:
        return dict(inherited)
    kept = {name: value for name, value in inherited.items() if name not in _OF_THE_SERVER}
    return {
        **kept,
        "PYTHONPATH": str(expose_source(source)),
        "PYTHONNOUSERSITE": "1",  # packages of the user's home would mix with the environment's
        "PYTHONSAFEPATH": "1",
    }

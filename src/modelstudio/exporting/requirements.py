"""What an exported model needs, as pip and as conda write it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelstudio.inference.interpreter import Interpreter

_SECONDS: Final = 120.0
#: What every predictor takes and gives is a pandas frame.
_ALWAYS: Final = ("numpy", "pandas")


class ExportError(Exception):
    """The model cannot be exported; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a model needs.

    Attributes
    ----------
    python
        The version of Python that it was made with.
    direct
        Distribution to version: what its trainer has pinned and what its predictor imports.
    indirect
        What those need in turn, at the versions that are installed here. Empty when other
        versions are installed here than are pinned; ``complete`` is False then.
    """

    python: str
    direct: Mapping[str, str]
    indirect: Mapping[str, str]
    complete: bool

    @property
    def pinned(self) -> list[str]:
        """The direct ones as lines for pip."""
        return _lines(self.direct)

    @property
    def text(self) -> str:
        """All of them as a file for pip."""
        lines = [*self.pinned]
        if self.indirect:
            lines += ["# what those need, as installed when the model was exported"]
            lines += _lines(self.indirect)
        return "\n".join(lines) + "\n"


def requirements_of(
    predictor: str, conda_requirements: Sequence[str], interpreter: Interpreter
) -> Requirements:
    """Ask the interpreter that a predictor runs in what the predictor needs.

    Raises
    ------
    ExportError
        When the predictor is not installed there, or the interpreter is gone.
    """
    pins = dict(_pin(one) for one in conda_requirements)
    python = pins.pop("python", "")
    asked = json.dumps({"predictor": predictor, "pins": pins, "always": _ALWAYS})
    answer = _answer(interpreter, asked)
    if "problem" in answer:
        raise ExportError(answer["problem"].rstrip("."))
    return Requirements(
        python or answer["python"], answer["distributions"], answer["required"], answer["closed"]
    )


def _answer(interpreter: Interpreter, asked: str) -> dict[str, Any]:
    unanswered = f"the interpreter {interpreter.executable} does not answer"
    try:
        done = subprocess.run(  # noqa: S603 - the command is ours
            [interpreter.executable, "-m", "modelstudio.inference.installed"],
            input=asked,
            env=interpreter.variables(),
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except OSError as error:
        raise ExportError(f"{unanswered}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise ExportError(f"{unanswered} within {_SECONDS:.0f} seconds") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise ExportError(f"{unanswered}: {last}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _pin(conda_requirement: str) -> tuple[str, str]:
    """Read ``name=version``, or ``name=version=build``."""
    name, _, rest = conda_requirement.partition("=")
    return name.strip(), rest.lstrip("=").partition("=")[0].strip()


def _lines(versions: Mapping[str, str]) -> list[str]:
    """Return lines for pip; a local version (``2.9+cpu``) is on no public index."""
    return [
        f"{name}=={version.partition('+')[0]}" if version else name
        for name, version in versions.items()
    ]

"""Writes an export so that its directory is there only once it is complete."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from modelstudio.exporting import mlflow_form, native
from modelstudio.exporting.requirements import ExportError, requirements_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelstudio.exporting.native import Exportable
    from modelstudio.inference.interpreter import Interpreter

Form = Literal["native", "mlflow"]
_INCOMPLETE: Final = (
    "other versions are installed here than the model was made with, so requirements.txt pins "
    "what it needs directly, and not what that needs in turn"
)


def export(
    model: Exportable,
    conda_requirements: Sequence[str],
    interpreter: Interpreter,
    to: Path,
    form: Form,
    *,
    replace: bool,
) -> list[str]:
    """Export a model version to ``to``, closed to other users; return what is worth knowing.

    ``replace`` allows an earlier export there, and nothing else.

    Raises
    ------
    ExportError
        When the directory is in use, or the predictor's environment lacks something.
    """
    try:
        _refuse_foreign(to, replace=replace)
    except OSError as error:  # a name that is too long, a folder that is closed
        raise ExportError(f"{to} cannot be written: {error.strerror}") from error
    requirements = requirements_of(model.predictor, conda_requirements, interpreter)
    with _replacing(to) as directory:
        native.write(model, requirements, directory)
        if form == "mlflow":
            mlflow_form.add(model, requirements, directory)
    if requirements.complete:
        return []
    return [_INCOMPLETE]


def _refuse_foreign(to: Path, *, replace: bool) -> None:
    if not to.exists():
        return
    if not to.is_dir():
        raise ExportError(f"{to} is no directory")
    if any(to.iterdir()):
        if not replace:
            raise ExportError(f"{to} is not empty; --force replaces an earlier export")
        if not native.is_export(to):
            raise ExportError(f"{to} is not empty and no earlier export, so it stays as it is")


@contextmanager
def _replacing(to: Path) -> Iterator[Path]:
    """Give an empty directory that takes the place of ``to`` if the block succeeds."""
    target = to.absolute()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise ExportError(f"{to} cannot be written: {error.strerror}") from error
    try:
        fresh, old = made / "new", made / "old"
        fresh.mkdir(mode=0o700)
        yield fresh
        try:
            if target.exists():
                target.rename(old)
            fresh.rename(target)
        except BaseException:  # or the command is ended just then
            if old.exists() and not target.exists():
                old.rename(target)
            raise
    except OSError as error:
        raise ExportError(f"{to} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)

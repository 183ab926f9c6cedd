"""`modelstudio trainer-env`: makes the environments of trainers and says what runs in them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelstudio.commands.options import CommandError, UsageError, explained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelstudio.trainers.probe import Findings

trainer_env_app = typer.Typer(
    help="Interpreters of trainers that have one of their own.", no_args_is_help=True
)


@trainer_env_app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="The environment, as its trainer names it.")],
    to: Annotated[Path, typer.Option("--to", help="The folder of the new environment.")],
    python: Annotated[
        str | None,
        typer.Option("--python", help="The interpreter to make it from; none: this one."),
    ] = None,
) -> None:
    """Make the environment of a trainer that comes with Model Studio; print its setting."""
    from modelstudio.trainers.environments import interpreter_in  # noqa: PLC0415

    with explained():
        requirements = _requirements(name)
        if to.exists() and (not to.is_dir() or any(to.iterdir())):
            raise UsageError(f"{to} is there already")
        folder = to.absolute()
        if "," in str(folder):
            raise UsageError(f"{folder} may not hold a comma, which parts environments")
        interpreter = interpreter_in(folder)
        try:
            _run([python or sys.executable, "-m", "venv", str(folder)])
            _run([str(interpreter), "-m", "pip", "install", "-r", str(requirements)])
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)  # half of one is of no use to anyone
            raise
        if not _told(_look(str(interpreter), name), name):
            raise CommandError(f"no trainer can run in {folder}")
    print(f"MODELSTUDIO_TRAINER_ENVS={name}={interpreter}")  # noqa: T201 - the command's result


@trainer_env_app.command("check")
def check() -> None:
    """Say which trainers can run in each environment of MODELSTUDIO_TRAINER_ENVS, or why not."""
    from modelstudio.settings import Settings  # noqa: PLC0415

    with explained():
        idle = []
        for name, interpreter in Settings.from_environment().environments.interpreters.items():
            trainers = _told(_look(str(interpreter), name), name)
            for trainer in trainers:
                print(f"{name}: {trainer}")  # noqa: T201 - the command's result
            if not trainers:
                idle.append(name)
        if idle:
            raise CommandError(f"no trainer can run in {', '.join(idle)}")


def _requirements(name: str) -> Path:
    """Return the file of an environment's requirements, which is beside its trainer."""
    from modelstudio.trainers import catalogue  # noqa: PLC0415

    known: dict[str, Path] = {}
    for specification in catalogue.built_in().list():
        if specification.environment is not None:
            package = specification.implementation.split(".")[2]  # modelstudio.trainers.PACKAGE...
            folder = Path(catalogue.__file__).parent / package
            known[specification.environment] = folder / "requirements.txt"
    if name not in known:
        raise UsageError(f"no trainer has the environment {name!r}; known: {', '.join(known)}")
    return known[name]


def _look(interpreter: str, name: str) -> Findings:
    from modelstudio.trainers.probe import InterpreterError, look_into  # noqa: PLC0415

    try:
        return look_into(interpreter, name)
    except InterpreterError as error:
        raise CommandError(f"the environment {name}: {error}") from None


def _told(findings: Findings, name: str) -> Sequence[str]:
    """Say what is left out and return the ids of the trainers that are valid and can run."""
    from modelstudio.studios import trainer_specifications  # noqa: PLC0415

    trainers = []
    for offer in findings.offers:
        try:
            checked = trainer_specifications.checked(offer.specification, name)
            trainers.append(checked.trainer_id)
        except trainer_specifications.InvalidSpecificationError as error:
            findings.problems[offer.source] = str(error)
    for source, reason in findings.problems.items():
        typer.echo(f"{name}: left out {source}: {reason}", err=True)
    return trainers


def _run(command: Sequence[str]) -> None:
    """Run a command that may take minutes; what it says is for the user to see."""
    # pip would take what PYTHONPATH shows it for installed.
    variables = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONHOME"}}
    try:
        subprocess.run(command, check=True, stdout=sys.stderr, env=variables)  # noqa: S603 - ours
    except OSError as error:
        raise CommandError(f"{command[0]}: {error.strerror}") from None
    except subprocess.CalledProcessError:
        raise CommandError(f"{' '.join(command)} has failed") from None

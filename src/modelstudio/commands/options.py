"""What the commands have in common: options, how they fail, and how they find the data."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from modelstudio.errors import ConfigurationError
from modelstudio.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelstudio.app import Foundation

DataDir = Annotated[
    Path,
    typer.Option("--data-dir", envvar="MODELSTUDIO_DATA_DIR", help="Where everything is kept."),
]
DatabaseUrl = Annotated[
    str,
    typer.Option(
        "--database-url",
        envvar="MODELSTUDIO_DATABASE_URL",
        help="postgresql://... instead of a SQLite file in the data directory.",
    ),
]
DEFAULT_DATA_DIR: Final = Path("data")


class CommandError(Exception):
    """The command cannot do what it is asked for; the message is for the operator."""


class UsageError(CommandError):
    """The command line itself asks for something impossible."""


@contextmanager
def explained() -> Iterator[None]:
    """Say in one line what an operator can mend; a stack trace is for faults of ours."""
    try:
        yield
    except (ConfigurationError, CommandError) as error:
        logging.getLogger("modelstudio.cli").debug("refused", exc_info=error)
        typer.echo(f"error: {error}", err=True)
        operational = isinstance(error, CommandError) and not isinstance(error, UsageError)
        raise typer.Exit(1 if operational else 2) from None


@contextmanager
def prepared_foundation(data_dir: Path, database_url: str) -> Iterator[Foundation]:
    """Open the data directory, made ready to serve if it is not yet."""
    from modelstudio.bootstrap import open_prepared  # noqa: PLC0415

    with explained():
        foundation = open_prepared(_settings(data_dir, database_url))
        try:
            yield foundation
        finally:
            foundation.database.close()


@contextmanager
def existing_foundation(data_dir: Path, database_url: str) -> Iterator[Foundation]:
    """Open a data directory that a server has made, and change nothing in it."""
    from modelstudio.bootstrap import open_existing  # noqa: PLC0415

    foundation = open_existing(_settings(data_dir, database_url))
    try:
        yield foundation
    finally:
        foundation.database.close()


def _settings(data_dir: Path, database_url: str) -> Settings:
    return Settings.from_environment(overrides={"data_dir": data_dir, "database_url": database_url})

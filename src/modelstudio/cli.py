"""The command line. Heavy modules are imported by the command that needs them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from modelstudio.commands.models import model_app, predict
from modelstudio.commands.options import (
    DEFAULT_DATA_DIR,
    DatabaseUrl,
    DataDir,
    explained,
    prepared_foundation,
)
from modelstudio.commands.trainer_envs import trainer_env_app
from modelstudio.settings import Settings

app = typer.Typer(
    name="modelstudio",
    help="Train, version and list models behind the v2 models API, on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
token_app = typer.Typer(help="Tokens that call the API.", no_args_is_help=True)
db_app = typer.Typer(help="The database.", no_args_is_help=True)
app.add_typer(token_app, name="token")
app.add_typer(db_app, name="db")
app.add_typer(model_app, name="model")
app.add_typer(trainer_env_app, name="trainer-env")
app.command()(predict)

_TTL: Final = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_MAX_USER_NAME: Final = 200
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@app.command()
def serve(
    host: Annotated[str, typer.Option(envvar="MODELSTUDIO_HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="MODELSTUDIO_PORT", min=0, max=65535)] = 8080,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = "",
    preview_gating: Annotated[
        Literal["strict", "relaxed"],
        typer.Option(
            envvar="MODELSTUDIO_PREVIEW_GATING",
            help="strict: preview operations need preview=true; relaxed: they do not.",
        ),
    ] = "strict",
) -> None:
    """Serve the API; the first start creates the database and an administrator."""
    from modelstudio.server import run  # noqa: PLC0415

    with explained():
        run(
            Settings.from_environment(
                overrides={
                    "host": host,
                    "port": port,
                    "data_dir": data_dir,
                    "database_url": database_url,
                    "preview_gating": preview_gating,
                }
            )
        )


@app.command()
def demo(
    data_dir: DataDir = Path("demo-data"),
    port: Annotated[int, typer.Option(envvar="MODELSTUDIO_PORT", min=0, max=65535)] = 8080,
    leave: Annotated[bool, typer.Option("--exit", help="End when the run has ended.")] = False,
) -> None:
    """Train a model on a real table through the official client, then keep serving."""
    from modelstudio.demo.main import run_demo  # noqa: PLC0415

    raise typer.Exit(run_demo(data_dir, port, keep_serving=not leave))


@token_app.command("create")
def token_create(
    user: Annotated[str, typer.Option("--user", help="Made now if unknown.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = "",
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="May be repeated; none: all scopes.")
    ] = None,
    ttl: Annotated[
        str | None, typer.Option("--ttl", help="30s, 15m, 1h, 7d; none: for ever.")
    ] = None,
) -> None:
    """Print a new token, and nothing else."""
    from modelstudio.identity.service import SCOPES  # noqa: PLC0415

    seconds = None if ttl is None else _ttl_seconds(ttl)
    unknown = sorted(set(scope or ()) - set(SCOPES))
    if unknown:
        raise typer.BadParameter(f"unknown scope {unknown[0]}; known: {', '.join(SCOPES)}")
    if not user.strip() or not user.isprintable() or len(user) > _MAX_USER_NAME:
        raise typer.BadParameter(f"a user name has 1 to {_MAX_USER_NAME} printable characters")
    with (
        prepared_foundation(data_dir, database_url) as foundation,
        foundation.database.write() as tx,
    ):
        owner = foundation.identity.user(tx, user)
        token = foundation.identity.create_token(
            tx, owner.id, scopes=scope or None, ttl_seconds=seconds
        )
    print(token)  # noqa: T201 - the command's result


@db_app.command("upgrade")
def db_upgrade(data_dir: DataDir = DEFAULT_DATA_DIR, database_url: DatabaseUrl = "") -> None:
    """Bring the database to this version's schema."""
    from modelstudio import migrations  # noqa: PLC0415

    with prepared_foundation(data_dir, database_url):
        typer.echo(f"database at revision {migrations.HEAD}", err=True)


def _ttl_seconds(text: str) -> int:
    match = _TTL.fullmatch(text)
    if match is None:
        raise typer.BadParameter("a time to live looks like 30s, 15m, 1h or 7d")
    return int(match[1]) * _SECONDS[match[2]]


def main() -> None:
    os.umask(0o077)  # whatever is made here, and by the workers, is closed to other users
    app()


if __name__ == "__main__":
    main()
